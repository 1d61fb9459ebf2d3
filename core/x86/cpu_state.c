/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The neutral form, both ways.  A state that comes in may have been written by anybody, so
 * everything that the rest of core/x86 takes for granted is checked here first, and nothing is
 * taken over before all of it has passed.
 *
 * The rules are those of the SDM's VM entry checks on guest state (vol. 3C 26.3) where they say
 * what a CPU can be in, loosened where a CPU can get there on its own (real mode right after
 * reset, protected mode before the first far jump).
 */
#include "core/x86/cpu.h"
#include "core/x86/cpuid.h"
#include "core/x86/host_fp.h"
#include "core/x86/msr.h"
#include "core/x86/page_walk.h"

#include <string.h>

#define CR0_VALID                                                                                  \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | \
	 CR0_PG)
#define RFLAGS_VALID                                                                             \
	((uint64_t)(X86_ARITH | X86_FLAG_1 | X86_TF | X86_IF | X86_DF_FLAG | X86_IOPL | X86_NT | \
		    X86_RF | X86_VM | X86_AC_FLAG | X86_VIF | X86_VIP | X86_ID))

#define TYPE_ACCESSED	1
#define TYPE_RW		2
#define TYPE_DOWN	4 /* data: expands down; code: conforming */
#define TYPE_CODE	8
#define TYPE_LDT	2
#define TYPE_BUSY_TSS16 3
#define TYPE_BUSY_TSS32 11

static bool in_long_mode(const struct vcpu_state *s)
{
	return s->efer & EFER_LMA;
}

static bool in_protected_mode(const struct vcpu_state *s)
{
	return s->cr0 & CR0_PE && !(s->rflags & X86_VM);
}

static bool has_pae_registers(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	return cr0 & CR0_PG && cr4 & CR4_PAE && !(efer & EFER_LMA);
}

static unsigned seg_type(const struct x86_segment *s)
{
	return s->attr & X86_SEG_TYPE;
}

static unsigned seg_dpl(const struct x86_segment *s)
{
	return (s->attr & X86_SEG_DPL) >> X86_SEG_DPL_SHIFT;
}

static bool seg_usable(const struct x86_segment *s)
{
	return !(s->attr & X86_SEG_UNUSABLE);
}

/* Present, and a code or data (not a system) segment that has been accessed, as loading does. */
static bool seg_loaded(const struct x86_segment *s)
{
	return seg_usable(s) && s->attr & X86_SEG_P && s->attr & X86_SEG_S &&
	       seg_type(s) & TYPE_ACCESSED;
}

/* ---- control registers ---- */

static const char *check_control(const struct x86_cpu *c, const struct vcpu_state *s)
{
	uint64_t lma = s->cr0 & CR0_PG && s->efer & EFER_LME ? EFER_LMA : 0;

	if (s->cr0 & ~(uint64_t)CR0_VALID || !(s->cr0 & CR0_ET))
		return "CR0 has reserved bits set or ET clear";
	if (s->cr0 & CR0_PG && !(s->cr0 & CR0_PE))
		return "CR0.PG is set without CR0.PE";
	if (s->cr0 & CR0_NW && !(s->cr0 & CR0_CD))
		return "CR0.NW is set without CR0.CD";
	if (s->cr4 & ~(uint64_t)c->model->cr4_valid)
		return "CR4 has bits that the CPU model lacks";
	if (s->efer & ~(uint64_t)c->model->efer_valid)
		return "EFER has bits that the CPU model lacks";
	if ((s->efer & EFER_LMA) != lma)
		return "EFER.LMA is not EFER.LME and CR0.PG";
	if (lma && !(s->cr4 & CR4_PAE))
		return "EFER.LMA is set without CR4.PAE";
	if (s->cr3 & x86_no_physical(c))
		return "CR3 is beyond the physical address width";
	if (has_pae_registers(s->cr0, s->cr4, s->efer))
		for (unsigned n = 0; n < 4; n++)
			if (s->pdpte[n] & 1 && s->pdpte[n] & page_walk_pdpte_reserved(c))
				return "a PDPTE has reserved bits set";
	return NULL;
}

