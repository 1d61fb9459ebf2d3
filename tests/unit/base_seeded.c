#include "core/base/seeded.h"

#include "tests/unit/cmocka_all.h"

static void same_seed_same_numbers(void **state)
{
	struct seeded a, b, c;

	(void)state;
	seeded_start(&a, 42);
	seeded_start(&b, 42);
	seeded_start(&c, 43);
	for (int i = 0; i < 1000; i++) {
		uint64_t value = seeded_u64(&a);

		assert_true(value == seeded_u64(&b));
		assert_true(value != seeded_u64(&c));
	}
}

/* Seeds that tests print must mean the same tomorrow. */
static void numbers_are_fixed_for_ever(void **state)
{
	struct seeded random;

	(void)state;
	seeded_start(&random, 0);
	assert_true(seeded_u64(&random) == 0x99ec5f36cb75f2b4ull);
	assert_true(seeded_u64(&random) == 0xbf6e1f784956452aull);
	assert_true(seeded_u64(&random) == 0x1a5f849d4933e6e0ull);
}

static void ranges_hold_and_are_even(void **state)
{
	struct seeded random;
	unsigned hits[6] = {0};

	(void)state;
	seeded_start(&random, 7);
	for (int i = 0; i < 60000; i++)
		hits[seeded_below(&random, 6)]++;
	for (int i = 0; i < 6; i++)
		assert_in_range(hits[i], 9500, 10500);
	for (int i = 0; i < 1000; i++) {
		assert_in_range(seeded_range(&random, 10, 12), 10, 12);
		assert_int_equal(seeded_below(&random, 1), 0);
		assert_true(seeded_below(&random, (1ull << 63) + 1) <= 1ull << 63);
	}
	seeded_range(&random, 0, UINT64_MAX);
	assert_int_equal(seeded_range(&random, 5, 5), 5);
}

static void chance_is_near_its_odds(void **state)
{
	struct seeded random;
	unsigned hits = 0;

	(void)state;
	seeded_start(&random, 9);
	for (int i = 0; i < 10000; i++)
		hits += seeded_chance(&random, 1, 4);
	assert_in_range(hits, 2300, 2700);
	assert_false(seeded_chance(&random, 0, 1));
	assert_true(seeded_chance(&random, 1, 1));
}

static void forks_go_their_own_way(void **state)
{
	struct seeded parent, again, child, other;

	(void)state;
	seeded_start(&parent, 3);
	seeded_start(&again, 3);
	seeded_fork(&child, &parent);
	seeded_fork(&other, &parent);
	assert_true(seeded_u64(&child) != seeded_u64(&other));
	seeded_fork(&other, &again);
	seeded_u64(&other);
	assert_true(seeded_u64(&other) == seeded_u64(&child));
}

static void bytes_fill_exactly(void **state)
{
	struct seeded random;
	uint8_t data[24] = {0};

	(void)state;
	seeded_start(&random, 5);
	seeded_bytes(&random, data, 13);
	for (int i = 13; i < 24; i++)
		assert_int_equal(data[i], 0);
	assert_true(data[8] | data[9] | data[10] | data[11] | data[12]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_seed_same_numbers),
		cmocka_unit_test(numbers_are_fixed_for_ever),
		cmocka_unit_test(ranges_hold_and_are_even),
		cmocka_unit_test(chance_is_near_its_odds),
		cmocka_unit_test(forks_go_their_own_way),
		cmocka_unit_test(bytes_fill_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
