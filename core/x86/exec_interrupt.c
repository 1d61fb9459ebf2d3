/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that are interrupts, and the way back: INT n, INT3, INTO, INT1, BOUND, IRET. */
#include "core/x86/exec.h"
#include "core/x86/far_return.h"

static unsigned iopl(const struct x86_cpu *c)
{
	return c->rflags >> 12 & 3;
}

enum x86_status exec_int(struct x86_cpu *c, const struct x86_insn *i)
{
	if (c->rflags & X86_VM && iopl(c) < 3)
		return x86_raise_gp(c);
	return x86_software_interrupt(c, i, X86_EVENT_SOFTWARE, (uint8_t)i->imm);
}

enum x86_status exec_int3(struct x86_cpu *c, const struct x86_insn *i)
{
	return x86_software_interrupt(c, i, X86_EVENT_SOFTWARE, X86_BP);
}

enum x86_status exec_into(struct x86_cpu *c, const struct x86_insn *i)
{
	if (!lazy_of(&c->lazy))
		return X86_OK;
	return x86_software_interrupt(c, i, X86_EVENT_SOFTWARE, X86_OF);
}

/* A #DB that no gate's DPL forbids and that sets nothing in DR6. */
enum x86_status exec_int1(struct x86_cpu *c, const struct x86_insn *i)
{
	return x86_software_interrupt(c, i, X86_EVENT_EXCEPTION, X86_DB);
}

enum x86_status exec_bound(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned size = i->opsize;
	uint64_t lower = 0, upper = 0, at = operand_offset(c, i);
	int64_t index;

	X86_TRY(x86_load(c, i->seg, at, &lower, size));
	X86_TRY(x86_load(c, i->seg, at + size, &upper, size));
	index = (int64_t)alu_sign_extend(size, c->r[i->opr[0].reg]);
	if (index < (int64_t)alu_sign_extend(size, lower) ||
	    index > (int64_t)alu_sign_extend(size, upper))
		return x86_raise(c, X86_BR);
	return X86_OK;
}

/* ---- IRET ---- */

/* The RFLAGS bits that IRET may change here (SDM vol. 2, IRET). */
static uint64_t iret_flags_mask(const struct x86_cpu *c, unsigned size)
{
	uint64_t mask = X86_ARITH | X86_TF | X86_DF_FLAG | X86_NT;
	bool real = !(c->cr0 & CR0_PE);

	if (size > 2)
		mask |= X86_RF | X86_AC_FLAG | X86_ID;
	if (c->cpl <= iopl(c))
		mask |= X86_IF;
	if (c->cpl == 0)
		mask |= X86_IOPL | (size > 2 && !real ? X86_VIF | X86_VIP : 0);
	return mask;
}

static void set_flags(struct x86_cpu *c, uint64_t flags, uint64_t mask)
{
	flags = ((c->rflags | lazy_get(&c->lazy)) & ~mask) | (flags & mask);
	lazy_set(&c->lazy, (uint32_t)flags);
	c->rflags = (flags & ~(uint64_t)X86_ARITH) | X86_FLAG_1;
}

/* Nine doublewords on the stack: EIP CS EFLAGS, which have been read, ESP SS ES DS FS GS. */
static enum x86_status iret_to_v86(struct x86_cpu *c, uint64_t rip, uint16_t cs, uint64_t flags)
{
	static const uint8_t order[] = {X86_SS, X86_ES, X86_DS, X86_FS, X86_GS};
	uint64_t sp, selector[sizeof(order)];

	X86_TRY(x86_stack_slot(c, 12, 4, &sp));
	for (unsigned n = 0; n < sizeof(order); n++)
		X86_TRY(x86_stack_slot(c, 16 + 4 * n, 4, &selector[n]));
	if (rip > 0xffff)
		return x86_raise_gp(c);
	set_flags(c, flags, iret_flags_mask(c, 4) | X86_VM);
	c->seg[X86_CS] = x86_segment_v86(cs);
	for (unsigned n = 0; n < sizeof(order); n++)
		c->seg[order[n]] = x86_segment_v86((uint16_t)selector[n]);
	c->r[X86_RSP] = sp;
	c->rip = rip;
	x86_mode_update(c);
	return X86_JUMPED;
}

static enum x86_status iret(struct x86_cpu *c, unsigned size)
{
	uint64_t mask = iret_flags_mask(c, size);
	struct x86_far_return f;
	uint64_t selector, flags;

	if (c->rflags & X86_VM ? iopl(c) < 3 : c->cr0 & CR0_PE && c->rflags & X86_NT)
		return x86_raise_gp(c);
	X86_TRY(x86_stack_slot(c, 0, size, &f.rip));
	X86_TRY(x86_stack_slot(c, size, size, &selector));
	X86_TRY(x86_stack_slot(c, 2 * size, size, &flags));
	if (flags & X86_VM && c->cpl == 0 && !c->long_mode && !x86_is_real(c))
		return iret_to_v86(c, f.rip, (uint16_t)selector, flags);
	X86_TRY(x86_far_return_code(c, (uint16_t)selector, &f));
	f.sp = x86_sp(c) + 3 * size;
	if (f.cpl > c->cpl || x86_is_64(c))
		X86_TRY(x86_far_return_stack(c, 3 * size, size, &f));
	X86_TRY(x86_segment_check_rip(c, &f.cs, 0, f.rip));
	set_flags(c, flags, mask);
	x86_far_return_commit(c, &f);
	return X86_JUMPED;
}

/* Unblocks NMIs even when it faults (SDM vol. 3A 6.7.1). */
enum x86_status exec_iret(struct x86_cpu *c, const struct x86_insn *i)
{
	enum x86_status status = iret(c, i->opsize);

	if (status != X86_EXIT)
		c->nmi_blocked = 0;
	return status;
}
