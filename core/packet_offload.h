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

#endif
