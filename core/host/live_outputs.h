/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pass-through gate: hands each output to the backend of its device at once.
 */
#ifndef CORE_HOST_LIVE_OUTPUTS_H
#define CORE_HOST_LIVE_OUTPUTS_H

#include "core/base/err.h"
#include "core/outputs.h"

#define LIVE_OUTPUTS_DEVICES 256

/* Where the outputs of one device go.  send() runs on the machine's thread, copies what it keeps
 * and does not block. */
struct output_backend {
	void (*send)(void *ctx, const struct output *output);
	void *ctx;
};

/* Zeroed, then filled by live_outputs_route(); the caller owns it, and it needs no release. */
struct live_outputs {
	struct output_backend backend[LIVE_OUTPUTS_DEVICES];
};

/* Sends the outputs of a device number to backend, from now on, instead of where they went before;
 * not while the machine runs.  Outputs of devices without a backend are dropped.  ERR_RANGE for
 * a number that no machine has. */
int live_outputs_route(struct live_outputs *l, uint16_t device, struct output_backend backend,
		       struct err *err);

/* The gate, good as long as l. */
struct outputs live_outputs_gate(struct live_outputs *l);

#endif
