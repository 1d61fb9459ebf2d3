/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest is told of its physical addresses when it starts: the same for every kind of boot. */
#ifndef CORE_MACHINE_MEMORY_MAP_H
#define CORE_MACHINE_MEMORY_MAP_H

#include "core/memory.h"

#define MEMORY_MAP_ENTRIES_MAX 4

#define LOW_RAM_END_GPA 0x9fc00ull  /* where PCs have it */
#define HIGH_RAM_GPA	0x100000ull /* 1 MiB */

/* With the numbers of E820 (ACPI 6.5 table 15.4), PVH and multiboot alike. */
enum memory_map_kind { MEMORY_MAP_RAM = 1, MEMORY_MAP_RESERVED = 2 };

struct memory_map_entry {
	uint64_t gpa, size_bytes;
	enum memory_map_kind kind;
};

struct memory_map {
	unsigned entries;
	struct memory_map_entry entry[MEMORY_MAP_ENTRIES_MAX]; /* by address */
};

/* Describes memory, which has more than HIGH_RAM_GPA bytes. */
void memory_map_make(struct memory_map *map, const struct memory *memory);

#endif
