/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_rng.h"

#include "tests/support/virtio_driver.h"
#include "tests/unit/cmocka_all.h"

#define MIB (1ull << 20)
#define ALL (~0ull)

struct fixture {
	struct board *board;
	struct device *device;
	struct driver driver;
};

static struct fixture fixture_make(void)
{
	struct fixture f = {.board = board_create(MIB)};

	f.device = virtio_rng_create(&f.board->env, &f.board->slot, NULL);
	assert_non_null(f.device);
	assert_int_equal(driver_probe(&f.driver, f.board, ALL, 1, 8), 0xf);
	return f;
}

static void fixture_free(struct fixture *f)
{
	f->device->ops->destroy(f->device);
	board_destroy(f->board);
}

static uint64_t request(struct fixture *f, uint32_t bytes)
{
	uint64_t at = board_alloc(f->board, bytes, 1);
	const struct driver_buffer buffer = {at, bytes, true};

	driver_add(&f->driver, 0, &buffer, 1);
	driver_kick(&f->driver, 0);
	return at;
}

static void answer(struct fixture *f, const char *data, uint32_t bytes)
{
	const struct input in = {
		.kind = INPUT_ENTROPY, .device = BOARD_NUMBER, .data = data, .size_bytes = bytes};

	f->device->ops->input(f->device, &in);
}

static void assert_answered(struct fixture *f, uint64_t at, const char *data, uint32_t expected)
{
	uint32_t bytes;
	uint16_t head;
	char seen[64];

	assert_true(driver_used(&f->driver, 0, &head, &bytes));
	assert_int_equal(bytes, expected);
	board_get(f->board, at, seen, bytes);
	assert_memory_equal(seen, data, bytes);
}

static void requests_are_answered_in_order(void **state)
{
	struct fixture f = fixture_make();
	uint64_t first = request(&f, 64), second = request(&f, 4);

	(void)state;
	assert_int_equal(f.board->n_outputs, 1);
	assert_int_equal(f.board->output[0].output.kind, OUTPUT_ENTROPY);
	assert_int_equal(f.board->output[0].output.value, 64);
	answer(&f, "0123456789", 10);
	assert_true(f.board->line);
	assert_answered(&f, first, "0123456789", 10);
	assert_int_equal(f.board->n_outputs, 2);
	assert_int_equal(f.board->output[1].output.value, 4);
	answer(&f, "abcdefgh", 8);
	assert_answered(&f, second, "abcd", 4);
	answer(&f, "unasked", 7);
	assert_int_equal(f.board->n_outputs, 2);
	request(&f, 100000);
	assert_int_equal(f.board->output[2].output.value, VIRTIO_RNG_REQUEST_MAX_BYTES);
	fixture_free(&f);
}

static void requests_without_room_return_at_once(void **state)
{
	const struct driver_buffer readable = {0x1000, 8, false};
	struct fixture f = fixture_make();

	(void)state;
	driver_add(&f.driver, 0, &readable, 1);
	driver_kick(&f.driver, 0);
	assert_int_equal(f.board->n_outputs, 0);
	assert_answered(&f, 0x1000, "", 0);
	fixture_free(&f);
}

static void a_reset_overtakes_a_request(void **state)
{
	struct fixture f = fixture_make();
	uint64_t sum, at;

	(void)state;
	request(&f, 8);
	driver_write(&f.driver, 0x70, 0);
	sum = board_memory_sum(f.board);
	answer(&f, "too late", 8);
	assert_true(board_memory_sum(f.board) == sum);
	assert_int_equal(driver_probe(&f.driver, f.board, ALL, 1, 8), 0xf);
	at = request(&f, 8);
	answer(&f, "in time!", 8);
	assert_answered(&f, at, "in time!", 8);
	fixture_free(&f);
}

static void an_unanswered_request_is_issued_again(void **state)
{
	struct fixture f = fixture_make();
	struct sink_mem image = {0};
	uint64_t at = request(&f, 16);

	(void)state;
	device_image(f.device, &image);
	device_revive(f.device, &image);
	assert_int_equal(f.board->n_outputs, 2);
	assert_int_equal(f.board->output[1].output.value, 16);
	answer(&f, "0123456789abcdef", 16);
	assert_answered(&f, at, "0123456789abcdef", 16);
	device_image(f.device, &image);
	device_revive(f.device, &image);
	assert_int_equal(f.board->n_outputs, 2);
	sink_mem_free(&image);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_answered_in_order),
		cmocka_unit_test(requests_without_room_return_at_once),
		cmocka_unit_test(a_reset_overtakes_a_request),
		cmocka_unit_test(an_unanswered_request_is_issued_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
