/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing the operands of a decoded instruction. */
#ifndef CORE_X86_OPERAND_H
#define CORE_X86_OPERAND_H

#include "core/x86/access.h"
#include "core/x86/alu.h"

/* The offset of the memory operand within insn.seg, truncated to the address size. */
static inline uint64_t operand_offset(const struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t a = i->base == X86_REG_RIP ? c->rip + i->len : c->r[i->base];

	a += (c->r[i->index] << i->scale) + (uint64_t)i->disp;
	return alu_truncate(i->adsize, a);
}

static inline uint64_t gpr_read(const struct x86_cpu *c, unsigned reg, unsigned size_bytes)
{
	return alu_truncate(size_bytes, c->r[reg]);
}

/* 4-byte writes clear the upper half; 1- and 2-byte writes keep it (SDM vol. 1 3.4.1.1). */
static inline void gpr_write(struct x86_cpu *c, unsigned reg, unsigned size_bytes, uint64_t v)
{
	switch (size_bytes) {
	case 1: c->r[reg] = (c->r[reg] & ~0xffull) | (v & 0xff); break;
	case 2: c->r[reg] = (c->r[reg] & ~0xffffull) | (v & 0xffff); break;
	case 4: c->r[reg] = (uint32_t)v; break;
	default: c->r[reg] = v;
	}
}

/* The kinds that the inline functions below leave over.  An operand of a kind that cannot be read
 * or written in this way (a mistake in the table) raises #UD. */
enum x86_status operand_read_other(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				   uint64_t *v);
enum x86_status operand_read_rmw_other(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				       uint64_t *v);
enum x86_status operand_write_other(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				    uint64_t v);

/* Operand n (0..3): general and segment registers, immediates, memory of 1, 2, 4 or 8 bytes.
 * Values are zero-extended; immediates come as decoded. */
static inline enum x86_status operand_read(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
					   uint64_t *v)
{
	const struct x86_operand *o = &i->opr[n];

	if (o->kind != X86_OPR_GPR)
		return operand_read_other(c, i, n, v);
	*v = gpr_read(c, o->reg, o->size_bytes);
	return X86_OK;
}

/* As operand_read, for an operand that will be written back: a memory operand faults as the write
 * would, so that operand_write cannot fail after it except for X86_EXIT. */
static inline enum x86_status operand_read_rmw(struct x86_cpu *c, const struct x86_insn *i,
					       unsigned n, uint64_t *v)
{
	const struct x86_operand *o = &i->opr[n];

	if (o->kind != X86_OPR_GPR)
		return operand_read_rmw_other(c, i, n, v);
	*v = gpr_read(c, o->reg, o->size_bytes);
	return X86_OK;
}

/* General registers and memory; bits of v beyond the operand's size are ignored. */
static inline enum x86_status operand_write(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
					    uint64_t v)
{
	const struct x86_operand *o = &i->opr[n];

	if (o->kind != X86_OPR_GPR)
		return operand_write_other(c, i, n, v);
	gpr_write(c, o->reg, o->size_bytes, v);
	return X86_OK;
}

/* #GP(0) unless the memory operand at offset is aligned to 16 bytes: before all other faults of
 * the operand, #SS and #AC included. */
enum x86_status operand_check_aligned(struct x86_cpu *c, const struct x86_insn *i, uint64_t offset);

/* XMM register or memory operand n, as many bytes as the operand has; bytes beyond are zero.
 * 16-byte memory must be aligned (#GP) unless the row says A_UNALIGNED. */
enum x86_status operand_read_xmm(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				 union x86_xmm *v);
/* A register operand is replaced whole by size_bytes bytes of v, the rest of it kept. */
enum x86_status operand_write_xmm(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				  const union x86_xmm *v);

/* MMX register or memory operand n (8 or 4 bytes, zero-extended).  Writing an MMX register sets
 * its exponent to all ones; the instruction as a whole must call fpu_mmx_enter() (fpu.h). */
enum x86_status operand_read_mmx(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				 uint64_t *v);
enum x86_status operand_write_mmx(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				  uint64_t v);

/* True when operand n is a memory operand. */
static inline bool operand_is_mem(const struct x86_insn *i, unsigned n)
{
	return i->opr[n].kind == X86_OPR_MEM;
}

#endif
