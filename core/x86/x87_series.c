/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/x87_series.h"

#define BITS(high, low) ((uint128)(high) << 64 | (low))
#define FIXED_1		((uint128)1 << 127) /* 1 with 127 bits after the point */

static const struct wide one = {FIXED_1, 0, false};
static const struct wide half_pi = {BITS(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), 0, false};
static const struct wide ln_2 = {BITS(0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af), -1, false};
static const struct wide log2_e = {BITS(0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89), 0, false};

/*
 * Multiplies by 2/pi with 256 bits of it.  An operand below 2^63 has 63 bits before the point and
 * no multiple of pi/2 nearer than about 2^-71, so of the 256 bits at least 120 tell the rest.
 * The product is kept in six words: w[5] is the integer part, w[4] down to w[0] the fraction.
 */
static void times_two_over_pi(uint64_t w[6], struct wide x)
{
	static const uint64_t two_over_pi[4] = {0xfe5163abdebbc561, 0xdb6295993c439041,
						0xfc2757d1f534ddc0, 0xa2f9836e4e441529};
	uint64_t mantissa = (uint64_t)(x.mantissa >> 64);
	unsigned shift = (unsigned)(x.exponent + 1);
	uint64_t carry = 0;

	for (unsigned n = 0; n < 4; n++) {
		uint128 p = (uint128)two_over_pi[n] * mantissa + carry;

		w[n] = (uint64_t)p;
		carry = (uint64_t)(p >> 64);
	}
	w[4] = carry;
	w[5] = 0;
	for (unsigned n = 5; shift && n > 0; n--)
		w[n] = w[n] << shift | w[n - 1] >> (64 - shift);
	w[0] <<= shift;
}

static void negate_fraction(uint64_t w[6])
{
	bool carry = true;

	for (unsigned n = 0; n < 5; n++) {
		w[n] = ~w[n] + carry;
		carry = carry && w[n] == 0;
	}
}

/* The 128 bits that follow the leading zeros of the fraction. */
static struct wide leading_bits(const uint64_t w[6], bool negative)
{
	int exponent = -1, top = 4;
	uint64_t below;
	unsigned shift;
	uint128 m;

	while (top > 2 && w[top] == 0) {
		top--;
		exponent -= 64;
	}
	m = BITS(w[top], w[top - 1]);
	below = w[top - 2];
	shift = (unsigned)__builtin_clzll(w[top] | 1);
	if (shift)
		m = m << shift | below >> (64 - shift);
	return wide_normal(negative, exponent - (int)shift, m);
}

struct angle series_reduce(struct wide x)
{
	struct wide quarter_pi = {half_pi.mantissa, -1, false};
	struct angle v = {x, 0};
	uint64_t w[6];
	bool beyond;

	if (wide_compare_magnitude(x, quarter_pi) <= 0)
		return v;
	times_two_over_pi(w, x);
	beyond = w[4] >> 63;
	if (beyond)
		negate_fraction(w);
	v.quadrant = (unsigned)(w[5] + beyond) & 3;
	v.rest = wide_mul(leading_bits(w, beyond), half_pi);
	return v;
}

/* 1 - t/(f (f+1)) (1 - t/((f+2)(f+3)) (1 - ...)): cos sqrt(t) for f = 1, sin sqrt(t) / sqrt(t) for
 * f = 2; a little less than it is. */
static struct wide alternating_factorials(uint128 t, unsigned f)
{
	uint128 sum = FIXED_1;

	for (unsigned n = f + 34; n > f;) {
		n -= 2;
		sum = FIXED_1 - wide_mul_high(t, sum) / (n * (n + 1));
	}
	return wide_normal(false, 0, sum - 1);
}

static struct wide sin_of_rest(struct wide r)
{
	uint128 t = wide_fraction(wide_mul(r, r));

	return wide_mul(r, alternating_factorials(t, 2));
}

static struct wide cos_of_rest(struct wide r)
{
	return alternating_factorials(wide_fraction(wide_mul(r, r)), 1);
}

struct wide series_sin(struct angle x)
{
	struct wide v = x.quadrant & 1 ? cos_of_rest(x.rest) : sin_of_rest(x.rest);

	return x.quadrant & 2 ? wide_negate(v) : v;
}

struct wide series_cos(struct angle x)
{
	x.quadrant++;
	return series_sin(x);
}

struct wide series_pi_times(int quarters)
{
	struct wide v = wide_mul(half_pi, wide_from_int(quarters));

	v.exponent--;
	return v;
}

