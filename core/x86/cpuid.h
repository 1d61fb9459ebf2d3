/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU models: named, versioned sets of features, and what CPUID says of them.
 *
 * portable-v1 is the model that guests are given; test-all has everything that core/x86 knows and
 * serves tests only.  A model never changes once a guest has run on it: a changed one gets a new
 * name.
 */
#ifndef CORE_X86_CPUID_H
#define CORE_X86_CPUID_H

#include "core/x86/cpu.h"
#include "core/x86/opcode.h"

struct x86_cpu_model {
	const char *name;
	uint32_t features;     /* 1u << enum x86_feature */
	uint32_t cr4_valid;    /* CR4 bits that may be set */
	uint32_t efer_valid;   /* EFER bits that may be set */
	uint8_t physical_bits; /* MAXPHYADDR */
	const char *brand;     /* at most 47 characters */
};

/* The model of that name, or NULL. */
const struct x86_cpu_model *x86_cpu_model_find(const char *name);

/* CPUID's answer in EAX, EBX, ECX, EDX order.  Leaves that the model lacks are zero. */
void x86_cpuid(const struct x86_cpu *c, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/* Family, model and stepping as CPUID leaf 1 gives them in EAX and RESET leaves them in EDX. */
#define X86_SIGNATURE 0x000106cau

static inline bool x86_has(const struct x86_cpu *c, enum x86_feature feature)
{
	return c->model->features >> feature & 1;
}

/* Bits of a physical address that the model does not have. */
static inline uint64_t x86_no_physical(const struct x86_cpu *c)
{
	return ~0ull << c->model->physical_bits;
}

#endif
