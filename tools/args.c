/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 64
#define HELP_COLUMN    26
#define HELP_WIDTH     96

/* ---- values ---- */

int args_number(const char *text, uint64_t *value, struct err *err)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno || end == text || *end || text[0] == '-')
		return err_set(err, ERR_INVALID, "'%s' is not a number", text);
	return 0;
}

int args_size(const char *text, uint64_t *bytes, struct err *err)
{
	static const char units[] = "KMGT";
	unsigned shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	*bytes = strtoull(text, &end, 10);
	if (end != text && *end && (unit = strchr(units, *end & ~0x20))) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (errno || end == text || *end || text[0] == '-' || *bytes > UINT64_MAX >> shift)
		return err_set(err, ERR_INVALID, "'%s' is not a size; say for example 512M or 6G",
			       text);
	*bytes <<= shift;
	return 0;
}

int args_switch(const char *text, bool *value, struct err *err)
{
	*value = !strcmp(text, "on");
	if (*value || !strcmp(text, "off"))
		return 0;
	return err_set(err, ERR_INVALID, "say on or off, not '%s'", text);
}

static int in_bounds(const struct args_option *o, uint64_t value, struct err *err)
{
	if (value < o->low)
		return err_set(err, ERR_INVALID, "at least %llu", (unsigned long long)o->low);
	if (o->high && value > o->high)
		return err_set(err, ERR_INVALID, "at most %llu", (unsigned long long)o->high);
	return 0;
}

static int take_number(const struct args_option *o, const char *text, uint64_t *value,
		       struct err *err)
{
	int failed = o->kind == ARGS_SIZE ? args_size(text, value, err)
					  : args_number(text, value, err);

	return failed ? failed : in_bounds(o, *value, err);
}

static int take_value(const struct args_option *o, char *text, void *target, struct err *err)
{
	void *field = (char *)target + o->offset;

	switch (o->kind) {
	case ARGS_FLAG: *(bool *)field = true; return 0;
	case ARGS_SWITCH: return args_switch(text, field, err);
	case ARGS_TEXT: *(char **)field = text; return 0;
	case ARGS_NUMBER:
	case ARGS_SIZE: return take_number(o, text, field, err);
	case ARGS_CALL: return o->take(target, text, err);
	}
	return 0;
}

/* ---- names ---- */

unsigned args_distance(const char *a, const char *b)
{
	unsigned row[NAME_BYTES_MAX + 1];
	size_t width = strnlen(b, NAME_BYTES_MAX);

	for (size_t n = 0; n <= width; n++)
		row[n] = (unsigned)n;
	for (size_t y = 1; *a; a++, y++) {
		unsigned corner = row[0];

		row[0] = (unsigned)y;
		for (size_t x = 1; x <= width; x++) {
			unsigned best = corner + (*a != b[x - 1]);

			corner = row[x];
			best = row[x] + 1 < best ? row[x] + 1 : best;
			row[x] = row[x - 1] + 1 < best ? row[x - 1] + 1 : best;
		}
	}
	return row[width];
}

