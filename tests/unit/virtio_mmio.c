/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_mmio.h"

#include <linux/virtio_ids.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>

#include "core/device/virtio/virtio_console.h"
#include "tests/support/virtio_driver.h"
#include "tests/unit/cmocka_all.h"

#define MIB (1ull << 20)
#define ALL (~0ull)
#define RX  0
#define TX  1

/* A console is the simplest device with both directions. */
struct fixture {
	struct board *board;
	struct device *device;
	struct driver driver;
};

static struct device *console_on(struct board *b)
{
	const struct virtio_console_options options = {.slot = b->slot};
	struct device *d = virtio_console_create(&b->env, &options, NULL);

	assert_non_null(d);
	return d;
}

static struct fixture fixture_make(uint64_t memory_bytes, uint64_t wanted)
{
	struct fixture f = {.board = board_create(memory_bytes)};

	f.device = console_on(f.board);
	assert_int_equal(driver_probe(&f.driver, f.board, wanted, 2, 16), 0xf);
	return f;
}

static void fixture_free(struct fixture *f)
{
	f->device->ops->destroy(f->device);
	board_destroy(f->board);
}

static void identity_and_absent_registers(void **state)
{
	struct board *b = board_create(MIB);
	struct device *device = console_on(b);
	struct driver d = {.board = b, .gpa = b->slot.gpa};

	(void)state;
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_MAGIC_VALUE), 0x74726976);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_VERSION), 2);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_DEVICE_ID), VIRTIO_ID_CONSOLE);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_SHM_LEN_LOW), UINT32_MAX);
	assert_int_equal(driver_read(&d, 0x48), 0);
	assert_int_equal(bus_read(&b->mmio, d.gpa, 1), 0);
	assert_int_equal(driver_config(&d, 0xf8, 8), 0);
	driver_write(&d, VIRTIO_MMIO_QUEUE_SEL, 2);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_QUEUE_NUM_MAX), 0);
	driver_write(&d, VIRTIO_MMIO_QUEUE_SEL, UINT32_MAX);
	driver_write(&d, VIRTIO_MMIO_QUEUE_READY, 1);
	driver_write(&d, VIRTIO_MMIO_QUEUE_NOTIFY, UINT32_MAX);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_QUEUE_READY), 0);
	device->ops->destroy(device);
	board_destroy(b);
}

static void features_are_negotiated(void **state)
{
	struct board *b = board_create(MIB);
	struct device *device = console_on(b);
	struct driver d = {.board = b, .gpa = b->slot.gpa};

	(void)state;
	assert_true(driver_offered(&d) & VIRTIO_BIT(VIRTIO_F_VERSION_1));
	assert_true(driver_offered(&d) & VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC));
	assert_true(driver_offered(&d) & VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX));
	driver_write(&d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 2);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_DEVICE_FEATURES), 0);
	/* Without VERSION_1, and with something that was not offered: refused. */
	driver_write(&d, VIRTIO_MMIO_STATUS, 3);
	driver_write(&d, VIRTIO_MMIO_STATUS, 0xb);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_STATUS), 3);
	driver_write(&d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	driver_write(&d, VIRTIO_MMIO_DRIVER_FEATURES, 1 | 1u << 31);
	driver_write(&d, VIRTIO_MMIO_STATUS, 0xf);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_STATUS), 3);
	driver_write(&d, VIRTIO_MMIO_DRIVER_FEATURES, 1);
	driver_write(&d, VIRTIO_MMIO_STATUS, 0xb);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_STATUS), 0xb);
	/* Too late to change one's mind; bits do not go away one by one. */
	driver_write(&d, VIRTIO_MMIO_DRIVER_FEATURES, 0);
	driver_write(&d, VIRTIO_MMIO_STATUS, 4);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_STATUS), 0xf);
	driver_write(&d, VIRTIO_MMIO_STATUS, 0);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_STATUS), 0);
	device->ops->destroy(device);
	board_destroy(b);
}

static void print_text(struct fixture *f, const char *text)
{
	uint64_t at = board_alloc(f->board, 64, 1);
	struct driver_buffer buffer = {at, (uint32_t)strlen(text), false};

	board_put(f->board, at, text, strlen(text));
	driver_add(&f->driver, TX, &buffer, 1);
	driver_kick(&f->driver, TX);
}

