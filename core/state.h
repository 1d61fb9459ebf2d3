/*
 * State tables: how a struct is saved, loaded and compared, told once, as a table of named fields.
 *
 *	struct lamp { uint32_t colour; uint64_t lit_ns; bool on; void *host_only; };
 *
 *	static const struct state_field lamp_fields[] = {
 *		STATE_FIELD(struct lamp, colour, 1),
 *		STATE_FIELD(struct lamp, on, 1),
 *		STATE_FIELD_DEFAULT(struct lamp, lit_ns, 2, 0),
 *	};
 *	static const struct state_table lamp_table =
 *		STATE_TABLE("lamp", 2, struct lamp, lamp_fields);
 *
 * Fields are saved by name, so their order in the struct or in the table means nothing. A struct
 * grows by raising the table's version and giving the new field that version and a default:
 *
 *   old data, new program   a field that the data's version did not have yet gets its default
 *   new data, old program   an unknown field is an error that names it, unless its writer flagged
 *                           it optional (STATE_OPTIONAL: the machine runs right without it)
 *   always                  a missing, repeated, resized or retyped field is an error that names it
 *
 * Incoming state is hostile. It is decoded and checked into a private copy, and only then, all at
 * once, takes the place of the target: a load that fails has changed nothing. Fields of the struct
 * that are not in the table (host pointers, caches) keep what the target had.
 *
 * Bytes. Numbers are little-endian.
 *
 *   table    u8 name length, name, u16 version, u16 field count, fields
 *   field    u8 name length, name, u8 kind, u8 flags (bit 0: optional), u32 count,
 *            u32 payload length, payload: count elements of the kind; for STATE_SUBTABLE as many
 *            tables, one after the other
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/sink.h"

#define STATE_NAME_MAX_BYTES	64
#define STATE_PAYLOAD_MAX_BYTES (16u << 20)
#define STATE_FIELDS_MAX	256

/* Values are part of the format. */
enum state_kind {
	STATE_U8 = 1,
	STATE_U16 = 2,
	STATE_U32 = 3,
	STATE_U64 = 4,
	STATE_BOOL = 5, /* saved as u8; only 0 and 1 are accepted */
	STATE_SUBTABLE = 6,
};

#define STATE_OPTIONAL 0x01

struct state_table;

struct state_field {
	const char *name;
	size_t offset;
	enum state_kind kind;
	uint8_t flags;	   /* STATE_OPTIONAL */
	uint16_t since;	   /* the first version of the table that has this field */
	uint32_t count;	   /* elements: 1, or the array's length */
	uint64_t fallback; /* each element's value when the data is older than the field */
	const struct state_table *table; /* of each element, for STATE_SUBTABLE */
};

struct state_table {
	const char *name;
	uint16_t version;  /* raised with every change of the fields */
	size_t size_bytes; /* of the struct */
	const struct state_field *fields;
	size_t field_count;
	/*
	 * Judges a decoded copy before it takes the target's place; NULL judges nothing. Returns 0,
	 * or an error code with a sentence. Must not follow pointers or change anything.
	 */
	int (*check)(const void *object, struct err *err);
};

/* Describes a member that is a bool, an integer of any width, or an array of those. */
#define STATE_FIELD(type, member, since_version) STATE_FIELD_DEFAULT(type, member, since_version, 0)

#define STATE_FIELD_DEFAULT(type, member, since_version, value)                             \
	{                                                                                   \
		.name = #member, .offset = offsetof(type, member),                          \
		.kind = STATE_KIND_OF(((type *)0)->member), .since = (since_version),       \
		.count = sizeof(((type *)0)->member) / STATE_WIDTH_OF(((type *)0)->member), \
		.fallback = (value),                                                        \
	}

/* Describes a member that is a struct with a table of its own, or an array of such structs. */
#define STATE_FIELD_TABLE(type, member, since_version, member_type, member_table)          \
	{                                                                                  \
		.name = #member, .offset = offsetof(type, member), .kind = STATE_SUBTABLE, \
		.since = (since_version),                                                  \
		.count = sizeof(((type *)0)->member) / sizeof(member_type),                \
		.table = (member_table),                                                   \
	}

#define STATE_TABLE(table_name, table_version, type, field_array)                             \
	{                                                                                     \
		.name = (table_name), .version = (table_version), .size_bytes = sizeof(type), \
		.fields = (field_array),                                                      \
		.field_count = sizeof(field_array) / sizeof((field_array)[0]),                \
	}

/* An array decays to a pointer to its element, so that both are known by the element's type. */
/* clang-format off */
#define STATE_OF(member, k8, k16, k32, k64, kbool) \
	_Generic((member),                                                                         \
		 bool: kbool, bool *: kbool,                                                       \
		 uint8_t: k8, uint8_t *: k8, int8_t: k8, int8_t *: k8, char: k8, char *: k8,       \
		 uint16_t: k16, uint16_t *: k16, int16_t: k16, int16_t *: k16,                     \
		 uint32_t: k32, uint32_t *: k32, int32_t: k32, int32_t *: k32,                     \
		 uint64_t: k64, uint64_t *: k64, int64_t: k64, int64_t *: k64)
/* clang-format on */
#define STATE_KIND_OF(member) \
	STATE_OF(member, STATE_U8, STATE_U16, STATE_U32, STATE_U64, STATE_BOOL)
#define STATE_WIDTH_OF(member) STATE_OF(member, 1, 2, 4, 8, sizeof(bool))

/* Writes object as its table describes it. Returns 0 or the sink's error. Blocks as the sink. */
int state_save(const struct state_table *table, const void *object, struct byte_sink sink,
	       struct err *err);

/* How many bytes state_save() writes for this table. */
size_t state_size_bytes(const struct state_table *table);

/*
 * Reads what state_save() wrote, into object. On an error nothing in object changed, and err names
 * the table, the field and what is wrong with it; the reader then stands anywhere. Does not block.
 */
int state_load(const struct state_table *table, void *object, struct byte_reader *reader,
	       struct err *err);

/*
 * Compares two objects field by field. Returns 0 when they agree; ERR_MISMATCH with a sentence that
 * names the first field that differs, and both values. Does not block.
 */
int state_compare(const struct state_table *table, const void *a, const void *b, struct err *err);

#endif
