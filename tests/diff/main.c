/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff: compares the software CPU with the host CPU, instruction by instruction.
 *
 * Exit status: 0 all cases agreed, 1 some did not, 2 the request makes no sense, 3 this host cannot
 * run the comparison.
 */
#include "core/base/err.h"
#include "core/x86/opcode.h"
#include "tests/diff/coverage.h"
#include "tests/diff/quirks.h"
#include "tests/diff/worker.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS_MAX 64
/* Of the cases; fewer say that something other than the quirks keeps them from being compared. */
#define ENOUGH_PERCENT 80

struct request {
	struct options options;
	uint64_t first, cases; /* cases 0: no end */
	double seconds;	       /* 0: no end */
	unsigned n_workers;
	const char *coverage, *json;
	bool progress;
	pid_t worker[WORKERS_MAX];
};

static const char usage[] =
	"usage: diff [options]\n"
	"  --seed N        which sequence of cases (1)\n"
	"  --cases N       how many; 0: without end (1000000)\n"
	"  --case K        only case K, with both states in full\n"
	"  --seconds S     stop after S seconds\n"
	"  --row R         every case has row R: an index, or a mnemonic (its first row)\n"
	"  --processes N   how many run side by side (one per host CPU)\n"
	"  --reports N     disagreements to print, per process (5)\n"
	"  --coverage F    write a line for each row of the opcode table to file F\n"
	"  --json F        write a summary to file F\n"
	"  --defined-flags do not compare flags that the manuals leave undefined\n"
	"  --progress      a line every second\n"
	"  --list          print the rows and what keeps them from being compared\n";

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void list_rows(void)
{
	for (unsigned row = 0; row < x86_opcode_count; row++)
		printf("%4u %-12s quirks %03x\n", row, x86_opcodes[row].name, quirk_bits(row));
	for (unsigned n = 0; n < quirk_count; n++)
		printf("quirk %03x %-10s %s\n", quirks[n].bits,
		       quirks[n].name ? quirks[n].name : "(by kind)", quirks[n].reason);
}

static int find_row(const char *text)
{
	char *end;
	long n = strtol(text, &end, 0);

	if (!*end && n >= 0 && n < (long)x86_opcode_count)
		return (int)n;
	for (unsigned row = 0; row < x86_opcode_count; row++)
		if (strcmp(x86_opcodes[row].name, text) == 0)
			return (int)row;
	fprintf(stderr, "diff: no row %s in the opcode table; see --list\n", text);
	exit(2);
}

static void parse(struct request *q, int argc, char **argv)
{
	enum {
		SEED = 1,
		CASES,
		CASE,
		SECONDS,
		ROW,
		PROCESSES,
		REPORTS,
		COVERAGE,
		JSON,
		PROGRESS,
		LIST,
		DEFINED
	};
	static const struct option options[] = {
		{"seed", 1, 0, SEED},
		{"cases", 1, 0, CASES},
		{"case", 1, 0, CASE},
		{"seconds", 1, 0, SECONDS},
		{"row", 1, 0, ROW},
		{"processes", 1, 0, PROCESSES},
		{"reports", 1, 0, REPORTS},
		{"coverage", 1, 0, COVERAGE},
		{"json", 1, 0, JSON},
		{"progress", 0, 0, PROGRESS},
		{"list", 0, 0, LIST},
		{"defined-flags", 0, 0, DEFINED},
		{0, 0, 0, 0},
	};
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (o) {
		case SEED: q->options.seed = strtoull(optarg, NULL, 0); break;
		case CASES: q->cases = strtoull(optarg, NULL, 0); break;
		case CASE:
			q->first = strtoull(optarg, NULL, 0);
			q->cases = q->n_workers = 1;
			q->options.whole = true;
			break;
		case SECONDS: q->seconds = strtod(optarg, NULL); break;
		case ROW: q->options.only_row = find_row(optarg); break;
		case PROCESSES: q->n_workers = (unsigned)strtoul(optarg, NULL, 0); break;
		case REPORTS: q->options.reports_max = strtoull(optarg, NULL, 0); break;
		case COVERAGE: q->coverage = optarg; break;
		case JSON: q->json = optarg; break;
		case DEFINED: q->options.defined_flags = true; break;
		case PROGRESS: q->progress = true; break;
		case LIST: list_rows(); exit(0);
		default: fputs(usage, stderr); exit(2);
		}
	if (optind != argc || q->n_workers < 1 || q->n_workers > WORKERS_MAX) {
		fputs(usage, stderr);
		exit(2);
	}
}

