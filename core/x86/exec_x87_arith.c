/* SPDX-License-Identifier: Apache-2.0 */
/* x87 addition, subtraction, multiplication and division (SDM vol. 1 8.3.5). */
#include "core/x86/x87.h"

/* Operand 0 = operand 0 op operand 1, both registers; then perhaps a pop. */
static enum x86_status with_register(struct x86_cpu *c, const struct x86_insn *i, host_x87_fn fn,
				     bool pop)
{
	unsigned to = i->opr[0].reg, from = i->opr[1].reg;
	struct host_x87 h;
	bool done;

	x87_note(c, i, false);
	if (x87_empty(c, to) || x87_empty(c, from)) {
		done = x87_stack_fault(c, false);
		h.a = x87_indefinite();
	} else {
		h.a = x87_st(c, to);
		h.b = x87_st(c, from);
		done = x87_run(c, fn, &h);
	}
	if (done) {
		x87_set_st(c, to, h.a);
		if (pop)
			x87_pop(c);
	}
	return X86_OK;
}

/* ST0 = ST0 op memory. */
static enum x86_status with_memory(struct x86_cpu *c, const struct x86_insn *i, host_x87_fn fn,
				   unsigned size_bytes)
{
	struct host_x87 h;
	bool done;

	X86_TRY(x86_load(c, i->seg, operand_offset(c, i), h.memory, size_bytes));
	x87_note(c, i, true);
	if (x87_empty(c, 0)) {
		done = x87_stack_fault(c, false);
		h.a = x87_indefinite();
	} else {
		h.a = x87_st(c, 0);
		done = x87_run(c, fn, &h);
	}
	if (done)
		x87_set_st(c, 0, h.a);
	return X86_OK;
}

#define EXEC(name, call)                                                         \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		return call;                                                     \
	}
#define ARITHMETIC(name)                                          \
	EXEC(name, with_register(c, i, host_##name, false))       \
	EXEC(name##p, with_register(c, i, host_##name, true))     \
	EXEC(name##_m32, with_memory(c, i, host_##name##_m32, 4)) \
	EXEC(name##_m64, with_memory(c, i, host_##name##_m64, 8)) \
	EXEC(name##_i32, with_memory(c, i, host_##name##_i32, 4)) \
	EXEC(name##_i16, with_memory(c, i, host_##name##_i16, 2))
ARITHMETIC(fadd)
ARITHMETIC(fmul)
ARITHMETIC(fsub)
ARITHMETIC(fsubr)
ARITHMETIC(fdiv)
ARITHMETIC(fdivr)
