#include "core/base/checksum.h"

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

_Static_assert(sizeof(XXH3_state_t) <= sizeof(struct checksum_stream), "room for xxHash's state");
_Static_assert(_Alignof(XXH3_state_t) <= _Alignof(struct checksum_stream), "aligned as xxHash's");

uint64_t checksum64(const void *data, size_t size_bytes, uint64_t seed)
{
	return XXH3_64bits_withSeed(data, size_bytes, seed);
}

struct checksum128 checksum128(const void *data, size_t size_bytes, uint64_t seed)
{
	XXH128_hash_t hash = XXH3_128bits_withSeed(data, size_bytes, seed);

	return (struct checksum128){.low = hash.low64, .high = hash.high64};
}

void checksum_stream_start(struct checksum_stream *stream, uint64_t seed)
{
	XXH3_state_t *state = (XXH3_state_t *)stream->opaque;

	XXH3_INITSTATE(state);
	XXH3_128bits_reset_withSeed(state, seed);
}

void checksum_stream_add(struct checksum_stream *stream, const void *data, size_t size_bytes)
{
	if (size_bytes)
		XXH3_128bits_update((XXH3_state_t *)stream->opaque, data, size_bytes);
}

uint64_t checksum_stream_value64(const struct checksum_stream *stream)
{
	return XXH3_64bits_digest((const XXH3_state_t *)stream->opaque);
}

struct checksum128 checksum_stream_value128(const struct checksum_stream *stream)
{
	XXH128_hash_t hash = XXH3_128bits_digest((const XXH3_state_t *)stream->opaque);

	return (struct checksum128){.low = hash.low64, .high = hash.high64};
}
