/* SPDX-License-Identifier: Apache-2.0 */
/* Specialised mov, movzx, movsx, lea, xchg, cmov, setcc, sign extensions of rAX, nop. */
#include "core/engine/interpret/uop.h"
#include "core/x86/exec.h"

/* Writes what was read from a source of `from` bytes to a register of `to` bytes. */
UOP_INLINE void put(struct x86_cpu *c, unsigned reg, unsigned to, unsigned from, bool sign,
		    uint64_t value)
{
	gpr_write(c, reg, to, sign ? alu_sign_extend(from, value) : alu_truncate(from, value));
}

UOP_INLINE const struct uop *move_rr(struct soft_vcpu *v, const struct uop *u, unsigned to,
				     unsigned from, bool sign)
{
	put(&v->cpu, u->in.opr[0].reg, to, from, sign, v->cpu.r[u->in.opr[1].reg]);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *move_rm(struct soft_vcpu *v, const struct uop *u, unsigned to,
				     unsigned from, bool sign, enum uop_address how)
{
	const void *p = uop_readable(v, uop_address(v, u, how), from);

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	put(&v->cpu, u->in.opr[0].reg, to, from, sign, host_load(p, from));
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *move_ri(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	gpr_write(&v->cpu, u->in.opr[0].reg, size, (uint64_t)u->in.imm);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *move_store(struct soft_vcpu *v, const struct uop *u, unsigned size,
					enum uop_address how, uint64_t value)
{
	void *p = uop_writable(v, uop_address(v, u, how), size);

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	host_store(p, size, value);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *move_mr(struct soft_vcpu *v, const struct uop *u, unsigned size,
				     enum uop_address how)
{
	return move_store(v, u, size, how, v->cpu.r[u->in.opr[1].reg]);
}

UOP_INLINE const struct uop *move_mi(struct soft_vcpu *v, const struct uop *u, unsigned size,
				     enum uop_address how)
{
	return move_store(v, u, size, how, (uint64_t)u->in.imm);
}

#define MOVE(size)                                                   \
	UOP(move_rr_##size, move_rr, size, size, false)              \
	UOP(move_ri_##size, move_ri, size)                           \
	UOP(move_rm_##size, move_rm, size, size, false, ADDRESS_64)  \
	UOP(move_rx_##size, move_rm, size, size, false, ADDRESS_ANY) \
	UOP(move_mr_##size, move_mr, size, ADDRESS_64)               \
	UOP(move_xr_##size, move_mr, size, ADDRESS_ANY)              \
	UOP(move_mi_##size, move_mi, size, ADDRESS_64)               \
	UOP(move_xi_##size, move_mi, size, ADDRESS_ANY)
MOVE(1)
MOVE(2)
MOVE(4)
MOVE(8)

#define MOVE_ROW(size)                                                                          \
	{                                                                                       \
		move_rr_##size, move_ri_##size, move_rm_##size, move_rx_##size, move_mr_##size, \
			move_xr_##size, move_mi_##size, move_xi_##size                          \
	}
static const uop_fn move_uops[4][8] = {MOVE_ROW(1), MOVE_ROW(2), MOVE_ROW(4), MOVE_ROW(8)};

static uop_fn select_move(const struct x86_insn *i, uint32_t mode)
{
	unsigned to = i->opr[0].kind, from = i->opr[1].kind;
	const uop_fn *row = move_uops[uop_size_index(i->opr[0].size_bytes)];
	enum uop_address how = ADDRESS_64;

	if ((to == X86_OPR_MEM || from == X86_OPR_MEM) && !uop_addressable(i, mode, &how))
		return NULL;
	if (to == X86_OPR_GPR) {
		if (from == X86_OPR_GPR || from == X86_OPR_IMM)
			return row[from == X86_OPR_IMM];
		return from == X86_OPR_MEM ? row[2 + how] : NULL;
	}
	if (to != X86_OPR_MEM || (from != X86_OPR_GPR && from != X86_OPR_IMM))
		return NULL;
	return row[(from == X86_OPR_IMM ? 6 : 4) + how];
}

/* ---- extensions: to 2, 4 or 8 bytes from 1, 2 or 4 ---- */

#define EXTEND(to, from, sign)                                               \
	UOP(extend_##to##from##sign##r, move_rr, to, from, sign)             \
	UOP(extend_##to##from##sign##m, move_rm, to, from, sign, ADDRESS_64) \
	UOP(extend_##to##from##sign##x, move_rm, to, from, sign, ADDRESS_ANY)
#define EXTEND_ROW(to, from, sign)                                                                 \
	{                                                                                          \
		extend_##to##from##sign##r, extend_##to##from##sign##m, extend_##to##from##sign##x \
	}
EXTEND(4, 1, 0)
EXTEND(4, 1, 1)
EXTEND(4, 2, 0)
EXTEND(4, 2, 1)
EXTEND(8, 1, 0)
EXTEND(8, 1, 1)
EXTEND(8, 2, 0)
EXTEND(8, 2, 1)
EXTEND(8, 4, 1)

static const uop_fn extend_uops[2][3][2][3] = {
	{
		{EXTEND_ROW(4, 1, 0), EXTEND_ROW(4, 1, 1)},
		{EXTEND_ROW(4, 2, 0), EXTEND_ROW(4, 2, 1)},
		{{NULL}, {NULL}},
	},
	{
		{EXTEND_ROW(8, 1, 0), EXTEND_ROW(8, 1, 1)},
		{EXTEND_ROW(8, 2, 0), EXTEND_ROW(8, 2, 1)},
		{{NULL}, EXTEND_ROW(8, 4, 1)},
	},
};

static uop_fn select_extend(const struct x86_insn *i, uint32_t mode, bool sign)
{
	unsigned to = i->opr[0].size_bytes, from = i->opr[1].size_bytes;
	const uop_fn *row;
	enum uop_address how;

	if (to < 4 || from > 4)
		return NULL;
	row = extend_uops[to == 8][uop_size_index(from)][sign];
	if (i->opr[1].kind == X86_OPR_GPR)
		return row[0];
	if (i->opr[1].kind == X86_OPR_MEM && uop_addressable(i, mode, &how))
		return row[1 + how];
	return NULL;
}

/* ---- address arithmetic, exchange, rAX ---- */

UOP_INLINE const struct uop *lea(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	const struct x86_cpu *c = &v->cpu;
	uint64_t a = c->r[u->in.base] + (c->r[u->in.index] << u->in.scale) + (uint64_t)u->disp;

	gpr_write(&v->cpu, u->in.opr[0].reg, size, a);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *lea_narrow(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	const struct x86_cpu *c = &v->cpu;
	uint64_t a = c->r[u->in.base] + (c->r[u->in.index] << u->in.scale) + (uint64_t)u->disp;

	gpr_write(&v->cpu, u->in.opr[0].reg, size, (uint32_t)a);
	return uop_go(v, u + 1);
}

UOP(lea_4, lea, 4)
UOP(lea_8, lea, 8)
UOP(lea_narrow_4, lea_narrow, 4)
UOP(lea_narrow_8, lea_narrow, 8)

UOP_INLINE const struct uop *xchg(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	uint64_t *a = &v->cpu.r[u->in.opr[0].reg], *b = &v->cpu.r[u->in.opr[1].reg];
	uint64_t old = alu_truncate(size, *a);

	*a = alu_truncate(size, *b);
	*b = old;
	return uop_go(v, u + 1);
}

UOP(xchg_4, xchg, 4)
UOP(xchg_8, xchg, 8)

/* CBW, CWDE, CDQE widen AL, AX, EAX; CDQ, CQO fill rDX with the sign of rAX. */
UOP_INLINE const struct uop *widen(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	put(&v->cpu, X86_RAX, size, size / 2, true, v->cpu.r[X86_RAX]);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *sign_fill(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	uint64_t a = alu_sign_extend(size, v->cpu.r[X86_RAX]);

	gpr_write(&v->cpu, X86_RDX, size, (uint64_t)((int64_t)a >> 63));
	return uop_go(v, u + 1);
}

UOP(widen_4, widen, 4)
UOP(widen_8, widen, 8)
UOP(sign_fill_4, sign_fill, 4)
UOP(sign_fill_8, sign_fill, 8)

static const struct uop *nop(struct soft_vcpu *v, const struct uop *u)
{
	return uop_go(v, u + 1);
}

/* ---- by condition ---- */

UOP_INLINE const struct uop *cmov_rr(struct soft_vcpu *v, const struct uop *u, unsigned cc,
				     unsigned size)
{
	struct x86_cpu *c = &v->cpu;
	uint64_t keep = c->r[u->in.opr[0].reg], take = c->r[u->in.opr[1].reg];

	/* a 4-byte move clears the upper half whether the condition holds or not */
	gpr_write(c, u->in.opr[0].reg, size, lazy_condition(&c->lazy, cc) ? take : keep);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *setcc_r(struct soft_vcpu *v, const struct uop *u, unsigned cc)
{
	gpr_write(&v->cpu, u->in.opr[0].reg, 1, lazy_condition(&v->cpu.lazy, cc));
	return uop_go(v, u + 1);
}

#define BY_CONDITION(cc)                 \
	UOP(cmov_4_##cc, cmov_rr, cc, 4) \
	UOP(cmov_8_##cc, cmov_rr, cc, 8) \
	UOP(setcc_##cc, setcc_r, cc)
#define ALL_CONDITIONS(X) \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
ALL_CONDITIONS(BY_CONDITION)

#define CONDITION_ROW(cc) {cmov_4_##cc, cmov_8_##cc, setcc_##cc},
static const uop_fn condition_uops[16][3] = {ALL_CONDITIONS(CONDITION_ROW)};

/* ---- selection ---- */

static uop_fn select_by_condition(const struct x86_insn *i, x86_exec_fn exec)
{
	unsigned cc = x86_opcodes[i->op].opcode & 15;

	if (exec == exec_setcc)
		return i->opr[0].kind == X86_OPR_GPR ? condition_uops[cc][2] : NULL;
	if (i->opr[1].kind != X86_OPR_GPR || i->opsize == 2)
		return NULL;
	return condition_uops[cc][i->opsize == 8];
}

static uop_fn select_lea(const struct x86_insn *i)
{
	if (i->adsize == 2 || i->opsize == 2)
		return NULL;
	if (i->adsize == 4)
		return i->opsize == 8 ? lea_narrow_8 : lea_narrow_4;
	return i->opsize == 8 ? lea_8 : lea_4;
}

uop_fn uop_select_move(const struct x86_insn *i, uint32_t mode)
{
	x86_exec_fn exec = uop_exec(i);

	if (exec == exec_mov)
		return select_move(i, mode);
	if (exec == exec_mov_zx || exec == exec_movsx)
		return select_extend(i, mode, exec == exec_movsx);
	if (exec == exec_lea)
		return select_lea(i);
	if (exec == exec_nop)
		return nop;
	if (exec == exec_xchg && i->opr[0].kind == X86_OPR_GPR && i->opr[1].kind == X86_OPR_GPR) {
		if (x86_opcodes[i->op].opcode == 0x90 && i->opr[0].reg == X86_RAX)
			return nop; /* 90: does not even clear the upper half of RAX */
		return i->opr[0].size_bytes == 8   ? xchg_8
		       : i->opr[0].size_bytes == 4 ? xchg_4
						   : NULL;
	}
	if (exec == exec_cbw && i->opsize >= 4)
		return i->opsize == 8 ? widen_8 : widen_4;
	if (exec == exec_cwd && i->opsize >= 4)
		return i->opsize == 8 ? sign_fill_8 : sign_fill_4;
	if (exec == exec_setcc || exec == exec_cmovcc)
		return select_by_condition(i, exec);
	return NULL;
}
