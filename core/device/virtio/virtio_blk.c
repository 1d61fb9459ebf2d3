/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_blk.h"

#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_SIZE    256
#define HEADER_BYTES  sizeof(struct virtio_blk_outhdr)
#define RANGE_BYTES   sizeof(struct virtio_blk_discard_write_zeroes)
#define STATUS_BYTES  1
#define QUEUE_ORPHAN  0xff /* in `queue`: the driver has reset the device since */
#define DISCARD_ALIGN 8	   /* sectors: a page of the host's file system */

/*
 * Requests in flight are columns of a table, since that is how their state is saved; row i of all
 * columns is the i-th oldest request.
 */
struct inflight {
	uint32_t count;
	uint64_t number[VIRTIO_BLK_INFLIGHT_MAX];
	uint64_t sector[VIRTIO_BLK_INFLIGHT_MAX];
	uint32_t length[VIRTIO_BLK_INFLIGHT_MAX]; /* bytes of data, or sectors of a range */
	uint16_t head[VIRTIO_BLK_INFLIGHT_MAX];
	uint8_t queue[VIRTIO_BLK_INFLIGHT_MAX];
	uint8_t command[VIRTIO_BLK_INFLIGHT_MAX]; /* enum disk_command */
	bool unmap[VIRTIO_BLK_INFLIGHT_MAX];
};

struct virtio_blk {
	struct virtio virtio;
	struct virtio_blk_config config;
	char serial[VIRTIO_BLK_ID_BYTES];
	uint8_t *data; /* VIRTIO_BLK_REQUEST_MAX_BYTES, on its way out */
	struct virtq_chain chain;
	/* State. */
	uint64_t next_number;
	bool stopped; /* by INPUT_FLOW */
	struct inflight inflight;
};

/* One request, as taken apart. */
struct request {
	uint64_t sector;
	uint32_t length;
	enum disk_command command;
	bool unmap;
};

static const struct state_field inflight_fields[] = {
	STATE_FIELD(struct inflight, count, 1),	  STATE_FIELD(struct inflight, number, 1),
	STATE_FIELD(struct inflight, sector, 1),  STATE_FIELD(struct inflight, length, 1),
	STATE_FIELD(struct inflight, head, 1),	  STATE_FIELD(struct inflight, queue, 1),
	STATE_FIELD(struct inflight, command, 1), STATE_FIELD(struct inflight, unmap, 1),
};

static const struct state_table inflight_table =
	STATE_TABLE("inflight", 1, struct inflight, inflight_fields);

static const struct state_field virtio_blk_fields[] = {
	STATE_FIELD_TABLE(struct virtio_blk, virtio, 1, struct virtio, &virtio_table),
	STATE_FIELD(struct virtio_blk, next_number, 1),
	STATE_FIELD(struct virtio_blk, stopped, 1),
	STATE_FIELD_TABLE(struct virtio_blk, inflight, 1, struct inflight, &inflight_table),
};

static uint64_t capacity(const struct virtio_blk *b)
{
	return b->config.capacity;
}

static bool range_inside(const struct virtio_blk *b, uint64_t sector, uint64_t sectors)
{
	return sector <= capacity(b) && sectors <= capacity(b) - sector;
}

static bool has_data(enum disk_command command)
{
	return command == DISK_READ || command == DISK_WRITE;
}

static int row_check(const struct virtio_blk *b, uint32_t row, struct err *err)
{
	const struct inflight *in = &b->inflight;
	uint64_t sectors = in->length[row];

	if (in->queue[row] == QUEUE_ORPHAN)
		return 0;
	if (in->queue[row] >= b->virtio.n_queues || in->command[row] > DISK_WRITE_ZEROES)
		return err_set(err, ERR_CORRUPT, "request %u: command %u on queue %u", row,
			       in->command[row], in->queue[row]);
	if (has_data(in->command[row])) {
		if (sectors > VIRTIO_BLK_REQUEST_MAX_BYTES || sectors % DISK_SECTOR_BYTES)
			return err_set(err, ERR_CORRUPT, "request %u: %u bytes", row,
				       in->length[row]);
		sectors /= DISK_SECTOR_BYTES;
	}
	if (!range_inside(b, in->sector[row], sectors))
		return err_set(err, ERR_CORRUPT, "request %u lies beyond the disk's end", row);
	return 0;
}

