/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/generate.h"

#include "core/base/seeded.h"
#include "core/x86/flags.h"
#include "core/x86/opcode.h"
#include "core/x86/vcpu_state.h"
#include "tests/diff/encode.h"
#include "tests/diff/quirks.h"
#include "tests/diff/values.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define SEQUENCE_MAX 8

/* A relative branch whose displacement is set once the sequence is complete. */
struct branch {
	unsigned insn; /* index into diff_case.insn[] */
	unsigned n_bytes;
	unsigned target; /* index; n_insns is the end of the code */
};

struct build {
	const struct generator *g;
	struct seeded *rng;
	struct diff_case *c;
	struct encoder encoder;
	struct branch branch[CASE_INSNS];
	unsigned n_branches;
	bool full;
};

/* Encodings that have another meaning in 64-bit code than the row says. */
static bool other_meaning_in_64(const struct x86_opcode *o)
{
	uint8_t b = o->opcode;

	return o->map == X86_MAP_1 &&
	       (b == 0x62 || b == 0x63 || b == 0xc4 || b == 0xc5 || (b & 0xf0) == 0x40);
}

static void list_rows(struct generator *g)
{
	for (unsigned row = 0; row < x86_opcode_count; row++) {
		const struct x86_opcode *o = &x86_opcodes[row];

		g->quirks[row] = quirk_bits(row);
		if (g->quirks[row] & QUIRK_NEVER)
			continue;
		if (!(o->attr & A_NO64) || !other_meaning_in_64(o))
			g->rows[0][g->n_rows[0]++] = (uint16_t)row;
		if (!(o->attr & A_ONLY64) || o->map != X86_MAP_1)
			g->rows[1][g->n_rows[1]++] = (uint16_t)row;
	}
}

void generator_init(struct generator *g, uint64_t seed, bool code32, bool code16, int only_row)
{
	struct seeded rng;

	assert(x86_opcode_count <= GENERATE_ROWS);
	memset(g, 0, sizeof(*g));
	g->seed = seed;
	g->code32 = code32;
	g->code16 = code16;
	g->only_row = only_row;
	x86_decoder_init(&g->decoder);
	list_rows(g);
	seeded_start(&rng, seed);
	value_fill(&rng, g->pattern, sizeof(g->pattern));
}

void generate_constants(const struct generator *g, uint8_t page[ARENA_PAGE_BYTES])
{
	memcpy(page, g->pattern, ARENA_PAGE_BYTES);
}

/* ---- initial state ---- */

static unsigned pick_kind(struct build *b)
{
	unsigned roll = (unsigned)seeded_below(b->rng, 16);

	if (b->g->only_row >= 0 && x86_opcodes[b->g->only_row].attr & A_ONLY64)
		roll = 15;
	else if (b->g->only_row >= 0 && x86_opcodes[b->g->only_row].attr & A_NO64)
		roll = roll & 3;
	if (roll < 1 && b->g->code16)
		return 2;
	if (roll < 4 && b->g->code32)
		return 4;
	return 8;
}

static void set_segments(struct build *b)
{
	struct case_state *s = &b->c->in;
	uint64_t pointer = value_pointer(b->rng);
	bool wide = b->c->code_bytes == 8;

	s->sel[X86_CS] = wide ? SEL_CODE64 : b->c->code_bytes == 4 ? SEL_CODE32 : SEL_CODE16;
	s->sel[X86_SS] = b->c->code_bytes == 2 ? SEL_DATA16 : SEL_DATA;
	s->sel[X86_DS] = s->sel[X86_ES] = SEL_DATA;
	s->sel[X86_FS] = s->sel[X86_GS] = wide ? 0 : SEL_DATA;
	if (wide && seeded_chance(b->rng, 3, 4))
		s->sel[X86_DS] = s->sel[X86_ES] = 0;
	if (b->c->code_bytes == 2 && seeded_chance(b->rng, 1, 2))
		s->sel[X86_DS] = SEL_DATA16;
	s->fs_base = seeded_below(b->rng, ARENA_DATA);
	s->gs_base = wide && seeded_chance(b->rng, 1, 2) ? ARENA_HIGH - (pointer & 0xff0) : 0x1000;
}

