/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/lapic.h"

#include "core/device/lapic_cpu.h"

#include <stdlib.h>

static const struct state_field cpu_fields[] = {
	STATE_FIELD(struct lapic_cpu, apic_base, 1),
	STATE_FIELD(struct lapic_cpu, tpr, 1),
	STATE_FIELD(struct lapic_cpu, ldr, 1),
	STATE_FIELD(struct lapic_cpu, dfr, 1),
	STATE_FIELD(struct lapic_cpu, svr, 1),
	STATE_FIELD(struct lapic_cpu, isr, 1),
	STATE_FIELD(struct lapic_cpu, tmr, 1),
	STATE_FIELD(struct lapic_cpu, irr, 1),
	STATE_FIELD(struct lapic_cpu, esr, 1),
	STATE_FIELD(struct lapic_cpu, esr_found, 1),
	STATE_FIELD(struct lapic_cpu, icr_low, 1),
	STATE_FIELD(struct lapic_cpu, icr_high, 1),
	STATE_FIELD(struct lapic_cpu, lvt, 1),
	STATE_FIELD(struct lapic_cpu, timer_initial, 1),
	STATE_FIELD(struct lapic_cpu, timer_divide, 1),
	STATE_FIELD(struct lapic_cpu, timer_deadline_ns, 1),
	STATE_FIELD(struct lapic_cpu, tsc_deadline, 1),
	STATE_FIELD(struct lapic_cpu, tsc_offset, 1),
};

/* The modes that exist; which of them the guest may enter, the registers decide. */
static int cpu_check(const void *object, struct err *err)
{
	const struct lapic_cpu *c = object;
	uint64_t known = LAPIC_GPA | APIC_BASE_BSP | APIC_BASE_X2APIC | APIC_BASE_ENABLE;

	if ((c->apic_base & ~known) || (c->apic_base & LAPIC_GPA) != LAPIC_GPA ||
	    (cpu_x2apic(c) && !cpu_enabled(c)))
		return err_set(err, ERR_INVALID, "IA32_APIC_BASE cannot be 0x%llx",
			       (unsigned long long)c->apic_base);
	if (c->tpr > 0xff)
		return err_set(err, ERR_INVALID, "the task priority 0x%x is wider than 8 bits",
			       c->tpr);
	return 0;
}

static const struct state_table cpu_table = {
	.name = "lapic_cpu",
	.version = 1,
	.size_bytes = sizeof(struct lapic_cpu),
	.fields = cpu_fields,
	.field_count = sizeof(cpu_fields) / sizeof(cpu_fields[0]),
	.check = cpu_check,
};

void lapic_cpu_reset(struct lapic_cpu *c)
{
	lapic_timer_stop(c);
	c->tpr = c->ldr = 0;
	c->dfr = UINT32_MAX;
	c->svr = 0xff;
	for (unsigned n = 0; n < 8; n++)
		c->isr[n] = c->tmr[n] = c->irr[n] = 0;
	c->esr = c->esr_found = 0;
	c->icr_low = c->icr_high = 0;
	for (unsigned n = 0; n < LVTS; n++)
		c->lvt[n] = LVT_MASKED;
	c->timer_initial = c->timer_divide = 0;
	c->tsc_deadline = 0;
}

static void lapic_reset(struct device *d)
{
	struct lapic *l = (struct lapic *)d;

	for (unsigned n = 0; n < l->config.n_cpus; n++) {
		struct lapic_cpu *c = &l->cpu[n];

		lapic_cpu_reset(c);
		c->apic_base = LAPIC_GPA | APIC_BASE_ENABLE | (n ? 0 : APIC_BASE_BSP);
		c->tsc_offset = 0;
	}
}

static void lapic_resume(struct device *d)
{
	struct lapic *l = (struct lapic *)d;

	for (unsigned n = 0; n < l->config.n_cpus; n++)
		timer_set(&l->cpu[n].timer, l->cpu[n].timer_deadline_ns);
}

static void lapic_destroy(struct device *d)
{
	struct lapic *l = (struct lapic *)d;

	for (unsigned n = 0; n < l->config.n_cpus; n++)
		timer_set(&l->cpu[n].timer, TIMER_NEVER);
	free(l);
}

static const struct device_ops ops = {
	.input = device_no_input,
	.reset = lapic_reset,
	.resume = lapic_resume,
	.destroy = lapic_destroy,
};

/* Until lapic_wire_eoi(). */
static void eoi_nowhere(void *ctx, uint8_t vector)
{
	(void)ctx;
	(void)vector;
}

struct lapic *lapic_create(const struct device_env *env, const struct lapic_config *config,
			   struct err *err)
{
	struct lapic *l;

	if (!config->n_cpus || config->n_cpus > LAPIC_CPUS_MAX) {
		err_set(err, ERR_INVALID, "a machine has 1 to %d vCPUs, not %u", LAPIC_CPUS_MAX,
			config->n_cpus);
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	if (!l) {
		err_set(err, ERR_NO_MEMORY, "no memory for local APICs");
		return NULL;
	}
	l->field = (struct state_field)STATE_FIELD_TABLE(struct lapic, cpu, 1, struct lapic_cpu,
							 &cpu_table);
	l->field.count = config->n_cpus;
	l->table = (struct state_table){"lapic", 1, sizeof(*l), &l->field, 1, NULL};
	l->device = (struct device){.name = "lapic", .ops = &ops, .state = &l->table};
	l->config = *config;
	l->timers = env->timers;
	l->eoi = eoi_nowhere;
	for (unsigned n = 0; n < config->n_cpus; n++) {
		l->cpu[n].lapic = l;
		l->cpu[n].id = n;
		timer_init(&l->cpu[n].timer, env->timers, lapic_timer_fire, &l->cpu[n]);
	}
	lapic_reset(&l->device);
	return l;
}

struct device *lapic_device(struct lapic *l)
{
	return &l->device;
}

void lapic_wire_eoi(struct lapic *l, void (*eoi)(void *ctx, uint8_t vector), void *ctx)
{
	l->eoi = eoi;
	l->eoi_ctx = ctx;
}

uint64_t lapic_cr8(const struct lapic *l, unsigned cpu)
{
	return l->cpu[cpu].tpr >> 4;
}

void lapic_set_cr8(struct lapic *l, unsigned cpu, uint64_t priority)
{
	l->cpu[cpu].tpr = (uint32_t)(priority & 0xf) << 4;
	lapic_notice(&l->cpu[cpu]);
}

void lapic_set_tsc_offset(struct lapic *l, unsigned cpu, uint64_t offset)
{
	struct lapic_cpu *c = &l->cpu[cpu];

	c->tsc_offset = offset;
	if (c->tsc_deadline)
		lapic_timer_set_tsc_deadline(c, c->tsc_deadline);
}
