/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State tables from hostile bytes: a vCPU's, and a small one that has every kind of field, so that
 * the fuzzer finds its way into all of them.  A load that fails must have changed nothing; one that
 * succeeds must give what saves and loads again to the same.
 */
#include "core/base/sink_mem.h"
#include "core/state.h"
#include "core/x86/vcpu_table.h"
#include "tests/fuzz/check.h"

#include <stdlib.h>
#include <string.h>

struct inner {
	uint16_t a;
	bool b;
};

struct outer {
	uint8_t u8;
	uint16_t u16[3];
	uint32_t u32;
	uint64_t u64[2];
	bool on;
	uint64_t later;
	uint32_t optional;
	struct inner inner[2];
};

static const struct state_field inner_fields[] = {
	STATE_FIELD(struct inner, a, 1),
	STATE_FIELD(struct inner, b, 1),
};

static const struct state_table inner_table = STATE_TABLE("in", 1, struct inner, inner_fields);

static const struct state_field outer_fields[] = {
	STATE_FIELD(struct outer, u8, 1),
	STATE_FIELD(struct outer, u16, 1),
	STATE_FIELD(struct outer, u32, 1),
	STATE_FIELD(struct outer, u64, 1),
	STATE_FIELD(struct outer, on, 1),
	STATE_FIELD_DEFAULT(struct outer, later, 2, 7),
	{
		.name = "optional",
		.offset = offsetof(struct outer, optional),
		.kind = STATE_U32,
		.flags = STATE_OPTIONAL,
		.since = 1,
		.count = 1,
	},
	STATE_FIELD_TABLE(struct outer, inner, 1, struct inner, &inner_table),
};

static int outer_check(const void *object, struct err *err)
{
	const struct outer *o = object;

	return o->u32 > 1u << 30 ? err_set(err, ERR_CORRUPT, "u32 is too large") : 0;
}

static const struct state_table outer_table = {
	.name = "out",
	.version = 2,
	.size_bytes = sizeof(struct outer),
	.fields = outer_fields,
	.field_count = sizeof(outer_fields) / sizeof(outer_fields[0]),
	.check = outer_check,
};

/* Saves and loads again; the result must be equal. */
static void check_again(const struct state_table *table, const void *object)
{
	struct sink_mem saved;
	struct byte_reader r;
	struct err err = {0};
	void *again = calloc(1, table->size_bytes);

	check(again != NULL, "no memory");
	sink_mem_init(&saved, 1u << 20);
	check(state_save(table, object, sink_mem(&saved), &err) == 0, "cannot be saved");
	check(saved.size == state_size_bytes(table), "saved in another size than told");
	r = reader_over(saved.data, saved.size);
	check(state_load(table, again, &r, &err) == 0, "what was saved cannot be loaded");
	check(!reader_left(&r), "a load leaves bytes over");
	check(state_compare(table, object, again, &err) == 0, "loaded is not what was saved");
	sink_mem_free(&saved);
	free(again);
}

static void check_load(const struct state_table *table, const uint8_t *data, size_t size,
		       uint8_t fill)
{
	uint8_t *bytes = malloc(size + !size);
	void *object = malloc(table->size_bytes), *before = malloc(table->size_bytes);
	struct byte_reader r = reader_over(bytes, size);
	struct err err = {0};

	check(bytes && object && before, "no memory");
	if (size)
		memcpy(bytes, data, size);
	memset(object, fill & 1, table->size_bytes);
	memcpy(before, object, table->size_bytes);
	if (state_load(table, object, &r, &err) == 0) {
		check_again(table, object);
	} else {
		check(!memcmp(object, before, table->size_bytes),
		      "a failed load changed something");
		check(err.code && err.text[0], "a failure without a reason");
	}
	free(bytes);
	free(object);
	free(before);
}

/* Saves a good object and damages some of its bytes: positions and values from the input. */
static void check_damaged(const struct state_table *table, const uint8_t *data, size_t size)
{
	struct sink_mem saved;
	struct err err = {0};
	void *object = calloc(1, table->size_bytes);

	check(object != NULL, "no memory");
	sink_mem_init(&saved, 1u << 20);
	check(state_save(table, object, sink_mem(&saved), &err) == 0, "cannot be saved");
	for (size_t n = 0; n + 3 <= size && n < 24; n += 3)
		saved.data[get_le16(data + n) % saved.size] ^= data[n + 2];
	check_load(table, saved.data,
		   size && data[0] & 1 ? data[size / 2] % saved.size : saved.size, 1);
	sink_mem_free(&saved);
	free(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct state_table *table;

	if (size < 1)
		return 0;
	table = data[0] & 1 ? &vcpu_table : &outer_table;
	if (data[0] & 2)
		check_load(table, data + 1, size - 1, data[0] >> 2);
	else
		check_damaged(table, data + 1, size - 1);
	return 0;
}