static void set_flags(struct build *b)
{
	struct case_state *s = &b->c->in;

	s->rflags = (seeded_u64(b->rng) & (X86_ARITH | X86_ID)) | X86_IF | X86_FLAG_1;
	if (seeded_chance(b->rng, 1, 4))
		s->rflags |= X86_DF_FLAG;
	if (seeded_chance(b->rng, 1, 50))
		s->rflags |= X86_TF;
	if (seeded_chance(b->rng, 1, 25))
		s->rflags |= X86_AC_FLAG;
	if (seeded_chance(b->rng, 1, 50))
		s->rflags |= X86_NT;
}

static uint64_t any_register(struct build *b)
{
	switch (seeded_below(b->rng, 8)) {
	case 0:
	case 1: return value_pointer(b->rng);
	case 2: return encode_fill_address(&b->encoder);
	default: return value_integer(b->rng);
	}
}

static void set_registers(struct build *b)
{
	static const uint8_t pointers[] = {X86_RBX, X86_RBP, X86_RSI, X86_RDI};
	struct case_state *s = &b->c->in;

	for (unsigned n = 0; n < 16; n++)
		s->gpr[n] = any_register(b);
	for (unsigned n = 0; n < sizeof(pointers); n++)
		if (seeded_chance(b->rng, 2, 3))
			s->gpr[pointers[n]] = value_pointer(b->rng);
	if (seeded_chance(b->rng, 2, 3))
		s->gpr[X86_RCX] = seeded_below(b->rng, 48);
	if (seeded_chance(b->rng, 1, 3))
		s->gpr[X86_RDX] = seeded_below(b->rng, 4);
	if (seeded_chance(b->rng, 15, 16))
		s->gpr[X86_RSP] = ARENA_DATA + 256 + seeded_below(b->rng, 960) * 8;
	else
		s->gpr[X86_RSP] = value_pointer(b->rng);
	if (seeded_chance(b->rng, 1, 32))
		s->gpr[X86_RSP] += seeded_below(b->rng, 8);
	if (b->c->code_bytes == 8)
		return;
	for (unsigned n = 0; n < 8; n++)
		if (s->gpr[n] >= ARENA_HIGH && s->gpr[n] - ARENA_HIGH < ARENA_DATA_BYTES)
			s->gpr[n] = s->gpr[n] - ARENA_HIGH + ARENA_DATA;
		else
			s->gpr[n] = (uint32_t)s->gpr[n];
}

static void set_state(struct build *b)
{
	uint64_t from = seeded_below(b->rng, GENERATE_PATTERN_BYTES);

	memcpy(b->c->data, b->g->pattern + from, ARENA_DATA_BYTES);
	value_fx(b->rng, &b->c->in.fx);
	set_segments(b);
	set_flags(b);
	set_registers(b);
}

/* Mostly in the first page; sometimes across the page boundary, sometimes against the hole. */
static void choose_place(struct build *b)
{
	b->c->code_at = (uint16_t)seeded_below(b->rng, 3000);
	if (seeded_chance(b->rng, 1, 12))
		b->c->code_at = (uint16_t)(4096 - 1 - seeded_below(b->rng, 40));
	else if (seeded_chance(b->rng, 1, 24))
		b->c->code_at = (uint16_t)(ARENA_CODE_BYTES - 1 - seeded_below(b->rng, 40));
	b->c->in.rip = ARENA_CODE + b->c->code_at;
}

/* ---- instructions ---- */

static void append(struct build *b, const uint8_t *bytes, unsigned len, unsigned row)
{
	struct diff_case *c = b->c;
	struct case_insn *i = &c->insn[c->n_insns];

	if (c->n_insns == CASE_INSNS || c->n_code_bytes + len > CASE_CODE_BYTES) {
		b->full = true;
		return;
	}
	i->at = (uint16_t)(c->code_at + c->n_code_bytes);
	i->len = (uint8_t)len;
	i->row = (uint16_t)row;
	memcpy(c->code + c->n_code_bytes, bytes, len);
	c->n_code_bytes = (uint16_t)(c->n_code_bytes + len);
	c->n_insns++;
}

