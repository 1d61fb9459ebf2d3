/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MOVS, CMPS, STOS, LODS, SCAS (SDM vol. 1 7.3.9).
 *
 * The meaning is the loop over single elements, in which every access goes through access.c.
 * Beside it runs a fast path that handles many elements of one page (downwards, one) at host
 * addresses.  It may only be taken where nobody can tell: when alignment checks and data breakpoints
 * are off, and for pages whose translations the TLB already holds.  The TLB holds RAM alone, with
 * accessed and dirty bits set, and for writing no page that holds code or paging structures; so
 * the fast path walks no tables, raises nothing and changes no translation.  It keeps away from the
 * bytes of the instruction itself, which may lie in such a page if nobody has decoded them for keeps.
 * The first element of every page goes through the loop, which fills the TLB where that is allowed.
 */
#include "core/x86/exec_string.h"

#include <string.h>

enum x86_status string_broken(struct x86_cpu *c, enum x86_status status, bool progress)
{
	struct x86_event none = {0};

	if (!progress)
		return status;
	c->event = none;
	return X86_AGAIN;
}

bool string_goes_on(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x86_event none = {0};
	struct x86_insn now;

	if (x86_fetch_insn(c, &now) == X86_OK)
		return memcmp(&now, i, sizeof(now)) == 0;
	c->event = none;
	return false;
}

/* False unless the byte at rip + offset is known to be away from the n_bytes bytes at to. */
static bool is_away(const struct x86_cpu *c, unsigned offset, const uint8_t *to, uint64_t n_bytes)
{
	uint64_t linear = c->rip + offset + (x86_is_64(c) ? 0 : c->seg[X86_CS].base);
	const uint8_t *code = tlb_hit(c->tlb.code, x86_is_64(c) ? linear : (uint32_t)linear, 1);

	return code &&
	       (code + X86_INSN_MAX_BYTES <= to || to + n_bytes + X86_INSN_MAX_BYTES <= code);
}

/* Whether n_bytes bytes at to may be written without touching the instruction. */
static bool spares_code(const struct x86_cpu *c, const struct x86_insn *i, const uint8_t *to,
			uint64_t n_bytes)
{
	return is_away(c, 0, to, n_bytes) && is_away(c, i->len - 1u, to, n_bytes);
}

/* The linear address of size_bytes bytes at seg:offset if segmentation lets them all be accessed.
 * In 64-bit mode that is for the TLB to say: it holds canonical pages only. */
static bool span_linear(struct x86_cpu *c, unsigned seg, uint64_t offset, unsigned size_bytes,
			unsigned access, uint64_t *linear)
{
	struct x86_event none = {0};

	if (x86_is_64(c)) {
		*linear = offset + (seg >= X86_FS ? c->seg[seg].base : 0);
		return true;
	}
	if (x86_linear(c, seg, offset, size_bytes, access, linear) == X86_OK)
		return true;
	c->event = none;
	return false;
}

/* How many of n elements at seg:reg (and further up) the fast path may take, and their host
 * address; 0 when it may take none. */
static uint64_t string_span(struct x86_cpu *c, const struct x86_insn *i, unsigned seg, unsigned reg,
			    unsigned access, unsigned size_bytes, uint64_t n, uint8_t **host)
{
	uint64_t offset = gpr_read(c, reg, i->adsize), last = alu_truncate(i->adsize, ~0ull);
	uint64_t linear, room;

	if (n < 2 || c->mode & X86_MODE_CAREFUL)
		return 0;
	if (c->rflags & X86_DF_FLAG)
		n = 1;
	if (!span_linear(c, seg, offset, 1, access, &linear))
		return 0;
	room = X86_PAGE_BYTES - linear % X86_PAGE_BYTES;
	if (last - offset < room)
		room = last - offset;
	if (n > room / size_bytes)
		n = room / size_bytes;
	if (!n || !span_linear(c, seg, offset, (unsigned)n * size_bytes, access, &linear))
		return 0;
	*host = tlb_hit(access == X86_ACCESS_WRITE ? c->tlb.write : c->tlb.read, linear, 1);
	if (!*host || (access == X86_ACCESS_WRITE && !spares_code(c, i, *host, n * size_bytes)))
		return 0;
	return n;
}

/* Copies upwards element by element in effect, so that what was copied first may be copied again.
 * False, with nothing done, where the elements themselves overlap their copies. */
static bool copy_up(uint8_t *to, const uint8_t *from, size_t n_bytes, unsigned size_bytes)
{
	size_t ahead = (uintptr_t)to - (uintptr_t)from;

	if (ahead >= n_bytes) { /* apart, or to lies below from (ahead has wrapped) */
		memmove(to, from, n_bytes);
		return true;
	}
	if (ahead < size_bytes)
		return ahead == 0;
	for (size_t done = 0; done < n_bytes;) {
		size_t piece = ahead + done < n_bytes - done ? ahead + done : n_bytes - done;

		memcpy(to + done, from, piece);
		done += piece;
	}
	return true;
}

static enum x86_status movs(struct x86_cpu *c, const struct x86_insn *i, struct string_run *run)
{
	unsigned size = i->opr[0].size_bytes;
	uint8_t *from, *to;
	uint64_t n, v;

	n = string_span(c, i, i->seg, X86_RSI, X86_ACCESS_READ, size, run->max, &from);
	if (n)
		n = string_span(c, i, X86_ES, X86_RDI, X86_ACCESS_WRITE, size, n, &to);
	run->quiet = n && copy_up(to, from, n * size, size);
	if (!run->quiet) {
		X86_TRY(x86_load(c, i->seg, gpr_read(c, X86_RSI, i->adsize), &v, size));
		X86_TRY(x86_store(c, X86_ES, gpr_read(c, X86_RDI, i->adsize), &v, size));
		n = 1;
	}
	string_advance(c, i, X86_RSI, size, n);
	string_advance(c, i, X86_RDI, size, n);
	run->done = n;
	return X86_OK;
}

