/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code of an image.  As raw bytes, or as four-byte tokens, each of which chooses a row of the
 * opcode table and what to make of it: mutating one token then changes one instruction.
 */
#include "tests/fuzz/image.h"

#include "core/base/bytes.h"
#include "core/x86/decode.h"
#include "tests/fuzz/image_draft.h"

#define TOKEN_BYTES   4
#define PROGRAM_BYTES 8192

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= 0x7fb5d329728ea185ull;
	x ^= x >> 27;
	x *= 0x81dadef4bc2dd44dull;
	return x ^ x >> 33;
}

unsigned draft_draw(struct draft *d, unsigned bound)
{
	unsigned v = (unsigned)((d->hash & 0xffff) % bound);

	d->hash = mix(d->hash + 0x9e3779b97f4a7c15ull);
	return v;
}

static void add_prefixes(struct draft *d, const struct x86_opcode *o, bool long_mode)
{
	static const uint8_t segments[6] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
	bool string = o->attr & A_STRING;

	if (!draft_draw(d, 16))
		draft_add(d, segments[draft_draw(d, 6)]);
	if (d->rm < 0 && !draft_draw(d, 24))
		draft_add(d, 0x67);
	if (o->prefix == X86_PFX_66 || !draft_draw(d, 8))
		draft_add(d, 0x66);
	if (o->prefix == X86_PFX_F3 || o->prefix == X86_PFX_F2)
		draft_add(d, o->prefix == X86_PFX_F3 ? 0xf3 : 0xf2);
	else if (!draft_draw(d, string ? 2 : 32))
		draft_add(d, 0xf2 + draft_draw(d, 2));
	if (o->attr & A_LOCK && !draft_draw(d, 6))
		draft_add(d, 0xf0);
	if (long_mode && d->rm < 0 && draft_draw(d, 2))
		draft_add(d, 0x40 + draft_draw(d, 16));
}

static void add_opcode(struct draft *d, const struct x86_opcode *o)
{
	if (o->map != X86_MAP_1)
		draft_add(d, 0x0f);
	if (o->map == X86_MAP_0F38)
		draft_add(d, 0x38);
	if (o->map == X86_MAP_0F3A)
		draft_add(d, 0x3a);
	draft_add(d, o->opcode);
}

static void add_modrm(struct draft *d, const struct x86_opcode *o)
{
	unsigned mod = draft_draw(d, 4);
	unsigned reg = o->ext >= 0 ? (unsigned)o->ext : draft_draw(d, 8);
	unsigned rm = o->rm >= 0 ? (unsigned)o->rm : draft_draw(d, 8);

	if (o->form == X86_FORM_PLAIN)
		return;
	if (d->reg >= 0)
		reg = (unsigned)d->reg;
	if (d->rm >= 0) {
		mod = o->form == X86_FORM_MEM ? 0 : 3;
		rm = (unsigned)d->rm;
	}
	if (o->form == X86_FORM_REG || o->rm >= 0)
		mod = 3;
	if (o->form == X86_FORM_MEM && mod == 3)
		mod = 0;
	draft_add(d, mod << 6 | reg << 3 | rm);
}

/* Displacements and immediates: small, any, or addresses in RAM. */
static void add_rest(struct draft *d)
{
	unsigned kind = draft_draw(d, 4);

	for (unsigned n = 0; n < 16; n += 4) {
		unsigned any = draft_draw(d, 256), sign = draft_draw(d, 4) ? 0 : 0xff;

		if (kind == 0) {
			draft_add(d, any);
			draft_add(d, draft_draw(d, 256));
			draft_add(d, draft_draw(d, 256));
			draft_add(d, draft_draw(d, 256));
		} else if (kind == 1) {
			draft_add(d, any);
			draft_add(d, draft_draw(d, 256));
			draft_add(d, draft_draw(d, 2));
			draft_add(d, 0);
		} else {
			draft_add(d, sign ? 0x100 - any % 64 : any % 64);
			draft_add(d, sign);
			draft_add(d, sign);
			draft_add(d, sign);
		}
	}
}

/* The row that a token names: one of all, or the first of an opcode of the one-byte map. */
static const struct x86_opcode *choose_row(const struct x86_decoder *decoder, uint16_t which)
{
	unsigned first = decoder->first[X86_MAP_1][which & 0xff];

	if (which < 0x7000 && first != X86_NO_ROW)
		return &x86_opcodes[first];
	return &x86_opcodes[which % x86_opcode_count];
}

