/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/boot_image.h"
#include "tests/unit/cmocka_all.h"

#define MIB		(1ull << 20)
#define PARAMS		0x7000ull
#define E820(n, offset) (PARAMS + 0x2d0 + (n)*20 + (offset))
#define ENTRY_OFFSET	0x200
#define FLAT_64BIT_CODE 0xa09b
#define MEMORY		(16 * MIB)

static void refused(const struct boot_image *image, uint64_t memory_bytes, const char *words)
{
	struct booted b;

	boot_image_start(&b, memory_bytes);
	b.images.command_line = "console=ttyS0";
	assert_int_not_equal(boot_image_load(&b, image), 0);
	assert_says(&b.err, words);
	boot_image_end(&b);
}

static void enters_at_the_64_bit_entry(void **state)
{
	struct boot_image image;
	struct booted b;

	(void)state;
	boot_image_bzimage(&image);
	boot_image_start(&b, MEMORY);
	boot_image_boot(&b, &image);
	assert_int_equal(b.bsp.rip, BOOT_KERNEL_GPA + ENTRY_OFFSET);
	assert_int_equal(b.bsp.gpr[X86_RSI], PARAMS);
	assert_int_equal(b.bsp.seg[X86_CS].selector, 0x10);
	assert_int_equal(b.bsp.seg[X86_SS].selector, 0x18);
	assert_int_equal(b.bsp.rflags & 0x200, 0);
	boot_image_end(&b);
}

static void the_gdt_holds_what_the_segments_say(void **state)
{
	struct boot_image image;
	struct booted b;

	(void)state;
	boot_image_bzimage(&image);
	boot_image_start(&b, MEMORY);
	boot_image_boot(&b, &image);
	assert_int_equal(booted_u64(&b, b.bsp.gdt.base + 0x10), 0x00af9b000000ffff);
	assert_int_equal(booted_u64(&b, b.bsp.gdt.base + 0x18), 0x00cf93000000ffff);
	assert_int_equal(b.bsp.seg[X86_CS].attr, FLAT_64BIT_CODE);
	boot_image_end(&b);
}

static void boot_params_tell_all(void **state)
{
	static const char initrd[5000] = "initrd";
	struct boot_image image;
	struct booted b;
	uint64_t at;

	(void)state;
	boot_image_bzimage(&image);
	boot_image_start(&b, MEMORY);
	b.images.command_line = "console=ttyS0 quiet";
	b.images.initrd = initrd;
	b.images.initrd_bytes = sizeof(initrd);
	b.images.has_seed = true;
	memset(b.images.rng_seed, 0x5a, sizeof(b.images.rng_seed));
	boot_image_boot(&b, &image);

	assert_int_equal(booted_u32(&b, PARAMS + 0x202), 0x53726448);
	assert_int_equal(booted_u32(&b, PARAMS + 0x210) & 0xff, 0xff);
	assert_string_equal(booted_at(&b, booted_u32(&b, PARAMS + 0x228), 20),
			    "console=ttyS0 quiet");
	at = booted_u32(&b, PARAMS + 0x218);
	assert_int_equal(at, MEMORY - 2 * MEM_PAGE_BYTES);
	assert_int_equal(booted_u32(&b, PARAMS + 0x21c), sizeof(initrd));
	assert_memory_equal(booted_at(&b, at, sizeof(initrd)), initrd, sizeof(initrd));
	assert_memory_equal(booted_at(&b, booted_u64(&b, PARAMS + 0x70), 8), "RSD PTR ", 8);
	at = booted_u64(&b, PARAMS + 0x250);
	assert_int_equal(booted_u64(&b, at), 0);
	assert_int_equal(booted_u32(&b, at + 8), 9);
	assert_int_equal(booted_u32(&b, at + 12), BOOT_SEED_BYTES);
	assert_memory_equal(booted_at(&b, at + 16, BOOT_SEED_BYTES), b.images.rng_seed,
			    BOOT_SEED_BYTES);
	boot_image_end(&b);
}

static void the_memory_map_has_the_hole(void **state)
{
	struct boot_image image;
	struct booted b;

	(void)state;
	boot_image_bzimage(&image);
	boot_image_start(&b, 5ull << 30);
	boot_image_boot(&b, &image);
	assert_int_equal(booted_u32(&b, PARAMS + 0x1e8) & 0xff, 4);
	assert_int_equal(booted_u64(&b, E820(0, 0)), 0);
	assert_int_equal(booted_u64(&b, E820(0, 8)), 0x9fc00);
	assert_int_equal(booted_u32(&b, E820(0, 16)), 1);
	assert_int_equal(booted_u64(&b, E820(1, 0)), 0x9fc00);
	assert_int_equal(booted_u32(&b, E820(1, 16)), 2);
	assert_int_equal(booted_u64(&b, E820(2, 0)), MIB);
	assert_int_equal(booted_u64(&b, E820(2, 8)), MEMORY_LOW_END_GPA - MIB);
	assert_int_equal(booted_u64(&b, E820(3, 0)), MEMORY_HIGH_START_GPA);
	assert_int_equal(booted_u64(&b, E820(3, 8)), 2ull << 30);
	boot_image_end(&b);
}

