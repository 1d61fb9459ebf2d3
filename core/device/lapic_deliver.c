/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How interrupts reach a local APIC and leave it again: destinations, acceptance, priorities, end of
 * interrupt, and the interrupt command register.
 */
#include "core/device/lapic_cpu.h"

#include <assert.h>

#define ICR_LOGICAL   (1u << 11)
#define ICR_ASSERT    (1u << 14)
#define ICR_LEVEL     (1u << 15)
#define ICR_SHORTHAND (3u << 18)

enum icr_shorthand { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };

/* ---- sets of 256 vectors ---- */

static void vector_set(uint32_t set[8], uint8_t vector)
{
	set[vector / 32] |= 1u << vector % 32;
}

static void vector_clear(uint32_t set[8], uint8_t vector)
{
	set[vector / 32] &= ~(1u << vector % 32);
}

static bool vector_in(const uint32_t set[8], uint8_t vector)
{
	return set[vector / 32] >> vector % 32 & 1;
}

static int vector_highest(const uint32_t set[8])
{
	for (int n = 7; n >= 0; n--)
		if (set[n])
			return n * 32 + 31 - __builtin_clz(set[n]);
	return -1;
}

/* ---- priorities ---- */

uint32_t lapic_processor_priority(const struct lapic_cpu *c)
{
	int serviced = vector_highest(c->isr);
	uint32_t class = serviced < 0 ? 0 : (uint32_t)serviced & 0xf0;

	return (c->tpr & 0xf0) >= class ? c->tpr : class;
}

static int pending(const struct lapic_cpu *c)
{
	int vector = vector_highest(c->irr);

	if (vector < 0 || !cpu_enabled(c) ||
	    ((uint32_t)vector & 0xf0) <= (lapic_processor_priority(c) & 0xf0))
		return -1;
	return vector;
}

int lapic_pending(const struct lapic *l, unsigned cpu)
{
	return pending(&l->cpu[cpu]);
}

void lapic_notice(struct lapic_cpu *c)
{
	if (pending(c) >= 0)
		c->lapic->config.ops->attention(c->lapic->config.ops_ctx, c->id);
}

void lapic_accept(struct lapic *l, unsigned cpu, uint8_t vector)
{
	struct lapic_cpu *c = &l->cpu[cpu];

	assert(vector_in(c->irr, vector));
	vector_clear(c->irr, vector);
	vector_set(c->isr, vector);
}

void lapic_end_of_interrupt(struct lapic_cpu *c)
{
	int vector = vector_highest(c->isr);

	if (vector < 0)
		return;
	vector_clear(c->isr, (uint8_t)vector);
	if (vector_in(c->tmr, (uint8_t)vector))
		c->lapic->eoi(c->lapic->eoi_ctx, (uint8_t)vector);
	lapic_notice(c);
}

/* ---- acceptance ---- */

/* A software-disabled local APIC answers INIT, NMI and start-up alone. */
static bool takes_vectors(const struct lapic_cpu *c)
{
	return c->svr & SVR_ENABLE;
}

static bool accept_fixed(struct lapic_cpu *c, uint8_t vector, bool level)
{
	if (!takes_vectors(c))
		return false;
	if (vector < VECTOR_FIRST_LEGAL) {
		lapic_error(c, ESR_RECEIVED_ILLEGAL);
		return true;
	}
	vector_set(c->irr, vector);
	if (level)
		vector_set(c->tmr, vector);
	else
		vector_clear(c->tmr, vector);
	lapic_notice(c);
	return true;
}

static bool accept(struct lapic_cpu *c, uint8_t delivery, uint8_t vector, bool level)
{
	const struct lapic_ops *ops = c->lapic->config.ops;
	void *ctx = c->lapic->config.ops_ctx;

	switch ((enum irq_delivery)delivery) {
	case IRQ_FIXED:
	case IRQ_LOWEST_PRIORITY: return accept_fixed(c, vector, level);
	case IRQ_NMI: ops->nmi(ctx, c->id); return true;
	case IRQ_INIT:
		lapic_cpu_reset(c);
		ops->init(ctx, c->id);
		return true;
	case IRQ_STARTUP: ops->startup(ctx, c->id, vector); return true;
	case IRQ_SMI:
	case IRQ_EXTINT: break;
	}
	return false;
}

/* Errors are found one at a time, and an error that is known already is not told again: an error
 * interrupt with an illegal vector ends here. */
void lapic_error(struct lapic_cpu *c, uint32_t error)
{
	if (c->esr_found & error)
		return;
	c->esr_found |= error;
	lapic_deliver_local(c, LVT_ERROR);
}

void lapic_deliver_local(struct lapic_cpu *c, enum lapic_lvt entry)
{
	if (!(c->lvt[entry] & LVT_MASKED) && cpu_enabled(c))
		accept_fixed(c, (uint8_t)c->lvt[entry], false);
}

