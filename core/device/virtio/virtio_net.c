/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/virtio/virtio_net.h"

#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "core/packet_offload.h"

#define QUEUE_SIZE	1024
#define QUEUE_RECEIVE	0
#define QUEUE_TRANSMIT	1
#define QUEUE_CONTROL	2
#define HEADER_BYTES	sizeof(struct virtio_net_hdr_v1)
#define FRAME_MIN_BYTES ETH_HLEN
#define MERGED_MAX	64 /* buffers for one frame: 64 KiB in buffers of 1 KiB at least */

struct virtio_net {
	struct virtio virtio;
	struct virtio_net_config config;
	uint8_t first_mac[ETH_ALEN]; /* before the driver set another */
	struct virtq_chain chain;
	uint8_t frame[VIRTIO_NET_FRAME_MAX_BYTES];
	struct virtio_net_counters counters;
	/* State; the configuration's MAC and status are saved from here. */
	uint8_t mac[ETH_ALEN];
	uint16_t status; /* VIRTIO_NET_S_* */
	bool stopped;	 /* by INPUT_FLOW */
};

static const struct state_field virtio_net_fields[] = {
	STATE_FIELD_TABLE(struct virtio_net, virtio, 1, struct virtio, &virtio_table),
	STATE_FIELD(struct virtio_net, mac, 1),
	STATE_FIELD(struct virtio_net, status, 1),
	STATE_FIELD(struct virtio_net, stopped, 1),
};

static const struct state_table virtio_net_table =
	STATE_TABLE("virtio-net", 1, struct virtio_net, virtio_net_fields);

struct virtio_net_counters virtio_net_counters(const struct device *d)
{
	return ((const struct virtio_net *)d)->counters;
}

static void config_update(struct virtio_net *n)
{
	memcpy(n->config.mac, n->mac, ETH_ALEN);
	n->config.status = n->status;
}

static void status_set(struct virtio_net *n, uint16_t status)
{
	if (n->status == status)
		return;
	n->status = status;
	config_update(n);
	virtio_config_changed(&n->virtio);
}

/* Out of the guest */

static bool gso_negotiated(const struct virtio *v, uint8_t type)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_NONE: return true;
	case VIRTIO_NET_HDR_GSO_TCPV4: return virtio_has(v, VIRTIO_NET_F_HOST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6: return virtio_has(v, VIRTIO_NET_F_HOST_TSO6);
	}
	return false;
}

/* Whether what the header leaves to the device was negotiated and lies inside of the frame. */
static bool header_good(const struct virtio *v, const struct virtio_net_hdr_v1 *h, uint32_t bytes)
{
	bool needs_checksum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;

	if (needs_checksum && (!virtio_has(v, VIRTIO_NET_F_CSUM) ||
			       (uint32_t)h->csum_start + h->csum_offset + 2 > bytes))
		return false;
	if (!gso_negotiated(v, h->gso_type))
		return false;
	return h->gso_type == VIRTIO_NET_HDR_GSO_NONE ||
	       (needs_checksum && h->gso_size && h->hdr_len <= bytes);
}

static void frame_emit(struct virtio_net *n, const struct virtio_net_hdr_v1 *h, uint32_t bytes)
{
	struct output out = {
		.kind = OUTPUT_PACKET,
		.data = n->frame,
		.size_bytes = bytes,
		.needs_checksum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
	};

	if (out.needs_checksum) {
		out.checksum_start = h->csum_start;
		out.checksum_offset = h->csum_offset;
	}
	if (h->gso_type != VIRTIO_NET_HDR_GSO_NONE) {
		out.gso_type = h->gso_type;
		out.gso_size = h->gso_size;
		out.header_bytes = h->hdr_len;
	}
	n->counters.sent++;
	virtio_emit(&n->virtio, &out);
}

/* Sends the frame in n->chain; one of a shape that no driver makes breaks the device, one that only
 * asks too much is dropped. */
