/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software side: the same cases on each of our own ways to run instructions.  The first
 * driver is the reference, x86_step(), and also says what must be known to judge the case; the
 * others are engines behind core/engine/engine.h.
 */
#ifndef TESTS_DIFF_SOFT_H
#define TESTS_DIFF_SOFT_H

#include "core/memory.h"
#include "tests/diff/case.h"
#include "tests/diff/generate.h"

#define SOFT_ROWS_MAX 64

/* What the reference saw on the way. */
struct soft_trace {
	uint32_t undefined_flags; /* EFLAGS bits that are architecturally undefined at the end */
	/* The instruction with QUIRK_LAST, if there was one. */
	uint32_t quirks; /* enum quirk_bits, or 0 */
	uint16_t quirk_row;
	bool large_operand;	    /* x87: ST(0) was 1/2 or more before it */
	uint64_t memory_at;	    /* where its memory operand was, if it has one */
	uint8_t quirk_opsize;	    /* its operand size */
	uint16_t fault_row;	    /* the instruction that faulted, or X86_NO_ROW */
	uint32_t fault_quirks;	    /* enum quirk_bits of that one */
	const char *not_comparable; /* why the rest cannot be judged, or NULL */
	unsigned n_rows;	    /* rows carried out, the first SOFT_ROWS_MAX of them */
	uint16_t rows[SOFT_ROWS_MAX];
};

struct soft {
	const struct generator *generator;
	struct memory *memory;
	struct x86_cpu *cpu;
	struct engine *engine;
};

/* cpu: the host CPU that the native child runs on. */
bool soft_open(struct soft *s, const struct generator *g, int cpu, struct err *err);
void soft_close(struct soft *s);

/* The reference. */
void soft_step(struct soft *s, const struct diff_case *c, struct diff_result *r,
	       struct soft_trace *t);

/* Engines beside the reference. */
struct soft_driver {
	const char *name;
	void (*run)(struct soft *s, const struct diff_case *c, struct diff_result *r);
};

extern const struct soft_driver soft_drivers[];
extern const unsigned soft_driver_count;

#endif
