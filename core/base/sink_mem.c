#include "core/base/sink_mem.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY_BYTES 256

void sink_mem_init(struct sink_mem *mem, size_t limit_bytes)
{
	*mem = (struct sink_mem){.limit_bytes = limit_bytes};
}

void sink_mem_free(struct sink_mem *mem)
{
	free(mem->data);
	sink_mem_init(mem, mem->limit_bytes);
}

void sink_mem_reset(struct sink_mem *mem)
{
	mem->size = 0;
}

static int sink_mem_grow(struct sink_mem *mem, size_t needed, struct err *err)
{
	size_t capacity = mem->capacity ? mem->capacity : FIRST_CAPACITY_BYTES;
	uint8_t *data;

	while (capacity < needed)
		capacity = capacity > mem->limit_bytes / 2 ? mem->limit_bytes : capacity * 2;
	data = realloc(mem->data, capacity);
	if (!data)
		return err_set(err, ERR_NO_MEMORY, "no memory for a buffer of %zu bytes", capacity);
	mem->data = data;
	mem->capacity = capacity;
	return 0;
}

static int sink_mem_write(void *context, const void *data, size_t size_bytes, struct err *err)
{
	struct sink_mem *mem = context;

	if (size_bytes > mem->limit_bytes - mem->size)
		return err_set(err, ERR_LIMIT,
			       "%zu bytes more than the buffer's limit of %zu bytes",
			       size_bytes - (mem->limit_bytes - mem->size), mem->limit_bytes);
	if (size_bytes > mem->capacity - mem->size) {
		int failed = sink_mem_grow(mem, mem->size + size_bytes, err);

		if (failed)
			return failed;
	}
	memcpy(mem->data + mem->size, data, size_bytes);
	mem->size += size_bytes;
	return 0;
}

static int sink_mem_flush(void *context, struct err *err)
{
	(void)context;
	(void)err;
	return 0;
}

static const struct byte_sink_ops sink_mem_ops = {
	.write = sink_mem_write,
	.flush = sink_mem_flush,
};

struct byte_sink sink_mem(struct sink_mem *mem)
{
	return (struct byte_sink){.ops = &sink_mem_ops, .context = mem};
}

void source_mem_init(struct source_mem *mem, const void *data, size_t size_bytes)
{
	*mem = (struct source_mem){.data = data, .size = size_bytes};
}

static int source_mem_read(void *context, void *data, size_t size_bytes, size_t *got,
			   struct err *err)
{
	struct source_mem *mem = context;
	size_t left = mem->size - mem->at;

	(void)err;
	*got = size_bytes < left ? size_bytes : left;
	if (*got)
		memcpy(data, mem->data + mem->at, *got);
	mem->at += *got;
	return 0;
}

static const struct byte_source_ops source_mem_ops = {
	.read = source_mem_read,
};

struct byte_source source_mem(struct source_mem *mem)
{
	return (struct byte_source){.ops = &source_mem_ops, .context = mem};
}
