/* SPDX-License-Identifier: Apache-2.0 */
/* Floating point in XMM registers: arithmetic, comparison, rounding, dot products. */
#include "core/x86/exec.h"
#include "core/x86/simd.h"

/* Destination register operand 0, source operand 1. */
static inline __attribute__((always_inline)) enum x86_status binary(struct x86_cpu *c,
								    const struct x86_insn *i,
								    simd_op op,
								    enum simd_shape shape,
								    enum simd_rounded rounded)
{
	union x86_xmm s;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	return simd_fp_apply(c, &c->xmm[i->opr[0].reg], &s, op, shape, rounded);
}

#define EXEC_FP(name, shape, rounded)                                            \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		return binary(c, i, simd_##name, shape, rounded);                \
	}
SIMD_FP_LIST(EXEC_FP)
SIMD_HORIZONTAL_LIST(EXEC_FP)

/* ---- comparisons that set EFLAGS ---- */

#define EXEC_COMPARE(name)                                                              \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i)        \
	{                                                                               \
		union x86_xmm d = c->xmm[i->opr[0].reg];                                \
		union x86_xmm s;                                                        \
                                                                                        \
		X86_TRY(operand_read_xmm(c, i, 1, &s));                                 \
		X86_TRY(simd_fp_apply(c, &d, &s, simd_##name, SIMD_SD, SIMD_IN_RANGE)); \
		lazy_set(&c->lazy, d.u32[0]);                                           \
		return X86_OK;                                                          \
	}
SIMD_COMPARE_LIST(EXEC_COMPARE)

/* ---- operations chosen by an immediate ---- */

#define BY_IMM(name, n)                                                  \
	static void name##_##n(union x86_xmm *d, const union x86_xmm *s) \
	{                                                                \
		__asm__ volatile(#name " $" #n ", %1, %0"                \
				 : "+x"(*simd_reg(d))                    \
				 : "xm"(*simd_arg(s)));                  \
	}

/* clang-format off */
/* The predicate is in the low three bits; the others mean nothing. */
#define EXEC_COMPARE_BY_IMM(name, shape)                                                \
	BY_IMM(name, 0) BY_IMM(name, 1) BY_IMM(name, 2) BY_IMM(name, 3)                 \
	BY_IMM(name, 4) BY_IMM(name, 5) BY_IMM(name, 6) BY_IMM(name, 7)                 \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i)        \
	{                                                                               \
		static const simd_op by_imm[8] = {name##_0, name##_1, name##_2, name##_3, \
						  name##_4, name##_5, name##_6, name##_7}; \
                                                                                        \
		return binary(c, i, by_imm[i->imm & 7], shape, SIMD_IN_RANGE);          \
	}
/* clang-format on */
EXEC_COMPARE_BY_IMM(cmpps, SIMD_PS)
EXEC_COMPARE_BY_IMM(cmppd, SIMD_PD)
EXEC_COMPARE_BY_IMM(cmpss, SIMD_SS)
EXEC_COMPARE_BY_IMM(cmpsd, SIMD_SD)

/* clang-format off */
/* Rounding mode in bits 1:0, or MXCSR's where bit 2 is set; bit 3 keeps the inexact flag quiet. */
#define EXEC_ROUND(name, shape)                                                         \
	BY_IMM(name, 0) BY_IMM(name, 1) BY_IMM(name, 2) BY_IMM(name, 3) BY_IMM(name, 4) \
	BY_IMM(name, 8) BY_IMM(name, 9) BY_IMM(name, 10) BY_IMM(name, 11) BY_IMM(name, 12) \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i)        \
	{                                                                               \
		static const simd_op by_imm[16] = {                                     \
			name##_0, name##_1, name##_2,  name##_3,                        \
			name##_4, name##_4, name##_4,  name##_4,                        \
			name##_8, name##_9, name##_10, name##_11,                       \
			name##_12, name##_12, name##_12, name##_12};                    \
                                                                                        \
		return binary(c, i, by_imm[i->imm & 15], shape, SIMD_IN_RANGE);         \
	}
/* clang-format on */
EXEC_ROUND(roundps, SIMD_PS)
EXEC_ROUND(roundpd, SIMD_PD)
EXEC_ROUND(roundss, SIMD_SS)
EXEC_ROUND(roundsd, SIMD_SD)

/* ---- dot products ---- */

/*
 * Products of the lanes in imm[7:4], their sum, and the sum in the lanes of imm[3:0]; zero
 * elsewhere.  Composed of the steps that the SDM names, in its order, because each step raises its
 * own exceptions.  Lanes that are left out are zeros, which raise nothing.
 */
enum x86_status exec_dpps(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	union x86_xmm s, product = *d, sum;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	for (unsigned n = 0; n < 4; n++)
		if (!(i->imm >> (4 + n) & 1))
			product.u32[n] = s.u32[n] = 0;
	X86_TRY(simd_fp_apply(c, &product, &s, simd_mulps, SIMD_PS, SIMD_MUL));
	sum = (union x86_xmm){.u32 = {product.u32[0], product.u32[2]}};
	s = (union x86_xmm){.u32 = {product.u32[1], product.u32[3]}};
	X86_TRY(simd_fp_apply(c, &sum, &s, simd_addps, SIMD_PS, SIMD_ADD));
	s = (union x86_xmm){.u32 = {sum.u32[1]}};
	X86_TRY(simd_fp_apply(c, &sum, &s, simd_addss, SIMD_SS, SIMD_ADD));
	for (unsigned n = 0; n < 4; n++)
		d->u32[n] = i->imm >> n & 1 ? sum.u32[0] : 0;
	return X86_OK;
}

enum x86_status exec_dppd(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	union x86_xmm s, sum = *d;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	for (unsigned n = 0; n < 2; n++)
		if (!(i->imm >> (4 + n) & 1))
			sum.u64[n] = s.u64[n] = 0;
	X86_TRY(simd_fp_apply(c, &sum, &s, simd_mulpd, SIMD_PD, SIMD_MUL));
	s = (union x86_xmm){.u64 = {sum.u64[1]}};
	X86_TRY(simd_fp_apply(c, &sum, &s, simd_addsd, SIMD_SD, SIMD_ADD));
	for (unsigned n = 0; n < 2; n++)
		d->u64[n] = i->imm >> n & 1 ? sum.u64[0] : 0;
	return X86_OK;
}
