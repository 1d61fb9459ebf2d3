/* SPDX-License-Identifier: Apache-2.0 */
/* Frames with work left undone, from a guest that means harm. */
#include "core/packet_offload.h"
#include "tests/fuzz/check.h"

#include <stdlib.h>
#include <string.h>

#define LARGE_BYTES	  4000u
#define HEADERS_MAX_BYTES (18 + 60 + 60)

/* What came out. */
struct tally {
	uint32_t frames, bytes;
};

static void count(void *ctx, const uint8_t *frame, uint32_t size_bytes)
{
	struct tally *t = ctx;
	volatile uint8_t last = size_bytes ? frame[size_bytes - 1] : 0;

	(void)last;
	check(size_bytes <= PACKET_FRAME_MAX_BYTES, "a frame is too large");
	t->frames++;
	t->bytes += size_bytes;
}

/* What is handed out is bounded by what came in. */
static void check_tally(const struct tally *t, uint32_t size)
{
	check(t->frames <= 1 + size / PACKET_SEGMENT_MIN_BYTES, "too many frames came out");
	check(t->bytes <= size + t->frames * HEADERS_MAX_BYTES, "too much came out");
}

/* The first 10 bytes choose what is asked for, and whether the frame grows beyond what is given;
 * the rest is the frame, in memory of exactly its size. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet_offload o;
	struct tally sent = {0}, captured = {0};
	uint32_t given, bytes;
	uint8_t *frame;

	if (size < 10)
		return 0;
	o = (struct packet_offload){
		.needs_checksum = data[0] & 1,
		.gso_type = data[0] & 2 ? data[1] : (data[0] & 4 ? PACKET_GSO_TCPV6 : data[1] & 1),
		.gso_size = (uint16_t)(data[2] | data[3] << 8),
		.checksum_start = (uint16_t)(data[4] | data[5] << 8),
		.checksum_offset = (uint16_t)(data[6] | data[7] << 8),
	};
	given = (uint32_t)(size - 10);
	bytes = data[0] & 8 && given < LARGE_BYTES ? LARGE_BYTES : given;
	frame = calloc(1, bytes ? bytes : 1);
	memcpy(frame, data + 10, given);
	if (packet_finish(frame, bytes, &o, count, &sent))
		check_tally(&sent, bytes);
	else
		check(!sent.frames, "a frame was handed out and then refused");
	packet_finish_captured(frame, bytes, count, &captured);
	check_tally(&captured, bytes);
	free(frame);
	return 0;
}
