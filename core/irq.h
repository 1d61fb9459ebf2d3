/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interrupt lines: wires from devices to an interrupt controller.  The soft machine wires them to
 * its IOAPIC (core/device/ioapic.h), the kvm machine to the kernel's.
 */
#ifndef CORE_IRQ_H
#define CORE_IRQ_H

#include <stdbool.h>

/* What the far end of the wires does when one changes; called only on changes. */
typedef void irq_sink(void *ctx, unsigned line, bool level);

struct irq_line {
	irq_sink *sink;
	void *ctx;
	unsigned number;
	bool level; /* as last set; part of the owning device's state */
};

static inline void irq_line_init(struct irq_line *l, irq_sink *sink, void *ctx, unsigned number)
{
	*l = (struct irq_line){sink, ctx, number, false};
}

static inline void irq_set(struct irq_line *l, bool level)
{
	if (l->level == level)
		return;
	l->level = level;
	l->sink(l->ctx, l->number, level);
}

/* A pulse, for edge-triggered sources. */
static inline void irq_pulse(struct irq_line *l)
{
	irq_set(l, true);
	irq_set(l, false);
}

#endif
