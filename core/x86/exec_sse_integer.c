/* SPDX-License-Identifier: Apache-2.0 */
/* Packed integers in XMM registers: arithmetic, comparison, logic, shifts. */
#include "core/x86/exec.h"
#include "core/x86/simd.h"

/* Destination register operand 0, source operand 1. */
static inline __attribute__((always_inline)) enum x86_status binary(struct x86_cpu *c,
								    const struct x86_insn *i,
								    simd_op op)
{
	union x86_xmm s;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	op(&c->xmm[i->opr[0].reg], &s);
	return X86_OK;
}

/* The count is an operand like any other or an immediate. */
static inline __attribute__((always_inline)) enum x86_status shift(struct x86_cpu *c,
								   const struct x86_insn *i,
								   simd_op op)
{
	union x86_xmm count = {.u64 = {(uint8_t)i->imm, 0}};

	if (i->opr[1].kind != X86_OPR_IMM)
		X86_TRY(operand_read_xmm(c, i, 1, &count));
	op(&c->xmm[i->opr[0].reg], &count);
	return X86_OK;
}

#define EXEC_BINARY(name)                                                        \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		return binary(c, i, simd_##name);                                \
	}
SIMD_BINARY_LIST(EXEC_BINARY)

#define EXEC_SHIFT(name)                                                         \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		return shift(c, i, simd_##name);                                 \
	}
SIMD_SHIFT_LIST(EXEC_SHIFT)

enum x86_status exec_ptest(struct x86_cpu *c, const struct x86_insn *i)
{
	const union x86_xmm *d = &c->xmm[i->opr[0].reg];
	union x86_xmm s;
	bool zf, cf;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	zf = !((s.u64[0] & d->u64[0]) | (s.u64[1] & d->u64[1]));
	cf = !((s.u64[0] & ~d->u64[0]) | (s.u64[1] & ~d->u64[1]));
	lazy_set(&c->lazy, (zf ? X86_ZF : 0) | (cf ? X86_CF : 0));
	return X86_OK;
}

static unsigned distance(unsigned a, unsigned b)
{
	return a > b ? a - b : b - a;
}

/* Eight sums of absolute differences of one block of four source bytes and eight overlapping
 * blocks of the destination. */
enum x86_status exec_mpsadbw(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	const union x86_xmm old = *d;
	union x86_xmm s;
	unsigned from = i->imm >> 2 & 1, block = i->imm & 3;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	for (unsigned n = 0; n < 8; n++) {
		d->u16[n] = 0;
		for (unsigned k = 0; k < 4; k++)
			d->u16[n] += distance(old.u8[from * 4 + n + k], s.u8[block * 4 + k]);
	}
	return X86_OK;
}
