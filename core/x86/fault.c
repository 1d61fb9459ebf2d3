/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raising and delivering.
 *
 * Delivery can itself raise an exception: the gate is bad, the handler's stack is not mapped.
 * x86_event_deliver() then tries again with what the two make together (SDM vol. 3A table 6-5).
 * The chain is short: an event that is neither a page fault nor contributory may be followed by a
 * contributory one, that by a page fault, that by a double fault, and a double fault whose
 * delivery fails shuts the CPU down.  Pushing a frame checks no alignment, so #AC, which would
 * make a circle, cannot arise.
 *
 * X86_EXIT from any of these attempts puts back the event that was to be delivered first, so
 * that the world is asked the same questions in the same order when delivery is tried again.
 */
#include "core/x86/fault.h"

#include "core/x86/gate.h"

enum x86_status x86_raise(struct x86_cpu *c, enum x86_vector vector)
{
	c->event = (struct x86_event){.kind = X86_EVENT_EXCEPTION, .vector = (uint8_t)vector};
	return X86_FAULT;
}

enum x86_status x86_raise_error(struct x86_cpu *c, enum x86_vector vector, uint32_t error)
{
	x86_raise(c, vector);
	c->event.has_error = 1;
	c->event.error = error;
	return X86_FAULT;
}

enum x86_status x86_raise_page_fault(struct x86_cpu *c, uint64_t linear, uint32_t error)
{
	x86_raise_error(c, X86_PF, error);
	c->event.address = linear;
	return X86_FAULT;
}

/* Registers that tell the handler more, written even if it is never reached: CR2 by every page
 * fault there is (SDM vol. 3A 6.15, #PF). */
static void write_fault_registers(struct x86_cpu *c, const struct x86_event *e)
{
	if (e->kind != X86_EVENT_EXCEPTION)
		return;
	if (e->vector == X86_PF)
		c->cr2 = e->address;
	if (e->vector == X86_DB) {
		c->dr6 |= e->address;
		c->dr7 &= ~(uint64_t)DR7_GD;
	}
}

/* ---- combining (SDM vol. 3A table 6-4, 6-5) ---- */

enum severity { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum severity severity_of(const struct x86_event *e)
{
	if (e->kind != X86_EVENT_EXCEPTION)
		return BENIGN;
	switch (e->vector) {
	case X86_DE:
	case X86_TS:
	case X86_NP:
	case X86_SS_FAULT:
	case X86_GP: return CONTRIBUTORY;
	case X86_PF: return PAGE_FAULT;
	case X86_DF: return DOUBLE_FAULT;
	default: return BENIGN;
	}
}

/* c->event arose while *first was being delivered.  False: nothing is left but to shut down. */
static bool combine(struct x86_cpu *c, const struct x86_event *first)
{
	enum severity a = severity_of(first), b = severity_of(&c->event);

	write_fault_registers(c, &c->event);
	if (a == DOUBLE_FAULT)
		return false;
	if ((a == CONTRIBUTORY && b == CONTRIBUTORY) || (a == PAGE_FAULT && b != BENIGN))
		x86_raise_error(c, X86_DF, 0);
	return true;
}

/* ---- delivering ---- */

/* What goes into the frame: RF is set so that a fault's instruction can be run again without
 * meeting its own breakpoint (SDM vol. 3B 17.3.1.1). */
static uint64_t pushed_flags(const struct x86_cpu *c, const struct x86_event *e)
{
	uint64_t flags = c->rflags | lazy_get(&c->lazy);

	if (e->kind != X86_EVENT_EXCEPTION)
		return flags;
	switch (e->vector) {
	case X86_DB: return e->address & DR6_BD ? flags | X86_RF : flags;
	case X86_NMI:
	case X86_BP:
	case X86_OF:
	case X86_DF:
	case X86_MC: return flags;
	default: return flags | X86_RF;
	}
}

static void delivered(struct x86_cpu *c)
{
	c->event = (struct x86_event){0};
	c->shadow = 0;
	if (c->activity == X86_HALTED)
		c->activity = X86_ACTIVE;
	c->resync = true;
}

enum x86_status x86_event_deliver(struct x86_cpu *c)
{
	struct x86_event first = c->event, e;
	uint64_t cr2 = c->cr2, dr6 = c->dr6, dr7 = c->dr7;
	enum x86_status status;

	write_fault_registers(c, &first);
	do {
		e = c->event;
		status = x86_gate_enter(c, &e, c->rip, pushed_flags(c, &e));
		if (status == X86_EXIT) {
			c->event = first;
			c->cr2 = cr2;
			c->dr6 = dr6;
			c->dr7 = dr7;
			return X86_EXIT;
		}
	} while (status == X86_FAULT && combine(c, &e));

	if (status == X86_FAULT)
		c->activity = X86_SHUTDOWN;
	delivered(c);
	if (first.kind == X86_EVENT_NMI)
		c->nmi_blocked = 1;
	return X86_OK;
}

enum x86_status x86_interrupt(struct x86_cpu *c, enum x86_event_kind kind, uint8_t vector)
{
	c->event = (struct x86_event){.kind = (uint8_t)kind, .vector = vector};
	return x86_event_deliver(c);
}

enum x86_status x86_software_interrupt(struct x86_cpu *c, const struct x86_insn *i,
				       enum x86_event_kind kind, uint8_t vector)
{
	struct x86_event e = {.kind = (uint8_t)kind, .vector = vector};
	uint64_t next = (c->rip + i->len) & x86_rip_mask(c);

	X86_TRY(x86_gate_enter(c, &e, next, pushed_flags(c, &e)));
	delivered(c);
	return X86_JUMPED;
}
