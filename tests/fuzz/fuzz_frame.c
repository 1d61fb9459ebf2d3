/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framed streams from hostile bytes.  Bytes alone never get past the first check, so the input
 * mostly says what frames to write and where to damage them; what is read before the damage must be
 * what was written, and nothing may be read from there on.
 */
#include "core/base/frame.h"
#include "core/base/sink_mem.h"
#include "tests/fuzz/check.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_BYTES 4096
#define FRAMES_MAX   32

struct stream {
	uint64_t salt;
	uint8_t bytes[STREAM_BYTES];
	size_t size;
	unsigned frames;
	size_t end[FRAMES_MAX]; /* of each frame */
};

/* Gives few bytes at a time. */
struct dribble {
	const uint8_t *data;
	size_t size, at, step;
};

static int dribble_read(void *context, void *data, size_t size_bytes, size_t *got, struct err *err)
{
	struct dribble *d = context;

	(void)err;
	*got = size_bytes < d->step ? size_bytes : d->step;
	if (*got > d->size - d->at)
		*got = d->size - d->at;
	if (*got)
		memcpy(data, d->data + d->at, *got);
	d->at += *got;
	return 0;
}

static const struct byte_source_ops dribble_ops = {.read = dribble_read};

/* Writes frames as the input says: type, flags, length, payload. */
static void write_frames(struct stream *s, struct byte_reader *r)
{
	struct frame_chain chain = frame_chain_start(s->salt);

	while (reader_left(r) > 4 && s->frames < FRAMES_MAX) {
		uint16_t type = reader_u16(r), flags = reader_u8(r) & FRAME_FLAGS_KNOWN;
		size_t length = reader_u8(r);
		const void *payload;

		if (length > reader_left(r))
			length = reader_left(r);
		if (!type || s->size + FRAME_HEADER_BYTES + length > STREAM_BYTES)
			return;
		payload = reader_take(r, length);
		frame_seal(&chain, s->bytes + s->size, type, flags, payload, (uint32_t)length);
		s->size += FRAME_HEADER_BYTES;
		if (length)
			memcpy(s->bytes + s->size, payload, length);
		s->size += length;
		s->end[s->frames++] = s->size;
	}
}

/* Damages the stream; gives the offset from which on it is not what was written. */
static size_t damage(struct stream *s, unsigned how, size_t at, uint8_t bits)
{
	if (!s->size || how == 0)
		return s->size;
	at %= s->size;
	if (how == 1) {
		s->size = at;
		return at;
	}
	s->bytes[at] ^= bits;
	return bits ? at : s->size;
}

static unsigned read_all(const uint8_t *bytes, size_t size, uint64_t salt, size_t *prefix)
{
	struct frame_chain chain = frame_chain_start(salt), before;
	struct byte_reader r = reader_over(bytes, size), reader_before;
	enum frame_result result;
	struct err err = {0};
	struct frame frame;

	do {
		before = chain;
		reader_before = r;
		result = frame_read(&chain, &r, &frame, &err);
		if (result == FRAME_OK) {
			check(frame.payload + frame.length == bytes + chain.offset_bytes,
			      "a payload outside of its frame");
			check(r.at == chain.offset_bytes && chain.frames == before.frames + 1,
			      "reader and chain disagree");
			check(frame.type && !(frame.flags & ~FRAME_FLAGS_KNOWN),
			      "a frame that may not be");
		}
	} while (result == FRAME_OK);
	check(result != FRAME_FAILED, "memory has failed");
	check(!memcmp(&before, &chain, sizeof(chain)) && reader_before.at == r.at,
	      "the end moved the chain");
	check((result == FRAME_END) == (r.at == size), "an end that is none");
	*prefix = chain.offset_bytes;
	return (unsigned)chain.frames;
}

/* The same from a source. */
static unsigned receive_all(const uint8_t *bytes, size_t size, uint64_t salt, size_t step)
{
	struct dribble d = {.data = bytes, .size = size, .step = step};
	struct byte_source source = {.ops = &dribble_ops, .context = &d};
	struct frame_chain chain = frame_chain_start(salt);
	uint8_t *buffer = malloc(STREAM_BYTES);
	enum frame_result result;
	struct err err = {0};
	struct frame frame;

	check(buffer != NULL, "no memory");
	do
		result = frame_receive(&chain, source, buffer, STREAM_BYTES, &frame, &err);
	while (result == FRAME_OK);
	free(buffer);
	return (unsigned)chain.frames;
}

static void check_stream(const uint8_t *bytes, size_t size, uint64_t salt, size_t step,
			 size_t good_bytes, const struct stream *written)
{
	uint8_t *copy = malloc(size + !size);
	unsigned frames, whole = 0;
	size_t prefix;

	check(copy != NULL, "no memory");
	if (size)
		memcpy(copy, bytes, size);
	frames = read_all(copy, size, salt, &prefix);
	check(receive_all(copy, size, salt, step) == frames, "read and received differ");
	free(copy);
	if (!written)
		return;
	while (whole < written->frames && written->end[whole] <= good_bytes)
		whole++;
	check(frames == whole, "not the frames before the damage, or more");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct byte_reader r = reader_over(data, size);
	struct stream *s = calloc(1, sizeof(*s));
	uint8_t how = reader_u8(&r), bits = reader_u8(&r);
	size_t at = reader_u16(&r), step = 1u + reader_u8(&r), good_bytes;

	check(s != NULL, "no memory");
	s->salt = reader_u64(&r);
	if (how & 0x80) {
		check_stream(data, size, s->salt, step, 0, NULL);
	} else {
		write_frames(s, &r);
		good_bytes = damage(s, how % 3, at, bits);
		check_stream(s->bytes, s->size, s->salt, step, good_bytes, s);
	}
	free(s);
	return 0;
}
