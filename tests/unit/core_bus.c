/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bus.h"

#include "tests/unit/cmocka_all.h"

struct note {
	uint64_t offset, value;
	unsigned size_bytes, accesses;
};

static uint64_t note_read(void *device, uint64_t offset, unsigned size_bytes)
{
	struct note *n = device;

	*n = (struct note){offset, 0, size_bytes, n->accesses + 1};
	return 0x1122334455667788;
}

static void note_write(void *device, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct note *n = device;

	*n = (struct note){offset, value, size_bytes, n->accesses + 1};
}

static const struct bus_ops note_ops = {.read = note_read, .write = note_write};

static void accesses_reach_their_region(void **state)
{
	struct bus bus = {0};
	struct note low = {0}, high = {0};

	(void)state;
	assert_int_equal(bus_claim(&bus, 0x2000, 0x100, &note_ops, &high, "high", NULL), 0);
	assert_int_equal(bus_claim(&bus, 0x1000, 0x10, &note_ops, &low, "low", NULL), 0);
	assert_int_equal(bus_read(&bus, 0x1004, 2), 0x7788);
	assert_int_equal(low.offset, 4);
	assert_int_equal(low.size_bytes, 2);
	bus_write(&bus, 0x20ff, 1, 0xabcd);
	assert_int_equal(high.offset, 0xff);
	assert_int_equal(high.value, 0xcd);
	assert_true(bus_read(&bus, 0x2000, 8) == 0x1122334455667788);
	assert_int_equal(low.accesses, 1);
	assert_int_equal(high.accesses, 2);
}

static void nowhere_is_all_ones(void **state)
{
	struct bus bus = {0};
	struct note note = {0};

	(void)state;
	assert_int_equal(bus_read(&bus, 0, 1), 0xff);
	assert_int_equal(bus_claim(&bus, 0x1000, 0x10, &note_ops, &note, "note", NULL), 0);
	assert_int_equal(bus_read(&bus, 0xfff, 1), 0xff);
	assert_int_equal(bus_read(&bus, 0x1010, 2), 0xffff);
	assert_int_equal(bus_read(&bus, 0x100e, 4), 0xffffffff);
	assert_int_equal(bus_read(&bus, 0xffe, 4), 0xffffffff);
	assert_true(bus_read(&bus, UINT64_MAX, 8) == UINT64_MAX);
	bus_write(&bus, 0x100d, 4, 0);
	bus_write(&bus, 0xfff, 8, 0);
	assert_int_equal(note.accesses, 0);
}

static void the_ends_of_the_address_space_work(void **state)
{
	struct bus bus = {0};
	struct note note = {0};

	(void)state;
	assert_int_equal(bus_claim(&bus, UINT64_MAX, 1, &note_ops, &note, "last", NULL), 0);
	assert_int_equal(bus_claim(&bus, 0, 1, &note_ops, &note, "first", NULL), 0);
	bus_write(&bus, UINT64_MAX, 1, 1);
	bus_write(&bus, 0, 1, 1);
	assert_int_equal(note.accesses, 2);
	bus_write(&bus, UINT64_MAX, 2, 1);
	assert_int_equal(note.accesses, 2);
}

static void overlaps_are_refused_by_name(void **state)
{
	static const struct {
		uint64_t start, size_bytes;
	} bad[] = {{0x1000, 1}, {0xfff, 2}, {0x100f, 1}, {0x800, 0x10000}, {0x1008, 0x100}};
	struct bus bus = {0};
	struct note note = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(bus_claim(&bus, 0x1000, 0x10, &note_ops, &note, "uart0", NULL), 0);
	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		assert_int_equal(bus_claim(&bus, bad[n].start, bad[n].size_bytes, &note_ops, &note,
					   "rtc", &err),
				 ERR_INVALID);
		assert_says(&err, "rtc");
		assert_says(&err, "uart0");
	}
	assert_int_equal(bus.n_regions, 1);
	assert_int_equal(bus_claim(&bus, 0x1010, 1, &note_ops, &note, "after", &err), 0);
	assert_int_equal(bus_claim(&bus, 0xfff, 1, &note_ops, &note, "before", &err), 0);
}

static void impossible_regions_are_refused(void **state)
{
	struct bus bus = {0};
	struct err err = {0};

	(void)state;
	assert_int_equal(bus_claim(&bus, 5, 0, &note_ops, NULL, "empty", &err), ERR_INVALID);
	assert_int_equal(bus_claim(&bus, UINT64_MAX, 2, &note_ops, NULL, "wraps", &err),
			 ERR_INVALID);
	for (unsigned n = 0; n < BUS_REGIONS_MAX; n++)
		assert_int_equal(bus_claim(&bus, n * 16, 16, &note_ops, NULL, "one", &err), 0);
	assert_int_equal(bus_claim(&bus, 0x10000, 16, &note_ops, NULL, "many", &err), ERR_INVALID);
	assert_says(&err, "many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accesses_reach_their_region),
		cmocka_unit_test(nowhere_is_all_ones),
		cmocka_unit_test(the_ends_of_the_address_space_work),
		cmocka_unit_test(overlaps_are_refused_by_name),
		cmocka_unit_test(impossible_regions_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
