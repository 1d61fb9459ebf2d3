/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sees a Linux guest panic by what it prints.  Two sentences matter: the one that opens the report,
 * after which a reset is the panic's, and the one that closes it when no reset follows, after which
 * nothing will ever happen again.
 */
#ifndef TOOLS_PANIC_WATCH_H
#define TOOLS_PANIC_WATCH_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed before use; one for each console. */
struct panic_watch {
	size_t opening, closing; /* characters of the sentences that have matched */
	bool panicked, dead;
};

/* Looks at more of what the console printed. */
void panic_watch_feed(struct panic_watch *w, const void *text, size_t size_bytes);

#endif
