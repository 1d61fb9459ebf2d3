/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing approximations.  Where a result is ours by definition (A_INEXACT) the host's differs in
 * the last places; but it is as close to the true value as the manuals promise, and so must ours be.
 */
#ifndef TESTS_DIFF_CLOSE_H
#define TESTS_DIFF_CLOSE_H

#include "tests/diff/case.h"

/* x87 transcendentals: at most a few units in the last place apart; zeros, infinities and NaNs are
 * equal. */
bool close_f80(const struct case_f80 *a, const struct case_f80 *b);

/* RCPPS, RSQRTPS: relative error of each at most 1.5 * 2^-12 (SDM vol. 2). */
bool close_f32(uint32_t a, uint32_t b);

#endif
