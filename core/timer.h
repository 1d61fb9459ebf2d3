/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers counted in guest time.  The machine runs no vCPU past the earliest deadline, so a timer
 * fires at an exact instant.  Owned and driven by the machine; not thread-safe.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_NEVER UINT64_MAX

struct timer_queue;

/*
 * Embedded in its device.  The device keeps and saves a deadline of its own, and hands it to
 * timer_set() again in resume(): loading state over a queued timer would break the queue's order.
 */
struct timer {
	uint64_t deadline_ns; /* guest time; TIMER_NEVER when not armed; for reading */
	void (*fire)(void *ctx);
	void *ctx;
	struct timer_queue *queue;
	struct timer *next; /* by deadline, then by rank */
	unsigned rank;	    /* in the order of timer_init(), which a restored machine repeats */
};

struct timer_queue {
	struct timer *first;
	uint64_t now_ns; /* guest time as of the last timer_queue_run(); see timer_now() */
	unsigned timers; /* ever given to timer_init() */
	uint64_t (*clock)(void *ctx);
	void *clock_ctx;
};

/* clock: guest time at this moment, asked whenever a device wants to know. */
void timer_queue_init(struct timer_queue *q, uint64_t (*clock)(void *ctx), void *clock_ctx);

/* Makes a timer that is not armed.  fire runs within timer_queue_run(), with the timer already
 * disarmed. */
void timer_init(struct timer *t, struct timer_queue *q, void (*fire)(void *ctx), void *ctx);

/* Arms t for deadline_ns, which may be past (it then fires at the next run), replacing any
 * earlier deadline; TIMER_NEVER disarms. */
void timer_set(struct timer *t, uint64_t deadline_ns);

/* Guest time at this moment, exact within a run. */
uint64_t timer_now(const struct timer_queue *q);

/* The earliest deadline, or TIMER_NEVER. */
uint64_t timer_queue_deadline(const struct timer_queue *q);

/* Fires, in order, all timers with deadlines up to now_ns; a timer may arm itself or others, for
 * after now_ns unless it wants to fire again in the same run. */
void timer_queue_run(struct timer_queue *q, uint64_t now_ns);

#endif
