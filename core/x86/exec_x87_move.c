/* SPDX-License-Identifier: Apache-2.0 */
/* x87 loads, stores, exchanges and constants (SDM vol. 1 8.3.3, 8.3.4). */
#include "core/x86/x87.h"

#include <string.h>

#define EXEC(name, call)                                                         \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		return call;                                                     \
	}

/* Whether a push would overflow the stack; if so, the response. */
static bool overflows(struct x86_cpu *c)
{
	if (x87_empty(c, 7))
		return false;
	if (x87_stack_fault(c, true))
		x87_push(c, x87_indefinite());
	return true;
}

/* A denormal is loaded even when that is an unmasked exception. */
static enum x86_status load(struct x86_cpu *c, const struct x86_insn *i, host_x87_fn fn,
			    unsigned size_bytes)
{
	struct host_x87 h;

	X86_TRY(x86_load(c, i->seg, operand_offset(c, i), h.memory, size_bytes));
	x87_note(c, i, true);
	if (overflows(c))
		return X86_OK;
	x87_run(c, fn, &h);
	if (!(h.status & ~c->fpu.control & FSW_IE))
		x87_push(c, h.a);
	return X86_OK;
}

EXEC(fld_m32, load(c, i, host_fld_m32, 4))
EXEC(fld_m64, load(c, i, host_fld_m64, 8))
EXEC(fild_m16, load(c, i, host_fild_m16, 2))
EXEC(fild_m32, load(c, i, host_fild_m32, 4))
EXEC(fild_m64, load(c, i, host_fild_m64, 8))

/* Any bit pattern, without a look at it. */
enum x86_status exec_fld_m80(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_f80 v;

	X86_TRY(x86_load(c, i->seg, operand_offset(c, i), &v, 10));
	x87_note(c, i, true);
	if (!overflows(c)) {
		x87_report(c, 0, 0);
		x87_push(c, v);
	}
	return X86_OK;
}

enum x86_status exec_fld(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_f80 v = x87_st(c, i->opr[0].reg);

	x87_note(c, i, false);
	if (x87_empty(c, i->opr[0].reg)) {
		if (x87_stack_fault(c, false))
			x87_push(c, x87_indefinite());
	} else if (!overflows(c)) {
		x87_report(c, 0, 0);
		x87_push(c, v);
	}
	return X86_OK;
}

/* Eighteen decimal digits and a sign.  A digit above nine counts with its value, as if the
 * multiplication by ten did not care. */
static struct x86_f80 from_bcd(const uint8_t bcd[10])
{
	struct x86_f80 v = {0, bcd[9] & 0x80 ? 0x8000 : 0};
	unsigned shift;

	for (unsigned n = 9; n-- > 0;)
		v.mantissa = v.mantissa * 100 + (bcd[n] >> 4) * 10u + (bcd[n] & 15);
	if (v.mantissa) {
		shift = (unsigned)__builtin_clzll(v.mantissa);
		v.mantissa <<= shift;
		v.sign_exponent |= (uint16_t)(16383 + 63 - shift);
	}
	return v;
}

enum x86_status exec_fbld(struct x86_cpu *c, const struct x86_insn *i)
{
	uint8_t bcd[10];

	X86_TRY(x86_load(c, i->seg, operand_offset(c, i), bcd, sizeof(bcd)));
	x87_note(c, i, true);
	if (!overflows(c)) {
		x87_report(c, 0, 0);
		x87_push(c, from_bcd(bcd));
	}
	return X86_OK;
}

/* A store to memory: the operation, then memory, then registers.  invalid is what a masked stack
 * underflow stores. */
