/* SPDX-License-Identifier: Apache-2.0 */
/* Special operands, exceptions and rounding; the functions themselves are in x87_series.c. */
#include "core/x86/x87_transcendental.h"

#include "core/x86/x87_operand.h"
#include "core/x86/x87_series.h"

static struct x86_f80 round_inexact(struct host_x87 *h, struct wide v)
{
	return wide_round(v, true, h->control, &h->status);
}

/* A NaN or unsupported operand gives what addition gives. */
static bool odd_operand(struct host_x87 *h)
{
	h->status = 0;
	if (!f80_is_odd(h->a) && !f80_is_odd(h->b))
		return false;
	host_fadd(h);
	h->status &= FSW_EXCEPTIONS;
	return true;
}

static bool odd_single_operand(struct host_x87 *h)
{
	h->b = h->a;
	return odd_operand(h);
}

/* An operand is denormal and that is unmasked: no result. */
static bool denormal_stops(struct host_x87 *h)
{
	return (f80_is_denormal(h->a) || f80_is_denormal(h->b)) && !f80_accept_denormal(h);
}

static bool f80_is_one(struct x86_f80 v)
{
	return f80_exponent(v) == 0x3fff && v.mantissa == F80_ONE;
}

void x87_f2xm1(struct host_x87 *h)
{
	struct x86_f80 x = h->a;

	if (odd_single_operand(h) || f80_is_zero(x))
		return;
	if (denormal_stops(h))
		return;
	if (f80_is_infinite(x)) {
		if (f80_negative(x))
			h->a = (struct x86_f80){F80_ONE, 0xbfff};
	} else if (f80_is_one(x)) {
		h->a.sign_exponent = f80_negative(x) ? 0xbffe : 0x3fff; /* -1/2, 1 */
	} else if (f80_exponent(x) >= 0x3fff) {
		h->status |= FSW_PE;
	} else {
		h->a = round_inexact(h, series_exp2_minus_1(wide_from_f80(x)));
	}
}

/* b times a logarithm, which is exact when that of a power of two. */
static void times_logarithm(struct host_x87 *h, struct wide log, bool exact)
{
	h->a = wide_round(wide_mul(wide_from_f80(h->b), log), !exact, h->control, &h->status);
}

/* FYL2X with an operand that is zero or infinite: true when that settles the result. */
static bool yl2x_special(struct host_x87 *h)
{
	struct x86_f80 x = h->a, y = h->b;
	bool y_negative = f80_negative(y), below_1 = f80_exponent(x) < 0x3fff;

	if (f80_negative(x) && !f80_is_zero(x))
		f80_invalid(h);
	else if (f80_is_zero(x) && f80_is_zero(y))
		f80_invalid(h);
	else if (f80_is_infinite(x) && f80_is_zero(y))
		f80_invalid(h);
	else if (f80_is_one(x) && f80_is_infinite(y))
		f80_invalid(h);
	else if (f80_is_zero(x) && !f80_is_infinite(y))
		f80_zero_divide(h, !y_negative);
	else if (denormal_stops(h))
		return true;
	else if (f80_is_infinite(x) || f80_is_infinite(y))
		h->a = f80_infinity(y_negative != below_1);
	else if (f80_is_zero(y) || f80_is_one(x))
		h->a = f80_zero(y_negative != below_1);
	else
		return false;
	return true;
}

void x87_fyl2x(struct host_x87 *h)
{
	struct wide x;

	if (odd_operand(h) || yl2x_special(h))
		return;
	x = wide_from_f80(h->a);
	times_logarithm(h, series_log2(x), x.mantissa << 1 == 0);
}

/* FYL2XP1 with an operand that is zero or infinite, or with x <= -1. */
static bool yl2xp1_special(struct host_x87 *h)
{
	struct x86_f80 x = h->a, y = h->b;
	bool negative = f80_negative(x) != f80_negative(y);

	if (f80_is_infinite(x) && (f80_negative(x) || f80_is_zero(y)))
		f80_invalid(h);
	else if (f80_is_zero(x) && f80_is_infinite(y))
		f80_invalid(h);
	else if (denormal_stops(h))
		return true;
	else if (f80_is_infinite(x) || f80_is_infinite(y))
		h->a = f80_infinity(negative);
	else if (f80_is_zero(x) || f80_is_zero(y))
		h->a = f80_zero(negative);
	else if (f80_negative(x) && f80_exponent(x) >= 0x3fff)
		h->status |= FSW_PE;
	else
		return false;
	return true;
}

