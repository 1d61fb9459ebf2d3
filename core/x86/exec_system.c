/* SPDX-License-Identifier: Apache-2.0 */
/* System instructions: interrupt flag, descriptor table registers, FS and GS bases, MSRs, CPUID,
 * time stamp counter, TLB and caches.  Control and debug registers are in exec_control.c. */
#include "core/x86/cpuid.h"
#include "core/x86/exec.h"
#include "core/x86/fault.h"
#include "core/x86/msr.h"

#include <string.h>

enum x86_status exec_nop(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)c;
	(void)i;
	return X86_OK;
}

enum x86_status exec_undefined(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	return x86_raise(c, X86_UD);
}

enum x86_status exec_hlt(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	c->activity = X86_HALTED;
	c->resync = true;
	return X86_OK;
}

/* ---- RFLAGS ---- */

static unsigned iopl(const struct x86_cpu *c)
{
	return (c->rflags & X86_IOPL) >> 12;
}

/* CLI and STI; virtual-8086 mode runs at CPL 3. */
static bool may_change_if(const struct x86_cpu *c)
{
	return c->cpl <= iopl(c);
}

enum x86_status exec_cli(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	if (!may_change_if(c))
		return x86_raise_gp(c);
	c->rflags &= ~(uint64_t)X86_IF;
	return X86_OK;
}

enum x86_status exec_sti(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	if (!may_change_if(c))
		return x86_raise_gp(c);
	if (!(c->rflags & X86_IF))
		c->shadow = X86_SHADOW_STI;
	c->rflags |= X86_IF;
	c->resync = true;
	return X86_OK;
}

/* PUSHF and POPF in virtual-8086 mode need IOPL 3. */
static bool is_vm86_forbidden(const struct x86_cpu *c)
{
	return c->rflags & X86_VM && iopl(c) != 3;
}

enum x86_status exec_pushf(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t flags = (c->rflags & ~(uint64_t)(X86_RF | X86_VM)) | lazy_get(&c->lazy);

	if (is_vm86_forbidden(c))
		return x86_raise_gp(c);
	return x86_push(c, i->opsize, flags);
}

/* Flags that POPF may change now (SDM vol. 2, POPF): never RF, VM, VIF and VIP. */
static uint64_t popf_mask(const struct x86_cpu *c, unsigned opsize)
{
	uint64_t mask = X86_TF | X86_DF_FLAG | X86_NT | X86_AC_FLAG | X86_ID;

	if (c->cpl == 0)
		mask |= X86_IOPL;
	if (may_change_if(c))
		mask |= X86_IF;
	return alu_truncate(opsize, mask);
}

enum x86_status exec_popf(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t mask = popf_mask(c, i->opsize), flags, changed;

	if (is_vm86_forbidden(c))
		return x86_raise_gp(c);
	X86_TRY(x86_pop(c, i->opsize, &flags));
	lazy_set(&c->lazy, (uint32_t)flags);
	changed = (flags ^ c->rflags) & mask;
	c->rflags ^= changed;
	c->resync = true;
	if (changed & X86_AC_FLAG)
		x86_mode_update(c);
	return X86_OK;
}

static enum x86_status set_ac(struct x86_cpu *c, uint64_t value)
{
	if (c->cpl != 0)
		return x86_raise(c, X86_UD);
	c->rflags = (c->rflags & ~(uint64_t)X86_AC_FLAG) | value;
	x86_mode_update(c);
	return X86_OK;
}

enum x86_status exec_clac(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	return set_ac(c, 0);
}

enum x86_status exec_stac(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	return set_ac(c, X86_AC_FLAG);
}

/* ---- descriptor table registers ---- */

/* In memory: a 16-bit limit, then the base, 8 bytes in 64-bit mode and 4 elsewhere. */
static unsigned base_bytes(const struct x86_cpu *c)
{
	return x86_is_64(c) ? 8 : 4;
}

static enum x86_status table_load(struct x86_cpu *c, const struct x86_insn *i,
				  struct x86_table *table)
{
	uint8_t bytes[10];
	uint64_t base = 0;

	X86_TRY(x86_load(c, i->seg, operand_offset(c, i), bytes, 2 + base_bytes(c)));
	memcpy(&base, bytes + 2, base_bytes(c));
	if (!x86_is_64(c) && i->opsize == 2)
		base &= 0xffffff;
	if (!x86_is_canonical(base))
		return x86_raise_gp(c);
	memcpy(&table->limit, bytes, 2);
	table->base = base;
	return X86_OK;
}

static enum x86_status table_store(struct x86_cpu *c, const struct x86_insn *i,
				   const struct x86_table *table)
{
	uint8_t bytes[10];

	if (c->cr4 & CR4_UMIP && c->cpl != 0)
		return x86_raise_gp(c);
	memcpy(bytes, &table->limit, 2);
	memcpy(bytes + 2, &table->base, base_bytes(c));
	return x86_store(c, i->seg, operand_offset(c, i), bytes, 2 + base_bytes(c));
}

