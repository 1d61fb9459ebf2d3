/* SPDX-License-Identifier: Apache-2.0 */
/* ELF kernels: by PVH (Xen, xen/include/public/arch-x86/hvm/start_info.h), or Linux directly. */
#include "core/base/bytes.h"
#include "core/machine/acpi_tables.h"
#include "core/machine/boot_parts.h"

#include <elf.h>

#define PVH_NOTE_OWNER	  "Xen"
#define PVH_NOTE_ENTRY	  18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define LINUX_NOTE_OWNER  "Linux"
#define START_INFO_MAGIC  0x336ec578
#define START_INFO_BYTES  56
#define MODULE_BYTES	  32
#define MAP_ENTRY_BYTES	  24
#define MODULES_ALL_MAX	  (BOOT_MODULES_MAX + 1) /* and the initrd */
#define START_MODULES_GPA (BOOT_INFO_GPA + 0x100)
#define START_MAP_GPA	  (START_MODULES_GPA + MODULES_ALL_MAX * MODULE_BYTES)

_Static_assert(START_MAP_GPA + MEMORY_MAP_ENTRIES_MAX * MAP_ENTRY_BYTES <=
		       BOOT_INFO_GPA + BOOT_INFO_BYTES,
	       "PVH's information has room");

static int put_module(struct boot *b, unsigned number, const struct boot_module *m,
		      uint64_t kernel_end_gpa, uint64_t *end_gpa, struct err *err)
{
	uint8_t entry[MODULE_BYTES] = {0};
	uint64_t gpa, text_gpa;
	int failed = boot_place_high(b, number ? "module" : "initrd", m->bytes, m->size_bytes,
				     kernel_end_gpa, *end_gpa, &gpa, err);

	if (!failed)
		failed = boot_put_string(b, "module's command line", m->command_line,
					 BOOT_COMMAND_LINE_BYTES, &text_gpa, err);
	if (failed)
		return failed;
	*end_gpa = gpa;
	put_le64(entry, gpa);
	put_le64(entry + 8, m->size_bytes);
	put_le64(entry + 16, text_gpa);
	return memory_write(b->memory, START_MODULES_GPA + number * MODULE_BYTES, entry,
			    sizeof(entry), err);
}

/* The initrd is the first module.  Returns how many there are in *count. */
static int put_modules(struct boot *b, uint64_t kernel_end_gpa, unsigned *count, struct err *err)
{
	const struct boot_images *i = b->images;
	const struct boot_module initrd = {i->initrd, i->initrd_bytes, NULL};
	uint64_t end_gpa = BOOT_PLACE_END_GPA;
	int failed = 0;

	*count = 0;
	if (i->initrd_bytes)
		failed = put_module(b, (*count)++, &initrd, kernel_end_gpa, &end_gpa, err);
	for (unsigned n = 0; n < i->n_modules && !failed; n++)
		failed = put_module(b, (*count)++, &i->module[n], kernel_end_gpa, &end_gpa, err);
	return failed;
}

static int put_map(struct boot *b, struct err *err)
{
	for (unsigned n = 0; n < b->map.entries; n++) {
		uint8_t entry[MAP_ENTRY_BYTES] = {0};
		int failed;

		put_le64(entry, b->map.entry[n].gpa);
		put_le64(entry + 8, b->map.entry[n].size_bytes);
		put_le32(entry + 16, b->map.entry[n].kind);
		failed = memory_write(b->memory, START_MAP_GPA + n * MAP_ENTRY_BYTES, entry,
				      sizeof(entry), err);
		if (failed)
			return failed;
	}
	return 0;
}

static int enter_pvh(struct boot *b, uint32_t entry, uint64_t kernel_end_gpa, struct err *err)
{
	uint8_t info[START_INFO_BYTES] = {0};
	uint64_t text_gpa = 0;
	unsigned modules = 0;
	int failed = boot_put_string(b, "command line", b->images->command_line,
				     BOOT_COMMAND_LINE_BYTES, &text_gpa, err);

	if (!failed)
		failed = put_modules(b, kernel_end_gpa, &modules, err);
	if (!failed)
		failed = put_map(b, err);
	if (failed)
		return failed;
	put_le32(info, START_INFO_MAGIC);
	put_le32(info + 4, 1); /* version: has a memory map */
	put_le32(info + 12, modules);
	put_le64(info + 16, modules ? START_MODULES_GPA : 0);
	put_le64(info + 24, text_gpa);
	put_le64(info + 32, ACPI_TABLES_GPA);
	put_le64(info + 40, START_MAP_GPA);
	put_le32(info + 48, b->map.entries);
	failed = memory_write(b->memory, BOOT_INFO_GPA, info, sizeof(info), err);
	b->bsp->gpr[X86_RBX] = BOOT_INFO_GPA;
	return failed ? failed : boot_enter32(b, entry, err);
}

/* The physical address of the ELF entry, which Linux gives as a virtual or a physical one. */
static bool entry_gpa(const struct elf_image *e, uint64_t *gpa)
{
	for (unsigned n = 0; n < e->n_headers; n++) {
		struct elf_segment s;

		if (elf_segment(e, n, &s, NULL) || s.type != PT_LOAD)
			continue;
		if (e->entry - s.gpa < s.file_bytes)
			*gpa = e->entry;
		else if (e->entry - s.virtual_address < s.file_bytes)
			*gpa = s.gpa + (e->entry - s.virtual_address);
		else
			continue;
		return true;
	}
	return false;
}

int boot_elf(struct boot *b, struct err *err)
{
	struct elf_image e;
	uint64_t end_gpa, entry;
	uint32_t size;
	const void *note;
	int failed = elf_open(&e, b->images->kernel, b->images->kernel_bytes, err);

	if (!failed && (!e.is64 || e.machine != EM_X86_64))
		failed = err_set(err, ERR_UNSUPPORTED,
				 "a 32-bit ELF file without a multiboot header");
	if (!failed)
		failed = elf_load(&e, b->memory, HIGH_RAM_GPA, &end_gpa, err);
	if (failed)
		return failed;
	if (b->images->has_seed && elf_note(&e, LINUX_NOTE_OWNER, 0, &size) &&
	    entry_gpa(&e, &entry))
		return boot_linux_elf(b, entry, end_gpa, err);
	note = elf_note(&e, PVH_NOTE_OWNER, PVH_NOTE_ENTRY, &size);
	if (!note || size < sizeof(uint32_t))
		return err_set(err, ERR_UNSUPPORTED, "an ELF file without a PVH entry");
	return enter_pvh(b, get_le32(note), end_gpa, err);
}
