/* SPDX-License-Identifier: Apache-2.0 */
/* Segmentation, alignment, breakpoints, page crossings, MMIO and the TLB as accesses feel them. */
#include "tests/unit/cmocka_all.h"

#include "core/x86/access.h"
#include "tests/support/x86_setup.h"

#include <stdlib.h>

#define RAM_BYTES SETUP_MMIO
#define DATA	  0xa0000u
#define LOG_MAX	  16
#define NEVER	  ~0u

/* The fixture's world with a closer look at pages and at the bus. */
struct lab {
	struct x86_world_ram *w;
	struct x86_world_ops ops;
	uint8_t uses[RAM_BYTES / X86_PAGE_BYTES]; /* per page: bit n for enum x86_page_use n */
	unsigned pages_asked;
	unsigned changing; /* calls of page_changing, and its last arguments */
	uint64_t changing_gpa;
	unsigned changing_bytes;
	struct bus_access {
		char kind;
		uint64_t gpa, value;
		unsigned size_bytes;
	} log[LOG_MAX];
	unsigned logged;
	unsigned exit_at; /* this bus access does not answer the first time */
};

static struct x86_page lab_page(void *ctx, uint64_t gpa, enum x86_page_use use)
{
	const uint8_t watched = 1 << X86_PAGE_CODE | 1 << X86_PAGE_TABLE;
	struct lab *l = ctx;
	uint8_t *uses;

	if (gpa >= RAM_BYTES)
		return (struct x86_page){.host = NULL};
	l->pages_asked++;
	uses = &l->uses[gpa / X86_PAGE_BYTES];
	if (1 << use & watched && !(*uses & 1 << use))
		tlb_flush_writes(&l->w->cpu.tlb);
	*uses |= 1 << use;
	return (struct x86_page){l->w->ram + gpa, use != X86_PAGE_WRITE || !(*uses & watched)};
}

static void lab_changing(void *ctx, uint64_t gpa, unsigned len_bytes)
{
	struct lab *l = ctx;

	l->changing++;
	l->changing_gpa = gpa;
	l->changing_bytes = len_bytes;
	tlb_flush(&l->w->cpu.tlb);
}

static enum x86_status lab_bus(struct lab *l, char kind, uint64_t gpa, unsigned size_bytes,
			       uint64_t value)
{
	if (l->logged == l->exit_at) {
		l->exit_at = NEVER;
		return X86_EXIT;
	}
	if (l->logged < LOG_MAX)
		l->log[l->logged++] = (struct bus_access){kind, gpa, value, size_bytes};
	return X86_OK;
}

/* The byte at gpa reads as the low byte of gpa. */
static enum x86_status lab_read(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t *value)
{
	*value = 0;
	for (unsigned n = 0; n < size_bytes; n++)
		*value |= ((gpa + n) & 0xff) << 8 * n;
	return lab_bus(ctx, 'r', gpa, size_bytes, *value);
}

static enum x86_status lab_write(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t value)
{
	return lab_bus(ctx, 'w', gpa, size_bytes, value);
}

/* Forgets everything but registers and RAM. */
static void settle(struct lab *l)
{
	memset(l->uses, 0, sizeof(l->uses));
	l->pages_asked = l->changing = l->logged = 0;
	l->exit_at = NEVER;
	l->w->cpu.event.kind = X86_EVENT_NONE;
	l->w->cpu.debug_hit = 0;
	tlb_flush(&l->w->cpu.tlb);
}

static int lab_open(void **state)
{
	struct lab *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->w = x86_world_ram_create(RAM_BYTES);
	l->ops.page = lab_page;
	l->ops.page_changing = lab_changing;
	l->ops.mmio_read = lab_read;
	l->ops.mmio_write = lab_write;
	l->w->cpu.world = &l->ops;
	l->w->cpu.world_ctx = l;
	settle(l);
	*state = l;
	return 0;
}

static int lab_close(void **state)
{
	struct lab *l = *state;

	x86_world_ram_destroy(l->w);
	free(l);
	return 0;
}

/* An access of n bytes, and what came of it: 0, or the vector that was raised, its error code in
 * bits 31:8. */
static uint32_t outcome(struct x86_cpu *c, enum x86_status status)
{
	if (status == X86_OK)
		return 0;
	assert_int_equal(status, X86_FAULT);
	assert_int_equal(c->event.kind, X86_EVENT_EXCEPTION);
	return c->event.vector | c->event.error << 8;
}

