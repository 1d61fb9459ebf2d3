/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/cpuid.h"

#include <stdio.h>
#include <string.h>

#define FEAT(name) (1u << X86_FEAT_##name)

#define PORTABLE_V1_FEATURES                                                                 \
	(FEAT(CX16) | FEAT(POPCNT) | FEAT(LAHF64) | FEAT(SSE3) | FEAT(SSSE3) | FEAT(SSE41) | \
	 FEAT(SSE42))
#define PORTABLE_V1_CR4 \
	(CR4_TSD | CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCE | CR4_OSFXSR | CR4_OSXMMEXCPT)

static const struct x86_cpu_model models[] = {
	{
		.name = "portable-v1",
		.brand = "Understudy portable-v1",
		.features = PORTABLE_V1_FEATURES,
		.cr4_valid = PORTABLE_V1_CR4,
		.efer_valid = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
		.physical_bits = 46,
	},
	{
		.name = "test-all",
		.brand = "Understudy test-all",
		.features = PORTABLE_V1_FEATURES | FEAT(SEP) | FEAT(RDTSCP) | FEAT(SMEP) |
			    FEAT(SMAP) | FEAT(FSGSBASE) | FEAT(GBPAGES) | FEAT(UMIP),
		.cr4_valid = PORTABLE_V1_CR4 | CR4_DE | CR4_SMEP | CR4_SMAP | CR4_FSGSBASE |
			     CR4_UMIP,
		.efer_valid = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE,
		.physical_bits = 46,
	},
};

const struct x86_cpu_model *x86_cpu_model_find(const char *name)
{
	for (unsigned n = 0; n < sizeof(models) / sizeof(models[0]); n++)
		if (strcmp(models[n].name, name) == 0)
			return &models[n];
	return NULL;
}

/* One bit of a leaf that stands for a feature of the model. */
struct feature_bit {
	uint32_t leaf;
	uint8_t reg; /* 0..3: EAX EBX ECX EDX */
	uint8_t bit;
	uint8_t feature;
};

static const struct feature_bit feature_bits[] = {
	{1, 2, 0, X86_FEAT_SSE3},
	{1, 2, 9, X86_FEAT_SSSE3},
	{1, 2, 13, X86_FEAT_CX16},
	{1, 2, 19, X86_FEAT_SSE41},
	{1, 2, 20, X86_FEAT_SSE42},
	{1, 2, 23, X86_FEAT_POPCNT},
	{1, 3, 11, X86_FEAT_SEP},
	{7, 1, 0, X86_FEAT_FSGSBASE},
	{7, 1, 7, X86_FEAT_SMEP},
	{7, 1, 20, X86_FEAT_SMAP},
	{7, 2, 2, X86_FEAT_UMIP},
	{0x80000001, 2, 0, X86_FEAT_LAHF64},
	{0x80000001, 3, 26, X86_FEAT_GBPAGES},
	{0x80000001, 3, 27, X86_FEAT_RDTSCP},
};

/* What never changes. */
struct leaf {
	uint32_t leaf, subleaf;
	uint32_t out[4];
};

/* Leaf 1 EDX: FPU PSE TSC MSR PAE CX8 APIC PGE CMOV CLFSH MMX FXSR SSE SSE2.
 * Leaves 2, 4 and 80000006H describe one hierarchy: 32 KiB L1 data and instruction caches and a
 * 2 MiB L2, all 8-way with lines of 64 bytes, private to each CPU.
 * Leaf 15H: the TSC runs at 1/1 of a 1 GHz crystal.  80000001H EDX: SYSCALL NX LM. */
#define MAX_BASIC    0x15u
#define MAX_EXTENDED 0x80000008u

static const struct leaf fixed_leaves[] = {
	{0, 0, {MAX_BASIC, 0x756e6547, 0x6c65746e, 0x49656e69}}, /* GenuineIntel */
	{1, 0, {X86_SIGNATURE, 0x00000800, 0, 0x0788a379}},
	{2, 0, {0x2c307d01, 0, 0, 0}},
	{4, 0, {0x00000121, 0x01c0003f, 63, 0}},
	{4, 1, {0x00000122, 0x01c0003f, 63, 0}},
	{4, 2, {0x00000143, 0x01c0003f, 4095, 0}},
	{6, 0, {0x00000004, 0, 0, 0}}, /* ARAT */
	{0x15, 0, {1, 1, 1000000000, 0}},
	{0x80000000, 0, {MAX_EXTENDED, 0, 0, 0}},
	{0x80000001, 0, {0, 0, 0, 0x20100800}},
	{0x80000006, 0, {0, 0, 0x08006040, 0}},
};

static bool has_subleaves(uint32_t leaf)
{
	return leaf == 4 || leaf == 7;
}

static void add_topology(const struct x86_cpu *c, uint32_t leaf, uint32_t out[4])
{
	uint32_t cpus = c->n_cpus < 255 ? c->n_cpus : 255;
	uint32_t cores = 1; /* of APIC ids: a power of two */

	while (cores < cpus && cores < 64)
		cores *= 2;
	if (leaf == 1) {
		out[1] |= cpus << 16 | c->apic_id << 24;
		if (cpus > 1)
			out[3] |= 1u << 28; /* HTT */
	}
	if (leaf == 4 && out[0])
		out[0] |= (cores - 1) << 26;
}

static void add_brand(const struct x86_cpu *c, uint32_t leaf, uint32_t out[4])
{
	char brand[48] = {0};

	if (leaf < 0x80000002 || leaf > 0x80000004)
		return;
	snprintf(brand, sizeof(brand), "%s", c->model->brand);
	memcpy(out, brand + 16 * (leaf - 0x80000002), 16);
}

void x86_cpuid(const struct x86_cpu *c, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	memset(out, 0, 4 * sizeof(out[0]));
	if (!has_subleaves(leaf))
		subleaf = 0;
	for (unsigned n = 0; n < sizeof(fixed_leaves) / sizeof(fixed_leaves[0]); n++)
		if (fixed_leaves[n].leaf == leaf && fixed_leaves[n].subleaf == subleaf)
			memcpy(out, fixed_leaves[n].out, 4 * sizeof(out[0]));
	for (unsigned n = 0; n < sizeof(feature_bits) / sizeof(feature_bits[0]); n++) {
		const struct feature_bit *f = &feature_bits[n];

		if (f->leaf == leaf && subleaf == 0 && x86_has(c, (enum x86_feature)f->feature))
			out[f->reg] |= 1u << f->bit;
	}
	if (leaf == 1 && c->model->cr4_valid & CR4_DE)
		out[3] |= 1u << 2;
	if (leaf == 0x80000008)
		out[0] = c->model->physical_bits | 48 << 8;
	add_topology(c, leaf, out);
	add_brand(c, leaf, out);
}
