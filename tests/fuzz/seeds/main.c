/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives one fuzz program without libFuzzer: on inputs made from numbers, or on files.
 *
 *	fuzz_NAME [--first N] [--inputs N] [FILE...]
 *
 * In the optimised build this is many times faster than under the sanitizers, and it is the only
 * way in which the interpreter's chained uops (UOP_CHAIN) meet such inputs.
 */
#include "core/base/seeded.h"
#include "tests/fuzz/check.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_BYTES 640

/* Half of the inputs are short, since little is needed for many findings. */
static void run_seed(uint64_t number)
{
	uint8_t data[INPUT_BYTES];
	struct seeded rng;
	size_t size;

	seeded_start(&rng, number);
	size = seeded_below(&rng, seeded_below(&rng, 2) ? INPUT_BYTES : 120);
	seeded_bytes(&rng, data, size);
	LLVMFuzzerTestOneInput(data, size);
}

static int run_file(const char *path)
{
	static const long limit = 1 << 20;
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc((size_t)limit);
	size_t size;

	if (!file || !data) {
		fprintf(stderr, "cannot read %s\n", path);
		return 1;
	}
	size = fread(data, 1, (size_t)limit, file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	fclose(file);
	return 0;
}

/* Where a crash happened; written before each input so that a handler need not format it. */
static char running[64];

static void crashed(int signal_number)
{
	ssize_t ignored = write(STDERR_FILENO, running, strlen(running));

	(void)ignored;
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"first", required_argument, NULL, 'f'},
		{"inputs", required_argument, NULL, 'i'},
		{NULL, 0, NULL, 0},
	};
	unsigned long long first = 1, inputs = 1000;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return 2;
		*(option == 'f' ? &first : &inputs) = strtoull(optarg, NULL, 0);
	}
	for (; optind < argc; optind++, inputs = 0)
		if (run_file(argv[optind]))
			return 1;
	signal(SIGABRT, crashed);
	signal(SIGSEGV, crashed);
	signal(SIGFPE, crashed);
	for (unsigned long long n = first; n < first + inputs; n++) {
		snprintf(running, sizeof(running), "in input --first %llu --inputs 1\n", n);
		run_seed(n);
	}
	return 0;
}
