/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/report.h"

#include "core/x86/disasm.h"
#include "core/x86/opcode.h"

#include <inttypes.h>
#include <string.h>

static const char *const gpr_name[16] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
					 "r8",	"r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
static const char *const sel_name[6] = {"es", "cs", "ss", "ds", "fs", "gs"};

/* One value on both sides; hi is the upper part of values wider than 64 bits. */
struct pair {
	char name[12];
	bool wide;
	uint64_t a, b, a_hi, b_hi;
	uint64_t before, before_hi;
};

struct printer {
	FILE *to;
	bool whole;
};

static void print_wide(FILE *to, const struct pair *p, uint64_t hi, uint64_t lo)
{
	if (p->wide)
		fprintf(to, " %016" PRIx64 ":%016" PRIx64, hi, lo);
	else
		fprintf(to, " %-33" PRIx64, lo);
}

static void print_pair(const struct printer *pr, const struct pair *p)
{
	bool differs = p->a != p->b || p->a_hi != p->b_hi;

	if (!differs && !pr->whole)
		return;
	fprintf(pr->to, "  %c %-8s", differs ? '*' : ' ', p->name);
	print_wide(pr->to, p, p->before_hi, p->before);
	print_wide(pr->to, p, p->a_hi, p->a);
	print_wide(pr->to, p, p->b_hi, p->b);
	fputc('\n', pr->to);
}

static void print_value(const struct printer *pr, const char *name, uint64_t before, uint64_t a,
			uint64_t b)
{
	struct pair p = {.a = a, .b = b, .before = before};

	snprintf(p.name, sizeof(p.name), "%s", name);
	print_pair(pr, &p);
}

static void print_fx(const struct printer *pr, const struct case_fx *in, const struct case_fx *a,
		     const struct case_fx *b)
{
	print_value(pr, "fcw", in->control, a->control, b->control);
	print_value(pr, "fsw", in->status, a->status, b->status);
	print_value(pr, "in use", in->in_use, a->in_use, b->in_use);
	print_value(pr, "fop", in->opcode, a->opcode, b->opcode);
	print_value(pr, "fip", in->instruction_ptr, a->instruction_ptr, b->instruction_ptr);
	print_value(pr, "fdp", in->data_ptr, a->data_ptr, b->data_ptr);
	print_value(pr, "mxcsr", in->mxcsr, a->mxcsr, b->mxcsr);
	for (unsigned n = 0; n < 8; n++) {
		struct pair p = {.wide = true,
				 .a = a->st[n].mantissa,
				 .b = b->st[n].mantissa,
				 .a_hi = a->st[n].sign_exponent,
				 .b_hi = b->st[n].sign_exponent,
				 .before = in->st[n].mantissa,
				 .before_hi = in->st[n].sign_exponent};

		snprintf(p.name, sizeof(p.name), "st%u", n);
		print_pair(pr, &p);
	}
	for (unsigned n = 0; n < 16; n++) {
		struct pair p = {.wide = true,
				 .a = a->xmm[n][0],
				 .b = b->xmm[n][0],
				 .a_hi = a->xmm[n][1],
				 .b_hi = b->xmm[n][1],
				 .before = in->xmm[n][0],
				 .before_hi = in->xmm[n][1]};

		snprintf(p.name, sizeof(p.name), "xmm%u", n);
		print_pair(pr, &p);
	}
}

static void print_memory(const struct printer *pr, const struct diff_case *c,
			 const struct diff_result *a, const struct diff_result *b)
{
	for (unsigned n = 0; n < ARENA_DATA_BYTES; n += 8) {
		uint64_t before, x, y;

		memcpy(&before, c->data + n, 8);
		memcpy(&x, a->data + n, 8);
		memcpy(&y, b->data + n, 8);
		if (x == y && (x == before || !pr->whole))
			continue;
		fprintf(pr->to, "  %c [%04x]  ", x == y ? ' ' : '*', ARENA_DATA + n);
		fprintf(pr->to, " %016" PRIx64 "                  %016" PRIx64, before, x);
		fprintf(pr->to, "                  %016" PRIx64 "\n", y);
	}
	if (memcmp(a->scratch, b->scratch, CASE_SCRATCH_BYTES) != 0)
		fprintf(pr->to, "  * scratch page differs\n");
}

static void print_code(FILE *to, const struct generator *g, const struct diff_case *c)
{
	for (unsigned n = 0; n < c->n_insns; n++) {
		const struct case_insn *at = &c->insn[n];
		const uint8_t *bytes = c->code + (at->at - c->code_at);
		char text[128] = "(not an instruction to us)";
		struct x86_insn i;

		if (at->at - c->code_at >= c->n_code_bytes)
			break;
		if (x86_decode(&g->decoder, bytes, at->len, c->code_bytes, &i) == X86_DECODE_OK)
			x86_disassemble(&i, ARENA_CODE + at->at, text, sizeof(text));
		fprintf(to, "    %04x ", ARENA_CODE + at->at);
		for (unsigned k = 0; k < at->len; k++)
			fprintf(to, " %02x", bytes[k]);
		fprintf(to, "  %*s%s   (row %u, %s)\n",
			(int)(3 * (11 - (at->len < 11 ? at->len : 11))), "", text, at->row,
			at->row < x86_opcode_count ? x86_opcodes[at->row].name : "none");
	}
}

static void print_end(FILE *to, const char *name, const struct diff_result *r)
{
	static const char *const ends[] = {"was not run", "", "did not come to an end",
					   "killed the process", "went astray"};

	if (r->end == END_TRAP)
		fprintf(to, "  %-10s vector %u, error %x, cr2 %" PRIx64 ", rip %" PRIx64 "\n", name,
			r->vector, r->error, r->cr2, r->out.rip);
	else
		fprintf(to, "  %-10s %s (%u)\n", name, ends[r->end], r->error);
}

void report_case(FILE *to, const struct generator *g, const struct diff_case *c,
		 const struct diff_result *a, const struct diff_result *b,
		 const char *const names[2], bool whole)
{
	struct printer pr = {to, whole};

	fprintf(to,
		"case %" PRIu64 " of seed %" PRIu64 ", %u-bit code: --seed %" PRIu64
		" --case %" PRIu64 "\n",
		c->number, g->seed, c->code_bytes * 8, g->seed, c->number);
	print_code(to, g, c);
	print_end(to, names[0], a);
	print_end(to, names[1], b);
	if (a->retired != b->retired)
		fprintf(to, "  retired    %" PRIu64 " and %" PRIu64 " instructions\n", a->retired,
			b->retired);
	fprintf(to, "  %-10s %-33s %-33s %s\n", "", "before", names[0], names[1]);
	for (unsigned n = 0; n < 16; n++)
		print_value(&pr, gpr_name[n], c->in.gpr[n], a->out.gpr[n], b->out.gpr[n]);
	print_value(&pr, "rflags", c->in.rflags, a->out.rflags, b->out.rflags);
	for (unsigned n = 0; n < 6; n++)
		print_value(&pr, sel_name[n], c->in.sel[n], a->out.sel[n], b->out.sel[n]);
	print_value(&pr, "fs base", c->in.fs_base, a->out.fs_base, b->out.fs_base);
	print_value(&pr, "gs base", c->in.gs_base, a->out.gs_base, b->out.gs_base);
	print_fx(&pr, &c->in.fx, &a->out.fx, &b->out.fx);
	print_memory(&pr, c, a, b);
}
