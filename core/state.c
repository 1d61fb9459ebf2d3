#include "core/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_HEAD_BYTES(name_length) (1 + (name_length) + 2 + 2)
#define FIELD_HEAD_BYTES(name_length) (1 + (name_length) + 1 + 1 + 4 + 4)

static size_t kind_width(enum state_kind kind)
{
	switch (kind) {
	case STATE_U8: return 1;
	case STATE_U16: return 2;
	case STATE_U32: return 4;
	case STATE_U64: return 8;
	case STATE_BOOL: return 1;
	case STATE_SUBTABLE: break;
	}
	return 0;
}

static size_t element_stride(const struct state_field *field)
{
	return field->table ? field->table->size_bytes : kind_width(field->kind);
}

static size_t field_payload_bytes(const struct state_field *field)
{
	size_t each = field->table ? state_size_bytes(field->table) : kind_width(field->kind);

	return each * field->count;
}

size_t state_size_bytes(const struct state_table *table)
{
	size_t size = TABLE_HEAD_BYTES(strlen(table->name));

	for (size_t i = 0; i < table->field_count; i++)
		size += FIELD_HEAD_BYTES(strlen(table->fields[i].name)) +
			field_payload_bytes(&table->fields[i]);
	return size;
}

static void name_put(struct byte_writer *writer, const char *name)
{
	size_t length = strlen(name);

	assert(length <= STATE_NAME_MAX_BYTES);
	writer_u8(writer, (uint8_t)length);
	writer_copy(writer, name, length);
}

static int field_save(const struct state_field *field, const uint8_t *object, struct byte_sink sink,
		      struct err *err)
{
	uint8_t head[FIELD_HEAD_BYTES(STATE_NAME_MAX_BYTES)];
	struct byte_writer writer = writer_over(head, sizeof(head));
	const uint8_t *element = object + field->offset;
	int failed;

	name_put(&writer, field->name);
	writer_u8(&writer, (uint8_t)field->kind);
	writer_u8(&writer, field->flags);
	writer_u32(&writer, field->count);
	writer_u32(&writer, (uint32_t)field_payload_bytes(field));
	assert(!writer.failed);
	failed = sink_write(sink, head, writer.at, err);
	if (failed)
		return failed;
	if (!field->table)
		return sink_write(sink, element, field_payload_bytes(field), err);
	for (uint32_t i = 0; i < field->count && !failed; i++)
		failed = state_save(field->table, element + i * element_stride(field), sink, err);
	return failed;
}

int state_save(const struct state_table *table, const void *object, struct byte_sink sink,
	       struct err *err)
{
	uint8_t head[TABLE_HEAD_BYTES(STATE_NAME_MAX_BYTES)];
	struct byte_writer writer = writer_over(head, sizeof(head));
	int failed;

	assert(table->field_count <= STATE_FIELDS_MAX);
	name_put(&writer, table->name);
	writer_u16(&writer, table->version);
	writer_u16(&writer, (uint16_t)table->field_count);
	failed = sink_write(sink, head, writer.at, err);
	for (size_t i = 0; i < table->field_count && !failed; i++)
		failed = field_save(&table->fields[i], object, sink, err);
	return failed;
}

/* A name as it came in: not terminated, and safe to print, since it was checked to be plain. */
struct name {
	const char *text;
	uint8_t length;
};

static int name_take(struct byte_reader *reader, struct name *name)
{
	name->length = reader_u8(reader);
	name->text = reader_take(reader, name->length);
	if (!name->text || !name->length || name->length > STATE_NAME_MAX_BYTES)
		return ERR_CORRUPT;
	for (uint8_t i = 0; i < name->length; i++)
		if (name->text[i] <= ' ' || name->text[i] > '~')
			return ERR_CORRUPT;
	return 0;
}

static bool name_is(struct name name, const char *text)
{
	return strlen(text) == name.length && !memcmp(text, name.text, name.length);
}

struct field_head {
	struct name name;
	uint8_t kind;
	uint8_t flags;
	uint32_t count;
	uint32_t payload_bytes;
	struct byte_reader payload;
};

