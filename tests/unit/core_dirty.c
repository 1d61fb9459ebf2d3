#include "core/dirty.h"

#include "core/base/seeded.h"
#include "tests/unit/cmocka_all.h"

static void sets_add_remove_and_count(void **state)
{
	const uint64_t sizes[] = {1, 63, 64, 65, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct page_set set;
		uint64_t pages = sizes[i];

		assert_int_equal(page_set_init(&set, pages, NULL), 0);
		assert_int_equal(page_set_count(&set), 0);
		assert_int_equal(page_set_next(&set, 0), pages);
		page_set_fill(&set);
		assert_int_equal(page_set_count(&set), pages);
		page_set_remove(&set, pages - 1);
		assert_false(page_set_has(&set, pages - 1));
		assert_int_equal(page_set_count(&set), pages - 1);
		page_set_clear(&set);
		page_set_add(&set, pages - 1);
		assert_int_equal(page_set_next(&set, 0), pages - 1);
		assert_int_equal(page_set_next(&set, pages), pages);
		assert_int_equal(page_set_next(&set, UINT64_MAX), pages);
		page_set_free(&set);
	}
}

static void an_empty_set_is_a_set(void **state)
{
	struct page_set set;

	(void)state;
	assert_int_equal(page_set_init(&set, 0, NULL), 0);
	page_set_fill(&set);
	assert_int_equal(page_set_count(&set), 0);
	assert_int_equal(page_set_next(&set, 0), 0);
	page_set_free(&set);
}

static void walking_agrees_with_asking(void **state)
{
	struct seeded random;
	struct page_set set;
	uint64_t expected = 0;

	(void)state;
	seeded_start(&random, 1);
	page_set_init(&set, 777, NULL);
	for (int i = 0; i < 200; i++)
		page_set_add(&set, seeded_below(&random, 777));
	page_set_for_each(&set, page) {
		while (expected < page)
			assert_false(page_set_has(&set, expected++));
		assert_true(page_set_has(&set, expected++));
		page_set_remove(&set, page);
	}
	assert_int_equal(page_set_count(&set), 0);
	page_set_free(&set);
}

static void merge_and_subtract(void **state)
{
	struct page_set a, b;

	(void)state;
	page_set_init(&a, 130, NULL);
	page_set_init(&b, 130, NULL);
	page_set_add(&a, 1);
	page_set_add(&a, 129);
	page_set_add(&b, 64);
	page_set_add(&b, 129);
	page_set_merge(&a, &b);
	assert_int_equal(page_set_count(&a), 3);
	page_set_subtract(&a, &b);
	assert_int_equal(page_set_count(&a), 1);
	assert_true(page_set_has(&a, 1));
	page_set_free(&a);
	page_set_free(&b);
}

static void harvest_takes_dirty_bits_alone(void **state)
{
	struct memory *memory = memory_create(100 * MEM_PAGE_BYTES, NULL);
	struct page_set set;

	(void)state;
	page_set_init(&set, memory->pages, NULL);
	*memory_page_watch(memory, 50) = MEM_PAGE_CODE | MEM_PAGE_TABLE;
	memory_write(memory, 0, "x", 1, NULL);
	memory_write(memory, 50 * MEM_PAGE_BYTES - 1, "xy", 2, NULL);
	memory_write(memory, 100 * MEM_PAGE_BYTES - 1, "x", 1, NULL);
	assert_int_equal(dirty_harvest(memory, &set), 4);
	assert_int_equal(page_set_count(&set), 4);
	assert_true(page_set_has(&set, 0) && page_set_has(&set, 49) && page_set_has(&set, 50) &&
		    page_set_has(&set, 99));
	assert_int_equal(*memory_page_watch(memory, 50), MEM_PAGE_CODE | MEM_PAGE_TABLE);
	assert_int_equal(dirty_harvest(memory, &set), 0);
	assert_int_equal(page_set_count(&set), 4);
	page_set_free(&set);
	memory_destroy(memory);
}

/* A send fails between two harvests: what it carried must be in the next one. */
static void rearming_loses_nothing(void **state)
{
	struct memory *memory = memory_create(1003 * MEM_PAGE_BYTES, NULL);
	struct page_set owed, sent;
	struct seeded random;

	(void)state;
	seeded_start(&random, 2);
	page_set_init(&owed, memory->pages, NULL);
	page_set_init(&sent, memory->pages, NULL);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 20; i++) {
			uint64_t page = seeded_below(&random, memory->pages);

			memory_write(memory, memory_page_gpa(memory, page), "x", 1, NULL);
			page_set_add(&owed, page);
		}
		page_set_clear(&sent);
		dirty_harvest(memory, &sent);
		assert_int_equal(page_set_count(&sent), page_set_count(&owed));
		page_set_subtract(&owed, &sent);
		assert_int_equal(page_set_count(&owed), 0);
		if (seeded_chance(&random, 1, 2)) {
			dirty_rearm(memory, &sent);
			page_set_merge(&owed, &sent);
		}
	}
	page_set_free(&owed);
	page_set_free(&sent);
	memory_destroy(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_add_remove_and_count),
		cmocka_unit_test(an_empty_set_is_a_set),
		cmocka_unit_test(walking_agrees_with_asking),
		cmocka_unit_test(merge_and_subtract),
		cmocka_unit_test(harvest_takes_dirty_bits_alone),
		cmocka_unit_test(rearming_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
