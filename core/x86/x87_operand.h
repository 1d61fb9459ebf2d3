/* SPDX-License-Identifier: Apache-2.0 */
/* What an 80-bit operand is, and the responses that all software operations share. */
#ifndef CORE_X86_X87_OPERAND_H
#define CORE_X86_X87_OPERAND_H

#include "core/x86/fpu.h"
#include "core/x86/host_x87.h"

#define F80_ONE (1ull << 63)

static inline unsigned f80_exponent(struct x86_f80 v)
{
	return v.sign_exponent & 0x7fff;
}

static inline bool f80_negative(struct x86_f80 v)
{
	return v.sign_exponent >> 15;
}

static inline bool f80_is_zero(struct x86_f80 v)
{
	return f80_exponent(v) == 0 && v.mantissa == 0;
}

static inline bool f80_is_infinite(struct x86_f80 v)
{
	return f80_exponent(v) == 0x7fff && v.mantissa == F80_ONE;
}

/* Pseudo-denormals included. */
static inline bool f80_is_denormal(struct x86_f80 v)
{
	return f80_exponent(v) == 0 && v.mantissa != 0;
}

/* A NaN or an unsupported pattern (pseudo-NaN, pseudo-infinity, unnormal). */
static inline bool f80_is_odd(struct x86_f80 v)
{
	if (f80_exponent(v) == 0x7fff)
		return v.mantissa != F80_ONE;
	return f80_exponent(v) != 0 && !(v.mantissa >> 63);
}

static inline struct x86_f80 f80_zero(bool negative)
{
	return (struct x86_f80){0, (uint16_t)(negative << 15)};
}

static inline struct x86_f80 f80_infinity(bool negative)
{
	return (struct x86_f80){F80_ONE, (uint16_t)(negative << 15 | 0x7fff)};
}

/* Responses: each sets flags in h->status and, unless one of them is unmasked, the result. */
static inline void f80_invalid(struct host_x87 *h)
{
	h->status |= FSW_IE;
	if (h->control & FSW_IE)
		h->a = (struct x86_f80){0xc000000000000000, 0xffff};
}

static inline void f80_zero_divide(struct host_x87 *h, bool negative)
{
	h->status |= FSW_ZE;
	if (h->control & FSW_ZE)
		h->a = f80_infinity(negative);
}

/* Flags a denormal operand; false when that is unmasked and there shall be no result. */
static inline bool f80_accept_denormal(struct host_x87 *h)
{
	h->status |= FSW_DE;
	return h->control & FSW_DE;
}

#endif
