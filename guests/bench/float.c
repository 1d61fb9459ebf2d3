/* SPDX-License-Identifier: Apache-2.0 */
/* SSE2: packed and scalar doubles, square roots, divisions, conversions. */
#include "guests/bench/kernels.h"

#include <emmintrin.h>

#define SIDE   32
#define BODIES 8

static double a[SIDE][SIDE] __attribute__((aligned(16)));
static double b[SIDE][SIDE] __attribute__((aligned(16)));
static double c[SIDE][SIDE] __attribute__((aligned(16)));

static void multiply_matrices(void)
{
	for (unsigned i = 0; i < SIDE; i++) {
		for (unsigned j = 0; j < SIDE; j += 2) {
			__m128d sum = _mm_setzero_pd();

			for (unsigned k = 0; k < SIDE; k++)
				sum = _mm_add_pd(sum, _mm_mul_pd(_mm_set1_pd(a[i][k]),
								 _mm_load_pd(&b[k][j])));
			_mm_store_pd(&c[i][j], sum);
		}
	}
}

static double root(double x)
{
	return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_setzero_pd(), _mm_set_sd(x)));
}

static void move_bodies(double x[BODIES][3], double v[BODIES][3])
{
	for (unsigned i = 0; i < BODIES; i++) {
		for (unsigned j = 0; j < BODIES; j++) {
			double d[3], r = 0.25, pull;

			for (unsigned k = 0; k < 3; k++) {
				d[k] = x[j][k] - x[i][k];
				r += d[k] * d[k];
			}
			pull = 0.001 / (r * root(r));
			for (unsigned k = 0; k < 3; k++)
				v[i][k] += d[k] * pull;
		}
	}
	for (unsigned i = 0; i < BODIES; i++)
		for (unsigned k = 0; k < 3; k++)
			x[i][k] += v[i][k] * 0.01;
}

uint64_t bench_float(unsigned rounds)
{
	uint64_t seed = 0xa02bdbf7bb3c0a7, sum = 0;
	double x[BODIES][3], v[BODIES][3];

	for (unsigned i = 0; i < SIDE * SIDE; i++) {
		a[i / SIDE][i % SIDE] = (double)(int64_t)(bench_next(&seed) >> 40);
		b[i / SIDE][i % SIDE] = (double)(int32_t)bench_next(&seed) / 65536;
	}
	for (unsigned i = 0; i < BODIES * 3; i++) {
		x[i / 3][i % 3] = (double)(int32_t)bench_next(&seed) / (1u << 30);
		v[i / 3][i % 3] = 0;
	}
	for (unsigned r = 0; r < rounds; r++) {
		a[r % SIDE][0] += 1;
		multiply_matrices();
		for (unsigned i = 0; i < 20; i++)
			move_bodies(x, v);
		sum = sum * 3 + (uint64_t)(int64_t)c[r % SIDE][r % SIDE];
		sum += (uint64_t)(int64_t)(x[r % BODIES][0] * 1e15);
	}
	return sum;
}
