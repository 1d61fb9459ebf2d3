/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interface of the host, by libpcap: the guest shares the wire with it.  Only what comes in from
 * the wire is captured, so the guest does not hear itself, nor the host on that interface.
 */
#include "core/host/host_net_kind.h"

#include "core/base/host_time.h"
#include "core/packet_offload.h"

#include <net/if.h>
#include <pcap/pcap.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_AT_ONCE	64
#define CAPTURE_BYTES	(32 << 20) /* libpcap keeps a slot of the largest size for each frame */
#define CAPTURE_WAIT_MS 1
#define LOOK_NS		100000000ull
#define LOOKS		30

struct pcap_net {
	struct host_net *net;
	const char *name;
	struct log *log;
	pthread_mutex_t lock; /* guards the handle: the machine sends, the loop captures */
	pcap_t *pcap;
	struct event_source *source;
	bool refused_told;
	char interface[IFNAMSIZ];
	unsigned index; /* its number, which no other will have */
	unsigned looks; /* still to be made, whether the interface exists */
	struct event_task look;
};

static void pcap_deliver(void *ctx, const uint8_t *frame, uint32_t size_bytes)
{
	struct pcap_net *p = ctx;

	host_net_receive(p->net, frame, size_bytes, NULL);
}

static void pcap_captured(u_char *ctx, const struct pcap_pkthdr *header, const u_char *frame)
{
	if (header->caplen == header->len)
		packet_finish_captured(frame, header->caplen, pcap_deliver, ctx);
}

static void pcap_gone(struct pcap_net *p)
{
	event_loop_remove(p->source);
	p->source = NULL;
	log_warn(p->log, "network %s: the interface has gone; the guest sees its cable pulled",
		 p->name);
	host_net_link(p->net, false);
}

/* An interface that is removed first goes down, which libpcap forgives, and is then gone without a
 * word: so after it went down it is looked for a while longer. */
static void pcap_look(void *ctx)
{
	struct pcap_net *p = ctx;

	if (!p->source || !p->looks)
		return;
	p->looks--;
	if (if_nametoindex(p->interface) != p->index)
		pcap_gone(p);
	else
		event_task_post_at(&p->look, host_time_monotonic_ns() + LOOK_NS);
}

static void pcap_readable(void *ctx, uint32_t events)
{
	struct pcap_net *p = ctx;
	int got;

	pthread_mutex_lock(&p->lock);
	got = pcap_dispatch(p->pcap, FRAMES_AT_ONCE, pcap_captured, (u_char *)p);
	pthread_mutex_unlock(&p->lock);
	if (got < 0) {
		pcap_gone(p);
	} else if (events & EPOLLERR) {
		p->looks = LOOKS;
		event_task_post(&p->look);
	}
}

static void pcap_inject_frame(void *ctx, const uint8_t *frame, uint32_t size_bytes)
{
	struct pcap_net *p = ctx;

	pthread_mutex_lock(&p->lock);
	if (pcap_inject(p->pcap, frame, size_bytes) < 0 && !p->refused_told) {
		p->refused_told = true;
		log_warn(p->log, "network %s: a packet could not be sent: %s", p->name,
			 pcap_geterr(p->pcap));
	}
	pthread_mutex_unlock(&p->lock);
}

static void pcap_send(void *ctx, const struct output *packet)
{
	const struct packet_offload left = packet_offload_of(packet);

	packet_finish(packet->data, packet->size_bytes, &left, pcap_inject_frame, ctx);
}

static int pcap_start(struct pcap_net *p, const char *interface, struct err *err)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	int failed;

	p->index = if_nametoindex(interface);
	if (!p->index || strlen(interface) >= sizeof(p->interface))
		return err_system(err, "network %s", p->name);
	strcpy(p->interface, interface);
	p->pcap = pcap_create(interface, why);
	if (!p->pcap)
		return err_set(err, ERR_SYSTEM, "network %s: %s", p->name, why);
	pcap_set_snaplen(p->pcap, PACKET_FRAME_MAX_BYTES);
	pcap_set_promisc(p->pcap, 1);
	pcap_set_immediate_mode(p->pcap, 1);
	pcap_set_buffer_size(p->pcap, CAPTURE_BYTES);
	pcap_set_timeout(p->pcap, CAPTURE_WAIT_MS);
	failed = pcap_activate(p->pcap);
	if (failed < 0)
		return err_set(err, ERR_SYSTEM, "network %s: %s", p->name,
			       failed == PCAP_ERROR_PERM_DENIED
				       ? "capturing needs root or CAP_NET_RAW"
				       : pcap_statustostr(failed));
	if (pcap_datalink(p->pcap) != DLT_EN10MB)
		return err_set(err, ERR_UNSUPPORTED, "network %s: the interface is no Ethernet",
			       p->name);
	if (pcap_setnonblock(p->pcap, 1, why) || pcap_setdirection(p->pcap, PCAP_D_IN))
		return err_set(err, ERR_SYSTEM, "network %s: %s", p->name,
			       *why ? why : pcap_geterr(p->pcap));
	return 0;
}

static void pcap_end(void *ctx)
{
	struct pcap_net *p = ctx;

	event_task_cancel(&p->look);
	event_loop_remove(p->source);
	if (p->pcap)
		pcap_close(p->pcap);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static void *pcap_begin(const struct host_net_env *env, struct err *err)
{
	struct pcap_net *p;

	if (host_net_refuse_options(env, err))
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p) {
		err_set(err, ERR_NO_MEMORY, "no memory for a network");
		return NULL;
	}
	p->net = env->net;
	p->name = env->name;
	p->log = env->log;
	pthread_mutex_init(&p->lock, NULL);
	event_task_init(&p->look, env->loop, pcap_look, p);
	if (!pcap_start(p, env->argument, err))
		p->source = event_loop_add(env->loop, pcap_get_selectable_fd(p->pcap), EPOLLIN,
					   pcap_readable, p, err);
	if (!p->source) {
		pcap_end(p);
		return NULL;
	}
	return p;
}

const struct host_net_kind host_net_pcap = {
	.name = "pcap",
	.open = pcap_begin,
	.send = pcap_send,
	.close = pcap_end,
};