/* The displacement is the last part of a relative branch.  Some stay as wild as they are, but never
 * backwards into the case's own code. */
static void note_branch(struct build *b, const struct encoded *e)
{
	bool relative = e->result == X86_DECODE_OK && e->insn.opr[0].kind == X86_OPR_REL;
	uint8_t code;

	if (!relative || b->full)
		return;
	if ((e->insn.imm > 2 * CASE_CODE_BYTES || e->insn.imm < -2 * CASE_CODE_BYTES) &&
	    seeded_chance(b->rng, 1, 8))
		return;
	code = x86_opcodes[e->insn.op].opr[0].code;
	b->branch[b->n_branches++] = (struct branch){
		.insn = b->c->n_insns - 1u,
		.n_bytes = code == O_Jb		 ? 1
			   : e->insn.opsize == 2 ? 2
						 : 4,
		.target = b->c->n_insns + (unsigned)seeded_below(b->rng, 3),
	};
}

static void append_row(struct build *b, unsigned row)
{
	struct encoded e;

	encode(&b->encoder, row, ARENA_CODE + b->c->code_at + b->c->n_code_bytes, &e);
	append(b, e.bytes, e.len, row);
	note_branch(b, &e);
}

static bool is_prefix(uint8_t b)
{
	return (b & 0xe7) == 0x26 || (b & 0xf0) == 0x40 || (b & 0xfc) == 0x64 || b == 0x0f ||
	       b == 0xf0 || b == 0xf2 || b == 0xf3;
}

/* Bytes that select no row: #UD, whatever follows them.  Extensions of the host are avoided. */
static void append_hole(struct build *b)
{
	static const uint8_t escape[X86_MAPS][2] = {{0, 0}, {0x0f, 0}, {0x0f, 0x38}, {0x0f, 0x3a}};
	static const uint8_t prefix[4] = {0, 0x66, 0xf2, 0xf3};
	unsigned map = (unsigned)seeded_below(b->rng, X86_MAPS), len = 0;
	uint64_t tail = seeded_u64(b->rng);
	uint8_t bytes[16], opcode = (uint8_t)tail;
	struct x86_insn i;

	if (quirk_is_extension(map, opcode) || (map == X86_MAP_1 && is_prefix(opcode)) ||
	    (map == X86_MAP_0F && (opcode | 2) == 0x3a))
		return;
	bytes[len] = prefix[seeded_below(b->rng, 4)];
	len += bytes[len] != 0;
	for (unsigned n = 0; n < 2; n++)
		if (escape[map][n])
			bytes[len++] = escape[map][n];
	memcpy(bytes + len, &tail, sizeof(tail));
	len += sizeof(tail);
	if (x86_decode(&b->g->decoder, bytes, len, b->c->code_bytes, &i) == X86_DECODE_UNDEFINED)
		append(b, bytes, len, X86_NO_ROW);
}

static unsigned pick_row(struct build *b, bool last)
{
	unsigned kind = b->c->code_bytes != 8;

	for (;;) {
		uint64_t n = seeded_below(b->rng, b->g->n_rows[kind]);
		unsigned row = b->g->rows[kind][n];

		if (last || !(b->g->quirks[row] & QUIRK_LAST))
			return row;
	}
}

static void put_number(struct diff_case *c, unsigned insn, unsigned n_bytes, uint64_t value)
{
	const struct case_insn *i = &c->insn[insn];

	memcpy(c->code + (i->at - c->code_at) + i->len - n_bytes, &value, n_bytes);
}

/* A branch past the body of a loop goes to the counting of it, not beyond. */
static void set_branches(struct build *b, unsigned n_body)
{
	struct diff_case *c = b->c;

	for (unsigned n = 0; n < b->n_branches; n++) {
		const struct branch *j = &b->branch[n];
		unsigned next = c->insn[j->insn].at + c->insn[j->insn].len, to;
		unsigned target = j->target < n_body ? j->target : n_body;

		to = target < c->n_insns ? c->insn[target].at
					 : c->code_at + (unsigned)c->n_code_bytes;
		put_number(c, j->insn, j->n_bytes, (uint64_t)to - next);
	}
}

