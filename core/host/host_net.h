/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a NIC's packets lead.  A spec is a backend, with its argument after a colon, and options
 * after commas:
 *
 *	tap:NAME	a tap interface of the host
 *	user		the host's own sockets (libslirp): the guest is 10.0.2.15/24, its gateway
 *			and the host 10.0.2.2, DNS 10.0.2.3; hostfwd=tcp:[ADDR]:PORT-[GUEST]:PORT
 *			(or udp), any number of times, lets others in
 *	pcap:IFACE	captures from and injects into a host interface (libpcap)
 *	none		nowhere
 *	...,dump=FILE	also writes every packet to FILE, as pcap
 *
 * All of them take checksums and TCP segmentation off the guest; those that cannot do it in the
 * host's kernel do it in software.
 */
#ifndef CORE_HOST_HOST_NET_H
#define CORE_HOST_HOST_NET_H

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/host/event_loop.h"
#include "core/host/live_outputs.h"
#include "core/mailbox.h"

struct host_net_options {
	const char *spec;
	uint16_t device; /* number of the NIC in the doors */
	struct event_loop *loop;
	struct mailbox *mailbox;
	struct log *log; /* may be NULL */
};

struct host_net;

/* Opens a network; loop, mailbox and log are borrowed.  Packets arrive as INPUT_PACKET, and are
 * dropped when the mailbox is full, as on a wire.  NULL with err set on failure. */
struct host_net *host_net_open(const struct host_net_options *options, struct err *err);

struct output_backend host_net_backend(struct host_net *n);

/* Ends all traffic, closes the dump and frees.  NULL is allowed. */
void host_net_close(struct host_net *n);

#endif
