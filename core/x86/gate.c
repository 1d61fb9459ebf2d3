/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/gate.h"

#include "core/x86/access.h"
#include "core/x86/stack.h"

/* One delivery in progress. */
struct entry {
	const struct x86_event *event;
	uint64_t return_rip, flags;
	uint32_t ext;
	struct x86_descriptor gate;
	unsigned size; /* bytes of each slot of the frame: 2, 4, 8 */
	struct x86_segment cs;
	uint64_t rip;
	unsigned cpl; /* of the handler */
	struct x86_stack stack;
};

static enum x86_status push(struct x86_cpu *c, struct entry *n, uint64_t value)
{
	return x86_stack_push(c, &n->stack, n->size, value);
}

static enum x86_status push_return(struct x86_cpu *c, struct entry *n)
{
	X86_TRY(push(c, n, n->flags));
	X86_TRY(push(c, n, c->seg[X86_CS].selector));
	return push(c, n, n->return_rip);
}

/* ---- real-address mode ---- */

static enum x86_status enter_real(struct x86_cpu *c, struct entry *n)
{
	uint32_t offset = n->event->vector * 4u;
	uint16_t vector[2];

	n->size = 2;
	n->stack = x86_stack_current(c, 0);
	if (offset + 3 > c->idt.limit)
		return x86_raise_gp(c);
	X86_TRY(x86_load_linear(c, x86_table_linear(c, c->idt.base, offset), vector, 4,
				X86_ACCESS_SYSTEM));
	n->cs = x86_segment_real(c, X86_CS, vector[1]);
	n->rip = vector[0];
	X86_TRY(x86_segment_check_rip(c, &n->cs, 0, n->rip));
	X86_TRY(push_return(c, n));
	X86_TRY(x86_stack_write(c, &n->stack));
	c->rflags &= ~(uint64_t)(X86_IF | X86_TF | X86_AC_FLAG | X86_RF);
	return X86_OK;
}

/* ---- protected mode and long mode ---- */

static enum x86_status raise_vector(struct x86_cpu *c, enum x86_vector fault, const struct entry *n)
{
	return x86_raise_error(c, fault, n->event->vector * 8u + 2 + n->ext);
}

static bool is_interrupt_or_trap(const struct x86_cpu *c, unsigned type)
{
	switch (type) {
	case X86_SYS_INT_GATE:
	case X86_SYS_TRAP_GATE: return true;
	case X86_SYS_INT_GATE16:
	case X86_SYS_TRAP_GATE16: return !c->long_mode;
	default: return false;
	}
}

static enum x86_status read_gate(struct x86_cpu *c, struct entry *n)
{
	struct x86_descriptor *gate = &n->gate;
	unsigned bytes = c->long_mode ? 16 : 8;
	uint32_t offset = n->event->vector * bytes;
	uint64_t raw[2] = {0, 0};
	unsigned type;
	uint16_t attr;

	gate->linear = x86_table_linear(c, c->idt.base, offset);
	if (offset + bytes - 1 > c->idt.limit || (c->long_mode && !x86_is_canonical(gate->linear)))
		return raise_vector(c, X86_GP, n);
	X86_TRY(x86_load_linear(c, gate->linear, raw, bytes, X86_ACCESS_SYSTEM));
	gate->low = raw[0];
	gate->high = raw[1] & 0xffffffff;
	gate->selector = 0;
	attr = x86_descriptor_attr(gate);
	type = x86_attr_system_type(attr);
	if (!is_interrupt_or_trap(c, type) && (type != X86_SYS_TASK_GATE || c->long_mode))
		return raise_vector(c, X86_GP, n);
	if (n->event->kind == X86_EVENT_SOFTWARE && x86_attr_dpl(attr) < c->cpl)
		return raise_vector(c, X86_GP, n);
	if (!(attr & X86_SEG_P))
		return raise_vector(c, X86_NP, n);
	if (type == X86_SYS_TASK_GATE)
		return x86_raise_selector(c, X86_GP, x86_gate_selector(gate), n->ext);
	n->size = c->long_mode ? 8 : type & 8 ? 4 : 2;
	return X86_OK;
}

