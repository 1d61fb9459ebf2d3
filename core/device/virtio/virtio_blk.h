/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-blk (virtio 1.2 section 5.2): reads, writes, flushes, discards, write-zeroes and the
 * serial number, over one or several queues.
 *
 * A request that needs the disk leaves as OUTPUT_DISK under a number of its own and stays in
 * flight until INPUT_DISK with that number comes; only then does the guest see data or a status.
 * What is in flight is state, as head and place; after a load, resume() issues all of it again, in
 * the order in which it was issued first.
 *
 * When the driver resets the device with requests in flight, their completions are awaited before
 * anything new is issued: otherwise an old write could still land after a new one.
 */
#ifndef CORE_DEVICE_VIRTIO_VIRTIO_BLK_H
#define CORE_DEVICE_VIRTIO_VIRTIO_BLK_H

#include "core/device/virtio/virtio_mmio.h"

#define VIRTIO_BLK_INFLIGHT_MAX	     128 /* further requests wait in their rings */
#define VIRTIO_BLK_REQUEST_MAX_BYTES INPUT_DATA_MAX_BYTES
#define VIRTIO_BLK_SEGMENTS	     128u
#define VIRTIO_BLK_RANGE_MAX_SECTORS (1u << 22) /* of a discard or write-zeroes: 2 GiB */

struct virtio_blk_options {
	struct virtio_slot slot;
	uint64_t capacity_sectors; /* of DISK_SECTOR_BYTES */
	uint32_t block_bytes;	   /* logical block: a power of two from 512 to 4096; 0: 512 */
	unsigned queues;	   /* 1 to VIRTIO_QUEUES_MAX; 0: 1 */
	bool read_only;
	bool discard, write_zeroes; /* whether the backend can; not with read_only */
	char serial[20];	    /* padded with zeros, not terminated when full */
};

/* Makes the device; it is freed by its destroy op.  NULL with err set: ERR_INVALID for options that
 * make no sense, or bus_claim()'s error. */
struct device *virtio_blk_create(const struct device_env *env,
				 const struct virtio_blk_options *options, struct err *err);

#endif
