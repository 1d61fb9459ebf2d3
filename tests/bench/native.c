/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/host_time.h"
#include "guests/bench/kernels.h"
#include "tests/bench/bench.h"

#include <stdio.h>

int bench_native(const struct bench_settings *settings, struct bench_runs *runs, struct err *err)
{
	(void)err;
	runs->count = 0;
	for (unsigned i = 0; i < bench_kernel_count; i++) {
		const struct bench_kernel *k = &bench_kernels[i];
		struct bench_run *run = &runs->run[runs->count++];
		uint64_t begin_ns = host_time_monotonic_ns();

		snprintf(run->name, sizeof(run->name), "%s", k->name);
		run->checksum = k->run(bench_rounds(k, settings->percent));
		run->ns = host_time_monotonic_ns() - begin_ns;
	}
	return 0;
}