static uint32_t read_at(struct lab *l, unsigned seg, uint64_t offset, unsigned n)
{
	uint8_t bytes[X86_ACCESS_MAX];

	return outcome(&l->w->cpu, x86_load(&l->w->cpu, seg, offset, bytes, n));
}

static uint32_t write_at(struct lab *l, unsigned seg, uint64_t offset, unsigned n)
{
	static const uint8_t bytes[X86_ACCESS_MAX];

	return outcome(&l->w->cpu, x86_store(&l->w->cpu, seg, offset, bytes, n));
}

/* ---- segmentation ---- */

static void expand_up_limits(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;

	setup_legacy32(l->w, 0);
	for (unsigned seg = X86_ES; seg <= X86_GS; seg++) {
		uint32_t fault = seg == X86_SS ? X86_SS_FAULT : X86_GP;

		c->seg[seg].limit = 0xa1000;
		x86_mode_update(c);
		assert_int_equal(read_at(l, seg, 0xa0ffd, 4), 0);
		assert_int_equal(read_at(l, seg, 0xa0ffe, 4), fault);
		assert_int_equal(read_at(l, seg, 0xa1000, 1), 0);
		assert_int_equal(read_at(l, seg, 0xa1001, 1), fault);
		assert_int_equal(read_at(l, seg, 0xfffffffe, 4), fault);
		c->seg[seg].limit = 0xffffffff;
		x86_mode_update(c);
		assert_int_equal(read_at(l, seg, 0xfffffffc, 4), 0);
		assert_int_equal(read_at(l, seg, 0xfffffffd, 4), fault);
	}
}

static void expand_down_limits(void **state)
{
	struct lab *l = *state;
	struct x86_segment *s = &l->w->cpu.seg[X86_SS];

	setup_legacy32(l->w, 0);
	s->attr |= 4;
	s->limit = 0xfff;
	x86_mode_update(&l->w->cpu);
	assert_int_equal(write_at(l, X86_SS, 0xfff, 1), X86_SS_FAULT);
	assert_int_equal(write_at(l, X86_SS, 0x1000, 1), 0);
	assert_int_equal(write_at(l, X86_SS, 0, 1), X86_SS_FAULT);
	assert_int_equal(write_at(l, X86_SS, 0xfffffffc, 4), 0);
	assert_int_equal(write_at(l, X86_SS, 0xfffffffd, 4), X86_SS_FAULT);
	s->attr &= (uint16_t)~X86_SEG_DB;
	assert_int_equal(write_at(l, X86_SS, 0xfffc, 4), 0);
	assert_int_equal(write_at(l, X86_SS, 0xfffd, 4), X86_SS_FAULT);
	s->limit = 0xffff;
	assert_int_equal(write_at(l, X86_SS, 0x8000, 1), X86_SS_FAULT);
}

static void segment_types(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;

	setup_legacy32(l->w, 0);
	for (unsigned type = 0; type < 16; type++) {
		bool code = type & 8, down = !code && type & 4;

		c->seg[X86_ES].attr = (uint16_t)((c->seg[X86_ES].attr & ~X86_SEG_TYPE) | type);
		c->seg[X86_ES].limit = down ? 0xfff : 0xffffffff;
		x86_mode_update(c);
		assert_int_equal(read_at(l, X86_ES, DATA, 4), !code || type & 2 ? 0 : X86_GP);
		assert_int_equal(write_at(l, X86_ES, DATA, 4), !code && type & 2 ? 0 : X86_GP);
	}
	assert_int_equal(read_at(l, X86_CS, DATA, 4), 0);
	assert_int_equal(write_at(l, X86_CS, DATA, 4), X86_GP);
	c->seg[X86_DS].attr |= X86_SEG_UNUSABLE;
	x86_mode_update(c);
	assert_int_equal(read_at(l, X86_DS, DATA, 4), X86_GP);
	assert_int_equal(write_at(l, X86_DS, DATA, 4), X86_GP);
}

