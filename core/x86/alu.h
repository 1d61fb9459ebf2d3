/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The meaning of integer arithmetic, once: every exec function and every specialised handler of
 * an engine computes results and flags through these.  size_bytes is a constant wherever speed
 * matters, so that each call folds to a few host instructions.  Operands are taken modulo the
 * size; results are returned zero-extended.
 *
 * Flags that the manuals leave undefined, fixed here for every host:
 *   AND OR XOR TEST       AF = 0
 *   shifts by 0           no flag changes; by more than 1: OF as for a shift by 1 of the last
 *                         step (SHL: CF xor top bit; SHR: top two bits of the result xor; SAR: 0)
 *                         AF = 0; CF when the count reaches past an 8- or 16-bit operand: 0
 *                         (SAR: sign)
 *   ROL ROR RCL RCR       by more than 1: OF as for a rotate by 1 of the last step
 *   MUL IMUL              SF ZF PF from the low half of the product, AF = 0
 *   DIV IDIV              flags unchanged
 *   BSF BSR of zero       destination unchanged; CF OF SF AF = 0, PF of the source
 *   BT family             OF SF AF PF unchanged
 */
#ifndef CORE_X86_ALU_H
#define CORE_X86_ALU_H

#include "core/x86/flags.h"

static inline uint64_t alu_truncate(unsigned size_bytes, uint64_t v)
{
	switch (size_bytes) {
	case 1: return (uint8_t)v;
	case 2: return (uint16_t)v;
	case 4: return (uint32_t)v;
	default: return v;
	}
}

static inline uint64_t alu_sign_extend(unsigned size_bytes, uint64_t v)
{
	switch (size_bytes) {
	case 1: return (uint64_t)(int8_t)v;
	case 2: return (uint64_t)(int16_t)v;
	case 4: return (uint64_t)(int32_t)v;
	default: return v;
	}
}

static inline void alu_set_result(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t r)
{
	f->zero = f->sign = alu_sign_extend(size_bytes, r);
}

/* carry_out: bit n set when bit position n carried (or borrowed). */
static inline void alu_set_carry_out(struct x86_lazy_flags *f, unsigned size_bytes,
				     uint64_t carry_out)
{
	unsigned up = 64 - 8 * size_bytes;

	carry_out = alu_truncate(size_bytes, carry_out);
	f->carry = up ? carry_out << up | carry_out : carry_out;
}

static inline uint64_t alu_adc(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t b, bool carry_in)
{
	uint64_t r = a + b + carry_in;

	alu_set_carry_out(f, size_bytes, (a & b) | ((a | b) & ~r));
	alu_set_result(f, size_bytes, r);
	return alu_truncate(size_bytes, r);
}

static inline uint64_t alu_sbb(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t b, bool borrow_in)
{
	uint64_t r = a - b - borrow_in;

	alu_set_carry_out(f, size_bytes, (~a & b) | ((~a | b) & r));
	alu_set_result(f, size_bytes, r);
	return alu_truncate(size_bytes, r);
}

static inline uint64_t alu_add(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t b)
{
	return alu_adc(f, size_bytes, a, b, false);
}

static inline uint64_t alu_sub(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t b)
{
	return alu_sbb(f, size_bytes, a, b, false);
}

/* Flags of AND, OR, XOR and TEST, given their result. */
static inline uint64_t alu_logic(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t r)
{
	f->carry = 0;
	alu_set_result(f, size_bytes, r);
	return alu_truncate(size_bytes, r);
}

/* INC and DEC leave CF alone. */
static inline uint64_t alu_inc(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a)
{
	uint64_t r = alu_truncate(size_bytes, a + 1);

	lazy_set_carry(f, lazy_cf(f), (r & 0xf) == 0, r == 1ull << (8 * size_bytes - 1));
	alu_set_result(f, size_bytes, r);
	return r;
}

static inline uint64_t alu_dec(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a)
{
	uint64_t r = alu_truncate(size_bytes, a - 1);

	lazy_set_carry(f, lazy_cf(f), (r & 0xf) == 0xf, r == (1ull << (8 * size_bytes - 1)) - 1);
	alu_set_result(f, size_bytes, r);
	return r;
}

static inline uint64_t alu_neg(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a)
{
	return alu_sub(f, size_bytes, 0, a);
}

