/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/host_time.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <string.h>

static void end_of_line(struct bench_listener *l, uint64_t instructions)
{
	uint64_t now = host_time_monotonic_ns();
	struct bench_run *run = &l->runs->run[l->runs->count];

	if (!strncmp(l->line, "begin ", 6)) {
		l->begin_ns = now;
		l->begin_instructions = instructions;
		return;
	}
	if (l->runs->count == BENCH_ROWS_MAX ||
	    sscanf(l->line, "end %15s %lx", run->name, &run->checksum) != 2)
		return;
	run->ns = now - l->begin_ns;
	run->instructions = instructions - l->begin_instructions;
	l->runs->count++;
}

void bench_listen(struct bench_listener *l, uint64_t instructions, char byte)
{
	if (byte != '\n') {
		if (l->len < sizeof(l->line) - 1)
			l->line[l->len++] = byte;
		return;
	}
	l->line[l->len] = 0;
	l->len = 0;
	end_of_line(l, instructions);
}
