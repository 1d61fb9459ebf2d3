/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neutral state both ways.  What comes in is checked by core/x86 as for any engine; what KVM has no
 * place for is refused.  Events are set last, since setting registers drops them.
 */
#include "core/engine/kvm/kvm.h"

#include <string.h>

#define MSR_APIC_BASE 0x1b

/* KVM's order of general registers. */
static void regs_from(const struct kvm_regs *r, struct vcpu_state *s)
{
	const uint64_t gpr[16] = {r->rax, r->rcx, r->rdx, r->rbx, r->rsp, r->rbp, r->rsi, r->rdi,
				  r->r8,  r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15};

	memcpy(s->gpr, gpr, sizeof(gpr));
	s->rip = r->rip;
	s->rflags = r->rflags;
}

static struct kvm_regs regs_to(const struct vcpu_state *s)
{
	const uint64_t *g = s->gpr;

	return (struct kvm_regs){
		.rax = g[X86_RAX],
		.rcx = g[X86_RCX],
		.rdx = g[X86_RDX],
		.rbx = g[X86_RBX],
		.rsp = g[X86_RSP],
		.rbp = g[X86_RBP],
		.rsi = g[X86_RSI],
		.rdi = g[X86_RDI],
		.r8 = g[X86_R8],
		.r9 = g[X86_R9],
		.r10 = g[X86_R10],
		.r11 = g[X86_R11],
		.r12 = g[X86_R12],
		.r13 = g[X86_R13],
		.r14 = g[X86_R14],
		.r15 = g[X86_R15],
		.rip = s->rip,
		.rflags = s->rflags,
	};
}

/* ---- segments ---- */

static struct x86_segment segment_from(const struct kvm_segment *k)
{
	struct x86_segment s = {.base = k->base, .limit = k->limit, .selector = k->selector};

	s.attr = (uint16_t)(k->type | k->s << 4 | k->dpl << X86_SEG_DPL_SHIFT);
	if (k->present)
		s.attr |= X86_SEG_P;
	if (k->avl)
		s.attr |= X86_SEG_AVL;
	if (k->l)
		s.attr |= X86_SEG_L;
	if (k->db)
		s.attr |= X86_SEG_DB;
	if (k->g)
		s.attr |= X86_SEG_G;
	if (k->unusable) /* of what remains only the DPL of SS says something: the CPL */
		s.attr = (uint16_t)((s.attr & X86_SEG_DPL) | X86_SEG_UNUSABLE);
	return s;
}

static struct kvm_segment segment_to(const struct x86_segment *s, bool long_mode)
{
	return (struct kvm_segment){
		.base = s->base,
		.limit = s->limit,
		.selector = s->selector,
		.type = s->attr & X86_SEG_TYPE,
		.s = !!(s->attr & X86_SEG_S),
		.dpl = (s->attr & X86_SEG_DPL) >> X86_SEG_DPL_SHIFT,
		.present = (s->attr & X86_SEG_P) && !(s->attr & X86_SEG_UNUSABLE),
		.avl = !!(s->attr & X86_SEG_AVL),
		.l = long_mode && s->attr & X86_SEG_L,
		.db = !!(s->attr & X86_SEG_DB),
		.g = !!(s->attr & X86_SEG_G),
		.unusable = !!(s->attr & X86_SEG_UNUSABLE),
	};
}

static void sregs_from(const struct kvm_sregs2 *k, struct vcpu_state *s)
{
	const struct kvm_segment *segment[X86_SEGS] = {&k->es, &k->cs, &k->ss,	&k->ds,
						       &k->fs, &k->gs, &k->ldt, &k->tr};

	for (unsigned n = 0; n < X86_SEGS; n++)
		s->seg[n] = segment_from(segment[n]);
	s->gdt = (struct x86_table){k->gdt.base, k->gdt.limit};
	s->idt = (struct x86_table){k->idt.base, k->idt.limit};
	s->cr0 = k->cr0;
	s->cr2 = k->cr2;
	s->cr3 = k->cr3;
	s->cr4 = k->cr4;
	s->efer = k->efer;
	if (k->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID)
		memcpy(s->pdpte, k->pdptrs, sizeof(s->pdpte));
}

