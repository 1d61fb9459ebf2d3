/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine of guests/abi.h around the processors: memory, console, exit port, the test
 * device's latches, interrupt lines and memory window, and as much of an 8259 and of a local APIC
 * as guests use.  It knows no engine: whoever runs the processors asks it what ports and device
 * memory answer, and which interrupt waits for whom.
 */
#ifndef TESTS_GUESTS_BOARD_H
#define TESTS_GUESTS_BOARD_H

#include "core/memory.h"
#include "guests/abi.h"

#define BOARD_CPUS_MAX 4

/* What another processor or a device wants of one processor, taken by board_take_*(). */
struct board_cpu {
	bool init, nmi, startup;
	uint8_t startup_vector;
	uint8_t tpr;
	uint32_t icr2;
	bool tick_set, tick_waits;
	uint64_t tick_at; /* the count at which a tick that is set falls due */
};

struct board {
	struct memory *memory;
	unsigned cpus;
	bool no_ticks; /* GUEST_TICK_PORT is absent */
	struct board_cpu cpu[BOARD_CPUS_MAX];

	/* Called for each byte of console text, with the count of the processor that writes; text
	 * is kept here for whoever looks later. */
	void (*listener)(void *context, uint64_t retired, char byte);
	void *listener_context;
	char *text;
	size_t text_bytes;

	bool ended;
	uint32_t exit_value;

	uint8_t latch[4];
	uint8_t window[GUEST_MMIO_BYTES];
	uint8_t irq_pending, irq_serving, irq_mask;
	uint8_t pic_init_left[2]; /* initialisation words that are still to come */
};

/* memory_bytes of RAM.  Returns 0 or an error code.  Free with board_free(). */
int board_init(struct board *b, uint64_t memory_bytes, unsigned cpus, struct err *err);
void board_free(struct board *b);

/* Accesses by processor cpu, which has retired so many instructions.  Absent ports and addresses
 * read as all ones. */
uint32_t board_port_in(struct board *b, unsigned cpu, uint16_t port, unsigned size_bytes);
void board_port_out(struct board *b, unsigned cpu, uint64_t retired, uint16_t port,
		    unsigned size_bytes, uint32_t value);
uint64_t board_mmio_read(struct board *b, unsigned cpu, uint64_t gpa, unsigned size_bytes);
void board_mmio_write(struct board *b, unsigned cpu, uint64_t gpa, unsigned size_bytes,
		      uint64_t value);

/* To be called when a processor's count has grown: lets its tick fall due. */
void board_advance(struct board *b, unsigned cpu, uint64_t retired);

/* The external interrupt that waits for cpu, or -1; and taking it, when it is delivered. */
int board_interrupt(const struct board *b, unsigned cpu);
void board_interrupt_taken(struct board *b, unsigned cpu, int vector);

/* MSRs that belong to the board.  False: no such register. */
bool board_msr_read(const struct board *b, unsigned cpu, uint32_t index, uint64_t *value);
bool board_msr_write(struct board *b, unsigned cpu, uint32_t index, uint64_t value);

#endif