static void real_mode(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;

	setup_real(l->w);
	assert_int_equal(read_at(l, X86_DS, 0xfffe, 2), 0);
	assert_int_equal(read_at(l, X86_DS, 0xffff, 2), X86_GP);
	assert_int_equal(write_at(l, X86_SS, 0xffff, 2), X86_SS_FAULT);
	assert_int_equal(read_at(l, X86_DS, 0x10000, 1), X86_GP);
	assert_int_equal(write_at(l, X86_CS, 0x100, 2), 0);
	/* above 1 MiB there is no wrap */
	c->seg[X86_DS].base = 0xffff0;
	l->w->ram[0x100000] = 0x5a;
	l->w->ram[0] = 0;
	uint8_t byte;
	assert_int_equal(x86_load(c, X86_DS, 0x10, &byte, 1), X86_OK);
	assert_int_equal(byte, 0x5a);
}

static void linear_addresses_wrap_at_4_gib(void **state)
{
	struct lab *l = *state;
	uint64_t linear;

	setup_legacy32(l->w, 0);
	l->w->cpu.seg[X86_FS].base = 0xfffff000;
	assert_int_equal(x86_linear(&l->w->cpu, X86_FS, 0xa2000, 4, 0, &linear), X86_OK);
	assert_int_equal(linear, 0xa1000);
	/* the second half of a load that ends beyond 4 GiB comes from address 0 */
	setup_compat(l->w, 0);
	settle(l);
	x86_ram_put(l->w, SETUP_PML4 + 0x1000 + 3 * 8, 8, 0x81000 | 7);
	x86_ram_put(l->w, 0x81000 + 511 * 8, 8, 0x82000 | 7);
	x86_ram_put(l->w, 0x82000 + 511 * 8, 8, DATA | 7);
	x86_ram_put(l->w, DATA + 0xffe, 2, 0x2211);
	x86_ram_put(l->w, 0, 2, 0x4433);
	l->w->cpu.seg[X86_FS].base = 0xffff0000;
	uint32_t v = 0;
	assert_int_equal(x86_load(&l->w->cpu, X86_FS, 0xfffe, &v, 4), X86_OK);
	assert_int_equal(v, 0x44332211);
}

static void long_mode_segments(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint64_t linear;

	setup_long(l->w, 3);
	for (unsigned seg = X86_ES; seg <= X86_GS; seg++) {
		uint32_t fault = seg == X86_SS ? X86_SS_FAULT : X86_GP;
		bool has_base = seg >= X86_FS;

		c->seg[seg].base = 0x10000;
		c->seg[seg].limit = 0;
		c->seg[seg].attr |= X86_SEG_UNUSABLE;
		assert_int_equal(x86_linear(c, seg, 0x1234, 8, X86_ACCESS_WRITE, &linear), X86_OK);
		assert_int_equal(linear, has_base ? 0x11234 : 0x1234);
		c->seg[seg].base = 0;
		assert_int_equal(read_at(l, seg, 0x800000000000, 1), fault);
		assert_int_equal(read_at(l, seg, 0x7ffffffffff9, 8), fault);
		assert_int_equal(read_at(l, seg, 0xffff7fffffffffff, 1), fault);
		assert_int_equal(read_at(l, seg, 0x8000000000000000, 8), fault);
		assert_int_equal(x86_linear(c, seg, 0x7ffffffffff8, 8, 0, &linear), X86_OK);
		assert_int_equal(x86_linear(c, seg, 0xffff800000000000, 8, 0, &linear), X86_OK);
	}
	c->seg[X86_GS].base = 0xffffffffffff0000;
	assert_int_equal(x86_linear(c, X86_GS, 0x20000, 8, 0, &linear), X86_OK);
	assert_int_equal(linear, 0x10000);
}

/* ---- alignment ---- */

static void alignment_checks(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	/* size and the alignment it must have (SDM vol. 3A table 6-7) */
	static const uint16_t rule[][2] = {{1, 1}, {2, 2},  {4, 4},  {8, 8},  {16, 16}, {10, 8},
					   {6, 4}, {14, 2}, {28, 4}, {94, 2}, {108, 4}};

	setup_long(l->w, 3);
	c->cr0 |= CR0_AM;
	c->rflags |= X86_AC_FLAG;
	x86_mode_update(c);
	for (unsigned n = 0; n < sizeof(rule) / sizeof(rule[0]); n++)
		for (unsigned at = 0; at < 16; at++) {
			uint32_t expect = at % rule[n][1] ? X86_AC : 0;

			assert_int_equal(read_at(l, X86_DS, DATA + at, rule[n][0]), expect);
			assert_int_equal(write_at(l, X86_DS, DATA + at, rule[n][0]), expect);
		}
	/* before the page fault, after the general protection exception */
	assert_int_equal(read_at(l, X86_DS, 0x40000001, 4), X86_AC);
	assert_int_equal(read_at(l, X86_DS, 0x8000000000000001, 4), X86_GP);
	c->rflags &= ~(uint64_t)X86_AC_FLAG;
	x86_mode_update(c);
	assert_int_equal(read_at(l, X86_DS, DATA + 1, 8), 0);
	setup_long(l->w, 0);
	c->cr0 |= CR0_AM;
	c->rflags |= X86_AC_FLAG;
	x86_mode_update(c);
	assert_int_equal(read_at(l, X86_DS, DATA + 1, 8), 0);
}