static int virtio_blk_check(const void *object, struct err *err)
{
	const struct virtio_blk *b = object;

	if (b->inflight.count > VIRTIO_BLK_INFLIGHT_MAX)
		return err_set(err, ERR_CORRUPT, "%u requests in flight", b->inflight.count);
	for (uint32_t row = 0; row < b->inflight.count; row++)
		if (row_check(b, row, err))
			return ERR_CORRUPT;
	return 0;
}

static const struct state_table virtio_blk_table = {
	.name = "virtio-blk",
	.version = 1,
	.size_bytes = sizeof(struct virtio_blk),
	.fields = virtio_blk_fields,
	.field_count = sizeof(virtio_blk_fields) / sizeof(virtio_blk_fields[0]),
	.check = virtio_blk_check,
};

/* Orphans come from before a reset and are the oldest, so the first row tells. */
static bool draining(const struct virtio_blk *b)
{
	return b->inflight.count && b->inflight.queue[0] == QUEUE_ORPHAN;
}

static void row_remove(struct inflight *in, uint32_t row)
{
	uint32_t after = --in->count - row;

#define COLUMN_REMOVE(column)                                                                   \
	do {                                                                                    \
		memmove(&in->column[row], &in->column[row + 1], after * sizeof(in->column[0])); \
		in->column[in->count] = 0;                                                      \
	} while (0)
	COLUMN_REMOVE(number);
	COLUMN_REMOVE(sector);
	COLUMN_REMOVE(length);
	COLUMN_REMOVE(head);
	COLUMN_REMOVE(queue);
	COLUMN_REMOVE(command);
	COLUMN_REMOVE(unmap);
#undef COLUMN_REMOVE
}

static uint32_t row_add(struct virtio_blk *b, unsigned queue, uint16_t head,
			const struct request *r)
{
	struct inflight *in = &b->inflight;
	uint32_t row = in->count++;

	in->number[row] = b->next_number++;
	in->sector[row] = r->sector;
	in->length[row] = r->length;
	in->head[row] = head;
	in->queue[row] = (uint8_t)queue;
	in->command[row] = (uint8_t)r->command;
	in->unmap[row] = r->unmap;
	return row;
}

/* The chain, as the driver has it now, must still be that of the request. */
static bool chain_agrees(const struct virtio_blk *b, uint32_t row)
{
	const struct inflight *in = &b->inflight;
	uint64_t length = in->length[row];

	if (in->command[row] == DISK_READ)
		return b->chain.writable_bytes == length + STATUS_BYTES;
	if (in->command[row] == DISK_WRITE)
		return b->chain.readable_bytes == HEADER_BYTES + length &&
		       b->chain.writable_bytes >= STATUS_BYTES;
	return b->chain.writable_bytes >= STATUS_BYTES;
}

/* Finds the chain of a request in flight again. */
static int row_walk(struct virtio_blk *b, uint32_t row, struct err *err)
{
	struct virtio *v = &b->virtio;
	const struct virtqueue *q = &v->queue[b->inflight.queue[row]];

	if (!virtio_live(v) || !q->ready)
		return err_set(err, ERR_INVALID, "the queue of a request in flight is gone");
	if (virtq_walk(q, v->memory, b->inflight.head[row], &b->chain, err))
		return ERR_CORRUPT;
	if (!chain_agrees(b, row))
		return err_set(err, ERR_CORRUPT, "the driver changed a request in flight");
	return 0;
}

/* Issues a request in flight; what it writes is in b->data. */
static void row_emit(struct virtio_blk *b, uint32_t row)
{
	const struct inflight *in = &b->inflight;
	struct output out = {
		.kind = OUTPUT_DISK,
		.value = in->number[row],
		.extra = in->unmap[row],
		.command = in->command[row],
		.sector = in->sector[row],
	};

	if (has_data(out.command))
		out.size_bytes = in->length[row];
	else
		out.sectors = in->length[row];
	if (out.command == DISK_WRITE)
		out.data = b->data;
	virtio_emit(&b->virtio, &out);
}

/* Answers the request whose chain is b->chain. */
static void answer(struct virtio_blk *b, unsigned queue, uint8_t status, uint32_t data_bytes)
{
	virtq_copy_in(&b->chain, b->virtio.memory, b->chain.writable_bytes - STATUS_BYTES, &status,
		      STATUS_BYTES);
	virtio_push(&b->virtio, queue, b->chain.head, data_bytes + STATUS_BYTES);
}

