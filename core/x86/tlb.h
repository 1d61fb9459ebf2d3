/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software TLB: linear page to host address, per access kind and per privilege.
 *
 * It is coherent: a translation is dropped as soon as the paging structures it came from change
 * (x86_world.h, page_changing), so that execution behaves as if every access walked the tables
 * anew.  That is a behaviour the architecture allows (a TLB may hold nothing at all), and the
 * only one that is a function of the guest's state alone: a hardware-like stale entry would make
 * a run depend on what happened to be cached, and a replay that starts from a checkpoint with an
 * empty TLB would take another path.
 *
 * A translation is only ever made from entries whose present and accessed bits are set in guest
 * memory, so a write to a paging structure needs a flush only if it touches an entry with both.
 *
 * Each set has its own entries, so a change of privilege flushes nothing.
 */
#ifndef CORE_X86_TLB_H
#define CORE_X86_TLB_H

#include <stdint.h>

#define X86_TLB_ENTRIES 512
#define X86_PAGE_BYTES	4096u
#define X86_PAGE_MASK	(~(uint64_t)(X86_PAGE_BYTES - 1))

enum x86_tlb_kind { X86_TLB_READ, X86_TLB_WRITE, X86_TLB_CODE, X86_TLB_KINDS };

/* Whose rights the entries were checked against. */
enum x86_tlb_set {
	X86_TLB_SYSTEM,	   /* CPL 0..2 */
	X86_TLB_SYSTEM_AC, /* CPL 0..2 with EFLAGS.AC: SMAP suspended */
	X86_TLB_USER,	   /* CPL 3 */
	X86_TLB_SETS
};

struct x86_tlb_entry {
	uint64_t page;	  /* linear address of the page; an odd value when empty */
	uintptr_t addend; /* host address = linear address + addend */
};

#define X86_TLB_NO_PAGE 1ull

struct x86_tlb {
	struct x86_tlb_entry set[X86_TLB_SETS][X86_TLB_KINDS][X86_TLB_ENTRIES];
	/* The set that ordinary accesses use now; chosen by x86_mode_update(). */
	const struct x86_tlb_entry *read, *write, *code;
	uint16_t filled[X86_TLB_SETS][X86_TLB_KINDS]; /* entries put in since the last flush */
	uint16_t slot[X86_TLB_SETS][X86_TLB_KINDS][X86_TLB_ENTRIES]; /* which ones */
	uint64_t generation; /* grows with every flush of code translations */
};

/* The host address of size_bytes bytes at linear, if one cached page holds them all, else NULL. */
static inline void *tlb_hit(const struct x86_tlb_entry *entries, uint64_t linear,
			    unsigned size_bytes)
{
	const struct x86_tlb_entry *e = &entries[linear / X86_PAGE_BYTES % X86_TLB_ENTRIES];

	if (__builtin_expect(e->page != ((linear + size_bytes - 1) & X86_PAGE_MASK), 0))
		return 0;
	return (void *)(uintptr_t)(linear + e->addend);
}

/* Empties all sets and starts a new generation. */
void tlb_flush(struct x86_tlb *tlb);

/* Empties the write translations only: after pages were marked clean, or as code. */
void tlb_flush_writes(struct x86_tlb *tlb);

/* Drops one linear page from all sets (INVLPG). */
void tlb_flush_page(struct x86_tlb *tlb, uint64_t linear);

/* First use of a zeroed or foreign structure: all entries empty, generation 1. */
void tlb_init(struct x86_tlb *tlb);

/* Keeps a translation. */
void tlb_fill(struct x86_tlb *tlb, enum x86_tlb_set set, enum x86_tlb_kind kind, uint64_t linear,
	      void *host_page);

#endif
