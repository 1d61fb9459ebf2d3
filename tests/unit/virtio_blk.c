/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_blk.h"

#include <linux/virtio_blk.h>
#include <stdlib.h>

#include "core/base/seeded.h"
#include "tests/support/virtio_driver.h"
#include "tests/unit/cmocka_all.h"

#define MIB	(1ull << 20)
#define ALL	(~0ull)
#define SECTORS 4096ull
#define BLK_OK	VIRTIO_BLK_S_OK
#define ERROR	VIRTIO_BLK_S_IOERR
#define UNSUPP	VIRTIO_BLK_S_UNSUPP

struct fixture {
	struct board *board;
	struct device *device;
	struct driver driver;
};

static const struct virtio_blk_options plain = {
	.capacity_sectors = SECTORS, .discard = true, .write_zeroes = true, .serial = "serial-0"};

static struct device *blk_on(struct board *b, struct virtio_blk_options options)
{
	struct device *d;

	options.slot = b->slot;
	d = virtio_blk_create(&b->env, &options, NULL);
	assert_non_null(d);
	return d;
}

static struct fixture fixture_make(struct virtio_blk_options options, uint64_t wanted)
{
	struct fixture f = {.board = board_create(16 * MIB)};

	f.device = blk_on(f.board, options);
	assert_int_equal(driver_probe(&f.driver, f.board, wanted,
				      options.queues ? options.queues : 1, 0),
			 0xf);
	return f;
}

static void fixture_free(struct fixture *f)
{
	f->device->ops->destroy(f->device);
	board_destroy(f->board);
}

/* One request of the guest's: header, data in parts, status. */
struct request {
	uint64_t header, data, status;
	uint32_t bytes;
	uint16_t head;
};

static struct request request_add(struct fixture *f, unsigned queue, uint32_t type, uint64_t sector,
				  const void *data, uint32_t bytes)
{
	const struct virtio_blk_outhdr header = {.type = type, .sector = sector};
	struct request r = {.bytes = bytes};
	struct driver_buffer buffer[5];
	unsigned count = 0;
	uint8_t unset = 0xee;
	bool reads = type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;

	r.header = board_alloc(f->board, sizeof(header), 8);
	r.data = board_alloc(f->board, bytes + 1, 16);
	r.status = board_alloc(f->board, 1, 1);
	board_put(f->board, r.header, &header, sizeof(header));
	board_put(f->board, r.status, &unset, 1);
	if (data)
		board_put(f->board, r.data, data, bytes);
	buffer[count++] = (struct driver_buffer){r.header, sizeof(header), false};
	if (bytes > 3) {
		buffer[count++] = (struct driver_buffer){r.data, 3, reads};
		buffer[count++] = (struct driver_buffer){r.data + 3, bytes - 3, reads};
	} else if (bytes) {
		buffer[count++] = (struct driver_buffer){r.data, bytes, reads};
	}
	buffer[count++] = (struct driver_buffer){r.status, 1, true};
	r.head = driver_add(&f->driver, queue, buffer, count);
	return r;
}

static uint8_t status_of(struct fixture *f, const struct request *r)
{
	uint8_t status;

	board_get(f->board, r->status, &status, 1);
	return status;
}

static void assert_used(struct fixture *f, unsigned queue, const struct request *r, uint32_t bytes,
			uint8_t status)
{
	uint32_t used_bytes;
	uint16_t head;

	assert_true(driver_used(&f->driver, queue, &head, &used_bytes));
	assert_int_equal(head, r->head);
	assert_int_equal(used_bytes, bytes);
	assert_int_equal(status_of(f, r), status);
}

static void complete(struct fixture *f, uint64_t number, enum disk_result result, const void *data,
		     uint32_t bytes)
{
	const struct input in = {.kind = INPUT_DISK,
				 .device = BOARD_NUMBER,
				 .value = number,
				 .extra = result,
				 .data = data,
				 .size_bytes = bytes};

	f->device->ops->input(f->device, &in);
}

