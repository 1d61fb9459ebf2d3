/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/access.h"
#include "core/x86/cpuid.h"
#include "core/x86/decode.h"
#include "core/x86/fault.h"
#include "core/x86/fpu.h"

#define DR6_SINGLE_STEP (1u << 14)

/* Attributes that ask for a check before the instruction may be carried out. */
#define CHECKED (A_CPL0 | A_PROT | A_X87 | A_MMX | A_SSE | A_WAIT)

static enum x86_status check_vector_unit(struct x86_cpu *c, uint32_t attr)
{
	if (attr & (A_MMX | A_SSE) && c->cr0 & CR0_EM)
		return x86_raise(c, X86_UD);
	if (attr & A_SSE && !(c->cr4 & CR4_OSFXSR))
		return x86_raise(c, X86_UD);
	if (c->cr0 & CR0_TS || (attr & A_X87 && c->cr0 & CR0_EM))
		return x86_raise(c, X86_NM);
	if (attr & (A_MMX | A_WAIT))
		return fpu_check_pending(c);
	return X86_OK;
}

static enum x86_status check_row(struct x86_cpu *c, const struct x86_opcode *o)
{
	if (!(c->model->features & 1u << o->feature) && o->feature != X86_FEAT_BASE)
		return x86_raise(c, X86_UD);
	if (o->attr & A_PROT && x86_is_real(c))
		return x86_raise(c, X86_UD);
	if (o->attr & A_CPL0 && c->cpl != 0)
		return x86_raise_gp(c);
	if (o->attr & (A_X87 | A_MMX | A_SSE))
		return check_vector_unit(c, o->attr);
	return X86_OK;
}

enum x86_status x86_execute(struct x86_cpu *c, const struct x86_insn *i)
{
	const struct x86_opcode *o = &x86_opcodes[i->op];
	uint64_t resume_flag = c->rflags & X86_RF;
	uint8_t shadow = c->shadow;
	enum x86_status status = X86_OK;

	c->shadow = 0;
	c->rflags &= ~(uint64_t)X86_RF;
	if (o->attr & CHECKED || o->feature != X86_FEAT_BASE)
		status = check_row(c, o);
	if (status == X86_OK)
		status = o->exec(c, i);
	if (status == X86_OK) {
		c->rip = (c->rip + i->len) & x86_rip_mask(c);
	} else if (status != X86_JUMPED) {
		c->shadow = shadow;
		c->rflags |= resume_flag;
	}
	return status;
}

/* An instruction breakpoint on rip raises #DB before the instruction (SDM vol. 3B 17.3.1.1). */
static enum x86_status check_code_breakpoints(struct x86_cpu *c)
{
	uint64_t linear = c->rip + (x86_is_64(c) ? 0 : c->seg[X86_CS].base);
	uint32_t hits = 0;

	if (c->rflags & X86_RF || c->shadow & X86_SHADOW_MOV_SS)
		return X86_OK;
	for (unsigned n = 0; n < 4; n++)
		if (c->dr7 >> (2 * n) & 3 && !(c->dr7 >> (16 + 4 * n) & 3) && c->dr[n] == linear)
			hits |= 1u << n;
	if (!hits)
		return X86_OK;
	x86_raise(c, X86_DB);
	c->event.address = hits;
	return X86_FAULT;
}

enum x86_status x86_fetch_insn(struct x86_cpu *c, struct x86_insn *i)
{
	uint8_t bytes[X86_INSN_MAX_BYTES];
	enum x86_decode_result result;
	unsigned need, got = 0;

	do {
		need = got + 1;
		x86_fetch(c, bytes, need, &got);
		if (got < need) {
			i->len = 0;
			return X86_FAULT; /* the one that the missing byte raised */
		}
		result = x86_decode(c->decoder, bytes, got, c->code_bytes, i);
	} while (result == X86_DECODE_SHORT);
	if (result == X86_DECODE_OK)
		return X86_OK;
	return result == X86_DECODE_TOO_LONG ? x86_raise_gp(c) : x86_raise(c, X86_UD);
}

/* INT n, INT3, INT1, INTO, SYSCALL: the jumps that save the flags and clear TF. */
static bool saves_flags(const struct x86_opcode *o)
{
	return o->attr & A_SYNC && o->flags_read;
}

/* Single-step and data breakpoint traps: due after an instruction has completed, unless it was
 * one that loads SS (SDM vol. 3A 6.8.3).  TF as it was before the instruction counts, except that
 * one that saved it for later is not followed by a trap. */
static void raise_traps(struct x86_cpu *c, const struct x86_insn *i, bool was_stepping)
{
	bool step = was_stepping && (c->rflags & X86_TF || !saves_flags(&x86_opcodes[i->op]));
	uint64_t hits = c->debug_hit | (step ? DR6_SINGLE_STEP : 0);

	if (!hits || c->shadow & X86_SHADOW_MOV_SS)
		return;
	c->debug_hit = 0;
	x86_raise(c, X86_DB);
	c->event.address = hits;
}

/* Under single-step a REP instruction stops, and traps, after each iteration. */
static enum x86_status execute_stepping(struct x86_cpu *c, const struct x86_insn *i)
{
	uint32_t limit = c->rep_limit;
	enum x86_status status;

	c->rep_limit = 1;
	status = x86_execute(c, i);
	c->rep_limit = limit;
	return status;
}

enum x86_status x86_step(struct x86_cpu *c, struct x86_insn *i)
{
	struct x86_insn local;
	bool stepping = c->rflags & X86_TF;
	enum x86_status status = X86_OK;

	if (!i)
		i = &local;
	i->len = 0;
	if (c->event.kind != X86_EVENT_NONE)
		status = X86_FAULT;
	if (status == X86_OK && c->dr7 & 0xff)
		status = check_code_breakpoints(c);
	if (status == X86_OK)
		status = x86_fetch_insn(c, i);
	if (status == X86_OK)
		status = stepping ? execute_stepping(c, i) : x86_execute(c, i);
	switch (status) {
	case X86_FAULT:
		c->debug_hit = 0;
		return x86_event_deliver(c) == X86_EXIT ? X86_EXIT : X86_FAULT;
	case X86_EXIT: return status;
	default:
		raise_traps(c, i, stepping);
		if (c->event.kind != X86_EVENT_NONE)
			x86_event_deliver(c); /* not now: it stays pending for the next step */
		return status == X86_AGAIN ? X86_AGAIN : X86_OK;
	}
}
