/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/interpret/block.h"

#include <stdlib.h>
#include <sys/mman.h>

#define BUCKETS	       (1u << 16)
#define GRANULE_BYTES  64u
#define BLOCK_MAX_ROOM (sizeof(struct block) + (BLOCK_INSNS_MAX + 1) * sizeof(struct uop))

/* What is decoded from one page of guest memory. */
struct code_page {
	struct block *first;
	uint64_t granules; /* bit n: some of bytes 64n .. 64n+63 were decoded */
};

struct block_cache {
	struct memory *memory;
	uint8_t *room;
	size_t room_bytes, used;
	struct code_page *page; /* by page number */
	struct block *bucket[BUCKETS];
};

static struct block **bucket_of(struct block_cache *cache, uint64_t gpa, uint32_t mode)
{
	uint64_t h = (gpa ^ (uint64_t)mode << 40) * 0x9e3779b97f4a7c15ull;

	return &cache->bucket[h >> 48];
}

static void *zero_pages(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

struct block_cache *block_cache_create(struct memory *memory, size_t room_bytes, struct err *err)
{
	struct block_cache *cache = calloc(1, sizeof(*cache));

	if (!cache) {
		err_set(err, ERR_NO_MEMORY, "no memory for the cache of decoded code");
		return NULL;
	}
	cache->memory = memory;
	cache->room_bytes = room_bytes;
	cache->room = zero_pages(room_bytes);
	cache->page = zero_pages(memory->pages * sizeof(*cache->page));
	if (!cache->room || !cache->page) {
		err_set(err, ERR_NO_MEMORY, "no memory for the cache of decoded code");
		block_cache_destroy(cache);
		return NULL;
	}
	return cache;
}

void block_cache_destroy(struct block_cache *cache)
{
	if (!cache)
		return;
	if (cache->room)
		munmap(cache->room, cache->room_bytes);
	if (cache->page)
		munmap(cache->page, cache->memory->pages * sizeof(*cache->page));
	free(cache);
}

struct block *block_cache_find(struct block_cache *cache, uint64_t gpa, uint32_t mode)
{
	struct block *b = *bucket_of(cache, gpa, mode);

	while (b && (b->gpa != gpa || b->mode != mode))
		b = b->hash_next;
	return b;
}

bool block_cache_full(const struct block_cache *cache)
{
	return cache->room_bytes - cache->used < BLOCK_MAX_ROOM;
}

struct block *block_cache_reserve(struct block_cache *cache)
{
	struct block *b = (struct block *)(cache->room + cache->used);

	b->hash_next = b->page_next[0] = b->page_next[1] = NULL;
	b->dead = false;
	return b;
}

static bool block_crosses(const struct block *b)
{
	return b->gpa_last_page != (b->gpa & ~(MEM_PAGE_BYTES - 1));
}

/* Puts the block on the list of one of its pages and marks the bytes it was decoded from. */
static void page_add(struct block_cache *cache, struct block *b, unsigned slot, uint64_t gpa,
		     unsigned n_bytes)
{
	uint64_t number = memory_page_number(cache->memory, gpa);
	unsigned first = gpa % MEM_PAGE_BYTES / GRANULE_BYTES;
	unsigned last = (gpa % MEM_PAGE_BYTES + n_bytes - 1) / GRANULE_BYTES;
	struct code_page *p = &cache->page[number];

	for (unsigned n = first; n <= last && n < 64; n++)
		p->granules |= 1ull << n;
	b->page_next[slot] = p->first;
	p->first = b;
}

void block_cache_add(struct block_cache *cache, struct block *b, unsigned n_uops)
{
	struct block **bucket = bucket_of(cache, b->gpa, b->mode);
	unsigned in_first_page = MEM_PAGE_BYTES - b->gpa % MEM_PAGE_BYTES;

	b->hash_next = *bucket;
	*bucket = b;
	if (block_crosses(b)) {
		page_add(cache, b, 0, b->gpa, in_first_page);
		page_add(cache, b, 1, b->gpa_last_page, b->n_bytes - in_first_page);
	} else {
		page_add(cache, b, 0, b->gpa, b->n_bytes);
	}
	cache->used += sizeof(*b) + n_uops * sizeof(struct uop);
	cache->used = (cache->used + 63) & ~(size_t)63;
}

void block_cache_empty(struct block_cache *cache)
{
	for (size_t n = 0; n < BUCKETS; n++) {
		for (struct block *b = cache->bucket[n]; b; b = b->hash_next) {
			uint64_t first = memory_page_number(cache->memory, b->gpa);
			uint64_t last = memory_page_number(cache->memory, b->gpa_last_page);

			cache->page[first] = cache->page[last] = (struct code_page){0};
			*memory_page_watch(cache->memory, first) &= (uint8_t)~MEM_PAGE_CODE;
			*memory_page_watch(cache->memory, last) &= (uint8_t)~MEM_PAGE_CODE;
		}
		cache->bucket[n] = NULL;
	}
	cache->used = 0;
}

static void bucket_remove(struct block_cache *cache, struct block *b)
{
	struct block **at = bucket_of(cache, b->gpa, b->mode);

	while (*at != b)
		at = &(*at)->hash_next;
	*at = b->hash_next;
}

/* The link that leads from b to the next block of the page that starts at page_gpa. */
static struct block **page_link(struct block *b, uint64_t page_gpa)
{
	return &b->page_next[(b->gpa & ~(MEM_PAGE_BYTES - 1)) != page_gpa];
}

static void page_remove(struct block_cache *cache, struct block *b, uint64_t page_gpa)
{
	struct block **at = &cache->page[memory_page_number(cache->memory, page_gpa)].first;

	while (*at != b)
		at = page_link(*at, page_gpa);
	*at = *page_link(b, page_gpa);
}

bool block_cache_changing(struct block_cache *cache, uint64_t gpa, unsigned len_bytes)
{
	uint64_t page_gpa = gpa & ~(MEM_PAGE_BYTES - 1);
	uint64_t number = memory_page_number(cache->memory, gpa);
	struct code_page *p = &cache->page[number];
	unsigned first = gpa % MEM_PAGE_BYTES / GRANULE_BYTES;
	unsigned last = (gpa % MEM_PAGE_BYTES + len_bytes - 1) / GRANULE_BYTES;
	uint64_t touched = (~0ull >> (63 - (last - first))) << first;

	if (!(p->granules & touched))
		return false;
	while (p->first) {
		struct block *b = p->first;
		uint64_t first_page = b->gpa & ~(MEM_PAGE_BYTES - 1);

		b->dead = true;
		bucket_remove(cache, b);
		page_remove(cache, b, page_gpa);
		if (block_crosses(b))
			page_remove(cache, b,
				    first_page == page_gpa ? b->gpa_last_page : first_page);
	}
	p->granules = 0;
	*memory_page_watch(cache->memory, number) &= (uint8_t)~MEM_PAGE_CODE;
	return true;
}
