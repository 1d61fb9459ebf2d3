/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/disk_io.h"

#include "core/host/host_thread.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 4

struct request_queue {
	struct disk_io_request *first, **last;
};

struct disk_io {
	int fd;
	pthread_t thread[THREADS];
	unsigned n_threads;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t to_do_changed, done_changed;
	struct request_queue to_do, done;
	bool woken, closing;
};

static void queue_init(struct request_queue *q)
{
	q->first = NULL;
	q->last = &q->first;
}

static void queue_put(struct request_queue *q, struct disk_io_request *request)
{
	request->next = NULL;
	*q->last = request;
	q->last = &request->next;
}

static struct disk_io_request *queue_take(struct request_queue *q)
{
	struct disk_io_request *request = q->first;

	q->first = request->next;
	if (!q->first)
		q->last = &q->first;
	return request;
}

static int64_t request_carry_out(int fd, const struct disk_io_request *request)
{
	off_t offset = (off_t)request->offset_bytes;
	ssize_t result = -1;

	switch (request->kind) {
	case DISK_IO_READ:
		result = pread(fd, request->buffer, request->length_bytes, offset);
		break;
	case DISK_IO_WRITE:
		result = pwrite(fd, request->buffer, request->length_bytes, offset);
		break;
	case DISK_IO_SYNC: result = fdatasync(fd); break;
	case DISK_IO_PUNCH:
	case DISK_IO_ZERO:
		result = fallocate(fd, disk_io_fallocate_mode(request->kind), offset,
				   (off_t)request->length_bytes);
		break;
	}
	return result < 0 ? -errno : result;
}

static void *threads_body(void *ctx)
{
	struct disk_io *io = ctx;

	pthread_mutex_lock(&io->lock);
	for (;;) {
		struct disk_io_request *request;

		while (!io->to_do.first && !io->closing)
			pthread_cond_wait(&io->to_do_changed, &io->lock);
		if (!io->to_do.first)
			break;
		request = queue_take(&io->to_do);
		pthread_mutex_unlock(&io->lock);
		request->result = request_carry_out(io->fd, request);
		pthread_mutex_lock(&io->lock);
		queue_put(&io->done, request);
		pthread_cond_signal(&io->done_changed);
	}
	pthread_mutex_unlock(&io->lock);
	return NULL;
}

static void threads_close(struct disk_io *io)
{
	pthread_mutex_lock(&io->lock);
	io->closing = true;
	pthread_cond_broadcast(&io->to_do_changed);
	pthread_mutex_unlock(&io->lock);
	for (unsigned i = 0; i < io->n_threads; i++)
		pthread_join(io->thread[i], NULL);
	pthread_cond_destroy(&io->to_do_changed);
	pthread_cond_destroy(&io->done_changed);
	pthread_mutex_destroy(&io->lock);
	free(io);
}

static struct disk_io *threads_open(int fd, struct err *err)
{
	struct disk_io *io = calloc(1, sizeof(*io));

	if (!io) {
		err_set(err, ERR_NO_MEMORY, "no memory for disk threads");
		return NULL;
	}
	io->fd = fd;
	pthread_mutex_init(&io->lock, NULL);
	pthread_cond_init(&io->to_do_changed, NULL);
	pthread_cond_init(&io->done_changed, NULL);
	queue_init(&io->to_do);
	queue_init(&io->done);
	while (io->n_threads < THREADS) {
		if (host_thread_start(&io->thread[io->n_threads], "disk-io", threads_body, io,
				      err)) {
			threads_close(io);
			return NULL;
		}
		io->n_threads++;
	}
	return io;
}

static void threads_submit(struct disk_io *io, struct disk_io_request *request)
{
	pthread_mutex_lock(&io->lock);
	queue_put(&io->to_do, request);
	pthread_cond_signal(&io->to_do_changed);
	pthread_mutex_unlock(&io->lock);
}

static struct disk_io_request *threads_wait(struct disk_io *io)
{
	struct disk_io_request *request = NULL;

	pthread_mutex_lock(&io->lock);
	while (!io->done.first && !io->woken)
		pthread_cond_wait(&io->done_changed, &io->lock);
	if (io->done.first)
		request = queue_take(&io->done);
	else
		io->woken = false;
	pthread_mutex_unlock(&io->lock);
	return request;
}

static void threads_wake(struct disk_io *io)
{
	pthread_mutex_lock(&io->lock);
	io->woken = true;
	pthread_cond_signal(&io->done_changed);
	pthread_mutex_unlock(&io->lock);
}

const struct disk_io_ops disk_io_threads = {
	.name = "threads",
	.open = threads_open,
	.submit = threads_submit,
	.wait = threads_wait,
	.wake = threads_wake,
	.close = threads_close,
};
