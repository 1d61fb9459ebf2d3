/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/initrd_check.h"

#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#define ARCHIVE_BYTES 2048

struct archive {
	char bytes[ARCHIVE_BYTES];
	size_t size;
};

static void pad(struct archive *a)
{
	a->size = (a->size + 3) & ~(size_t)3;
}

static void add(struct archive *a, const char *name, const char *content)
{
	unsigned name_bytes = (unsigned)strlen(name) + 1, file_bytes = (unsigned)strlen(content);

	a->size += (size_t)snprintf(a->bytes + a->size, ARCHIVE_BYTES - a->size,
				    "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s",
				    1, 0100644, 0, 0, 1, 0, file_bytes, 0, 0, 0, 0, name_bytes, 0,
				    name) +
		   1;
	pad(a);
	memcpy(a->bytes + a->size, content, file_bytes);
	a->size += file_bytes;
	pad(a);
}

static void make(struct archive *a)
{
	memset(a, 0, sizeof(*a));
	add(a, "init", "#!/bin/sh\n");
	add(a, "empty", "");
	add(a, "etc/passwd", "root");
	add(a, "TRAILER!!!", "");
}

/* In an allocation of its exact size, so that sanitizers see overruns. */
static int check(const void *bytes, size_t size, struct err *err)
{
	char *exact = malloc(size ? size : 1);
	int failed;

	assert_non_null(exact);
	memcpy(exact, bytes, size);
	failed = initrd_check(exact, size, err);
	free(exact);
	return failed;
}

static void whole_archives_are_taken(void **state)
{
	struct archive a;
	struct err err;

	(void)state;
	make(&a);
	assert_int_equal(check(a.bytes, a.size, &err), 0);
	assert_int_equal(check(a.bytes, a.size + 512, &err), 0);
	a.size += 512;
	add(&a, "second", "archive");
	add(&a, "TRAILER!!!", "");
	assert_int_equal(check(a.bytes, a.size, &err), 0);
}

static void every_torn_archive_is_seen(void **state)
{
	struct archive a;
	struct err err;

	(void)state;
	make(&a);
	for (size_t size = 6; size + 4 < a.size; size++) {
		assert_int_not_equal(check(a.bytes, size, &err), 0);
		assert_true(err.code == ERR_TORN || err.code == ERR_CORRUPT);
	}
	assert_int_equal(check(a.bytes, 200, &err), ERR_TORN);
	assert_says(&err, "initrd ends early: after 200 bytes");
}

static void lengths_are_not_believed(void **state)
{
	struct archive a;
	struct err err;

	(void)state;
	make(&a);
	memcpy(a.bytes + 6 + 6 * 8, "FFFFFFFF", 8);
	assert_int_equal(check(a.bytes, a.size, &err), ERR_TORN);
	make(&a);
	memcpy(a.bytes + 6 + 11 * 8, "ffffffff", 8);
	assert_int_equal(check(a.bytes, a.size, &err), ERR_TORN);
	make(&a);
	memcpy(a.bytes + 6 + 6 * 8, "00000001", 8);
	assert_int_equal(check(a.bytes, a.size, &err), ERR_CORRUPT);
	assert_says(&err, "no file of the archive at offset");
}

static void other_kinds_are_taken_as_they_are(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(check("\x1f\x8b\x08 gzip", 8, &err), 0);
	assert_int_equal(check("07070", 5, &err), 0);
	assert_int_equal(check("", 0, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_archives_are_taken),
		cmocka_unit_test(every_torn_archive_is_seen),
		cmocka_unit_test(lengths_are_not_believed),
		cmocka_unit_test(other_kinds_are_taken_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
