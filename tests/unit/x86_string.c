/* SPDX-License-Identifier: Apache-2.0 */
/*
 * String instructions: where they stop, what a fault or an exit in the middle leaves, and that the
 * fast path cannot be told from the element loop.  For that, two machines that differ only in
 * whether pages may be cached run the same random instructions: one of them never has a hit in
 * its TLB, so that every element goes through the loop.
 */
#include "core/base/seeded.h"

#include "tests/support/x86_one.h"
#include "tests/support/x86_setup.h"
#include "tests/unit/cmocka_all.h"

#define DATA	   0x100000ull
#define DATA_PAGES 8
#define HOLE	   (DATA + DATA_PAGES * 4096) /* not mapped */
#define ROM	   0x110000ull		      /* DATA's second page, read only */
#define ALIAS	   0x120000ull		      /* DATA again, page by page */
#define RAM_BYTES  (2ull << 20)

static struct x86_page cached_page(void *ctx, uint64_t gpa, enum x86_page_use use)
{
	struct x86_world_ram *w = ctx;

	(void)use;
	if (gpa >= w->ram_bytes)
		return (struct x86_page){NULL, false};
	return (struct x86_page){w->ram + gpa, gpa >= DATA};
}

static struct x86_page uncached_page(void *ctx, uint64_t gpa, enum x86_page_use use)
{
	struct x86_page page = cached_page(ctx, gpa, use);

	page.cacheable = false;
	return page;
}

/* A machine and the table that its world is seen through. */
struct machine {
	struct x86_world_ram *w;
	struct x86_world_ops ops;
};

static void map(struct x86_world_ram *w, uint64_t linear, uint64_t entry)
{
	x86_ram_put(w, SETUP_PT + linear / 4096 * 8, 8, entry);
}

static void machine_open(struct machine *m, bool cached)
{
	m->w = x86_world_ram_create(RAM_BYTES);
	m->ops = *m->w->cpu.world;
	m->ops.page = cached ? cached_page : uncached_page;
	m->w->cpu.world = &m->ops;
}

static void machine_close(struct machine *m)
{
	x86_world_ram_destroy(m->w);
}

static void map_data(struct x86_world_ram *w)
{
	map(w, HOLE, 0);
	map(w, ROM, (DATA + 4096) | 5);
	for (uint64_t n = 0; n < DATA_PAGES; n++)
		map(w, ALIAS + n * 4096, (DATA + n * 4096) | 7);
	map(w, ALIAS + DATA_PAGES * 4096, 0);
}

/* Long mode at CPL 3. */
static void machine_open_long(struct machine *m, bool cached)
{
	machine_open(m, cached);
	setup_long(m->w, 3);
	map_data(m->w);
}

static void set_strings(struct x86_cpu *c, uint64_t source, uint64_t dest, uint64_t count)
{
	c->r[X86_RSI] = source;
	c->r[X86_RDI] = dest;
	c->r[X86_RCX] = count;
}

static void strings_are(const struct x86_cpu *c, uint64_t source, uint64_t dest, uint64_t count)
{
	assert_int_equal(c->r[X86_RSI], source);
	assert_int_equal(c->r[X86_RDI], dest);
	assert_int_equal(c->r[X86_RCX], count);
}

static void a_fault_keeps_what_was_done(void **state)
{
	struct machine m;
	struct x86_cpu *c;

	(void)state;
	machine_open_long(&m, true);
	c = &m.w->cpu;
	set_strings(c, DATA, HOLE - 100, 1000);
	assert_int_equal(X86_ONE(m.w, "\xf3\xa4"), X86_AGAIN); /* rep movsb */
	strings_are(c, DATA + 100, HOLE, 900);
	assert_int_equal(c->rip, SETUP_CODE);
	assert_int_equal(c->event.kind, X86_EVENT_NONE);
	assert_true(X86_ONE_FAULTS(m.w, X86_PF, "\xf3\xa4"));
	assert_int_equal(c->event.address, HOLE);
	assert_int_equal(c->event.error, 6);

	set_strings(c, DATA, HOLE - 12, 3); /* the second element is cut by the page's end */
	assert_int_equal(X86_ONE(m.w, "\xf3\x48\xa5"), X86_AGAIN);
	strings_are(c, DATA + 8, HOLE - 4, 2);
	assert_true(X86_ONE_FAULTS(m.w, X86_PF, "\xf3\x48\xa5"));

	set_strings(c, HOLE - 3, DATA, 5);
	c->r[X86_RAX] = 0x77;
	lazy_set(&c->lazy, X86_CF | X86_SF);
	assert_int_equal(X86_ONE(m.w, "\xf3\xa6"), X86_AGAIN); /* repe cmpsb */
	strings_are(c, HOLE, DATA + 3, 2);
	assert_int_equal(lazy_get(&c->lazy), X86_CF | X86_SF);
	assert_true(X86_ONE_FAULTS(m.w, X86_PF, "\xf3\xa6"));
	set_strings(c, 0, HOLE - 3, 5);
	assert_int_equal(X86_ONE(m.w, "\xf2\xae"), X86_AGAIN); /* repne scasb */
	strings_are(c, 0, HOLE, 2);
	assert_int_equal(lazy_get(&c->lazy), X86_CF | X86_SF);
	machine_close(&m);
}

