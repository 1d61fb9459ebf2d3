/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/boot_image.h"

#include "core/base/seeded.h"
#include "core/engine/engine.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

#define HLT		0xf4
#define SEGMENT_FILE	0x100u
#define SEGMENT_MEMORY	0x2000u
#define NOTES_OFFSET	0x800u
#define MULTIBOOT_MAGIC 0x1badb002u

/* ---- images ---- */

static uint8_t *put_note(uint8_t *at, const char *owner, uint32_t type, const void *content,
			 uint32_t size)
{
	uint32_t owner_bytes = (uint32_t)strlen(owner) + 1;

	put_le32(at, owner_bytes);
	put_le32(at + 4, size);
	put_le32(at + 8, type);
	memcpy(at + 12, owner, owner_bytes);
	at += 12 + ((owner_bytes + 3) & ~3u);
	memcpy(at, content, size);
	return at + ((size + 3) & ~3u);
}

void boot_image_elf64(struct boot_image *image)
{
	Elf64_Ehdr header = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = BOOT_KERNEL_GPA,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	uint8_t entry[8], *end;

	memset(image, 0, sizeof(*image));
	memcpy(image->bytes, &header, sizeof(header));
	*boot_image_header64(image, 0) = (Elf64_Phdr){.p_type = PT_LOAD,
						      .p_offset = BOOT_CODE_OFFSET,
						      .p_vaddr = 0xffffffff80200000,
						      .p_paddr = BOOT_KERNEL_GPA,
						      .p_filesz = SEGMENT_FILE,
						      .p_memsz = SEGMENT_MEMORY};
	put_le64(entry, BOOT_KERNEL_GPA);
	end = put_note(image->bytes + NOTES_OFFSET, "Xen", 18, entry, sizeof(entry));
	end = put_note(end, "Linux", 0x101, entry, 4);
	*boot_image_header64(image, 1) = (Elf64_Phdr){
		.p_type = PT_NOTE,
		.p_offset = NOTES_OFFSET,
		.p_filesz = (uint64_t)(end - image->bytes) - NOTES_OFFSET,
	};
	image->bytes[BOOT_CODE_OFFSET] = HLT;
	image->size = BOOT_CODE_OFFSET + SEGMENT_FILE;
}

void boot_image_multiboot(struct boot_image *image, uint32_t flags)
{
	Elf32_Ehdr header = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_entry = (uint32_t)BOOT_KERNEL_GPA,
		.e_phoff = sizeof(header),
		.e_phentsize = sizeof(Elf32_Phdr),
		.e_phnum = 1,
	};
	uint8_t *multiboot = image->bytes + BOOT_CODE_OFFSET + 0x10;

	memset(image, 0, sizeof(*image));
	memcpy(image->bytes, &header, sizeof(header));
	*boot_image_header32(image) = (Elf32_Phdr){.p_type = PT_LOAD,
						   .p_offset = BOOT_CODE_OFFSET,
						   .p_vaddr = 0xc0200000,
						   .p_paddr = (uint32_t)BOOT_KERNEL_GPA,
						   .p_filesz = SEGMENT_FILE,
						   .p_memsz = SEGMENT_MEMORY};
	image->bytes[BOOT_CODE_OFFSET] = HLT;
	put_le32(multiboot, MULTIBOOT_MAGIC);
	put_le32(multiboot + 4, flags);
	put_le32(multiboot + 8, -(MULTIBOOT_MAGIC + flags));
	image->size = BOOT_CODE_OFFSET + SEGMENT_FILE;
}

