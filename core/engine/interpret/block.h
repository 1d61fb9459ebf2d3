/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of decoded blocks: keyed by guest-physical address and mode, so that one decoding
 * serves every address space and every vCPU.
 *
 * A block lies within one page, except that a single instruction that crosses into the next page
 * is a block of its own.  Blocks of a page live and die together: when bytes that were decoded
 * change, all blocks that touch the page are forgotten, and therefore a direct branch may be
 * linked to its target for good if both lie wholly in the same page.  Forgotten blocks stay in
 * memory, so that a vCPU may finish the instruction it is in, until the cache is emptied because
 * its memory is used up; that happens only between blocks.
 */
#ifndef CORE_ENGINE_INTERPRET_BLOCK_H
#define CORE_ENGINE_INTERPRET_BLOCK_H

#include "core/engine/interpret/soft.h"

#define BLOCK_INSNS_MAX 64

/* An empty cache for code in memory (borrowed) with room_bytes, at least 1 MiB, for blocks; NULL
 * with err set on failure. */
struct block_cache *block_cache_create(struct memory *memory, size_t room_bytes, struct err *err);
void block_cache_destroy(struct block_cache *cache);

/* The block for code at gpa in mode, or NULL.  If it crosses into another page, the caller must
 * check that the page that follows in the linear address space is still gpa_last_page. */
struct block *block_cache_find(struct block_cache *cache, uint64_t gpa, uint32_t mode);

/* True when there may not be room for one more block: empty the cache first. */
bool block_cache_full(const struct block_cache *cache);

/* Room for a block of up to BLOCK_INSNS_MAX + 1 uops; the caller fills in gpa, gpa_last_page,
 * mode, n_insns, n_bytes and uops, then adds it.  If it is not added, the next reservation has
 * the same place. */
struct block *block_cache_reserve(struct block_cache *cache);
void block_cache_add(struct block_cache *cache, struct block *block, unsigned n_uops);

/* Forgets all blocks; no vCPU may be inside one. */
void block_cache_empty(struct block_cache *cache);

/* len_bytes at gpa (within one page) are about to change: forgets all blocks of the page if any
 * of them may have been decoded from those bytes.  True when blocks were forgotten. */
bool block_cache_changing(struct block_cache *cache, uint64_t gpa, unsigned len_bytes);

/* The block at the vCPU's rip, found or newly decoded (build.c); NULL when the instruction there
 * must be left to x86_step(): its fetch faults, it is undefined, or it is not in RAM. */
const struct block *block_at_rip(struct soft_vcpu *v);

#endif
