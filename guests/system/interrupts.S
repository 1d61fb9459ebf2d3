/* SPDX-License-Identifier: Apache-2.0 */
/* Places where an interrupt that waits may or may not come in.  IF is clear at each start. */
	.text
	.code64
	.globl at_sti, at_sti_cli, at_popf, at_iret, at_halt
	.globl sti_expected, popf_expected, iret_expected, halt_expected

at_sti:
	sti
	nop
sti_expected:
	nop
	cli
	ret

at_sti_cli:
	sti
	cli
	nop
	nop
	ret

at_popf:
	pushfq
	orl $0x200, (%rsp)
	popfq
popf_expected:
	nop
	cli
	ret

at_iret:
	mov %rsp, %rdx
	mov %ss, %eax
	push %rax
	push %rdx
	pushfq
	orl $0x200, (%rsp)
	mov %cs, %eax
	push %rax
	lea iret_expected(%rip), %rax
	push %rax
	iretq
iret_expected:
	nop
	cli
	ret

at_halt:
	sti
	hlt
halt_expected:
	nop
	cli
	ret

/* Every instruction but those behind STI and MOV SS may be interrupted. */
	.globl shadows, shadow_sti, shadow_mov_ss, shadow_end
shadows:
	mov %ss, %eax
	nop
	nop
	mov %eax, %ss
shadow_mov_ss:
	nop
	nop
	cli
	nop
	sti
shadow_sti:
	nop
	nop
shadow_end:
	ret
	.section .note.GNU-stack, "", @progbits
