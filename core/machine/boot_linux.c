/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linux by its 64-bit boot protocol: a bzImage, or a vmlinux that elf_load() has put in place.
 * Offsets are those of struct boot_params, which in a bzImage also lead to the setup header.
 */
#include "core/base/bytes.h"
#include "core/machine/acpi_tables.h"
#include "core/machine/boot_parts.h"

#define PARAMS_BYTES	 4096
#define ACPI_RSDP	 0x070
#define E820_ENTRIES	 0x1e8
#define SETUP_SECTS	 0x1f1
#define SYSSIZE		 0x1f4 /* of the protected-mode part, in units of 16 bytes */
#define BOOT_FLAG	 0x1fe
#define JUMP_BYTES	 0x201
#define HEADER_MAGIC	 0x202
#define VERSION		 0x206
#define LOADER_TYPE	 0x210
#define LOAD_FLAGS	 0x211
#define CODE32_START	 0x214
#define RAMDISK_IMAGE	 0x218
#define RAMDISK_SIZE	 0x21c
#define CMD_LINE_PTR	 0x228
#define INITRD_ADDR_MAX	 0x22c
#define KERNEL_ALIGNMENT 0x230
#define RELOCATABLE	 0x234
#define XLOADFLAGS	 0x236
#define CMDLINE_SIZE	 0x238
#define PAYLOAD_OFFSET	 0x248
#define PAYLOAD_LENGTH	 0x24c
#define SETUP_DATA	 0x250
#define PREF_ADDRESS	 0x258
#define INIT_SIZE	 0x260
#define HEADER_END	 0x268
#define E820_TABLE	 0x2d0

#define BOOT_FLAG_VALUE	   0xaa55
#define HEADER_MAGIC_VALUE 0x53726448 /* "HdrS" */
#define VERSION_MIN	   0x20c      /* the first with xloadflags */
#define LOADER_UNKNOWN	   0xff
#define LOADED_HIGH	   (1u << 0)
#define XLF_KERNEL_64	   (1u << 0)
#define ENTRY64_OFFSET	   0x200
#define SECTOR_BYTES	   512u
#define SETUP_SECTS_OLD	   4 /* what 0 means */
#define SETUP_RNG_SEED	   9
#define E820_ENTRY_BYTES   20

/* ---- boot_params, whatever the image ---- */

static void put_e820(uint8_t *params, const struct memory_map *map)
{
	uint8_t *at = params + E820_TABLE;

	params[E820_ENTRIES] = (uint8_t)map->entries;
	for (unsigned n = 0; n < map->entries; n++, at += E820_ENTRY_BYTES) {
		put_le64(at, map->entry[n].gpa);
		put_le64(at + 8, map->entry[n].size_bytes);
		put_le32(at + 16, map->entry[n].kind);
	}
}

static int put_seed(struct boot *b, uint8_t *params, struct err *err)
{
	uint8_t data[16 + BOOT_SEED_BYTES] = {0};

	if (!b->images->has_seed)
		return 0;
	put_le32(data + 8, SETUP_RNG_SEED);
	put_le32(data + 12, BOOT_SEED_BYTES);
	memcpy(data + 16, b->images->rng_seed, BOOT_SEED_BYTES);
	put_le64(params + SETUP_DATA, BOOT_SEED_GPA);
	return memory_write(b->memory, BOOT_SEED_GPA, data, sizeof(data), err);
}

static int put_initrd(struct boot *b, uint8_t *params, uint64_t kernel_end_gpa, uint64_t end_gpa,
		      struct err *err)
{
	const struct boot_images *i = b->images;
	uint64_t gpa;
	int failed;

	if (!i->initrd_bytes)
		return 0;
	if (end_gpa > BOOT_PLACE_END_GPA)
		end_gpa = BOOT_PLACE_END_GPA;
	failed = boot_place_high(b, "initrd", i->initrd, i->initrd_bytes, kernel_end_gpa, end_gpa,
				 &gpa, err);
	if (failed)
		return failed;
	put_le32(params + RAMDISK_IMAGE, (uint32_t)gpa);
	put_le32(params + RAMDISK_SIZE, (uint32_t)i->initrd_bytes);
	return 0;
}

struct linux_place {
	uint64_t entry, kernel_end_gpa, initrd_end_gpa;
	size_t command_line_bytes; /* with the terminator */
};

/* Completes params, which hold the image's own header if it has one, and enters. */
static int enter(struct boot *b, uint8_t *params, const struct linux_place *place, struct err *err)
{
	uint64_t gpa = 0;
	int failed = boot_put_string(b, "command line", b->images->command_line,
				     place->command_line_bytes, &gpa, err);

	if (!failed)
		failed = put_initrd(b, params, place->kernel_end_gpa, place->initrd_end_gpa, err);
	if (!failed)
		failed = put_seed(b, params, err);
	if (failed)
		return failed;
	put_le32(params + CMD_LINE_PTR, (uint32_t)gpa);
	put_le64(params + ACPI_RSDP, ACPI_TABLES_GPA);
	params[LOADER_TYPE] = LOADER_UNKNOWN;
	params[LOAD_FLAGS] |= LOADED_HIGH;
	put_e820(params, &b->map);
	failed = memory_write(b->memory, BOOT_PARAMS_GPA, params, PARAMS_BYTES, err);
	b->bsp->gpr[X86_RSI] = BOOT_PARAMS_GPA;
	return failed ? failed : boot_enter64(b, place->entry, err);
}