static bool chain_send(struct virtio_net *n)
{
	struct virtio *v = &n->virtio;
	struct virtio_net_hdr_v1 header;
	struct err err;
	uint32_t bytes;

	if (n->chain.readable_bytes < HEADER_BYTES ||
	    n->chain.readable_bytes - HEADER_BYTES > sizeof(n->frame)) {
		err_set(&err, ERR_LIMIT, "a frame of %llu bytes, header included",
			(unsigned long long)n->chain.readable_bytes);
		virtio_break(v, &err);
		return false;
	}
	bytes = (uint32_t)(n->chain.readable_bytes - HEADER_BYTES);
	virtq_copy_out(&n->chain, v->memory, 0, &header, HEADER_BYTES);
	virtq_copy_out(&n->chain, v->memory, HEADER_BYTES, n->frame, bytes);
	if (bytes < FRAME_MIN_BYTES || !header_good(v, &header, bytes))
		n->counters.send_dropped++;
	else
		frame_emit(n, &header, bytes);
	return true;
}

static void transmit_run(struct virtio_net *n)
{
	struct virtio *v = &n->virtio;

	while (!n->stopped && virtio_pop(v, QUEUE_TRANSMIT, &n->chain) && chain_send(n))
		virtio_push(v, QUEUE_TRANSMIT, n->chain.head, 0);
	virtio_interrupt(v, QUEUE_TRANSMIT);
}

/* Into the guest */

/* What the sender left undone can only be passed on to a driver that has agreed to do it.  False: it
 * has not. */
static bool header_make(const struct virtio *v, const struct packet_offload *o,
			struct virtio_net_hdr_v1 *h)
{
	*h = (struct virtio_net_hdr_v1){.num_buffers = 1};
	if (o->gso_type == VIRTIO_NET_HDR_GSO_TCPV4 && !virtio_has(v, VIRTIO_NET_F_GUEST_TSO4))
		return false;
	if (o->gso_type == VIRTIO_NET_HDR_GSO_TCPV6 && !virtio_has(v, VIRTIO_NET_F_GUEST_TSO6))
		return false;
	if (o->gso_type != VIRTIO_NET_HDR_GSO_NONE && o->gso_type != VIRTIO_NET_HDR_GSO_TCPV4 &&
	    o->gso_type != VIRTIO_NET_HDR_GSO_TCPV6)
		return false;
	h->gso_type = o->gso_type;
	h->gso_size = o->gso_size;
	h->hdr_len = o->header_bytes;
	if (!virtio_has(v, VIRTIO_NET_F_GUEST_CSUM))
		return !o->needs_checksum;
	if (o->needs_checksum) {
		h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		h->csum_start = o->checksum_start;
		h->csum_offset = o->checksum_offset;
	} else if (o->checksum_good) {
		h->flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	return true;
}

/* The buffers that one frame goes to, and how much goes to each. */
struct placement {
	unsigned chains;
	uint16_t head[MERGED_MAX];
	uint32_t bytes[MERGED_MAX];
};

/* Takes buffers until they hold bytes in all.  False: there are not enough, and those that were
 * taken are back in the ring. */
static bool placement_make(struct virtio_net *n, uint64_t bytes, struct placement *p)
{
	struct virtio *v = &n->virtio;
	unsigned most = virtio_has(v, VIRTIO_NET_F_MRG_RXBUF) ? MERGED_MAX : 1;

	for (p->chains = 0; p->chains < most && bytes;) {
		uint64_t room;

		if (!virtio_pop(v, QUEUE_RECEIVE, &n->chain))
			break;
		room = n->chain.writable_bytes;
		p->head[p->chains] = n->chain.head;
		p->bytes[p->chains] = (uint32_t)(room < bytes ? room : bytes);
		bytes -= p->bytes[p->chains++];
		if (p->chains == 1 && room < HEADER_BYTES)
			break;
	}
	if (!bytes)
		return true;
	virtq_unpop(&v->queue[QUEUE_RECEIVE], p->chains);
	return false;
}

/* Copies header and frame to the buffers and shows them to the driver, all at once.  A single
 * buffer is still in n->chain. */
static int placement_fill(struct virtio_net *n, const struct placement *p,
			  const struct virtio_net_hdr_v1 *header, const uint8_t *frame,
			  struct err *err)
{
	struct virtio *v = &n->virtio;
	struct virtqueue *q = &v->queue[QUEUE_RECEIVE];