/* ---- data breakpoints ---- */

static void breakpoints(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint64_t v = 0;

	setup_long(l->w, 0);
	settle(l);
	read_at(l, X86_DS, DATA, 8); /* known to the TLB before the breakpoints are set */
	write_at(l, X86_DS, DATA, 8);
	c->dr[0] = DATA + 4; /* 2 bytes, written */
	c->dr[1] = DATA + 9; /* 8 bytes aligned down, read or written */
	c->dr[2] = DATA;     /* 1 byte, executed: no concern of ours */
	c->dr[3] = DATA;     /* 4 bytes, not enabled */
	c->dr7 = DR7_FIXED | 1 << 0 | 2 << 2 | 1 << 4 | 5u << 16 | 0xbu << 20 | 0u << 24 |
		 0xfu << 28;
	x86_mode_update(c);
	assert_true(c->mode & X86_MODE_CAREFUL);

	static const struct {
		unsigned at, n, read, written;
	} rows[] = {
		{0, 4, 0, 0},  {0, 8, 0, 1},  {5, 1, 0, 1},   {6, 2, 0, 0},	{6, 4, 2, 2},
		{0, 16, 2, 3}, {15, 1, 2, 2}, {16, 16, 0, 0}, {0xfff, 8, 0, 0},
	};
	for (unsigned n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		c->debug_hit = 0;
		assert_int_equal(read_at(l, X86_DS, DATA + rows[n].at, rows[n].n), 0);
		assert_int_equal(c->debug_hit, rows[n].read);
		c->debug_hit = 0;
		assert_int_equal(write_at(l, X86_DS, DATA + rows[n].at, rows[n].n), 0);
		assert_int_equal(c->debug_hit, rows[n].written);
	}
	c->debug_hit = 0;
	assert_int_equal(x86_load_linear(c, DATA + 8, &v, 8, X86_ACCESS_SYSTEM), X86_OK);
	assert_int_equal(c->debug_hit, 0);
}

/* ---- pages ---- */

static void crossing_into_a_missing_page(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint64_t v = 0x1122334455667788, got = 0x99;

	for (unsigned warm = 0; warm < 2; warm++) {
		setup_long(l->w, 3);
		settle(l);
		x86_ram_put(l->w, SETUP_PT + 8 * (DATA / 4096 + 1), 8, 0);
		x86_ram_put(l->w, DATA + 0xff8, 8, 0);
		if (warm)
			assert_int_equal(write_at(l, X86_DS, DATA, 8), 0);
		assert_int_equal(x86_store(c, X86_DS, DATA + 0xffc, &v, 8), X86_FAULT);
		assert_int_equal(c->event.vector, X86_PF);
		assert_int_equal(c->event.address, DATA + 0x1000);
		assert_int_equal(c->event.error, 6);
		assert_int_equal(x86_ram_get(l->w, DATA + 0xff8, 8), 0);
		assert_int_equal(x86_load(c, X86_DS, DATA + 0xffc, &got, 8), X86_FAULT);
		assert_int_equal(c->event.address, DATA + 0x1000);
		assert_int_equal(c->event.error, 4);
		assert_int_equal(got, 0x99);
	}
}

static void crossing_moves_all_bytes(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint8_t out[512], in[512];

	setup_long(l->w, 3);
	settle(l);
	/* the two linear pages are not neighbours in RAM */
	x86_ram_put(l->w, SETUP_PT + 8 * (DATA / 4096 + 1), 8, (DATA + 0x5000) | 7);
	for (unsigned n = 0; n < sizeof(out); n++)
		out[n] = (uint8_t)(n * 7 + 1);
	for (unsigned size = 2; size <= 512; size = size < 17 ? size + 1 : size * 3) {
		for (unsigned first = 1; first < size && first < 20; first++) {
			memset(in, 0, sizeof(in));
			assert_int_equal(x86_store(c, X86_DS, DATA + 0x1000 - first, out, size),
					 X86_OK);
			assert_memory_equal(l->w->ram + DATA + 0x1000 - first, out, first);
			assert_memory_equal(l->w->ram + DATA + 0x5000, out + first, size - first);
			assert_int_equal(x86_load(c, X86_DS, DATA + 0x1000 - first, in, size),
					 X86_OK);
			assert_memory_equal(in, out, size);
		}
	}
}

