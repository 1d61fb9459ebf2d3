/* SPDX-License-Identifier: Apache-2.0 */
/* The command: finds the verb and runs it. */
#include "tools/args.h"
#include "tools/verb.h"

#include <stdio.h>
#include <string.h>

#define VERSION "0.1"

static const struct verb *const verbs[] = {&verb_run, &verb_doctor};

#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find(const char *name)
{
	for (size_t n = 0; n < VERBS; n++)
		if (!strcmp(verbs[n]->args->verb, name))
			return verbs[n];
	return NULL;
}

static int unknown(const char *name)
{
	const char *meant = verbs[0]->args->verb;

	for (size_t n = 1; n < VERBS; n++)
		if (args_distance(name, verbs[n]->args->verb) < args_distance(name, meant))
			meant = verbs[n]->args->verb;
	fprintf(stderr,
		"understudy: there is no verb '%s'; did you mean %s? `understudy --help` lists "
		"them\n",
		name, meant);
	return VERB_FAILED;
}

static int help(void)
{
	printf("understudy: virtual machines that survive their host\n\n"
	       "  understudy VERB [options]\n"
	       "  understudy help VERB      what a verb does, and its options\n"
	       "  understudy --version\n\n"
	       "Verbs:\n");
	for (size_t n = 0; n < VERBS; n++)
		printf("  %-10s %s\n", verbs[n]->args->verb, verbs[n]->brief);
	return VERB_OK;
}

static int help_verb(const char *name)
{
	const struct verb *verb = find(name);

	if (!verb)
		return unknown(name);
	args_help(verb->args, stdout);
	return VERB_OK;
}

int verb_complain(const struct verb *verb, const char *text)
{
	fprintf(stderr, "understudy %s: %s\n", verb->args->verb, text);
	return VERB_FAILED;
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 2) {
		help();
		return VERB_FAILED;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("understudy " VERSION "\n");
		return VERB_OK;
	}
	if (!strcmp(argv[1], "help") && argc > 2)
		return help_verb(argv[2]);
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help();
	verb = find(argv[1]);
	return verb ? verb->run(argc - 2, argv + 2) : unknown(argv[1]);
}
