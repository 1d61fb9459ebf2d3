/* SPDX-License-Identifier: Apache-2.0 */
/* Control and debug registers (SDM vol. 3A 2.5 and chapter 4, vol. 3B 17.2; MOV CR, MOV DR, LMSW,
 * SMSW and CLTS in vol. 2). */
#include "core/x86/cpuid.h"
#include "core/x86/exec.h"
#include "core/x86/fault.h"
#include "core/x86/page_walk.h"

#include <stddef.h>

#define CR0_KNOWN                                                                           \
	((uint64_t)(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | \
		    CR0_NW | CR0_CD | CR0_PG))
#define CR0_MSW_WRITABLE ((uint64_t)(CR0_PE | CR0_MP | CR0_EM | CR0_TS))

/* Changes of these make PAE paging load its registers again (SDM vol. 3A 4.4.1). */
#define CR0_RELOADS ((uint64_t)(CR0_CD | CR0_NW | CR0_PG))
#define CR4_RELOADS ((uint64_t)(CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP))

/* Changes of these make translations mean something else. */
#define CR0_FLUSHES ((uint64_t)(CR0_PG | CR0_WP))
#define CR4_FLUSHES ((uint64_t)(CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_SMAP))

#define TSS16_BUSY 3

/* ---- writing control registers ---- */

/* Registers that decide how linear addresses are translated, before and after a write. */
struct paging {
	uint64_t cr0, cr3, cr4, efer;
	bool reload; /* PDPTE registers, if PAE paging results */
};

static bool is_pae(const struct paging *p)
{
	return p->cr0 & CR0_PG && p->cr4 & CR4_PAE && !(p->efer & EFER_LMA);
}

/* The last step of every write: loads PDPTEs where that is due, the only thing that can still
 * fail, then takes the new values over. */
static enum x86_status paging_take(struct x86_cpu *c, const struct paging *p)
{
	uint64_t cr0_changed = c->cr0 ^ p->cr0, cr4_changed = c->cr4 ^ p->cr4;

	if (p->reload && is_pae(p))
		X86_TRY(page_walk_load_pdptes(c, p->cr3, c->pdpte));
	c->cr0 = p->cr0;
	c->cr3 = p->cr3;
	c->cr4 = p->cr4;
	c->efer = p->efer;
	if (p->reload || cr0_changed & CR0_FLUSHES || cr4_changed & CR4_FLUSHES)
		tlb_flush(&c->tlb);
	x86_mode_update(c);
	return X86_OK;
}

static struct paging paging_now(const struct x86_cpu *c)
{
	return (struct paging){.cr0 = c->cr0, .cr3 = c->cr3, .cr4 = c->cr4, .efer = c->efer};
}

/* Whether CR0.PG may be switched on with EFER.LME set. */
static bool can_enter_long_mode(const struct x86_cpu *c)
{
	return c->cr4 & CR4_PAE && !(c->seg[X86_CS].attr & X86_SEG_L) &&
	       (c->seg[X86_TR].attr & X86_SEG_TYPE) != TSS16_BUSY;
}

static enum x86_status cr0_write(struct x86_cpu *c, uint64_t value)
{
	struct paging p = paging_now(c);
	uint64_t changed;

	if (value >> 32)
		return x86_raise_gp(c);
	value = (value & CR0_KNOWN) | CR0_ET;
	changed = value ^ c->cr0;
	if ((value & CR0_PG && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD)))
		return x86_raise_gp(c);
	if (changed & CR0_PG) {
		if (value & CR0_PG && c->efer & EFER_LME) {
			if (!can_enter_long_mode(c))
				return x86_raise_gp(c);
			p.efer |= EFER_LMA;
		}
		if (!(value & CR0_PG)) {
			if (x86_is_64(c))
				return x86_raise_gp(c);
			p.efer &= ~(uint64_t)EFER_LMA;
		}
	}
	p.cr0 = value;
	p.reload = changed & CR0_RELOADS;
	return paging_take(c, &p);
}

static enum x86_status cr3_write(struct x86_cpu *c, uint64_t value)
{
	struct paging p = paging_now(c);

	if (value & x86_no_physical(c))
		return x86_raise_gp(c);
	p.cr3 = value;
	p.reload = true;
	return paging_take(c, &p);
}

