/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Linux guest says on its console before it ends, for the ends that the machine cannot tell
 * apart by themselves:
 *
 *	a panic		a sentence opens its report, after which a reset is the panic's; another closes
 *			it when no reset follows, after which nothing will ever happen again
 *	a restart	may be carried out by a triple fault
 */
#ifndef TOOLS_LAST_WORDS_H
#define TOOLS_LAST_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum last_words_kind { WORDS_PANIC, WORDS_PANIC_END, WORDS_RESTART, WORDS_KINDS };

/* Zeroed before use; one for each console. */
struct last_words {
	size_t matched[WORDS_KINDS]; /* characters of each sentence */
	bool said[WORDS_KINDS];
};

/* Listens to more of what the console printed. */
void last_words_feed(struct last_words *w, const void *text, size_t size_bytes);

#endif
