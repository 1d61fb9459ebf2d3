/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels and initrds from hostile bytes.  The first byte says which kind the image is made to look
 * like, and what comes with it; whatever the bytes are, booting gives an entry state or a sentence.
 */
#include "core/base/bytes.h"
#include "core/machine/boot.h"
#include "tests/fuzz/check.h"

#include <elf.h>
#include <stdlib.h>

#define MEMORY_BYTES	(4u << 20)
#define KIND_MASK	0x03
#define WITH_SEED	0x04
#define WITH_MODULE	0x08
#define WITH_INITRD	0x10 /* the same bytes again */
#define MULTIBOOT_AT	64
#define MULTIBOOT_MAGIC 0x1badb002u

static void look_like_bzimage(uint8_t *image, size_t size)
{
	if (size < 0x268)
		return;
	put_le16(image + 0x1fe, 0xaa55);
	memcpy(image + 0x202, "HdrS", 4);
	image[0x207] |= 2;
	image[0x236] |= 1;
}

static void look_like_elf(uint8_t *image, size_t size)
{
	if (size < sizeof(Elf64_Ehdr))
		return;
	memcpy(image, ELFMAG, SELFMAG);
	image[EI_CLASS] = image[EI_CLASS] & 1 ? ELFCLASS64 : ELFCLASS32;
	image[EI_DATA] = ELFDATA2LSB;
}

static void look_like_multiboot(uint8_t *image, size_t size)
{
	uint8_t *header = image + MULTIBOOT_AT;

	look_like_elf(image, size);
	if (size < MULTIBOOT_AT + 32)
		return;
	put_le32(header, MULTIBOOT_MAGIC);
	put_le32(header + 4, get_le32(header + 4) & 0x10003);
	put_le32(header + 8, -(MULTIBOOT_MAGIC + get_le32(header + 4)));
}

static void boot(const uint8_t *image, size_t size, unsigned with)
{
	static const struct machine_config config = {.n_vcpus = 1};
	const struct boot_module module = {"module", 6, "arguments"};
	const struct boot_images images = {
		.kernel = image,
		.kernel_bytes = size,
		.initrd = image,
		.initrd_bytes = with & WITH_INITRD ? size : 0,
		.command_line = "a=b",
		.module = &module,
		.n_modules = with & WITH_MODULE ? 1 : 0,
		.has_seed = with & WITH_SEED,
	};
	struct memory *memory = memory_create(MEMORY_BYTES, NULL);
	struct vcpu_state bsp = {0};
	struct err err = {0};

	check(memory != NULL, "no memory");
	if (boot_load(memory, &config, &images, &bsp, &err))
		check(err.code && err.text[0], "refused without a word");
	else
		check(bsp.cr0 & 1, "entered in real mode");
	memory_destroy(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t length = size - 1;
	uint8_t *image;

	if (!size)
		return 0;
	image = malloc(length ? length : 1);
	check(image != NULL, "no memory");
	memcpy(image, data + 1, length);
	switch (data[0] & KIND_MASK) {
	case 0: look_like_bzimage(image, length); break;
	case 1: look_like_elf(image, length); break;
	case 2: look_like_multiboot(image, length); break;
	}
	boot(image, length, data[0]);
	free(image);
	return 0;
}
