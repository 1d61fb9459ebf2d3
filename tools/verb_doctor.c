/* SPDX-License-Identifier: Apache-2.0 */
/* `understudy doctor`: what this host offers, and what to do about what it lacks. */
#include "tools/args.h"
#include "tools/host_checks.h"
#include "tools/verb.h"

#include <jansson.h>
#include <stdio.h>

struct doctor_options {
	bool json;
};

static const struct args_option options[] = {
	{.name = "json",
	 .kind = ARGS_FLAG,
	 .offset = offsetof(struct doctor_options, json),
	 .help = "an array of {name, use, needed, ok, seen, advice}"},
	{0},
};

static const struct args_table table = {
	.verb = "doctor",
	.about = "Says what this host offers to virtual machines, one line each, and what to do\n"
		 "about what it lacks. Changes nothing. Ends with 1 when something that every\n"
		 "guest needs is missing.",
	.option = options,
};

static void print_line(const struct host_check *check, const struct host_finding *f)
{
	printf("%-3s %-12s %s", f->ok ? "OK" : "no", check->name, f->seen);
	if (f->advice[0])
		printf("; for %s: %s", check->use, f->advice);
	putchar('\n');
}

static json_t *as_json(const struct host_check *check, const struct host_finding *f)
{
	return json_pack("{ss ss sb sb ss ss}", "name", check->name, "use", check->use, "needed",
			 check->needed, "ok", f->ok, "seen", f->seen, "advice", f->advice);
}

static int doctor(int argc, char **argv)
{
	struct doctor_options o = {0};
	struct err err;
	json_t *all;
	bool help, well = true;

	err_clear(&err);
	if (args_parse(&table, argc, argv, &o, &help, &err))
		return verb_complain(&verb_doctor, err.text);
	if (help) {
		args_help(&table, stdout);
		return VERB_OK;
	}
	all = json_array();
	for (const struct host_check *check = host_checks; check->name; check++) {
		struct host_finding f = {0};

		check->look(&f);
		well = well && (f.ok || !check->needed);
		if (o.json)
			json_array_append_new(all, as_json(check, &f));
		else
			print_line(check, &f);
	}
	if (o.json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(all);
	return well ? VERB_OK : VERB_FAILED;
}

const struct verb verb_doctor = {
	.args = &table,
	.brief = "what this host offers, and what to do about what it lacks",
	.run = doctor,
};
