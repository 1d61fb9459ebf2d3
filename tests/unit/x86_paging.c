/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page walk against the rules of SDM vol. 3A chapter 4, written down here a second time: who
 * may do what to which page (4.6.1), which bits are reserved where (tables 4-4 to 4-20), what the
 * error code says (4.7) and which accessed and dirty bits get set (4.8).
 */
#include "tests/unit/cmocka_all.h"

#include "core/x86/access.h"
#include "core/x86/cpuid.h"
#include "core/x86/page_walk.h"
#include "tests/support/x86_world_ram.h"

#define RAM_BYTES (2u << 20)
#define TABLES	  0x100000u /* table of level n: + n pages */
#define CR3_PAE	  0x110000u

enum { P = 1 << 0, W = 1 << 1, U = 1 << 2, A = 1 << 5, D = 1 << 6, PS = 1 << 7 };
#define NX (1ull << 63)

/* One way to map a page. */
struct layout {
	const char *name;
	bool pae, lma;
	unsigned top, leaf; /* levels: 0 is the page table */
	uint64_t frame;
};

static const struct layout layouts[] = {
	{"32-bit, 4 KiB", false, false, 1, 0, 0x00155000},
	{"32-bit, 4 MiB", false, false, 1, 1, 0x00c00000},
	{"PAE, 4 KiB", true, false, 1, 0, 0x2a00155000},
	{"PAE, 2 MiB", true, false, 1, 1, 0x2a00600000},
	{"4-level, 4 KiB", true, true, 3, 0, 0x2a00155000},
	{"4-level, 2 MiB", true, true, 3, 1, 0x2a00600000},
	{"4-level, 1 GiB", true, true, 3, 2, 0x2ac0000000},
};
#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static const unsigned table_index[4] = {0x107, 0x105, 0x003, 0x00b};

static unsigned entry_bytes(const struct layout *l)
{
	return l->pae ? 8 : 4;
}

static unsigned shift_of(const struct layout *l, unsigned level)
{
	return 12 + level * (l->pae ? 9 : 10);
}

static uint64_t linear_of(const struct layout *l)
{
	uint64_t linear = 0x123;

	for (unsigned level = 0; level <= l->top; level++)
		linear |= (uint64_t)table_index[level] << shift_of(l, level);
	return l->pae && !l->lma ? linear | 2u << 30 : linear;
}

static uint64_t entry_at(const struct layout *l, unsigned level)
{
	return TABLES + level * 0x1000u + table_index[level] * entry_bytes(l);
}

static uint64_t entry_get(const struct x86_world_ram *w, const struct layout *l, unsigned level)
{
	return x86_ram_get(w, entry_at(l, level), entry_bytes(l));
}

static void entry_put(struct x86_world_ram *w, const struct layout *l, unsigned level, uint64_t v)
{
	x86_ram_put(w, entry_at(l, level), entry_bytes(l), v);
}

/* All entries present and granting everything; the CPU in the layout's paging mode at CPL 0. */
static void build(struct x86_world_ram *w, const struct layout *l)
{
	struct x86_cpu *c = &w->cpu;

	x86_cpu_reset(c, true);
	for (unsigned level = l->leaf; level <= l->top; level++) {
		uint64_t below = level == l->leaf ? l->frame : TABLES + (level - 1) * 0x1000u;

		entry_put(w, l, level, below | P | W | U | (level == l->leaf && level ? PS : 0));
	}
	c->cr0 = CR0_PE | CR0_PG | CR0_ET;
	c->cr3 = TABLES + l->top * 0x1000u;
	c->cr4 = l->pae ? CR4_PAE : CR4_PSE;
	c->efer = (l->lma ? EFER_LMA | EFER_LME : 0) | (l->pae ? EFER_NXE : 0);
	if (l->pae && !l->lma) {
		c->cr3 = CR3_PAE;
		c->pdpte[2] = (TABLES + 0x1000) | P;
	}
	x86_mode_update(c);
}

static void set_cpl(struct x86_cpu *c, unsigned cpl)
{
	c->seg[X86_CS].attr = c->seg[X86_SS].attr = (uint16_t)(0x93 | cpl << X86_SEG_DPL_SHIFT);
	x86_mode_update(c);
}

