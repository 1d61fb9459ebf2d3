/* SPDX-License-Identifier: Apache-2.0 */
/* Tiny kernel images of every kind, whose fields tests then spoil, and a place to boot them. */
#ifndef TESTS_SUPPORT_BOOT_IMAGE_H
#define TESTS_SUPPORT_BOOT_IMAGE_H

#include "core/base/bytes.h"
#include "core/machine/boot.h"

#include <elf.h>

#define BOOT_IMAGE_BYTES 0x4000u /* room; kernels are smaller */
#define BOOT_KERNEL_GPA	 0x200000ull
#define BOOT_CODE_OFFSET 0x1000u /* in ELF files */

struct boot_image {
	uint8_t bytes[BOOT_IMAGE_BYTES];
	size_t size;
};

/* An x86-64 ELF file with one segment of 0x100 bytes and 0x2000 of memory at BOOT_KERNEL_GPA, which
 * begins with HLT, and a note segment: Xen's PVH entry to the same place, then Linux's. */
void boot_image_elf64(struct boot_image *image);
static inline Elf64_Phdr *boot_image_header64(struct boot_image *image, unsigned number)
{
	return (Elf64_Phdr *)(image->bytes + sizeof(Elf64_Ehdr)) + number;
}

/* An i386 ELF file of the same kind with a multiboot header with these flags in its segment. */
void boot_image_multiboot(struct boot_image *image, uint32_t flags);
static inline Elf32_Phdr *boot_image_header32(struct boot_image *image)
{
	return (Elf32_Phdr *)(image->bytes + sizeof(Elf32_Ehdr));
}

/* A bzImage for BOOT_KERNEL_GPA whose 64-bit entry is HLT. */
void boot_image_bzimage(struct boot_image *image);

/* Boots in memory of its own, without devices, and runs the boot processor to its first exit. */
struct booted {
	struct machine_config config;
	struct boot_images images; /* the test's to fill in before boot_image_boot() */
	struct memory *memory;
	struct vcpu_state bsp; /* as boot_load() left it */
	struct err err;
};

void boot_image_start(struct booted *b, uint64_t memory_bytes);
/* The kernel is copied to an allocation of its exact size first, so that sanitizers see overruns.
 * Returns what boot_load() does. */
int boot_image_load(struct booted *b, const struct boot_image *image);
/* And runs; fails the test unless the kernel is entered and halts. */
void boot_image_boot(struct booted *b, const struct boot_image *image);
void boot_image_end(struct booted *b);

static inline const void *booted_at(const struct booted *b, uint64_t gpa, size_t size)
{
	return memory_host(b->memory, gpa, size);
}

static inline uint32_t booted_u32(const struct booted *b, uint64_t gpa)
{
	return get_le32(memory_host(b->memory, gpa, 4));
}

static inline uint64_t booted_u64(const struct booted *b, uint64_t gpa)
{
	return get_le64(memory_host(b->memory, gpa, 8));
}

/* Boots every beginning of the image, and the image with bytes changed at random from a seed: each
 * must either load or be refused with a sentence. */
void boot_image_mistreat(const struct boot_image *image, unsigned changes, uint64_t seed);

#endif
