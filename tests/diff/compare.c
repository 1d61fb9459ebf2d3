/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/compare.h"

#include "core/x86/cpu.h"
#include "core/x86/fpu.h"
#include "core/x86/opcode.h"
#include "tests/diff/close.h"
#include "tests/diff/quirks.h"

#include <string.h>

#define PF_PRESENT 1u
#define UPPER_HALF 0xffff800000000000u

static void clear_uncomparable(struct case_state *s, uint32_t quirks)
{
	if (quirks & QUIRK_ANY_AX_DX)
		s->gpr[X86_RAX] = s->gpr[X86_RDX] = 0;
	if (quirks & QUIRK_ANY_BX_CX)
		s->gpr[X86_RBX] = s->gpr[X86_RCX] = 0;
	if (quirks & QUIRK_ANY_X87) {
		/* underflow too: a result may be the smallest normal number to one side only */
		s->fx.status &= (uint16_t) ~(FSW_C1 | FSW_PE | FSW_UE);
		if (~s->fx.control & (FSW_PE | FSW_UE)) { /* they decide whether one is pending */
			s->fx.status &= (uint16_t) ~(FSW_ES | FSW_B);
			s->fx.opcode = 0;
			s->fx.instruction_ptr = s->fx.data_ptr = 0;
		}
	}
	if (quirks & QUIRK_ANY_C1)
		s->fx.status &= (uint16_t)~FSW_C1;
}

static uint64_t canonical(uint64_t v)
{
	return (uint64_t)((int64_t)(v << 16) >> 16);
}

/* Clears a part of memory. */
static void clear_memory(struct diff_result *r, uint64_t linear, unsigned n_bytes)
{
	for (; n_bytes; linear++, n_bytes--)
		if (linear - ARENA_DATA < ARENA_DATA_BYTES)
			r->data[linear - ARENA_DATA] = 0;
		else if (linear - ARENA_HIGH < ARENA_DATA_BYTES)
			r->data[linear - ARENA_HIGH] = 0;
		else if (linear - ARENA_SCRATCH < CASE_SCRATCH_BYTES)
			r->scratch[linear - ARENA_SCRATCH] = 0;
}

/* FOP, FIP and FDP in the FXSAVE image and in the x87 environment. */
static void clear_x87_pointers(const struct soft_trace *t, struct diff_result *r)
{
	const struct x86_opcode *o = &x86_opcodes[t->quirk_row];

	if (o->opr[0].code == O_Mfx)
		clear_memory(r, t->memory_at + 6, 18), clear_memory(r, t->memory_at + 28, 4);
	else if (t->quirk_opsize == 2)
		clear_memory(r, t->memory_at + 6, 8);
	else
		clear_memory(r, t->memory_at + 12, 16);
}