static void set_if(uint64_t *reg, uint64_t bit, bool on)
{
	*reg = on ? *reg | bit : *reg & ~bit;
}

/* ---- who may do what ---- */

enum who { USER, SUPERVISOR, IMPLICIT, IMPLICIT_FROM_USER, WHOS };
enum kind { READ, WRITE, FETCH, KINDS };

/* What has to hold for an access to be allowed. */
enum need {
	NEVER = 1 << 0,
	RW = 1 << 1,		/* R/W set in all entries */
	RW_OR_NO_WP = 1 << 2,	/* the same, or CR0.WP clear */
	NOT_NX = 1 << 3,	/* XD clear in all entries */
	NO_SMEP = 1 << 4,	/* CR4.SMEP clear */
	NO_SMAP = 1 << 5,	/* CR4.SMAP clear */
	NO_SMAP_OR_AC = 1 << 6, /* CR4.SMAP clear or EFLAGS.AC set */
};

/* 4.6.1, with [0] for supervisor-mode and [1] for user-mode addresses. */
static const unsigned needs[WHOS][KINDS][2] = {
	[USER] = {[READ] = {NEVER, 0}, [WRITE] = {NEVER, RW}, [FETCH] = {NEVER, NOT_NX}},
	[SUPERVISOR] = {[READ] = {0, NO_SMAP_OR_AC},
			[WRITE] = {RW_OR_NO_WP, RW_OR_NO_WP | NO_SMAP_OR_AC},
			[FETCH] = {NOT_NX, NOT_NX | NO_SMEP}},
	[IMPLICIT] = {[READ] = {0, NO_SMAP}, [WRITE] = {RW_OR_NO_WP, RW_OR_NO_WP | NO_SMAP}},
	[IMPLICIT_FROM_USER] =
		{[READ] = {0, NO_SMAP}, [WRITE] = {RW_OR_NO_WP, RW_OR_NO_WP | NO_SMAP}},
};

/* One point of the permission matrix. */
struct point {
	bool us, rw, nx, wp, smep, smap, ac, nxe;
	enum who who;
	enum kind kind;
	unsigned level; /* the entry that withholds what us, rw and nx withhold */
};

static bool expect_allowed(const struct point *p)
{
	unsigned need = needs[p->who][p->kind][p->us];

	return !(need & NEVER) && (!(need & RW) || p->rw) &&
	       (!(need & RW_OR_NO_WP) || p->rw || !p->wp) && (!(need & NOT_NX) || !p->nx) &&
	       (!(need & NO_SMEP) || !p->smep) && (!(need & NO_SMAP) || !p->smap) &&
	       (!(need & NO_SMAP_OR_AC) || !p->smap || p->ac);
}

/* 4.7: P W/R U/S RSVD I/D are bits 0 to 4. */
static uint32_t expect_error(const struct layout *l, const struct point *p, bool present,
			     bool reserved)
{
	uint32_t error = present ? 1 : 0;

	if (p->kind == WRITE)
		error |= 2;
	if (p->who == USER)
		error |= 4;
	if (reserved)
		error |= 8;
	if (p->kind == FETCH && (p->smep || (l->pae && p->nxe)))
		error |= 16;
	return error;
}

static unsigned access_of(const struct point *p)
{
	static const unsigned kinds[KINDS] = {X86_ACCESS_READ, X86_ACCESS_WRITE, X86_ACCESS_CODE};

	return kinds[p->kind] |
	       (p->who == IMPLICIT || p->who == IMPLICIT_FROM_USER ? X86_ACCESS_SYSTEM : 0);
}

static void apply(struct x86_world_ram *w, const struct layout *l, const struct point *p)
{
	struct x86_cpu *c = &w->cpu;
	uint64_t entry = entry_get(w, l, p->level);

	set_if(&entry, U, p->us);
	set_if(&entry, W, p->rw);
	set_if(&entry, NX, p->nx);
	entry_put(w, l, p->level, entry);
	set_if(&c->cr0, CR0_WP, p->wp);
	set_if(&c->cr4, CR4_SMEP, p->smep);
	set_if(&c->cr4, CR4_SMAP, p->smap);
	set_if(&c->efer, EFER_NXE, p->nxe);
	set_if(&c->rflags, X86_AC_FLAG, p->ac);
	set_cpl(c, p->who == USER || p->who == IMPLICIT_FROM_USER ? 3 : 0);
}

