/* SPDX-License-Identifier: Apache-2.0 */
/* Integer arithmetic and logic (SDM vol. 1 7.3.2, 7.3.4, 7.3.5). */
#include "core/x86/exec.h"
#include "core/x86/fault.h"

typedef uint64_t (*alu_fn)(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a, uint64_t b);

static inline uint64_t alu_adc_cf(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
				  uint64_t b)
{
	return alu_adc(f, size_bytes, a, b, lazy_cf(f));
}

static inline uint64_t alu_sbb_cf(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
				  uint64_t b)
{
	return alu_sbb(f, size_bytes, a, b, lazy_cf(f));
}

static inline uint64_t alu_and(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t b)
{
	return alu_logic(f, size_bytes, a & b);
}

static inline uint64_t alu_or(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a, uint64_t b)
{
	return alu_logic(f, size_bytes, a | b);
}

static inline uint64_t alu_xor(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a,
			       uint64_t b)
{
	return alu_logic(f, size_bytes, a ^ b);
}

/* first = first op second */
static inline __attribute__((always_inline)) enum x86_status modify(struct x86_cpu *c,
								    const struct x86_insn *i,
								    alu_fn op)
{
	struct x86_lazy_flags f = c->lazy;
	uint64_t a, b;

	X86_TRY(operand_read_rmw(c, i, 0, &a));
	X86_TRY(operand_read(c, i, 1, &b));
	X86_TRY(operand_write(c, i, 0, op(&f, i->opr[0].size_bytes, a, b)));
	c->lazy = f;
	return X86_OK;
}

/* flags of first op second */
static inline __attribute__((always_inline)) enum x86_status compare(struct x86_cpu *c,
								     const struct x86_insn *i,
								     alu_fn op)
{
	uint64_t a, b;

	X86_TRY(operand_read(c, i, 0, &a));
	X86_TRY(operand_read(c, i, 1, &b));
	op(&c->lazy, i->opr[0].size_bytes, a, b);
	return X86_OK;
}

enum x86_status exec_add(struct x86_cpu *c, const struct x86_insn *i)
{
	return modify(c, i, alu_add);
}

enum x86_status exec_or(struct x86_cpu *c, const struct x86_insn *i)
{
	return modify(c, i, alu_or);
}

enum x86_status exec_adc(struct x86_cpu *c, const struct x86_insn *i)
{
	return modify(c, i, alu_adc_cf);
}

enum x86_status exec_sbb(struct x86_cpu *c, const struct x86_insn *i)
{
	return modify(c, i, alu_sbb_cf);
}

enum x86_status exec_and(struct x86_cpu *c, const struct x86_insn *i)
{
	return modify(c, i, alu_and);
}

enum x86_status exec_sub(struct x86_cpu *c, const struct x86_insn *i)
{
	return modify(c, i, alu_sub);
}

enum x86_status exec_xor(struct x86_cpu *c, const struct x86_insn *i)
{
	return modify(c, i, alu_xor);
}

enum x86_status exec_cmp(struct x86_cpu *c, const struct x86_insn *i)
{
	return compare(c, i, alu_sub);
}

enum x86_status exec_test(struct x86_cpu *c, const struct x86_insn *i)
{
	return compare(c, i, alu_and);
}

static inline __attribute__((always_inline)) enum x86_status modify_one(
	struct x86_cpu *c, const struct x86_insn *i,
	uint64_t (*op)(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t a))
{
	struct x86_lazy_flags f = c->lazy;
	uint64_t a;

	X86_TRY(operand_read_rmw(c, i, 0, &a));
	X86_TRY(operand_write(c, i, 0, op(&f, i->opr[0].size_bytes, a)));
	c->lazy = f;
	return X86_OK;
}

enum x86_status exec_inc(struct x86_cpu *c, const struct x86_insn *i)
{
	return modify_one(c, i, alu_inc);
}

enum x86_status exec_dec(struct x86_cpu *c, const struct x86_insn *i)
{
	return modify_one(c, i, alu_dec);
}

enum x86_status exec_neg(struct x86_cpu *c, const struct x86_insn *i)
{
	return modify_one(c, i, alu_neg);
}

enum x86_status exec_not(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t a;

	X86_TRY(operand_read_rmw(c, i, 0, &a));
	return operand_write(c, i, 0, ~a);
}

/* ---- sign extension of the accumulator ---- */

