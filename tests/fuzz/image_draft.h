/* SPDX-License-Identifier: Apache-2.0 */
/* One instruction of an image's program while it is being written. */
#ifndef TESTS_FUZZ_IMAGE_DRAFT_H
#define TESTS_FUZZ_IMAGE_DRAFT_H

#include "core/x86/opcode.h"

#include <stdint.h>

#define DRAFT_BYTES 96

struct draft {
	uint64_t hash; /* what is chosen from, used up from below */
	uint8_t bytes[DRAFT_BYTES];
	unsigned n;
	int reg, rm; /* ModRM.reg and a register for ModRM.rm if not -1 */
	unsigned code_bytes;
};

static inline void draft_add(struct draft *d, unsigned byte)
{
	d->bytes[d->n++] = (uint8_t)byte;
}

/* From 0 to bound - 1. */
unsigned draft_draw(struct draft *d, unsigned bound);

/* Instructions in front that give one of o something to work on: a selector, an MSR that exists, a
 * frame to return through, a control register with one bit changed. */
void draft_prepare(struct draft *d, const struct x86_opcode *o);

/* What follows the opcode of a far call or jump to an immediate pointer. */
void draft_add_pointer(struct draft *d);

#endif