static struct kvm_sregs2 sregs_to(const struct vcpu_state *s, uint64_t apic_base, uint64_t tpr)
{
	bool long_mode = s->efer & EFER_LMA;
	struct kvm_sregs2 k = {
		.gdt = {.base = s->gdt.base, .limit = s->gdt.limit},
		.idt = {.base = s->idt.base, .limit = s->idt.limit},
		.cr0 = s->cr0,
		.cr2 = s->cr2,
		.cr3 = s->cr3,
		.cr4 = s->cr4,
		.cr8 = tpr,
		.efer = s->efer,
		.apic_base = apic_base,
	};
	struct kvm_segment *segment[X86_SEGS] = {&k.es, &k.cs, &k.ss,  &k.ds,
						 &k.fs, &k.gs, &k.ldt, &k.tr};

	for (unsigned n = 0; n < X86_SEGS; n++)
		*segment[n] = segment_to(&s->seg[n], long_mode);
	if (s->cr0 & CR0_PG && s->cr4 & CR4_PAE && !long_mode) {
		k.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
		memcpy(k.pdptrs, s->pdpte, sizeof(k.pdptrs));
	}
	return k;
}

/* ---- debug registers ---- */

static bool debug_get(struct kvm_vcpu *v, struct vcpu_state *s)
{
	struct kvm_debugregs k;

	if (!kvm_vcpu_ioctl(v, KVM_GET_DEBUGREGS, &k, "KVM_GET_DEBUGREGS"))
		return false;
	for (unsigned n = 0; n < 4; n++)
		s->dr[n] = k.db[n];
	s->dr6 = (k.dr6 & DR6_VALID) | DR6_FIXED;
	s->dr7 = (k.dr7 & DR7_VALID) | DR7_FIXED;
	return true;
}

static bool debug_set(struct kvm_vcpu *v, const struct vcpu_state *s)
{
	struct kvm_debugregs k = {.dr6 = s->dr6, .dr7 = s->dr7};

	for (unsigned n = 0; n < 4; n++)
		k.db[n] = s->dr[n];
	return kvm_vcpu_ioctl(v, KVM_SET_DEBUGREGS, &k, "KVM_SET_DEBUGREGS");
}

/* ---- events ---- */

bool kvm_events_get(struct kvm_vcpu *v, struct kvm_vcpu_events *events)
{
	memset(events, 0, sizeof(*events));
	return kvm_vcpu_ioctl(v, KVM_GET_VCPU_EVENTS, events, "KVM_GET_VCPU_EVENTS");
}

static struct x86_event event_from(const struct kvm_vcpu_events *k, const struct vcpu_state *s)
{
	struct x86_event e = {.kind = X86_EVENT_NONE};

	if (k->exception.injected) {
		e.kind = X86_EVENT_EXCEPTION;
		e.vector = k->exception.nr;
		e.has_error = k->exception.has_error_code;
		e.error = e.has_error ? k->exception.error_code : 0;
		e.address = e.vector == X86_PF ? s->cr2 : 0;
	} else if (k->nmi.injected || k->nmi.pending) {
		e.kind = X86_EVENT_NMI;
		e.vector = X86_NMI;
	} else if (k->interrupt.injected) {
		e.kind = k->interrupt.soft ? X86_EVENT_SOFTWARE : X86_EVENT_EXTERNAL;
		e.vector = k->interrupt.nr;
	}
	return e;
}

static void events_from(const struct kvm_vcpu_events *k, struct vcpu_state *s)
{
	s->event = event_from(k, s);
	if (k->interrupt.shadow & KVM_X86_SHADOW_INT_STI)
		s->shadow = X86_SHADOW_STI;
	else if (k->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS)
		s->shadow = X86_SHADOW_MOV_SS;
	s->nmi_blocked = k->nmi.masked && !k->nmi.injected;
}

static struct kvm_vcpu_events events_to(const struct vcpu_state *s)
{
	struct kvm_vcpu_events k = {.flags = KVM_VCPUEVENT_VALID_NMI_PENDING |
					     KVM_VCPUEVENT_VALID_SHADOW};