/* ---- destinations ---- */

/* In x2APIC mode the logical id follows from the physical one (SDM 11.12.10.2). */
uint32_t lapic_logical_id(const struct lapic_cpu *c)
{
	return cpu_x2apic(c) ? c->id >> 4 << 16 | 1u << (c->id & 15) : c->ldr;
}

static bool logical_match(const struct lapic_cpu *c, uint32_t destination)
{
	uint32_t id = lapic_logical_id(c);

	if (cpu_x2apic(c))
		return destination >> 16 == id >> 16 && (destination & id & 0xffff);
	if (destination > 0xff)
		return false;
	id >>= 24;
	if (c->dfr >> 28 == 0xf)
		return destination & id;
	return destination >> 4 == id >> 4 && (destination & id & 0xf);
}

static bool destination_match(const struct lapic_cpu *c, uint32_t destination, bool logical)
{
	if (destination == IRQ_EVERYONE)
		return true;
	return logical ? logical_match(c, destination) : destination == c->id;
}

/* One bit for each enabled local APIC that a message is for. */
static uint64_t targets_find(const struct lapic *l, uint32_t destination, bool logical)
{
	uint64_t targets = 0;

	for (unsigned n = 0; n < l->config.n_cpus; n++)
		if (cpu_enabled(&l->cpu[n]) && destination_match(&l->cpu[n], destination, logical))
			targets |= 1ull << n;
	return targets;
}

/* The one that lowest priority delivery picks: of equals, the first. */
static uint64_t target_of_lowest_priority(const struct lapic *l, uint64_t targets)
{
	uint32_t lowest = UINT32_MAX;
	uint64_t target = 0;

	for (unsigned n = 0; n < l->config.n_cpus; n++) {
		const struct lapic_cpu *c = &l->cpu[n];

		if (targets >> n & 1 && takes_vectors(c) && lapic_processor_priority(c) < lowest) {
			lowest = lapic_processor_priority(c);
			target = 1ull << n;
		}
	}
	return target;
}

static bool deliver(struct lapic *l, uint64_t targets, uint8_t delivery, uint8_t vector, bool level)
{
	bool accepted = false;

	if (delivery == IRQ_LOWEST_PRIORITY)
		targets = target_of_lowest_priority(l, targets);
	for (unsigned n = 0; n < l->config.n_cpus; n++)
		if (targets >> n & 1)
			accepted |= accept(&l->cpu[n], delivery, vector, level);
	return accepted;
}

bool lapic_receive(void *lapic, const struct irq_message *message)
{
	struct lapic *l = lapic;

	return deliver(l, targets_find(l, message->destination, message->logical),
		       message->delivery, message->vector, message->level);
}

/* ---- interprocessor interrupts ---- */

static uint64_t ipi_targets(const struct lapic_cpu *c, uint32_t icr_low, uint32_t destination)
{
	const struct lapic *l = c->lapic;
	uint64_t self = 1ull << c->id;

	switch ((enum icr_shorthand)((icr_low & ICR_SHORTHAND) >> 18)) {
	case TO_DESTINATION: return targets_find(l, destination, icr_low & ICR_LOGICAL);
	case TO_SELF: return self;
	case TO_ALL: return targets_find(l, IRQ_EVERYONE, false);
	case TO_OTHERS: break;
	}
	return targets_find(l, IRQ_EVERYONE, false) & ~self;
}

/* INIT level de-assert changes nothing since the Pentium 4, and to oneself there are only vectors. */
static bool ipi_is_void(uint32_t icr_low)
{
	unsigned delivery = icr_low >> 8 & 7;

	if (delivery == IRQ_INIT && (icr_low & ICR_LEVEL) && !(icr_low & ICR_ASSERT))
		return true;
	return (icr_low & ICR_SHORTHAND) >> 18 == TO_SELF && delivery != IRQ_FIXED;
}

void lapic_ipi(struct lapic_cpu *c, uint32_t icr_low, uint32_t destination)
{
	uint8_t delivery = icr_low >> 8 & 7, vector = (uint8_t)icr_low;

	if (ipi_is_void(icr_low))
		return;
	if (delivery <= IRQ_LOWEST_PRIORITY && vector < VECTOR_FIRST_LEGAL) {
		lapic_error(c, ESR_SEND_ILLEGAL);
		return;
	}
	deliver(c->lapic, ipi_targets(c, icr_low, destination), delivery, vector, false);
}

void lapic_ipi_self(struct lapic_cpu *c, uint8_t vector)
{
	if (vector < VECTOR_FIRST_LEGAL)
		lapic_error(c, ESR_SEND_ILLEGAL);
	else
		accept_fixed(c, vector, false);
}
