/* SPDX-License-Identifier: Apache-2.0 */
/* Fast system calls: SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM vol. 2).  They load fixed segments
 * without looking at any descriptor. */
#include "core/x86/exec.h"
#include "core/x86/segment.h"

#define SYSRET_FLAGS 0x3c7fd7u

/* Flat code and stack segments at privilege cpl; the stack's selector follows the code's. */
static void load_flat(struct x86_cpu *c, uint16_t cs, uint16_t ss, unsigned cpl, bool code64)
{
	uint16_t common = (uint16_t)(X86_SEG_G | cpl << X86_SEG_DPL_SHIFT);
	uint16_t width = code64 ? X86_SEG_L : X86_SEG_DB;

	c->seg[X86_CS] = (struct x86_segment){0, 0xffffffff, (uint16_t)((cs & 0xfffc) | cpl),
					      (uint16_t)(X86_ATTR_CODE | common | width)};
	c->seg[X86_SS] = (struct x86_segment){0, 0xffffffff, (uint16_t)((ss & 0xfffc) | cpl),
					      (uint16_t)(X86_ATTR_DATA | common | X86_SEG_DB)};
}

static void set_flags(struct x86_cpu *c, uint64_t flags)
{
	lazy_set(&c->lazy, (uint32_t)flags);
	c->rflags = (flags & ~(uint64_t)X86_ARITH) | X86_FLAG_1;
}

enum x86_status exec_syscall(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t flags = (c->rflags | lazy_get(&c->lazy)) & ~(uint64_t)X86_RF;
	uint16_t cs = (uint16_t)(c->msr.star >> 32);

	if (!x86_is_64(c) || !(c->efer & EFER_SCE))
		return x86_raise(c, X86_UD);
	c->r[X86_RCX] = c->rip + i->len;
	c->r[X86_R11] = flags;
	set_flags(c, flags & ~c->msr.sfmask);
	load_flat(c, cs, (uint16_t)((cs & 0xfffc) + 8), 0, true);
	c->rip = c->msr.lstar;
	x86_mode_update(c);
	return X86_JUMPED;
}

/* An address that is not canonical faults here, at CPL 0, as on Intel's CPUs. */
enum x86_status exec_sysret(struct x86_cpu *c, const struct x86_insn *i)
{
	uint16_t base = (uint16_t)(c->msr.star >> 48);
	bool code64 = i->opsize == 8;

	if (!x86_is_64(c) || !(c->efer & EFER_SCE))
		return x86_raise(c, X86_UD);
	if (code64 && !x86_is_canonical(c->r[X86_RCX]))
		return x86_raise_gp(c);
	c->rip = code64 ? c->r[X86_RCX] : (uint32_t)c->r[X86_RCX];
	set_flags(c, c->r[X86_R11] & SYSRET_FLAGS);
	load_flat(c, (uint16_t)(base + (code64 ? 16 : 0)), (uint16_t)(base + 8), 3, code64);
	x86_mode_update(c);
	return X86_JUMPED;
}

static bool sysenter_is_set_up(const struct x86_cpu *c)
{
	return c->cr0 & CR0_PE && !x86_selector_is_null((uint16_t)c->msr.sysenter_cs);
}

enum x86_status exec_sysenter(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t mask = c->long_mode ? ~0ull : 0xffffffff;
	uint16_t cs = (uint16_t)(c->msr.sysenter_cs & 0xfffc);

	(void)i;
	if (!sysenter_is_set_up(c))
		return x86_raise_gp(c);
	c->rflags &= ~(uint64_t)(X86_VM | X86_IF | X86_RF);
	load_flat(c, cs, (uint16_t)(cs + 8), 0, c->long_mode);
	c->r[X86_RSP] = c->msr.sysenter_esp & mask;
	c->rip = c->msr.sysenter_eip & mask;
	x86_mode_update(c);
	return X86_JUMPED;
}

enum x86_status exec_sysexit(struct x86_cpu *c, const struct x86_insn *i)
{
	bool code64 = i->opsize == 8;
	uint64_t mask = code64 ? ~0ull : 0xffffffff;
	uint16_t cs = (uint16_t)((c->msr.sysenter_cs & 0xfffc) + (code64 ? 32 : 16));

	if (!sysenter_is_set_up(c))
		return x86_raise_gp(c);
	if (code64 && (!x86_is_canonical(c->r[X86_RCX]) || !x86_is_canonical(c->r[X86_RDX])))
		return x86_raise_gp(c);
	load_flat(c, cs, (uint16_t)(cs + 8), 3, code64);
	c->r[X86_RSP] = c->r[X86_RCX] & mask;
	c->rip = c->r[X86_RDX] & mask;
	x86_mode_update(c);
	return X86_JUMPED;
}
