/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that load, store and examine segment registers and descriptors. */
#include "core/x86/exec.h"
#include "core/x86/segment.h"

#define BUSY 2 /* bit of a TSS descriptor's type */

/* ---- segment registers ---- */

enum x86_status exec_mov_to_seg(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned seg = i->opr[0].reg;
	struct x86_segment new;
	uint64_t selector;

	if (seg == X86_CS || seg > X86_GS)
		return x86_raise(c, X86_UD);
	X86_TRY(operand_read(c, i, 1, &selector));
	X86_TRY(x86_segment_check(c, seg, (uint16_t)selector, &new));
	x86_segment_set(c, seg, &new);
	if (seg == X86_SS)
		c->shadow = X86_SHADOW_MOV_SS;
	return X86_OK;
}

enum x86_status exec_pop_seg(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned seg = i->opr[0].reg;
	struct x86_segment new;
	uint64_t slot = 0;

	X86_TRY(x86_load(c, X86_SS, x86_sp(c), &slot, i->opsize));
	X86_TRY(x86_segment_check(c, seg, (uint16_t)slot, &new));
	x86_set_sp(c, x86_sp(c) + i->opsize);
	x86_segment_set(c, seg, &new);
	if (seg == X86_SS)
		c->shadow = X86_SHADOW_MOV_SS;
	return X86_OK;
}

/* A 32-bit push writes the selector and leaves the upper half of its slot alone, as Intel's CPUs
 * do (SDM vol. 2, PUSH); a 64-bit push writes all eight bytes. */
enum x86_status exec_push_seg(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t selector = c->seg[i->opr[0].reg].selector;
	uint64_t sp = alu_truncate(c->stack_bytes, x86_sp(c) - i->opsize);

	X86_TRY(x86_store(c, X86_SS, sp, &selector, i->opsize == 8 ? 8 : 2));
	x86_set_sp(c, sp);
	return X86_OK;
}

static enum x86_status load_far(struct x86_cpu *c, const struct x86_insn *i, unsigned seg)
{
	struct x86_segment new;
	uint16_t selector;
	uint64_t offset;

	X86_TRY(x86_far_pointer(c, i, 1, &offset, &selector));
	X86_TRY(x86_segment_check(c, seg, selector, &new));
	gpr_write(c, i->opr[0].reg, i->opsize, offset);
	x86_segment_set(c, seg, &new);
	return X86_OK;
}

enum x86_status exec_les(struct x86_cpu *c, const struct x86_insn *i)
{
	return load_far(c, i, X86_ES);
}

enum x86_status exec_lds(struct x86_cpu *c, const struct x86_insn *i)
{
	return load_far(c, i, X86_DS);
}

enum x86_status exec_lss(struct x86_cpu *c, const struct x86_insn *i)
{
	return load_far(c, i, X86_SS);
}

enum x86_status exec_lfs(struct x86_cpu *c, const struct x86_insn *i)
{
	return load_far(c, i, X86_FS);
}

enum x86_status exec_lgs(struct x86_cpu *c, const struct x86_insn *i)
{
	return load_far(c, i, X86_GS);
}

/* ---- LDTR and TR ---- */

/* Reads and checks what LLDT and LTR have in common; type is the one that is wanted. */
static enum x86_status check_system_segment(struct x86_cpu *c, uint16_t selector, unsigned type,
					    unsigned type_legacy, struct x86_descriptor *d)
{
	unsigned found;

	if (selector & 4)
		return x86_raise_selector(c, X86_GP, selector, 0);
	X86_TRY(x86_descriptor_read(c, selector, X86_GP, 0, d));
	found = x86_attr_system_type(x86_descriptor_attr(d));
	if (found != type && (c->long_mode || found != type_legacy))
		return x86_raise_selector(c, X86_GP, selector, 0);
	if (!(x86_descriptor_attr(d) & X86_SEG_P))
		return x86_raise_selector(c, X86_NP, selector, 0);
	X86_TRY(x86_descriptor_read_high(c, d));
	if (c->long_mode && !x86_is_canonical(x86_descriptor_segment(d).base))
		return x86_raise_selector(c, X86_GP, selector, 0);
	return X86_OK;
}

enum x86_status exec_lldt(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_descriptor d;
	uint64_t selector;

	X86_TRY(operand_read(c, i, 0, &selector));
	if (x86_selector_is_null((uint16_t)selector)) {
		c->seg[X86_LDTR] = x86_segment_null((uint16_t)selector, 0);
		return X86_OK;
	}
	X86_TRY(check_system_segment(c, (uint16_t)selector, X86_SYS_LDT, X86_SYS_LDT, &d));
	c->seg[X86_LDTR] = x86_descriptor_segment(&d);
	return X86_OK;
}

enum x86_status exec_ltr(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_descriptor d;
	uint64_t selector;

	X86_TRY(operand_read(c, i, 0, &selector));
	if (x86_selector_is_null((uint16_t)selector))
		return x86_raise_gp(c);
	X86_TRY(check_system_segment(c, (uint16_t)selector, X86_SYS_TSS, X86_SYS_TSS16, &d));
	X86_TRY(x86_descriptor_mark(c, &d, BUSY));
	c->seg[X86_TR] = x86_descriptor_segment(&d);
	return X86_OK;
}

