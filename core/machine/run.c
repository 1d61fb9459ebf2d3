/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The run loop of the soft machine.
 *
 * Everything here is decided by the state and by what the inputs door hands in.  The engine may
 * come back early (a kick, the end of a slice of its own); that changes nothing, since whose turn
 * it is and how much of it is left is kept in m->schedule, and the loop just goes on with it.
 */
#include "core/machine/parts.h"

/* A stretch is never longer than this, so that inputs are asked for often enough. */
#define STRETCH_MAX 1000000u

static struct device *device_by_number(struct machine *m, uint16_t number)
{
	for (unsigned n = 0; n < m->n_devices; n++)
		if (m->device[n]->number == number)
			return m->device[n];
	return NULL;
}

static void end(struct machine *m, enum machine_end why)
{
	if (!m->ended)
		m->end = why;
	m->ended = true;
}

/* ---- inputs ---- */

static void tell_nics(struct machine *m, const struct input *in)
{
	for (uint16_t n = 0; n < m->config.n_nics; n++) {
		struct device *d = device_by_number(m, (uint16_t)(DEVICE_NIC0 + n));

		d->ops->input(d, in);
	}
}

static void take_action(struct machine *m, const struct input *in)
{
	struct device *d = NULL;

	switch ((enum input_action)in->value) {
	case ACTION_POWER_BUTTON: d = device_by_number(m, DEVICE_POWER); break;
	case ACTION_BALLOON: d = device_by_number(m, DEVICE_BALLOON); break;
	case ACTION_RESET: end(m, MACHINE_RESET); break;
	case ACTION_POWER_OFF: end(m, MACHINE_OFF); break;
	case ACTION_PAUSE: m->paused = true; break;
	case ACTION_ANNOUNCE: tell_nics(m, in); break;
	}
	if (d)
		d->ops->input(d, in);
}

static void take_input(struct machine *m, const struct input *in)
{
	struct device *d;

	switch (in->kind) {
	case INPUT_CLOCK:
		guest_time_correct(&m->time, m->now.instructions, in->value, in->extra);
		break;
	case INPUT_ACTION: take_action(m, in); break;
	default:
		d = device_by_number(m, in->device);
		if (d)
			d->ops->input(d, in);
	}
}

static void take_inputs(struct machine *m)
{
	struct input in;

	while (!m->paused && !m->ended &&
	       m->inputs.ops->take(m->inputs.ctx, m->now, machine_guest_ns(m), &in)) {
		take_input(m, &in);
		m->now.event++;
	}
}

/* ---- exits ---- */

static bool in_lapic(uint64_t gpa)
{
	return gpa - MAP_LAPIC_GPA < MEM_PAGE_BYTES;
}

static uint64_t mmio(struct machine *m, unsigned vcpu, const struct vcpu_exit *e)
{
	uint64_t offset = e->address - MAP_LAPIC_GPA;

	if (in_lapic(e->address)) {
		if (!e->write)
			return lapic_mmio_read(m->lapic, vcpu, offset, e->size_bytes);
		lapic_mmio_write(m->lapic, vcpu, offset, e->size_bytes, e->value);
		return 0;
	}
	if (!e->write)
		return bus_read(&m->mmio, e->address, e->size_bytes);
	bus_write(&m->mmio, e->address, e->size_bytes, e->value);
	return 0;
}

static uint64_t port(struct machine *m, const struct vcpu_exit *e)
{
	if (!e->write)
		return bus_read(&m->ports, e->address, e->size_bytes);
	bus_write(&m->ports, e->address, e->size_bytes, e->value);
	return 0;
}

static void answer(struct machine *m, unsigned vcpu, const struct vcpu_exit *e)
{
	uint64_t value;

	switch (e->kind) {
	case VCPU_EXIT_PORT: value = port(m, e); break;
	case VCPU_EXIT_MMIO: value = mmio(m, vcpu, e); break;
	case VCPU_EXIT_HALT: m->schedule.waiting |= 1ull << vcpu; return;
	case VCPU_EXIT_SHUTDOWN: end(m, MACHINE_FAULT); return;
	default: return;
	}
	m->ops->complete(m->engine, vcpu, value);
}

/* ---- turns ---- */

static void next_turn(struct machine *m)
{
	m->schedule.vcpu = (m->schedule.vcpu + 1) % m->config.n_vcpus;
	m->schedule.left = m->config.quantum;
}

/* Makes schedule.vcpu one that can run; false: none can. */
static bool find_turn(struct machine *m)
{
	for (unsigned n = 0; n <= m->config.n_vcpus; n++) {
		if (m->schedule.left && !(m->schedule.waiting >> m->schedule.vcpu & 1))
			return true;
		next_turn(m);
	}
	return false;
}

/* Hands the highest pending interrupt to the vCPU, or asks for a window. */
static void interrupt(struct machine *m, unsigned vcpu)
{
	int vector;

	machine_deliver_nmi(m, vcpu);
	vector = lapic_pending(m->lapic, vcpu);
	if (vector >= 0 && m->ops->can_interrupt(m->engine, vcpu)) {
		lapic_accept(m->lapic, vcpu, (uint8_t)vector);
		m->ops->inject(m->engine, vcpu, X86_EVENT_EXTERNAL, (uint8_t)vector);
		vector = lapic_pending(m->lapic, vcpu);
	}
	m->ops->want_window(m->engine, vcpu, vector >= 0);
}

/* How many instructions may pass before something else must be looked at. */
static uint64_t stretch_length(const struct machine *m, uint64_t until)
{
	uint64_t now = m->now.instructions, stop = now + m->schedule.left, other;

	if (stop > now + STRETCH_MAX)
		stop = now + STRETCH_MAX;
	other = m->inputs.ops->due(m->inputs.ctx);
	stop = other < stop ? other : stop;
	other = guest_time_when(&m->time, timer_queue_deadline(&m->timers));
	stop = other < stop ? other : stop;
	stop = until < stop ? until : stop;
	return stop > now ? stop - now : 0;
}

static void stretch(struct machine *m, uint64_t length)
{
	unsigned vcpu = m->schedule.vcpu;
	struct vcpu_exit exit;
	uint64_t done;

	m->stretch_count = m->ops->count(m->engine, vcpu);
	m->running = true;
	m->ops->run(m->engine, vcpu, m->stretch_count + length, &exit);
	m->running = false;
	done = m->ops->count(m->engine, vcpu) - m->stretch_count;
	if (done) {
		m->now.instructions += done;
		m->now.event = 0;
		m->schedule.left -= (uint32_t)done;
	}
	answer(m, vcpu, &exit);
}

static void idle(struct machine *m)
{
	m->inputs.ops->idle(m->inputs.ctx, m->now, machine_guest_ns(m),
			    timer_queue_deadline(&m->timers));
}

static void turn(struct machine *m, uint64_t until)
{
	uint64_t length;

	take_inputs(m);
	timer_queue_run(&m->timers, machine_guest_ns(m));
	machine_act_on_notes(m);
	if (m->ended || m->paused)
		return;
	if (!find_turn(m)) {
		idle(m);
		return;
	}
	interrupt(m, m->schedule.vcpu);
	length = stretch_length(m, until);
	if (length)
		stretch(m, length);
}

enum machine_end machine_run(struct machine *m, uint64_t until)
{
	while (!m->ended && !m->paused && m->now.instructions < until)
		turn(m, until);
	if (m->ended)
		return m->end;
	if (!m->paused)
		return MACHINE_REACHED;
	m->paused = false;
	return MACHINE_PAUSED;
}
