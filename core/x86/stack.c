/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/stack.h"

#include "core/x86/access.h"
#include "core/x86/alu.h"

/* Offsets in the TSS (SDM vol. 3A 7.2.1, 7.6, 7.7). */
#define TSS_STACKS   4
#define TSS16_STACKS 2
#define TSS64_IST    36

struct x86_stack x86_stack_current(const struct x86_cpu *c, uint32_t ext)
{
	return (struct x86_stack){
		.ss = c->seg[X86_SS],
		.sp = c->r[X86_RSP],
		.width = c->stack_bytes,
		.access = X86_ACCESS_READ,
		.error = ext,
	};
}

static enum x86_status read_tss(struct x86_cpu *c, uint32_t offset, unsigned size_bytes,
				uint32_t ext, void *to)
{
	const struct x86_segment *tr = &c->seg[X86_TR];
	uint64_t linear = x86_table_linear(c, tr->base, offset);

	if (tr->attr & X86_SEG_UNUSABLE || offset + size_bytes - 1 > tr->limit ||
	    (c->long_mode && !x86_is_canonical(linear)))
		return x86_raise_selector(c, X86_TS, tr->selector, ext);
	return x86_load_linear(c, linear, to, size_bytes, X86_ACCESS_SYSTEM);
}

enum x86_status x86_stack_ist(struct x86_cpu *c, unsigned ist, uint32_t ext, uint64_t *rsp)
{
	return read_tss(c, TSS64_IST + 8 * (ist - 1), 8, ext, rsp);
}

static enum x86_status from_tss64(struct x86_cpu *c, unsigned cpl, uint32_t ext,
				  struct x86_stack *s)
{
	X86_TRY(read_tss(c, TSS_STACKS + 8 * cpl, 8, ext, &s->sp));
	s->ss = x86_segment_null((uint16_t)cpl, cpl);
	s->width = 8;
	s->error = ext;
	return X86_OK;
}

static enum x86_status from_tss32(struct x86_cpu *c, unsigned cpl, uint32_t ext,
				  struct x86_stack *s)
{
	uint8_t type = c->seg[X86_TR].attr & X86_SEG_TYPE;
	uint8_t entry[6];
	uint32_t esp = 0;
	uint16_t ss;

	if (type == X86_SYS_TSS || type == X86_SYS_TSS_BUSY) {
		X86_TRY(read_tss(c, TSS_STACKS + 8 * cpl, 6, ext, entry));
		__builtin_memcpy(&esp, entry, 4);
		__builtin_memcpy(&ss, entry + 4, 2);
	} else {
		X86_TRY(read_tss(c, TSS16_STACKS + 4 * cpl, 4, ext, entry));
		__builtin_memcpy(&esp, entry, 2);
		__builtin_memcpy(&ss, entry + 2, 2);
	}
	X86_TRY(x86_segment_check_stack(c, ss, cpl, X86_TS, ext, &s->ss));
	s->sp = esp;
	s->width = s->ss.attr & X86_SEG_DB ? 4 : 2;
	s->error = (ss & 0xfffcu) | ext;
	return X86_OK;
}

enum x86_status x86_stack_from_tss(struct x86_cpu *c, unsigned cpl, uint32_t ext,
				   struct x86_stack *s)
{
	*s = (struct x86_stack){.access = X86_ACCESS_SYSTEM};
	return c->long_mode ? from_tss64(c, cpl, ext, s) : from_tss32(c, cpl, ext, s);
}

/* Whether size_bytes bytes at offset lie inside the segment. */
static bool is_inside(const struct x86_segment *ss, uint64_t offset, unsigned size_bytes)
{
	uint64_t last = offset + size_bytes - 1;
	uint64_t top = ss->attr & X86_SEG_DB ? 0xffffffff : 0xffff;

	if (ss->attr & X86_SEG_UNUSABLE)
		return false;
	if (ss->attr & X86_TYPE_CONFORMING) /* expand-down */
		return offset > ss->limit && last <= top;
	return last <= ss->limit;
}

enum x86_status x86_stack_push(struct x86_cpu *c, struct x86_stack *s, unsigned size_bytes,
			       uint64_t value)
{
	uint64_t sp = alu_truncate(s->width, s->sp - size_bytes);
	uint64_t linear;

	if (s->ordinary) {
		X86_TRY(x86_linear(c, X86_SS, sp, size_bytes, X86_ACCESS_WRITE, &linear));
	} else if (s->width == 8) {
		linear = sp;
		if (!x86_is_canonical(sp) || !x86_is_canonical(sp + size_bytes - 1))
			return x86_raise_error(c, X86_SS_FAULT, s->error);
	} else {
		linear = (uint32_t)(s->ss.base + sp);
		if (!is_inside(&s->ss, sp, size_bytes))
			return x86_raise_error(c, X86_SS_FAULT, s->error);
	}
	X86_TRY(x86_probe_linear(c, linear, size_bytes, X86_ACCESS_WRITE | s->access,
				 &s->is_ram[s->n]));
	s->linear[s->n] = linear;
	s->value[s->n++] = value;
	s->size_bytes = size_bytes;
	s->sp = s->width == 2 ? (s->sp & ~0xffffull) | sp : sp;
	return X86_OK;
}

/* Slot by slot, as they were pushed. */
static enum x86_status write_bus(struct x86_cpu *c, const struct x86_stack *s)
{
	for (unsigned n = 0; n < s->n; n++)
		if (!s->is_ram[n])
			X86_TRY(x86_store_linear(c, s->linear[n], &s->value[n], s->size_bytes,
						 X86_ACCESS_WRITE | s->access));
	return X86_OK;
}

static bool is_below(const struct x86_stack *s, unsigned n)
{
	return n && s->is_ram[n - 1] && s->linear[n - 1] == s->linear[n] + s->size_bytes;
}

/* Neighbours together, from the lowest, which was pushed last. */
static enum x86_status write_ram(struct x86_cpu *c, const struct x86_stack *s)
{
	uint8_t bytes[X86_STACK_SLOTS_MAX * 8];
	unsigned len = 0;

	for (unsigned n = s->n; n-- > 0;) {
		if (!s->is_ram[n])
			continue;
		__builtin_memcpy(bytes + len, &s->value[n], s->size_bytes);
		len += s->size_bytes;
		if (is_below(s, n))
			continue;
		X86_TRY(x86_store_linear(c, s->linear[n] + s->size_bytes - len, bytes, len,
					 X86_ACCESS_WRITE | s->access));
		len = 0;
	}
	return X86_OK;
}

enum x86_status x86_stack_write(struct x86_cpu *c, const struct x86_stack *s)
{
	X86_TRY(write_bus(c, s));
	return write_ram(c, s);
}

void x86_stack_commit(struct x86_cpu *c, const struct x86_stack *s)
{
	c->seg[X86_SS] = s->ss;
	c->r[X86_RSP] = s->sp;
}
