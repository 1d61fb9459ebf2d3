#include "core/memory.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/cmocka_all.h"

#define GIB (1ull << 30)

static void sizes_are_checked(void **state)
{
	const uint64_t wrong[] = {0,
				  1,
				  4095,
				  4097,
				  MEMORY_SIZE_MAX_BYTES + MEM_PAGE_BYTES,
				  UINT64_MAX,
				  UINT64_MAX - 4095};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_null(memory_create(wrong[i], &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_says(&err, "say whole pages");
	}
	memory_destroy(NULL);
}

static void small_memory_is_one_region(void **state)
{
	struct memory *memory = memory_create(2 * MEM_PAGE_BYTES, NULL);

	(void)state;
	assert_non_null(memory);
	assert_int_equal(memory->regions, 1);
	assert_int_equal(memory->pages, 2);
	assert_ptr_equal(memory_host(memory, 0, 2 * MEM_PAGE_BYTES), memory_page_host(memory, 0));
	assert_non_null(memory_host(memory, 2 * MEM_PAGE_BYTES - 1, 1));
	assert_null(memory_host(memory, 2 * MEM_PAGE_BYTES - 1, 2));
	assert_null(memory_host(memory, 2 * MEM_PAGE_BYTES, 0));
	assert_null(memory_host(memory, 1, UINT64_MAX));
	assert_null(memory_host(memory, UINT64_MAX, 1));
	assert_null(memory_host(memory, UINT64_MAX, UINT64_MAX));
	assert_int_equal(memory_page_number(memory, 2 * MEM_PAGE_BYTES), 2);
	memory_destroy(memory);
}

static void exactly_the_low_part_has_no_second_region(void **state)
{
	struct memory *memory = memory_create(MEMORY_LOW_END_GPA, NULL);

	(void)state;
	assert_int_equal(memory->regions, 1);
	assert_null(memory_host(memory, MEMORY_LOW_END_GPA, 1));
	assert_null(memory_host(memory, MEMORY_HIGH_START_GPA, 1));
	memory_destroy(memory);
}

static void large_memory_has_a_hole(void **state)
{
	struct memory *memory = memory_create(6 * GIB, NULL);
	uint64_t low_pages = MEMORY_LOW_END_GPA / MEM_PAGE_BYTES;

	(void)state;
	assert_non_null(memory);
	assert_int_equal(memory->regions, 2);
	assert_non_null(memory_host(memory, MEMORY_LOW_END_GPA - 1, 1));
	assert_null(memory_host(memory, MEMORY_LOW_END_GPA - 1, 2));
	assert_null(memory_host(memory, MEMORY_LOW_END_GPA, 1));
	assert_null(memory_host(memory, 0xfee00000, 4));
	assert_null(memory_host(memory, MEMORY_HIGH_START_GPA - 1, 2));
	assert_non_null(memory_host(memory, MEMORY_HIGH_START_GPA, 3 * GIB));
	assert_null(memory_host(memory, MEMORY_HIGH_START_GPA, 3 * GIB + 1));
	assert_null(memory_host(memory, 0, 5 * GIB));

	assert_int_equal(memory_page_number(memory, MEMORY_LOW_END_GPA - 1), low_pages - 1);
	assert_int_equal(memory_page_number(memory, MEMORY_LOW_END_GPA), memory->pages);
	assert_int_equal(memory_page_number(memory, MEMORY_HIGH_START_GPA), low_pages);
	assert_int_equal(memory_page_number(memory, 7 * GIB - 1), memory->pages - 1);
	assert_int_equal(memory_page_number(memory, 7 * GIB), memory->pages);
	for (uint64_t page = 0; page < memory->pages; page += 997) {
		uint64_t gpa = memory_page_gpa(memory, page);

		assert_int_equal(memory_page_number(memory, gpa), page);
		assert_ptr_equal(memory_host(memory, gpa, MEM_PAGE_BYTES),
				 memory_page_host(memory, page));
	}
	memory_destroy(memory);
}

static void reads_and_writes_span_pages_above_4_gib(void **state)
{
	const uint64_t gpa = MEMORY_HIGH_START_GPA + 2 * GIB - 3;
	struct memory *memory = memory_create(6 * GIB, NULL);
	char text[12] = "";
	struct err err;

	(void)state;
	assert_int_equal(memory_write(memory, gpa, "across", 7, &err), 0);
	assert_int_equal(memory_read(memory, gpa, text, 7, &err), 0);
	assert_string_equal(text, "across");
	assert_true(*memory_page_watch(memory, memory_page_number(memory, gpa)) & MEM_PAGE_DIRTY);
	assert_true(*memory_page_watch(memory, memory_page_number(memory, gpa) + 1) &
		    MEM_PAGE_DIRTY);
	assert_false(*memory_page_watch(memory, memory_page_number(memory, gpa) + 2));
	memory_destroy(memory);
}

static void accesses_are_all_or_nothing(void **state)
{
	struct memory *memory = memory_create(6 * GIB, NULL);
	char text[8] = "before";
	struct err err;

	(void)state;
	assert_int_equal(memory_write(memory, MEMORY_LOW_END_GPA - 4, "crossing", 8, &err),
			 ERR_RANGE);
	assert_says(&err, "a write of 8 bytes at guest address 0xbffffffc leaves RAM");
	assert_false(*memory_page_watch(memory, MEMORY_LOW_END_GPA / MEM_PAGE_BYTES - 1));
	assert_int_equal(memory_read(memory, MEMORY_HIGH_START_GPA - 1, text, 8, &err), ERR_RANGE);
	assert_string_equal(text, "before");
	assert_null(memory_write_begin(memory, 0xfee00000, 4, &err));
	assert_int_equal(memory_read(memory, 7 * GIB, text, 1, &err), ERR_RANGE);
	assert_int_equal(memory_read(memory, UINT64_MAX - 3, text, 8, &err), ERR_RANGE);
	assert_int_equal(memory_write(memory, 0, NULL, 0, &err), 0);
	memory_destroy(memory);
}

struct call {
	uint64_t gpa, len_bytes;
	char before; /* what the first byte was when the watcher was called */
};

struct watch_log {
	struct memory *memory;
	unsigned calls;
	struct call call[8];
};

static void watch_note(void *context, uint64_t gpa, uint64_t len_bytes)
{
	struct watch_log *log = context;

	assert_true(log->calls < 8);
	log->call[log->calls++] =
		(struct call){gpa, len_bytes, *(char *)memory_host(log->memory, gpa, len_bytes)};
	*memory_page_watch(log->memory, memory_page_number(log->memory, gpa)) &=
		(uint8_t) ~(MEM_PAGE_CODE | MEM_PAGE_TABLE);
}

static void watchers_hear_of_watched_pages_first(void **state)
{
	struct watch_log log = {.memory = memory_create(16 * MEM_PAGE_BYTES, NULL)};
	static const char ones[3 * 4096] = {[0 ... 3 * 4096 - 1] = 1};

	(void)state;
	memory_watch(log.memory, watch_note, &log);
	memory_write(log.memory, 0x1000, "x", 1, NULL);
	assert_int_equal(log.calls, 0);

	*memory_page_watch(log.memory, 2) |= MEM_PAGE_CODE;
	*memory_page_watch(log.memory, 4) |= MEM_PAGE_TABLE;
	memory_write(log.memory, 0x1ff0, ones, 0x2020, NULL);
	assert_int_equal(log.calls, 2);
	assert_int_equal(log.call[0].gpa, 0x2000);
	assert_int_equal(log.call[0].len_bytes, 0x1000);
	assert_int_equal(log.call[0].before, 0);
	assert_int_equal(log.call[1].gpa, 0x4000);
	assert_int_equal(log.call[1].len_bytes, 0x10);
	assert_int_equal(*memory_page_watch(log.memory, 2), MEM_PAGE_DIRTY);

	memory_write(log.memory, 0x2000, ones, 8, NULL);
	assert_int_equal(log.calls, 2);
	*memory_page_watch(log.memory, 15) |= MEM_PAGE_CODE;
	assert_int_equal(memory_write(log.memory, 0xfff8, ones, 9, NULL), ERR_RANGE);
	assert_int_equal(log.calls, 2);
	assert_non_null(memory_write_begin(log.memory, 0xfff8, 8, NULL));
	assert_int_equal(log.calls, 3);
	assert_int_equal(log.call[2].gpa, 0xfff8);

	memory_watch(log.memory, NULL, NULL);
	*memory_page_watch(log.memory, 15) |= MEM_PAGE_CODE;
	memory_write(log.memory, 0xfff8, ones, 8, NULL);
	assert_int_equal(log.calls, 3);
	assert_int_equal(*memory_page_watch(log.memory, 15), MEM_PAGE_CODE | MEM_PAGE_DIRTY);
	memory_destroy(log.memory);
}

static void the_file_cannot_change_its_size(void **state)
{
	struct memory *memory = memory_create(4 * MEM_PAGE_BYTES, NULL);
	struct stat status;

	(void)state;
	assert_int_not_equal(ftruncate(memory->fd, 0), 0);
	assert_int_not_equal(ftruncate(memory->fd, 1 << 20), 0);
	assert_int_equal(fstat(memory->fd, &status), 0);
	assert_int_equal(status.st_size, 4 * MEM_PAGE_BYTES);
	memory_destroy(memory);
}

static void untouched_memory_is_not_backed(void **state)
{
	struct memory *memory = memory_create(64 * GIB, NULL);
	uint64_t page;

	(void)state;
	assert_int_equal(memory_next_backed_page(memory, 0), memory->pages);
	memory_write(memory, 50 * GIB + 5, "x", 1, NULL);
	page = memory_page_number(memory, 50 * GIB);
	assert_in_range(memory_next_backed_page(memory, 0), page - 511, page);
	assert_int_equal(memory_next_backed_page(memory, page), page);
	assert_int_equal(memory_next_backed_page(memory, memory->pages), memory->pages);
	memory_destroy(memory);
}

static void released_pages_are_zero_and_watched(void **state)
{
	struct watch_log log = {.memory = memory_create(16 * MEM_PAGE_BYTES, NULL)};
	struct memory *memory = log.memory;
	struct err err;
	char byte;

	(void)state;
	memory_write(memory, 4 * MEM_PAGE_BYTES, "a", 1, NULL);
	memory_write(memory, 6 * MEM_PAGE_BYTES - 1, "bc", 2, NULL);
	memory_watch(memory, watch_note, &log);
	*memory_page_watch(memory, 4) = 0;
	*memory_page_watch(memory, 5) = MEM_PAGE_CODE;
	*memory_page_watch(memory, 6) = 0;
	assert_int_equal(memory_release(memory, 4 * MEM_PAGE_BYTES, 2 * MEM_PAGE_BYTES, &err), 0);
	assert_int_equal(log.calls, 1);
	assert_int_equal(*memory_page_watch(memory, 4), MEM_PAGE_DIRTY);
	assert_int_equal(*memory_page_watch(memory, 5), MEM_PAGE_DIRTY);
	assert_int_equal(*memory_page_watch(memory, 6), 0);
	memory_read(memory, 4 * MEM_PAGE_BYTES, &byte, 1, NULL);
	assert_int_equal(byte, 0);
	memory_read(memory, 6 * MEM_PAGE_BYTES, &byte, 1, NULL);
	assert_int_equal(byte, 'c');
	assert_int_equal(memory_release(memory, 1, MEM_PAGE_BYTES, &err), ERR_RANGE);
	assert_int_equal(memory_release(memory, 0, 100, &err), ERR_RANGE);
	assert_int_equal(memory_release(memory, 15 * MEM_PAGE_BYTES, 2 * MEM_PAGE_BYTES, &err),
			 ERR_RANGE);
	memory_destroy(memory);
}

static void two_memories_live_side_by_side(void **state)
{
	struct memory *a = memory_create(4 * MEM_PAGE_BYTES, NULL);
	struct memory *b = memory_create(4 * MEM_PAGE_BYTES, NULL);
	char byte;

	(void)state;
	memory_write(a, 0, "a", 1, NULL);
	memory_write(b, 0, "b", 1, NULL);
	memory_read(a, 0, &byte, 1, NULL);
	assert_int_equal(byte, 'a');
	memory_destroy(a);
	memory_read(b, 0, &byte, 1, NULL);
	assert_int_equal(byte, 'b');
	memory_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_checked),
		cmocka_unit_test(small_memory_is_one_region),
		cmocka_unit_test(exactly_the_low_part_has_no_second_region),
		cmocka_unit_test(large_memory_has_a_hole),
		cmocka_unit_test(reads_and_writes_span_pages_above_4_gib),
		cmocka_unit_test(accesses_are_all_or_nothing),
		cmocka_unit_test(watchers_hear_of_watched_pages_first),
		cmocka_unit_test(the_file_cannot_change_its_size),
		cmocka_unit_test(untouched_memory_is_not_backed),
		cmocka_unit_test(released_pages_are_zero_and_watched),
		cmocka_unit_test(two_memories_live_side_by_side),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