void x87_fyl2xp1(struct host_x87 *h)
{
	struct wide x, sum;

	if (odd_operand(h) || yl2xp1_special(h))
		return;
	x = wide_from_f80(h->a);
	sum = wide_add(wide_from_int(1), x);
	times_logarithm(h, series_log2_1_plus(x), x.exponent > -64 && sum.mantissa << 1 == 0);
}

/* The angle of a point on an axis or at infinity, in quarters of pi. */
static int axis_quarters(struct x86_f80 x, struct x86_f80 y)
{
	bool left = f80_negative(x);

	if (f80_is_infinite(y))
		return !f80_is_infinite(x) ? 2 : left ? 3 : 1;
	if (f80_is_infinite(x) || f80_is_zero(y))
		return left ? 4 : 0;
	return 2;
}

void x87_fpatan(struct host_x87 *h)
{
	struct x86_f80 x = h->a, y = h->b;
	int quarters;

	if (odd_operand(h) || denormal_stops(h))
		return;
	if (!f80_is_infinite(x) && !f80_is_infinite(y) && !f80_is_zero(x) && !f80_is_zero(y)) {
		h->a = round_inexact(h, series_atan2(wide_from_f80(y), wide_from_f80(x)));
		return;
	}
	quarters = axis_quarters(x, y);
	if (quarters == 0)
		h->a = f80_zero(f80_negative(y));
	else
		h->a = round_inexact(h, series_pi_times(f80_negative(y) ? -quarters : quarters));
}

/* What the four trigonometric functions have in common; true when there is nothing more to do.
 * b has become a copy of a, as two results of a NaN or of an invalid operand are the same. */
static bool trigonometric_special(struct host_x87 *h)
{
	if (odd_single_operand(h)) {
		h->b = h->a;
		return true;
	}
	if (f80_is_infinite(h->a)) {
		f80_invalid(h);
		h->b = h->a;
		return true;
	}
	if (f80_exponent(h->a) >= 0x3fff + 63) {
		h->status |= FSW_C2;
		return true;
	}
	return denormal_stops(h);
}

static struct angle angle_of(struct x86_f80 v)
{
	struct wide x = wide_from_f80(v);

	x.negative = false;
	return series_reduce(x);
}

static struct x86_f80 sine(struct host_x87 *h, struct x86_f80 x)
{
	struct wide v = series_sin(angle_of(x));

	return round_inexact(h, f80_negative(x) ? wide_negate(v) : v);
}

void x87_fsin(struct host_x87 *h)
{
	if (!trigonometric_special(h) && !f80_is_zero(h->a))
		h->a = sine(h, h->a);
}

void x87_fcos(struct host_x87 *h)
{
	if (trigonometric_special(h))
		return;
	if (f80_is_zero(h->a))
		h->a = (struct x86_f80){F80_ONE, 0x3fff};
	else
		h->a = round_inexact(h, series_cos(angle_of(h->a)));
}

void x87_fsincos(struct host_x87 *h)
{
	if (trigonometric_special(h))
		return;
	if (f80_is_zero(h->a)) {
		h->a = (struct x86_f80){F80_ONE, 0x3fff};
		return;
	}
	h->b = sine(h, h->a);
	h->status &= (uint16_t)~FSW_C1;
	h->a = round_inexact(h, series_cos(angle_of(h->a)));
}

/* Of tiny x only that it is a little more than x matters. */
static struct wide tangent(struct angle x)
{
	if (x.quadrant == 0 && x.rest.exponent < -40)
		return x.rest;
	return wide_div(series_sin(x), series_cos(x));
}

void x87_fptan(struct host_x87 *h)
{
	struct wide v;

	if (trigonometric_special(h))
		return;
	if (!f80_is_zero(h->a)) {
		v = tangent(angle_of(h->a));
		h->b = round_inexact(h, f80_negative(h->a) ? wide_negate(v) : v);
	}
	h->a = (struct x86_f80){F80_ONE, 0x3fff};
}
