/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/virtio_hostile.h"

#include <linux/virtio_mmio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/checksum.h"
#include "core/base/sink_mem.h"
#include "tests/fuzz/check.h"

#define RAM_BYTES     0x40000ull
#define DEVICE_GPA    0xfeb00000ull
#define DEVICE_NUMBER 7
#define RING_SIZE     16
#define RING_GPA(q)   (0x1000ull * (1 + (q))) /* desc, then avail, then used */
#define RING_AVAIL    0x400
#define RING_USED     0x800
#define TABLES_GPA    0xa000ull /* indirect ones */
#define PENDING_MAX   16
#define OPS_MAX	      600
#define IMAGE_BYTES   (1u << 20)

struct side {
	struct memory *memory;
	struct bus ports, mmio;
	struct timer_queue timers;
	struct device_env env;
	struct device *device;
	struct checksum_stream outputs;
	bool muted; /* outputs of a resume do not count */
	bool line;
	/* Requests that wait for an answer, for answers that fit. */
	struct output pending[PENDING_MAX];
	unsigned n_pending;
};

struct run {
	struct side side[2];
	struct byte_reader bytes;
	uint16_t avail_index[VIRTIO_QUEUES_MAX];
	struct sink_mem image;
	bool across_the_hole; /* there is RAM above 4 GiB */
};

static void output_take(void *ctx, const struct output *o)
{
	const uint64_t fields[] = {o->kind,
				   o->device,
				   o->value,
				   o->extra,
				   o->size_bytes,
				   o->command,
				   o->sector,
				   o->sectors,
				   o->gso_type,
				   o->gso_size,
				   o->header_bytes,
				   o->checksum_start,
				   o->checksum_offset,
				   o->needs_checksum};
	struct side *s = ctx;

	if (s->muted)
		return;
	checksum_stream_add(&s->outputs, fields, sizeof(fields));
	if (o->data)
		checksum_stream_add(&s->outputs, o->data, o->size_bytes);
	if (s->n_pending < PENDING_MAX)
		s->pending[s->n_pending++] = *o;
}

static void line_take(void *ctx, unsigned line, bool level)
{
	struct side *s = ctx;

	(void)line;
	s->line = level;
}

static void side_open(struct side *s, hostile_make *make, uint8_t choice, bool across_the_hole)
{
	const struct virtio_slot slot = {"dev", DEVICE_NUMBER, DEVICE_GPA, 16};
	struct err err;

	s->memory =
		memory_create(across_the_hole ? MEMORY_LOW_END_GPA + RAM_BYTES : RAM_BYTES, &err);
	check(s->memory, err.text);
	s->env = (struct device_env){.memory = s->memory,
				     .ports = &s->ports,
				     .mmio = &s->mmio,
				     .timers = &s->timers,
				     .emit = output_take,
				     .emit_ctx = s,
				     .irq = line_take,
				     .irq_ctx = s};
	checksum_stream_start(&s->outputs, 0);
	s->device = make(&s->env, &slot, choice);
	check(s->device, "the device can be made");
}

static void side_close(struct side *s)
{
	s->device->ops->destroy(s->device);
	memory_destroy(s->memory);
}

static void each_write(struct run *r, unsigned offset, unsigned size_bytes, uint64_t value)
{
	for (unsigned i = 0; i < 2; i++)
		bus_write(&r->side[i].mmio, DEVICE_GPA + offset, size_bytes, value);
}

static void each_put(struct run *r, uint64_t gpa, const void *data, uint64_t bytes)
{
	for (unsigned i = 0; i < 2; i++)
		memory_write(r->side[i].memory, gpa, data, bytes, NULL);
}

static void each_input(struct run *r, const struct input *in)
{
	for (unsigned i = 0; i < 2; i++)
		r->side[i].device->ops->input(r->side[i].device, in);
}

/* An address near something of interest. */
static uint64_t address_take(struct run *r)
{
	const uint64_t places[] = {
		0,	   RING_GPA(0),	       RING_GPA(1),	      0x10000,
		RAM_BYTES, MEMORY_LOW_END_GPA, MEMORY_HIGH_START_GPA, UINT64_MAX - 0x7fff};

	return places[reader_u8(&r->bytes) % 8] + (int16_t)reader_u16(&r->bytes);
}

static uint32_t length_take(struct run *r)
{
	uint8_t kind = reader_u8(&r->bytes);

	if (kind < 200)
		return kind < 100 ? kind : (kind - 100) * 512u;
	return kind < 250 ? reader_u16(&r->bytes) : reader_u32(&r->bytes);
}

