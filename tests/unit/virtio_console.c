/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_console.h"

#include <linux/virtio_console.h>
#include <linux/virtio_mmio.h>

#include "tests/support/virtio_driver.h"
#include "tests/unit/cmocka_all.h"

#define MIB (1ull << 20)
#define ALL (~0ull)
#define RX  0
#define TX  1

struct fixture {
	struct board *board;
	struct device *device;
	struct driver driver;
};

static struct fixture fixture_make(void)
{
	struct virtio_console_options options = {.columns = 80, .rows = 25};
	struct fixture f = {.board = board_create(4 * MIB)};

	options.slot = f.board->slot;
	f.device = virtio_console_create(&f.board->env, &options, NULL);
	assert_non_null(f.device);
	assert_int_equal(driver_probe(&f.driver, f.board, ALL, 2, 16), 0xf);
	return f;
}

static void fixture_free(struct fixture *f)
{
	f->device->ops->destroy(f->device);
	board_destroy(f->board);
}

static void type(struct fixture *f, const char *text, uint32_t bytes)
{
	const struct input in = {
		.kind = INPUT_CONSOLE, .device = BOARD_NUMBER, .data = text, .size_bytes = bytes};

	f->device->ops->input(f->device, &in);
}

static uint64_t buffer_add(struct fixture *f, unsigned queue, uint32_t bytes, bool writable)
{
	uint64_t at = board_alloc(f->board, bytes, 1);
	const struct driver_buffer buffer = {at, bytes, writable};

	driver_add(&f->driver, queue, &buffer, 1);
	return at;
}

static void assert_buffer(struct fixture *f, uint64_t at, const char *text)
{
	uint32_t bytes;
	uint16_t head;
	char seen[64];

	assert_true(driver_used(&f->driver, RX, &head, &bytes));
	assert_int_equal(bytes, strlen(text));
	board_get(f->board, at, seen, bytes);
	assert_memory_equal(seen, text, bytes);
}

static void text_goes_out(void **state)
{
	struct input flow = {.kind = INPUT_FLOW, .device = BOARD_NUMBER, .value = 1};
	struct fixture f = fixture_make();
	const struct output *out = &f.board->output[0].output;

	(void)state;
	f.device->ops->input(f.device, &flow);
	board_put(f.board, buffer_add(&f, TX, 5, false), "hello", 5);
	driver_kick(&f.driver, TX);
	assert_int_equal(f.board->n_outputs, 0);
	flow.value = 0;
	f.device->ops->input(f.device, &flow);
	assert_int_equal(f.board->n_outputs, 1);
	assert_int_equal(out->kind, OUTPUT_CONSOLE);
	assert_int_equal(out->device, BOARD_NUMBER);
	assert_memory_equal(out->data, "hello", 5);
	/* A long buffer comes in pieces. */
	buffer_add(&f, TX, 2 * VIRTIO_CONSOLE_WRITE_BYTES + 1, false);
	driver_kick(&f.driver, TX);
	assert_int_equal(f.board->n_outputs, 4);
	assert_int_equal(f.board->output[3].output.size_bytes, 1);
	/* The emergency register needs no queue. */
	bus_write(&f.board->mmio, f.driver.gpa + VIRTIO_MMIO_CONFIG + 8, 4, 'E');
	assert_memory_equal(f.board->output[4].output.data, "E", 1);
	assert_int_equal(driver_config(&f.driver, 0, 2), 80);
	assert_int_equal(driver_config(&f.driver, 2, 2), 25);
	fixture_free(&f);
}

static void endless_text_breaks_the_device(void **state)
{
	struct fixture f = fixture_make();
	const struct driver_buffer whole = {0, 4 * MIB, false};

	(void)state;
	driver_add(&f.driver, TX, &whole, 1);
	driver_kick(&f.driver, TX);
	assert_int_equal(driver_read(&f.driver, VIRTIO_MMIO_STATUS), 0x4f);
	assert_int_equal(f.board->n_outputs, 0);
	fixture_free(&f);
}

static void keys_come_in(void **state)
{
	struct fixture f = fixture_make();
	struct sink_mem image = {0};
	uint64_t at;

	(void)state;
	at = buffer_add(&f, RX, 4, true);
	type(&f, "ls -l\n", 6);
	assert_true(f.board->line);
	assert_buffer(&f, at, "ls -");
	/* The rest waits, through an image too. */
	device_image(f.device, &image);
	device_revive(f.device, &image);
	type(&f, "x", 1);
	at = buffer_add(&f, RX, 10, true);
	driver_kick(&f.driver, RX);
	assert_buffer(&f, at, "l\nx");
	sink_mem_free(&image);
	fixture_free(&f);
}

static void the_backlog_is_bounded(void **state)
{
	struct fixture f = fixture_make();
	char text[1000];
	uint64_t at;
	uint32_t bytes;
	uint16_t head;

	(void)state;
	memset(text, 't', sizeof(text));
	for (unsigned i = 0; i < 10; i++)
		type(&f, text, sizeof(text));
	at = buffer_add(&f, RX, 20000, true);
	driver_kick(&f.driver, RX);
	(void)at;
	assert_true(driver_used(&f.driver, RX, &head, &bytes));
	assert_int_equal(bytes, VIRTIO_CONSOLE_BACKLOG_BYTES);
	type(&f, "", 0);
	assert_false(driver_used(&f.driver, RX, &head, &bytes));
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_goes_out),
		cmocka_unit_test(endless_text_breaks_the_device),
		cmocka_unit_test(keys_come_in),
		cmocka_unit_test(the_backlog_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
