/* SPDX-License-Identifier: Apache-2.0 */
/* Trap entries of 64-bit guests, and the ways into and out of guarded calls. */
#include "guests/lib/selectors.h"

	.text
	.code64

/* 256 entries of 16 bytes each; the CPU pushes an error code for 8, 10-14, 17 and 21. */
	.balign 16
	.globl trap_entries
trap_entries:
	.set vector, 0
	.rept 256
	.balign 16
	.if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21
	.else
	push $0
	.endif
	push $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

trap_common:
	push %rax
	push %rcx
	push %rdx
	push %rbx
	push %rbp
	push %rsi
	push %rdi
	push %r8
	push %r9
	push %r10
	push %r11
	push %r12
	push %r13
	push %r14
	push %r15
	cld
	mov %rsp, %rdi
	mov %rsp, %rbp
	and $-16, %rsp
	call trap_dispatch
	mov %rbp, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %r11
	pop %r10
	pop %r9
	pop %r8
	pop %rdi
	pop %rsi
	pop %rbp
	pop %rbx
	pop %rdx
	pop %rcx
	pop %rax
	add $16, %rsp
	iretq

/* void guard_enter(unsigned long *saved_sp, trap_function *function, void *argument): calls
 * function; also returns when guard_leave(saved_sp) is called from anywhere. */
	.globl guard_enter
guard_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	pushfq
	mov %rsp, (%rdi)
	mov %rdx, %rdi
	call *%rsi
guard_return:
	popfq
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* void guard_leave(unsigned long saved_sp) */
	.globl guard_leave
guard_leave:
	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ss
	mov %eax, %ds
	mov %eax, %es
	mov %rdi, %rsp
	jmp guard_return

/* void guard_user(struct user_call *): to CPL 3 with rdi = argument, calling function; its return
 * is a software interrupt. */
	.globl guard_user
guard_user:
	mov (%rdi), %rcx
	mov 8(%rdi), %rsi
	mov 16(%rdi), %rdx
	push $SEL_USER_DATA
	push %rdx
	pushfq
	push $SEL_USER_CODE64
	lea 1f(%rip), %rax
	push %rax
	mov %rsi, %rdi
	iretq
1:	call *%rcx
	int $VECTOR_USER_RETURN
	.section .note.GNU-stack, "", @progbits
