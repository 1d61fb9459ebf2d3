/* SPDX-License-Identifier: Apache-2.0 */
/* Where SYSCALL and SYSENTER arrive, and user code that makes them. */
#include "guests/lib/selectors.h"

	.text
	.code64

/* Notes what the entry finds in syscall_record: rsp rcx r11 rflags cs ss rip-less. */
.macro note_entry
	mov %rsp, syscall_record
	mov %rcx, syscall_record + 8
	mov %r11, syscall_record + 16
	mov $trap_stack + 8192, %esp
	pushfq
	popq syscall_record + 24
	mov %cs, %eax
	mov %rax, syscall_record + 32
	mov %ss, %eax
	mov %rax, syscall_record + 40
.endm

	.globl syscall_entry, syscall_entry_to_32, syscall_entry_bad
syscall_entry:
	note_entry
	mov syscall_record, %rsp
	sysretq

syscall_entry_to_32:
	note_entry
	mov syscall_record, %rsp
	mov $user_32, %ecx
	sysretl

syscall_entry_bad:
	note_entry
	movabs $0x800000000000, %rcx
	sysretq

	.globl sysenter_entry, sysenter_entry_to_32
sysenter_entry:
	note_entry
	mov $sysenter_returned, %edx
	mov user_sp, %rcx
	sysexitq

sysenter_entry_to_32:
	note_entry
	mov $user_32, %edx
	mov user_sp, %ecx
	sysexitl

/* User functions. */
	.globl user_syscall, user_sysenter
user_syscall:
	push %rbx
	mov %rsp, user_sp
	stc
	std
	syscall
	.globl syscall_returned
syscall_returned:
	pushfq
	popq syscall_record + 48
	cld
	cmp %rsp, user_sp
	sete syscall_record + 72
	mov %cs, %eax
	mov %rax, syscall_record + 56
	mov %ss, %eax
	mov %rax, syscall_record + 64
	pop %rbx
	ret

user_sysenter:
	push %rbx
	mov %rsp, user_sp
	sysenter
	.globl sysenter_returned
sysenter_returned:
	cmp %rsp, user_sp
	sete syscall_record + 72
	mov %cs, %eax
	mov %rax, syscall_record + 56
	mov %ss, %eax
	mov %rax, syscall_record + 64
	pop %rbx
	ret

	.code32
user_32:
	mov $0x11223344, %eax
	inc %eax
	mov %ss, %ecx
	int $VECTOR_USER_RETURN

	.bss
	.balign 8
	.globl syscall_record
syscall_record:
	.skip 80
user_sp:
	.skip 8
	.section .note.GNU-stack, "", @progbits
