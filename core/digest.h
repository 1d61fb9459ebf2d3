/*
 * Digests: what two machines compare to learn whether they are in the same state, and if not, where
 * they first differ.
 *
 * A digest is a short list of named parts, each a 64-bit value: "memory", "vcpu0", "uart"... Two
 * digests are compared part by part, in order, so a difference has a name. To go further down,
 * memory digests name the first page, and state_compare() the first field.
 *
 * Memory is digested per page, and the pages' values are added up with their numbers mixed in. The
 * table of page values is kept, so that after a run only the pages that were written need hashing
 * again.
 */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include <stdint.h>

#include "core/base/err.h"
#include "core/dirty.h"
#include "core/memory.h"
#include "core/state.h"

#define DIGEST_PARTS_MAX  192
#define DIGEST_NAME_BYTES 32

struct digest_part {
	char name[DIGEST_NAME_BYTES];
	uint64_t value;
};

struct digest {
	unsigned count;
	struct digest_part part[DIGEST_PARTS_MAX];
};

/* The values of all pages of one memory. Fields are for reading. */
struct memory_digest {
	uint64_t pages;
	uint64_t *page_value; /* owned: XXH3-64 of each page's contents */
	uint64_t sum;	      /* over all pages, each mixed with its number */
};

/*
 * Digests all of memory; pages that the host never backed are not touched. Returns 0 or
 * ERR_NO_MEMORY. Free with memory_digest_free().
 */
int memory_digest_init(struct memory_digest *digest, const struct memory *memory, struct err *err);
void memory_digest_free(struct memory_digest *digest);

/* Brings the digest up to date, given all pages written since it was. */
void memory_digest_update(struct memory_digest *digest, const struct memory *memory,
			  const struct page_set *written);

/* The first page at which digests of equally large memories differ, or pages when they agree. */
uint64_t memory_digest_difference(const struct memory_digest *a, const struct memory_digest *b);

/* Makes the digest empty. */
void digest_start(struct digest *digest);

/*
 * Adds one part. Names are unique within a digest and shorter than DIGEST_NAME_BYTES, and there are
 * at most DIGEST_PARTS_MAX parts: these are asserted.
 */
void digest_add(struct digest *digest, const char *name, uint64_t value);
void digest_add_bytes(struct digest *digest, const char *name, const void *data, size_t size_bytes);
void digest_add_memory(struct digest *digest, const struct memory_digest *memory);

/* Adds an object as its table saves it. */
void digest_add_state(struct digest *digest, const char *name, const struct state_table *table,
		      const void *object);

/* One value over all parts and their names. */
uint64_t digest_value(const struct digest *digest);

/*
 * Returns 0 when both digests have the same parts with the same values, else ERR_MISMATCH with a
 * sentence that names the first part that differs or that only one of them has.
 */
int digest_compare(const struct digest *a, const struct digest *b, struct err *err);

#endif
