#include "core/base/seeded.h"

#include <assert.h>
#include <string.h>

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

void seeded_start(struct seeded *seeded, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++)
		seeded->word[i] = splitmix64(&seed);
}

void seeded_fork(struct seeded *child, struct seeded *parent)
{
	seeded_start(child, seeded_u64(parent));
}

uint64_t seeded_u64(struct seeded *seeded)
{
	uint64_t *w = seeded->word;
	uint64_t result = rotate_left(w[1] * 5, 7) * 9;
	uint64_t shifted = w[1] << 17;

	w[2] ^= w[0];
	w[3] ^= w[1];
	w[1] ^= w[2];
	w[0] ^= w[3];
	w[2] ^= shifted;
	w[3] = rotate_left(w[3], 45);
	return result;
}

/* Multiply and keep the high half, throwing away the few values that would favour some results. */
uint64_t seeded_below(struct seeded *seeded, uint64_t bound)
{
	unsigned __int128 product;
	uint64_t unfair;

	assert(bound);
	unfair = -bound % bound;
	do {
		product = (unsigned __int128)seeded_u64(seeded) * bound;
	} while ((uint64_t)product < unfair);
	return (uint64_t)(product >> 64);
}

uint64_t seeded_range(struct seeded *seeded, uint64_t low, uint64_t high)
{
	assert(low <= high);
	if (high - low == UINT64_MAX)
		return seeded_u64(seeded);
	return low + seeded_below(seeded, high - low + 1);
}

bool seeded_chance(struct seeded *seeded, uint64_t hits, uint64_t tries)
{
	return seeded_below(seeded, tries) < hits;
}

void seeded_bytes(struct seeded *seeded, void *data, size_t size_bytes)
{
	uint8_t *to = data;

	while (size_bytes) {
		uint64_t value = seeded_u64(seeded);
		size_t part = size_bytes < sizeof(value) ? size_bytes : sizeof(value);

		memcpy(to, &value, part);
		to += part;
		size_bytes -= part;
	}
}
