/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multiboot entry for 64-bit guests: maps the first 4 GiB onto themselves with 2 MiB pages that
 * user code may use too, enters long mode with SSE on, calls guest_main().
 */
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

	mov $boot_pml4, %eax
	movl $boot_pdpt + 7, (%eax)
	mov $boot_pdpt, %eax
	mov $boot_pd + 7, %edx
	mov $4, %ecx
1:	mov %edx, (%eax)
	add $8, %eax
	add $4096, %edx
	loop 1b
	mov $boot_pd, %eax
	mov $0x87, %edx
	mov $2048, %ecx
1:	mov %edx, (%eax)
	add $8, %eax
	add $0x200000, %edx
	loop 1b

	mov $boot_pml4, %eax
	mov %eax, %cr3
	mov $0x620, %eax		/* PAE OSFXSR OSXMMEXCPT */
	mov %eax, %cr4
	mov $0xc0000080, %ecx
	rdmsr
	or $0x900, %eax			/* LME NXE */
	wrmsr
	mov $0x80000033, %eax		/* PG NE ET MP PE */
	mov %eax, %cr0
	lgdt gdt_pointer
	ljmp $SEL_KERNEL_CODE, $1f

	.code64
1:	mov $SEL_KERNEL_DATA, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	xor %eax, %eax
	mov %eax, %fs
	mov %eax, %gs
	fninit
	mov %esp, %esp
	call trap_init
	call guest_main
	call guest_finish

	.data
	.balign 16
	.globl gdt, gdt_pointer
gdt:	.quad 0
	.quad 0x00af9b000000ffff	/* kernel code, 64-bit */
	.quad 0x00cf93000000ffff	/* kernel data */
	.quad 0x00cffb000000ffff	/* user code, 32-bit */
	.quad 0x00cff3000000ffff	/* user data */
	.quad 0x00affb000000ffff	/* user code, 64-bit */
	.quad 0x00cff3000000ffff	/* user data again */
	.quad 0x00cf9b000000ffff	/* kernel code, 32-bit */
	.quad 0x008f9b000000ffff	/* kernel code, 16-bit */
	.quad 0x008f93000000ffff	/* kernel data, 16-bit */
	.fill GDT_SLOTS - 10, 8, 0
gdt_pointer:
	.word GDT_SLOTS * 8 - 1
	.quad gdt

	.section .bss.pages, "aw", @nobits
	.balign 4096
	.globl boot_pml4, boot_pdpt, boot_pd
boot_pml4:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	.skip 16384
boot_stack_top:

	.bss
	.balign 8
	.globl multiboot_address
multiboot_address:
	.skip 8
	.section .note.GNU-stack, "", @progbits
