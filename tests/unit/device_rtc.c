/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/rtc.h"

#include "core/base/seeded.h"
#include "core/device/calendar.h"
#include "tests/support/board.h"
#include "tests/unit/cmocka_all.h"

#define SECOND_NS 1000000000ull
#define START	  1709251198ull /* Thursday 29 February 2024, 23:59:58 */

#define A 0x0a
#define B 0x0b
#define C 0x0c
#define D 0x0d

struct rig {
	struct board board;
	struct device *rtc;
};

static void rig_init(struct rig *r)
{
	board_init(&r->board);
	r->rtc = rtc_create(&r->board.env, START, NULL);
	assert_non_null(r->rtc);
}

static int setup(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));

	rig_init(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	r->rtc->ops->destroy(r->rtc);
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
	test_free(r);
	return 0;
}

static uint8_t get(struct rig *r, uint8_t index)
{
	bus_write(&r->board.ports, RTC_PORT, 1, index);
	return (uint8_t)bus_read(&r->board.ports, RTC_PORT + 1, 1);
}

static void put(struct rig *r, uint8_t index, uint8_t value)
{
	bus_write(&r->board.ports, RTC_PORT, 1, index);
	bus_write(&r->board.ports, RTC_PORT + 1, 1, value);
}

static void assert_time(struct rig *r, uint16_t year, uint8_t month, uint8_t day, uint8_t hour,
			uint8_t minute, uint8_t second)
{
	assert_int_equal(get(r, 0x32) << 8 | get(r, 9), year);
	assert_int_equal(get(r, 8), month);
	assert_int_equal(get(r, 7), day);
	assert_int_equal(get(r, 4), hour);
	assert_int_equal(get(r, 2), minute);
	assert_int_equal(get(r, 0), second);
}

static void tells_the_time(void **state)
{
	struct rig *r = *state;

	assert_int_equal(get(r, A), 0x26);
	assert_int_equal(get(r, B), 0x02);
	assert_int_equal(get(r, D), 0x80);
	assert_time(r, 0x2024, 0x02, 0x29, 0x23, 0x59, 0x58);
	assert_int_equal(get(r, 6), 5);
	board_run_to(&r->board, 2 * SECOND_NS - 1);
	assert_time(r, 0x2024, 0x02, 0x29, 0x23, 0x59, 0x59);
	board_run_to(&r->board, 2 * SECOND_NS);
	assert_time(r, 0x2024, 0x03, 0x01, 0x00, 0x00, 0x00);
	assert_int_equal(get(r, 6), 6);
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
}

static void tells_it_in_other_ways(void **state)
{
	struct rig *r = *state;

	put(r, B, 0x06);
	assert_time(r, 20 << 8 | 24, 2, 29, 23, 59, 58);
	put(r, B, 0x00);
	assert_int_equal(get(r, 4), 0x91); /* 11 pm */
	board_run_to(&r->board, 2 * SECOND_NS);
	assert_int_equal(get(r, 4), 0x12); /* midnight */
	board_run_to(&r->board, 12 * 3600 * SECOND_NS);
	assert_int_equal(get(r, 4), 0x11);
	board_run_to(&r->board, 13 * 3600 * SECOND_NS);
	assert_int_equal(get(r, 4), 0x92); /* noon */
	put(r, B, 0x04);
	assert_int_equal(get(r, 4), 0x8c);
}

/* As Linux does it: with updates held. */
static void the_time_can_be_set(void **state)
{
	struct rig *r = *state;

	put(r, B, 0x82);
	put(r, A, 0x70);
	put(r, 9, 0x31);
	put(r, 8, 0x12);
	put(r, 7, 0x31);
	put(r, 4, 0x23);
	put(r, 2, 0x59);
	put(r, 0, 0x59);
	board_run_to(&r->board, 5 * SECOND_NS);
	assert_time(r, 0x2031, 0x12, 0x31, 0x23, 0x59, 0x59);
	put(r, B, 0x02);
	put(r, A, 0x26);
	assert_time(r, 0x2031, 0x12, 0x31, 0x23, 0x59, 0x59);
	board_run_to(&r->board, 6 * SECOND_NS);
	assert_time(r, 0x2032, 0x01, 0x01, 0x00, 0x00, 0x00);
	put(r, 4, 0x05); /* without holding */
	assert_time(r, 0x2032, 0x01, 0x01, 0x05, 0x00, 0x00);
	assert_int_equal(get(r, A), 0x26);
	put(r, A, 0xff);
	assert_int_equal(get(r, A), 0x7f); /* UIP is never seen */
}

static void an_alarm_interrupts(void **state)
{
	struct rig *r = *state;

	put(r, 1, 0x05);
	put(r, 3, 0x00);
	put(r, 5, 0xc0); /* any hour */
	put(r, B, 0x22);
	board_run_to(&r->board, 6 * SECOND_NS + SECOND_NS / 2);
	assert_false(r->board.level[RTC_IRQ]);
	board_run_to(&r->board, 7 * SECOND_NS);
	assert_true(r->board.level[RTC_IRQ]);
	assert_int_equal(get(r, C), 0xb0);
	assert_false(r->board.level[RTC_IRQ]);
	assert_int_equal(get(r, C), 0x00);
	put(r, B, 0x02);
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
}