/* The row that bytes select: for the two instructions that close a loop. */
static void append_bytes(struct build *b, const uint8_t *bytes, unsigned len)
{
	struct x86_insn i;

	if (x86_decode(&b->g->decoder, bytes, len, b->c->code_bytes, &i) == X86_DECODE_OK)
		append(b, bytes, len, i.op);
}

/* Closes a loop over all instructions so far, counted in the scratch page, where the body does
 * not write: sub dword [scratch], 1; jnz start. */
static void append_loop(struct build *b)
{
	static const uint8_t count64[] = {
		0x83, 0x2c, 0x25, ARENA_SCRATCH & 0xff, ARENA_SCRATCH >> 8, 0, 0, 1};
	static const uint8_t count32[] = {0x83, 0x2d, ARENA_SCRATCH & 0xff, ARENA_SCRATCH >> 8, 0,
					  0,	1};
	static const uint8_t count16[] = {0x83, 0x2e, ARENA_SCRATCH & 0xff, ARENA_SCRATCH >> 8, 1};
	static const uint8_t back[] = {0x0f, 0x85, 0, 0, 0, 0};
	unsigned size = b->c->code_bytes == 2 ? 2 : 4;

	if (b->c->n_insns + 2 > CASE_INSNS)
		return;
	b->c->scratch[0] = (uint8_t)seeded_range(b->rng, 2, 9);
	if (b->c->code_bytes == 8)
		append_bytes(b, count64, sizeof(count64));
	else if (b->c->code_bytes == 4)
		append_bytes(b, count32, sizeof(count32));
	else
		append_bytes(b, count16, sizeof(count16));
	append_bytes(b, back, 2 + size);
	if (!b->full)
		put_number(b->c, b->c->n_insns - 1u, size, -(uint64_t)b->c->n_code_bytes);
}

static void build_sequence(struct build *b)
{
	unsigned n = seeded_chance(b->rng, 1, 3) ? 1
						 : 1 + (unsigned)seeded_below(b->rng, SEQUENCE_MAX);
	bool loop = seeded_chance(b->rng, 1, 16);
	unsigned chosen = (unsigned)seeded_below(b->rng, n);

	for (unsigned k = 0; k < n && !b->full; k++) {
		bool last = k == n - 1 && !loop;

		if (b->g->only_row >= 0 && k == chosen) {
			append_row(b, (unsigned)b->g->only_row);
			if (b->g->quirks[b->g->only_row] & QUIRK_LAST) {
				loop = false;
				break;
			}
		} else {
			append_row(b, pick_row(b, last));
		}
	}
	if (b->g->only_row < 0 && seeded_chance(b->rng, 1, 12))
		append_hole(b);
	n = b->c->n_insns;
	if (loop && !b->full)
		append_loop(b);
	set_branches(b, n);
}

void generate_case(const struct generator *g, uint64_t number, struct diff_case *c)
{
	static const uint32_t rep_limits[8] = {0, 0, 0, 1, 2, 7, 64, 1000};
	struct build b = {.g = g, .c = c};
	struct seeded rng;

	seeded_start(&rng, g->seed ^ number * 0x9e3779b97f4a7c15ull);
	memset(c, 0, offsetof(struct diff_case, data));
	memset(c->scratch, 0, sizeof(c->scratch));
	b.rng = &rng;
	b.encoder = (struct encoder){&rng, &g->decoder, g->quirks, c};
	c->number = number;
	c->code_bytes = (uint8_t)pick_kind(&b);
	c->rep_limit = rep_limits[seeded_below(&rng, 8)];
	choose_place(&b);
	set_state(&b);
	build_sequence(&b);
	if (c->code_at + c->n_code_bytes > ARENA_CODE_BYTES)
		c->n_code_bytes = (uint16_t)(ARENA_CODE_BYTES - c->code_at);
}

void case_drop_insn(struct diff_case *c, unsigned n)
{
	unsigned from = c->insn[n].at - c->code_at;

	for (unsigned k = from; k < from + c->insn[n].len && k < c->n_code_bytes; k++)
		c->code[k] = 0x90;
}
