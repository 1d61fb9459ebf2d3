/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/soft_image.h"

#include "core/x86/cpu.h"
#include "tests/diff/native.h"

#include <string.h>

#define PML4	    0x1000u
#define KERNEL_CODE 0x10
#define KERNEL_TSS  0x40
#define KERNEL_LDT  0x50
#define TSS_AT	    (IMAGE_TABLES + 0x400)
#define LDT_AT	    (IMAGE_TABLES + 0x600)
#define TSS_BYTES   104
#define LDT_ENTRIES 2
#define GDT_ENTRIES 16

enum entry_bits { E_P = 1, E_W = 2, E_U = 4, E_A = 1 << 5, E_D = 1 << 6 };
#define E_NX (1ull << 63)

/* Paging structures are handed out from PML4 upwards. */
struct image {
	struct memory *memory;
	uint64_t next_table;
};

static void *at(struct image *m, uint64_t gpa)
{
	return memory_host(m->memory, gpa, 8);
}

static uint64_t *table_entry(struct image *m, uint64_t table, uint64_t linear, unsigned level)
{
	return (uint64_t *)at(m, table) + (linear >> (12 + 9 * level) & 511);
}

/* A and D are set beforehand: no walk ever writes. */
static void map(struct image *m, uint64_t linear, uint64_t gpa, uint64_t rights)
{
	uint64_t table = PML4, *e;

	for (unsigned level = 3; level > 0; level--) {
		e = table_entry(m, table, linear, level);
		if (!*e) {
			*e = m->next_table | E_P | E_W | E_U | E_A;
			m->next_table += ARENA_PAGE_BYTES;
		}
		table = *e & 0xfffff000;
	}
	*table_entry(m, table, linear, 0) = gpa | E_P | E_A | E_D | rights;
}

static void map_arena(struct image *m)
{
	for (unsigned n = 0; n < 2; n++) {
		uint64_t offset = n * ARENA_PAGE_BYTES;

		map(m, ARENA_CODE + offset, IMAGE_CODE + offset, E_U);
		map(m, ARENA_DATA + offset, IMAGE_DATA + offset, E_U | E_W | E_NX);
		map(m, ARENA_HIGH + offset, IMAGE_DATA + offset, E_U | E_W | E_NX);
	}
	map(m, ARENA_CONST, IMAGE_CONST, E_U | E_NX);
	map(m, ARENA_HIGH + ARENA_DATA_BYTES, IMAGE_CONST, E_U | E_NX);
	map(m, ARENA_SCRATCH, IMAGE_SCRATCH, E_U | E_W | E_NX);
	map(m, IMAGE_KERNEL + IMAGE_TABLES, IMAGE_TABLES, E_W | E_NX);
	map(m, IMAGE_KERNEL + IMAGE_IDT, IMAGE_IDT, E_W | E_NX);
	map(m, IMAGE_KERNEL + IMAGE_STACK, IMAGE_STACK, E_W | E_NX);
	map(m, IMAGE_KERNEL + IMAGE_HANDLERS, IMAGE_HANDLERS, 0);
}

static uint64_t descriptor(uint64_t base, uint32_t limit, unsigned attr)
{
	return (limit & 0xffff) | (base & 0xffffff) << 16 | (uint64_t)attr << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (base >> 24 & 0xff) << 56;
}

/* What user code can see of the host's GDT is copied from the host. */
static void build_gdt(struct image *m, int cpu)
{
	uint64_t *gdt = at(m, IMAGE_TABLES);
	uint64_t tss = IMAGE_KERNEL + TSS_AT, ldt = IMAGE_KERNEL + LDT_AT;
	struct native_segment s;

	for (unsigned n = 0; n < GDT_ENTRIES; n++) {
		native_read_segment(cpu, n, &s);
		if (s.visible)
			gdt[n] = descriptor(0, s.access & 0x800000 ? s.limit >> 12 : s.limit,
					    s.access >> 8 & 0xf0ff);
	}
	gdt[1] = descriptor(0, 0xfffff, 0xc09b);
	gdt[2] = descriptor(0, 0xfffff, 0xa09b);
	gdt[3] = descriptor(0, 0xfffff, 0xc093);
	gdt[8] = descriptor(tss, TSS_BYTES - 1, 0x8b);
	gdt[9] = tss >> 32;
	gdt[10] = descriptor(ldt, LDT_ENTRIES * 8 - 1, 0x82);
	gdt[11] = ldt >> 32;
}

