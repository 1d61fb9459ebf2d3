/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-rng (virtio 1.2 section 5.4).  One request at a time goes out as OUTPUT_ENTROPY, for the
 * number of bytes that the guest has room for, and INPUT_ENTROPY answers it.  A request that the
 * driver's reset overtook is still answered: the answer serves the next request, if there is one.
 */
#ifndef CORE_DEVICE_VIRTIO_VIRTIO_RNG_H
#define CORE_DEVICE_VIRTIO_VIRTIO_RNG_H

#include "core/device/virtio/virtio_mmio.h"

#define VIRTIO_RNG_REQUEST_MAX_BYTES 4096u

/* Makes the device; it is freed by its destroy op.  NULL with err set: bus_claim()'s error, or
 * ERR_NO_MEMORY. */
struct device *virtio_rng_create(const struct device_env *env, const struct virtio_slot *slot,
				 struct err *err);

#endif
