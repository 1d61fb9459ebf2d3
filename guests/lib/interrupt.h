/* SPDX-License-Identifier: Apache-2.0 */
/* Device interrupts in guests: the 8259s, interrupt lines to pull, IPIs. */
#ifndef GUESTS_LIB_INTERRUPT_H
#define GUESTS_LIB_INTERRUPT_H

#include "guests/lib/guest.h"

#define PIC_EOI 0x20

/* Both controllers set up for GUEST_IRQ_VECTOR, all lines masked. */
static inline void pic_init(void)
{
	static const uint8_t words[2][4] = {
		{0x11, GUEST_IRQ_VECTOR, 4, 1},
		{0x11, GUEST_IRQ_VECTOR + 8, 2, 1},
	};

	for (unsigned i = 0; i < 2; i++) {
		uint16_t port = i ? GUEST_PIC_PORT_HIGH : GUEST_PIC_PORT;

		port_out8(port, words[i][0]);
		for (unsigned n = 1; n < 4; n++)
			port_out8(port + 1, words[i][n]);
		port_out8(port + 1, 0xff);
	}
}

static inline void pic_unmask(unsigned line)
{
	port_out8(GUEST_PIC_PORT + 1, (uint8_t) ~(1u << line));
}

static inline void pic_end(void)
{
	port_out8(GUEST_PIC_PORT, PIC_EOI);
}

static inline void irq_raise(unsigned line)
{
	port_out8((uint16_t)(GUEST_IRQ_PORT + line), 1);
}

static inline void irq_lower(unsigned line)
{
	port_out8((uint16_t)(GUEST_IRQ_PORT + line), 0);
}

static inline uint32_t lapic_read(unsigned reg)
{
	return peek32((void *)(unsigned long)(GUEST_LAPIC_GPA + reg));
}

static inline void lapic_write(unsigned reg, uint32_t value)
{
	poke32((void *)(unsigned long)(GUEST_LAPIC_GPA + reg), value);
}

#define IPI_NMI	  0x4400u
#define IPI_INIT  0x4500u
#define IPI_START 0x4600u

static inline void ipi_send(unsigned apic_id, uint32_t command)
{
	lapic_write(GUEST_LAPIC_ICR2, apic_id << 24);
	lapic_write(GUEST_LAPIC_ICR, command);
}

#endif
