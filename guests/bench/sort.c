/* SPDX-License-Identifier: Apache-2.0 */
/* Quicksort with insertion sort for short pieces: compares, swaps, recursion. */
#include "guests/bench/kernels.h"

#define COUNT 4096
#define SHORT 12

static uint32_t numbers[COUNT];

static void insertion_sort(uint32_t *a, unsigned n)
{
	for (unsigned i = 1; i < n; i++) {
		uint32_t x = a[i];
		unsigned j = i;

		for (; j && a[j - 1] > x; j--)
			a[j] = a[j - 1];
		a[j] = x;
	}
}

static void quick_sort(uint32_t *a, unsigned n)
{
	while (n > SHORT) {
		uint32_t pivot = a[n / 2];
		unsigned i = 0, j = n - 1;

		for (;; i++, j--) {
			uint32_t swap;

			while (a[i] < pivot)
				i++;
			while (a[j] > pivot)
				j--;
			if (i >= j)
				break;
			swap = a[i];
			a[i] = a[j];
			a[j] = swap;
		}
		quick_sort(a, i);
		a += j + 1;
		n -= j + 1;
	}
	insertion_sort(a, n);
}

uint64_t bench_sort(unsigned rounds)
{
	uint64_t seed = 0x853c49e6748fea9b, sum = 0;

	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < COUNT; i++)
			numbers[i] = (uint32_t)bench_next(&seed);
		quick_sort(numbers, COUNT);
		for (unsigned i = 0; i < COUNT; i++)
			sum = sum * 33 + numbers[i];
	}
	return sum;
}
