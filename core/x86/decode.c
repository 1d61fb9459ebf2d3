/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/decode.h"

#include "core/x86/vcpu_state.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* Where an operand comes from. */
enum source {
	S_NONE,
	S_RM,	/* ModRM.rm: general register or memory */
	S_RMR,	/* ModRM.rm: general register, whatever mod says */
	S_REG,	/* ModRM.reg: general register */
	S_OPC,	/* low three opcode bits */
	S_FIX,	/* a fixed general register */
	S_MEM,	/* memory only */
	S_IMM,	/* zero-extended */
	S_IMMS, /* sign-extended */
	S_ONE,
	S_REL,
	S_FAR,
	S_OFF, /* absolute memory offset */
	S_SEG,
	S_SEGFIX,
	S_CR,
	S_DR,
	S_MMXREG,
	S_MMXRM,
	S_XMMREG,
	S_XMMRM,
	S_XMM0,
	S_ST0,
	S_STI,
	S_SRC,
	S_DST,
};

/* Operand sizes that are not a number of bytes. */
enum size {
	SZ_V = 0x40, /* operand size */
	SZ_Z,	     /* operand size, at most 4 */
	SZ_Y,	     /* 4, or 8 with REX.W */
	SZ_MODE,     /* 8 in 64-bit mode, else 4 */
	SZ_FAR,	     /* selector and offset */
	SZ_DESC,     /* pseudo-descriptor */
	SZ_PAIR,
	SZ_ENV,
	SZ_SAVE,
	SZ_IMMB, /* one byte in the code, operand size as a value */
	SZ_IMMZ, /* operand size, at most 4, in the code; operand size as a value */
};

