/* SPDX-License-Identifier: Apache-2.0 */
/* Multiboot specification 0.6.96: the header in the image, the information for the kernel. */
#include "core/base/bytes.h"
#include "core/machine/boot_parts.h"

#define HEADER_SEARCH_BYTES 8192
#define HEADER_MAGIC	    0x1badb002
#define HEADER_ALIGN	    4
#define BOOT_MAGIC	    0x2badb002
#define WANTS_VIDEO	    (1u << 2)
#define WANTS_UNKNOWN	    0xfff8u /* requirements that are not known here */
#define HAS_ADDRESSES	    (1u << 16)

#define INFO_BYTES	 120
#define INFO_MEMORY	 (1u << 0)
#define INFO_COMMAND	 (1u << 2)
#define INFO_MODULES	 (1u << 3)
#define INFO_MAP	 (1u << 6)
#define INFO_LOADER	 (1u << 9)
#define MODULE_BYTES	 16
#define MAP_ENTRY_BYTES	 24
#define INFO_MODULES_GPA (BOOT_INFO_GPA + 0x100)
#define INFO_MAP_GPA	 (INFO_MODULES_GPA + BOOT_MODULES_MAX * MODULE_BYTES)

_Static_assert(INFO_MAP_GPA + MEMORY_MAP_ENTRIES_MAX * MAP_ENTRY_BYTES <=
		       BOOT_INFO_GPA + BOOT_INFO_BYTES,
	       "multiboot's information has room");

struct header {
	size_t offset; /* in the file */
	uint32_t flags;
	uint32_t header_gpa, load_gpa, load_end_gpa, bss_end_gpa, entry; /* HAS_ADDRESSES */
};

static bool find_header(const uint8_t *image, size_t size_bytes, struct header *h)
{
	if (size_bytes > HEADER_SEARCH_BYTES)
		size_bytes = HEADER_SEARCH_BYTES;
	for (size_t at = 0; at + 12 <= size_bytes; at += HEADER_ALIGN) {
		struct byte_reader r = reader_over(image + at, size_bytes - at);
		uint32_t magic = reader_u32(&r), flags = reader_u32(&r), sum = reader_u32(&r);

		if (magic != HEADER_MAGIC || magic + flags + sum != 0)
			continue;
		*h = (struct header){.offset = at, .flags = flags};
		if (!(flags & HAS_ADDRESSES))
			return true;
		h->header_gpa = reader_u32(&r);
		h->load_gpa = reader_u32(&r);
		h->load_end_gpa = reader_u32(&r);
		h->bss_end_gpa = reader_u32(&r);
		h->entry = reader_u32(&r);
		return !r.failed;
	}
	return false;
}

bool boot_is_multiboot(const void *bytes, size_t size_bytes)
{
	struct header h;

	return find_header(bytes, size_bytes, &h);
}

/* ---- the kernel ---- */

/* By the addresses in the header (section 3.1.3). */
static int load_by_addresses(struct boot *b, const struct header *h, uint64_t *end_gpa,
			     struct err *err)
{
	uint64_t before = (uint64_t)h->header_gpa - h->load_gpa, size, end;
	uint64_t file_bytes = b->images->kernel_bytes;

	if (h->load_gpa > h->header_gpa || before > h->offset)
		return err_set(err, ERR_CORRUPT, "its multiboot header asks for bytes before it");
	file_bytes -= h->offset - before;
	size = h->load_end_gpa ? (uint64_t)h->load_end_gpa - h->load_gpa : file_bytes;
	end = h->bss_end_gpa > h->load_gpa + size ? h->bss_end_gpa : h->load_gpa + size;
	if (h->load_end_gpa && h->load_end_gpa < h->load_gpa)
		return err_set(err, ERR_CORRUPT, "its multiboot header ends before it starts");
	if (size > file_bytes)
		return err_set(err, ERR_TORN, "the multiboot image ends early");
	if (h->load_gpa < HIGH_RAM_GPA)
		return err_set(err, ERR_UNSUPPORTED,
			       "the multiboot image is to be loaded below 1 MiB");
	if (!memory_host(b->memory, h->load_gpa, end - h->load_gpa))
		return err_set(err, ERR_LIMIT, "the multiboot image lies outside of the RAM");
	*end_gpa = end;
	return memory_write(b->memory, h->load_gpa,
			    (const uint8_t *)b->images->kernel + (h->offset - before), size, err);
}

static int load_elf(struct boot *b, uint64_t *entry, uint64_t *end_gpa, struct err *err)
{
	struct elf_image e;
	int failed = elf_open(&e, b->images->kernel, b->images->kernel_bytes, err);

	if (!failed)
		failed = elf_load(&e, b->memory, HIGH_RAM_GPA, end_gpa, err);
	if (!failed && e.entry > UINT32_MAX)
		failed = err_set(err, ERR_CORRUPT, "its multiboot entry lies above 4 GiB");
	*entry = e.entry;
	return failed;
}

