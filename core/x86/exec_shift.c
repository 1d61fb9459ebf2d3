/* SPDX-License-Identifier: Apache-2.0 */
/* Shifts and rotates (SDM vol. 1 7.3.6); their meaning is in alu.h. */
#include "core/x86/exec.h"

/* A count of zero still reads and writes a memory operand, but changes no flag. */
static inline __attribute__((always_inline)) enum x86_status shift(
	struct x86_cpu *c, const struct x86_insn *i,
	uint64_t (*op)(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a, uint64_t count))
{
	struct x86_lazy_flags f = c->lazy;
	uint64_t a, count;

	X86_TRY(operand_read_rmw(c, i, 0, &a));
	X86_TRY(operand_read(c, i, 1, &count));
	X86_TRY(operand_write(c, i, 0, op(&f, i->opr[0].size_bytes, a, count)));
	c->lazy = f;
	return X86_OK;
}

static inline __attribute__((always_inline)) enum x86_status shift_double(
	struct x86_cpu *c, const struct x86_insn *i,
	uint64_t (*op)(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a, uint64_t b,
		       uint64_t count))
{
	struct x86_lazy_flags f = c->lazy;
	uint64_t a, b, count;

	X86_TRY(operand_read_rmw(c, i, 0, &a));
	X86_TRY(operand_read(c, i, 1, &b));
	X86_TRY(operand_read(c, i, 2, &count));
	X86_TRY(operand_write(c, i, 0, op(&f, i->opr[0].size_bytes, a, b, count)));
	c->lazy = f;
	return X86_OK;
}

#define SHIFT(name)                                                              \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		return shift(c, i, alu_##name);                                  \
	}

SHIFT(rol)
SHIFT(ror)
SHIFT(rcl)
SHIFT(rcr)
SHIFT(shl)
SHIFT(shr)
SHIFT(sar)

enum x86_status exec_shld(struct x86_cpu *c, const struct x86_insn *i)
{
	return shift_double(c, i, alu_shld);
}

enum x86_status exec_shrd(struct x86_cpu *c, const struct x86_insn *i)
{
	return shift_double(c, i, alu_shrd);
}
