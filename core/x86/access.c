/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of an access: segment and offset -> linear address (x86_linear) -> one or two pieces of
 * guest-physical memory, none of which crosses a page (span_translate) -> RAM by copying, MMIO by
 * asking the world (span_read, span_write).  All checks of all pieces come before the first byte
 * moves.
 *
 * Ordinary accesses that hit the software TLB skip all that: a page is in the current set only if
 * any access of that kind to it would pass, and the segments that matter are then flat.  In
 * X86_MODE_CAREFUL the short way is closed.
 */
#include "core/x86/access.h"

#include "core/x86/fault.h"
#include "core/x86/page_walk.h"

#include <string.h>

#define SEG_TYPE_CODE	     8
#define SEG_TYPE_EXPAND_DOWN 4 /* data */
#define SEG_TYPE_RW	     2 /* data: writable; code: readable */

#define PIECES_MAX 2

struct span {
	unsigned pieces;
	struct piece {
		uint8_t *host; /* NULL: MMIO */
		uint64_t gpa;
		unsigned len_bytes;
		bool cacheable;
	} piece[PIECES_MAX];
};

static inline void copy_bytes(void *to, const void *from, unsigned n)
{
	switch (n) {
	case 1: memcpy(to, from, 1); break;
	case 2: memcpy(to, from, 2); break;
	case 4: memcpy(to, from, 4); break;
	case 8: memcpy(to, from, 8); break;
	case 16: memcpy(to, from, 16); break;
	default: memcpy(to, from, n);
	}
}

/* ---- segmentation ---- */

static enum x86_status segment_fault(struct x86_cpu *c, unsigned seg)
{
	return x86_raise_error(c, seg == X86_SS ? X86_SS_FAULT : X86_GP, 0);
}

static bool type_allows(const struct x86_segment *s, unsigned access)
{
	if (s->attr & SEG_TYPE_CODE)
		return !(access & X86_ACCESS_WRITE) && s->attr & SEG_TYPE_RW;
	return !(access & X86_ACCESS_WRITE) || s->attr & SEG_TYPE_RW;
}

static bool within_limit(const struct x86_segment *s, uint64_t offset, unsigned size_bytes)
{
	uint64_t last = offset + size_bytes - 1;
	unsigned kind = s->attr & (X86_SEG_S | SEG_TYPE_CODE | SEG_TYPE_EXPAND_DOWN);

	if (kind == (X86_SEG_S | SEG_TYPE_EXPAND_DOWN))
		return offset > s->limit && last <= (s->attr & X86_SEG_DB ? 0xffffffff : 0xffff);
	return last <= s->limit;
}

/* Most operands are aligned to their size; the odd ones follow SDM vol. 3A table 6-7, where
 * 14 and 94 bytes are the x87 environment and state with 16-bit operands. */
static unsigned required_alignment(unsigned size_bytes)
{
	switch (size_bytes) {
	case 1:
	case 2:
	case 4:
	case 8:
	case 16: return size_bytes;
	case 10: return 8;
	case 14:
	case 94: return 2;
	default: return 4;
	}
}

static bool is_misaligned(const struct x86_cpu *c, uint64_t linear, unsigned size_bytes)
{
	return c->cpl == 3 && c->cr0 & CR0_AM && c->rflags & X86_AC_FLAG &&
	       linear & (required_alignment(size_bytes) - 1);
}

enum x86_status x86_linear(struct x86_cpu *c, unsigned seg, uint64_t offset, unsigned size_bytes,
			   unsigned access, uint64_t *linear)
{
	const struct x86_segment *s = &c->seg[seg];
	uint64_t at;

	if (x86_is_64(c)) {
		at = offset + (seg >= X86_FS ? s->base : 0);
		if (!x86_is_canonical(at) || !x86_is_canonical(at + size_bytes - 1))
			return segment_fault(c, seg);
	} else {
		if (!x86_is_real(c) && (s->attr & X86_SEG_UNUSABLE || !type_allows(s, access)))
			return segment_fault(c, seg);
		if (!within_limit(s, offset, size_bytes))
			return segment_fault(c, seg);
		at = (uint32_t)(s->base + offset);
	}
	if (c->mode & X86_MODE_CAREFUL && is_misaligned(c, at, size_bytes))
		return x86_raise_error(c, X86_AC, 0);
	*linear = at;
	return X86_OK;
}

