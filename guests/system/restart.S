/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pieces of code for restart.c.  Each gets in rdi an address near the end of a page, uses memory
 * around it in its own way, and returns in rax something that depends on all it has seen.
 */
#include "guests/lib/selectors.h"

	.text
	.code64

.macro piece name
	.globl piece_\name
piece_\name:
.endm

piece movs
	lea 8192(%rdi), %rdx
	mov %rdi, %rsi
	mov %rdx, %rdi
	mov $40, %ecx
	rep movsb
	mov %rsi, %rax
	sub %rdi, %rax
	add %rcx, %rax
	ret

piece movs_down
	lea 32(%rdi), %rsi
	lea 8192+24(%rdi), %rdi
	mov $6, %ecx
	std
	rep movsq
	cld
	mov %rsi, %rax
	sub %rdi, %rax
	add %rcx, %rax
	ret

piece movs_overlap
	lea -20(%rdi), %rsi
	lea -17(%rdi), %rdi
	mov $50, %ecx
	rep movsb
	mov %rsi, %rax
	add %rcx, %rax
	ret

piece stos
	mov $0x12345678, %eax
	mov $9, %ecx
	rep stosl
	mov %rdi, %rax
	ret

piece lods
	mov %rdi, %rsi
	mov $5, %ecx
	rep lodsq
	add %rsi, %rax
	add %rcx, %rax
	ret

piece cmps
	mov %rdi, %rsi
	lea 4096(%rdi), %rdi
	mov $30, %ecx
	repe cmpsb
	setc %al
	movzbl %al, %eax
	add %rsi, %rax
	shl $8, %rax
	add %rcx, %rax
	ret

piece scas
	mov $0xee, %al
	mov $30, %ecx
	repne scasb
	mov %rdi, %rax
	add %rcx, %rax
	ret

piece push_pop_memory
	pushq (%rdi)
	popq 16(%rdi)
	pushq 8(%rdi)
	pop %rax
	push %rax
	popw -2(%rdi)
	add $6, %rsp
	ret

piece stack
	mov %rsp, %rdx
	lea 24(%rdi), %rsp
	push %rdx
	push %rdi
	push $0x77
	pushw $0x1234
	mov %rbp, %rcx
	xor %ebp, %ebp
	stc
	pushfq
	enter $16, $0
	movq $5, (%rsp)
	leave
	add %rbp, %rdi
	mov %rcx, %rbp
	popfq
	setc %cl
	popw %ax
	pop %rsi
	add %rsi, %rax
	add %cl, %al
	pop %rdi
	pop %rsp
	ret

piece call_ret
	mov %rsp, %rdx
	lea 6(%rdi), %rsp
	call 1f
	mov %rsp, %rax
	sub %rdi, %rax
	mov %rdx, %rsp
	ret
1:	push %rdi
	push %rdi
	call 2f
	ret
2:	ret $16

piece enter_nested
	push %rbp
	mov %rsp, %rdx
	lea 32(%rdi), %rbp
	lea 24(%rdi), %rsp
	enter $32, $4
	mov %rsp, %rax
	sub %rbp, %rax
	leave
	mov %rdx, %rsp
	pop %rbp
	ret

piece atomics
	mov $3, %eax
	lock xaddq %rax, (%rdi)
	xchg %rax, 8(%rdi)
	mov 16(%rdi), %rax
	mov $9, %ecx
	lock cmpxchgq %rcx, 16(%rdi)
	setz %cl
	lock cmpxchgq %rcx, 17(%rdi)
	lock incq 20(%rdi)
	lock negl (%rdi)
	push %rbx
	mov $1, %ebx
	lock cmpxchg8b 3(%rdi)
	pop %rbx
	ret

piece read_modify_write
	stc
	adcq $7, (%rdi)
	sbbl $3, 5(%rdi)
	rclq $3, 1(%rdi)
	setc %al
	shldq $5, %rdi, 2(%rdi)
	notq (%rdi)
	btsq $9, 3(%rdi)
	mov $4096 * 8 + 3, %ecx
	lock btcq %rcx, (%rdi)
	setc %ah
	incw 7(%rdi)
	movzwl %ax, %eax
	ret

