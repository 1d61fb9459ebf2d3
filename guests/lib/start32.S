/* SPDX-License-Identifier: Apache-2.0 */
/* Multiboot entry for 32-bit guests: stays in protected mode without paging, own segments. */
#include "guests/lib/multiboot.h"
#include "guests/lib/selectors.h"

	.section .multiboot, "ax"
	.balign 4
	.long MULTIBOOT_HEADER_MAGIC, 0, -MULTIBOOT_HEADER_MAGIC

	.text
	.code32
	.globl start
start:
	cld
	mov $boot_stack_top, %esp
	mov %ebx, multiboot_address
	lgdt gdt_pointer
	ljmp $SEL_KERNEL_CODE, $1f
1:	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	mov %cr0, %eax
	or $0x22, %eax			/* NE MP */
	mov %eax, %cr0
	fninit
	call trap_init
	call guest_main
	call guest_finish

	.data
	.balign 16
	.globl gdt, gdt_pointer
gdt:	.quad 0
	.quad 0x00cf9b000000ffff	/* kernel code */
	.quad 0x00cf93000000ffff	/* kernel data */
	.quad 0x00cffb000000ffff	/* user code */
	.quad 0x00cff3000000ffff	/* user data */
	.quad 0x00cffb000000ffff	/* user code again: SYSEXIT finds the two at 0x18 and 0x20 */
	.quad 0x00cff3000000ffff
	.quad 0x00cf9b000000ffff	/* kernel code */
	.quad 0x00009b000000ffff	/* kernel code, 16-bit, 64 KiB */
	.quad 0x000093000000ffff	/* kernel data, 16-bit, 64 KiB */
	.fill GDT_SLOTS - 10, 8, 0
gdt_pointer:
	.word GDT_SLOTS * 8 - 1
	.long gdt

	.section .bss.pages, "aw", @nobits
	.balign 4096
	.skip 16384
boot_stack_top:

	.bss
	.balign 4
	.globl multiboot_address
multiboot_address:
	.skip 4
	.section .note.GNU-stack, "", @progbits
