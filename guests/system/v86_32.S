/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code for virtual-8086 mode.  It is copied to V86_AT and runs with CS V86_AT >> 4; each piece
 * ends in HLT, which is how it comes back (as #GP).
 */
	.text
	.code16
	.globl v86_code, v86_code_end
	.globl v86_plain, v86_pushf, v86_popf, v86_cli, v86_sti, v86_iret, v86_int, v86_int3
	.globl v86_ud, v86_out, v86_cr0, v86_sldt, v86_flags, v86_limit, v86_string, v86_into
	.globl v86_int_call
v86_code:
v86_plain:
	mov $0x1234, %ax
	mov %ax, %ds
	movw $0xbeef, 0x20
	mov $0x1235, %ax
	mov %ax, %es
	mov %es:0x10, %ax
	push %cs
	pop %cx
	mov %ss, %dx
	hlt
v86_pushf:
	pushf
	pop %ax
	hlt
v86_popf:
	push $2
	popf
	hlt
v86_cli:
	cli
	hlt
v86_sti:
	sti
	hlt
v86_iret:
	iret
v86_int:
	int $0x42
	mov $0x7777, %ax
	hlt
v86_int3:
	int3
	hlt
v86_into:
	mov $0x7fff, %ax
	inc %ax
	into
	hlt
v86_ud:
	ud2
v86_out:
	mov $0x80, %dx
	in %dx, %al
	mov $0x1111, %ax
	hlt
v86_cr0:
	mov %cr0, %eax
	hlt
v86_sldt:
	sldt %ax
	hlt
/* With IOPL 3: IF and the arithmetic flags change, IOPL does not. */
v86_flags:
	push $0x0203
	popf
	pushf
	pop %ax
	cli
	pushf
	pop %cx
	push %cx
	push %cs
	push $1f - v86_code
	iret
1:	mov $0x2222, %dx
	hlt
v86_limit:
	mov 0xffff, %ax
	hlt
v86_string:
	xor %ax, %ax
	mov %ax, %es
	mov $0x9000, %di
	mov $0x4321, %ax
	mov $4, %cx
	rep stosw
	mov %es:0x9006, %ax
	hlt
v86_code_end:
	.section .note.GNU-stack, "", @progbits
