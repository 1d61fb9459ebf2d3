/*
 * A sink and a source over a file descriptor in blocking mode: a file, a pipe or a socket. Short
 * transfers and signals are dealt with here. A peer that closed its end is an error of the write,
 * never a signal when the descriptor is a socket; owners of pipes block SIGPIPE themselves.
 */
#ifndef CORE_BASE_SINK_FD_H
#define CORE_BASE_SINK_FD_H

#include <stdint.h>

#include "core/base/sink.h"

struct sink_fd {
	int fd;			/* not owned */
	uint64_t written_bytes; /* taken by the host's kernel so far */
};

/* Prepares a sink over a descriptor that stays the caller's. Nothing to release. */
void sink_fd_init(struct sink_fd *sink, int fd);

/* The sink's face; valid as long as sink is. Flushing calls fdatasync() where the fd can. */
struct byte_sink sink_fd(struct sink_fd *sink);

struct source_fd {
	int fd; /* not owned */
	uint64_t read_bytes;
};

/* Prepares a source over a descriptor that stays the caller's. Nothing to release. */
void source_fd_init(struct source_fd *source, int fd);

/* The source's face; valid as long as source is. */
struct byte_source source_fd(struct source_fd *source);

#endif
