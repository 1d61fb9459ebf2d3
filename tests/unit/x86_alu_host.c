/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/x86/alu.h against the host CPU: random and awkward operands, every operand size, results and
 * all flags that the manuals define.  What they leave undefined is ours to fix (alu.h) and is not
 * compared, since hosts differ.
 */
#include "core/x86/alu.h"

#include "core/base/seeded.h"

#include "tests/unit/cmocka_all.h"

#define ROUNDS 20000

/* Operands and flags of one operation, before or after. */
struct values {
	uint64_t a, b, count, high; /* rax, rbx, rcx, rdx */
	uint64_t flags;
};

typedef void (*host_fn)(struct values *v);

/* The pushes must not hit the red zone. */
#define HOST(name, insn)                                                            \
	static void host_##name(struct values *v)                                   \
	{                                                                           \
		__asm__ volatile("lea -128(%%rsp), %%rsp; pushq %[f]; popfq; " insn \
				 "; pushfq; popq %[f]; lea 128(%%rsp), %%rsp"       \
				 : "+a"(v->a), "+b"(v->b), "+c"(v->count),          \
				   "+d"(v->high), [f] "+r"(v->flags)                \
				 :                                                  \
				 : "memory", "cc");                                 \
		v->flags &= X86_ARITH;                                              \
	}