	k.nmi.masked = s->nmi_blocked;
	if (s->shadow == X86_SHADOW_STI)
		k.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
	else if (s->shadow == X86_SHADOW_MOV_SS)
		k.interrupt.shadow = KVM_X86_SHADOW_INT_MOV_SS;
	switch (s->event.kind) {
	case X86_EVENT_EXCEPTION:
		k.exception.injected = 1;
		k.exception.nr = s->event.vector;
		k.exception.has_error_code = s->event.has_error;
		k.exception.error_code = s->event.error;
		break;
	case X86_EVENT_EXTERNAL:
		k.interrupt.injected = 1;
		k.interrupt.nr = s->event.vector;
		break;
	case X86_EVENT_NMI: k.nmi.pending = 1; break;
	}
	return k;
}

/* ---- all of it ---- */

void kvm_state_get(struct kvm_vcpu *v, struct vcpu_state *s)
{
	struct kvm_regs regs;
	struct kvm_sregs2 sregs;
	struct kvm_vcpu_events events;

	memset(s, 0, sizeof(*s));
	kvm_vcpu_settle(v);
	if (!kvm_vcpu_ioctl(v, KVM_GET_REGS, &regs, "KVM_GET_REGS") ||
	    !kvm_vcpu_ioctl(v, KVM_GET_SREGS2, &sregs, "KVM_GET_SREGS2"))
		return;
	regs_from(&regs, s);
	sregs_from(&sregs, s);
	if (!debug_get(v, s) || !kvm_fpu_get(v, s) || !kvm_msrs_get(v, &s->msr) ||
	    !kvm_events_get(v, &events))
		return;
	events_from(&events, s);
	s->activity = v->activity;
}

static const char *no_place_for(const struct vcpu_state *s)
{
	if (s->debug_hit)
		return "KVM has no place for a data breakpoint that MOV SS holds off";
	if (s->event.kind == X86_EVENT_SOFTWARE)
		return "KVM has no place for a software interrupt that is half delivered";
	return NULL;
}

/* What the delivery of a pending exception would set first (SDM vol. 3A 6.15). */
static void apply_event_address(struct vcpu_state *s)
{
	if (s->event.kind != X86_EVENT_EXCEPTION)
		return;
	if (s->event.vector == X86_PF)
		s->cr2 = s->event.address;
	if (s->event.vector == X86_DB)
		s->dr6 |= s->event.address & DR6_VALID;
}

static bool push(struct kvm_vcpu *v, const struct vcpu_state *s)
{
	const struct engine_config *config = &v->engine->config;
	uint64_t apic_base = 0;
	uint64_t tpr = config->machine->tpr_read(config->machine_ctx, v->number);
	struct kvm_regs regs = regs_to(s);
	struct kvm_vcpu_events events = events_to(s);
	struct kvm_sregs2 sregs;

	/* the kernel shows an APIC in CPUID only when it is on */
	config->machine->msr_read(config->machine_ctx, v->number, MSR_APIC_BASE, &apic_base);
	sregs = sregs_to(s, apic_base, tpr);
	return kvm_vcpu_ioctl(v, KVM_SET_SREGS2, &sregs, "KVM_SET_SREGS2") &&
	       kvm_vcpu_ioctl(v, KVM_SET_REGS, &regs, "KVM_SET_REGS") && debug_set(v, s) &&
	       kvm_fpu_set(v, s) && kvm_msrs_set(v, &s->msr) &&
	       kvm_vcpu_ioctl(v, KVM_SET_VCPU_EVENTS, &events, "KVM_SET_VCPU_EVENTS");
}

int kvm_state_set(struct kvm_vcpu *v, const struct vcpu_state *state, struct err *err)
{
	struct vcpu_state s = *state;
	const char *wrong = no_place_for(&s);

	if (!wrong)
		wrong = x86_cpu_set_state(&v->cpu, &s);
	if (wrong)
		return err_set(err, ERR_INVALID, "vCPU %u: %s", v->number, wrong);
	v->cpu.event = (struct x86_event){.kind = X86_EVENT_NONE};
	kvm_vcpu_settle(v);
	v->failed = v->left_already = false;
	v->transfer.open = false;
	apply_event_address(&s);
	if (!push(v, &s)) {
		if (err)
			*err = v->failure;
		return v->failure.code;
	}
	v->activity = s.activity;
	v->ready = s.rflags & X86_IF && !s.shadow && s.event.kind == X86_EVENT_NONE;
	return 0;
}
