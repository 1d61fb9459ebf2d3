/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/disasm.h"

#include "core/x86/opcode.h"
#include "core/x86/vcpu_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

/* Text being written: where the next character goes and how much room is left. */
struct text {
	char *at;
	size_t room;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at, t->room, format, args);
	va_end(args);
	if (n > 0 && t->room) {
		size_t written = (size_t)n < t->room ? (size_t)n : t->room - 1;

		t->at += written;
		t->room -= written;
	}
}

static void put_gpr(struct text *t, unsigned reg, unsigned size_bytes)
{
	static const char *const names[8] = {"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"};
	static const char *const low[8] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};

	if (reg >= 8) {
		put(t, "r%u%s", reg,
		    size_bytes == 1   ? "b"
		    : size_bytes == 2 ? "w"
		    : size_bytes == 4 ? "d"
				      : "");
		return;
	}
	if (size_bytes == 1)
		put(t, "%s", low[reg]);
	else
		put(t, "%s%s", size_bytes == 8 ? "r" : size_bytes == 4 ? "e" : "", names[reg]);
}

static const char *segment_name(unsigned seg)
{
	static const char *const names[X86_SEGS] = {"es", "cs", "ss",	"ds",
						    "fs", "gs", "ldtr", "tr"};

	return names[seg % X86_SEGS];
}

static const char *size_name(unsigned size_bytes)
{
	switch (size_bytes) {
	case 1: return "byte ptr ";
	case 2: return "word ptr ";
	case 4: return "dword ptr ";
	case 6: return "fword ptr ";
	case 8: return "qword ptr ";
	case 10: return "tbyte ptr ";
	case 16: return "xmmword ptr ";
	default: return "";
	}
}

static void put_signed(struct text *t, int64_t v)
{
	if (v < 0)
		put(t, "-0x%" PRIx64, -(uint64_t)v);
	else
		put(t, "+0x%" PRIx64, (uint64_t)v);
}

static void put_segment(struct text *t, const struct x86_insn *i)
{
	bool stack = i->base == X86_RSP || i->base == X86_RBP;

	if (i->seg != (stack ? X86_SS : X86_DS))
		put(t, "%s:", segment_name(i->seg));
}

static void put_memory(struct text *t, const struct x86_insn *i, unsigned size_bytes)
{
	bool any = false;

	put(t, "%s", size_name(size_bytes));
	put_segment(t, i);
	put(t, "[");
	if (i->base == X86_REG_RIP) {
		put(t, "%s", i->adsize == 8 ? "rip" : "eip");
		any = true;
	} else if (i->base != X86_REG_ZERO) {
		put_gpr(t, i->base, i->adsize);
		any = true;
	}
	if (i->index != X86_REG_ZERO) {
		put(t, "%s", any ? "+" : "");
		put_gpr(t, i->index, i->adsize);
		if (i->adsize != 2)
			put(t, "*%u", 1u << i->scale);
		any = true;
	}
	if (!any)
		put(t, "0x%" PRIx64, (uint64_t)i->disp);
	else if (i->disp)
		put_signed(t, i->disp);
	put(t, "]");
}

static void put_operand(struct text *t, const struct x86_insn *i, const struct x86_operand *p,
			uint64_t rip)
{
	static const char *const high[4] = {"ah", "ch", "dh", "bh"};

	switch (p->kind) {
	case X86_OPR_GPR: put_gpr(t, p->reg, p->size_bytes); break;
	case X86_OPR_GPR_HIGH: put(t, "%s", high[p->reg & 3]); break;
	case X86_OPR_SEG: put(t, "%s", segment_name(p->reg)); break;
	case X86_OPR_CR: put(t, "cr%u", p->reg); break;
	case X86_OPR_DR: put(t, "dr%u", p->reg); break;
	case X86_OPR_MMX: put(t, "mm%u", p->reg); break;
	case X86_OPR_XMM: put(t, "xmm%u", p->reg); break;
	case X86_OPR_ST: put(t, "st(%u)", p->reg); break;
	case X86_OPR_MEM: put_memory(t, i, p->size_bytes); break;
	case X86_OPR_IMM: put(t, "0x%" PRIx64, (uint64_t)i->imm); break;
	case X86_OPR_REL: put(t, "0x%" PRIx64, rip + i->len + (uint64_t)i->imm); break;
	case X86_OPR_FAR: put(t, "0x%x:0x%" PRIx64, (unsigned)i->disp, (uint64_t)i->imm); break;
	case X86_OPR_SRC:
		put(t, "%s%s:[", size_name(p->size_bytes), segment_name(i->seg));
		put_gpr(t, X86_RSI, i->adsize);
		put(t, "]");
		break;
	case X86_OPR_DST:
		put(t, "%ses:[", size_name(p->size_bytes));
		put_gpr(t, X86_RDI, i->adsize);
		put(t, "]");
		break;
	default: break;
	}
}

static void put_prefixes(struct text *t, const struct x86_insn *i, const struct x86_opcode *o)
{
	if (i->bits & X86_INSN_LOCK)
		put(t, "lock ");
	if (o->attr & A_STRING && i->rep != X86_REP_NONE)
		put(t, "%s ",
		    !(o->attr & A_REPCC)   ? "rep"
		    : i->rep == X86_REP_NE ? "repne"
					   : "repe");
}

void x86_disassemble(const struct x86_insn *i, uint64_t rip, char *text, size_t room_bytes)
{
	const struct x86_opcode *o = &x86_opcodes[i->op % x86_opcode_count];
	struct text t = {text, room_bytes};

	if (!room_bytes)
		return;
	text[0] = 0;
	put_prefixes(&t, i, o);
	put(&t, "%s", o->name);
	for (unsigned n = 0; n < i->n_operands && n < X86_OPERANDS_MAX; n++) {
		put(&t, "%s", n ? ", " : " ");
		put_operand(&t, i, &i->opr[n], rip);
	}
}
