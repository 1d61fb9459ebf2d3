#include "core/state.h"

#include <stdlib.h>

#include "core/base/seeded.h"
#include "core/base/sink_mem.h"
#include "tests/unit/cmocka_all.h"

struct segment {
	uint16_t selector;
	uint64_t base;
};

static const struct state_field segment_fields[] = {
	STATE_FIELD(struct segment, selector, 1),
	STATE_FIELD_DEFAULT(struct segment, base, 2, 0x77),
};

static const struct state_table segment_table =
	STATE_TABLE("segment", 2, struct segment, segment_fields);

struct lamp {
	void *host_only;
	uint32_t colour;
	bool on;
	uint8_t blob[5];
	uint64_t lit_ns[3];
	int32_t tilt;
	struct segment segment[2];
};

static const struct state_field lamp_fields[] = {
	STATE_FIELD(struct lamp, colour, 1),
	STATE_FIELD(struct lamp, on, 1),
	STATE_FIELD(struct lamp, blob, 1),
	STATE_FIELD_DEFAULT(struct lamp, lit_ns, 2, 9),
	STATE_FIELD(struct lamp, tilt, 1),
	STATE_FIELD_TABLE(struct lamp, segment, 2, struct segment, &segment_table),
};

static int lamp_check(const void *object, struct err *err)
{
	const struct lamp *lamp = object;

	if (lamp->colour > 0xffffff)
		return err_set(err, ERR_RANGE, "colour 0x%x has more than 24 bits", lamp->colour);
	return 0;
}

static const struct state_table lamp_table = {
	.name = "lamp",
	.version = 2,
	.size_bytes = sizeof(struct lamp),
	.fields = lamp_fields,
	.field_count = sizeof(lamp_fields) / sizeof(lamp_fields[0]),
	.check = lamp_check,
};

static struct lamp lamp_lit(void)
{
	return (struct lamp){
		.host_only = (void *)&lamp_table,
		.colour = 0x123456,
		.on = true,
		.blob = {1, 2, 3, 4, 5},
		.lit_ns = {10, 20, 1ull << 60},
		.tilt = -45,
		.segment = {{.selector = 8, .base = 0x1000}, {.selector = 16, .base = 0x2000}},
	};
}

/* Bytes as a stranger would make them, field by field. */
struct forge {
	uint8_t bytes[512];
	struct byte_writer writer;
};

static void forge_name(struct forge *forge, const char *name)
{
	writer_u8(&forge->writer, (uint8_t)strlen(name));
	writer_copy(&forge->writer, name, strlen(name));
}

static void forge_table(struct forge *forge, const char *name, uint16_t version, uint16_t fields)
{
	forge->writer = writer_over(forge->bytes, sizeof(forge->bytes));
	forge_name(forge, name);
	writer_u16(&forge->writer, version);
	writer_u16(&forge->writer, fields);
}

static void forge_field(struct forge *forge, const char *name, uint8_t kind, uint8_t flags,
			uint32_t count, uint32_t payload_bytes)
{
	forge_name(forge, name);
	writer_u8(&forge->writer, kind);
	writer_u8(&forge->writer, flags);
	writer_u32(&forge->writer, count);
	writer_u32(&forge->writer, payload_bytes);
}

static void forge_u64(struct forge *forge, const char *name, uint8_t flags, uint64_t value)
{
	forge_field(forge, name, STATE_U64, flags, 1, 8);
	writer_u64(&forge->writer, value);
}

struct pair {
	uint64_t first;
	uint64_t second;
};

static const struct state_field pair_fields[] = {
	STATE_FIELD(struct pair, first, 1),
	STATE_FIELD_DEFAULT(struct pair, second, 2, 5),
};

static const struct state_table pair_table = STATE_TABLE("pair", 3, struct pair, pair_fields);

/* Loads the forged bytes over {1, 2}; a failure must leave them. */
static int pair_load(struct forge *forge, struct pair *pair, struct err *err)
{
	struct byte_reader reader = reader_over(forge->bytes, forge->writer.at);
	int failed;

	assert_false(forge->writer.failed);
	*pair = (struct pair){1, 2};
	failed = state_load(&pair_table, pair, &reader, err);
	if (failed)
		assert_true(pair->first == 1 && pair->second == 2);
	else
		assert_int_equal(reader_left(&reader), 0);
	return failed;
}

