/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/x87_remainder.h"

#include "core/x86/x87_operand.h"
#include "core/x86/x87_wide.h"

/* rest * 2^steps divided by divisor: gives the quotient's low bits, leaves the remainder. */
static uint64_t long_division(uint128 *rest, uint64_t divisor, unsigned steps)
{
	uint64_t quotient = 0;

	for (unsigned n = 0; n <= steps; n++) {
		if (n)
			*rest <<= 1;
		quotient <<= 1;
		if (*rest >= divisor) {
			*rest -= divisor;
			quotient |= 1;
		}
	}
	return quotient;
}

static uint16_t quotient_conditions(uint64_t q)
{
	return (q & 4 ? FSW_C0 : 0) | (q & 2 ? FSW_C3 : 0) | (q & 1 ? FSW_C1 : 0);
}

/* Both finite, b not zero. */
static void reduce(struct host_x87 *h, bool to_nearest)
{
	struct wide a = wide_from_f80(h->a), b = wide_from_f80(h->b);
	int distance = a.exponent - b.exponent;
	uint64_t divisor = (uint64_t)(b.mantissa >> 64), quotient = 0;
	uint128 rest = a.mantissa >> 64;
	int steps = distance < 64 ? distance : 32 + distance % 32;
	bool negative = a.negative;

	if (distance < (to_nearest ? -1 : 0) || !a.mantissa) {
		h->a = wide_round(a, false, h->control, &h->status);
		return;
	}
	if (distance >= 0)
		quotient = long_division(&rest, divisor, (unsigned)steps);
	if (distance >= 64) {
		h->status |= FSW_C2;
	} else if (to_nearest) {
		uint128 twice = distance < 0 ? rest : rest * 2;

		if (twice > divisor || (twice == divisor && quotient & 1)) {
			rest = distance < 0 ? (uint128)divisor * 2 - rest : divisor - rest;
			negative = !negative;
			quotient++;
		}
	}
	if (!rest)
		negative = a.negative;
	if (steps > 0)
		a.exponent -= steps;
	h->a = wide_round(wide_normal(negative, a.exponent, rest << 64), false, h->control,
			  &h->status);
	if (distance < 64)
		h->status |= quotient_conditions(quotient);
}

static void remainder_of(struct host_x87 *h, bool to_nearest)
{
	uint16_t conditions;

	h->status &= FSW_C0 | FSW_C3;
	if (f80_is_odd(h->a) || f80_is_odd(h->b)) {
		conditions = h->status;
		host_fadd(h);
		h->status = (h->status & FSW_EXCEPTIONS) | conditions;
		return;
	}
	if (f80_is_infinite(h->a) || f80_is_zero(h->b)) {
		f80_invalid(h);
		return;
	}
	if (f80_is_denormal(h->a) || f80_is_denormal(h->b))
		if (!f80_accept_denormal(h))
			return;
	h->status &= (uint16_t) ~(FSW_C0 | FSW_C3);
	if (f80_is_infinite(h->b))
		h->a = wide_round(wide_from_f80(h->a), false, h->control, &h->status);
	else
		reduce(h, to_nearest);
}

void x87_fprem(struct host_x87 *h)
{
	remainder_of(h, false);
}

void x87_fprem1(struct host_x87 *h)
{
	remainder_of(h, true);
}
