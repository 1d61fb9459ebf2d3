/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/elf_image.h"

#include "core/base/bytes.h"

#include <elf.h>

bool elf_recognise(const void *bytes, size_t size_bytes)
{
	return size_bytes >= SELFMAG && !memcmp(bytes, ELFMAG, SELFMAG);
}

/* The fields of both classes in the same form. */
static void read_header(struct elf_image *e, unsigned *type)
{
	Elf64_Ehdr h;
	Elf32_Ehdr h32;

	if (e->is64) {
		memcpy(&h, e->bytes, sizeof(h));
		*type = h.e_type;
		e->machine = h.e_machine;
		e->entry = h.e_entry;
		e->headers_at = h.e_phoff;
		e->n_headers = h.e_phnum;
		e->header_bytes = h.e_phentsize;
	} else {
		memcpy(&h32, e->bytes, sizeof(h32));
		*type = h32.e_type;
		e->machine = h32.e_machine;
		e->entry = h32.e_entry;
		e->headers_at = h32.e_phoff;
		e->n_headers = h32.e_phnum;
		e->header_bytes = h32.e_phentsize;
	}
}

static int check_headers(const struct elf_image *e, unsigned type, struct err *err)
{
	size_t expected = e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	if (type != ET_EXEC && type != ET_DYN)
		return err_set(err, ERR_UNSUPPORTED, "ELF file of type %u is no executable", type);
	if (e->machine != EM_X86_64 && e->machine != EM_386)
		return err_set(err, ERR_UNSUPPORTED, "ELF file for machine %u, not for x86",
			       e->machine);
	if (!e->n_headers || e->n_headers > ELF_SEGMENTS_MAX || e->header_bytes != expected)
		return err_set(err, ERR_CORRUPT, "ELF file with %u program headers of %u bytes",
			       e->n_headers, e->header_bytes);
	if (e->headers_at > e->size_bytes ||
	    e->n_headers * expected > e->size_bytes - e->headers_at)
		return err_set(err, ERR_TORN, "ELF file ends before its program headers do");
	return 0;
}

int elf_open(struct elf_image *image, const void *bytes, size_t size_bytes, struct err *err)
{
	unsigned type;

	*image = (struct elf_image){.bytes = bytes, .size_bytes = size_bytes};
	if (!elf_recognise(bytes, size_bytes))
		return err_set(err, ERR_INVALID, "not an ELF file");
	if (size_bytes <= EI_DATA ||
	    (image->bytes[EI_CLASS] != ELFCLASS64 && image->bytes[EI_CLASS] != ELFCLASS32))
		return err_set(err, ERR_CORRUPT, "ELF file of no known class");
	image->is64 = image->bytes[EI_CLASS] == ELFCLASS64;
	if (size_bytes < (image->is64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)))
		return err_set(err, ERR_TORN, "ELF file ends within its header");
	if (image->bytes[EI_DATA] != ELFDATA2LSB)
		return err_set(err, ERR_UNSUPPORTED, "ELF file in big-endian order");
	read_header(image, &type);
	return check_headers(image, type, err);
}

static void read_segment(const struct elf_image *e, unsigned number, struct elf_segment *s)
{
	const uint8_t *at = e->bytes + e->headers_at + (uint64_t)number * e->header_bytes;
	Elf64_Phdr h;
	Elf32_Phdr h32;

	if (e->is64) {
		memcpy(&h, at, sizeof(h));
		*s = (struct elf_segment){h.p_type,  h.p_flags, h.p_offset, h.p_filesz,
					  h.p_vaddr, h.p_paddr, h.p_memsz};
	} else {
		memcpy(&h32, at, sizeof(h32));
		*s = (struct elf_segment){h32.p_type,  h32.p_flags, h32.p_offset, h32.p_filesz,
					  h32.p_vaddr, h32.p_paddr, h32.p_memsz};
	}
}

int elf_segment(const struct elf_image *image, unsigned number, struct elf_segment *segment,
		struct err *err)
{
	read_segment(image, number, segment);
	if (segment->offset > image->size_bytes ||
	    segment->file_bytes > image->size_bytes - segment->offset)
		return err_set(err, ERR_TORN, "ELF file ends before its segment %u does", number);
	return 0;
}

