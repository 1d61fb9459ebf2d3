/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From guest code to blocks.
 *
 * A block starts where control arrives and runs on, over conditional branches that may leave it,
 * to an unconditional branch, an instruction that may change the mode, the end of the page, or
 * BLOCK_INSNS_MAX instructions.
 *
 * Then, from the last instruction to the first, it is found out which flags anybody may still
 * look at.  Whatever may leave the block - a branch, and every instruction that can fault or
 * touch memory - sees all of them.
 */
#include "core/engine/interpret/block.h"
#include "core/engine/interpret/uop.h"
#include "core/engine/interpret/watch.h"
#include "core/x86/access.h"
#include "core/x86/exec.h"

/* Rows that x86_execute() checks before it carries them out. */
#define CHECKED (A_CPL0 | A_PROT | A_WAIT | A_MMX)

static bool row_allowed(const struct soft_vcpu *v, const struct x86_opcode *o, uint32_t mode)
{
	if (o->feature != X86_FEAT_BASE && !(v->soft->model->features >> o->feature & 1))
		return false;
	if (o->attr & A_SSE && mode & X86_MODE_NO_SSE)
		return false;
	return !(o->attr & A_X87 && mode & X86_MODE_NO_X87);
}

static uop_fn select_uop(const struct soft_vcpu *v, const struct x86_insn *i, uint32_t mode,
			 bool flags_live)
{
	const struct x86_opcode *o = &x86_opcodes[i->op];
	uop_fn run;

	if (o->attr & (CHECKED | A_SYNC) || !row_allowed(v, o, mode))
		return uop_general;
	run = uop_select_alu(i, mode, flags_live);
	run = run ? run : uop_select_move(i, mode);
	run = run ? run : uop_select_shift(i, flags_live);
	run = run ? run : uop_select_stack(i, mode);
	run = run ? run : uop_select_branch(i, mode);
	run = run ? run : uop_select_simd(i, mode);
	return run ? run : uop_direct;
}

/* True when the instruction only reads and writes registers and cannot do anything else, so that
 * flags may be missing while it is carried out. */
static bool is_pure(const struct x86_insn *i, uop_fn run)
{
	if (run == uop_direct || run == uop_general)
		return false;
	for (unsigned n = 0; n < i->n_operands; n++)
		if (i->opr[n].kind == X86_OPR_MEM && uop_exec(i) != exec_lea &&
		    uop_exec(i) != exec_nop)
			return false;
	return !(x86_opcodes[i->op].attr & (A_JUMP | A_JCC | A_SIMD_FP)) &&
	       uop_exec(i) != exec_push && uop_exec(i) != exec_pop && uop_exec(i) != exec_leave;
}

/* What must be there before the instruction.  A count of zero, which leaves the flags alone, is known where the count is an immediate. */
static uint16_t flags_read_by(const struct x86_insn *i)
{
	const struct x86_opcode *o = &x86_opcodes[i->op];
	x86_exec_fn exec = o->exec;

	if ((exec == exec_shl || exec == exec_shr || exec == exec_sar) &&
	    i->opr[1].kind == X86_OPR_IMM && i->imm & (i->opsize == 8 ? 63 : 31))
		return 0;
	if (exec == exec_imul2 || exec == exec_imul3)
		return o->flags_undef; /* these four stay as they are, see alu.h */
	return o->flags_read;
}

static void select_all(const struct soft_vcpu *v, struct block *b)
{
	uint16_t live = X86_ARITH;

	for (unsigned n = b->n_insns; n-- > 0;) {
		struct uop *u = &b->uop[n];
		const struct x86_opcode *o = &x86_opcodes[u->in.op];
		uint16_t written = (o->flags_write | o->flags_undef) & X86_ARITH;

		u->run = select_uop(v, &u->in, b->mode, (written & live) != 0);
		if (is_pure(&u->in, u->run))
			live = (uint16_t)((live & ~written) | flags_read_by(&u->in));
		else
			live = X86_ARITH;
	}
}

static void fuse_all(struct block *b)
{
	for (unsigned n = 0; n + 1 < b->n_insns; n++) {
		uop_fn run = uop_select_fused(&b->uop[n].in, &b->uop[n + 1].in, b->mode);

		if (run)
			b->uop[n].run = run;
	}
}

/* Fills in what depends on the instruction's place in the block. */
static void place(struct uop *u, unsigned offset, unsigned rest)
{
	const struct x86_insn *i = &u->in;

	u->offset = (uint16_t)offset;
	u->rest = (uint16_t)rest;
	u->to = 0;
	u->disp = 0;
	if (i->n_operands && i->opr[0].kind == X86_OPR_REL)
		u->to = (int32_t)(offset + i->len + i->imm);
	else
		u->disp = i->disp + (i->base == X86_REG_RIP ? (int64_t)offset + i->len : 0);
}

/* Control goes on behind the block: no instruction, just the way there. */
static void put_end(struct uop *u, unsigned n_bytes)
{
	*u = (struct uop){.run = uop_end, .offset = (uint16_t)n_bytes, .to = (int32_t)n_bytes};
}

