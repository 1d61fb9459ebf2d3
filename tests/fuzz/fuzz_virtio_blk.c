/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile driver for virtio-blk. */
#include "core/device/virtio/virtio_blk.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/virtio_hostile.h"

static struct device *make(const struct device_env *env, const struct virtio_slot *slot,
			   uint8_t choice)
{
	const struct virtio_blk_options options = {
		.slot = *slot,
		.capacity_sectors = 64,
		.block_bytes = choice & 1 ? 4096 : 512,
		.queues = choice & 2 ? 3 : 1,
		.read_only = choice & 4,
		.discard = choice & 8,
		.write_zeroes = choice & 8,
		.serial = "fuzz",
	};

	return virtio_blk_create(env, &options, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return virtio_hostile_run(make, data, size);
}