static void an_alarm_that_time_jumps_over_still_rings(void **state)
{
	struct rig *r = *state;

	put(r, 1, 0x05);
	put(r, 3, 0x00);
	put(r, 5, 0x00);
	put(r, B, 0x22);
	board_jump_to(&r->board, 3600 * SECOND_NS);
	assert_true(r->board.level[RTC_IRQ]);
	get(r, C);
	board_jump_to(&r->board, UINT64_MAX / 2);
	assert_true(r->board.level[RTC_IRQ]);
	put(r, B, 0x02);
}

static void update_ended_interrupts(void **state)
{
	struct rig *r = *state;

	board_run_to(&r->board, SECOND_NS / 2);
	put(r, B, 0x12);
	for (unsigned n = 1; n <= 3; n++) {
		board_run_to(&r->board, n * SECOND_NS);
		assert_int_equal(r->board.rises[RTC_IRQ], n);
		assert_int_equal(get(r, C) & 0xdf, 0x90);
	}
	put(r, B, 0x02);
	board_run_to(&r->board, 5 * SECOND_NS);
	assert_int_equal(get(r, C), 0x10); /* the flag comes without an interrupt too */
	assert_int_equal(r->board.rises[RTC_IRQ], 3);
	put(r, B, 0x92);
	assert_int_equal(get(r, B), 0x82); /* holding takes the interrupt away */
}

static void memory_keeps_and_survives_a_reset(void **state)
{
	struct rig *r = *state;

	put(r, 0x8f, 0x0a); /* the top bit of the index masks NMIs, and is not ours */
	put(r, 0x7f, 0x55);
	put(r, B, 0x32);
	r->rtc->ops->reset(r->rtc);
	assert_int_equal(get(r, 0x0f), 0x0a);
	assert_int_equal(get(r, 0xff), 0x55);
	assert_int_equal(get(r, B), 0x02);
	put(r, D, 0);
	assert_int_equal(get(r, D), 0x80);
	bus_write(&r->board.ports, RTC_PORT, 2, 0x660f);
	assert_int_equal(bus_read(&r->board.ports, RTC_PORT, 2), 0x66ff);
	bus_write(&r->board.ports, RTC_PORT, 4, 0x12345678);
	assert_int_equal(get(r, 0x0f), 0x66);
}

static void saved_in_mid_flight(void **state)
{
	struct rig *r = *state;
	struct rig other;

	rig_init(&other);
	put(r, B, 0x12);
	put(r, 4, 0x07);
	board_run_to(&r->board, SECOND_NS + 5);
	other.board.now_ns = r->board.now_ns;
	board_transplant(r->rtc, other.rtc);
	assert_true(other.board.level[RTC_IRQ]);
	assert_int_equal(get(&other, C), 0x90);
	assert_time(&other, 0x2024, 0x02, 0x29, 0x07, 0x59, 0x59);
	board_run_to(&other.board, 2 * SECOND_NS);
	assert_int_equal(other.board.rises[RTC_IRQ], 2);
	other.rtc->ops->destroy(other.rtc);
}

static void random_guests(void **state)
{
	struct rig *r = *state;
	struct seeded random;
	struct err err = {0};

	seeded_start(&random, 21);
	for (unsigned n = 0; n < 100000; n++) {
		uint64_t value = seeded_u64(&random);

		if (value & 3)
			bus_write(&r->board.ports, RTC_PORT + (value >> 2 & 1),
				  1 + (value >> 3 & 1), value >> 8);
		else
			bus_read(&r->board.ports, RTC_PORT + (value >> 2 & 1), 1);
		if (!(value >> 56))
			board_jump_to(&r->board, r->board.now_ns + (value >> 8 & 0xffffffff));
	}
	board_hostile_load(r->rtc, 2);
	assert_null(rtc_create(&r->board.env, 1ull << 40, &err));
	assert_says(&err, "1970");
}

static void the_calendar_goes_both_ways(void **state)
{
	struct calendar c;

	(void)state;
	for (int64_t day = -719468; day < 1500000; day += 13) {
		int64_t seconds = day * 86400 + (day * 7919 % 86400 + 86400) % 86400;

		c = calendar_from_seconds(seconds);
		assert_true(calendar_to_seconds(&c) == seconds);
		assert_int_equal(c.weekday, ((day + 4) % 7 + 7) % 7);
	}
	c = calendar_from_seconds(951782400); /* 29 February 2000 */
	assert_int_equal(c.year * 10000 + c.month * 100 + c.day, 20000229);
	c = (struct calendar){.year = 2023, .month = 14, .day = 32, .hour = 25, .minute = 61};
	assert_true(calendar_to_seconds(&c) == 1709517660); /* 4 March 2024, 02:01:00 */
	for (unsigned bit = 0; bit < 63; bit++) {
		calendar_from_seconds((int64_t)1 << bit);
		calendar_from_seconds(-((int64_t)1 << bit));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(tells_the_time),
		TEST(tells_it_in_other_ways),
		TEST(the_time_can_be_set),
		TEST(an_alarm_interrupts),
		TEST(an_alarm_that_time_jumps_over_still_rings),
		TEST(update_ended_interrupts),
		TEST(memory_keeps_and_survives_a_reset),
		TEST(saved_in_mid_flight),
		TEST(random_guests),
		cmocka_unit_test(the_calendar_goes_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
