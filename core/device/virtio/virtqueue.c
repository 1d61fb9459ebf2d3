/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtqueue.h"

#include <inttypes.h>
#include <linux/virtio_ring.h>
#include <stddef.h>
#include <string.h>

static const struct state_field virtqueue_fields[] = {
	STATE_FIELD(struct virtqueue, size, 1),	     STATE_FIELD(struct virtqueue, ready, 1),
	STATE_FIELD(struct virtqueue, indirect, 1),  STATE_FIELD(struct virtqueue, event_idx, 1),
	STATE_FIELD(struct virtqueue, desc, 1),	     STATE_FIELD(struct virtqueue, avail, 1),
	STATE_FIELD(struct virtqueue, used, 1),	     STATE_FIELD(struct virtqueue, next_avail, 1),
	STATE_FIELD(struct virtqueue, next_used, 1), STATE_FIELD(struct virtqueue, judged, 1),
};

static bool size_good(const struct virtqueue *q)
{
	return q->size && q->size <= q->size_max && !(q->size & (q->size - 1));
}

/* Addresses need no look: each access is checked anyway. */
static int virtqueue_check(const void *object, struct err *err)
{
	const struct virtqueue *q = object;

	if (q->ready && !size_good(q))
		return err_set(err, ERR_CORRUPT, "a ready queue of %u entries, at most %u", q->size,
			       q->size_max);
	return 0;
}

const struct state_table virtqueue_table = {
	.name = "virtqueue",
	.version = 1,
	.size_bytes = sizeof(struct virtqueue),
	.fields = virtqueue_fields,
	.field_count = sizeof(virtqueue_fields) / sizeof(virtqueue_fields[0]),
	.check = virtqueue_check,
};

/* Places in the three tables. */

static uint64_t desc_bytes(const struct virtqueue *q)
{
	return sizeof(struct vring_desc) * q->size;
}

/* The driver's table ends in used_event, the device's in avail_event. */
static uint64_t avail_bytes(const struct virtqueue *q)
{
	return sizeof(struct vring_avail) + 2ull * q->size + 2;
}

static uint64_t used_bytes(const struct virtqueue *q)
{
	return sizeof(struct vring_used) + sizeof(struct vring_used_elem) * q->size + 2;
}

static uint64_t avail_entry(const struct virtqueue *q, uint16_t index)
{
	return q->avail + sizeof(struct vring_avail) + 2ull * (index & (q->size - 1));
}

static uint64_t used_entry(const struct virtqueue *q, uint16_t index)
{
	return q->used + sizeof(struct vring_used) +
	       sizeof(struct vring_used_elem) * (index & (q->size - 1));
}

static uint64_t used_event(const struct virtqueue *q)
{
	return q->avail + avail_bytes(q) - 2;
}

static uint64_t avail_event(const struct virtqueue *q)
{
	return q->used + used_bytes(q) - 2;
}

void virtq_reset(struct virtqueue *q)
{
	*q = (struct virtqueue){.size_max = q->size_max};
}

static int table_check(const struct memory *memory, const char *what, uint64_t gpa, uint64_t bytes,
		       uint64_t align, struct err *err)
{
	if (gpa % align)
		return err_set(err, ERR_INVALID, "%s at 0x%" PRIx64 ", not aligned to %" PRIu64,
			       what, gpa, align);
	if (!memory_host(memory, gpa, bytes))
		return err_set(err, ERR_INVALID,
			       "%s of %" PRIu64 " bytes at 0x%" PRIx64 " leaves RAM", what, bytes,
			       gpa);
	return 0;
}

int virtq_enable(struct virtqueue *q, const struct memory *memory, struct err *err)
{
	if (!size_good(q))
		return err_set(err, ERR_INVALID, "a queue of %u entries; say a power of two to %u",
			       q->size, q->size_max);
	if (table_check(memory, "a descriptor table", q->desc, desc_bytes(q), 16, err) ||
	    table_check(memory, "an available ring", q->avail, avail_bytes(q), 2, err) ||
	    table_check(memory, "a used ring", q->used, used_bytes(q), 4, err))
		return ERR_INVALID;
	q->ready = true;
	return 0;
}

