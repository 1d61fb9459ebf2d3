/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/virtio_driver.h"

#include <assert.h>
#include <linux/virtio_mmio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/checksum.h"

#define IMAGE_MAX_BYTES (1u << 20)
#define DESC_BYTES	sizeof(struct vring_desc)

static void output_keep(void *ctx, const struct output *output)
{
	struct board *b = ctx;
	struct output *kept = &b->output[b->n_outputs].output;

	assert(b->n_outputs < BOARD_OUTPUTS_MAX);
	b->n_outputs++;
	*kept = *output;
	if (!output->data)
		return;
	kept->data = malloc(output->size_bytes + 1);
	memcpy((void *)kept->data, output->data, output->size_bytes);
}

static void line_set(void *ctx, unsigned line, bool level)
{
	struct board *b = ctx;

	(void)line;
	b->raised += level && !b->line;
	b->line = level;
}

struct board *board_create(uint64_t memory_bytes)
{
	struct board *b = calloc(1, sizeof(*b));

	b->memory = memory_create(memory_bytes, NULL);
	b->env = (struct device_env){
		.memory = b->memory,
		.ports = &b->ports,
		.mmio = &b->mmio,
		.timers = &b->timers,
		.emit = output_keep,
		.emit_ctx = b,
		.irq = line_set,
		.irq_ctx = b,
	};
	b->free_gpa = 0x10000;
	b->slot = (struct virtio_slot){"dev0", BOARD_NUMBER, BOARD_VIRTIO_GPA, 16};
	return b;
}

void board_destroy(struct board *b)
{
	board_outputs_clear(b);
	memory_destroy(b->memory);
	free(b);
}

uint64_t board_alloc(struct board *b, uint64_t bytes, uint64_t align)
{
	uint64_t gpa = (b->free_gpa + align - 1) / align * align;

	assert(memory_host(b->memory, gpa, bytes));
	b->free_gpa = gpa + bytes;
	return gpa;
}

void board_put(struct board *b, uint64_t gpa, const void *data, uint64_t bytes)
{
	int failed = memory_write(b->memory, gpa, data, bytes, NULL);

	assert(!failed);
}

void board_get(struct board *b, uint64_t gpa, void *data, uint64_t bytes)
{
	int failed = memory_read(b->memory, gpa, data, bytes, NULL);

	assert(!failed);
}

void board_outputs_clear(struct board *b)
{
	for (unsigned i = 0; i < b->n_outputs; i++)
		free((void *)b->output[i].output.data);
	b->n_outputs = 0;
}

uint64_t board_outputs_sum(const struct board *b)
{
	struct checksum_stream sum;

	checksum_stream_start(&sum, 0);
	for (unsigned i = 0; i < b->n_outputs; i++) {
		const struct output *o = &b->output[i].output;
		const uint64_t fields[] = {
			o->kind,     o->device,	  o->value,	     o->extra,
			o->command,  o->sector,	  o->sectors,	     o->size_bytes,
			o->gso_type, o->gso_size, o->needs_checksum, o->checksum_start,
		};

		checksum_stream_add(&sum, fields, sizeof(fields));
		if (o->data)
			checksum_stream_add(&sum, o->data, o->size_bytes);
	}
	return checksum_stream_value64(&sum);
}

uint64_t board_memory_sum(const struct board *b)
{
	return checksum64(memory_page_host(b->memory, 0), b->memory->size_bytes, 0);
}

uint32_t driver_read(const struct driver *d, unsigned offset)
{
	return (uint32_t)bus_read(&d->board->mmio, d->gpa + offset, 4);
}

void driver_write(const struct driver *d, unsigned offset, uint32_t value)
{
	bus_write(&d->board->mmio, d->gpa + offset, 4, value);
}

uint64_t driver_config(const struct driver *d, unsigned offset, unsigned size_bytes)
{
	return bus_read(&d->board->mmio, d->gpa + VIRTIO_MMIO_CONFIG + offset, size_bytes);
}

uint64_t driver_offered(const struct driver *d)
{
	uint64_t features;

	driver_write(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
	features = (uint64_t)driver_read(d, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
	driver_write(d, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
	return features | driver_read(d, VIRTIO_MMIO_DEVICE_FEATURES);
}

static void features_accept(const struct driver *d)
{
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 1);
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(d->features >> 32));
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 0);
	driver_write(d, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)d->features);
}

static void address_write(const struct driver *d, unsigned low, uint64_t gpa)
{
	driver_write(d, low, (uint32_t)gpa);
	driver_write(d, low + 4, (uint32_t)(gpa >> 32));
}

static void queue_set_up(struct driver *d, unsigned queue, uint16_t size)
{
	struct driver_queue *q = &d->queue[queue];
	uint32_t most;

	driver_write(d, VIRTIO_MMIO_QUEUE_SEL, queue);
	assert(!driver_read(d, VIRTIO_MMIO_QUEUE_READY));
	most = driver_read(d, VIRTIO_MMIO_QUEUE_NUM_MAX);
	memset(q, 0, sizeof(*q));
	q->size = size ? size : (uint16_t)most;
	q->desc = board_alloc(d->board, q->size * DESC_BYTES, 16);
	q->avail = board_alloc(d->board, 6 + 2ull * q->size, 2);
	q->used = board_alloc(d->board, 6 + 8ull * q->size, 4);
	q->tables = board_alloc(d->board, q->size * DESC_BYTES * DRIVER_INDIRECT_MAX, 16);
	driver_write(d, VIRTIO_MMIO_QUEUE_NUM, q->size);
	address_write(d, VIRTIO_MMIO_QUEUE_DESC_LOW, q->desc);
	address_write(d, VIRTIO_MMIO_QUEUE_AVAIL_LOW, q->avail);
	address_write(d, VIRTIO_MMIO_QUEUE_USED_LOW, q->used);
	driver_write(d, VIRTIO_MMIO_QUEUE_READY, 1);
}