static const char *check_debug(const struct vcpu_state *s)
{
	if ((s->dr6 & ~(uint64_t)DR6_VALID) != DR6_FIXED)
		return "DR6 has reserved bits changed";
	if ((s->dr7 & ~(uint64_t)DR7_VALID) != DR7_FIXED)
		return "DR7 has reserved bits changed";
	if (s->debug_hit & ~0xfull)
		return "the pending debug trap has bits beyond B3";
	return NULL;
}

static const char *check_rip_rflags(const struct vcpu_state *s)
{
	bool code64 = in_long_mode(s) && s->seg[X86_CS].attr & X86_SEG_L;

	if (code64 ? !x86_is_canonical(s->rip) : s->rip >> 32 != 0)
		return "RIP is not an address of the code segment's mode";
	if (s->rflags & ~RFLAGS_VALID || !(s->rflags & X86_FLAG_1))
		return "RFLAGS has reserved bits changed";
	if (s->rflags & X86_VM && (!(s->cr0 & CR0_PE) || in_long_mode(s)))
		return "RFLAGS.VM is set outside legacy protected mode";
	return NULL;
}

/* ---- segments ---- */

/* Limits are byte counts: with G the low twelve bits are ones, without it the high ones zero. */
static bool limit_fits(const struct x86_segment *s)
{
	if (s->attr & X86_SEG_G)
		return (s->limit & 0xfff) == 0xfff;
	return s->limit <= 0xfffff;
}

static const char *check_bases(const struct vcpu_state *s)
{
	for (unsigned n = X86_ES; n <= X86_DS; n++)
		if (s->seg[n].base >> 32)
			return "the base of ES, CS, SS or DS is wider than 32 bits";
	for (unsigned n = X86_FS; n <= X86_TR; n++)
		if (!x86_is_canonical(s->seg[n].base))
			return "the base of FS, GS, LDTR or TR is not canonical";
	if (!x86_is_canonical(s->gdt.base))
		return "the base of GDTR is not canonical";
	if (!x86_is_canonical(s->idt.base))
		return "the base of IDTR is not canonical";
	return NULL;
}

static const char *check_attributes(const struct vcpu_state *s)
{
	const unsigned known = X86_SEG_TYPE | X86_SEG_S | X86_SEG_DPL | X86_SEG_P | X86_SEG_AVL |
			       X86_SEG_L | X86_SEG_DB | X86_SEG_G | X86_SEG_UNUSABLE;

	for (unsigned n = 0; n < X86_SEGS; n++) {
		if (s->seg[n].attr & ~known)
			return "a segment has unknown attributes";
		if (seg_usable(&s->seg[n]) && !limit_fits(&s->seg[n]))
			return "a segment's limit disagrees with its granularity";
	}
	return NULL;
}

static const char *check_vm86_segments(const struct vcpu_state *s)
{
	for (unsigned n = X86_ES; n <= X86_GS; n++) {
		const struct x86_segment *seg = &s->seg[n];

		if (seg->base != (uint64_t)seg->selector << 4 || seg->limit != 0xffff ||
		    seg->attr != (X86_SEG_P | X86_SEG_DPL | X86_SEG_S | TYPE_RW | TYPE_ACCESSED))
			return "a segment is not as virtual-8086 mode loads it";
	}
	return NULL;
}