/* How each operand code of opcode.h is found. */
static const struct {
	uint8_t source, size, reg;
} operand_codes[O_CODES] = {
	[O_Eb] = {S_RM, 1, 0},
	[O_Ew] = {S_RM, 2, 0},
	[O_Ed] = {S_RM, 4, 0},
	[O_Eq] = {S_RM, 8, 0},
	[O_Ev] = {S_RM, SZ_V, 0},
	[O_Ey] = {S_RM, SZ_Y, 0},
	[O_Gb] = {S_REG, 1, 0},
	[O_Gw] = {S_REG, 2, 0},
	[O_Gd] = {S_REG, 4, 0},
	[O_Gq] = {S_REG, 8, 0},
	[O_Gv] = {S_REG, SZ_V, 0},
	[O_Gy] = {S_REG, SZ_Y, 0},
	[O_Rv] = {S_RMR, SZ_V, 0},
	[O_Ry] = {S_RMR, SZ_Y, 0},
	[O_Rm] = {S_RMR, SZ_MODE, 0},
	[O_M] = {S_MEM, 0, 0},
	[O_Mb] = {S_MEM, 1, 0},
	[O_Mw] = {S_MEM, 2, 0},
	[O_Md] = {S_MEM, 4, 0},
	[O_Mq] = {S_MEM, 8, 0},
	[O_Mdq] = {S_MEM, 16, 0},
	[O_Mt] = {S_MEM, 10, 0},
	[O_Mv] = {S_MEM, SZ_V, 0},
	[O_My] = {S_MEM, SZ_Y, 0},
	[O_Mz] = {S_MEM, SZ_Z, 0},
	[O_Mp] = {S_MEM, SZ_FAR, 0},
	[O_Ms] = {S_MEM, SZ_DESC, 0},
	[O_Ma] = {S_MEM, SZ_PAIR, 0},
	[O_Menv] = {S_MEM, SZ_ENV, 0},
	[O_Msave] = {S_MEM, SZ_SAVE, 0},
	[O_Mfx] = {S_MEM, 0, 0},
	[O_Ib] = {S_IMM, 1, 0},
	[O_Ibs] = {S_IMMS, SZ_IMMB, 0},
	[O_Iw] = {S_IMM, 2, 0},
	[O_Iz] = {S_IMMS, SZ_IMMZ, 0},
	[O_Iv] = {S_IMMS, SZ_V, 0},
	[O_I1] = {S_ONE, 1, 0},
	[O_Jb] = {S_REL, SZ_IMMB, 0},
	[O_Jz] = {S_REL, SZ_IMMZ, 0},
	[O_Ap] = {S_FAR, SZ_FAR, 0},
	[O_Ob] = {S_OFF, 1, 0},
	[O_Ov] = {S_OFF, SZ_V, 0},
	[O_Sw] = {S_SEG, 2, 0},
	[O_Cq] = {S_CR, SZ_MODE, 0},
	[O_Dq] = {S_DR, SZ_MODE, 0},
	[O_Zb] = {S_OPC, 1, 0},
	[O_Zw] = {S_OPC, 2, 0},
	[O_Zv] = {S_OPC, SZ_V, 0},
	[O_Zy] = {S_OPC, SZ_Y, 0},
	[O_AL] = {S_FIX, 1, X86_RAX},
	[O_AX] = {S_FIX, 2, X86_RAX},
	[O_eAX] = {S_FIX, SZ_V, X86_RAX},
	[O_eAXz] = {S_FIX, SZ_Z, X86_RAX},
	[O_CL] = {S_FIX, 1, X86_RCX},
	[O_DX] = {S_FIX, 2, X86_RDX},
	[O_rDX] = {S_FIX, SZ_V, X86_RDX},
	[O_ES] = {S_SEGFIX, 2, X86_ES},
	[O_CS] = {S_SEGFIX, 2, X86_CS},
	[O_SS] = {S_SEGFIX, 2, X86_SS},
	[O_DS] = {S_SEGFIX, 2, X86_DS},
	[O_FS] = {S_SEGFIX, 2, X86_FS},
	[O_GS] = {S_SEGFIX, 2, X86_GS},
	[O_Pq] = {S_MMXREG, 8, 0},
	[O_Pd] = {S_MMXREG, 4, 0},
	[O_Qq] = {S_MMXRM, 8, 0},
	[O_Qd] = {S_MMXRM, 4, 0},
	[O_Nq] = {S_MMXRM, 8, 0},
	[O_Vdq] = {S_XMMREG, 16, 0},
	[O_Vq] = {S_XMMREG, 8, 0},
	[O_Vd] = {S_XMMREG, 4, 0},
	[O_Wdq] = {S_XMMRM, 16, 0},
	[O_Wq] = {S_XMMRM, 8, 0},
	[O_Wd] = {S_XMMRM, 4, 0},
	[O_Ww] = {S_XMMRM, 2, 0},
	[O_Udq] = {S_XMMRM, 16, 0},
	[O_Uq] = {S_XMMRM, 8, 0},
	[O_XMM0] = {S_XMM0, 16, 0},
	[O_ST0] = {S_ST0, 10, 0},
	[O_STi] = {S_STI, 10, 0},
	[O_Xb] = {S_SRC, 1, 0},
	[O_Xv] = {S_SRC, SZ_V, 0},
	[O_Xz] = {S_SRC, SZ_Z, 0},
	[O_Yb] = {S_DST, 1, 0},
	[O_Yv] = {S_DST, SZ_V, 0},
	[O_Yz] = {S_DST, SZ_Z, 0},
};

enum rex_bits { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8, REX_PRESENT = 0x40 };

/* One decode in progress. */
struct scan {
	const uint8_t *bytes;
	unsigned n_bytes, pos;
	unsigned code_bytes;
	enum x86_decode_result stopped; /* why a byte could not be had; X86_DECODE_OK so far */
	uint8_t rex, opcode, modrm;
	bool p66, p67, lock, has_seg, imm_taken;
	uint8_t mod, reg, rm; /* ModRM fields, reg and rm without REX */
	struct x86_insn *i;
};

static uint8_t scan_byte(struct scan *s)
{
	if (s->stopped != X86_DECODE_OK)
		return 0;
	if (s->pos == X86_INSN_MAX_BYTES) {
		s->stopped = X86_DECODE_TOO_LONG;
		return 0;
	}
	if (s->pos == s->n_bytes) {
		s->stopped = X86_DECODE_SHORT;
		return 0;
	}
	return s->bytes[s->pos++];
}