enum x86_status exec_cbw(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned size = i->opr[0].size_bytes;

	gpr_write(c, X86_RAX, size, alu_sign_extend(size / 2, c->r[X86_RAX]));
	return X86_OK;
}

enum x86_status exec_cwd(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned size = i->opr[0].size_bytes;
	bool negative = alu_sign_extend(size, c->r[X86_RAX]) >> 63;

	gpr_write(c, X86_RDX, size, negative ? ~0ull : 0);
	return X86_OK;
}

/* ---- multiplication ---- */

enum x86_status exec_mul8(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t b, low, high;

	X86_TRY(operand_read(c, i, 0, &b));
	low = alu_mul(&c->lazy, 1, c->r[X86_RAX], b, &high);
	gpr_write(c, X86_RAX, 2, high << 8 | low);
	return X86_OK;
}

enum x86_status exec_imul8(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t b, low, high;

	X86_TRY(operand_read(c, i, 0, &b));
	low = alu_imul(&c->lazy, 1, c->r[X86_RAX], b, &high);
	gpr_write(c, X86_RAX, 2, high << 8 | low);
	return X86_OK;
}

enum x86_status exec_mul(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned size = i->opr[0].size_bytes;
	uint64_t b, low, high;

	X86_TRY(operand_read(c, i, 0, &b));
	low = alu_mul(&c->lazy, size, c->r[X86_RAX], b, &high);
	gpr_write(c, X86_RAX, size, low);
	gpr_write(c, X86_RDX, size, high);
	return X86_OK;
}

enum x86_status exec_imul1(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned size = i->opr[0].size_bytes;
	uint64_t b, low, high;

	X86_TRY(operand_read(c, i, 0, &b));
	low = alu_imul(&c->lazy, size, c->r[X86_RAX], b, &high);
	gpr_write(c, X86_RAX, size, low);
	gpr_write(c, X86_RDX, size, high);
	return X86_OK;
}

enum x86_status exec_imul2(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t a, b, high;

	X86_TRY(operand_read(c, i, 0, &a));
	X86_TRY(operand_read(c, i, 1, &b));
	return operand_write(c, i, 0, alu_imul(&c->lazy, i->opr[0].size_bytes, a, b, &high));
}

enum x86_status exec_imul3(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t a, b, high;

	X86_TRY(operand_read(c, i, 1, &a));
	X86_TRY(operand_read(c, i, 2, &b));
	return operand_write(c, i, 0, alu_imul(&c->lazy, i->opr[0].size_bytes, a, b, &high));
}

/* ---- division ---- */

typedef bool (*alu_div_fn)(struct x86_lazy_flags *f, unsigned size_bytes, uint64_t *high,
			   uint64_t *low, uint64_t d);

static inline __attribute__((always_inline)) enum x86_status divide8(struct x86_cpu *c,
								     const struct x86_insn *i,
								     alu_div_fn divide)
{
	uint64_t d, low = c->r[X86_RAX] & 0xff, high = c->r[X86_RAX] >> 8 & 0xff;

	X86_TRY(operand_read(c, i, 0, &d));
	if (!divide(&c->lazy, 1, &high, &low, d))
		return x86_raise(c, X86_DE);
	gpr_write(c, X86_RAX, 2, high << 8 | low);
	return X86_OK;
}

static inline __attribute__((always_inline)) enum x86_status divide(struct x86_cpu *c,
								    const struct x86_insn *i,
								    alu_div_fn divide)
{
	unsigned size = i->opr[0].size_bytes;
	uint64_t d, low = c->r[X86_RAX], high = c->r[X86_RDX];

	X86_TRY(operand_read(c, i, 0, &d));
	if (!divide(&c->lazy, size, &high, &low, d))
		return x86_raise(c, X86_DE);
	gpr_write(c, X86_RAX, size, low);
	gpr_write(c, X86_RDX, size, high);
	return X86_OK;
}

enum x86_status exec_div8(struct x86_cpu *c, const struct x86_insn *i)
{
	return divide8(c, i, alu_div);
}

enum x86_status exec_idiv8(struct x86_cpu *c, const struct x86_insn *i)
{
	return divide8(c, i, alu_idiv);
}

enum x86_status exec_div(struct x86_cpu *c, const struct x86_insn *i)
{
	return divide(c, i, alu_div);
}

enum x86_status exec_idiv(struct x86_cpu *c, const struct x86_insn *i)
{
	return divide(c, i, alu_idiv);
}