static const char *check_code_segment(const struct vcpu_state *s)
{
	const struct x86_segment *cs = &s->seg[X86_CS];
	unsigned dpl = seg_dpl(cs), cpl = seg_dpl(&s->seg[X86_SS]);

	if (!seg_loaded(cs))
		return "CS is not a present code segment";
	if (!(seg_type(cs) & TYPE_CODE)) {
		/* only as real mode left it */
		if (seg_type(cs) != (TYPE_RW | TYPE_ACCESSED) || dpl != 0 || cpl != 0)
			return "CS is not a present code segment";
	} else if (seg_type(cs) & TYPE_DOWN ? dpl > cpl : dpl != cpl) {
		return "the DPL of CS disagrees with the CPL (the DPL of SS)";
	}
	if (in_long_mode(s) && cs->attr & X86_SEG_L && cs->attr & X86_SEG_DB)
		return "CS has both L and D";
	return NULL;
}

static const char *check_stack_segment(const struct vcpu_state *s)
{
	const struct x86_segment *ss = &s->seg[X86_SS];

	if (!seg_usable(ss)) {
		if (!in_long_mode(s))
			return "SS is unusable outside long mode";
		return NULL;
	}
	if (!seg_loaded(ss) || seg_type(ss) & TYPE_CODE || !(seg_type(ss) & TYPE_RW))
		return "SS is not a present writable data segment";
	return NULL;
}

static const char *check_data_segments(const struct vcpu_state *s)
{
	static const uint8_t data[] = {X86_ES, X86_DS, X86_FS, X86_GS};

	for (unsigned n = 0; n < sizeof(data); n++) {
		const struct x86_segment *seg = &s->seg[data[n]];

		if (!seg_usable(seg))
			continue;
		if (!seg_loaded(seg) || (seg_type(seg) & TYPE_CODE && !(seg_type(seg) & TYPE_RW)))
			return "ES, DS, FS or GS is not a present readable segment";
	}
	return NULL;
}

static bool system_loaded(const struct x86_segment *s)
{
	return seg_usable(s) && s->attr & X86_SEG_P && !(s->attr & X86_SEG_S) && !(s->selector & 4);
}

static const char *check_system_segments(const struct vcpu_state *s)
{
	const struct x86_segment *ldtr = &s->seg[X86_LDTR], *tr = &s->seg[X86_TR];

	if (!system_loaded(tr) ||
	    (seg_type(tr) != TYPE_BUSY_TSS16 && seg_type(tr) != TYPE_BUSY_TSS32))
		return "TR is not a present busy TSS";
	if (seg_usable(ldtr) && (!system_loaded(ldtr) || seg_type(ldtr) != TYPE_LDT))
		return "LDTR is not a present LDT";
	return NULL;
}

static const char *check_segments(const struct vcpu_state *s)
{
	const char *refusal = check_attributes(s);

	if (!refusal)
		refusal = check_bases(s);
	if (!refusal)
		refusal = check_system_segments(s);
	if (!refusal && s->rflags & X86_VM)
		return check_vm86_segments(s);
	if (refusal || !in_protected_mode(s))
		return refusal;
	refusal = check_stack_segment(s);
	if (!refusal)
		refusal = check_code_segment(s);
	if (!refusal)
		refusal = check_data_segments(s);
	return refusal;
}

/* ---- events and what remains ---- */

static bool vector_has_error(unsigned vector)
{
	return vector == X86_DF || (vector >= X86_TS && vector <= X86_PF) || vector == X86_AC;
}

static const char *check_event(const struct x86_event *e)
{
	if (e->kind > X86_EVENT_NMI)
		return "the pending event has an unknown kind";
	if (e->kind == X86_EVENT_EXCEPTION && (e->vector > 31 || e->vector == X86_NMI))
		return "the pending exception has a vector that is none";
	if (e->kind == X86_EVENT_NMI && e->vector != X86_NMI)
		return "the pending NMI has another vector";
	if (e->has_error > 1 ||
	    (e->has_error && (e->kind != X86_EVENT_EXCEPTION || !vector_has_error(e->vector))))
		return "the pending event has an error code where there is none";
	if (e->error >> 16)
		return "the pending event's error code is wider than 16 bits";
	return NULL;
}

