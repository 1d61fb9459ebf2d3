/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The elementary functions on long numbers (x87_wide.h), for x87_transcendental.c.
 *
 * Each function reduces its argument exactly or to some 120 bits, then sums a Taylor series by
 * Horner's rule in fixed point, where a coefficient is a division by a small integer and no table
 * of minimax coefficients has to be trusted.  The number of terms is fixed, such that the first
 * one left out is below 2^-124 of the sum; relative errors are below 2^-115.  sin and atan of tiny
 * arguments stay strictly below the argument, and cos below 1, so that directed rounding is right.
 */
#ifndef CORE_X86_X87_SERIES_H
#define CORE_X86_X87_SERIES_H

#include "core/x86/x87_wide.h"

/* An angle of magnitude x as quadrant * pi/2 + rest with |rest| <= pi/4. */
struct angle {
	struct wide rest;
	unsigned quadrant; /* modulo 4 */
};

struct angle series_reduce(struct wide x); /* 0 < x < 2^63 */
struct wide series_sin(struct angle x);
struct wide series_cos(struct angle x);

struct wide series_pi_times(int quarters);		/* quarters * pi / 4 */
struct wide series_atan2(struct wide y, struct wide x); /* both not zero */

struct wide series_exp2_minus_1(struct wide x); /* 0 < |x| < 1 */
struct wide series_log2(struct wide x);		/* x > 0 */
struct wide series_log2_1_plus(struct wide x);	/* x > -1, not zero */

#endif