static void faults_as_the_write_would(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint32_t v;

	setup_long(l->w, 3);
	settle(l);
	x86_ram_put(l->w, SETUP_PT + 8 * (DATA / 4096), 8, DATA | 5);
	assert_int_equal(x86_load(c, X86_DS, DATA, &v, 4), X86_OK);
	assert_int_equal(outcome(c, x86_load_for_store(c, X86_DS, DATA, &v, 4)), X86_PF | 7 << 8);
	assert_int_equal(outcome(c, x86_probe(c, X86_DS, DATA, 4, X86_ACCESS_WRITE)),
			 X86_PF | 7 << 8);
	assert_int_equal(x86_probe(c, X86_DS, DATA, 4, X86_ACCESS_READ), X86_OK);
	assert_int_equal(write_at(l, X86_DS, DATA, 4), X86_PF | 7 << 8);
	setup_legacy32(l->w, 0);
	assert_int_equal(outcome(c, x86_load_for_store(c, X86_CS, DATA, &v, 4)), X86_GP);
}

/* ---- the TLB ---- */

static void hits_ask_nobody(void **state)
{
	struct lab *l = *state;
	unsigned asked;

	setup_long(l->w, 0);
	settle(l);
	assert_int_equal(read_at(l, X86_DS, DATA, 8), 0);
	asked = l->pages_asked;
	assert_int_equal(asked, 9); /* four tables, four accessed bits, the page */
	assert_int_equal(read_at(l, X86_DS, DATA + 8, 8), 0);
	assert_int_equal(l->pages_asked, asked);
	assert_int_equal(write_at(l, X86_DS, DATA, 8), 0); /* reading gave no right to write */
	assert_true(l->pages_asked > asked);
	asked = l->pages_asked;
	assert_int_equal(write_at(l, X86_DS, DATA + 0x100, 8), 0);
	assert_int_equal(l->pages_asked, asked);
	assert_true(x86_ram_get(l->w, SETUP_PT + 8 * (DATA / 4096), 8) & 0x40);
}

static void privileges_do_not_mix(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint64_t v;

	setup_long(l->w, 0);
	settle(l);
	x86_ram_put(l->w, SETUP_PT + 8 * (DATA / 4096), 8, DATA | 3);
	assert_int_equal(write_at(l, X86_DS, DATA, 8), 0);
	assert_int_equal(read_at(l, X86_DS, DATA, 8), 0);
	c->seg[X86_SS].attr |= X86_SEG_DPL;
	x86_mode_update(c);
	assert_int_equal(read_at(l, X86_DS, DATA, 8), X86_PF | 5 << 8);
	assert_int_equal(write_at(l, X86_DS, DATA, 8), X86_PF | 7 << 8);
	settle(l);
	assert_int_equal(x86_load_linear(c, DATA, &v, 8, X86_ACCESS_SYSTEM), X86_OK);
	assert_int_equal(x86_store_linear(c, DATA, &v, 8, X86_ACCESS_SYSTEM), X86_OK);
	assert_int_equal(read_at(l, X86_DS, DATA, 8), X86_PF | 5 << 8);
}

static void smap_by_the_flag(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint64_t v;

	setup_long(l->w, 0);
	settle(l);
	c->cr4 |= CR4_SMAP;
	for (unsigned n = 0; n < 3; n++) {
		c->rflags |= X86_AC_FLAG;
		x86_mode_update(c);
		assert_int_equal(read_at(l, X86_DS, DATA, 8), 0);
		assert_int_equal(write_at(l, X86_DS, DATA, 8), 0);
		assert_int_equal(x86_load_linear(c, DATA, &v, 8, X86_ACCESS_SYSTEM), X86_FAULT);
		c->rflags &= ~(uint64_t)X86_AC_FLAG;
		x86_mode_update(c);
		assert_int_equal(read_at(l, X86_DS, DATA, 8), X86_PF | 1 << 8);
		assert_int_equal(write_at(l, X86_DS, DATA, 8), X86_PF | 3 << 8);
	}
}