static int load_image(struct boot *b, uint64_t *entry, uint64_t *end_gpa, struct err *err)
{
	struct header h = {0};

	find_header(b->images->kernel, b->images->kernel_bytes, &h);
	if (h.flags & (WANTS_VIDEO | WANTS_UNKNOWN))
		return err_set(err, ERR_UNSUPPORTED,
			       "it asks for more than multiboot can give here (flags 0x%x)",
			       h.flags);
	if (!(h.flags & HAS_ADDRESSES))
		return load_elf(b, entry, end_gpa, err);
	*entry = h.entry;
	return load_by_addresses(b, &h, end_gpa, err);
}

/* ---- its information (section 3.3) ---- */

/* Modules follow the kernel, each on a page of its own. */
static int put_module(struct boot *b, unsigned number, uint64_t *end_gpa, struct err *err)
{
	const struct boot_module *m = &b->images->module[number];
	uint64_t gpa = (*end_gpa + MEM_PAGE_BYTES - 1) & ~(MEM_PAGE_BYTES - 1), text_gpa;
	uint8_t entry[MODULE_BYTES] = {0};
	int failed;

	if (gpa + m->size_bytes > UINT32_MAX || !memory_host(b->memory, gpa, m->size_bytes))
		return err_set(err, ERR_LIMIT, "module %u does not fit behind it", number);
	failed = memory_write(b->memory, gpa, m->bytes, m->size_bytes, err);
	if (!failed)
		failed = boot_put_string(b, "module's command line", m->command_line,
					 BOOT_COMMAND_LINE_BYTES, &text_gpa, err);
	if (failed)
		return failed;
	*end_gpa = gpa + m->size_bytes;
	put_le32(entry, (uint32_t)gpa);
	put_le32(entry + 4, (uint32_t)*end_gpa);
	put_le32(entry + 8, (uint32_t)text_gpa);
	return memory_write(b->memory, INFO_MODULES_GPA + number * MODULE_BYTES, entry,
			    sizeof(entry), err);
}

static int put_map(struct boot *b, struct err *err)
{
	int failed = 0;

	for (unsigned n = 0; n < b->map.entries && !failed; n++) {
		uint8_t entry[MAP_ENTRY_BYTES];

		put_le32(entry, MAP_ENTRY_BYTES - 4); /* bytes that follow */
		put_le64(entry + 4, b->map.entry[n].gpa);
		put_le64(entry + 12, b->map.entry[n].size_bytes);
		put_le32(entry + 20, b->map.entry[n].kind);
		failed = memory_write(b->memory, INFO_MAP_GPA + n * MAP_ENTRY_BYTES, entry,
				      sizeof(entry), err);
	}
	return failed;
}

static int put_info(struct boot *b, struct err *err)
{
	uint8_t info[INFO_BYTES] = {0};
	uint64_t text_gpa = 0, loader_gpa = 0;
	int failed = boot_put_string(b, "command line", b->images->command_line,
				     BOOT_COMMAND_LINE_BYTES, &text_gpa, err);

	if (!failed)
		failed = boot_put_string(b, "name", "understudy", BOOT_COMMAND_LINE_BYTES,
					 &loader_gpa, err);
	if (failed)
		return failed;
	put_le32(info, INFO_MEMORY | INFO_COMMAND | INFO_MODULES | INFO_MAP | INFO_LOADER);
	put_le32(info + 4, LOW_RAM_END_GPA >> 10);
	put_le32(info + 8, (uint32_t)((b->memory->region[0].size_bytes - HIGH_RAM_GPA) >> 10));
	put_le32(info + 16, (uint32_t)text_gpa);
	put_le32(info + 20, b->images->n_modules);
	put_le32(info + 24, INFO_MODULES_GPA);
	put_le32(info + 44, b->map.entries * MAP_ENTRY_BYTES);
	put_le32(info + 48, INFO_MAP_GPA);
	put_le32(info + 64, (uint32_t)loader_gpa);
	return memory_write(b->memory, BOOT_INFO_GPA, info, sizeof(info), err);
}

int boot_multiboot(struct boot *b, struct err *err)
{
	uint64_t entry = 0, end_gpa = 0;
	int failed = load_image(b, &entry, &end_gpa, err);

	for (unsigned n = 0; n < b->images->n_modules && !failed; n++)
		failed = put_module(b, n, &end_gpa, err);
	if (!failed)
		failed = put_map(b, err);
	if (!failed)
		failed = put_info(b, err);
	if (failed)
		return failed;
	b->bsp->gpr[X86_RAX] = BOOT_MAGIC;
	b->bsp->gpr[X86_RBX] = BOOT_INFO_GPA;
	return boot_enter32(b, entry, err);
}
