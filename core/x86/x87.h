/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the exec_x87_*.c files share: the register stack, the pointers to the last instruction,
 * and the responses to exceptions (SDM vol. 1 8.1 to 8.5).
 *
 * The order inside an exec function: memory operand, x87_note(), stack faults, the operation,
 * x87_report(), result.  Where the manuals leave C0, C2 and C3 undefined they stay as they are.
 */
#ifndef CORE_X86_X87_H
#define CORE_X86_X87_H

#include "core/x86/exec.h"
#include "core/x86/fpu.h"
#include "core/x86/host_x87.h"

#define X87_CONDITIONS	  (FSW_C0 | FSW_C2 | FSW_C3)
#define X87_BEFORE_RESULT (FSW_IE | FSW_DE | FSW_ZE) /* unmasked, they leave no result */
#define X87_BEFORE_STORE  (X87_BEFORE_RESULT | FSW_OE | FSW_UE)

/* What a masked invalid operation delivers. */
static inline struct x86_f80 x87_indefinite(void)
{
	return (struct x86_f80){0xc000000000000000, 0xffff};
}

static inline unsigned x87_register(const struct x86_cpu *c, unsigned st)
{
	return (fpu_top(c) + st) & 7;
}

static inline struct x86_f80 x87_st(const struct x86_cpu *c, unsigned st)
{
	return c->fpu.reg[x87_register(c, st)];
}

static inline bool x87_empty(const struct x86_cpu *c, unsigned st)
{
	return !(c->fpu.in_use >> x87_register(c, st) & 1);
}

static inline void x87_set_st(struct x86_cpu *c, unsigned st, struct x86_f80 v)
{
	unsigned n = x87_register(c, st);

	c->fpu.reg[n].mantissa = v.mantissa;
	c->fpu.reg[n].sign_exponent = v.sign_exponent;
	c->fpu.in_use |= (uint8_t)(1u << n);
}

static inline void x87_free(struct x86_cpu *c, unsigned st)
{
	c->fpu.in_use &= (uint8_t) ~(1u << x87_register(c, st));
}

static inline void x87_set_top(struct x86_cpu *c, unsigned top)
{
	c->fpu.status = (uint16_t)((c->fpu.status & ~FSW_TOP) | (top & 7) << 11);
}

static inline void x87_pop(struct x86_cpu *c)
{
	x87_free(c, 0);
	x87_set_top(c, fpu_top(c) + 1);
}

static inline void x87_push(struct x86_cpu *c, struct x86_f80 v)
{
	x87_set_top(c, fpu_top(c) - 1);
	x87_set_st(c, 0, v);
}

/* Replaces the conditions in mask by those of a status word. */
static inline void x87_set_conditions(struct x86_cpu *c, unsigned mask, unsigned status)
{
	c->fpu.status = (uint16_t)((c->fpu.status & ~mask) | (status & mask));
}

/* Records address and opcode of this non-control instruction, and with memory set the address of
 * its operand.  To be called when nothing can fail any more: the pointers follow every such
 * instruction, whether or not it raises an exception. */
void x87_note(struct x86_cpu *c, const struct x86_insn *i, bool memory);

/* A stack fault: IE and SF, C1 set for overflow and clear for underflow.  True when masked: the
 * caller delivers the indefinite value; else it leaves registers, TOP and memory alone. */
bool x87_stack_fault(struct x86_cpu *c, bool overflow);

/* Takes over exception flags and C1 of a status word.  True unless an unmasked exception of those
 * in forbidding (X87_BEFORE_RESULT, X87_BEFORE_STORE) withholds the result. */
bool x87_report(struct x86_cpu *c, unsigned status, unsigned forbidding);

/* The control word for a borrowed operation: the reserved precision 01 means 11, as on processors. */
static inline uint16_t x87_host_control(const struct x86_cpu *c)
{
	uint16_t control = c->fpu.control;

	return (control & FCW_PC) == FCW_PC_RESERVED ? control | FCW_PC : control;
}

/* Runs fn under the guest's control word and reports; h holds operands and results. */
bool x87_run(struct x86_cpu *c, host_x87_fn fn, struct host_x87 *h);

#endif
