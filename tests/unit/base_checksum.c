#include "core/base/checksum.h"

#include "core/base/seeded.h"
#include "tests/unit/cmocka_all.h"

static void known_values(void **state)
{
	(void)state;
	/* XXH3's published value of the empty input with seed 0. */
	assert_true(checksum64(NULL, 0, 0) == 0x2d06800538d394c2ull);
	assert_true(checksum128(NULL, 0, 0).low == 0x6001c324468d497full);
	assert_true(checksum128(NULL, 0, 0).high == 0x99aa06d3014798d8ull);
}

static void streams_agree_with_one_piece(void **state)
{
	static uint8_t data[5000];
	const size_t sizes[] = {0, 1, 16, 17, 240, 241, 256, 1024, 4096, 5000};
	struct seeded random;

	(void)state;
	seeded_start(&random, 1);
	seeded_bytes(&random, data, sizeof(data));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (uint64_t seed = 0; seed < 3; seed++) {
			struct checksum128 whole = checksum128(data, sizes[i], seed);
			struct checksum_stream stream;
			size_t at = 0;

			checksum_stream_start(&stream, seed);
			while (at < sizes[i]) {
				size_t part = (size_t)seeded_range(&random, 0, sizes[i] - at);

				checksum_stream_add(&stream, data + at, part);
				at += part;
			}
			assert_true(checksum_stream_value64(&stream) ==
				    checksum64(data, sizes[i], seed));
			assert_true(checksum_stream_value128(&stream).low == whole.low);
			assert_true(checksum_stream_value128(&stream).high == whole.high);
		}
	}
}

static void seeds_and_bits_matter(void **state)
{
	uint8_t data[64] = {0};
	uint64_t before = checksum64(data, sizeof(data), 0);

	(void)state;
	assert_true(before != checksum64(data, sizeof(data), 1));
	for (unsigned bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_true(before != checksum64(data, sizeof(data), 0));
		data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(streams_agree_with_one_piece),
		cmocka_unit_test(seeds_and_bits_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
