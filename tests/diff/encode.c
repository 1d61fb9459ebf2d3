/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory operands are aimed: a target in the arena is chosen first, then base, index, scale and
 * displacement are made to hit it, given the initial values of the registers.  An earlier
 * instruction of the sequence may have changed them; then the address is wild and faults, which
 * is a case too.
 */
#include "tests/diff/encode.h"

#include "core/x86/vcpu_state.h"
#include "tests/diff/quirks.h"
#include "tests/diff/values.h"

#include <string.h>

/* One encoding under way. */
struct draft {
	struct encoder *e;
	const struct x86_opcode *o;
	uint32_t quirks;
	uint8_t prefix[12];
	unsigned n_prefixes;
	uint8_t rex;
	bool p66, p67;
	unsigned adsize, opsize;
	int seg;	  /* override, or -1 */
	uint8_t body[24]; /* ModRM and what follows */
	unsigned n_body;
	bool rip_relative; /* the displacement at body[rip_at] counts from the next instruction */
	unsigned rip_at;
	uint64_t rip_target;
};

static bool chance(struct draft *d, unsigned hits, unsigned tries)
{
	return seeded_chance(d->e->rng, hits, tries);
}

static unsigned below(struct draft *d, unsigned bound)
{
	return (unsigned)seeded_below(d->e->rng, bound);
}

uint64_t encode_fill_address(struct encoder *e)
{
	uint64_t at = e->c->code_at + CASE_CODE_BYTES + seeded_below(e->rng, 7000);

	return ARENA_CODE + at % ARENA_CODE_BYTES;
}

static bool has_operand(const struct x86_opcode *o, unsigned code)
{
	for (unsigned n = 0; n < 4; n++)
		if (o->opr[n].code == code)
			return true;
	return false;
}

static bool touches_memory_by_modrm(const struct x86_opcode *o, bool reg_form)
{
	return o->form == X86_FORM_MEM || (o->form == X86_FORM_MODRM && !reg_form);
}

/* ---- prefixes ---- */

static void add_prefix(struct draft *d, uint8_t b)
{
	if (d->n_prefixes < sizeof(d->prefix))
		d->prefix[d->n_prefixes++] = b;
}

static void choose_rep(struct draft *d)
{
	bool string = d->o->attr & A_STRING;

	switch (d->o->prefix) {
	case X86_PFX_F3: add_prefix(d, 0xf3); return;
	case X86_PFX_F2: add_prefix(d, 0xf2); return;
	case X86_PFX_ANY: break;
	default: return;
	}
	if (d->quirks & QUIRK_NO_REP)
		return;
	if (chance(d, string ? 16 : 1, 32))
		add_prefix(d, below(d, 2) ? 0xf3 : 0xf2);
}

static void choose_segment(struct draft *d)
{
	static const uint8_t prefix[6] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
	unsigned seg = below(d, 6);

	d->seg = -1;
	if (!chance(d, 1, 6))
		return;
	add_prefix(d, prefix[seg]);
	if (d->e->c->code_bytes != 8 || seg >= X86_FS)
		d->seg = (int)seg;
}

static void choose_sizes(struct draft *d)
{
	unsigned code_bytes = d->e->c->code_bytes;
	uint8_t p = d->o->prefix;

	if (p == X86_PFX_66)
		add_prefix(d, 0x66);
	else if (p != X86_PFX_NONE && !(code_bytes == 8 && d->quirks & QUIRK_NO_66))
		d->p66 = chance(d, p == X86_PFX_F2 || p == X86_PFX_F3 ? 1 : 3, 16);
	if (d->p66)
		add_prefix(d, 0x66);
	d->p67 = chance(d, 1, 10);
	if (d->p67)
		add_prefix(d, 0x67);
	d->adsize = code_bytes == 8 ? (d->p67 ? 4 : 8) : (code_bytes == 4) != d->p67 ? 4 : 2;
	d->opsize = code_bytes == 8 ? (d->p66 ? 2 : 4) : (code_bytes == 4) != d->p66 ? 4 : 2;
}

static void choose_lock(struct draft *d, bool reg_form)
{
	bool legal = d->o->attr & A_LOCK && !reg_form;

	if (!(d->quirks & QUIRK_NO_LOCK) && chance(d, legal ? 16 : 1, 100))
		add_prefix(d, 0xf0);
}

