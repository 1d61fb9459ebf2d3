/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MMX (SDM vol. 1 chapter 9).  An operation is the host's own instruction on two of its MMX
 * registers, followed by EMMS, so that no x87 code in this process ever finds them in use.
 *
 * The guest's MMX registers are the mantissas of its x87 registers; every instruction here but
 * EMMS also makes them all valid and the top of stack 0, once nothing can fail any more.
 */
#include "core/x86/exec.h"
#include "core/x86/fpu.h"
#include "core/x86/simd.h"

typedef void (*mmx_op)(uint64_t *d, const uint64_t *s);

#define MMX_OP(name)                                                                         \
	static inline void mmx_##name(uint64_t *d, const uint64_t *s)                        \
	{                                                                                    \
		__asm__("movq %0, %%mm0\n\t" #name " %1, %%mm0\n\tmovq %%mm0, %0\n\temms"    \
			: "+m"(*d)                                                           \
			: "m"(*s)                                                            \
			: "mm0", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", \
			  "st(7)");                                                          \
	}
SIMD_MMX_LIST(MMX_OP)
SIMD_SHIFT_LIST(MMX_OP)

static enum x86_status write_register(struct x86_cpu *c, const struct x86_insn *i, uint64_t v)
{
	fpu_mmx_enter(c);
	return operand_write_mmx(c, i, 0, v);
}

static enum x86_status binary(struct x86_cpu *c, const struct x86_insn *i, mmx_op op)
{
	uint64_t d, s;

	X86_TRY(operand_read_mmx(c, i, 1, &s));
	X86_TRY(operand_read_mmx(c, i, 0, &d));
	op(&d, &s);
	return write_register(c, i, d);
}

static enum x86_status shift(struct x86_cpu *c, const struct x86_insn *i, mmx_op op)
{
	uint64_t d, count = (uint8_t)i->imm;

	if (i->opr[1].kind != X86_OPR_IMM)
		X86_TRY(operand_read_mmx(c, i, 1, &count));
	X86_TRY(operand_read_mmx(c, i, 0, &d));
	op(&d, &count);
	return write_register(c, i, d);
}

#define EXEC_BINARY(name)                                                              \
	enum x86_status exec_##name##_mmx(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                              \
		return binary(c, i, mmx_##name);                                       \
	}
SIMD_MMX_LIST(EXEC_BINARY)

#define EXEC_SHIFT(name)                                                               \
	enum x86_status exec_##name##_mmx(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                              \
		return shift(c, i, mmx_##name);                                        \
	}
SIMD_SHIFT_LIST(EXEC_SHIFT)

/* MOVQ either way, and MOVNTQ. */
enum x86_status exec_movq_mmx(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read_mmx(c, i, 1, &v));
	X86_TRY(operand_write_mmx(c, i, 0, v));
	fpu_mmx_enter(c);
	return X86_OK;
}

/* MOVD and MOVQ: 4 or 8 bytes by the operand's size. */
enum x86_status exec_movd_to_mmx(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read(c, i, 1, &v));
	return write_register(c, i, v);
}

enum x86_status exec_movd_from_mmx(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read_mmx(c, i, 1, &v));
	X86_TRY(operand_write(c, i, 0, v));
	fpu_mmx_enter(c);
	return X86_OK;
}

enum x86_status exec_movq2dq(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read_mmx(c, i, 1, &v));
	c->xmm[i->opr[0].reg] = (union x86_xmm){.u64 = {v, 0}};
	fpu_mmx_enter(c);
	return X86_OK;
}

enum x86_status exec_movdq2q(struct x86_cpu *c, const struct x86_insn *i)
{
	return write_register(c, i, c->xmm[i->opr[1].reg].u64[0]);
}

enum x86_status exec_pmovmskb_mmx(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v, mask = 0;

	X86_TRY(operand_read_mmx(c, i, 1, &v));
	for (unsigned n = 0; n < 8; n++)
		mask |= (v >> (8 * n + 7) & 1) << n;
	fpu_mmx_enter(c);
	return operand_write(c, i, 0, mask);
}

enum x86_status exec_pshufw(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t s, d = 0;

	X86_TRY(operand_read_mmx(c, i, 1, &s));
	for (unsigned n = 0; n < 4; n++)
		d |= (s >> (i->imm >> (2 * n) & 3) * 16 & 0xffff) << (16 * n);
	return write_register(c, i, d);
}

enum x86_status exec_pinsrw_mmx(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned at = (i->imm & 3) * 16;
	uint64_t d, s;

	X86_TRY(operand_read(c, i, 1, &s));
	X86_TRY(operand_read_mmx(c, i, 0, &d));
	d = (d & ~(0xffffull << at)) | (s & 0xffff) << at;
	return write_register(c, i, d);
}

enum x86_status exec_pextrw_mmx(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read_mmx(c, i, 1, &v));
	fpu_mmx_enter(c);
	return operand_write(c, i, 0, v >> (i->imm & 3) * 16 & 0xffff);
}

/* Destination above source, shifted right by bytes; zeros come in from the left. */
enum x86_status exec_palignr_mmx(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned by = (uint8_t)i->imm * 8;
	uint64_t d, s;

	X86_TRY(operand_read_mmx(c, i, 1, &s));
	X86_TRY(operand_read_mmx(c, i, 0, &d));
	if (by >= 128)
		d = 0;
	else if (by >= 64)
		d >>= by - 64;
	else if (by > 0)
		d = s >> by | d << (64 - by);
	else
		d = s;
	return write_register(c, i, d);
}

/* All registers empty (SDM vol. 3A table 12-1). */
enum x86_status exec_emms(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	fpu_mmx_enter(c);
	c->fpu.in_use = 0;
	return X86_OK;
}
