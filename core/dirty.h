/*
 * Page sets, and the harvest of dirty pages into them.
 *
 * A harvest takes the pages written since the one before and leaves them clean. What was taken is
 * owed: until the receiver has confirmed it, whoever harvested keeps the set, and gives it back
 * with dirty_rearm() when the sending fails, so that no write is ever lost to a broken connection.
 *
 *	dirty_harvest(memory, &set);	the engine drops its cached permissions to write
 *	... copy the pages, send them ...
 *	if (failed)
 *		dirty_rearm(memory, &set);
 */
#ifndef CORE_DIRTY_H
#define CORE_DIRTY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/memory.h"

/* A set of page numbers below `pages`. Bits past the end of the last word are 0. */
struct page_set {
	uint64_t pages;
	uint64_t *words; /* owned; 64 pages to a word, the lowest in bit 0 */
};

/* Makes an empty set. Returns 0 or ERR_NO_MEMORY. Free with page_set_free(). */
int page_set_init(struct page_set *set, uint64_t pages, struct err *err);

/* Releases the words; the set is then only good for page_set_init(). */
void page_set_free(struct page_set *set);

/* Take all pages out of the set, and put all pages in. */
void page_set_clear(struct page_set *set);
void page_set_fill(struct page_set *set);

/* page < set->pages in all three. */
static inline void page_set_add(struct page_set *set, uint64_t page)
{
	set->words[page / 64] |= 1ull << page % 64;
}

static inline void page_set_remove(struct page_set *set, uint64_t page)
{
	set->words[page / 64] &= ~(1ull << page % 64);
}

static inline bool page_set_has(const struct page_set *set, uint64_t page)
{
	return set->words[page / 64] >> page % 64 & 1;
}

/* How many pages the set has. */
uint64_t page_set_count(const struct page_set *set);

/* Adds to set, or takes from it, all pages of other, which has as many pages. */
void page_set_merge(struct page_set *set, const struct page_set *other);
void page_set_subtract(struct page_set *set, const struct page_set *other);

/* The lowest page of the set from `page` on, or set->pages when there is none. */
uint64_t page_set_next(const struct page_set *set, uint64_t page);

/* Visits the pages of a set in ascending order; the body may remove the page it is visiting. */
#define page_set_for_each(set, page)                                     \
	for (uint64_t page = page_set_next(set, 0); page < (set)->pages; \
	     page = page_set_next(set, page + 1))

/*
 * Adds every dirty page of memory to set (which has memory->pages pages) and marks it clean. The
 * vCPUs must not be running; the caller then tells the engine to drop its cached permissions to
 * write. Returns how many pages were dirty.
 */
uint64_t dirty_harvest(struct memory *memory, struct page_set *set);

/* Marks every page of set dirty again, for the next harvest. The set keeps its pages. */
void dirty_rearm(struct memory *memory, const struct page_set *set);

#endif
