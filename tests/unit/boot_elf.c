/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/boot_image.h"
#include "tests/unit/cmocka_all.h"

#define MIB	   (1ull << 20)
#define MEMORY	   (16 * MIB)
#define INFO	   0x2000ull
#define PARAMS	   0x7000ull
#define INFO_MAGIC 0x336ec578

static void enters_by_pvh(void **state)
{
	struct boot_image image;
	struct booted b;

	(void)state;
	boot_image_elf64(&image);
	boot_image_start(&b, MEMORY);
	b.images.command_line = "one two";
	boot_image_boot(&b, &image);
	assert_int_equal(b.bsp.rip, BOOT_KERNEL_GPA);
	assert_int_equal(b.bsp.cr0, 0x11);
	assert_int_equal(b.bsp.efer, 0);
	assert_int_equal(b.bsp.gpr[X86_RBX], INFO);
	assert_int_equal(booted_u32(&b, INFO), INFO_MAGIC);
	assert_int_equal(booted_u32(&b, INFO + 4), 1);
	assert_int_equal(booted_u32(&b, INFO + 12), 0);
	assert_string_equal(booted_at(&b, booted_u64(&b, INFO + 24), 8), "one two");
	assert_memory_equal(booted_at(&b, booted_u64(&b, INFO + 32), 8), "RSD PTR ", 8);
	assert_int_equal(booted_u32(&b, INFO + 48), 3);
	assert_int_equal(booted_u64(&b, booted_u64(&b, INFO + 40) + 2 * 24), MIB);
	assert_int_equal(booted_u64(&b, booted_u64(&b, INFO + 40) + 2 * 24 + 8), MEMORY - MIB);
	boot_image_end(&b);
}

static void pvh_modules_follow_the_initrd(void **state)
{
	const struct boot_module module[] = {{"first", 5, "args"}, {"second", 6, NULL}};
	struct boot_image image;
	struct booted b;
	uint64_t list;

	(void)state;
	boot_image_elf64(&image);
	boot_image_start(&b, MEMORY);
	b.images.initrd = "initrd";
	b.images.initrd_bytes = 6;
	b.images.module = module;
	b.images.n_modules = 2;
	boot_image_boot(&b, &image);
	assert_int_equal(booted_u32(&b, INFO + 12), 3);
	list = booted_u64(&b, INFO + 16);
	assert_memory_equal(booted_at(&b, booted_u64(&b, list), 6), "initrd", 6);
	assert_int_equal(booted_u64(&b, list + 8), 6);
	assert_memory_equal(booted_at(&b, booted_u64(&b, list + 32), 5), "first", 5);
	assert_string_equal(booted_at(&b, booted_u64(&b, list + 32 + 16), 5), "args");
	assert_memory_equal(booted_at(&b, booted_u64(&b, list + 64), 6), "second", 6);
	boot_image_end(&b);
}

static void a_linux_kernel_gets_its_seed(void **state)
{
	struct boot_image image;
	struct booted b;

	(void)state;
	boot_image_elf64(&image);
	boot_image_start(&b, MEMORY);
	b.images.has_seed = true;
	boot_image_boot(&b, &image);
	assert_int_equal(b.bsp.rip, BOOT_KERNEL_GPA);
	assert_int_equal(b.bsp.gpr[X86_RSI], PARAMS);
	assert_int_equal(booted_u32(&b, booted_u64(&b, PARAMS + 0x250) + 8), 9);
	boot_image_end(&b);
}

