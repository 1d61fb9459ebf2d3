/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page walk (SDM vol. 3A chapter 4).
 *
 * A walk has two halves.  The first reads entries downwards until one maps a page or the walk
 * cannot go on, and changes nothing.  The second, once the access is known to be allowed, sets
 * the accessed bit of every entry used and the dirty bit of the last one.  So an access that
 * faults leaves the paging structures as they were, which is one of the behaviours the
 * architecture allows.
 *
 * PAT bits in entries are ignored and never reserved: memory types mean nothing here.
 */
#include "core/x86/page_walk.h"

#include "core/x86/cpuid.h"
#include "core/x86/fault.h"

#include <string.h>

#define PTE_P  (1ull << 0)
#define PTE_W  (1ull << 1)
#define PTE_U  (1ull << 2)
#define PTE_A  (1u << 5)
#define PTE_D  (1u << 6)
#define PTE_PS (1ull << 7)
#define PTE_NX (1ull << 63)

#define ERROR_P	   (1u << 0)
#define ERROR_W	   (1u << 1)
#define ERROR_U	   (1u << 2)
#define ERROR_RSVD (1u << 3)
#define ERROR_I	   (1u << 4)

#define LEVELS_MAX 4

/* What a walk found.  Levels count up from 0, the page table. */
struct walk {
	unsigned used; /* entries read */
	uint64_t entry_gpa[LEVELS_MAX];
	uint8_t *entry[LEVELS_MAX]; /* in guest memory; NULL: not RAM */
	uint64_t rights;	    /* PTE_W and PTE_U that all entries grant */
	bool no_execute;	    /* some entry forbids fetches */
	uint64_t gpa;		    /* result */
};

/* How entries look in the current paging mode. */
struct format {
	unsigned entry_bytes;
	unsigned index_bits;
	bool large_pages;
	bool gib_pages;
	uint64_t always_reserved; /* bits that no present entry may have */
	uint64_t frame;		  /* bits that hold an address */
};

static struct format format_now(const struct x86_cpu *c)
{
	uint64_t no_physical = x86_no_physical(c);
	struct format f = {.entry_bytes = 8, .index_bits = 9, .large_pages = true};

	if (!(c->cr4 & CR4_PAE)) {
		f.entry_bytes = 4;
		f.index_bits = 10;
		f.large_pages = c->cr4 & CR4_PSE;
		f.frame = 0xfffff000;
		return f;
	}
	f.frame = X86_PAGE_MASK & ~no_physical;
	/* bits 62:52 are free for software in 4-level paging only */
	f.always_reserved = no_physical & (c->long_mode ? (1ull << 52) - 1 : ~PTE_NX);
	if (!(c->efer & EFER_NXE))
		f.always_reserved |= PTE_NX;
	f.gib_pages = c->long_mode && x86_has(c, X86_FEAT_GBPAGES);
	return f;
}

static bool maps_page(const struct format *f, unsigned level, uint64_t entry)
{
	if (level == 0)
		return true;
	if (!(entry & PTE_PS))
		return false;
	return level == 1 ? f->large_pages : level == 2 && f->gib_pages;
}

static unsigned level_shift(const struct format *f, unsigned level)
{
	return 12 + f->index_bits * level;
}

static bool has_reserved_bits(const struct format *f, unsigned level, uint64_t entry)
{
	uint64_t reserved = f->always_reserved;

	if (level > 0 && maps_page(f, level, entry)) /* address bits below the page's size */
		reserved |= (1ull << level_shift(f, level)) - (1ull << 13);
	else if (level >= 2)
		reserved |= PTE_PS;
	return entry & reserved;
}

static uint64_t entry_read(struct x86_cpu *c, struct walk *w, uint64_t gpa, unsigned entry_bytes)
{
	struct x86_page p = c->world->page(c->world_ctx, gpa & X86_PAGE_MASK, X86_PAGE_TABLE);
	uint64_t entry = 0;

	w->entry_gpa[w->used] = gpa;
	w->entry[w->used] = p.host ? p.host + (gpa & ~X86_PAGE_MASK) : NULL;
	if (p.host)
		memcpy(&entry, w->entry[w->used], entry_bytes);
	else
		memset(&entry, 0xff, entry_bytes);
	w->used++;
	return entry;
}

/* Where the walk starts: false when PAE paging's own registers say "not present". */
static bool walk_start(const struct x86_cpu *c, uint64_t linear, uint64_t *table, unsigned *level)
{
	if (c->long_mode) {
		*table = c->cr3 & X86_PAGE_MASK;
		*level = 3;
		return true;
	}
	*level = 1;
	if (c->cr4 & CR4_PAE) {
		uint64_t pdpte = c->pdpte[linear >> 30 & 3];

		*table = pdpte & X86_PAGE_MASK;
		return pdpte & PTE_P;
	}
	*table = c->cr3 & 0xfffff000;
	return true;
}

/* The first half.  Returns 0 with *w complete, or the bits that tell of the failure in the error
 * code, with "not present" as ERROR_NOT_PRESENT. */
#define ERROR_NOT_PRESENT (1u << 31)

