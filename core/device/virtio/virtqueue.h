/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Split virtqueues (virtio 1.2 section 2.7), the device's side.
 *
 * A ring is three tables in guest memory, and everything in them is the driver's word, which may
 * be wrong or malicious: heads and next fields out of range, chains that loop, addresses outside of
 * RAM, an avail index that jumps.  So a chain is walked whole and checked whole before the device
 * sees it, as a list of guest-physical segments that all lie in RAM, readable ones first.  Anything
 * wrong is one error, and the device stops with DEVICE_NEEDS_RESET (virtio_mmio.h).
 *
 * Nothing of a chain is kept between calls but its head.  A device whose request completes later
 * walks the chain again by then, and must compare what it finds with what it remembers, since the
 * driver may have rewritten the descriptors.
 *
 * All writes pass through memory_write(), so that pages are marked dirty and decoded code is
 * forgotten.
 */
#ifndef CORE_DEVICE_VIRTIO_VIRTQUEUE_H
#define CORE_DEVICE_VIRTIO_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/memory.h"
#include "core/state.h"

#define VIRTQ_SIZE_MAX	      1024 /* descriptors in a ring */
#define VIRTQ_SEGMENTS_MAX    1024 /* in a chain, indirect or not */
#define VIRTQ_CHAIN_BYTES_MAX (1ull << 32)

struct virtqueue {
	uint16_t size_max; /* what the device offers; not state */
	/* As set by the driver. */
	uint16_t size;
	bool ready;
	bool indirect, event_idx; /* negotiated features */
	uint64_t desc, avail, used;
	/* Free-running, as the ring's own indices. */
	uint16_t next_avail; /* the next avail entry to take */
	uint16_t next_used;  /* the used index as published */
	uint16_t judged;     /* next_used when last judged whether to interrupt */
};

extern const struct state_table virtqueue_table;

struct virtq_segment {
	uint64_t gpa;
	uint32_t size_bytes; /* not 0, and all of it RAM */
};

/* For the device's eyes; large, and made anew by every walk. */
struct virtq_chain {
	uint16_t head;
	unsigned readable, writable; /* segments; the readable ones come first */
	uint64_t readable_bytes, writable_bytes;
	struct virtq_segment segment[VIRTQ_SEGMENTS_MAX];
};

enum virtq_result { VIRTQ_EMPTY, VIRTQ_CHAIN, VIRTQ_BROKEN };

/* Forgets everything but size_max. */
void virtq_reset(struct virtqueue *q);

/* Makes the queue ready.  Returns 0, or ERR_INVALID when the size is no power of two up to
 * size_max or a table is misaligned (section 2.7) or not in RAM; the queue is then unchanged. */
int virtq_enable(struct virtqueue *q, const struct memory *memory, struct err *err);

/* Takes the next chain that the driver made available.  VIRTQ_EMPTY: there is none, and the driver
 * has been asked to notify the device of the next one.  VIRTQ_BROKEN: err says what is wrong, and
 * the queue must not be used any more. */
enum virtq_result virtq_pop(struct virtqueue *q, struct memory *memory, struct virtq_chain *chain,
			    struct err *err);

/* Hands back the last `chains` chains taken: they will be taken again. */
void virtq_unpop(struct virtqueue *q, unsigned chains);

/* Walks the chain at head.  Returns 0, or ERR_CORRUPT with a sentence. */
int virtq_walk(const struct virtqueue *q, const struct memory *memory, uint16_t head,
	       struct virtq_chain *chain, struct err *err);

/* Writes the used entry `ahead` places after the published ones; the driver does not see it before
 * virtq_publish().  written_bytes: how much the device wrote to the chain. */
int virtq_fill(struct virtqueue *q, struct memory *memory, unsigned ahead, uint16_t head,
	       uint32_t written_bytes, struct err *err);

/* Shows the driver `entries` used entries that have been filled in. */
int virtq_publish(struct virtqueue *q, struct memory *memory, unsigned entries, struct err *err);

/* Whether the driver wants an interrupt for what was published since the last call. */
bool virtq_interrupt_due(struct virtqueue *q, const struct memory *memory);

/* Copies from the readable part of a chain, from offset on.  False: the part is shorter than that,
 * and nothing was copied. */
bool virtq_copy_out(const struct virtq_chain *chain, const struct memory *memory, uint64_t offset,
		    void *data, uint64_t size_bytes);

/* Copies to the writable part of a chain, from offset on; as above. */
bool virtq_copy_in(const struct virtq_chain *chain, struct memory *memory, uint64_t offset,
		   const void *data, uint64_t size_bytes);

#endif
