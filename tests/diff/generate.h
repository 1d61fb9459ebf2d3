/* SPDX-License-Identifier: Apache-2.0 */
/* Makes cases: case number n of a seed is always the same one. */
#ifndef TESTS_DIFF_GENERATE_H
#define TESTS_DIFF_GENERATE_H

#include "core/x86/decode.h"
#include "tests/diff/case.h"

#define GENERATE_ROWS	       1024
#define GENERATE_PATTERN_BYTES (64u << 10)

struct generator {
	uint64_t seed;
	bool code32, code16; /* kinds of code segments that may be used besides 64-bit */
	int only_row;	     /* every case has this row, or -1 */
	bool strict_flags;   /* undefined flags are compared too */
	struct x86_decoder decoder;
	uint32_t quirks[GENERATE_ROWS];
	/* Rows that can be picked, by kind of code: 0: 64-bit, 1: 32- and 16-bit. */
	uint16_t rows[2][GENERATE_ROWS];
	unsigned n_rows[2];
	/* What the data pages are filled from. */
	uint8_t pattern[GENERATE_PATTERN_BYTES + ARENA_DATA_BYTES];
};

void generator_init(struct generator *g, uint64_t seed, bool code32, bool code16, int only_row);

/* Contents of the read-only page, the same for all cases of a seed. */
void generate_constants(const struct generator *g, uint8_t page[ARENA_PAGE_BYTES]);

void generate_case(const struct generator *g, uint64_t number, struct diff_case *c);

/* Takes instruction n out of a case; its bytes become one-byte NOPs, so that nothing moves. */
void case_drop_insn(struct diff_case *c, unsigned n);

#endif