static void describe(const struct layout *l, const struct point *p)
{
	print_message("%s: level %u us %d rw %d nx %d wp %d smep %d smap %d ac %d nxe %d who %d "
		      "kind %d\n",
		      l->name, p->level, p->us, p->rw, p->nx, p->wp, p->smep, p->smap, p->ac,
		      p->nxe, p->who, p->kind);
}

static bool check_point(struct x86_world_ram *w, const struct layout *l, const struct point *p)
{
	struct x86_cpu *c = &w->cpu;
	uint64_t linear = linear_of(l), gpa = 0, before[4] = {0};
	bool ok = true;
	enum x86_status status;

	build(w, l);
	apply(w, l, p);
	for (unsigned level = l->leaf; level <= l->top; level++)
		before[level] = entry_get(w, l, level);
	status = page_walk(c, linear, access_of(p), &gpa);
	if (expect_allowed(p)) {
		uint64_t in_page = (1ull << shift_of(l, l->leaf)) - 1;

		ok = status == X86_OK && gpa == l->frame + (linear & in_page);
		for (unsigned level = l->leaf; level <= l->top; level++)
			before[level] |= A;
		if (p->kind == WRITE)
			before[l->leaf] |= D;
	} else {
		ok = status == X86_FAULT && c->event.vector == X86_PF && c->event.has_error &&
		     c->event.address == linear &&
		     c->event.error == expect_error(l, p, true, false);
	}
	for (unsigned level = l->leaf; level <= l->top; level++)
		ok &= entry_get(w, l, level) == before[level];
	if (!ok)
		describe(l, p);
	return ok;
}

/* Every value of p's ten booleans and enumerations from the bits of n; false: no such point. */
static bool point_number(const struct layout *l, unsigned n, struct point *p)
{
	*p = (struct point){
		.us = n & 1,
		.rw = n >> 1 & 1,
		.nx = n >> 2 & 1,
		.wp = n >> 3 & 1,
		.smep = n >> 4 & 1,
		.smap = n >> 5 & 1,
		.ac = n >> 6 & 1,
		.nxe = n >> 7 & 1,
		.who = n >> 8 & 3,
		.kind = n >> 10 & 3,
		.level = n >> 12 & 3,
	};
	if (p->kind == KINDS || p->level < l->leaf || p->level > l->top)
		return false;
	if (p->kind == FETCH && p->who >= IMPLICIT)
		return false;
	return !(p->nx && !(p->nxe && l->pae));
}

static void permissions(void **state)
{
	struct x86_world_ram *w = *state;
	unsigned checked = 0, wrong = 0;

	for (unsigned n = 0; n < LAYOUTS; n++)
		for (unsigned i = 0; i < 1u << 14; i++) {
			struct point p;

			if (!point_number(&layouts[n], i, &p))
				continue;
			checked++;
			wrong += !check_point(w, &layouts[n], &p);
		}
	print_message("%u points\n", checked);
	assert_int_equal(wrong, 0);
}

/* ---- entries that stop a walk ---- */

static const struct point user_fetch = {
	.us = true, .rw = true, .nxe = true, .who = USER, .kind = FETCH};
static const struct point user_write = {
	.us = true, .rw = true, .nxe = true, .who = USER, .kind = WRITE};

static bool faults_with(struct x86_world_ram *w, const struct layout *l, const struct point *p,
			bool present, bool reserved)
{
	struct x86_cpu *c = &w->cpu;
	uint64_t gpa;

	set_cpl(c, 3);
	c->event.kind = X86_EVENT_NONE;
	return page_walk(c, linear_of(l), access_of(p), &gpa) == X86_FAULT &&
	       c->event.vector == X86_PF && c->event.address == linear_of(l) &&
	       c->event.error == expect_error(l, p, present, reserved);
}

