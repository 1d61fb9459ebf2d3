#include "core/instant.h"

#include "tests/unit/cmocka_all.h"

static void order_is_by_count_then_event(void **state)
{
	const struct instant rising[] = {
		{0, 0},		 {0, 1},	  {0, UINT32_MAX}, {1, 0},
		{1ull << 40, 3}, {UINT64_MAX, 0}, INSTANT_NEVER,
	};
	const int count = sizeof(rising) / sizeof(rising[0]);

	(void)state;
	for (int i = 0; i < count; i++) {
		for (int j = 0; j < count; j++) {
			int order = instant_compare(rising[i], rising[j]);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
			assert_int_equal(instant_before(rising[i], rising[j]), i < j);
		}
	}
}

static void text_fits(void **state)
{
	char text[INSTANT_TEXT_BYTES];

	(void)state;
	assert_string_equal(instant_format((struct instant){1234, 5}, text), "1234.5");
	assert_string_equal(instant_format(INSTANT_NEVER, text), "18446744073709551615.4294967295");
	assert_int_equal(strlen(text), INSTANT_TEXT_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_by_count_then_event),
		cmocka_unit_test(text_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
