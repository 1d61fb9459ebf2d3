/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inputs door: the only way anything that the machine cannot compute itself gets in.
 *
 * An input is a plain value that takes effect at one instant: between two retired instructions,
 * in the order in which take() hands them out.  What stands behind the table differs - the live
 * world (core/inputs_live.h), a recorder around it, a replayer reading a log, a standby's
 * follower, a test's script - and the machine cannot tell.  Nothing else may change what the
 * machine does: device code reads no clock, no file, no socket.
 *
 * All functions run on the machine's thread.
 */
#ifndef CORE_INPUTS_H
#define CORE_INPUTS_H

#include "core/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum input_kind {
	INPUT_NONE,
	INPUT_CLOCK,   /* guest time from here on: value = ns now, extra = slope (guest_time.h) */
	INPUT_PACKET,  /* data arrived at NIC `device`; value, extra: core/packet_offload.h */
	INPUT_CONSOLE, /* data was typed at console `device` */
	INPUT_ENTROPY, /* data for the oldest unanswered request of rng `device` */
	INPUT_DISK,    /* request `value` of disk `device` has completed; extra = enum disk_result;
			* data = what was read */
	INPUT_LINK,    /* NIC `device`: value = 1 link up, 0 down */
	INPUT_FLOW,    /* sender `device`: value = 1 the outside is full, stop; 0 go on */
	INPUT_ACTION,  /* the operator: value = enum input_action, extra = its argument */
	INPUT_KINDS
};

enum input_action {
	ACTION_POWER_BUTTON,
	ACTION_RESET,
	ACTION_POWER_OFF, /* at once, as if the plug were pulled */
	ACTION_PAUSE,	  /* machine_run() returns */
	ACTION_BALLOON,	  /* extra = pages the guest should give up */
	ACTION_ANNOUNCE,  /* NIC `device`: the guest should tell the network where it is */
};

enum disk_result { DISK_OK, DISK_ERROR, DISK_FULL };

struct input {
	enum input_kind kind;
	uint16_t device; /* as numbered by the machine's configuration; 0 where it has no meaning */
	uint64_t value, extra;
	const void *data; /* owned by the door, good until the next take() */
	uint32_t size_bytes;
};

#define INPUT_DATA_MAX_BYTES (1u << 20)

struct inputs_ops {
	/* No input is due before this many retired instructions of the machine; run no further
	 * than there before asking again.  UINT64_MAX: nothing is known (the live world), ask
	 * whenever convenient. */
	uint64_t (*due)(void *ctx);
	/* The next input that takes effect now, if there is one.  guest_ns: guest time now. */
	bool (*take)(void *ctx, struct instant now, uint64_t guest_ns, struct input *input);
	/* No vCPU can run before guest time wake_ns (UINT64_MAX: before some input).  Returns when
	 * take() should be asked again; blocks until then in the live world. */
	void (*idle)(void *ctx, struct instant now, uint64_t guest_ns, uint64_t wake_ns);
};

struct inputs {
	const struct inputs_ops *ops;
	void *ctx;
};

#endif