uint32_t driver_probe(struct driver *d, struct board *b, uint64_t wanted, unsigned n_queues,
		      uint16_t queue_size)
{
	*d = (struct driver){.board = b, .gpa = b->slot.gpa, .n_queues = n_queues};
	assert(driver_read(d, VIRTIO_MMIO_MAGIC_VALUE) == 0x74726976);
	assert(driver_read(d, VIRTIO_MMIO_VERSION) == 2);
	driver_write(d, VIRTIO_MMIO_STATUS, 0);
	driver_write(d, VIRTIO_MMIO_STATUS, 1);
	driver_write(d, VIRTIO_MMIO_STATUS, 3);
	d->features = driver_offered(d) & (wanted | VIRTIO_BIT(VIRTIO_F_VERSION_1));
	features_accept(d);
	driver_write(d, VIRTIO_MMIO_STATUS, 0xb);
	if (driver_read(d, VIRTIO_MMIO_STATUS) != 0xb)
		return driver_read(d, VIRTIO_MMIO_STATUS);
	for (unsigned queue = 0; queue < n_queues; queue++)
		queue_set_up(d, queue, queue_size);
	driver_write(d, VIRTIO_MMIO_STATUS, 0xf);
	return driver_read(d, VIRTIO_MMIO_STATUS);
}

static void desc_put(struct driver *d, uint64_t at, const struct vring_desc *desc)
{
	board_put(d->board, at, desc, sizeof(*desc));
}

static struct vring_desc desc_of(const struct driver_buffer *buffer)
{
	return (struct vring_desc){
		.addr = buffer->gpa,
		.len = buffer->bytes,
		.flags = buffer->writable ? VRING_DESC_F_WRITE : 0,
	};
}

static void chain_indirect(struct driver *d, struct driver_queue *q, uint16_t head,
			   const struct driver_buffer *buffer, unsigned count)
{
	uint64_t table = q->tables + head * DESC_BYTES * DRIVER_INDIRECT_MAX;
	const struct vring_desc entry = {
		.addr = table,
		.len = (uint32_t)(count * DESC_BYTES),
		.flags = VRING_DESC_F_INDIRECT,
	};

	assert(count <= DRIVER_INDIRECT_MAX);
	for (unsigned i = 0; i < count; i++) {
		struct vring_desc desc = desc_of(&buffer[i]);

		if (i + 1 < count) {
			desc.flags |= VRING_DESC_F_NEXT;
			desc.next = (uint16_t)(i + 1);
		}
		desc_put(d, table + i * DESC_BYTES, &desc);
	}
	desc_put(d, q->desc + head * DESC_BYTES, &entry);
	q->next_desc = (uint16_t)((head + 1) % q->size);
}

static void chain_direct(struct driver *d, struct driver_queue *q, uint16_t head,
			 const struct driver_buffer *buffer, unsigned count)
{
	uint16_t at = head;

	for (unsigned i = 0; i < count; i++) {
		struct vring_desc desc = desc_of(&buffer[i]);
		uint16_t next = (uint16_t)((at + 1) % q->size);

		if (i + 1 < count) {
			desc.flags |= VRING_DESC_F_NEXT;
			desc.next = next;
		}
		desc_put(d, q->desc + at * DESC_BYTES, &desc);
		at = next;
	}
	q->next_desc = at;
}

uint16_t driver_add(struct driver *d, unsigned queue, const struct driver_buffer *buffer,
		    unsigned count)
{
	struct driver_queue *q = &d->queue[queue];
	uint16_t head = q->next_desc;
	uint64_t entry = q->avail + 4 + 2ull * (q->avail_index % q->size);

	if (d->indirect)
		chain_indirect(d, q, head, buffer, count);
	else
		chain_direct(d, q, head, buffer, count);
	board_put(d->board, entry, &head, 2);
	q->avail_index++;
	board_put(d->board, q->avail + 2, &q->avail_index, 2);
	return head;
}

void driver_kick(struct driver *d, unsigned queue)
{
	driver_write(d, VIRTIO_MMIO_QUEUE_NOTIFY, queue);
}

bool driver_used(struct driver *d, unsigned queue, uint16_t *head, uint32_t *bytes)
{
	struct driver_queue *q = &d->queue[queue];
	struct vring_used_elem elem;
	uint16_t index;

	board_get(d->board, q->used + 2, &index, 2);
	if (index == q->used_index)
		return false;
	board_get(d->board, q->used + 4 + 8ull * (q->used_index % q->size), &elem, sizeof(elem));
	q->used_index++;
	*head = (uint16_t)elem.id;
	*bytes = elem.len;
	if (d->features & VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX))
		board_put(d->board, q->avail + 4 + 2ull * q->size, &q->used_index, 2);
	return true;
}

uint32_t driver_interrupt(struct driver *d)
{
	uint32_t status = driver_read(d, VIRTIO_MMIO_INTERRUPT_STATUS);

	driver_write(d, VIRTIO_MMIO_INTERRUPT_ACK, status);
	return status;
}

void device_image(const struct device *d, struct sink_mem *mem)
{
	int failed;

	if (!mem->limit_bytes)
		sink_mem_init(mem, IMAGE_MAX_BYTES);
	sink_mem_reset(mem);
	failed = device_save(d, sink_mem(mem), NULL);
	assert(!failed);
}

void device_revive(struct device *d, const struct sink_mem *image)
{
	struct byte_reader reader = reader_over(image->data, image->size);
	int failed = device_load(d, &reader, NULL);

	assert(!failed);
	d->ops->resume(d);
}
