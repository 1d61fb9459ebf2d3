/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-net (virtio 1.2 section 5.1): one pair of queues and a control queue.
 *
 * A frame that the guest sends leaves as OUTPUT_PACKET and its buffer returns at once.  While
 * INPUT_FLOW says stop, frames stay in the ring.  A frame that arrives when the guest has no
 * buffers for it is dropped and counted, as a NIC does; there is no filter, every frame is handed
 * to the guest.
 */
#ifndef CORE_DEVICE_VIRTIO_VIRTIO_NET_H
#define CORE_DEVICE_VIRTIO_VIRTIO_NET_H

#include "core/device/virtio/virtio_mmio.h"

/* An Ethernet header, a VLAN tag and the largest IP packet. */
#define VIRTIO_NET_FRAME_MAX_BYTES (65536u + 18)

struct virtio_net_options {
	struct virtio_slot slot;
	uint8_t mac[6];
	/* What the backend can take from the guest, and hands to it. */
	bool checksum_offload, segmentation_offload;
};

struct virtio_net_counters {
	uint64_t sent, received;
	uint64_t send_dropped;	  /* malformed for the features that were negotiated */
	uint64_t receive_dropped; /* no buffers, too large, link down, or no driver */
};

/* Makes the device, its link up; it is freed by its destroy op.  NULL with err set: bus_claim()'s
 * error, or ERR_NO_MEMORY. */
struct device *virtio_net_create(const struct device_env *env,
				 const struct virtio_net_options *options, struct err *err);

/* d was made by virtio_net_create(). */
struct virtio_net_counters virtio_net_counters(const struct device *d);

#endif
