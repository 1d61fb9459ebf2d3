/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the sender of a frame left to its receiver: a checksum to fill in, a large TCP segment to
 * cut up (virtio 1.2 section 5.1.6).  On its way out of the machine it travels in struct output; on
 * its way in, packed into `value` and `extra` of an INPUT_PACKET, where all zeros mean a plain
 * frame.
 */
#ifndef CORE_PACKET_OFFLOAD_H
#define CORE_PACKET_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/inputs.h"
#include "core/outputs.h"

#define PACKET_FRAME_MAX_BYTES	 65600u /* an Ethernet header with tags and a largest IP packet */
#define PACKET_FRAME_USUAL_BYTES 1518u	/* what fits a wire with an MTU of 1500, tag included */
#define PACKET_SEGMENT_MIN_BYTES 48u	/* smaller ones only serve to swamp us */

#define PACKET_GSO_NONE	 0
#define PACKET_GSO_TCPV4 1
#define PACKET_GSO_TCPV6 4
#define PACKET_GSO_ECN	 0x80 /* added to the above */

struct packet_offload {
	bool needs_checksum;	  /* the 16-bit sum from checksum_start on is still to be made */
	bool checksum_good;	  /* somebody has verified the checksums already */
	uint8_t gso_type;	  /* VIRTIO_NET_HDR_GSO_*; 0: one frame as it is on the wire */
	uint16_t gso_size;	  /* payload bytes of each segment */
	uint16_t header_bytes;	  /* before the payload */
	uint16_t checksum_start;  /* bytes from the start of the frame */
	uint16_t checksum_offset; /* bytes from there to the checksum itself */
};

static inline void packet_offload_put(struct input *in, const struct packet_offload *o)
{
	in->value = (uint64_t)o->needs_checksum | (uint64_t)o->checksum_good << 1 |
		    (uint64_t)o->gso_type << 8 | (uint64_t)o->gso_size << 16 |
		    (uint64_t)o->header_bytes << 32;
	in->extra = (uint64_t)o->checksum_start | (uint64_t)o->checksum_offset << 16;
}

static inline struct packet_offload packet_offload_get(const struct input *in)
{
	return (struct packet_offload){
		.needs_checksum = in->value & 1,
		.checksum_good = in->value >> 1 & 1,
		.gso_type = (uint8_t)(in->value >> 8),
		.gso_size = (uint16_t)(in->value >> 16),
		.header_bytes = (uint16_t)(in->value >> 32),
		.checksum_start = (uint16_t)in->extra,
		.checksum_offset = (uint16_t)(in->extra >> 16),
	};
}

static inline struct packet_offload packet_offload_of(const struct output *o)
{
	return (struct packet_offload){
		.needs_checksum = o->needs_checksum,
		.gso_type = o->gso_type,
		.gso_size = o->gso_size,
		.header_bytes = o->header_bytes,
		.checksum_start = o->checksum_start,
		.checksum_offset = o->checksum_offset,
	};
}

/* A frame with nothing left to do; good during the call. */
typedef void packet_sink(void *ctx, const uint8_t *frame, uint32_t size_bytes);

/* Does in software what was left to do in a frame, and hands what it stands for to sink, frame by
 * frame, each complete.  False when the frame contradicts itself or what is asked for is not known
 * here; nothing was handed out then. */
bool packet_finish(const uint8_t *frame, uint32_t size_bytes, const struct packet_offload *o,
		   packet_sink *sink, void *ctx);

/*
 * The same for a frame that a host interface has delivered, of which nobody says what was left
 * undone: the host merges TCP segments on the way in, and leaves checksums of its own packets
 * unfinished (they then hold the sum of the pseudo header alone).  Frames that need nothing are
 * handed on as they are.
 */
void packet_finish_captured(const uint8_t *frame, uint32_t size_bytes, packet_sink *sink,
			    void *ctx);

#endif
