/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-balloon (virtio 1.2 section 5.5), with free-page reporting.
 *
 * ACTION_BALLOON sets how many pages the guest should give up.  Pages that it gives up, and free
 * pages that it reports, are zero from then on, and the host's memory behind them is released: on
 * every engine and on every host the guest finds zeros when it uses them again.
 */
#ifndef CORE_DEVICE_VIRTIO_VIRTIO_BALLOON_H
#define CORE_DEVICE_VIRTIO_VIRTIO_BALLOON_H

#include "core/device/virtio/virtio_mmio.h"

#define VIRTIO_BALLOON_LIST_MAX_BYTES (64u << 10) /* of page numbers, in one buffer chain */

/* Makes the device; it is freed by its destroy op.  NULL with err set: bus_claim()'s error, or
 * ERR_NO_MEMORY. */
struct device *virtio_balloon_create(const struct device_env *env, const struct virtio_slot *slot,
				     struct err *err);

/* Pages that the guest says it has given up.  d was made by virtio_balloon_create(). */
uint32_t virtio_balloon_pages(const struct device *d);

#endif