/* Worker k takes every n_workers-th batch. */
static int work(const struct request *q, unsigned k, struct tally *tally, double until)
{
	struct worker *w = calloc(1, sizeof(*w));
	struct err err = {0};
	uint64_t at = (uint64_t)k * NATIVE_BATCH;
	int status = 0;

	if (!w || !worker_open(w, k, &q->options, tally, &err)) {
		fprintf(stderr, "diff: %s\n", err.text);
		return 3;
	}
	while (status == 0 && (!q->cases || at < q->cases)) {
		uint64_t n = q->cases ? q->cases - at : NATIVE_BATCH;

		if (until > 0 && now_seconds() > until)
			break;
		if (!worker_run(w, q->first + at,
				(unsigned)(n < NATIVE_BATCH ? n : NATIVE_BATCH))) {
			fprintf(stderr, "diff: the native child cannot be replaced\n");
			status = 3;
		}
		at += (uint64_t)q->n_workers * NATIVE_BATCH;
	}
	worker_close(w);
	free(w);
	return status;
}

static void add_up(const struct tally *from, unsigned n, struct tally *sum)
{
	memset((void *)sum, 0, sizeof(*sum));
	for (unsigned k = 0; k < n; k++) {
		const uint64_t *part = (const uint64_t *)&from[k];
		uint64_t *whole = (uint64_t *)sum;

		for (size_t i = 0; i < sizeof(*sum) / sizeof(*whole); i++)
			whole[i] += part[i];
	}
}

/* A worker that died takes the blame to the case it was at. */
static int exit_status(const struct request *q, const struct tally *tallies, pid_t pid, int status)
{
	unsigned k = 0;

	if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3))
		return WEXITSTATUS(status);
	while (k < q->n_workers && q->worker[k] != pid)
		k++;
	printf("diff: the software side died (status %x): --seed %" PRIu64 " --case %" PRIu64 "\n",
	       (unsigned)status, q->options.seed, tallies[k].at);
	return 3;
}

static int wait_for_workers(const struct request *q, const struct tally *tallies, double start)
{
	unsigned left = q->n_workers;
	int worst = 0, status;
	struct tally sum;

	while (left) {
		pid_t pid = waitpid(-1, &status, q->progress ? WNOHANG : 0);

		if (pid > 0) {
			left--;
			status = exit_status(q, tallies, pid, status);
			worst = status > worst ? status : worst;
			continue;
		}
		sleep(1);
		add_up(tallies, q->n_workers, &sum);
		fprintf(stderr, "%.0f s: %" PRIu64 " cases, %" PRIu64 " disagree\n",
			now_seconds() - start, sum.cases, sum.disagreed);
	}
	return worst;
}

static void print_summary(const struct request *q, const struct tally *t, double seconds)
{
	FILE *json;

	printf("seed %" PRIu64 ": %" PRIu64 " cases in %.1f s: %" PRIu64 " agree (%" PRIu64
	       " in 32-bit, %" PRIu64 " in 16-bit code), %" PRIu64 " disagree, %" PRIu64
	       " not comparable\n",
	       q->options.seed, t->cases, seconds, t->agreed, t->by_code[1], t->by_code[2],
	       t->disagreed, t->not_comparable);
	json = q->json ? fopen(q->json, "w") : NULL;
	if (!json)
		return;
	fprintf(json,
		"{\"seed\": %" PRIu64 ", \"cases\": %" PRIu64 ", \"agree\": %" PRIu64
		", \"disagree\": %" PRIu64 ", \"not_comparable\": %" PRIu64
		", \"seconds\": %.2f}\n",
		q->options.seed, t->cases, t->agreed, t->disagreed, t->not_comparable, seconds);
	fclose(json);
}

/* What this host lacks is said once, before any case runs. */
static int check_host(void)
{
	struct native native = {0};
	struct native_abilities can;

	if (!native_open(&native, 0, &can)) {
		perror("diff: native child");
		return 3;
	}
	native_close(&native);
	if (can.missing) {
		printf("SKIP: %s\n", can.missing);
		return 3;
	}
	if (!can.code32)
		printf("SKIP: no 32-bit code on this host's kernel (IA32_EMULATION)\n");
	if (!can.code16)
		printf("SKIP: no 16-bit code on this host's kernel (modify_ldt)\n");
	return 0;
}

int main(int argc, char **argv)
{
	struct request q = {.options = {.seed = 1, .only_row = -1, .reports_max = 5},
			    .cases = 1000000,
			    .n_workers = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};
	struct tally *tallies, sum;
	double start = now_seconds(), until;
	int status;

	parse(&q, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	status = check_host();
	if (status)
		return status;
	tallies = mmap(NULL, WORKERS_MAX * sizeof(*tallies), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tallies == MAP_FAILED)
		return 3;
	fflush(stdout);
	until = q.seconds > 0 ? start + q.seconds : 0;
	for (unsigned k = 0; k < q.n_workers; k++) {
		q.worker[k] = fork();
		if (q.worker[k] == 0)
			_exit(work(&q, k, &tallies[k], until));
	}
	status = wait_for_workers(&q, tallies, start);
	add_up(tallies, q.n_workers, &sum);
	print_summary(&q, &sum, now_seconds() - start);
	if (q.coverage && !coverage_write(q.coverage, &sum))
		status = status ? status : 3;
	if (!status && sum.agreed < sum.cases * ENOUGH_PERCENT / 100) {
		printf("diff: too few of the cases could be compared\n");
		status = 1;
	}
	return status ? status : sum.disagreed != 0;
}
