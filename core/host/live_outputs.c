/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/live_outputs.h"

int live_outputs_route(struct live_outputs *l, uint16_t device, struct output_backend backend,
		       struct err *err)
{
	if (device >= LIVE_OUTPUTS_DEVICES)
		return err_set(err, ERR_RANGE, "device number %u is too large for the output gate",
			       device);
	l->backend[device] = backend;
	return 0;
}

static void gate_emit(void *ctx, struct instant now, const struct output *output)
{
	struct live_outputs *l = ctx;
	const struct output_backend *backend;

	(void)now;
	if (output->device >= LIVE_OUTPUTS_DEVICES)
		return;
	backend = &l->backend[output->device];
	if (backend->send)
		backend->send(backend->ctx, output);
}

struct outputs live_outputs_gate(struct live_outputs *l)
{
	return (struct outputs){.emit = gate_emit, .ctx = l};
}