/* The way of a good driver up to DRIVER_OK, with features as they come. */
static void set_up(struct run *r)
{
	uint64_t features = reader_u64(&r->bytes) | VIRTIO_BIT(VIRTIO_F_VERSION_1);
	const struct virtio *v = (const struct virtio *)r->side[0].device;

	features &= v->offered;
	each_write(r, VIRTIO_MMIO_STATUS, 4, 0);
	each_write(r, VIRTIO_MMIO_STATUS, 4, 3);
	for (unsigned word = 0; word < 2; word++) {
		each_write(r, VIRTIO_MMIO_DRIVER_FEATURES_SEL, 4, word);
		each_write(r, VIRTIO_MMIO_DRIVER_FEATURES, 4, features >> (32 * word));
	}
	each_write(r, VIRTIO_MMIO_STATUS, 4, 0xb);
	for (unsigned q = 0; q < v->n_queues; q++) {
		const uint8_t zeros[0x1000] = {0};

		each_put(r, RING_GPA(q), zeros, sizeof(zeros));
		each_write(r, VIRTIO_MMIO_QUEUE_SEL, 4, q);
		each_write(r, VIRTIO_MMIO_QUEUE_NUM, 4, RING_SIZE);
		each_write(r, VIRTIO_MMIO_QUEUE_DESC_LOW, 4, RING_GPA(q));
		each_write(r, VIRTIO_MMIO_QUEUE_AVAIL_LOW, 4, RING_GPA(q) + RING_AVAIL);
		each_write(r, VIRTIO_MMIO_QUEUE_USED_LOW, 4, RING_GPA(q) + RING_USED);
		each_write(r, VIRTIO_MMIO_QUEUE_READY, 4, 1);
		r->avail_index[q] = 0;
	}
	each_write(r, VIRTIO_MMIO_STATUS, 4, 0xf);
}

static void descriptor_put(struct run *r)
{
	unsigned q = reader_u8(&r->bytes) % VIRTIO_QUEUES_MAX;
	unsigned at = reader_u8(&r->bytes) % 32;
	struct vring_desc desc = {.addr = address_take(r), .len = length_take(r)};
	uint8_t flags = reader_u8(&r->bytes);

	desc.flags = flags & 7;
	desc.next = (uint16_t)(flags >> 3);
	each_put(r, RING_GPA(q) + 16 * at, &desc, sizeof(desc));
}

static void head_offer(struct run *r, unsigned q, uint16_t head)
{
	uint64_t avail = RING_GPA(q) + RING_AVAIL;

	each_put(r, avail + 4 + 2 * (r->avail_index[q] % RING_SIZE), &head, 2);
	r->avail_index[q]++;
	each_put(r, avail + 2, &r->avail_index[q], 2);
	each_write(r, VIRTIO_MMIO_QUEUE_NOTIFY, 4, q);
}

static void chain_offer(struct run *r)
{
	unsigned q = reader_u8(&r->bytes) % VIRTIO_QUEUES_MAX;

	head_offer(r, q, reader_u8(&r->bytes) % (RING_SIZE + 1));
}

/* What the first bytes of a request say: a small command and a small place, or anything. */
static void header_put(struct run *r, uint64_t gpa)
{
	uint8_t header[16] = {0};
	uint8_t kind = reader_u8(&r->bytes);

	if (kind & 0x80) {
		reader_copy(&r->bytes, header, 12);
	} else {
		header[0] = kind % 16;
		header[8] = reader_u8(&r->bytes) % 80;
	}
	each_put(r, gpa, header, sizeof(header));
}

/* The way of a good driver to make a request: readable buffers, then writable ones. */
static void request_offer(struct run *r)
{
	const uint32_t lengths[16] = {1,  2,   4,    12,   14,	 16,   20,    32,
				      60, 512, 1024, 1526, 4096, 8192, 65536, 16};
	unsigned q = reader_u8(&r->bytes) % 4;
	uint8_t shape = reader_u8(&r->bytes);
	unsigned readable = shape & 3, count = readable + (shape >> 2 & 3);
	unsigned first = shape & 0x10 ? 0 : shape >> 5;
	uint64_t table = shape & 0x10 ? TABLES_GPA + 0x100 * (shape >> 5) : RING_GPA(q);
	struct vring_desc desc = {.addr = table, .len = 16 * count, .flags = VRING_DESC_F_INDIRECT};

	if (shape & 0x10)
		each_put(r, RING_GPA(q) + 16 * (shape >> 5), &desc, sizeof(desc));
	for (unsigned i = 0; i < count; i++) {
		uint8_t place = reader_u8(&r->bytes);

		desc.addr = 0x10000 + 0x300 * (place >> 4);
		desc.len = lengths[place & 15];
		desc.flags = (i < readable ? 0 : VRING_DESC_F_WRITE) |
			     (i + 1 < count ? VRING_DESC_F_NEXT : 0);
		desc.next = (uint16_t)(first + i + 1);
		if (!i)
			header_put(r, desc.addr);
		each_put(r, table + 16 * (first + i), &desc, sizeof(desc));
	}
	head_offer(r, q, shape >> 5);
}

