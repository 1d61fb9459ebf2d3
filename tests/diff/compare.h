/* SPDX-License-Identifier: Apache-2.0 */
/* Judging a case: what both sides made of it, with what cannot be compared taken out. */
#ifndef TESTS_DIFF_COMPARE_H
#define TESTS_DIFF_COMPARE_H

#include "tests/diff/soft.h"

enum verdict {
	VERDICT_AGREE,
	VERDICT_DISAGREE,
	VERDICT_NOT_COMPARABLE, /* trace->not_comparable, or one side ran into the watchdog */
};

/* Takes out of r what has no defined or no comparable value in this case. */
void compare_normalize(const struct diff_case *c, const struct soft_trace *t,
		       struct diff_result *r);

/* Normalizes both results and compares them. */
enum verdict compare_native(const struct diff_case *c, const struct soft_trace *t,
			    struct diff_result *native, struct diff_result *soft);

/* An engine against the reference: everything must be equal. */
enum verdict compare_engines(const struct diff_result *reference, const struct diff_result *engine);

#endif
