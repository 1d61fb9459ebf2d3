/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/interpret/uop.h"

/* The instruction of u did not complete. */
static const struct uop *stopped(struct soft_vcpu *v, const struct uop *u, enum x86_status status)
{
	enum soft_leave leave = LEAVE_NEXT;

	if (status == X86_FAULT)
		leave = LEAVE_FAULT;
	else if (status == X86_EXIT)
		leave = LEAVE_EXIT;
	return uop_leave(v, leave, u->rest + 1u);
}

const struct uop *uop_direct(struct soft_vcpu *v, const struct uop *u)
{
	struct x86_cpu *c = &v->cpu;
	enum x86_status status;

	c->rip = uop_rip(v, u);
	v->at = u;
	status = x86_opcodes[u->in.op].exec(c, &u->in);
	if (__builtin_expect(status == X86_OK && !c->resync, 1))
		return uop_go(v, u + 1);
	if (status == X86_OK) {
		c->rip = uop_next_rip(v, u);
		return uop_leave(v, LEAVE_NEXT, u->rest);
	}
	if (status == X86_JUMPED)
		return c->resync ? uop_leave(v, LEAVE_NEXT, u->rest) : uop_to(v, c->rip, u->rest);
	return stopped(v, u, status);
}

const struct uop *uop_general(struct soft_vcpu *v, const struct uop *u)
{
	struct x86_cpu *c = &v->cpu;
	enum x86_status status;

	c->rip = uop_rip(v, u);
	v->at = u;
	status = x86_execute(c, &u->in);
	if (status == X86_OK && !c->resync && !c->shadow && !(x86_opcodes[u->in.op].attr & A_SYNC))
		return uop_go(v, u + 1);
	if (status == X86_OK || status == X86_JUMPED)
		return uop_leave(v, LEAVE_NEXT, u->rest);
	return stopped(v, u, status);
}

const struct block *uop_find_target(const struct soft_vcpu *v, const struct uop *u)
{
	uint64_t rip = uop_target(v, u), here = v->cpu.r[X86_REG_RIP];
	const struct block *b = uop_lately(v, rip);

	if (b && (rip & X86_PAGE_MASK) == (here & X86_PAGE_MASK) &&
	    (b->gpa & X86_PAGE_MASK) == b->gpa_last_page)
		((struct uop *)u)->link = b; /* in the cache's memory, which is not const */
	return b;
}

const struct uop *uop_end(struct soft_vcpu *v, const struct uop *u)
{
	const struct block *b = uop_target_block(v, u);

	if (b)
		return uop_enter(v, b, uop_target(v, u));
	v->cpu.rip = uop_target(v, u);
	return uop_leave(v, LEAVE_NEXT, 0);
}