enum x86_status exec_lgdt(struct x86_cpu *c, const struct x86_insn *i)
{
	return table_load(c, i, &c->gdt);
}

enum x86_status exec_lidt(struct x86_cpu *c, const struct x86_insn *i)
{
	return table_load(c, i, &c->idt);
}

enum x86_status exec_sgdt(struct x86_cpu *c, const struct x86_insn *i)
{
	return table_store(c, i, &c->gdt);
}

enum x86_status exec_sidt(struct x86_cpu *c, const struct x86_insn *i)
{
	return table_store(c, i, &c->idt);
}

/* ---- FS and GS bases ---- */

enum x86_status exec_swapgs(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t base = c->seg[X86_GS].base;

	(void)i;
	c->seg[X86_GS].base = c->msr.kernel_gs_base;
	c->msr.kernel_gs_base = base;
	return X86_OK;
}

static enum x86_status base_read(struct x86_cpu *c, const struct x86_insn *i, enum x86_seg seg)
{
	if (!(c->cr4 & CR4_FSGSBASE))
		return x86_raise(c, X86_UD);
	return operand_write(c, i, 0, c->seg[seg].base);
}

static enum x86_status base_write(struct x86_cpu *c, const struct x86_insn *i, enum x86_seg seg)
{
	uint64_t base;

	if (!(c->cr4 & CR4_FSGSBASE))
		return x86_raise(c, X86_UD);
	X86_TRY(operand_read(c, i, 0, &base));
	if (!x86_is_canonical(base))
		return x86_raise_gp(c);
	c->seg[seg].base = base;
	return X86_OK;
}

enum x86_status exec_rdfsbase(struct x86_cpu *c, const struct x86_insn *i)
{
	return base_read(c, i, X86_FS);
}

enum x86_status exec_rdgsbase(struct x86_cpu *c, const struct x86_insn *i)
{
	return base_read(c, i, X86_GS);
}

enum x86_status exec_wrfsbase(struct x86_cpu *c, const struct x86_insn *i)
{
	return base_write(c, i, X86_FS);
}

enum x86_status exec_wrgsbase(struct x86_cpu *c, const struct x86_insn *i)
{
	return base_write(c, i, X86_GS);
}

/* ---- MSRs, CPUID, counters ---- */

static void set_edx_eax(struct x86_cpu *c, uint64_t value)
{
	c->r[X86_RAX] = (uint32_t)value;
	c->r[X86_RDX] = value >> 32;
}

enum x86_status exec_rdmsr(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t value = 0;

	(void)i;
	X86_TRY(msr_read(c, (uint32_t)c->r[X86_RCX], &value));
	set_edx_eax(c, value);
	return X86_OK;
}

enum x86_status exec_wrmsr(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t value = c->r[X86_RDX] << 32 | (uint32_t)c->r[X86_RAX];

	(void)i;
	X86_TRY(msr_write(c, (uint32_t)c->r[X86_RCX], value));
	c->resync = true; /* the local APIC may have something to say now */
	return X86_OK;
}

enum x86_status exec_cpuid(struct x86_cpu *c, const struct x86_insn *i)
{
	uint32_t out[4];

	(void)i;
	x86_cpuid(c, (uint32_t)c->r[X86_RAX], (uint32_t)c->r[X86_RCX], out);
	c->r[X86_RAX] = out[0];
	c->r[X86_RBX] = out[1];
	c->r[X86_RCX] = out[2];
	c->r[X86_RDX] = out[3];
	return X86_OK;
}

static enum x86_status tsc_read(struct x86_cpu *c)
{
	if (c->cr4 & CR4_TSD && c->cpl != 0)
		return x86_raise_gp(c);
	set_edx_eax(c, c->world->tsc(c->world_ctx));
	return X86_OK;
}

enum x86_status exec_rdtsc(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	return tsc_read(c);
}

enum x86_status exec_rdtscp(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	X86_TRY(tsc_read(c));
	c->r[X86_RCX] = (uint32_t)c->msr.tsc_aux;
	return X86_OK;
}

/* The model has no performance counters, so every index is a bad one. */
enum x86_status exec_rdpmc(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	return x86_raise_gp(c);
}

/* ---- TLB and caches ---- */

enum x86_status exec_invlpg(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t linear = operand_offset(c, i);

	if (!x86_is_64(c))
		linear = (uint32_t)(linear + c->seg[i->seg].base);
	else if (i->seg >= X86_FS)
		linear += c->seg[i->seg].base;
	tlb_flush_page(&c->tlb, linear);
	c->resync = true;
	return X86_OK;
}

/* There is no cache, but the address is checked as for a load of one byte. */
enum x86_status exec_clflush(struct x86_cpu *c, const struct x86_insn *i)
{
	return x86_probe(c, i->seg, operand_offset(c, i), 1, X86_ACCESS_READ);
}
