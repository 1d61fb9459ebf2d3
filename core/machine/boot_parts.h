/* SPDX-License-Identifier: Apache-2.0 */
/* Inside booting: what the kinds of kernel share. */
#ifndef CORE_MACHINE_BOOT_PARTS_H
#define CORE_MACHINE_BOOT_PARTS_H

#include "core/machine/boot.h"
#include "core/machine/elf_image.h"
#include "core/machine/memory_map.h"

#define BOOT_GDT_GPA	   0x1000ull
#define BOOT_INFO_GPA	   0x2000ull
#define BOOT_INFO_BYTES	   0x5000u
#define BOOT_PARAMS_GPA	   0x7000ull
#define BOOT_PAGES_GPA	   0x9000ull /* six pages */
#define BOOT_SEED_GPA	   0xf000ull
#define BOOT_STRINGS_GPA   0x10000ull
#define BOOT_STRINGS_BYTES 0x50000u
#define BOOT_PLACE_END_GPA 0x80000000ull /* kernels find what is placed below this */
#define BOOT_CODE32	   0x08		 /* selectors in the GDT */
#define BOOT_CODE64	   0x10
#define BOOT_DATA	   0x18
#define BOOT_TASK	   0x20

struct boot {
	struct memory *memory;
	const struct machine_config *config;
	const struct boot_images *images;
	struct vcpu_state *bsp;
	struct memory_map map;
	uint64_t strings_end_gpa; /* command lines so far */
};

/* ---- boot.c ---- */

/* A command line of at most limit_bytes with its terminator, in low memory. */
int boot_put_string(struct boot *b, const char *what, const char *text, size_t limit_bytes,
		    uint64_t *gpa, struct err *err);

/* Puts bytes page-aligned as high as they fit between lowest_gpa and end_gpa. */
int boot_place_high(struct boot *b, const char *what, const void *bytes, uint64_t size_bytes,
		    uint64_t lowest_gpa, uint64_t end_gpa, uint64_t *gpa, struct err *err);

/* Flat 32-bit protected mode without paging. */
int boot_enter32(struct boot *b, uint64_t entry, struct err *err);

/* 64-bit mode with the first 4 GiB mapped one to one. */
int boot_enter64(struct boot *b, uint64_t entry, struct err *err);

/* ---- one kind each: recognise and load ---- */

bool boot_is_bzimage(const void *bytes, size_t size_bytes);
int boot_bzimage(struct boot *b, struct err *err);

/* A Linux vmlinux whose segments have been loaded up to kernel_end_gpa. */
int boot_linux_elf(struct boot *b, uint64_t entry, uint64_t kernel_end_gpa, struct err *err);

int boot_elf(struct boot *b, struct err *err);

bool boot_is_multiboot(const void *bytes, size_t size_bytes);
int boot_multiboot(struct boot *b, struct err *err);

#endif
