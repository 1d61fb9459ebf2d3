/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/msr.h"

#include "core/x86/cpuid.h"
#include "core/x86/fault.h"

#include <stddef.h>

#define MSR_EFER 0xc0000080u

#define MISC_ENABLE_FAST_STRINGS (1ull << 0)
#define MISC_ENABLE_LIMIT_CPUID	 (1ull << 22)
#define MISC_ENABLE_NO_NX	 (1ull << 34)
#define FEATURE_CONTROL_LOCK	 (1ull << 0)

/* What a register takes. */
enum msr_rule {
	MSR_ANY,
	MSR_CANONICAL,
	MSR_LOW32,
	MSR_PAT,
	MSR_MISC_ENABLE,
	MSR_FEATURE_CONTROL,
	MSR_READS_ZERO,	    /* constant; only 0 may be written */
	MSR_READ_ONLY_ZERO, /* constant; may not be written */
	MSR_COMMAND,	    /* may be written, to no effect, and not read */
};

struct msr_row {
	uint32_t index;
	uint8_t rule;	 /* enum msr_rule */
	uint8_t feature; /* enum x86_feature without which it does not exist */
	uint16_t offset; /* of its uint64_t in struct x86_cpu; 0: keeps nothing */
	const char *refusal;
};

#define CPU(field)  offsetof(struct x86_cpu, field)
#define KEPT(field) CPU(msr.field)

/* Neither CPUID nor this table knows MTRRs, machine check banks or performance counters.
 * SPEC_CTRL and PRED_CMD ask a hardware CPU to speculate less: there is nothing to do here, but a
 * guest that came from one goes on writing them. */
static const struct msr_row rows[] = {
	{0x3a, MSR_FEATURE_CONTROL, X86_FEAT_BASE, KEPT(feature_control),
	 "IA32_FEATURE_CONTROL has bits that this CPU lacks"},
	{0x48, MSR_ANY, X86_FEAT_BASE, KEPT(spec_ctrl), NULL},
	{0x49, MSR_COMMAND, X86_FEAT_BASE, 0, NULL},
	{0x8b, MSR_ANY, X86_FEAT_BASE, KEPT(microcode_revision), NULL},
	{0xce, MSR_READ_ONLY_ZERO, X86_FEAT_BASE, 0, NULL},
	{0x140, MSR_READS_ZERO, X86_FEAT_BASE, KEPT(misc_features),
	 "MISC_FEATURES_ENABLES is not zero"},
	{0x174, MSR_ANY, X86_FEAT_BASE, KEPT(sysenter_cs), NULL},
	{0x175, MSR_CANONICAL, X86_FEAT_BASE, KEPT(sysenter_esp),
	 "IA32_SYSENTER_ESP is not canonical"},
	{0x176, MSR_CANONICAL, X86_FEAT_BASE, KEPT(sysenter_eip),
	 "IA32_SYSENTER_EIP is not canonical"},
	{0x1a0, MSR_MISC_ENABLE, X86_FEAT_BASE, KEPT(misc_enable),
	 "IA32_MISC_ENABLE limits CPUID or disables NX"},
	{0x277, MSR_PAT, X86_FEAT_BASE, KEPT(pat), "IA32_PAT has a reserved memory type"},
	{0xc0000081, MSR_ANY, X86_FEAT_BASE, KEPT(star), NULL},
	{0xc0000082, MSR_CANONICAL, X86_FEAT_BASE, KEPT(lstar), "IA32_LSTAR is not canonical"},
	{0xc0000083, MSR_CANONICAL, X86_FEAT_BASE, KEPT(cstar), "IA32_CSTAR is not canonical"},
	{0xc0000084, MSR_LOW32, X86_FEAT_BASE, KEPT(sfmask), "IA32_FMASK is wider than 32 bits"},
	{0xc0000100, MSR_CANONICAL, X86_FEAT_BASE, CPU(seg[X86_FS].base), NULL},
	{0xc0000101, MSR_CANONICAL, X86_FEAT_BASE, CPU(seg[X86_GS].base), NULL},
	{0xc0000102, MSR_CANONICAL, X86_FEAT_BASE, KEPT(kernel_gs_base),
	 "IA32_KERNEL_GS_BASE is not canonical"},
	{0xc0000103, MSR_LOW32, X86_FEAT_RDTSCP, KEPT(tsc_aux),
	 "IA32_TSC_AUX is wider than 32 bits"},
};

