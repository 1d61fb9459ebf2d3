/* SPDX-License-Identifier: Apache-2.0 */
/* What this host offers to virtual machines, item by item, for `understudy doctor`. */
#ifndef TOOLS_HOST_CHECKS_H
#define TOOLS_HOST_CHECKS_H

#include <stdbool.h>

#define HOST_CHECK_TEXT_BYTES 256

struct host_finding {
	bool ok;
	char seen[HOST_CHECK_TEXT_BYTES];   /* what was found */
	char advice[HOST_CHECK_TEXT_BYTES]; /* what to do about it; empty when nothing need be */
};

struct host_check {
	const char *name;
	const char *use;		      /* what it is good for */
	bool needed;			      /* nothing runs without it */
	void (*look)(struct host_finding *f); /* f is zeroed; leaves the host as it was */
};

/* Ends in an entry without a name. */
extern const struct host_check host_checks[];

#endif
