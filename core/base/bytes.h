/*
 * Bytes in little-endian order, and bounded cursors over them.
 *
 * A cursor never overruns. The first access that would latches `failed`; from then on reads give
 * zeros, writes do nothing and the position stays where it was, so that a decoder may read a whole
 * structure and ask once at the end. Nothing that was read may be acted upon before that question.
 */
#ifndef CORE_BASE_BYTES_H
#define CORE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "x86-64 hosts are little-endian");

#define BYTES_DEFINE(bits)                                              \
	static inline uint##bits##_t get_le##bits(const void *at)       \
	{                                                               \
		uint##bits##_t value;                                   \
		memcpy(&value, at, sizeof(value));                      \
		return value;                                           \
	}                                                               \
	static inline void put_le##bits(void *at, uint##bits##_t value) \
	{                                                               \
		memcpy(at, &value, sizeof(value));                      \
	}

BYTES_DEFINE(16)
BYTES_DEFINE(32)
BYTES_DEFINE(64)
#undef BYTES_DEFINE

/* Reads from memory that somebody else owns and keeps unchanged meanwhile. */
struct byte_reader {
	const uint8_t *data;
	size_t size; /* bytes in all */
	size_t at;   /* bytes consumed, never more than size */
	bool failed; /* an access did not fit; latched */
};

static inline struct byte_reader reader_over(const void *data, size_t size)
{
	return (struct byte_reader){.data = data, .size = size};
}

/* Bytes not yet consumed; 0 once failed. */
static inline size_t reader_left(const struct byte_reader *reader)
{
	return reader->failed ? 0 : reader->size - reader->at;
}

/* The next `length` bytes in place, or NULL (and latched) when there are not so many. */
static inline const void *reader_take(struct byte_reader *reader, size_t length)
{
	const uint8_t *here;

	if (reader->failed || length > reader->size - reader->at) {
		reader->failed = true;
		return NULL;
	}
	here = reader->data + reader->at;
	reader->at += length;
	return here;
}

/* Copies the next `length` bytes; zeros when there are not so many. */
static inline bool reader_copy(struct byte_reader *reader, void *to, size_t length)
{
	const void *from = reader_take(reader, length);

	if (!length)
		return from != NULL;
	if (from)
		memcpy(to, from, length);
	else
		memset(to, 0, length);
	return from != NULL;
}

/* A reader over the next `length` bytes alone; a failed one when there are not so many. */
static inline struct byte_reader reader_part(struct byte_reader *reader, size_t length)
{
	const void *from = reader_take(reader, length);

	return (struct byte_reader){.data = from, .size = from ? length : 0, .failed = !from};
}

static inline uint8_t reader_u8(struct byte_reader *reader)
{
	const uint8_t *from = reader_take(reader, 1);

	return from ? *from : 0;
}

static inline uint16_t reader_u16(struct byte_reader *reader)
{
	const void *from = reader_take(reader, 2);

	return from ? get_le16(from) : 0;
}

static inline uint32_t reader_u32(struct byte_reader *reader)
{
	const void *from = reader_take(reader, 4);

	return from ? get_le32(from) : 0;
}

static inline uint64_t reader_u64(struct byte_reader *reader)
{
	const void *from = reader_take(reader, 8);

	return from ? get_le64(from) : 0;
}

/* Writes into memory that somebody else owns. */
struct byte_writer {
	uint8_t *data;
	size_t size; /* bytes in all */
	size_t at;   /* bytes written, never more than size */
	bool failed; /* an access did not fit; latched */
};

static inline struct byte_writer writer_over(void *data, size_t size)
{
	return (struct byte_writer){.data = data, .size = size};
}

/* Room for the next `length` bytes in place, or NULL (and latched) when there is not so much. */
static inline void *writer_take(struct byte_writer *writer, size_t length)
{
	uint8_t *here;

	if (writer->failed || length > writer->size - writer->at) {
		writer->failed = true;
		return NULL;
	}
	here = writer->data + writer->at;
	writer->at += length;
	return here;
}

static inline void writer_copy(struct byte_writer *writer, const void *from, size_t length)
{
	void *to = writer_take(writer, length);

	if (to && length)
		memcpy(to, from, length);
}

static inline void writer_u8(struct byte_writer *writer, uint8_t value)
{
	writer_copy(writer, &value, sizeof(value));
}

static inline void writer_u16(struct byte_writer *writer, uint16_t value)
{
	writer_copy(writer, &value, sizeof(value));
}

static inline void writer_u32(struct byte_writer *writer, uint32_t value)
{
	writer_copy(writer, &value, sizeof(value));
}

static inline void writer_u64(struct byte_writer *writer, uint64_t value)
{
	writer_copy(writer, &value, sizeof(value));
}

#endif
