/* SPDX-License-Identifier: Apache-2.0 */
/* Moves, conditional moves and single flags (SDM vol. 1 7.3.1, 7.3.14). */
#include "core/x86/cpuid.h"
#include "core/x86/exec.h"
#include "core/x86/fault.h"

/* MOV, MOVZX and MOVNTI: what is read comes zero-extended. */
enum x86_status exec_mov(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read(c, i, 1, &v));
	return operand_write(c, i, 0, v);
}

enum x86_status exec_mov_zx(struct x86_cpu *c, const struct x86_insn *i)
{
	return exec_mov(c, i);
}

enum x86_status exec_movsx(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read(c, i, 1, &v));
	return operand_write(c, i, 0, alu_sign_extend(i->opr[1].size_bytes, v));
}

enum x86_status exec_lea(struct x86_cpu *c, const struct x86_insn *i)
{
	return operand_write(c, i, 0, operand_offset(c, i));
}

enum x86_status exec_xchg(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t a, b;

	/* NOP: not even bits 63:32 are cleared */
	if (x86_opcodes[i->op].opcode == 0x90 && i->opr[0].reg == X86_RAX)
		return X86_OK;
	X86_TRY(operand_read_rmw(c, i, 0, &a));
	X86_TRY(operand_read(c, i, 1, &b));
	X86_TRY(operand_write(c, i, 0, b));
	return operand_write(c, i, 1, a);
}

enum x86_status exec_xlat(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t offset = alu_truncate(i->adsize, c->r[X86_RBX] + (c->r[X86_RAX] & 0xff));
	uint8_t v;

	X86_TRY(x86_load(c, i->seg, offset, &v, 1));
	gpr_write(c, X86_RAX, 1, v);
	return X86_OK;
}

static bool condition(const struct x86_cpu *c, const struct x86_insn *i)
{
	return lazy_condition(&c->lazy, x86_opcodes[i->op].opcode & 15);
}

enum x86_status exec_setcc(struct x86_cpu *c, const struct x86_insn *i)
{
	return operand_write(c, i, 0, condition(c, i));
}

/* The source is read, and bits 63:32 of a 32-bit destination cleared, whatever the condition. */
enum x86_status exec_cmovcc(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t a, b;

	X86_TRY(operand_read(c, i, 0, &a));
	X86_TRY(operand_read(c, i, 1, &b));
	return operand_write(c, i, 0, condition(c, i) ? b : a);
}

enum x86_status exec_salc(struct x86_cpu *c, const struct x86_insn *i)
{
	return operand_write(c, i, 0, lazy_cf(&c->lazy) ? 0xff : 0);
}

#define AH_FLAGS (X86_SF | X86_ZF | X86_AF | X86_PF_FLAG | X86_CF)

static bool has_lahf(const struct x86_cpu *c)
{
	return !x86_is_64(c) || x86_has(c, X86_FEAT_LAHF64);
}

enum x86_status exec_lahf(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t flags = (lazy_get(&c->lazy) & AH_FLAGS) | X86_FLAG_1;

	(void)i;
	if (!has_lahf(c))
		return x86_raise(c, X86_UD);
	c->r[X86_RAX] = (c->r[X86_RAX] & ~0xff00ull) | flags << 8;
	return X86_OK;
}

enum x86_status exec_sahf(struct x86_cpu *c, const struct x86_insn *i)
{
	uint32_t flags = c->r[X86_RAX] >> 8 & AH_FLAGS;

	(void)i;
	if (!has_lahf(c))
		return x86_raise(c, X86_UD);
	lazy_set(&c->lazy, flags | (lazy_of(&c->lazy) ? X86_OF_FLAG : 0));
	return X86_OK;
}

enum x86_status exec_clc(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	alu_set_cf(&c->lazy, false);
	return X86_OK;
}

enum x86_status exec_stc(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	alu_set_cf(&c->lazy, true);
	return X86_OK;
}

enum x86_status exec_cmc(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	alu_set_cf(&c->lazy, !lazy_cf(&c->lazy));
	return X86_OK;
}

enum x86_status exec_cld(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	c->rflags &= ~(uint64_t)X86_DF_FLAG;
	return X86_OK;
}

enum x86_status exec_std(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	c->rflags |= X86_DF_FLAG;
	return X86_OK;
}
