/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The meaning of integer arithmetic, once: every exec function and every specialised handler of
 * an engine computes results and flags through these.  size_bytes is a constant wherever speed
 * matters, so that each call folds to a few host instructions.  Operands are taken modulo the
 * size; results are returned zero-extended.
 *
 * Flags that the manuals leave undefined, fixed here for every host.  Each answer is one that some
 * shipping processor gives every time (tests/unit/x86_alu_host.c compares what is defined):
 *   AND OR XOR TEST       AF = 0
 *   shifts by 0           no flag changes
 *   SHL SHR SAR           AF = 1; by more than 1: OF as for a shift by 1 of the last step (SHL: CF
 *                         xor top bit; SHR: top two bits of the result xor; SAR: 0); CF when the
 *                         count reaches past an 8- or 16-bit operand: 0 (SAR: sign)
 *   SHLD SHRD             AF = 1; OF as SHL and SHR; of 16 bits by more than 16: the second operand
 *                         is shifted into itself, CF = 0; SHLD of 16 bits by 16 and more: OF = CF
 *   ROL ROR RCL RCR       by more than 1: OF as for a rotate by 1 of the last step
 *   MUL IMUL              SF ZF AF PF unchanged
 *   DIV IDIV              CF OF unchanged, AF = 1, SF = ZF = PF = 0
 *   BSF BSR               CF OF SF AF = 0, PF of the bit number; of zero: destination unchanged in
 *                         all its 64 bits, PF = 1
 *   BT family             OF SF AF PF unchanged
 *   BSWAP of 16 bits      0
 *   DAA DAS               OF as the addition or subtraction of the correction sets it
 *   AAA AAS               SF ZF PF OF as the 16-bit addition or subtraction of 106H (or 0) to AX
 *   AAM                   CF OF AF = 0
 *   AAD                   CF OF AF as the 8-bit addition of AH times the base to AL
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
	lazy_set_carry(f, cf, true, cf ^ lazy_sf(f));
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
	lazy_set_carry(f, a >> (n - 1) & 1, true, (r >> (bits - 1) ^ r >> (bits - 2)) & 1);
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
	lazy_set_carry(f, s >> (n - 1) & 1, true, false);
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

/* SHLD and SHRD exist for 2, 4 and 8 bytes; b gives the bits that are shifted in. */
static inline uint64_t alu_shld(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
				uint64_t b, uint64_t count)
{
	unsigned bits = 8 * size_bytes, n = alu_shift_count(size_bytes, count);
	bool past = n > bits, cf;
	uint64_t r;

	a = alu_truncate(size_bytes, a);
	b = alu_truncate(size_bytes, b);
	if (n == 0)
		return a;
	if (past)
		a = b, n -= bits;
	r = n == bits ? b : alu_truncate(size_bytes, a << n | b >> (bits - n));
	cf = !past && (a >> (bits - n) & 1);
	alu_set_result(f, size_bytes, r);
	lazy_set_carry(f, cf, true, cf ^ (!past && n < bits && lazy_sf(f)));
	return r;
}

static inline uint64_t alu_shrd(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
				uint64_t b, uint64_t count)
{
	unsigned bits = 8 * size_bytes, n = alu_shift_count(size_bytes, count);
	bool past = n > bits;
	uint64_t r;

	a = alu_truncate(size_bytes, a);
	b = alu_truncate(size_bytes, b);
	if (n == 0)
		return a;
	if (past)
		a = b, n -= bits;
	r = n == bits ? b : alu_truncate(size_bytes, a >> n | b << (bits - n));
	lazy_set_carry(f, !past && (a >> (n - 1) & 1), true,
		       (r >> (bits - 1) ^ r >> (bits - 2)) & 1);
	alu_set_result(f, size_bytes, r);
	return r;
}

/* The product of two operands: returns its low half, and its high half in *high.  CF and OF say
 * that the high half holds more than the extension of the low one. */
