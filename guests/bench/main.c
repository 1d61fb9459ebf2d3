/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The benchmark guest: runs every kernel and marks its beginning and end on the console,
 *
 *	begin NAME
 *	end NAME CHECKSUM
 *
 * so that whoever listens can take the time in between.  "percent=N" on the command line makes
 * all runs so much shorter, "rounds=N" fixes their length, "only=N" leaves all kernels but the
 * Nth out.
 */
#include "guests/bench/kernels.h"
#include "guests/bench/pages.h"
#include "guests/lib/guest.h"

static void run(const struct bench_kernel *k)
{
	unsigned percent = (unsigned)option("percent", 100);
	uint64_t rounds = option("rounds", bench_rounds(k, percent)), sum;

	console_text("begin ");
	console_text(k->name);
	console_text("\n");
	sum = k->run((unsigned)rounds);
	console_text("end ");
	console_text(k->name);
	console_text(" ");
	console_hex(sum);
	console_text("\n");
	guest_results.value = guest_results.value * 31 + sum;
	guest_results.passed++;
}

void guest_main(void)
{
	const struct bench_kernel pages = {"pages", bench_pages, BENCH_PAGES_ROUNDS};
	uint64_t only = option("only", bench_kernel_count + 1);

	for (unsigned i = 0; i < bench_kernel_count; i++)
		if (only > bench_kernel_count || only == i)
			run(&bench_kernels[i]);
	if (only >= bench_kernel_count)
		run(&pages);
}