static const char *check_rest(const struct vcpu_state *s)
{
	if (s->mxcsr & ~MXCSR_VALID)
		return "MXCSR has reserved bits set";
	if (s->fpu.opcode > 0x7ff)
		return "the x87 opcode is wider than 11 bits";
	if (s->activity > X86_SHUTDOWN)
		return "the activity state is unknown";
	if (s->shadow > X86_SHADOW_MOV_SS)
		return "the interrupt shadow is unknown";
	if (s->nmi_blocked > 1)
		return "NMI blocking is neither on nor off";
	return check_event(&s->event);
}

static const char *check_state(const struct x86_cpu *c, const struct vcpu_state *s)
{
	const char *refusal = check_control(c, s);

	if (!refusal)
		refusal = check_debug(s);
	if (!refusal)
		refusal = check_rip_rflags(s);
	if (!refusal)
		refusal = check_segments(s);
	if (!refusal)
		refusal = msr_check(&s->msr);
	if (!refusal)
		refusal = check_rest(s);
	return refusal;
}

/* ---- both ways ---- */

void x86_cpu_get_state(const struct x86_cpu *c, struct vcpu_state *s)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->gpr, c->r, sizeof(s->gpr));
	s->rip = c->rip;
	s->rflags = c->rflags | lazy_get(&c->lazy);
	memcpy(s->seg, c->seg, sizeof(s->seg));
	s->gdt = c->gdt;
	s->idt = c->idt;
	s->cr0 = c->cr0;
	s->cr2 = c->cr2;
	s->cr3 = c->cr3;
	s->cr4 = c->cr4;
	s->efer = c->efer;
	memcpy(s->dr, c->dr, sizeof(s->dr));
	s->dr6 = c->dr6;
	s->dr7 = c->dr7;
	if (has_pae_registers(c->cr0, c->cr4, c->efer))
		memcpy(s->pdpte, c->pdpte, sizeof(s->pdpte));
	s->debug_hit = c->debug_hit;
	s->fpu = c->fpu;
	memcpy(s->xmm, c->xmm, sizeof(s->xmm));
	s->mxcsr = c->mxcsr;
	s->msr = c->msr;
	if (c->event.kind != X86_EVENT_NONE)
		s->event = c->event;
	s->activity = c->activity;
	s->shadow = c->shadow;
	s->nmi_blocked = c->nmi_blocked;
}

static void take_state(struct x86_cpu *c, const struct vcpu_state *s)
{
	memset(c->r, 0, sizeof(c->r));
	memcpy(c->r, s->gpr, sizeof(s->gpr));
	c->rip = s->rip;
	lazy_set(&c->lazy, (uint32_t)s->rflags);
	c->rflags = s->rflags & ~(uint64_t)X86_ARITH;
	memcpy(c->seg, s->seg, sizeof(c->seg));
	c->gdt = s->gdt;
	c->idt = s->idt;
	c->cr0 = s->cr0;
	c->cr2 = s->cr2;
	c->cr3 = s->cr3;
	c->cr4 = s->cr4;
	c->efer = s->efer;
	memcpy(c->dr, s->dr, sizeof(c->dr));
	c->dr6 = s->dr6;
	c->dr7 = s->dr7;
	memcpy(c->pdpte, s->pdpte, sizeof(c->pdpte));
	c->debug_hit = s->debug_hit;
	c->fpu = s->fpu;
	memcpy(c->xmm, s->xmm, sizeof(c->xmm));
	c->mxcsr = s->mxcsr;
	c->msr = s->msr;
	c->event = s->event;
	c->activity = s->activity;
	c->shadow = s->shadow;
	c->nmi_blocked = s->nmi_blocked;
}

const char *x86_cpu_set_state(struct x86_cpu *c, const struct vcpu_state *s)
{
	const char *refusal = check_state(c, s);

	if (refusal)
		return refusal;
	take_state(c, s);
	tlb_flush(&c->tlb);
	x86_mode_update(c);
	return NULL;
}
