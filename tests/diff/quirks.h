/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cannot be compared with the host CPU as it stands, and why: one table, as short as it can
 * be.  Everything that is not in it runs natively and must agree to the bit.
 */
#ifndef TESTS_DIFF_QUIRKS_H
#define TESTS_DIFF_QUIRKS_H

#include <stdbool.h>
#include <stdint.h>

enum quirk_bits {
	/* The generator's part. */
	QUIRK_NEVER = 1 << 0,  /* not run natively */
	QUIRK_NO_66 = 1 << 1,  /* no operand-size prefix in 64-bit code */
	QUIRK_NO_REP = 1 << 2, /* no F2 or F3 prefix */
	QUIRK_NO_REX_W = 1 << 3,
	QUIRK_NO_LOCK = 1 << 4,
	QUIRK_NO_REG = 1 << 5, /* memory form only */
	QUIRK_NO_MEM = 1 << 6, /* register form only */
	QUIRK_LAST =
		1 << 7, /* only as the last instruction: part of its result is not comparable */
	/* The comparison's part: what is free after an instruction with QUIRK_LAST. */
	QUIRK_ANY_AX_DX = 1 << 8,
	QUIRK_ANY_BX_CX = 1 << 9,
	QUIRK_ANY_X87 = 1 << 10,    /* ST(0) and ST(1) by a few units, C1 and PE */
	QUIRK_ANY_XMM = 1 << 11,    /* each float of the XMM registers by 3 * 2^-12 */
	QUIRK_ANY_FIP = 1 << 12,    /* the x87 pointers within the memory operand */
	QUIRK_ANY_C1 = 1 << 13,	    /* x87 C1 */
	QUIRK_ANY_PUSHED = 1 << 14, /* the two bytes above a pushed 16-bit value */
	QUIRK_ANGLE = 1 << 19,	    /* ST(0) and ST(1) when the operand was 1/2 or more */
	/* ... and after a fault of the instruction. */
	QUIRK_FAULT_FLAGS = 1 << 15, /* arithmetic flags */
	QUIRK_FAULT_ORDER =
		1 << 16,	    /* which of several faults is taken, and what was done before */
	QUIRK_FAULT_ANY = 1 << 17,  /* whether there is a fault at all */
	QUIRK_WIDE_STACK = 1 << 18, /* the same, when RSP is beyond 4 GiB */
};

/* Applies to the rows that have all of what it names. */
struct quirk {
	const char *name; /* mnemonic, or NULL */
	uint32_t attr;	  /* attributes, all of them, or 0 */
	uint32_t operand; /* an operand code, or 0 */
	uint32_t bits;
	const char *reason;
};

extern const struct quirk quirks[];
extern const unsigned quirk_count;

/* True when this opcode belongs to an extension that host CPUs may have and the model has not, so
 * that forms of it that are #UD to us may be instructions to the host. */
bool quirk_is_extension(unsigned map, uint8_t opcode);

/* All bits of the entries that row matches. */
uint32_t quirk_bits(unsigned row);

#endif
