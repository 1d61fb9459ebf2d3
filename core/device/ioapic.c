/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/ioapic.h"

#include <stdlib.h>

#define REGION_BYTES 0x1000u

/* Offsets of what is in memory, and numbers of what is behind the window. */
#define OFFSET_SELECT 0x00u
#define OFFSET_WINDOW 0x10u
#define OFFSET_EOI    0x40u

#define INDEX_ID	  0x00u
#define INDEX_VERSION	  0x01u
#define INDEX_ARBITRATION 0x02u
#define INDEX_REDIRECTION 0x10u

#define VERSION (0x20u | (IOAPIC_PINS - 1) << 16)
#define ID_BITS 0x0f000000u

/* A redirection entry. */
#define RTE_LOGICAL	(1ull << 11)
#define RTE_REMOTE_IRR	(1ull << 14)
#define RTE_LEVEL	(1ull << 15)
#define RTE_MASKED	(1ull << 16)
#define RTE_WRITABLE	0xff0000000001afffull
#define RTE_DESTINATION 56

struct ioapic {
	struct device device;
	irq_receiver *receive;
	void *receive_ctx;

	/* Saved. */
	uint32_t id, select;
	uint32_t lines; /* bit n: line n is asserted */
	uint32_t edges; /* bit n: pin n has risen and that was not sent yet */
	uint64_t redirection[IOAPIC_PINS];
};

static const struct state_field fields[] = {
	STATE_FIELD(struct ioapic, id, 1),	    STATE_FIELD(struct ioapic, select, 1),
	STATE_FIELD(struct ioapic, lines, 1),	    STATE_FIELD(struct ioapic, edges, 1),
	STATE_FIELD(struct ioapic, redirection, 1),
};

static const struct state_table table = STATE_TABLE("ioapic", 1, struct ioapic, fields);

static bool send(struct ioapic *io, uint64_t entry)
{
	const struct irq_message message = {
		.destination = irq_destination_widen((uint8_t)(entry >> RTE_DESTINATION)),
		.logical = entry & RTE_LOGICAL,
		.level = entry & RTE_LEVEL,
		.delivery = entry >> 8 & 7,
		.vector = (uint8_t)entry,
	};

	return io->receive(io->receive_ctx, &message);
}

/* Sends what a pin has to say, if it may.  A level that nobody accepts awaits no end of interrupt: it
 * is sent again at the next occasion. */
static void pin_serve(struct ioapic *io, unsigned pin)
{
	uint64_t *entry = &io->redirection[pin];
	uint32_t bit = 1u << pin;

	if (*entry & RTE_MASKED)
		return;
	if (!(*entry & RTE_LEVEL)) {
		if (io->edges & bit) {
			io->edges &= ~bit;
			send(io, *entry);
		}
	} else if ((io->lines & bit) && !(*entry & RTE_REMOTE_IRR)) {
		if (send(io, *entry))
			*entry |= RTE_REMOTE_IRR;
	}
}

void ioapic_line(void *ioapic, unsigned line, bool level)
{
	struct ioapic *io = ioapic;
	uint32_t bit;

	if (line >= IOAPIC_PINS || level == (io->lines >> line & 1))
		return;
	bit = 1u << line;
	io->lines ^= bit;
	if (!level)
		return;
	if (!(io->redirection[line] & RTE_LEVEL))
		io->edges |= bit;
	pin_serve(io, line);
}

void ioapic_eoi(void *ioapic, uint8_t vector)
{
	struct ioapic *io = ioapic;

	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		uint64_t *entry = &io->redirection[pin];

		if ((*entry & RTE_LEVEL) && (*entry & RTE_REMOTE_IRR) &&
		    (uint8_t)*entry == vector) {
			*entry &= ~RTE_REMOTE_IRR;
			pin_serve(io, pin);
		}
	}
}

/* Half an entry.  Making a pin edge-triggered forgets that an end of interrupt was awaited, which is
 * how drivers clear remote IRR where there is no EOI register. */
static void entry_write(struct ioapic *io, unsigned half, uint32_t value)
{
	unsigned pin = half / 2, shift = half % 2 * 32;
	uint64_t *entry = &io->redirection[pin];
	uint64_t change = RTE_WRITABLE & ((uint64_t)UINT32_MAX << shift);

	*entry = (*entry & ~change) | ((uint64_t)value << shift & change);
	if (*entry & RTE_LEVEL)
		io->edges &= ~(1u << pin);
	else
		*entry &= ~RTE_REMOTE_IRR;
	pin_serve(io, pin);
}

static bool is_entry(uint32_t index)
{
	return index >= INDEX_REDIRECTION && index < INDEX_REDIRECTION + 2 * IOAPIC_PINS;
}

static uint32_t window_read(const struct ioapic *io)
{
	unsigned half = io->select - INDEX_REDIRECTION;

	if (is_entry(io->select))
		return (uint32_t)(io->redirection[half / 2] >> half % 2 * 32);
	switch (io->select) {
	case INDEX_ID:
	case INDEX_ARBITRATION: return io->id;
	case INDEX_VERSION: return VERSION;
	default: return 0;
	}
}

static void window_write(struct ioapic *io, uint32_t value)
{
	if (is_entry(io->select))
		entry_write(io, io->select - INDEX_REDIRECTION, value);
	else if (io->select == INDEX_ID)
		io->id = value & ID_BITS;
}

static uint64_t mmio_read(void *device, uint64_t offset, unsigned size_bytes)
{
	const struct ioapic *io = device;

	if (size_bytes > 4)
		return 0;
	switch (offset) {
	case OFFSET_SELECT: return io->select;
	case OFFSET_WINDOW: return window_read(io);
	default: return 0;
	}
}

/* The index may be written as a byte; the rest is of 32 bits alone. */
static void mmio_write(void *device, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct ioapic *io = device;

	if (offset == OFFSET_SELECT && size_bytes <= 4)
		io->select = value & 0xff;
	if (size_bytes != 4)
		return;
	if (offset == OFFSET_WINDOW)
		window_write(io, (uint32_t)value);
	else if (offset == OFFSET_EOI)
		ioapic_eoi(io, (uint8_t)value);
}

static const struct bus_ops mmio_ops = {.read = mmio_read, .write = mmio_write};

static void ioapic_reset(struct device *d)
{
	struct ioapic *io = (struct ioapic *)d;

	io->id = io->select = 0;
	io->edges = 0;
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		io->redirection[pin] = RTE_MASKED;
}

static void ioapic_destroy(struct device *d)
{
	free(d);
}

static const struct device_ops ops = {
	.input = device_no_input,
	.reset = ioapic_reset,
	.resume = device_nothing,
	.destroy = ioapic_destroy,
};

struct ioapic *ioapic_create(const struct device_env *env, irq_receiver *receive, void *receive_ctx,
			     struct err *err)
{
	struct ioapic *io = calloc(1, sizeof(*io));

	if (!io) {
		err_set(err, ERR_NO_MEMORY, "no memory for an IOAPIC");
		return NULL;
	}
	io->device = (struct device){.name = "ioapic", .ops = &ops, .state = &table};
	io->receive = receive;
	io->receive_ctx = receive_ctx;
	ioapic_reset(&io->device);
	if (bus_claim(env->mmio, IOAPIC_GPA, REGION_BYTES, &mmio_ops, io, "ioapic", err)) {
		free(io);
		return NULL;
	}
	return io;
}

struct device *ioapic_device(struct ioapic *io)
{
	return &io->device;
}
