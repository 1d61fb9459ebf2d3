/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What network hardware does for a guest that left work to its NIC, done in software for backends
 * that cannot: checksums completed, large TCP segments cut (virtio 1.2 section 5.1.6.2).
 */
#ifndef CORE_HOST_HOST_NET_OFFLOAD_H
#define CORE_HOST_HOST_NET_OFFLOAD_H

#include "core/outputs.h"

#include <stdbool.h>
#include <stdint.h>

#define NET_FRAME_MAX_BYTES   65600u /* an Ethernet header with tags and a largest IP packet */
#define NET_FRAME_USUAL_BYTES 1518u  /* what fits a wire with an MTU of 1500, tag included */
#define NET_SEGMENT_MIN_BYTES 48u    /* smaller ones only serve to swamp us */

#define NET_GSO_NONE  0
#define NET_GSO_TCPV4 1
#define NET_GSO_TCPV6 4
#define NET_GSO_ECN   0x80 /* added to the above */

/* A whole frame; good during the call. */
typedef void net_frame_sink(void *ctx, const uint8_t *frame, uint32_t size_bytes);

/* Hands what an OUTPUT_PACKET means to sink, frame by frame, each complete.  False when the packet
 * contradicts itself or asks for what was not offered; nothing was handed out then. */
bool net_offload_send(const struct output *packet, net_frame_sink *sink, void *ctx);

/*
 * The same for a frame that a host interface has delivered: the host merges TCP segments on the
 * way in, and leaves checksums of its own packets unfinished (they then hold the sum of the pseudo
 * header alone).  Frames that need nothing are handed on as they are.
 */
void net_offload_receive(const uint8_t *frame, uint32_t size_bytes, net_frame_sink *sink,
			 void *ctx);

#endif