static void interrupts_are_levels(void **state)
{
	struct fixture f = fixture_make(MIB, 0);

	(void)state;
	assert_false(f.board->line);
	print_text(&f, "one");
	assert_true(f.board->line);
	print_text(&f, "two");
	assert_int_equal(f.board->raised, 1);
	assert_int_equal(driver_interrupt(&f.driver), VIRTIO_MMIO_INT_VRING);
	assert_false(f.board->line);
	print_text(&f, "three");
	assert_int_equal(f.board->raised, 2);
	driver_write(&f.driver, VIRTIO_MMIO_STATUS, 0);
	assert_false(f.board->line);
	assert_int_equal(driver_read(&f.driver, VIRTIO_MMIO_INTERRUPT_STATUS), 0);
	fixture_free(&f);
}

static void drivers_may_ask_for_silence(void **state)
{
	struct fixture f = fixture_make(MIB, 0);
	uint16_t flags = VRING_AVAIL_F_NO_INTERRUPT;

	(void)state;
	board_put(f.board, f.driver.queue[TX].avail, &flags, 2);
	print_text(&f, "quiet");
	assert_false(f.board->line);
	assert_int_equal(f.board->n_outputs, 1);
	fixture_free(&f);
}

static void event_index_says_when(void **state)
{
	struct fixture f = fixture_make(MIB, ALL);
	const struct driver_queue *q = &f.driver.queue[TX];
	uint16_t third = 2, avail_event;

	(void)state;
	board_put(f.board, q->avail + 4 + 2ull * q->size, &third, 2);
	print_text(&f, "1");
	print_text(&f, "2");
	assert_false(f.board->line);
	print_text(&f, "3");
	assert_true(f.board->line);
	board_get(f.board, q->used + 4 + 8ull * q->size, &avail_event, 2);
	assert_int_equal(avail_event, 3);
	driver_interrupt(&f.driver);
	print_text(&f, "4");
	assert_false(f.board->line);
	fixture_free(&f);
}

static void rings_go_round(void **state)
{
	struct fixture f = fixture_make(4 * MIB, ALL);
	uint32_t bytes;
	uint16_t head;

	(void)state;
	for (unsigned i = 0; i < 70000; i++) {
		struct driver_buffer buffer = {0x1000, 1, false};

		driver_add(&f.driver, TX, &buffer, 1);
		driver_kick(&f.driver, TX);
		assert_true(driver_used(&f.driver, TX, &head, &bytes));
		assert_int_equal(driver_interrupt(&f.driver), VIRTIO_MMIO_INT_VRING);
		board_outputs_clear(f.board);
	}
	assert_int_equal(driver_read(&f.driver, VIRTIO_MMIO_STATUS), 0xf);
	fixture_free(&f);
}

/* Queues that cannot be: the driver sees NEEDS_RESET. */
static void queue_refused(uint16_t size, uint64_t desc, uint64_t avail, uint64_t used)
{
	struct board *b = board_create(MIB);
	struct device *device = console_on(b);
	struct driver d;

	assert_int_equal(driver_probe(&d, b, 0, 0, 0), 0xf);
	driver_write(&d, VIRTIO_MMIO_QUEUE_SEL, 0);
	driver_write(&d, VIRTIO_MMIO_QUEUE_NUM, size);
	driver_write(&d, VIRTIO_MMIO_QUEUE_DESC_LOW, (uint32_t)desc);
	driver_write(&d, VIRTIO_MMIO_QUEUE_DESC_HIGH, (uint32_t)(desc >> 32));
	driver_write(&d, VIRTIO_MMIO_QUEUE_AVAIL_LOW, (uint32_t)avail);
	driver_write(&d, VIRTIO_MMIO_QUEUE_AVAIL_HIGH, (uint32_t)(avail >> 32));
	driver_write(&d, VIRTIO_MMIO_QUEUE_USED_LOW, (uint32_t)used);
	driver_write(&d, VIRTIO_MMIO_QUEUE_USED_HIGH, (uint32_t)(used >> 32));
	driver_write(&d, VIRTIO_MMIO_QUEUE_READY, 1);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_QUEUE_READY), 0);
	assert_int_equal(driver_read(&d, VIRTIO_MMIO_STATUS), 0xf | VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(driver_interrupt(&d), VIRTIO_MMIO_INT_CONFIG);
	device->ops->destroy(device);
	board_destroy(b);
}