/* Each of these takes apart one kind of request: VIRTIO_BLK_S_OK when it may be issued. */

static uint8_t data_parse(const struct virtio_blk *b, uint64_t bytes, struct request *r)
{
	uint64_t block_sectors = b->config.blk_size / DISK_SECTOR_BYTES;

	if (!bytes || bytes > VIRTIO_BLK_REQUEST_MAX_BYTES || bytes % b->config.blk_size ||
	    r->sector % block_sectors || !range_inside(b, r->sector, bytes / DISK_SECTOR_BYTES))
		return VIRTIO_BLK_S_IOERR;
	r->length = (uint32_t)bytes;
	return VIRTIO_BLK_S_OK;
}

static uint8_t read_parse(const struct virtio_blk *b, struct request *r)
{
	r->command = DISK_READ;
	if (b->chain.readable_bytes != HEADER_BYTES)
		return VIRTIO_BLK_S_IOERR;
	return data_parse(b, b->chain.writable_bytes - STATUS_BYTES, r);
}

static uint8_t write_parse(const struct virtio_blk *b, struct request *r)
{
	r->command = DISK_WRITE;
	if (b->virtio.offered & VIRTIO_BIT(VIRTIO_BLK_F_RO))
		return VIRTIO_BLK_S_IOERR;
	return data_parse(b, b->chain.readable_bytes - HEADER_BYTES, r);
}

static uint8_t flush_parse(struct request *r)
{
	r->command = DISK_FLUSH;
	r->sector = 0;
	return VIRTIO_BLK_S_OK;
}

static uint8_t range_parse(const struct virtio_blk *b, struct request *r, enum disk_command command,
			   unsigned feature, uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range;
	uint64_t block_sectors = b->config.blk_size / DISK_SECTOR_BYTES;

	if (!virtio_has(&b->virtio, feature))
		return VIRTIO_BLK_S_UNSUPP;
	if (b->chain.readable_bytes != HEADER_BYTES + RANGE_BYTES)
		return VIRTIO_BLK_S_IOERR;
	virtq_copy_out(&b->chain, b->virtio.memory, HEADER_BYTES, &range, RANGE_BYTES);
	if (range.flags & ~flags)
		return VIRTIO_BLK_S_UNSUPP;
	if (!range.num_sectors || range.num_sectors > VIRTIO_BLK_RANGE_MAX_SECTORS ||
	    range.num_sectors % block_sectors || range.sector % block_sectors ||
	    !range_inside(b, range.sector, range.num_sectors))
		return VIRTIO_BLK_S_IOERR;
	*r = (struct request){range.sector, range.num_sectors, command, range.flags != 0};
	return VIRTIO_BLK_S_OK;
}

static uint8_t request_parse(const struct virtio_blk *b, uint32_t type, struct request *r)
{
	switch (type) {
	case VIRTIO_BLK_T_IN: return read_parse(b, r);
	case VIRTIO_BLK_T_OUT: return write_parse(b, r);
	case VIRTIO_BLK_T_FLUSH: return flush_parse(r);
	case VIRTIO_BLK_T_DISCARD: return range_parse(b, r, DISK_DISCARD, VIRTIO_BLK_F_DISCARD, 0);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return range_parse(b, r, DISK_WRITE_ZEROES, VIRTIO_BLK_F_WRITE_ZEROES,
				   VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP);
	}
	return VIRTIO_BLK_S_UNSUPP;
}

static void serial_answer(struct virtio_blk *b, unsigned queue)
{
	uint64_t room = b->chain.writable_bytes - STATUS_BYTES;
	uint32_t bytes = room < sizeof(b->serial) ? (uint32_t)room : sizeof(b->serial);

	virtq_copy_in(&b->chain, b->virtio.memory, 0, b->serial, bytes);
	answer(b, queue, VIRTIO_BLK_S_OK, bytes);
}

static void write_gather(struct virtio_blk *b, uint32_t length)
{
	virtq_copy_out(&b->chain, b->virtio.memory, HEADER_BYTES, b->data, length);
}