#define HOST_3(name, insn, w, l, q) \
	HOST(name##2, insn w) HOST(name##4, insn l) HOST(name##8, insn q)
#define HOST_4(name, insn, b, w, l, q) HOST(name##1, insn b) HOST_3(name, insn, w, l, q)
#define HOST_AB(n)		       HOST_4(n, #n, "b %%bl, %%al", "w %%bx, %%ax", "l %%ebx, %%eax", "q %%rbx, %%rax")
#define HOST_A(n)		       HOST_4(n, #n, "b %%al", "w %%ax", "l %%eax", "q %%rax")
#define HOST_B(n)		       HOST_4(n, #n, "b %%bl", "w %%bx", "l %%ebx", "q %%rbx")
#define HOST_SHIFT(n) \
	HOST_4(n, #n, "b %%cl, %%al", "w %%cl, %%ax", "l %%cl, %%eax", "q %%cl, %%rax")
#define HOST_DOUBLE(n) \
	HOST_3(n, #n, "w %%cl, %%bx, %%ax", "l %%cl, %%ebx, %%eax", "q %%cl, %%rbx, %%rax")
#define HOST_SCAN(n) HOST_3(n, #n, "w %%bx, %%ax", "l %%ebx, %%eax", "q %%rbx, %%rax")

HOST_AB(add)
HOST_AB(adc)
HOST_AB(sub)
HOST_AB(sbb)
HOST_AB(and)
HOST_A(inc)
HOST_A(dec)
HOST_A(neg)
HOST_SHIFT(rol)
HOST_SHIFT(ror)
HOST_SHIFT(rcl)
HOST_SHIFT(rcr)
HOST_SHIFT(shl)
HOST_SHIFT(shr)
HOST_SHIFT(sar)
HOST_DOUBLE(shld)
HOST_DOUBLE(shrd)
HOST_B(mul)
HOST_B(imul)
HOST_B(div)
HOST_B(idiv)
HOST_SCAN(bsf)
HOST_SCAN(bsr)
HOST_SCAN(popcnt)
HOST(bswap4, "bswapl %%eax")
HOST(bswap8, "bswapq %%rax")

/* The same by alu.h: changes v->a, and v->high where there are two results. */
typedef void (*alu_case_fn)(struct x86_lazy_flags *f, unsigned size_bytes, struct values *v);

#define OURS(name, expression)                                                                  \
	static void our_##name(struct x86_lazy_flags *f, unsigned size_bytes, struct values *v) \
	{                                                                                       \
		v->a = expression;                                                              \
	}

OURS(add, alu_add(f, size_bytes, v->a, v->b))
OURS(adc, alu_adc(f, size_bytes, v->a, v->b, lazy_cf(f)))
OURS(sub, alu_sub(f, size_bytes, v->a, v->b))
OURS(sbb, alu_sbb(f, size_bytes, v->a, v->b, lazy_cf(f)))
OURS(and, alu_logic(f, size_bytes, v->a & v->b))
OURS(inc, alu_inc(f, size_bytes, v->a))
OURS(dec, alu_dec(f, size_bytes, v->a))
OURS(neg, alu_neg(f, size_bytes, v->a))
OURS(rol, alu_rol(f, size_bytes, v->a, v->count))
OURS(ror, alu_ror(f, size_bytes, v->a, v->count))
OURS(rcl, alu_rcl(f, size_bytes, v->a, v->count))
OURS(rcr, alu_rcr(f, size_bytes, v->a, v->count))
OURS(shl, alu_shl(f, size_bytes, v->a, v->count))
OURS(shr, alu_shr(f, size_bytes, v->a, v->count))
OURS(sar, alu_sar(f, size_bytes, v->a, v->count))
OURS(shld, alu_shld(f, size_bytes, v->a, v->b, v->count))
OURS(shrd, alu_shrd(f, size_bytes, v->a, v->b, v->count))
OURS(popcnt, alu_popcnt(f, size_bytes, v->b))

/* What the manuals define after a shift or rotate by the masked count n; 0: not even the result. */
typedef uint32_t (*defined_fn)(unsigned size_bytes, unsigned n);

static uint32_t defined_all(unsigned size_bytes, unsigned n)
{
	(void)size_bytes;
	(void)n;
	return X86_ARITH;
}

static uint32_t defined_logic(unsigned size_bytes, unsigned n)
{
	(void)size_bytes;
	(void)n;
	return X86_ARITH & ~X86_AF;
}

static uint32_t defined_rotate(unsigned size_bytes, unsigned n)
{
	(void)size_bytes;
	return n < 2 ? X86_ARITH : X86_ARITH & ~X86_OF_FLAG;
}

static uint32_t defined_sar(unsigned size_bytes, unsigned n)
{
	return n ? defined_rotate(size_bytes, n) & ~X86_AF : X86_ARITH;
}

static uint32_t defined_shift(unsigned size_bytes, unsigned n)
{
	return defined_sar(size_bytes, n) & ~(n >= 8 * size_bytes ? X86_CF : 0);
}

static uint32_t defined_double(unsigned size_bytes, unsigned n)
{
	return n > 8 * size_bytes ? 0 : defined_sar(size_bytes, n);
}

static const struct operation {
	const char *name;
	host_fn host[4]; /* by size: 1, 2, 4, 8 bytes */
	alu_case_fn ours;
	defined_fn defined;
} operations[] = {
#define ROW_4(n, defined)                                                           \
	{                                                                           \
#n, {host_##n##1, host_##n##2, host_##n##4, host_##n##8 }, our_##n, \
		     defined_##defined                                              \
	}
#define ROW_3(n, defined)                                                                      \
	{                                                                                      \
#n, {NULL, host_##n##2, host_##n##4, host_##n##8 }, our_##n, defined_##defined \
	}
	ROW_4(add, all),     ROW_4(adc, all),	 ROW_4(sub, all),    ROW_4(sbb, all),
	ROW_4(and, logic),   ROW_4(inc, all),	 ROW_4(dec, all),    ROW_4(neg, all),
	ROW_4(rol, rotate),  ROW_4(ror, rotate), ROW_4(rcl, rotate), ROW_4(rcr, rotate),
	ROW_4(shl, shift),   ROW_4(shr, shift),	 ROW_4(sar, sar),    ROW_3(shld, double),
	ROW_3(shrd, double), ROW_3(popcnt, all),
};

/* Numbers near the edges of every size as often as any others. */
static uint64_t awkward(struct seeded *s)
{
	uint64_t r = seeded_u64(s);

	switch (seeded_u64(s) % 6) {
	case 0: return r & 0xff;
	case 1: return 1ull << (r & 63);
	case 2: return ~(1ull << (r & 63));
	case 3: return -(r & 7);
	case 4: return (1ull << (8u << r % 3)) - (r >> 2 & 1);
	default: return r;
	}
}

static struct values random_values(struct seeded *s)
{
	return (struct values){
		.a = awkward(s),
		.b = awkward(s),
		.count = seeded_u64(s) & 0xff,
		.high = awkward(s),
		.flags = seeded_u64(s) & X86_ARITH,
	};
}

static void compare(const struct operation *o, unsigned size_bytes, const struct values *in)
{
	uint32_t defined = o->defined(size_bytes, alu_shift_count(size_bytes, in->count));
	struct values host = *in, ours = *in;
	struct x86_lazy_flags f;

	if (!defined)
		return;
	o->host[__builtin_ctz(size_bytes)](&host);
	lazy_set(&f, (uint32_t)in->flags);
	o->ours(&f, size_bytes, &ours);
	if (alu_truncate(size_bytes, host.a) != ours.a || (host.flags ^ lazy_get(&f)) & defined)
		fail_msg("%s of %u bytes: a %lx b %lx count %lx flags %lx: host %lx flags %lx, "
			 "ours %lx flags %x",
			 o->name, size_bytes, in->a, in->b, in->count, in->flags, host.a,
			 host.flags, ours.a, lazy_get(&f));
}

static void operations_agree(void **state)
{
	struct seeded s;

	(void)state;
	seeded_start(&s, 1);
	for (unsigned n = 0; n < sizeof(operations) / sizeof(operations[0]); n++)
		for (unsigned log = 0; log < 4; log++)
			for (unsigned k = 0; operations[n].host[log] && k < ROUNDS; k++) {
				struct values in = random_values(&s);

				compare(&operations[n], 1u << log, &in);
			}
}

/* The double-width operand of a multiplication or division by size_bytes: rDX:rAX, or AX. */
static void get_pair(const struct values *v, unsigned size_bytes, uint64_t *high, uint64_t *low)
{
	*low = alu_truncate(size_bytes, v->a);
	*high = size_bytes == 1 ? v->a >> 8 & 0xff : alu_truncate(size_bytes, v->high);
}

static void products_agree(void **state)
{
	static const host_fn host_mul[4] = {host_mul1, host_mul2, host_mul4, host_mul8};
	static const host_fn host_imul[4] = {host_imul1, host_imul2, host_imul4, host_imul8};
	struct seeded s;

	(void)state;
	seeded_start(&s, 2);
	for (unsigned k = 0; k < 8 * ROUNDS; k++) {
		unsigned log = k % 4, is_signed = k / 4 % 2;
		struct values in = random_values(&s), host = in;
		uint64_t low, high, host_low, host_high;
		struct x86_lazy_flags f;

		(is_signed ? host_imul : host_mul)[log](&host);
		get_pair(&host, 1u << log, &host_high, &host_low);
		lazy_set(&f, (uint32_t)in.flags);
		low = (is_signed ? alu_imul : alu_mul)(&f, 1u << log, in.a, in.b, &high);
		assert_int_equal(low, host_low);
		assert_int_equal(high, host_high);
		assert_int_equal((lazy_get(&f) ^ host.flags) & (X86_CF | X86_OF_FLAG), 0);
	}
}

/* Whether high:low / d fits, by the rule itself. */
static bool quotient_fits(bool is_signed, unsigned size_bytes, uint64_t high, uint64_t low,
			  uint64_t d)
{
	unsigned bits = 8 * size_bytes;
	unsigned __int128 n = (unsigned __int128)high << bits | low;
	__int128 signed_n = (__int128)(n << (128 - 2 * bits)) >> (128 - 2 * bits);
	int64_t signed_d = (int64_t)alu_sign_extend(size_bytes, d);
	__int128 q, most = (__int128)1 << (bits - 1);

	d = alu_truncate(size_bytes, d);
	if (d == 0)
		return false;
	if (!is_signed)
		return n / d >> bits == 0;
	if (signed_d == -1) /* the one quotient that 128 bits cannot hold is far too large */
		return signed_n > -most && signed_n <= most;
	q = signed_n / signed_d;
	return q >= -most && q < most;
}

static void quotients_agree(void **state)
{
	static const host_fn host_div[4] = {host_div1, host_div2, host_div4, host_div8};
	static const host_fn host_idiv[4] = {host_idiv1, host_idiv2, host_idiv4, host_idiv8};
	unsigned fitted[8] = {0};
	struct seeded s;

	(void)state;
	seeded_start(&s, 3);
	for (unsigned k = 0; k < 16 * ROUNDS; k++) {
		unsigned log = k % 4, is_signed = k / 4 % 2, size = 1u << log;
		struct values in = random_values(&s), host = in;
		uint64_t low, high, host_low, host_high;
		struct x86_lazy_flags f;
		bool fits;

		get_pair(&in, size, &high, &low);
		fits = quotient_fits(is_signed, size, high, low, in.b);
		assert_int_equal((is_signed ? alu_idiv : alu_div)(&f, size, &high, &low, in.b),
				 fits);
		if (!fits)
			continue;
		(is_signed ? host_idiv : host_div)[log](&host);
		get_pair(&host, size, &host_high, &host_low);
		assert_int_equal(low, host_low);
		assert_int_equal(high, host_high);
		fitted[k % 8]++;
	}
	for (unsigned n = 0; n < 8; n++)
		assert_true(fitted[n] > ROUNDS / 20);
}

static void scans_agree(void **state)
{
	static const host_fn host_bsf[3] = {host_bsf2, host_bsf4, host_bsf8};
	static const host_fn host_bsr[3] = {host_bsr2, host_bsr4, host_bsr8};
	struct seeded s;

	(void)state;
	seeded_start(&s, 4);
	for (unsigned k = 0; k < 6 * ROUNDS; k++) {
		unsigned size = 2u << k % 3, is_reverse = k / 3 % 2;
		struct values in = random_values(&s), host = in;
		struct x86_lazy_flags f;
		uint64_t number = (is_reverse ? alu_bsr : alu_bsf)(&f, size, in.b);

		(is_reverse ? host_bsr : host_bsf)[k % 3](&host);
		assert_int_equal(lazy_zf(&f), !!(host.flags & X86_ZF));
		if (!lazy_zf(&f))
			assert_int_equal(number, alu_truncate(size, host.a));
	}
}

static void swaps_agree(void **state)
{
	struct seeded s;

	(void)state;
	seeded_start(&s, 5);
	for (unsigned k = 0; k < ROUNDS; k++) {
		struct values in = random_values(&s), host = in;

		host_bswap4(&host);
		assert_int_equal(alu_bswap(4, in.a), host.a);
		host = in;
		host_bswap8(&host);
		assert_int_equal(alu_bswap(8, in.a), host.a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_agree), cmocka_unit_test(products_agree),
		cmocka_unit_test(quotients_agree),  cmocka_unit_test(scans_agree),
		cmocka_unit_test(swaps_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
