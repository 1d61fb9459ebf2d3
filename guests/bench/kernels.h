/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark kernels: plain C on static memory, compiled once; the same objects are linked into
 * the guest and into the benchmark program that runs them on the host's CPU.
 */
#ifndef GUESTS_BENCH_KERNELS_H
#define GUESTS_BENCH_KERNELS_H

#include <stddef.h>
#include <stdint.h>

struct bench_kernel {
	const char *name;
	uint64_t (*run)(unsigned rounds); /* returns a checksum of all that was computed */
	unsigned rounds;		  /* of a full run: some tens of milliseconds natively */
};

extern const struct bench_kernel bench_kernels[];
extern const unsigned bench_kernel_count;

uint64_t bench_integer(unsigned rounds);
uint64_t bench_sieve(unsigned rounds);
uint64_t bench_sort(unsigned rounds);
uint64_t bench_hash(unsigned rounds);
uint64_t bench_tree(unsigned rounds);
uint64_t bench_copy(unsigned rounds);
uint64_t bench_float(unsigned rounds);

/* A repeatable stream of numbers. */
static inline uint64_t bench_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Rounds of a run at so many percent of full size, at least one. */
static inline unsigned bench_rounds(const struct bench_kernel *k, unsigned percent)
{
	unsigned rounds = k->rounds * percent / 100;

	return rounds ? rounds : 1;
}

#endif
