/* SPDX-License-Identifier: Apache-2.0 */
/* Specialised add, or, adc, sbb, and, sub, xor, cmp, test, inc, dec, neg, not, imul. */
#include "core/engine/interpret/uop.h"
#include "core/x86/exec.h"

enum alu { ADD, OR, ADC, SBB, AND, SUB, XOR, CMP, TEST, ALU_OPS };

/* The result; flags only if live.  CMP and TEST have no result worth writing. */
UOP_INLINE uint64_t alu_do(struct x86_lazy_flags *f, enum alu op, unsigned size, bool live,
			   uint64_t a, uint64_t b)
{
	switch (op) {
	case ADD: return live ? alu_add(f, size, a, b) : a + b;
	case ADC: return alu_adc(f, size, a, b, lazy_cf(f));
	case SBB: return alu_sbb(f, size, a, b, lazy_cf(f));
	case SUB:
	case CMP: return live ? alu_sub(f, size, a, b) : a - b;
	case OR: return live ? alu_logic(f, size, a | b) : a | b;
	case XOR: return live ? alu_logic(f, size, a ^ b) : a ^ b;
	default: return live ? alu_logic(f, size, a & b) : a & b;
	}
}

UOP_INLINE const struct uop *alu_reg(struct soft_vcpu *v, const struct uop *u, enum alu op,
				     unsigned size, bool live, uint64_t b)
{
	struct x86_cpu *c = &v->cpu;
	unsigned to = u->in.opr[0].reg;
	uint64_t r = alu_do(&c->lazy, op, size, live, c->r[to], b);

	if (op != CMP && op != TEST)
		gpr_write(c, to, size, r);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *alu_rr(struct soft_vcpu *v, const struct uop *u, enum alu op,
				    unsigned size, bool live)
{
	return alu_reg(v, u, op, size, live, v->cpu.r[u->in.opr[1].reg]);
}

UOP_INLINE const struct uop *alu_ri(struct soft_vcpu *v, const struct uop *u, enum alu op,
				    unsigned size, bool live)
{
	return alu_reg(v, u, op, size, live, (uint64_t)u->in.imm);
}

UOP_INLINE const struct uop *alu_rm(struct soft_vcpu *v, const struct uop *u, enum alu op,
				    unsigned size, bool live, enum uop_address how)
{
	const void *p = uop_readable(v, uop_address(v, u, how), size);

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	return alu_reg(v, u, op, size, live, host_load(p, size));
}

UOP_INLINE const struct uop *alu_mem(struct soft_vcpu *v, const struct uop *u, enum alu op,
				     unsigned size, bool live, enum uop_address how, uint64_t b)
{
	bool writes = op != CMP && op != TEST;
	uint64_t at = uop_address(v, u, how), r;
	void *p = writes ? uop_writable(v, at, size) : (void *)uop_readable(v, at, size);

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	r = alu_do(&v->cpu.lazy, op, size, live, host_load(p, size), b);
	if (writes)
		host_store(p, size, r);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *alu_mr(struct soft_vcpu *v, const struct uop *u, enum alu op,
				    unsigned size, bool live, enum uop_address how)
{
	return alu_mem(v, u, op, size, live, how, v->cpu.r[u->in.opr[1].reg]);
}

UOP_INLINE const struct uop *alu_mi(struct soft_vcpu *v, const struct uop *u, enum alu op,
				    unsigned size, bool live, enum uop_address how)
{
	return alu_mem(v, u, op, size, live, how, (uint64_t)u->in.imm);
}

/* XOR and SUB of a register with itself. */
UOP_INLINE const struct uop *alu_zero(struct soft_vcpu *v, const struct uop *u, bool live)
{
	v->cpu.r[u->in.opr[0].reg] = 0;
	if (live)
		v->cpu.lazy = (struct x86_lazy_flags){0};
	return uop_go(v, u + 1);
}

UOP(zero_live, alu_zero, true)
UOP(zero_dead, alu_zero, false)

#define FORMS(op, size, live)                                               \
	UOP(op##_##size##_##live##_rr, alu_rr, op, size, live)              \
	UOP(op##_##size##_##live##_ri, alu_ri, op, size, live)              \
	UOP(op##_##size##_##live##_rm, alu_rm, op, size, live, ADDRESS_64)  \
	UOP(op##_##size##_##live##_rx, alu_rm, op, size, live, ADDRESS_ANY) \
	UOP(op##_##size##_##live##_mr, alu_mr, op, size, live, ADDRESS_64)  \
	UOP(op##_##size##_##live##_xr, alu_mr, op, size, live, ADDRESS_ANY) \
	UOP(op##_##size##_##live##_mi, alu_mi, op, size, live, ADDRESS_64)  \
	UOP(op##_##size##_##live##_xi, alu_mi, op, size, live, ADDRESS_ANY)
#define SIZES(op, live) FORMS(op, 1, live) FORMS(op, 2, live) FORMS(op, 4, live) FORMS(op, 8, live)
#define LIVES(op)	SIZES(op, 0) SIZES(op, 1)
/* clang-format off */
LIVES(ADD)
LIVES(OR)
LIVES(AND)
LIVES(SUB)
LIVES(XOR)
SIZES(ADC, 1)
SIZES(SBB, 1)
LIVES(CMP)
LIVES(TEST)
/* clang-format on */

enum form { RR, RI, RM, RX, MR, XR, MI, XI, FORM_COUNT };

#define FORM_ROW(op, size, live)                                                                 \
	{                                                                                        \
		op##_##size##_##live##_rr, op##_##size##_##live##_ri, op##_##size##_##live##_rm, \
			op##_##size##_##live##_rx, op##_##size##_##live##_mr,                    \
			op##_##size##_##live##_xr, op##_##size##_##live##_mi,                    \
			op##_##size##_##live##_xi                                                \
	}
#define SIZE_ROWS(op, live)                                                          \
	{                                                                            \
		FORM_ROW(op, 1, live), FORM_ROW(op, 2, live), FORM_ROW(op, 4, live), \
			FORM_ROW(op, 8, live)                                        \
	}
#define LIVE_ROWS(op)                              \
	{                                          \
		SIZE_ROWS(op, 0), SIZE_ROWS(op, 1) \
	}
static const uop_fn alu_uops[ALU_OPS][2][4][FORM_COUNT] = {
	[ADD] = LIVE_ROWS(ADD),
	[OR] = LIVE_ROWS(OR),
	[ADC] = {SIZE_ROWS(ADC, 1), SIZE_ROWS(ADC, 1)},
	[SBB] = {SIZE_ROWS(SBB, 1), SIZE_ROWS(SBB, 1)},
	[AND] = LIVE_ROWS(AND),
	[SUB] = LIVE_ROWS(SUB),
	[XOR] = LIVE_ROWS(XOR),
	[CMP] = LIVE_ROWS(CMP),
	[TEST] = LIVE_ROWS(TEST),
};

/* ---- one operand, and imul ---- */

enum unary { INC, DEC, NEG, NOT, UNARY_OPS };

UOP_INLINE uint64_t unary_do(struct x86_lazy_flags *f, enum unary op, unsigned size, bool live,
			     uint64_t a)
{
	switch (op) {
	case INC: return live ? alu_inc(f, size, a) : a + 1;
	case DEC: return live ? alu_dec(f, size, a) : a - 1;
	case NEG: return live ? alu_neg(f, size, a) : 0 - a;
	default: return ~a;
	}
}

UOP_INLINE const struct uop *unary_r(struct soft_vcpu *v, const struct uop *u, enum unary op,
				     unsigned size, bool live)
{
	unsigned reg = u->in.opr[0].reg;

	gpr_write(&v->cpu, reg, size, unary_do(&v->cpu.lazy, op, size, live, v->cpu.r[reg]));
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *unary_m(struct soft_vcpu *v, const struct uop *u, enum unary op,
				     unsigned size, bool live)
{
	void *p = uop_writable(v, uop_address(v, u, ADDRESS_ANY), size);

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	host_store(p, size, unary_do(&v->cpu.lazy, op, size, live, host_load(p, size)));
	return uop_go(v, u + 1);
}

#define UNARY(op, size)                                 \
	UOP(op##_##size##_r0, unary_r, op, size, false) \
	UOP(op##_##size##_r1, unary_r, op, size, true)  \
	UOP(op##_##size##_m, unary_m, op, size, true)
#define UNARY_SIZES(op) UNARY(op, 1) UNARY(op, 2) UNARY(op, 4) UNARY(op, 8)
/* clang-format off */
UNARY_SIZES(INC)
UNARY_SIZES(DEC)
UNARY_SIZES(NEG)
UNARY_SIZES(NOT)
/* clang-format on */

#define UNARY_ROW(op, size)                                         \
	{                                                           \
		op##_##size##_r0, op##_##size##_r1, op##_##size##_m \
	}
#define UNARY_ROWS(op)                                                                 \
	{                                                                              \
		UNARY_ROW(op, 1), UNARY_ROW(op, 2), UNARY_ROW(op, 4), UNARY_ROW(op, 8) \
	}
static const uop_fn unary_uops[UNARY_OPS][4][3] = {
	[INC] = UNARY_ROWS(INC),
	[DEC] = UNARY_ROWS(DEC),
	[NEG] = UNARY_ROWS(NEG),
	[NOT] = UNARY_ROWS(NOT),
};

UOP_INLINE const struct uop *imul(struct soft_vcpu *v, const struct uop *u, unsigned size,
				  bool live, uint64_t a, uint64_t b)
{
	uint64_t high;
	uint64_t r = live ? alu_imul(&v->cpu.lazy, size, a, b, &high) : a * b;

	gpr_write(&v->cpu, u->in.opr[0].reg, size, r);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *imul_rr(struct soft_vcpu *v, const struct uop *u, unsigned size,
				     bool live)
{
	return imul(v, u, size, live, v->cpu.r[u->in.opr[0].reg], v->cpu.r[u->in.opr[1].reg]);
}

UOP_INLINE const struct uop *imul_rri(struct soft_vcpu *v, const struct uop *u, unsigned size,
				      bool live)
{
	return imul(v, u, size, live, v->cpu.r[u->in.opr[1].reg], (uint64_t)u->in.imm);
}

UOP(imul_rr_4_0, imul_rr, 4, false)
UOP(imul_rr_4_1, imul_rr, 4, true)
UOP(imul_rr_8_0, imul_rr, 8, false)
UOP(imul_rr_8_1, imul_rr, 8, true)
UOP(imul_rri_4_0, imul_rri, 4, false)
UOP(imul_rri_4_1, imul_rri, 4, true)
UOP(imul_rri_8_0, imul_rri, 8, false)
UOP(imul_rri_8_1, imul_rri, 8, true)

static uop_fn select_imul(const struct x86_insn *i, bool live)
{
	static const uop_fn two[2][2] = {{imul_rr_4_0, imul_rr_4_1}, {imul_rr_8_0, imul_rr_8_1}};
	static const uop_fn three[2][2] = {{imul_rri_4_0, imul_rri_4_1},
					   {imul_rri_8_0, imul_rri_8_1}};

	if (i->opr[1].kind != X86_OPR_GPR || i->opsize == 2)
		return NULL;
	return (i->n_operands == 3 ? three : two)[i->opsize == 8][live];
}

/* ---- selection ---- */

static int alu_of(x86_exec_fn exec)
{
	static const x86_exec_fn execs[ALU_OPS] = {exec_add, exec_or,  exec_adc, exec_sbb, exec_and,
						   exec_sub, exec_xor, exec_cmp, exec_test};

	for (int n = 0; n < ALU_OPS; n++)
		if (execs[n] == exec)
			return n;
	return -1;
}

static int unary_of(x86_exec_fn exec)
{
	static const x86_exec_fn execs[UNARY_OPS] = {exec_inc, exec_dec, exec_neg, exec_not};

	for (int n = 0; n < UNARY_OPS; n++)
		if (execs[n] == exec)
			return n;
	return -1;
}

/* The operand form, or FORM_COUNT when there is none that is specialised. */
static enum form form_of(const struct x86_insn *i, uint32_t mode)
{
	unsigned to = i->opr[0].kind, from = i->opr[1].kind;
	enum uop_address how = ADDRESS_64;

	if ((to == X86_OPR_MEM || from == X86_OPR_MEM) && !uop_addressable(i, mode, &how))
		return FORM_COUNT;
	if (to == X86_OPR_GPR)
		return from == X86_OPR_GPR   ? RR
		       : from == X86_OPR_IMM ? RI
		       : from != X86_OPR_MEM ? FORM_COUNT
		       : how == ADDRESS_64   ? RM
					     : RX;
	if (to != X86_OPR_MEM)
		return FORM_COUNT;
	if (from == X86_OPR_GPR)
		return how == ADDRESS_64 ? MR : XR;
	return from != X86_OPR_IMM ? FORM_COUNT : how == ADDRESS_64 ? MI : XI;
}

static uop_fn select_unary(const struct x86_insn *i, uint32_t mode, int op, bool live)
{
	unsigned size = uop_size_index(i->opr[0].size_bytes);
	enum uop_address how;

	if (i->opr[0].kind == X86_OPR_GPR)
		return unary_uops[op][size][live];
	if (i->opr[0].kind == X86_OPR_MEM && uop_addressable(i, mode, &how))
		return unary_uops[op][size][2];
	return NULL;
}

uop_fn uop_select_alu(const struct x86_insn *i, uint32_t mode, bool flags_live)
{
	x86_exec_fn exec = uop_exec(i);
	int op = alu_of(exec), unary = unary_of(exec);
	enum form form;

	if (exec == exec_imul2 || exec == exec_imul3)
		return select_imul(i, flags_live);
	if (unary >= 0)
		return select_unary(i, mode, unary, flags_live);
	if (op < 0)
		return NULL;
	form = form_of(i, mode);
	if (form == FORM_COUNT)
		return NULL;
	if (form == RR && (op == XOR || op == SUB) && i->opr[0].reg == i->opr[1].reg &&
	    i->opr[0].size_bytes >= 4)
		return flags_live ? zero_live : zero_dead;
	return alu_uops[op][flags_live][uop_size_index(i->opr[0].size_bytes)][form];
}
