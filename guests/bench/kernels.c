/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/bench/kernels.h"

const struct bench_kernel bench_kernels[] = {
	{"integer", bench_integer, 1000}, {"sieve", bench_sieve, 300}, {"sort", bench_sort, 200},
	{"hash", bench_hash, 250},	  {"tree", bench_tree, 70},    {"copy", bench_copy, 2500},
	{"float", bench_float, 2500},
};
const unsigned bench_kernel_count = sizeof(bench_kernels) / sizeof(bench_kernels[0]);
