/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/machine.h"

#include "core/machine/parts.h"
#include "core/x86/vcpu_table.h"

#include <stdio.h>
#include <stdlib.h>

/* What the guest's time grows by until the first correction: a billion instructions a second. */
#define FIRST_SLOPE GUEST_TIME_SLOPE_ONE

/* ---- the output gate ---- */

static void ended_by(struct machine *m, const struct output *o)
{
	if (m->ended)
		return;
	m->ended = true;
	switch ((enum power_state)o->value) {
	case POWER_RESET: m->end = MACHINE_RESET; break;
	case POWER_DEBUG_EXIT: m->end = MACHINE_EXIT; break;
	case POWER_TRIPLE_FAULT: m->end = MACHINE_FAULT; break;
	default: m->end = MACHINE_OFF;
	}
	m->exit_code = (int)o->extra;
	if (m->running)
		m->ops->kick(m->engine, m->schedule.vcpu);
}

static void emit(void *ctx, const struct output *o)
{
	struct machine *m = ctx;

	m->outputs.emit(m->outputs.ctx, m->now, o);
	if (o->kind == OUTPUT_POWER)
		ended_by(m, o);
}

static uint64_t timer_clock(void *ctx)
{
	return machine_guest_ns(ctx);
}

/* ---- life ---- */

static int make_engine(struct machine *m, struct err *err)
{
	const struct engine_config config = {.memory = m->memory,
					     .cpu_model = m->config.cpu_model,
					     .n_vcpus = m->config.n_vcpus,
					     .machine = &machine_cpu_ops,
					     .machine_ctx = m};

	m->engine = m->ops->create(&config, err);
	return m->engine ? 0 : err ? err->code : ERR_INVALID;
}

static int check_config(const struct machine_config *c, struct err *err)
{
	if (c->n_vcpus < 1 || c->n_vcpus > MACHINE_VCPUS_MAX)
		return err_set(err, ERR_INVALID, "a machine has 1 to %u vCPUs, not %u",
			       MACHINE_VCPUS_MAX, c->n_vcpus);
	if (c->n_disks > MACHINE_DISKS_MAX || c->n_nics > MACHINE_NICS_MAX)
		return err_set(err, ERR_INVALID, "a machine has up to %u disks and %u NICs",
			       MACHINE_DISKS_MAX, MACHINE_NICS_MAX);
	return 0;
}

static int start(struct machine *m, struct err *err)
{
	struct device_env env = {.ports = &m->ports,
				 .mmio = &m->mmio,
				 .timers = &m->timers,
				 .emit = emit,
				 .emit_ctx = m};
	int failed = check_config(&m->config, err);

	if (failed)
		return failed;
	if (!m->config.quantum)
		m->config.quantum = MACHINE_QUANTUM;
	m->memory = env.memory = memory_create(m->config.memory_bytes, err);
	if (!m->memory)
		return err ? err->code : ERR_NO_MEMORY;
	timer_queue_init(&m->timers, timer_clock, m);
	guest_time_correct(&m->time, 0, 0, FIRST_SLOPE);
	m->schedule.left = m->config.quantum;
	m->schedule.waiting = ~1ull; /* all but the bootstrap processor wait for a start-up IPI */
	failed = make_engine(m, err);
	return failed ? failed : machine_make_devices(m, &env, err);
}

struct machine *machine_create(const struct machine_config *config, const struct engine_ops *engine,
			       const struct inputs *inputs, const struct outputs *outputs,
			       struct err *err)
{
	struct machine *m = calloc(1, sizeof(*m));

	if (!m) {
		err_set(err, ERR_NO_MEMORY, "no memory for a machine");
		return NULL;
	}
	m->config = *config;
	m->ops = engine;
	m->inputs = *inputs;
	m->outputs = *outputs;
	if (start(m, err) != 0) {
		machine_destroy(m);
		return NULL;
	}
	return m;
}

void machine_destroy(struct machine *m)
{
	if (!m)
		return;
	while (m->n_devices) {
		struct device *d = m->device[--m->n_devices];

		d->ops->destroy(d);
	}
	if (m->engine)
		m->ops->destroy(m->engine);
	memory_destroy(m->memory);
	free(m);
}

/* ---- looking in ---- */

void machine_kick(struct machine *m)
{
	for (unsigned n = 0; n < m->config.n_vcpus; n++)
		m->ops->kick(m->engine, n);
}

struct instant machine_now(const struct machine *m)
{
	return m->now;
}

int machine_exit_code(const struct machine *m)
{
	return m->exit_code;
}

struct memory *machine_memory(struct machine *m)
{
	return m->memory;
}

const struct machine_config *machine_config(const struct machine *m)
{
	return &m->config;
}

int machine_set_vcpu(struct machine *m, unsigned vcpu, const struct vcpu_state *state,
		     struct err *err)
{
	return m->ops->set_state(m->engine, vcpu, state, err);
}

void machine_get_vcpu(const struct machine *m, unsigned vcpu, struct vcpu_state *state)
{
	m->ops->get_state(m->engine, vcpu, state);
}

static void digest_clocks(const struct machine *m, struct digest *d)
{
	digest_add(d, "instructions", m->now.instructions);
	digest_add_bytes(d, "time", &m->time, sizeof(m->time));
	digest_add_bytes(d, "schedule", &m->schedule, sizeof(m->schedule));
	digest_add_bytes(d, "notes", &m->notes, sizeof(m->notes));
	digest_add_bytes(d, "tsc offsets", m->tsc_offset, sizeof(m->tsc_offset));
}

static void digest_vcpus(const struct machine *m, struct digest *d)
{
	for (unsigned n = 0; n < m->config.n_vcpus; n++) {
		struct vcpu_state s;
		char name[DIGEST_NAME_BYTES];

		snprintf(name, sizeof(name), "vcpu%u", n);
		machine_get_vcpu(m, n, &s);
		digest_add_state(d, name, &vcpu_table, &s);
		snprintf(name, sizeof(name), "vcpu%u count", n);
		digest_add(d, name, m->ops->count(m->engine, n));
	}
}

int machine_digest(struct machine *m, struct digest *d, struct err *err)
{
	struct memory_digest memory;
	int failed = memory_digest_init(&memory, m->memory, err);

	if (failed)
		return failed;
	digest_start(d);
	digest_clocks(m, d);
	digest_vcpus(m, d);
	for (unsigned n = 0; n < m->n_devices; n++)
		if (m->device[n]->state)
			digest_add_state(d, m->device[n]->name, m->device[n]->state, m->device[n]);
	digest_add_memory(d, &memory);
	memory_digest_free(&memory);
	return 0;
}