static inline uint64_t alu_mul(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t b, uint64_t *high)
{
	unsigned __int128 p =
		(unsigned __int128)alu_truncate(size_bytes, a) * alu_truncate(size_bytes, b);

	*high = (uint64_t)(p >> (8 * size_bytes));
	alu_set_cf_of(f, *high != 0, *high != 0);
	return alu_truncate(size_bytes, (uint64_t)p);
}

static inline uint64_t alu_imul(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
				uint64_t b, uint64_t *high)
{
	__int128 p = (__int128)(int64_t)alu_sign_extend(size_bytes, a) *
		     (int64_t)alu_sign_extend(size_bytes, b);
	bool more = p != (int64_t)alu_sign_extend(size_bytes, (uint64_t)p);

	*high = alu_truncate(size_bytes, (uint64_t)(p >> (8 * size_bytes)));
	alu_set_cf_of(f, more, more);
	return alu_truncate(size_bytes, (uint64_t)p);
}

static inline void alu_set_divided(struct x86_lazy_flags *f)
{
	f->zero = f->sign = 1;
	lazy_set_carry(f, lazy_cf(f), true, lazy_of(f));
}

/* Divides *high:*low by d: quotient to *low, remainder to *high.  False, with nothing changed,
 * when d is zero or the quotient does not fit (#DE). */
static inline bool alu_div(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t *high,
			   uint64_t *low, uint64_t d)
{
	unsigned bits = 8 * size_bytes;
	uint64_t h = alu_truncate(size_bytes, *high), l = alu_truncate(size_bytes, *low);

	d = alu_truncate(size_bytes, d);
	if (h >= d)
		return false;
	if (size_bytes == 8) {
		unsigned __int128 n = (unsigned __int128)h << 64 | l;

		*low = h ? (uint64_t)(n / d) : l / d;
		*high = l - *low * d;
	} else {
		l |= h << bits;
		*low = l / d;
		*high = l % d;
	}
	alu_set_divided(f);
	return true;
}

static inline bool alu_idiv(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t *high,
			    uint64_t *low, uint64_t d)
{
	uint64_t h = alu_sign_extend(size_bytes, *high), l = alu_truncate(size_bytes, *low);
	bool negative = h >> 63, negative_d = alu_sign_extend(size_bytes, d) >> 63;
	uint64_t limit = (1ull << (8 * size_bytes - 1)) - !(negative ^ negative_d);
	struct x86_lazy_flags ignored = *f;

	if (negative) {
		h = ~h + !l;
		l = -l;
	}
	if (negative_d)
		d = -d;
	if (!alu_div(&ignored, size_bytes, &h, &l, d) || l > limit)
		return false;
	*low = alu_truncate(size_bytes, negative ^ negative_d ? -l : l);
	*high = alu_truncate(size_bytes, negative ? -h : h);
	alu_set_divided(f);
	return true;
}

/* The number of the lowest or highest bit that is set.  When there is none, ZF is set and the
 * destination must be left alone. */
static inline uint64_t alu_bsf(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a)
{
	a = alu_truncate(size_bytes, a);
	f->carry = 0;
	f->zero = a;
	f->sign = a ? (uint64_t)__builtin_ctzll(a) : 0;
	return f->sign;
}

static inline uint64_t alu_bsr(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a)
{
	a = alu_truncate(size_bytes, a);
	f->carry = 0;
	f->zero = a;
	f->sign = a ? 63 - (uint64_t)__builtin_clzll(a) : 0;
	return f->sign;
}

static inline uint64_t alu_popcnt(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a)
{
	a = alu_truncate(size_bytes, a);
	f->carry = 0;
	f->zero = a;
	f->sign = 1;
	return (uint64_t)__builtin_popcountll(a);
}

static inline uint64_t alu_bswap(unsigned size_bytes, uint64_t a)
{
	switch (size_bytes) {
	case 8: return __builtin_bswap64(a);
	case 4: return __builtin_bswap32((uint32_t)a);
	default: return 0;
	}
}

/* BT and its kin change CF only. */
static inline void alu_set_cf(struct x86_lazy_flags *f, bool cf)
{
	lazy_set_carry(f, cf, lazy_af(f), lazy_of(f));
}

#endif