void boot_image_bzimage(struct boot_image *image)
{
	uint8_t *b = image->bytes;

	memset(image, 0, sizeof(*image));
	b[0x1f1] = 1;			  /* setup sectors */
	put_le32(b + 0x1f4, 0x1000 / 16); /* bytes of the rest / 16 */
	put_le16(b + 0x1fe, 0xaa55);
	b[0x201] = 0x6a; /* the header ends at 0x202 + this */
	memcpy(b + 0x202, "HdrS", 4);
	put_le16(b + 0x206, 0x20f);
	put_le32(b + 0x22c, 0x7fffffff); /* initrd_addr_max */
	put_le32(b + 0x230, 0x200000);	 /* alignment */
	b[0x234] = 1;			 /* relocatable */
	put_le16(b + 0x236, 1);		 /* has a 64-bit entry */
	put_le32(b + 0x238, 255);	 /* longest command line */
	put_le32(b + 0x248, 0x400);	 /* payload */
	put_le32(b + 0x24c, 0x800);
	put_le64(b + 0x258, BOOT_KERNEL_GPA);
	put_le32(b + 0x260, 0x8000); /* init_size */
	b[2 * 512 + 0x200] = HLT;
	image->size = 2 * 512 + 0x1000;
}

/* ---- booting ---- */

void boot_image_start(struct booted *b, uint64_t memory_bytes)
{
	memset(b, 0, sizeof(*b));
	b->config.cpu_model = "portable-v1";
	b->config.n_vcpus = 1;
	b->config.memory_bytes = memory_bytes;
	b->memory = memory_create(memory_bytes, &b->err);
	assert_non_null(b->memory);
}

static uint64_t no_tsc(void *ctx, unsigned vcpu, uint64_t instructions)
{
	(void)ctx;
	(void)vcpu;
	return instructions;
}

static struct engine *make_engine(const struct booted *b)
{
	static const struct engine_machine_ops machine = {.tsc = no_tsc};
	const struct engine_config config = {.memory = b->memory,
					     .cpu_model = b->config.cpu_model,
					     .n_vcpus = 1,
					     .machine = &machine};
	struct engine *engine = interpret_engine.create(&config, NULL);

	assert_non_null(engine);
	return engine;
}

int boot_image_load(struct booted *b, const struct boot_image *image)
{
	uint8_t *exact = malloc(image->size ? image->size : 1);
	int failed;

	assert_non_null(exact);
	memcpy(exact, image->bytes, image->size);
	b->images.kernel = exact;
	b->images.kernel_bytes = image->size;
	err_clear(&b->err);
	failed = boot_load(b->memory, &b->config, &b->images, &b->bsp, &b->err);
	free(exact);
	return failed;
}

void boot_image_boot(struct booted *b, const struct boot_image *image)
{
	struct engine *engine = make_engine(b);
	struct vcpu_exit exit;

	interpret_engine.get_state(engine, 0, &b->bsp);
	if (boot_image_load(b, image) || interpret_engine.set_state(engine, 0, &b->bsp, &b->err))
		fail_msg("%s", b->err.text);
	interpret_engine.run(engine, 0, 100, &exit);
	assert_int_equal(exit.kind, VCPU_EXIT_HALT);
	assert_int_equal(interpret_engine.count(engine, 0), 1);
	interpret_engine.destroy(engine);
}

void boot_image_end(struct booted *b)
{
	memory_destroy(b->memory);
}

/* ---- mistreating ---- */

static void load_or_refuse(const struct boot_image *image, const struct boot_images *images)
{
	struct booted b;

	boot_image_start(&b, 8u << 20);
	b.images = *images;
	if (boot_image_load(&b, image)) {
		assert_int_not_equal(b.err.code, 0);
		assert_true(b.err.text[0]);
	}
	boot_image_end(&b);
}

void boot_image_mistreat(const struct boot_image *image, unsigned changes, uint64_t seed)
{
	struct boot_images images = {.initrd = "initrd", .initrd_bytes = 6, .command_line = "a b"};
	struct seeded random;
	struct boot_image bad = *image;

	for (bad.size = 0; bad.size < image->size; bad.size += bad.size < 0x300 ? 1 : 0x40)
		load_or_refuse(&bad, &images);
	seeded_start(&random, seed);
	for (unsigned n = 0; n < changes; n++) {
		bad = *image;
		images.has_seed = n & 1;
		for (unsigned spot = 0; spot < 4; spot++)
			bad.bytes[seeded_below(&random, spot & 1 ? 0x100 : image->size)] =
				(uint8_t)seeded_u64(&random);
		load_or_refuse(&bad, &images);
	}
}