static void fill_up(uint8_t *to, const uint64_t *v, size_t n_bytes, unsigned size_bytes)
{
	if (size_bytes == 1) {
		memset(to, (int)(*v & 0xff), n_bytes);
		return;
	}
	memcpy(to, v, size_bytes);
	copy_up(to + size_bytes, to, n_bytes - size_bytes, size_bytes);
}

static enum x86_status stos(struct x86_cpu *c, const struct x86_insn *i, struct string_run *run)
{
	unsigned size = i->opr[0].size_bytes;
	uint64_t v = c->r[X86_RAX], n;
	uint8_t *to;

	n = string_span(c, i, X86_ES, X86_RDI, X86_ACCESS_WRITE, size, run->max, &to);
	run->quiet = n;
	if (n) {
		fill_up(to, &v, n * size, size);
	} else {
		X86_TRY(x86_store(c, X86_ES, gpr_read(c, X86_RDI, i->adsize), &v, size));
		n = 1;
	}
	string_advance(c, i, X86_RDI, size, n);
	run->done = n;
	return X86_OK;
}

static enum x86_status lods(struct x86_cpu *c, const struct x86_insn *i, struct string_run *run)
{
	unsigned size = i->opr[0].size_bytes;
	uint64_t v = 0;

	X86_TRY(x86_load(c, i->seg, gpr_read(c, X86_RSI, i->adsize), &v, size));
	gpr_write(c, X86_RAX, size, v);
	string_advance(c, i, X86_RSI, size, 1);
	run->done = 1;
	return X86_OK;
}

static inline void compared(const struct x86_insn *i, struct string_run *run, uint64_t a,
			    uint64_t b)
{
	run->a = a;
	run->b = b;
	run->stop = i->rep == X86_REP_E ? a != b : a == b;
}

/* Which of two faults comes first is nowhere defined; this is the order that a processor was seen to
 * keep. */
static enum x86_status load_both(struct x86_cpu *c, const struct x86_insn *i, unsigned size_bytes,
				 uint64_t *source, uint64_t *other)
{
	uint64_t si = gpr_read(c, X86_RSI, i->adsize), di = gpr_read(c, X86_RDI, i->adsize);
	bool source_first = i->rep == X86_REP_E && size_bytes == 1;

	if (source_first)
		X86_TRY(x86_load(c, i->seg, si, source, size_bytes));
	X86_TRY(x86_load(c, X86_ES, di, other, size_bytes));
	return source_first ? X86_OK : x86_load(c, i->seg, si, source, size_bytes);
}

static enum x86_status cmps(struct x86_cpu *c, const struct x86_insn *i, struct string_run *run)
{
	unsigned size = i->opr[0].size_bytes;
	uint64_t a = 0, b = 0, n, done = 0;
	uint8_t *source, *other;

	n = string_span(c, i, i->seg, X86_RSI, X86_ACCESS_READ, size, run->max, &source);
	if (n)
		n = string_span(c, i, X86_ES, X86_RDI, X86_ACCESS_READ, size, n, &other);
	run->quiet = n;
	if (n) {
		do {
			memcpy(&a, source + done * size, size);
			memcpy(&b, other + done * size, size);
			compared(i, run, a, b);
		} while (++done < n && !run->stop);
	} else {
		X86_TRY(load_both(c, i, size, &a, &b));
		compared(i, run, a, b);
		done = 1;
	}
	string_advance(c, i, X86_RSI, size, done);
	string_advance(c, i, X86_RDI, size, done);
	run->done = done;
	return X86_OK;
}

static enum x86_status scas(struct x86_cpu *c, const struct x86_insn *i, struct string_run *run)
{
	unsigned size = i->opr[0].size_bytes;
	uint64_t a = gpr_read(c, X86_RAX, size), b = 0, n, done = 0;
	uint8_t *other;

	n = string_span(c, i, X86_ES, X86_RDI, X86_ACCESS_READ, size, run->max, &other);
	run->quiet = n;
	if (n) {
		do {
			memcpy(&b, other + done * size, size);
			compared(i, run, a, b);
		} while (++done < n && !run->stop);
	} else {
		X86_TRY(x86_load(c, X86_ES, gpr_read(c, X86_RDI, i->adsize), &b, size));
		compared(i, run, a, b);
		done = 1;
	}
	string_advance(c, i, X86_RDI, size, done);
	run->done = done;
	return X86_OK;
}

enum x86_status exec_movs(struct x86_cpu *c, const struct x86_insn *i)
{
	struct string_run run = {0};

	return string_repeat(c, i, movs, &run);
}

enum x86_status exec_stos(struct x86_cpu *c, const struct x86_insn *i)
{
	struct string_run run = {0};

	return string_repeat(c, i, stos, &run);
}

enum x86_status exec_lods(struct x86_cpu *c, const struct x86_insn *i)
{
	struct string_run run = {0};

	return string_repeat(c, i, lods, &run);
}

static inline enum x86_status repeat_compare(struct x86_cpu *c, const struct x86_insn *i,
					     string_fn fn)
{
	struct string_run run = {0};

	X86_TRY(string_repeat(c, i, fn, &run));
	if (run.done)
		alu_sub(&c->lazy, i->opr[0].size_bytes, run.a, run.b);
	return X86_OK;
}

enum x86_status exec_cmps(struct x86_cpu *c, const struct x86_insn *i)
{
	return repeat_compare(c, i, cmps);
}

enum x86_status exec_scas(struct x86_cpu *c, const struct x86_insn *i)
{
	return repeat_compare(c, i, scas);
}
