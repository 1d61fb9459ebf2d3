/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile driver for virtio-rng. */
#include "core/device/virtio/virtio_rng.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/virtio_hostile.h"

static struct device *make(const struct device_env *env, const struct virtio_slot *slot,
			   uint8_t choice)
{
	(void)choice;
	return virtio_rng_create(env, slot, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return virtio_hostile_run(make, data, size);
}