static int field_head_take(const struct state_table *table, struct byte_reader *reader,
			   struct field_head *head, struct err *err)
{
	if (name_take(reader, &head->name))
		return err_set(err, ERR_CORRUPT, "state \"%s\": a field name is missing or garbled",
			       table->name);
	head->kind = reader_u8(reader);
	head->flags = reader_u8(reader);
	head->count = reader_u32(reader);
	head->payload_bytes = reader_u32(reader);
	head->payload = reader_part(reader, head->payload_bytes);
	if (reader->failed || head->payload_bytes > STATE_PAYLOAD_MAX_BYTES)
		return err_set(err, ERR_CORRUPT,
			       "state \"%s\": field \"%.*s\" of %u bytes is cut off", table->name,
			       head->name.length, head->name.text, head->payload_bytes);
	return 0;
}

static size_t field_find(const struct state_table *table, struct name name)
{
	size_t i;

	for (i = 0; i < table->field_count; i++)
		if (name_is(name, table->fields[i].name))
			break;
	return i;
}

static int table_load(const struct state_table *table, uint8_t *scratch, struct byte_reader *reader,
		      struct err *err);

static int bools_check(const struct state_table *table, const struct state_field *field,
		       const uint8_t *values, struct err *err)
{
	for (uint32_t i = 0; i < field->count; i++)
		if (values[i] > 1)
			return err_set(err, ERR_CORRUPT,
				       "state \"%s\": field \"%s\" is %u, neither 0 nor 1",
				       table->name, field->name, values[i]);
	return 0;
}

static int elements_load(const struct state_table *table, const struct state_field *field,
			 struct byte_reader *payload, uint8_t *scratch, struct err *err)
{
	uint8_t *element = scratch + field->offset;

	if (field->kind == STATE_BOOL && bools_check(table, field, payload->data, err))
		return ERR_CORRUPT;
	if (!field->table) {
		reader_copy(payload, element, field_payload_bytes(field));
		return 0;
	}
	for (uint32_t i = 0; i < field->count; i++, element += field->table->size_bytes)
		if (table_load(field->table, element, payload, err))
			return err_wrap(err, "state \"%s\": field \"%s\"", table->name,
					field->name);
	return 0;
}

static int field_load(const struct state_table *table, const struct state_field *field,
		      struct field_head *head, uint8_t *scratch, struct err *err)
{
	int failed;

	if (head->kind != field->kind)
		return err_set(err, ERR_CORRUPT,
			       "state \"%s\": field \"%s\" has kind %u, expected %u", table->name,
			       field->name, head->kind, field->kind);
	if (head->count != field->count)
		return err_set(err, ERR_CORRUPT,
			       "state \"%s\": field \"%s\" has %u elements, expected %u",
			       table->name, field->name, head->count, field->count);
	if (!field->table && head->payload_bytes != field_payload_bytes(field))
		return err_set(err, ERR_CORRUPT,
			       "state \"%s\": field \"%s\" has %u bytes, expected %zu", table->name,
			       field->name, head->payload_bytes, field_payload_bytes(field));
	failed = elements_load(table, field, &head->payload, scratch, err);
	if (failed)
		return failed;
	if (reader_left(&head->payload))
		return err_set(err, ERR_CORRUPT,
			       "state \"%s\": field \"%s\" has %zu bytes too many", table->name,
			       field->name, reader_left(&head->payload));
	return 0;
}

static void field_set_fallback(const struct state_field *field, uint8_t *scratch)
{
	uint8_t *element = scratch + field->offset;
	size_t width = element_stride(field);

	for (uint32_t i = 0; i < field->count; i++, element += width) {
		if (!field->table) {
			memcpy(element, &field->fallback, width);
			continue;
		}
		for (size_t j = 0; j < field->table->field_count; j++)
			field_set_fallback(&field->table->fields[j], element);
	}
}

static int table_finish(const struct state_table *table, uint16_t version, const bool *seen,
			uint8_t *scratch, struct err *err)
{
	for (size_t i = 0; i < table->field_count; i++) {
		const struct state_field *field = &table->fields[i];

		if (seen[i])
			continue;
		if (field->since <= version && !(field->flags & STATE_OPTIONAL))
			return err_set(
				err, ERR_CORRUPT,
				"state \"%s\": field \"%s\" is missing, which version %u has",
				table->name, field->name, version);
		field_set_fallback(field, scratch);
	}
	if (!table->check)
		return 0;
	if (table->check(scratch, err))
		return err_wrap(err, "state \"%s\"", table->name);
	return 0;
}

