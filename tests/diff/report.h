/* SPDX-License-Identifier: Apache-2.0 */
/* A disagreement in words. */
#ifndef TESTS_DIFF_REPORT_H
#define TESTS_DIFF_REPORT_H

#include "tests/diff/generate.h"

#include <stdio.h>

/* Bytes, disassembly, initial state, how each side ended, and every field in which the two final
 * states differ (all fields when whole is set).  names: of the two sides. */
void report_case(FILE *to, const struct generator *g, const struct diff_case *c,
		 const struct diff_result *a, const struct diff_result *b,
		 const char *const names[2], bool whole);

#endif
