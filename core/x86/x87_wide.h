/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Floating point numbers with a mantissa twice as long as a register's, in integer arithmetic.
 * A value is (-1)^negative * mantissa * 2^(exponent - 127); the mantissa has bit 127 set, or is
 * zero.  The exponent does not overflow: x87 operands and what is made of them stay within 17
 * bits.  Operations truncate, so each has a relative error of less than 2^-126, and none when the
 * exact result fits.
 */
#ifndef CORE_X86_X87_WIDE_H
#define CORE_X86_X87_WIDE_H

#include "core/x86/vcpu_state.h"

#include <stdbool.h>

typedef unsigned __int128 uint128;

struct wide {
	uint128 mantissa;
	int exponent;
	bool negative;
};

/* mantissa * 2^(exponent - 127), of any mantissa. */
struct wide wide_normal(bool negative, int exponent, uint128 mantissa);

/* v must be finite and not an unsupported pattern. */
struct wide wide_from_f80(struct x86_f80 v);
struct wide wide_from_int(int v);

struct wide wide_add(struct wide a, struct wide b);
struct wide wide_mul(struct wide a, struct wide b);
struct wide wide_div(struct wide a, struct wide b); /* b is not zero */
int wide_compare_magnitude(struct wide a, struct wide b);

static inline struct wide wide_negate(struct wide v)
{
	v.negative = !v.negative;
	return v;
}

/* The upper half of a 256-bit product. */
uint128 wide_mul_high(uint128 a, uint128 b);

/* The magnitude of v, which is less than 1, as a fraction of 2^128. */
uint128 wide_fraction(struct wide v);

/* Rounds to a register at full precision under the rounding mode and the overflow and underflow
 * masks of control, as the x87 rounds a result: tininess is detected after rounding.  Sets
 * FSW_OE, FSW_UE, FSW_PE and FSW_C1 in *status.  inexact: the exact result is not a number of
 * this kind and lies, if v looks like one, just above v in magnitude. */
struct x86_f80 wide_round(struct wide v, bool inexact, unsigned control, uint16_t *status);

#endif