/* The linear address where no check can fail, given that the TLB knows the page: an address that
 * is not canonical or not below 4 GiB is in no entry. */
static inline bool short_linear(const struct x86_cpu *c, unsigned seg, uint64_t offset,
				uint64_t *linear)
{
	if (c->mode & X86_MODE_CAREFUL)
		return false;
	*linear = offset;
	if (x86_is_64(c)) {
		if (seg >= X86_FS)
			*linear += c->seg[seg].base;
		return true;
	}
	return c->mode & X86_MODE_FLAT && seg <= X86_DS && seg != X86_CS;
}

/* ---- pages ---- */

static enum x86_tlb_kind tlb_kind(unsigned access)
{
	if (access & X86_ACCESS_CODE)
		return X86_TLB_CODE;
	return access & X86_ACCESS_WRITE ? X86_TLB_WRITE : X86_TLB_READ;
}

/* The entries that hold what this access may do, or NULL when it may not use any. */
static const struct x86_tlb_entry *tlb_entries(const struct x86_cpu *c, unsigned access)
{
	enum x86_tlb_kind kind = tlb_kind(access);

	if (access & X86_ACCESS_SYSTEM)
		return c->tlb.set[X86_TLB_SYSTEM][kind];
	if (kind == X86_TLB_CODE)
		return c->tlb.code;
	if (c->mode & X86_MODE_CAREFUL)
		return NULL;
	return kind == X86_TLB_WRITE ? c->tlb.write : c->tlb.read;
}

static enum x86_page_use page_use(unsigned access)
{
	if (access & X86_ACCESS_CODE)
		return X86_PAGE_CODE;
	return access & X86_ACCESS_WRITE ? X86_PAGE_WRITE : X86_PAGE_READ;
}

enum x86_status x86_translate(struct x86_cpu *c, uint64_t linear, unsigned access, uint8_t **host,
			      uint64_t *gpa, bool *cacheable)
{
	const struct x86_tlb_entry *entries = tlb_entries(c, access);
	struct x86_page page;

	if (c->long_mode && !x86_is_canonical(linear))
		return x86_raise_gp(c);
	X86_TRY(page_walk(c, linear, access, gpa));
	page = c->world->page(c->world_ctx, *gpa & X86_PAGE_MASK, page_use(access));
	*cacheable = page.host && page.cacheable;
	*host = page.host ? page.host + (linear & ~X86_PAGE_MASK) : NULL;
	if (*cacheable && entries) {
		enum x86_tlb_set set = access & X86_ACCESS_SYSTEM ? X86_TLB_SYSTEM : x86_tlb_set(c);

		tlb_fill(&c->tlb, set, tlb_kind(access), linear, page.host);
	}
	return X86_OK;
}

/* Linear addresses are 64 bits wide in 64-bit code and, in long mode, for descriptor tables. */
static uint64_t linear_mask(const struct x86_cpu *c, unsigned access)
{
	if (x86_is_64(c) || (c->long_mode && access & X86_ACCESS_SYSTEM))
		return ~0ull;
	return 0xffffffff;
}

static enum x86_status span_translate_cut(struct x86_cpu *c, uint64_t linear, unsigned size_bytes,
					  unsigned access, struct span *span)
{
	struct piece *p = span->piece;

	span->pieces = PIECES_MAX;
	p[0].len_bytes = X86_PAGE_BYTES - (unsigned)(linear & ~X86_PAGE_MASK);
	p[1].len_bytes = size_bytes - p[0].len_bytes;
	for (unsigned n = 0; n < PIECES_MAX; n++) {
		X86_TRY(x86_translate(c, linear, access, &p[n].host, &p[n].gpa, &p[n].cacheable));
		linear = (linear + p[n].len_bytes) & linear_mask(c, access);
	}
	/* the second walk may have read paging structures in the first piece's page */
	if (access & X86_ACCESS_WRITE && p[0].host)
		p[0].cacheable =
			c->world->page(c->world_ctx, p[0].gpa & X86_PAGE_MASK, X86_PAGE_WRITE)
				.cacheable;
	return X86_OK;
}