static void not_present(void **state)
{
	struct x86_world_ram *w = *state;

	for (unsigned n = 0; n < LAYOUTS; n++) {
		const struct layout *l = &layouts[n];

		for (unsigned level = l->leaf; level <= l->top; level++) {
			build(w, l);
			/* whatever the other bits of an entry that is not present say */
			entry_put(w, l, level, l->pae ? ~1ull : ~1u);
			assert_true(faults_with(w, l, &user_fetch, false, false));
			assert_true(faults_with(w, l, &user_write, false, false));
			for (unsigned above = level + 1; above <= l->top; above++)
				assert_false(entry_get(w, l, above) & A);
		}
	}
	build(w, &layouts[2]);
	w->cpu.pdpte[2] = 0;
	assert_true(faults_with(w, &layouts[2], &user_write, false, false));
}

static uint64_t bits(unsigned high, unsigned low)
{
	return (high == 63 ? ~0ull : (1ull << (high + 1)) - 1) & ~((1ull << low) - 1);
}

/* Tables 4-4 to 4-20 for MAXPHYADDR 46, PAT known, PSE-36 not, EFER.NXE set. */
static uint64_t expect_reserved(const struct layout *l, unsigned level)
{
	bool large = level == l->leaf && level > 0;

	if (!l->pae)
		return large ? bits(21, 13) : 0;
	if (!l->lma)
		return bits(62, 46) | (large ? bits(20, 13) : 0);
	if (large)
		return bits(51, 46) | (level == 2 ? bits(29, 13) : bits(20, 13));
	return bits(51, 46) | (level == 3 ? PS : 0);
}

static void reserved_bits(void **state)
{
	struct x86_world_ram *w = *state;

	for (unsigned n = 0; n < LAYOUTS; n++) {
		const struct layout *l = &layouts[n];

		for (unsigned level = l->leaf; level <= l->top; level++)
			for (unsigned bit = 0; bit < 8 * entry_bytes(l); bit++) {
				uint64_t gpa, entry;

				if (!(expect_reserved(l, level) >> bit & 1))
					continue;
				build(w, l);
				entry = entry_get(w, l, level);
				entry_put(w, l, level, entry | 1ull << bit);
				assert_true(faults_with(w, l, &user_fetch, true, true));
				assert_true(faults_with(w, l, &user_write, true, true));
				assert_int_equal(entry_get(w, l, level), entry | 1ull << bit);
				assert_false(page_walk_peek(&w->cpu, linear_of(l), &gpa));
			}
	}
}

/* Bits that are neither reserved nor an address nor known may have any value. */
static void ignored_bits(void **state)
{
	struct x86_world_ram *w = *state;

	for (unsigned n = 0; n < LAYOUTS; n++) {
		const struct layout *l = &layouts[n];

		for (unsigned level = l->leaf; level <= l->top; level++) {
			uint64_t ignored = bits(11, 8) | 0x18 | (l->lma ? bits(62, 52) : 0), gpa;
			bool large = level == l->leaf && level > 0;

			ignored |= large ? 1u << 12 : level == 0 ? PS : 0;
			build(w, l);
			entry_put(w, l, level, entry_get(w, l, level) | ignored);
			set_cpl(&w->cpu, 3);
			assert_int_equal(page_walk(&w->cpu, linear_of(l), 0, &gpa), X86_OK);
			assert_int_equal(gpa & X86_PAGE_MASK & ~bits(shift_of(l, l->leaf) - 1, 0),
					 l->frame);
		}
	}
}

static void nx_without_nxe_is_reserved(void **state)
{
	struct x86_world_ram *w = *state;
	struct point fetch = user_fetch;

	fetch.nxe = false;
	for (unsigned n = 2; n < LAYOUTS; n++)
		for (unsigned level = layouts[n].leaf; level <= layouts[n].top; level++) {
			build(w, &layouts[n]);
			entry_put(w, &layouts[n], level, entry_get(w, &layouts[n], level) | NX);
			w->cpu.efer &= ~(uint64_t)EFER_NXE;
			assert_true(faults_with(w, &layouts[n], &user_write, true, true));
			assert_true(faults_with(w, &layouts[n], &fetch, true, true));
		}
}

static void gib_pages_need_the_feature(void **state)
{
	struct x86_world_ram *w = *state;
	const struct x86_cpu_model *all = w->cpu.model;

	w->cpu.model = x86_cpu_model_find("portable-v1");
	build(w, &layouts[6]);
	assert_true(faults_with(w, &layouts[6], &user_write, true, true));
	w->cpu.model = all;
	build(w, &layouts[6]);
	assert_false(faults_with(w, &layouts[6], &user_write, true, true));
}

