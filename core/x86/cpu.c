/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/cpu.h"

#include "core/x86/cpuid.h"
#include "core/x86/msr.h"

#include <string.h>

/* Attributes that segment registers have after RESET and in real mode. */
#define ATTR_REAL_CODE 0x009b
#define ATTR_REAL_DATA 0x0093
#define ATTR_LDT       0x0082
#define ATTR_BUSY_TSS  0x008b

#define SEG_CODE 8 /* type bit of code segments */
#define SEG_RW	 2 /* type bit: data writable, code readable */
#define SEG_DOWN 4 /* type bit: data expands down */

static bool is_flat(const struct x86_segment *s)
{
	unsigned needed = X86_SEG_S | SEG_RW, refused = X86_SEG_UNUSABLE;

	if (!(s->attr & SEG_CODE))
		refused |= SEG_DOWN;
	return s->base == 0 && s->limit == 0xffffffff && (s->attr & (needed | refused)) == needed;
}

static bool segments_are_flat(const struct x86_cpu *c)
{
	for (unsigned n = X86_ES; n <= X86_DS; n++)
		if (!is_flat(&c->seg[n]) || !(c->seg[n].attr & SEG_CODE) != (n != X86_CS))
			return false;
	return true;
}

static bool has_data_breakpoints(const struct x86_cpu *c)
{
	for (unsigned n = 0; n < 4; n++)
		if (c->dr7 >> (2 * n) & 3 && c->dr7 >> (16 + 4 * n) & 1)
			return true;
	return false;
}

static bool is_careful(const struct x86_cpu *c)
{
	return (c->cpl == 3 && c->cr0 & CR0_AM && c->rflags & X86_AC_FLAG) ||
	       has_data_breakpoints(c);
}

static uint32_t mode_bits(const struct x86_cpu *c)
{
	uint32_t mode = c->code_bytes == 8   ? X86_MODE_CODE64
			: c->code_bytes == 4 ? X86_MODE_CODE32
					     : X86_MODE_CODE16;

	if (c->stack_bytes == 4)
		mode |= X86_MODE_STACK32;
	if (c->cpl == 3)
		mode |= X86_MODE_USER;
	if (c->cr0 & (CR0_EM | CR0_TS))
		mode |= X86_MODE_NO_X87 | X86_MODE_NO_SSE;
	if (!(c->cr4 & CR4_OSFXSR))
		mode |= X86_MODE_NO_SSE;
	if (is_careful(c))
		mode |= X86_MODE_CAREFUL;
	if (!(c->cr0 & CR0_PE) || c->rflags & X86_VM)
		mode |= X86_MODE_REAL;
	else if (c->code_bytes == 4 && segments_are_flat(c))
		mode |= X86_MODE_FLAT;
	return mode;
}

void x86_mode_update(struct x86_cpu *c)
{
	uint16_t code = c->seg[X86_CS].attr, stack = c->seg[X86_SS].attr;
	enum x86_tlb_set set;

	c->long_mode = c->efer & EFER_LMA;
	if (!(c->cr0 & CR0_PE))
		c->cpl = 0;
	else if (c->rflags & X86_VM)
		c->cpl = 3;
	else
		c->cpl = (stack & X86_SEG_DPL) >> X86_SEG_DPL_SHIFT;
	if (c->long_mode && code & X86_SEG_L) {
		c->code_bytes = c->stack_bytes = 8;
	} else {
		c->code_bytes = code & X86_SEG_DB ? 4 : 2;
		c->stack_bytes = stack & X86_SEG_DB ? 4 : 2;
	}
	c->mode = mode_bits(c);
	set = x86_tlb_set(c);
	c->tlb.read = c->tlb.set[set][X86_TLB_READ];
	c->tlb.write = c->tlb.set[set][X86_TLB_WRITE];
	c->tlb.code = c->tlb.set[set][X86_TLB_CODE];
	c->resync = true;
}

static void set_segment(struct x86_segment *s, uint16_t selector, uint64_t base, uint16_t attr)
{
	s->selector = selector;
	s->base = base;
	s->limit = 0xffff;
	s->attr = attr;
}

/* What RESET and INIT have in common. */
static void reset_registers(struct x86_cpu *c)
{
	memset(c->r, 0, sizeof(c->r));
	c->r[X86_RDX] = X86_SIGNATURE;
	c->rip = 0xfff0;
	lazy_set(&c->lazy, 0);
	c->rflags = X86_FLAG_1;
	for (unsigned n = X86_ES; n <= X86_GS; n++)
		set_segment(&c->seg[n], 0, 0, ATTR_REAL_DATA);
	set_segment(&c->seg[X86_CS], 0xf000, 0xffff0000, ATTR_REAL_CODE);
	set_segment(&c->seg[X86_LDTR], 0, 0, ATTR_LDT);
	set_segment(&c->seg[X86_TR], 0, 0, ATTR_BUSY_TSS);
	c->gdt = c->idt = (struct x86_table){.base = 0, .limit = 0xffff};
	c->cr0 = CR0_ET | (c->cr0 & (CR0_CD | CR0_NW));
	c->cr2 = c->cr3 = c->cr4 = c->efer = 0;
	memset(c->pdpte, 0, sizeof(c->pdpte));
	memset(c->dr, 0, sizeof(c->dr));
	c->dr6 = DR6_FIXED;
	c->dr7 = DR7_FIXED;
	c->debug_hit = 0;
	c->shadow = 0;
	c->nmi_blocked = 0;
	c->event = (struct x86_event){.kind = X86_EVENT_NONE};
}

void x86_cpu_reset(struct x86_cpu *c, bool bootstrap)
{
	uint64_t generation = c->tlb.generation;

	c->cr0 = CR0_CD | CR0_NW;
	reset_registers(c);
	/* Table 9-1 leaves the x87 as if all registers held +0.0. */
	memset(&c->fpu, 0, sizeof(c->fpu));
	c->fpu.control = 0x40;
	c->fpu.in_use = 0xff;
	memset(c->xmm, 0, sizeof(c->xmm));
	c->mxcsr = 0x1f80;
	msr_reset(&c->msr);
	c->activity = bootstrap ? X86_ACTIVE : X86_WAIT_SIPI;
	tlb_init(&c->tlb);
	c->tlb.generation = generation + 1;
	x86_mode_update(c);
}

void x86_cpu_init_ipi(struct x86_cpu *c)
{
	reset_registers(c);
	c->activity = X86_WAIT_SIPI;
	tlb_flush(&c->tlb);
	x86_mode_update(c);
}

void x86_cpu_startup_ipi(struct x86_cpu *c, uint8_t vector)
{
	if (c->activity != X86_WAIT_SIPI)
		return;
	set_segment(&c->seg[X86_CS], (uint16_t)(vector << 8), (uint64_t)vector << 12,
		    ATTR_REAL_CODE);
	c->rip = 0;
	c->activity = X86_ACTIVE;
	x86_mode_update(c);
}
