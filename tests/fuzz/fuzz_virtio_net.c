/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile driver for virtio-net. */
#include "core/device/virtio/virtio_net.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/virtio_hostile.h"

static struct device *make(const struct device_env *env, const struct virtio_slot *slot,
			   uint8_t choice)
{
	const struct virtio_net_options options = {
		.slot = *slot,
		.mac = {2, 0, 0, 0, 0, 1},
		.checksum_offload = choice & 1,
		.segmentation_offload = choice & 2,
	};

	return virtio_net_create(env, &options, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return virtio_hostile_run(make, data, size);
}
