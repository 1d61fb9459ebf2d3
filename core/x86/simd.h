/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SSE and MMX operations on register images.
 *
 * Each operation of the lists below is the host's own instruction of the same name (or, where CPUs
 * differ, a composition of such), as an inline function
 *
 *	void simd_<name>(union x86_xmm *d, const union x86_xmm *s);
 *
 * with d the destination (and first operand) and s the source, already fetched.  Integer
 * operations have no other effect.  Floating-point ones run under the modes, and leave their
 * flags, in the host's MXCSR: they belong between x86_fp_enter() and x86_fp_leave() (host_fp.h),
 * and where the guest has unmasked an exception they must go through simd_fp_apply().
 *
 * The lists are X-macros so that exec functions, specialised handlers of an engine and tests are
 * all made from the same names.
 */
#ifndef CORE_X86_SIMD_H
#define CORE_X86_SIMD_H

#include "core/x86/host_fp.h"

typedef long long simd_vector __attribute__((vector_size(16), may_alias));
typedef void (*simd_op)(union x86_xmm *d, const union x86_xmm *s);

static inline simd_vector *simd_reg(union x86_xmm *v)
{
	return (simd_vector *)v;
}

static inline const simd_vector *simd_arg(const union x86_xmm *v)
{
	return (const simd_vector *)v;
}

/* clang-format off */

/* ---- packed integers ---- */

/* Two operands of one width; MMX has them too. */
#define SIMD_MMX_LIST(X)                                                                \
	X(packsswb) X(packuswb) X(packssdw)                                             \
	X(punpckhbw) X(punpckhwd) X(punpckhdq) X(punpcklbw) X(punpcklwd) X(punpckldq)   \
	X(pcmpgtb) X(pcmpgtw) X(pcmpgtd) X(pcmpeqb) X(pcmpeqw) X(pcmpeqd)               \
	X(paddb) X(paddw) X(paddd) X(paddq) X(paddsb) X(paddsw) X(paddusb) X(paddusw)   \
	X(psubb) X(psubw) X(psubd) X(psubq) X(psubsb) X(psubsw) X(psubusb) X(psubusw)   \
	X(pmullw) X(pmulhw) X(pmulhuw) X(pmuludq) X(pmaddwd) X(psadbw)                  \
	X(pminub) X(pmaxub) X(pminsw) X(pmaxsw) X(pavgb) X(pavgw)                       \
	X(pand) X(pandn) X(por) X(pxor)                                                 \
	X(pshufb) X(phaddw) X(phaddd) X(phaddsw) X(phsubw) X(phsubd) X(phsubsw)         \
	X(pmaddubsw) X(pmulhrsw) X(psignb) X(psignw) X(psignd) X(pabsb) X(pabsw) X(pabsd)

/* Two operands, XMM only; pmovsx and pmovzx use the low part of the source. */
#define SIMD_XMM_LIST(X)                                                                \
	X(punpcklqdq) X(punpckhqdq)                                                     \
	X(pmovsxbw) X(pmovsxbd) X(pmovsxbq) X(pmovsxwd) X(pmovsxwq) X(pmovsxdq)         \
	X(pmovzxbw) X(pmovzxbd) X(pmovzxbq) X(pmovzxwd) X(pmovzxwq) X(pmovzxdq)         \
	X(pmuldq) X(pmulld) X(pcmpeqq) X(pcmpgtq) X(packusdw) X(phminposuw)             \
	X(pminsb) X(pminsd) X(pminuw) X(pminud) X(pmaxsb) X(pmaxsd) X(pmaxuw) X(pmaxud)

#define SIMD_BINARY_LIST(X) SIMD_MMX_LIST(X) SIMD_XMM_LIST(X)

/* Shifts of all elements by the low 64 bits of the source; MMX has them too. */
#define SIMD_SHIFT_LIST(X) \
	X(psrlw) X(psrld) X(psrlq) X(psraw) X(psrad) X(psllw) X(pslld) X(psllq)

/* clang-format on */

