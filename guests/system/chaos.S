/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/lib/selectors.h"

	.text
	.code64

/* void chaos_enter(struct chaos_state *): loads all of it and goes to CPL 3. */
	.globl chaos_enter
chaos_enter:
	mov %rdi, %rsi
	pushq 144(%rsi)			/* SS */
	pushq 32(%rsi)			/* RSP */
	pushq 152(%rsi)			/* RFLAGS */
	pushq 136(%rsi)			/* CS */
	pushq 128(%rsi)			/* RIP */
	mov 144(%rsi), %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %fs
	mov %eax, %gs
	mov (%rsi), %rax
	mov 8(%rsi), %rcx
	mov 16(%rsi), %rdx
	mov 24(%rsi), %rbx
	mov 40(%rsi), %rbp
	mov 56(%rsi), %rdi
	mov 64(%rsi), %r8
	mov 72(%rsi), %r9
	mov 80(%rsi), %r10
	mov 88(%rsi), %r11
	mov 96(%rsi), %r12
	mov 104(%rsi), %r13
	mov 112(%rsi), %r14
	mov 120(%rsi), %r15
	mov 48(%rsi), %rsi
	iretq
	.section .note.GNU-stack, "", @progbits
