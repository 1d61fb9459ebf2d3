/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest pages that the interpreter knows something about: decoded code, cached translations.
 * Such pages are marked in core/memory.h's watch bytes and never in a write TLB, so that every
 * write to them comes by here first.
 */
#ifndef CORE_ENGINE_INTERPRET_WATCH_H
#define CORE_ENGINE_INTERPRET_WATCH_H

#include "core/engine/interpret/soft.h"

/* Code of this page is being decoded, or translations are being made from it.  page: its number
 * in memory. */
void watch_code(struct soft *soft, uint64_t page);
void watch_table(struct soft *soft, uint64_t page);

/* len_bytes at gpa, within one page that is marked, are about to change, the old bytes still in
 * place: forgets what depended on them.  vCPUs notice before their next instruction
 * (cpu.resync, tlb.generation). */
void watch_changing(struct soft *soft, uint64_t gpa, uint64_t len_bytes);

/* A page is wanted for writing, which is also how the page walk sets accessed and dirty bits.  It
 * announces no bytes; if the page holds paging structures and code at once, its code is forgotten
 * as a whole. */
void watch_entry_bits(struct soft *soft, uint64_t page);

/* Forgets all blocks and starts a new generation. */
void watch_forget_code(struct soft *soft);

#endif
