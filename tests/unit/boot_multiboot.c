/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/boot_image.h"
#include "tests/unit/cmocka_all.h"

#define MIB	      (1ull << 20)
#define MEMORY	      (16 * MIB)
#define INFO	      0x2000ull
#define HEADER	      (BOOT_CODE_OFFSET + 0x10)
#define HAS_ADDRESSES (1u << 16)

static void enters_an_elf_kernel(void **state)
{
	struct boot_image image;
	struct booted b;
	uint64_t map;

	(void)state;
	boot_image_multiboot(&image, 3);
	boot_image_start(&b, 5ull << 30);
	b.images.command_line = "kernel words";
	boot_image_boot(&b, &image);
	assert_int_equal(b.bsp.rip, BOOT_KERNEL_GPA);
	assert_int_equal(b.bsp.gpr[X86_RAX], 0x2badb002);
	assert_int_equal(b.bsp.gpr[X86_RBX], INFO);
	assert_int_equal(b.bsp.cr0, 0x11);
	assert_int_equal(booted_u32(&b, INFO), 0x24d);
	assert_int_equal(booted_u32(&b, INFO + 4), 639);
	assert_int_equal(booted_u32(&b, INFO + 8), (MEMORY_LOW_END_GPA - MIB) / 1024);
	assert_string_equal(booted_at(&b, booted_u32(&b, INFO + 16), 13), "kernel words");
	assert_int_equal(booted_u32(&b, INFO + 20), 0);
	assert_int_equal(booted_u32(&b, INFO + 44), 4 * 24);
	map = booted_u32(&b, INFO + 48);
	assert_int_equal(booted_u32(&b, map), 20);
	assert_int_equal(booted_u64(&b, map + 3 * 24 + 4), MEMORY_HIGH_START_GPA);
	assert_int_equal(booted_u64(&b, map + 3 * 24 + 12), 2ull << 30);
	assert_int_equal(booted_u32(&b, map + 3 * 24 + 20), 1);
	boot_image_end(&b);
}

static void modules_lie_behind_it(void **state)
{
	const struct boot_module module[] = {{"first", 5, "a b"}, {"second", 6, NULL}};
	struct boot_image image;
	struct booted b;
	uint64_t list;

	(void)state;
	boot_image_multiboot(&image, 0);
	boot_image_start(&b, MEMORY);
	b.images.module = module;
	b.images.n_modules = 2;
	boot_image_boot(&b, &image);
	assert_int_equal(booted_u32(&b, INFO + 20), 2);
	list = booted_u32(&b, INFO + 24);
	assert_int_equal(booted_u32(&b, list), BOOT_KERNEL_GPA + 0x2000);
	assert_int_equal(booted_u32(&b, list + 4), BOOT_KERNEL_GPA + 0x2005);
	assert_memory_equal(booted_at(&b, booted_u32(&b, list), 5), "first", 5);
	assert_string_equal(booted_at(&b, booted_u32(&b, list + 8), 4), "a b");
	assert_int_equal(booted_u32(&b, list + 16), BOOT_KERNEL_GPA + 0x3000);
	assert_memory_equal(booted_at(&b, booted_u32(&b, list + 16), 6), "second", 6);
	boot_image_end(&b);
}

/* The same image by its header's addresses; its ELF header no longer matters. */
static void by_addresses(struct boot_image *image)
{
	boot_image_multiboot(image, HAS_ADDRESSES);
	memset(image->bytes, 0, BOOT_CODE_OFFSET);
	put_le32(image->bytes + HEADER + 12, BOOT_KERNEL_GPA + 0x10);
	put_le32(image->bytes + HEADER + 16, BOOT_KERNEL_GPA);
	put_le32(image->bytes + HEADER + 20, BOOT_KERNEL_GPA + 0x100);
	put_le32(image->bytes + HEADER + 24, BOOT_KERNEL_GPA + 0x4000);
	put_le32(image->bytes + HEADER + 28, BOOT_KERNEL_GPA);
}