static const struct args_option *find(const struct args_option *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

/* The name that was probably meant; NULL when none comes near. */
static const char *nearest(const struct args_option *table, const char *name)
{
	unsigned best = (unsigned)strlen(name) / 2 + 1;
	const char *found = NULL;

	for (; table->name; table++) {
		unsigned distance = args_distance(name, table->name);

		if (distance < best) {
			best = distance;
			found = table->name;
		}
	}
	return found;
}

static int unknown(const struct args_option *table, const char *dashes, const char *name,
		   struct err *err)
{
	const char *meant = nearest(table, name);

	if (meant)
		return err_set(err, ERR_INVALID, "%s%s is unknown; did you mean %s%s?", dashes,
			       name, dashes, meant);
	return err_set(err, ERR_INVALID, "%s%s is unknown", dashes, name);
}

/* ---- command lines ---- */

static bool wants_help(int argc, char **argv)
{
	for (int n = 0; n < argc; n++)
		if (!strcmp(argv[n], "--help") || !strcmp(argv[n], "-h"))
			return true;
	return false;
}

/* Takes the option that begins at argv[0]; *used tells how many words it had. */
static int parse_one(const struct args_table *table, int argc, char **argv, void *target, int *used,
		     struct err *err)
{
	char *name = argv[0] + 2, *value = strchr(name, '=');
	const struct args_option *o;

	*used = 1;
	if (value)
		*value++ = 0;
	o = find(table->option, name);
	if (!o)
		return unknown(table->option, "--", name, err);
	if (o->kind == ARGS_FLAG && value)
		return err_set(err, ERR_INVALID, "--%s takes no value", name);
	if (o->kind != ARGS_FLAG && !value) {
		if (argc < 2)
			return err_set(err, ERR_INVALID, "--%s needs a value: %s", name, o->value);
		value = argv[1];
		*used = 2;
	}
	return take_value(o, value, target, err) ? err_wrap(err, "--%s", name) : 0;
}

int args_parse(const struct args_table *table, int argc, char **argv, void *target, bool *help,
	       struct err *err)
{
	int used;

	*help = wants_help(argc, argv);
	if (*help)
		return 0;
	for (; argc > 0; argc -= used, argv += used) {
		int failed;

		if (strncmp(argv[0], "--", 2) || !argv[0][2])
			return err_set(err, ERR_INVALID, "'%s' belongs to no option", argv[0]);
		failed = parse_one(table, argc, argv, target, &used, err);
		if (failed)
			return failed;
	}
	return 0;
}

char *args_cut(char **rest)
{
	char *part = *rest, *to = part, *from = part;

	if (!part)
		return NULL;
	while (*from && !(*from == ',' && from[1] != ',')) {
		from += *from == ',';
		*to++ = *from++;
	}
	*rest = *from ? from + 1 : NULL;
	*to = 0;
	return part;
}

int args_parts(const struct args_option *table, char *text, void *target, struct err *err)
{
	char *part;

	while ((part = args_cut(&text))) {
		char *value = strchr(part, '=');
		const struct args_option *o;

		if (value)
			*value++ = 0;
		o = find(table, part);
		if (!o)
			return unknown(table, "", part, err);
		if (o->kind == ARGS_FLAG && value)
			return err_set(err, ERR_INVALID, "%s takes no value", part);
		if (o->kind != ARGS_FLAG && !value)
			return err_set(err, ERR_INVALID, "%s needs a value: %s=%s", part, part,
				       o->value);
		if (take_value(o, value, target, err))
			return err_wrap(err, "%s", part);
	}
	return 0;
}

/* ---- help ---- */

/* Prints text from the help column on, broken between words. */
static void help_text(const char *text, FILE *out)
{
	int at = HELP_COLUMN;

	while (*text) {
		int word = (int)strcspn(text, " \n");

		if (at > HELP_COLUMN && at + 1 + word > HELP_WIDTH)
			at = fprintf(out, "\n%*s", HELP_COLUMN, "") - 1;
		at += fprintf(out, "%s%.*s", at > HELP_COLUMN ? " " : "", word, text);
		text += word;
		if (*text == '\n')
			at = fprintf(out, "\n%*s", HELP_COLUMN, "") - 1;
		text += *text != 0;
	}
	fputc('\n', out);
}

void args_help(const struct args_table *table, FILE *out)
{
	fprintf(out, "understudy %s [options]\n\n%s\n\n", table->verb, table->about);
	for (const struct args_option *o = table->option; o->name; o++) {
		int at = fprintf(out, "  --%s%s%s", o->name, o->value ? " " : "",
				 o->value ? o->value : "");

		if (at >= HELP_COLUMN)
			at = fprintf(out, "\n") - 1;
		fprintf(out, "%*s", HELP_COLUMN - at, "");
		help_text(o->help, out);
	}
	if (table->more)
		fprintf(out, "\n%s\n", table->more);
}
