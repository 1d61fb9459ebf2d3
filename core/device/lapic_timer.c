/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local APIC's timer.  Of its count only the instant of the next zero is kept; the current count
 * follows from guest time.  A periodic timer whose zero is found late - guest time may jump - goes on
 * in its old rhythm: several zeros at once are one interrupt, as they would be in IRR.
 */
#include "core/device/lapic_cpu.h"

enum timer_mode { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_TSC_DEADLINE, TIMER_MODE_RESERVED };

static enum timer_mode mode_of(uint32_t lvt)
{
	return (enum timer_mode)(lvt >> 17 & 3);
}

static enum timer_mode mode(const struct lapic_cpu *c)
{
	return mode_of(c->lvt[LVT_TIMER]);
}

/* Nanoseconds for each count, by the divide configuration (SDM figure 11-10). */
static uint64_t count_ns(const struct lapic_cpu *c)
{
	unsigned code = (c->timer_divide & 3) | (c->timer_divide >> 1 & 4);

	return code == 7 ? 1 : 2ull << code;
}

static uint64_t now_ns(const struct lapic_cpu *c)
{
	return timer_now(c->lapic->timers);
}

static void arm(struct lapic_cpu *c, uint64_t deadline_ns)
{
	c->timer_deadline_ns = deadline_ns;
	timer_set(&c->timer, deadline_ns);
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a + b < a ? TIMER_NEVER : a + b;
}

/* Starts to count down from count; 0 stops. */
static void start(struct lapic_cpu *c, uint32_t count)
{
	arm(c, count ? add_saturated(now_ns(c), count * count_ns(c)) : TIMER_NEVER);
}

void lapic_timer_stop(struct lapic_cpu *c)
{
	arm(c, TIMER_NEVER);
}

uint32_t lapic_timer_current(const struct lapic_cpu *c)
{
	uint64_t now = now_ns(c), count;

	if (mode(c) == TIMER_TSC_DEADLINE || c->timer_deadline_ns == TIMER_NEVER ||
	    c->timer_deadline_ns <= now)
		return 0;
	count = (c->timer_deadline_ns - now - 1) / count_ns(c) + 1;
	return count < c->timer_initial ? (uint32_t)count : c->timer_initial;
}

void lapic_timer_set_initial(struct lapic_cpu *c, uint32_t count)
{
	if (mode(c) == TIMER_TSC_DEADLINE)
		return;
	c->timer_initial = count;
	start(c, count);
}

void lapic_timer_set_divide(struct lapic_cpu *c, uint32_t divide)
{
	uint32_t left = lapic_timer_current(c);

	c->timer_divide = divide;
	if (left)
		start(c, left);
}

void lapic_timer_set_lvt(struct lapic_cpu *c, uint32_t lvt)
{
	bool was_deadline = mode(c) == TIMER_TSC_DEADLINE;
	bool is_deadline = mode_of(lvt) == TIMER_TSC_DEADLINE;

	c->lvt[LVT_TIMER] = lvt;
	if (was_deadline != is_deadline) {
		c->timer_initial = 0;
		c->tsc_deadline = 0;
		lapic_timer_stop(c);
	}
}

void lapic_timer_set_tsc_deadline(struct lapic_cpu *c, uint64_t tsc)
{
	uint64_t tsc_now = now_ns(c) + c->tsc_offset;

	if (mode(c) != TIMER_TSC_DEADLINE)
		return;
	c->tsc_deadline = tsc;
	if (!tsc) {
		lapic_timer_stop(c);
	} else if (tsc <= tsc_now) {
		c->tsc_deadline = 0;
		lapic_timer_stop(c);
		lapic_deliver_local(c, LVT_TIMER);
	} else {
		arm(c, add_saturated(now_ns(c), tsc - tsc_now));
	}
}

void lapic_timer_fire(void *cpu)
{
	struct lapic_cpu *c = cpu;
	uint64_t period = c->timer_initial * count_ns(c), now = now_ns(c);
	uint64_t zero = c->timer_deadline_ns, late = now > zero ? now - zero : 0;

	c->tsc_deadline = 0;
	if (mode(c) == TIMER_PERIODIC && period)
		arm(c, add_saturated(now, period - late % period));
	else
		lapic_timer_stop(c);
	lapic_deliver_local(c, LVT_TIMER);
}
