/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A visit to real mode.  The 16-bit part is copied to REAL_AT and runs there with CS 0; each of
 * its tests leaves 32 bits in a numbered slot from RESULTS on, which real_32.c compares.
 */
#include "guests/lib/selectors.h"

#define REAL_AT	  0x8000
#define RESULTS	  0x9800
#define SCRATCH	  0xa000
#define STACK_TOP 0x7000
#define HERE(x)	  (REAL_AT + (x) - real_code)

.macro result n
	mov %eax, %cs:RESULTS + 4 * \n
.endm
/* The interrupt vector: 0000:offset. */
.macro vector n, to
	movl $HERE(\to), %cs:4 * \n
.endm

	.text
	.code32
	.globl visit_real_mode, real_code, real_code_end
visit_real_mode:
	pusha
	mov %esp, saved_esp
	ljmp $SEL_CODE16, $HERE(from_protected)

back_in_protected:
	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov saved_esp, %esp
	lidtl idt_pointer
	popa
	ret

	.code16
real_code:
from_protected:
	mov $SEL_DATA16, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov %ax, %gs
	mov $SEL_KERNEL_DATA, %ax	/* FS keeps its 4 GiB limit: big real mode */
	mov %ax, %fs
	lidtl HERE(real_idt)
	mov %cr0, %eax
	and $~1, %eax
	mov %eax, %cr0
	ljmp $0, $HERE(1f)
1:	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $STACK_TOP, %sp
	mov %cr0, %eax
	and $1, %eax
	result 0

/* 1: segments are 16 times the selector */
	mov $0x1234, %ax
	mov %ax, %ds
	movw $0xbeef, 0x10
	xor %ax, %ax
	mov %ax, %ds
	mov $0x1235, %ax
	mov %ax, %es
	movzwl %es:0, %eax
	result 1

/* 2: FFFF:0010 is the first byte of the second megabyte */
	mov $0xffff, %ax
	mov %ax, %es
	mov %es:0x10, %eax
	result 2

/* 3: 32-bit offsets reach all memory through FS */
	mov $0x100004, %ebx
	mov %fs:-4(%ebx), %eax
	result 3

/* 4: and still do after FS has been loaded in real mode */
	mov $0x10, %ax
	mov %ax, %fs
	mov $0x100000 - 0x100, %ebx
	mov %fs:(%ebx), %eax
	result 4

/* 5-8: INT n and IRET */
	vector 0x40, on_interrupt
	xor %ax, %ax
	mov %ax, %es
	sti
	stc
	int $0x40
2:	pushf
	pop %ax
	cli
	and $0x201, %eax		/* IF and CF are back */
	result 5
	mov %ecx, %eax			/* flags in the handler: IF off */
	and $0x301, %eax
	result 6
	mov %edx, %eax			/* return address */
	sub $HERE(2b), %eax
	result 7
	mov %sp, %ax
	sub $STACK_TOP, %ax
	movzwl %ax, %eax
	result 8

/* 9: PUSHA, POPA */
	mov $0x1111, %ax
	mov $0x2222, %bx
	mov $0x5555, %bp
	mov $0x7777, %di
	pusha
	pop %ax				/* DI */
	pop %cx				/* SI */
	pop %cx				/* BP */
	add %cx, %ax
	pop %cx				/* SP before it all */
	sub $STACK_TOP, %cx
	add %cx, %ax
	add $8, %sp
	movzwl %ax, %eax
	result 9

/* 10: REP MOVSB downwards over an overlap */
	mov $SCRATCH, %di
	movl $0x44332211, SCRATCH
	movl $0, SCRATCH + 4
	mov $SCRATCH + 3, %si
	mov $SCRATCH + 5, %di
	mov $4, %cx
	std
	rep movsb
	cld
	mov SCRATCH + 2, %eax
	result 10

/* 11: STOSW, then SCASW for the first that differs */
	mov $SCRATCH, %di
	mov $8, %cx
	mov $0xabcd, %ax
	rep stosw
	movw $0xabce, SCRATCH + 10
	mov $SCRATCH, %di
	mov $8, %cx
	repe scasw
	movzwl %cx, %eax
	result 11

/* 12: SI wraps at 64 KiB */
	movb $0x5a, 0xffff
	movb $0xa5, 0
	mov $0xffff, %si
	xor %eax, %eax
	lodsb
	mov %si, %cx
	mov %al, %ah
	lodsb
	shl $16, %eax
	mov %cx, %ax
	result 12

/* 13: far call and far return with parameters */
	push $0x1234
	lcall $REAL_AT >> 4, $far_target - real_code
	movzwl %ax, %eax
	result 13
	mov %sp, %ax
	sub $STACK_TOP, %ax
	movzwl %ax, %eax
	result 14

