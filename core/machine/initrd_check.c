/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/initrd_check.h"

#include "core/base/bytes.h"

#define MAGIC_BYTES	 6
#define FIELD_DIGITS	 8
#define FIELDS		 13
#define FIELD_FILE_BYTES 6
#define FIELD_NAME_BYTES 11
#define ALIGN		 4
#define TRAILER		 "TRAILER!!!"

static bool has_magic(const char *at)
{
	return !memcmp(at, "070701", MAGIC_BYTES) || !memcmp(at, "070702", MAGIC_BYTES);
}

static bool begins_archive(const struct byte_reader *r)
{
	return reader_left(r) >= MAGIC_BYTES && has_magic((const char *)r->data + r->at);
}

static uint32_t hexadecimal(const char *digits)
{
	uint32_t value = 0;

	for (unsigned n = 0; n < FIELD_DIGITS; n++) {
		char c = digits[n];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
	}
	return value;
}

static void align(struct byte_reader *r)
{
	reader_take(r, -r->at & (ALIGN - 1));
}

/* One file of an archive; *last: the trailer, after which nothing needs to be aligned. */
static void skip_file(struct byte_reader *r, bool *last)
{
	const char *header = reader_take(r, MAGIC_BYTES + FIELDS * FIELD_DIGITS);
	uint32_t name_bytes, file_bytes;
	const char *name;

	if (!header)
		return;
	header += MAGIC_BYTES;
	name_bytes = hexadecimal(header + FIELD_NAME_BYTES * FIELD_DIGITS);
	file_bytes = hexadecimal(header + FIELD_FILE_BYTES * FIELD_DIGITS);
	name = reader_take(r, name_bytes);
	*last = name && name_bytes == sizeof(TRAILER) && !memcmp(name, TRAILER, sizeof(TRAILER));
	if (*last)
		return;
	align(r);
	reader_take(r, file_bytes);
	if (reader_left(r))
		align(r);
}

static int check_archive(struct byte_reader *r, struct err *err)
{
	bool last = false;

	while (!last) {
		size_t start = r->at;

		if (reader_left(r) >= MAGIC_BYTES && !begins_archive(r))
			return err_set(err, ERR_CORRUPT,
				       "initrd: no file of the archive at offset %zu", start);
		skip_file(r, &last);
		if (r->failed)
			return err_set(err, ERR_TORN,
				       "initrd ends early: after %zu bytes, within the file at "
				       "offset %zu of the archive",
				       r->size, start);
	}
	return 0;
}

int initrd_check(const void *bytes, size_t size_bytes, struct err *err)
{
	struct byte_reader r = reader_over(bytes, size_bytes);

	while (begins_archive(&r)) {
		int failed = check_archive(&r, err);

		if (failed)
			return failed;
		while (reader_left(&r) && !r.data[r.at])
			r.at++;
	}
	return 0;
}
