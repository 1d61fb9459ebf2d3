/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cannot be compared with the host CPU as it stands, and why: one table, as short as it can
 * be.  Everything that is not in it runs natively and must agree to the bit.
 */
#ifndef TESTS_DIFF_QUIRKS_H
#define TESTS_DIFF_QUIRKS_H

#include <stdint.h>

enum quirk_bits {
	/* The generator's part. */
	QUIRK_NEVER = 1 << 0,  /* not run natively */
	QUIRK_NO_66 = 1 << 1,  /* no operand-size prefix in 64-bit code */
	QUIRK_NO_REP = 1 << 2, /* no F2 or F3 prefix */
	QUIRK_NO_REX_W = 1 << 3,
	QUIRK_NO_LOCK = 1 << 4,
	QUIRK_LAST = 1 << 5,	/* only as the last instruction: its result is not comparable */
	QUIRK_NO_REG = 1 << 11, /* memory form only */
	/* The comparison's part: what is free after QUIRK_LAST. */
	QUIRK_ANY_AX_DX = 1 << 6,
	QUIRK_ANY_BX_CX = 1 << 7,
	QUIRK_ANY_X87 = 1 << 8,	 /* close to, not equal: ST(0), ST(1), C0..C3, PE */
	QUIRK_ANY_XMM = 1 << 9,	 /* close to, not equal: the destination */
	QUIRK_ANY_FIP = 1 << 10, /* the x87 pointers within the memory operand */
};

struct quirk {
	const char *name; /* of a row of the opcode table, or NULL for a rule by attribute */
	uint32_t attr;	  /* rows with one of these attributes (name NULL) */
	uint32_t operand; /* rows with this operand code (name NULL), or 0 */
	uint32_t bits;
	const char *reason;
};

extern const struct quirk quirks[];
extern const unsigned quirk_count;

/* All bits of the entries that row matches. */
uint32_t quirk_bits(unsigned row);

#endif