static const struct output *last_output(const struct fixture *f)
{
	assert_true(f->board->n_outputs > 0);
	return &f->board->output[f->board->n_outputs - 1].output;
}

static void configuration_as_the_driver_reads_it(void **state)
{
	struct virtio_blk_options options = plain;
	struct fixture f;
	uint64_t offered;

	(void)state;
	options.queues = 4;
	options.block_bytes = 4096;
	f = fixture_make(options, ALL);
	offered = driver_offered(&f.driver);
	assert_int_equal(driver_config(&f.driver, 0, 4), SECTORS);
	assert_int_equal(driver_config(&f.driver, 4, 4), 0);
	assert_int_equal(driver_config(&f.driver, 0, 8), SECTORS);
	assert_int_equal(driver_config(&f.driver, 8, 4) * driver_config(&f.driver, 12, 4),
			 INPUT_DATA_MAX_BYTES);
	assert_int_equal(driver_config(&f.driver, 20, 4), 4096);
	assert_int_equal(driver_config(&f.driver, 34, 2), 4);
	assert_int_equal(driver_config(&f.driver, 36, 4), VIRTIO_BLK_RANGE_MAX_SECTORS);
	assert_int_equal(driver_config(&f.driver, 40, 4), 1);
	assert_true(offered & VIRTIO_BIT(VIRTIO_BLK_F_MQ));
	assert_true(offered & VIRTIO_BIT(VIRTIO_BLK_F_FLUSH));
	assert_true(offered & VIRTIO_BIT(VIRTIO_BLK_F_DISCARD));
	assert_false(offered & VIRTIO_BIT(VIRTIO_BLK_F_RO));
	fixture_free(&f);
	options.read_only = true;
	f = fixture_make(options, ALL);
	offered = driver_offered(&f.driver);
	assert_true(offered & VIRTIO_BIT(VIRTIO_BLK_F_RO));
	assert_false(offered & VIRTIO_BIT(VIRTIO_BLK_F_DISCARD));
	assert_false(offered & VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES));
	fixture_free(&f);
}

static void options_are_checked(void **state)
{
	struct board *b = board_create(MIB);
	struct virtio_blk_options options = plain;
	struct err err;

	(void)state;
	options.slot = b->slot;
	options.queues = 9;
	assert_null(virtio_blk_create(&b->env, &options, &err));
	assert_says(&err, "9 queues");
	options.queues = 1;
	options.block_bytes = 520;
	assert_null(virtio_blk_create(&b->env, &options, &err));
	assert_says(&err, "blocks of 520 bytes");
	options.block_bytes = 512;
	options.slot.name = "a-name-beyond-all-bounds";
	assert_null(virtio_blk_create(&b->env, &options, &err));
	assert_says(&err, "longer than");
	board_destroy(b);
}

static void reads_appear_on_completion(void **state)
{
	struct fixture f = fixture_make(plain, 0);
	uint8_t disk[1024], seen[1024];
	struct request r = request_add(&f, 0, VIRTIO_BLK_T_IN, 8, NULL, 1024);
	const struct output *out;

	(void)state;
	memset(disk, 0x5a, sizeof(disk));
	driver_kick(&f.driver, 0);
	out = last_output(&f);
	assert_int_equal(out->kind, OUTPUT_DISK);
	assert_int_equal(out->device, BOARD_NUMBER);
	assert_int_equal(out->command, DISK_READ);
	assert_int_equal(out->sector, 8);
	assert_int_equal(out->size_bytes, 1024);
	assert_int_equal(status_of(&f, &r), 0xee);
	assert_false(f.board->line);
	complete(&f, out->value + 1, DISK_OK, disk, 1024);
	assert_int_equal(status_of(&f, &r), 0xee);
	complete(&f, out->value, DISK_OK, disk, 1024);
	assert_true(f.board->line);
	assert_used(&f, 0, &r, 1025, BLK_OK);
	board_get(f.board, r.data, seen, 1024);
	assert_memory_equal(seen, disk, 1024);
	fixture_free(&f);
}

