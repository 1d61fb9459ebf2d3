/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/x87.h"

/* Selectors are not kept in 64-bit mode, as on CPUs that deprecate FCS and FDS. */
void x87_note(struct x86_cpu *c, const struct x86_insn *i, bool memory)
{
	bool selectors = !x86_is_64(c);

	c->fpu.opcode = (uint16_t)i->imm & 0x7ff;
	c->fpu.instruction_ptr = c->rip;
	c->fpu.instruction_sel = selectors ? c->seg[X86_CS].selector : 0;
	if (memory) {
		c->fpu.data_ptr = operand_offset(c, i);
		c->fpu.data_sel = selectors ? c->seg[i->seg].selector : 0;
	}
}

bool x87_stack_fault(struct x86_cpu *c, bool overflow)
{
	return x87_report(c, FSW_IE | FSW_SF | (overflow ? FSW_C1 : 0), X87_BEFORE_RESULT);
}

bool x87_report(struct x86_cpu *c, unsigned status, unsigned forbidding)
{
	struct x86_fpu *f = &c->fpu;

	f->status &= (uint16_t)~FSW_C1;
	f->status |= status & (FSW_EXCEPTIONS | FSW_SF | FSW_C1);
	fpu_update_summary(f);
	return !(status & ~f->control & forbidding);
}

bool x87_run(struct x86_cpu *c, host_x87_fn fn, struct host_x87 *h)
{
	h->control = x87_host_control(c);
	fn(h);
	return x87_report(c, h->status & (FSW_EXCEPTIONS | FSW_C1), X87_BEFORE_RESULT);
}
