/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/memory_map.h"

static void add(struct memory_map *map, uint64_t gpa, uint64_t end_gpa, enum memory_map_kind kind)
{
	map->entry[map->entries++] = (struct memory_map_entry){gpa, end_gpa - gpa, kind};
}

void memory_map_make(struct memory_map *map, const struct memory *memory)
{
	map->entries = 0;
	add(map, 0, LOW_RAM_END_GPA, MEMORY_MAP_RAM);
	add(map, LOW_RAM_END_GPA, HIGH_RAM_GPA, MEMORY_MAP_RESERVED);
	add(map, HIGH_RAM_GPA, memory->region[0].size_bytes, MEMORY_MAP_RAM);
	for (unsigned n = 1; n < memory->regions; n++) {
		const struct memory_region *r = &memory->region[n];

		add(map, r->gpa, r->gpa + r->size_bytes, MEMORY_MAP_RAM);
	}
}
