/*
 * Where bytes go and where they come from, as two small tables of functions. Encoders write to a
 * sink and decoders read from a source without knowing whether a file, a socket or memory is behind
 * it.
 */
#ifndef CORE_BASE_SINK_H
#define CORE_BASE_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct byte_sink_ops {
	/*
	 * Takes all of the bytes or fails; what part of them went out before a failure is unknown,
	 * so a sink that failed is only good for closing. May block. Runs on the caller's thread.
	 */
	int (*write)(void *context, const void *data, size_t size_bytes, struct err *err);
	/* Pushes on what was buffered: for a file, to stable storage. May block. */
	int (*flush)(void *context, struct err *err);
};

struct byte_sink {
	const struct byte_sink_ops *ops; /* every slot is filled */
	void *context;			 /* owned by whoever made the sink */
};

struct byte_source_ops {
	/*
	 * Reads between one byte and size_bytes, and tells how many in *got; *got is 0 at the end
	 * of the data, and then on every further call. May block. size_bytes is not 0.
	 */
	int (*read)(void *context, void *data, size_t size_bytes, size_t *got, struct err *err);
};

struct byte_source {
	const struct byte_source_ops *ops;
	void *context;
};

/* Both return 0 or an error. */
static inline int sink_write(struct byte_sink sink, const void *data, size_t size_bytes,
			     struct err *err)
{
	return size_bytes ? sink.ops->write(sink.context, data, size_bytes, err) : 0;
}

static inline int sink_flush(struct byte_sink sink, struct err *err)
{
	return sink.ops->flush(sink.context, err);
}

/* Reads until size_bytes are there or the data ends; *got tells which. Returns 0 or an error. */
static inline int source_read(struct byte_source source, void *data, size_t size_bytes, size_t *got,
			      struct err *err)
{
	*got = 0;
	while (*got < size_bytes) {
		size_t part = 0;
		int failed = source.ops->read(source.context, (uint8_t *)data + *got,
					      size_bytes - *got, &part, err);

		if (failed)
			return failed;
		if (!part)
			break;
		*got += part;
	}
	return 0;
}

#endif
