/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raising exceptions and delivering events (SDM vol. 3A chapter 6).
 *
 * Not modelled: hardware task switching, which 64-bit systems do not have.  A task gate in the IDT
 * raises #GP with the gate's TSS selector; far transfers to a TSS or task gate and IRET with NT
 * set raise #GP as they do in long mode.  Virtual-8086 mode extensions (CR4.VME, CR4.PVI) are not
 * modelled either.
 */
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

/* Carries out an instruction that is an interrupt: INT n, INT3, INTO (kind X86_EVENT_SOFTWARE) and
 * INT1 (X86_EVENT_EXCEPTION).  The frame returns to the next instruction.  X86_JUMPED: rip is at
 * the handler.  X86_FAULT: the delivery failed, c->event is the exception that the instruction
 * raises instead, rip is still on it. */
enum x86_status x86_software_interrupt(struct x86_cpu *c, const struct x86_insn *i,
				       enum x86_event_kind kind, uint8_t vector);

/* True when an external interrupt may be taken before the next instruction. */
static inline bool x86_can_interrupt(const struct x86_cpu *c)
{
	return (c->rflags & X86_IF) && !c->shadow && c->event.kind == X86_EVENT_NONE &&
	       (c->activity == X86_ACTIVE || c->activity == X86_HALTED);
}

#endif