piece sse
	movups (%rdi), %xmm0
	movups %xmm0, 17(%rdi)
	movdqu 5(%rdi), %xmm1
	movhps %xmm1, 3(%rdi)
	movq %xmm1, 9(%rdi)
	movss %xmm1, 11(%rdi)
	mov %rdi, %rsi
	lea -5(%rdi), %rdi
	pcmpeqb %xmm2, %xmm2
	psrldq $3, %xmm2
	maskmovdqu %xmm2, %xmm0
	movq (%rsi), %mm0
	movq %mm0, 2(%rsi)
	emms
	movq %xmm1, %rax
	ret

piece x87
	fld1
	fldpi
	fstpt (%rdi)
	fstpl 5(%rdi)
	fldt (%rdi)
	fistpll 12(%rdi)
	fnstenv -20(%rdi)
	fldenv -20(%rdi)
	fldpi
	fnsave -50(%rdi)
	frstor -50(%rdi)
	fstpt -10(%rdi)
	fnstcw 1(%rdi)
	fninit
	mov 12(%rdi), %rax
	ret

piece fxsave
	fld1
	and $-16, %rdi
	fxsave64 -256(%rdi)
	fninit
	fxrstor64 -256(%rdi)
	fstpt (%rdi)
	mov (%rdi), %rax
	ret

piece tables
	sgdt (%rdi)
	sidt 10(%rdi)
	lidt 10(%rdi)
	lgdt (%rdi)
	sldt 3(%rdi)
	smsw 5(%rdi)
	mov $0x10, %eax
	mov %eax, -1(%rdi)
	verr -1(%rdi)
	setz %al
	movzbl %al, %eax
	ret

piece indirect
	lea 1f(%rip), %rax
	mov %rax, (%rdi)
	call *(%rdi)
	mov %eax, 2(%rdi)
	lea 2f(%rip), %rcx
	mov %rcx, 3(%rdi)
	jmp *3(%rdi)
1:	mov $17, %eax
	ret
2:	add $5, %eax
	ret

piece far
	lea 1f(%rip), %rax
	mov %eax, (%rdi)
	movw $SEL_KERNEL_CODE, 4(%rdi)
	lcall *(%rdi)
	mov %rsp, %rdx
	lea -20(%rdi), %rsp
	push $SEL_KERNEL_CODE
	lea 2f(%rip), %rax
	push %rax
	add $16, %rsp
	lea 24(%rdi), %rsp
	push $SEL_KERNEL_CODE
	push %rax
	lretq
2:	mov %rsp, %rax
	sub %rdi, %rax
	mov %rdx, %rsp
	ret
1:	lretl

piece iret
	mov %rsp, %rdx
	lea 24(%rdi), %rsp
	push $SEL_KERNEL_DATA
	push %rdx
	push $0x847
	push $SEL_KERNEL_CODE
	lea 1f(%rip), %rax
	push %rax
	iretq
1:	pushfq
	pop %rax
	ret

/* A handler of its own pops nothing: it returns at once. */
	.globl bare_handler
bare_handler:
	incl 9f(%rip)
	iretq
	.data
9:	.long 0
	.text

piece interrupt
	mov %rsp, %rdx
	lea 24(%rdi), %rsp
	xor %eax, %eax
	stc
	int $0x45
	setc %al
	movzbl %al, %eax
	mov %rdx, %rsp
	ret

piece fetch
	lea 1f(%rip), %rsi
	lea -30(%rdi), %rdi
	mov %rdi, %rdx
	mov $2f - 1f, %ecx
	rep movsb
	jmp *%rdx
1:	xor %eax, %eax
	add $0x11223344, %eax
	movabs $0x5566778899aabbcc, %rcx
	add %rcx, %rax
	movabs $0x0102030405060708, %rcx
	add %rcx, %rax
	lea 0x12345678(%rax, %rcx, 4), %rax
	movq $0x1234567, -8(%rsp)
	add -8(%rsp), %rax
	ret
2:
	.section .note.GNU-stack, "", @progbits