/* One descriptor's bytes join the chain. */
static int segment_add(struct virtq_chain *chain, const struct memory *memory,
		       const struct vring_desc *desc, struct err *err)
{
	unsigned segments = chain->readable + chain->writable;
	bool writable = desc->flags & VRING_DESC_F_WRITE;

	if (!writable && chain->writable)
		return err_set(err, ERR_CORRUPT, "a readable descriptor after a writable one");
	if (!desc->len)
		return 0;
	if (!memory_host(memory, desc->addr, desc->len))
		return err_set(err, ERR_CORRUPT, "a buffer of %u bytes at 0x%" PRIx64 " leaves RAM",
			       desc->len, (uint64_t)desc->addr);
	if (segments == VIRTQ_SEGMENTS_MAX)
		return err_set(err, ERR_CORRUPT, "a chain of more than %u buffers", segments);
	if (chain->readable_bytes + chain->writable_bytes + desc->len > VIRTQ_CHAIN_BYTES_MAX)
		return err_set(err, ERR_CORRUPT, "a chain of more than 4 GiB");
	chain->segment[segments] = (struct virtq_segment){desc->addr, desc->len};
	if (writable) {
		chain->writable++;
		chain->writable_bytes += desc->len;
	} else {
		chain->readable++;
		chain->readable_bytes += desc->len;
	}
	return 0;
}

/* Where a walk stands: at descriptor `at` of a table, which it may visit `left` more times. */
struct walk {
	uint64_t table;
	unsigned count, left, at;
	bool indirect;
};

static int walk_enter(struct walk *w, const struct virtqueue *q, const struct vring_desc *desc,
		      struct err *err)
{
	unsigned count = desc->len / sizeof(*desc);

	if (!q->indirect)
		return err_set(err, ERR_CORRUPT, "an indirect descriptor that was not negotiated");
	if (w->indirect)
		return err_set(err, ERR_CORRUPT, "an indirect table inside of another");
	if (desc->flags & VRING_DESC_F_NEXT)
		return err_set(err, ERR_CORRUPT, "a descriptor after an indirect one");
	if (!count || desc->len % sizeof(*desc) || count > VIRTQ_SEGMENTS_MAX)
		return err_set(err, ERR_CORRUPT, "an indirect table of %u bytes", desc->len);
	*w = (struct walk){.table = desc->addr, .count = count, .left = count, .indirect = true};
	return 0;
}

static int walk_read(struct walk *w, const struct memory *memory, struct vring_desc *desc,
		     struct err *err)
{
	if (w->at >= w->count)
		return err_set(err, ERR_CORRUPT, "descriptor %u in a table of %u", w->at, w->count);
	if (!w->left)
		return err_set(err, ERR_CORRUPT, "a chain of descriptors that loops");
	w->left--;
	if (memory_read(memory, w->table + w->at * sizeof(*desc), desc, sizeof(*desc), err))
		return err_wrap(err, "a descriptor");
	return 0;
}

int virtq_walk(const struct virtqueue *q, const struct memory *memory, uint16_t head,
	       struct virtq_chain *chain, struct err *err)
{
	struct walk w = {.table = q->desc, .count = q->size, .left = q->size, .at = head};
	struct vring_desc desc;

	chain->head = head;
	chain->readable = chain->writable = 0;
	chain->readable_bytes = chain->writable_bytes = 0;
	for (;;) {
		if (walk_read(&w, memory, &desc, err))
			return ERR_CORRUPT;
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			if (walk_enter(&w, q, &desc, err))
				return ERR_CORRUPT;
			continue;
		}
		if (segment_add(chain, memory, &desc, err))
			return ERR_CORRUPT;
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return 0;
		w.at = desc.next;
	}
}

