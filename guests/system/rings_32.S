/* SPDX-License-Identifier: Apache-2.0 */
/* Between rings: code for ring 1, 16-bit gates, far returns outwards. */
#include "guests/lib/selectors.h"

#define LOW_AT 0x8000

	.text
	.code32

/* Ring 1, by a call gate from ring 3. */
	.globl ring1_entry, user_calls_ring1, ring1_cli
ring1_entry:
	mov %cs, rings_record
	mov %ss, rings_record + 4
	mov %esp, rings_record + 8
	mov 4(%esp), %eax
	mov %eax, rings_record + 12
	mov $0x1111, %eax
	lret

user_calls_ring1:
	lcall $SEL_SPARE + 3, $0
	mov %eax, rings_record + 16
	ret

ring1_cli:
	cli
	lret

/* void far_outwards(void): from ring 0 by LRET $8 to ring 3, looking at what is left there. */
	.globl far_outwards
far_outwards:
	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov $SEL_USER_DATA, %ecx
	mov %ecx, %fs
	mov %eax, %gs
	mov $outer_stack_top, %edx
	push $SEL_USER_DATA
	push %edx
	push $2				/* parameters */
	push $1
	push $SEL_USER_CODE32
	push $1f
	lret $8
1:	mov %ds, %eax
	shl $16, %eax
	mov %es, %ax
	mov %gs, %cx
	shl $16, %ecx
	mov %fs, %cx
	mov %esp, %edx
	int $VECTOR_USER_RETURN

/* An IRET to ring 3 does the same to DS. */
	.globl iret_outwards
iret_outwards:
	push $SEL_USER_DATA
	push $outer_stack_top
	pushf
	push $SEL_USER_CODE32
	push $1f
	iret
1:	mov %ds, %eax
	mov 0, %al			/* #GP: null */
	int $VECTOR_USER_RETURN

/* void try_iret(struct frame *): five words for IRET. */
	.globl try_iret, iret_target
try_iret:
	mov 4(%esp), %eax
	push 16(%eax)
	push 12(%eax)
	push 8(%eax)
	push 4(%eax)
	push (%eax)
	iret
iret_target:
	int $VECTOR_USER_RETURN

/* A 16-bit interrupt gate leads to this copy at LOW_AT, in 32-bit code. */
	.globl low_code, low_code_end, int_16, call_16, user_int_16
low_code:
	mov (%esp), %eax
	mov %eax, LOW_AT + (3f - low_code)
	movzwl 4(%esp), %eax
	iretw
	.org low_code + 0x40
	mov (%esp), %eax		/* by the 16-bit call gate */
	lretw
	.org low_code + 0x60
	mov (%esp), %eax		/* from ring 3, on the 16-bit TSS's stack */
	mov %eax, rings_record
	mov 4(%esp), %eax
	mov %eax, rings_record + 4
	mov 8(%esp), %eax
	mov %eax, rings_record + 8
	mov %esp, rings_record + 12
	mov %ss, rings_record + 16
	iretw
	.org low_code + 0x120
3:	.long 0
low_code_end:

/* The return address must fit in 16 bits: run from LOW_AT + 0x200. */
	.globl low_caller, low_caller_end
low_caller:
	int $0x43
	shl $16, %eax
	mov LOW_AT + 0x120, %ax	/* IP that was pushed */
	lret
	.org low_caller + 0x20
	lcall $SEL_SPARE + 8, $0
	lret
	.org low_caller + 0x40
	int $0x44
	int $VECTOR_USER_RETURN
low_caller_end:

/* Segment loads with their pointers. */
	.globl load_pointers
load_pointers:
	push %ebx
	push %esi
	mov 12(%esp), %esi
	les (%esi), %eax
	lfs (%esi), %ebx
	lgs (%esi), %ecx
	sub %ebx, %eax
	sub %ecx, %ebx
	or %ebx, %eax
	mov %es, %cx
	mov %fs, %dx
	cmp %cx, %dx
	setne %al
	mov %gs, %dx
	cmp %cx, %dx
	setne %ah
	push %ss
	pop %es
	mov %esp, %edx
	lss 8(%esi), %esp
	mov %esp, %ecx
	mov %ss, %bx
	mov %edx, %esp
	shl $16, %eax
	mov %bx, %ax
	add %ecx, %eax
	pop %esi
	pop %ebx
	ret

/* PUSH and POP of segment registers move four bytes of stack. */
	.globl push_segments
push_segments:
	mov %esp, %ecx
	push %ds
	push %es
	push %fs
	push %gs
	push %cs
	push %ss
	sub %esp, %ecx
	pop %ss
	pop %eax
	pop %gs
	pop %fs
	pop %es
	pop %ds
	shl $16, %ecx
	mov %cx, %cx
	movzwl %ax, %eax
	or %ecx, %eax
	ret

/* ENTER copies frame pointers of outer levels. */
	.globl nested_enter
nested_enter:
	push %ebp
	push $0x33			/* outer frames */
	push $0x22
	lea 8(%esp), %ebp
	mov %ebp, %eax
	enter $16, $3
	mov %ebp, %ecx
	sub %esp, %ecx			/* 2 outer, 1 own, 16 bytes */
	mov -4(%ebp), %edx
	shl $8, %edx
	or -8(%ebp), %edx
	leave
	cmp %ebp, %eax
	sete %al
	movzbl %al, %eax
	shl $24, %eax
	shl $16, %ecx
	or %ecx, %eax
	or %edx, %eax
	add $8, %esp
	pop %ebp
	ret

	.bss
	.balign 16
	.skip 4096
	.globl outer_stack_top
outer_stack_top:
	.globl rings_record
rings_record:
	.skip 32
	.section .note.GNU-stack, "", @progbits