static void saved_state_comes_back(void **state)
{
	struct lamp lamp = lamp_lit();
	struct lamp other = {.host_only = &other, .colour = 1};
	struct byte_reader reader;
	struct sink_mem mem;
	struct err err;

	(void)state;
	sink_mem_init(&mem, 4096);
	assert_int_equal(state_save(&lamp_table, &lamp, sink_mem(&mem), &err), 0);
	assert_int_equal(mem.size, state_size_bytes(&lamp_table));
	sink_write(sink_mem(&mem), "next", 4, NULL);
	reader = reader_over(mem.data, mem.size);
	assert_int_equal(state_load(&lamp_table, &other, &reader, &err), 0);
	assert_int_equal(reader_left(&reader), 4);
	assert_int_equal(state_compare(&lamp_table, &lamp, &other, &err), 0);
	assert_ptr_equal(other.host_only, &other);
	assert_int_equal(other.tilt, -45);
	assert_true(other.lit_ns[2] == 1ull << 60);
	assert_int_equal(other.segment[1].base, 0x2000);
	sink_mem_free(&mem);
}

static void newer_fields_get_their_default(void **state)
{
	struct forge forge;
	struct pair pair;

	(void)state;
	forge_table(&forge, "pair", 1, 1);
	forge_u64(&forge, "first", 0, 11);
	assert_int_equal(pair_load(&forge, &pair, NULL), 0);
	assert_int_equal(pair.first, 11);
	assert_int_equal(pair.second, 5);
}

static void defaults_reach_into_nested_tables(void **state)
{
	struct lamp lamp = lamp_lit();
	struct forge forge;
	struct byte_reader reader;

	(void)state;
	forge_table(&forge, "lamp", 1, 4);
	forge_field(&forge, "tilt", STATE_U32, 0, 1, 4);
	writer_u32(&forge.writer, 3);
	forge_field(&forge, "colour", STATE_U32, 0, 1, 4);
	writer_u32(&forge.writer, 0xff);
	forge_field(&forge, "on", STATE_BOOL, 0, 1, 1);
	writer_u8(&forge.writer, 0);
	forge_field(&forge, "blob", STATE_U8, 0, 5, 5);
	writer_copy(&forge.writer, "abcde", 5);
	reader = reader_over(forge.bytes, forge.writer.at);
	assert_int_equal(state_load(&lamp_table, &lamp, &reader, NULL), 0);
	assert_int_equal(lamp.colour, 0xff);
	assert_false(lamp.on);
	assert_int_equal(lamp.lit_ns[0], 9);
	assert_int_equal(lamp.lit_ns[2], 9);
	assert_int_equal(lamp.segment[0].selector, 0);
	assert_int_equal(lamp.segment[1].base, 0x77);
}

static void a_missing_field_is_named(void **state)
{
	struct forge forge;
	struct pair pair;
	struct err err;

	(void)state;
	forge_table(&forge, "pair", 2, 1);
	forge_u64(&forge, "first", 0, 11);
	assert_int_equal(pair_load(&forge, &pair, &err), ERR_CORRUPT);
	assert_says(&err, "field \"second\" is missing, which version 2 has");
	forge_table(&forge, "pair", 1, 0);
	assert_int_equal(pair_load(&forge, &pair, &err), ERR_CORRUPT);
	assert_says(&err, "field \"first\" is missing");
}

static void an_unknown_field_is_named_unless_optional(void **state)
{
	struct forge forge;
	struct pair pair;
	struct err err;

	(void)state;
	forge_table(&forge, "pair", 9, 3);
	forge_u64(&forge, "first", 0, 11);
	forge_u64(&forge, "third", STATE_OPTIONAL, 33);
	forge_u64(&forge, "second", 0, 22);
	assert_int_equal(pair_load(&forge, &pair, &err), 0);
	assert_int_equal(pair.second, 22);

	forge_table(&forge, "pair", 9, 3);
	forge_u64(&forge, "first", 0, 11);
	forge_u64(&forge, "third", 0, 33);
	forge_u64(&forge, "second", 0, 22);
	assert_int_equal(pair_load(&forge, &pair, &err), ERR_UNSUPPORTED);
	assert_says(&err, "state \"pair\": field \"third\" is unknown here");
}