static void a_virtual_entry_address_is_understood(void **state)
{
	struct boot_image image;
	struct booted b;

	(void)state;
	boot_image_elf64(&image);
	((Elf64_Ehdr *)image.bytes)->e_entry = boot_image_header64(&image, 0)->p_vaddr;
	boot_image_start(&b, MEMORY);
	b.images.has_seed = true;
	boot_image_boot(&b, &image);
	assert_int_equal(b.bsp.rip, BOOT_KERNEL_GPA);
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

static void wrong_headers_are_refused(void **state)
{
	struct boot_image good, image;
	Elf64_Ehdr *h = (Elf64_Ehdr *)image.bytes;

	(void)state;
	boot_image_elf64(&good);
	image = good;
	h->e_machine = EM_AARCH64;
	refused(&image, ERR_UNSUPPORTED, "for machine 183, not for x86");
	image = good;
	h->e_type = ET_REL;
	refused(&image, ERR_UNSUPPORTED, "no executable");
	image = good;
	h->e_ident[EI_DATA] = ELFDATA2MSB;
	refused(&image, ERR_UNSUPPORTED, "big-endian");
	image = good;
	h->e_ident[EI_CLASS] = 7;
	refused(&image, ERR_CORRUPT, "no known class");
	image = good;
	h->e_phoff = UINT64_MAX - 8;
	refused(&image, ERR_TORN, "before its program headers do");
	image = good;
	h->e_phnum = 0;
	refused(&image, ERR_CORRUPT, "0 program headers");
	image = good;
	h->e_phentsize = 1;
	refused(&image, ERR_CORRUPT, "program headers of 1 bytes");
	image = good;
	image.size = 20;
	refused(&image, ERR_TORN, "within its header");
}

static void wrong_segments_are_refused(void **state)
{
	struct boot_image good, image;
	Elf64_Phdr *p = boot_image_header64(&image, 0);

	(void)state;
	boot_image_elf64(&good);
	image = good;
	image.size--;
	refused(&image, ERR_TORN, "before its segment 0 does");
	image = good;
	p->p_offset = UINT64_MAX - 0x10;
	refused(&image, ERR_TORN, "before its segment 0 does");
	image = good;
	p->p_paddr = MEMORY - 0x1000;
	refused(&image, ERR_LIMIT, "outside of the RAM");
	image = good;
	p->p_paddr = UINT64_MAX - 0xfff;
	refused(&image, ERR_LIMIT, "outside of the RAM");
	image = good;
	p->p_memsz = UINT64_MAX;
	refused(&image, ERR_LIMIT, "outside of the RAM");
	image = good;
	p->p_paddr = 0x8000;
	refused(&image, ERR_UNSUPPORTED, "segment 0 at 0x8000 lies below 0x100000");
	image = good;
	p->p_memsz = p->p_filesz - 1;
	refused(&image, ERR_CORRUPT, "more bytes than memory");
	image = good;
	p[1] = p[0];
	p[1].p_paddr += 0x1fff;
	refused(&image, ERR_CORRUPT, "segment 1 lies over an earlier one");
	image = good;
	p->p_type = PT_NULL;
	refused(&image, ERR_CORRUPT, "nothing to load");
}

static void wrong_notes_are_no_notes(void **state)
{
	struct boot_image good, image;

	(void)state;
	boot_image_elf64(&good);
	for (unsigned word = 0; word < 3; word++) {
		image = good;
		put_le32(image.bytes + 0x800 + 4 * word, 0xfffffffd);
		refused(&image, ERR_UNSUPPORTED, "without a PVH entry");
	}
	image = good;
	boot_image_header64(&image, 1)->p_type = PT_NULL;
	refused(&image, ERR_UNSUPPORTED, "without a PVH entry");
}

static void a_32_bit_file_needs_multiboot(void **state)
{
	struct boot_image image;

	(void)state;
	boot_image_multiboot(&image, 0);
	image.bytes[BOOT_CODE_OFFSET + 0x10] ^= 1;
	refused(&image, ERR_UNSUPPORTED, "without a multiboot header");
}

static void spoilt_images_do_no_harm(void **state)
{
	struct boot_image image;

	(void)state;
	boot_image_elf64(&image);
	boot_image_mistreat(&image, 2000, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enters_by_pvh),
		cmocka_unit_test(pvh_modules_follow_the_initrd),
		cmocka_unit_test(a_linux_kernel_gets_its_seed),
		cmocka_unit_test(a_virtual_entry_address_is_understood),
		cmocka_unit_test(wrong_headers_are_refused),
		cmocka_unit_test(wrong_segments_are_refused),
		cmocka_unit_test(wrong_notes_are_no_notes),
		cmocka_unit_test(a_32_bit_file_needs_multiboot),
		cmocka_unit_test(spoilt_images_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
