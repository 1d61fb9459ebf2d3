/* SPDX-License-Identifier: Apache-2.0 */
/* x87 operations on ST0, or on ST0 and ST1, that are none of the four basic ones (SDM vol. 1
 * 8.3.5, 8.3.7, 8.3.8). */
#include "core/x86/x87.h"
#include "core/x86/x87_remainder.h"
#include "core/x86/x87_transcendental.h"

#define EXEC(name, call)                                                         \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		return call;                                                     \
	}

static enum x86_status change_sign(struct x86_cpu *c, const struct x86_insn *i, uint16_t and_mask,
				   uint16_t xor_mask)
{
	struct x86_f80 v = x87_st(c, 0);
	bool done = true;

	x87_note(c, i, false);
	if (x87_empty(c, 0)) {
		done = x87_stack_fault(c, false);
		v = x87_indefinite();
	} else {
		x87_report(c, 0, 0);
		v.sign_exponent = (v.sign_exponent & and_mask) ^ xor_mask;
	}
	if (done)
		x87_set_st(c, 0, v);
	return X86_OK;
}

EXEC(fabs, change_sign(c, i, 0x7fff, 0))
EXEC(fchs, change_sign(c, i, 0xffff, 0x8000))

/* ST0 = fn(ST0); the conditions in mask come from fn. */
static enum x86_status unary(struct x86_cpu *c, const struct x86_insn *i, host_x87_fn fn,
			     unsigned mask)
{
	struct host_x87 h = {.a = x87_st(c, 0)};
	bool done;

	x87_note(c, i, false);
	if (x87_empty(c, 0)) {
		done = x87_stack_fault(c, false);
		h.a = x87_indefinite();
	} else {
		done = x87_run(c, fn, &h);
	}
	x87_set_conditions(c, mask, h.status);
	if (done)
		x87_set_st(c, 0, h.a);
	return X86_OK;
}

EXEC(fsqrt, unary(c, i, host_fsqrt, 0))
EXEC(frndint, unary(c, i, host_frndint, 0))
EXEC(f2xm1, unary(c, i, x87_f2xm1, 0))
EXEC(fsin, unary(c, i, x87_fsin, FSW_C2))
EXEC(fcos, unary(c, i, x87_fcos, FSW_C2))

/* fn(ST0, ST1) replaces ST0, or with pop set ST1, after which ST0 is popped.  Of the conditions in
 * mask, C0 and C3 stay when there is no quotient that could set them. */
static enum x86_status binary(struct x86_cpu *c, const struct x86_insn *i, host_x87_fn fn,
			      unsigned mask, bool pop)
{
	struct host_x87 h = {.a = x87_st(c, 0), .b = x87_st(c, 1)};
	bool done;

	h.status = c->fpu.status & (FSW_C0 | FSW_C3);
	x87_note(c, i, false);
	if (x87_empty(c, 0) || x87_empty(c, 1)) {
		done = x87_stack_fault(c, false);
		h.a = x87_indefinite();
	} else {
		done = x87_run(c, fn, &h);
	}
	x87_set_conditions(c, mask, h.status);
	if (done) {
		x87_set_st(c, pop, h.a);
		if (pop)
			x87_pop(c);
	}
	return X86_OK;
}

EXEC(fscale, binary(c, i, host_fscale, 0, false))
EXEC(fprem, binary(c, i, x87_fprem, X87_CONDITIONS, false))
EXEC(fprem1, binary(c, i, x87_fprem1, X87_CONDITIONS, false))
EXEC(fyl2x, binary(c, i, x87_fyl2x, 0, true))
EXEC(fyl2xp1, binary(c, i, x87_fyl2xp1, 0, true))
EXEC(fpatan, binary(c, i, x87_fpatan, 0, true))

/* fn gives two results of ST0: b replaces it and a is pushed, unless C2 says that there are none. */
static enum x86_status split(struct x86_cpu *c, const struct x86_insn *i, host_x87_fn fn,
			     unsigned mask)
{
	struct host_x87 h = {.a = x87_st(c, 0)};
	bool done;

	x87_note(c, i, false);
	if (x87_empty(c, 0) || !x87_empty(c, 7)) {
		done = x87_stack_fault(c, !x87_empty(c, 0));
		h.a = h.b = x87_indefinite();
	} else {
		done = x87_run(c, fn, &h);
	}
	x87_set_conditions(c, mask, h.status);
	if (done && !(h.status & mask & FSW_C2)) {
		x87_set_st(c, 0, h.b);
		x87_push(c, h.a);
	}
	return X86_OK;
}

EXEC(fxtract, split(c, i, host_fxtract, 0))
EXEC(fsincos, split(c, i, x87_fsincos, FSW_C2))
EXEC(fptan, split(c, i, x87_fptan, FSW_C2))
