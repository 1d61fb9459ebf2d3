/* SPDX-License-Identifier: Apache-2.0 */
/* Raising exceptions and delivering events (SDM vol. 3A chapter 6). */
#ifndef CORE_X86_FAULT_H
#define CORE_X86_FAULT_H

#include "core/x86/cpu.h"

/* Record an exception in c->event; nothing else changes.  Always return X86_FAULT, so that an
 * exec function can say `return x86_raise(c, X86_UD);`. */
enum x86_status x86_raise(struct x86_cpu *c, enum x86_vector vector);
enum x86_status x86_raise_error(struct x86_cpu *c, enum x86_vector vector, uint32_t error);
enum x86_status x86_raise_page_fault(struct x86_cpu *c, uint64_t linear, uint32_t error);

/* #GP(0), the commonest. */
static inline enum x86_status x86_raise_gp(struct x86_cpu *c)
{
	return x86_raise_error(c, X86_GP, 0);
}

/* Delivers c->event through the IDT or, in real mode, the interrupt vector table; c->rip is the
 * return address to push (the faulting instruction for faults, the next one for traps and
 * interrupts).  Exceptions during delivery become what the SDM says: the new exception, a double
 * fault, or shutdown (c->activity = X86_SHUTDOWN).  Clears c->event and X86_HALTED.  Returns
 * X86_OK when rip is at a handler or the CPU has shut down, X86_EXIT when the world could not
 * answer (call again; nothing has changed). */
enum x86_status x86_event_deliver(struct x86_cpu *c);

/* Sets c->event for an external interrupt, NMI or software interrupt and delivers it.  The caller
 * has checked that it may be taken now: x86_can_interrupt(). */
enum x86_status x86_interrupt(struct x86_cpu *c, enum x86_event_kind kind, uint8_t vector);

/* True when an external interrupt may be taken before the next instruction. */
static inline bool x86_can_interrupt(const struct x86_cpu *c)
{
	return (c->rflags & X86_IF) && !c->shadow && c->event.kind == X86_EVENT_NONE &&
	       (c->activity == X86_ACTIVE || c->activity == X86_HALTED);
}

#endif
