/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowing the host's x87 unit for one operation.
 *
 * What IEEE 754 and the SDM define to the bit, the host's own instruction computes: with the
 * guest's control word (precision, rounding, exception masks) on copies of the guest's operands.
 * Stack discipline stays outside: registers are never empty here and never overflow.
 *
 * An x87 exception does not trap where it happens but at the next waiting instruction.  Each
 * function therefore runs its one instruction with the guest's masks, collects the status word
 * and clears it by non-waiting instructions, and leaves the host's unit as it found it: empty,
 * with the host's control word.  So the host also carries out the unmasked responses: after an
 * unmasked invalid, denormal or zero-divide exception a and b are unchanged, after an unmasked
 * overflow or underflow a has the bias-adjusted result, and memory is not stored to.
 */
#ifndef CORE_X86_HOST_X87_H
#define CORE_X86_HOST_X87_H

#include "core/x86/vcpu_state.h"

struct host_x87 {
	struct x86_f80 a, b; /* ST0 and ST1, before and after */
	uint8_t memory[16];  /* the memory operand */
	uint16_t control;    /* the guest's control word */
	uint16_t status;     /* after: exception flags and C0..C3 (TOP means nothing) */
};

typedef void (*host_x87_fn)(struct host_x87 *h);

/* a = a op b; a = a op memory, which is a float of 32 or 64 bits or an integer of 32 or 16. */
#define HOST_X87_ARITHMETIC(name)                   \
	void host_##name(struct host_x87 *h);       \
	void host_##name##_m32(struct host_x87 *h); \
	void host_##name##_m64(struct host_x87 *h); \
	void host_##name##_i32(struct host_x87 *h); \
	void host_##name##_i16(struct host_x87 *h);
HOST_X87_ARITHMETIC(fadd)
HOST_X87_ARITHMETIC(fmul)
HOST_X87_ARITHMETIC(fsub)
HOST_X87_ARITHMETIC(fsubr)
HOST_X87_ARITHMETIC(fdiv)
HOST_X87_ARITHMETIC(fdivr)
/* Compares a with b or memory: the conditions in status. */
HOST_X87_ARITHMETIC(fcom)
#undef HOST_X87_ARITHMETIC
void host_fucom(struct host_x87 *h);
void host_ftst(struct host_x87 *h);

/* a = op a; FSCALE: a = a * 2^b; FXTRACT: b = exponent of a, a = significand of a. */
void host_fsqrt(struct host_x87 *h);
void host_frndint(struct host_x87 *h);
void host_fscale(struct host_x87 *h);
void host_fxtract(struct host_x87 *h);

/* a = memory. */
void host_fld_m32(struct host_x87 *h);
void host_fld_m64(struct host_x87 *h);
void host_fild_m16(struct host_x87 *h);
void host_fild_m32(struct host_x87 *h);
void host_fild_m64(struct host_x87 *h);

/* memory = a, unless an unmasked exception other than precision forbids. */
void host_fst_m32(struct host_x87 *h);
void host_fst_m64(struct host_x87 *h);
void host_fist_m16(struct host_x87 *h);
void host_fist_m32(struct host_x87 *h);
void host_fist_m64(struct host_x87 *h);
void host_fisttp_m16(struct host_x87 *h);
void host_fisttp_m32(struct host_x87 *h);
void host_fisttp_m64(struct host_x87 *h);
void host_fbstp(struct host_x87 *h);

#endif
