/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtio-mmio transport, version 2 (virtio 1.2 section 4.2), which every virtio device of the
 * machine starts with: registers, feature negotiation, the status machine, the queues and the
 * interrupt line.  A device type adds an ops table, a configuration struct and what its queues
 * carry.
 *
 * The driver drives the device through the status register:
 *
 *	0 -> ACKNOWLEDGE -> DRIVER -> (features) -> FEATURES_OK -> (queues) -> DRIVER_OK
 *
 * FEATURES_OK sticks only when the driver chose VERSION_1 and nothing that was not offered; queues
 * become ready only after it, and are used only after DRIVER_OK.  Writing 0 resets.  Once the
 * driver has broken a rule of the rings, the device sets DEVICE_NEEDS_RESET, interrupts for a
 * change of configuration, and touches guest memory no more until it is reset.
 */
#ifndef CORE_DEVICE_VIRTIO_VIRTIO_MMIO_H
#define CORE_DEVICE_VIRTIO_VIRTIO_MMIO_H

#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "core/device/device.h"
#include "core/device/virtio/virtqueue.h"

#define VIRTIO_MMIO_BYTES	 0x200ull /* of address space, for each device */
#define VIRTIO_MMIO_CONFIG_BYTES 0x100u	  /* of them are the device's configuration */
#define VIRTIO_QUEUES_MAX	 8
#define VIRTIO_NAME_BYTES	 16

#define VIRTIO_BIT(feature) (1ull << (feature))

/* Where in the machine a virtio device sits. */
struct virtio_slot {
	const char *name; /* "blk0", shorter than VIRTIO_NAME_BYTES; copied */
	uint16_t number;  /* INPUT and OUTPUT device number */
	uint64_t gpa;	  /* of its VIRTIO_MMIO_BYTES */
	unsigned line;	  /* interrupt line, level, active high */
};

struct virtio;

/* What a device type does.  No slot is NULL; queue < n_queues.  notify, start and config_write are
 * called only while the device is live (virtio_live()), except config_write: any time. */
struct virtio_ops {
	uint32_t device_id; /* VIRTIO_ID_* */
	/* The driver says that it has put something into a queue. */
	void (*notify)(struct virtio *v, unsigned queue);
	/* The driver has set DRIVER_OK. */
	void (*start)(struct virtio *v);
	/* A write to the configuration, wholly inside it. */
	void (*config_write)(struct virtio *v, unsigned offset, unsigned size_bytes,
			     uint64_t value);
	/* The driver has reset the device; the queues are gone. */
	void (*reset)(struct virtio *v);
	/* An input for this device; live or not. */
	void (*input)(struct virtio *v, const struct input *in);
	/* All devices of the machine have been loaded. */
	void (*resume)(struct virtio *v);
	/* Frees what the type allocated, the struct included. */
	void (*destroy)(struct virtio *v);
};

/* The part that all virtio devices have, first in each one's struct. */
struct virtio {
	struct device device;
	const struct virtio_ops *ops;
	struct memory *memory;
	struct irq_line irq;
	void (*emit)(void *ctx, const struct output *output);
	void *emit_ctx;
	uint64_t offered; /* features */
	void *config;	  /* the type's configuration, as the driver reads it */
	unsigned config_bytes;
	unsigned n_queues;
	char name[VIRTIO_NAME_BYTES];
	struct err broken; /* why NEEDS_RESET was set, for people; not state */
	/* State. */
	uint32_t status; /* VIRTIO_CONFIG_S_* */
	uint32_t offered_sel, accepted_sel, queue_sel;
	uint32_t interrupt; /* VIRTIO_MMIO_INT_* */
	uint32_t generation;
	uint64_t accepted; /* features */
	struct virtqueue queue[VIRTIO_QUEUES_MAX];
};

extern const struct state_table virtio_table;

/* What a device type hands to virtio_init(). */
struct virtio_type {
	const struct virtio_ops *ops;
	const struct state_table *state; /* of the struct that starts with struct virtio */
	uint64_t features; /* the type's own; VERSION_1, INDIRECT and EVENT_IDX are added */
	void *config;	   /* inside the device's struct */
	unsigned config_bytes;
	unsigned n_queues;
	uint16_t queue_size; /* the most that the driver may choose */
};

/* Fills in v, which is zeroed, and claims its registers.  Returns 0, or bus_claim()'s error, or
 * ERR_INVALID for a name that is too long. */
int virtio_init(struct virtio *v, const struct device_env *env, const struct virtio_slot *slot,
		const struct virtio_type *type, struct err *err);

/* Whether the queues may be used: DRIVER_OK, and nothing is broken. */
bool virtio_live(const struct virtio *v);

bool virtio_has(const struct virtio *v, unsigned feature);

/* The driver has broken a rule, which err tells: NEEDS_RESET. */
void virtio_break(struct virtio *v, const struct err *err);

/* Takes the queue's next chain.  False: there is none, or the queue is not ready, or the device is
 * not live, or has just broken. */
bool virtio_pop(struct virtio *v, unsigned queue, struct virtq_chain *chain);

/* Returns a chain to the driver; no interrupt yet. */
void virtio_push(struct virtio *v, unsigned queue, uint16_t head, uint32_t written_bytes);

/* Interrupts if the driver wants to know what was pushed to the queue. */
void virtio_interrupt(struct virtio *v, unsigned queue);

/* The configuration has changed. */
void virtio_config_changed(struct virtio *v);

/* Emits through the gate, with this device's number. */
void virtio_emit(struct virtio *v, struct output *output);

/* For ops slots with nothing to do. */
void virtio_nothing(struct virtio *v);
void virtio_no_config_write(struct virtio *v, unsigned offset, unsigned size_bytes, uint64_t value);

#endif