static int table_head_take(const struct state_table *table, struct byte_reader *reader,
			   uint16_t *version, uint16_t *count, struct err *err)
{
	struct name name;

	if (name_take(reader, &name))
		return err_set(err, ERR_CORRUPT, "state \"%s\": its name is missing or garbled",
			       table->name);
	if (!name_is(name, table->name))
		return err_set(err, ERR_CORRUPT, "state \"%.*s\" where \"%s\" was expected",
			       name.length, name.text, table->name);
	*version = reader_u16(reader);
	*count = reader_u16(reader);
	if (reader->failed)
		return err_set(err, ERR_CORRUPT, "state \"%s\" is cut off", table->name);
	if (!*version || *count > STATE_FIELDS_MAX)
		return err_set(err, ERR_CORRUPT, "state \"%s\": version %u with %u fields",
			       table->name, *version, *count);
	return 0;
}

static int next_field_load(const struct state_table *table, struct byte_reader *reader, bool *seen,
			   uint8_t *scratch, struct err *err)
{
	struct field_head head;
	int failed = field_head_take(table, reader, &head, err);
	size_t at;

	if (failed)
		return failed;
	at = field_find(table, head.name);
	if (at == table->field_count) {
		if (head.flags & STATE_OPTIONAL)
			return 0;
		return err_set(err, ERR_UNSUPPORTED, "state \"%s\": field \"%.*s\" is unknown here",
			       table->name, head.name.length, head.name.text);
	}
	if (seen[at])
		return err_set(err, ERR_CORRUPT, "state \"%s\": field \"%s\" comes twice",
			       table->name, table->fields[at].name);
	seen[at] = true;
	return field_load(table, &table->fields[at], &head, scratch, err);
}

static int table_load(const struct state_table *table, uint8_t *scratch, struct byte_reader *reader,
		      struct err *err)
{
	bool seen[STATE_FIELDS_MAX] = {false};
	uint16_t version = 0;
	uint16_t count = 0;
	int failed = table_head_take(table, reader, &version, &count, err);

	for (uint16_t i = 0; i < count && !failed; i++)
		failed = next_field_load(table, reader, seen, scratch, err);
	return failed ? failed : table_finish(table, version, seen, scratch, err);
}

int state_load(const struct state_table *table, void *object, struct byte_reader *reader,
	       struct err *err)
{
	uint8_t *scratch = malloc(table->size_bytes);
	int failed;

	if (!scratch)
		return err_set(err, ERR_NO_MEMORY, "state \"%s\": no memory for %zu bytes",
			       table->name, table->size_bytes);
	memcpy(scratch, object, table->size_bytes);
	failed = table_load(table, scratch, reader, err);
	if (!failed)
		memcpy(object, scratch, table->size_bytes);
	free(scratch);
	return failed;
}

static uint64_t element_value(const struct state_field *field, const uint8_t *element)
{
	uint64_t value = 0;

	memcpy(&value, element, element_stride(field));
	return value;
}

static int elements_compare(const struct state_table *table, const struct state_field *field,
			    uint32_t i, const uint8_t *a, const uint8_t *b, struct err *err)
{
	char place[16] = "";

	if (field->count > 1)
		snprintf(place, sizeof(place), "[%u]", i);
	if (!field->table)
		return err_set(err, ERR_MISMATCH, "%s.%s%s is 0x%" PRIx64 " against 0x%" PRIx64,
			       table->name, field->name, place, element_value(field, a),
			       element_value(field, b));
	if (!state_compare(field->table, a, b, err))
		return 0;
	return err_wrap(err, "%s.%s%s", table->name, field->name, place);
}

int state_compare(const struct state_table *table, const void *a, const void *b, struct err *err)
{
	for (size_t f = 0; f < table->field_count; f++) {
		const struct state_field *field = &table->fields[f];
		size_t stride = element_stride(field);
		const uint8_t *left = (const uint8_t *)a + field->offset;
		const uint8_t *right = (const uint8_t *)b + field->offset;

		for (uint32_t i = 0; i < field->count; i++, left += stride, right += stride) {
			int differs = 0;

			if (memcmp(left, right, stride))
				differs = elements_compare(table, field, i, left, right, err);
			if (differs)
				return differs;
		}
	}
	return 0;
}
