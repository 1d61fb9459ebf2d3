/* SPDX-License-Identifier: Apache-2.0 */
/* What the drivers on engines have in common: the board answers exits and interrupts processors. */
#ifndef TESTS_GUESTS_DRIVE_ENGINE_H
#define TESTS_GUESTS_DRIVE_ENGINE_H

#include "core/engine/engine.h"
#include "tests/guests/vmm.h"

struct drive_cpu {
	const struct vmm_drive *d;
	const struct engine_ops *ops;
	struct engine *engine;
	unsigned cpu;
};

/* An engine for the drive's guest, in entry state; NULL with err set. */
struct engine *drive_create(const struct vmm_drive *d, const struct engine_ops *ops,
			    struct err *err);
/* Leaves the processors' states in the result and destroys the engine. */
void drive_destroy(const struct vmm_drive *d, const struct engine_ops *ops, struct engine *engine);

/* Takes the INIT and start-up IPIs that have arrived. */
void drive_take_ipis(const struct drive_cpu *c);
/* Injects an NMI or the interrupt that waits, or asks for a window. */
void drive_take_interrupts(const struct drive_cpu *c);
/* Answers a PORT or MMIO exit. */
void drive_answer(const struct drive_cpu *c, const struct vcpu_exit *exit);
/* Whether something would wake the processor from HLT. */
bool drive_wakes(const struct drive_cpu *c);

#endif