static void choose_rex(struct draft *d)
{
	if (d->e->c->code_bytes != 8 || !chance(d, 1, 2))
		return;
	d->rex = (uint8_t)(0x40 | below(d, 16));
	if (d->quirks & QUIRK_NO_REX_W)
		d->rex &= (uint8_t)~8u;
	if (d->rex & 8)
		d->opsize = 8;
}

static void shuffle_prefixes(struct draft *d)
{
	if (d->n_prefixes && chance(d, 1, 40))
		add_prefix(d, d->prefix[0]);
	if (d->n_prefixes && chance(d, 1, 100))
		while (d->n_prefixes < sizeof(d->prefix) && chance(d, 9, 10))
			add_prefix(d, d->prefix[0]); /* up to and beyond 15 bytes */
	for (unsigned n = d->n_prefixes; n > 1; n--) {
		unsigned k = below(d, n);
		uint8_t b = d->prefix[k];

		d->prefix[k] = d->prefix[n - 1];
		d->prefix[n - 1] = b;
	}
}

/* ---- memory operands ---- */

static void put(struct draft *d, uint64_t value, unsigned n_bytes)
{
	memcpy(d->body + d->n_body, &value, n_bytes);
	d->n_body += n_bytes;
}

/* Writes bytes into the case's data pages where they lie inside. */
static void poke(struct draft *d, uint64_t target, const void *bytes, unsigned n_bytes)
{
	uint64_t offset = target - (target >= ARENA_HIGH ? ARENA_HIGH : ARENA_DATA);

	if (offset < ARENA_DATA_BYTES && n_bytes <= ARENA_DATA_BYTES - offset)
		memcpy(d->e->c->data + offset, bytes, n_bytes);
}

/* With a 16-bit stack no 64-bit code segment: Linux restores only the low half of RSP for such a
 * stack, and takes the faults that this leads to for an erratum, for ever. */
static uint16_t some_selector(struct draft *d)
{
	static const uint16_t usual[] = {SEL_DATA,   SEL_CODE64, SEL_CODE32, SEL_CODE16,
					 SEL_DATA16, 0,		 3,	     0x10};
	unsigned selector = usual[below(d, 8)];

	if (chance(d, 1, 6))
		selector = below(d, 0x70);
	if (d->e->c->code_bytes == 2 && selector >> 3 == SEL_CODE64 >> 3)
		selector = SEL_CODE32;
	return (uint16_t)selector;
}

/* A far pointer in memory; the selector's place depends on the operand size. */
static void poke_far_pointer(struct draft *d, uint64_t target)
{
	uint64_t offset = encode_fill_address(d->e);
	uint16_t selector = some_selector(d);
	uint8_t bytes[10];

	memcpy(bytes, &offset, 8);
	memcpy(bytes + (d->opsize == 2 ? 2 : 4), &selector, 2);
	poke(d, target, bytes, d->opsize == 2 ? 4 : 6);
}

static void poke_fx_image(struct draft *d, uint64_t target)
{
	struct case_fx fx;

	value_fx(d->e->rng, &fx);
	if (chance(d, 1, 20))
		fx.mxcsr |= 0x40000u << below(d, 4); /* not bit 17, which AMD has */
	poke(d, target, &fx, sizeof(fx));
}

/* FLDENV and FRSTOR: words at 2- or 4-byte steps. */
static void poke_environment(struct draft *d, uint64_t target)
{
	unsigned step = d->opsize == 2 ? 2 : 4;
	struct case_fx fx;
	struct case_f80 f;
	uint16_t tags = (uint16_t)seeded_u64(d->e->rng);

	value_fx(d->e->rng, &fx);
	poke(d, target, &fx.control, 2);
	poke(d, target + step, &fx.status, 2);
	poke(d, target + 2 * step, &tags, 2);
	if (!has_operand(d->o, O_Msave))
		return;
	for (unsigned n = 0; n < 8; n++) {
		f = value_f80(d->e->rng);
		poke(d, target + 7 * step + 10 * n, &f, 10);
	}
}

