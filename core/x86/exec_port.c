/* SPDX-License-Identifier: Apache-2.0 */
/* Ports (SDM vol. 1 chapter 19). */
#include "core/x86/exec_string.h"
#include "core/x86/fault.h"

#define TSS_IO_MAP_OFFSET 102 /* where a 32- or 64-bit TSS keeps the offset of its I/O map */

static enum x86_status load_tss(struct x86_cpu *c, uint32_t offset, uint16_t *v)
{
	uint64_t linear = c->seg[X86_TR].base + offset;

	return x86_load_linear(c, c->long_mode ? linear : (uint32_t)linear, v, sizeof(*v),
			       X86_ACCESS_READ | X86_ACCESS_SYSTEM);
}

/* #GP(0) unless the I/O permission bitmap has a zero for each of the ports (19.5.2).  A 16-bit TSS
 * has no bitmap. */
static enum x86_status check_bitmap(struct x86_cpu *c, uint16_t port, unsigned size_bytes)
{
	const struct x86_segment *tr = &c->seg[X86_TR];
	bool has_map = !(tr->attr & X86_SEG_UNUSABLE) && (tr->attr & X86_SEG_TYPE & ~2) == 9;
	uint16_t map, bits;
	uint32_t offset;

	if (!has_map || tr->limit < TSS_IO_MAP_OFFSET + 1)
		return x86_raise_gp(c);
	X86_TRY(load_tss(c, TSS_IO_MAP_OFFSET, &map));
	offset = map + port / 8u;
	if (offset >= tr->limit) /* two bytes are always read */
		return x86_raise_gp(c);
	X86_TRY(load_tss(c, offset, &bits));
	return bits >> port % 8 & ((1u << size_bytes) - 1) ? x86_raise_gp(c) : X86_OK;
}

static enum x86_status check_port(struct x86_cpu *c, uint16_t port, unsigned size_bytes)
{
	if (!(c->cr0 & CR0_PE))
		return X86_OK;
	if (!(c->rflags & X86_VM) && c->cpl <= (c->rflags & X86_IOPL) >> 12)
		return X86_OK;
	return check_bitmap(c, port, size_bytes);
}

enum x86_status exec_in(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned size = i->opr[0].size_bytes;
	uint64_t port;
	uint32_t v = 0;

	X86_TRY(operand_read(c, i, 1, &port));
	X86_TRY(check_port(c, (uint16_t)port, size));
	X86_TRY(c->world->port_in(c->world_ctx, (uint16_t)port, size, &v));
	gpr_write(c, X86_RAX, size, v);
	return X86_OK;
}

enum x86_status exec_out(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned size = i->opr[1].size_bytes;
	uint64_t port, v;

	X86_TRY(operand_read(c, i, 0, &port));
	X86_TRY(operand_read(c, i, 1, &v));
	X86_TRY(check_port(c, (uint16_t)port, size));
	return c->world->port_out(c->world_ctx, (uint16_t)port, size, (uint32_t)v);
}

/* Permission is asked for even if there is nothing to repeat. */
static inline enum x86_status repeat(struct x86_cpu *c, const struct x86_insn *i, string_fn fn,
				     unsigned size_bytes)
{
	struct string_run run = {0};

	X86_TRY(check_port(c, (uint16_t)c->r[X86_RDX], size_bytes));
	return string_repeat(c, i, fn, &run);
}

/* Memory is checked before the port is read: what a port gave cannot be given back. */
static enum x86_status ins(struct x86_cpu *c, const struct x86_insn *i, struct string_run *run)
{
	unsigned size = i->opr[0].size_bytes;
	uint64_t offset = gpr_read(c, X86_RDI, i->adsize);
	uint32_t v = 0;

	X86_TRY(x86_probe(c, X86_ES, offset, size, X86_ACCESS_WRITE));
	X86_TRY(c->world->port_in(c->world_ctx, (uint16_t)c->r[X86_RDX], size, &v));
	X86_TRY(x86_store(c, X86_ES, offset, &v, size));
	string_advance(c, i, X86_RDI, size, 1);
	run->done = 1;
	return X86_OK;
}

static enum x86_status outs(struct x86_cpu *c, const struct x86_insn *i, struct string_run *run)
{
	unsigned size = i->opr[1].size_bytes;
	uint32_t v = 0;

	X86_TRY(x86_load(c, i->seg, gpr_read(c, X86_RSI, i->adsize), &v, size));
	X86_TRY(c->world->port_out(c->world_ctx, (uint16_t)c->r[X86_RDX], size, v));
	string_advance(c, i, X86_RSI, size, 1);
	run->done = 1;
	return X86_OK;
}

enum x86_status exec_ins(struct x86_cpu *c, const struct x86_insn *i)
{
	return repeat(c, i, ins, i->opr[0].size_bytes);
}

enum x86_status exec_outs(struct x86_cpu *c, const struct x86_insn *i)
{
	return repeat(c, i, outs, i->opr[1].size_bytes);
}