/* Shift counts are masked to 5 bits, 6 for 64-bit operands, before anything else. */
static inline unsigned alu_shift_count(unsigned size_bytes, uint64_t count)
{
	return count & (size_bytes == 8 ? 63 : 31);
}

static inline uint64_t alu_shl(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t count)
{
	unsigned bits = 8 * size_bytes, n = alu_shift_count(size_bytes, count);
	uint64_t r;
	bool cf;

	a = alu_truncate(size_bytes, a);
	if (n == 0)
		return a;
	cf = n <= bits && (a >> (bits - n) & 1);
	r = alu_truncate(size_bytes, a << n);
	alu_set_result(f, size_bytes, r);
	lazy_set_carry(f, cf, false, cf ^ lazy_sf(f));
	return r;
}

static inline uint64_t alu_shr(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t count)
{
	unsigned bits = 8 * size_bytes, n = alu_shift_count(size_bytes, count);
	uint64_t r;

	a = alu_truncate(size_bytes, a);
	if (n == 0)
		return a;
	r = a >> n;
	lazy_set_carry(f, a >> (n - 1) & 1, false, (r >> (bits - 1) ^ r >> (bits - 2)) & 1);
	alu_set_result(f, size_bytes, r);
	return r;
}

static inline uint64_t alu_sar(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t count)
{
	unsigned n = alu_shift_count(size_bytes, count);
	int64_t s = (int64_t)alu_sign_extend(size_bytes, a);

	if (n == 0)
		return alu_truncate(size_bytes, a);
	lazy_set_carry(f, s >> (n - 1) & 1, false, false);
	alu_set_result(f, size_bytes, (uint64_t)(s >> n));
	return alu_truncate(size_bytes, (uint64_t)(s >> n));
}

/* Rotates change CF and OF only. */
static inline void alu_set_cf_of(struct x86_lazy_flags *f, bool cf, bool of)
{
	lazy_set_carry(f, cf, lazy_af(f), of);
}

static inline uint64_t alu_rol(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t count)
{
	unsigned bits = 8 * size_bytes, n = alu_shift_count(size_bytes, count);
	uint64_t r = alu_truncate(size_bytes, a);

	if (n == 0)
		return r;
	n &= bits - 1;
	if (n)
		r = alu_truncate(size_bytes, r << n | r >> (bits - n));
	alu_set_cf_of(f, r & 1, (r ^ r >> (bits - 1)) & 1);
	return r;
}

static inline uint64_t alu_ror(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t count)
{
	unsigned bits = 8 * size_bytes, n = alu_shift_count(size_bytes, count);
	uint64_t r = alu_truncate(size_bytes, a);

	if (n == 0)
		return r;
	n &= bits - 1;
	if (n)
		r = alu_truncate(size_bytes, r >> n | r << (bits - n));
	alu_set_cf_of(f, r >> (bits - 1) & 1, (r >> (bits - 1) ^ r >> (bits - 2)) & 1);
	return r;
}

/* Rotates through CF work on bits + 1 positions. */
static inline uint64_t alu_rcl(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t count)
{
	unsigned bits = 8 * size_bytes, n = alu_shift_count(size_bytes, count) % (bits + 1);
	uint64_t r = alu_truncate(size_bytes, a);
	bool cf = lazy_cf(f);

	if (alu_shift_count(size_bytes, count) == 0)
		return r;
	for (; n; n--) {
		bool out = r >> (bits - 1) & 1;

		r = alu_truncate(size_bytes, r << 1 | cf);
		cf = out;
	}
	alu_set_cf_of(f, cf, (r >> (bits - 1) & 1) ^ cf);
	return r;
}

static inline uint64_t alu_rcr(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t count)
{
	unsigned bits = 8 * size_bytes, n = alu_shift_count(size_bytes, count) % (bits + 1);
	uint64_t r = alu_truncate(size_bytes, a);
	bool cf = lazy_cf(f);

	if (alu_shift_count(size_bytes, count) == 0)
		return r;
	for (; n; n--) {
		bool out = r & 1;

		r = r >> 1 | (uint64_t)cf << (bits - 1);
		cf = out;
	}
	alu_set_cf_of(f, cf, (r >> (bits - 1) ^ r >> (bits - 2)) & 1);
	return r;
}

#endif
