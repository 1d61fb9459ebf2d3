/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The anatomy of a device: every device is a struct that starts with struct device, made by a
 * function of its own that claims bus regions, wires interrupt lines and fills in the ops.
 *
 * A device lives inside the wall.  It sees guest memory (core/memory.h), guest time and timers,
 * its interrupt line, the two doors, and nothing else: no clock, no file, no thread.  What it does
 * is a function of its state, the guest's accesses and the inputs handed to it.
 *
 * All ops run on the machine's thread (under kvm: under the device's lock).  Saved state is a
 * table of named fields (core/state.h); loading one device touches no other: what follows from
 * several (a level on a wire) is settled by resume(), called on every device when all are loaded.
 */
#ifndef CORE_DEVICE_DEVICE_H
#define CORE_DEVICE_DEVICE_H

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/sink.h"
#include "core/bus.h"
#include "core/inputs.h"
#include "core/irq.h"
#include "core/memory.h"
#include "core/outputs.h"
#include "core/state.h"
#include "core/timer.h"

struct device;

struct device_ops {
	/* An input addressed to this device.  Never NULL: device_no_input refuses quietly. */
	void (*input)(struct device *d, const struct input *in);
	/* Back to the state after power-up; wires go low. */
	void (*reset)(struct device *d);
	/* All devices have been loaded: drive wires, re-arm timers from deadlines in the state. */
	void (*resume)(struct device *d);
	void (*destroy)(struct device *d);
};

struct device {
	const char *name; /* "uart0", "net1": unique in the machine, in the saved state */
	const struct device_ops *ops;
	const struct state_table *state; /* describes the struct that starts with this one */
	uint16_t number;		 /* INPUT and OUTPUT device numbers; 0: none */
};

/* What the machine gives to each device it makes; the pointers outlive the device. */
struct device_env {
	struct memory *memory;
	struct bus *ports, *mmio;
	struct timer_queue *timers;
	/* Emits through the machine's output gate with the present instant. */
	void (*emit)(void *ctx, const struct output *output);
	void *emit_ctx;
	irq_sink *irq;
	void *irq_ctx;
};

void device_no_input(struct device *d, const struct input *in);
void device_nothing(struct device *d); /* for reset or resume with nothing to do */

/* Save and load by the device's table. */
int device_save(const struct device *d, struct byte_sink sink, struct err *err);
int device_load(struct device *d, struct byte_reader *reader, struct err *err);

#endif
