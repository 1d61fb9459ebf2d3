/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How requests to a file are carried out beside the thread that owns them: by io_uring, or by a few
 * threads where the host forbids that.  One thread, the owner, submits and waits; any thread may
 * wake it.
 */
#ifndef CORE_HOST_DISK_IO_H
#define CORE_HOST_DISK_IO_H

#include "core/base/err.h"

#include <fcntl.h>
#include <stdint.h>

#define DISK_IO_DEPTH 128 /* requests at work at a time; the owner submits no more */

enum disk_io_kind {
	DISK_IO_READ,
	DISK_IO_WRITE,
	DISK_IO_SYNC,  /* fdatasync */
	DISK_IO_PUNCH, /* make a range read as zeros by giving it back to the file system */
	DISK_IO_ZERO,  /* make a range read as zeros, its space kept */
};

/* Embedded in what the owner submits; its memory and buffer stay until disk_io_wait() gives it
 * back. */
struct disk_io_request {
	enum disk_io_kind kind;
	uint64_t offset_bytes, length_bytes; /* READ, WRITE: below 2 GiB */
	void *buffer;
	int64_t result; /* bytes, or a negative errno */
	struct disk_io_request *next;
};

struct disk_io;

/* fallocate()'s mode for PUNCH and ZERO. */
static inline int disk_io_fallocate_mode(enum disk_io_kind kind)
{
	return FALLOC_FL_KEEP_SIZE |
	       (kind == DISK_IO_PUNCH ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
}

struct disk_io_ops {
	const char *name;
	/* fd is borrowed.  NULL with err set when this way is closed here. */
	struct disk_io *(*open)(int fd, struct err *err);
	void (*submit)(struct disk_io *io, struct disk_io_request *request);
	/* A request that has been carried out; NULL after a wake.  Blocks until either. */
	struct disk_io_request *(*wait)(struct disk_io *io);
	/* From any thread: ends a wait() under way, or the next one. */
	void (*wake)(struct disk_io *io);
	/* Nothing is at work any more. */
	void (*close)(struct disk_io *io);
};

extern const struct disk_io_ops disk_io_uring;
extern const struct disk_io_ops disk_io_threads;

#endif
