/* SPDX-License-Identifier: Apache-2.0 */
/* Moves to, from and between XMM registers. */
#include "core/x86/access.h"
#include "core/x86/exec.h"
#include "core/x86/fpu.h"
#include "core/x86/simd.h"

/* As many bytes as the destination operand has; the rest of an XMM register stays. */
enum x86_status exec_movx(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm v;

	X86_TRY(operand_read_xmm(c, i, 1, &v));
	return operand_write_xmm(c, i, 0, &v);
}

/* The source, zero-extended, becomes the whole register. */
enum x86_status exec_movx_zero(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm v;

	X86_TRY(operand_read_xmm(c, i, 1, &v));
	c->xmm[i->opr[0].reg] = v;
	return X86_OK;
}

enum x86_status exec_movhlps(struct x86_cpu *c, const struct x86_insn *i)
{
	c->xmm[i->opr[0].reg].u64[0] = c->xmm[i->opr[1].reg].u64[1];
	return X86_OK;
}

/* MOVLHPS, and MOVHPS and MOVHPD from memory. */
enum x86_status exec_movhps_load(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm v;

	X86_TRY(operand_read_xmm(c, i, 1, &v));
	c->xmm[i->opr[0].reg].u64[1] = v.u64[0];
	return X86_OK;
}

enum x86_status exec_movhps_store(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm v = {.u64 = {c->xmm[i->opr[1].reg].u64[1], 0}};

	return operand_write_xmm(c, i, 0, &v);
}

enum x86_status exec_movsldup(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm v;

	X86_TRY(operand_read_xmm(c, i, 1, &v));
	v.u32[1] = v.u32[0];
	v.u32[3] = v.u32[2];
	c->xmm[i->opr[0].reg] = v;
	return X86_OK;
}

enum x86_status exec_movshdup(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm v;

	X86_TRY(operand_read_xmm(c, i, 1, &v));
	v.u32[0] = v.u32[1];
	v.u32[2] = v.u32[3];
	c->xmm[i->opr[0].reg] = v;
	return X86_OK;
}

enum x86_status exec_movddup(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm v;

	X86_TRY(operand_read_xmm(c, i, 1, &v));
	v.u64[1] = v.u64[0];
	c->xmm[i->opr[0].reg] = v;
	return X86_OK;
}

/* MOVD and MOVQ: 4 or 8 bytes by the operand's size. */
enum x86_status exec_movd_to_xmm(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read(c, i, 1, &v));
	c->xmm[i->opr[0].reg] = (union x86_xmm){.u64 = {v, 0}};
	return X86_OK;
}

enum x86_status exec_movd_from_xmm(struct x86_cpu *c, const struct x86_insn *i)
{
	return operand_write(c, i, 0, c->xmm[i->opr[1].reg].u64[0]);
}

#define EXEC_MASK(name, insn)                                                                  \
	enum x86_status name(struct x86_cpu *c, const struct x86_insn *i)                      \
	{                                                                                      \
		uint32_t mask;                                                                 \
                                                                                               \
		__asm__(insn " %1, %0" : "=r"(mask) : "x"(*simd_arg(&c->xmm[i->opr[1].reg]))); \
		return operand_write(c, i, 0, mask);                                           \
	}
EXEC_MASK(exec_movmskps, "movmskps")
EXEC_MASK(exec_movmskpd, "movmskpd")
EXEC_MASK(exec_pmovmskb, "pmovmskb")

/* Stores the bytes of v whose mask byte has its top bit set.  All of them are checked before the
 * first is written; bytes that are not selected are not accessed, and cannot fault. */
static enum x86_status store_masked(struct x86_cpu *c, const struct x86_insn *i, const uint8_t *v,
				    const uint8_t *mask, unsigned size_bytes, bool write)
{
	for (unsigned from = 0, to; from < size_bytes; from = to + 1) {
		uint64_t offset = alu_truncate(i->adsize, c->r[X86_RDI] + from);

		for (to = from; to < size_bytes && mask[to] & 0x80; to++)
			;
		if (to == from)
			continue;
		if (write)
			X86_TRY(x86_store(c, i->seg, offset, v + from, to - from));
		else
			X86_TRY(x86_probe(c, i->seg, offset, to - from, X86_ACCESS_WRITE));
	}
	return X86_OK;
}

enum x86_status exec_maskmovdqu(struct x86_cpu *c, const struct x86_insn *i)
{
	const uint8_t *v = c->xmm[i->opr[0].reg].u8;
	const uint8_t *mask = c->xmm[i->opr[1].reg].u8;

	X86_TRY(store_masked(c, i, v, mask, 16, false));
	return store_masked(c, i, v, mask, 16, true);
}

enum x86_status exec_maskmovq(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v, mask;

	X86_TRY(operand_read_mmx(c, i, 0, &v));
	X86_TRY(operand_read_mmx(c, i, 1, &mask));
	X86_TRY(store_masked(c, i, (uint8_t *)&v, (uint8_t *)&mask, 8, false));
	X86_TRY(store_masked(c, i, (uint8_t *)&v, (uint8_t *)&mask, 8, true));
	fpu_mmx_enter(c);
	return X86_OK;
}
