/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lock over a ring of entries.  Posting copies the data before it takes the lock, and the
 * taker, who asks between any two slices of a running guest, first looks at the number of entries
 * without it, so that an empty mailbox costs the machine one load.
 */
#include "core/mailbox.h"

#include "core/base/host_time.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct mailbox {
	void (*wake)(void *ctx);
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t posted, taken;
	_Atomic unsigned entries; /* changed under the lock */
	unsigned first;
	uint64_t bytes; /* of data, over all entries */
	bool interrupted;
	void *handed_out; /* data of the entry taken last; the taker's alone */
	struct input ring[MAILBOX_ENTRIES_MAX];
};

static bool condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	bool made;

	if (pthread_condattr_init(&attributes))
		return false;
	made = !pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) &&
	       !pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
	return made;
}

struct mailbox *mailbox_create(void (*wake)(void *ctx), void *ctx, struct err *err)
{
	struct mailbox *m = calloc(1, sizeof(*m));

	if (!m) {
		err_set(err, ERR_NO_MEMORY, "no memory for a mailbox");
		return NULL;
	}
	m->wake = wake;
	m->ctx = ctx;
	if (pthread_mutex_init(&m->lock, NULL))
		goto no_lock;
	if (!condition_init(&m->posted))
		goto no_posted;
	if (!condition_init(&m->taken))
		goto no_taken;
	return m;

no_taken:
	pthread_cond_destroy(&m->posted);
no_posted:
	pthread_mutex_destroy(&m->lock);
no_lock:
	free(m);
	err_set(err, ERR_SYSTEM, "the host gives no lock for a mailbox");
	return NULL;
}

void mailbox_destroy(struct mailbox *m)
{
	if (!m)
		return;
	for (unsigned n = 0; n < m->entries; n++)
		free((void *)m->ring[(m->first + n) % MAILBOX_ENTRIES_MAX].data);
	free(m->handed_out);
	pthread_cond_destroy(&m->taken);
	pthread_cond_destroy(&m->posted);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* Under the lock. */
static bool has_room(const struct mailbox *m, uint32_t size_bytes)
{
	return m->entries < MAILBOX_ENTRIES_MAX && size_bytes <= MAILBOX_BYTES_MAX - m->bytes;
}

/* Moves the input, data and all, into the ring; false: full. */
static bool entry_add(struct mailbox *m, const struct input *input, bool *first)
{
	bool room;

	pthread_mutex_lock(&m->lock);
	room = has_room(m, input->size_bytes);
	*first = !m->entries;
	if (room) {
		m->ring[(m->first + m->entries) % MAILBOX_ENTRIES_MAX] = *input;
		m->bytes += input->size_bytes;
		m->entries++;
		pthread_cond_signal(&m->posted);
	}
	pthread_mutex_unlock(&m->lock);
	return room;
}

bool mailbox_post(struct mailbox *m, const struct input *input)
{
	struct input kept = *input;
	void *data = NULL;
	bool first;

	if (input->size_bytes > INPUT_DATA_MAX_BYTES)
		return false;
	if (input->size_bytes) {
		data = malloc(input->size_bytes);
		if (!data)
			return false;
		memcpy(data, input->data, input->size_bytes);
	}
	kept.data = data;
	if (!entry_add(m, &kept, &first)) {
		free(data);
		return false;
	}
	if (first && m->wake)
		m->wake(m->ctx);
	return true;
}

bool mailbox_take(struct mailbox *m, struct input *input)
{
	free(m->handed_out);
	m->handed_out = NULL;
	if (!atomic_load_explicit(&m->entries, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&m->lock);
	*input = m->ring[m->first];
	m->first = (m->first + 1) % MAILBOX_ENTRIES_MAX;
	m->entries--;
	m->bytes -= input->size_bytes;
	pthread_cond_broadcast(&m->taken);
	pthread_mutex_unlock(&m->lock);
	m->handed_out = (void *)input->data;
	return true;
}

/* Under the lock: waits once.  False: the deadline has passed. */
static bool wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t deadline_ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(deadline_ns / NS_PER_SECOND),
		.tv_nsec = (long)(deadline_ns % NS_PER_SECOND),
	};

	if (deadline_ns == UINT64_MAX)
		return !pthread_cond_wait(condition, lock);
	return !pthread_cond_timedwait(condition, lock, &until);
}

void mailbox_wait(struct mailbox *m, uint64_t deadline_ns)
{
	pthread_mutex_lock(&m->lock);
	while (!m->entries && !m->interrupted)
		if (!wait_until(&m->posted, &m->lock, deadline_ns))
			break;
	m->interrupted = false;
	pthread_mutex_unlock(&m->lock);
}

bool mailbox_wait_room(struct mailbox *m, uint32_t size_bytes, uint64_t deadline_ns)
{
	bool room;

	if (size_bytes > INPUT_DATA_MAX_BYTES)
		return false;
	pthread_mutex_lock(&m->lock);
	while (!(room = has_room(m, size_bytes)))
		if (!wait_until(&m->taken, &m->lock, deadline_ns))
			break;
	pthread_mutex_unlock(&m->lock);
	return room;
}

void mailbox_interrupt(struct mailbox *m)
{
	pthread_mutex_lock(&m->lock);
	m->interrupted = true;
	pthread_cond_signal(&m->posted);
	pthread_mutex_unlock(&m->lock);
}
