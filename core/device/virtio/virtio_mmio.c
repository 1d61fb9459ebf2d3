/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_mmio.h"

#include <linux/virtio_mmio.h>
#include <stdio.h>
#include <string.h>

#define MAGIC	0x74726976u /* "virt" */
#define VERSION 2
#define VENDOR	0x59445355u /* "USDY" */

#define STATUS_FROM_DRIVER                                                                    \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | \
	 VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_FAILED)
#define STATUS_BROKEN (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED)

static const struct state_field virtio_fields[] = {
	STATE_FIELD(struct virtio, status, 1),
	STATE_FIELD(struct virtio, offered_sel, 1),
	STATE_FIELD(struct virtio, accepted_sel, 1),
	STATE_FIELD(struct virtio, queue_sel, 1),
	STATE_FIELD(struct virtio, interrupt, 1),
	STATE_FIELD(struct virtio, generation, 1),
	STATE_FIELD(struct virtio, accepted, 1),
	STATE_FIELD_TABLE(struct virtio, queue, 1, struct virtqueue, &virtqueue_table),
};

static int virtio_check(const void *object, struct err *err)
{
	const struct virtio *v = object;
	uint32_t known = STATUS_FROM_DRIVER | VIRTIO_CONFIG_S_NEEDS_RESET;

	if (v->status & ~known ||
	    (v->status & VIRTIO_CONFIG_S_DRIVER_OK && !(v->status & VIRTIO_CONFIG_S_FEATURES_OK)))
		return err_set(err, ERR_CORRUPT, "status 0x%x", v->status);
	if (v->interrupt & ~(uint32_t)(VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG))
		return err_set(err, ERR_CORRUPT, "interrupt causes 0x%x", v->interrupt);
	/* Before FEATURES_OK the driver may have written anything. */
	if (v->status & VIRTIO_CONFIG_S_FEATURES_OK && v->accepted & ~v->offered)
		return err_set(err, ERR_UNSUPPORTED,
			       "the guest uses features 0x%llx, which are not offered here",
			       (unsigned long long)(v->accepted & ~v->offered));
	return 0;
}

const struct state_table virtio_table = {
	.name = "virtio",
	.version = 1,
	.size_bytes = sizeof(struct virtio),
	.fields = virtio_fields,
	.field_count = sizeof(virtio_fields) / sizeof(virtio_fields[0]),
	.check = virtio_check,
};

bool virtio_live(const struct virtio *v)
{
	return v->status & VIRTIO_CONFIG_S_DRIVER_OK && !(v->status & STATUS_BROKEN);
}

bool virtio_has(const struct virtio *v, unsigned feature)
{
	return v->accepted & VIRTIO_BIT(feature);
}

static void interrupt_raise(struct virtio *v, uint32_t cause)
{
	v->interrupt |= cause;
	irq_set(&v->irq, true);
}

void virtio_config_changed(struct virtio *v)
{
	v->generation++;
	if (v->status & VIRTIO_CONFIG_S_DRIVER_OK)
		interrupt_raise(v, VIRTIO_MMIO_INT_CONFIG);
}

