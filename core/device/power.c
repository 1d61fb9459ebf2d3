/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/power.h"

#include <stdlib.h>

#define SLEEP_ENABLE	 0x20u
#define SLEEP_TYPE	 0x1cu
#define SLEEP_TYPE_SHIFT 2

struct power {
	struct device device;
	void (*emit)(void *ctx, const struct output *output);
	void *emit_ctx;
	struct irq_line irq; /* low but within a pulse: nothing here needs saving */
};

static const struct state_table table = {
	.name = "power",
	.version = 1,
	.size_bytes = sizeof(struct power),
};

static void tell(struct power *p, enum power_state state)
{
	const struct output output = {
		.kind = OUTPUT_POWER, .device = p->device.number, .value = state};

	p->emit(p->emit_ctx, &output);
}

static uint64_t mmio_read(void *device, uint64_t offset, unsigned size_bytes)
{
	(void)device;
	(void)offset;
	(void)size_bytes;
	return 0;
}

static void mmio_write(void *device, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct power *p = device;

	if (size_bytes != 1)
		return;
	if (offset == POWER_RESET_CONTROL && value == POWER_RESET_VALUE)
		tell(p, POWER_RESET);
	else if (offset == POWER_SLEEP_CONTROL && (value & SLEEP_ENABLE) &&
		 (value & SLEEP_TYPE) >> SLEEP_TYPE_SHIFT == POWER_SLEEP_TYPE_S5)
		tell(p, POWER_OFF);
}

static const struct bus_ops mmio_ops = {.read = mmio_read, .write = mmio_write};

static void power_input(struct device *d, const struct input *in)
{
	struct power *p = (struct power *)d;

	if (in->kind == INPUT_ACTION && in->value == ACTION_POWER_BUTTON)
		irq_pulse(&p->irq);
}

static void power_destroy(struct device *d)
{
	free(d);
}

static const struct device_ops ops = {
	.input = power_input,
	.reset = device_nothing,
	.resume = device_nothing,
	.destroy = power_destroy,
};

struct device *power_create(const struct device_env *env, uint64_t gpa, unsigned line,
			    uint16_t number, struct err *err)
{
	struct power *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set(err, ERR_NO_MEMORY, "no memory for power control");
		return NULL;
	}
	p->device =
		(struct device){.name = "power", .ops = &ops, .state = &table, .number = number};
	p->emit = env->emit;
	p->emit_ctx = env->emit_ctx;
	irq_line_init(&p->irq, env->irq, env->irq_ctx, line);
	if (bus_claim(env->mmio, gpa, POWER_BYTES, &mmio_ops, p, "power", err)) {
		free(p);
		return NULL;
	}
	return &p->device;
}