static uint32_t walk_down(struct x86_cpu *c, uint64_t linear, struct walk *w)
{
	struct format f = format_now(c);
	uint64_t table, entry, index, page_mask;
	unsigned level;

	w->used = 0;
	w->rights = PTE_W | PTE_U;
	w->no_execute = false;
	if (!walk_start(c, linear, &table, &level))
		return ERROR_NOT_PRESENT;
	for (;; level--) {
		index = linear >> level_shift(&f, level) & ((1u << f.index_bits) - 1);
		entry = entry_read(c, w, table + index * f.entry_bytes, f.entry_bytes);
		if (!(entry & PTE_P))
			return ERROR_NOT_PRESENT;
		if (has_reserved_bits(&f, level, entry))
			return ERROR_P | ERROR_RSVD;
		w->rights &= entry;
		w->no_execute |= entry >> 63;
		table = entry & f.frame;
		if (maps_page(&f, level, entry))
			break;
	}
	page_mask = (1ull << level_shift(&f, level)) - 1;
	w->gpa = (table & ~page_mask) | (linear & page_mask);
	return 0;
}

static bool is_user(const struct x86_cpu *c, unsigned access)
{
	return c->cpl == 3 && !(access & X86_ACCESS_SYSTEM);
}

/* SDM vol. 3A 4.6.1. */
static bool is_allowed(const struct x86_cpu *c, const struct walk *w, unsigned access)
{
	bool user_page = w->rights & PTE_U;
	bool writable = w->rights & PTE_W;

	if (access & X86_ACCESS_CODE && w->no_execute)
		return false;
	if (is_user(c, access))
		return user_page && (writable || !(access & X86_ACCESS_WRITE));
	if (access & X86_ACCESS_WRITE && !writable && c->cr0 & CR0_WP)
		return false;
	if (!user_page)
		return true;
	if (access & X86_ACCESS_CODE)
		return !(c->cr4 & CR4_SMEP);
	if (!(c->cr4 & CR4_SMAP))
		return true;
	return c->rflags & X86_AC_FLAG && !(access & X86_ACCESS_SYSTEM);
}

static void set_entry_bits(struct x86_cpu *c, const struct walk *w, unsigned n, uint8_t bits)
{
	if (!w->entry[n] || (*w->entry[n] & bits) == bits)
		return;
	c->world->page(c->world_ctx, w->entry_gpa[n] & X86_PAGE_MASK, X86_PAGE_WRITE);
	*w->entry[n] |= bits;
}

static enum x86_status refuse(struct x86_cpu *c, uint64_t linear, unsigned access, uint32_t error)
{
	bool tells_fetches = c->cr4 & CR4_SMEP || (c->cr4 & CR4_PAE && c->efer & EFER_NXE);

	error &= ERROR_P | ERROR_RSVD;
	if (access & X86_ACCESS_WRITE)
		error |= ERROR_W;
	if (is_user(c, access))
		error |= ERROR_U;
	if (access & X86_ACCESS_CODE && tells_fetches)
		error |= ERROR_I;
	return x86_raise_page_fault(c, linear, error);
}

enum x86_status page_walk(struct x86_cpu *c, uint64_t linear, unsigned access, uint64_t *gpa)
{
	struct walk w;
	uint32_t error;

	if (!(c->cr0 & CR0_PG)) {
		*gpa = linear;
		return X86_OK;
	}
	error = walk_down(c, linear, &w);
	if (!error && !is_allowed(c, &w, access))
		error = ERROR_P;
	if (error)
		return refuse(c, linear, access, error);
	for (unsigned n = 0; n + 1 < w.used; n++)
		set_entry_bits(c, &w, n, PTE_A);
	set_entry_bits(c, &w, w.used - 1, access & X86_ACCESS_WRITE ? PTE_A | PTE_D : PTE_A);
	*gpa = w.gpa;
	return X86_OK;
}

bool page_walk_peek(struct x86_cpu *c, uint64_t linear, uint64_t *gpa)
{
	struct walk w;

	if (!(c->cr0 & CR0_PG)) {
		*gpa = linear;
		return true;
	}
	if (walk_down(c, linear, &w))
		return false;
	*gpa = w.gpa;
	return true;
}

uint64_t page_walk_pdpte_reserved(const struct x86_cpu *c)
{
	return x86_no_physical(c) | 0x1e6;
}

enum x86_status page_walk_load_pdptes(struct x86_cpu *c, uint64_t cr3, uint64_t pdpte[4])
{
	uint64_t gpa = cr3 & 0xffffffe0;
	struct x86_page p = c->world->page(c->world_ctx, gpa & X86_PAGE_MASK, X86_PAGE_READ);
	uint64_t loaded[4];

	if (p.host)
		memcpy(loaded, p.host + (gpa & ~X86_PAGE_MASK), sizeof(loaded));
	else
		memset(loaded, 0xff, sizeof(loaded));
	for (unsigned n = 0; n < 4; n++)
		if (loaded[n] & PTE_P && loaded[n] & page_walk_pdpte_reserved(c))
			return x86_raise_gp(c);
	memcpy(pdpte, loaded, sizeof(loaded));
	return X86_OK;
}