	for (unsigned i = 0; i < p->chains; i++) {
		uint32_t at = i ? 0 : HEADER_BYTES;

		if (p->chains > 1 && virtq_walk(q, v->memory, p->head[i], &n->chain, err))
			return ERR_CORRUPT;
		if (n->chain.writable_bytes < p->bytes[i])
			return err_set(err, ERR_CORRUPT, "a buffer shrank under the device");
		if (!i)
			virtq_copy_in(&n->chain, v->memory, 0, header, HEADER_BYTES);
		virtq_copy_in(&n->chain, v->memory, at, frame, p->bytes[i] - at);
		frame += p->bytes[i] - at;
		if (virtq_fill(q, v->memory, i, p->head[i], p->bytes[i], err))
			return ERR_RANGE;
	}
	return virtq_publish(q, v->memory, p->chains, err);
}

static bool frame_place(struct virtio_net *n, struct virtio_net_hdr_v1 *header,
			const uint8_t *frame, uint32_t bytes)
{
	struct virtio *v = &n->virtio;
	struct placement p;
	struct err err;

	if (!placement_make(n, HEADER_BYTES + bytes, &p))
		return false;
	header->num_buffers = (uint16_t)p.chains;
	if (placement_fill(n, &p, header, frame, &err)) {
		virtio_break(v, &err);
		return false;
	}
	virtio_interrupt(v, QUEUE_RECEIVE);
	return true;
}

/* Frames that were finished here for a driver that does not do it. */
struct finished {
	struct virtio_net *n;
	bool placed; /* all of them, so far */
};

static void finished_place(void *ctx, const uint8_t *frame, uint32_t bytes)
{
	struct finished *f = ctx;
	struct virtio_net_hdr_v1 header = {0};

	f->placed = f->placed && frame_place(f->n, &header, frame, bytes);
}

static bool frame_receive(struct virtio_net *n, const struct input *in)
{
	const struct packet_offload offload = packet_offload_get(in);
	struct finished finished = {n, true};
	struct virtio_net_hdr_v1 header;

	if (!(n->status & VIRTIO_NET_S_LINK_UP) || in->size_bytes < FRAME_MIN_BYTES ||
	    in->size_bytes > VIRTIO_NET_FRAME_MAX_BYTES)
		return false;
	if (header_make(&n->virtio, &offload, &header))
		return frame_place(n, &header, in->data, in->size_bytes);
	return packet_finish(in->data, in->size_bytes, &offload, finished_place, &finished) &&
	       finished.placed;
}

/* The control queue (section 5.1.6.5): announcements and the MAC address. */

static uint8_t announce_acknowledge(struct virtio_net *n)
{
	n->status &= (uint16_t)~VIRTIO_NET_S_ANNOUNCE;
	config_update(n);
	return VIRTIO_NET_OK;
}

static uint8_t mac_set(struct virtio_net *n)
{
	if (n->chain.readable_bytes != sizeof(struct virtio_net_ctrl_hdr) + ETH_ALEN)
		return VIRTIO_NET_ERR;
	virtq_copy_out(&n->chain, n->virtio.memory, sizeof(struct virtio_net_ctrl_hdr), n->mac,
		       ETH_ALEN);
	config_update(n);
	return VIRTIO_NET_OK;
}

static uint8_t command_do(struct virtio_net *n, const struct virtio_net_ctrl_hdr *header)
{
	struct virtio *v = &n->virtio;

	if (header->class == VIRTIO_NET_CTRL_ANNOUNCE &&
	    header->cmd == VIRTIO_NET_CTRL_ANNOUNCE_ACK &&
	    virtio_has(v, VIRTIO_NET_F_GUEST_ANNOUNCE))
		return announce_acknowledge(n);
	if (header->class == VIRTIO_NET_CTRL_MAC && header->cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET &&
	    virtio_has(v, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return mac_set(n);
	return VIRTIO_NET_ERR;
}

static void control_run(struct virtio_net *n)
{
	struct virtio *v = &n->virtio;
	struct virtio_net_ctrl_hdr header;
	struct err err;

	while (virtio_pop(v, QUEUE_CONTROL, &n->chain)) {
		uint8_t ack;

		if (!n->chain.writable_bytes ||
		    !virtq_copy_out(&n->chain, v->memory, 0, &header, sizeof(header))) {
			err_set(&err, ERR_CORRUPT, "a control command without header or answer");
			virtio_break(v, &err);
			return;
		}
		ack = command_do(n, &header);
		virtq_copy_in(&n->chain, v->memory, 0, &ack, sizeof(ack));
		virtio_push(v, QUEUE_CONTROL, n->chain.head, sizeof(ack));
	}
	virtio_interrupt(v, QUEUE_CONTROL);
}

/* Buffers for receiving are looked for when a frame comes. */
static void net_notify(struct virtio *v, unsigned queue)
{
	struct virtio_net *n = (struct virtio_net *)v;

	if (queue == QUEUE_TRANSMIT)
		transmit_run(n);
	else if (queue == QUEUE_CONTROL)
		control_run(n);
}

static void net_input(struct virtio *v, const struct input *in)
{
	struct virtio_net *n = (struct virtio_net *)v;

	switch (in->kind) {
	case INPUT_PACKET:
		if (frame_receive(n, in))
			n->counters.received++;
		else
			n->counters.receive_dropped++;
		break;
	case INPUT_LINK:
		status_set(n, in->value ? n->status | VIRTIO_NET_S_LINK_UP
					: n->status & (uint16_t)~VIRTIO_NET_S_LINK_UP);
		break;
	case INPUT_FLOW:
		n->stopped = in->value;
		transmit_run(n);
		break;
	case INPUT_ACTION:
		if (in->value == ACTION_ANNOUNCE && virtio_has(v, VIRTIO_NET_F_GUEST_ANNOUNCE))
			status_set(n, n->status | VIRTIO_NET_S_ANNOUNCE);
		break;
	default: break;
	}
}

/* The link is as the world has it, the rest as at power-up. */
static void net_reset(struct virtio *v)
{
	struct virtio_net *n = (struct virtio_net *)v;

	n->status &= VIRTIO_NET_S_LINK_UP;
	memcpy(n->mac, n->first_mac, ETH_ALEN);
	config_update(n);
}

static void net_resume(struct virtio *v)
{
	config_update((struct virtio_net *)v);
}

static void net_destroy(struct virtio *v)
{
	free(v);
}

static const struct virtio_ops net_ops = {
	.device_id = VIRTIO_ID_NET,
	.notify = net_notify,
	.start = virtio_nothing,
	.config_write = virtio_no_config_write,
	.reset = net_reset,
	.input = net_input,
	.resume = net_resume,
	.destroy = net_destroy,
};

static uint64_t features_of(const struct virtio_net_options *o)
{
	uint64_t features = VIRTIO_BIT(VIRTIO_NET_F_MAC) | VIRTIO_BIT(VIRTIO_NET_F_STATUS) |
			    VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF) | VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ) |
			    VIRTIO_BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) |
			    VIRTIO_BIT(VIRTIO_NET_F_CTRL_MAC_ADDR);

	if (!o->checksum_offload)
		return features;
	features |= VIRTIO_BIT(VIRTIO_NET_F_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM);
	if (o->segmentation_offload)
		features |=
			VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4) | VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6) |
			VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO4) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_TSO6);
	return features;
}

struct device *virtio_net_create(const struct device_env *env,
				 const struct virtio_net_options *options, struct err *err)
{
	struct virtio_net *n = calloc(1, sizeof(*n));
	struct virtio_type type = {
		.ops = &net_ops,
		.state = &virtio_net_table,
		.features = features_of(options),
		.config_bytes = offsetof(struct virtio_net_config, max_virtqueue_pairs),
		.n_queues = 3,
		.queue_size = QUEUE_SIZE,
	};

	if (!n) {
		err_set(err, ERR_NO_MEMORY, "%s: no memory for the device", options->slot.name);
		return NULL;
	}
	memcpy(n->first_mac, options->mac, ETH_ALEN);
	memcpy(n->mac, options->mac, ETH_ALEN);
	n->status = VIRTIO_NET_S_LINK_UP;
	config_update(n);
	type.config = &n->config;
	if (virtio_init(&n->virtio, env, &options->slot, &type, err)) {
		free(n);
		return NULL;
	}
	return &n->virtio.device;
}
