/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCMPxSTRx (SDM vol. 2B 4.1), from its definition.  The first operand holds a set, ranges or a
 * needle; the second the text.  Result bit j belongs to element j of the text.
 *
 *	imm8[0]    elements are bytes or words		imm8[1]    unsigned or signed
 *	imm8[3:2]  what is compared (enum aggregation)	imm8[5:4]  polarity
 *	imm8[6]    least or most significant index; bit or element mask
 */
#include "core/x86/exec.h"
#include "core/x86/simd.h"

enum aggregation { EQUAL_ANY, RANGES, EQUAL_EACH, EQUAL_ORDERED };

struct string {
	int element[16];
	unsigned length; /* valid elements, the others are not part of it */
};

static unsigned elements(unsigned imm)
{
	return imm & 1 ? 8 : 16;
}

static void string_load(struct string *s, const union x86_xmm *v, unsigned imm)
{
	for (unsigned n = 0; n < elements(imm); n++) {
		switch (imm & 3) {
		case 0: s->element[n] = v->u8[n]; break;
		case 1: s->element[n] = v->u16[n]; break;
		case 2: s->element[n] = (int8_t)v->u8[n]; break;
		default: s->element[n] = (int16_t)v->u16[n]; break;
		}
	}
}

/* Implicit length: up to the first zero. */
static void string_measure(struct string *s, unsigned imm)
{
	s->length = 0;
	while (s->length < elements(imm) && s->element[s->length] != 0)
		s->length++;
}

/* Explicit length: the magnitude of a register, at most all elements. */
static unsigned explicit_length(const struct x86_cpu *c, const struct x86_insn *i, enum x86_gpr reg)
{
	int64_t v = i->bits & X86_INSN_REX_W ? (int64_t)c->r[reg] : (int32_t)c->r[reg];
	unsigned all = elements((unsigned)i->imm);

	return v > -(int64_t)all && v < (int64_t)all ? (unsigned)(v < 0 ? -v : v) : all;
}

/* Does element j of the text match?  The validity rules of table 4-7 are those of the cases. */
static bool match(const struct string *set, const struct string *text, unsigned imm, unsigned j)
{
	bool in_text = j < text->length;

	switch (imm >> 2 & 3) {
	case EQUAL_ANY:
		for (unsigned n = 0; in_text && n < set->length; n++)
			if (set->element[n] == text->element[j])
				return true;
		return false;
	case RANGES:
		for (unsigned n = 0; in_text && n + 1 < set->length; n += 2)
			if (set->element[n] <= text->element[j] &&
			    text->element[j] <= set->element[n + 1])
				return true;
		return false;
	case EQUAL_EACH:
		if (in_text && j < set->length)
			return set->element[j] == text->element[j];
		return !in_text && j >= set->length;
	default:
		for (unsigned n = 0; n < set->length && j + n < elements(imm); n++)
			if (j + n >= text->length || set->element[n] != text->element[j + n])
				return false;
		return true;
	}
}

/* All matches, after polarity; sets EFLAGS. */
static unsigned compare(struct x86_cpu *c, const struct string *set, const struct string *text,
			unsigned imm)
{
	unsigned all = (1u << elements(imm)) - 1;
	unsigned result = 0;
	uint32_t flags = 0;

	for (unsigned j = 0; j < elements(imm); j++)
		result |= (unsigned)match(set, text, imm, j) << j;
	switch (imm >> 4 & 3) {
	case 1: result ^= all; break;
	case 3: result ^= (1u << text->length) - 1; break;
	default: break;
	}
	flags |= result ? X86_CF : 0;
	flags |= text->length < elements(imm) ? X86_ZF : 0;
	flags |= set->length < elements(imm) ? X86_SF : 0;
	flags |= result & 1 ? X86_OF_FLAG : 0;
	lazy_set(&c->lazy, flags);
	return result;
}

static void result_index(struct x86_cpu *c, unsigned result, unsigned imm)
{
	unsigned index = elements(imm);

	if (result)
		index = imm & 0x40 ? 31 - (unsigned)__builtin_clz(result)
				   : (unsigned)__builtin_ctz(result);
	gpr_write(c, X86_RCX, 4, index);
}

static void result_mask(struct x86_cpu *c, unsigned result, unsigned imm)
{
	union x86_xmm *d = &c->xmm[0];

	*d = (union x86_xmm){.u64 = {imm & 0x40 ? 0 : result, 0}};
	if (!(imm & 0x40))
		return;
	for (unsigned n = 0; n < elements(imm); n++) {
		if (imm & 1)
			d->u16[n] = result >> n & 1 ? 0xffff : 0;
		else
			d->u8[n] = result >> n & 1 ? 0xff : 0;
	}
}

static enum x86_status run(struct x86_cpu *c, const struct x86_insn *i, bool has_lengths,
			   unsigned *result)
{
	unsigned imm = (unsigned)i->imm;
	struct string set, text;
	union x86_xmm v;

	X86_TRY(operand_read_xmm(c, i, 1, &v));
	string_load(&set, &c->xmm[i->opr[0].reg], imm);
	string_load(&text, &v, imm);
	if (has_lengths) {
		set.length = explicit_length(c, i, X86_RAX);
		text.length = explicit_length(c, i, X86_RDX);
	} else {
		string_measure(&set, imm);
		string_measure(&text, imm);
	}
	*result = compare(c, &set, &text, imm);
	return X86_OK;
}

#define EXEC_STRING(name, has_lengths, give)                              \
	enum x86_status name(struct x86_cpu *c, const struct x86_insn *i) \
	{                                                                 \
		unsigned result;                                          \
                                                                          \
		X86_TRY(run(c, i, has_lengths, &result));                 \
		give(c, result, (unsigned)i->imm);                        \
		return X86_OK;                                            \
	}
EXEC_STRING(exec_pcmpestri, true, result_index)
EXEC_STRING(exec_pcmpestrm, true, result_mask)
EXEC_STRING(exec_pcmpistri, false, result_index)
EXEC_STRING(exec_pcmpistrm, false, result_mask)
