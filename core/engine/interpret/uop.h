/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What specialised uops are made of.
 *
 * A uop ends by running the next one.  Where the compiler turns that call into a jump (UOP_CHAIN,
 * set by the Makefile for optimised builds) control flows from uop to uop without ever
 * returning, which lets the host predict each transition by itself; elsewhere every uop returns
 * to the run loop, which calls the next.
 */
#ifndef CORE_ENGINE_INTERPRET_UOP_H
#define CORE_ENGINE_INTERPRET_UOP_H

#include "core/engine/interpret/soft.h"
#include "core/x86/alu.h"
#include "core/x86/operand.h"

#include <string.h>

#define UOP_INLINE static inline __attribute__((always_inline))

/* One uop function whose body is an inline template with constant arguments. */
#define UOP(name, body, ...)                                                    \
	static const struct uop *name(struct soft_vcpu *v, const struct uop *u) \
	{                                                                       \
		return body(v, u, __VA_ARGS__);                                 \
	}

/* Goes on with u. */
UOP_INLINE const struct uop *uop_go(struct soft_vcpu *v, const struct uop *u)
{
#ifdef UOP_CHAIN
	return u->run(v, u);
#else
	(void)v;
	return u;
#endif
}

/* Returns to the run loop with cpu.rip set; `undone` instructions of the block just left were
 * not carried out. */
UOP_INLINE const struct uop *uop_leave(struct soft_vcpu *v, enum soft_leave leave, unsigned undone)
{
	v->budget += undone;
	v->leave = leave;
	v->at = NULL;
	return NULL;
}

/* The address of u's instruction. */
UOP_INLINE uint64_t uop_rip(const struct soft_vcpu *v, const struct uop *u)
{
	return (v->cpu.r[X86_REG_RIP] + u->offset) & v->rip_mask;
}

UOP_INLINE uint64_t uop_next_rip(const struct soft_vcpu *v, const struct uop *u)
{
	return (v->cpu.r[X86_REG_RIP] + u->offset + u->in.len) & v->rip_mask;
}

/* Enters block b, whose code is at rip, if the budget allows the whole of it. */
UOP_INLINE const struct uop *uop_enter(struct soft_vcpu *v, const struct block *b, uint64_t rip)
{
	int64_t left = v->budget - b->n_insns;

	if (__builtin_expect(left < 0, 0)) {
		v->cpu.rip = rip;
		return uop_leave(v, LEAVE_NEXT, 0);
	}
	v->budget = left;
	v->cpu.r[X86_REG_RIP] = rip;
	return uop_go(v, b->uop);
}

UOP_INLINE uint64_t lately_key(const struct x86_cpu *c)
{
	return c->tlb.generation << 16 | c->mode;
}

UOP_INLINE unsigned lately_slot(uint64_t rip)
{
	return (unsigned)(rip ^ rip >> 12) % LATELY_ENTRIES;
}

/* The block at rip if it was used lately under the present translations, else NULL. */
UOP_INLINE const struct block *uop_lately(const struct soft_vcpu *v, uint64_t rip)
{
	unsigned slot = lately_slot(rip);

	if (__builtin_expect(v->lately[slot].rip != rip, 0) ||
	    __builtin_expect(v->lately[slot].key != lately_key(&v->cpu), 0))
		return NULL;
	return v->lately[slot].block;
}

/* Goes to rip, which has been checked, from an instruction after which `undone` of its block's
 * instructions are not carried out. */
UOP_INLINE const struct uop *uop_to(struct soft_vcpu *v, uint64_t rip, unsigned undone)
{
	const struct block *b = uop_lately(v, rip);

	if (__builtin_expect(b == NULL, 0)) {
		v->cpu.rip = rip;
		return uop_leave(v, LEAVE_NEXT, undone);
	}
	v->budget += undone;
	return uop_enter(v, b, rip);
}

/* Where the direct branch u leads. */
UOP_INLINE uint64_t uop_target(const struct soft_vcpu *v, const struct uop *u)
{
	return (v->cpu.r[X86_REG_RIP] + (uint64_t)(int64_t)u->to) & v->rip_mask;
}

/* The block that the direct branch u leads to, if it is known; links u to it for good where that
 * is possible (block.h). */
const struct block *uop_find_target(const struct soft_vcpu *v, const struct uop *u);

