/* SPDX-License-Identifier: Apache-2.0 */
/* A verb of the command: `understudy NAME ...`. */
#ifndef TOOLS_VERB_H
#define TOOLS_VERB_H

/*
 * How the command ends.  A debug exit (run --debug-exit) ends with the code that the guest chose, by
 * QEMU's convention (value << 1) | 1.
 */
enum verb_exit {
	VERB_OK = 0, /* run: the guest powered off */
	VERB_FAILED = 1,
	VERB_RESET = 2, /* run --no-reboot: the guest reset itself */
	VERB_TRIPLE_FAULT = 3,
	VERB_PANIC = 4,	 /* the guest's Linux said "Kernel panic - not syncing" */
	VERB_FORCED = 5, /* ended from outside without the guest's consent */
};

struct args_table;

struct verb {
	const struct args_table *args;	   /* its name and its help */
	const char *brief;		   /* one line for the list of verbs */
	int (*run)(int argc, char **argv); /* argv[0] is the first word after the verb */
};

extern const struct verb verb_run, verb_doctor;

/* "understudy VERB: text" on standard error; returns VERB_FAILED. */
int verb_complain(const struct verb *verb, const char *text);

#endif
