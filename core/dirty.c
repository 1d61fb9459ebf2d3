#include "core/dirty.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static uint64_t words_of(uint64_t pages)
{
	return pages / 64 + (pages % 64 != 0);
}

int page_set_init(struct page_set *set, uint64_t pages, struct err *err)
{
	set->pages = pages;
	set->words = calloc(words_of(pages) + !pages, sizeof(uint64_t));
	if (!set->words)
		return err_set(err, ERR_NO_MEMORY, "no memory for a set of %" PRIu64 " pages",
			       pages);
	return 0;
}

void page_set_free(struct page_set *set)
{
	free(set->words);
	*set = (struct page_set){0};
}

void page_set_clear(struct page_set *set)
{
	memset(set->words, 0, words_of(set->pages) * sizeof(uint64_t));
}

void page_set_fill(struct page_set *set)
{
	memset(set->words, 0xff, words_of(set->pages) * sizeof(uint64_t));
	if (set->pages % 64)
		set->words[set->pages / 64] = (1ull << set->pages % 64) - 1;
}

uint64_t page_set_count(const struct page_set *set)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < words_of(set->pages); i++)
		count += (unsigned)__builtin_popcountll(set->words[i]);
	return count;
}

void page_set_merge(struct page_set *set, const struct page_set *other)
{
	assert(set->pages == other->pages);
	for (uint64_t i = 0; i < words_of(set->pages); i++)
		set->words[i] |= other->words[i];
}

void page_set_subtract(struct page_set *set, const struct page_set *other)
{
	assert(set->pages == other->pages);
	for (uint64_t i = 0; i < words_of(set->pages); i++)
		set->words[i] &= ~other->words[i];
}

uint64_t page_set_next(const struct page_set *set, uint64_t page)
{
	uint64_t word = page / 64;
	uint64_t bits;

	if (page >= set->pages)
		return set->pages;
	bits = set->words[word] & ~0ull << page % 64;
	while (!bits) {
		if (++word == words_of(set->pages))
			return set->pages;
		bits = set->words[word];
	}
	return word * 64 + (unsigned)__builtin_ctzll(bits);
}

#define DIRTY_IN_EIGHT (0x0101010101010101ull * MEM_PAGE_DIRTY)

/* Most pages are clean: eight watch bytes are looked at in one go. */
uint64_t dirty_harvest(struct memory *memory, struct page_set *set)
{
	uint64_t harvested = 0;
	uint64_t page = 0;

	assert(set->pages == memory->pages);
	while (page < memory->pages) {
		uint64_t eight;

		if (memory->pages - page >= 8) {
			memcpy(&eight, memory->watch + page, sizeof(eight));
			if (!(eight & DIRTY_IN_EIGHT)) {
				page += 8;
				continue;
			}
		}
		if (memory->watch[page] & MEM_PAGE_DIRTY) {
			memory->watch[page] &= (uint8_t)~MEM_PAGE_DIRTY;
			page_set_add(set, page);
			harvested++;
		}
		page++;
	}
	return harvested;
}

void dirty_rearm(struct memory *memory, const struct page_set *set)
{
	assert(set->pages == memory->pages);
	page_set_for_each(set, page)
		memory->watch[page] |= MEM_PAGE_DIRTY;
}
