/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_balloon.h"

#include <linux/virtio_mmio.h>

#include "tests/support/virtio_driver.h"
#include "tests/unit/cmocka_all.h"

#define MIB	  (1ull << 20)
#define ALL	  (~0ull)
#define INFLATE	  0
#define DEFLATE	  1
#define REPORTING 2
#define PAGE	  MEM_PAGE_BYTES

struct fixture {
	struct board *board;
	struct device *device;
	struct driver driver;
};

static struct fixture fixture_make(void)
{
	struct fixture f = {.board = board_create(16 * MIB)};

	f.device = virtio_balloon_create(&f.board->env, &f.board->slot, NULL);
	assert_non_null(f.device);
	assert_int_equal(driver_probe(&f.driver, f.board, ALL, 3, 64), 0xf);
	return f;
}

static void fixture_free(struct fixture *f)
{
	f->device->ops->destroy(f->device);
	board_destroy(f->board);
}

static void pages_fill(struct fixture *f)
{
	for (uint64_t gpa = 8 * MIB; gpa < 16 * MIB; gpa += PAGE)
		board_put(f->board, gpa + 9, "full", 4);
}

static bool page_is_full(struct fixture *f, uint64_t gpa)
{
	char seen[4];

	board_get(f->board, gpa + 9, seen, 4);
	return !memcmp(seen, "full", 4);
}

static void list_give(struct fixture *f, unsigned queue, const uint32_t *pfn, uint32_t count)
{
	uint64_t at = board_alloc(f->board, 4 * count, 4);
	const struct driver_buffer buffer = {at, 4 * count, false};

	board_put(f->board, at, pfn, 4 * count);
	driver_add(&f->driver, queue, &buffer, 1);
	driver_kick(&f->driver, queue);
}

static void the_operator_sets_a_target(void **state)
{
	struct input in = {.kind = INPUT_ACTION,
			   .device = BOARD_NUMBER,
			   .value = ACTION_BALLOON,
			   .extra = 300};
	struct fixture f = fixture_make();
	struct sink_mem image = {0};

	(void)state;
	f.device->ops->input(f.device, &in);
	assert_int_equal(driver_interrupt(&f.driver), VIRTIO_MMIO_INT_CONFIG);
	assert_int_equal(driver_config(&f.driver, 0, 4), 300);
	f.device->ops->input(f.device, &in);
	assert_false(f.board->line);
	bus_write(&f.board->mmio, f.driver.gpa + VIRTIO_MMIO_CONFIG + 4, 4, 123);
	assert_int_equal(virtio_balloon_pages(f.device), 123);
	bus_write(&f.board->mmio, f.driver.gpa + VIRTIO_MMIO_CONFIG, 4, 5);
	assert_int_equal(driver_config(&f.driver, 0, 4), 300);
	device_image(f.device, &image);
	in.extra = UINT64_MAX;
	f.device->ops->input(f.device, &in);
	assert_int_equal(driver_config(&f.driver, 0, 4), UINT32_MAX);
	device_revive(f.device, &image);
	assert_int_equal(driver_config(&f.driver, 0, 4), 300);
	assert_int_equal(driver_config(&f.driver, 4, 4), 123);
	sink_mem_free(&image);
	fixture_free(&f);
}

static void pages_given_up_are_zero(void **state)
{
	const uint32_t pfns[] = {2100, 2101, 2102, 2099, 2200, 2199, 2198, 3000};
	struct fixture f = fixture_make();
	uint32_t bytes;
	uint16_t head;

	(void)state;
	pages_fill(&f);
	list_give(&f, INFLATE, pfns, 8);
	assert_true(driver_used(&f.driver, INFLATE, &head, &bytes));
	for (size_t i = 0; i < 8; i++)
		assert_false(page_is_full(&f, pfns[i] * PAGE));
	assert_true(page_is_full(&f, 2098 * PAGE));
	assert_true(page_is_full(&f, 2103 * PAGE));
	assert_true(page_is_full(&f, 2201 * PAGE));
	assert_true(page_is_full(&f, 3001 * PAGE));
	board_put(f.board, 2100 * PAGE + 9, "full", 4);
	list_give(&f, DEFLATE, pfns, 8);
	assert_true(driver_used(&f.driver, DEFLATE, &head, &bytes));
	assert_true(page_is_full(&f, 2100 * PAGE));
	fixture_free(&f);
}

static void reported_pages_are_zero_and_not_backed(void **state)
{
	const struct driver_buffer free_pages[2] = {{8 * MIB, 2 * MIB, true},
						    {12 * MIB, 4 * MIB, true}};
	struct fixture f = fixture_make();
	uint32_t bytes;
	uint16_t head;

	(void)state;
	pages_fill(&f);
	driver_add(&f.driver, REPORTING, free_pages, 2);
	driver_kick(&f.driver, REPORTING);
	assert_true(driver_used(&f.driver, REPORTING, &head, &bytes));
	assert_false(page_is_full(&f, 8 * MIB));
	assert_false(page_is_full(&f, 10 * MIB - PAGE));
	assert_true(page_is_full(&f, 10 * MIB));
	assert_false(page_is_full(&f, 16 * MIB - PAGE));
	assert_int_equal(*memory_page_watch(f.board->memory, 12 * MIB / PAGE), MEM_PAGE_DIRTY);
	fixture_free(&f);
	/* Looked at separately, since looking backs pages. */
	f = fixture_make();
	pages_fill(&f);
	driver_add(&f.driver, REPORTING, free_pages + 1, 1);
	driver_kick(&f.driver, REPORTING);
	assert_int_equal(memory_next_backed_page(f.board->memory, 12 * MIB / PAGE),
			 f.board->memory->pages);
	fixture_free(&f);
}

static void lists_that_break_the_device(void **state)
{
	const uint32_t outside[] = {2100, 16 * MIB / PAGE}, far = UINT32_MAX;
	const struct driver_buffer odd = {8 * MIB, 6, false}, crooked = {8 * MIB + 1, PAGE, true};
	const struct driver_buffer part = {8 * MIB, 100, true};
	const struct driver_buffer endless = {0, 16 * MIB, false};
	struct fixture f = fixture_make();

	(void)state;
	list_give(&f, INFLATE, outside, 2);
	assert_int_equal(driver_read(&f.driver, VIRTIO_MMIO_STATUS), 0x4f);
	fixture_free(&f);
	f = fixture_make();
	list_give(&f, INFLATE, &far, 1);
	assert_int_equal(driver_read(&f.driver, VIRTIO_MMIO_STATUS), 0x4f);
	fixture_free(&f);

	const struct {
		unsigned queue;
		struct driver_buffer buffer;
	} wrong[] = {{INFLATE, odd}, {INFLATE, endless}, {REPORTING, crooked}, {REPORTING, part}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		f = fixture_make();
		driver_add(&f.driver, wrong[i].queue, &wrong[i].buffer, 1);
		driver_kick(&f.driver, wrong[i].queue);
		assert_int_equal(driver_read(&f.driver, VIRTIO_MMIO_STATUS), 0x4f);
		fixture_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_operator_sets_a_target),
		cmocka_unit_test(pages_given_up_are_zero),
		cmocka_unit_test(reported_pages_are_zero_and_not_backed),
		cmocka_unit_test(lists_that_break_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
