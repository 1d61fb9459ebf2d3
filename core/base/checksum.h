/*
 * Checksums: XXH3 by xxHash. They find accidents, not attackers; what must hold against an attacker
 * travels over an authenticated channel.
 */
#ifndef CORE_BASE_CHECKSUM_H
#define CORE_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

struct checksum128 {
	uint64_t low;
	uint64_t high;
};

/* XXH3-64 and XXH3-128 of data, started from seed. data may be NULL when size_bytes is 0. */
uint64_t checksum64(const void *data, size_t size_bytes, uint64_t seed);
struct checksum128 checksum128(const void *data, size_t size_bytes, uint64_t seed);

/*
 * A running checksum, owned by the caller, which needs no release. The value after any number of
 * additions equals that of all the bytes in one piece, and taking it does not end the run.
 */
struct checksum_stream {
	_Alignas(64) uint8_t opaque[576];
};

/* Starts over, from seed. */
void checksum_stream_start(struct checksum_stream *stream, uint64_t seed);
void checksum_stream_add(struct checksum_stream *stream, const void *data, size_t size_bytes);
uint64_t checksum_stream_value64(const struct checksum_stream *stream);
struct checksum128 checksum_stream_value128(const struct checksum_stream *stream);

#endif
