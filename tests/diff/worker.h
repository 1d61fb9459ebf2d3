/* SPDX-License-Identifier: Apache-2.0 */
/* One process that makes cases, runs them on all sides and judges them. */
#ifndef TESTS_DIFF_WORKER_H
#define TESTS_DIFF_WORKER_H

#include "tests/diff/compare.h"
#include "tests/diff/generate.h"
#include "tests/diff/native.h"
#include "tests/diff/soft.h"

struct options {
	uint64_t seed;
	int only_row;	      /* or -1 */
	bool whole;	      /* reports show equal fields too */
	bool defined_flags;   /* leave undefined flags out even where they should agree */
	uint64_t reports_max; /* per worker */
};

/* Counts, in memory shared with the main process. */
struct tally {
	volatile uint64_t at; /* the case that the software side is at */
	volatile uint64_t cases, agreed, disagreed, not_comparable;
	uint64_t by_code[3];	     /* 64-, 32-, 16-bit */
	uint64_t by_vector[32];	     /* how the cases that agreed ended */
	uint64_t ran[GENERATE_ROWS]; /* cases that agreed and in which the row was carried out */
	uint64_t faulted[GENERATE_ROWS]; /* ... in which it raised the final exception */
};

struct worker {
	struct options options;
	struct tally *tally;
	struct generator generator;
	struct native native;
	struct native_abilities can;
	struct soft soft;
	struct diff_result soft_result[NATIVE_BATCH];
	struct soft_trace trace[NATIVE_BATCH];
	struct diff_result engine_result;
	uint64_t n_reports;
};

/* A few MiB; allocate it.  False: err says why. */
bool worker_open(struct worker *w, unsigned number, const struct options *o, struct tally *tally,
		 struct err *err);
void worker_close(struct worker *w);

/* Runs cases first .. first + n - 1, n at most NATIVE_BATCH.  False when the native side is gone. */
bool worker_run(struct worker *w, uint64_t first, unsigned n);

#endif