/* UMIP keeps user programs from learning where the system's tables are. */
static enum x86_status store_selector(struct x86_cpu *c, const struct x86_insn *i, unsigned seg)
{
	if (c->cr4 & CR4_UMIP && c->cpl > 0)
		return x86_raise_gp(c);
	return operand_write(c, i, 0, c->seg[seg].selector);
}

enum x86_status exec_sldt(struct x86_cpu *c, const struct x86_insn *i)
{
	return store_selector(c, i, X86_LDTR);
}

enum x86_status exec_str(struct x86_cpu *c, const struct x86_insn *i)
{
	return store_selector(c, i, X86_TR);
}

/* ---- questions about a selector: the answer is ZF ---- */

static void set_zf(struct x86_cpu *c, bool zf)
{
	c->lazy.zero = !zf;
}

/* The descriptor that the 16-bit operand n names, if there is one and the current privilege and
 * the selector's allow to look at it. */
static enum x86_status examine(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
			       struct x86_descriptor *d, bool *visible)
{
	uint64_t selector;
	uint16_t attr;
	unsigned dpl;

	*visible = false;
	X86_TRY(operand_read(c, i, n, &selector));
	if (x86_selector_is_null((uint16_t)selector) ||
	    !x86_descriptor_locate(c, (uint16_t)selector, 8, &d->linear))
		return X86_OK;
	X86_TRY(x86_load_linear(c, d->linear, &d->low, 8, X86_ACCESS_SYSTEM));
	d->high = 0;
	d->selector = (uint16_t)selector;
	attr = x86_descriptor_attr(d);
	dpl = x86_attr_dpl(attr);
	*visible = x86_attr_is_conforming(attr) || (dpl >= c->cpl && dpl >= (selector & 3));
	return X86_OK;
}

/* System descriptors that have access rights to report: all types that exist in the mode, bit n
 * for type n, except the gates of interrupts and traps (SDM vol. 2, LAR). */
static bool lar_knows(const struct x86_cpu *c, uint16_t attr)
{
	unsigned legacy = 1 << X86_SYS_TSS16 | 1 << X86_SYS_TSS16_BUSY | 1 << X86_SYS_CALL_GATE16 |
			  1 << X86_SYS_TASK_GATE;
	unsigned types = 1 << X86_SYS_LDT | 1 << X86_SYS_TSS | 1 << X86_SYS_TSS_BUSY |
			 1 << X86_SYS_CALL_GATE | (c->long_mode ? 0 : legacy);

	return attr & X86_SEG_S || types >> (attr & X86_SEG_TYPE) & 1;
}

/* Gates have no limit. */
static bool lsl_knows(const struct x86_cpu *c, uint16_t attr)
{
	unsigned gates = 1 << X86_SYS_CALL_GATE16 | 1 << X86_SYS_TASK_GATE | 1 << X86_SYS_CALL_GATE;

	return lar_knows(c, attr) && (attr & X86_SEG_S || !(gates >> (attr & X86_SEG_TYPE) & 1));
}

/* Like the CPUs, gives limit bits 19:16 too, which the manual leaves undefined. */
enum x86_status exec_lar(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_descriptor d;
	bool visible;

	X86_TRY(examine(c, i, 1, &d, &visible));
	visible = visible && lar_knows(c, x86_descriptor_attr(&d));
	if (visible)
		gpr_write(c, i->opr[0].reg, i->opsize, d.low >> 32 & 0x00ffff00);
	set_zf(c, visible);
	return X86_OK;
}

enum x86_status exec_lsl(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_descriptor d;
	bool visible;

	X86_TRY(examine(c, i, 1, &d, &visible));
	visible = visible && lsl_knows(c, x86_descriptor_attr(&d));
	if (visible)
		gpr_write(c, i->opr[0].reg, i->opsize, x86_descriptor_segment(&d).limit);
	set_zf(c, visible);
	return X86_OK;
}

enum x86_status exec_verr(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_descriptor d;
	bool visible;

	X86_TRY(examine(c, i, 0, &d, &visible));
	set_zf(c, visible && x86_attr_is_readable(x86_descriptor_attr(&d)));
	return X86_OK;
}

enum x86_status exec_verw(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_descriptor d;
	bool visible;

	X86_TRY(examine(c, i, 0, &d, &visible));
	set_zf(c, visible && x86_attr_is_writable(x86_descriptor_attr(&d)));
	return X86_OK;
}

enum x86_status exec_arpl(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t to, from;
	bool raise;

	X86_TRY(operand_read(c, i, 0, &to));
	X86_TRY(operand_read(c, i, 1, &from));
	raise = (to & 3) < (from & 3);
	if (raise)
		X86_TRY(operand_write(c, i, 0, (to & ~3ull) | (from & 3)));
	set_zf(c, raise);
	return X86_OK;
}