/* ---- notes ---- */

/* The next note's content in *size_bytes and its owner and type; NULL at the end. */
static const void *next_note(struct byte_reader *r, const char **owner, uint32_t *owner_bytes,
			     uint32_t *type, uint32_t *size_bytes)
{
	const void *content;

	*owner_bytes = reader_u32(r);
	*size_bytes = reader_u32(r);
	*type = reader_u32(r);
	*owner = reader_take(r, ((uint64_t)*owner_bytes + 3) & ~3ull);
	content = reader_take(r, *size_bytes);
	reader_take(r, -(uint64_t)*size_bytes & 3 & (reader_left(r) ? 3 : 0));
	return content;
}

static const void *find_note(struct byte_reader r, const char *owner, uint32_t type,
			     uint32_t *size_bytes)
{
	const char *its_owner;
	uint32_t owner_bytes, its_type;

	while (reader_left(&r)) {
		const void *content =
			next_note(&r, &its_owner, &owner_bytes, &its_type, size_bytes);

		if (!content)
			return NULL;
		if (owner_bytes == strlen(owner) + 1 && !memcmp(its_owner, owner, owner_bytes) &&
		    (!type || type == its_type))
			return content;
	}
	return NULL;
}

const void *elf_note(const struct elf_image *image, const char *owner, uint32_t type,
		     uint32_t *size_bytes)
{
	for (unsigned n = 0; n < image->n_headers; n++) {
		struct elf_segment s;
		const void *content;

		if (elf_segment(image, n, &s, NULL) || s.type != PT_NOTE)
			continue;
		content = find_note(reader_over(image->bytes + s.offset, s.file_bytes), owner, type,
				    size_bytes);
		if (content)
			return content;
	}
	return NULL;
}

/* ---- loading ---- */

static bool overlaps(const struct elf_image *e, unsigned number, const struct elf_segment *s)
{
	for (unsigned n = 0; n < number; n++) {
		struct elf_segment other;

		read_segment(e, n, &other);
		if (other.type == PT_LOAD && other.gpa < s->gpa + s->memory_bytes &&
		    s->gpa < other.gpa + other.memory_bytes)
			return true;
	}
	return false;
}

static int load_segment(const struct elf_image *e, unsigned number, const struct elf_segment *s,
			struct memory *memory, uint64_t lowest_gpa, struct err *err)
{
	if (s->file_bytes > s->memory_bytes)
		return err_set(err, ERR_CORRUPT, "segment %u has more bytes than memory", number);
	if (s->gpa < lowest_gpa)
		return err_set(err, ERR_UNSUPPORTED, "segment %u at 0x%llx lies below 0x%llx",
			       number, (unsigned long long)s->gpa, (unsigned long long)lowest_gpa);
	if (!memory_host(memory, s->gpa, s->memory_bytes))
		return err_set(err, ERR_LIMIT,
			       "segment %u (%llu bytes at 0x%llx) lies outside of the RAM", number,
			       (unsigned long long)s->memory_bytes, (unsigned long long)s->gpa);
	if (overlaps(e, number, s))
		return err_set(err, ERR_CORRUPT, "segment %u lies over an earlier one", number);
	return memory_write(memory, s->gpa, e->bytes + s->offset, s->file_bytes, err);
}

int elf_load(const struct elf_image *image, struct memory *memory, uint64_t lowest_gpa,
	     uint64_t *end_gpa, struct err *err)
{
	*end_gpa = 0;
	for (unsigned n = 0; n < image->n_headers; n++) {
		struct elf_segment s;
		int failed = elf_segment(image, n, &s, err);

		if (failed)
			return failed;
		if (s.type != PT_LOAD || !s.memory_bytes)
			continue;
		failed = load_segment(image, n, &s, memory, lowest_gpa, err);
		if (failed)
			return failed;
		if (s.gpa + s.memory_bytes > *end_gpa)
			*end_gpa = s.gpa + s.memory_bytes;
	}
	if (!*end_gpa)
		return err_set(err, ERR_CORRUPT, "ELF file with nothing to load");
	return 0;
}
