/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/host_net_dump.h"

#include "core/base/host_time.h"
#include "core/packet_offload.h"

#include <pcap/pcap.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct host_net_dump {
	pthread_mutex_t lock; /* the machine's thread sends, others receive */
	pcap_t *pcap;
	pcap_dumper_t *file;
	struct log *log;
	bool failed;
};

struct host_net_dump *host_net_dump_open(const char *path, struct log *log, struct err *err)
{
	struct host_net_dump *d = calloc(1, sizeof(*d));

	if (!d) {
		err_set(err, ERR_NO_MEMORY, "no memory for a packet dump");
		return NULL;
	}
	d->log = log;
	d->pcap = pcap_open_dead(DLT_EN10MB, PACKET_FRAME_MAX_BYTES);
	if (d->pcap)
		d->file = pcap_dump_open(d->pcap, path);
	if (!d->file) {
		err_set(err, ERR_SYSTEM, "packet dump %s: %s", path,
			d->pcap ? pcap_geterr(d->pcap) : "no memory");
		if (d->pcap)
			pcap_close(d->pcap);
		free(d);
		return NULL;
	}
	pthread_mutex_init(&d->lock, NULL);
	return d;
}

void host_net_dump_add(struct host_net_dump *d, const void *frame, uint32_t size_bytes)
{
	uint64_t now_ns = host_time_realtime_ns();
	struct pcap_pkthdr header = {
		.ts = {.tv_sec = (time_t)(now_ns / NS_PER_SECOND),
		       .tv_usec = (suseconds_t)(now_ns % NS_PER_SECOND / 1000)},
		.caplen = size_bytes,
		.len = size_bytes,
	};

	pthread_mutex_lock(&d->lock);
	if (!d->failed) {
		pcap_dump((u_char *)d->file, &header, frame);
		d->failed = pcap_dump_flush(d->file) != 0;
		if (d->failed)
			log_warn(d->log,
				 "the packet dump cannot be written any more and ends here");
	}
	pthread_mutex_unlock(&d->lock);
}

void host_net_dump_close(struct host_net_dump *d)
{
	if (!d)
		return;
	pcap_dump_close(d->file);
	pcap_close(d->pcap);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
