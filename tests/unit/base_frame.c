#include "core/base/frame.h"

#include <stdlib.h>

#include "core/base/checksum.h"
#include "core/base/seeded.h"
#include "core/base/sink_mem.h"
#include "tests/unit/cmocka_all.h"

#define SALT	    0x5a17u
#define FRAMES	    5
#define LIMIT_BYTES (64u << 20)

struct stream {
	struct sink_mem mem;
	uint64_t end_bytes[FRAMES + 1]; /* the length of the stream after so many frames */
};

static void stream_make(struct stream *stream, uint64_t salt, uint64_t seed)
{
	struct frame_chain chain = frame_chain_start(salt);
	struct seeded random;
	uint8_t payload[100];

	seeded_start(&random, seed);
	sink_mem_init(&stream->mem, LIMIT_BYTES);
	stream->end_bytes[0] = 0;
	for (unsigned i = 0; i < FRAMES; i++) {
		size_t length = i == 2 ? 0 : (size_t)seeded_range(&random, 1, sizeof(payload));

		seeded_bytes(&random, payload, length);
		assert_int_equal(frame_write(&chain, sink_mem(&stream->mem), (uint16_t)(i + 1),
					     i % 2 ? FRAME_MAY_SKIP : 0, payload, length, NULL),
				 0);
		stream->end_bytes[i + 1] = chain.offset_bytes;
		assert_int_equal(chain.offset_bytes, stream->mem.size);
	}
}

/* Reads to the end and tells how it came and after how many true frames and bytes. */
static enum frame_result prefix_read(const void *data, size_t size, uint64_t salt,
				     struct frame_chain *chain, struct err *err)
{
	struct byte_reader reader = reader_over(data, size);
	enum frame_result result;
	struct frame frame;

	*chain = frame_chain_start(salt);
	do {
		result = frame_read(chain, &reader, &frame, err);
		if (result == FRAME_OK)
			assert_int_equal(frame.type, chain->frames);
		assert_int_equal(reader.at, chain->offset_bytes);
	} while (result == FRAME_OK);
	return result;
}

static enum frame_result prefix_receive(const void *data, size_t size, uint64_t salt,
					struct frame_chain *chain, struct err *err)
{
	uint8_t buffer[128];
	struct source_mem mem;
	enum frame_result result;
	struct frame frame;

	source_mem_init(&mem, data, size);
	*chain = frame_chain_start(salt);
	do {
		result =
			frame_receive(chain, source_mem(&mem), buffer, sizeof(buffer), &frame, err);
	} while (result == FRAME_OK);
	return result;
}

static void frames_come_back_as_written(void **state)
{
	struct frame_chain writing = frame_chain_start(SALT);
	struct frame_chain reading = frame_chain_start(SALT);
	struct byte_reader reader;
	struct sink_mem mem;
	struct frame frame;
	struct err err;

	(void)state;
	sink_mem_init(&mem, LIMIT_BYTES);
	assert_int_equal(frame_write(&writing, sink_mem(&mem), 7, 0, "hello", 5, &err), 0);
	assert_int_equal(frame_write(&writing, sink_mem(&mem), 8, FRAME_MAY_SKIP, NULL, 0, &err),
			 0);
	reader = reader_over(mem.data, mem.size);
	assert_int_equal(frame_read(&reading, &reader, &frame, &err), FRAME_OK);
	assert_int_equal(frame.type, 7);
	assert_int_equal(frame.flags, 0);
	assert_int_equal(frame.length, 5);
	assert_memory_equal(frame.payload, "hello", 5);
	assert_int_equal(frame_read(&reading, &reader, &frame, &err), FRAME_OK);
	assert_int_equal(frame.type, 8);
	assert_int_equal(frame.flags, FRAME_MAY_SKIP);
	assert_int_equal(frame.length, 0);
	assert_int_equal(frame_read(&reading, &reader, &frame, &err), FRAME_END);
	assert_int_equal(err.code, ERR_END);
	assert_memory_equal(&reading, &writing, sizeof(reading));
	sink_mem_free(&mem);
}