/* A value that makes something of the instruction, instead of what the data happen to hold. */
static void poke_operand(struct draft *d, uint64_t target)
{
	uint64_t v = 0;
	uint64_t xmm[2];
	struct case_f80 f;

	if (has_operand(d->o, O_Mp)) {
		poke_far_pointer(d, target);
	} else if (has_operand(d->o, O_Sw) || d->o->attr & A_PROT) {
		v = some_selector(d);
		poke(d, target, &v, 2);
	} else if (has_operand(d->o, O_Mfx))
		poke_fx_image(d, target);
	else if (has_operand(d->o, O_Menv) || has_operand(d->o, O_Msave))
		poke_environment(d, target);
	else if (has_operand(d->o, O_Mt) && chance(d, 3, 4)) {
		f = value_f80(d->e->rng);
		poke(d, target, &f, 10);
	} else if (d->o->attr & A_SSE) {
		value_xmm(d->e->rng, xmm);
		if (chance(d, 1, 3))
			poke(d, target, xmm, 16);
	} else if (has_operand(d->o, O_Md) && d->o->attr & A_X87) {
		v = value_f32(d->e->rng);
		poke(d, target, &v, 4);
	} else if (has_operand(d->o, O_Mq) && d->o->attr & A_X87) {
		v = value_f64(d->e->rng);
		poke(d, target, &v, 8);
	} else if (d->o->attr & A_JUMP && chance(d, 3, 4)) {
		v = encode_fill_address(d->e);
		poke(d, target, &v, 8);
	} else if (chance(d, 1, 3)) {
		v = value_integer(d->e->rng);
		poke(d, target, &v, 8);
	}
}

static uint64_t segment_base(const struct draft *d)
{
	const struct case_state *s = &d->e->c->in;

	return d->seg == X86_FS ? s->fs_base : d->seg == X86_GS ? s->gs_base : 0;
}

static uint64_t choose_target(struct draft *d)
{
	bool whole16 = d->o->attr & A_SSE || has_operand(d->o, O_Mfx);
	uint64_t offset;

	if (chance(d, 1, 24))
		return value_pointer(d->e->rng);
	if (chance(d, 1, 64))
		return value_integer(d->e->rng);
	offset = below(d, ARENA_DATA_BYTES - 640);
	if (chance(d, 1, 10))
		offset = ARENA_DATA_BYTES - 1 - below(d, 40); /* into the constants */
	else if (chance(d, 1, 10))
		offset = 4096 - 1 - below(d, 20);
	if (whole16 && chance(d, 9, 10))
		offset &= ~15ull;
	else if (chance(d, 1, 2))
		offset &= ~7ull;
	return (segment_base(d) > UINT32_MAX ? ARENA_HIGH : ARENA_DATA) + offset;
}

static uint64_t truncate_address(const struct draft *d, uint64_t v)
{
	return d->adsize == 8 ? v : d->adsize == 4 ? (uint32_t)v : (uint16_t)v;
}

static void set_modrm(struct draft *d, unsigned mod, unsigned rm)
{
	d->body[0] = (uint8_t)((d->body[0] & 0x38) | mod << 6 | rm);
}

/* Displacement of the smallest or of full size; mod 0 only where base allows it. */
static unsigned put_disp(struct draft *d, int64_t disp, bool may_be_absent, unsigned full)
{
	if (disp == 0 && may_be_absent)
		return 0;
	if (disp == (int8_t)disp && !chance(d, 1, 4)) {
		put(d, (uint64_t)disp, 1);
		return 1;
	}
	put(d, (uint64_t)disp, full);
	return 2;
}

static void aim16(struct draft *d, uint64_t target)
{
	static const uint8_t base[8] = {X86_RBX, X86_RBX, X86_RBP, X86_RBP,
					X86_RSI, X86_RDI, X86_RBP, X86_RBX};
	static const uint8_t index[4] = {X86_RSI, X86_RDI, X86_RSI, X86_RDI};
	const uint64_t *gpr = d->e->c->in.gpr;
	unsigned rm = below(d, 8), mod;
	uint64_t sum = gpr[base[rm]];

	if (rm < 4)
		sum += gpr[index[rm]];
	if (rm == 6 && chance(d, 1, 2)) {
		set_modrm(d, 0, 6);
		put(d, target, 2);
		return;
	}
	mod = put_disp(d, (int16_t)(target - sum), rm != 6, 2);
	set_modrm(d, mod, rm);
}

