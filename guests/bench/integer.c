/* SPDX-License-Identifier: Apache-2.0 */
/* Registers only: multiply, divide, shift, compare, branch. */
#include "guests/bench/kernels.h"

static uint64_t greatest_common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static unsigned collatz_steps(uint64_t n)
{
	unsigned steps = 0;

	for (; n != 1; steps++)
		n = n & 1 ? 3 * n + 1 : n >> 1;
	return steps;
}

uint64_t bench_integer(unsigned rounds)
{
	uint64_t seed = 0x9e3779b97f4a7c15, sum = 0;

	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < 1000; i++) {
			uint64_t x = bench_next(&seed);

			sum = (sum << 5 | sum >> 59) + x * 0x2545f4914f6cdd1d;
			sum ^= (uint32_t)sum * (x >> 32);
		}
		for (unsigned i = 1; i < 300; i++)
			sum += collatz_steps(r * 300 + i);
		for (unsigned i = 0; i < 100; i++)
			sum += greatest_common_divisor(bench_next(&seed) >> 34, 360360 + i);
	}
	return sum;
}