void virtio_break(struct virtio *v, const struct err *err)
{
	if (v->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	v->broken = *err;
	v->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	virtio_config_changed(v);
}

bool virtio_pop(struct virtio *v, unsigned queue, struct virtq_chain *chain)
{
	struct err err = {0};

	if (!virtio_live(v) || !v->queue[queue].ready)
		return false;
	switch (virtq_pop(&v->queue[queue], v->memory, chain, &err)) {
	case VIRTQ_CHAIN: return true;
	case VIRTQ_EMPTY: return false;
	case VIRTQ_BROKEN: break;
	}
	virtio_break(v, &err);
	return false;
}

void virtio_push(struct virtio *v, unsigned queue, uint16_t head, uint32_t written_bytes)
{
	struct virtqueue *q = &v->queue[queue];
	struct err err = {0};

	if (virtq_fill(q, v->memory, 0, head, written_bytes, &err) ||
	    virtq_publish(q, v->memory, 1, &err))
		virtio_break(v, &err);
}

void virtio_interrupt(struct virtio *v, unsigned queue)
{
	if (virtio_live(v) && virtq_interrupt_due(&v->queue[queue], v->memory))
		interrupt_raise(v, VIRTIO_MMIO_INT_VRING);
}

void virtio_emit(struct virtio *v, struct output *output)
{
	output->device = v->device.number;
	v->emit(v->emit_ctx, output);
}

void virtio_nothing(struct virtio *v)
{
	(void)v;
}

void virtio_no_config_write(struct virtio *v, unsigned offset, unsigned size_bytes, uint64_t value)
{
	(void)v;
	(void)offset;
	(void)size_bytes;
	(void)value;
}

static void driver_reset(struct virtio *v)
{
	v->status = 0;
	v->offered_sel = v->accepted_sel = v->queue_sel = 0;
	v->accepted = 0;
	v->interrupt = 0;
	irq_set(&v->irq, false);
	for (unsigned i = 0; i < VIRTIO_QUEUES_MAX; i++)
		virtq_reset(&v->queue[i]);
	v->ops->reset(v);
}

static bool features_acceptable(const struct virtio *v)
{
	return !(v->accepted & ~v->offered) && virtio_has(v, VIRTIO_F_VERSION_1);
}

/* The driver only adds bits; a step that is not due yet does not happen, and the driver reads back
 * that it did not. */
static void status_write(struct virtio *v, uint32_t value)
{
	uint32_t added = value & STATUS_FROM_DRIVER & ~v->status;

	if (!value) {
		driver_reset(v);
		return;
	}
	if (!features_acceptable(v))
		added &= ~(uint32_t)VIRTIO_CONFIG_S_FEATURES_OK;
	if (!((v->status | added) & VIRTIO_CONFIG_S_FEATURES_OK))
		added &= ~(uint32_t)VIRTIO_CONFIG_S_DRIVER_OK;
	v->status |= added;
	if (added & VIRTIO_CONFIG_S_DRIVER_OK && virtio_live(v))
		v->ops->start(v);
}

static void accepted_write(struct virtio *v, uint32_t value)
{
	unsigned shift = v->accepted_sel * 32;

	if (v->status & VIRTIO_CONFIG_S_FEATURES_OK || v->accepted_sel > 1)
		return;
	v->accepted = (v->accepted & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
}

static void queue_ready_write(struct virtio *v, struct virtqueue *q, uint32_t value)
{
	struct err err = {0};

	if (!(value & 1)) {
		virtq_reset(q);
		return;
	}
	if (!(v->status & VIRTIO_CONFIG_S_FEATURES_OK) || q->ready)
		return;
	q->indirect = virtio_has(v, VIRTIO_RING_F_INDIRECT_DESC);
	q->event_idx = virtio_has(v, VIRTIO_RING_F_EVENT_IDX);
	if (virtq_enable(q, v->memory, &err))
		virtio_break(v, &err);
}

static void half_write(uint64_t *whole, unsigned half, uint32_t value)
{
	*whole = (*whole & ~(0xffffffffull << (32 * half))) | (uint64_t)value << (32 * half);
}

/* The registers of the queue that is selected; a ready one cannot be moved. */
static void queue_write(struct virtio *v, uint64_t offset, uint32_t value)
{
	struct virtqueue *q;

	if (v->queue_sel >= v->n_queues)
		return;
	q = &v->queue[v->queue_sel];
	if (offset == VIRTIO_MMIO_QUEUE_READY) {
		queue_ready_write(v, q, value);
		return;
	}
	if (q->ready)
		return;
	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM: q->size = value > VIRTQ_SIZE_MAX ? 0 : (uint16_t)value; break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW: half_write(&q->desc, 0, value); break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH: half_write(&q->desc, 1, value); break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW: half_write(&q->avail, 0, value); break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH: half_write(&q->avail, 1, value); break;
	case VIRTIO_MMIO_QUEUE_USED_LOW: half_write(&q->used, 0, value); break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH: half_write(&q->used, 1, value); break;
	}
}

static void register_write(struct virtio *v, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL: v->offered_sel = value; break;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL: v->accepted_sel = value; break;
	case VIRTIO_MMIO_DRIVER_FEATURES: accepted_write(v, value); break;
	case VIRTIO_MMIO_QUEUE_SEL: v->queue_sel = value; break;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		if (value < v->n_queues && virtio_live(v) && v->queue[value].ready)
			v->ops->notify(v, value);
		break;
	case VIRTIO_MMIO_INTERRUPT_ACK:
		v->interrupt &= ~value;
		irq_set(&v->irq, v->interrupt != 0);
		break;
	case VIRTIO_MMIO_STATUS: status_write(v, value); break;
	default: queue_write(v, offset, value);
	}
}

