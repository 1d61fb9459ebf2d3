/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/board.h"

#include <stdlib.h>
#include <string.h>

#define PIC_INITIALISE 0x10
#define PIC_EOI	       0x20

#define ICR_MODE(icr)  ((icr) >> 8 & 7)
#define ICR_MODE_NMI   4
#define ICR_MODE_INIT  5
#define ICR_MODE_START 6
#define ICR_ASSERT     (1u << 14)

#define MSR_APIC_BASE 0x1b

int board_init(struct board *b, uint64_t memory_bytes, unsigned cpus, struct err *err)
{
	memset(b, 0, sizeof(*b));
	b->cpus = cpus;
	b->irq_mask = 0xff;
	b->memory = memory_create(memory_bytes, err);
	return b->memory ? 0 : err->code;
}

void board_free(struct board *b)
{
	memory_destroy(b->memory);
	free(b->text);
	b->memory = NULL;
	b->text = NULL;
}

static void console_byte(struct board *b, uint64_t retired, char byte)
{
	char *grown = realloc(b->text, b->text_bytes + 2);

	if (!grown)
		abort();
	b->text = grown;
	b->text[b->text_bytes++] = byte;
	b->text[b->text_bytes] = 0;
	if (b->listener)
		b->listener(b->listener_context, retired, byte);
}

/* ---- the interrupt controller: one 8259 with its eight lines, the other one silent ---- */

static void pic_write(struct board *b, unsigned which, unsigned reg, uint8_t value)
{
	if (reg == 0 && (value & PIC_INITIALISE)) {
		b->pic_init_left[which] = 3;
		if (which == 0)
			b->irq_mask = b->irq_serving = b->irq_pending = 0;
	} else if (reg == 0 && value == PIC_EOI && which == 0) {
		b->irq_serving &= b->irq_serving - 1;
	} else if (reg == 1 && b->pic_init_left[which]) {
		b->pic_init_left[which]--;
	} else if (reg == 1 && which == 0) {
		b->irq_mask = value;
	}
}

static int pic_line(const struct board *b)
{
	unsigned ready = b->irq_pending & ~b->irq_mask;
	int line = ready ? __builtin_ctz(ready) : -1;

	if (line >= 0 && (b->irq_serving & ((2u << line) - 1)))
		line = -1;
	return line;
}

/* ---- ports ---- */

static uint8_t port_in_byte(struct board *b, uint16_t port)
{
	if (port >= GUEST_LATCH_PORT && port < GUEST_LATCH_PORT + sizeof(b->latch))
		return b->latch[port - GUEST_LATCH_PORT];
	if (port == GUEST_CONSOLE_PORT)
		return GUEST_CONSOLE_PORT; /* as QEMU's debug console answers */
	if (port == GUEST_PIC_PORT + 1)
		return b->irq_mask;
	if (!b->no_ticks && port >= GUEST_TICK_PORT && port < GUEST_TICK_PORT + 4)
		return (uint8_t)(GUEST_TICK_MAGIC >> 8 * (port - GUEST_TICK_PORT));
	return 0xff;
}

uint32_t board_port_in(struct board *b, unsigned cpu, uint16_t port, unsigned size_bytes)
{
	uint32_t value = 0;

	(void)cpu;
	for (unsigned i = 0; i < size_bytes; i++)
		value |= (uint32_t)port_in_byte(b, (uint16_t)(port + i)) << 8 * i;
	return value;
}

static void port_out_byte(struct board *b, uint64_t retired, uint16_t port, uint8_t value)
{
	if (port >= GUEST_LATCH_PORT && port < GUEST_LATCH_PORT + sizeof(b->latch))
		b->latch[port - GUEST_LATCH_PORT] = value;
	else if (port == GUEST_CONSOLE_PORT)
		console_byte(b, retired, (char)value);
	else if (port == GUEST_PIC_PORT || port == GUEST_PIC_PORT + 1)
		pic_write(b, 0, port & 1, value);
	else if (port == GUEST_PIC_PORT_HIGH || port == GUEST_PIC_PORT_HIGH + 1)
		pic_write(b, 1, port & 1, value);
	else if (port >= GUEST_IRQ_PORT && port < GUEST_IRQ_PORT + 8 && value)
		b->irq_pending |= (uint8_t)(1u << (port - GUEST_IRQ_PORT));
}

static void set_tick(struct board_cpu *c, uint64_t retired, uint32_t after)
{
	c->tick_set = after != 0;
	c->tick_at = retired + after;
	c->tick_waits = false;
}

