/* SPDX-License-Identifier: Apache-2.0 */
/* A table with open addressing, and a checksum over bytes: loads that depend on each other. */
#include "guests/bench/kernels.h"

#define SLOTS 16384
#define KEYS  8192

static struct slot {
	uint64_t key, value;
} slots[SLOTS];

static uint32_t mix(uint64_t key)
{
	key ^= key >> 33;
	key *= 0xff51afd7ed558ccd;
	key ^= key >> 33;
	return (uint32_t)key;
}

static struct slot *find(uint64_t key)
{
	uint32_t at = mix(key) % SLOTS;

	while (slots[at].key && slots[at].key != key)
		at = (at + 1) % SLOTS;
	return &slots[at];
}

static uint32_t checksum_bytes(const uint8_t *bytes, size_t size_bytes)
{
	uint32_t h = 2166136261;

	while (size_bytes--)
		h = (h ^ *bytes++) * 16777619;
	return h;
}

uint64_t bench_hash(unsigned rounds)
{
	uint64_t seed = 0xda942042e4dd58b5, sum = 0;

	for (unsigned r = 0; r < rounds; r++) {
		uint64_t keys = seed;

		for (unsigned i = 0; i < SLOTS; i++)
			slots[i] = (struct slot){0};
		for (unsigned i = 0; i < KEYS; i++) {
			struct slot *s = find(bench_next(&seed) | 1);

			s->key = seed | 1;
			s->value += i;
		}
		for (unsigned i = 0; i < KEYS; i++)
			sum += find(bench_next(&keys) | 1)->value ^ i;
		sum += checksum_bytes((const uint8_t *)slots, SLOTS);
	}
	return sum;
}