static void changed_tables_count_at_once(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint64_t pte = SETUP_PT + 8 * (DATA / 4096), entry = (DATA + 0x1000) | 7, got = 0;

	setup_long(l->w, 0);
	x86_ram_put(l->w, DATA, 8, 1);
	x86_ram_put(l->w, DATA + 0x1000, 8, 2);
	settle(l);
	/* the table is written before it is known to be one, then by a cached translation */
	assert_int_equal(write_at(l, X86_DS, SETUP_PT + 0xff8, 8), 0);
	assert_int_equal(read_at(l, X86_DS, DATA, 8), 0);
	l->changing = 0;
	assert_int_equal(x86_store(c, X86_DS, pte, &entry, 8), X86_OK);
	assert_int_equal(l->changing, 1);
	assert_int_equal(l->changing_gpa, pte);
	assert_int_equal(l->changing_bytes, 8);
	assert_int_equal(x86_load(c, X86_DS, DATA, &got, 8), X86_OK);
	assert_int_equal(got, 2);
}

/* A store whose second page is reached through paging structures in its first page: the world must
 * hear of the change although the first page was an ordinary one when it was looked up. */
static void a_crossing_store_into_its_own_table(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	const uint64_t first = 0xb0000, second = 0xb1000, linear = 0x600000;
	uint64_t v[2] = {(DATA + 0x1000) | 7, 0x99};

	setup_long(l->w, 0);
	/* 4 MiB .. 6 MiB ends with the page that is itself the table of 6 MiB .. 8 MiB */
	x86_ram_put(l->w, SETUP_PML4 + 0x2010, 8, first | 7);
	x86_ram_put(l->w, SETUP_PML4 + 0x2018, 8, second | 7);
	x86_ram_put(l->w, first + 8 * 511, 8, second | 7);
	x86_ram_put(l->w, second, 8, DATA | 7);
	settle(l);
	assert_int_equal(write_at(l, X86_DS, linear - 8, 8), 0); /* known as writable */
	assert_int_equal(l->changing, 0);
	assert_int_equal(x86_store(c, X86_DS, linear - 8, v, 16), X86_OK);
	assert_int_equal(l->changing, 1);
	assert_int_equal(l->changing_gpa, second + 0xff8);
	assert_int_equal(x86_ram_get(l->w, second + 0xff8, 8), v[0]);
	assert_int_equal(x86_ram_get(l->w, DATA, 8), v[1]);
}

/* ---- MMIO ---- */

static void bus_pieces(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	static const struct {
		unsigned at, n;
		uint8_t pieces[8];
	} rows[] = {
		{0, 1, {1}},
		{1, 2, {2}},
		{3, 4, {4}},
		{5, 8, {8}},
		{0, 16, {8, 8}},
		{4, 16, {4, 8, 4}},
		{1, 16, {1, 2, 4, 8, 1}},
		{0, 10, {8, 2}},
		{0, 6, {4, 2}},
		{2, 6, {2, 4}},
		{3, 10, {1, 4, 4, 1}},
	};

	setup_long(l->w, 0);
	for (unsigned n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		uint64_t at = SETUP_MMIO + rows[n].at;
		uint8_t bytes[16];

		settle(l);
		assert_int_equal(x86_load(c, X86_DS, at, bytes, rows[n].n), X86_OK);
		assert_int_equal(x86_store(c, X86_DS, at, bytes, rows[n].n), X86_OK);
		for (unsigned b = 0; b < rows[n].n; b++)
			assert_int_equal(bytes[b], rows[n].at + b);
		for (unsigned half = 0, i = 0; half < 2; half++, at = SETUP_MMIO + rows[n].at)
			for (unsigned p = 0; p < 8 && rows[n].pieces[p]; p++, i++) {
				assert_int_equal(l->log[i].kind, "rw"[half]);
				assert_int_equal(l->log[i].gpa, at);
				assert_int_equal(l->log[i].size_bytes, rows[n].pieces[p]);
				assert_memory_equal(&l->log[i].value,
						    bytes + (at & 0xff) - rows[n].at,
						    rows[n].pieces[p]);
				at += rows[n].pieces[p];
			}
	}
}

