/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts the CPU of a struct x86_world_ram (of at least 2 MiB) into a mode, with descriptor tables,
 * a TSS and page tables in guest memory.  The first 2 MiB of linear addresses are mapped one to
 * one by 4 KiB pages, user accessible and writable; the next 2 MiB by one large page to physical
 * 2 MiB, which is MMIO if RAM ends there.
 */
#ifndef TESTS_SUPPORT_X86_SETUP_H
#define TESTS_SUPPORT_X86_SETUP_H

#include "tests/support/x86_world_ram.h"

/* Where things are in guest memory. */
#define SETUP_GDT	   0x1000
#define SETUP_GDT_BYTES	   0x200
#define SETUP_IDT	   0x2000
#define SETUP_TSS	   0x3000
#define SETUP_LDT	   0x3800
#define SETUP_PML4	   0x4000
#define SETUP_PT	   0x7000  /* entry n maps page n */
#define SETUP_HANDLERS	   0x20000 /* of vector v: + 16 * v */
#define SETUP_CODE	   0x40000
#define SETUP_USER_STACK   0x60000 /* tops */
#define SETUP_KERNEL_STACK 0x80000
#define SETUP_IST1	   0x90000
#define SETUP_MMIO	   0x200000

/* Selectors in the GDT, without RPL.  All segments are flat but for the 16-bit ones. */
enum setup_selector {
	SETUP_CS64 = 0x08,
	SETUP_DS = 0x10,
	SETUP_CS32 = 0x18,
	SETUP_USER_CS32 = 0x20,
	SETUP_USER_DS = 0x28,
	SETUP_USER_CS64 = 0x30,
	SETUP_TR = 0x38, /* two slots in long mode, like the LDT's */
	SETUP_LDTR = 0x48,
	SETUP_CS16 = 0x58,
	SETUP_DS16 = 0x60,
	SETUP_CONFORMING32 = 0x68,
	SETUP_CONFORMING64 = 0x70,
	SETUP_FREE = 0x80, /* tests put their own from here on */
};

/* Descriptors from their fields.  access: bits 40..47; flags: AVL L D G as bits 0..3. */
uint64_t setup_descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags);
uint64_t setup_gate(uint16_t selector, uint32_t offset, uint8_t access, uint8_t count_or_ist);

void setup_gdt_put(struct x86_world_ram *w, uint16_t selector, uint64_t descriptor);
uint64_t setup_gdt_get(const struct x86_world_ram *w, uint16_t selector);

/* The gate of a vector, in the mode the CPU is in; long mode's upper half is zero. */
void setup_idt_put(struct x86_world_ram *w, uint8_t vector, uint64_t gate);

/* Modes.  rip is SETUP_CODE, the stack that of the privilege level, IF clear.  All vectors have
 * interrupt gates to SETUP_HANDLERS at CPL 0, with DPL 0, but 3, 4 and 0x80 with DPL 3. */
void setup_real(struct x86_world_ram *w);		    /* IVT at 0, handlers at 2000:v * 16 */
void setup_legacy32(struct x86_world_ram *w, unsigned cpl); /* no paging */
void setup_long(struct x86_world_ram *w, unsigned cpl);
void setup_compat(struct x86_world_ram *w, unsigned cpl); /* 32-bit code in long mode */

#endif
