/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark's columns: the same kernels (guests/bench) run on the host's CPU itself, in a
 * guest on the interpreter, and in the same guest on QEMU's TCG.
 *
 * What is measured is host time from the moment a kernel starts to the moment it has returned.
 * Natively that is a function call.  In guests it is the time between two lines of console text,
 * "begin NAME" and "end NAME CHECKSUM", as they arrive at this program, so that starting up is not
 * part of it; under QEMU the lines come through a pipe, which costs some tens of microseconds.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define BENCH_ROWS_MAX 16
#define BENCH_NAME_MAX 16

/* One kernel's run in one column; ns 0: it did not run there. */
struct bench_run {
	char name[BENCH_NAME_MAX];
	uint64_t ns;
	uint64_t checksum;
	uint64_t instructions; /* retired, where the column counts them */
};

struct bench_runs {
	unsigned count;
	struct bench_run run[BENCH_ROWS_MAX];
};

struct bench_settings {
	const char *guest; /* path of the guest's file */
	unsigned percent;  /* of full size */
};

/* Each runs all kernels once.  Return 0 or an error code; ERR_UNSUPPORTED: not on this host. */
typedef int bench_column(const struct bench_settings *settings, struct bench_runs *runs,
			 struct err *err);
bench_column bench_native;
bench_column bench_interpret;
bench_column bench_qemu;

/* Reads console text byte by byte and takes the times. */
struct bench_listener {
	struct bench_runs *runs;
	char line[128];
	unsigned len;
	uint64_t begin_ns, begin_instructions;
};

void bench_listen(struct bench_listener *l, uint64_t instructions, char byte);

#endif