static void bytes_put(struct run *r)
{
	uint64_t gpa = address_take(r);
	size_t bytes = reader_u8(&r->bytes) % 64;
	const void *data = reader_take(&r->bytes, bytes);

	if (data)
		each_put(r, gpa, data, bytes);
}

static void register_do(struct run *r)
{
	unsigned offset = reader_u8(&r->bytes) * 4 % 0x200;
	uint32_t value = reader_u8(&r->bytes);

	if (value > 250)
		value = reader_u32(&r->bytes);
	each_write(r, offset, 4, value);
	check(bus_read(&r->side[0].mmio, DEVICE_GPA + offset, 4) ==
		      bus_read(&r->side[1].mmio, DEVICE_GPA + offset, 4),
	      "registers read the same");
}

static void config_do(struct run *r)
{
	unsigned size = 1u << reader_u8(&r->bytes) % 4;
	unsigned offset = reader_u8(&r->bytes);

	if (offset > 0x100 - size)
		offset = 0x100 - size;
	each_write(r, VIRTIO_MMIO_CONFIG + offset, size, reader_u32(&r->bytes));
	check(bus_read(&r->side[0].mmio, DEVICE_GPA + VIRTIO_MMIO_CONFIG + offset, size) ==
		      bus_read(&r->side[1].mmio, DEVICE_GPA + VIRTIO_MMIO_CONFIG + offset, size),
	      "configurations read the same");
}

/* An input of any kind, that may not be for this device at all. */
static void input_do(struct run *r)
{
	struct input in = {.kind = reader_u8(&r->bytes) % INPUT_KINDS, .device = DEVICE_NUMBER};
	size_t chosen;
	uint8_t *data;

	in.value = reader_u8(&r->bytes);
	if (in.value > 0xf0)
		in.value = reader_u64(&r->bytes);
	in.extra = reader_u32(&r->bytes);
	in.size_bytes = reader_u16(&r->bytes);
	data = malloc(in.size_bytes + 1u);
	memset(data, (int)in.value, in.size_bytes);
	chosen = reader_u8(&r->bytes) % 64;
	if (chosen <= in.size_bytes)
		reader_copy(&r->bytes, data, chosen);
	in.data = data;
	each_input(r, &in);
	free(data);
}

/* The answer to a request that was made. */
static void answer_do(struct run *r)
{
	struct side *s = &r->side[0];
	uint8_t which = reader_u8(&r->bytes);
	struct output o;
	unsigned at;
	struct input in = {.device = DEVICE_NUMBER};

	if (!s->n_pending)
		return;
	at = which % s->n_pending;
	o = s->pending[at];
	s->n_pending--;
	s->pending[at] = s->pending[s->n_pending];
	in.kind = o.kind == OUTPUT_ENTROPY ? INPUT_ENTROPY : INPUT_DISK;
	in.value = o.value;
	in.extra = which >= 240;
	in.size_bytes = o.kind == OUTPUT_ENTROPY ? (uint32_t)o.value : o.size_bytes;
	in.data = calloc(1, in.size_bytes + 1u);
	each_input(r, &in);
	free((void *)in.data);
}

/* One side is taken down and set up again from its image. */
static void reload(struct run *r)
{
	struct side *s = &r->side[1];
	struct byte_reader reader;
	struct err err;

	sink_mem_reset(&r->image);
	check(!device_save(s->device, sink_mem(&r->image), &err), err.text);
	reader = reader_over(r->image.data, r->image.size);
	check(!device_load(s->device, &reader, &err), err.text);
	s->muted = true;
	s->device->ops->resume(s->device);
	s->muted = false;
}

