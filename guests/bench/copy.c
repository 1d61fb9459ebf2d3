/* SPDX-License-Identifier: Apache-2.0 */
/* Moving memory: by string instructions, by words, by bytes, aligned and not. */
#include "guests/bench/kernels.h"

#define BYTES 65536

static uint64_t from[BYTES / 8 + 8], to[BYTES / 8 + 8];

static void copy_string(void *d, const void *s, size_t size_bytes)
{
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(size_bytes) : : "memory");
}

static void copy_words(uint64_t *d, const uint64_t *s, size_t words)
{
	for (size_t i = 0; i < words; i++)
		d[i] = s[i];
}

static void copy_bytes(uint8_t *d, const uint8_t *s, size_t size_bytes)
{
	while (size_bytes--)
		*d++ = *s++;
}

uint64_t bench_copy(unsigned rounds)
{
	uint64_t seed = 0x14057b7ef767814f, sum = 0;

	for (unsigned i = 0; i < BYTES / 8 + 8; i++)
		from[i] = to[i] = 0;
	for (unsigned r = 0; r < rounds; r++) {
		unsigned skew = r % 16;

		for (unsigned i = 0; i < 256; i++)
			from[bench_next(&seed) % (BYTES / 8)] = seed;
		copy_words(to, from, BYTES / 8);
		copy_string((uint8_t *)to + skew, from, BYTES);
		copy_words(from, to, BYTES / 8);
		copy_bytes((uint8_t *)to, (const uint8_t *)from + skew, BYTES / 8);
		for (unsigned i = 0; i < BYTES / 8; i += 8)
			sum = sum * 5 + to[i];
	}
	return sum;
}
