/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for host_net_pcap.c and host_net_dump.c in builds without libpcap. */
#include "core/host/host_net_dump.h"
#include "core/host/host_net_kind.h"

#include <stddef.h>

static void *absent_open(const struct host_net_env *env, struct err *err)
{
	err_set(err, ERR_UNSUPPORTED,
		"network %s: built without libpcap; install libpcap-dev and build again",
		env->name);
	return NULL;
}

const struct host_net_kind host_net_pcap = {.name = "pcap", .open = absent_open};

struct host_net_dump *host_net_dump_open(const char *path, struct log *log, struct err *err)
{
	(void)log;
	err_set(err, ERR_UNSUPPORTED,
		"packet dump %s: built without libpcap; install libpcap-dev and build again", path);
	return NULL;
}

void host_net_dump_add(struct host_net_dump *d, const void *frame, uint32_t size_bytes)
{
	(void)d;
	(void)frame;
	(void)size_bytes;
}

void host_net_dump_close(struct host_net_dump *d)
{
	(void)d;
}
