/* SPDX-License-Identifier: Apache-2.0 */
/* Near control transfers (SDM vol. 1 7.3.8). */
#include "core/x86/exec.h"
#include "core/x86/fault.h"

/* target, cut to the operand size, if rip may go there: #GP(0) beyond the limit of CS or where an
 * address is not canonical. */
static enum x86_status check_target(struct x86_cpu *c, uint64_t target)
{
	if (x86_is_64(c) ? !x86_is_canonical(target) : target > c->seg[X86_CS].limit)
		return x86_raise_gp(c);
	return X86_OK;
}

static enum x86_status jump(struct x86_cpu *c, uint64_t target)
{
	X86_TRY(check_target(c, target));
	c->rip = target;
	return X86_JUMPED;
}

static uint64_t next_rip(const struct x86_cpu *c, const struct x86_insn *i)
{
	return alu_truncate(i->opsize, c->rip + i->len);
}

static uint64_t relative_target(const struct x86_cpu *c, const struct x86_insn *i)
{
	return alu_truncate(i->opsize, c->rip + i->len + (uint64_t)i->imm);
}

enum x86_status exec_jcc(struct x86_cpu *c, const struct x86_insn *i)
{
	if (!lazy_condition(&c->lazy, x86_opcodes[i->op].opcode & 15))
		return X86_OK;
	return jump(c, relative_target(c, i));
}

enum x86_status exec_jmp(struct x86_cpu *c, const struct x86_insn *i)
{
	return jump(c, relative_target(c, i));
}

enum x86_status exec_jmp_ind(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t target;

	X86_TRY(operand_read(c, i, 0, &target));
	return jump(c, target);
}

static enum x86_status call(struct x86_cpu *c, const struct x86_insn *i, uint64_t target)
{
	X86_TRY(check_target(c, target));
	X86_TRY(x86_push(c, i->opsize, next_rip(c, i)));
	c->rip = target;
	return X86_JUMPED;
}

enum x86_status exec_call(struct x86_cpu *c, const struct x86_insn *i)
{
	return call(c, i, relative_target(c, i));
}

enum x86_status exec_call_ind(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t target;

	X86_TRY(operand_read(c, i, 0, &target));
	return call(c, i, target);
}

enum x86_status exec_ret(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t sp = c->r[X86_RSP], target = 0;
	enum x86_status status;

	X86_TRY(x86_pop(c, i->opsize, &target));
	status = jump(c, target);
	if (status != X86_JUMPED)
		c->r[X86_RSP] = sp;
	else if (i->n_operands)
		x86_set_sp(c, x86_sp(c) + (uint16_t)i->imm);
	return status;
}

/* Counts CX, ECX or RCX down and jumps while it is not zero and further says so. */
static enum x86_status loop_while(struct x86_cpu *c, const struct x86_insn *i, bool further)
{
	uint64_t count = alu_truncate(i->adsize, c->r[X86_RCX] - 1);
	enum x86_status status = X86_OK;

	if (count && further)
		status = jump(c, relative_target(c, i));
	if (status != X86_FAULT)
		gpr_write(c, X86_RCX, i->adsize, count);
	return status;
}

enum x86_status exec_loop(struct x86_cpu *c, const struct x86_insn *i)
{
	return loop_while(c, i, true);
}

/* LOOPE or LOOPNE: a repeat prefix, which has no defined meaning here, overrules the opcode as it
 * does on AMD processors. */
static enum x86_status loop_on_zf(struct x86_cpu *c, const struct x86_insn *i, bool zf)
{
	if (i->rep)
		zf = i->rep == X86_REP_E;
	return loop_while(c, i, lazy_zf(&c->lazy) == zf);
}

enum x86_status exec_loope(struct x86_cpu *c, const struct x86_insn *i)
{
	return loop_on_zf(c, i, true);
}

enum x86_status exec_loopne(struct x86_cpu *c, const struct x86_insn *i)
{
	return loop_on_zf(c, i, false);
}

enum x86_status exec_jcxz(struct x86_cpu *c, const struct x86_insn *i)
{
	if (gpr_read(c, X86_RCX, i->adsize))
		return X86_OK;
	return jump(c, relative_target(c, i));
}