static void build_tables(struct image *m)
{
	uint64_t *ldt = at(m, LDT_AT), stack = IMAGE_STACK_TOP;
	uint8_t *tss = at(m, TSS_AT);
	uint64_t *idt = at(m, IMAGE_IDT);

	ldt[0] = descriptor(0, 0xffff, 0xfb);
	ldt[1] = descriptor(0, 0xffff, 0xf3);
	memcpy(tss + 4, &stack, 8);
	tss[102] = TSS_BYTES; /* no I/O permission bitmap */
	for (unsigned n = 0; n < 256; n++) {
		uint64_t to = IMAGE_HANDLER(n), dpl = n == X86_BP || n == X86_OF ? 3 : 0;

		idt[2 * n] = (to & 0xffff) | (uint64_t)KERNEL_CODE << 16 |
			     (0x8e00 | dpl << 13) << 32 | (to >> 16 & 0xffff) << 48;
		idt[2 * n + 1] = to >> 32;
	}
	memset(at(m, IMAGE_HANDLERS), 0xf4, ARENA_PAGE_BYTES);
}

void image_build(struct memory *memory, int cpu, const uint8_t constants[ARENA_PAGE_BYTES])
{
	struct image m = {memory, PML4 + ARENA_PAGE_BYTES};

	map_arena(&m);
	build_gdt(&m, cpu);
	build_tables(&m);
	memset(at(&m, IMAGE_CODE), ARENA_FILL, ARENA_CODE_BYTES);
	memcpy(at(&m, IMAGE_CONST), constants, ARENA_PAGE_BYTES);
}

static void set_segment(struct x86_segment *seg, uint16_t selector, uint64_t base)
{
	static const struct {
		uint16_t selector, attr;
		uint32_t limit;
	} known[] = {
		{SEL_CODE64, 0xa0fb, ~0u},  {SEL_CODE32, 0xc0fb, ~0u},	{SEL_DATA, 0xc0f3, ~0u},
		{SEL_CODE16, 0xfb, 0xffff}, {SEL_DATA16, 0xf3, 0xffff},
	};

	*seg = (struct x86_segment){.base = base, .selector = selector, .attr = X86_SEG_UNUSABLE};
	for (unsigned n = 0; n < sizeof(known) / sizeof(known[0]); n++)
		if (known[n].selector == selector) {
			seg->attr = known[n].attr;
			seg->limit = known[n].limit;
		}
}

static void set_fpu(const struct case_fx *fx, struct vcpu_state *s)
{
	unsigned top = fx->status >> 11 & 7;

	s->fpu.control = fx->control;
	s->fpu.status = fx->status;
	s->fpu.in_use = fx->in_use;
	s->fpu.opcode = fx->opcode;
	s->fpu.instruction_ptr = fx->instruction_ptr;
	s->fpu.data_ptr = fx->data_ptr;
	for (unsigned n = 0; n < 8; n++) {
		s->fpu.reg[(top + n) & 7].mantissa = fx->st[n].mantissa;
		s->fpu.reg[(top + n) & 7].sign_exponent = fx->st[n].sign_exponent;
	}
	memcpy(s->xmm, fx->xmm, sizeof(s->xmm));
	s->mxcsr = fx->mxcsr;
}

void image_state(const struct diff_case *c, struct vcpu_state *s)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->gpr, c->in.gpr, sizeof(s->gpr));
	s->rip = c->in.rip;
	s->rflags = c->in.rflags;
	for (unsigned n = 0; n < 6; n++)
		set_segment(&s->seg[n], c->in.sel[n],
			    n == X86_FS	  ? c->in.fs_base
			    : n == X86_GS ? c->in.gs_base
					  : 0);
	s->seg[X86_LDTR] =
		(struct x86_segment){IMAGE_KERNEL + LDT_AT, LDT_ENTRIES * 8 - 1, KERNEL_LDT, 0x82};
	s->seg[X86_TR] =
		(struct x86_segment){IMAGE_KERNEL + TSS_AT, TSS_BYTES - 1, KERNEL_TSS, 0x8b};
	s->gdt = (struct x86_table){IMAGE_KERNEL + IMAGE_TABLES, GDT_ENTRIES * 8 - 1};
	s->idt = (struct x86_table){IMAGE_KERNEL + IMAGE_IDT, 4095};
	s->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_PG;
	s->cr3 = PML4;
	s->cr4 = CR4_PAE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE | CR4_UMIP |
		 CR4_SMEP | CR4_SMAP;
	s->efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE;
	s->dr6 = DR6_FIXED;
	s->dr7 = DR7_FIXED;
	set_fpu(&c->in.fx, s);
}