static void impossible_queues(void **state)
{
	(void)state;
	queue_refused(0, 0x1000, 0x2000, 0x3000);
	queue_refused(3, 0x1000, 0x2000, 0x3000);
	queue_refused(128, 0x1000, 0x2000, 0x3000);
	queue_refused(UINT16_MAX, 0x1000, 0x2000, 0x3000);
	queue_refused(16, 0x1008, 0x2000, 0x3000);
	queue_refused(16, 0x1000, 0x2001, 0x3000);
	queue_refused(16, 0x1000, 0x2000, 0x3002);
	queue_refused(16, MIB, 0x2000, 0x3000);
	queue_refused(16, 0x1000, MIB - 16, 0x3000);
	queue_refused(16, 0x1000, 0x2000, MIB - 64);
	queue_refused(16, ~0xfull, 0x2000, 0x3000);
	queue_refused(16, 0x1000, 1ull << 63, 0x3000);
}

/* Breaking the rules of a ring */

static void desc_set(struct fixture *f, uint16_t at, uint64_t gpa, uint32_t bytes, uint16_t flags,
		     uint16_t next)
{
	const struct vring_desc desc = {gpa, bytes, flags, next};

	board_put(f->board, f->driver.queue[TX].desc + 16ull * at, &desc, sizeof(desc));
}

static void head_offer(struct fixture *f, uint16_t head, uint16_t index)
{
	board_put(f->board, f->driver.queue[TX].avail + 4, &head, 2);
	board_put(f->board, f->driver.queue[TX].avail + 2, &index, 2);
	driver_kick(&f->driver, TX);
}