static void writes_carry_their_data(void **state)
{
	struct fixture f = fixture_make(plain, ALL);
	uint8_t data[512];
	struct request r;

	(void)state;
	f.driver.indirect = true;
	memset(data, 0x77, sizeof(data));
	r = request_add(&f, 0, VIRTIO_BLK_T_OUT, SECTORS - 1, data, 512);
	driver_kick(&f.driver, 0);
	assert_int_equal(last_output(&f)->command, DISK_WRITE);
	assert_int_equal(last_output(&f)->sector, SECTORS - 1);
	assert_memory_equal(last_output(&f)->data, data, 512);
	assert_int_equal(status_of(&f, &r), 0xee);
	complete(&f, last_output(&f)->value, DISK_OK, NULL, 0);
	assert_used(&f, 0, &r, 1, BLK_OK);
	fixture_free(&f);
}

static void backend_errors_reach_the_guest(void **state)
{
	struct fixture f = fixture_make(plain, ALL);
	struct request r;
	uint8_t byte = 0;

	(void)state;
	r = request_add(&f, 0, VIRTIO_BLK_T_IN, 0, NULL, 512);
	driver_kick(&f.driver, 0);
	complete(&f, last_output(&f)->value, DISK_ERROR, NULL, 0);
	assert_used(&f, 0, &r, 1, ERROR);
	r = request_add(&f, 0, VIRTIO_BLK_T_OUT, 0, NULL, 512);
	driver_kick(&f.driver, 0);
	complete(&f, last_output(&f)->value, DISK_FULL, NULL, 0);
	assert_used(&f, 0, &r, 1, ERROR);
	/* A read that brings less than was asked for. */
	r = request_add(&f, 0, VIRTIO_BLK_T_IN, 0, NULL, 512);
	driver_kick(&f.driver, 0);
	complete(&f, last_output(&f)->value, DISK_OK, &byte, 1);
	assert_used(&f, 0, &r, 1, ERROR);
	fixture_free(&f);
}