static void the_limit_stops_between_iterations(void **state)
{
	struct machine m;
	struct x86_cpu *c;

	(void)state;
	machine_open_long(&m, true);
	c = &m.w->cpu;
	c->rep_limit = 1000;
	memset(m.w->ram + DATA, 0x55, 3000);
	set_strings(c, DATA, DATA + 0x3000, 2000);
	assert_int_equal(X86_ONE(m.w, "\xf3\xa4"), X86_AGAIN);
	strings_are(c, DATA + 1000, DATA + 0x3000 + 1000, 1000);
	assert_int_equal(c->rip, SETUP_CODE);
	assert_int_equal(X86_ONE(m.w, "\xf3\xa4"), X86_OK); /* not 0 iterations once more */
	strings_are(c, DATA + 2000, DATA + 0x3000 + 2000, 0);
	assert_int_equal(c->rip, SETUP_CODE + 2);
	assert_memory_equal(m.w->ram + DATA, m.w->ram + DATA + 0x3000, 2000);
	set_strings(c, DATA, DATA, 0);
	lazy_set(&c->lazy, X86_CF);
	assert_int_equal(X86_ONE(m.w, "\xf3\xa6"), X86_OK);
	strings_are(c, DATA, DATA, 0);
	assert_int_equal(lazy_get(&c->lazy), X86_CF);
	machine_close(&m);
}

static void counts_and_addresses_have_the_address_size(void **state)
{
	struct machine m;
	struct x86_cpu *c;

	(void)state;
	machine_open_long(&m, true);
	c = &m.w->cpu;
	set_strings(c, ~0ull << 32 | DATA, ~0ull << 32 | (DATA + 64), ~0ull << 32);
	assert_int_equal(X86_ONE(m.w, "\x67\xf3\xa4"), X86_OK);
	strings_are(c, ~0ull << 32 | DATA, ~0ull << 32 | (DATA + 64), ~0ull << 32);
	c->r[X86_RCX] |= 5;
	assert_int_equal(X86_ONE(m.w, "\x67\xf3\xa4"), X86_OK);
	strings_are(c, DATA + 5, DATA + 69, 0);

	setup_real(m.w);
	c->seg[X86_ES].base = c->seg[X86_DS].base = DATA;
	x86_mode_update(c);
	set_strings(c, 0xabcdfffe, 0x12340010, 4);
	memcpy(m.w->ram + DATA, "cd", 2);
	memcpy(m.w->ram + DATA + 0xfffe, "ab", 2);
	assert_int_equal(X86_ONE(m.w, "\xf3\xa4"), X86_OK); /* SI wraps */
	strings_are(c, 0xabcd0002, 0x12340014, 0);
	assert_memory_equal(m.w->ram + DATA + 0x10, "abcd", 4);
	machine_close(&m);
}

