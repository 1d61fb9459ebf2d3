/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Far CALL, JMP and RET (SDM vol. 2; vol. 3A 5.8).  A pointer that names a TSS or a task gate
 * raises #GP with it: task switching is not modelled (fault.h).
 */
#include "core/x86/exec.h"
#include "core/x86/far_return.h"
#include "core/x86/stack.h"

#define PARAMETERS_MAX 31

/* A call or jump on its way. */
struct transfer {
	bool is_call;
	unsigned size; /* bytes of each pushed slot */
	struct x86_segment cs;
	uint64_t rip, return_rip;
};

/* Pushes the return address. */
static enum x86_status push_return(struct x86_cpu *c, const struct transfer *t,
				   struct x86_stack *stack)
{
	X86_TRY(x86_stack_push(c, stack, t->size, c->seg[X86_CS].selector));
	X86_TRY(x86_stack_push(c, stack, t->size, t->return_rip));
	return x86_stack_write(c, stack);
}

/* Goes to t->cs:t->rip at the same privilege. */
static enum x86_status go(struct x86_cpu *c, struct transfer *t)
{
	struct x86_stack stack;

	X86_TRY(x86_segment_check_rip(c, &t->cs, 0, t->rip));
	if (t->is_call) {
		stack = x86_stack_current(c, 0);
		stack.ordinary = true;
		X86_TRY(push_return(c, t, &stack));
		x86_stack_commit(c, &stack);
	}
	x86_segment_set(c, X86_CS, &t->cs);
	c->rip = t->rip;
	return X86_JUMPED;
}

/* ---- call gates ---- */

static enum x86_status copy_parameters(struct x86_cpu *c, const struct transfer *t, unsigned count,
				       struct x86_stack *to)
{
	uint64_t value[PARAMETERS_MAX];

	for (unsigned n = 0; n < count; n++) {
		value[n] = 0;
		X86_TRY(x86_load(c, X86_SS, alu_truncate(c->stack_bytes, x86_sp(c) + n * t->size),
				 &value[n], t->size));
	}
	while (count)
		X86_TRY(x86_stack_push(c, to, t->size, value[--count]));
	return X86_OK;
}

static enum x86_status call_inner(struct x86_cpu *c, struct transfer *t, unsigned n_parameters)
{
	struct x86_stack stack;

	X86_TRY(x86_stack_from_tss(c, t->cs.selector & 3, 0, &stack));
	X86_TRY(x86_segment_check_rip(c, &t->cs, 0, t->rip));
	X86_TRY(x86_stack_push(c, &stack, t->size, c->seg[X86_SS].selector));
	X86_TRY(x86_stack_push(c, &stack, t->size, c->r[X86_RSP]));
	X86_TRY(copy_parameters(c, t, n_parameters, &stack));
	X86_TRY(push_return(c, t, &stack));
	x86_stack_commit(c, &stack);
	x86_segment_set(c, X86_CS, &t->cs);
	c->rip = t->rip;
	return X86_JUMPED;
}

static enum x86_status go_through_gate(struct x86_cpu *c, struct transfer *t,
				       struct x86_descriptor *gate)
{
	uint16_t attr = x86_descriptor_attr(gate), selector = x86_gate_selector(gate);
	unsigned dpl = x86_attr_dpl(attr), n_parameters = 0;

	if (dpl < c->cpl || dpl < (gate->selector & 3u))
		return x86_raise_selector(c, X86_GP, gate->selector, 0);
	if (!(attr & X86_SEG_P))
		return x86_raise_selector(c, X86_NP, gate->selector, 0);
	X86_TRY(x86_descriptor_read_high(c, gate));
	X86_TRY(x86_segment_check_gate(c, selector, 0, &t->cs));
	t->rip = x86_gate_offset(gate);
	t->size = c->long_mode ? 8 : 4;
	if (x86_attr_system_type(attr) == X86_SYS_CALL_GATE16) {
		t->size = 2;
		t->rip &= 0xffff;
	}
	if ((t->cs.selector & 3) == c->cpl)
		return go(c, t);
	if (!t->is_call)
		return x86_raise_selector(c, X86_GP, selector, 0);
	if (!c->long_mode)
		n_parameters = gate->low >> 32 & 31;
	return call_inner(c, t, n_parameters);
}

/* ---- CALL and JMP ---- */

static enum x86_status go_protected(struct x86_cpu *c, struct transfer *t, uint16_t selector)
{
	struct x86_descriptor d;

	if (x86_selector_is_null(selector))
		return x86_raise_gp(c);
	X86_TRY(x86_descriptor_read(c, selector, X86_GP, 0, &d));
	switch (x86_attr_system_type(x86_descriptor_attr(&d))) {
	case X86_SYS_CALL_GATE16:
		if (c->long_mode)
			break;
		/* fall through */
	case X86_SYS_CALL_GATE: return go_through_gate(c, t, &d);
	default: break;
	}
	X86_TRY(x86_segment_check_jump(c, &d, &t->cs));
	return go(c, t);
}

static enum x86_status transfer(struct x86_cpu *c, const struct x86_insn *i, bool is_call)
{
	struct transfer t = {
		.is_call = is_call,
		.size = i->opsize,
		.return_rip = (c->rip + i->len) & x86_rip_mask(c),
	};
	uint16_t selector;

	X86_TRY(x86_far_pointer(c, i, 0, &t.rip, &selector));
	if (!x86_is_real(c))
		return go_protected(c, &t, selector);
	t.cs = x86_segment_real(c, X86_CS, selector);
	return go(c, &t);
}

enum x86_status exec_call_far(struct x86_cpu *c, const struct x86_insn *i)
{
	return transfer(c, i, true);
}

enum x86_status exec_jmp_far(struct x86_cpu *c, const struct x86_insn *i)
{
	return transfer(c, i, false);
}

/* ---- RET ---- */

enum x86_status exec_ret_far(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned release = i->n_operands ? (uint16_t)i->imm : 0;
	struct x86_far_return f;
	uint64_t selector;

	X86_TRY(x86_stack_slot(c, 0, i->opsize, &f.rip));
	X86_TRY(x86_stack_slot(c, i->opsize, i->opsize, &selector));
	X86_TRY(x86_far_return_code(c, (uint16_t)selector, &f));
	f.sp = x86_sp(c) + 2 * i->opsize + release;
	if (f.cpl > c->cpl) {
		X86_TRY(x86_far_return_stack(c, 2 * i->opsize + release, i->opsize, &f));
		f.sp += release;
	}
	X86_TRY(x86_segment_check_rip(c, &f.cs, 0, f.rip));
	x86_far_return_commit(c, &f);
	return X86_JUMPED;
}
