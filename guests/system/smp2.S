/* SPDX-License-Identifier: Apache-2.0 */
/* Where the second processor starts: in real mode at AP_START, copied there. */
#include "guests/lib/selectors.h"

#define AP_START 0x8000
#define HERE(x)	 (AP_START + (x) - ap_code)

	.text
	.globl ap_code, ap_code_end, ap_gdt_pointer, ap_main64
	.code16
ap_code:
	cli
	mov %cs, %ax
	mov %ax, %ds
	lgdtl ap_gdt_pointer - ap_code
	mov %cr0, %eax
	or $0x23, %eax			/* NE MP PE */
	and $~0x60000000, %eax		/* caches on */
	mov %eax, %cr0
	ljmpl $SEL_CODE32, $HERE(1f)
	.code32
1:	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $boot_pml4, %eax
	mov %eax, %cr3
	mov $0x620, %eax
	mov %eax, %cr4
	mov $0xc0000080, %ecx
	rdmsr
	or $0x900, %eax
	wrmsr
	mov %cr0, %eax
	or $0x80000000, %eax
	mov %eax, %cr0
	ljmp $SEL_KERNEL_CODE, $ap_main64
	.balign 4
ap_gdt_pointer:
	.word GDT_SLOTS * 8 - 1
	.long gdt
ap_code_end:

	.code64
ap_main64:
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov $ap_stack_top, %esp
	lidt idt_pointer
	call ap_main
1:	cli
	hlt
	jmp 1b

	.bss
	.balign 16
	.skip 8192
ap_stack_top:
	.section .note.GNU-stack, "", @progbits
