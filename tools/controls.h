/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator of a running guest, as far as it is a person with signals and keys: SIGTERM and SIGINT
 * press the guest's power button, and once more end it; SIGHUP is a terminal that went away.
 */
#ifndef TOOLS_CONTROLS_H
#define TOOLS_CONTROLS_H

#include "core/base/log.h"
#include "core/machine/outside.h"

#include <stdatomic.h>

/* Zeroed before use. */
struct controls {
	struct outside *outside; /* borrowed */
	struct log *log;
	int fd; /* signalfd */
	struct event_source *source;
	unsigned presses;
	atomic_bool forced; /* the guest was ended, it did not end itself */
};

/* Keeps the signals from all threads made from now on; before anything else is opened. */
void controls_block(struct controls *c);

/* Listens once outside's loop turns; outside and log are borrowed.  Returns 0 or an error. */
int controls_listen(struct controls *c, struct outside *outside, struct log *log, struct err *err);

/* Ends the guest at once; from any thread. */
void controls_force(struct controls *c);

/* Stops listening; before outside_close(). */
void controls_close(struct controls *c);

#endif
