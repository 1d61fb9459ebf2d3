/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile driver for virtio-console. */
#include "core/device/virtio/virtio_console.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/virtio_hostile.h"

static struct device *make(const struct device_env *env, const struct virtio_slot *slot,
			   uint8_t choice)
{
	const struct virtio_console_options options = {
		.slot = *slot,
		.columns = choice & 1 ? 80 : 0,
		.rows = 25,
	};

	return virtio_console_create(env, &options, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return virtio_hostile_run(make, data, size);
}