static enum x86_status span_translate(struct x86_cpu *c, uint64_t linear, unsigned size_bytes,
				      unsigned access, struct span *span)
{
	const struct x86_tlb_entry *entries = tlb_entries(c, access);
	struct piece *p = span->piece;

	if ((linear & ~X86_PAGE_MASK) + size_bytes > X86_PAGE_BYTES)
		return span_translate_cut(c, linear, size_bytes, access, span);
	span->pieces = 1;
	p->len_bytes = size_bytes;
	p->cacheable = true;
	p->host = entries ? tlb_hit(entries, linear, size_bytes) : NULL;
	if (p->host)
		return X86_OK;
	return x86_translate(c, linear, access, &p->host, &p->gpa, &p->cacheable);
}

/* ---- transfers ---- */

/* How much of a transfer of len_bytes at gpa the bus takes at once: all of it when it is 1, 2, 4
 * or 8 bytes, else the largest naturally aligned piece. */
static unsigned bus_piece(uint64_t gpa, unsigned len_bytes)
{
	unsigned n = 8;

	if (len_bytes <= 8 && !(len_bytes & (len_bytes - 1)))
		return len_bytes;
	while (n > len_bytes || gpa & (n - 1))
		n /= 2;
	return n;
}

static enum x86_status bus_read(struct x86_cpu *c, uint64_t gpa, uint8_t *to, unsigned len_bytes)
{
	while (len_bytes) {
		unsigned n = bus_piece(gpa, len_bytes);
		uint64_t value = 0;

		X86_TRY(c->world->mmio_read(c->world_ctx, gpa, n, &value));
		memcpy(to, &value, n);
		gpa += n;
		to += n;
		len_bytes -= n;
	}
	return X86_OK;
}

static enum x86_status bus_write(struct x86_cpu *c, uint64_t gpa, const uint8_t *from,
				 unsigned len_bytes)
{
	while (len_bytes) {
		unsigned n = bus_piece(gpa, len_bytes);
		uint64_t value = 0;

		memcpy(&value, from, n);
		X86_TRY(c->world->mmio_write(c->world_ctx, gpa, n, value));
		gpa += n;
		from += n;
		len_bytes -= n;
	}
	return X86_OK;
}

static enum x86_status span_read(struct x86_cpu *c, const struct span *span, void *to)
{
	uint8_t bytes[X86_ACCESS_MAX];
	unsigned done = 0;

	for (unsigned n = 0; n < span->pieces; n++) {
		const struct piece *p = &span->piece[n];

		if (p->host)
			memcpy(bytes + done, p->host, p->len_bytes);
		else
			X86_TRY(bus_read(c, p->gpa, bytes + done, p->len_bytes));
		done += p->len_bytes;
	}
	memcpy(to, bytes, done);
	return X86_OK;
}

/* The bus first: while it does not answer RAM stays as it was, because the instruction may read
 * it again when it is run again. */
static enum x86_status span_write(struct x86_cpu *c, const struct span *span, const uint8_t *from)
{
	const struct piece *p = span->piece, *end = p + span->pieces;
	const uint8_t *bytes = from;

	for (; p < end; bytes += p++->len_bytes)
		if (!p->host)
			X86_TRY(bus_write(c, p->gpa, bytes, p->len_bytes));
	for (p = span->piece; p < end; from += p++->len_bytes) {
		if (!p->host)
			continue;
		if (!p->cacheable)
			c->world->page_changing(c->world_ctx, p->gpa, p->len_bytes);
		memcpy(p->host, from, p->len_bytes);
	}
	return X86_OK;
}

