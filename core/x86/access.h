/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory as instructions see it: segmentation, paging, RAM or MMIO, alignment checks and
 * data breakpoints.  Every function returns X86_OK, X86_FAULT or X86_EXIT and transfers all of
 * the bytes or none (a store that crosses a page is checked for both pages first; of one that ends
 * with X86_EXIT the bus may have taken a part, RAM has not).  Values are little-endian in memory; buffers are host
 * memory.
 */
#ifndef CORE_X86_ACCESS_H
#define CORE_X86_ACCESS_H

#include "core/x86/cpu.h"

/* What an access is allowed to do and on whose behalf. */
enum x86_access_bits {
	X86_ACCESS_READ = 0,
	X86_ACCESS_WRITE = 1,
	X86_ACCESS_CODE = 2,
	X86_ACCESS_SYSTEM = 4, /* implicit supervisor access: descriptor tables, TSS */
};

/* The longest transfer (FXSAVE). */
#define X86_ACCESS_MAX 512

/* seg:offset, offset already truncated to the address size.  Up to 16 bytes (load and store), up
 * to 512 (the block variants, for FXSAVE, FSAVE, ENTER, PUSHA: all pages checked first). */
enum x86_status x86_load(struct x86_cpu *c, unsigned seg, uint64_t offset, void *to,
			 unsigned size_bytes);
enum x86_status x86_store(struct x86_cpu *c, unsigned seg, uint64_t offset, const void *from,
			  unsigned size_bytes);

/* Reads bytes that the same instruction will write back: faults as the write would. */
enum x86_status x86_load_for_store(struct x86_cpu *c, unsigned seg, uint64_t offset, void *to,
				   unsigned size_bytes);

/* Only the checks of a load or store; access is X86_ACCESS_READ or X86_ACCESS_WRITE. */
enum x86_status x86_probe(struct x86_cpu *c, unsigned seg, uint64_t offset, unsigned size_bytes,
			  unsigned access);

/* Linear addresses; access combines enum x86_access_bits.  Up to X86_ACCESS_MAX bytes. */
enum x86_status x86_load_linear(struct x86_cpu *c, uint64_t linear, void *to, unsigned size_bytes,
				unsigned access);
enum x86_status x86_store_linear(struct x86_cpu *c, uint64_t linear, const void *from,
				 unsigned size_bytes, unsigned access);
/* Only the checks, and whether all of it is RAM. */
enum x86_status x86_probe_linear(struct x86_cpu *c, uint64_t linear, unsigned size_bytes,
				 unsigned access, bool *is_ram);

/* Segmentation alone: limit, type, canonical form and (CR0.AM) alignment checks; gives the linear
 * address.  Raises #SS for the stack segment, #GP for others, #AC. */
enum x86_status x86_linear(struct x86_cpu *c, unsigned seg, uint64_t offset, unsigned size_bytes,
			   unsigned access, uint64_t *linear);

/* Translates one linear address for access (walk, permission checks, A and D bits, TLB fill) and
 * gives the host address of that byte; *host is NULL and *gpa set when it is not RAM. */
enum x86_status x86_translate(struct x86_cpu *c, uint64_t linear, unsigned access, uint8_t **host,
			      uint64_t *gpa, bool *cacheable);

/* Instruction bytes at c->rip: at least need (1 to 15) and as many more, up to 15, as lie in pages
 * that those touch.  *got < need: c->event holds the fault that byte *got raises; otherwise the
 * event is untouched.  Asking for a byte sets accessed bits, so ask for no page that the
 * instruction does not reach: start with need 1, and while the decoder says X86_DECODE_SHORT ask
 * again with need = *got + 1.  Code outside RAM raises #GP(0). */
void x86_fetch(struct x86_cpu *c, uint8_t bytes[X86_INSN_MAX_BYTES], unsigned need, unsigned *got);

/* Pushes and pops of 2, 4 or 8 bytes with SP as wide as the stack segment says.  Nothing has
 * changed when they fail. */
enum x86_status x86_push(struct x86_cpu *c, unsigned size_bytes, uint64_t value);
enum x86_status x86_pop(struct x86_cpu *c, unsigned size_bytes, uint64_t *value);

/* SP truncated to the stack's width, and writing it back keeping the bits above. */
uint64_t x86_sp(const struct x86_cpu *c);
void x86_set_sp(struct x86_cpu *c, uint64_t sp);

#endif
