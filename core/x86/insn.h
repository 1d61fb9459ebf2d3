/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One decoded instruction: position independent (no address of its own), 40 bytes, a plain value
 * that may be kept, compared and executed any number of times.
 */
#ifndef CORE_X86_INSN_H
#define CORE_X86_INSN_H

#include <stdint.h>

#define X86_INSN_MAX_BYTES 15
#define X86_OPERANDS_MAX   4

enum x86_operand_kind {
	X86_OPR_NONE,
	X86_OPR_GPR,	  /* reg 0..15 */
	X86_OPR_GPR_HIGH, /* AH CH DH BH: reg 0..3 */
	X86_OPR_SEG,	  /* enum x86_seg */
	X86_OPR_CR,
	X86_OPR_DR,
	X86_OPR_MMX,
	X86_OPR_XMM,
	X86_OPR_ST,  /* reg = i of ST(i) */
	X86_OPR_MEM, /* insn.seg:[base + index << scale + disp] */
	X86_OPR_IMM, /* insn.imm, already extended to the operand size */
	X86_OPR_REL, /* insn.imm: branch displacement from the next instruction */
	X86_OPR_FAR, /* insn.imm: offset, insn.disp: selector */
	X86_OPR_SRC, /* string source insn.seg:[rSI] */
	X86_OPR_DST, /* string destination ES:[rDI] */
};

struct x86_operand {
	uint8_t kind;	    /* enum x86_operand_kind */
	uint8_t reg;	    /* register number where kind is a register */
	uint8_t size_bytes; /* of the value read or written; 0 where it has none (LEA's M) */
};

/* Values of base and index beyond the sixteen registers. */
#define X86_REG_ZERO 16
#define X86_REG_RIP  17 /* base only: the address of the next instruction */

enum x86_insn_bits {
	X86_INSN_LOCK = 1 << 0,
	X86_INSN_REX_W = 1 << 1,
	X86_INSN_P66 = 1 << 2, /* an operand-size prefix was present */
};

enum x86_rep { X86_REP_NONE = 0, X86_REP_NE = 0xf2, X86_REP_E = 0xf3 };

struct x86_insn {
	uint16_t op;	/* index into x86_opcodes[] */
	uint8_t len;	/* bytes, 1..15 */
	uint8_t opsize; /* operand size in bytes: 2, 4, 8 */
	uint8_t adsize; /* address size in bytes: 2, 4, 8 */
	uint8_t seg;	/* effective segment of the memory operand (enum x86_seg) */
	uint8_t rep;	/* enum x86_rep: the last F2/F3 prefix, even where it means nothing */
	uint8_t bits;	/* enum x86_insn_bits */
	uint8_t base;	/* 0..15, X86_REG_ZERO, X86_REG_RIP */
	uint8_t index;	/* 0..15, X86_REG_ZERO */
	uint8_t scale;	/* log2 */
	uint8_t n_operands;
	struct x86_operand opr[X86_OPERANDS_MAX];
	int64_t imm;  /* of D8..DF, which have none: the opcode as the x87 keeps it (FOP) */
	int64_t disp; /* displacement; ENTER: nesting level; far pointer: selector */
};

_Static_assert(sizeof(struct x86_insn) == 40, "the engines keep many of these");

#endif
