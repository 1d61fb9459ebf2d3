/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/debug_exit.h"

#include <stdlib.h>

struct debug_exit {
	struct device device;
	void (*emit)(void *ctx, const struct output *output);
	void *emit_ctx;
};

static const struct state_table table = {
	.name = "debug_exit",
	.version = 1,
	.size_bytes = sizeof(struct debug_exit),
};

static uint64_t port_read(void *device, uint64_t offset, unsigned size_bytes)
{
	(void)device;
	(void)offset;
	(void)size_bytes;
	return 0;
}

static void port_write(void *device, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct debug_exit *e = device;
	const struct output output = {
		.kind = OUTPUT_POWER, .value = POWER_DEBUG_EXIT, .extra = value << 1 | 1};

	(void)size_bytes;
	if (!offset)
		e->emit(e->emit_ctx, &output);
}

static const struct bus_ops port_ops = {.read = port_read, .write = port_write};

static void debug_exit_destroy(struct device *d)
{
	free(d);
}

static const struct device_ops ops = {
	.input = device_no_input,
	.reset = device_nothing,
	.resume = device_nothing,
	.destroy = debug_exit_destroy,
};

struct device *debug_exit_create(const struct device_env *env, uint16_t port, struct err *err)
{
	struct debug_exit *e = calloc(1, sizeof(*e));

	if (!e) {
		err_set(err, ERR_NO_MEMORY, "no memory for a debug exit");
		return NULL;
	}
	e->device = (struct device){.name = "debug_exit", .ops = &ops, .state = &table};
	e->emit = env->emit;
	e->emit_ctx = env->emit_ctx;
	if (bus_claim(env->ports, port, DEBUG_EXIT_PORTS, &port_ops, e, "debug_exit", err)) {
		free(e);
		return NULL;
	}
	return &e->device;
}
