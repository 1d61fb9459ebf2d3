/* SPDX-License-Identifier: Apache-2.0 */
/* Bit tests and scans, byte swaps, CRC32, compare-and-exchange (SDM vol. 1 7.3.7, 7.3.1.2).  One
 * host thread runs all vCPUs of a machine, so LOCK asks for nothing more. */
#include "core/x86/cpuid.h"
#include "core/x86/exec.h"
#include "core/x86/fault.h"

#include <string.h>

/* Where the word is that holds the bit, for a memory operand: a register gives a signed bit
 * number that may lie anywhere, an immediate one within the operand (SDM vol. 2, BT). */
static uint64_t bit_word_offset(const struct x86_cpu *c, const struct x86_insn *i, uint64_t bit)
{
	unsigned size = i->opr[0].size_bytes;
	int64_t number = (int64_t)alu_sign_extend(size, bit);
	int64_t words = i->opr[1].kind == X86_OPR_IMM ? 0
						      : number >> (size == 8   ? 6
								   : size == 4 ? 5
									       : 4);

	return alu_truncate(i->adsize, operand_offset(c, i) + (uint64_t)words * size);
}

enum bit_action { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

static inline uint64_t bit_act(enum bit_action action, uint64_t v, uint64_t mask)
{
	switch (action) {
	case BIT_SET: return v | mask;
	case BIT_RESET: return v & ~mask;
	case BIT_COMPLEMENT: return v ^ mask;
	default: return v;
	}
}

static inline __attribute__((always_inline)) enum x86_status bit(struct x86_cpu *c,
								 const struct x86_insn *i,
								 enum bit_action action)
{
	unsigned size = i->opr[0].size_bytes;
	uint64_t v = 0, number, mask, offset = 0;

	X86_TRY(operand_read(c, i, 1, &number));
	mask = 1ull << (number & (8 * size - 1));
	if (operand_is_mem(i, 0)) {
		offset = bit_word_offset(c, i, number);
		X86_TRY(action == BIT_TEST ? x86_load(c, i->seg, offset, &v, size)
					   : x86_load_for_store(c, i->seg, offset, &v, size));
	} else {
		v = gpr_read(c, i->opr[0].reg, size);
	}
	if (action != BIT_TEST) {
		uint64_t changed = bit_act(action, v, mask);

		if (operand_is_mem(i, 0))
			X86_TRY(x86_store(c, i->seg, offset, &changed, size));
		else
			gpr_write(c, i->opr[0].reg, size, changed);
	}
	alu_set_cf(&c->lazy, v & mask);
	return X86_OK;
}

enum x86_status exec_bt(struct x86_cpu *c, const struct x86_insn *i)
{
	return bit(c, i, BIT_TEST);
}

enum x86_status exec_bts(struct x86_cpu *c, const struct x86_insn *i)
{
	return bit(c, i, BIT_SET);
}

enum x86_status exec_btr(struct x86_cpu *c, const struct x86_insn *i)
{
	return bit(c, i, BIT_RESET);
}

enum x86_status exec_btc(struct x86_cpu *c, const struct x86_insn *i)
{
	return bit(c, i, BIT_COMPLEMENT);
}

enum x86_status exec_bsf(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t a, number;

	X86_TRY(operand_read(c, i, 1, &a));
	number = alu_bsf(&c->lazy, i->opr[1].size_bytes, a);
	return lazy_zf(&c->lazy) ? X86_OK : operand_write(c, i, 0, number);
}

enum x86_status exec_bsr(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t a, number;

	X86_TRY(operand_read(c, i, 1, &a));
	number = alu_bsr(&c->lazy, i->opr[1].size_bytes, a);
	return lazy_zf(&c->lazy) ? X86_OK : operand_write(c, i, 0, number);
}

enum x86_status exec_popcnt(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t a;

	X86_TRY(operand_read(c, i, 1, &a));
	return operand_write(c, i, 0, alu_popcnt(&c->lazy, i->opr[1].size_bytes, a));
}

enum x86_status exec_bswap(struct x86_cpu *c, const struct x86_insn *i)
{
	const struct x86_operand *o = &i->opr[0];

