/* SPDX-License-Identifier: Apache-2.0 */
#include "core/mailbox.h"

#include "core/base/host_time.h"
#include "tests/unit/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>

#define POSTERS		3
#define POSTS_EACH	5000u
#define LONG_AGO_NS	1
#define A_WHILE_NS	20000000ull
#define FAR_FUTURE_NS() (host_time_monotonic_ns() + 60 * NS_PER_SECOND)

static void count_wake(void *ctx)
{
	++*(unsigned *)ctx;
}

static struct mailbox *mailbox_of(void (*wake)(void *ctx), void *ctx)
{
	struct err err = {0};
	struct mailbox *m = mailbox_create(wake, ctx, &err);

	assert_non_null(m);
	return m;
}

static void what_is_posted_is_taken_in_order(void **state)
{
	unsigned wakes = 0;
	struct mailbox *m = mailbox_of(count_wake, &wakes);
	char text[] = "keys";
	struct input in = {.kind = INPUT_CONSOLE, .device = 3, .data = text, .size_bytes = 4};
	struct input out;

	(void)state;
	assert_false(mailbox_take(m, &out));
	assert_true(mailbox_post(m, &in));
	memset(text, 'x', 4);
	in = (struct input){.kind = INPUT_LINK, .device = 4, .value = 1, .extra = 9};
	assert_true(mailbox_post(m, &in));
	assert_int_equal(wakes, 1);
	assert_true(mailbox_take(m, &out));
	assert_int_equal(out.kind, INPUT_CONSOLE);
	assert_int_equal(out.device, 3);
	assert_int_equal(out.size_bytes, 4);
	assert_memory_equal(out.data, "keys", 4);
	assert_true(mailbox_take(m, &out));
	assert_int_equal(out.kind, INPUT_LINK);
	assert_int_equal(out.value, 1);
	assert_int_equal(out.extra, 9);
	assert_null(out.data);
	assert_false(mailbox_take(m, &out));
	assert_true(mailbox_post(m, &in));
	assert_int_equal(wakes, 2);
	mailbox_destroy(m);
}

static void entries_are_bounded(void **state)
{
	struct mailbox *m = mailbox_of(NULL, NULL);
	struct input in = {.kind = INPUT_CLOCK}, out;

	(void)state;
	for (unsigned n = 0; n < MAILBOX_ENTRIES_MAX; n++) {
		in.value = n;
		assert_true(mailbox_post(m, &in));
	}
	assert_false(mailbox_post(m, &in));
	assert_false(mailbox_wait_room(m, 0, LONG_AGO_NS));
	assert_true(mailbox_take(m, &out));
	assert_int_equal(out.value, 0);
	assert_true(mailbox_wait_room(m, 0, UINT64_MAX));
	assert_true(mailbox_post(m, &in));
	mailbox_destroy(m);
}

static void bytes_are_bounded(void **state)
{
	struct mailbox *m = mailbox_of(NULL, NULL);
	static const uint8_t data[INPUT_DATA_MAX_BYTES + 1];
	struct input in = {.kind = INPUT_DISK, .data = data, .size_bytes = INPUT_DATA_MAX_BYTES};
	struct input out;

	(void)state;
	for (unsigned n = 0; n < MAILBOX_BYTES_MAX / INPUT_DATA_MAX_BYTES; n++)
		assert_true(mailbox_post(m, &in));
	in.size_bytes = 1;
	assert_false(mailbox_post(m, &in));
	assert_false(mailbox_wait_room(m, 1, LONG_AGO_NS));
	assert_true(mailbox_wait_room(m, 0, LONG_AGO_NS));
	assert_true(mailbox_take(m, &out));
	assert_true(mailbox_post(m, &in));
	in.size_bytes = INPUT_DATA_MAX_BYTES + 1;
	assert_false(mailbox_post(m, &in));
	assert_false(mailbox_wait_room(m, INPUT_DATA_MAX_BYTES + 1, UINT64_MAX));
	mailbox_destroy(m);
}

static void waiting_ends(void **state)
{
	struct mailbox *m = mailbox_of(NULL, NULL);
	struct input in = {.kind = INPUT_CLOCK};
	uint64_t start = host_time_monotonic_ns();

	(void)state;
	mailbox_wait(m, start + A_WHILE_NS);
	assert_true(host_time_monotonic_ns() >= start + A_WHILE_NS);
	mailbox_interrupt(m);
	mailbox_wait(m, UINT64_MAX);
	mailbox_wait(m, LONG_AGO_NS);
	assert_true(mailbox_post(m, &in));
	mailbox_wait(m, UINT64_MAX);
	mailbox_destroy(m);
}

struct poster {
	struct mailbox *mailbox;
	uint16_t number;
};

/* Posts numbered inputs whose data repeats the number. */
static void *post_many(void *ctx)
{
	struct poster *p = ctx;

	for (uint64_t n = 0; n < POSTS_EACH; n++) {
		uint64_t data[64];
		struct input in = {.kind = INPUT_PACKET,
				   .device = p->number,
				   .value = n,
				   .data = data,
				   .size_bytes = sizeof(data)};

		for (unsigned i = 0; i < 64; i++)
			data[i] = n;
		while (!mailbox_post(p->mailbox, &in))
			mailbox_wait_room(p->mailbox, in.size_bytes, UINT64_MAX);
	}
	return NULL;
}

static void many_post_and_one_takes(void **state)
{
	struct mailbox *m = mailbox_of(NULL, NULL);
	struct poster poster[POSTERS];
	pthread_t thread[POSTERS];
	uint64_t next[POSTERS] = {0};
	struct input in;

	(void)state;
	for (unsigned n = 0; n < POSTERS; n++) {
		poster[n] = (struct poster){m, (uint16_t)n};
		assert_int_equal(pthread_create(&thread[n], NULL, post_many, &poster[n]), 0);
	}
	for (unsigned taken = 0; taken < POSTERS * POSTS_EACH;) {
		const uint64_t *data;

		if (!mailbox_take(m, &in)) {
			mailbox_wait(m, FAR_FUTURE_NS());
			continue;
		}
		taken++;
		data = in.data;
		assert_int_equal(in.value, next[in.device]++);
		assert_int_equal(data[0], in.value);
		assert_int_equal(data[63], in.value);
	}
	for (unsigned n = 0; n < POSTERS; n++)
		pthread_join(thread[n], NULL);
	assert_false(mailbox_take(m, &in));
	mailbox_destroy(m);
}

static void *interrupt_soon(void *ctx)
{
	host_time_sleep_until(host_time_monotonic_ns() + A_WHILE_NS);
	mailbox_interrupt(ctx);
	return NULL;
}

static void an_interrupt_ends_a_wait_under_way(void **state)
{
	struct mailbox *m = mailbox_of(NULL, NULL);
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, m), 0);
	mailbox_wait(m, UINT64_MAX);
	pthread_join(thread, NULL);
	mailbox_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_posted_is_taken_in_order),
		cmocka_unit_test(entries_are_bounded),
		cmocka_unit_test(bytes_are_bounded),
		cmocka_unit_test(waiting_ends),
		cmocka_unit_test(many_post_and_one_takes),
		cmocka_unit_test(an_interrupt_ends_a_wait_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