void compare_normalize(const struct diff_case *c, const struct soft_trace *t, struct diff_result *r)
{
	struct case_state *s = &r->out;

	s->rflags &= ~(uint64_t)t->undefined_flags;
	s->fx.mxcsr_mask = 0;
	s->fx.reserved = 0;
	for (unsigned n = 0; n < 8; n++)
		memset(s->fx.st[n].unused, 0, sizeof(s->fx.st[n].unused));
	/* Coming back from the kernel makes a null selector zero. */
	for (unsigned n = 0; n < 6; n++)
		if (s->sel[n] <= 3)
			s->sel[n] = 0;
	/* Linux does not keep the upper half of RSP for a 16-bit stack, and a CPU need not keep it
	 * when it leaves 64-bit mode. */
	if (c->code_bytes == 2 || s->sel[X86_SS] == SEL_DATA16 || s->sel[X86_CS] != SEL_CODE64)
		s->gpr[X86_RSP] = (uint32_t)s->gpr[X86_RSP];
	/* Far away the child has its own pages and Linux hides which of its own are present. */
	if (r->vector == X86_PF && r->cr2 >> 32 && r->cr2 - ARENA_HIGH >= 2 * ARENA_DATA_BYTES)
		r->error &= ~PF_PRESENT;
	/* AMD keeps the x87 pointers only while an exception is pending. */
	if (!(s->fx.status & FSW_ES)) {
		s->fx.opcode = 0;
		s->fx.instruction_ptr = s->fx.data_ptr = 0;
	}
	/* AMD makes them canonical when they are loaded. */
	s->fx.instruction_ptr = canonical(s->fx.instruction_ptr);
	s->fx.data_ptr = canonical(s->fx.data_ptr);
	clear_uncomparable(s, t->quirks);
	if (t->quirks & QUIRK_ANY_FIP)
		clear_x87_pointers(t, r);
	if (t->quirks & QUIRK_ANY_PUSHED && t->quirk_opsize == 4)
		clear_memory(r, s->gpr[X86_RSP] + 2, 2);
	if (t->fault_quirks & QUIRK_FAULT_FLAGS)
		s->rflags &= ~(uint64_t)X86_ARITH;
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

/* The instruction of the case at rip, or NULL. */
static const struct case_insn *insn_at(const struct diff_case *c, uint64_t rip)
{
	for (unsigned n = 0; n < c->n_insns; n++)
		if (ARENA_CODE + (uint64_t)c->insn[n].at == rip)
			return &c->insn[n];
	return NULL;
}

static uint32_t quirks_at(const struct diff_case *c, uint64_t rip)
{
	const struct case_insn *i = insn_at(c, rip);

	return i ? quirk_bits(i->row) : 0;
}

/* Bytes that are no instruction, and a limit behind them, the end of the mapped code or that of 15
 * bytes: it is for a CPU to choose how many it looks at before it says so. */
static bool is_decoders_choice(const struct diff_case *c, const struct diff_result *a,
			       const struct diff_result *b)
{
	const struct case_insn *i = insn_at(c, a->out.rip);
	const struct diff_result *limit = a->vector == X86_UD ? b : a, *other = limit == a ? b : a;

	if (!i || other->vector != X86_UD || a->out.rip != b->out.rip)
		return false;
	if (limit->vector == X86_PF)
		return limit->cr2 == ARENA_CODE + ARENA_CODE_BYTES;
	return limit->vector == X86_GP && limit->error == 0 && i->len > 9;
}

/* AMD wants the offset in FS or GS to be canonical, Intel the linear address: where a small base
 * makes the difference. */
static bool is_at_canonical_edge(const struct diff_result *a, const struct diff_result *b)
{
	const struct diff_result *page = a->vector == X86_PF ? a : b, *other = page == a ? b : a;

	return page->vector == X86_PF &&
	       (other->vector == X86_GP || other->vector == X86_SS_FAULT) &&
	       page->cr2 - UPPER_HALF < 0x10000;
}

static bool may_differ(const struct diff_case *c, const struct diff_result *a,
		       const struct diff_result *b)
{
	if (quirks_at(c, a->out.rip) & QUIRK_FAULT_ANY ||
	    quirks_at(c, b->out.rip) & QUIRK_FAULT_ANY)
		return true;
	if (quirks_at(c, a->out.rip) & QUIRK_WIDE_STACK &&
	    (a->out.gpr[X86_RSP] | b->out.gpr[X86_RSP]) >> 32)
		return true;
	if (a->out.rip == b->out.rip && quirks_at(c, a->out.rip) & QUIRK_FAULT_ORDER)
		return true;
	return is_decoders_choice(c, a, b) || is_at_canonical_edge(a, b);
}

/* AMD saves the x87 pointers only while an exception is pending: when one becomes pending by a
 * change of masks, a context switch before that has lost them. */
static void forget_lost_pointers(const struct case_fx *native, struct case_fx *soft)
{
	if (!native->opcode && !native->instruction_ptr) {
		soft->opcode = 0;
		soft->instruction_ptr = 0;
	}
	if (!native->data_ptr)
		soft->data_ptr = 0;
}

/* Replaces what is close to the host's by it. */
static void forgive_approximations(const struct soft_trace *t, const struct case_fx *native,
				   struct case_fx *soft)
{
	for (unsigned n = 0; n < 2 && t->quirks & QUIRK_ANY_X87; n++)
		if (close_f80(&native->st[n], &soft->st[n]) ||
		    (t->quirks & QUIRK_ANGLE && t->large_operand))
			soft->st[n] = native->st[n];
	for (unsigned n = 0; n < 64 && t->quirks & QUIRK_ANY_XMM; n++) {
		const uint32_t *from = (const uint32_t *)native->xmm + n;
		uint32_t *to = (uint32_t *)soft->xmm + n;

		if (close_f32(*from, *to))
			*to = *from;
	}
}

enum verdict compare_native(const struct diff_case *c, const struct soft_trace *t,
			    struct diff_result *native, struct diff_result *soft)
{
	if (t->not_comparable)
		return VERDICT_NOT_COMPARABLE;
	/* Linux retries for ever a fault beyond 4 GiB in 32-bit code: an erratum of old CPUs. */
	if (native->end == END_TIMEOUT && (soft->end == END_TIMEOUT || c->code_bytes != 8))
		return VERDICT_NOT_COMPARABLE;
	/* AMD has MXCSR bit 17, the model does not. */
	if (native->out.fx.mxcsr >> 17)
		return VERDICT_NOT_COMPARABLE;
	native->retired = soft->retired;
	compare_normalize(c, t, native);
	compare_normalize(c, t, soft);
	forgive_approximations(t, &native->out.fx, &soft->out.fx);
	forget_lost_pointers(&native->out.fx, &soft->out.fx);
	if (equal(native, soft))
		return VERDICT_AGREE;
	if (native->end == END_TRAP && soft->end == END_TRAP && may_differ(c, native, soft))
		return VERDICT_NOT_COMPARABLE;
	return VERDICT_DISAGREE;
}

enum verdict compare_engines(const struct diff_result *reference, const struct diff_result *engine)
{
	return equal(reference, engine) && reference->retired == engine->retired ? VERDICT_AGREE
										 : VERDICT_DISAGREE;
}
