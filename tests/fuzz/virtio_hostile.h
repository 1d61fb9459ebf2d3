/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile driver for any virtio device: registers, rings and buffers come from the fuzzer's bytes,
 * and so do the inputs from outside.
 *
 * Two boards go through the same.  On one of them the device is now and then saved, and loaded
 * again.  What must hold: both end with the same state, memory and outputs; the status register
 * is one that the specification knows; the interrupt line says what the interrupt register says; a
 * device that needs a reset touches no guest memory; no host memory but guest RAM is touched
 * (AddressSanitizer).
 */
#ifndef TESTS_FUZZ_VIRTIO_HOSTILE_H
#define TESTS_FUZZ_VIRTIO_HOSTILE_H

#include "core/device/device.h"
#include "core/device/virtio/virtio_mmio.h"

/* Makes the device; choice picks among its options. */
typedef struct device *hostile_make(const struct device_env *env, const struct virtio_slot *slot,
				    uint8_t choice);

/* Runs one input. */
int virtio_hostile_run(hostile_make *make, const uint8_t *data, size_t size);

#endif
