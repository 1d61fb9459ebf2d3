/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/disk_io.h"

#include <errno.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The ring carries one read of the eventfd beside the requests: that is how a wake ends a wait. */
struct disk_io {
	struct io_uring ring;
	int fd, wake_fd;
	bool listening; /* the read of wake_fd is at work */
	uint64_t wakes;
};

static struct disk_io *uring_open(int fd, struct err *err)
{
	struct disk_io *io = calloc(1, sizeof(*io));
	int failed;

	if (!io) {
		err_set(err, ERR_NO_MEMORY, "no memory for an io_uring");
		return NULL;
	}
	io->fd = fd;
	io->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (io->wake_fd < 0) {
		err_system(err, "no eventfd for an io_uring");
		free(io);
		return NULL;
	}
	failed = io_uring_queue_init(DISK_IO_DEPTH + 1, &io->ring, 0);
	if (failed) {
		errno = -failed;
		err_system(err, "io_uring is not available");
		close(io->wake_fd);
		free(io);
		return NULL;
	}
	return io;
}

/* There is always room: the ring is as deep as the owner's promise. */
static void uring_submit(struct disk_io *io, struct disk_io_request *request)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);
	unsigned length = (unsigned)request->length_bytes;

	switch (request->kind) {
	case DISK_IO_READ:
		io_uring_prep_read(sqe, io->fd, request->buffer, length, request->offset_bytes);
		break;
	case DISK_IO_WRITE:
		io_uring_prep_write(sqe, io->fd, request->buffer, length, request->offset_bytes);
		break;
	case DISK_IO_SYNC: io_uring_prep_fsync(sqe, io->fd, IORING_FSYNC_DATASYNC); break;
	case DISK_IO_PUNCH:
	case DISK_IO_ZERO:
		io_uring_prep_fallocate(sqe, io->fd, disk_io_fallocate_mode(request->kind),
					(off_t)request->offset_bytes, (off_t)request->length_bytes);
		break;
	}
	io_uring_sqe_set_data(sqe, request);
}

static void uring_listen(struct disk_io *io)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&io->ring);

	io_uring_prep_read(sqe, io->wake_fd, &io->wakes, sizeof(io->wakes), 0);
	io_uring_sqe_set_data(sqe, NULL);
	io->listening = true;
}

static struct disk_io_request *uring_wait(struct disk_io *io)
{
	struct io_uring_cqe *cqe;
	struct disk_io_request *request;

	if (!io->listening)
		uring_listen(io);
	for (;;) {
		if (io_uring_sq_ready(&io->ring))
			io_uring_submit(&io->ring);
		if (!io_uring_wait_cqe(&io->ring, &cqe))
			break;
	}
	request = io_uring_cqe_get_data(cqe);
	if (request)
		request->result = cqe->res;
	else
		io->listening = false;
	io_uring_cqe_seen(&io->ring, cqe);
	return request;
}

static void uring_wake(struct disk_io *io)
{
	const uint64_t one = 1;

	/* Fails only when the counter is full, and then a wake is already due. */
	if (write(io->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void uring_close(struct disk_io *io)
{
	io_uring_queue_exit(&io->ring);
	close(io->wake_fd);
	free(io);
}

const struct disk_io_ops disk_io_uring = {
	.name = "io_uring",
	.open = uring_open,
	.submit = uring_submit,
	.wait = uring_wait,
	.wake = uring_wake,
	.close = uring_close,
};
