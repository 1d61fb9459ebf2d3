/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_balloon.h"

#include <linux/virtio_balloon.h>
#include <stdlib.h>

#define QUEUE_SIZE	128
#define QUEUE_INFLATE	0
#define QUEUE_DEFLATE	1
#define QUEUE_REPORTING 2 /* queues of features that are not offered take no number */
#define PFN_BYTES	4

struct virtio_balloon {
	struct virtio virtio;
	struct virtio_balloon_config config;
	struct virtq_chain chain;
	/* State; the configuration is saved from here. */
	uint32_t wanted_pages, actual_pages;
};

static const struct state_field virtio_balloon_fields[] = {
	STATE_FIELD_TABLE(struct virtio_balloon, virtio, 1, struct virtio, &virtio_table),
	STATE_FIELD(struct virtio_balloon, wanted_pages, 1),
	STATE_FIELD(struct virtio_balloon, actual_pages, 1),
};

static const struct state_table virtio_balloon_table =
	STATE_TABLE("virtio-balloon", 1, struct virtio_balloon, virtio_balloon_fields);

uint32_t virtio_balloon_pages(const struct device *d)
{
	return ((const struct virtio_balloon *)d)->actual_pages;
}

static void config_update(struct virtio_balloon *b)
{
	b->config.num_pages = b->wanted_pages;
	b->config.actual = b->actual_pages;
}

/* Page frames next to each other, released together. */
struct run {
	uint64_t first, count;
};

static int run_release(const struct virtio_balloon *b, const struct run *run, struct err *err)
{
	return memory_release(b->virtio.memory, run->first << VIRTIO_BALLOON_PFN_SHIFT,
			      run->count << VIRTIO_BALLOON_PFN_SHIFT, err);
}

/* Drivers list neighbours upwards or downwards. */
static bool run_extend(struct run *run, uint64_t pfn)
{
	if (run->count && pfn == run->first + run->count) {
		run->count++;
		return true;
	}
	if (run->count && pfn + 1 == run->first) {
		run->first--;
		run->count++;
		return true;
	}
	return false;
}

static int frames_release(const struct virtio_balloon *b, struct err *err)
{
	struct run run = {0};
	uint32_t pfn;

	for (uint64_t at = 0; at < b->chain.readable_bytes; at += PFN_BYTES) {
		virtq_copy_out(&b->chain, b->virtio.memory, at, &pfn, PFN_BYTES);
		if (run_extend(&run, pfn))
			continue;
		if (run_release(b, &run, err))
			return ERR_RANGE;
		run = (struct run){pfn, 1};
	}
	return run_release(b, &run, err);
}

static int inflate(const struct virtio_balloon *b, struct err *err)
{
	if (b->chain.readable_bytes % PFN_BYTES ||
	    b->chain.readable_bytes > VIRTIO_BALLOON_LIST_MAX_BYTES)
		return err_set(err, ERR_LIMIT, "a list of pages of %llu bytes",
			       (unsigned long long)b->chain.readable_bytes);
	return frames_release(b, err);
}

/* Pages come back by being used. */
static int deflate(const struct virtio_balloon *b, struct err *err)
{
	(void)b;
	(void)err;
	return 0;
}

/* The buffers of the chain are the free pages themselves. */
static int reporting(const struct virtio_balloon *b, struct err *err)
{
	for (unsigned i = 0; i < b->chain.writable; i++) {
		const struct virtq_segment *s = &b->chain.segment[b->chain.readable + i];

		if (memory_release(b->virtio.memory, s->gpa, s->size_bytes, err))
			return ERR_RANGE;
	}
	return 0;
}

static void balloon_notify(struct virtio *v, unsigned queue)
{
	static int (*const work[])(const struct virtio_balloon *, struct err *) = {
		[QUEUE_INFLATE] = inflate,
		[QUEUE_DEFLATE] = deflate,
		[QUEUE_REPORTING] = reporting,
	};
	struct virtio_balloon *b = (struct virtio_balloon *)v;
	struct err err;

	while (virtio_pop(v, queue, &b->chain)) {
		if (work[queue](b, &err)) {
			virtio_break(v, &err);
			return;
		}
		virtio_push(v, queue, b->chain.head, 0);
	}
	virtio_interrupt(v, queue);
}

static void balloon_config_write(struct virtio *v, unsigned offset, unsigned size_bytes,
				 uint64_t value)
{
	struct virtio_balloon *b = (struct virtio_balloon *)v;

	if (offset != offsetof(struct virtio_balloon_config, actual) || size_bytes != 4)
		return;
	b->actual_pages = (uint32_t)value;
	config_update(b);
}

static void balloon_input(struct virtio *v, const struct input *in)
{
	struct virtio_balloon *b = (struct virtio_balloon *)v;
	uint32_t pages = in->extra < UINT32_MAX ? (uint32_t)in->extra : UINT32_MAX;

	if (in->kind != INPUT_ACTION || in->value != ACTION_BALLOON || pages == b->wanted_pages)
		return;
	b->wanted_pages = pages;
	config_update(b);
	virtio_config_changed(v);
}

/* The operator's wish stays. */
static void balloon_reset(struct virtio *v)
{
	struct virtio_balloon *b = (struct virtio_balloon *)v;

	b->actual_pages = 0;
	config_update(b);
}

static void balloon_resume(struct virtio *v)
{
	config_update((struct virtio_balloon *)v);
}

static void balloon_destroy(struct virtio *v)
{
	free(v);
}

static const struct virtio_ops balloon_ops = {
	.device_id = VIRTIO_ID_BALLOON,
	.notify = balloon_notify,
	.start = virtio_nothing,
	.config_write = balloon_config_write,
	.reset = balloon_reset,
	.input = balloon_input,
	.resume = balloon_resume,
	.destroy = balloon_destroy,
};

struct device *virtio_balloon_create(const struct device_env *env, const struct virtio_slot *slot,
				     struct err *err)
{
	struct virtio_balloon *b = calloc(1, sizeof(*b));
	struct virtio_type type = {
		.ops = &balloon_ops,
		.state = &virtio_balloon_table,
		.features = VIRTIO_BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) |
			    VIRTIO_BIT(VIRTIO_BALLOON_F_REPORTING),
		.config_bytes = offsetof(struct virtio_balloon_config, free_page_hint_cmd_id),
		.n_queues = 3,
		.queue_size = QUEUE_SIZE,
	};

	if (!b) {
		err_set(err, ERR_NO_MEMORY, "%s: no memory for the device", slot->name);
		return NULL;
	}
	type.config = &b->config;
	if (virtio_init(&b->virtio, env, slot, &type, err)) {
		free(b);
		return NULL;
	}
	return &b->virtio.device;
}
