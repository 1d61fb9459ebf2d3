/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where CPUs and the machine around them meet: the registers of a CPU that the machine keeps (time
 * stamp counter, APIC), and what a local APIC does to its CPU.
 */
#include "core/machine/parts.h"

#define MSR_TSC 0x10

uint64_t machine_instructions(const struct machine *m)
{
	if (!m->running)
		return m->now.instructions;
	return m->now.instructions + m->ops->count(m->engine, m->schedule.vcpu) - m->stretch_count;
}

uint64_t machine_guest_ns(const struct machine *m)
{
	return guest_time_at(&m->time, machine_instructions(m));
}

/* ---- asked by the engine ---- */

static uint64_t cpu_tsc(void *ctx, unsigned vcpu, uint64_t instructions)
{
	const struct machine *m = ctx;
	uint64_t now = m->now.instructions + (instructions - m->stretch_count);

	return guest_time_at(&m->time, now) + m->tsc_offset[vcpu];
}

/* A write to an APIC register may have made an interrupt deliverable to the CPU that runs: it
 * leaves the engine before its next instruction. */
static void look_again(struct machine *m, unsigned vcpu)
{
	if (m->running && vcpu == m->schedule.vcpu)
		m->ops->kick(m->engine, vcpu);
}

static bool cpu_msr_read(void *ctx, unsigned vcpu, uint32_t index, uint64_t *value)
{
	struct machine *m = ctx;

	if (index == MSR_TSC) {
		*value = machine_guest_ns(m) + m->tsc_offset[vcpu];
		return true;
	}
	return lapic_msr_read(m->lapic, vcpu, index, value);
}

static bool cpu_msr_write(void *ctx, unsigned vcpu, uint32_t index, uint64_t value)
{
	struct machine *m = ctx;

	if (index == MSR_TSC) {
		m->tsc_offset[vcpu] = value - machine_guest_ns(m);
		lapic_set_tsc_offset(m->lapic, vcpu, m->tsc_offset[vcpu]);
		return true;
	}
	if (!lapic_msr_write(m->lapic, vcpu, index, value))
		return false;
	look_again(m, vcpu);
	return true;
}

static uint64_t cpu_tpr_read(void *ctx, unsigned vcpu)
{
	struct machine *m = ctx;

	return lapic_cr8(m->lapic, vcpu);
}

static void cpu_tpr_write(void *ctx, unsigned vcpu, uint64_t priority)
{
	struct machine *m = ctx;

	lapic_set_cr8(m->lapic, vcpu, priority);
	look_again(m, vcpu);
}

const struct engine_machine_ops machine_cpu_ops = {
	.tsc = cpu_tsc,
	.msr_read = cpu_msr_read,
	.msr_write = cpu_msr_write,
	.tpr_read = cpu_tpr_read,
	.tpr_write = cpu_tpr_write,
};

/* ---- told by the local APICs, which may be in the middle of a stretch ---- */

static void note(struct machine *m, unsigned cpu, uint64_t *set)
{
	*set |= 1ull << cpu;
	m->schedule.waiting &= ~(1ull << cpu);
	if (m->running)
		m->ops->kick(m->engine, m->schedule.vcpu);
}

static void apic_init(void *ctx, unsigned cpu)
{
	struct machine *m = ctx;

	m->notes.startup &= ~(1ull << cpu);
	note(m, cpu, &m->notes.init);
}

static void apic_startup(void *ctx, unsigned cpu, uint8_t vector)
{
	struct machine *m = ctx;

	m->notes.vector[cpu] = vector;
	note(m, cpu, &m->notes.startup);
}

static void apic_nmi(void *ctx, unsigned cpu)
{
	struct machine *m = ctx;

	note(m, cpu, &m->notes.nmi);
}

/* The CPU's own turn finds what is pending; here it only has to be awake for it. */
static void apic_attention(void *ctx, unsigned cpu)
{
	struct machine *m = ctx;

	m->schedule.waiting &= ~(1ull << cpu);
	look_again(m, cpu);
}

const struct lapic_ops machine_lapic_ops = {
	.init = apic_init,
	.startup = apic_startup,
	.nmi = apic_nmi,
	.attention = apic_attention,
};

static bool take_note(uint64_t *set, unsigned cpu)
{
	bool there = *set >> cpu & 1;

	*set &= ~(1ull << cpu);
	return there;
}

void machine_act_on_notes(struct machine *m)
{
	struct machine_notes *n = &m->notes;

	for (unsigned cpu = 0; n->init | n->startup && cpu < m->config.n_vcpus; cpu++) {
		if (take_note(&n->init, cpu))
			m->ops->init_ipi(m->engine, cpu);
		if (take_note(&n->startup, cpu))
			m->ops->startup_ipi(m->engine, cpu, n->vector[cpu]);
	}
}

bool machine_deliver_nmi(struct machine *m, unsigned vcpu)
{
	if (!(m->notes.nmi >> vcpu & 1) || !m->ops->can_nmi(m->engine, vcpu))
		return false;
	take_note(&m->notes.nmi, vcpu);
	m->ops->inject(m->engine, vcpu, X86_EVENT_NMI, 2);
	return true;
}
