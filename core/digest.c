#include "core/digest.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/checksum.h"

static uint64_t page_contribution(uint64_t page, uint64_t value)
{
	return checksum64(&value, sizeof(value), page + 1);
}

static uint64_t page_hash(const struct memory *memory, uint64_t page)
{
	return checksum64(memory_page_host(memory, page), MEM_PAGE_BYTES, 0);
}

static uint64_t zero_page_hash(void)
{
	static const uint8_t zeros[MEM_PAGE_BYTES];

	return checksum64(zeros, sizeof(zeros), 0);
}

int memory_digest_init(struct memory_digest *digest, const struct memory *memory, struct err *err)
{
	uint64_t zero = zero_page_hash();
	uint64_t backed = memory_next_backed_page(memory, 0);

	*digest = (struct memory_digest){.pages = memory->pages};
	digest->page_value = malloc(memory->pages * sizeof(uint64_t));
	if (!digest->page_value)
		return err_set(err, ERR_NO_MEMORY, "no memory to digest %" PRIu64 " pages",
			       memory->pages);
	for (uint64_t page = 0; page < memory->pages; page++) {
		uint64_t value = zero;

		if (page == backed) {
			value = page_hash(memory, page);
			backed = memory_next_backed_page(memory, page + 1);
		}
		digest->page_value[page] = value;
		digest->sum += page_contribution(page, value);
	}
	return 0;
}

void memory_digest_free(struct memory_digest *digest)
{
	free(digest->page_value);
	*digest = (struct memory_digest){0};
}

void memory_digest_update(struct memory_digest *digest, const struct memory *memory,
			  const struct page_set *written)
{
	assert(digest->pages == memory->pages && written->pages == memory->pages);
	page_set_for_each(written, page) {
		uint64_t value = page_hash(memory, page);

		digest->sum -= page_contribution(page, digest->page_value[page]);
		digest->sum += page_contribution(page, value);
		digest->page_value[page] = value;
	}
}

uint64_t memory_digest_difference(const struct memory_digest *a, const struct memory_digest *b)
{
	uint64_t page = 0;

	assert(a->pages == b->pages);
	while (page < a->pages && a->page_value[page] == b->page_value[page])
		page++;
	return page;
}

void digest_start(struct digest *digest)
{
	digest->count = 0;
}

static const struct digest_part *part_find(const struct digest *digest, const char *name)
{
	for (unsigned i = 0; i < digest->count; i++)
		if (!strcmp(digest->part[i].name, name))
			return &digest->part[i];
	return NULL;
}

void digest_add(struct digest *digest, const char *name, uint64_t value)
{
	struct digest_part *part = &digest->part[digest->count];

	assert(digest->count < DIGEST_PARTS_MAX);
	assert(strlen(name) < DIGEST_NAME_BYTES && !part_find(digest, name));
	memset(part->name, 0, sizeof(part->name));
	memcpy(part->name, name, strlen(name));
	part->value = value;
	digest->count++;
}

void digest_add_bytes(struct digest *digest, const char *name, const void *data, size_t size_bytes)
{
	digest_add(digest, name, checksum64(data, size_bytes, 0));
}

void digest_add_memory(struct digest *digest, const struct memory_digest *memory)
{
	digest_add(digest, "memory", memory->sum);
}

static int hash_write(void *context, const void *data, size_t size_bytes, struct err *err)
{
	(void)err;
	checksum_stream_add(context, data, size_bytes);
	return 0;
}

static int hash_flush(void *context, struct err *err)
{
	(void)context;
	(void)err;
	return 0;
}

static const struct byte_sink_ops hash_ops = {
	.write = hash_write,
	.flush = hash_flush,
};

void digest_add_state(struct digest *digest, const char *name, const struct state_table *table,
		      const void *object)
{
	struct checksum_stream stream;
	int failed;

	checksum_stream_start(&stream, 0);
	failed = state_save(table, object, (struct byte_sink){&hash_ops, &stream}, NULL);
	assert(!failed);
	digest_add(digest, name, checksum_stream_value64(&stream));
}

uint64_t digest_value(const struct digest *digest)
{
	return checksum64(digest->part, digest->count * sizeof(digest->part[0]), digest->count);
}

int digest_compare(const struct digest *a, const struct digest *b, struct err *err)
{
	for (unsigned i = 0; i < a->count; i++) {
		const struct digest_part *left = &a->part[i];
		const struct digest_part *right = part_find(b, left->name);

		if (!right)
			return err_set(err, ERR_MISMATCH, "%s: only one side has it", left->name);
		if (left->value != right->value)
			return err_set(err, ERR_MISMATCH,
				       "%s differs: digest %016" PRIx64 " against %016" PRIx64,
				       left->name, left->value, right->value);
	}
	for (unsigned i = 0; i < b->count; i++)
		if (!part_find(a, b->part[i].name))
			return err_set(err, ERR_MISMATCH, "%s: only one side has it",
				       b->part[i].name);
	return 0;
}
