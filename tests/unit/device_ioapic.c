/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/ioapic.h"

#include "core/base/seeded.h"
#include "tests/support/board.h"
#include "tests/unit/cmocka_all.h"

#define SELECT (IOAPIC_GPA + 0x00)
#define WINDOW (IOAPIC_GPA + 0x10)
#define EOI    (IOAPIC_GPA + 0x40)

#define LOGICAL	   0x800u
#define REMOTE_IRR 0x4000u
#define LEVEL	   0x8000u
#define MASKED	   0x10000u

struct rig {
	struct board board;
	struct ioapic *io;
	struct irq_message last;
	unsigned messages;
	bool deaf; /* nobody accepts */
};

static bool on_message(void *ctx, const struct irq_message *message)
{
	struct rig *r = ctx;

	r->last = *message;
	r->messages++;
	return !r->deaf;
}

static int setup(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));

	board_init(&r->board);
	r->io = ioapic_create(&r->board.env, on_message, r, NULL);
	assert_non_null(r->io);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	ioapic_device(r->io)->ops->destroy(ioapic_device(r->io));
	test_free(r);
	return 0;
}

static uint32_t get(struct rig *r, unsigned index)
{
	bus_write(&r->board.mmio, SELECT, 4, index);
	return (uint32_t)bus_read(&r->board.mmio, WINDOW, 4);
}

static void put(struct rig *r, unsigned index, uint32_t value)
{
	bus_write(&r->board.mmio, SELECT, 4, index);
	bus_write(&r->board.mmio, WINDOW, 4, value);
}

static void entry(struct rig *r, unsigned pin, uint32_t high, uint32_t low)
{
	put(r, 0x10 + 2 * pin, MASKED);
	put(r, 0x11 + 2 * pin, high);
	put(r, 0x10 + 2 * pin, low);
}

static void pulse(struct rig *r, unsigned pin)
{
	ioapic_line(r->io, pin, true);
	ioapic_line(r->io, pin, false);
}

static void power_up_state(void **state)
{
	struct rig *r = *state;

	assert_int_equal(get(r, 0), 0);
	assert_int_equal(get(r, 1), 0x00170020);
	assert_int_equal(get(r, 2), 0);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		assert_int_equal(get(r, 0x10 + 2 * pin), MASKED);
		assert_int_equal(get(r, 0x11 + 2 * pin), 0);
	}
	assert_int_equal(get(r, 0x40), 0);
	put(r, 0, 0xffffffff);
	assert_int_equal(get(r, 0), 0x0f000000);
	put(r, 1, 0);
	assert_int_equal(get(r, 1), 0x00170020);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		pulse(r, pin);
	assert_int_equal(r->messages, 0);
}

static void edges_are_sent_once(void **state)
{
	struct rig *r = *state;

	entry(r, 4, 0x01000000, LOGICAL | 0x21);
	assert_int_equal(get(r, 0x18), LOGICAL | 0x21);
	assert_int_equal(get(r, 0x19), 0x01000000);
	ioapic_line(r->io, 4, true);
	assert_int_equal(r->messages, 1);
	assert_int_equal(r->last.destination, 1);
	assert_true(r->last.logical);
	assert_false(r->last.level);
	assert_int_equal(r->last.delivery, IRQ_FIXED);
	assert_int_equal(r->last.vector, 0x21);
	ioapic_line(r->io, 4, true); /* no rise */
	ioapic_eoi(r->io, 0x21);
	assert_int_equal(r->messages, 1);
	ioapic_line(r->io, 4, false);
	assert_int_equal(r->messages, 1);
	pulse(r, 4);
	assert_int_equal(r->messages, 2);
	entry(r, 4, 0xff000000, 0x121);
	pulse(r, 4);
	assert_true(r->last.destination == IRQ_EVERYONE);
	assert_int_equal(r->last.delivery, IRQ_LOWEST_PRIORITY);
	assert_false(r->last.logical);
}

static void edges_are_kept_while_masked(void **state)
{
	struct rig *r = *state;

	entry(r, 4, 0, MASKED | 0x21);
	pulse(r, 4);
	pulse(r, 4);
	assert_int_equal(r->messages, 0);
	put(r, 0x18, 0x21);
	assert_int_equal(r->messages, 1);
	put(r, 0x18, MASKED | 0x21);
	put(r, 0x18, 0x21);
	assert_int_equal(r->messages, 1);
}

static void levels_wait_for_their_end(void **state)
{
	struct rig *r = *state;

	entry(r, 16, 0, LEVEL | 0x31);
	ioapic_line(r->io, 16, true);
	assert_int_equal(r->messages, 1);
	assert_true(r->last.level);
	assert_int_equal(get(r, 0x30), LEVEL | REMOTE_IRR | 0x31);
	put(r, 0x30, MASKED | LEVEL | 0x31);
	put(r, 0x30, LEVEL | 0x31);
	assert_int_equal(r->messages, 1);
	ioapic_eoi(r->io, 0x32); /* another vector */
	assert_int_equal(r->messages, 1);
	ioapic_eoi(r->io, 0x31); /* still asserted */
	assert_int_equal(r->messages, 2);
	ioapic_line(r->io, 16, false);
	ioapic_line(r->io, 16, true);
	assert_int_equal(r->messages, 2);
	ioapic_line(r->io, 16, false);
	bus_write(&r->board.mmio, EOI, 4, 0x31);
	assert_int_equal(r->messages, 2);
	assert_int_equal(get(r, 0x30), LEVEL | 0x31);
	ioapic_line(r->io, 16, true);
	assert_int_equal(r->messages, 3);
}

