/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doors for a guest that a test drives: what goes in follows from what has come out.  Nothing of
 * the host can be seen through them, so the same script always gives the same run.
 */
#ifndef TESTS_LINUX_SCRIPTED_H
#define TESTS_LINUX_SCRIPTED_H

#include "core/inputs.h"
#include "core/outputs.h"

#define SCRIPT_CONSOLE_BYTES (256u << 10) /* what is kept of the console */

/* When the console has said `awaited` after the steps before, this happens. */
struct script_step {
	const char *awaited;
	const char *keys;	  /* typed at the UART, or NULL */
	enum input_action action; /* when keys is NULL */
};

struct script {
	const struct script_step *step; /* ended by one that awaits NULL */
	unsigned at;			/* the step that is awaited */
	size_t seen;			/* of the console's text, by the steps before */
	size_t typed;			/* keys of the last step that have been handed in */
	bool acting;			/* the step before `at` is being carried out */
	bool sleeping;
	uint64_t wake_ns;
	bool stuck;		     /* the guest waits for something that will never come */
	uint64_t ready_instructions; /* when it said "understudy: ready" */
	char console[SCRIPT_CONSOLE_BYTES + 1];
	size_t console_bytes;
};

void script_start(struct script *s, const struct script_step *step);

/* Good as long as s. */
struct inputs script_inputs(struct script *s);
struct outputs script_outputs(struct script *s);

#endif
