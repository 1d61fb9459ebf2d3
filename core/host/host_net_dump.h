/* SPDX-License-Identifier: Apache-2.0 */
/* Packets written to a file that Wireshark and tcpdump read, stamped with the host's time. */
#ifndef CORE_HOST_HOST_NET_DUMP_H
#define CORE_HOST_HOST_NET_DUMP_H

#include "core/base/err.h"
#include "core/base/log.h"

#include <stdint.h>

struct host_net_dump;

/* Starts a new file.  log is borrowed.  NULL with err set on failure, ERR_UNSUPPORTED when built
 * without libpcap. */
struct host_net_dump *host_net_dump_open(const char *path, struct log *log, struct err *err);

/* Adds a frame; any thread.  A write that fails is said once and ends the dump. */
void host_net_dump_add(struct host_net_dump *d, const void *frame, uint32_t size_bytes);

/* NULL is allowed. */
void host_net_dump_close(struct host_net_dump *d);

#endif