static uint64_t scan_number(struct scan *s, unsigned size_bytes)
{
	uint64_t v = 0;

	for (unsigned n = 0; n < size_bytes; n++)
		v |= (uint64_t)scan_byte(s) << (8 * n);
	return v;
}

static int64_t scan_signed(struct scan *s, unsigned size_bytes)
{
	unsigned unused = 64 - 8 * size_bytes;

	return (int64_t)(scan_number(s, size_bytes) << unused) >> unused;
}

static void scan_segment(struct scan *s, enum x86_seg seg)
{
	/* ES CS SS DS overrides are ignored in 64-bit mode (SDM vol. 1 3.3.7.1) */
	if (s->code_bytes == 8 && seg < X86_FS)
		return;
	s->i->seg = (uint8_t)seg;
	s->has_seg = true;
}

/* Takes prefixes and leaves the first opcode byte in s->opcode. */
static void scan_prefixes(struct scan *s)
{
	for (;;) {
		uint8_t b = scan_byte(s);

		switch (b) {
		case 0x26: scan_segment(s, X86_ES); break;
		case 0x2e: scan_segment(s, X86_CS); break;
		case 0x36: scan_segment(s, X86_SS); break;
		case 0x3e: scan_segment(s, X86_DS); break;
		case 0x64: scan_segment(s, X86_FS); break;
		case 0x65: scan_segment(s, X86_GS); break;
		case 0x66: s->p66 = true; break;
		case 0x67: s->p67 = true; break;
		case 0xf0: s->lock = true; break;
		case 0xf2:
		case 0xf3: s->i->rep = b; break;
		default:
			if (s->code_bytes == 8 && (b & 0xf0) == 0x40) {
				s->rex = b; /* counts only if the opcode follows at once */
				continue;
			}
			s->opcode = b;
			return;
		}
		s->rex = 0;
	}
}

static enum x86_map scan_opcode(struct scan *s)
{
	if (s->opcode != 0x0f)
		return X86_MAP_1;
	s->opcode = scan_byte(s);
	if (s->opcode == 0x38) {
		s->opcode = scan_byte(s);
		return X86_MAP_0F38;
	}
	if (s->opcode == 0x3a) {
		s->opcode = scan_byte(s);
		return X86_MAP_0F3A;
	}
	return X86_MAP_0F;
}

static bool prefix_fits(const struct scan *s, enum x86_prefix p)
{
	switch (p) {
	case X86_PFX_ANY: return true;
	case X86_PFX_NONE: return !s->p66 && !s->i->rep;
	case X86_PFX_66: return s->p66 && !s->i->rep;
	case X86_PFX_F3: return s->i->rep == X86_REP_E;
	case X86_PFX_F2: return s->i->rep == X86_REP_NE;
	case X86_PFX_NOREP: return !s->i->rep;
	}
	return false;
}

static bool row_fits(const struct scan *s, const struct x86_opcode *o)
{
	if (o->attr & (s->code_bytes == 8 ? A_NO64 : A_ONLY64))
		return false;
	if (!prefix_fits(s, o->prefix))
		return false;
	if (o->form == X86_FORM_PLAIN)
		return true;
	if ((o->form == X86_FORM_MEM && s->mod == 3) || (o->form == X86_FORM_REG && s->mod != 3))
		return false;
	return (o->ext < 0 || o->ext == s->reg) && (o->rm < 0 || o->rm == s->rm);
}

/* The row that these bytes select, or X86_NO_ROW; takes the ModRM byte if there is one. */
static uint16_t scan_row(struct scan *s, const struct x86_decoder *d, enum x86_map map)
{
	uint16_t row = d->first[map][s->opcode];

	if (row != X86_NO_ROW && x86_opcodes[row].form != X86_FORM_PLAIN) {
		s->modrm = scan_byte(s);
		s->mod = s->modrm >> 6;
		s->reg = s->modrm >> 3 & 7;
		s->rm = s->modrm & 7;
	}
	while (row != X86_NO_ROW && !row_fits(s, &x86_opcodes[row]))
		row = d->next[row];
	return row;
}