static void finish(struct soft_vcpu *v, struct block *b, uint64_t gpa, uint64_t gpa_last_page)
{
	struct memory *memory = v->soft->config.memory;
	unsigned offset = 0;
	uint32_t last;

	b->gpa = gpa;
	b->gpa_last_page = gpa_last_page;
	b->mode = v->cpu.mode;
	for (unsigned n = 0; n < b->n_insns; n++) {
		place(&b->uop[n], offset, b->n_insns - 1u - n);
		offset += b->uop[n].in.len;
	}
	b->n_bytes = (uint16_t)offset;
	select_all(v, b);
	fuse_all(b);
	last = x86_opcodes[b->uop[b->n_insns - 1].in.op].attr;
	if (!(last & (A_JUMP | A_SYNC)))
		put_end(&b->uop[b->n_insns], offset);
	watch_code(v->soft, memory_page_number(memory, gpa));
	watch_code(v->soft, memory_page_number(memory, gpa_last_page));
	block_cache_add(v->soft->blocks, b, b->n_insns + 1u);
}

/* Decodes the instructions that lie wholly in this page; false: not even one. */
static bool decode_page(const struct soft_vcpu *v, struct block *b, const uint8_t *host,
			unsigned room_bytes)
{
	unsigned at = 0;

	b->n_insns = 0;
	while (b->n_insns < BLOCK_INSNS_MAX) {
		struct x86_insn *i = &b->uop[b->n_insns].in;
		unsigned left = room_bytes - at;

		if (x86_decode(&v->soft->decoder, host + at,
			       left < X86_INSN_MAX_BYTES ? left : X86_INSN_MAX_BYTES,
			       v->cpu.code_bytes, i) != X86_DECODE_OK)
			break;
		at += i->len;
		b->n_insns++;
		if (x86_opcodes[i->op].attr & (A_JUMP | A_SYNC))
			break;
	}
	return b->n_insns != 0;
}

/* The guest-physical page that follows in the linear address space; false if it cannot be
 * executed or is not RAM. */
static bool next_page(struct soft_vcpu *v, uint64_t rip, uint64_t *gpa_page)
{
	uint64_t linear = (rip & X86_PAGE_MASK) + X86_PAGE_BYTES, gpa;
	struct x86_event none = {0};
	bool cacheable;
	uint8_t *host;

	if (x86_translate(&v->cpu, linear & x86_rip_mask(&v->cpu), X86_ACCESS_CODE, &host, &gpa,
			  &cacheable) != X86_OK) {
		v->cpu.event = none;
		return false;
	}
	*gpa_page = gpa & X86_PAGE_MASK;
	return host != NULL;
}

/* An instruction that crosses into the next page, as a block of its own. */
static bool decode_crossing(struct soft_vcpu *v, struct block *b, uint64_t *gpa_last_page)
{
	struct x86_event none = {0};

	if (x86_fetch_insn(&v->cpu, &b->uop[0].in) != X86_OK) {
		v->cpu.event = none;
		return false;
	}
	b->n_insns = 1;
	return next_page(v, v->cpu.rip, gpa_last_page);
}

static struct block *build(struct soft_vcpu *v, uint64_t gpa, const uint8_t *host)
{
	struct block *b = block_cache_reserve(v->soft->blocks);
	uint64_t page = gpa & X86_PAGE_MASK, last_page = page;
	unsigned room = X86_PAGE_BYTES - (unsigned)(gpa - page);

	if (!decode_page(v, b, host, room) &&
	    (room >= X86_INSN_MAX_BYTES || !decode_crossing(v, b, &last_page)))
		return NULL;
	finish(v, b, gpa, last_page);
	return b;
}

/* A block found by its first page is good only if its second still follows. */
static bool still_there(struct soft_vcpu *v, const struct block *b)
{
	uint64_t page;

	if (b->gpa_last_page == (b->gpa & X86_PAGE_MASK))
		return true;
	return next_page(v, v->cpu.rip, &page) && page == b->gpa_last_page;
}

/* The host address of the code at rip, or NULL when it cannot be fetched from RAM. */
static const uint8_t *code_at_rip(struct x86_cpu *c)
{
	struct x86_event none = {0};
	uint8_t *host = tlb_hit(c->tlb.code, c->rip, 1);
	bool cacheable;
	uint64_t gpa;

	if (!host && x86_translate(c, c->rip, X86_ACCESS_CODE, &host, &gpa, &cacheable) != X86_OK) {
		c->event = none;
		return NULL;
	}
	return host;
}

const struct block *block_at_rip(struct soft_vcpu *v)
{
	struct memory *memory = v->soft->config.memory;
	struct x86_cpu *c = &v->cpu;
	unsigned slot = lately_slot(c->rip);
	const uint8_t *host;
	struct block *b;
	uint64_t gpa;

	if (uop_lately(v, c->rip))
		return v->lately[slot].block;
	if (block_cache_full(v->soft->blocks))
		watch_forget_code(v->soft);
	host = code_at_rip(c);
	if (!host)
		return NULL;
	gpa = memory_host_gpa(memory, host);
	b = block_cache_find(v->soft->blocks, gpa, c->mode);
	if (!b || !still_there(v, b))
		b = build(v, gpa, host);
	if (b) {
		v->lately[slot].rip = c->rip;
		v->lately[slot].key = lately_key(c);
		v->lately[slot].block = b;
	}
	return b;
}