static void from_ram_into_mmio(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint64_t v = 0x8877665544332211, got = 0;

	setup_long(l->w, 0);
	settle(l);
	assert_int_equal(x86_store(c, X86_DS, SETUP_MMIO - 3, &v, 8), X86_OK);
	assert_int_equal(x86_ram_get(l->w, SETUP_MMIO - 3, 3), 0x332211);
	assert_int_equal(l->logged, 2);
	assert_int_equal(l->log[0].size_bytes, 4);
	assert_int_equal(l->log[0].value, 0x77665544);
	assert_int_equal(l->log[1].gpa, SETUP_MMIO + 4);
	assert_int_equal(l->log[1].value, 0x88);
	assert_int_equal(x86_load(c, X86_DS, SETUP_MMIO - 3, &got, 8), X86_OK);
	assert_int_equal(got, 0x0403020100332211);
}

static void a_late_answer_restarts(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint8_t got[16], before[16];

	setup_long(l->w, 0);
	for (unsigned exit_at = 0; exit_at < 3; exit_at++) {
		settle(l);
		l->exit_at = exit_at;
		memset(before, 0xcc, sizeof(before));
		memcpy(got, before, sizeof(got));
		assert_int_equal(x86_load(c, X86_DS, SETUP_MMIO + 4, got, 16), X86_EXIT);
		assert_int_equal(l->logged, exit_at);
		assert_memory_equal(got, before, sizeof(got));
		assert_int_equal(c->event.kind, X86_EVENT_NONE);
		assert_int_equal(x86_load(c, X86_DS, SETUP_MMIO + 4, got, 16), X86_OK);
		assert_int_equal(got[15], 4 + 15);
		settle(l);
		l->exit_at = exit_at;
		assert_int_equal(x86_store(c, X86_DS, SETUP_MMIO + 4, got, 16), X86_EXIT);
		assert_int_equal(x86_store(c, X86_DS, SETUP_MMIO + 4, got, 16), X86_OK);
	}
	settle(l);
	l->exit_at = 0;
	c->r[X86_RSP] = SETUP_MMIO + 64;
	assert_int_equal(x86_push(c, 8, 1), X86_EXIT);
	assert_int_equal(c->r[X86_RSP], SETUP_MMIO + 64);
	assert_int_equal(x86_push(c, 8, 1), X86_OK);
	assert_int_equal(c->r[X86_RSP], SETUP_MMIO + 56);
}

/* ---- instruction bytes ---- */

static unsigned fetch_at(struct lab *l, uint64_t rip, unsigned need, uint8_t bytes[15])
{
	unsigned got = 99;

	l->w->cpu.rip = rip;
	l->w->cpu.event.kind = X86_EVENT_NONE;
	x86_fetch(&l->w->cpu, bytes, need, &got);
	assert_int_equal(l->w->cpu.event.kind != X86_EVENT_NONE, got < need);
	return got;
}

static void fetches(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint64_t next = SETUP_PT + 8 * (DATA / 4096 + 1);
	uint8_t bytes[15];

	setup_long(l->w, 3);
	settle(l);
	for (unsigned n = 0; n < 0x2000; n++)
		l->w->ram[DATA + n] = (uint8_t)(n * 3);
	assert_int_equal(fetch_at(l, DATA + 0x10, 1, bytes), 15);
	assert_memory_equal(bytes, l->w->ram + DATA + 0x10, 15);
	/* a page that the instruction does not reach is not touched */
	assert_int_equal(fetch_at(l, DATA + 0xffc, 1, bytes), 4);
	assert_int_equal(fetch_at(l, DATA + 0xffc, 4, bytes), 4);
	assert_false(x86_ram_get(l->w, next, 8) & 0x20);
	assert_int_equal(fetch_at(l, DATA + 0xffc, 5, bytes), 15);
	assert_memory_equal(bytes, l->w->ram + DATA + 0xffc, 15);
	assert_true(x86_ram_get(l->w, next, 8) & 0x20);

	x86_ram_put(l->w, next, 8, (DATA + 0x1000) | 7 | 1ull << 63);
	assert_int_equal(fetch_at(l, DATA + 0xffc, 5, bytes), 4);
	assert_int_equal(c->event.vector, X86_PF);
	assert_int_equal(c->event.address, DATA + 0x1000);
	assert_int_equal(c->event.error, 0x15);
	assert_int_equal(fetch_at(l, SETUP_MMIO, 1, bytes), 0);
	assert_int_equal(c->event.vector, X86_GP);
	assert_int_equal(fetch_at(l, SETUP_MMIO - 2, 1, bytes), 2);
	assert_int_equal(fetch_at(l, SETUP_MMIO - 2, 3, bytes), 2);
	assert_int_equal(c->event.vector, X86_GP);
	assert_int_equal(fetch_at(l, 0x7fffffffffff, 1, bytes), 0);
	assert_int_equal(c->event.vector, X86_PF);
	assert_int_equal(fetch_at(l, 0x800000000000, 1, bytes), 0);
	assert_int_equal(c->event.vector, X86_GP);
}

