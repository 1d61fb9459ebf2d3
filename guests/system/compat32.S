/* SPDX-License-Identifier: Apache-2.0 */
/* 32- and 16-bit code that a 64-bit kernel runs. */
#include "guests/lib/selectors.h"

	.text
	.code32

/* Each user piece leaves its answer in eax. */
	.globl compat_plain, compat_old, compat_into, compat_bound, compat_far, compat_limit
	.globl compat_gate, compat_syscall
compat_plain:
	mov $0x12345678, %eax
	push %eax
	pushw $0x1111
	popw %cx
	pop %edx
	inc %edx
	mov %esp, %ecx
	sub %esp, %ecx
	lea (%edx, %ecx), %eax
	int $VECTOR_USER_RETURN

compat_old:
	mov $0x15, %al
	add $0x27, %al
	daa				/* 42 */
	movzx %al, %eax
	mov %esp, %edx
	pusha
	popa
	cmp %esp, %edx
	jne 1f
	push %ds
	pop %es
	shl $8, %eax
	mov %es, %cx
	mov %cl, %al
1:	int $VECTOR_USER_RETURN

compat_into:
	mov $0x7fffffff, %eax
	inc %eax
	into
	int $VECTOR_USER_RETURN

compat_bound:
	mov $5, %eax
	bound %eax, compat_bounds
	mov $7, %eax
	bound %eax, compat_bounds
	int $VECTOR_USER_RETURN

/* To 64-bit code and back. */
compat_far:
	mov $1, %eax
	lcall $SEL_USER_CODE64, $1f
	add $0x100, %eax
	int $VECTOR_USER_RETURN
	.code64
1:	movabs $0x1000000000, %rcx
	shr $32, %rcx
	add %ecx, %eax
	lretl
	.code32

compat_limit:
	mov $SEL_SPARE + 3, %eax
	mov %eax, %fs
	mov %fs:0xffc, %eax
	mov %fs:0xffd, %eax
	int $VECTOR_USER_RETURN

compat_gate:
	mov $0x77, %ecx
	lcall $SEL_SPARE + 8 + 3, $0
	int $VECTOR_USER_RETURN

compat_syscall:
	syscall
	int $VECTOR_USER_RETURN

	.code64
	.globl gate_entry
gate_entry:				/* from compat_gate, on RSP0's stack */
	mov (%rsp), %rax
	mov %eax, gate_record
	mov 8(%rsp), %eax
	mov %eax, gate_record + 4
	mov 16(%rsp), %eax
	mov %eax, gate_record + 8
	mov 24(%rsp), %eax
	mov %eax, gate_record + 12
	mov %cs, gate_record + 16
	mov %ss, gate_record + 20
	mov %esp, gate_record + 24
	mov %ecx, %eax
	lretq

	.globl compat_gate_returns
	.set compat_gate_returns, compat_gate + 5 + 7

/* void kernel_32(void), kernel_16(void): far calls from 64-bit code, at CPL 0. */
	.globl kernel_32, kernel_16, code16, code16_end
kernel_32:
	lcall *1f(%rip)
	ret
1:	.long 2f
	.word SEL_CODE32
	.code32
2:	mov $0x10, %eax
	dec %eax			/* a REX prefix elsewhere */
	lret
	.code64

kernel_16:
	mov %rsp, %rdx
	lcall *1f(%rip)
	movzx %ax, %eax
	ret
1:	.long COMPAT_CODE16
	.word SEL_CODE16

	.code16
code16:
	mov $0x1234, %ax
	mov $0x8, %bp
	lea 3(%bp), %cx
	add %cx, %ax
	lretl
code16_end:

	.set COMPAT_CODE16, 0x8000

	.data
	.balign 4
compat_bounds:
	.long 5, 6
	.globl gate_record
gate_record:
	.skip 28
	.section .note.GNU-stack, "", @progbits
