/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/close.h"

#define F80_ULPS  4
#define F32_STEPS (2 * 3 << 10) /* 2 * 1.5 * 2^-12 of 2^24, the most that a mantissa can be */

#define F32_ABS	 0x7fffffffu
#define F32_TINY (0x00800000u + F32_STEPS)

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

bool close_f80(const struct case_f80 *a, const struct case_f80 *b)
{
	unsigned ea = a->sign_exponent & 0x7fff, eb = b->sign_exponent & 0x7fff;

	if (a->sign_exponent == b->sign_exponent && a->mantissa == b->mantissa)
		return true;
	if ((a->sign_exponent ^ b->sign_exponent) & 0x8000 || ea == 0x7fff || eb == 0x7fff)
		return false;
	if (ea == eb)
		return apart(a->mantissa, b->mantissa) <= F80_ULPS;
	/* on both sides of a power of two */
	if (ea + 1 == eb)
		return a->mantissa >= -(uint64_t)2 * F80_ULPS &&
		       b->mantissa - (1ull << 63) <= F80_ULPS;
	if (eb + 1 == ea)
		return b->mantissa >= -(uint64_t)2 * F80_ULPS &&
		       a->mantissa - (1ull << 63) <= F80_ULPS;
	return false;
}

bool close_f32(uint32_t a, uint32_t b)
{
	if (a == b)
		return true;
	if ((a ^ b) >> 31 || (a << 1) >> 24 == 0xff || (b << 1) >> 24 == 0xff)
		return false;
	if ((a & F32_ABS) <= F32_TINY && (b & F32_ABS) <= F32_TINY)
		return true; /* tiny results are flushed to zero */
	return apart(a, b) <= F32_STEPS;
}
