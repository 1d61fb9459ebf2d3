/* SPDX-License-Identifier: Apache-2.0 */
#include "core/timer.h"

#include "tests/unit/cmocka_all.h"

#define TIMERS 4

struct clock {
	struct timer_queue queue;
	uint64_t now_ns;
	struct alarm {
		struct clock *clock;
		struct timer timer;
		char name;
		uint64_t period_ns; /* 0: rings once */
	} alarm[TIMERS];
	char rung[64];
	size_t rings;
};

static uint64_t clock_now(void *ctx)
{
	return ((struct clock *)ctx)->now_ns;
}

static void ring(void *ctx)
{
	struct alarm *a = ctx;

	assert_true(a->timer.deadline_ns == TIMER_NEVER);
	a->clock->rung[a->clock->rings++] = a->name;
	if (a->period_ns)
		timer_set(&a->timer, timer_now(a->timer.queue) + a->period_ns);
}

static void clock_init(struct clock *c)
{
	memset(c, 0, sizeof(*c));
	timer_queue_init(&c->queue, clock_now, c);
	for (unsigned n = 0; n < TIMERS; n++) {
		c->alarm[n].clock = c;
		c->alarm[n].name = (char)('a' + n);
		timer_init(&c->alarm[n].timer, &c->queue, ring, &c->alarm[n]);
	}
}

static void run(struct clock *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	timer_queue_run(&c->queue, now_ns);
}

static void timers_fire_in_order_of_deadlines(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c);
	assert_true(timer_queue_deadline(&c.queue) == TIMER_NEVER);
	timer_set(&c.alarm[0].timer, 30);
	timer_set(&c.alarm[1].timer, 10);
	timer_set(&c.alarm[2].timer, 20);
	assert_int_equal(timer_queue_deadline(&c.queue), 10);
	run(&c, 9);
	assert_string_equal(c.rung, "");
	run(&c, 20);
	assert_string_equal(c.rung, "bc");
	assert_int_equal(timer_queue_deadline(&c.queue), 30);
	run(&c, 1000);
	assert_string_equal(c.rung, "bca");
	assert_true(timer_queue_deadline(&c.queue) == TIMER_NEVER);
}

static void equal_deadlines_fire_in_order_of_making(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c);
	for (unsigned n = TIMERS; n-- > 0;)
		timer_set(&c.alarm[n].timer, 5);
	run(&c, 5);
	assert_string_equal(c.rung, "abcd");
}

static void timers_are_moved_and_disarmed(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c);
	timer_set(&c.alarm[0].timer, 10);
	timer_set(&c.alarm[1].timer, 20);
	timer_set(&c.alarm[2].timer, 30);
	timer_set(&c.alarm[0].timer, 25);
	timer_set(&c.alarm[1].timer, TIMER_NEVER);
	timer_set(&c.alarm[1].timer, TIMER_NEVER);
	timer_set(&c.alarm[2].timer, 24);
	run(&c, 100);
	assert_string_equal(c.rung, "ca");
}

static void a_timer_may_arm_itself(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c);
	c.alarm[0].period_ns = 10;
	timer_set(&c.alarm[0].timer, 10);
	timer_set(&c.alarm[1].timer, 15);
	run(&c, 10);
	assert_int_equal(timer_queue_deadline(&c.queue), 15);
	run(&c, 15);
	run(&c, 20);
	assert_string_equal(c.rung, "aba");
	assert_int_equal(c.queue.now_ns, 20);
}

static void a_past_deadline_fires_at_the_next_run(void **state)
{
	struct clock c;

	(void)state;
	clock_init(&c);
	run(&c, 100);
	timer_set(&c.alarm[0].timer, 3);
	assert_string_equal(c.rung, "");
	run(&c, 100);
	assert_string_equal(c.rung, "a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_of_deadlines),
		cmocka_unit_test(equal_deadlines_fire_in_order_of_making),
		cmocka_unit_test(timers_are_moved_and_disarmed),
		cmocka_unit_test(a_timer_may_arm_itself),
		cmocka_unit_test(a_past_deadline_fires_at_the_next_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
