/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/operand.h"

#include "core/x86/fault.h"
#include "core/x86/opcode.h"

#include <string.h>

static uint64_t gpr_read_high(const struct x86_cpu *c, unsigned reg)
{
	return c->r[reg] >> 8 & 0xff;
}

static void gpr_write_high(struct x86_cpu *c, unsigned reg, uint64_t v)
{
	c->r[reg] = (c->r[reg] & ~0xff00ull) | (v & 0xff) << 8;
}

enum x86_status operand_read_other(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				   uint64_t *v)
{
	const struct x86_operand *o = &i->opr[n];

	*v = 0;
	switch (o->kind) {
	case X86_OPR_IMM:
	case X86_OPR_REL: *v = (uint64_t)i->imm; return X86_OK;
	case X86_OPR_MEM: return x86_load(c, i->seg, operand_offset(c, i), v, o->size_bytes);
	case X86_OPR_GPR_HIGH: *v = gpr_read_high(c, o->reg); return X86_OK;
	case X86_OPR_SEG: *v = c->seg[o->reg].selector; return X86_OK;
	default: return x86_raise(c, X86_UD);
	}
}

enum x86_status operand_read_rmw_other(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				       uint64_t *v)
{
	const struct x86_operand *o = &i->opr[n];

	if (o->kind != X86_OPR_MEM)
		return operand_read_other(c, i, n, v);
	*v = 0;
	return x86_load_for_store(c, i->seg, operand_offset(c, i), v, o->size_bytes);
}

enum x86_status operand_write_other(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				    uint64_t v)
{
	const struct x86_operand *o = &i->opr[n];

	switch (o->kind) {
	case X86_OPR_MEM: return x86_store(c, i->seg, operand_offset(c, i), &v, o->size_bytes);
	case X86_OPR_GPR_HIGH: gpr_write_high(c, o->reg, v); return X86_OK;
	default: return x86_raise(c, X86_UD);
	}
}

enum x86_status operand_check_aligned(struct x86_cpu *c, const struct x86_insn *i, uint64_t offset)
{
	uint64_t base = x86_is_64(c) && i->seg < X86_FS ? 0 : c->seg[i->seg].base;

	return (base + offset) & 15 ? x86_raise_gp(c) : X86_OK;
}

static enum x86_status check_xmm_operand(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
					 uint64_t offset)
{
	if (i->opr[n].size_bytes != 16 || x86_opcodes[i->op].attr & A_UNALIGNED)
		return X86_OK;
	return operand_check_aligned(c, i, offset);
}

enum x86_status operand_read_xmm(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				 union x86_xmm *v)
{
	const struct x86_operand *o = &i->opr[n];
	uint64_t offset;

	v->u64[0] = v->u64[1] = 0;
	if (o->kind == X86_OPR_XMM) {
		memcpy(v, &c->xmm[o->reg], o->size_bytes);
		return X86_OK;
	}
	offset = operand_offset(c, i);
	X86_TRY(check_xmm_operand(c, i, n, offset));
	return x86_load(c, i->seg, offset, v, o->size_bytes);
}

enum x86_status operand_write_xmm(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				  const union x86_xmm *v)
{
	const struct x86_operand *o = &i->opr[n];
	uint64_t offset;

	if (o->kind == X86_OPR_XMM) {
		memcpy(&c->xmm[o->reg], v, o->size_bytes);
		return X86_OK;
	}
	offset = operand_offset(c, i);
	X86_TRY(check_xmm_operand(c, i, n, offset));
	return x86_store(c, i->seg, offset, v, o->size_bytes);
}

enum x86_status operand_read_mmx(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				 uint64_t *v)
{
	const struct x86_operand *o = &i->opr[n];

	*v = 0;
	if (o->kind == X86_OPR_MMX) {
		*v = alu_truncate(o->size_bytes, c->fpu.reg[o->reg].mantissa);
		return X86_OK;
	}
	return x86_load(c, i->seg, operand_offset(c, i), v, o->size_bytes);
}

enum x86_status operand_write_mmx(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				  uint64_t v)
{
	const struct x86_operand *o = &i->opr[n];

	if (o->kind == X86_OPR_MMX) {
		c->fpu.reg[o->reg].mantissa = v;
		c->fpu.reg[o->reg].sign_exponent = 0xffff;
		return X86_OK;
	}
	return x86_store(c, i->seg, operand_offset(c, i), &v, o->size_bytes);
}
