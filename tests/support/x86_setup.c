/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/x86_setup.h"

#define FLAT 0xffffffffu

uint64_t setup_descriptor(uint32_t base, uint32_t limit, uint8_t access, uint8_t flags)
{
	uint64_t d = (uint64_t)access << 40 | (uint64_t)flags << 52;

	if (flags & 8)
		limit >>= 12;
	d |= (limit & 0xffff) | (uint64_t)(limit & 0xf0000) << 32;
	return d | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(base >> 24) << 56;
}

uint64_t setup_gate(uint16_t selector, uint32_t offset, uint8_t access, uint8_t count_or_ist)
{
	return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)count_or_ist << 32 |
	       (uint64_t)access << 40 | (uint64_t)(offset >> 16) << 48;
}

void setup_gdt_put(struct x86_world_ram *w, uint16_t selector, uint64_t descriptor)
{
	x86_ram_put(w, SETUP_GDT + (selector & 0xfff8u), 8, descriptor);
}

uint64_t setup_gdt_get(const struct x86_world_ram *w, uint16_t selector)
{
	return x86_ram_get(w, SETUP_GDT + (selector & 0xfff8u), 8);
}

void setup_idt_put(struct x86_world_ram *w, uint8_t vector, uint64_t gate)
{
	uint64_t slot = SETUP_IDT + vector * (w->cpu.long_mode ? 16u : 8u);

	x86_ram_put(w, slot, 8, gate);
	if (w->cpu.long_mode)
		x86_ram_put(w, slot + 8, 8, 0);
}

static void write_gdt(struct x86_world_ram *w)
{
	setup_gdt_put(w, SETUP_CS64, setup_descriptor(0, FLAT, 0x9a, 0xa));
	setup_gdt_put(w, SETUP_DS, setup_descriptor(0, FLAT, 0x92, 0xc));
	setup_gdt_put(w, SETUP_CS32, setup_descriptor(0, FLAT, 0x9a, 0xc));
	setup_gdt_put(w, SETUP_USER_CS32, setup_descriptor(0, FLAT, 0xfa, 0xc));
	setup_gdt_put(w, SETUP_USER_DS, setup_descriptor(0, FLAT, 0xf2, 0xc));
	setup_gdt_put(w, SETUP_USER_CS64, setup_descriptor(0, FLAT, 0xfa, 0xa));
	setup_gdt_put(w, SETUP_TR, setup_descriptor(SETUP_TSS, 0x67, 0x89, 0));
	setup_gdt_put(w, SETUP_LDTR, setup_descriptor(SETUP_LDT, 0x7f, 0x82, 0));
	setup_gdt_put(w, SETUP_CS16, setup_descriptor(0, 0xffff, 0x9a, 0));
	setup_gdt_put(w, SETUP_DS16, setup_descriptor(0, 0xffff, 0x92, 0));
	setup_gdt_put(w, SETUP_CONFORMING32, setup_descriptor(0, FLAT, 0x9e, 0xc));
	setup_gdt_put(w, SETUP_CONFORMING64, setup_descriptor(0, FLAT, 0x9e, 0xa));
	w->cpu.gdt = (struct x86_table){SETUP_GDT, SETUP_GDT_BYTES - 1};
}

static void write_idt(struct x86_world_ram *w, uint16_t selector)
{
	for (unsigned v = 0; v < 256; v++) {
		bool user = v == X86_BP || v == X86_OF || v == 0x80;

		setup_idt_put(w, (uint8_t)v,
			      setup_gate(selector, SETUP_HANDLERS + 16 * v, user ? 0xee : 0x8e, 0));
	}
	w->cpu.idt = (struct x86_table){SETUP_IDT, 0xfff};
}

static void write_page_tables(struct x86_world_ram *w)
{
	x86_ram_put(w, SETUP_PML4, 8, (SETUP_PML4 + 0x1000) | 7);
	x86_ram_put(w, SETUP_PML4 + 0x1000, 8, (SETUP_PML4 + 0x2000) | 7);
	x86_ram_put(w, SETUP_PML4 + 0x2000, 8, SETUP_PT | 7);
	x86_ram_put(w, SETUP_PML4 + 0x2008, 8, SETUP_MMIO | 0x87);
	for (unsigned n = 0; n < 512; n++)
		x86_ram_put(w, SETUP_PT + 8 * n, 8, n * 4096u | 7);
}