static void set_sizes(struct scan *s, const struct x86_opcode *o)
{
	bool p66 = s->p66 && o->prefix != X86_PFX_66;
	struct x86_insn *i = s->i;

	i->adsize = (uint8_t)(s->code_bytes == 8   ? (s->p67 ? 4 : 8)
			      : s->code_bytes == 4 ? (s->p67 ? 2 : 4)
						   : (s->p67 ? 4 : 2));
	if (s->code_bytes != 8)
		i->opsize = (s->code_bytes == 4) != p66 ? 4 : 2;
	else if (o->attr & A_F64 || s->rex & REX_W)
		i->opsize = 8;
	else if (p66)
		i->opsize = 2;
	else
		i->opsize = o->attr & A_D64 ? 8 : 4;
}

static void scan_sib(struct scan *s)
{
	struct x86_insn *i = s->i;
	uint8_t sib = scan_byte(s);
	unsigned index = (sib >> 3 & 7) | (s->rex & REX_X ? 8 : 0);

	if (index != X86_RSP) {
		i->index = (uint8_t)index;
		i->scale = sib >> 6;
	}
	if ((sib & 7) == 5 && s->mod == 0)
		i->disp = scan_signed(s, 4);
	else
		i->base = (uint8_t)((sib & 7) | (s->rex & REX_B ? 8 : 0));
}

static void scan_address16(struct scan *s)
{
	static const uint8_t base[8] = {X86_RBX, X86_RBX, X86_RBP, X86_RBP,
					X86_RSI, X86_RDI, X86_RBP, X86_RBX};
	static const uint8_t index[4] = {X86_RSI, X86_RDI, X86_RSI, X86_RDI};
	struct x86_insn *i = s->i;

	if (s->mod == 0 && s->rm == 6) {
		i->disp = scan_signed(s, 2);
		return;
	}
	i->base = base[s->rm];
	if (s->rm < 4)
		i->index = index[s->rm];
	i->disp = s->mod == 0 ? 0 : scan_signed(s, s->mod == 1 ? 1 : 2);
}

static void scan_address(struct scan *s)
{
	struct x86_insn *i = s->i;

	if (i->adsize == 2) {
		scan_address16(s);
	} else {
		if (s->rm == 4)
			scan_sib(s);
		else if (s->mod == 0 && s->rm == 5) {
			i->disp = scan_signed(s, 4);
			i->base = s->code_bytes == 8 ? X86_REG_RIP : X86_REG_ZERO;
		} else
			i->base = (uint8_t)(s->rm | (s->rex & REX_B ? 8 : 0));
		if (s->mod)
			i->disp = scan_signed(s, s->mod == 1 ? 1 : 4);
	}
	if (!s->has_seg && (i->base == X86_RBP || i->base == X86_RSP))
		i->seg = X86_SS;
}

static unsigned size_of(const struct scan *s, unsigned size)
{
	unsigned opsize = s->i->opsize;

	switch (size) {
	case SZ_V:
	case SZ_IMMB:
	case SZ_IMMZ: return opsize;
	case SZ_Z: return opsize == 2 ? 2 : 4;
	case SZ_Y: return s->rex & REX_W ? 8 : 4;
	case SZ_MODE: return s->code_bytes == 8 ? 8 : 4;
	case SZ_FAR: return 2 + opsize;
	case SZ_DESC: return s->code_bytes == 8 ? 10 : 6;
	case SZ_PAIR: return 2 * opsize;
	case SZ_ENV: return opsize == 2 ? 14 : 28;
	case SZ_SAVE: return opsize == 2 ? 94 : 108;
	default: return size;
	}
}

/* How many bytes of an immediate stand in the code. */
static unsigned imm_bytes(const struct scan *s, unsigned size)
{
	unsigned opsize = s->i->opsize;

	if (size == SZ_IMMB)
		return 1;
	if (size == SZ_IMMZ)
		return opsize == 2 ? 2 : 4;
	return size_of(s, size);
}

