/* SPDX-License-Identifier: Apache-2.0 */
/* From a row of the opcode table back to bytes: one random encoding of it. */
#ifndef TESTS_DIFF_ENCODE_H
#define TESTS_DIFF_ENCODE_H

#include "core/base/seeded.h"
#include "core/x86/decode.h"
#include "tests/diff/case.h"

struct encoder {
	struct seeded *rng;
	const struct x86_decoder *decoder;
	const uint32_t *quirks; /* enum quirk_bits by row */
	struct diff_case *c;	/* memory operands are aimed by its initial state, and suitable
				 * values are put into its data */
};

struct encoded {
	uint8_t bytes[32];
	unsigned len;
	struct x86_insn insn; /* as our decoder reads it */
	enum x86_decode_result result;
};

/* Encodes row for the code segment of e->c, to stand at linear address rip. */
void encode(struct encoder *e, unsigned row, uint64_t rip, struct encoded *out);

/* An address in the code pages where the case has no code. */
uint64_t encode_fill_address(struct encoder *e);

#endif
