/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Specialised near branches, and compares fused with the conditional branch after them.
 *
 * A branch is taken here only if a block is known at its target, which proves that the address is
 * good; otherwise the exec function takes it and makes its checks.
 */
#include "core/engine/interpret/uop.h"
#include "core/x86/exec.h"

static const struct uop *jmp(struct soft_vcpu *v, const struct uop *u)
{
	return uop_take(v, u);
}

UOP_INLINE const struct uop *jcc(struct soft_vcpu *v, const struct uop *u, unsigned cc)
{
	if (lazy_condition(&v->cpu.lazy, cc))
		return uop_take(v, u);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *call(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	uint64_t sp = alu_truncate(size, v->cpu.r[X86_RSP] - size);
	void *p = uop_writable(v, sp, size);
	const struct block *b = uop_target_block(v, u);

	if (__builtin_expect(p == NULL || b == NULL, 0))
		return uop_direct(v, u);
	host_store(p, size, uop_next_rip(v, u));
	v->cpu.r[X86_RSP] = sp;
	v->budget += u->rest;
	return uop_enter(v, b, uop_target(v, u));
}

UOP(call_4, call, 4)
UOP(call_8, call, 8)

UOP_INLINE const struct uop *ret(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	uint64_t sp = alu_truncate(size, v->cpu.r[X86_RSP]);
	const void *p = uop_readable(v, sp, size);
	const struct block *b;
	uint64_t rip;

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	rip = host_load(p, size);
	b = uop_lately(v, rip);
	if (__builtin_expect(b == NULL, 0))
		return uop_direct(v, u);
	v->cpu.r[X86_RSP] = alu_truncate(size, sp + size);
	v->budget += u->rest;
	return uop_enter(v, b, rip);
}

UOP(ret_4, ret, 4)
UOP(ret_8, ret, 8)

/* JMP through a register or memory in 64-bit code. */
UOP_INLINE const struct uop *jmp_to(struct soft_vcpu *v, const struct uop *u, uint64_t rip)
{
	const struct block *b = uop_lately(v, rip);

	if (__builtin_expect(b == NULL, 0))
		return uop_direct(v, u);
	v->budget += u->rest;
	return uop_enter(v, b, rip);
}

static const struct uop *jmp_r(struct soft_vcpu *v, const struct uop *u)
{
	return jmp_to(v, u, v->cpu.r[u->in.opr[0].reg]);
}

static const struct uop *jmp_m(struct soft_vcpu *v, const struct uop *u)
{
	const void *p = uop_readable(v, uop_address(v, u, ADDRESS_ANY), 8);

	return p ? jmp_to(v, u, host_load(p, 8)) : uop_direct(v, u);
}

/* CALL through a register or memory in 64-bit code. */
UOP_INLINE const struct uop *call_to(struct soft_vcpu *v, const struct uop *u, uint64_t rip)
{
	uint64_t sp = v->cpu.r[X86_RSP] - 8;
	void *p = uop_writable(v, sp, 8);
	const struct block *b = uop_lately(v, rip);

	if (__builtin_expect(p == NULL || b == NULL, 0))
		return uop_direct(v, u);
	host_store(p, 8, uop_next_rip(v, u));
	v->cpu.r[X86_RSP] = sp;
	v->budget += u->rest;
	return uop_enter(v, b, rip);
}

static const struct uop *call_r(struct soft_vcpu *v, const struct uop *u)
{
	return call_to(v, u, v->cpu.r[u->in.opr[0].reg]);
}

static const struct uop *call_m(struct soft_vcpu *v, const struct uop *u)
{
	const void *p = uop_readable(v, uop_address(v, u, ADDRESS_ANY), 8);

	return p ? call_to(v, u, host_load(p, 8)) : uop_direct(v, u);
}

/* ---- conditions ---- */

#define ALL_CONDITIONS(X) \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define JCC(cc) UOP(jcc_##cc, jcc, cc)
ALL_CONDITIONS(JCC)
#define JCC_ROW(cc) jcc_##cc,
static const uop_fn jcc_uops[16] = {ALL_CONDITIONS(JCC_ROW)};

/* The condition cc after comparing a with b, straight from the operands; the six conditions that
 * ask for OF or PF alone are not fused. */
UOP_INLINE bool compare_holds(unsigned cc, unsigned size, uint64_t a, uint64_t b)
{
	int64_t sa = (int64_t)alu_sign_extend(size, a), sb = (int64_t)alu_sign_extend(size, b);
	bool v;

	a = alu_truncate(size, a);
	b = alu_truncate(size, b);
	switch (cc >> 1) {
	case 1: v = a < b; break;
	case 2: v = a == b; break;
	case 3: v = a <= b; break;
	case 4: v = (int64_t)alu_sign_extend(size, a - b) < 0; break;
	case 6: v = sa < sb; break;
	default: v = sa <= sb; break;
	}
	return v ^ (cc & 1);
}

/* The same after AND: CF and OF are 0. */
UOP_INLINE bool test_holds(unsigned cc, unsigned size, uint64_t r)
{
	int64_t s = (int64_t)alu_sign_extend(size, r);
	bool v;

	switch (cc >> 1) {
	case 1: v = false; break;
	case 2:
	case 3: v = s == 0; break;
	case 4:
	case 6: v = s < 0; break;
	default: v = s <= 0; break;
	}
	return v ^ (cc & 1);
}

UOP_INLINE const struct uop *fused(struct soft_vcpu *v, const struct uop *u, bool test, unsigned cc,
				   unsigned size, uint64_t a, uint64_t b)
{
	bool taken;

	if (test) {
		taken = test_holds(cc, size, a & b);
		alu_logic(&v->cpu.lazy, size, a & b);
	} else {
		taken = compare_holds(cc, size, a, b);
		alu_sub(&v->cpu.lazy, size, a, b);
	}
	return taken ? uop_take(v, u + 1) : uop_go(v, u + 2);
}

UOP_INLINE const struct uop *fused_rr(struct soft_vcpu *v, const struct uop *u, bool test,
				      unsigned cc, unsigned size)
{
	const uint64_t *r = v->cpu.r;

	return fused(v, u, test, cc, size, r[u->in.opr[0].reg], r[u->in.opr[1].reg]);
}

UOP_INLINE const struct uop *fused_ri(struct soft_vcpu *v, const struct uop *u, bool test,
				      unsigned cc, unsigned size)
{
	return fused(v, u, test, cc, size, v->cpu.r[u->in.opr[0].reg], (uint64_t)u->in.imm);
}

UOP_INLINE const struct uop *fused_mi(struct soft_vcpu *v, const struct uop *u, bool test,
				      unsigned cc, unsigned size)
{
	const void *p = uop_readable(v, uop_address(v, u, ADDRESS_ANY), size);

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	return fused(v, u, test, cc, size, host_load(p, size), (uint64_t)u->in.imm);
}

UOP_INLINE const struct uop *fused_rm(struct soft_vcpu *v, const struct uop *u, bool test,
				      unsigned cc, unsigned size)
{
	const void *p = uop_readable(v, uop_address(v, u, ADDRESS_ANY), size);

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	return fused(v, u, test, cc, size, v->cpu.r[u->in.opr[0].reg], host_load(p, size));
}

#define FUSED_CONDITIONS(X, a, b) \
	X(2, a, b)                \
	X(3, a, b)                \
	X(4, a, b)                \
	X(5, a, b)                \
	X(6, a, b)                \
	X(7, a, b) X(8, a, b) X(9, a, b) X(12, a, b) X(13, a, b) X(14, a, b) X(15, a, b)
#define FUSED(cc, test, size)                                            \
	UOP(fused_##test##_##cc##_##size##_rr, fused_rr, test, cc, size) \
	UOP(fused_##test##_##cc##_##size##_ri, fused_ri, test, cc, size) \
	UOP(fused_##test##_##cc##_##size##_mi, fused_mi, test, cc, size) \
	UOP(fused_##test##_##cc##_##size##_rm, fused_rm, test, cc, size)
#define FUSED_SIZES(test)                \
	FUSED_CONDITIONS(FUSED, test, 1) \
	FUSED_CONDITIONS(FUSED, test, 2) \
	FUSED_CONDITIONS(FUSED, test, 4) FUSED_CONDITIONS(FUSED, test, 8)
FUSED_SIZES(0)
FUSED_SIZES(1)

#define FUSED_ROW(cc, test, size)                                                     \
	[cc] = {fused_##test##_##cc##_##size##_rr, fused_##test##_##cc##_##size##_ri, \
		fused_##test##_##cc##_##size##_mi, fused_##test##_##cc##_##size##_rm},
#define FUSED_TABLE(test)                                                                       \
	{                                                                                       \
		{FUSED_CONDITIONS(FUSED_ROW, test, 1)}, {FUSED_CONDITIONS(FUSED_ROW, test, 2)}, \
			{FUSED_CONDITIONS(FUSED_ROW, test, 4)},                                 \
		{                                                                               \
			FUSED_CONDITIONS(FUSED_ROW, test, 8)                                    \
		}                                                                               \
	}
static const uop_fn fused_uops[2][4][16][4] = {FUSED_TABLE(0), FUSED_TABLE(1)};

/* ---- selection ---- */

uop_fn uop_select_fused(const struct x86_insn *i, const struct x86_insn *branch, uint32_t mode)
{
	x86_exec_fn exec = uop_exec(i);
	unsigned cc = x86_opcodes[branch->op].opcode & 15;
	unsigned to = i->opr[0].kind, from = i->opr[1].kind;
	const uop_fn *row;
	enum uop_address how;

	if ((exec != exec_cmp && exec != exec_test) || uop_exec(branch) != exec_jcc)
		return NULL;
	if ((to == X86_OPR_MEM || from == X86_OPR_MEM) && !uop_addressable(i, mode, &how))
		return NULL;
	row = fused_uops[exec == exec_test][uop_size_index(i->opr[0].size_bytes)][cc];
	if (to == X86_OPR_GPR && from == X86_OPR_GPR)
		return row[0];
	if (to == X86_OPR_GPR && from == X86_OPR_IMM)
		return row[1];
	if (to == X86_OPR_MEM && from == X86_OPR_IMM)
		return row[2];
	return to == X86_OPR_GPR && from == X86_OPR_MEM ? row[3] : NULL;
}

/* Indirect branches, 64-bit code only. */
static uop_fn select_indirect(const struct x86_insn *i, uint32_t mode)
{
	bool is_call = uop_exec(i) == exec_call_ind;
	enum uop_address how;

	if ((mode & X86_MODE_CODE) != X86_MODE_CODE64)
		return NULL;
	if (i->opr[0].kind == X86_OPR_GPR)
		return is_call ? call_r : jmp_r;
	if (i->opr[0].kind == X86_OPR_MEM && uop_addressable(i, mode, &how))
		return is_call ? call_m : jmp_m;
	return NULL;
}

uop_fn uop_select_branch(const struct x86_insn *i, uint32_t mode)
{
	bool long_mode = (mode & X86_MODE_CODE) == X86_MODE_CODE64;
	x86_exec_fn exec = uop_exec(i);

	if (i->opsize != (long_mode ? 8 : 4) || (!long_mode && !(mode & X86_MODE_STACK32)))
		return NULL;
	if (exec == exec_jmp)
		return jmp;
	if (exec == exec_jcc)
		return jcc_uops[x86_opcodes[i->op].opcode & 15];
	if (exec == exec_call)
		return long_mode ? call_8 : call_4;
	if (exec == exec_ret && i->n_operands == 0)
		return long_mode ? ret_8 : ret_4;
	if (exec == exec_call_ind || exec == exec_jmp_ind)
		return select_indirect(i, mode);
	return NULL;
}