static void set_gpr(struct scan *s, struct x86_operand *p, unsigned reg, unsigned rex_bit)
{
	p->kind = X86_OPR_GPR;
	if (p->size_bytes == 1 && !s->rex && reg >= 4) {
		p->kind = X86_OPR_GPR_HIGH;
		p->reg = (uint8_t)(reg - 4);
		return;
	}
	p->reg = (uint8_t)(reg | (s->rex & rex_bit ? 8 : 0));
}

static void set_kind(struct x86_operand *p, enum x86_operand_kind kind, unsigned reg)
{
	p->kind = (uint8_t)kind;
	p->reg = (uint8_t)reg;
}

/* An instruction's second immediate (ENTER's level) goes to disp. */
static void set_imm(struct scan *s, struct x86_operand *p, unsigned size, bool sign)
{
	unsigned n = imm_bytes(s, size);
	int64_t v = sign ? scan_signed(s, n) : (int64_t)scan_number(s, n);

	set_kind(p, X86_OPR_IMM, 0);
	if (s->imm_taken)
		s->i->disp = v;
	else
		s->i->imm = v;
	s->imm_taken = true;
}

/* Register-or-memory operands; false: not one of them. */
static bool set_rm_operand(struct scan *s, struct x86_operand *p, enum source source)
{
	bool mem = s->mod != 3;

	switch (source) {
	case S_RM:
		if (mem)
			break;
		set_gpr(s, p, s->rm, REX_B);
		return true;
	case S_MMXRM:
		if (mem)
			break;
		set_kind(p, X86_OPR_MMX, s->rm);
		return true;
	case S_XMMRM:
		if (mem)
			break;
		set_kind(p, X86_OPR_XMM, s->rm | (s->rex & REX_B ? 8 : 0));
		return true;
	case S_MEM: break;
	default: return false;
	}
	set_kind(p, X86_OPR_MEM, 0);
	return true;
}

/* Operands named by ModRM.reg or fixed; false: no such register (#UD), or not one of them. */
static bool set_reg_operand(struct scan *s, struct x86_operand *p, enum source source)
{
	unsigned reg8 = s->reg | (s->rex & REX_R ? 8 : 0);

	switch (source) {
	case S_SEG: set_kind(p, X86_OPR_SEG, s->reg); return s->reg < X86_LDTR;
	case S_CR:
		set_kind(p, X86_OPR_CR, reg8);
		return reg8 == 0 || (reg8 >= 2 && reg8 <= 4) || reg8 == 8;
	case S_DR: set_kind(p, X86_OPR_DR, reg8); return reg8 < 8;
	case S_MMXREG: set_kind(p, X86_OPR_MMX, s->reg); return true;
	case S_XMMREG: set_kind(p, X86_OPR_XMM, reg8); return true;
	case S_XMM0: set_kind(p, X86_OPR_XMM, 0); return true;
	case S_ST0: set_kind(p, X86_OPR_ST, 0); return true;
	case S_STI: set_kind(p, X86_OPR_ST, s->rm); return true;
	default: return false;
	}
}

static bool set_operand(struct scan *s, struct x86_operand *p, unsigned code)
{
	enum source source = operand_codes[code].source;
	unsigned size = operand_codes[code].size;

	p->size_bytes = (uint8_t)size_of(s, size);
	if (set_rm_operand(s, p, source))
		return true;
	switch (source) {
	case S_RMR: set_gpr(s, p, s->rm, REX_B); break;
	case S_REG: set_gpr(s, p, s->reg, REX_R); break;
	case S_OPC: set_gpr(s, p, s->opcode & 7, REX_B); break;
	case S_FIX: set_kind(p, X86_OPR_GPR, operand_codes[code].reg); break;
	case S_SEGFIX: set_kind(p, X86_OPR_SEG, operand_codes[code].reg); break;
	case S_IMM: set_imm(s, p, size, false); break;
	case S_IMMS: set_imm(s, p, size, true); break;
	case S_ONE:
		set_kind(p, X86_OPR_IMM, 0);
		s->i->imm = 1;
		break;
	case S_REL:
		set_imm(s, p, size, true);
		p->kind = X86_OPR_REL;
		break;
	case S_FAR:
		set_kind(p, X86_OPR_FAR, 0);
		s->i->imm = (int64_t)scan_number(s, s->i->opsize);
		s->i->disp = (int64_t)scan_number(s, 2);
		break;
	case S_OFF:
		set_kind(p, X86_OPR_MEM, 0);
		s->i->disp = (int64_t)scan_number(s, s->i->adsize);
		break;
	case S_SRC: set_kind(p, X86_OPR_SRC, X86_RSI); break;
	case S_DST: set_kind(p, X86_OPR_DST, X86_RDI); break;
	default: return set_reg_operand(s, p, source);
	}
	return true;
}