/* A register as a load of selector would leave it. */
static void load(struct x86_world_ram *w, unsigned seg, uint16_t selector)
{
	uint64_t d = setup_gdt_get(w, selector);
	uint32_t limit = (uint32_t)((d & 0xffff) | (d >> 32 & 0xf0000));
	uint16_t attr = (uint16_t)(d >> 40 & 0xf0ff);
	bool is_tss = seg == X86_TR;

	w->cpu.seg[seg] = (struct x86_segment){
		.base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000u),
		.limit = attr & X86_SEG_G ? limit << 12 | 0xfff : limit,
		.selector = selector,
		.attr = (uint16_t)(attr | (attr & X86_SEG_S ? 1 : 0) | (is_tss ? 2 : 0)),
	};
}

static void load_all(struct x86_world_ram *w, uint16_t cs, unsigned cpl)
{
	static const uint8_t data[] = {X86_ES, X86_SS, X86_DS, X86_FS, X86_GS};
	uint16_t selector = (uint16_t)(cpl == 3 ? SETUP_USER_DS | 3 : SETUP_DS);

	load(w, X86_CS, (uint16_t)(cs | cpl));
	for (unsigned n = 0; n < sizeof(data); n++)
		load(w, data[n], selector);
	load(w, X86_TR, SETUP_TR);
	load(w, X86_LDTR, SETUP_LDTR);
	w->cpu.r[X86_RSP] = cpl == 3 ? SETUP_USER_STACK : SETUP_KERNEL_STACK;
	w->cpu.rip = SETUP_CODE;
	x86_mode_update(&w->cpu);
}

void setup_real(struct x86_world_ram *w)
{
	x86_cpu_reset(&w->cpu, true);
	for (unsigned v = 0; v < 256; v++)
		x86_ram_put(w, 4 * v, 4, (SETUP_HANDLERS >> 4) << 16 | 16 * v);
	for (unsigned seg = X86_ES; seg <= X86_GS; seg++) {
		w->cpu.seg[seg].selector = SETUP_CODE >> 4;
		w->cpu.seg[seg].base = SETUP_CODE;
	}
	w->cpu.idt = (struct x86_table){0, 0x3ff};
	w->cpu.rip = 0;
	w->cpu.r[X86_RSP] = 0x8000;
	x86_mode_update(&w->cpu);
}

void setup_legacy32(struct x86_world_ram *w, unsigned cpl)
{
	x86_cpu_reset(&w->cpu, true);
	w->cpu.cr0 |= CR0_PE;
	x86_mode_update(&w->cpu);
	write_gdt(w);
	write_idt(w, SETUP_CS32);
	x86_ram_put(w, SETUP_TSS + 4, 4, SETUP_KERNEL_STACK);
	x86_ram_put(w, SETUP_TSS + 8, 2, SETUP_DS);
	load_all(w, cpl == 3 ? SETUP_USER_CS32 : SETUP_CS32, cpl);
}

static void enter_long(struct x86_world_ram *w)
{
	x86_cpu_reset(&w->cpu, true);
	write_page_tables(w);
	w->cpu.cr3 = SETUP_PML4;
	w->cpu.cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	w->cpu.efer = EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE;
	w->cpu.cr0 = CR0_PE | CR0_PG | CR0_ET | CR0_WP | CR0_NE;
	x86_mode_update(&w->cpu);
	write_gdt(w);
	write_idt(w, SETUP_CS64);
	x86_ram_put(w, SETUP_TSS + 4, 8, SETUP_KERNEL_STACK);
	x86_ram_put(w, SETUP_TSS + 36, 8, SETUP_IST1);
}

void setup_long(struct x86_world_ram *w, unsigned cpl)
{
	enter_long(w);
	load_all(w, cpl == 3 ? SETUP_USER_CS64 : SETUP_CS64, cpl);
}

void setup_compat(struct x86_world_ram *w, unsigned cpl)
{
	enter_long(w);
	load_all(w, cpl == 3 ? SETUP_USER_CS32 : SETUP_CS32, cpl);
}