static void mmio_and_ports_can_wait(void **state)
{
	struct machine m;
	struct x86_cpu *c;

	(void)state;
	machine_open_long(&m, true);
	c = &m.w->cpu;
	c->rflags |= X86_IOPL;
	c->r[X86_RDX] = 0x60;
	set_strings(c, HOLE - 2, DATA, 4);
	memcpy(m.w->ram + HOLE - 2, "xy", 2);
	assert_int_equal(X86_ONE(m.w, "\xf3\x6e"), X86_AGAIN); /* rep outsb, into the hole */
	assert_int_equal(m.w->port_written.value, 'y');
	strings_are(c, HOLE, DATA, 2);

	m.w->waits = true;
	set_strings(c, DATA, DATA, 2);
	assert_int_equal(X86_ONE(m.w, "\xf3\x6c"), X86_EXIT); /* rep insb */
	strings_are(c, DATA, DATA, 2);
	set_strings(c, DATA, HOLE, 2); /* the fault comes before the question */
	assert_true(X86_ONE_FAULTS(m.w, X86_PF, "\xf3\x6c"));
	set_strings(c, SETUP_MMIO - 3, DATA, 5);
	assert_int_equal(X86_ONE(m.w, "\xf3\xa4"), X86_AGAIN);
	strings_are(c, SETUP_MMIO, DATA + 3, 2);
	assert_int_equal(X86_ONE(m.w, "\xf3\xa4"), X86_EXIT);
	strings_are(c, SETUP_MMIO, DATA + 3, 2);
	m.w->waits = false;
	assert_int_equal(X86_ONE(m.w, "\xf3\xa4"), X86_OK);
	assert_int_equal(x86_ram_get(m.w, DATA + 4, 1), 1); /* MMIO reads as its address */
	m.w->port_reads = 0xabcd;
	set_strings(c, DATA, DATA + 4, 3);
	assert_int_equal(X86_ONE(m.w, "\xf3\x66\x6d"), X86_OK);
	assert_int_equal(x86_ram_get(m.w, DATA + 6, 4), 0xabcdabcd);
	strings_are(c, DATA, DATA + 10, 0);
	machine_close(&m);
}

/* ---- the fast path against the element loop ---- */

struct random_case {
	uint8_t code[6];
	unsigned n_code;
	uint64_t source, dest, count, accumulator, fs_base;
	bool down;
	uint32_t limit;
};

static uint64_t random_address(struct seeded *s)
{
	static const uint64_t base[] = {DATA, DATA, DATA, ALIAS, ROM, SETUP_MMIO};
	uint64_t a = base[seeded_below(s, 6)];

	if (a >= ROM && a < ALIAS)
		return a + seeded_below(s, 4096);
	a += seeded_below(s, DATA_PAGES + 1) * 4096;
	return seeded_chance(s, 1, 2) ? a + seeded_below(s, 4096) : a - seeded_below(s, 64);
}

static struct random_case random_case(struct seeded *s)
{
	static const uint8_t opcodes[] = {0xa4, 0xa4, 0xa6, 0xaa, 0xac, 0xae};
	struct random_case r = {.source = random_address(s), .dest = random_address(s)};

	if (seeded_chance(s, 1, 2)) /* near each other: overlaps */
		r.dest = r.source + seeded_below(s, 64) - 16;
	r.count = seeded_chance(s, 1, 4) ? seeded_below(s, 20000) : seeded_below(s, 600);
	r.accumulator = seeded_chance(s, 1, 2) ? 0 : seeded_u64(s);
	r.down = seeded_chance(s, 1, 8);
	r.limit = seeded_chance(s, 1, 3) ? (uint32_t)seeded_range(s, 1, 5000) : 0;
	r.fs_base = seeded_below(s, 300);
	if (seeded_chance(s, 1, 4))
		r.code[r.n_code++] = 0x64;
	if (seeded_chance(s, 1, 8))
		r.code[r.n_code++] = 0x67;
	if (seeded_chance(s, 1, 4))
		r.code[r.n_code++] = 0x66;
	r.code[r.n_code++] = seeded_chance(s, 2, 3) ? 0xf3 : 0xf2;
	r.code[r.n_code++] = opcodes[seeded_below(s, 6)] | (seeded_chance(s, 1, 2) ? 1 : 0);
	return r;
}

/* Runs until the instruction ends in any way, and tells how often it stopped on its way. */
static enum x86_status run_case(struct machine *m, const struct random_case *r, unsigned *stops)
{
	struct x86_cpu *c = &m->w->cpu;
	enum x86_status status;

	set_strings(c, r->source, r->dest, r->count);
	c->r[X86_RAX] = r->accumulator;
	c->seg[X86_FS].base = r->fs_base;
	c->rep_limit = r->limit;
	c->rflags = (c->rflags & ~(uint64_t)X86_DF_FLAG) | (r->down ? X86_DF_FLAG : 0);
	lazy_set(&c->lazy, X86_CF | X86_PF_FLAG);
	for (*stops = 0;; ++*stops) {
		status = x86_one(m->w, r->code, r->n_code);
		if (status != X86_AGAIN)
			return status;
	}
}