static enum x86_status store(struct x86_cpu *c, const struct x86_insn *i, host_x87_fn fn,
			     const void *invalid, unsigned size_bytes, bool pop)
{
	struct host_x87 h = {.status = FSW_IE | FSW_SF, .control = x87_host_control(c)};
	bool done;

	memcpy(h.memory, invalid, size_bytes);
	if (!x87_empty(c, 0)) {
		h.a = x87_st(c, 0);
		fn(&h);
		h.status &= FSW_EXCEPTIONS | FSW_C1;
	}
	done = !(h.status & ~h.control & X87_BEFORE_STORE);
	if (done)
		X86_TRY(x86_store(c, i->seg, operand_offset(c, i), h.memory, size_bytes));
	else /* the operand's own faults come before the operation's */
		X86_TRY(x86_probe(c, i->seg, operand_offset(c, i), size_bytes, X86_ACCESS_WRITE));
	x87_note(c, i, true);
	x87_report(c, h.status, X87_BEFORE_STORE);
	if (done && pop)
		x87_pop(c);
	return X86_OK;
}

/* The indefinite values: quiet NaN, most negative integer, and the one of packed decimals.  The
 * last bytes of indefinite_float and indefinite_integer serve every size. */
static const uint8_t float_32[4] = {0, 0, 0xc0, 0xff}, float_64[8] = {0, 0, 0, 0, 0, 0, 0xf8, 0xff},
		     float_80[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff},
		     integer_16[2] = {0, 0x80}, integer_32[4] = {0, 0, 0, 0x80},
		     integer_64[8] = {0, 0, 0, 0, 0, 0, 0, 0x80},
		     decimal[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff};

static void copy_m80(struct host_x87 *h)
{
	memcpy(h->memory, &h->a, 10);
	h->status = 0;
}

EXEC(fst_m32, store(c, i, host_fst_m32, float_32, 4, false))
EXEC(fst_m64, store(c, i, host_fst_m64, float_64, 8, false))
EXEC(fstp_m32, store(c, i, host_fst_m32, float_32, 4, true))
EXEC(fstp_m64, store(c, i, host_fst_m64, float_64, 8, true))
EXEC(fstp_m80, store(c, i, copy_m80, float_80, 10, true))
EXEC(fist_m16, store(c, i, host_fist_m16, integer_16, 2, false))
EXEC(fist_m32, store(c, i, host_fist_m32, integer_32, 4, false))
EXEC(fistp_m16, store(c, i, host_fist_m16, integer_16, 2, true))
EXEC(fistp_m32, store(c, i, host_fist_m32, integer_32, 4, true))
EXEC(fistp_m64, store(c, i, host_fist_m64, integer_64, 8, true))
EXEC(fisttp_m16, store(c, i, host_fisttp_m16, integer_16, 2, true))
EXEC(fisttp_m32, store(c, i, host_fisttp_m32, integer_32, 4, true))
EXEC(fisttp_m64, store(c, i, host_fisttp_m64, integer_64, 8, true))
EXEC(fbstp, store(c, i, host_fbstp, decimal, 10, true))

static enum x86_status copy_st0(struct x86_cpu *c, const struct x86_insn *i, bool pop)
{
	struct x86_f80 v = x87_st(c, 0);
	bool done = true;

	x87_note(c, i, false);
	if (x87_empty(c, 0)) {
		done = x87_stack_fault(c, false);
		v = x87_indefinite();
	} else {
		x87_report(c, 0, 0);
	}
	if (done) {
		x87_set_st(c, i->opr[0].reg, v);
		if (pop)
			x87_pop(c);
	}
	return X86_OK;
}

EXEC(fst, copy_st0(c, i, false))
EXEC(fstp, copy_st0(c, i, true))

/* D9 D8+i: as FSTP, but of an empty ST0 only the pop is left, and no fault. */
enum x86_status exec_fstpnce(struct x86_cpu *c, const struct x86_insn *i)
{
	x87_note(c, i, false);
	x87_report(c, 0, 0);
	if (!x87_empty(c, 0))
		x87_set_st(c, i->opr[0].reg, x87_st(c, 0));
	x87_pop(c);
	return X86_OK;
}