/* Every length at which a crash may have cut the stream. */
static void every_cut_is_torn_or_an_end(void **state)
{
	struct stream stream;
	unsigned whole = 0;

	(void)state;
	stream_make(&stream, SALT, 1);
	for (size_t cut = 0; cut <= stream.mem.size; cut++) {
		struct frame_chain chain;
		enum frame_result expected;
		struct err err;

		while (whole < FRAMES && stream.end_bytes[whole + 1] <= cut)
			whole++;
		expected = cut == stream.end_bytes[whole] ? FRAME_END : FRAME_TORN;
		assert_int_equal(prefix_read(stream.mem.data, cut, SALT, &chain, &err), expected);
		assert_int_equal(chain.frames, whole);
		assert_int_equal(chain.offset_bytes, stream.end_bytes[whole]);
		assert_int_equal(err.code, expected == FRAME_END ? ERR_END : ERR_TORN);
		assert_int_equal(prefix_receive(stream.mem.data, cut, SALT, &chain, &err),
				 expected);
		assert_int_equal(chain.frames, whole);
	}
	sink_mem_free(&stream.mem);
}

/* A flipped bit is found in the frame that it is in, whatever it hits: never an end, never a tear. */
static void every_flipped_bit_is_corrupt(void **state)
{
	struct stream stream;
	unsigned whole = 0;

	(void)state;
	stream_make(&stream, SALT, 2);
	for (size_t bit = 0; bit < 8 * stream.mem.size; bit++) {
		struct frame_chain chain;
		struct err err;

		while (stream.end_bytes[whole + 1] <= bit / 8)
			whole++;
		stream.mem.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(prefix_read(stream.mem.data, stream.mem.size, SALT, &chain, &err),
				 FRAME_CORRUPT);
		assert_int_equal(chain.frames, whole);
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_int_equal(prefix_receive(stream.mem.data, stream.mem.size, SALT, &chain,
						&err),
				 FRAME_CORRUPT);
		stream.mem.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	sink_mem_free(&stream.mem);
}

static void zeros_after_the_prefix_are_a_tear(void **state)
{
	struct stream stream;
	struct frame_chain chain;
	struct err err;
	static const uint8_t zeros[4096];

	(void)state;
	stream_make(&stream, SALT, 3);
	sink_write(sink_mem(&stream.mem), zeros, sizeof(zeros), NULL);
	assert_int_equal(prefix_read(stream.mem.data, stream.mem.size, SALT, &chain, &err),
			 FRAME_TORN);
	assert_int_equal(chain.frames, FRAMES);
	assert_says(&err, "zeros instead of a frame");
	sink_mem_free(&stream.mem);
}

static void another_salt_reads_nothing(void **state)
{
	struct stream stream;
	struct frame_chain chain;
	struct err err;

	(void)state;
	stream_make(&stream, SALT, 4);
	assert_int_equal(prefix_read(stream.mem.data, stream.mem.size, SALT + 1, &chain, &err),
			 FRAME_CORRUPT);
	assert_int_equal(chain.frames, 0);
	assert_says(&err, "offset 0");
	sink_mem_free(&stream.mem);
}

/* An older stream of other salt shows through behind a newer, shorter one: a file used again. */
static void leftovers_of_an_older_stream_do_not_count(void **state)
{
	struct stream older, newer;
	struct frame_chain chain;
	struct err err;

	(void)state;
	stream_make(&older, SALT, 5);
	stream_make(&newer, SALT + 1, 5);
	memcpy(older.mem.data, newer.mem.data, (size_t)newer.end_bytes[3]);
	assert_int_equal(prefix_read(older.mem.data, older.mem.size, SALT + 1, &chain, &err),
			 FRAME_CORRUPT);
	assert_int_equal(chain.frames, 3);
	assert_int_equal(chain.offset_bytes, newer.end_bytes[3]);
	sink_mem_free(&older.mem);
	sink_mem_free(&newer.mem);
}

static void dropped_and_repeated_frames_are_found(void **state)
{
	struct stream stream;
	struct frame_chain chain;
	struct err err;
	uint8_t *data;
	size_t first, second;

	(void)state;
	stream_make(&stream, SALT, 6);
	first = (size_t)stream.end_bytes[1];
	second = (size_t)stream.end_bytes[2];
	assert_int_equal(prefix_read(stream.mem.data + first, stream.mem.size - first, SALT, &chain,
				     &err),
			 FRAME_CORRUPT);
	data = malloc(stream.mem.size);
	memcpy(data, stream.mem.data, second);
	memcpy(data + second, stream.mem.data + first, second - first);
	assert_int_equal(prefix_read(data, second + second - first, SALT, &chain, &err),
			 FRAME_CORRUPT);
	assert_int_equal(chain.frames, 2);
	free(data);
	sink_mem_free(&stream.mem);
}

/* Headers with a right check and wrong contents: whoever made them could compute the check too. */
static void hostile_headers_with_a_right_check(void **state)
{
	const struct {
		uint16_t type, flags;
		uint32_t length;
		const char *says;
	} cases[] = {
		{0, 0, 5, "makes no frame"},
		{1, 0x8000, 5, "makes no frame"},
		{1, 0, FRAME_LENGTH_MAX_BYTES + 1, "over the limit"},
		{1, 0, UINT32_MAX, "over the limit"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[FRAME_HEADER_BYTES + 8] = {0};
		struct frame_chain chain;
		uint64_t check;
		struct err err;

		put_le16(bytes, cases[i].type);
		put_le16(bytes + 2, cases[i].flags);
		put_le32(bytes + 4, cases[i].length);
		check = checksum64(bytes, 8, SALT);
		put_le64(bytes + 8, check);
		put_le64(bytes + 16, checksum64(bytes + 24, 5, check));
		assert_int_equal(prefix_read(bytes, sizeof(bytes), SALT, &chain, &err),
				 FRAME_CORRUPT);
		assert_says(&err, cases[i].says);
		assert_int_equal(prefix_receive(bytes, sizeof(bytes), SALT, &chain, &err),
				 FRAME_CORRUPT);
	}
}

static void limits_hold_when_writing_and_receiving(void **state)
{
	struct frame_chain chain = frame_chain_start(SALT);
	struct frame_chain start = chain;
	uint8_t *big = calloc(1, FRAME_LENGTH_MAX_BYTES + 1);
	uint8_t buffer[9];
	struct source_mem source;
	struct sink_mem mem;
	struct frame frame;
	struct err err;

	(void)state;
	sink_mem_init(&mem, LIMIT_BYTES);
	assert_int_equal(frame_write(&chain, sink_mem(&mem), 1, 0, big, FRAME_LENGTH_MAX_BYTES + 1,
				     &err),
			 ERR_LIMIT);
	assert_int_equal(mem.size, 0);
	assert_memory_equal(&chain, &start, sizeof(chain));
	assert_int_equal(
		frame_write(&chain, sink_mem(&mem), 1, 0, big, FRAME_LENGTH_MAX_BYTES, &err), 0);
	assert_int_equal(prefix_read(mem.data, mem.size, SALT, &chain, &err), FRAME_END);

	chain = start;
	source_mem_init(&source, mem.data, mem.size);
	assert_int_equal(frame_receive(&chain, source_mem(&source), buffer, sizeof(buffer), &frame,
				       &err),
			 FRAME_FAILED);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_memory_equal(&chain, &start, sizeof(chain));
	free(big);
	sink_mem_free(&mem);
}

static void a_sink_that_fails_leaves_the_chain(void **state)
{
	struct frame_chain chain = frame_chain_start(SALT);
	struct frame_chain start = chain;
	struct sink_mem mem;

	(void)state;
	sink_mem_init(&mem, FRAME_HEADER_BYTES + 3);
	assert_int_equal(frame_write(&chain, sink_mem(&mem), 1, 0, "four", 4, NULL), ERR_LIMIT);
	assert_memory_equal(&chain, &start, sizeof(chain));
	sink_mem_free(&mem);
}

static void garbage_is_never_a_frame(void **state)
{
	struct seeded random;
	uint8_t data[200];

	(void)state;
	seeded_start(&random, 11);
	for (int i = 0; i < 20000; i++) {
		size_t size = (size_t)seeded_range(&random, 1, sizeof(data));
		struct frame_chain chain;
		struct err err;

		seeded_bytes(&random, data, size);
		prefix_read(data, size, SALT, &chain, &err);
		assert_int_equal(chain.frames, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_back_as_written),
		cmocka_unit_test(every_cut_is_torn_or_an_end),
		cmocka_unit_test(every_flipped_bit_is_corrupt),
		cmocka_unit_test(zeros_after_the_prefix_are_a_tear),
		cmocka_unit_test(another_salt_reads_nothing),
		cmocka_unit_test(leftovers_of_an_older_stream_do_not_count),
		cmocka_unit_test(dropped_and_repeated_frames_are_found),
		cmocka_unit_test(hostile_headers_with_a_right_check),
		cmocka_unit_test(limits_hold_when_writing_and_receiving),
		cmocka_unit_test(a_sink_that_fails_leaves_the_chain),
		cmocka_unit_test(garbage_is_never_a_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
