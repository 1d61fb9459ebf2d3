/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/live_inputs.h"

#include "core/guest_time.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

#define QUANTUM 20000
#define MS	1000000ull

/* A machine that does nothing but retire instructions, in a host whose clock is ours. */
struct bench {
	uint64_t host_ns;
	uint64_t waited_until; /* the deadline of the last wait */
	uint64_t wait_ends_at; /* 0: at the deadline */
	struct mailbox *mailbox;
	struct live_inputs *live;
	struct inputs door;
	struct guest_time time;
	struct instant now;
	unsigned corrections;
};

static uint64_t bench_now(void *ctx)
{
	return ((struct bench *)ctx)->host_ns;
}

static void bench_wait(void *ctx, uint64_t deadline_ns)
{
	struct bench *b = ctx;

	b->waited_until = deadline_ns;
	b->host_ns = b->wait_ends_at ? b->wait_ends_at : deadline_ns;
}

static int bench_open(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct live_world world = {bench_now, bench_wait, b};

	b->host_ns = 12345 * MS;
	b->mailbox = mailbox_create(NULL, NULL, NULL);
	b->live = live_inputs_create(b->mailbox, &world, NULL);
	b->door = live_inputs_door(b->live);
	*state = b;
	return 0;
}

static int bench_close(void **state)
{
	struct bench *b = *state;

	live_inputs_destroy(b->live);
	mailbox_destroy(b->mailbox);
	free(b);
	return 0;
}

static uint64_t guest_ns(const struct bench *b)
{
	return guest_time_at(&b->time, b->now.instructions);
}

/* Asks once; clock corrections take effect here. */
static bool bench_take(struct bench *b, struct input *in)
{
	if (!b->door.ops->take(b->door.ctx, b->now, guest_ns(b), in))
		return false;
	if (in->kind == INPUT_CLOCK) {
		assert_true(in->value >= guest_ns(b));
		guest_time_correct(&b->time, b->now.instructions, in->value, in->extra);
		b->corrections++;
	}
	return true;
}

static void bench_take_all(struct bench *b)
{
	struct input in;

	while (bench_take(b, &in))
		;
}

/* Runs for host_ms at a speed. */
static void bench_run(struct bench *b, uint64_t host_ms, double ns_per_instruction)
{
	uint64_t end = b->host_ns + host_ms * MS;

	while (b->host_ns < end) {
		bench_take_all(b);
		b->now.instructions += QUANTUM;
		b->host_ns += (uint64_t)(QUANTUM * ns_per_instruction);
	}
	bench_take_all(b);
}

/* How far guest time is ahead of a host clock that read start_ns at guest time 0. */
static int64_t ahead(const struct bench *b, uint64_t start_ns)
{
	return (int64_t)(guest_ns(b) - (b->host_ns - start_ns));
}

static void guest_time_starts_where_it_is(void **state)
{
	struct bench *b = *state;
	struct input in;

	b->time.base_ns = 777;
	assert_true(bench_take(b, &in));
	assert_int_equal(in.kind, INPUT_CLOCK);
	assert_int_equal(in.value, 777);
	assert_true(in.extra > 0);
	assert_false(bench_take(b, &in));
	assert_true(b->door.ops->due(b->door.ctx) == UINT64_MAX);
}

static void guest_time_follows_host_time(void **state)
{
	static const double speeds[] = {0.3, 1, 10, 60, 10, 1.5, 40};
	struct bench *b = *state;
	uint64_t start = b->host_ns;

	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++) {
		bench_run(b, 400, speeds[i]);
		for (int n = 0; n < 50; n++) {
			bench_run(b, 2, speeds[i]);
			assert_in_range(ahead(b, start) + 1000000, 0, 2000000);
		}
	}
}

static void corrections_are_few(void **state)
{
	struct bench *b = *state;

	bench_run(b, 1000, 5);
	assert_in_range(b->corrections, 100, 400);
}

static void a_guest_behind_catches_up_smoothly(void **state)
{
	struct bench *b = *state;
	uint64_t start = b->host_ns, before;

	bench_run(b, 300, 10);
	b->host_ns += 60 * MS; /* the host was busy elsewhere */
	before = guest_ns(b);
	bench_take_all(b);
	assert_true(guest_ns(b) == before);
	bench_run(b, 300, 10);
	assert_in_range(ahead(b, start) + 1000000, 0, 2000000);
}

static void a_guest_far_behind_steps(void **state)
{
	struct bench *b = *state;
	uint64_t start = b->host_ns;

	bench_run(b, 300, 10);
	b->host_ns += 700 * MS;
	bench_take_all(b);
	assert_true(ahead(b, start) == 0);
}