static void a_repeated_field_is_named(void **state)
{
	struct forge forge;
	struct pair pair;
	struct err err;

	(void)state;
	forge_table(&forge, "pair", 2, 3);
	forge_u64(&forge, "first", 0, 11);
	forge_u64(&forge, "second", 0, 22);
	forge_u64(&forge, "first", 0, 12);
	assert_int_equal(pair_load(&forge, &pair, &err), ERR_CORRUPT);
	assert_says(&err, "field \"first\" comes twice");
}

static void wrong_shapes_are_refused(void **state)
{
	const struct {
		uint8_t kind;
		uint32_t count, payload_bytes;
		const char *says;
	} cases[] = {
		{STATE_U32, 1, 8, "has kind 3, expected 4"},
		{0, 1, 8, "has kind 0, expected 4"},
		{STATE_SUBTABLE, 1, 8, "has kind 6, expected 4"},
		{STATE_U64, 2, 8, "has 2 elements, expected 1"},
		{STATE_U64, 0, 8, "has 0 elements, expected 1"},
		{STATE_U64, 1, 7, "has 7 bytes, expected 8"},
		{STATE_U64, 1, 9, "is cut off"},
		{STATE_U64, 1, UINT32_MAX, "is cut off"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct forge forge;
		struct pair pair;
		struct err err;

		forge_table(&forge, "pair", 1, 1);
		forge_field(&forge, "first", cases[i].kind, 0, cases[i].count,
			    cases[i].payload_bytes);
		writer_u64(&forge.writer, 11);
		assert_int_equal(pair_load(&forge, &pair, &err), ERR_CORRUPT);
		assert_says(&err, cases[i].says);
	}
}

static void wrong_heads_are_refused(void **state)
{
	const char *const names[] = {"", "pear", "pairs", "pai", "pa\nr"};
	struct forge forge;
	struct pair pair;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		forge_table(&forge, names[i], 1, 1);
		forge_u64(&forge, "first", 0, 11);
		assert_int_equal(pair_load(&forge, &pair, &err), ERR_CORRUPT);
		assert_null(strchr(err.text, '\n'));
	}
	forge_table(&forge, "pair", 0, 1);
	forge_u64(&forge, "first", 0, 11);
	assert_int_equal(pair_load(&forge, &pair, &err), ERR_CORRUPT);
	forge_table(&forge, "pair", 1, STATE_FIELDS_MAX + 1);
	assert_int_equal(pair_load(&forge, &pair, &err), ERR_CORRUPT);
	assert_says(&err, "with 257 fields");
}

static void impossible_values_are_refused(void **state)
{
	struct lamp lamp = lamp_lit();
	struct lamp before = lamp;
	struct byte_reader reader;
	struct sink_mem mem;
	struct err err;
	uint8_t *on;

	(void)state;
	sink_mem_init(&mem, 4096);
	lamp.colour = 0x1000000;
	state_save(&lamp_table, &lamp, sink_mem(&mem), NULL);
	lamp = before;
	reader = reader_over(mem.data, mem.size);
	assert_int_equal(state_load(&lamp_table, &lamp, &reader, &err), ERR_RANGE);
	assert_string_equal(err.text, "state \"lamp\": colour 0x1000000 has more than 24 bits");
	assert_memory_equal(&lamp, &before, sizeof(lamp));

	on = memmem(mem.data, mem.size, "\2on", 3);
	assert_non_null(on);
	on[3 + 10] = 2;
	reader = reader_over(mem.data, mem.size);
	assert_int_equal(state_load(&lamp_table, &lamp, &reader, &err), ERR_CORRUPT);
	assert_says(&err, "field \"on\" is 2, neither 0 nor 1");
	sink_mem_free(&mem);
}