/* The device has stopped, says so, touches nothing more, and works again after a reset. */
static void assert_broken(struct fixture *f, const char *why)
{
	const struct virtio *v = (const struct virtio *)f->device;
	uint64_t before = board_memory_sum(f->board);
	struct input key = {.kind = INPUT_CONSOLE, .data = "k", .size_bytes = 1};

	assert_int_equal(driver_read(&f->driver, VIRTIO_MMIO_STATUS),
			 0xf | VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_true(driver_interrupt(&f->driver) & VIRTIO_MMIO_INT_CONFIG);
	assert_says(&v->broken, why);
	assert_int_equal(f->board->n_outputs, 0);
	driver_kick(&f->driver, TX);
	driver_kick(&f->driver, RX);
	f->device->ops->input(f->device, &key);
	assert_true(board_memory_sum(f->board) == before);
	assert_int_equal(driver_probe(&f->driver, f->board, ALL, 2, 16), 0xf);
	print_text(f, "again");
	assert_int_equal(f->board->n_outputs, 1);
	fixture_free(f);
}

static void chains_that_break(void **state)
{
	const uint16_t next = VRING_DESC_F_NEXT, write = VRING_DESC_F_WRITE;
	struct fixture f;

	(void)state;
	f = fixture_make(MIB, ALL);
	head_offer(&f, 16, 1);
	assert_broken(&f, "descriptor 16 in a table of 16");

	f = fixture_make(MIB, ALL);
	desc_set(&f, 0, 0x1000, 1, next, 0);
	head_offer(&f, 0, 1);
	assert_broken(&f, "loops");

	f = fixture_make(MIB, ALL);
	desc_set(&f, 0, 0x1000, 1, next, 1);
	desc_set(&f, 1, 0x1000, 1, next, 0);
	head_offer(&f, 0, 1);
	assert_broken(&f, "loops");

	f = fixture_make(MIB, ALL);
	desc_set(&f, 0, 0x1000, 1, next, 999);
	head_offer(&f, 0, 1);
	assert_broken(&f, "descriptor 999");

	f = fixture_make(MIB, ALL);
	desc_set(&f, 0, 0x1000, 1, next | write, 1);
	desc_set(&f, 1, 0x1000, 1, 0, 0);
	head_offer(&f, 0, 1);
	assert_broken(&f, "readable descriptor after");

	f = fixture_make(MIB, ALL);
	head_offer(&f, 0, 17);
	assert_broken(&f, "jumps from 0 to 17");

	f = fixture_make(MIB, ALL);
	head_offer(&f, 0, UINT16_MAX);
	assert_broken(&f, "jumps");
}

static void buffer_refused(uint64_t memory_bytes, uint64_t gpa, uint32_t bytes)
{
	struct fixture f = fixture_make(memory_bytes, ALL);

	desc_set(&f, 0, gpa, bytes, 0, 0);
	head_offer(&f, 0, 1);
	assert_broken(&f, "leaves RAM");
}

static void addresses_outside_of_ram(void **state)
{
	(void)state;
	buffer_refused(MIB, MIB, 1);
	buffer_refused(MIB, MIB - 1, 2);
	buffer_refused(MIB, 0, UINT32_MAX);
	buffer_refused(MIB, UINT64_MAX, 2);
	buffer_refused(MIB, UINT64_MAX - 1, UINT32_MAX);
	buffer_refused(MIB, BOARD_VIRTIO_GPA, 4);
	buffer_refused(MIB, 1ull << 32, 1);
}

/* RAM lies on both sides of the hole, and neither buffer nor table may reach across. */
static void descriptors_across_the_hole(void **state)
{
	struct board *b = board_create(MEMORY_LOW_END_GPA + MIB);
	struct device *device = console_on(b);
	struct driver d;
	struct fixture f = {b, device, {0}};
	struct driver_buffer high = {MEMORY_HIGH_START_GPA, 4, false};

	(void)state;
	assert_int_equal(driver_probe(&d, b, ALL, 2, 16), 0xf);
	f.driver = d;
	board_put(b, high.gpa, "high", 4);
	driver_add(&f.driver, TX, &high, 1);
	driver_kick(&f.driver, TX);
	assert_int_equal(b->n_outputs, 1);
	assert_memory_equal(b->output[0].output.data, "high", 4);
	desc_set(&f, 1, MEMORY_LOW_END_GPA - 4, 8, 0, 0);
	f.driver.queue[TX].next_desc = 1;
	board_put(b, f.driver.queue[TX].avail + 6, &(uint16_t){1}, 2);
	board_put(b, f.driver.queue[TX].avail + 2, &(uint16_t){2}, 2);
	driver_kick(&f.driver, TX);
	assert_true(driver_read(&f.driver, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_says(&((struct virtio *)device)->broken, "leaves RAM");
	fixture_free(&f);
}

static void indirect_tables_that_break(void **state)
{
	const uint16_t next = VRING_DESC_F_NEXT, indirect = VRING_DESC_F_INDIRECT;
	const struct vring_desc nested = {0x2000, 16, indirect, 0};
	const struct vring_desc loop = {0x2000, 1, next, 0};
	const struct vring_desc far = {0x2000, 1, next, 2};
	struct fixture f;

	(void)state;
	f = fixture_make(MIB, 0);
	desc_set(&f, 0, 0x1000, 16, indirect, 0);
	head_offer(&f, 0, 1);
	assert_broken(&f, "not negotiated");

	f = fixture_make(MIB, ALL);
	desc_set(&f, 0, 0x1000, 16, indirect | next, 1);
	head_offer(&f, 0, 1);
	assert_broken(&f, "after an indirect one");

	const uint32_t sizes[] = {0, 8, 17, 16 * (VIRTQ_SEGMENTS_MAX + 1), 0xfffffff0};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		f = fixture_make(MIB, ALL);
		desc_set(&f, 0, 0x1000, sizes[i], indirect, 0);
		head_offer(&f, 0, 1);
		assert_broken(&f, "an indirect table of");
	}

	f = fixture_make(MIB, ALL);
	board_put(f.board, 0x1000, &nested, 16);
	desc_set(&f, 0, 0x1000, 16, indirect, 0);
	head_offer(&f, 0, 1);
	assert_broken(&f, "inside of another");

	f = fixture_make(MIB, ALL);
	board_put(f.board, 0x1000, &loop, 16);
	desc_set(&f, 0, 0x1000, 32, indirect, 0);
	head_offer(&f, 0, 1);
	assert_broken(&f, "loops");

	f = fixture_make(MIB, ALL);
	board_put(f.board, 0x1000, &far, 16);
	desc_set(&f, 0, 0x1000, 32, indirect, 0);
	head_offer(&f, 0, 1);
	assert_broken(&f, "descriptor 2 in a table of 2");

	f = fixture_make(MIB, ALL);
	desc_set(&f, 0, MIB - 16, 32, indirect, 0);
	board_put(f.board, MIB - 16, &(struct vring_desc){0x2000, 1, next, 1}, 16);
	head_offer(&f, 0, 1);
	assert_broken(&f, "leaves RAM");
}

/* An indirect table after ordinary descriptors, and buffers of no bytes, are allowed. */
static void unusual_chains_that_hold(void **state)
{
	const struct vring_desc table[2] = {{0x3000, 2, VRING_DESC_F_NEXT, 1}, {0x4000, 1, 0, 0}};
	struct fixture f = fixture_make(MIB, ALL);

	(void)state;
	board_put(f.board, 0x2000, "ab", 2);
	board_put(f.board, 0x3000, "cd", 2);
	board_put(f.board, 0x4000, "e", 1);
	board_put(f.board, 0x1000, table, sizeof(table));
	desc_set(&f, 0, 0x2000, 2, VRING_DESC_F_NEXT, 5);
	desc_set(&f, 5, UINT64_MAX, 0, VRING_DESC_F_NEXT, 3);
	desc_set(&f, 3, 0x1000, 32, VRING_DESC_F_INDIRECT, 0);
	head_offer(&f, 0, 1);
	assert_int_equal(f.board->n_outputs, 1);
	assert_int_equal(f.board->output[0].output.size_bytes, 5);
	assert_memory_equal(f.board->output[0].output.data, "abcde", 5);
	fixture_free(&f);
}

static void foreign_state_is_refused(void **state)
{
	struct fixture f = fixture_make(MIB, ALL);
	struct virtio *v = (struct virtio *)f.device;
	struct sink_mem image = {0};
	struct byte_reader reader;
	struct err err;

	(void)state;
	v->accepted |= VIRTIO_BIT(50);
	device_image(f.device, &image);
	v->accepted &= ~VIRTIO_BIT(50);
	reader = reader_over(image.data, image.size);
	assert_int_not_equal(device_load(f.device, &reader, &err), 0);
	assert_says(&err, "not offered here");
	v->queue[TX].size = 3;
	device_image(f.device, &image);
	reader = reader_over(image.data, image.size);
	assert_int_not_equal(device_load(f.device, &reader, &err), 0);
	assert_says(&err, "a ready queue of 3 entries");
	sink_mem_free(&image);
	fixture_free(&f);
}

static void resume_drives_the_line(void **state)
{
	struct fixture f = fixture_make(MIB, 0);
	struct sink_mem image = {0};

	(void)state;
	print_text(&f, "x");
	assert_true(f.board->line);
	device_image(f.device, &image);
	driver_interrupt(&f.driver);
	assert_false(f.board->line);
	device_revive(f.device, &image);
	assert_true(f.board->line);
	driver_interrupt(&f.driver);
	device_image(f.device, &image);
	f.board->line = true;
	device_revive(f.device, &image);
	assert_false(f.board->line);
	sink_mem_free(&image);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_and_absent_registers),
		cmocka_unit_test(features_are_negotiated),
		cmocka_unit_test(interrupts_are_levels),
		cmocka_unit_test(drivers_may_ask_for_silence),
		cmocka_unit_test(event_index_says_when),
		cmocka_unit_test(rings_go_round),
		cmocka_unit_test(impossible_queues),
		cmocka_unit_test(chains_that_break),
		cmocka_unit_test(addresses_outside_of_ram),
		cmocka_unit_test(descriptors_across_the_hole),
		cmocka_unit_test(indirect_tables_that_break),
		cmocka_unit_test(unusual_chains_that_hold),
		cmocka_unit_test(foreign_state_is_refused),
		cmocka_unit_test(resume_drives_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