static void a_guest_ahead_slows_down_and_never_goes_back(void **state)
{
	struct bench *b = *state;
	uint64_t start = b->host_ns;

	bench_run(b, 300, 20);
	b->now.instructions += 2000000; /* a burst, 40 ms of guest time in no time */
	assert_true(ahead(b, start) > (int64_t)(35 * MS));
	bench_run(b, 10, 20);
	assert_true(ahead(b, start) > 0);
	bench_run(b, 200, 20);
	assert_in_range(ahead(b, start) + 1000000, 0, 2000000);
}

static void idle_waits_for_the_deadline(void **state)
{
	struct bench *b = *state;
	uint64_t start = b->host_ns, wake;
	struct input in;

	bench_run(b, 100, 10);
	wake = guest_ns(b) + 50 * MS;
	b->door.ops->idle(b->door.ctx, b->now, guest_ns(b), wake);
	assert_true(b->waited_until == start + wake);
	assert_true(bench_take(b, &in));
	assert_int_equal(in.kind, INPUT_CLOCK);
	assert_true(in.value >= wake);
	assert_true(in.value <= wake + 1000);
	/* What it slept does not count as slowness. */
	bench_run(b, 20, 10);
	assert_in_range(ahead(b, start) + 1000000, 0, 2000000);
}

static void idle_ends_early_when_something_comes(void **state)
{
	struct bench *b = *state;
	uint64_t start = b->host_ns;
	struct input in, packet = {.kind = INPUT_PACKET, .device = 32};

	bench_run(b, 100, 10);
	b->wait_ends_at = b->host_ns + 3 * MS;
	mailbox_post(b->mailbox, &packet);
	b->door.ops->idle(b->door.ctx, b->now, guest_ns(b), UINT64_MAX);
	assert_true(b->waited_until == UINT64_MAX);
	assert_true(bench_take(b, &in));
	assert_int_equal(in.kind, INPUT_CLOCK);
	assert_true(ahead(b, start) == 0);
	assert_true(bench_take(b, &in));
	assert_int_equal(in.kind, INPUT_PACKET);
	assert_false(bench_take(b, &in));
}

static void a_deadline_that_has_passed_is_not_waited_for(void **state)
{
	struct bench *b = *state;

	bench_run(b, 100, 10);
	b->host_ns += 20 * MS;
	b->door.ops->idle(b->door.ctx, b->now, guest_ns(b), guest_ns(b) + MS);
	assert_true(b->waited_until == 0);
	bench_take_all(b);
	assert_true(guest_ns(b) > 100 * MS);
}

static void paused_time_does_not_count(void **state)
{
	struct bench *b = *state;
	struct input in, pause = {.kind = INPUT_ACTION, .value = ACTION_PAUSE};
	uint64_t at;

	bench_run(b, 100, 10);
	mailbox_post(b->mailbox, &pause);
	assert_true(bench_take(b, &in));
	assert_int_equal(in.kind, INPUT_ACTION);
	at = guest_ns(b);
	b->host_ns += 3600000 * MS;
	bench_take_all(b);
	assert_true(guest_ns(b) == at);

	live_inputs_pause(b->live);
	b->host_ns += 3600000 * MS;
	bench_take_all(b);
	assert_true(guest_ns(b) == at);
}

static void a_flood_does_not_stop_the_guest(void **state)
{
	struct bench *b = *state;
	struct input in, packet = {.kind = INPUT_PACKET, .device = 32};
	unsigned taken = 0;

	bench_take_all(b);
	for (int i = 0; i < 1000; i++)
		assert_true(mailbox_post(b->mailbox, &packet));
	while (bench_take(b, &in))
		taken++;
	assert_in_range(taken, 1, 500);
	b->now.instructions++;
	assert_true(bench_take(b, &in));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)
	const struct CMUnitTest tests[] = {
		TEST(guest_time_starts_where_it_is),
		TEST(guest_time_follows_host_time),
		TEST(corrections_are_few),
		TEST(a_guest_behind_catches_up_smoothly),
		TEST(a_guest_far_behind_steps),
		TEST(a_guest_ahead_slows_down_and_never_goes_back),
		TEST(idle_waits_for_the_deadline),
		TEST(idle_ends_early_when_something_comes),
		TEST(a_deadline_that_has_passed_is_not_waited_for),
		TEST(paused_time_does_not_count),
		TEST(a_flood_does_not_stop_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
