/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/compare.h"

#include "core/x86/cpu.h"
#include "core/x86/fpu.h"
#include "core/x86/opcode.h"
#include "tests/diff/quirks.h"

#include <string.h>

#define PF_PRESENT 1u

static void clear_uncomparable(struct case_state *s, uint32_t quirks)
{
	if (quirks & QUIRK_ANY_AX_DX)
		s->gpr[X86_RAX] = s->gpr[X86_RDX] = 0;
	if (quirks & QUIRK_ANY_BX_CX)
		s->gpr[X86_RBX] = s->gpr[X86_RCX] = 0;
	if (quirks & QUIRK_ANY_X87) {
		memset(s->fx.st, 0, 2 * sizeof(s->fx.st[0]));
		s->fx.status &= (uint16_t) ~(FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3 | 0x3f);
	}
	if (quirks & QUIRK_ANY_XMM)
		memset(s->fx.xmm, 0, sizeof(s->fx.xmm));
}

/* Clears a part of the last instruction's memory operand. */
static void clear_memory(const struct soft_trace *t, struct diff_result *r, unsigned from,
			 unsigned n_bytes)
{
	uint64_t offset = t->memory_at + from;

	offset -= offset >= ARENA_HIGH ? ARENA_HIGH : ARENA_DATA;
	for (; n_bytes && offset < ARENA_DATA_BYTES; n_bytes--)
		r->data[offset++] = 0;
}

/* FOP, FIP and FDP in the FXSAVE image and in the x87 environment. */
static void clear_x87_pointers(const struct soft_trace *t, struct diff_result *r)
{
	const struct x86_opcode *o = &x86_opcodes[t->quirk_row];

	if (o->opr[0].code == O_Mfx)
		clear_memory(t, r, 6, 18);
	else if (t->memory_opsize == 2)
		clear_memory(t, r, 6, 8);
	else
		clear_memory(t, r, 12, 16);
}

void compare_normalize(const struct diff_case *c, const struct soft_trace *t, struct diff_result *r)
{
	struct case_state *s = &r->out;

	(void)c;
	s->rflags &= ~(uint64_t)t->undefined_flags;
	s->fx.mxcsr_mask = 0;
	s->fx.reserved = 0;
	for (unsigned n = 0; n < 8; n++)
		memset(s->fx.st[n].unused, 0, sizeof(s->fx.st[n].unused));
	/* Linux does not keep the upper half of RSP for a 16-bit stack. */
	if (s->sel[X86_SS] == SEL_DATA16)
		s->gpr[X86_RSP] = (uint32_t)s->gpr[X86_RSP];
	/* Linux hides which of its own pages are present. */
	if (r->vector == X86_PF && r->cr2 >> 47)
		r->error &= ~PF_PRESENT;
	/* AMD keeps the x87 pointers only while an exception is pending. */
	if (!(s->fx.status & FSW_ES)) {
		s->fx.opcode = 0;
		s->fx.instruction_ptr = s->fx.data_ptr = 0;
	}
	clear_uncomparable(s, t->quirks);
	if (t->quirks & QUIRK_ANY_FIP)
		clear_x87_pointers(t, r);
}

static bool equal(const struct diff_result *a, const struct diff_result *b)
{
	if (a->end != b->end)
		return false;
	if (a->end != END_TRAP)
		return true;
	return a->vector == b->vector && a->error == b->error && a->cr2 == b->cr2 &&
	       memcmp(&a->out, &b->out, sizeof(a->out)) == 0 &&
	       memcmp(a->data, b->data, sizeof(a->data)) == 0 &&
	       memcmp(a->scratch, b->scratch, sizeof(a->scratch)) == 0;
}

enum verdict compare_native(const struct diff_case *c, const struct soft_trace *t,
			    struct diff_result *native, struct diff_result *soft)
{
	if (t->not_comparable)
		return VERDICT_NOT_COMPARABLE;
	if (native->end == END_TIMEOUT && soft->end == END_TIMEOUT)
		return VERDICT_NOT_COMPARABLE;
	compare_normalize(c, t, native);
	compare_normalize(c, t, soft);
	return equal(native, soft) ? VERDICT_AGREE : VERDICT_DISAGREE;
}

enum verdict compare_engines(const struct diff_result *reference, const struct diff_result *engine)
{
	return equal(reference, engine) ? VERDICT_AGREE : VERDICT_DISAGREE;
}
