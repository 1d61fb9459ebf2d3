/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines, described by tables.  A verb says once what each option is called, what it takes
 * and where it goes; parsing, complaints and help follow from that.
 *
 *	struct choice { bool quiet; const char *file; uint64_t mem; };
 *	static const struct args_option options[] = {
 *		{.name = "quiet", .kind = ARGS_FLAG, .offset = offsetof(struct choice, quiet),
 *		 .help = "say less"},
 *		{.name = "mem", .kind = ARGS_SIZE, .value = "SIZE", .low = 1 << 20,
 *		 .offset = offsetof(struct choice, mem), .help = "memory of the guest"},
 *		{0},
 *	};
 *
 * The same tables describe what stands between the commas of one value ("FILE,readonly,queues=4"):
 * see args_parts().  Texts that are handed out point into argv, which is taken apart in place.
 */
#ifndef TOOLS_ARGS_H
#define TOOLS_ARGS_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum args_kind {
	ARGS_FLAG,   /* no value; a bool becomes true */
	ARGS_SWITCH, /* on or off: a bool */
	ARGS_TEXT,   /* a char * */
	ARGS_NUMBER, /* a uint64_t from low to high (0: no upper bound); decimal or 0x... */
	ARGS_SIZE,   /* the same in bytes, with K, M, G or T */
	ARGS_CALL,   /* take() is called, each time that the option is given */
};

struct args_option {
	const char *name; /* without its dashes; NULL ends a table */
	enum args_kind kind;
	size_t offset; /* of the field in the target */
	uint64_t low, high;
	int (*take)(void *target, char *value, struct err *err);
	const char *value; /* what the value is called in the help */
	const char *help;
};

struct args_table {
	const char *verb;
	const char *about;		  /* what the verb does, some lines */
	const struct args_option *option; /* ends in an empty one */
	const char *more;		  /* further help after the options; NULL: none */
};

/*
 * Takes argv[0] .. argv[argc - 1], which begin after the verb's name, into target.  Returns 0, or
 * ERR_INVALID with a sentence that begins with the option it is about.  *help becomes true, and
 * nothing else is looked at, when --help is among them.
 */
int args_parse(const struct args_table *table, int argc, char **argv, void *target, bool *help,
	       struct err *err);

/* Cuts off and returns what stands before the next comma of *rest, advancing it; NULL when
 * nothing is left.  A doubled comma stands for one that belongs to the text. */
char *args_cut(char **rest);

/* Takes "key=value,flag,..." into target by the table. */
int args_parts(const struct args_option *option, char *text, void *target, struct err *err);

/* Writes the verb's help. */
void args_help(const struct args_table *table, FILE *out);

/* "512M", "6G", "4096" in bytes.  Returns 0 or ERR_INVALID. */
int args_size(const char *text, uint64_t *bytes, struct err *err);

/* Decimal or 0x...; returns 0 or ERR_INVALID. */
int args_number(const char *text, uint64_t *value, struct err *err);

/* "on" or "off"; returns 0 or ERR_INVALID. */
int args_switch(const char *text, bool *value, struct err *err);

/* How many letters must be added, dropped or replaced to turn a into b. */
unsigned args_distance(const char *a, const char *b);

#endif
