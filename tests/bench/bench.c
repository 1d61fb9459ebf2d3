/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benchmarks the interpreter against the host's CPU and QEMU's TCG, side by side in one run.
 *
 *	bench [--quick] [--json] [--runs N] [GUEST.elf]
 *
 * prints medians of N runs.  It fails when a column computes something else than the others; no
 * time is ever a failure.
 */
#include "tests/bench/bench.h"
#include "core/base/host_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX      21
#define DEFAULT_GUEST "out/guests/bench.elf"

enum { NATIVE, INTERPRET, QEMU, COLUMNS };

static const struct {
	const char *name;
	bench_column *run;
} columns[COLUMNS] = {
	{"native", bench_native},
	{"interpret", bench_interpret},
	{"qemu-tcg", bench_qemu},
};

struct measured {
	bool present[COLUMNS];
	unsigned runs;
	struct bench_runs all[COLUMNS][RUNS_MAX];
};

struct row {
	const char *name;
	double ms[COLUMNS]; /* 0: not measured */
	uint64_t instructions;
};

static int compare_ns(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static const struct bench_run *find(const struct bench_runs *runs, const char *name)
{
	for (unsigned i = 0; i < runs->count; i++)
		if (!strcmp(runs->run[i].name, name))
			return &runs->run[i];
	return NULL;
}

/* Median of one kernel in one column, in milliseconds. */
static double median_ms(const struct measured *m, unsigned column, const char *name)
{
	uint64_t ns[RUNS_MAX];

	for (unsigned i = 0; i < m->runs; i++) {
		const struct bench_run *run = find(&m->all[column][i], name);

		if (!run)
			return 0;
		ns[i] = run->ns;
	}
	qsort(ns, m->runs, sizeof(ns[0]), compare_ns);
	return (double)ns[m->runs / 2] / 1e6;
}

/* All columns must have computed the same. */
static bool checksums_agree(const struct measured *m)
{
	const struct bench_runs *expected = &m->all[INTERPRET][0];
	bool agree = true;

	for (unsigned c = 0; c < COLUMNS; c++) {
		for (unsigned r = 0; m->present[c] && r < m->runs; r++) {
			for (unsigned i = 0; i < m->all[c][r].count; i++) {
				const struct bench_run *run = &m->all[c][r].run[i];
				const struct bench_run *want = find(expected, run->name);

				if (want && want->checksum == run->checksum)
					continue;
				fprintf(stderr, "bench: %s computes another %s\n", columns[c].name,
					run->name);
				agree = false;
			}
		}
	}
	return agree;
}

static bool measure(struct measured *m, const struct bench_settings *settings)
{
	struct err err;

	for (unsigned c = 0; c < COLUMNS; c++)
		m->present[c] = true;
	for (unsigned r = 0; r < m->runs; r++) {
		for (unsigned c = 0; c < COLUMNS; c++) {
			int failed = 0;

			if (m->present[c])
				failed = columns[c].run(settings, &m->all[c][r], &err);
			if (failed == ERR_UNSUPPORTED) {
				fprintf(stderr, "bench: %s is absent: %s\n", columns[c].name,
					err.text);
				m->present[c] = false;
			} else if (failed) {
				fprintf(stderr, "bench: %s: %s\n", columns[c].name, err.text);
				return false;
			}
		}
	}
	return true;
}

static void print_cell(const char *format, double value, int width)
{
	if (value > 0)
		printf(format, width, value);
	else
		printf("%*s", width, "n/a");
}

static double ratio(double a, double b)
{
	return a > 0 && b > 0 ? a / b : 0;
}

static void print_table(const struct row *rows, unsigned count, unsigned runs)
{
	printf("Host time from a kernel's start to its end in milliseconds, median of %u; guest "
	       "start-up not included.\n",
	       runs);
	printf("%-10s%10s%12s%10s%12s%12s%16s\n", "kernel", "native", "interpret", "qemu-tcg",
	       "interp/nat", "interp/qemu", "interp M ins/s");
	for (unsigned i = 0; i < count; i++) {
		const struct row *r = &rows[i];

		printf("%-10s", r->name);
		print_cell("%*.2f", r->ms[NATIVE], 10);
		print_cell("%*.1f", r->ms[INTERPRET], 12);
		print_cell("%*.1f", r->ms[QEMU], 10);
		print_cell("%*.1f", ratio(r->ms[INTERPRET], r->ms[NATIVE]), 12);
		print_cell("%*.2f", ratio(r->ms[INTERPRET], r->ms[QEMU]), 12);
		print_cell("%*.0f", (double)r->instructions / r->ms[INTERPRET] / 1e3, 16);
		printf("\n");
	}
}

static void print_json_number(const char *name, double value)
{
	if (value > 0)
		printf("\"%s\": %.4f, ", name, value);
	else
		printf("\"%s\": null, ", name);
}

static void print_json(const struct row *rows, unsigned count, unsigned runs)
{
	printf("{\"unit\": \"ms\", \"runs\": %u, \"kernels\": [", runs);
	for (unsigned i = 0; i < count; i++) {
		const struct row *r = &rows[i];

		printf("%s\n  {\"name\": \"%s\", ", i ? "," : "", r->name);
		for (unsigned c = 0; c < COLUMNS; c++)
			print_json_number(columns[c].name, r->ms[c]);
		print_json_number("interpret/native", ratio(r->ms[INTERPRET], r->ms[NATIVE]));
		print_json_number("interpret/qemu-tcg", ratio(r->ms[INTERPRET], r->ms[QEMU]));
		printf("\"instructions\": %llu}", (unsigned long long)r->instructions);
	}
	printf("\n]}\n");
}

static void report(const struct measured *m, bool json)
{
	const struct bench_runs *first = &m->all[INTERPRET][0];
	struct row rows[BENCH_ROWS_MAX];

	for (unsigned i = 0; i < first->count; i++) {
		rows[i].name = first->run[i].name;
		rows[i].instructions = first->run[i].instructions;
		for (unsigned c = 0; c < COLUMNS; c++)
			rows[i].ms[c] = m->present[c] ? median_ms(m, c, rows[i].name) : 0;
	}
	if (json)
		print_json(rows, first->count, m->runs);
	else
		print_table(rows, first->count, m->runs);
}

int main(int argc, char **argv)
{
	static struct measured measured;
	struct bench_settings settings = {.guest = DEFAULT_GUEST, .percent = 100};
	bool understood = true;
	bool json = false;

	measured.runs = 3;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--quick")) {
			measured.runs = 1;
			settings.percent = 25;
		} else if (!strcmp(argv[i], "--json")) {
			json = true;
		} else if (!strcmp(argv[i], "--runs") && i + 1 < argc) {
			measured.runs = (unsigned)atoi(argv[++i]);
		} else if (argv[i][0] != '-') {
			settings.guest = argv[i];
		} else {
			understood = false;
		}
	}
	if (!understood || measured.runs < 1 || measured.runs > RUNS_MAX) {
		fprintf(stderr, "usage: %s [--quick] [--json] [--runs 1..%u] [GUEST.elf]\n",
			argv[0], RUNS_MAX);
		return 2;
	}
	if (!measure(&measured, &settings))
		return 1;
	report(&measured, json);
	return !checksums_agree(&measured);
}