/* Takes up the request whose chain is b->chain: it is answered, or in flight. */
static void request_start(struct virtio_blk *b, unsigned queue)
{
	struct virtio_blk_outhdr header;
	struct request r = {0};
	struct err err;
	uint8_t status;

	if (!b->chain.writable_bytes ||
	    !virtq_copy_out(&b->chain, b->virtio.memory, 0, &header, HEADER_BYTES)) {
		err_set(&err, ERR_CORRUPT, "a request without a header or without a status byte");
		virtio_break(&b->virtio, &err);
		return;
	}
	if (header.type == VIRTIO_BLK_T_GET_ID) {
		serial_answer(b, queue);
		return;
	}
	r.sector = header.sector;
	status = request_parse(b, header.type, &r);
	if (status != VIRTIO_BLK_S_OK) {
		answer(b, queue, status, 0);
		return;
	}
	if (r.command == DISK_WRITE)
		write_gather(b, r.length);
	row_emit(b, row_add(b, queue, b->chain.head, &r));
}

static void queue_run(struct virtio_blk *b, unsigned queue)
{
	while (!b->stopped && !draining(b) && b->inflight.count < VIRTIO_BLK_INFLIGHT_MAX &&
	       virtio_pop(&b->virtio, queue, &b->chain))
		request_start(b, queue);
	virtio_interrupt(&b->virtio, queue);
}

static void all_run(struct virtio_blk *b)
{
	for (unsigned queue = 0; queue < b->virtio.n_queues; queue++)
		queue_run(b, queue);
}

static void blk_notify(struct virtio *v, unsigned queue)
{
	queue_run((struct virtio_blk *)v, queue);
}

/* The guest sees what the backend did. */
static void row_finish(struct virtio_blk *b, uint32_t row, const struct input *in)
{
	unsigned queue = b->inflight.queue[row];
	bool read = b->inflight.command[row] == DISK_READ;
	uint32_t length = b->inflight.length[row];
	bool good = in->extra == DISK_OK && (!read || in->size_bytes == length);
	struct err err;

	if (row_walk(b, row, &err)) {
		virtio_break(&b->virtio, &err);
		return;
	}
	if (good && read)
		virtq_copy_in(&b->chain, b->virtio.memory, 0, in->data, length);
	answer(b, queue, good ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR, good && read ? length : 0);
	virtio_interrupt(&b->virtio, queue);
}

static void disk_completed(struct virtio_blk *b, const struct input *in)
{
	bool was_held = draining(b) || b->inflight.count == VIRTIO_BLK_INFLIGHT_MAX;
	uint32_t row;

	for (row = 0; row < b->inflight.count; row++)
		if (b->inflight.number[row] == in->value)
			break;
	if (row == b->inflight.count)
		return;
	if (b->inflight.queue[row] != QUEUE_ORPHAN)
		row_finish(b, row, in);
	row_remove(&b->inflight, row);
	if (was_held)
		all_run(b);
}

static void blk_input(struct virtio *v, const struct input *in)
{
	struct virtio_blk *b = (struct virtio_blk *)v;

	if (in->kind == INPUT_DISK) {
		disk_completed(b, in);
	} else if (in->kind == INPUT_FLOW) {
		b->stopped = in->value;
		all_run(b);
	}
}

static void blk_reset(struct virtio *v)
{
	struct virtio_blk *b = (struct virtio_blk *)v;

	for (uint32_t row = 0; row < b->inflight.count; row++)
		b->inflight.queue[row] = QUEUE_ORPHAN;
}

/* A flush stands in for an orphan, whose data is gone: its completion is still awaited.  So too for
 * what a broken device has in flight, of which the guest will see nothing.  Nothing else changes
 * here: a machine that was loaded goes on as the one that was saved. */
static void blk_resume(struct virtio *v)
{
	struct virtio_blk *b = (struct virtio_blk *)v;
	struct inflight *in = &b->inflight;

	for (uint32_t row = 0; row < in->count; row++) {
		struct output flush = {
			.kind = OUTPUT_DISK, .value = in->number[row], .command = DISK_FLUSH};

		if (in->queue[row] == QUEUE_ORPHAN || row_walk(b, row, NULL)) {
			virtio_emit(v, &flush);
			continue;
		}
		if (in->command[row] == DISK_WRITE)
			write_gather(b, in->length[row]);
		row_emit(b, row);
	}
}

static void blk_destroy(struct virtio *v)
{
	struct virtio_blk *b = (struct virtio_blk *)v;

	free(b->data);
	free(b);
}

