/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/board.h"

#include "core/base/seeded.h"
#include "core/base/sink_mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static uint64_t clock_read(void *ctx)
{
	return ((struct board *)ctx)->now_ns;
}

static void emit(void *ctx, const struct output *output)
{
	struct board *b = ctx;

	b->last = *output;
	b->outputs++;
	if (output->kind != OUTPUT_CONSOLE)
		return;
	assert(b->printed_bytes + output->size_bytes <= sizeof(b->printed));
	memcpy(b->printed + b->printed_bytes, output->data, output->size_bytes);
	b->printed_bytes += output->size_bytes;
}

static void line(void *ctx, unsigned number, bool level)
{
	struct board *b = ctx;

	assert(number < BOARD_LINES);
	b->rises[number] += level && !b->level[number];
	b->level[number] = level;
}

void board_init(struct board *b)
{
	memset(b, 0, sizeof(*b));
	timer_queue_init(&b->timers, clock_read, b);
	b->env = (struct device_env){
		.ports = &b->ports,
		.mmio = &b->mmio,
		.timers = &b->timers,
		.emit = emit,
		.emit_ctx = b,
		.irq = line,
		.irq_ctx = b,
	};
}

void board_run_to(struct board *b, uint64_t now_ns)
{
	while (timer_queue_deadline(&b->timers) <= now_ns) {
		if (timer_queue_deadline(&b->timers) > b->now_ns)
			b->now_ns = timer_queue_deadline(&b->timers);
		timer_queue_run(&b->timers, b->now_ns);
	}
	b->now_ns = now_ns;
}

void board_jump_to(struct board *b, uint64_t now_ns)
{
	b->now_ns = now_ns;
	timer_queue_run(&b->timers, now_ns);
}

void board_transplant(struct device *from, struct device *to)
{
	struct sink_mem mem;
	struct byte_reader reader;
	struct err err = {0};

	sink_mem_init(&mem, 1 << 20);
	if (device_save(from, sink_mem(&mem), &err))
		assert(!"saving failed");
	reader = reader_over(mem.data, mem.size);
	if (device_load(to, &reader, &err))
		assert(!"loading failed");
	assert(!reader_left(&reader));
	to->ops->resume(to);
	if (state_compare(from->state, from, to, &err))
		assert(!"what was loaded differs from what was saved");
	sink_mem_free(&mem);
}

void board_hostile_load(struct device *d, uint64_t seed)
{
	struct seeded random;
	struct sink_mem mem;
	struct err err;

	seeded_start(&random, seed);
	for (unsigned n = 0; n < 2000; n++) {
		struct byte_reader reader;

		sink_mem_init(&mem, 1 << 20);
		if (device_save(d, sink_mem(&mem), &err))
			assert(!"saving failed");
		for (unsigned hits = 1 + n % 4; hits; hits--)
			mem.data[seeded_below(&random, mem.size)] ^= (uint8_t)seeded_u64(&random);
		reader = reader_over(mem.data, mem.size - (n % 8 ? 0 : seeded_below(&random, 9)));
		if (!device_load(d, &reader, &err))
			d->ops->resume(d);
		sink_mem_free(&mem);
	}
}
