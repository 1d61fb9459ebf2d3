/* SPDX-License-Identifier: Apache-2.0 */
/* What RETF and IRET have in common: a return address on the stack and, when it leads to a less
 * privileged level (IRET in 64-bit mode: always), the stack to go back to. */
#ifndef CORE_X86_FAR_RETURN_H
#define CORE_X86_FAR_RETURN_H

#include "core/x86/segment.h"

struct x86_far_return {
	struct x86_segment cs, ss;
	uint64_t rip, sp;
	unsigned cpl;	/* after the return */
	bool new_stack; /* ss is to be loaded */
};

/* Reads size_bytes bytes at SP + offset, without popping them. */
enum x86_status x86_stack_slot(struct x86_cpu *c, unsigned offset, unsigned size_bytes,
			       uint64_t *value);

/* Checks the popped CS in any mode; sets f->cs, f->cpl and f->new_stack = false. */
enum x86_status x86_far_return_code(struct x86_cpu *c, uint16_t selector, struct x86_far_return *f);

/* Reads SP and SS from SP + offset, checks them and sets f->sp, f->ss and f->new_stack. */
enum x86_status x86_far_return_stack(struct x86_cpu *c, unsigned offset, unsigned size_bytes,
				     struct x86_far_return *f);

/* Goes there.  Nothing can fail. */
void x86_far_return_commit(struct x86_cpu *c, const struct x86_far_return *f);

#endif