static const struct virtio_ops blk_ops = {
	.device_id = VIRTIO_ID_BLOCK,
	.notify = blk_notify,
	.start = virtio_nothing,
	.config_write = virtio_no_config_write,
	.reset = blk_reset,
	.input = blk_input,
	.resume = blk_resume,
	.destroy = blk_destroy,
};

static uint64_t features_of(const struct virtio_blk_options *o)
{
	uint64_t features = VIRTIO_BIT(VIRTIO_BLK_F_SIZE_MAX) | VIRTIO_BIT(VIRTIO_BLK_F_SEG_MAX) |
			    VIRTIO_BIT(VIRTIO_BLK_F_BLK_SIZE) | VIRTIO_BIT(VIRTIO_BLK_F_FLUSH);

	if (o->queues > 1)
		features |= VIRTIO_BIT(VIRTIO_BLK_F_MQ);
	if (o->read_only)
		return features | VIRTIO_BIT(VIRTIO_BLK_F_RO);
	if (o->discard)
		features |= VIRTIO_BIT(VIRTIO_BLK_F_DISCARD);
	if (o->write_zeroes)
		features |= VIRTIO_BIT(VIRTIO_BLK_F_WRITE_ZEROES);
	return features;
}

/* Segments are bounded so that no request of a driver that heeds them exceeds the largest one. */
static void config_fill(struct virtio_blk_config *c, const struct virtio_blk_options *o)
{
	c->capacity = o->capacity_sectors;
	c->size_max = VIRTIO_BLK_REQUEST_MAX_BYTES / VIRTIO_BLK_SEGMENTS;
	c->seg_max = VIRTIO_BLK_SEGMENTS;
	c->blk_size = o->block_bytes;
	c->num_queues = (uint16_t)o->queues;
	if (o->discard && !o->read_only) {
		c->max_discard_sectors = VIRTIO_BLK_RANGE_MAX_SECTORS;
		c->max_discard_seg = 1;
		c->discard_sector_alignment = DISCARD_ALIGN;
	}
	if (o->write_zeroes && !o->read_only) {
		c->max_write_zeroes_sectors = VIRTIO_BLK_RANGE_MAX_SECTORS;
		c->max_write_zeroes_seg = 1;
		c->write_zeroes_may_unmap = 1;
	}
}

static int options_check(const struct virtio_blk_options *o, struct err *err)
{
	if (o->queues > VIRTIO_QUEUES_MAX)
		return err_set(err, ERR_INVALID, "%s: %u queues; say 1 to %u", o->slot.name,
			       o->queues, VIRTIO_QUEUES_MAX);
	if (o->block_bytes < DISK_SECTOR_BYTES || o->block_bytes > 4096 ||
	    o->block_bytes & (o->block_bytes - 1))
		return err_set(err, ERR_INVALID,
			       "%s: blocks of %u bytes; say 512, 1024, 2048 or 4096", o->slot.name,
			       o->block_bytes);
	return 0;
}

struct device *virtio_blk_create(const struct device_env *env,
				 const struct virtio_blk_options *options, struct err *err)
{
	struct virtio_blk_options o = *options;
	struct virtio_blk *b;
	struct virtio_type type = {
		.ops = &blk_ops,
		.state = &virtio_blk_table,
		.config_bytes = sizeof(b->config),
		.queue_size = QUEUE_SIZE,
	};

	o.queues = o.queues ? o.queues : 1;
	o.block_bytes = o.block_bytes ? o.block_bytes : DISK_SECTOR_BYTES;
	if (options_check(&o, err))
		return NULL;
	b = calloc(1, sizeof(*b));
	if (b)
		b->data = malloc(VIRTIO_BLK_REQUEST_MAX_BYTES);
	if (!b || !b->data) {
		free(b);
		err_set(err, ERR_NO_MEMORY, "%s: no memory for the device", o.slot.name);
		return NULL;
	}
	config_fill(&b->config, &o);
	memcpy(b->serial, o.serial, sizeof(b->serial));
	type.features = features_of(&o);
	type.config = &b->config;
	type.n_queues = o.queues;
	if (virtio_init(&b->virtio, env, &o.slot, &type, err)) {
		blk_destroy(&b->virtio);
		return NULL;
	}
	return &b->virtio.device;
}
