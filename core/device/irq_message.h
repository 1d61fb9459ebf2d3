/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What travels between interrupt controllers: a message from the IOAPIC or from a local APIC to
 * local APICs (SDM volume 3A, 11.6.1 and 11.11).
 */
#ifndef CORE_DEVICE_IRQ_MESSAGE_H
#define CORE_DEVICE_IRQ_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

/* As the hardware encodes them. */
enum irq_delivery {
	IRQ_FIXED = 0,
	IRQ_LOWEST_PRIORITY = 1,
	IRQ_SMI = 2,
	IRQ_NMI = 4,
	IRQ_INIT = 5,
	IRQ_STARTUP = 6,
	IRQ_EXTINT = 7,
};

/* All local APICs, as a physical and as a logical destination. */
#define IRQ_EVERYONE UINT32_MAX

struct irq_message {
	uint32_t destination; /* an APIC id, or bits of a logical destination */
	bool logical;
	bool level;	  /* level-triggered: wants an EOI broadcast */
	uint8_t delivery; /* enum irq_delivery */
	uint8_t vector;
};

/* Destinations of eight bits say "everyone" in eight bits. */
static inline uint32_t irq_destination_widen(uint8_t destination)
{
	return destination == 0xff ? IRQ_EVERYONE : destination;
}

/* Takes a message; false: nobody accepted it. */
typedef bool irq_receiver(void *ctx, const struct irq_message *message);

#endif
