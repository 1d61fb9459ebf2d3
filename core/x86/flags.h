/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The six arithmetic flags, kept lazily.
 *
 * Most flags are overwritten before anyone looks, so an operation stores what the flags can be
 * computed from and no more: its result, sign-extended, and the carry-out of every bit position.
 *
 *   ZF = zero == 0
 *   SF = bit 63 of sign;  PF = even parity of sign's low byte
 *   CF = bit 63 of carry; OF = bit 63 xor bit 62 of carry; AF = bit 3 of carry
 *
 * An operation on fewer than 64 bits stores its carry-outs twice: in place, for AF, and shifted
 * up so that its top bit is bit 63.  zero and sign are the same value after an operation; they
 * are two fields only so that POPF or SAHF can load flags that no result could have.
 */
#ifndef CORE_X86_FLAGS_H
#define CORE_X86_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#define X86_CF	    (1u << 0)
#define X86_FLAG_1  (1u << 1)
#define X86_PF_FLAG (1u << 2)
#define X86_AF	    (1u << 4)
#define X86_ZF	    (1u << 6)
#define X86_SF	    (1u << 7)
#define X86_TF	    (1u << 8)
#define X86_IF	    (1u << 9)
#define X86_DF_FLAG (1u << 10)
#define X86_OF_FLAG (1u << 11)
#define X86_IOPL    (3u << 12)
#define X86_NT	    (1u << 14)
#define X86_RF	    (1u << 16)
#define X86_VM	    (1u << 17)
#define X86_AC_FLAG (1u << 18)
#define X86_VIF	    (1u << 19)
#define X86_VIP	    (1u << 20)
#define X86_ID	    (1u << 21)
/* The six that are kept lazily. */
#define X86_ARITH (X86_CF | X86_PF_FLAG | X86_AF | X86_ZF | X86_SF | X86_OF_FLAG)

struct x86_lazy_flags {
	uint64_t zero;
	uint64_t sign;
	uint64_t carry;
};

static inline bool lazy_cf(const struct x86_lazy_flags *f)
{
	return f->carry >> 63;
}

static inline bool lazy_of(const struct x86_lazy_flags *f)
{
	return (f->carry ^ (f->carry << 1)) >> 63;
}

static inline bool lazy_af(const struct x86_lazy_flags *f)
{
	return f->carry >> 3 & 1;
}

static inline bool lazy_zf(const struct x86_lazy_flags *f)
{
	return f->zero == 0;
}

static inline bool lazy_sf(const struct x86_lazy_flags *f)
{
	return f->sign >> 63;
}

static inline bool lazy_pf(const struct x86_lazy_flags *f)
{
	return !__builtin_parity((unsigned)(f->sign & 0xff));
}

/* The six flags as EFLAGS bits. */
static inline uint32_t lazy_get(const struct x86_lazy_flags *f)
{
	return (lazy_cf(f) ? X86_CF : 0) | (lazy_pf(f) ? X86_PF_FLAG : 0) |
	       (lazy_af(f) ? X86_AF : 0) | (lazy_zf(f) ? X86_ZF : 0) | (lazy_sf(f) ? X86_SF : 0) |
	       (lazy_of(f) ? X86_OF_FLAG : 0);
}

/* Sets CF, AF and OF, leaving the result fields alone. */
static inline void lazy_set_carry(struct x86_lazy_flags *f, bool cf, bool af, bool of)
{
	f->carry = (uint64_t)cf << 63 | (uint64_t)(cf ^ of) << 62 | (uint64_t)af << 3;
}

/* Loads all six from EFLAGS bits; others are ignored. */
static inline void lazy_set(struct x86_lazy_flags *f, uint32_t eflags)
{
	f->zero = !(eflags & X86_ZF);
	f->sign = (uint64_t) !!(eflags & X86_SF) << 63 | !(eflags & X86_PF_FLAG);
	lazy_set_carry(f, eflags & X86_CF, eflags & X86_AF, eflags & X86_OF_FLAG);
}

/* Condition code cc (0..15, the low four bits of Jcc, SETcc, CMOVcc). */
static inline bool lazy_condition(const struct x86_lazy_flags *f, unsigned cc)
{
	bool v;

	switch (cc >> 1) {
	case 0: v = lazy_of(f); break;
	case 1: v = lazy_cf(f); break;
	case 2: v = lazy_zf(f); break;
	case 3: v = (int)lazy_cf(f) | lazy_zf(f); break;
	case 4: v = lazy_sf(f); break;
	case 5: v = lazy_pf(f); break;
	case 6: v = lazy_sf(f) ^ lazy_of(f); break;
	default: v = (int)lazy_zf(f) | (lazy_sf(f) ^ lazy_of(f)); break;
	}
	return v ^ (cc & 1);
}

#endif