static void without_pse_the_size_bit_means_nothing(void **state)
{
	struct x86_world_ram *w = *state;
	uint64_t gpa;

	build(w, &layouts[0]);
	entry_put(w, &layouts[0], 1, entry_get(w, &layouts[0], 1) | PS);
	w->cpu.cr4 &= ~(uint64_t)CR4_PSE;
	assert_int_equal(page_walk(&w->cpu, linear_of(&layouts[0]), 0, &gpa), X86_OK);
	assert_int_equal(gpa, layouts[0].frame + 0x123);
}

static void tables_outside_ram(void **state)
{
	struct x86_world_ram *w = *state;

	for (unsigned n = 2; n < LAYOUTS; n++)
		for (unsigned level = layouts[n].leaf + 1; level <= layouts[n].top; level++) {
			build(w, &layouts[n]);
			entry_put(w, &layouts[n], level, 0x30000000 | P | W | U);
			assert_true(faults_with(w, &layouts[n], &user_write, true, true));
		}
}

static void pdptes(void **state)
{
	struct x86_world_ram *w = *state;
	uint64_t loaded[4] = {9, 9, 9, 9};

	build(w, &layouts[2]);
	for (unsigned n = 0; n < 4; n++)
		x86_ram_put(w, CR3_PAE + 0x20 + 8 * n, 8, n * 0x1000 | P | 0xe18);
	assert_int_equal(page_walk_load_pdptes(&w->cpu, CR3_PAE + 0x20 + 0x1f, loaded), X86_OK);
	for (unsigned n = 0; n < 4; n++)
		assert_int_equal(loaded[n], n * 0x1000 | P | 0xe18);
	for (unsigned bit = 1; bit < 64; bit++) {
		bool reserved = (bits(2, 1) | bits(8, 5) | bits(63, 46)) >> bit & 1;

		x86_ram_put(w, CR3_PAE + 0x30, 8, 1ull << bit | P);
		assert_int_equal(page_walk_load_pdptes(&w->cpu, CR3_PAE + 0x20, loaded),
				 reserved ? X86_FAULT : X86_OK);
		if (reserved)
			assert_int_equal(w->cpu.event.vector, X86_GP);
		x86_ram_put(w, CR3_PAE + 0x30, 8, 1ull << bit); /* not present: anything goes */
		assert_int_equal(page_walk_load_pdptes(&w->cpu, CR3_PAE + 0x20, loaded), X86_OK);
	}
	assert_int_equal(page_walk_load_pdptes(&w->cpu, RAM_BYTES, loaded), X86_FAULT);
}

static void peek_changes_nothing(void **state)
{
	struct x86_world_ram *w = *state;

	for (unsigned n = 0; n < LAYOUTS; n++) {
		uint64_t gpa = 0;

		build(w, &layouts[n]);
		assert_true(page_walk_peek(&w->cpu, linear_of(&layouts[n]), &gpa));
		assert_int_equal(gpa & 0xfff, 0x123);
		for (unsigned level = layouts[n].leaf; level <= layouts[n].top; level++)
			assert_false(entry_get(w, &layouts[n], level) & (A | D));
		entry_put(w, &layouts[n], layouts[n].top, 0);
		assert_false(page_walk_peek(&w->cpu, linear_of(&layouts[n]), &gpa));
	}
}

static int world_setup(void **state)
{
	*state = x86_world_ram_create(RAM_BYTES);
	return 0;
}

static int world_teardown(void **state)
{
	x86_world_ram_destroy(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permissions),
		cmocka_unit_test(not_present),
		cmocka_unit_test(reserved_bits),
		cmocka_unit_test(ignored_bits),
		cmocka_unit_test(nx_without_nxe_is_reserved),
		cmocka_unit_test(gib_pages_need_the_feature),
		cmocka_unit_test(without_pse_the_size_bit_means_nothing),
		cmocka_unit_test(tables_outside_ram),
		cmocka_unit_test(pdptes),
		cmocka_unit_test(peek_changes_nothing),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