/* How many chains wait; -1 with err set when the index makes no sense. */
static int available(const struct virtqueue *q, const struct memory *memory, struct err *err)
{
	uint16_t index, count;

	if (memory_read(memory, q->avail + offsetof(struct vring_avail, idx), &index, 2, err))
		return -1;
	count = (uint16_t)(index - q->next_avail);
	if (count > q->size) {
		err_set(err, ERR_CORRUPT, "the available index jumps from %u to %u in a ring of %u",
			q->next_avail, index, q->size);
		return -1;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return count;
}

/* Asks to be notified of the next chain, and looks again: under kvm the driver runs meanwhile. */
static int rearm(struct virtqueue *q, struct memory *memory, struct err *err)
{
	if (!q->event_idx)
		return 0;
	if (memory_write(memory, avail_event(q), &q->next_avail, 2, err))
		return -1;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return available(q, memory, err);
}

enum virtq_result virtq_pop(struct virtqueue *q, struct memory *memory, struct virtq_chain *chain,
			    struct err *err)
{
	int waiting = available(q, memory, err);
	uint16_t head;

	if (!waiting)
		waiting = rearm(q, memory, err);
	if (waiting <= 0)
		return waiting ? VIRTQ_BROKEN : VIRTQ_EMPTY;
	if (memory_read(memory, avail_entry(q, q->next_avail), &head, 2, err) ||
	    virtq_walk(q, memory, head, chain, err))
		return VIRTQ_BROKEN;
	q->next_avail++;
	return VIRTQ_CHAIN;
}

void virtq_unpop(struct virtqueue *q, unsigned chains)
{
	q->next_avail = (uint16_t)(q->next_avail - chains);
}

int virtq_fill(struct virtqueue *q, struct memory *memory, unsigned ahead, uint16_t head,
	       uint32_t written_bytes, struct err *err)
{
	struct vring_used_elem elem = {.id = head, .len = written_bytes};

	return memory_write(memory, used_entry(q, (uint16_t)(q->next_used + ahead)), &elem,
			    sizeof(elem), err);
}

int virtq_publish(struct virtqueue *q, struct memory *memory, unsigned entries, struct err *err)
{
	uint16_t index = (uint16_t)(q->next_used + entries);

	__atomic_thread_fence(__ATOMIC_RELEASE);
	if (memory_write(memory, q->used + offsetof(struct vring_used, idx), &index, 2, err))
		return ERR_RANGE;
	q->next_used = index;
	return 0;
}

bool virtq_interrupt_due(struct virtqueue *q, const struct memory *memory)
{
	uint16_t before = q->judged, word;

	if (q->next_used == before)
		return false;
	q->judged = q->next_used;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (memory_read(memory, q->event_idx ? used_event(q) : q->avail, &word, 2, NULL))
		return true;
	if (!q->event_idx)
		return !(word & VRING_AVAIL_F_NO_INTERRUPT);
	return (uint16_t)(q->next_used - word - 1) < (uint16_t)(q->next_used - before);
}

/* Goes through bytes of a list of segments, piece by piece; they are known to be there. */
struct cursor {
	const struct virtq_segment *segment;
	uint64_t offset, left_bytes;
};

/* The next piece, of size_bytes 0 at the end. */
static struct virtq_segment cursor_next(struct cursor *c)
{
	struct virtq_segment piece = {0};

	if (!c->left_bytes)
		return piece;
	while (c->offset >= c->segment->size_bytes)
		c->offset -= c->segment++->size_bytes;
	piece.gpa = c->segment->gpa + c->offset;
	piece.size_bytes = c->segment->size_bytes - (uint32_t)c->offset;
	if (piece.size_bytes > c->left_bytes)
		piece.size_bytes = (uint32_t)c->left_bytes;
	c->offset += piece.size_bytes;
	c->left_bytes -= piece.size_bytes;
	return piece;
}

static bool fits(uint64_t whole, uint64_t offset, uint64_t size_bytes)
{
	return offset <= whole && size_bytes <= whole - offset;
}

bool virtq_copy_out(const struct virtq_chain *chain, const struct memory *memory, uint64_t offset,
		    void *data, uint64_t size_bytes)
{
	struct cursor cursor = {chain->segment, offset, size_bytes};
	struct virtq_segment piece;
	uint8_t *to = data;

	if (!fits(chain->readable_bytes, offset, size_bytes))
		return false;
	while ((piece = cursor_next(&cursor)).size_bytes) {
		memory_read(memory, piece.gpa, to, piece.size_bytes, NULL);
		to += piece.size_bytes;
	}
	return true;
}

bool virtq_copy_in(const struct virtq_chain *chain, struct memory *memory, uint64_t offset,
		   const void *data, uint64_t size_bytes)
{
	struct cursor cursor = {chain->segment + chain->readable, offset, size_bytes};
	struct virtq_segment piece;
	const uint8_t *from = data;

	if (!fits(chain->writable_bytes, offset, size_bytes))
		return false;
	while ((piece = cursor_next(&cursor)).size_bytes) {
		memory_write(memory, piece.gpa, from, piece.size_bytes, NULL);
		from += piece.size_bytes;
	}
	return true;
}
