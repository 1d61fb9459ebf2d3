/* A sink that collects bytes in memory, up to a limit, and a source that gives them out. */
#ifndef CORE_BASE_SINK_MEM_H
#define CORE_BASE_SINK_MEM_H

#include "core/base/sink.h"

struct sink_mem {
	uint8_t *data;	    /* owned here; moves when it grows */
	size_t size;	    /* bytes collected */
	size_t capacity;    /* bytes allocated */
	size_t limit_bytes; /* a write that would pass it fails with ERR_LIMIT and adds nothing */
};

/* Prepares an empty sink. Free with sink_mem_free(). */
void sink_mem_init(struct sink_mem *mem, size_t limit_bytes);

/* Releases the bytes; the sink is empty again and may be used further. */
void sink_mem_free(struct sink_mem *mem);

/* Forgets the bytes and keeps the allocation. */
void sink_mem_reset(struct sink_mem *mem);

/* The sink's face; valid as long as mem is. Does not block. */
struct byte_sink sink_mem(struct sink_mem *mem);

struct source_mem {
	const uint8_t *data; /* somebody else's */
	size_t size;
	size_t at;
};

/* Prepares a source over bytes that stay the caller's and unchanged. Nothing to release. */
void source_mem_init(struct source_mem *mem, const void *data, size_t size_bytes);

/* The source's face; valid as long as mem is. Does not block. */
struct byte_source source_mem(struct source_mem *mem);

#endif
