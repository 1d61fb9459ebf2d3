/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder and the disassembler on any bytes, in all three code sizes.  However many bytes there
 * are, the decoder must either ask for more or say what it would say of all of them.
 */
#include "core/x86/decode.h"
#include "core/x86/disasm.h"
#include "core/x86/vcpu_state.h"
#include "tests/fuzz/check.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES 128

struct decoded {
	enum x86_decode_result result;
	struct x86_insn insn;
};

/* Decodes a copy that ends where the bytes do, so that reading on is noticed. */
static struct decoded decode(const struct x86_decoder *decoder, const uint8_t *bytes, unsigned n,
			     unsigned code_bytes)
{
	struct decoded d;
	uint8_t *copy = malloc(n);

	check(copy != NULL || !n, "no memory");
	memset(&d, 0, sizeof(d));
	memcpy(copy, bytes, n);
	d.result = x86_decode(decoder, copy, n, code_bytes, &d.insn);
	free(copy);
	return d;
}

static bool is_size(unsigned size_bytes)
{
	return size_bytes == 2 || size_bytes == 4 || size_bytes == 8;
}

static unsigned register_limit(unsigned kind)
{
	switch (kind) {
	case X86_OPR_GPR_HIGH: return 4;
	case X86_OPR_SEG: return X86_LDTR;
	case X86_OPR_DR:
	case X86_OPR_MMX:
	case X86_OPR_ST: return 8;
	default: return 16;
	}
}

static void check_operand(const struct x86_operand *o)
{
	check(o->kind <= X86_OPR_DST, "no such kind of operand");
	check(o->reg < register_limit(o->kind), "no such register");
}

static void check_insn(const struct x86_insn *i)
{
	check(i->op < x86_opcode_count, "no such row");
	check(is_size(i->opsize) && is_size(i->adsize), "no such size");
	check(i->seg < X86_LDTR, "no such segment");
	check(i->base <= X86_REG_RIP && i->index <= X86_REG_ZERO && i->scale <= 3,
	      "no such address");
	check(i->n_operands <= X86_OPERANDS_MAX, "too many operands");
	for (unsigned n = 0; n < i->n_operands; n++)
		check_operand(&i->opr[n]);
}

static void check_text(const struct x86_insn *i, unsigned cut)
{
	char text[TEXT_BYTES], *part = malloc(cut);

	check(part != NULL, "no memory");
	x86_disassemble(i, 0x7ffffffffff0, text, sizeof(text));
	check(strlen(text) > 0 && strlen(text) < TEXT_BYTES - 1, "text too long or missing");
	x86_disassemble(i, 0x7ffffffffff0, part, cut);
	check(strlen(part) < cut && !memcmp(text, part, strlen(part)), "text is not cut well");
	free(part);
}

static void check_code_size(const struct x86_decoder *decoder, const uint8_t *bytes, unsigned n,
			    unsigned code_bytes)
{
	struct decoded all = decode(decoder, bytes, n, code_bytes), part;
	unsigned needed = all.result == X86_DECODE_SHORT ? n + 1 : all.insn.len;

	check(all.result != X86_DECODE_SHORT || n < X86_INSN_MAX_BYTES, "15 bytes are too short");
	for (unsigned k = 1; k <= n; k++) {
		part = decode(decoder, bytes, k, code_bytes);
		if (part.result == X86_DECODE_SHORT) {
			check(all.result != X86_DECODE_OK || k < needed, "asks for too many bytes");
			continue;
		}
		check(part.result == all.result, "more bytes, another meaning");
		check(part.insn.len == all.insn.len, "more bytes, another length");
		if (part.result == X86_DECODE_OK)
			check(k >= needed && !memcmp(&part.insn, &all.insn, sizeof(part.insn)),
			      "more bytes, another instruction");
	}
	if (all.result != X86_DECODE_OK)
		return;
	check(all.insn.len >= 1 && all.insn.len <= n, "an instruction without a length");
	check_insn(&all.insn);
	check_text(&all.insn, 1 + bytes[0] % (TEXT_BYTES - 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct x86_decoder decoder;
	unsigned n = size < X86_INSN_MAX_BYTES ? (unsigned)size : X86_INSN_MAX_BYTES;

	if (!n)
		return 0;
	x86_decoder_init(&decoder);
	for (unsigned code_bytes = 2; code_bytes <= 8; code_bytes *= 2)
		check_code_size(&decoder, data, n, code_bytes);
	return 0;
}