static const struct msr_row *row_find(const struct x86_cpu *c, uint32_t index)
{
	for (unsigned n = 0; n < sizeof(rows) / sizeof(rows[0]); n++)
		if (rows[n].index == index)
			return rows[n].feature == X86_FEAT_BASE ||
					       x86_has(c, (enum x86_feature)rows[n].feature)
				       ? &rows[n]
				       : NULL;
	return NULL;
}

/* Uncacheable, write-combining, write-through, write-protected, write-back, uncached. */
static bool pat_is_valid(uint64_t pat)
{
	for (unsigned n = 0; n < 8; n++) {
		unsigned type = pat >> (8 * n) & 0xff;

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

/* Whether a register under this rule can ever hold the value. */
static bool rule_holds(enum msr_rule rule, uint64_t value)
{
	switch (rule) {
	case MSR_CANONICAL: return x86_is_canonical(value);
	case MSR_LOW32: return value >> 32 == 0;
	case MSR_PAT: return pat_is_valid(value);
	case MSR_MISC_ENABLE: return !(value & (MISC_ENABLE_LIMIT_CPUID | MISC_ENABLE_NO_NX));
	case MSR_FEATURE_CONTROL: return !(value & ~FEATURE_CONTROL_LOCK);
	case MSR_READS_ZERO: return value == 0;
	case MSR_READ_ONLY_ZERO: return false;
	default: return true;
	}
}

static enum x86_status efer_write(struct x86_cpu *c, uint64_t value)
{
	uint64_t changed;

	/* LMA cannot be written; it is where it was, whatever the value says */
	value = (value & ~(uint64_t)EFER_LMA) | (c->efer & EFER_LMA);
	changed = value ^ c->efer;
	if (value & ~(uint64_t)c->model->efer_valid || (changed & EFER_LME && c->cr0 & CR0_PG))
		return x86_raise_gp(c);
	c->efer = value;
	if (changed & EFER_NXE)
		tlb_flush(&c->tlb);
	x86_mode_update(c);
	return X86_OK;
}

static uint64_t *row_value(struct x86_cpu *c, const struct msr_row *row)
{
	return (uint64_t *)((char *)c + row->offset);
}

enum x86_status msr_read(struct x86_cpu *c, uint32_t index, uint64_t *value)
{
	const struct msr_row *row = row_find(c, index);
	enum x86_status status;

	if (index == MSR_EFER) {
		*value = c->efer;
		return X86_OK;
	}
	if (!row) {
		status = c->world->msr_read(c->world_ctx, index, value);
		return status == X86_FAULT ? x86_raise_gp(c) : status;
	}
	if (row->rule == MSR_COMMAND)
		return x86_raise_gp(c);
	*value = row->offset ? *row_value(c, row) : 0;
	return X86_OK;
}

enum x86_status msr_write(struct x86_cpu *c, uint32_t index, uint64_t value)
{
	const struct msr_row *row = row_find(c, index);
	enum x86_status status;

	if (index == MSR_EFER)
		return efer_write(c, value);
	if (!row) {
		status = c->world->msr_write(c->world_ctx, index, value);
		return status == X86_FAULT ? x86_raise_gp(c) : status;
	}
	if (!rule_holds((enum msr_rule)row->rule, value))
		return x86_raise_gp(c);
	if (row->rule == MSR_FEATURE_CONTROL && c->msr.feature_control & FEATURE_CONTROL_LOCK)
		return x86_raise_gp(c);
	if (row->offset)
		*row_value(c, row) = value;
	return X86_OK;
}

void msr_reset(struct x86_msrs *m)
{
	*m = (struct x86_msrs){
		.pat = 0x0007040600070406,
		.misc_enable = MISC_ENABLE_FAST_STRINGS,
	};
}

const char *msr_check(const struct x86_msrs *m)
{
	for (unsigned n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		const char *at = (const char *)m + rows[n].offset - CPU(msr);

		if (rows[n].refusal &&
		    !rule_holds((enum msr_rule)rows[n].rule, *(const uint64_t *)at))
			return rows[n].refusal;
	}
	return NULL;
}