int boot_linux_elf(struct boot *b, uint64_t entry, uint64_t kernel_end_gpa, struct err *err)
{
	uint8_t params[PARAMS_BYTES] = {0};
	const struct linux_place place = {
		.entry = entry,
		.kernel_end_gpa = kernel_end_gpa,
		.initrd_end_gpa = BOOT_PLACE_END_GPA,
		.command_line_bytes = 2048, /* COMMAND_LINE_SIZE of x86 */
	};

	put_le16(params + BOOT_FLAG, BOOT_FLAG_VALUE);
	put_le32(params + HEADER_MAGIC, HEADER_MAGIC_VALUE);
	put_le16(params + VERSION, VERSION_MIN);
	return enter(b, params, &place, err);
}

/* ---- bzImage ---- */

bool boot_is_bzimage(const void *bytes, size_t size_bytes)
{
	const uint8_t *image = bytes;

	return size_bytes >= HEADER_END && get_le16(image + BOOT_FLAG) == BOOT_FLAG_VALUE &&
	       get_le32(image + HEADER_MAGIC) == HEADER_MAGIC_VALUE;
}

static uint64_t setup_bytes(const uint8_t *image)
{
	unsigned sectors = image[SETUP_SECTS] ? image[SETUP_SECTS] : SETUP_SECTS_OLD;

	return (sectors + 1) * SECTOR_BYTES;
}

static int check_image(const struct boot_images *i, struct err *err)
{
	const uint8_t *image = i->kernel;
	uint64_t setup = setup_bytes(image), kernel, payload;

	if (get_le16(image + VERSION) < VERSION_MIN ||
	    !(get_le16(image + XLOADFLAGS) & XLF_KERNEL_64))
		return err_set(err, ERR_UNSUPPORTED, "a bzImage without a 64-bit entry");
	payload = (uint64_t)get_le32(image + PAYLOAD_OFFSET) + get_le32(image + PAYLOAD_LENGTH);
	kernel = (uint64_t)get_le32(image + SYSSIZE) * 16;
	if (i->kernel_bytes < setup + ENTRY64_OFFSET || i->kernel_bytes - setup < payload ||
	    i->kernel_bytes - setup + 16 < kernel)
		return err_set(err, ERR_TORN, "the bzImage ends early, after %zu bytes",
			       i->kernel_bytes);
	return 0;
}

/* Where the kernel asks to be, or the lowest address that suits it. */
static int choose_address(const struct boot *b, uint64_t *gpa, struct err *err)
{
	const uint8_t *image = b->images->kernel;
	uint64_t size = get_le32(image + INIT_SIZE), align = get_le32(image + KERNEL_ALIGNMENT);
	uint64_t code_bytes = b->images->kernel_bytes - setup_bytes(image);

	if (size < code_bytes)
		size = code_bytes;
	*gpa = get_le64(image + PREF_ADDRESS);
	if (*gpa >= HIGH_RAM_GPA && *gpa < BOOT_PLACE_END_GPA && memory_host(b->memory, *gpa, size))
		return 0;
	if (image[RELOCATABLE] && align && !(align & (align - 1))) {
		*gpa = (HIGH_RAM_GPA + align - 1) & ~(align - 1);
		if (memory_host(b->memory, *gpa, size))
			return 0;
	}
	return err_set(err, ERR_LIMIT, "it needs %llu MiB at its address and there are %llu in all",
		       (unsigned long long)(size >> 20),
		       (unsigned long long)(b->memory->size_bytes >> 20));
}

/* The header as the image has it; what follows it in boot_params is for the loader to say. */
static void copy_header(uint8_t *params, const uint8_t *image)
{
	size_t end = HEADER_MAGIC + image[JUMP_BYTES];

	if (end > HEADER_END)
		end = HEADER_END;
	if (end > SETUP_SECTS)
		memcpy(params + SETUP_SECTS, image + SETUP_SECTS, end - SETUP_SECTS);
	put_le64(params + SETUP_DATA, 0);
}

int boot_bzimage(struct boot *b, struct err *err)
{
	const uint8_t *image = b->images->kernel;
	uint64_t setup = setup_bytes(image), gpa, code_bytes, init_bytes;
	uint8_t params[PARAMS_BYTES] = {0};
	struct linux_place place;
	int failed = check_image(b->images, err);

	if (!failed)
		failed = choose_address(b, &gpa, err);
	if (failed)
		return failed;
	code_bytes = b->images->kernel_bytes - setup;
	init_bytes = get_le32(image + INIT_SIZE);
	failed = memory_write(b->memory, gpa, image + setup, code_bytes, err);
	if (failed)
		return failed;
	copy_header(params, image);
	put_le32(params + CODE32_START, (uint32_t)gpa);
	place = (struct linux_place){
		.entry = gpa + ENTRY64_OFFSET,
		.kernel_end_gpa = gpa + (init_bytes > code_bytes ? init_bytes : code_bytes),
		.initrd_end_gpa = (uint64_t)get_le32(image + INITRD_ADDR_MAX) + 1,
		.command_line_bytes = (size_t)get_le32(image + CMDLINE_SIZE) + 1,
	};
	return enter(b, params, &place, err);
}
