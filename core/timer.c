/* SPDX-License-Identifier: Apache-2.0 */
#include "core/timer.h"

#include <stddef.h>

void timer_queue_init(struct timer_queue *q, uint64_t (*clock)(void *ctx), void *clock_ctx)
{
	*q = (struct timer_queue){.clock = clock, .clock_ctx = clock_ctx};
}

void timer_init(struct timer *t, struct timer_queue *q, void (*fire)(void *ctx), void *ctx)
{
	*t = (struct timer){
		.deadline_ns = TIMER_NEVER,
		.fire = fire,
		.ctx = ctx,
		.queue = q,
		.rank = q->timers++,
	};
}

static bool fires_before(const struct timer *a, const struct timer *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	return a->rank < b->rank;
}

static void timer_unlink(struct timer *t)
{
	struct timer **at = &t->queue->first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	t->next = NULL;
	t->deadline_ns = TIMER_NEVER;
}

void timer_set(struct timer *t, uint64_t deadline_ns)
{
	struct timer **at = &t->queue->first;

	if (t->deadline_ns != TIMER_NEVER)
		timer_unlink(t);
	if (deadline_ns == TIMER_NEVER)
		return;
	t->deadline_ns = deadline_ns;
	while (*at && fires_before(*at, t))
		at = &(*at)->next;
	t->next = *at;
	*at = t;
}

uint64_t timer_now(const struct timer_queue *q)
{
	return q->clock(q->clock_ctx);
}

uint64_t timer_queue_deadline(const struct timer_queue *q)
{
	return q->first ? q->first->deadline_ns : TIMER_NEVER;
}

void timer_queue_run(struct timer_queue *q, uint64_t now_ns)
{
	q->now_ns = now_ns;
	while (q->first && q->first->deadline_ns <= now_ns) {
		struct timer *t = q->first;

		timer_unlink(t);
		t->fire(t->ctx);
	}
}