static void every_cut_fails_and_changes_nothing(void **state)
{
	struct lamp lit = lamp_lit();
	struct sink_mem mem;

	(void)state;
	sink_mem_init(&mem, 4096);
	state_save(&lamp_table, &lit, sink_mem(&mem), NULL);
	for (size_t cut = 0; cut < mem.size; cut++) {
		struct lamp lamp, zero;
		struct byte_reader reader = reader_over(mem.data, cut);
		struct err err;

		memset(&lamp, 0, sizeof(lamp));
		memset(&zero, 0, sizeof(zero));
		assert_int_equal(state_load(&lamp_table, &lamp, &reader, &err), ERR_CORRUPT);
		assert_memory_equal(&lamp, &zero, sizeof(lamp));
		assert_says(&err, "state \"");
	}
	sink_mem_free(&mem);
}

/* Whatever a stranger sends: it loads and passes the check, or changes nothing. */
static void garbled_state_never_half_loads(void **state)
{
	struct lamp lit = lamp_lit();
	struct seeded random;
	struct sink_mem mem;
	unsigned refused = 0;

	(void)state;
	seeded_start(&random, 1);
	sink_mem_init(&mem, 4096);
	state_save(&lamp_table, &lit, sink_mem(&mem), NULL);
	for (int i = 0; i < 20000; i++) {
		struct lamp lamp, before;
		struct byte_reader reader;
		uint8_t *bytes = malloc(mem.size);

		memset(&lamp, 0, sizeof(lamp));
		before = lamp;
		memcpy(bytes, mem.data, mem.size);
		for (uint64_t n = seeded_range(&random, 1, 4); n; n--)
			bytes[seeded_below(&random, mem.size)] = (uint8_t)seeded_u64(&random);
		reader = reader_over(bytes, mem.size);
		if (state_load(&lamp_table, &lamp, &reader, NULL)) {
			assert_memory_equal(&lamp, &before, sizeof(lamp));
			refused++;
		} else {
			assert_true(lamp.colour <= 0xffffff);
		}
		free(bytes);
	}
	assert_in_range(refused, 5000, 20000);
	sink_mem_free(&mem);
}

static void comparing_names_the_first_difference(void **state)
{
	struct lamp a = lamp_lit();
	struct lamp b = lamp_lit();
	struct err err;

	(void)state;
	b.host_only = NULL;
	assert_int_equal(state_compare(&lamp_table, &a, &b, &err), 0);
	b.segment[1].base = 0x2001;
	assert_int_equal(state_compare(&lamp_table, &a, &b, &err), ERR_MISMATCH);
	assert_string_equal(err.text, "lamp.segment[1]: segment.base is 0x2000 against 0x2001");
	b.lit_ns[1] = 21;
	assert_int_equal(state_compare(&lamp_table, &a, &b, &err), ERR_MISMATCH);
	assert_string_equal(err.text, "lamp.lit_ns[1] is 0x14 against 0x15");
	b.on = false;
	assert_int_not_equal(state_compare(&lamp_table, &a, &b, NULL), 0);
	state_compare(&lamp_table, &a, &b, &err);
	assert_string_equal(err.text, "lamp.on is 0x1 against 0x0");
}

static void saving_reports_the_sink(void **state)
{
	struct lamp lamp = lamp_lit();
	struct sink_mem mem;

	(void)state;
	for (size_t limit = 0; limit < state_size_bytes(&lamp_table); limit++) {
		sink_mem_init(&mem, limit);
		assert_int_equal(state_save(&lamp_table, &lamp, sink_mem(&mem), NULL), ERR_LIMIT);
		sink_mem_free(&mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(saved_state_comes_back),
		cmocka_unit_test(newer_fields_get_their_default),
		cmocka_unit_test(defaults_reach_into_nested_tables),
		cmocka_unit_test(a_missing_field_is_named),
		cmocka_unit_test(an_unknown_field_is_named_unless_optional),
		cmocka_unit_test(a_repeated_field_is_named),
		cmocka_unit_test(wrong_shapes_are_refused),
		cmocka_unit_test(wrong_heads_are_refused),
		cmocka_unit_test(impossible_values_are_refused),
		cmocka_unit_test(every_cut_fails_and_changes_nothing),
		cmocka_unit_test(garbled_state_never_half_loads),
		cmocka_unit_test(comparing_names_the_first_difference),
		cmocka_unit_test(saving_reports_the_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