/* Base, index and scale by ModRM and SIB; false when a displacement cannot reach the target. */
static bool aim_by_registers(struct draft *d, uint64_t target)
{
	const uint64_t *gpr = d->e->c->in.gpr;
	unsigned base = below(d, 8) | (d->rex & 1 ? 8 : 0);
	unsigned index = below(d, 8) | (d->rex & 2 ? 8 : 0);
	unsigned scale = below(d, 4), mod;
	bool sib = chance(d, 1, 2) || (base & 7) == X86_RSP;
	uint64_t sum = gpr[base], disp;

	if (sib && index != X86_RSP)
		sum += gpr[index] << scale;
	disp = target - sum;
	if (d->adsize == 8 && disp != (uint64_t)(int32_t)disp)
		return false;
	if (sib)
		put(d, scale << 6 | (index & 7) << 3 | (base & 7), 1);
	mod = put_disp(d, (int32_t)disp, (base & 7) != X86_RBP, 4);
	set_modrm(d, mod, sib ? 4 : base & 7);
	return true;
}

static void aim_absolute(struct draft *d, uint64_t target)
{
	if (d->e->c->code_bytes == 8 && chance(d, 1, 2)) {
		set_modrm(d, 0, 5);
		d->rip_relative = true;
		d->rip_at = d->n_body;
		d->rip_target = target;
		put(d, 0, 4);
	} else if (d->e->c->code_bytes == 8 || chance(d, 1, 2)) {
		d->rex &= (uint8_t)~2u;
		set_modrm(d, 0, 4);
		put(d, below(d, 4) << 6 | 4 << 3 | 5, 1);
		put(d, target, 4);
	} else {
		set_modrm(d, 0, 5);
		put(d, target, 4);
	}
}

/* A base that already points into the arena, with a short displacement or none. */
static bool aim_nearby(struct draft *d, uint64_t *target)
{
	const uint64_t *gpr = d->e->c->in.gpr;
	unsigned base = below(d, 8) | (d->rex & 1 ? 8 : 0);
	int64_t disp = chance(d, 1, 3) ? 0 : (int8_t)seeded_u64(d->e->rng);
	uint64_t at = gpr[base] + segment_base(d);

	if ((base & 7) == X86_RSP)
		return false;
	if (at - ARENA_DATA >= ARENA_DATA_BYTES && at - ARENA_HIGH >= ARENA_DATA_BYTES)
		return false;
	*target = at + (uint64_t)disp;
	set_modrm(d, put_disp(d, disp, (base & 7) != X86_RBP, 4), base & 7);
	return true;
}

static void choose_memory_operand(struct draft *d)
{
	uint64_t target = choose_target(d), offset;

	if (d->adsize >= 4 && chance(d, 1, 4) && aim_nearby(d, &target)) {
		poke_operand(d, target);
		return;
	}
	offset = truncate_address(d, target - segment_base(d));
	poke_operand(d, target);
	if (d->adsize == 2) {
		aim16(d, offset);
		return;
	}
	for (unsigned tries = 0; tries < 3; tries++)
		if (aim_by_registers(d, offset))
			return;
	aim_absolute(d, offset);
}

/* ---- the rest ---- */

static void choose_modrm(struct draft *d, bool reg_form)
{
	unsigned reg = d->o->ext >= 0 ? (unsigned)d->o->ext : below(d, 8);
	unsigned rm = d->o->rm >= 0 ? (unsigned)d->o->rm : below(d, 8);

	d->body[0] = (uint8_t)(3u << 6 | reg << 3 | rm);
	d->n_body = 1;
	if (!reg_form)
		choose_memory_operand(d);
}

static void put_immediates(struct draft *d)
{
	if (has_operand(d->o, O_Ap)) {
		put(d, encode_fill_address(d->e), d->opsize);
		put(d, some_selector(d), 2);
	} else if (strcmp(d->o->name, "enter") == 0) {
		put(d, chance(d, 3, 4) ? below(d, 64) : below(d, 65536), 2);
		put(d, chance(d, 3, 4) ? below(d, 4) : below(d, 256), 1);
	} else if (strcmp(d->o->name, "int") == 0) {
		unsigned vector = below(d, 256);

		put(d, chance(d, 1, 3) ? below(d, 6) : vector == 0x80 ? 4 : vector, 1);
	} else if (has_operand(d->o, O_Ob) || has_operand(d->o, O_Ov)) {
		uint64_t target = choose_target(d);

		poke_operand(d, target);
		put(d, target - segment_base(d), 8);
	} else if (has_operand(d->o, O_Iw) && d->o->attr & A_JUMP) {
		put(d, chance(d, 3, 4) ? below(d, 64) : below(d, 65536), 2);
	} else {
		put(d, value_integer(d->e->rng), 8);
	}
}