static enum x86_status cr4_write(struct x86_cpu *c, uint64_t value)
{
	struct paging p = paging_now(c);

	if (value & ~(uint64_t)c->model->cr4_valid || (c->long_mode && !(value & CR4_PAE)))
		return x86_raise_gp(c);
	p.cr4 = value;
	p.reload = (value ^ c->cr4) & CR4_RELOADS;
	return paging_take(c, &p);
}

static enum x86_status cr8_write(struct x86_cpu *c, uint64_t value)
{
	if (value & ~0xfull)
		return x86_raise_gp(c);
	c->world->tpr_write(c->world_ctx, value);
	c->resync = true; /* a lower priority may let an interrupt in */
	return X86_OK;
}

enum x86_status exec_mov_to_cr(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t value = gpr_read(c, i->opr[1].reg, i->opr[1].size_bytes);

	switch (i->opr[0].reg) {
	case 0: return cr0_write(c, value);
	case 2: c->cr2 = value; return X86_OK;
	case 3: return cr3_write(c, value);
	case 4: return cr4_write(c, value);
	case 8: return cr8_write(c, value);
	default: return x86_raise(c, X86_UD);
	}
}

enum x86_status exec_mov_from_cr(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t value;

	switch (i->opr[1].reg) {
	case 0: value = c->cr0; break;
	case 2: value = c->cr2; break;
	case 3: value = c->cr3; break;
	case 4: value = c->cr4; break;
	case 8: value = c->world->tpr_read(c->world_ctx); break;
	default: return x86_raise(c, X86_UD);
	}
	gpr_write(c, i->opr[0].reg, i->opr[0].size_bytes, value);
	return X86_OK;
}

enum x86_status exec_lmsw(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t value;

	X86_TRY(operand_read(c, i, 0, &value));
	value = (value & CR0_MSW_WRITABLE) | (c->cr0 & CR0_PE); /* PE can be set, not cleared */
	c->cr0 = (c->cr0 & ~CR0_MSW_WRITABLE) | value;
	x86_mode_update(c);
	return X86_OK;
}

enum x86_status exec_smsw(struct x86_cpu *c, const struct x86_insn *i)
{
	if (c->cr4 & CR4_UMIP && c->cpl != 0)
		return x86_raise_gp(c);
	return operand_write(c, i, 0, c->cr0);
}

enum x86_status exec_clts(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	c->cr0 &= ~(uint64_t)CR0_TS;
	x86_mode_update(c);
	return X86_OK;
}

/* ---- debug registers ---- */

/* The register that a number means; NULL with the exception raised when there is none or DR7.GD
 * forbids access. */
static uint64_t *dr_find(struct x86_cpu *c, unsigned number)
{
	bool is_alias = number == 4 || number == 5;

	if (number > 7 || (is_alias && c->cr4 & CR4_DE)) {
		x86_raise(c, X86_UD);
		return NULL;
	}
	if (c->dr7 & DR7_GD) {
		x86_raise(c, X86_DB);
		c->event.address = DR6_BD;
		return NULL;
	}
	switch (number) {
	case 4:
	case 6: return &c->dr6;
	case 5:
	case 7: return &c->dr7;
	default: return &c->dr[number];
	}
}

enum x86_status exec_mov_from_dr(struct x86_cpu *c, const struct x86_insn *i)
{
	const uint64_t *dr = dr_find(c, i->opr[1].reg);

	if (!dr)
		return X86_FAULT;
	gpr_write(c, i->opr[0].reg, i->opr[0].size_bytes, *dr);
	return X86_OK;
}

enum x86_status exec_mov_to_dr(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t value = gpr_read(c, i->opr[1].reg, i->opr[1].size_bytes);
	uint64_t *dr = dr_find(c, i->opr[0].reg);

	if (!dr)
		return X86_FAULT;
	if ((dr == &c->dr6 || dr == &c->dr7) && value >> 32)
		return x86_raise_gp(c);
	if (dr == &c->dr6)
		value = (value & DR6_VALID) | DR6_FIXED;
	else if (dr == &c->dr7)
		value = (value & DR7_VALID) | DR7_FIXED;
	*dr = value;
	x86_mode_update(c);
	return X86_OK;
}
