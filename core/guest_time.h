/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest time: nanoseconds since the machine was started, as the guest sees them pass.
 *
 * Under the soft engine it is a function of the instant alone: from the last clock correction
 * (INPUT_CLOCK) on it grows by a fixed slope for each instruction that the machine retires.
 * Corrections come from the outside a few hundred times a second and keep it near the host's
 * clock; between them, and everywhere in a replay, no clock is read.  It never goes back: a
 * correction that would is taken as "stand still until the slope has caught up", which the
 * sender expresses with a smaller slope.
 *
 * The guest's TSC counts these nanoseconds (1 GHz by CPUID leaf 15H).
 */
#ifndef CORE_GUEST_TIME_H
#define CORE_GUEST_TIME_H

#include <stdint.h>

/* Slopes are nanoseconds per instruction in 32.32 fixed point. */
#define GUEST_TIME_SLOPE_ONE (1ull << 32)
#define GUEST_TIME_SLOPE_MAX (1000ull << 32)

struct guest_time {
	uint64_t base_instructions; /* where the last correction took effect */
	uint64_t base_ns;
	uint64_t slope;
};

/* Guest time when the machine has retired `instructions`, which is not before the base. */
static inline uint64_t guest_time_at(const struct guest_time *t, uint64_t instructions)
{
	unsigned __int128 ns = (unsigned __int128)(instructions - t->base_instructions) * t->slope;

	return t->base_ns + (uint64_t)(ns >> 32);
}

/* The first instruction count at which guest time is ns or later; UINT64_MAX when the slope never
 * gets there. */
static inline uint64_t guest_time_when(const struct guest_time *t, uint64_t ns)
{
	unsigned __int128 n;

	if (ns <= t->base_ns)
		return t->base_instructions;
	if (!t->slope)
		return UINT64_MAX;
	n = (((unsigned __int128)(ns - t->base_ns) << 32) + t->slope - 1) / t->slope;
	if (n > UINT64_MAX - t->base_instructions)
		return UINT64_MAX;
	return t->base_instructions + (uint64_t)n;
}

/* A correction takes effect at `instructions`: time is ns there (or what it was, if that is
 * later) and grows by slope (cut to GUEST_TIME_SLOPE_MAX) from there on. */
static inline void guest_time_correct(struct guest_time *t, uint64_t instructions, uint64_t ns,
				      uint64_t slope)
{
	uint64_t now = guest_time_at(t, instructions);

	t->base_instructions = instructions;
	t->base_ns = ns > now ? ns : now;
	t->slope = slope < GUEST_TIME_SLOPE_MAX ? slope : GUEST_TIME_SLOPE_MAX;
}

#endif
