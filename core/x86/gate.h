/* SPDX-License-Identifier: Apache-2.0 */
/* Going to the handler of one event: interrupt vector table, interrupt and trap gates, and the
 * frame on the handler's stack (SDM vol. 3A 6.12, 6.14, 20.1.4, 20.3). */
#ifndef CORE_X86_GATE_H
#define CORE_X86_GATE_H

#include "core/x86/fault.h"

/* Enters the handler of *e with return_rip and flags (the RFLAGS image) in its frame.  X86_OK: rip
 * is at the handler.  X86_FAULT, X86_EXIT: no register has changed, but part of the frame and
 * accessed bits may be in memory. */
enum x86_status x86_gate_enter(struct x86_cpu *c, const struct x86_event *e, uint64_t return_rip,
			       uint64_t flags);

#endif