static uint32_t register_read(const struct virtio *v, uint64_t offset)
{
	bool queue = v->queue_sel < v->n_queues;

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE: return MAGIC;
	case VIRTIO_MMIO_VERSION: return VERSION;
	case VIRTIO_MMIO_DEVICE_ID: return v->ops->device_id;
	case VIRTIO_MMIO_VENDOR_ID: return VENDOR;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return v->offered_sel > 1 ? 0 : (uint32_t)(v->offered >> (32 * v->offered_sel));
	case VIRTIO_MMIO_QUEUE_NUM_MAX: return queue ? v->queue[v->queue_sel].size_max : 0;
	case VIRTIO_MMIO_QUEUE_READY: return queue && v->queue[v->queue_sel].ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS: return v->interrupt;
	case VIRTIO_MMIO_STATUS: return v->status;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH: return UINT32_MAX; /* no such region */
	case VIRTIO_MMIO_CONFIG_GENERATION: return v->generation;
	}
	return 0;
}

/* Of a configuration access at offset: its place, when the field exists. */
static bool config_has(const struct virtio *v, uint64_t offset, unsigned size_bytes)
{
	return offset <= v->config_bytes && size_bytes <= v->config_bytes - offset;
}

static uint64_t mmio_read(void *device, uint64_t offset, unsigned size_bytes)
{
	const struct virtio *v = device;
	uint64_t value = 0;

	if (offset < VIRTIO_MMIO_CONFIG)
		return size_bytes == 4 ? register_read(v, offset) : 0;
	offset -= VIRTIO_MMIO_CONFIG;
	if (config_has(v, offset, size_bytes))
		memcpy(&value, (const uint8_t *)v->config + offset, size_bytes);
	return value;
}

static void mmio_write(void *device, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct virtio *v = device;

	if (offset < VIRTIO_MMIO_CONFIG) {
		if (size_bytes == 4)
			register_write(v, offset, (uint32_t)value);
		return;
	}
	offset -= VIRTIO_MMIO_CONFIG;
	if (config_has(v, offset, size_bytes))
		v->ops->config_write(v, (unsigned)offset, size_bytes, value);
}

static const struct bus_ops mmio_ops = {mmio_read, mmio_write};

static void device_input(struct device *d, const struct input *in)
{
	struct virtio *v = (struct virtio *)d;

	v->ops->input(v, in);
}

static void device_reset(struct device *d)
{
	struct virtio *v = (struct virtio *)d;

	driver_reset(v);
	v->generation = 0;
}

/* What drove the line before the load says nothing about it now. */
static void device_resume(struct device *d)
{
	struct virtio *v = (struct virtio *)d;

	v->irq.level = !v->interrupt;
	irq_set(&v->irq, v->interrupt != 0);
	v->ops->resume(v);
}

static void device_destroy(struct device *d)
{
	struct virtio *v = (struct virtio *)d;

	v->ops->destroy(v);
}

static const struct device_ops device_ops = {device_input, device_reset, device_resume,
					     device_destroy};

int virtio_init(struct virtio *v, const struct device_env *env, const struct virtio_slot *slot,
		const struct virtio_type *type, struct err *err)
{
	int length = snprintf(v->name, sizeof(v->name), "%s", slot->name);

	if (length < 0 || (size_t)length >= sizeof(v->name))
		return err_set(err, ERR_INVALID, "device name \"%s\" is longer than %zu letters",
			       slot->name, sizeof(v->name) - 1);
	v->device = (struct device){v->name, &device_ops, type->state, slot->number};
	v->ops = type->ops;
	v->memory = env->memory;
	v->emit = env->emit;
	v->emit_ctx = env->emit_ctx;
	v->offered = type->features | VIRTIO_BIT(VIRTIO_F_VERSION_1) |
		     VIRTIO_BIT(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_RING_F_EVENT_IDX);
	v->config = type->config;
	v->config_bytes = type->config_bytes;
	v->n_queues = type->n_queues;
	for (unsigned i = 0; i < v->n_queues; i++)
		v->queue[i].size_max = type->queue_size;
	irq_line_init(&v->irq, env->irq, env->irq_ctx, slot->line);
	return bus_claim(env->mmio, slot->gpa, VIRTIO_MMIO_BYTES, &mmio_ops, v, v->name, err);
}
