/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"
#include "tests/guests/vmm.h"

#include <stdio.h>

#define MEMORY_BYTES (64ull << 20)

static void listen(void *context, uint64_t retired, char byte)
{
	bench_listen(context, retired, byte);
}

int bench_interpret(const struct bench_settings *settings, struct bench_runs *runs, struct err *err)
{
	char command_line[32];
	struct bench_listener listener = {.runs = runs};
	struct vmm_result result;
	const struct vmm_config config = {
		.path = settings->guest,
		.command_line = command_line,
		.model = x86_cpu_model_find("portable-v1"),
		.driver = VMM_INTERPRET,
		.memory_bytes = MEMORY_BYTES,
		.cpus = 1,
		.limit = UINT64_MAX,
		.listener = listen,
		.listener_context = &listener,
	};
	int failed;

	runs->count = 0;
	snprintf(command_line, sizeof(command_line), "bench percent=%u", settings->percent);
	failed = vmm_run(&config, &result, err);
	if (!failed && (result.end != VMM_EXITED || result.exit_value != GUEST_EXIT_PASS))
		failed = err_set(err, ERR_INVALID, "the guest did not come to its end");
	vmm_result_free(&result);
	return failed;
}