/* 15-18: faults are interrupts without error codes */
	vector 0, on_fault
	vector 5, on_fault
	vector 6, on_fault
	vector 13, on_fault
	xor %ebx, %ebx
	xor %cx, %cx
	mov $HERE(4f), %bp
	mov $1, %ax
3:	div %cl
4:	mov %ebx, %eax
	sub $HERE(3b), %ax		/* the fault's address is its instruction's */
	result 15
	mov $HERE(6f), %bp
	mov $7, %ax
	movw $1, SCRATCH
	movw $6, SCRATCH + 2
5:	bound %ax, SCRATCH
6:	mov %ebx, %eax
	sub $HERE(5b), %ax
	result 16
	mov $HERE(8f), %bp
7:	sldt %ax
8:	mov %ebx, %eax
	sub $HERE(7b), %ax
	result 17
	mov $HERE(10f), %bp
	xor %ebx, %ebx
9:	mov 0xffff, %ax			/* a word across the limit */
10:	mov %ebx, %eax
	or %ebx, %ebx
	jz 11f
	sub $HERE(9b), %ax
11:	result 18

/* 19-24: decimal adjustments */
	mov $0x0205, %ax
	aad
	movzwl %ax, %eax
	result 19
	mov $99, %al
	aam
	movzwl %ax, %eax
	result 20
	mov $0x38, %al
	add $0x45, %al
	daa
	movzbl %al, %eax
	result 21
	mov $0x38, %al
	sub $0x45, %al
	das
	movzbl %al, %eax
	result 22
	mov $0x0109, %ax
	add $5, %al
	aaa
	movzwl %ax, %eax
	result 23
	mov $0x0203, %ax
	sub $5, %al
	aas
	movzwl %ax, %eax
	result 24

/* 25: POPF sets IOPL and NT in real mode */
	push $0x7202
	popf
	pushf
	pop %ax
	push $2
	popf
	movzwl %ax, %eax
	and $0x7200, %eax
	result 25

/* 26: LDS */
	movw $0x0042, SCRATCH
	movw $0x1000, SCRATCH + 2
	lds SCRATCH, %bx
	mov %ds, %ax
	shl $16, %eax
	mov %bx, %ax
	xor %cx, %cx
	mov %cx, %ds
	result 26

/* 27: ENTER, LEAVE */
	mov $0x1234, %bp
	enter $8, $0
	mov %bp, %ax
	sub %sp, %ax
	leave
	shl $16, %eax
	mov %bp, %ax
	result 27

/* 28: LOOP by CX and, with 67, by ECX */
	mov $0x10003, %ecx
	xor %eax, %eax
12:	inc %ax
	loop 12b
	shl $8, %eax
	mov $2, %ecx
13:	inc %ax
	.byte 0x67
	loop 13b
	result 28

/* 29: XLAT, SALC */
	mov $SCRATCH, %bx
	movb $0x99, SCRATCH + 5
	mov $5, %al
	xlat
	mov %al, %ah
	stc
	.byte 0xd6
	movzwl %ax, %eax
	result 29

/* 30: single steps */
	vector 1, on_step
	xor %edx, %edx
	push $0x102
	popf
	nop
	nop
	push $2
	popf
	mov %edx, %eax
	result 30

/* 31: PUSH of SP and of sign-extended bytes */
	mov %sp, %cx
	push %sp
	pop %ax
	sub %cx, %ax
	shl $16, %eax
	push $-2
	pop %ax
	result 31

/* 32: SMSW */
	smsw %ax
	and $1, %eax
	result 32

/* 33: 16-bit LEA and addresses wrap */
	mov $0xfff0, %bx
	mov $0x20, %si
	lea 0x10(%bx, %si), %ax
	movzwl %ax, %eax
	result 33

	mov $1, %ax
	lmsw %ax			/* PE again */
	ljmpl $SEL_KERNEL_CODE, $back_in_protected

on_interrupt:
	pushf
	pop %cx
	push %bp
	mov %sp, %bp
	movzwl 2(%bp), %edx
	pop %bp
	iret

/* Notes the faulting address in BX and goes on at BP. */
on_fault:
	mov $0x10000, %ebx
	pop %bx
	push %bp
	iret

on_step:
	inc %dx
	iret

far_target:
	push %bp
	mov %sp, %bp
	mov 6(%bp), %ax			/* behind BP, IP and CS */
	pop %bp
	lret $2

	.balign 4
real_idt:
	.word 0x3ff
	.long 0
real_code_end:

	.bss
	.balign 4
saved_esp:
	.skip 4
	.section .note.GNU-stack, "", @progbits
