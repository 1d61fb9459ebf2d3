/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIMD floating point with unmasked exceptions.
 *
 * The host computes with everything masked, which gives the flags of the masked responses.  An
 * unmasked exception changes which flags are raised (SDM vol. 1 11.5.2 and appendix E):
 *
 * - An unmasked invalid, denormal or division exception in any lane ends the operation before it
 *   computes: only flags of these three kinds are raised.
 * - An unmasked overflow or underflow judges the result as rounded with an unbounded exponent:
 *   underflow is raised by a tiny result even when it is exact, and the inexact flag tells whether
 *   that rounding lost anything, where the masked responses lose more (infinity, denormals).
 *
 * The host's x87 unit, set to 24 or 53 bits, rounds exactly so: its exponent range holds every
 * sum, product and quotient of two singles or doubles.
 */
#include "core/x86/fault.h"
#include "core/x86/fpu.h"
#include "core/x86/host_x87.h"
#include "core/x86/simd.h"

#include <string.h>

#define MXCSR_IE (1u << 0)
#define MXCSR_DE (1u << 1)
#define MXCSR_ZE (1u << 2)
#define MXCSR_OE (1u << 3)
#define MXCSR_UE (1u << 4)
#define MXCSR_PE (1u << 5)

#define BEFORE_COMPUTING (MXCSR_IE | MXCSR_DE | MXCSR_ZE)
#define MXCSR_MASK_SHIFT 7
#define MXCSR_RC_SHIFT	 13

#define X87_CONTROL_SINGLE 0x003fu /* 24 bits, all exceptions masked */
#define X87_CONTROL_DOUBLE 0x023fu /* 53 bits */
#define F80_BIAS	   16383
#define F80_SPECIAL	   0x7fff /* infinity, NaN */

/* A result rounded to the precision of its format with an unbounded exponent. */
struct unbounded {
	bool tiny, huge; /* below or above the format's normal range */
	bool inexact;
};

/* Lane n of v, exactly; a denormal is zero when DAZ is set. */
static struct x86_f80 lane_value(const union x86_xmm *v, unsigned n, bool single, bool daz)
{
	struct host_x87 h = {.control = X87_CONTROL_DOUBLE};
	uint64_t bits = single ? v->u32[n] : v->u64[n];
	uint64_t exponent = single ? 0x7f800000 : 0x7ff0000000000000;
	uint64_t sign = single ? 0x80000000 : 0x8000000000000000;

	if (daz && !(bits & exponent))
		bits &= sign;
	memcpy(h.memory, &bits, sizeof(bits));
	if (single)
		host_fld_m32(&h);
	else
		host_fld_m64(&h);
	return h.a;
}

static struct unbounded unbounded_result(enum simd_rounded op, struct x86_f80 a, struct x86_f80 b,
					 bool single, unsigned rounding)
{
	unsigned precision = single ? X87_CONTROL_SINGLE : X87_CONTROL_DOUBLE;
	struct host_x87 h = {.a = a, .b = b};
	struct unbounded u = {false, false, false};
	int largest = single ? 127 : 1023;
	int exponent;

	h.control = (uint16_t)(precision | rounding << FCW_RC_SHIFT);
	switch (op) {
	case SIMD_SUB: host_fsub(&h); break;
	case SIMD_MUL: host_fmul(&h); break;
	case SIMD_DIV: host_fdiv(&h); break;
	default: host_fadd(&h); break;
	}
	exponent = h.a.sign_exponent & F80_SPECIAL;
	if (exponent == F80_SPECIAL || exponent == 0)
		return u;
	u.tiny = exponent - F80_BIAS < 1 - largest;
	u.huge = exponent - F80_BIAS > largest;
	u.inexact = h.status & FSW_PE;
	return u;
}

/* What lane n of the operation comes to. */
static struct unbounded unbounded_lane(const struct x86_cpu *c, const union x86_xmm *d,
				       const union x86_xmm *s, bool single,
				       enum simd_rounded rounded, unsigned n)
{
	unsigned rounding = c->mxcsr >> MXCSR_RC_SHIFT & 3;
	bool daz = c->mxcsr & MXCSR_DAZ;
	unsigned half = single ? 2 : 1;
	const union x86_xmm *pair = n < half ? d : s;
	unsigned first = n % half * 2;
	const struct x86_f80 zero = {0, 0};
	enum simd_rounded op = rounded;

	switch (rounded) {
	case SIMD_HADD:
	case SIMD_HSUB:
		op = rounded == SIMD_HADD ? SIMD_ADD : SIMD_SUB;
		return unbounded_result(op, lane_value(pair, first, single, daz),
					lane_value(pair, first + 1, single, daz), single, rounding);
	case SIMD_NARROW:
		return unbounded_result(SIMD_ADD, lane_value(s, n, false, daz), zero, true,
					rounding);
	case SIMD_ADDSUB: op = n & 1 ? SIMD_ADD : SIMD_SUB; break;
	default: break;
	}
	return unbounded_result(op, lane_value(d, n, single, daz), lane_value(s, n, single, daz),
				single, rounding);
}

/* The flags of an operation that raises no unmasked exception before it computes, given those of
 * the masked responses. */
static uint32_t flags_after_computing(const struct x86_cpu *c, const union x86_xmm *d,
				      const union x86_xmm *s, enum simd_shape shape,
				      enum simd_rounded rounded, uint32_t masked)
{
	bool single = shape == SIMD_PS || shape == SIMD_SS;
	unsigned lanes = shape == SIMD_PS ? 4 : shape == SIMD_PD ? 2 : 1;
	bool trap_tiny = !(c->mxcsr & MXCSR_UE << MXCSR_MASK_SHIFT);
	bool trap_huge = !(c->mxcsr & MXCSR_OE << MXCSR_MASK_SHIFT);
	uint32_t flags = masked & (BEFORE_COMPUTING | MXCSR_OE);

	/* A masked underflow flag means a result that lost bits as a denormal. */
	if (!trap_tiny && masked & MXCSR_UE)
		flags |= MXCSR_UE | MXCSR_PE;
	for (unsigned n = 0; n < lanes; n++) {
		struct unbounded u = unbounded_lane(c, d, s, single, rounded, n);

		if (u.tiny && !trap_tiny)
			continue;
		if (u.tiny)
			flags |= MXCSR_UE;
		if (u.inexact || (u.huge && !trap_huge))
			flags |= MXCSR_PE;
	}
	return flags;
}

enum x86_status simd_fp_exact(struct x86_cpu *c, union x86_xmm *d, const union x86_xmm *s,
			      simd_op op, enum simd_shape shape, enum simd_rounded rounded)
{
	uint32_t unmasked, raised;
	union x86_xmm result = *d;

	x86_mxcsr_sync(c);
	host_mxcsr_set((c->mxcsr | MXCSR_MASKS) & ~MXCSR_FLAGS);
	op(&result, s);
	raised = host_mxcsr_get() & MXCSR_FLAGS;
	unmasked = ~c->mxcsr >> MXCSR_MASK_SHIFT & MXCSR_FLAGS;
	if (raised & unmasked & BEFORE_COMPUTING)
		raised &= BEFORE_COMPUTING;
	else if (rounded != SIMD_IN_RANGE && unmasked & (MXCSR_OE | MXCSR_UE))
		raised = flags_after_computing(c, d, s, shape, rounded, raised);
	c->mxcsr |= raised;
	host_mxcsr_set(c->mxcsr | MXCSR_MASKS);
	if (raised & unmasked)
		return x86_raise(c, c->cr4 & CR4_OSXMMEXCPT ? X86_XM : X86_UD);
	*d = result;
	return X86_OK;
}
