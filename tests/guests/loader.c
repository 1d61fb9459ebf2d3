/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/loader.h"

#include "guests/lib/multiboot.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INFO_GPA	 0x9f000
#define COMMAND_LINE_GPA 0x9f100
#define FILE_BYTES_MAX	 (64u << 20)
#define HEADER_SEARCH	 8192

struct file {
	uint8_t *bytes;
	size_t size;
};

static int file_read(struct file *f, const char *path, struct err *err)
{
	FILE *in = fopen(path, "rb");
	long size;

	if (!in)
		return err_system(err, "%s", path);
	fseek(in, 0, SEEK_END);
	size = ftell(in);
	rewind(in);
	f->bytes = size > 0 && size <= (long)FILE_BYTES_MAX ? malloc((size_t)size) : NULL;
	f->size = f->bytes ? fread(f->bytes, 1, (size_t)size, in) : 0;
	fclose(in);
	if (!f->bytes || f->size != (size_t)size) {
		free(f->bytes);
		return err_set(err, ERR_INVALID, "%s: cannot be read as a guest", path);
	}
	return 0;
}

static const void *file_at(const struct file *f, uint64_t offset, uint64_t size_bytes)
{
	return offset <= f->size && size_bytes <= f->size - offset ? f->bytes + offset : NULL;
}

static bool has_multiboot_header(const struct file *f)
{
	for (size_t i = 0; i + 12 <= f->size && i < HEADER_SEARCH; i += 4) {
		uint32_t word[3];

		memcpy(word, f->bytes + i, sizeof(word));
		if (word[0] == MULTIBOOT_HEADER_MAGIC && word[0] + word[1] + word[2] == 0)
			return true;
	}
	return false;
}

static int load_segment(struct memory *memory, const struct file *f, uint64_t gpa, uint64_t offset,
			uint64_t file_bytes, uint64_t memory_bytes, struct err *err)
{
	const void *bytes = file_at(f, offset, file_bytes);

	if (!bytes || file_bytes > memory_bytes || !memory_host(memory, gpa, memory_bytes))
		return err_set(err, ERR_CORRUPT, "a segment lies outside of the file or the RAM");
	return memory_write(memory, gpa, bytes, file_bytes, err);
}

static uint64_t find_results32(const struct file *f, const Elf32_Ehdr *e)
{
	for (unsigned s = 0; s < e->e_shnum; s++) {
		const Elf32_Shdr *table =
			file_at(f, e->e_shoff + s * sizeof(*table), sizeof(*table));
		const Elf32_Shdr *names;

		if (!table || table->sh_type != SHT_SYMTAB)
			continue;
		names = file_at(f, e->e_shoff + table->sh_link * sizeof(*names), sizeof(*names));
		for (uint32_t i = 0; names && i < table->sh_size / sizeof(Elf32_Sym); i++) {
			const Elf32_Sym *symbol =
				file_at(f, table->sh_offset + i * sizeof(*symbol), sizeof(*symbol));
			const char *name;

			if (!symbol)
				break;
			name = file_at(f, names->sh_offset + symbol->st_name, 14);
			if (name && !memcmp(name, "guest_results", 14))
				return symbol->st_value;
		}
	}
	return 0;
}

static int load_elf32(struct memory *memory, const struct file *f, uint32_t *entry,
		      struct loaded_guest *loaded, struct err *err)
{
	const Elf32_Ehdr *e = file_at(f, 0, sizeof(*e));

	if (!e || memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_ident[EI_CLASS] != ELFCLASS32)
		return err_set(err, ERR_INVALID, "not an ELF file for i386");
	for (unsigned i = 0; i < e->e_phnum; i++) {
		const Elf32_Phdr *p = file_at(f, e->e_phoff + i * sizeof(*p), sizeof(*p));
		int failed;

		if (!p)
			return err_set(err, ERR_CORRUPT, "program headers end early");
		if (p->p_type != PT_LOAD)
			continue;
		failed = load_segment(memory, f, p->p_paddr, p->p_offset, p->p_filesz, p->p_memsz,
				      err);
		if (failed)
			return failed;
	}
	*entry = e->e_entry;
	loaded->results_gpa = find_results32(f, e);
	return 0;
}

static int leave_boot_information(struct memory *memory, const char *command_line, struct err *err)
{
	struct multiboot_info info = {
		.flags = 1 | MULTIBOOT_HAS_CMDLINE,
		.mem_lower = INFO_GPA / 1024,
		.mem_upper = (uint32_t)((memory->size_bytes >> 10) - 1024),
		.cmdline = COMMAND_LINE_GPA,
	};
	int failed = memory_write(memory, INFO_GPA, &info, sizeof(info), err);

	if (failed)
		return failed;
	return memory_write(memory, COMMAND_LINE_GPA, command_line, strlen(command_line) + 1, err);
}

static void entry_state(struct vcpu_state *s, uint32_t entry)
{
	const uint16_t data = 0x3 | X86_SEG_S | X86_SEG_P | X86_SEG_DB | X86_SEG_G;
	const struct x86_segment flat = {.limit = 0xffffffff, .selector = 0x10, .attr = data};

	for (unsigned i = X86_ES; i <= X86_GS; i++)
		s->seg[i] = flat;
	s->seg[X86_CS].selector = 0x08;
	s->seg[X86_CS].attr |= 0x8;
	s->cr0 = 0x11; /* PE ET */
	s->gpr[X86_RAX] = MULTIBOOT_BOOT_MAGIC;
	s->gpr[X86_RBX] = INFO_GPA;
	s->rip = entry;
	s->rflags = 2;
}

int guest_load(struct memory *memory, const char *path, const char *command_line,
	       struct vcpu_state *state, struct loaded_guest *loaded, struct err *err)
{
	struct file f = {0};
	uint32_t entry = 0;
	int failed = file_read(&f, path, err);

	if (failed)
		return failed;
	if (!has_multiboot_header(&f))
		failed = err_set(err, ERR_INVALID, "no multiboot header");
	if (!failed)
		failed = load_elf32(memory, &f, &entry, loaded, err);
	if (!failed)
		failed = leave_boot_information(memory, command_line, err);
	if (!failed)
		entry_state(state, entry);
	free(f.bytes);
	return failed ? err_wrap(err, "%s", path) : 0;
}
