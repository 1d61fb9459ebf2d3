/*
 * The one framing of records, on disk and on the wire.
 *
 *      0       2       4               8                              16                      24
 *     +-------+-------+---------------+-------------------------------+-----------------------+
 *     | type  | flags | length        | header check                  | payload check         |
 *     +-------+-------+---------------+-------------------------------+-----------------------+
 *     | payload, length bytes                                                                 |
 *     +---------------------------------------------------------------------------------------+
 *
 *   type           what the payload is, as the stream's own format says; never 0
 *   flags          bit 0: a reader that does not know the type may skip the frame; other bits are 0
 *   length         bytes of payload, at most FRAME_LENGTH_MAX_BYTES
 *   header check   XXH3-64 of the eight bytes before it, seeded with the chain
 *   payload check  XXH3-64 of the payload, seeded with the header check
 *
 * All numbers are little-endian. Frames follow each other without gaps.
 *
 * The chain. A stream begins with a salt, which its owner draws afresh for each stream and keeps
 * outside of the frames. The salt seeds the first header check; every frame's payload check seeds
 * the next header check. So a frame only counts where it was written: one that is left over from an
 * older stream, is repeated, swapped or dropped breaks the chain, though its own bytes are whole.
 *
 * How much of a stream is true. A reader takes frames until the first that it cannot vouch for, and
 * then stops for good; all before it is true, and what follows counts for nothing. It tells three
 * ends apart:
 *
 *   FRAME_END      the data ended between two frames
 *   FRAME_TORN     the data ended within a frame, or in zeros: the writer was cut off, which is
 *                  what a crash leaves behind. A header is vouched for before its length is
 *                  believed, so a damaged length is no tear.
 *   FRAME_CORRUPT  the bytes are there and are not what was written
 *
 * What is not found here: an attacker who rewrites frames and checks alike. Payloads are therefore
 * hostile even when their check is right, and decoders treat them so.
 */
#ifndef CORE_BASE_FRAME_H
#define CORE_BASE_FRAME_H

#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/sink.h"

#define FRAME_HEADER_BYTES     24
#define FRAME_LENGTH_MAX_BYTES (16u << 20)

#define FRAME_MAY_SKIP	  0x0001u
#define FRAME_FLAGS_KNOWN FRAME_MAY_SKIP

/* Where a writer or a reader stands: a plain value, copied to remember a place. */
struct frame_chain {
	uint64_t seed;	       /* seeds the next header check */
	uint64_t offset_bytes; /* bytes of whole frames so far */
	uint64_t frames;       /* whole frames so far */
};

/* Stands at the beginning of the stream that has this salt. */
struct frame_chain frame_chain_start(uint64_t salt);

struct frame {
	uint16_t type;
	uint16_t flags;
	uint32_t length;
	const uint8_t *payload; /* length bytes, where the reader keeps them */
};

/*
 * Makes the header of the chain's next frame and moves the chain on; for writers that hand header
 * and payload to the host in one go. type is not 0, flags are known, length is within the limit.
 */
void frame_seal(struct frame_chain *chain, uint8_t header[FRAME_HEADER_BYTES], uint16_t type,
		uint16_t flags, const void *payload, uint32_t length);

/*
 * Writes the chain's next frame. Returns 0, or an error: ERR_LIMIT for a payload that is too long,
 * or the sink's. After an error the chain stands where it stood. Blocks as the sink does.
 */
int frame_write(struct frame_chain *chain, struct byte_sink sink, uint16_t type, uint16_t flags,
		const void *payload, size_t length, struct err *err);

enum frame_result {
	FRAME_OK,
	FRAME_END,
	FRAME_TORN,
	FRAME_CORRUPT,
	FRAME_FAILED, /* the source failed, or the payload is longer than the buffer */
};

/*
 * Reads the chain's next frame in place. On FRAME_OK the payload points into the reader's memory,
 * and reader and chain moved on; on anything else both stand where they stood, so that
 * chain->offset_bytes is the length of the true prefix, and err says what is wrong at which offset.
 */
enum frame_result frame_read(struct frame_chain *chain, struct byte_reader *reader,
			     struct frame *frame, struct err *err);

/*
 * Receives the chain's next frame from a source; the payload goes to buffer (the caller's,
 * size_bytes). On FRAME_OK the payload points there; on anything else the source has been consumed
 * in part and is only good for closing. A frame longer than the buffer is FRAME_FAILED with
 * ERR_LIMIT. Blocks as the source does.
 */
enum frame_result frame_receive(struct frame_chain *chain, struct byte_source source, void *buffer,
				size_t size_bytes, struct frame *frame, struct err *err);

#endif
