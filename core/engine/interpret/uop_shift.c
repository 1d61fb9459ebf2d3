/* SPDX-License-Identifier: Apache-2.0 */
/* Specialised shifts and rotates of registers of 4 and 8 bytes. */
#include "core/engine/interpret/uop.h"
#include "core/x86/exec.h"

enum shift { SHL, SHR, SAR, ROL, ROR, SHIFTS };

UOP_INLINE uint64_t shift_flags(struct x86_lazy_flags *f, enum shift op, unsigned size, uint64_t a,
				uint64_t count)
{
	switch (op) {
	case SHL: return alu_shl(f, size, a, count);
	case SHR: return alu_shr(f, size, a, count);
	case SAR: return alu_sar(f, size, a, count);
	case ROL: return alu_rol(f, size, a, count);
	default: return alu_ror(f, size, a, count);
	}
}

UOP_INLINE uint64_t shift_bare(enum shift op, unsigned size, uint64_t a, uint64_t count)
{
	unsigned n = alu_shift_count(size, count), back = (8 * size - n) & (8 * size - 1);

	a = alu_truncate(size, a);
	switch (op) {
	case SHL: return a << n;
	case SHR: return a >> n;
	case SAR: return (uint64_t)((int64_t)alu_sign_extend(size, a) >> n);
	case ROL: return a << n | a >> back;
	default: return a >> n | a << back;
	}
}

UOP_INLINE const struct uop *shift_r(struct soft_vcpu *v, const struct uop *u, enum shift op,
				     unsigned size, bool live, bool by_cl)
{
	struct x86_cpu *c = &v->cpu;
	unsigned reg = u->in.opr[0].reg;
	uint64_t count = by_cl ? c->r[X86_RCX] : (uint64_t)u->in.imm;
	uint64_t a = c->r[reg];

	gpr_write(c, reg, size,
		  live ? shift_flags(&c->lazy, op, size, a, count)
		       : shift_bare(op, size, a, count));
	return uop_go(v, u + 1);
}

#define SHIFT(op, size)                                        \
	UOP(op##_##size##_00, shift_r, op, size, false, false) \
	UOP(op##_##size##_01, shift_r, op, size, false, true)  \
	UOP(op##_##size##_10, shift_r, op, size, true, false)  \
	UOP(op##_##size##_11, shift_r, op, size, true, true)
#define SHIFT_SIZES(op) SHIFT(op, 4) SHIFT(op, 8)
/* clang-format off */
SHIFT_SIZES(SHL)
SHIFT_SIZES(SHR)
SHIFT_SIZES(SAR)
SHIFT_SIZES(ROL)
SHIFT_SIZES(ROR)
/* clang-format on */

#define SHIFT_ROW(op, size)                                \
	{                                                  \
		{op##_##size##_00, op##_##size##_01},      \
		{                                          \
			op##_##size##_10, op##_##size##_11 \
		}                                          \
	}
#define SHIFT_ROWS(op)                             \
	{                                          \
		SHIFT_ROW(op, 4), SHIFT_ROW(op, 8) \
	}
static const uop_fn shift_uops[SHIFTS][2][2][2] = {
	[SHL] = SHIFT_ROWS(SHL), [SHR] = SHIFT_ROWS(SHR), [SAR] = SHIFT_ROWS(SAR),
	[ROL] = SHIFT_ROWS(ROL), [ROR] = SHIFT_ROWS(ROR),
};

uop_fn uop_select_shift(const struct x86_insn *i, bool flags_live)
{
	static const x86_exec_fn execs[SHIFTS] = {exec_shl, exec_shr, exec_sar, exec_rol, exec_ror};
	x86_exec_fn exec = uop_exec(i);

	if (i->opr[0].kind != X86_OPR_GPR || i->opr[0].size_bytes < 4)
		return NULL;
	for (unsigned op = 0; op < SHIFTS; op++)
		if (execs[op] == exec)
			return shift_uops[op][i->opr[0].size_bytes == 8][flags_live]
					 [i->opr[1].kind == X86_OPR_GPR];
	return NULL;
}
