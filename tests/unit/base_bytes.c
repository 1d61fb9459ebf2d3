#include "core/base/bytes.h"

#include "tests/unit/cmocka_all.h"

static void numbers_are_little_endian(void **state)
{
	uint8_t bytes[15];
	struct byte_writer writer = writer_over(bytes, sizeof(bytes));
	const uint8_t expected[15] = {0x11, 0x33, 0x22, 0x77, 0x66, 0x55, 0x44, 0xff,
				      0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88};

	(void)state;
	writer_u8(&writer, 0x11);
	writer_u16(&writer, 0x2233);
	writer_u32(&writer, 0x44556677);
	writer_u64(&writer, 0x8899aabbccddeeffull);
	assert_false(writer.failed);
	assert_memory_equal(bytes, expected, sizeof(bytes));

	struct byte_reader reader = reader_over(bytes, sizeof(bytes));

	assert_int_equal(reader_u8(&reader), 0x11);
	assert_int_equal(reader_u16(&reader), 0x2233);
	assert_int_equal(reader_u32(&reader), 0x44556677);
	assert_true(reader_u64(&reader) == 0x8899aabbccddeeffull);
	assert_false(reader.failed);
	assert_int_equal(reader_left(&reader), 0);
}

static void reading_too_far_latches(void **state)
{
	const uint8_t bytes[5] = {1, 2, 3, 4, 5};
	struct byte_reader reader = reader_over(bytes, sizeof(bytes));
	uint8_t copy[4] = {9, 9, 9, 9};

	(void)state;
	assert_int_equal(reader_u16(&reader), 0x0201);
	assert_int_equal(reader_u32(&reader), 0);
	assert_true(reader.failed);
	assert_int_equal(reader.at, 2);
	assert_int_equal(reader_u8(&reader), 0);
	assert_int_equal(reader_left(&reader), 0);
	assert_false(reader_copy(&reader, copy, 4));
	assert_int_equal(copy[0] | copy[3], 0);
	assert_null(reader_take(&reader, 0));
}

static void hostile_lengths_do_not_wrap(void **state)
{
	uint8_t bytes[8] = {0};
	struct byte_reader reader = reader_over(bytes, sizeof(bytes));
	struct byte_writer writer = writer_over(bytes, sizeof(bytes));

	(void)state;
	reader_u32(&reader);
	assert_null(reader_take(&reader, SIZE_MAX));
	assert_true(reader.failed);
	writer_u32(&writer, 1);
	assert_null(writer_take(&writer, SIZE_MAX - 2));
	assert_true(writer.failed);
	assert_int_equal(writer.at, 4);
}

static void a_part_is_bounded_by_itself(void **state)
{
	const uint8_t bytes[6] = {1, 2, 3, 4, 5, 6};
	struct byte_reader reader = reader_over(bytes, sizeof(bytes));
	struct byte_reader part = reader_part(&reader, 3);

	(void)state;
	assert_int_equal(reader_u16(&part), 0x0201);
	assert_int_equal(reader_u16(&part), 0);
	assert_true(part.failed);
	assert_int_equal(reader_u8(&reader), 4);
	part = reader_part(&reader, 3);
	assert_true(part.failed && reader.failed);
}

static void writing_too_far_latches(void **state)
{
	uint8_t bytes[4] = {7, 7, 7, 7};
	struct byte_writer writer = writer_over(bytes, 3);

	(void)state;
	writer_u16(&writer, 0);
	writer_u16(&writer, 0);
	assert_true(writer.failed);
	writer_u8(&writer, 0);
	assert_int_equal(bytes[2], 7);
	assert_int_equal(bytes[3], 7);
}

static void empty_is_fine(void **state)
{
	struct byte_reader reader = reader_over("", 0);
	uint8_t nothing;

	(void)state;
	assert_non_null(reader_take(&reader, 0));
	assert_true(reader_copy(&reader, &nothing, 0));
	assert_false(reader.failed);
	assert_int_equal(reader_u8(&reader), 0);
	assert_true(reader.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_little_endian),
		cmocka_unit_test(reading_too_far_latches),
		cmocka_unit_test(hostile_lengths_do_not_wrap),
		cmocka_unit_test(a_part_is_bounded_by_itself),
		cmocka_unit_test(writing_too_far_latches),
		cmocka_unit_test(empty_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