enum x86_status exec_fxch(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned st = i->opr[0].reg;
	struct x86_f80 a = x87_empty(c, 0) ? x87_indefinite() : x87_st(c, 0);
	struct x86_f80 b = x87_empty(c, st) ? x87_indefinite() : x87_st(c, st);
	bool done = true;

	x87_note(c, i, false);
	if (x87_empty(c, 0) || x87_empty(c, st))
		done = x87_stack_fault(c, false);
	else
		x87_report(c, 0, 0);
	if (done) {
		x87_set_st(c, 0, b);
		x87_set_st(c, st, a);
	}
	return X86_OK;
}

static enum x86_status free_register(struct x86_cpu *c, const struct x86_insn *i, bool pop)
{
	x87_note(c, i, false);
	x87_report(c, 0, 0);
	x87_free(c, i->opr[0].reg);
	if (pop)
		x87_pop(c);
	return X86_OK;
}

EXEC(ffree, free_register(c, i, false))
EXEC(ffreep, free_register(c, i, true))

/* An empty register is an underflow whether or not the condition holds; else C1 stays too. */
static enum x86_status move_if(struct x86_cpu *c, const struct x86_insn *i, bool condition)
{
	unsigned st = i->opr[1].reg;

	x87_note(c, i, false);
	if (x87_empty(c, 0) || x87_empty(c, st)) {
		if (x87_stack_fault(c, false))
			x87_set_st(c, 0, x87_indefinite());
		return X86_OK;
	}
	if (condition)
		x87_set_st(c, 0, x87_st(c, st));
	return X86_OK;
}

EXEC(fcmovb, move_if(c, i, lazy_cf(&c->lazy)))
EXEC(fcmove, move_if(c, i, lazy_zf(&c->lazy)))
EXEC(fcmovbe, move_if(c, i, lazy_cf(&c->lazy) || lazy_zf(&c->lazy)))
EXEC(fcmovu, move_if(c, i, lazy_pf(&c->lazy)))
EXEC(fcmovnb, move_if(c, i, !lazy_cf(&c->lazy)))
EXEC(fcmovne, move_if(c, i, !lazy_zf(&c->lazy)))
EXEC(fcmovnbe, move_if(c, i, !lazy_cf(&c->lazy) && !lazy_zf(&c->lazy)))
EXEC(fcmovnu, move_if(c, i, !lazy_pf(&c->lazy)))

/* The constants are kept longer than a register is and rounded as the control word says; to_nearest
 * tells whether the bits cut off are more than half of the last place.  No flag is raised. */
struct constant {
	struct x86_f80 truncated;
	bool inexact, to_nearest;
};

static enum x86_status load_constant(struct x86_cpu *c, const struct x86_insn *i, struct constant k)
{
	unsigned rounding = c->fpu.control >> FCW_RC_SHIFT & 3;

	x87_note(c, i, false);
	if (overflows(c))
		return X86_OK;
	x87_report(c, 0, 0);
	if (k.inexact && (rounding == 2 || (rounding == 0 && k.to_nearest)))
		k.truncated.mantissa++;
	x87_push(c, k.truncated);
	return X86_OK;
}

#define CONSTANT(name, exponent, mantissa, inexact, to_nearest) \
	EXEC(name,                                              \
	     load_constant(c, i, (struct constant){{mantissa, exponent}, inexact, to_nearest}))
CONSTANT(fldz, 0, 0, false, false)
CONSTANT(fld1, 0x3fff, 0x8000000000000000, false, false)
CONSTANT(fldl2t, 0x4000, 0xd49a784bcd1b8afe, true, false)
CONSTANT(fldl2e, 0x3fff, 0xb8aa3b295c17f0bb, true, true)
CONSTANT(fldpi, 0x4000, 0xc90fdaa22168c234, true, true)
CONSTANT(fldlg2, 0x3ffd, 0x9a209a84fbcff798, true, true)
CONSTANT(fldln2, 0x3ffe, 0xb17217f7d1cf79ab, true, true)
