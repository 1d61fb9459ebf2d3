/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/x87_wide.h"

#include "core/x86/fpu.h"

#define BIAS	    16383
#define BIAS_ADJUST 24576 /* of unmasked overflow and underflow (SDM vol. 1 8.5.4, 8.5.5) */
#define INFINITE    0x7fff
#define HALF	    (1ull << 63)

struct wide wide_normal(bool negative, int exponent, uint128 mantissa)
{
	int shift = mantissa >> 64 ? __builtin_clzll((uint64_t)(mantissa >> 64))
				   : 64 + __builtin_clzll((uint64_t)mantissa | 1);

	if (!mantissa)
		return (struct wide){0, 0, negative};
	return (struct wide){mantissa << shift, exponent - shift, negative};
}

struct wide wide_from_f80(struct x86_f80 v)
{
	int exponent = v.sign_exponent & 0x7fff;

	return wide_normal(v.sign_exponent >> 15, (exponent ? exponent : 1) - BIAS,
			   (uint128)v.mantissa << 64);
}

struct wide wide_from_int(int v)
{
	return wide_normal(v < 0, 127, v < 0 ? -(uint128)v : (uint128)v);
}

int wide_compare_magnitude(struct wide a, struct wide b)
{
	if (!a.mantissa || !b.mantissa)
		return !b.mantissa - !a.mantissa;
	if (a.exponent != b.exponent)
		return a.exponent < b.exponent ? -1 : 1;
	return (a.mantissa > b.mantissa) - (a.mantissa < b.mantissa);
}

struct wide wide_add(struct wide a, struct wide b)
{
	unsigned shift;
	uint128 sum;

	if (wide_compare_magnitude(a, b) < 0) {
		struct wide t = a;

		a = b;
		b = t;
	}
	if (!b.mantissa)
		return a;
	shift = (unsigned)(a.exponent - b.exponent);
	b.mantissa = shift < 128 ? b.mantissa >> shift : 0;
	if (a.negative != b.negative)
		return wide_normal(a.negative, a.exponent, a.mantissa - b.mantissa);
	sum = a.mantissa + b.mantissa;
	if (sum < a.mantissa)
		return (struct wide){sum >> 1 | (uint128)1 << 127, a.exponent + 1, a.negative};
	a.mantissa = sum;
	return a;
}

static uint128 multiply(uint128 a, uint128 b, uint128 *low)
{
	uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a;
	uint64_t b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
	uint128 p00 = (uint128)a0 * b0, p01 = (uint128)a0 * b1;
	uint128 p10 = (uint128)a1 * b0, p11 = (uint128)a1 * b1;
	uint128 middle = (p00 >> 64) + (uint64_t)p01 + (uint64_t)p10;

	*low = middle << 64 | (uint64_t)p00;
	return p11 + (p01 >> 64) + (p10 >> 64) + (middle >> 64);
}

uint128 wide_mul_high(uint128 a, uint128 b)
{
	uint128 low;

	return multiply(a, b, &low);
}

struct wide wide_mul(struct wide a, struct wide b)
{
	struct wide v = {0, a.exponent + b.exponent + 1, a.negative != b.negative};
	uint128 low;

	v.mantissa = multiply(a.mantissa, b.mantissa, &low);
	if (!v.mantissa)
		return v;
	if (!(v.mantissa >> 127)) {
		v.mantissa = v.mantissa << 1 | low >> 127;
		v.exponent--;
	}
	return v;
}

struct wide wide_div(struct wide a, struct wide b)
{
	struct wide v = {0, a.exponent - b.exponent, a.negative != b.negative};
	uint128 rest = a.mantissa;
	bool above = rest >= b.mantissa;

	if (!rest)
		return v;
	if (!above)
		v.exponent--;
	for (unsigned n = 0; n < 128; n++) {
		bool carry = false;

		if (n || !above) {
			carry = rest >> 127;
			rest <<= 1;
		}
		v.mantissa <<= 1;
		if (carry || rest >= b.mantissa) {
			rest -= b.mantissa;
			v.mantissa |= 1;
		}
	}
	return v;
}

uint128 wide_fraction(struct wide v)
{
	return !v.mantissa || v.exponent < -128 ? 0 : v.mantissa >> (-1 - v.exponent);
}

static bool rounds_up(unsigned control, bool negative, uint64_t kept, uint64_t rest)
{
	switch (control >> FCW_RC_SHIFT & 3) {
	case 0: return rest > HALF || (rest == HALF && kept & 1);
	case 1: return negative && rest;
	case 2: return !negative && rest;
	default: return false;
	}
}

static struct x86_f80 f80_of(bool negative, int biased, uint64_t mantissa)
{
	return (struct x86_f80){mantissa, (uint16_t)(negative << 15 | biased)};
}

static struct x86_f80 overflow(bool negative, unsigned control, uint16_t *status)
{
	bool up = rounds_up(control, negative, ~0ull, ~0ull);

	*status |= FSW_OE | FSW_PE | (up ? FSW_C1 : 0);
	return up ? f80_of(negative, INFINITE, HALF) : f80_of(negative, INFINITE - 1, ~0ull);
}

static struct x86_f80 denormal(struct wide v, bool inexact, unsigned control, uint16_t *status)
{
	int shift = 1 - BIAS - v.exponent;
	uint128 shifted = shift < 128 ? v.mantissa >> shift : 0;
	uint64_t kept = (uint64_t)(shifted >> 64), rest = (uint64_t)shifted;
	bool up;

	rest |= inexact || shift >= 128 || shifted << shift != v.mantissa;
	up = rounds_up(control, v.negative, kept, rest);
	kept += up;
	if (rest)
		*status |= FSW_UE | FSW_PE | (up ? FSW_C1 : 0);
	return f80_of(v.negative, kept >> 63, kept);
}

struct x86_f80 wide_round(struct wide v, bool inexact, unsigned control, uint16_t *status)
{
	uint64_t kept = (uint64_t)(v.mantissa >> 64), rest = (uint64_t)v.mantissa;
	int biased = v.exponent + BIAS;
	bool up;

	if (!v.mantissa)
		return f80_of(v.negative, 0, 0);
	rest |= inexact;
	up = rounds_up(control, v.negative, kept, rest);
	if (biased + (up && kept == ~0ull) < 1) {
		if (control & FSW_UE)
			return denormal(v, inexact, control, status);
		*status |= FSW_UE;
		biased += BIAS_ADJUST;
	}
	kept += up;
	if (!kept) {
		kept = HALF;
		biased++;
	}
	if (biased >= INFINITE) {
		if (control & FSW_OE)
			return overflow(v.negative, control, status);
		*status |= FSW_OE;
		biased -= BIAS_ADJUST;
	}
	*status |= (rest ? FSW_PE : 0) | (up ? FSW_C1 : 0);
	return f80_of(v.negative, biased, kept);
}
