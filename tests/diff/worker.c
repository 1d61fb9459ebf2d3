/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/worker.h"

#include "core/base/err.h"
#include "tests/diff/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool worker_open(struct worker *w, unsigned number, const struct options *o, struct tally *tally,
		 struct err *err)
{
	memset(w, 0, sizeof(*w));
	w->options = *o;
	w->tally = tally;
	if (!native_open(&w->native, number, &w->can)) {
		err_system(err, "the native child cannot be started");
		return false;
	}
	if (w->can.missing)
		return true;
	generator_init(&w->generator, o->seed, w->can.code32, w->can.code16, o->only_row);
	w->generator.strict_flags = w->can.same_flags && !o->defined_flags;
	generate_constants(&w->generator, w->native.batch->constants);
	return native_restart(&w->native) && soft_open(&w->soft, &w->generator, w->native.cpu, err);
}

void worker_close(struct worker *w)
{
	native_close(&w->native);
	soft_close(&w->soft);
}

static void write_report(struct worker *w, const struct diff_case *c, const struct diff_result *a,
			 const struct diff_result *b, const char *a_name, const char *b_name)
{
	const char *const names[2] = {a_name, b_name};
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *to;

	if (w->n_reports++ >= w->options.reports_max)
		return;
	to = open_memstream(&text, &n_bytes);
	if (!to)
		return;
	report_case(to, &w->generator, c, a, b, names, w->options.whole);
	fputc('\n', to);
	fclose(to);
	if (write(STDOUT_FILENO, text, n_bytes) < 0)
		w->n_reports = w->options.reports_max;
	free(text);
}

/* Runs the case in the first slot of the batch again, alone. */
static enum verdict judge_alone(struct worker *w, const struct diff_case *c)
{
	struct native_batch *batch = w->native.batch;

	batch->cases[0] = *c;
	if (!native_start(&w->native, 1))
		return VERDICT_NOT_COMPARABLE;
	soft_step(&w->soft, c, &w->soft_result[0], &w->trace[0]);
	if (!native_finish(&w->native))
		return VERDICT_NOT_COMPARABLE;
	return compare_native(c, &w->trace[0], &batch->results[0], &w->soft_result[0]);
}

/* A disagreement, with what both sides said when it was found. */
struct found {
	struct diff_case c;
	struct diff_result native, soft;
};

static void report_found(struct worker *w, const struct found *f, const char *native_name)
{
	write_report(w, &f->c, &f->native, &f->soft, native_name, "x86_step");
}

/* Leaves out every instruction without which the sides still disagree, then reports. */
static void minimize_and_report(struct worker *w, const struct found *found)
{
	struct found *f = malloc(sizeof(*f));
	struct diff_case *fewer = malloc(sizeof(*fewer));

	if (!f || !fewer) {
		free(f);
		free(fewer);
		return;
	}
	f->c = found->c;
	for (unsigned n = f->c.n_insns; n-- > 0;) {
		*fewer = f->c;
		case_drop_insn(fewer, n);
		if (judge_alone(w, fewer) == VERDICT_DISAGREE)
			f->c = *fewer;
	}
	if (judge_alone(w, &f->c) == VERDICT_DISAGREE) {
		f->native = w->native.batch->results[0];
		f->soft = w->soft_result[0];
		report_found(w, f, "native");
	} else {
		report_found(w, found, "native (once)");
	}
	free(f);
	free(fewer);
}

static void run_engines(struct worker *w, const struct diff_case *c, const struct diff_result *r)
{
	for (unsigned n = 0; n < soft_driver_count; n++) {
		soft_drivers[n].run(&w->soft, c, &w->engine_result);
		if (compare_engines(r, &w->engine_result) == VERDICT_AGREE)
			continue;
		w->tally->disagreed++;
		write_report(w, c, r, &w->engine_result, "x86_step", soft_drivers[n].name);
	}
}

static void count_agreement(struct tally *t, const struct diff_case *c,
			    const struct soft_trace *trace, const struct diff_result *r)
{
	t->agreed++;
	t->by_code[c->code_bytes == 8 ? 0 : c->code_bytes == 4 ? 1 : 2]++;
	t->by_vector[r->vector & 31]++;
	for (unsigned n = 0; n < trace->n_rows; n++)
		t->ran[trace->rows[n]]++;
	if (trace->fault_row != X86_NO_ROW)
		t->faulted[trace->fault_row]++;
}

bool worker_run(struct worker *w, uint64_t first, unsigned n)
{
	struct native_batch *batch = w->native.batch;
	struct found *found[NATIVE_BATCH];
	unsigned n_found = 0;

	for (unsigned k = 0; k < n; k++)
		generate_case(&w->generator, first + k, &batch->cases[k]);
	if (!native_start(&w->native, n))
		return false;
	for (unsigned k = 0; k < n; k++) {
		w->tally->at = first + k;
		soft_step(&w->soft, &batch->cases[k], &w->soft_result[k], &w->trace[k]);
		run_engines(w, &batch->cases[k], &w->soft_result[k]);
	}
	if (!native_finish(&w->native))
		return false;
	for (unsigned k = 0; k < n; k++) {
		const struct diff_case *c = &batch->cases[k];

		w->tally->cases++;
		switch (compare_native(c, &w->trace[k], &batch->results[k], &w->soft_result[k])) {
		case VERDICT_AGREE:
			count_agreement(w->tally, c, &w->trace[k], &w->soft_result[k]);
			break;
		case VERDICT_NOT_COMPARABLE: w->tally->not_comparable++; break;
		case VERDICT_DISAGREE:
			w->tally->disagreed++;
			if (w->n_reports + n_found >= w->options.reports_max)
				break;
			found[n_found] = malloc(sizeof(*found[0]));
			if (found[n_found])
				*found[n_found++] =
					(struct found){*c, batch->results[k], w->soft_result[k]};
		}
	}
	for (unsigned k = 0; k < n_found; k++) {
		minimize_and_report(w, found[k]);
		free(found[k]);
	}
	return true;
}