/* Notes which data breakpoints an access touches (SDM vol. 3B 17.2.4 and 17.2.5). */
static void note_breakpoints(struct x86_cpu *c, uint64_t linear, unsigned size_bytes,
			     unsigned access)
{
	static const uint8_t length_bytes[4] = {1, 2, 8, 4};

	if (!(c->mode & X86_MODE_CAREFUL) || access & X86_ACCESS_SYSTEM)
		return;
	for (unsigned n = 0; n < 4; n++) {
		unsigned control = c->dr7 >> (16 + 4 * n);
		unsigned len = length_bytes[control >> 2 & 3];
		uint64_t at = c->dr[n] & ~(uint64_t)(len - 1);
		bool kind = (control & 3) == 3 || ((control & 3) == 1 && access & X86_ACCESS_WRITE);

		if (kind && c->dr7 >> (2 * n) & 3 &&
		    (at - linear < size_bytes || linear - at < len))
			c->debug_hit |= 1u << n;
	}
}

enum x86_status x86_load_linear(struct x86_cpu *c, uint64_t linear, void *to, unsigned size_bytes,
				unsigned access)
{
	struct span span;

	X86_TRY(span_translate(c, linear, size_bytes, access, &span));
	X86_TRY(span_read(c, &span, to));
	note_breakpoints(c, linear, size_bytes, access & X86_ACCESS_SYSTEM);
	return X86_OK;
}

enum x86_status x86_store_linear(struct x86_cpu *c, uint64_t linear, const void *from,
				 unsigned size_bytes, unsigned access)
{
	struct span span;

	access |= X86_ACCESS_WRITE;
	X86_TRY(span_translate(c, linear, size_bytes, access, &span));
	X86_TRY(span_write(c, &span, from));
	note_breakpoints(c, linear, size_bytes, access);
	return X86_OK;
}

enum x86_status x86_load(struct x86_cpu *c, unsigned seg, uint64_t offset, void *to,
			 unsigned size_bytes)
{
	uint64_t linear;

	if (short_linear(c, seg, offset, &linear)) {
		const void *host = tlb_hit(c->tlb.read, linear, size_bytes);

		if (__builtin_expect(!!host, 1)) {
			copy_bytes(to, host, size_bytes);
			return X86_OK;
		}
	}
	X86_TRY(x86_linear(c, seg, offset, size_bytes, X86_ACCESS_READ, &linear));
	return x86_load_linear(c, linear, to, size_bytes, X86_ACCESS_READ);
}

enum x86_status x86_store(struct x86_cpu *c, unsigned seg, uint64_t offset, const void *from,
			  unsigned size_bytes)
{
	uint64_t linear;

	if (short_linear(c, seg, offset, &linear)) {
		void *host = tlb_hit(c->tlb.write, linear, size_bytes);

		if (__builtin_expect(!!host, 1)) {
			copy_bytes(host, from, size_bytes);
			return X86_OK;
		}
	}
	X86_TRY(x86_linear(c, seg, offset, size_bytes, X86_ACCESS_WRITE, &linear));
	return x86_store_linear(c, linear, from, size_bytes, X86_ACCESS_WRITE);
}

enum x86_status x86_load_for_store(struct x86_cpu *c, unsigned seg, uint64_t offset, void *to,
				   unsigned size_bytes)
{
	uint64_t linear;

	if (short_linear(c, seg, offset, &linear)) {
		const void *host = tlb_hit(c->tlb.write, linear, size_bytes);

		if (__builtin_expect(!!host, 1)) {
			copy_bytes(to, host, size_bytes);
			return X86_OK;
		}
	}
	X86_TRY(x86_linear(c, seg, offset, size_bytes, X86_ACCESS_WRITE, &linear));
	return x86_load_linear(c, linear, to, size_bytes, X86_ACCESS_WRITE);
}