#define SIMD_INTEGER_OP(name)                                                       \
	static inline void simd_##name(union x86_xmm *d, const union x86_xmm *s)    \
	{                                                                           \
		__asm__(#name " %1, %0" : "+x"(*simd_reg(d)) : "xm"(*simd_arg(s))); \
	}
SIMD_BINARY_LIST(SIMD_INTEGER_OP)
SIMD_SHIFT_LIST(SIMD_INTEGER_OP)
#undef SIMD_INTEGER_OP

/* ---- floating point ---- */

/* How many lanes of which width an operation computes. */
enum simd_shape { SIMD_PS, SIMD_PD, SIMD_SS, SIMD_SD };

/* The arithmetic whose result is rounded and may leave the exponent's range. */
enum simd_rounded {
	SIMD_IN_RANGE, /* none: no overflow, no underflow */
	SIMD_ADD,
	SIMD_SUB,
	SIMD_MUL,
	SIMD_DIV,
	SIMD_ADDSUB, /* even lanes subtract, odd lanes add */
	SIMD_HADD,   /* neighbouring lanes of d, then of s */
	SIMD_HSUB,
	SIMD_NARROW, /* double lanes of s to single; the shape is that of the source */
};

/* clang-format off */
#define SIMD_FP_LIST(X)                                                                 \
	X(addps, SIMD_PS, SIMD_ADD) X(addpd, SIMD_PD, SIMD_ADD)                         \
	X(addss, SIMD_SS, SIMD_ADD) X(addsd, SIMD_SD, SIMD_ADD)                         \
	X(subps, SIMD_PS, SIMD_SUB) X(subpd, SIMD_PD, SIMD_SUB)                         \
	X(subss, SIMD_SS, SIMD_SUB) X(subsd, SIMD_SD, SIMD_SUB)                         \
	X(mulps, SIMD_PS, SIMD_MUL) X(mulpd, SIMD_PD, SIMD_MUL)                         \
	X(mulss, SIMD_SS, SIMD_MUL) X(mulsd, SIMD_SD, SIMD_MUL)                         \
	X(divps, SIMD_PS, SIMD_DIV) X(divpd, SIMD_PD, SIMD_DIV)                         \
	X(divss, SIMD_SS, SIMD_DIV) X(divsd, SIMD_SD, SIMD_DIV)                         \
	X(sqrtps, SIMD_PS, SIMD_IN_RANGE) X(sqrtpd, SIMD_PD, SIMD_IN_RANGE)             \
	X(sqrtss, SIMD_SS, SIMD_IN_RANGE) X(sqrtsd, SIMD_SD, SIMD_IN_RANGE)             \
	X(minps, SIMD_PS, SIMD_IN_RANGE) X(minpd, SIMD_PD, SIMD_IN_RANGE)               \
	X(minss, SIMD_SS, SIMD_IN_RANGE) X(minsd, SIMD_SD, SIMD_IN_RANGE)               \
	X(maxps, SIMD_PS, SIMD_IN_RANGE) X(maxpd, SIMD_PD, SIMD_IN_RANGE)               \
	X(maxss, SIMD_SS, SIMD_IN_RANGE) X(maxsd, SIMD_SD, SIMD_IN_RANGE)               \
	X(addsubps, SIMD_PS, SIMD_ADDSUB) X(addsubpd, SIMD_PD, SIMD_ADDSUB)

#define SIMD_HORIZONTAL_LIST(X)                                                         \
	X(haddps, SIMD_PS, SIMD_HADD) X(haddpd, SIMD_PD, SIMD_HADD)                     \
	X(hsubps, SIMD_PS, SIMD_HSUB) X(hsubpd, SIMD_PD, SIMD_HSUB)

/* Conversions between XMM images; those of fewer than 16 bytes of result keep the rest of d as
 * the instruction does. */
#define SIMD_CONVERT_LIST(X)                                                            \
	X(cvtss2sd, SIMD_SS, SIMD_IN_RANGE) X(cvtsd2ss, SIMD_SD, SIMD_NARROW)           \
	X(cvtps2pd, SIMD_PS, SIMD_IN_RANGE) X(cvtpd2ps, SIMD_PD, SIMD_NARROW)           \
	X(cvtdq2ps, SIMD_PS, SIMD_IN_RANGE) X(cvtdq2pd, SIMD_PD, SIMD_IN_RANGE)         \
	X(cvtps2dq, SIMD_PS, SIMD_IN_RANGE) X(cvttps2dq, SIMD_PS, SIMD_IN_RANGE)        \
	X(cvtpd2dq, SIMD_PD, SIMD_IN_RANGE) X(cvttpd2dq, SIMD_PD, SIMD_IN_RANGE)

/* clang-format on */

#define SIMD_FP_OP(name, shape, rounded)                                                     \
	static inline void simd_##name(union x86_xmm *d, const union x86_xmm *s)             \
	{                                                                                    \
		__asm__ volatile(#name " %1, %0" : "+x"(*simd_reg(d)) : "xm"(*simd_arg(s))); \
	}
SIMD_FP_LIST(SIMD_FP_OP)
SIMD_CONVERT_LIST(SIMD_FP_OP)
#undef SIMD_FP_OP

/* Even and odd lanes of d and s are gathered and then added or subtracted: the manuals leave open
 * which of two NaNs of a pair counts as the first operand, here it is the even one. */
#define SIMD_HORIZONTAL_OP(name, shuffle, even, odd, op)                                       \
	static inline void simd_##name(union x86_xmm *d, const union x86_xmm *s)               \
	{                                                                                      \
		simd_vector t;                                                                 \
                                                                                               \
		__asm__ volatile("movaps %0, %1\n\t" shuffle " $" #even ", %2, %0\n\t" shuffle \
				 " $" #odd ", %2, %1\n\t" op " %1, %0"                         \
				 : "+&x"(*simd_reg(d)), "=&x"(t)                               \
				 : "x"(*simd_arg(s)));                                         \
	}
SIMD_HORIZONTAL_OP(haddps, "shufps", 0x88, 0xdd, "addps")
SIMD_HORIZONTAL_OP(haddpd, "shufpd", 0, 3, "addpd")
SIMD_HORIZONTAL_OP(hsubps, "shufps", 0x88, 0xdd, "subps")
SIMD_HORIZONTAL_OP(hsubpd, "shufpd", 0, 3, "subpd")
#undef SIMD_HORIZONTAL_OP

/* Between general registers of 32 and 64 bits and XMM.  The integer operand is s->u32[0] or
 * s->u64[0]; an integer result is d->u64[0], zero-extended, and the rest of d stays. */
#define SIMD_FROM_INT_OP(name, insn, part)                                            \
	static inline void simd_##name(union x86_xmm *d, const union x86_xmm *s)      \
	{                                                                             \
		__asm__ volatile(insn " %1, %0" : "+x"(*simd_reg(d)) : "r"(s->part)); \
	}
SIMD_FROM_INT_OP(cvtsi2ss_32, "cvtsi2ssl", u32[0])
SIMD_FROM_INT_OP(cvtsi2ss_64, "cvtsi2ssq", u64[0])
SIMD_FROM_INT_OP(cvtsi2sd_32, "cvtsi2sdl", u32[0])
SIMD_FROM_INT_OP(cvtsi2sd_64, "cvtsi2sdq", u64[0])
#undef SIMD_FROM_INT_OP

#define SIMD_TO_INT_OP(name, bits)                                                        \
	static inline void simd_##name##_##bits(union x86_xmm *d, const union x86_xmm *s) \
	{                                                                                 \
		uint##bits##_t v;                                                         \
                                                                                          \
		__asm__ volatile(#name " %1, %0" : "=r"(v) : "x"(*simd_arg(s)));          \
		d->u64[0] = v;                                                            \
	}
SIMD_TO_INT_OP(cvtss2si, 32)
SIMD_TO_INT_OP(cvtss2si, 64)
SIMD_TO_INT_OP(cvttss2si, 32)
SIMD_TO_INT_OP(cvttss2si, 64)
SIMD_TO_INT_OP(cvtsd2si, 32)
SIMD_TO_INT_OP(cvtsd2si, 64)
SIMD_TO_INT_OP(cvttsd2si, 32)
SIMD_TO_INT_OP(cvttsd2si, 64)
#undef SIMD_TO_INT_OP

/* Scalar comparisons: d->u32[0] becomes the six arithmetic flags as EFLAGS bits. */
#define SIMD_COMPARE_LIST(X) X(ucomiss) X(ucomisd) X(comiss) X(comisd)

#define SIMD_COMPARE_OP(name)                                                               \
	static inline void simd_##name(union x86_xmm *d, const union x86_xmm *s)            \
	{                                                                                   \
		bool zf, pf, cf;                                                            \
                                                                                            \
		__asm__ volatile(#name " %4, %3"                                            \
				 : "=@ccz"(zf), "=@ccp"(pf), "=@ccc"(cf)                    \
				 : "x"(*simd_reg(d)), "xm"(*simd_arg(s)));                  \
		d->u32[0] = (zf ? X86_ZF : 0) | (pf ? X86_PF_FLAG : 0) | (cf ? X86_CF : 0); \
	}
SIMD_COMPARE_LIST(SIMD_COMPARE_OP)
#undef SIMD_COMPARE_OP

/* ---- exceptions ---- */

/* True when no SIMD floating-point exception can be raised: operations may be run directly. */
static inline bool simd_fp_masked(const struct x86_cpu *c)
{
	return (c->mxcsr & MXCSR_MASKS) == MXCSR_MASKS;
}

/* One operation while some exception is unmasked: *d = op(*d, *s) and flags in the guest's MXCSR,
 * or, when an unmasked exception is raised, *d unchanged, the flags that the CPU would leave, and
 * X86_FAULT with #XM, or #UD without CR4.OSXMMEXCPT (SDM vol. 1 11.5, vol. 3A 6.15). */
enum x86_status simd_fp_exact(struct x86_cpu *c, union x86_xmm *d, const union x86_xmm *s,
			      simd_op op, enum simd_shape shape, enum simd_rounded rounded);

/* One operation whatever is masked. */
static inline __attribute__((always_inline)) enum x86_status simd_fp_apply(
	struct x86_cpu *c, union x86_xmm *d, const union x86_xmm *s, simd_op op,
	enum simd_shape shape, enum simd_rounded rounded)
{
	if (__builtin_expect(!simd_fp_masked(c), 0))
		return simd_fp_exact(c, d, s, op, shape, rounded);
	op(d, s);
	return X86_OK;
}

#endif