/* The target of the gate and the privilege it runs at. */
static enum x86_status read_target(struct x86_cpu *c, struct entry *n)
{
	uint16_t selector = x86_gate_selector(&n->gate);

	X86_TRY(x86_segment_check_gate(c, selector, n->ext, &n->cs));
	n->cpl = n->cs.selector & 3;
	if (c->rflags & X86_VM && n->cpl != 0)
		return x86_raise_selector(c, X86_GP, selector, n->ext);
	n->rip = x86_gate_offset(&n->gate);
	if (n->size == 2)
		n->rip &= 0xffff;
	return X86_OK;
}

static enum x86_status choose_stack(struct x86_cpu *c, struct entry *n)
{
	unsigned ist = c->long_mode ? n->gate.low >> 32 & 7 : 0;

	n->stack = x86_stack_current(c, n->ext);
	if (n->cpl < c->cpl && !ist)
		X86_TRY(x86_stack_from_tss(c, n->cpl, n->ext, &n->stack));
	if (!c->long_mode)
		return X86_OK;
	n->stack.width = 8;
	if (ist) {
		X86_TRY(x86_stack_ist(c, ist, n->ext, &n->stack.sp));
		if (n->cpl < 3)
			n->stack.access = X86_ACCESS_SYSTEM;
		if (n->cpl < c->cpl)
			n->stack.ss = x86_segment_null((uint16_t)n->cpl, n->cpl);
	}
	n->stack.sp &= ~15ull;
	return X86_OK;
}

static enum x86_status push_frame(struct x86_cpu *c, struct entry *n)
{
	static const uint8_t v86_order[] = {X86_GS, X86_FS, X86_DS, X86_ES};

	if (c->rflags & X86_VM)
		for (unsigned k = 0; k < sizeof(v86_order); k++)
			X86_TRY(push(c, n, c->seg[v86_order[k]].selector));
	if (c->long_mode || n->cpl < c->cpl) {
		X86_TRY(push(c, n, c->seg[X86_SS].selector));
		X86_TRY(push(c, n, c->r[X86_RSP]));
	}
	X86_TRY(push_return(c, n));
	return n->event->has_error ? push(c, n, n->event->error) : X86_OK;
}

static enum x86_status enter_protected(struct x86_cpu *c, struct entry *n)
{
	bool is_trap;

	X86_TRY(read_gate(c, n));
	X86_TRY(read_target(c, n));
	X86_TRY(choose_stack(c, n));
	X86_TRY(x86_segment_check_rip(c, &n->cs, n->ext, n->rip));
	X86_TRY(push_frame(c, n));
	X86_TRY(x86_stack_write(c, &n->stack));
	if (c->rflags & X86_VM)
		for (unsigned seg = X86_ES; seg <= X86_GS; seg++)
			if (seg != X86_CS && seg != X86_SS)
				c->seg[seg] = x86_segment_null(0, 0);
	is_trap = x86_descriptor_attr(&n->gate) & 1;
	c->rflags &= ~(uint64_t)(X86_TF | X86_NT | X86_VM | X86_RF | (is_trap ? 0 : X86_IF));
	return X86_OK;
}

enum x86_status x86_gate_enter(struct x86_cpu *c, const struct x86_event *e, uint64_t return_rip,
			       uint64_t flags)
{
	struct entry n = {
		.event = e,
		.return_rip = return_rip,
		.flags = flags,
		.ext = e->kind != X86_EVENT_SOFTWARE,
	};

	X86_TRY(c->cr0 & CR0_PE ? enter_protected(c, &n) : enter_real(c, &n));
	x86_stack_commit(c, &n.stack);
	c->seg[X86_CS] = n.cs;
	c->rip = n.rip;
	x86_mode_update(c);
	return X86_OK;
}