static void flush_and_serial(void **state)
{
	struct fixture f = fixture_make(plain, ALL);
	struct request r = request_add(&f, 0, VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
	char serial[20];

	(void)state;
	driver_kick(&f.driver, 0);
	assert_int_equal(last_output(&f)->command, DISK_FLUSH);
	assert_int_equal(status_of(&f, &r), 0xee);
	complete(&f, last_output(&f)->value, DISK_OK, NULL, 0);
	assert_used(&f, 0, &r, 1, BLK_OK);
	r = request_add(&f, 0, VIRTIO_BLK_T_GET_ID, 0, NULL, 20);
	driver_kick(&f.driver, 0);
	assert_used(&f, 0, &r, 21, BLK_OK);
	board_get(f.board, r.data, serial, 20);
	assert_memory_equal(serial, plain.serial, 20);
	assert_int_equal(f.board->n_outputs, 1);
	fixture_free(&f);
}

static void range_do(struct fixture *f, uint32_t type, uint64_t sector, uint32_t sectors,
		     uint32_t flags, uint8_t expected)
{
	const struct virtio_blk_discard_write_zeroes range = {sector, sectors, flags};
	struct request r = request_add(f, 0, type, 0, &range, sizeof(range));
	unsigned before = f->board->n_outputs;

	driver_kick(&f->driver, 0);
	if (expected != BLK_OK) {
		assert_int_equal(f->board->n_outputs, before);
		assert_used(f, 0, &r, 1, expected);
		return;
	}
	assert_int_equal(last_output(f)->sector, sector);
	assert_int_equal(last_output(f)->sectors, sectors);
	assert_int_equal(last_output(f)->extra, flags);
	assert_int_equal(last_output(f)->command,
			 type == VIRTIO_BLK_T_DISCARD ? DISK_DISCARD : DISK_WRITE_ZEROES);
	complete(f, last_output(f)->value, DISK_OK, NULL, 0);
	assert_used(f, 0, &r, 1, BLK_OK);
}

static void discard_and_write_zeroes(void **state)
{
	struct fixture f = fixture_make(plain, ALL);

	(void)state;
	range_do(&f, VIRTIO_BLK_T_DISCARD, 8, 16, 0, BLK_OK);
	range_do(&f, VIRTIO_BLK_T_WRITE_ZEROES, 8, 16, 0, BLK_OK);
	range_do(&f, VIRTIO_BLK_T_WRITE_ZEROES, 0, SECTORS, 1, BLK_OK);
	range_do(&f, VIRTIO_BLK_T_DISCARD, 8, 16, 1, UNSUPP);
	range_do(&f, VIRTIO_BLK_T_WRITE_ZEROES, 8, 16, 2, UNSUPP);
	range_do(&f, VIRTIO_BLK_T_DISCARD, SECTORS - 1, 2, 0, ERROR);
	range_do(&f, VIRTIO_BLK_T_DISCARD, UINT64_MAX, 2, 0, ERROR);
	range_do(&f, VIRTIO_BLK_T_DISCARD, 0, 0, 0, ERROR);
	range_do(&f, VIRTIO_BLK_T_DISCARD, 0, UINT32_MAX, 0, ERROR);
	fixture_free(&f);
	f = fixture_make(plain, 0);
	range_do(&f, VIRTIO_BLK_T_DISCARD, 8, 16, 0, UNSUPP);
	fixture_free(&f);
}

static void refuse(struct fixture *f, uint32_t type, uint64_t sector, uint32_t bytes,
		   uint8_t expected)
{
	struct request r = request_add(f, 0, type, sector, NULL, bytes);

	driver_kick(&f->driver, 0);
	assert_int_equal(f->board->n_outputs, 0);
	assert_used(f, 0, &r, 1, expected);
}

static void requests_out_of_bounds(void **state)
{
	struct virtio_blk_options options = plain;
	struct fixture f = fixture_make(plain, ALL);

	(void)state;
	refuse(&f, VIRTIO_BLK_T_IN, SECTORS, 512, ERROR);
	refuse(&f, VIRTIO_BLK_T_IN, SECTORS - 1, 1024, ERROR);
	refuse(&f, VIRTIO_BLK_T_IN, UINT64_MAX, 512, ERROR);
	refuse(&f, VIRTIO_BLK_T_IN, 0, 0, ERROR);
	refuse(&f, VIRTIO_BLK_T_IN, 0, 511, ERROR);
	refuse(&f, VIRTIO_BLK_T_IN, 0, 513, ERROR);
	refuse(&f, VIRTIO_BLK_T_IN, 0, VIRTIO_BLK_REQUEST_MAX_BYTES + 512, ERROR);
	refuse(&f, VIRTIO_BLK_T_OUT, SECTORS, 512, ERROR);
	refuse(&f, VIRTIO_BLK_T_OUT, 0, 0, ERROR);
	refuse(&f, VIRTIO_BLK_T_OUT, 0, 100, ERROR);
	refuse(&f, 99, 0, 512, UNSUPP);
	fixture_free(&f);
	options.block_bytes = 4096;
	f = fixture_make(options, ALL);
	refuse(&f, VIRTIO_BLK_T_IN, 0, 512, ERROR);
	refuse(&f, VIRTIO_BLK_T_IN, 1, 4096, ERROR);
	fixture_free(&f);
	options.read_only = true;
	f = fixture_make(options, ALL);
	refuse(&f, VIRTIO_BLK_T_OUT, 0, 4096, ERROR);
	fixture_free(&f);
}

static void chains_that_are_no_requests(void **state)
{
	const struct driver_buffer no_status = {0x1000, 16, false};
	const struct driver_buffer short_header[2] = {{0x1000, 15, false}, {0x2000, 1, true}};
	struct fixture f = fixture_make(plain, ALL);

	(void)state;
	driver_add(&f.driver, 0, &no_status, 1);
	driver_kick(&f.driver, 0);
	assert_int_equal(driver_read(&f.driver, 0x70), 0x4f);
	fixture_free(&f);
	f = fixture_make(plain, ALL);
	driver_add(&f.driver, 0, short_header, 2);
	driver_kick(&f.driver, 0);
	assert_int_equal(driver_read(&f.driver, 0x70), 0x4f);
	fixture_free(&f);
}

static void several_queues_complete_in_any_order(void **state)
{
	struct virtio_blk_options options = plain;
	struct fixture f;
	struct request r[8];

	(void)state;
	options.queues = 8;
	f = fixture_make(options, ALL);
	for (unsigned q = 0; q < 8; q++) {
		r[q] = request_add(&f, q, VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
		driver_kick(&f.driver, q);
	}
	for (unsigned q = 8; q-- > 0;) {
		complete(&f, f.board->output[q].output.value, DISK_OK, NULL, 0);
		assert_used(&f, q, &r[q], 1, BLK_OK);
	}
	fixture_free(&f);
}

/* More requests than may be in flight wait in the ring, and so do those behind a full gate. */
static void requests_wait_their_turn(void **state)
{
	struct fixture f = fixture_make(plain, ALL);
	struct input flow = {.kind = INPUT_FLOW, .device = BOARD_NUMBER, .value = 1};
	unsigned most = VIRTIO_BLK_INFLIGHT_MAX;

	(void)state;
	f.driver.indirect = true;
	f.device->ops->input(f.device, &flow);
	for (unsigned i = 0; i < most + 10; i++)
		request_add(&f, 0, VIRTIO_BLK_T_FLUSH, 0, NULL, 0);
	driver_kick(&f.driver, 0);
	assert_int_equal(f.board->n_outputs, 0);
	flow.value = 0;
	f.device->ops->input(f.device, &flow);
	assert_int_equal(f.board->n_outputs, most);
	complete(&f, f.board->output[5].output.value, DISK_OK, NULL, 0);
	assert_int_equal(f.board->n_outputs, most + 1);
	for (unsigned i = 0; i < f.board->n_outputs; i++)
		complete(&f, f.board->output[i].output.value, DISK_OK, NULL, 0);
	assert_int_equal(f.board->n_outputs, most + 10);
	fixture_free(&f);
}

/* After a reset nothing new is issued before the old requests are through; their completions do
 * not touch the guest's memory. */
static void a_reset_waits_for_old_requests(void **state)
{
	struct fixture f = fixture_make(plain, ALL);
	struct sink_mem image = {0};
	uint8_t data[512] = {1};
	uint64_t first, sum;

	(void)state;
	request_add(&f, 0, VIRTIO_BLK_T_IN, 0, NULL, 512);
	request_add(&f, 0, VIRTIO_BLK_T_OUT, 0, data, 512);
	driver_kick(&f.driver, 0);
	first = f.board->output[0].output.value;
	assert_int_equal(driver_probe(&f.driver, f.board, ALL, 1, 0), 0xf);
	request_add(&f, 0, VIRTIO_BLK_T_OUT, 0, data, 512);
	driver_kick(&f.driver, 0);
	assert_int_equal(f.board->n_outputs, 2);
	sum = board_memory_sum(f.board);
	complete(&f, first, DISK_OK, data, 512);
	assert_true(board_memory_sum(f.board) == sum);
	assert_int_equal(f.board->n_outputs, 2);
	/* A flush stands in for the orphan that a loaded machine still awaits. */
	device_image(f.device, &image);
	device_revive(f.device, &image);
	assert_int_equal(last_output(&f)->command, DISK_FLUSH);
	assert_int_equal(last_output(&f)->value, first + 1);
	complete(&f, first + 1, DISK_OK, NULL, 0);
	assert_int_equal(last_output(&f)->command, DISK_WRITE);
	assert_int_equal(last_output(&f)->value, first + 2);
	sink_mem_free(&image);
	fixture_free(&f);
}

static void chains_changed_in_flight_break_the_device(void **state)
{
	struct fixture f = fixture_make(plain, ALL);
	struct request r = request_add(&f, 0, VIRTIO_BLK_T_IN, 0, NULL, 512);
	struct vring_desc desc;
	uint8_t data[512] = {0};

	(void)state;
	driver_kick(&f.driver, 0);
	board_get(f.board, f.driver.queue[0].desc + 16, &desc, 16);
	desc.len = 1;
	board_put(f.board, f.driver.queue[0].desc + 16, &desc, 16);
	complete(&f, last_output(&f)->value, DISK_OK, data, 512);
	assert_int_equal(status_of(&f, &r), 0xee);
	assert_int_equal(driver_read(&f.driver, 0x70), 0x4f);
	fixture_free(&f);
}

/* A guest's seeded life: requests of all kinds, completed in some order, bad ones among them. */

static void request_random(struct fixture *f, struct seeded *s)
{
	const uint32_t types[] = {VIRTIO_BLK_T_IN,	VIRTIO_BLK_T_OUT,
				  VIRTIO_BLK_T_FLUSH,	VIRTIO_BLK_T_GET_ID,
				  VIRTIO_BLK_T_DISCARD, VIRTIO_BLK_T_WRITE_ZEROES};
	unsigned queue = (unsigned)seeded_below(s, 2);
	uint32_t type = types[seeded_below(s, 6)];
	uint32_t bytes = 512 * (uint32_t)seeded_range(s, 1, 4);
	uint8_t data[2048];

	seeded_bytes(s, data, sizeof(data));
	if (type == VIRTIO_BLK_T_FLUSH)
		bytes = 0;
	if (type == VIRTIO_BLK_T_DISCARD || type == VIRTIO_BLK_T_WRITE_ZEROES) {
		const struct virtio_blk_discard_write_zeroes range = {
			seeded_below(s, SECTORS), (uint32_t)seeded_range(s, 1, 64), 0};

		memcpy(data, &range, sizeof(range));
		bytes = sizeof(range);
	}
	f->driver.indirect = seeded_chance(s, 1, 2);
	request_add(f, queue, type, seeded_below(s, SECTORS + 8), data, bytes);
	driver_kick(&f->driver, queue);
}

static void completion_random(struct fixture *f, struct seeded *s)
{
	const struct output *out;
	uint8_t data[2048];

	if (!f->board->n_outputs)
		return;
	out = &f->board->output[seeded_below(s, f->board->n_outputs)].output;
	seeded_bytes(s, data, sizeof(data));
	complete(f, out->value, seeded_chance(s, 1, 10) ? DISK_ERROR : DISK_OK, data,
		 out->command == DISK_READ ? out->size_bytes : 0);
}

static void live(struct fixture *f, struct seeded *s, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		uint32_t bytes;
		uint16_t head;

		if (seeded_chance(s, 1, 2))
			request_random(f, s);
		else
			completion_random(f, s);
		if (seeded_chance(s, 1, 4) && driver_used(&f->driver, 0, &head, &bytes))
			driver_interrupt(&f->driver);
	}
}

static void assert_same(const struct fixture *a, const struct fixture *b)
{
	struct err err = {0};

	if (state_compare(a->device->state, a->device, b->device, &err))
		fail_msg("%s", err.text);
	assert_true(board_memory_sum(a->board) == board_memory_sum(b->board));
	assert_true(board_outputs_sum(a->board) == board_outputs_sum(b->board));
	assert_int_equal(a->board->line, b->board->line);
}

static void twice_the_same(void **state)
{
	struct virtio_blk_options options = plain;
	struct fixture a, b;
	struct seeded s;

	(void)state;
	options.queues = 2;
	a = fixture_make(options, ALL);
	b = fixture_make(options, ALL);
	seeded_start(&s, 11);
	live(&a, &s, 1000);
	seeded_start(&s, 11);
	live(&b, &s, 1000);
	assert_true(a.board->n_outputs > 200);
	assert_same(&a, &b);
	fixture_free(&a);
	fixture_free(&b);
}

/* The same machine, gone on from an image: what was in flight is issued again, in order, and then
 * all goes as it would have gone. */
static void goes_on_from_an_image(void **state)
{
	struct virtio_blk_options options = plain;
	struct sink_mem image = {0};

	(void)state;
	options.queues = 2;
	for (unsigned steps = 0; steps < 60; steps += 3) {
		struct fixture a = fixture_make(options, ALL);
		struct fixture b = fixture_make(options, ALL);
		struct seeded s, again;
		unsigned issued;

		seeded_start(&s, steps);
		live(&a, &s, steps);
		again = s;
		device_image(a.device, &image);
		board_put(b.board, 0, memory_page_host(a.board->memory, 0), 16 * MIB);
		b.driver = a.driver;
		b.driver.board = b.board;
		b.board->free_gpa = a.board->free_gpa;
		device_revive(b.device, &image);
		issued = b.board->n_outputs;
		for (unsigned i = 0, at = 0; i < issued; i++, at++) {
			const struct output *out = &b.board->output[i].output;

			while (a.board->output[at].output.value != out->value)
				at++;
			assert_int_equal(a.board->output[at].output.command, out->command);
			assert_int_equal(a.board->output[at].output.sector, out->sector);
			if (out->data)
				assert_memory_equal(a.board->output[at].output.data, out->data,
						    out->size_bytes);
		}
		/* Resuming changes nothing in a machine that never stopped. */
		board_outputs_clear(a.board);
		a.device->ops->resume(a.device);
		assert_same(&a, &b);
		live(&a, &s, 100);
		live(&b, &again, 100);
		assert_same(&a, &b);
		fixture_free(&a);
		fixture_free(&b);
	}
	sink_mem_free(&image);
}

static void hostile_images_change_nothing(void **state)
{
	struct fixture f = fixture_make(plain, ALL);
	struct sink_mem image = {0}, before = {0};
	struct seeded s;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		request_add(&f, 0, VIRTIO_BLK_T_IN, i, NULL, 512);
	driver_kick(&f.driver, 0);
	device_image(f.device, &image);
	device_image(f.device, &before);
	seeded_start(&s, 5);
	for (unsigned i = 0; i < 3000; i++) {
		size_t at = (size_t)seeded_below(&s, image.size);
		uint8_t was = image.data[at];
		struct byte_reader reader;

		image.data[at] = (uint8_t)seeded_u64(&s);
		reader = reader_over(image.data, image.size);
		if (!device_load(f.device, &reader, NULL)) {
			f.device->ops->resume(f.device);
			complete(&f, 0, DISK_OK, NULL, 0);
			driver_kick(&f.driver, 0);
			driver_write(&f.driver, 0x70, 0);
			board_outputs_clear(f.board);
		}
		image.data[at] = was;
	}
	device_revive(f.device, &before);
	sink_mem_free(&image);
	sink_mem_free(&before);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configuration_as_the_driver_reads_it),
		cmocka_unit_test(options_are_checked),
		cmocka_unit_test(reads_appear_on_completion),
		cmocka_unit_test(writes_carry_their_data),
		cmocka_unit_test(backend_errors_reach_the_guest),
		cmocka_unit_test(flush_and_serial),
		cmocka_unit_test(discard_and_write_zeroes),
		cmocka_unit_test(requests_out_of_bounds),
		cmocka_unit_test(chains_that_are_no_requests),
		cmocka_unit_test(several_queues_complete_in_any_order),
		cmocka_unit_test(requests_wait_their_turn),
		cmocka_unit_test(a_reset_waits_for_old_requests),
		cmocka_unit_test(chains_changed_in_flight_break_the_device),
		cmocka_unit_test(twice_the_same),
		cmocka_unit_test(goes_on_from_an_image),
		cmocka_unit_test(hostile_images_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
