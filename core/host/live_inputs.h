/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live inputs door: what the mailbox holds, in between clock corrections that keep guest time
 * on host time.
 *
 * Guest time grows by a slope per instruction.  The door measures how fast instructions really
 * retire, and a few hundred times a second hands out a correction whose slope makes guest time
 * meet host time a few milliseconds later: a smaller one when the guest is ahead (time never goes
 * back), a larger one, up to twice, when it is behind.  Far behind, after the host has been
 * suspended or busy elsewhere, time steps forward.  When no vCPU can run the door waits for the
 * mailbox or for the guest's next deadline, and corrects guest time to the host's.
 *
 * Time in which the machine was paused does not count: the guest sees no gap.
 */
#ifndef CORE_HOST_LIVE_INPUTS_H
#define CORE_HOST_LIVE_INPUTS_H

#include "core/base/err.h"
#include "core/inputs.h"
#include "core/mailbox.h"

#define LIVE_CLOCK_PERIOD_NS 3000000ull	  /* between corrections */
#define LIVE_CLOCK_MEET_NS   5000000ull	  /* how soon guest time should meet host time */
#define LIVE_CLOCK_STEP_NS   100000000ull /* further behind than this: step */

/* The world as the door sees it; tests bring their own. */
struct live_world {
	uint64_t (*now_ns)(void *ctx); /* monotonic host time */
	/* Blocks until something may have arrived or host time is deadline_ns. */
	void (*wait)(void *ctx, uint64_t deadline_ns);
	void *ctx;
};

struct live_inputs;

/* A door on a mailbox, borrowed for its life.  world: NULL for the host's clock and the mailbox's
 * own waiting.  NULL with err set when memory is short. */
struct live_inputs *live_inputs_create(struct mailbox *mailbox, const struct live_world *world,
				       struct err *err);
void live_inputs_destroy(struct live_inputs *l);

/* The door, good as long as l. */
struct inputs live_inputs_door(struct live_inputs *l);

/* The machine stands still from now until it next asks for an input.  The door knows by itself
 * after it has handed out ACTION_PAUSE, and before its first input.  On the machine's thread. */
void live_inputs_pause(struct live_inputs *l);

#endif
