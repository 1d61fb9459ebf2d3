/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host CPU's side: a child process that runs batches of cases and says how each ended.
 */
#ifndef TESTS_DIFF_NATIVE_H
#define TESTS_DIFF_NATIVE_H

#include "tests/diff/case.h"

#include <sys/types.h>

#define NATIVE_BATCH 64

/* Shared with the child. */
struct native_batch {
	volatile uint32_t running; /* the case that the child is at */
	uint32_t n_cases;
	uint8_t constants[ARENA_PAGE_BYTES]; /* contents of the read-only page */
	struct diff_case cases[NATIVE_BATCH];
	struct diff_result results[NATIVE_BATCH];
};

struct native {
	struct native_batch *batch;
	pid_t child;
	int cpu; /* the host CPU that the child stays on: LSL of one of Linux's segments tells */
	int to_child, from_child;
};

/* What this host can run besides 64-bit code. */
struct native_abilities {
	bool code32, code16;
	/* Its answers where the manuals leave flags undefined are those that core/x86/alu.h follows. */
	bool same_flags;
	const char *missing; /* why cases cannot be run at all, or NULL */
};

/* Segment descriptors as LAR and LSL show them to user code. */
struct native_segment {
	bool visible;
	uint32_t access; /* LAR's result */
	uint32_t limit;
};

/* Allocates the batch and finds out, in throwaway children, what can be run.  Workers are spread over
 * the host's CPUs by their number.  Returns false with
 * errno set when memory or processes are refused. */
bool native_open(struct native *n, unsigned worker, struct native_abilities *can);
void native_close(struct native *n);

/* A new child, which takes over batch->constants as they are now. */
bool native_restart(struct native *n);

/* The host's GDT entry n (0..31) on one host CPU. */
void native_read_segment(int cpu, unsigned entry, struct native_segment *s);

/* Hands the first n_cases of batch->cases to the child, which starts at once. */
bool native_start(struct native *n, uint32_t n_cases);

/* Waits until all results are there.  A child that dies is replaced, and its case ends in
 * END_CRASH. */
bool native_finish(struct native *n);

#endif
