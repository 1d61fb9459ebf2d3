/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/live_inputs.h"

#include "core/base/host_time.h"
#include "core/guest_time.h"

#include <stdlib.h>

/* Inputs handed out at one instruction count before the guest gets to run again, so that a flood
 * from outside cannot stop it. */
#define INPUTS_AT_ONCE 256

/* The first guess at the machine's speed, and when to look whether it was right. */
#define SLOPE_FIRST   (4 * GUEST_TIME_SLOPE_ONE)
#define SLOPE_MIN     (GUEST_TIME_SLOPE_ONE >> 8)
#define FIRST_LOOK_NS 500000ull
#define MEASURE_MIN   1000 /* instructions that make a measurement */
#define SLOWEST_PART  16   /* a guest that is far ahead runs at a sixteenth of its speed */

struct live_inputs {
	struct mailbox *mailbox;
	struct live_world world;

	bool standing;		  /* host time does not count until the next take() */
	uint64_t anchor_host_ns;  /* at this host time ... */
	uint64_t anchor_guest_ns; /* ... guest time should have been this */

	uint64_t next_host_ns;	   /* when the next correction is due */
	uint64_t slope;		   /* measured ns per instruction, 32.32, smoothed */
	uint64_t measured_host_ns; /* where the present measurement started; idle time is added */
	uint64_t measured_instructions;
	bool measured_before;

	bool clock_wanted; /* a correction is due at once: time was spent idle or standing */
	uint64_t at_instructions;
	unsigned taken; /* inputs handed out at at_instructions */
};

static uint64_t world_now(void *ctx)
{
	(void)ctx;
	return host_time_monotonic_ns();
}

static void world_wait(void *ctx, uint64_t deadline_ns)
{
	mailbox_wait(ctx, deadline_ns);
}

struct live_inputs *live_inputs_create(struct mailbox *mailbox, const struct live_world *world,
				       struct err *err)
{
	struct live_inputs *l = calloc(1, sizeof(*l));

	if (!l) {
		err_set(err, ERR_NO_MEMORY, "no memory for the inputs door");
		return NULL;
	}
	l->mailbox = mailbox;
	l->world = world ? *world : (struct live_world){world_now, world_wait, mailbox};
	l->standing = true;
	l->slope = SLOPE_FIRST;
	return l;
}

void live_inputs_destroy(struct live_inputs *l)
{
	free(l);
}

void live_inputs_pause(struct live_inputs *l)
{
	l->standing = true;
}

/* The machine runs (again): guest time as it is now belongs to host time as it is now. */
static void clock_start(struct live_inputs *l, uint64_t instructions, uint64_t guest_ns,
			uint64_t host_ns)
{
	l->standing = false;
	l->anchor_host_ns = host_ns;
	l->anchor_guest_ns = guest_ns;
	l->measured_host_ns = host_ns;
	l->measured_instructions = instructions;
	l->clock_wanted = true;
}

/* What guest time should be at a host time. */
static uint64_t clock_target(const struct live_inputs *l, uint64_t host_ns)
{
	return l->anchor_guest_ns + (host_ns - l->anchor_host_ns);
}

/* Takes the speed since the last measurement into account. */
static void clock_measure(struct live_inputs *l, uint64_t instructions, uint64_t host_ns)
{
	uint64_t ran = instructions - l->measured_instructions;
	uint64_t took_ns = host_ns - l->measured_host_ns;
	unsigned __int128 slope;

	if (ran < MEASURE_MIN)
		return;
	slope = ((unsigned __int128)took_ns << 32) / ran;
	if (slope > GUEST_TIME_SLOPE_MAX)
		slope = GUEST_TIME_SLOPE_MAX;
	if (slope < SLOPE_MIN)
		slope = SLOPE_MIN;
	l->slope = l->measured_before ? (3 * l->slope + (uint64_t)slope) / 4 : (uint64_t)slope;
	l->measured_before = true;
	l->measured_host_ns = host_ns;
	l->measured_instructions = instructions;
}

/* The slope that brings guest time, which is ahead_ns (negative: behind), to host time soon. */
static uint64_t clock_slope(const struct live_inputs *l, int64_t ahead_ns)
{
	const int64_t meet = (int64_t)LIVE_CLOCK_MEET_NS;
	int64_t part = meet - ahead_ns;

	if (part < meet / SLOWEST_PART)
		part = meet / SLOWEST_PART;
	if (part > 2 * meet)
		part = 2 * meet;
	return (uint64_t)((unsigned __int128)l->slope * (uint64_t)part / (uint64_t)meet);
}

/* Makes a correction; after idling, guest time goes to where the host's is. */
static void clock_correct(struct live_inputs *l, uint64_t guest_ns, uint64_t host_ns,
			  struct input *input)
{
	uint64_t target = clock_target(l, host_ns);
	uint64_t ns = guest_ns;
	int64_t ahead;

	if (target > guest_ns && (l->clock_wanted || target - guest_ns > LIVE_CLOCK_STEP_NS))
		ns = target;
	ahead = (int64_t)(ns - target);
	*input = (struct input){.kind = INPUT_CLOCK, .value = ns, .extra = clock_slope(l, ahead)};
	l->clock_wanted = false;
	l->next_host_ns = host_ns + (l->measured_before ? LIVE_CLOCK_PERIOD_NS : FIRST_LOOK_NS);
}

static uint64_t live_due(void *ctx)
{
	(void)ctx;
	return UINT64_MAX;
}

static bool live_take(void *ctx, struct instant now, uint64_t guest_ns, struct input *input)
{
	struct live_inputs *l = ctx;
	uint64_t host_ns = l->world.now_ns(l->world.ctx);

	if (l->standing)
		clock_start(l, now.instructions, guest_ns, host_ns);
	if (l->clock_wanted || host_ns >= l->next_host_ns) {
		clock_measure(l, now.instructions, host_ns);
		clock_correct(l, guest_ns, host_ns, input);
		return true;
	}
	if (now.instructions != l->at_instructions) {
		l->at_instructions = now.instructions;
		l->taken = 0;
	}
	if (l->taken >= INPUTS_AT_ONCE || !mailbox_take(l->mailbox, input))
		return false;
	l->taken++;
	if (input->kind == INPUT_ACTION && input->value == ACTION_PAUSE)
		l->standing = true;
	return true;
}

static void live_idle(void *ctx, struct instant now, uint64_t guest_ns, uint64_t wake_ns)
{
	struct live_inputs *l = ctx;
	uint64_t host_ns = l->world.now_ns(l->world.ctx), deadline_ns = UINT64_MAX;

	if (l->standing)
		clock_start(l, now.instructions, guest_ns, host_ns);
	clock_measure(l, now.instructions, host_ns);
	if (wake_ns <= l->anchor_guest_ns)
		deadline_ns = host_ns;
	else if (wake_ns - l->anchor_guest_ns < UINT64_MAX - l->anchor_host_ns)
		deadline_ns = l->anchor_host_ns + (wake_ns - l->anchor_guest_ns);
	if (deadline_ns > host_ns)
		l->world.wait(l->world.ctx, deadline_ns);
	l->measured_host_ns += l->world.now_ns(l->world.ctx) - host_ns;
	l->clock_wanted = true;
	l->taken = 0;
}

static const struct inputs_ops live_ops = {
	.due = live_due,
	.take = live_take,
	.idle = live_idle,
};

struct inputs live_inputs_door(struct live_inputs *l)
{
	return (struct inputs){.ops = &live_ops, .ctx = l};
}