static bool pops_segment(const struct x86_opcode *o)
{
	unsigned code = o->opr[0].code;

	return o->opr[0].access & X86_OPERAND_WRITE && code >= O_ES && code <= O_GS;
}

/* What far returns, IRET and POP to a segment register find on the stack. */
static void prepare_stack(struct draft *d)
{
	const struct case_state *s = &d->e->c->in;
	unsigned size = d->opsize;
	uint64_t frame[5] = {encode_fill_address(d->e), some_selector(d),
			     seeded_u64(d->e->rng) & 0x244dd5, s->gpr[X86_RSP], some_selector(d)};

	if (d->o->form != X86_FORM_PLAIN)
		return;
	if (d->o->opr[0].code == O_SS && chance(d, 3, 4))
		frame[1] = chance(d, 1, 2) ? SEL_DATA : SEL_DATA16;
	if (pops_segment(d->o) && chance(d, 3, 4))
		poke(d, s->gpr[X86_RSP], &frame[1], 2);
	if (!(d->o->attr & A_JUMP))
		return;
	if (chance(d, 3, 4)) {
		frame[1] = s->sel[X86_CS];
		frame[4] = s->sel[X86_SS];
	}
	if (chance(d, 1, 12))
		frame[0] = value_integer(d->e->rng);
	if (d->o->attr & A_F64 && d->e->c->code_bytes == 8)
		size = 8;
	for (unsigned n = 0; n < 5; n++)
		poke(d, s->gpr[X86_RSP] + n * size, &frame[n], size);
}

static void put_opcode(const struct x86_opcode *o, struct encoded *out)
{
	if (o->map != X86_MAP_1)
		out->bytes[out->len++] = 0x0f;
	if (o->map == X86_MAP_0F38)
		out->bytes[out->len++] = 0x38;
	if (o->map == X86_MAP_0F3A)
		out->bytes[out->len++] = 0x3a;
	out->bytes[out->len++] = o->opcode;
}

static void assemble(struct draft *d, struct encoded *out)
{
	unsigned stray_rex = d->n_prefixes && d->e->c->code_bytes == 8 && chance(d, 1, 64);

	out->len = 0;
	for (unsigned n = 0; n < d->n_prefixes; n++) {
		if (stray_rex && n == d->n_prefixes - 1)
			out->bytes[out->len++] = (uint8_t)(0x40 | below(d, 16));
		out->bytes[out->len++] = d->prefix[n];
	}
	if (d->rex)
		out->bytes[out->len++] = d->rex;
	put_opcode(d->o, out);
	d->rip_at += out->len;
	memcpy(out->bytes + out->len, d->body, d->n_body);
	out->len += d->n_body;
}

static bool choose_reg_form(struct draft *d)
{
	if (d->o->form != X86_FORM_MODRM)
		return d->o->form == X86_FORM_REG;
	if (d->quirks & QUIRK_NO_REG)
		return false;
	return d->quirks & QUIRK_NO_MEM || chance(d, 2, 5);
}

void encode(struct encoder *e, unsigned row, uint64_t rip, struct encoded *out)
{
	struct draft d = {.e = e, .o = &x86_opcodes[row], .quirks = e->quirks[row], .seg = -1};
	bool reg_form = choose_reg_form(&d);

	choose_sizes(&d);
	choose_rep(&d);
	choose_segment(&d);
	choose_lock(&d, !touches_memory_by_modrm(d.o, reg_form));
	shuffle_prefixes(&d);
	choose_rex(&d);
	if (d.o->form != X86_FORM_PLAIN)
		choose_modrm(&d, reg_form);
	put_immediates(&d);
	prepare_stack(&d);
	assemble(&d, out);
	out->result = x86_decode(e->decoder, out->bytes, out->len, e->c->code_bytes, &out->insn);
	out->len = out->insn.len;
	if (d.rip_relative) {
		uint64_t disp = d.rip_target - (rip + out->len);

		memcpy(out->bytes + d.rip_at, &disp, 4);
		x86_decode(e->decoder, out->bytes, out->len, e->c->code_bytes, &out->insn);
	}
}
