/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-console (virtio 1.2 section 5.3): one port, and the emergency write register.
 *
 * What was typed and finds no buffer waits in a backlog of bounded size; beyond it, it is dropped,
 * newest first, as a terminal line does.
 */
#ifndef CORE_DEVICE_VIRTIO_VIRTIO_CONSOLE_H
#define CORE_DEVICE_VIRTIO_VIRTIO_CONSOLE_H

#include "core/device/virtio/virtio_mmio.h"

#define VIRTIO_CONSOLE_BACKLOG_BYTES 4096u
#define VIRTIO_CONSOLE_WRITE_BYTES   4096u /* the longest piece of text in one OUTPUT_CONSOLE */
#define VIRTIO_CONSOLE_BUFFER_MAX_BYTES \
	(1u << 20) /* that the guest prints at once; more breaks it */

struct virtio_console_options {
	struct virtio_slot slot;
	uint16_t columns, rows; /* 0: not told to the guest */
};

/* Makes the device; it is freed by its destroy op.  NULL with err set: bus_claim()'s error, or
 * ERR_NO_MEMORY. */
struct device *virtio_console_create(const struct device_env *env,
				     const struct virtio_console_options *options, struct err *err);

#endif
