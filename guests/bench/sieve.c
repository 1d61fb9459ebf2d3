/* SPDX-License-Identifier: Apache-2.0 */
/* Byte stores with a stride, byte loads in a row. */
#include "guests/bench/kernels.h"

#define LIMIT 65536

static uint8_t composite[LIMIT];

uint64_t bench_sieve(unsigned rounds)
{
	uint64_t sum = 0;

	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < LIMIT; i++)
			composite[i] = 0;
		for (unsigned i = 2; i * i < LIMIT; i++)
			if (!composite[i])
				for (unsigned j = i * i; j < LIMIT; j += i)
					composite[j] = 1;
		for (unsigned i = 2; i < LIMIT; i++)
			if (!composite[i])
				sum = sum * 31 + i + r;
	}
	return sum;
}
