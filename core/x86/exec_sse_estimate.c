/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RCPPS, RSQRTPS and their scalar forms.  The architecture only bounds their error (1.5 * 2^-12
 * relative) and each maker of CPUs has tables of its own; a guest that moves between hosts must
 * not see the difference.  Here they are exact: the single nearest to 1/x and to 1/sqrt(x),
 * computed with integers, whatever MXCSR says and without flags (SDM vol. 2B RCPPS, RSQRTPS).
 *
 *	x                  RCP                RSQRT
 *	zero, denormal     infinity, sign x   infinity, sign x
 *	infinity           zero, sign x       +0; default NaN of -infinity
 *	negative           as positive        default NaN
 *	NaN                quieted            quieted
 *	result denormal    zero, sign x       cannot be
 */
#include "core/x86/exec.h"
#include "core/x86/simd.h"

#define SIGN	    0x80000000u
#define INFINITE    0x7f800000u
#define DEFAULT_NAN 0xffc00000u
#define QUIET	    0x00400000u
#define IMPLICIT    0x00800000u /* the significand's leading one */
#define BIAS	    127

/* x = significand * 2^(exponent - 23), significand in [2^23, 2^24). */
static int exponent_of(uint32_t magnitude)
{
	return (int)(magnitude >> 23) - BIAS;
}

static uint32_t significand_of(uint32_t magnitude)
{
	return (magnitude & (IMPLICIT - 1)) | IMPLICIT;
}

static uint32_t pack(int exponent, uint32_t significand)
{
	if (exponent < 1 - BIAS)
		return 0;
	return ((uint32_t)(exponent + BIAS) << 23) + (significand - IMPLICIT);
}

static uint32_t reciprocal(uint32_t x)
{
	uint32_t sign = x & SIGN, magnitude = x & ~SIGN, m;
	int e = exponent_of(magnitude);

	if (magnitude > INFINITE)
		return x | QUIET;
	if (magnitude == INFINITE)
		return sign;
	if (magnitude < IMPLICIT)
		return sign | INFINITE;
	m = significand_of(magnitude);
	if (m == IMPLICIT)
		return sign | pack(-e, IMPLICIT);
	/* 2^47 / m lies strictly between 2^23 and 2^24, and never halfway between integers. */
	return sign | pack(-e - 1, (uint32_t)(((1ull << 47) + m / 2) / m));
}

/* The integer part of the square root of v < 2^52. */
static uint64_t root(uint64_t v)
{
	uint64_t r = 0;

	for (uint64_t bit = 1ull << 25; bit; bit >>= 1)
		if ((r | bit) * (r | bit) <= v)
			r |= bit;
	return r;
}

static uint32_t reciprocal_root(uint32_t x)
{
	uint32_t sign = x & SIGN, magnitude = x & ~SIGN;
	int e = exponent_of(magnitude);
	uint64_t m, twice;

	if (magnitude > INFINITE)
		return x | QUIET;
	if (magnitude < IMPLICIT)
		return sign | INFINITE;
	if (sign)
		return DEFAULT_NAN;
	if (magnitude == INFINITE)
		return 0;
	m = significand_of(magnitude);
	if (e & 1) {
		m *= 2;
		e--;
	}
	if (m == IMPLICIT)
		return pack(-e / 2, IMPLICIT);
	/* x = m * 2^(e - 23), e even: 1/sqrt(x) = sqrt(2^71 / m) * 2^(-e/2 - 24), the root between
	 * 2^23 and 2^24.  Twice the root, cut, and halved upwards is the root rounded: no tie is
	 * possible, because no odd number has a square that divides a power of two. */
	twice = root((uint64_t)(((unsigned __int128)1 << 73) / m));
	return pack(-e / 2 - 1, (uint32_t)((twice + 1) / 2));
}

static enum x86_status estimate(struct x86_cpu *c, const struct x86_insn *i,
				uint32_t (*function)(uint32_t), unsigned lanes)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	union x86_xmm s;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	for (unsigned n = 0; n < lanes; n++)
		d->u32[n] = function(s.u32[n]);
	return X86_OK;
}

enum x86_status exec_rcpps(struct x86_cpu *c, const struct x86_insn *i)
{
	return estimate(c, i, reciprocal, 4);
}

enum x86_status exec_rcpss(struct x86_cpu *c, const struct x86_insn *i)
{
	return estimate(c, i, reciprocal, 1);
}

enum x86_status exec_rsqrtps(struct x86_cpu *c, const struct x86_insn *i)
{
	return estimate(c, i, reciprocal_root, 4);
}

enum x86_status exec_rsqrtss(struct x86_cpu *c, const struct x86_insn *i)
{
	return estimate(c, i, reciprocal_root, 1);
}
