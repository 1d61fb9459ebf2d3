/* SPDX-License-Identifier: Apache-2.0 */
/* The table behind host_net.h: one for each kind of network. */
#ifndef CORE_HOST_HOST_NET_KIND_H
#define CORE_HOST_HOST_NET_KIND_H

#include "core/host/host_net.h"
#include "core/packet_offload.h"

#define HOST_NET_OPTIONS_MAX 32

/* What a kind is opened with. */
struct host_net_env {
	struct host_net *net; /* for host_net_receive() and host_net_link() */
	const char *name;     /* "tap:tap0", for messages; lives as long as the net */
	const char *argument; /* what follows the colon; "" */
	/* The options, "key=value", that host_net.c does not know; each must be understood. */
	const char *option[HOST_NET_OPTIONS_MAX];
	unsigned n_options;
	struct event_loop *loop;
	struct log *log;
};

struct host_net_kind {
	const char *name;
	/* env and its strings are good during the call, save as said above.  NULL with err set. */
	void *(*open)(const struct host_net_env *env, struct err *err);
	/* One OUTPUT_PACKET; on the machine's thread, does not block. */
	void (*send)(void *ctx, const struct output *packet);
	/* No callback runs any more when it returns. */
	void (*close)(void *ctx);
};

extern const struct host_net_kind host_net_tap, host_net_user, host_net_pcap, host_net_none;

/* A frame for the guest, and what was left undone in it (NULL: it is plain); any thread. */
void host_net_receive(struct host_net *n, const uint8_t *frame, uint32_t size_bytes,
		      const struct packet_offload *offload);

/* The cable was plugged in or pulled; on the loop's thread.  Not lost when the mailbox is full. */
void host_net_link(struct host_net *n, bool up);

/* For kinds that know no options: ERR_INVALID naming the first, if there is one. */
int host_net_refuse_options(const struct host_net_env *env, struct err *err);

#endif