	gpr_write(c, o->reg, o->size_bytes, alu_bswap(o->size_bytes, c->r[o->reg]));
	return X86_OK;
}

enum x86_status exec_crc32(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t crc = (uint32_t)c->r[i->opr[0].reg], v;

	X86_TRY(operand_read(c, i, 1, &v));
	switch (i->opr[1].size_bytes) {
	case 1: __asm__("crc32b %b1, %k0" : "+r"(crc) : "q"(v)); break;
	case 2: __asm__("crc32w %w1, %k0" : "+r"(crc) : "r"(v)); break;
	case 4: __asm__("crc32l %k1, %k0" : "+r"(crc) : "r"(v)); break;
	default: __asm__("crc32q %1, %0" : "+r"(crc) : "r"(v));
	}
	c->r[i->opr[0].reg] = (uint32_t)crc;
	return X86_OK;
}

enum x86_status exec_cmpxchg(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_lazy_flags f = c->lazy;
	unsigned size = i->opr[0].size_bytes;
	uint64_t a, b;
	bool equal;

	X86_TRY(operand_read_rmw(c, i, 0, &a));
	X86_TRY(operand_read(c, i, 1, &b));
	alu_sub(&f, size, c->r[X86_RAX], a);
	equal = lazy_zf(&f);
	/* memory is written either way, a register operand only when equal */
	if (equal || operand_is_mem(i, 0))
		X86_TRY(operand_write(c, i, 0, equal ? b : a));
	if (!equal)
		gpr_write(c, X86_RAX, size, a);
	c->lazy = f;
	return X86_OK;
}

enum x86_status exec_xadd(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_lazy_flags f = c->lazy;
	uint64_t a, b, sum;

	X86_TRY(operand_read_rmw(c, i, 0, &a));
	X86_TRY(operand_read(c, i, 1, &b));
	sum = alu_add(&f, i->opr[0].size_bytes, a, b);
	/* the sum stands when both operands are one register */
	if (operand_is_mem(i, 0))
		X86_TRY(operand_write(c, i, 0, sum));
	X86_TRY(operand_write(c, i, 1, a));
	if (!operand_is_mem(i, 0))
		X86_TRY(operand_write(c, i, 0, sum));
	c->lazy = f;
	return X86_OK;
}

static void set_zf(struct x86_cpu *c, bool zf)
{
	uint32_t flags = lazy_get(&c->lazy) & ~X86_ZF;

	lazy_set(&c->lazy, flags | (zf ? X86_ZF : 0));
}

/* Compares the pair at offset with DX:AX of size_bytes each and exchanges it with CX:BX. */
static enum x86_status exchange_pair(struct x86_cpu *c, const struct x86_insn *i, uint64_t offset,
				     unsigned size_bytes)
{
	uint64_t low = 0, high = 0;
	uint8_t pair[16];
	bool equal;

	X86_TRY(x86_load_for_store(c, i->seg, offset, pair, 2 * size_bytes));
	memcpy(&low, pair, size_bytes);
	memcpy(&high, pair + size_bytes, size_bytes);
	equal = low == gpr_read(c, X86_RAX, size_bytes) && high == gpr_read(c, X86_RDX, size_bytes);
	if (equal) {
		memcpy(pair, &c->r[X86_RBX], size_bytes);
		memcpy(pair + size_bytes, &c->r[X86_RCX], size_bytes);
	}
	X86_TRY(x86_store(c, i->seg, offset, pair, 2 * size_bytes));
	if (!equal) {
		gpr_write(c, X86_RAX, size_bytes, low);
		gpr_write(c, X86_RDX, size_bytes, high);
	}
	set_zf(c, equal);
	return X86_OK;
}

enum x86_status exec_cmpxchg8b(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t offset = operand_offset(c, i);

	if (!(i->bits & X86_INSN_REX_W))
		return exchange_pair(c, i, offset, 4);
	if (!x86_has(c, X86_FEAT_CX16))
		return x86_raise(c, X86_UD);
	X86_TRY(operand_check_aligned(c, i, offset));
	return exchange_pair(c, i, offset, 8);
}
