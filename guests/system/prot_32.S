/* SPDX-License-Identifier: Apache-2.0 */
/* What 32-bit protected mode code cannot be written in C. */
#include "guests/lib/selectors.h"

	.text
	.code32

/* Call gate targets: note what lies on the stack and return, releasing the parameters. */
	.globl gate_target, gate_target_16
gate_target:
	mov (%esp), %eax
	mov %eax, gate_record
	mov 4(%esp), %eax
	mov %eax, gate_record + 4
	mov 8(%esp), %eax
	mov %eax, gate_record + 8
	mov 12(%esp), %eax
	mov %eax, gate_record + 12
	mov 16(%esp), %eax
	mov %eax, gate_record + 16
	mov 20(%esp), %eax
	mov %eax, gate_record + 20
	mov %cs, gate_record + 24
	mov %ss, gate_record + 28
	mov %esp, gate_record + 32
	mov $0x5555, %eax
	lret $8

/* User code: pushes two parameters, calls the gate. */
	.globl user_gate_call, user_gate_returns
user_gate_call:
	push %ebx
	mov %esp, %ebx
	mov %esp, gate_record + 36
	push $0x1111
	push $0x2222
	lcall $SEL_SPARE + 3, $0
user_gate_returns:
	xor %ecx, %ecx
	cmp %esp, %ebx
	sete %cl
	shl $16, %ecx
	or %ecx, %eax
	pop %ebx
	ret

/* Kernel code through the same gate: no stack switch. */
	.globl kernel_gate_call
kernel_gate_call:
	push %ebx
	mov %esp, %ebx
	push $0x1111
	push $0x2222
	lcall $SEL_SPARE, $0
	xor %ecx, %ecx
	cmp %esp, %ebx
	sete %cl
	shl $16, %ecx
	or %ecx, %eax
	pop %ebx
	ret

/* Faults of a stack switch, handled in ring 3 since ring 0 has no stack then. */
	.globl user_fault_entry, user_int
user_fault_entry:
	pop %eax
	movw $SEL_KERNEL_DATA, tss + 8
	int $VECTOR_USER_RETURN

user_int:
	int $0x41
	mov $0xbad, %eax
	int $VECTOR_USER_RETURN

/* unsigned in_16(void): a far call to 16-bit code at 0x8000, and what it did. */
	.globl in_16, code16, code16_end
in_16:
	push %ebx
	lcall $SEL_CODE16, $0x8000
	pop %ebx
	ret

	.code16
code16:
	mov $0x7fff, %ax
	inc %ax
	pushf
	popw %cx			/* OF */
	push $0x1234			/* two bytes */
	mov %esp, %edx
	popw %bx
	lea 4(%edx), %edx
	sub %sp, %dx			/* 2 less, 4 more */
	movzx %cx, %eax
	shl $16, %eax
	mov %dx, %ax
	lretl
code16_end:
	.code32

/* unsigned stack_16(void): pushes in a 16-bit stack segment with SP wrapping. */
	.globl stack_16
stack_16:
	push %ebx
	mov %esp, %ecx
	mov %ss, %edx
	mov $SEL_DATA16, %eax
	mov %eax, %ss
	mov $0xabcd0000, %esp
	push %ecx			/* to 0xfffc: SP alone wraps */
	mov %esp, %eax
	pop %ebx
	mov %edx, %ss
	mov %ecx, %esp
	cmp %ebx, %ecx
	je 1f
	xor %eax, %eax
1:	pop %ebx
	ret

	.data
	.balign 4
	.globl gate_record
gate_record:
	.skip 40
	.section .note.GNU-stack, "", @progbits