static void machines_agree(const struct machine *a, const struct machine *b)
{
	const struct x86_cpu *x = &a->w->cpu, *y = &b->w->cpu;

	assert_memory_equal(x->r, y->r, sizeof(x->r));
	assert_int_equal(x->rip, y->rip);
	assert_int_equal(lazy_get(&x->lazy), lazy_get(&y->lazy));
	assert_int_equal(x->event.vector, y->event.vector);
	assert_int_equal(x->event.error, y->event.error);
	assert_int_equal(x->event.address, y->event.address);
	assert_int_equal(a->w->mmio_written.count, b->w->mmio_written.count);
	assert_memory_equal(a->w->ram + SETUP_PML4, b->w->ram + SETUP_PML4, 0x4000);
	assert_memory_equal(a->w->ram + DATA, b->w->ram + DATA, DATA_PAGES * 4096);
}

/* Accessed and dirty bits start clear in both, so that their setting is compared too. */
static void start_round(struct machine *m, const uint8_t *bytes)
{
	struct x86_cpu *c = &m->w->cpu;

	memcpy(m->w->ram + DATA, bytes, DATA_PAGES * 4096);
	for (uint64_t n = 0; n < 512; n++)
		m->w->ram[SETUP_PT + 8 * n] &= 0x9f;
	tlb_flush(&c->tlb);
}

static void the_fast_path_cannot_be_told(void **state)
{
	static uint8_t bytes[DATA_PAGES * 4096];
	struct machine fast, slow;
	unsigned ends[X86_EXIT + 1] = {0};
	struct seeded s;

	(void)state;
	machine_open_long(&fast, true);
	machine_open_long(&slow, false);
	seeded_start(&s, 1);
	for (unsigned round = 0; round < 3000; round++) {
		struct random_case r = random_case(&s);
		unsigned fast_stops, slow_stops;
		enum x86_status status;

		if (round % 16 == 0) {
			if (seeded_chance(&s, 1, 2))
				memset(bytes, 0, sizeof(bytes)); /* long equal runs */
			else
				seeded_bytes(&s, bytes, sizeof(bytes));
			start_round(&fast, bytes);
			start_round(&slow, bytes);
		}
		status = run_case(&fast, &r, &fast_stops);
		assert_int_equal(status, run_case(&slow, &r, &slow_stops));
		assert_int_equal(fast_stops, slow_stops);
		machines_agree(&fast, &slow);
		fast.w->cpu.rip = slow.w->cpu.rip = SETUP_CODE;
		ends[status]++;
	}
	assert_true(ends[X86_OK] > 1000);
	assert_true(ends[X86_FAULT] > 300);
	machine_close(&fast);
	machine_close(&slow);
}

/* In 32-bit code segments have limits; an expand-down one at the wrong side. */
static void limits_hold_on_the_fast_path(void **state)
{
	struct machine m;
	struct x86_cpu *c;

	(void)state;
	machine_open(&m, true);
	setup_legacy32(m.w, 0);
	c = &m.w->cpu;
	c->seg[X86_ES].limit = DATA + 0x7ff;
	x86_mode_update(c);
	set_strings(c, DATA + 0x2000, DATA, 0x1000);
	assert_int_equal(X86_ONE(m.w, "\xf3\xa4"), X86_AGAIN);
	strings_are(c, DATA + 0x2800, DATA + 0x800, 0x800);
	assert_true(X86_ONE_FAULTS(m.w, X86_GP, "\xf3\xa4"));
	c->seg[X86_ES].attr |= 4; /* expand-down: what was below is now outside */
	x86_mode_update(c);
	assert_int_equal(X86_ONE(m.w, "\xf3\xa4"), X86_OK);
	strings_are(c, DATA + 0x3000, DATA + 0x1000, 0);
	set_strings(c, 0, DATA, 2);
	assert_true(X86_ONE_FAULTS(m.w, X86_GP, "\xf3\xaa"));
	machine_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_keeps_what_was_done),
		cmocka_unit_test(the_limit_stops_between_iterations),
		cmocka_unit_test(counts_and_addresses_have_the_address_size),
		cmocka_unit_test(mmio_and_ports_can_wait),
		cmocka_unit_test(the_fast_path_cannot_be_told),
		cmocka_unit_test(limits_hold_on_the_fast_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
