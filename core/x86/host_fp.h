/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Borrowing the host's SSE unit.  IEEE 754 defines the results of the guest's SSE arithmetic to
 * the bit, so the host computes them, under the guest's rounding, DAZ and FZ modes and with all
 * exceptions masked.  Setting MXCSR is slow; an engine therefore enters once for a whole run of
 * instructions, and the exception flags pile up in the host's MXCSR, as sticky there as in the
 * guest's.
 *
 * Between enter and leave c->mxcsr holds control bits that are exact and flags that are not: use
 * x86_mxcsr_sync() before reading them.  Nothing else may use floating point in between; world
 * functions (x86_world.h) do not.
 */
#ifndef CORE_X86_HOST_FP_H
#define CORE_X86_HOST_FP_H

#include "core/x86/cpu.h"

#define MXCSR_FLAGS 0x003fu
#define MXCSR_DAZ   0x0040u
#define MXCSR_MASKS 0x1f80u
#define MXCSR_VALID 0xffffu /* MXCSR_MASK of the model: DAZ supported, nothing above bit 15 */

static inline uint32_t host_mxcsr_get(void)
{
	uint32_t v;

	__asm__ volatile("stmxcsr %0" : "=m"(v));
	return v;
}

static inline void host_mxcsr_set(uint32_t v)
{
	__asm__ volatile("ldmxcsr %0" : : "m"(v));
}

/* Loads the guest's modes; the caller keeps the returned host value for leave. */
static inline uint32_t x86_fp_enter(const struct x86_cpu *c)
{
	uint32_t host = host_mxcsr_get();

	host_mxcsr_set(c->mxcsr | MXCSR_MASKS);
	return host;
}

/* Collects the exception flags raised since enter into c->mxcsr. */
static inline void x86_mxcsr_sync(struct x86_cpu *c)
{
	c->mxcsr |= host_mxcsr_get() & MXCSR_FLAGS;
}

static inline void x86_fp_leave(struct x86_cpu *c, uint32_t host)
{
	x86_mxcsr_sync(c);
	host_mxcsr_set(host);
}

/* LDMXCSR, FXRSTOR: the guest's MXCSR is now v, which has passed the check against
 * MXCSR_VALID.  Only between enter and leave. */
static inline void x86_mxcsr_load(struct x86_cpu *c, uint32_t v)
{
	c->mxcsr = v;
	host_mxcsr_set(v | MXCSR_MASKS);
}

#endif