static void enters_a_kernel_with_addresses(void **state)
{
	const struct boot_module module = {"m", 1, NULL};
	struct boot_image image;
	struct booted b;

	(void)state;
	by_addresses(&image);
	boot_image_start(&b, MEMORY);
	b.images.module = &module;
	b.images.n_modules = 1;
	boot_image_boot(&b, &image);
	assert_int_equal(b.bsp.rip, BOOT_KERNEL_GPA);
	assert_int_equal(booted_u32(&b, booted_u32(&b, INFO + 24)), BOOT_KERNEL_GPA + 0x4000);
	boot_image_end(&b);

	/* the rest of the file, and no BSS */
	put_le32(image.bytes + HEADER + 20, 0);
	put_le32(image.bytes + HEADER + 24, 0);
	boot_image_start(&b, MEMORY);
	boot_image_boot(&b, &image);
	boot_image_end(&b);
}

static void refused(const struct boot_image *image, int code, const char *words)
{
	struct booted b;

	boot_image_start(&b, MEMORY);
	if (!boot_image_load(&b, image))
		fail_msg("was loaded, and not refused with \"%s\"", words);
	assert_int_equal(b.err.code, code);
	assert_says(&b.err, words);
	boot_image_end(&b);
}

static void wrong_addresses_are_refused(void **state)
{
	struct boot_image good, image;
	uint8_t *address = image.bytes + HEADER + 12;

	(void)state;
	by_addresses(&good);
	image = good;
	put_le32(address, BOOT_KERNEL_GPA + 0x1011);
	refused(&image, ERR_CORRUPT, "asks for bytes before it");
	image = good;
	put_le32(address, BOOT_KERNEL_GPA - 1);
	refused(&image, ERR_CORRUPT, "asks for bytes before it");
	image = good;
	put_le32(address + 8, BOOT_KERNEL_GPA - 1);
	refused(&image, ERR_CORRUPT, "ends before it starts");
	image = good;
	put_le32(address + 8, BOOT_KERNEL_GPA + 0x101);
	refused(&image, ERR_TORN, "ends early");
	image = good;
	put_le32(address + 12, 0xffffffff);
	refused(&image, ERR_LIMIT, "outside of the RAM");
	image = good;
	put_le32(address, 0x8010);
	put_le32(address + 4, 0x8000);
	put_le32(address + 8, 0x8100);
	refused(&image, ERR_UNSUPPORTED, "below 1 MiB");
}

static void wrong_headers_are_refused(void **state)
{
	struct boot_image image;

	(void)state;
	boot_image_multiboot(&image, 4);
	refused(&image, ERR_UNSUPPORTED, "more than multiboot can give here (flags 0x4)");
	boot_image_multiboot(&image, 0x8000);
	refused(&image, ERR_UNSUPPORTED, "more than multiboot");
	boot_image_multiboot(&image, 0);
	boot_image_header32(&image)->p_paddr = 0x8000;
	refused(&image, ERR_UNSUPPORTED, "lies below 0x100000");
}

static void too_many_and_too_large_modules_are_refused(void **state)
{
	static const uint8_t large[2 * MIB];
	const struct boot_module module = {large, sizeof(large), NULL};
	struct boot_image image;
	struct booted b;

	(void)state;
	boot_image_multiboot(&image, 0);
	boot_image_start(&b, 4 * MIB);
	b.images.module = &module;
	b.images.n_modules = 1;
	assert_int_equal(boot_image_load(&b, &image), ERR_LIMIT);
	assert_says(&b.err, "module 0 does not fit");
	b.images.n_modules = BOOT_MODULES_MAX + 1;
	assert_int_equal(boot_image_load(&b, &image), ERR_LIMIT);
	assert_says(&b.err, "65 modules, 64 are possible");
	boot_image_end(&b);
}

static void spoilt_images_do_no_harm(void **state)
{
	struct boot_image image;

	(void)state;
	boot_image_multiboot(&image, 0);
	boot_image_mistreat(&image, 1000, 3);
	by_addresses(&image);
	boot_image_mistreat(&image, 1000, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enters_an_elf_kernel),
		cmocka_unit_test(modules_lie_behind_it),
		cmocka_unit_test(enters_a_kernel_with_addresses),
		cmocka_unit_test(wrong_addresses_are_refused),
		cmocka_unit_test(wrong_headers_are_refused),
		cmocka_unit_test(too_many_and_too_large_modules_are_refused),
		cmocka_unit_test(spoilt_images_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
