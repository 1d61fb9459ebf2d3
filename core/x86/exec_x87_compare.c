/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x87 comparison and classification (SDM vol. 1 8.3.6).
 *
 * The conditions of an unmasked invalid comparison: the manual says that they are not set, the
 * processors set them to "unordered" as for a masked one; so do we.
 */
#include "core/x86/x87.h"

#define UNORDERED X87_CONDITIONS

/* Compares h.a with h.b or h.memory; gives the conditions.  *done: no unmasked exception. */
static unsigned compare(struct x86_cpu *c, host_x87_fn fn, struct host_x87 *h, bool empty,
			bool *done)
{
	if (empty) {
		*done = x87_stack_fault(c, false);
		return UNORDERED;
	}
	h->a = x87_st(c, 0);
	*done = x87_run(c, fn, h);
	return h->status & X87_CONDITIONS;
}

static void pop_if(struct x86_cpu *c, bool done, unsigned pops)
{
	for (; done && pops; pops--)
		x87_pop(c);
}

static enum x86_status with_register(struct x86_cpu *c, const struct x86_insn *i, host_x87_fn fn,
				     unsigned st, unsigned pops)
{
	bool done, empty = x87_empty(c, 0) || x87_empty(c, st);
	struct host_x87 h = {.b = x87_st(c, st)};

	x87_note(c, i, false);
	x87_set_conditions(c, X87_CONDITIONS, compare(c, fn, &h, empty, &done));
	pop_if(c, done, pops);
	return X86_OK;
}

static enum x86_status with_memory(struct x86_cpu *c, const struct x86_insn *i, host_x87_fn fn,
				   unsigned size_bytes, unsigned pops)
{
	struct host_x87 h;
	bool done;

	X86_TRY(x86_load(c, i->seg, operand_offset(c, i), h.memory, size_bytes));
	x87_note(c, i, true);
	x87_set_conditions(c, X87_CONDITIONS, compare(c, fn, &h, x87_empty(c, 0), &done));
	pop_if(c, done, pops);
	return X86_OK;
}

/* The conditions go to ZF (C3), PF (C2) and CF (C0); OF, SF and AF are cleared. */
static enum x86_status to_eflags(struct x86_cpu *c, const struct x86_insn *i, host_x87_fn fn,
				 unsigned pops)
{
	unsigned st = i->opr[1].reg, conditions;
	bool done, empty = x87_empty(c, 0) || x87_empty(c, st);
	struct host_x87 h = {.b = x87_st(c, st)};

	x87_note(c, i, false);
	conditions = compare(c, fn, &h, empty, &done);
	lazy_set(&c->lazy, (conditions & FSW_C3 ? X86_ZF : 0) |
				   (conditions & FSW_C2 ? X86_PF_FLAG : 0) |
				   (conditions & FSW_C0 ? X86_CF : 0));
	pop_if(c, done, pops);
	return X86_OK;
}

#define EXEC(name, call)                                                         \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		return call;                                                     \
	}
#define COMPARE(name, pops)                                             \
	EXEC(name, with_register(c, i, host_fcom, i->opr[1].reg, pops)) \
	EXEC(name##_m32, with_memory(c, i, host_fcom_m32, 4, pops))     \
	EXEC(name##_m64, with_memory(c, i, host_fcom_m64, 8, pops))     \
	EXEC(name##_i32, with_memory(c, i, host_fcom_i32, 4, pops))     \
	EXEC(name##_i16, with_memory(c, i, host_fcom_i16, 2, pops))
COMPARE(fcom, 0)
COMPARE(fcomp, 1)
EXEC(fcompp, with_register(c, i, host_fcom, 1, 2))
EXEC(fucom, with_register(c, i, host_fucom, i->opr[1].reg, 0))
EXEC(fucomp, with_register(c, i, host_fucom, i->opr[1].reg, 1))
EXEC(fucompp, with_register(c, i, host_fucom, 1, 2))
EXEC(ftst, with_register(c, i, host_ftst, 0, 0))
EXEC(fcomi, to_eflags(c, i, host_fcom, 0))
EXEC(fcomip, to_eflags(c, i, host_fcom, 1))
EXEC(fucomi, to_eflags(c, i, host_fucom, 0))
EXEC(fucomip, to_eflags(c, i, host_fucom, 1))

/* FXAM's classes as C3, C2, C0 (SDM vol. 2, FXAM); C1 is the sign, even of an empty register. */
static unsigned class_of(const struct x86_f80 *v)
{
	unsigned exponent = v->sign_exponent & 0x7fff;

	if (exponent == 0)
		return v->mantissa ? FSW_C3 | FSW_C2 : FSW_C3;
	if (!(v->mantissa >> 63))
		return 0;
	if (exponent == 0x7fff)
		return v->mantissa << 1 ? FSW_C0 : FSW_C2 | FSW_C0;
	return FSW_C2;
}

enum x86_status exec_fxam(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_f80 v = x87_st(c, 0);

	x87_note(c, i, false);
	x87_report(c, v.sign_exponent >> 15 ? FSW_C1 : 0, 0);
	x87_set_conditions(c, X87_CONDITIONS, x87_empty(c, 0) ? FSW_C3 | FSW_C0 : class_of(&v));
	return X86_OK;
}
