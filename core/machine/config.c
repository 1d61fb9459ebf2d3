/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/config.h"

unsigned machine_virtio_slots(const struct machine_config *config)
{
	return config->n_disks + config->n_nics + config->console + config->rng + config->balloon;
}

unsigned machine_virtio_irq(unsigned slot)
{
	static const uint8_t pins[VIRTIO_SLOTS_MAX] = {16, 17, 18, 19, 20, 21, 22, 23, 5, 6,
						       7,  10, 11, 12, 13, 14, 15, 3,  1};

	return pins[slot % VIRTIO_SLOTS_MAX];
}
