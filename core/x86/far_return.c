/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/far_return.h"

#include "core/x86/access.h"
#include "core/x86/alu.h"

enum x86_status x86_stack_slot(struct x86_cpu *c, unsigned offset, unsigned size_bytes,
			       uint64_t *value)
{
	*value = 0;
	return x86_load(c, X86_SS, alu_truncate(c->stack_bytes, x86_sp(c) + offset), value,
			size_bytes);
}

enum x86_status x86_far_return_code(struct x86_cpu *c, uint16_t selector, struct x86_far_return *f)
{
	f->new_stack = false;
	f->cpl = c->cpl;
	if (x86_is_real(c)) {
		f->cs = x86_segment_real(c, X86_CS, selector);
		return X86_OK;
	}
	f->cpl = selector & 3;
	return x86_segment_check_return(c, selector, &f->cs);
}

enum x86_status x86_far_return_stack(struct x86_cpu *c, unsigned offset, unsigned size_bytes,
				     struct x86_far_return *f)
{
	uint64_t selector;

	X86_TRY(x86_stack_slot(c, offset, size_bytes, &f->sp));
	X86_TRY(x86_stack_slot(c, offset + size_bytes, size_bytes, &selector));
	f->new_stack = true;
	return x86_segment_check_return_stack(c, (uint16_t)selector, &f->cs, &f->ss);
}

/* SP is as wide as the stack returned to; where that is 16 bits, bits 31:16 keep what the inner
 * level left there, as on hardware. */
void x86_far_return_commit(struct x86_cpu *c, const struct x86_far_return *f)
{
	bool is_outer = f->cpl > c->cpl;

	if (!f->new_stack)
		x86_set_sp(c, f->sp);
	c->seg[X86_CS] = f->cs;
	if (f->new_stack)
		c->seg[X86_SS] = f->ss;
	if (is_outer)
		x86_segment_drop_inner(c, f->cpl);
	c->rip = f->rip;
	x86_mode_update(c);
	if (!f->new_stack)
		return;
	x86_set_sp(c, f->sp);
	if (!x86_is_64(c))
		c->r[X86_RSP] = (uint32_t)c->r[X86_RSP];
}
