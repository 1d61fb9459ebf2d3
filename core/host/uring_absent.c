/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for disk_io_uring.c in builds without liburing. */
#include "core/host/disk_io.h"

#include <stddef.h>

static struct disk_io *absent_open(int fd, struct err *err)
{
	(void)fd;
	err_set(err, ERR_UNSUPPORTED, "built without liburing");
	return NULL;
}

const struct disk_io_ops disk_io_uring = {.name = "io_uring", .open = absent_open};
