/* SPDX-License-Identifier: Apache-2.0 */
/* The coverage list: every row of the opcode table and how often it was compared. */
#ifndef TESTS_DIFF_COVERAGE_H
#define TESTS_DIFF_COVERAGE_H

#include "tests/diff/worker.h"

/* A line per row: index, map, opcode, mnemonic, operands, cases in which it was carried out and
 * agreed (UD0, UD1, UD2: raised #UD), cases in which it faulted and agreed.  False when the file cannot be written. */
bool coverage_write(const char *path, const struct tally *t);

#endif
