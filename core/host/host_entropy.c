/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/host_entropy.h"

#include "core/base/host_time.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#define RETRY_NS 1000000ull

struct host_entropy {
	uint16_t device;
	struct mailbox *mailbox;
	struct event_task answer;
	pthread_mutex_t lock; /* guards the ring of sizes asked for */
	uint32_t size_bytes[HOST_ENTROPY_REQUESTS_MAX];
	unsigned first, count;
	uint8_t bytes[HOST_ENTROPY_BYTES_MAX];
};

/* False when the host has none to give, which it does not do once it has started. */
static bool entropy_fill(uint8_t *to, uint32_t size_bytes)
{
	while (size_bytes) {
		ssize_t got = getrandom(to, size_bytes, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		to += got;
		size_bytes -= (uint32_t)got;
	}
	return true;
}

static void entropy_answer(void *ctx)
{
	struct host_entropy *e = ctx;
	struct input in = {.kind = INPUT_ENTROPY, .device = e->device, .data = e->bytes};

	for (;;) {
		pthread_mutex_lock(&e->lock);
		in.size_bytes = e->count ? e->size_bytes[e->first] : 0;
		pthread_mutex_unlock(&e->lock);
		if (!in.size_bytes)
			return;
		if (!entropy_fill(e->bytes, in.size_bytes) || !mailbox_post(e->mailbox, &in)) {
			event_task_post_at(&e->answer, host_time_monotonic_ns() + RETRY_NS);
			return;
		}
		pthread_mutex_lock(&e->lock);
		e->first = (e->first + 1) % HOST_ENTROPY_REQUESTS_MAX;
		e->count--;
		pthread_mutex_unlock(&e->lock);
	}
}

static void entropy_send(void *ctx, const struct output *output)
{
	struct host_entropy *e = ctx;
	uint64_t wanted = output->value;

	if (output->kind != OUTPUT_ENTROPY || !wanted)
		return;
	if (wanted > HOST_ENTROPY_BYTES_MAX)
		wanted = HOST_ENTROPY_BYTES_MAX;
	pthread_mutex_lock(&e->lock);
	if (e->count < HOST_ENTROPY_REQUESTS_MAX)
		e->size_bytes[(e->first + e->count++) % HOST_ENTROPY_REQUESTS_MAX] =
			(uint32_t)wanted;
	pthread_mutex_unlock(&e->lock);
	event_task_post(&e->answer);
}

struct host_entropy *host_entropy_open(uint16_t device, struct event_loop *loop,
				       struct mailbox *mailbox, struct err *err)
{
	struct host_entropy *e = calloc(1, sizeof(*e));

	if (!e) {
		err_set(err, ERR_NO_MEMORY, "no memory for the entropy source");
		return NULL;
	}
	e->device = device;
	e->mailbox = mailbox;
	pthread_mutex_init(&e->lock, NULL);
	event_task_init(&e->answer, loop, entropy_answer, e);
	return e;
}

struct output_backend host_entropy_backend(struct host_entropy *e)
{
	return (struct output_backend){.send = entropy_send, .ctx = e};
}

void host_entropy_close(struct host_entropy *e)
{
	if (!e)
		return;
	event_task_cancel(&e->answer);
	pthread_mutex_destroy(&e->lock);
	free(e);
}