static void fetches_within_the_limit(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint8_t bytes[15];

	setup_legacy32(l->w, 0);
	c->seg[X86_CS].base = DATA;
	c->seg[X86_CS].limit = 0x20;
	x86_mode_update(c);
	settle(l);
	assert_int_equal(fetch_at(l, 0x12, 1, bytes), 15);
	assert_int_equal(fetch_at(l, 0x13, 1, bytes), 14);
	assert_int_equal(fetch_at(l, 0x20, 1, bytes), 1);
	assert_int_equal(fetch_at(l, 0x20, 2, bytes), 1);
	assert_int_equal(c->event.vector, X86_GP);
	assert_int_equal(fetch_at(l, 0x21, 1, bytes), 0);
	assert_int_equal(c->event.vector, X86_GP);
	assert_int_equal(c->event.error, 0);
}

/* ---- the stack ---- */

static void pushes_and_pops(void **state)
{
	struct lab *l = *state;
	struct x86_cpu *c = &l->w->cpu;
	uint64_t v;

	setup_legacy32(l->w, 0);
	settle(l);
	c->seg[X86_SS].attr &= (uint16_t)~X86_SEG_DB;
	x86_mode_update(c);
	c->r[X86_RSP] = 0x12340002;
	assert_int_equal(x86_push(c, 2, 0xabcd), X86_OK);
	assert_int_equal(c->r[X86_RSP], 0x12340000);
	assert_int_equal(x86_push(c, 4, 0x11223344), X86_OK); /* SP wraps within 64 KiB */
	assert_int_equal(c->r[X86_RSP], 0x1234fffc);
	assert_int_equal(x86_ram_get(l->w, 0xfffc, 4), 0x11223344);
	assert_int_equal(x86_pop(c, 4, &v), X86_OK);
	assert_int_equal(v, 0x11223344);
	assert_int_equal(x86_pop(c, 2, &v), X86_OK);
	assert_int_equal(v, 0xabcd);
	assert_int_equal(c->r[X86_RSP], 0x12340002);
	c->seg[X86_SS].limit = 0xffff;
	x86_mode_update(c);
	c->r[X86_RSP] = 1;
	assert_int_equal(outcome(c, x86_push(c, 2, 0)), X86_SS_FAULT);
	assert_int_equal(c->r[X86_RSP], 1);

	setup_long(l->w, 0);
	c->r[X86_RSP] = 0x800000000004;
	assert_int_equal(outcome(c, x86_push(c, 8, 0)), X86_SS_FAULT);
	assert_int_equal(c->r[X86_RSP], 0x800000000004);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expand_up_limits),
		cmocka_unit_test(expand_down_limits),
		cmocka_unit_test(segment_types),
		cmocka_unit_test(real_mode),
		cmocka_unit_test(linear_addresses_wrap_at_4_gib),
		cmocka_unit_test(long_mode_segments),
		cmocka_unit_test(alignment_checks),
		cmocka_unit_test(breakpoints),
		cmocka_unit_test(crossing_into_a_missing_page),
		cmocka_unit_test(crossing_moves_all_bytes),
		cmocka_unit_test(faults_as_the_write_would),
		cmocka_unit_test(hits_ask_nobody),
		cmocka_unit_test(privileges_do_not_mix),
		cmocka_unit_test(smap_by_the_flag),
		cmocka_unit_test(changed_tables_count_at_once),
		cmocka_unit_test(a_crossing_store_into_its_own_table),
		cmocka_unit_test(bus_pieces),
		cmocka_unit_test(from_ram_into_mmio),
		cmocka_unit_test(a_late_answer_restarts),
		cmocka_unit_test(fetches),
		cmocka_unit_test(fetches_within_the_limit),
		cmocka_unit_test(pushes_and_pops),
	};

	return cmocka_run_group_tests(tests, lab_open, lab_close);
}
