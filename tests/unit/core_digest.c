#include "core/digest.h"

#include "core/base/seeded.h"
#include "tests/unit/cmocka_all.h"

#define PAGES 300

static void memories_agree_when_their_bytes_do(void **state)
{
	struct memory *a = memory_create(PAGES * MEM_PAGE_BYTES, NULL);
	struct memory *b = memory_create(PAGES * MEM_PAGE_BYTES, NULL);
	struct memory_digest da, db;

	(void)state;
	memory_write(a, 5000, "same", 4, NULL);
	memory_write(b, 5000, "same", 4, NULL);
	memory_write(b, 100 * MEM_PAGE_BYTES, "\0\0", 2, NULL);
	assert_int_equal(memory_digest_init(&da, a, NULL), 0);
	assert_int_equal(memory_digest_init(&db, b, NULL), 0);
	assert_true(da.sum == db.sum);
	assert_int_equal(memory_digest_difference(&da, &db), PAGES);
	memory_digest_free(&da);
	memory_digest_free(&db);
	memory_destroy(a);
	memory_destroy(b);
}

static void updating_equals_starting_over(void **state)
{
	struct memory *memory = memory_create(PAGES * MEM_PAGE_BYTES, NULL);
	struct memory_digest kept, fresh;
	struct page_set written;
	struct seeded random;

	(void)state;
	seeded_start(&random, 1);
	page_set_init(&written, PAGES, NULL);
	memory_digest_init(&kept, memory, NULL);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 10; i++) {
			uint64_t value = seeded_below(&random, 3);

			memory_write(memory, seeded_below(&random, PAGES * MEM_PAGE_BYTES - 8),
				     &value, sizeof(value), NULL);
		}
		page_set_clear(&written);
		dirty_harvest(memory, &written);
		memory_digest_update(&kept, memory, &written);
		memory_digest_init(&fresh, memory, NULL);
		assert_true(kept.sum == fresh.sum);
		assert_int_equal(memory_digest_difference(&kept, &fresh), PAGES);
		memory_digest_free(&fresh);
	}
	memory_digest_free(&kept);
	page_set_free(&written);
	memory_destroy(memory);
}

static void swapped_pages_differ(void **state)
{
	struct memory *a = memory_create(PAGES * MEM_PAGE_BYTES, NULL);
	struct memory *b = memory_create(PAGES * MEM_PAGE_BYTES, NULL);
	struct memory_digest da, db;

	(void)state;
	memory_write(a, 7 * MEM_PAGE_BYTES, "x", 1, NULL);
	memory_write(b, 8 * MEM_PAGE_BYTES, "x", 1, NULL);
	memory_digest_init(&da, a, NULL);
	memory_digest_init(&db, b, NULL);
	assert_true(da.sum != db.sum);
	assert_int_equal(memory_digest_difference(&da, &db), 7);
	memory_digest_free(&da);
	memory_digest_free(&db);
	memory_destroy(a);
	memory_destroy(b);
}

static void one_bit_is_found_and_its_page_named(void **state)
{
	struct memory *memory = memory_create(6ull << 30, NULL);
	uint64_t gpa = MEMORY_HIGH_START_GPA + 123 * MEM_PAGE_BYTES + 17;
	struct memory_digest before, after;
	struct page_set written;

	(void)state;
	memory_digest_init(&before, memory, NULL);
	memory_digest_init(&after, memory, NULL);
	page_set_init(&written, memory->pages, NULL);
	memory_write(memory, gpa, "\1", 1, NULL);
	dirty_harvest(memory, &written);
	memory_digest_update(&after, memory, &written);
	assert_true(before.sum != after.sum);
	assert_int_equal(memory_digest_difference(&before, &after),
			 memory_page_number(memory, gpa));
	memory_write(memory, gpa, "\0", 1, NULL);
	memory_digest_update(&after, memory, &written);
	assert_true(before.sum == after.sum);
	memory_digest_free(&before);
	memory_digest_free(&after);
	page_set_free(&written);
	memory_destroy(memory);
}

struct lamp {
	uint32_t colour;
	uint64_t lit_ns;
};

static const struct state_field lamp_fields[] = {
	STATE_FIELD(struct lamp, colour, 1),
	STATE_FIELD(struct lamp, lit_ns, 1),
};

static const struct state_table lamp_table = STATE_TABLE("lamp", 1, struct lamp, lamp_fields);

static void differences_are_named(void **state)
{
	struct lamp red = {1, 2};
	struct lamp blue = {1, 3};
	struct digest a, b;
	struct err err;

	(void)state;
	digest_start(&a);
	digest_add(&a, "memory", 1);
	digest_add_state(&a, "lamp0", &lamp_table, &red);
	digest_add_bytes(&a, "firmware", "abc", 3);
	digest_start(&b);
	digest_add(&b, "memory", 1);
	digest_add_state(&b, "lamp0", &lamp_table, &red);
	digest_add_bytes(&b, "firmware", "abc", 3);
	assert_int_equal(digest_compare(&a, &b, &err), 0);
	assert_true(digest_value(&a) == digest_value(&b));

	digest_start(&b);
	digest_add(&b, "memory", 1);
	digest_add_state(&b, "lamp0", &lamp_table, &blue);
	digest_add_bytes(&b, "firmware", "abd", 3);
	assert_int_equal(digest_compare(&a, &b, &err), ERR_MISMATCH);
	assert_says(&err, "lamp0 differs: digest ");
	assert_true(digest_value(&a) != digest_value(&b));
}

static void parts_on_one_side_are_named(void **state)
{
	struct digest a, b;
	struct err err;

	(void)state;
	digest_start(&a);
	digest_start(&b);
	assert_int_equal(digest_compare(&a, &b, &err), 0);
	digest_add(&a, "memory", 1);
	assert_int_equal(digest_compare(&a, &b, &err), ERR_MISMATCH);
	assert_says(&err, "memory: only one side has it");
	assert_int_equal(digest_compare(&b, &a, &err), ERR_MISMATCH);
	assert_says(&err, "memory: only one side has it");
}

static void memory_is_a_part(void **state)
{
	struct memory *memory = memory_create(PAGES * MEM_PAGE_BYTES, NULL);
	struct memory_digest pages;
	struct digest digest;

	(void)state;
	memory_digest_init(&pages, memory, NULL);
	digest_start(&digest);
	digest_add_memory(&digest, &pages);
	assert_int_equal(digest.count, 1);
	assert_string_equal(digest.part[0].name, "memory");
	assert_true(digest.part[0].value == pages.sum);
	memory_digest_free(&pages);
	memory_destroy(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memories_agree_when_their_bytes_do),
		cmocka_unit_test(updating_equals_starting_over),
		cmocka_unit_test(swapped_pages_differ),
		cmocka_unit_test(one_bit_is_found_and_its_page_named),
		cmocka_unit_test(differences_are_named),
		cmocka_unit_test(parts_on_one_side_are_named),
		cmocka_unit_test(memory_is_a_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