static bool set_operands(struct scan *s, const struct x86_opcode *o)
{
	struct x86_insn *i = s->i;

	for (unsigned n = 0; n < X86_OPERANDS_MAX && o->opr[n].code != O_none; n++) {
		if (!set_operand(s, &i->opr[n], o->opr[n].code))
			return false;
		i->n_operands = (uint8_t)(n + 1);
	}
	return true;
}

/* MOV to and from control and debug registers ignores mod: there is no memory form. */
static bool row_ignores_mod(const struct x86_opcode *o)
{
	return o->opr[0].code == O_Rm || o->opr[1].code == O_Rm;
}

static enum x86_decode_result scan_rest(struct scan *s, uint16_t row)
{
	const struct x86_opcode *o = &x86_opcodes[row];
	struct x86_insn *i = s->i;
	bool known;

	i->op = row;
	set_sizes(s, o);
	if (row_ignores_mod(o))
		s->mod = 3;
	if (o->form != X86_FORM_PLAIN && s->mod != 3)
		scan_address(s);
	known = set_operands(s, o);
	if (o->map == X86_MAP_1 && (o->opcode & 0xf8) == 0xd8)
		i->imm = (s->opcode & 7) << 8 | s->modrm;
	if (s->stopped != X86_DECODE_OK)
		return s->stopped;
	if (!known || o->attr & A_NEVER)
		return X86_DECODE_UNDEFINED;
	if (s->lock && !(o->attr & A_LOCK && i->opr[0].kind == X86_OPR_MEM))
		return X86_DECODE_UNDEFINED;
	i->bits = (uint8_t)((s->lock ? X86_INSN_LOCK : 0) | (s->rex & REX_W ? X86_INSN_REX_W : 0) |
			    (s->p66 ? X86_INSN_P66 : 0));
	return X86_DECODE_OK;
}

enum x86_decode_result x86_decode(const struct x86_decoder *d, const uint8_t *bytes,
				  unsigned n_bytes, unsigned code_bytes, struct x86_insn *i)
{
	struct scan s = {.bytes = bytes, .n_bytes = n_bytes, .code_bytes = code_bytes, .i = i};
	enum x86_decode_result result;
	enum x86_map map;
	uint16_t row;

	memset(i, 0, sizeof(*i));
	i->seg = X86_DS;
	i->base = i->index = X86_REG_ZERO;
	scan_prefixes(&s);
	map = scan_opcode(&s);
	row = s.stopped == X86_DECODE_OK ? scan_row(&s, d, map) : X86_NO_ROW;
	if (s.stopped != X86_DECODE_OK)
		result = s.stopped;
	else if (row == X86_NO_ROW)
		result = X86_DECODE_UNDEFINED;
	else
		result = scan_rest(&s, row);
	i->len = (uint8_t)s.pos;
	return result;
}

void x86_decoder_init(struct x86_decoder *d)
{
	assert(x86_opcode_count <= sizeof(d->next) / sizeof(d->next[0]));
	memset(d, 0xff, sizeof(*d));
	/* backwards, so that the chain of each opcode keeps the order of the table */
	for (unsigned n = x86_opcode_count; n-- > 0;) {
		const struct x86_opcode *o = &x86_opcodes[n];

		d->next[n] = d->first[o->map][o->opcode];
		d->first[o->map][o->opcode] = (uint16_t)n;
	}
}
