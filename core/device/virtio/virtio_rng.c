/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_rng.h"

#include <linux/virtio_ids.h>
#include <stdlib.h>

#define QUEUE_SIZE     64
#define QUEUE_REQUESTS 0

struct virtio_rng {
	struct virtio virtio;
	struct virtq_chain chain;
	/* State. */
	bool asked; /* OUTPUT_ENTROPY is unanswered */
	uint32_t asked_bytes;
};

static const struct state_field virtio_rng_fields[] = {
	STATE_FIELD_TABLE(struct virtio_rng, virtio, 1, struct virtio, &virtio_table),
	STATE_FIELD(struct virtio_rng, asked, 1),
	STATE_FIELD(struct virtio_rng, asked_bytes, 1),
};

static int virtio_rng_check(const void *object, struct err *err)
{
	const struct virtio_rng *r = object;

	if (r->asked_bytes > VIRTIO_RNG_REQUEST_MAX_BYTES)
		return err_set(err, ERR_CORRUPT, "a request for %u bytes of entropy",
			       r->asked_bytes);
	return 0;
}

static const struct state_table virtio_rng_table = {
	.name = "virtio-rng",
	.version = 1,
	.size_bytes = sizeof(struct virtio_rng),
	.fields = virtio_rng_fields,
	.field_count = sizeof(virtio_rng_fields) / sizeof(virtio_rng_fields[0]),
	.check = virtio_rng_check,
};

static void ask(struct virtio_rng *r)
{
	struct output out = {.kind = OUTPUT_ENTROPY, .value = r->asked_bytes};

	virtio_emit(&r->virtio, &out);
}

/* The oldest request that has room stays in its ring until the answer is there. */
static void requests_run(struct virtio_rng *r)
{
	struct virtio *v = &r->virtio;

	while (!r->asked && virtio_pop(v, QUEUE_REQUESTS, &r->chain)) {
		uint64_t room = r->chain.writable_bytes;

		if (!room) {
			virtio_push(v, QUEUE_REQUESTS, r->chain.head, 0);
			continue;
		}
		virtq_unpop(&v->queue[QUEUE_REQUESTS], 1);
		r->asked = true;
		r->asked_bytes = room < VIRTIO_RNG_REQUEST_MAX_BYTES ? (uint32_t)room
								     : VIRTIO_RNG_REQUEST_MAX_BYTES;
		ask(r);
	}
	virtio_interrupt(v, QUEUE_REQUESTS);
}

static void rng_notify(struct virtio *v, unsigned queue)
{
	(void)queue;
	requests_run((struct virtio_rng *)v);
}

static void rng_input(struct virtio *v, const struct input *in)
{
	struct virtio_rng *r = (struct virtio_rng *)v;
	uint32_t bytes = in->size_bytes;

	if (in->kind != INPUT_ENTROPY || !r->asked)
		return;
	r->asked = false;
	if (!virtio_pop(v, QUEUE_REQUESTS, &r->chain))
		return;
	if (bytes > r->chain.writable_bytes)
		bytes = (uint32_t)r->chain.writable_bytes;
	virtq_copy_in(&r->chain, v->memory, 0, in->data, bytes);
	virtio_push(v, QUEUE_REQUESTS, r->chain.head, bytes);
	requests_run(r);
}

static void rng_resume(struct virtio *v)
{
	struct virtio_rng *r = (struct virtio_rng *)v;

	if (r->asked)
		ask(r);
}

static void rng_destroy(struct virtio *v)
{
	free(v);
}

static const struct virtio_ops rng_ops = {
	.device_id = VIRTIO_ID_RNG,
	.notify = rng_notify,
	.start = virtio_nothing,
	.config_write = virtio_no_config_write,
	.reset = virtio_nothing,
	.input = rng_input,
	.resume = rng_resume,
	.destroy = rng_destroy,
};

struct device *virtio_rng_create(const struct device_env *env, const struct virtio_slot *slot,
				 struct err *err)
{
	const struct virtio_type type = {
		.ops = &rng_ops,
		.state = &virtio_rng_table,
		.n_queues = 1,
		.queue_size = QUEUE_SIZE,
	};
	struct virtio_rng *r = calloc(1, sizeof(*r));

	if (!r) {
		err_set(err, ERR_NO_MEMORY, "%s: no memory for the device", slot->name);
		return NULL;
	}
	if (virtio_init(&r->virtio, env, slot, &type, err)) {
		free(r);
		return NULL;
	}
	return &r->virtio.device;
}
