/* SPDX-License-Identifier: Apache-2.0 */
/* Trap entries of 32-bit guests, and the ways into and out of guarded calls. */
#include "guests/lib/selectors.h"

	.text
	.code32

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
	pusha
	push %ds
	push %es
	push %fs
	push %gs
	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	cld
	push %esp
	call trap_dispatch
	add $4, %esp
	pop %gs
	pop %fs
	pop %es
	pop %ds
	popa
	add $8, %esp
	iret

/* void guard_enter(unsigned long *saved_sp, trap_function *function, void *argument): calls
 * function; also returns when guard_leave(saved_sp) is called from anywhere. */
	.globl guard_enter
guard_enter:
	mov 4(%esp), %eax
	mov 8(%esp), %ecx
	mov 12(%esp), %edx
	push %ebx
	push %ebp
	push %esi
	push %edi
	pushf
	push %edx
	mov %esp, (%eax)
	call *%ecx
guard_return:
	add $4, %esp
	popf
	pop %edi
	pop %esi
	pop %ebp
	pop %ebx
	ret

/* void guard_leave(unsigned long saved_sp) */
	.globl guard_leave
guard_leave:
	mov 4(%esp), %ecx
	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ss
	mov %ecx, %esp
	mov %eax, %ds
	mov %eax, %es
	jmp guard_return

/* void guard_user(struct user_call *): to CPL 3, calling function with argument; its return is a
 * software interrupt. */
	.globl guard_user
guard_user:
	mov 4(%esp), %eax
	mov (%eax), %ecx
	mov 4(%eax), %esi
	mov 8(%eax), %edx
	push $SEL_USER_DATA
	push %edx
	pushf
	push $SEL_USER_CODE32
	push $1f
	mov $SEL_USER_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	iret
1:	push %esi
	call *%ecx
	int $VECTOR_USER_RETURN
	.section .note.GNU-stack, "", @progbits