static void moves_when_its_place_is_not_there(void **state)
{
	struct boot_image image;
	struct booted b;

	(void)state;
	boot_image_bzimage(&image);
	put_le64(image.bytes + 0x258, 64 * MIB);
	boot_image_start(&b, MEMORY);
	boot_image_boot(&b, &image);
	assert_int_equal(b.bsp.rip, 2 * MIB + ENTRY_OFFSET);
	assert_int_equal(booted_u32(&b, PARAMS + 0x214), 2 * MIB);
	boot_image_end(&b);

	image.bytes[0x234] = 0;
	refused(&image, MEMORY, "MiB at its address");
}

static void the_initrd_stays_where_the_kernel_finds_it(void **state)
{
	struct boot_image image;
	struct booted b;

	(void)state;
	boot_image_bzimage(&image);
	put_le32(image.bytes + 0x22c, 8 * MIB - 1);
	boot_image_start(&b, MEMORY);
	b.images.initrd = "x";
	b.images.initrd_bytes = 1;
	assert_int_equal(boot_image_load(&b, &image), 0);
	assert_int_equal(booted_u32(&b, PARAMS + 0x218), 8 * MIB - MEM_PAGE_BYTES);
	boot_image_end(&b);
}

static void an_initrd_that_does_not_fit_is_refused(void **state)
{
	static uint8_t large[2 * MIB];
	struct boot_image image;
	struct booted b;

	(void)state;
	boot_image_bzimage(&image);
	boot_image_start(&b, 4 * MIB);
	b.images.initrd = large;
	b.images.initrd_bytes = sizeof(large);
	assert_int_equal(boot_image_load(&b, &image), ERR_LIMIT);
	assert_says(&b.err, "initrd of 2 MiB does not fit");
	boot_image_end(&b);
}

static void a_command_line_that_is_too_long_is_refused(void **state)
{
	char line[300];
	struct boot_image image;
	struct booted b;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[255] = 0;
	boot_image_bzimage(&image);
	boot_image_start(&b, MEMORY);
	b.images.command_line = line;
	assert_int_equal(boot_image_load(&b, &image), 0);
	line[255] = 'x';
	line[256] = 0;
	assert_int_equal(boot_image_load(&b, &image), ERR_LIMIT);
	assert_says(&b.err, "command line is too long: 256 characters, 255 fit");
	boot_image_end(&b);
}

static void old_and_torn_images_are_refused(void **state)
{
	struct boot_image image;

	(void)state;
	boot_image_bzimage(&image);
	put_le16(image.bytes + 0x206, 0x20b);
	refused(&image, MEMORY, "without a 64-bit entry");
	boot_image_bzimage(&image);
	put_le16(image.bytes + 0x236, 0);
	refused(&image, MEMORY, "without a 64-bit entry");
	boot_image_bzimage(&image);
	image.size -= 17;
	refused(&image, MEMORY, "ends early");
	boot_image_bzimage(&image);
	put_le32(image.bytes + 0x24c, 0xfffffff0);
	refused(&image, MEMORY, "ends early");
	boot_image_bzimage(&image);
	image.bytes[0x1f1] = 255;
	refused(&image, MEMORY, "ends early");
	boot_image_bzimage(&image);
	put_le32(image.bytes + 0x260, 0xffffffff);
	refused(&image, MEMORY, "MiB at its address");
}

static void what_is_no_kernel_is_refused(void **state)
{
	struct boot_image image = {.size = 0};

	(void)state;
	refused(&image, MEMORY, "the file is empty");
	image.size = sizeof(image.bytes);
	refused(&image, MEMORY, "neither a Linux bzImage");
	boot_image_bzimage(&image);
	refused(&image, MEM_PAGE_BYTES, "more than 1 MiB");
}

static void spoilt_images_do_no_harm(void **state)
{
	struct boot_image image;

	(void)state;
	boot_image_bzimage(&image);
	boot_image_mistreat(&image, 2000, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enters_at_the_64_bit_entry),
		cmocka_unit_test(the_gdt_holds_what_the_segments_say),
		cmocka_unit_test(boot_params_tell_all),
		cmocka_unit_test(the_memory_map_has_the_hole),
		cmocka_unit_test(moves_when_its_place_is_not_there),
		cmocka_unit_test(the_initrd_stays_where_the_kernel_finds_it),
		cmocka_unit_test(an_initrd_that_does_not_fit_is_refused),
		cmocka_unit_test(a_command_line_that_is_too_long_is_refused),
		cmocka_unit_test(old_and_torn_images_are_refused),
		cmocka_unit_test(what_is_no_kernel_is_refused),
		cmocka_unit_test(spoilt_images_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
