/* SPDX-License-Identifier: Apache-2.0 */
/* Elements of XMM registers rearranged: shuffles, blends, inserts, extracts. */
#include "core/x86/exec.h"
#include "core/x86/simd.h"

/* ---- shuffles by an immediate ---- */

enum x86_status exec_shufps(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	const union x86_xmm old = *d;
	union x86_xmm s;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	d->u32[0] = old.u32[i->imm & 3];
	d->u32[1] = old.u32[i->imm >> 2 & 3];
	d->u32[2] = s.u32[i->imm >> 4 & 3];
	d->u32[3] = s.u32[i->imm >> 6 & 3];
	return X86_OK;
}

enum x86_status exec_shufpd(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	union x86_xmm s;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	d->u64[0] = d->u64[i->imm & 1];
	d->u64[1] = s.u64[i->imm >> 1 & 1];
	return X86_OK;
}

enum x86_status exec_pshufd(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	union x86_xmm s;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	for (unsigned n = 0; n < 4; n++)
		d->u32[n] = s.u32[i->imm >> (2 * n) & 3];
	return X86_OK;
}

/* PSHUFLW and PSHUFHW: four words from `first` on are shuffled, the other four copied. */
static enum x86_status shuffle_words(struct x86_cpu *c, const struct x86_insn *i, unsigned first)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	union x86_xmm s;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	*d = s;
	for (unsigned n = 0; n < 4; n++)
		d->u16[first + n] = s.u16[first + (i->imm >> (2 * n) & 3)];
	return X86_OK;
}

enum x86_status exec_pshuflw(struct x86_cpu *c, const struct x86_insn *i)
{
	return shuffle_words(c, i, 0);
}

enum x86_status exec_pshufhw(struct x86_cpu *c, const struct x86_insn *i)
{
	return shuffle_words(c, i, 4);
}

/* Destination above source, shifted right by bytes; zeros come in from the left. */
enum x86_status exec_palignr(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	const union x86_xmm old = *d;
	unsigned by = (uint8_t)i->imm;
	union x86_xmm s;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	for (unsigned n = 0; n < 16; n++) {
		unsigned from = n + by;

		d->u8[n] = from < 16 ? s.u8[from] : from < 32 ? old.u8[from - 16] : 0;
	}
	return X86_OK;
}

enum x86_status exec_psrldq(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	unsigned by = (uint8_t)i->imm;

	for (unsigned n = 0; n < 16; n++)
		d->u8[n] = n + by < 16 ? d->u8[n + by] : 0;
	return X86_OK;
}

enum x86_status exec_pslldq(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	unsigned by = (uint8_t)i->imm;

	for (unsigned n = 16; n-- > 0;)
		d->u8[n] = n >= by ? d->u8[n - by] : 0;
	return X86_OK;
}

/* ---- blends ---- */

/* Element n comes from the source where bit n of the immediate is set. */
#define EXEC_BLEND(name, part, count)                                            \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		union x86_xmm *d = &c->xmm[i->opr[0].reg];                       \
		union x86_xmm s;                                                 \
                                                                                 \
		X86_TRY(operand_read_xmm(c, i, 1, &s));                          \
		for (unsigned n = 0; n < (count); n++)                           \
			if (i->imm >> n & 1)                                     \
				d->part[n] = s.part[n];                          \
		return X86_OK;                                                   \
	}
EXEC_BLEND(blendps, u32, 4)
EXEC_BLEND(blendpd, u64, 2)
EXEC_BLEND(pblendw, u16, 8)

/* ... where the top bit of element n of XMM0 is set. */
#define EXEC_BLENDV(name)                                                        \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                        \
		union x86_xmm *d = &c->xmm[i->opr[0].reg];                       \
		union x86_xmm s;                                                 \
                                                                                 \
		X86_TRY(operand_read_xmm(c, i, 1, &s));                          \
		__asm__(#name " %%xmm0, %1, %0"                                  \
			: "+x"(*simd_reg(d))                                     \
			: "x"(*simd_reg(&s)), "Yz"(*simd_arg(&c->xmm[0])));      \
		return X86_OK;                                                   \
	}
EXEC_BLENDV(pblendvb)
EXEC_BLENDV(blendvps)
EXEC_BLENDV(blendvpd)

/* ---- single elements ---- */

/* The element's number wraps.  A register destination is zero-extended. */
#define EXEC_EXTRACT(name, part, count)                                                          \
	enum x86_status exec_##name(struct x86_cpu *c, const struct x86_insn *i)                 \
	{                                                                                        \
		return operand_write(c, i, 0, c->xmm[i->opr[1].reg].part[i->imm & ((count)-1)]); \
	}
EXEC_EXTRACT(pextrb, u8, 16)
EXEC_EXTRACT(pextrw, u16, 8)
EXEC_EXTRACT(extractps, u32, 4)

/* PEXTRD and PEXTRQ. */
enum x86_status exec_pextrd(struct x86_cpu *c, const struct x86_insn *i)
{
	const union x86_xmm *s = &c->xmm[i->opr[1].reg];
	bool wide = i->opr[0].size_bytes == 8;

	return operand_write(c, i, 0, wide ? s->u64[i->imm & 1] : s->u32[i->imm & 3]);
}

enum x86_status exec_pinsrb(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read(c, i, 1, &v));
	c->xmm[i->opr[0].reg].u8[i->imm & 15] = (uint8_t)v;
	return X86_OK;
}

enum x86_status exec_pinsrw(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read(c, i, 1, &v));
	c->xmm[i->opr[0].reg].u16[i->imm & 7] = (uint16_t)v;
	return X86_OK;
}

/* PINSRD and PINSRQ. */
enum x86_status exec_pinsrd(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	uint64_t v;

	X86_TRY(operand_read(c, i, 1, &v));
	if (i->opr[1].size_bytes == 8)
		d->u64[i->imm & 1] = v;
	else
		d->u32[i->imm & 3] = (uint32_t)v;
	return X86_OK;
}

/* Immediate: source element (of a register) 7:6, destination element 5:4, elements to clear 3:0. */
enum x86_status exec_insertps(struct x86_cpu *c, const struct x86_insn *i)
{
	union x86_xmm *d = &c->xmm[i->opr[0].reg];
	union x86_xmm s;

	X86_TRY(operand_read_xmm(c, i, 1, &s));
	d->u32[i->imm >> 4 & 3] = s.u32[operand_is_mem(i, 1) ? 0 : i->imm >> 6 & 3];
	for (unsigned n = 0; n < 4; n++)
		if (i->imm >> n & 1)
			d->u32[n] = 0;
	return X86_OK;
}
