/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/interpret/watch.h"

#include "core/engine/interpret/block.h"

#include <string.h>

/* Present and accessed: a translation may have been made from the entry (core/x86/tlb.h). */
#define ENTRY_USED 0x21u

static void flush_writes(struct soft *soft)
{
	for (unsigned n = 0; n < soft->config.n_vcpus; n++)
		tlb_flush_writes(&soft->vcpu[n]->cpu.tlb);
}

static void mark(struct soft *soft, uint64_t page, uint8_t bit)
{
	*memory_page_watch(soft->config.memory, page) |= bit;
	flush_writes(soft);
}

void watch_code(struct soft *soft, uint64_t page)
{
	if (!(*memory_page_watch(soft->config.memory, page) & MEM_PAGE_CODE))
		mark(soft, page, MEM_PAGE_CODE);
}

static void forget_translations(struct soft *soft)
{
	for (size_t n = 0; n < soft->n_tables; n++)
		*memory_page_watch(soft->config.memory, soft->table[n]) &= (uint8_t)~MEM_PAGE_TABLE;
	soft->n_tables = 0;
	for (unsigned n = 0; n < soft->config.n_vcpus; n++) {
		tlb_flush(&soft->vcpu[n]->cpu.tlb);
		soft->vcpu[n]->cpu.resync = true;
	}
}

void watch_table(struct soft *soft, uint64_t page)
{
	if (*memory_page_watch(soft->config.memory, page) & MEM_PAGE_TABLE)
		return;
	soft->table[soft->n_tables++] = page;
	mark(soft, page, MEM_PAGE_TABLE);
}

/* True when one of the paging-structure entries that lie in these bytes was in use.  Entries are
 * 4 or 8 bytes; both have the bits in their first byte, so every doubleword is looked at. */
static bool entries_used(const struct soft *soft, uint64_t gpa, uint64_t len_bytes)
{
	uint64_t at = gpa & ~7ull, end = (gpa + len_bytes + 7) & ~7ull;

	for (; at < end; at += 4) {
		const void *host = memory_host(soft->config.memory, at, 4);
		uint32_t entry;

		memcpy(&entry, host, 4);
		if ((entry & ENTRY_USED) == ENTRY_USED)
			return true;
	}
	return false;
}

static void new_generation(struct soft *soft)
{
	for (unsigned n = 0; n < soft->config.n_vcpus; n++) {
		soft->vcpu[n]->cpu.tlb.generation++;
		soft->vcpu[n]->cpu.resync = true;
	}
}

void watch_changing(struct soft *soft, uint64_t gpa, uint64_t len_bytes)
{
	uint64_t page = memory_page_number(soft->config.memory, gpa);
	uint8_t watch = *memory_page_watch(soft->config.memory, page);

	if (watch & MEM_PAGE_TABLE && entries_used(soft, gpa, len_bytes))
		forget_translations(soft);
	if (watch & MEM_PAGE_CODE && block_cache_changing(soft->blocks, gpa, (unsigned)len_bytes))
		new_generation(soft);
}

void watch_entry_bits(struct soft *soft, uint64_t page)
{
	uint8_t both = MEM_PAGE_CODE | MEM_PAGE_TABLE;
	uint64_t gpa = memory_page_gpa(soft->config.memory, page);

	if ((*memory_page_watch(soft->config.memory, page) & both) == both &&
	    block_cache_changing(soft->blocks, gpa, MEM_PAGE_BYTES))
		new_generation(soft);
}

void watch_forget_code(struct soft *soft)
{
	block_cache_empty(soft->blocks);
	new_generation(soft);
}
