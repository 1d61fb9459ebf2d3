/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_console.h"

#include <linux/virtio_console.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_SIZE     64
#define QUEUE_RECEIVE  0
#define QUEUE_TRANSMIT 1

struct virtio_console {
	struct virtio virtio;
	struct virtio_console_config config;
	struct virtq_chain chain;
	/* State. */
	bool stopped; /* by INPUT_FLOW */
	uint32_t backlog_bytes;
	uint8_t backlog[VIRTIO_CONSOLE_BACKLOG_BYTES]; /* typed and not read yet, oldest first */
};

static const struct state_field virtio_console_fields[] = {
	STATE_FIELD_TABLE(struct virtio_console, virtio, 1, struct virtio, &virtio_table),
	STATE_FIELD(struct virtio_console, stopped, 1),
	STATE_FIELD(struct virtio_console, backlog_bytes, 1),
	STATE_FIELD(struct virtio_console, backlog, 1),
};

static int virtio_console_check(const void *object, struct err *err)
{
	const struct virtio_console *c = object;

	if (c->backlog_bytes > VIRTIO_CONSOLE_BACKLOG_BYTES)
		return err_set(err, ERR_CORRUPT, "a backlog of %u bytes", c->backlog_bytes);
	return 0;
}

static const struct state_table virtio_console_table = {
	.name = "virtio-console",
	.version = 1,
	.size_bytes = sizeof(struct virtio_console),
	.fields = virtio_console_fields,
	.field_count = sizeof(virtio_console_fields) / sizeof(virtio_console_fields[0]),
	.check = virtio_console_check,
};

static void print(struct virtio_console *c, const void *text, uint32_t size_bytes)
{
	struct output out = {.kind = OUTPUT_CONSOLE, .data = text, .size_bytes = size_bytes};

	virtio_emit(&c->virtio, &out);
}

/* A buffer is printed whole; what the gate holds back is the next one. */
static void chain_print(struct virtio_console *c)
{
	uint8_t text[VIRTIO_CONSOLE_WRITE_BYTES];
	uint64_t left = c->chain.readable_bytes;
	uint64_t at = 0;

	while (left) {
		uint32_t part = left < sizeof(text) ? (uint32_t)left : sizeof(text);

		virtq_copy_out(&c->chain, c->virtio.memory, at, text, part);
		print(c, text, part);
		at += part;
		left -= part;
	}
}

static void transmit_run(struct virtio_console *c)
{
	struct virtio *v = &c->virtio;
	struct err err;

	while (!c->stopped && virtio_pop(v, QUEUE_TRANSMIT, &c->chain)) {
		if (c->chain.readable_bytes > VIRTIO_CONSOLE_BUFFER_MAX_BYTES) {
			err_set(&err, ERR_LIMIT, "a buffer of text of %llu bytes",
				(unsigned long long)c->chain.readable_bytes);
			virtio_break(v, &err);
			return;
		}
		chain_print(c);
		virtio_push(v, QUEUE_TRANSMIT, c->chain.head, 0);
	}
	virtio_interrupt(v, QUEUE_TRANSMIT);
}

static void backlog_add(struct virtio_console *c, const void *data, uint32_t size_bytes)
{
	uint32_t room = VIRTIO_CONSOLE_BACKLOG_BYTES - c->backlog_bytes;

	if (size_bytes > room)
		size_bytes = room;
	if (!size_bytes)
		return;
	memcpy(c->backlog + c->backlog_bytes, data, size_bytes);
	c->backlog_bytes += size_bytes;
}

/* What leaves no trace in the bytes leaves none in the state: the rest is zeros. */
static void backlog_drop(struct virtio_console *c, uint32_t size_bytes)
{
	c->backlog_bytes -= size_bytes;
	memmove(c->backlog, c->backlog + size_bytes, c->backlog_bytes);
	memset(c->backlog + c->backlog_bytes, 0, size_bytes);
}

static void receive_run(struct virtio_console *c)
{
	struct virtio *v = &c->virtio;

	while (c->backlog_bytes && virtio_pop(v, QUEUE_RECEIVE, &c->chain)) {
		uint32_t part = c->backlog_bytes;

		if (part > c->chain.writable_bytes)
			part = (uint32_t)c->chain.writable_bytes;
		virtq_copy_in(&c->chain, v->memory, 0, c->backlog, part);
		virtio_push(v, QUEUE_RECEIVE, c->chain.head, part);
		backlog_drop(c, part);
	}
	virtio_interrupt(v, QUEUE_RECEIVE);
}

static void console_notify(struct virtio *v, unsigned queue)
{
	struct virtio_console *c = (struct virtio_console *)v;

	if (queue == QUEUE_RECEIVE)
		receive_run(c);
	else
		transmit_run(c);
}

static void console_config_write(struct virtio *v, unsigned offset, unsigned size_bytes,
				 uint64_t value)
{
	uint8_t letter = (uint8_t)value;

	(void)size_bytes;
	if (offset == offsetof(struct virtio_console_config, emerg_wr))
		print((struct virtio_console *)v, &letter, 1);
}

static void console_input(struct virtio *v, const struct input *in)
{
	struct virtio_console *c = (struct virtio_console *)v;

	if (in->kind == INPUT_CONSOLE) {
		backlog_add(c, in->data, in->size_bytes);
		receive_run(c);
	} else if (in->kind == INPUT_FLOW) {
		c->stopped = in->value;
		transmit_run(c);
	}
}

static void console_destroy(struct virtio *v)
{
	free(v);
}

static const struct virtio_ops console_ops = {
	.device_id = VIRTIO_ID_CONSOLE,
	.notify = console_notify,
	.start = virtio_nothing,
	.config_write = console_config_write,
	.reset = virtio_nothing,
	.input = console_input,
	.resume = virtio_nothing,
	.destroy = console_destroy,
};

struct device *virtio_console_create(const struct device_env *env,
				     const struct virtio_console_options *options, struct err *err)
{
	struct virtio_console *c = calloc(1, sizeof(*c));
	struct virtio_type type = {
		.ops = &console_ops,
		.state = &virtio_console_table,
		.features = VIRTIO_BIT(VIRTIO_CONSOLE_F_EMERG_WRITE),
		.config_bytes = sizeof(c->config),
		.n_queues = 2,
		.queue_size = QUEUE_SIZE,
	};

	if (!c) {
		err_set(err, ERR_NO_MEMORY, "%s: no memory for the device", options->slot.name);
		return NULL;
	}
	if (options->columns && options->rows)
		type.features |= VIRTIO_BIT(VIRTIO_CONSOLE_F_SIZE);
	c->config.cols = options->columns;
	c->config.rows = options->rows;
	c->config.max_nr_ports = 1;
	type.config = &c->config;
	if (virtio_init(&c->virtio, env, &options->slot, &type, err)) {
		free(c);
		return NULL;
	}
	return &c->virtio.device;
}