enum x86_status x86_probe(struct x86_cpu *c, unsigned seg, uint64_t offset, unsigned size_bytes,
			  unsigned access)
{
	struct span span;
	uint64_t linear;

	X86_TRY(x86_linear(c, seg, offset, size_bytes, access, &linear));
	return span_translate(c, linear, size_bytes, access, &span);
}

enum x86_status x86_probe_linear(struct x86_cpu *c, uint64_t linear, unsigned size_bytes,
				 unsigned access, bool *is_ram)
{
	struct span span;

	X86_TRY(span_translate(c, linear, size_bytes, access, &span));
	*is_ram = span.piece[0].host && span.piece[span.pieces - 1].host;
	return X86_OK;
}

/* ---- instruction bytes ---- */

/* The host address of the instruction byte at linear, or NULL with the fault in c->event. */
static const uint8_t *code_byte(struct x86_cpu *c, uint64_t linear)
{
	const uint8_t *hit = tlb_hit(c->tlb.code, linear, 1);
	uint8_t *host;
	uint64_t gpa;
	bool cacheable;

	if (hit)
		return hit;
	if (x86_translate(c, linear, X86_ACCESS_CODE, &host, &gpa, &cacheable) != X86_OK)
		return NULL;
	if (!host)
		x86_raise_gp(c);
	return host;
}

/* How many bytes can follow one another from offset to the end of the code segment, at most 15. */
static unsigned bytes_in_segment(const struct x86_cpu *c, uint64_t offset)
{
	uint64_t limit = c->seg[X86_CS].limit;

	if (x86_is_64(c))
		return X86_INSN_MAX_BYTES;
	if (offset > limit)
		return 0;
	return limit - offset < X86_INSN_MAX_BYTES ? limit - offset + 1 : X86_INSN_MAX_BYTES;
}

void x86_fetch(struct x86_cpu *c, uint8_t bytes[X86_INSN_MAX_BYTES], unsigned need, unsigned *got)
{
	unsigned available = bytes_in_segment(c, c->rip);
	uint64_t linear = c->rip;

	if (!x86_is_64(c))
		linear = (uint32_t)(c->seg[X86_CS].base + c->rip);
	*got = 0;
	while (*got < need) {
		unsigned n = X86_PAGE_BYTES - (unsigned)(linear & ~X86_PAGE_MASK);
		const uint8_t *host;

		if (*got == available) {
			x86_raise_gp(c);
			return;
		}
		if (n > available - *got)
			n = available - *got;
		host = code_byte(c, linear);
		if (!host)
			return;
		memcpy(bytes + *got, host, n);
		*got += n;
		linear = (linear + n) & linear_mask(c, X86_ACCESS_CODE);
	}
}

/* ---- the stack ---- */

static uint64_t stack_truncate(const struct x86_cpu *c, uint64_t sp)
{
	return c->stack_bytes == 8 ? sp : c->stack_bytes == 4 ? (uint32_t)sp : (uint16_t)sp;
}

uint64_t x86_sp(const struct x86_cpu *c)
{
	return stack_truncate(c, c->r[X86_RSP]);
}

void x86_set_sp(struct x86_cpu *c, uint64_t sp)
{
	if (c->stack_bytes == 2)
		c->r[X86_RSP] = (c->r[X86_RSP] & ~0xffffull) | (uint16_t)sp;
	else
		c->r[X86_RSP] = stack_truncate(c, sp);
}

enum x86_status x86_push(struct x86_cpu *c, unsigned size_bytes, uint64_t value)
{
	uint64_t sp = stack_truncate(c, x86_sp(c) - size_bytes);

	X86_TRY(x86_store(c, X86_SS, sp, &value, size_bytes));
	x86_set_sp(c, sp);
	return X86_OK;
}

enum x86_status x86_pop(struct x86_cpu *c, unsigned size_bytes, uint64_t *value)
{
	uint64_t sp = x86_sp(c), v = 0;

	X86_TRY(x86_load(c, X86_SS, sp, &v, size_bytes));
	x86_set_sp(c, sp + size_bytes);
	*value = v;
	return X86_OK;
}
