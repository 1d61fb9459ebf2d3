/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/panic_watch.h"

static const char opening[] = "Kernel panic - not syncing";
static const char closing[] = "[ end Kernel panic";

/* Advances *matched over sentence by one character; true when it is complete.  The first character
 * of a sentence does not occur again within it, so a mismatch starts over. */
static bool match(const char *sentence, size_t *matched, char c)
{
	if (c != sentence[*matched])
		*matched = 0;
	if (c == sentence[*matched])
		++*matched;
	if (sentence[*matched])
		return false;
	*matched = 0;
	return true;
}

void panic_watch_feed(struct panic_watch *w, const void *text, size_t size_bytes)
{
	const char *c = text;

	for (size_t n = 0; n < size_bytes; n++) {
		w->panicked |= match(opening, &w->opening, c[n]);
		w->dead |= match(closing, &w->closing, c[n]);
	}
}