void board_port_out(struct board *b, unsigned cpu, uint64_t retired, uint16_t port,
		    unsigned size_bytes, uint32_t value)
{
	if (port == GUEST_EXIT_PORT) {
		b->ended = true;
		b->exit_value = value;
	} else if (port == GUEST_TICK_PORT && size_bytes == 4 && !b->no_ticks) {
		set_tick(&b->cpu[cpu], retired, value);
	} else {
		for (unsigned i = 0; i < size_bytes; i++)
			port_out_byte(b, retired, (uint16_t)(port + i), (uint8_t)(value >> 8 * i));
	}
}

/* ---- device memory ---- */

static void send_ipi(struct board *b, unsigned from, uint32_t icr)
{
	unsigned target = b->cpu[from].icr2 >> 24;
	struct board_cpu *c;

	if (target >= b->cpus)
		return;
	c = &b->cpu[target];
	if (ICR_MODE(icr) == ICR_MODE_INIT && (icr & ICR_ASSERT))
		c->init = true;
	if (ICR_MODE(icr) == ICR_MODE_NMI)
		c->nmi = true;
	if (ICR_MODE(icr) == ICR_MODE_START) {
		c->startup = true;
		c->startup_vector = (uint8_t)icr;
	}
}

uint64_t board_mmio_read(struct board *b, unsigned cpu, uint64_t gpa, unsigned size_bytes)
{
	uint64_t offset = gpa - GUEST_MMIO_GPA;
	uint64_t value = 0;

	if (offset < GUEST_MMIO_BYTES && size_bytes <= GUEST_MMIO_BYTES - offset) {
		memcpy(&value, b->window + offset, size_bytes);
		return value;
	}
	switch (gpa - GUEST_LAPIC_GPA) {
	case GUEST_LAPIC_ID: return (uint64_t)cpu << 24;
	case GUEST_LAPIC_ICR2: return b->cpu[cpu].icr2;
	case GUEST_LAPIC_ICR: return 0; /* never busy */
	}
	return ~0ull >> (64 - 8 * size_bytes);
}

void board_mmio_write(struct board *b, unsigned cpu, uint64_t gpa, unsigned size_bytes,
		      uint64_t value)
{
	uint64_t offset = gpa - GUEST_MMIO_GPA;

	if (offset < GUEST_MMIO_BYTES && size_bytes <= GUEST_MMIO_BYTES - offset)
		memcpy(b->window + offset, &value, size_bytes);
	else if (gpa == GUEST_LAPIC_GPA + GUEST_LAPIC_ICR2)
		b->cpu[cpu].icr2 = (uint32_t)value;
	else if (gpa == GUEST_LAPIC_GPA + GUEST_LAPIC_ICR)
		send_ipi(b, cpu, (uint32_t)value);
}

/* ---- interrupts ---- */

void board_advance(struct board *b, unsigned cpu, uint64_t retired)
{
	struct board_cpu *c = &b->cpu[cpu];

	if (c->tick_set && retired >= c->tick_at) {
		c->tick_set = false;
		c->tick_waits = true;
	}
}

int board_interrupt(const struct board *b, unsigned cpu)
{
	int line;

	if (b->cpu[cpu].tick_waits)
		return GUEST_TICK_VECTOR;
	line = cpu == 0 ? pic_line(b) : -1;
	return line < 0 ? -1 : GUEST_IRQ_VECTOR + line;
}

void board_interrupt_taken(struct board *b, unsigned cpu, int vector)
{
	unsigned line = (unsigned)vector - GUEST_IRQ_VECTOR;

	if (vector == GUEST_TICK_VECTOR) {
		b->cpu[cpu].tick_waits = false;
	} else {
		b->irq_pending &= (uint8_t) ~(1u << line);
		b->irq_serving |= (uint8_t)(1u << line);
	}
}

/* ---- registers of the local APIC that are MSRs ---- */

bool board_msr_read(const struct board *b, unsigned cpu, uint32_t index, uint64_t *value)
{
	(void)b;
	if (index != MSR_APIC_BASE)
		return false;
	*value = GUEST_LAPIC_GPA | 0x800 | (cpu == 0 ? 0x100 : 0);
	return true;
}

bool board_msr_write(struct board *b, unsigned cpu, uint32_t index, uint64_t value)
{
	uint64_t now;

	return board_msr_read(b, cpu, index, &now) && value == now;
}
