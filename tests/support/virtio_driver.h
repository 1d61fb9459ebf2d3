/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board with memory, a bus and recorded outputs, and a model of a guest's virtio driver on it,
 * which drives a device over its registers as Linux does.
 */
#ifndef TESTS_SUPPORT_VIRTIO_DRIVER_H
#define TESTS_SUPPORT_VIRTIO_DRIVER_H

#include "core/base/sink_mem.h"
#include "core/device/device.h"
#include "core/device/virtio/virtio_mmio.h"

#define BOARD_OUTPUTS_MAX   4096
#define BOARD_VIRTIO_GPA    0xfeb00000ull
#define BOARD_NUMBER	    7
#define DRIVER_INDIRECT_MAX 64 /* descriptors in an indirect table */

struct board_output {
	struct output output; /* data: a copy, owned here */
};

struct board {
	struct memory *memory;
	struct bus ports, mmio;
	struct timer_queue timers;
	struct device_env env;
	struct board_output output[BOARD_OUTPUTS_MAX];
	unsigned n_outputs;
	bool line;	   /* the interrupt line's level */
	unsigned raised;   /* how often it rose */
	uint64_t free_gpa; /* where board_alloc() goes on */
	struct virtio_slot slot;
};

struct board *board_create(uint64_t memory_bytes);
void board_destroy(struct board *b);

/* Guest memory that nobody else uses, zeroed. */
uint64_t board_alloc(struct board *b, uint64_t bytes, uint64_t align);
void board_put(struct board *b, uint64_t gpa, const void *data, uint64_t bytes);
void board_get(struct board *b, uint64_t gpa, void *data, uint64_t bytes);

/* Forgets the outputs so far. */
void board_outputs_clear(struct board *b);

/* A value over all outputs so far, and one over all of guest memory. */
uint64_t board_outputs_sum(const struct board *b);
uint64_t board_memory_sum(const struct board *b);

struct driver_queue {
	uint16_t size;
	uint64_t desc, avail, used, tables; /* tables: an indirect one for each head */
	uint16_t next_desc, avail_index, used_index;
};

struct driver {
	struct board *board;
	uint64_t gpa;
	uint64_t features; /* negotiated */
	unsigned n_queues;
	struct driver_queue queue[VIRTIO_QUEUES_MAX];
	bool indirect; /* add chains as indirect tables */
};

struct driver_buffer {
	uint64_t gpa;
	uint32_t bytes;
	bool writable;
};

uint32_t driver_read(const struct driver *d, unsigned offset);
void driver_write(const struct driver *d, unsigned offset, uint32_t value);
uint64_t driver_config(const struct driver *d, unsigned offset, unsigned size_bytes);

/* What the device offers. */
uint64_t driver_offered(const struct driver *d);

/* Probes the device as Linux does, accepting what is both offered and wanted, and sets up its first
 * n_queues queues of queue_size (0: the most).  Returns the status register at the end. */
uint32_t driver_probe(struct driver *d, struct board *b, uint64_t wanted, unsigned n_queues,
		      uint16_t queue_size);

/* Makes a chain available and returns its head; the device is not notified. */
uint16_t driver_add(struct driver *d, unsigned queue, const struct driver_buffer *buffer,
		    unsigned count);
void driver_kick(struct driver *d, unsigned queue);

/* The next chain that the device has used. */
bool driver_used(struct driver *d, unsigned queue, uint16_t *head, uint32_t *bytes);

/* Reads and acknowledges the interrupt status. */
uint32_t driver_interrupt(struct driver *d);

/* Saved state of a device, in mem (initialised, emptied first). */
void device_image(const struct device *d, struct sink_mem *mem);

/* Loads a device from an image and resumes it; fails the test when that fails. */
void device_revive(struct device *d, const struct sink_mem *image);

#endif
