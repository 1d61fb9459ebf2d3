/* SPDX-License-Identifier: Apache-2.0 */
/* Power control and the debug exit: the ways in which a guest ends its machine. */
#include "core/device/power.h"

#include "core/device/debug_exit.h"
#include "tests/support/board.h"
#include "tests/unit/cmocka_all.h"

#define GPA    0xfea00000ull
#define LINE   9
#define NUMBER 5
#define PORT   0x501

static void the_guest_powers_off(void **state)
{
	struct board b;
	struct device *d;

	(void)state;
	board_init(&b);
	d = power_create(&b.env, GPA, LINE, NUMBER, NULL);
	assert_non_null(d);
	bus_write(&b.mmio, GPA + POWER_SLEEP_STATUS, 1, 0x80);
	assert_int_equal(bus_read(&b.mmio, GPA + POWER_SLEEP_STATUS, 1), 0);
	bus_write(&b.mmio, GPA + POWER_SLEEP_CONTROL, 1, 0x14); /* not enabled */
	bus_write(&b.mmio, GPA + POWER_SLEEP_CONTROL, 1, 0x30); /* another type */
	bus_write(&b.mmio, GPA + POWER_SLEEP_CONTROL, 4, 0x34); /* another size */
	assert_int_equal(b.outputs, 0);
	bus_write(&b.mmio, GPA + POWER_SLEEP_CONTROL, 1, 0x34);
	assert_int_equal(b.outputs, 1);
	assert_int_equal(b.last.kind, OUTPUT_POWER);
	assert_int_equal(b.last.value, POWER_OFF);
	d->ops->destroy(d);
}

static void the_guest_resets(void **state)
{
	struct board b;
	struct device *d;

	(void)state;
	board_init(&b);
	d = power_create(&b.env, GPA, LINE, NUMBER, NULL);
	bus_write(&b.mmio, GPA + POWER_RESET_CONTROL, 1, 0x41);
	bus_write(&b.mmio, GPA + POWER_RESET_CONTROL, 2, 0x42);
	assert_int_equal(b.outputs, 0);
	bus_write(&b.mmio, GPA + POWER_RESET_CONTROL, 1, POWER_RESET_VALUE);
	assert_int_equal(b.last.kind, OUTPUT_POWER);
	assert_int_equal(b.last.value, POWER_RESET);
	d->ops->destroy(d);
}

static void the_button_is_an_edge(void **state)
{
	const struct input press = {.kind = INPUT_ACTION, .value = ACTION_POWER_BUTTON};
	const struct input other = {.kind = INPUT_ACTION, .value = ACTION_BALLOON};
	struct board b;
	struct device *d;

	(void)state;
	board_init(&b);
	d = power_create(&b.env, GPA, LINE, NUMBER, NULL);
	d->ops->input(d, &press);
	d->ops->input(d, &other);
	d->ops->input(d, &press);
	assert_int_equal(b.rises[LINE], 2);
	assert_false(b.level[LINE]);
	assert_int_equal(d->number, NUMBER);
	board_transplant(d, d);
	d->ops->destroy(d);
}

static void the_debug_exit_has_a_code(void **state)
{
	struct board b;
	struct device *d;
	struct err err = {0};

	(void)state;
	board_init(&b);
	d = debug_exit_create(&b.env, PORT, NULL);
	assert_non_null(d);
	bus_write(&b.ports, PORT + 1, 1, 7);
	assert_int_equal(b.outputs, 0);
	assert_int_equal(bus_read(&b.ports, PORT, 1), 0);
	bus_write(&b.ports, PORT, 1, 0x10);
	assert_int_equal(b.last.kind, OUTPUT_POWER);
	assert_int_equal(b.last.value, POWER_DEBUG_EXIT);
	assert_int_equal(b.last.extra, 0x21);
	bus_write(&b.ports, PORT, 4, 0xffffffff);
	assert_true(b.last.extra == 0x1ffffffff);
	assert_null(debug_exit_create(&b.env, PORT + 2, &err));
	assert_says(&err, "overlaps");
	board_transplant(d, d);
	d->ops->destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_guest_powers_off),
		cmocka_unit_test(the_guest_resets),
		cmocka_unit_test(the_button_is_an_edge),
		cmocka_unit_test(the_debug_exit_has_a_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
