/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A disk kept in a raw file or on a block device.
 *
 * Each OUTPUT_DISK is answered by one INPUT_DISK, in whatever order they complete; none is lost
 * when the mailbox is full, and all that was submitted is carried out before close returns.
 * Requests that touch the same sectors, one of them writing, are carried out in the order in which
 * the guest submitted them: what a read returns is then a function of the guest's own doing, which
 * replay counts on.  For the same reason a discarded range reads as zeros everywhere: where the
 * file system cannot give space back, zeros are written.
 *
 * What the host refuses is said once per kind of refusal, in one line, and the guest sees
 * DISK_FULL for lack of space and DISK_ERROR for the rest.
 */
#ifndef CORE_HOST_HOST_DISK_H
#define CORE_HOST_HOST_DISK_H

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/host/disk_io.h"
#include "core/host/live_outputs.h"
#include "core/mailbox.h"

#include <stdbool.h>
#include <stdint.h>

/* Data of requests under way beyond which the device is told to stop (INPUT_FLOW), and below which
 * it may go on. */
#define HOST_DISK_STOP_BYTES (32u << 20)
#define HOST_DISK_GO_BYTES   (8u << 20)

struct host_disk_options {
	const char *path;
	bool read_only;
	uint16_t device; /* number of the disk in the doors */
	struct mailbox *mailbox;
	struct log *log;	      /* may be NULL */
	const struct disk_io_ops *io; /* NULL: io_uring, else threads */
};

struct host_disk;

/*
 * Opens and locks a disk.  A writer refuses any other opener, readers share; the lock is of the
 * kind that ends with the last descriptor (F_OFD_SETLK), so a killed process leaves none behind.
 * A block device is also refused when the host has it mounted.  path is copied, mailbox and log
 * are borrowed.  NULL with err naming the file on failure.
 */
struct host_disk *host_disk_open(const struct host_disk_options *options, struct err *err);

/* Its size; a file that ends within a sector counts that sector whole. */
uint64_t host_disk_sectors(const struct host_disk *d);

/* "io_uring" or "threads". */
const char *host_disk_way(const struct host_disk *d);

struct output_backend host_disk_backend(struct host_disk *d);

/* Carries out what was submitted, flushes what was written to stable storage, unlocks and frees.
 * Blocks for as long.  Returns 0, or ERR_SYSTEM when the flush failed.  NULL is allowed. */
int host_disk_close(struct host_disk *d, struct err *err);

#endif
