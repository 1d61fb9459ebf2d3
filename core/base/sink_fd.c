#include "core/base/sink_fd.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

void sink_fd_init(struct sink_fd *sink, int fd)
{
	*sink = (struct sink_fd){.fd = fd};
}

static ssize_t fd_send(int fd, const void *data, size_t size_bytes)
{
	ssize_t done = send(fd, data, size_bytes, MSG_NOSIGNAL);

	if (done < 0 && errno == ENOTSOCK)
		done = write(fd, data, size_bytes);
	return done;
}

static int sink_fd_write(void *context, const void *data, size_t size_bytes, struct err *err)
{
	struct sink_fd *sink = context;
	const uint8_t *from = data;

	while (size_bytes) {
		ssize_t done = fd_send(sink->fd, from, size_bytes);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_system(err, "writing after %llu bytes",
					  (unsigned long long)sink->written_bytes);
		from += done;
		size_bytes -= (size_t)done;
		sink->written_bytes += (uint64_t)done;
	}
	return 0;
}

static int sink_fd_flush(void *context, struct err *err)
{
	struct sink_fd *sink = context;

	if (fdatasync(sink->fd) && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
		return err_system(err, "flushing after %llu bytes",
				  (unsigned long long)sink->written_bytes);
	return 0;
}

static const struct byte_sink_ops sink_fd_ops = {
	.write = sink_fd_write,
	.flush = sink_fd_flush,
};

struct byte_sink sink_fd(struct sink_fd *sink)
{
	return (struct byte_sink){.ops = &sink_fd_ops, .context = sink};
}

void source_fd_init(struct source_fd *source, int fd)
{
	*source = (struct source_fd){.fd = fd};
}

static int source_fd_read(void *context, void *data, size_t size_bytes, size_t *got,
			  struct err *err)
{
	struct source_fd *source = context;
	ssize_t done;

	do {
		done = read(source->fd, data, size_bytes);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		return err_system(err, "reading after %llu bytes",
				  (unsigned long long)source->read_bytes);
	*got = (size_t)done;
	source->read_bytes += (uint64_t)done;
	return 0;
}

static const struct byte_source_ops source_fd_ops = {
	.read = source_fd_read,
};

struct byte_source source_fd(struct source_fd *source)
{
	return (struct byte_source){.ops = &source_fd_ops, .context = source};
}