/* Both sides get an image that has been tampered with. */
static void tampered_reload(struct run *r)
{
	uint16_t at = reader_u16(&r->bytes);
	uint8_t byte = reader_u8(&r->bytes);

	sink_mem_reset(&r->image);
	device_save(r->side[0].device, sink_mem(&r->image), NULL);
	r->image.data[at % r->image.size] = byte;
	for (unsigned i = 0; i < 2; i++) {
		struct device *d = r->side[i].device;
		struct byte_reader reader = reader_over(r->image.data, r->image.size);

		if (!device_load(d, &reader, NULL))
			d->ops->resume(d);
	}
}

static void power_reset(struct run *r)
{
	for (unsigned i = 0; i < 2; i++)
		r->side[i].device->ops->reset(r->side[i].device);
}

static bool any_dirty(const struct memory *memory)
{
	for (uint64_t page = 0; page < RAM_BYTES / MEM_PAGE_BYTES; page++)
		if (*memory_page_watch(memory, page) & MEM_PAGE_DIRTY)
			return true;
	return false;
}

static void dirty_forget(const struct memory *memory)
{
	for (uint64_t page = 0; page < RAM_BYTES / MEM_PAGE_BYTES; page++)
		*memory_page_watch(memory, page) = 0;
}

/* The first ones write to guest memory in the driver's name.  What is worth more comes oftener. */
#define DRIVER_OPS 8
#define N_OPS	   (sizeof(ops) / sizeof(ops[0]))
static void (*const ops[])(struct run *) = {
	set_up,	     request_offer, request_offer, request_offer,   request_offer, descriptor_put,
	chain_offer, bytes_put,	    register_do,   config_do,	    input_do,	   answer_do,
	answer_do,   power_reset,   reload,	   tampered_reload,
};

static void status_check(const struct side *s)
{
	const struct virtio *v = (const struct virtio *)s->device;
	uint32_t known = 0xf | VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED;

	check(s->line == (v->interrupt != 0), "the line says what the interrupt register says");
	check(!(v->status & ~known), "the status register has known bits alone");
	check(!(v->status & VIRTIO_CONFIG_S_DRIVER_OK) || v->status & VIRTIO_CONFIG_S_FEATURES_OK,
	      "DRIVER_OK comes after FEATURES_OK");
}

static bool memory_same(const struct run *r)
{
	const struct memory *a = r->side[0].memory, *b = r->side[1].memory;

	if (memcmp(memory_host(a, 0, RAM_BYTES), memory_host(b, 0, RAM_BYTES), RAM_BYTES))
		return false;
	return !r->across_the_hole ||
	       !memcmp(memory_host(a, MEMORY_HIGH_START_GPA, RAM_BYTES),
		       memory_host(b, MEMORY_HIGH_START_GPA, RAM_BYTES), RAM_BYTES);
}

static void end_check(const struct run *r)
{
	const struct side *a = &r->side[0], *b = &r->side[1];
	struct err err = {0};

	check(!state_compare(a->device->state, a->device, b->device, &err), err.text);
	check(checksum_stream_value64(&a->outputs) == checksum_stream_value64(&b->outputs),
	      "outputs are the same");
	check(memory_same(r), "memory is the same");
}

static void ops_run(struct run *r)
{
	const struct virtio *v = (const struct virtio *)r->side[0].device;

	for (unsigned i = 0; i < OPS_MAX && reader_left(&r->bytes); i++) {
		uint8_t op = reader_u8(&r->bytes) % N_OPS;
		bool broken = v->status & VIRTIO_CONFIG_S_NEEDS_RESET;

		dirty_forget(r->side[0].memory);
		ops[op](r);
		check(!broken || op < DRIVER_OPS || !any_dirty(r->side[0].memory),
		      "a broken device touches no memory");
		status_check(&r->side[0]);
		status_check(&r->side[1]);
	}
}

int virtio_hostile_run(hostile_make *make, const uint8_t *data, size_t size)
{
	struct run *r = calloc(1, sizeof(*r));
	uint8_t choice;

	r->bytes = reader_over(data, size);
	choice = reader_u8(&r->bytes);
	r->across_the_hole = choice >= 224;
	sink_mem_init(&r->image, IMAGE_BYTES);
	for (unsigned i = 0; i < 2; i++)
		side_open(&r->side[i], make, choice, r->across_the_hole);
	ops_run(r);
	end_check(r);
	for (unsigned i = 0; i < 2; i++)
		side_close(&r->side[i]);
	sink_mem_free(&r->image);
	free(r);
	return 0;
}
