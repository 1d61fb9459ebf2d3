/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions between integers, singles and doubles. */
#include "core/x86/exec.h"
#include "core/x86/fpu.h"
#include "core/x86/simd.h"

/* ---- XMM to XMM ---- */

#define EXEC_CONVERT(name, shape, rounded)                                                        \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i)                  \
	{                                                                                         \
		union x86_xmm s;                                                                  \
                                                                                                  \
		X86_TRY(operand_read_xmm(c, i, 1, &s));                                           \
		return simd_fp_apply(c, &c->xmm[i->opr[0].reg], &s, simd_##name, shape, rounded); \
	}
SIMD_CONVERT_LIST(EXEC_CONVERT)

/* ---- general registers ---- */

static enum x86_status from_int(struct x86_cpu *c, const struct x86_insn *i, simd_op op32,
				simd_op op64)
{
	union x86_xmm s = {.u64 = {0, 0}};

	X86_TRY(operand_read(c, i, 1, &s.u64[0]));
	return simd_fp_apply(c, &c->xmm[i->opr[0].reg], &s, i->opr[1].size_bytes == 8 ? op64 : op32,
			     SIMD_SS, SIMD_IN_RANGE);
}

enum x86_status exec_cvtsi2ss(struct x86_cpu *c, const struct x86_insn *i)
{
	return from_int(c, i, simd_cvtsi2ss_32, simd_cvtsi2ss_64);
}

enum x86_status exec_cvtsi2sd(struct x86_cpu *c, const struct x86_insn *i)
{
	return from_int(c, i, simd_cvtsi2sd_32, simd_cvtsi2sd_64);
}

static enum x86_status to_int(struct x86_cpu *c, const struct x86_insn *i, simd_op op32,
			      simd_op op64)
{
	union x86_xmm s, v = {.u64 = {0, 0}};

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	X86_TRY(simd_fp_apply(c, &v, &s, i->opr[0].size_bytes == 8 ? op64 : op32, SIMD_SS,
			      SIMD_IN_RANGE));
	return operand_write(c, i, 0, v.u64[0]);
}

#define EXEC_TO_INT(name)                                                        \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		return to_int(c, i, simd_##name##_32, simd_##name##_64);         \
	}
EXEC_TO_INT(cvtss2si)
EXEC_TO_INT(cvttss2si)
EXEC_TO_INT(cvtsd2si)
EXEC_TO_INT(cvttsd2si)

/* ---- MMX registers ---- */

/* The MMX forms are the XMM forms with two lanes in the low half; the lanes above are zeros, which
 * convert exactly.  The x87 unit is in MMX state afterwards even when #XM is raised, as on the
 * CPUs that were asked. */

/* CVTPI2PD from memory leaves the x87 unit alone, CVTPI2PS does not (SDM vol. 2A). */
enum x86_status exec_cvtpi2pd(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm s = {.u64 = {0, 0}};

	X86_TRY(operand_read_mmx(c, i, 1, &s.u64[0]));
	if (!operand_is_mem(i, 1))
		fpu_mmx_enter(c);
	return simd_fp_apply(c, &c->xmm[i->opr[0].reg], &s, simd_cvtdq2pd, SIMD_PD, SIMD_IN_RANGE);
}

enum x86_status exec_cvtpi2ps(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm v = {.u64 = {0, 0}}, s = v;

	X86_TRY(operand_read_mmx(c, i, 1, &s.u64[0]));
	fpu_mmx_enter(c);
	X86_TRY(simd_fp_apply(c, &v, &s, simd_cvtdq2ps, SIMD_PS, SIMD_IN_RANGE));
	c->xmm[i->opr[0].reg].u64[0] = v.u64[0];
	return X86_OK;
}

static inline __attribute__((always_inline)) enum x86_status to_mmx(struct x86_cpu *c,
								    const struct x86_insn *i,
								    simd_op op)
{
	union x86_xmm s, v = {.u64 = {0, 0}};

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	fpu_mmx_enter(c);
	X86_TRY(simd_fp_apply(c, &v, &s, op, SIMD_PS, SIMD_IN_RANGE));
	return operand_write_mmx(c, i, 0, v.u64[0]);
}

enum x86_status exec_cvtps2pi(struct x86_cpu *c, const struct x86_insn *i)
{
	return to_mmx(c, i, simd_cvtps2dq);
}

enum x86_status exec_cvttps2pi(struct x86_cpu *c, const struct x86_insn *i)
{
	return to_mmx(c, i, simd_cvttps2dq);
}

enum x86_status exec_cvtpd2pi(struct x86_cpu *c, const struct x86_insn *i)
{
	return to_mmx(c, i, simd_cvtpd2dq);
}

enum x86_status exec_cvttpd2pi(struct x86_cpu *c, const struct x86_insn *i)
{
	return to_mmx(c, i, simd_cvttpd2dq);
}