static void a_masked_level_is_sent_when_unmasked(void **state)
{
	struct rig *r = *state;

	entry(r, 16, 0, MASKED | LEVEL | 0x31);
	ioapic_line(r->io, 16, true);
	assert_int_equal(r->messages, 0);
	put(r, 0x30, LEVEL | 0x31);
	assert_int_equal(r->messages, 1);
	put(r, 0x30, MASKED | LEVEL | 0x31);
	ioapic_eoi(r->io, 0x31);
	assert_int_equal(r->messages, 1);
	ioapic_line(r->io, 16, false);
	put(r, 0x30, LEVEL | 0x31);
	assert_int_equal(r->messages, 1);
}

static void edge_mode_clears_remote_irr(void **state)
{
	struct rig *r = *state;

	entry(r, 16, 0, LEVEL | 0x31);
	ioapic_line(r->io, 16, true);
	put(r, 0x30, MASKED | 0x31);
	assert_int_equal(get(r, 0x30), MASKED | 0x31);
	put(r, 0x30, LEVEL | 0x31);
	assert_int_equal(r->messages, 2);
	put(r, 0x30, LEVEL | REMOTE_IRR | 0x1000 | 0x31); /* read-only bits */
	assert_int_equal(get(r, 0x30), LEVEL | REMOTE_IRR | 0x31);
}

static void what_nobody_accepts_awaits_no_end(void **state)
{
	struct rig *r = *state;

	r->deaf = true;
	entry(r, 16, 0, LEVEL | 0x31);
	ioapic_line(r->io, 16, true);
	assert_int_equal(get(r, 0x30), LEVEL | 0x31);
	r->deaf = false;
	put(r, 0x31, 0x02000000);
	assert_int_equal(r->messages, 2);
	assert_int_equal(get(r, 0x30), LEVEL | REMOTE_IRR | 0x31);
}

static void odd_accesses(void **state)
{
	struct rig *r = *state;

	put(r, 0x10, 0x31);
	bus_write(&r->board.mmio, SELECT, 1, 0x10);
	assert_int_equal(bus_read(&r->board.mmio, SELECT, 4), 0x10);
	assert_int_equal(bus_read(&r->board.mmio, WINDOW, 1), 0x31);
	assert_int_equal(bus_read(&r->board.mmio, WINDOW, 8), 0);
	assert_int_equal(bus_read(&r->board.mmio, WINDOW + 1, 4), 0);
	bus_write(&r->board.mmio, WINDOW, 1, 0xff);
	bus_write(&r->board.mmio, WINDOW, 8, 0xff);
	bus_write(&r->board.mmio, WINDOW + 2, 4, 0xff);
	bus_write(&r->board.mmio, SELECT, 8, 0);
	assert_int_equal(bus_read(&r->board.mmio, WINDOW, 4), 0x31);
	ioapic_line(r->io, IOAPIC_PINS, true);
	ioapic_line(r->io, 1000000, true);
	assert_int_equal(r->messages, 0);
}

static void saved_in_mid_flight(void **state)
{
	struct rig *r = *state;
	struct rig other;
	uint32_t low;

	board_init(&other.board);
	other.io = ioapic_create(&other.board.env, on_message, r, NULL);
	entry(r, 16, 0, LEVEL | 0x31);
	ioapic_line(r->io, 16, true);
	entry(r, 4, 0, MASKED | 0x21);
	pulse(r, 4);
	bus_write(&r->board.mmio, SELECT, 4, 0x30);
	board_transplant(ioapic_device(r->io), ioapic_device(other.io));
	assert_int_equal(r->messages, 1);
	low = (uint32_t)bus_read(&other.board.mmio, WINDOW, 4);
	assert_int_equal(low, LEVEL | REMOTE_IRR | 0x31);
	ioapic_line(other.io, 16, true); /* as the device's resume() does */
	assert_int_equal(r->messages, 1);
	ioapic_eoi(other.io, 0x31);
	assert_int_equal(r->messages, 2);
	put(&other, 0x18, 0x21);
	assert_int_equal(r->messages, 3);
	ioapic_device(other.io)->ops->destroy(ioapic_device(other.io));
}

static void random_guests(void **state)
{
	struct rig *r = *state;
	struct seeded random;

	seeded_start(&random, 3);
	for (unsigned n = 0; n < 200000; n++) {
		uint64_t value = seeded_u64(&random);

		r->deaf = seeded_chance(&random, 1, 8);
		switch (seeded_below(&random, 4)) {
		case 0: ioapic_line(r->io, value & 31, value & 32); break;
		case 1: put(r, value >> 32 & 0x7f, (uint32_t)value); break;
		case 2:
			bus_write(&r->board.mmio, IOAPIC_GPA + (value & 0xff),
				  1u << (value >> 8 & 3), value);
			break;
		default: bus_read(&r->board.mmio, IOAPIC_GPA + (value & 0xff), 4);
		}
	}
	board_hostile_load(ioapic_device(r->io), 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(power_up_state),
		TEST(edges_are_sent_once),
		TEST(edges_are_kept_while_masked),
		TEST(levels_wait_for_their_end),
		TEST(a_masked_level_is_sent_when_unmasked),
		TEST(edge_mode_clears_remote_irr),
		TEST(what_nobody_accepts_awaits_no_end),
		TEST(odd_accesses),
		TEST(saved_in_mid_flight),
		TEST(random_guests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
