/* SPDX-License-Identifier: Apache-2.0 */
/* A board for one device under test: buses, timers with a clock that the test moves, wires and an
 * output gate that remember. */
#ifndef TESTS_SUPPORT_BOARD_H
#define TESTS_SUPPORT_BOARD_H

#include "core/device/device.h"

#define BOARD_LINES	    64
#define BOARD_PRINTED_BYTES 65536

struct board {
	struct device_env env;
	struct bus ports, mmio;
	struct timer_queue timers;
	uint64_t now_ns;
	bool level[BOARD_LINES];
	unsigned rises[BOARD_LINES];
	struct output last; /* data is not kept */
	unsigned outputs;
	char printed[BOARD_PRINTED_BYTES]; /* all of OUTPUT_CONSOLE */
	size_t printed_bytes;
};

void board_init(struct board *b);

/* Lets guest time pass, timers firing when they are due. */
void board_run_to(struct board *b, uint64_t now_ns);

/* Guest time jumps; timers that are due fire late. */
void board_jump_to(struct board *b, uint64_t now_ns);

/* Saves one device and loads another of the same kind with it, then resumes that; asserts that all
 * of it worked and that both then agree. */
void board_transplant(struct device *from, struct device *to);

/* Loads random bytes and damaged states of a device into it: it refuses or takes them, and lives. */
void board_hostile_load(struct device *d, uint64_t seed);

#endif
