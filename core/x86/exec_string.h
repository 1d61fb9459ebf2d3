/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How string instructions repeat (SDM vol. 2, REP).
 *
 * A REP instruction is a loop of iterations, each complete in itself: its memory and port accesses
 * first, then rSI, rDI and rCX.  When an iteration faults or the world cannot answer, those before
 * it stay done; the instruction then ends with X86_AGAIN as if it had been told to stop there, and
 * the next run meets the fault or the exit in its first iteration, with nothing changed.  Flags of
 * CMPS and SCAS are set once, at the end: a stop in the middle shows the flags from before the
 * instruction (SDM vol. 2, REP).  So how often an instruction stops on its way shows in no register
 * afterwards.  It also stops when an iteration has met a data breakpoint, whose trap is then due.
 *
 * Iterations may overwrite the instruction itself, or the paging structures on the way to it.  Each
 * iteration is one of the instruction that is in memory then, however many are done at a time.
 */
#ifndef CORE_X86_EXEC_STRING_H
#define CORE_X86_EXEC_STRING_H

#include "core/x86/exec.h"

struct string_run {
	uint64_t max;  /* iterations that may be done now, at least 1 */
	uint64_t done; /* iterations that were done, at least 1 */
	bool stop;     /* the last of them ended a REPE or REPNE */
	bool quiet;    /* they can have changed neither the instruction nor the way to it */
	uint64_t a, b; /* what it compared */
};

/* Does 1 to run->max iterations, moving rSI and rDI but not rCX.  On any status but X86_OK none was
 * done. */
typedef enum x86_status (*string_fn)(struct x86_cpu *c, const struct x86_insn *i,
				     struct string_run *run);

/* True when the instruction at rip is still *i. */
bool string_goes_on(struct x86_cpu *c, const struct x86_insn *i);

/* The status of an instruction whose next iteration gave status. */
enum x86_status string_broken(struct x86_cpu *c, enum x86_status status, bool progress);

static inline __attribute__((always_inline)) enum x86_status string_repeat(struct x86_cpu *c,
									   const struct x86_insn *i,
									   string_fn fn,
									   struct string_run *run)
{
	uint64_t left, budget = c->rep_limit ? c->rep_limit : UINT64_MAX;
	bool progress = false;

	if (!i->rep) {
		run->max = 1;
		return fn(c, i, run);
	}
	for (left = gpr_read(c, X86_RCX, i->adsize); left && !run->stop; progress = true) {
		enum x86_status status;

		if (progress && (!budget || c->debug_hit))
			return X86_AGAIN;
		if (progress && !run->quiet && !string_goes_on(c, i))
			return X86_AGAIN;
		run->max = left < budget ? left : budget;
		run->quiet = false;
		status = fn(c, i, run);
		if (__builtin_expect(status != X86_OK, 0))
			return string_broken(c, status, progress);
		left -= run->done;
		budget -= run->done;
		gpr_write(c, X86_RCX, i->adsize, left);
	}
	return X86_OK;
}

/* Moves rSI or rDI past n elements in the direction that DF gives. */
static inline void string_advance(struct x86_cpu *c, const struct x86_insn *i, unsigned reg,
				  unsigned size_bytes, uint64_t n)
{
	uint64_t by = n * size_bytes;

	gpr_write(c, reg, i->adsize, c->r[reg] + (c->rflags & X86_DF_FLAG ? -by : by));
}

#endif