/* Writes the instruction, and what prepares it, to `to`; returns how many bytes. */
static unsigned write_token(const struct x86_decoder *decoder, unsigned code_bytes,
			    const uint8_t *token, uint64_t seed, uint8_t *to)
{
	struct draft d = {
		.hash = mix(get_le32(token) + seed * 0x9e3779b97f4a7c15ull),
		.reg = -1,
		.rm = -1,
		.code_bytes = code_bytes,
	};
	const struct x86_opcode *o = choose_row(decoder, get_le16(token));
	struct x86_insn i;
	unsigned start;

	draft_prepare(&d, o);
	start = d.n;
	add_prefixes(&d, o, code_bytes == 8);
	add_opcode(&d, o);
	add_modrm(&d, o);
	if (o->opr[0].code == O_Ap)
		draft_add_pointer(&d);
	else
		add_rest(&d);
	if (x86_decode(decoder, d.bytes + start, X86_INSN_MAX_BYTES, code_bytes, &i) !=
	    X86_DECODE_OK)
		i.len = d.hash % 4 ? 0 : 3;
	memcpy(to, d.bytes, start + i.len);
	return start + i.len;
}

static unsigned write_program(struct image *image, unsigned code_bytes, uint8_t *to)
{
	const struct image_input *in = &image->in;
	struct x86_decoder decoder;
	unsigned n = 0;

	if (in->raw_code) {
		memcpy(to, in->code, in->code_bytes);
		return (unsigned)in->code_bytes;
	}
	x86_decoder_init(&decoder);
	for (size_t at = 0; at + TOKEN_BYTES <= in->code_bytes && n < PROGRAM_BYTES;
	     at += TOKEN_BYTES)
		n += write_token(&decoder, code_bytes, in->code + at, in->seed, to + n);
	return n;
}

/* ---- handlers ---- */

struct handler {
	const char *bytes;
	unsigned n;
};

#define HANDLER(code)                  \
	{                              \
		code, sizeof(code) - 1 \
	}

/* Go on one byte further; the same behind an error code; return at once; the same. */
static const struct handler handlers[3][4] = {
	{HANDLER("\x67\xff\x04\x24\xcf"), HANDLER("\x67\xff\x04\x24\xcf"), HANDLER("\xcf"),
	 HANDLER("\xcf")},
	{HANDLER("\xff\x04\x24\xcf"), HANDLER("\x83\xc4\x04\xff\x04\x24\xcf"), HANDLER("\xcf"),
	 HANDLER("\x83\xc4\x04\xcf")},
	{HANDLER("\x48\xff\x04\x24\x48\xcf"), HANDLER("\x48\x83\xc4\x08\x48\xff\x04\x24\x48\xcf"),
	 HANDLER("\x48\xcf"), HANDLER("\x48\x83\xc4\x08\x48\xcf")},
};

static bool has_error_code(unsigned v)
{
	return v == X86_DF || (v >= X86_TS && v <= X86_PF) || v == X86_AC;
}

static void write_handlers(struct image *image)
{
	unsigned width = image->in.paging == IMAGE_PAGING_LONG ? 2
			 : image->in.mode <= IMAGE_UNREAL      ? 0
							       : 1;

	for (unsigned v = 0; v < 256; v++) {
		bool fault = v < 32 && v != X86_DB && v != X86_BP && v != X86_OF && v != X86_NMI;
		const struct handler *h =
			&handlers[width][(fault ? 0 : 2) + (has_error_code(v) ? 1 : 0)];

		memcpy(image->ram + IMAGE_HANDLERS + 16 * v, h->bytes, h->n);
		if (image_odd(image) && image->in.code_bytes >= 16)
			memcpy(image->ram + IMAGE_HANDLERS + 16 * v, image->in.code, 16);
	}
}

/* Where the program starts, from the start of the code pages: now and then so that it crosses
 * into the next page. */
static unsigned place(const struct image *image)
{
	return image->in.place_hint & 0x80 ? X86_PAGE_BYTES - (image->in.place_hint & 0x7f)
					   : image->in.place_hint;
}

void image_make_program(struct image *image)
{
	unsigned code_bytes = image->in.mode == IMAGE_LONG ? 8
			      : image->in.mode == IMAGE_PROTECTED32 ||
					      image->in.mode == IMAGE_SEGMENTED32 ||
					      image->in.mode == IMAGE_COMPAT32
				      ? 4
				      : 2;
	unsigned at = place(image), n;
	uint8_t *code = image->ram + IMAGE_CODE + at;

	memset(image->ram + IMAGE_CODE, 0x90, IMAGE_CODE_END - IMAGE_CODE);
	n = write_program(image, code_bytes, code);
	if (image->in.loops) {
		int32_t back = -(int32_t)n - (code_bytes == 2 ? 3 : 5);

		code[n] = 0xe9;
		memcpy(code + n + 1, &back, code_bytes == 2 ? 2 : 4);
	}
	write_handlers(image);
	image->state.rip = at;
}