UOP_INLINE const struct block *uop_target_block(const struct soft_vcpu *v, const struct uop *u)
{
	if (__builtin_expect(u->link != NULL, 1))
		return u->link;
	return uop_find_target(v, u);
}

/* How a memory operand's address is formed. */
enum uop_address {
	ADDRESS_64,  /* 64-bit address size, base zero: a plain sum */
	ADDRESS_ANY, /* 32-bit address size, or FS or GS in 64-bit mode */
};

UOP_INLINE uint64_t uop_address(const struct soft_vcpu *v, const struct uop *u,
				enum uop_address how)
{
	const struct x86_cpu *c = &v->cpu;
	uint64_t a = c->r[u->in.base] + (c->r[u->in.index] << u->in.scale) + (uint64_t)u->disp;

	if (how == ADDRESS_64)
		return a;
	if (u->in.adsize == 4)
		a = (uint32_t)a;
	return u->in.seg >= X86_FS ? a + c->seg[u->in.seg].base : a;
}

UOP_INLINE uint64_t host_load(const void *p, unsigned size_bytes)
{
	uint64_t v = 0;

	memcpy(&v, p, size_bytes);
	return v;
}

UOP_INLINE void host_store(void *p, unsigned size_bytes, uint64_t v)
{
	memcpy(p, &v, size_bytes);
}

/* Host addresses of guest memory that is in the TLB, or NULL. */
UOP_INLINE const void *uop_readable(const struct soft_vcpu *v, uint64_t linear, unsigned size_bytes)
{
	return tlb_hit(v->cpu.tlb.read, linear, size_bytes);
}

UOP_INLINE void *uop_writable(const struct soft_vcpu *v, uint64_t linear, unsigned size_bytes)
{
	return tlb_hit(v->cpu.tlb.write, linear, size_bytes);
}

/* The instruction's exec function, without the checks of x86_execute(): for rows that need none
 * in this block's mode. */
const struct uop *uop_direct(struct soft_vcpu *v, const struct uop *u);

/* Takes the direct branch u.  A target that is not known is left to the exec function, which
 * checks it. */
UOP_INLINE const struct uop *uop_take(struct soft_vcpu *v, const struct uop *u)
{
	const struct block *b = uop_target_block(v, u);

	if (__builtin_expect(b == NULL, 0))
		return uop_direct(v, u);
	v->budget += u->rest;
	return uop_enter(v, b, uop_target(v, u));
}

/* x86_execute(). */
const struct uop *uop_general(struct soft_vcpu *v, const struct uop *u);

/* The end of a block that does not end in a branch; not an instruction. */
const struct uop *uop_end(struct soft_vcpu *v, const struct uop *u);

/* Specialised functions by family, each NULL when it has none for this instruction.  flags_live:
 * somebody may look at the flags that the instruction writes. */
uop_fn uop_select_alu(const struct x86_insn *i, uint32_t mode, bool flags_live);
uop_fn uop_select_move(const struct x86_insn *i, uint32_t mode);
uop_fn uop_select_shift(const struct x86_insn *i, bool flags_live);
uop_fn uop_select_stack(const struct x86_insn *i, uint32_t mode);
uop_fn uop_select_branch(const struct x86_insn *i, uint32_t mode);
uop_fn uop_select_simd(const struct x86_insn *i, uint32_t mode);

/* One function for the compare i and the conditional branch after it. */
uop_fn uop_select_fused(const struct x86_insn *i, const struct x86_insn *branch, uint32_t mode);

/* How i's memory operand may be addressed by a specialised function: false when only the general
 * path knows. */
static inline bool uop_addressable(const struct x86_insn *i, uint32_t mode, enum uop_address *how)
{
	bool long_mode = (mode & X86_MODE_CODE) == X86_MODE_CODE64;

	if (long_mode && i->adsize == 8 && i->seg < X86_FS)
		*how = ADDRESS_64;
	else if (i->adsize >= 4 && (long_mode || (i->seg < X86_FS && i->seg != X86_CS)))
		*how = ADDRESS_ANY;
	else
		return false;
	return true;
}

static inline x86_exec_fn uop_exec(const struct x86_insn *i)
{
	return x86_opcodes[i->op].exec;
}

/* Index 0..3 of an operand size of 1, 2, 4 or 8 bytes. */
static inline unsigned uop_size_index(unsigned size_bytes)
{
	return (unsigned)__builtin_ctz(size_bytes);
}

#endif
