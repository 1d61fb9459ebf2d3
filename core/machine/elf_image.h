/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads ELF executables, of 32 and 64 bits, as loaders see them: segments and notes.  The file is
 * hostile: everything is checked against its size before it is used.
 */
#ifndef CORE_MACHINE_ELF_IMAGE_H
#define CORE_MACHINE_ELF_IMAGE_H

#include "core/base/err.h"
#include "core/memory.h"

#define ELF_SEGMENTS_MAX 64

struct elf_image {
	const uint8_t *bytes; /* the caller's */
	uint64_t size_bytes;
	bool is64;
	uint16_t machine; /* EM_386 or EM_X86_64 */
	uint64_t entry;
	uint64_t headers_at; /* program headers in the file */
	unsigned n_headers, header_bytes;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, file_bytes;
	uint64_t virtual_address, gpa, memory_bytes;
};

/* True when the bytes begin like an ELF file's. */
bool elf_recognise(const void *bytes, size_t size_bytes);

/* Checks the headers.  bytes must outlive image. */
int elf_open(struct elf_image *image, const void *bytes, size_t size_bytes, struct err *err);

/* The segment of that number, below image->n_headers; its bytes lie within the file. */
int elf_segment(const struct elf_image *image, unsigned number, struct elf_segment *segment,
		struct err *err);

/* The content of the note of that owner and type, or NULL.  type 0: any. */
const void *elf_note(const struct elf_image *image, const char *owner, uint32_t type,
		     uint32_t *size_bytes);

/* Copies all PT_LOAD segments to their physical addresses, which must be fresh memory, zero, at
 * lowest_gpa or above, and not overlap.  *end_gpa: behind the last of them. */
int elf_load(const struct elf_image *image, struct memory *memory, uint64_t lowest_gpa,
	     uint64_t *end_gpa, struct err *err);

#endif