/* atan(k / 16) for k = 1..16 */
static struct wide atan_of_sixteenths(unsigned k)
{
	static const struct wide table[17] = {
		{0, 0, false},
		{BITS(0xffaaddb967ef4e36, 0xcb2792dc0e2e0d51), -5, false},
		{BITS(0xfeadd4d5617b6e32, 0xc897989f3e888ef8), -4, false},
		{BITS(0xbdcbda5e72d81134, 0x7b0b4f881c9c7488), -3, false},
		{BITS(0xfadbafc96406eb15, 0x6dc79ef5f7a217e6), -3, false},
		{BITS(0x9b13b9b83f5e5e69, 0xc5abb498d27af328), -2, false},
		{BITS(0xb7b0ca0f26f78473, 0x8aa32122dcfe4483), -2, false},
		{BITS(0xd327761e611fe5b6, 0x427c95e9001e7136), -2, false},
		{BITS(0xed63382b0dda7b45, 0x6fe445ecbc3a8d03), -2, false},
		{BITS(0x832bf4a6d9867e2a, 0x4b6a09cb61a515c1), -1, false},
		{BITS(0x8f005d5ef7f59f9b, 0x5c835e1665c43748), -1, false},
		{BITS(0x9a2f80e671bdda20, 0x4226f8e2204ff3bd), -1, false},
		{BITS(0xa4bc7d1934f70924, 0x19a87f2a457dac9f), -1, false},
		{BITS(0xaeac4c38b4d8c080, 0x14725e2f3e52070a), -1, false},
		{BITS(0xb8053e2bc2319e73, 0xcb2da55210a4443d), -1, false},
		{BITS(0xc0ce85b8ac526640, 0x89dd62c46e92fa25), -1, false},
		{BITS(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), -1, false},
	};

	return table[k];
}

/* u - u^3/3 + u^5/5 - ..., for 0 < |u| <= 1/32; strictly less than u in magnitude. */
static struct wide atan_of_small(struct wide u)
{
	uint128 t = wide_fraction(wide_mul(u, u)), sum = 0;

	for (unsigned n = 27; n > 1; n -= 2)
		sum = FIXED_1 / n - wide_mul_high(t, sum);
	sum = FIXED_1 - wide_mul_high(t, sum);
	return wide_mul(u, wide_normal(false, 0, sum - 1));
}

/* t = c + (t - c) with c = k/16 nearest, atan t = atan c + atan((t - c) / (1 + t c)); t <= 1. */
static struct wide atan_of_ratio(struct wide t)
{
	unsigned k = 0;
	struct wide c, u;

	if (t.exponent >= -5)
		k = (unsigned)(((t.mantissa >> (-t.exponent + 122)) + 1) / 2);
	if (k == 0)
		return atan_of_small(t);
	c = wide_from_int((int)k);
	c.exponent -= 4;
	u = wide_add(t, wide_negate(c));
	if (!u.mantissa)
		return atan_of_sixteenths(k);
	u = wide_div(u, wide_add(one, wide_mul(t, c)));
	return wide_add(atan_of_sixteenths(k), atan_of_small(u));
}

struct wide series_atan2(struct wide y, struct wide x)
{
	bool steep = wide_compare_magnitude(y, x) > 0, down = y.negative, left = x.negative;
	struct wide v;

	x.negative = y.negative = false;
	v = atan_of_ratio(steep ? wide_div(x, y) : wide_div(y, x));
	if (steep)
		v = wide_add(half_pi, wide_negate(v));
	if (left)
		v = wide_add(series_pi_times(4), wide_negate(v));
	v.negative = down;
	return v;
}

/* e^z - 1 = z (1 + z/2 (1 + z/3 (1 + ...))), in fixed point with 126 bits after the point. */
struct wide series_exp2_minus_1(struct wide x)
{
	struct wide z = wide_mul(x, ln_2);
	uint128 t = wide_fraction(z), sum = FIXED_1 >> 1;

	for (unsigned n = 33; n > 1; n--) {
		uint128 term = wide_mul_high(t, sum) / n;

		sum = z.negative ? (FIXED_1 >> 1) - term : (FIXED_1 >> 1) + term;
	}
	return wide_mul(z, wide_normal(false, 1, sum));
}

/* ln((1 + s) / (1 - s)) = 2 (s + s^3/3 + s^5/5 + ...) as a log2, for |s| < 0.172. */
static struct wide log2_of_quotient(struct wide s)
{
	uint128 t = wide_fraction(wide_mul(s, s)), sum = 0;

	if (!s.mantissa)
		return s;
	for (unsigned n = 53; n > 1; n -= 2)
		sum = FIXED_1 / n + wide_mul_high(t, sum);
	sum = FIXED_1 + wide_mul_high(t, sum);
	s.exponent++;
	return wide_mul(wide_mul(s, wide_normal(false, 0, sum)), log2_e);
}

struct wide series_log2(struct wide x)
{
	int exponent = x.exponent;
	struct wide fraction;

	x.exponent = 0;
	if (x.mantissa >> 64 > 0xb504f333f9de6484) { /* sqrt 2 */
		x.exponent = -1;
		exponent++;
	}
	fraction = log2_of_quotient(wide_div(wide_add(x, wide_negate(one)), wide_add(x, one)));
	return wide_add(wide_from_int(exponent), fraction);
}

struct wide series_log2_1_plus(struct wide x)
{
	struct wide two = {FIXED_1, 1, false};

	if (x.exponent < -2)
		return log2_of_quotient(wide_div(x, wide_add(two, x)));
	return series_log2(wide_add(one, x));
}
