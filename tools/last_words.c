/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/last_words.h"

/* The first character of a sentence does not occur again within it, so that a mismatch starts over
 * at the present character. */
static const char *const sentences[WORDS_KINDS] = {
	[WORDS_PANIC] = "Kernel panic - not syncing",
	[WORDS_PANIC_END] = "[ end Kernel panic",
	[WORDS_RESTART] = "] reboot: Restarting system",
};

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

void last_words_feed(struct last_words *w, const void *text, size_t size_bytes)
{
	const char *c = text;

	for (size_t n = 0; n < size_bytes; n++)
		for (unsigned kind = 0; kind < WORDS_KINDS; kind++)
			w->said[kind] |= match(sentences[kind], &w->matched[kind], c[n]);
}
