/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tap interface.  The virtio-net header in front of each frame says what is left to do in it: to
 * the host's kernel, which takes checksums and segmentation off the guest, and from it, as it hands
 * in whole segments where it can (TUNSETOFFLOAD).
 */
#include "core/host/host_net_kind.h"

#include "core/packet_offload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEADER_BYTES  sizeof(struct virtio_net_hdr_v1)
#define READS_AT_ONCE 64

struct tap_net {
	struct host_net *net;
	const char *name;
	struct log *log;
	int fd;
	struct event_source *source;
	atomic_bool gone;
	bool refused_told; /* the machine's thread */
	uint8_t frame[HEADER_BYTES + PACKET_FRAME_MAX_BYTES];
};

static void tap_gone(struct tap_net *t)
{
	atomic_store(&t->gone, true);
	event_loop_remove(t->source);
	t->source = NULL;
	log_warn(t->log, "network %s: the interface has gone; the guest sees its cable pulled",
		 t->name);
	host_net_link(t->net, false);
}

static void tap_deliver(struct tap_net *t, uint32_t size_bytes)
{
	struct virtio_net_hdr_v1 header;
	struct packet_offload left;

	memcpy(&header, t->frame, sizeof(header));
	left = (struct packet_offload){
		.needs_checksum = header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.checksum_good = header.flags & VIRTIO_NET_HDR_F_DATA_VALID,
		.gso_type = header.gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN,
		.gso_size = header.gso_size,
		.header_bytes = header.hdr_len,
		.checksum_start = header.csum_start,
		.checksum_offset = header.csum_offset,
	};
	host_net_receive(t->net, t->frame + HEADER_BYTES, size_bytes, &left);
}

static void tap_readable(void *ctx, uint32_t events)
{
	struct tap_net *t = ctx;

	for (int i = 0; i < READS_AT_ONCE; i++) {
		ssize_t got = read(t->fd, t->frame, sizeof(t->frame));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN && !(events & EPOLLERR))
			return;
		if (got < 0) {
			tap_gone(t);
			return;
		}
		if ((size_t)got > HEADER_BYTES)
			tap_deliver(t, (uint32_t)((size_t)got - HEADER_BYTES));
	}
}

static void tap_send(void *ctx, const struct output *packet)
{
	struct tap_net *t = ctx;
	struct virtio_net_hdr_v1 header = {
		.flags = packet->needs_checksum ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0,
		.gso_type = packet->gso_type,
		.hdr_len = packet->header_bytes,
		.gso_size = packet->gso_size,
		.csum_start = packet->checksum_start,
		.csum_offset = packet->checksum_offset,
	};
	struct iovec parts[2] = {
		{.iov_base = &header, .iov_len = sizeof(header)},
		{.iov_base = (void *)packet->data, .iov_len = packet->size_bytes},
	};

	if (atomic_load(&t->gone) || writev(t->fd, parts, 2) >= 0)
		return;
	if (errno == EIO && !t->refused_told) {
		t->refused_told = true;
		log_warn(t->log,
			 "network %s: the interface is down; packets are dropped until "
			 "somebody sets it up (ip link set %s up)",
			 t->name, t->name + strlen("tap:"));
	}
}

static int tap_attach(struct tap_net *t, const char *interface, struct err *err)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	int header_bytes = HEADER_BYTES;

	if (!*interface || strlen(interface) >= IFNAMSIZ)
		return err_set(err, ERR_INVALID, "network tap: wants the name of an interface");
	t->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (t->fd < 0)
		return err_system(err, "network %s: /dev/net/tun cannot be opened", t->name);
	strcpy(request.ifr_name, interface);
	if (ioctl(t->fd, TUNSETIFF, &request)) {
		if (errno == EPERM)
			return err_system(err,
					  "network %s: make it first, as root: ip tuntap add %s "
					  "mode tap user NAME",
					  t->name, interface);
		return err_system(err, "network %s cannot be opened", t->name);
	}
	if (ioctl(t->fd, TUNSETVNETHDRSZ, &header_bytes))
		return err_system(err, "network %s knows no virtio-net headers", t->name);
	if (ioctl(t->fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) &&
	    ioctl(t->fd, TUNSETOFFLOAD, 0))
		return err_system(err, "network %s takes no offloads", t->name);
	return 0;
}

static void tap_close(void *ctx)
{
	struct tap_net *t = ctx;

	event_loop_remove(t->source);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}

static void *tap_open(const struct host_net_env *env, struct err *err)
{
	struct tap_net *t;

	if (host_net_refuse_options(env, err))
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t) {
		err_set(err, ERR_NO_MEMORY, "no memory for a network");
		return NULL;
	}
	t->net = env->net;
	t->name = env->name;
	t->log = env->log;
	t->fd = -1;
	if (!tap_attach(t, env->argument, err))
		t->source = event_loop_add(env->loop, t->fd, EPOLLIN, tap_readable, t, err);
	if (!t->source) {
		tap_close(t);
		return NULL;
	}
	return t;
}

const struct host_net_kind host_net_tap = {
	.name = "tap",
	.open = tap_open,
	.send = tap_send,
	.close = tap_close,
};
