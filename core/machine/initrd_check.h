/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether an initrd is whole.  A kernel that gets half of one does not say so: it panics later, for
 * want of an init.
 */
#ifndef CORE_MACHINE_INITRD_CHECK_H
#define CORE_MACHINE_INITRD_CHECK_H

#include "core/base/err.h"

#include <stddef.h>

/* Walks cpio archives of the "new" format (Documentation/driver-api/early-userspace/
 * buffer-format.rst of Linux).  ERR_TORN when one ends early, ERR_CORRUPT when what follows a file
 * is none.  What is compressed, or of another kind, is taken as it is. */
int initrd_check(const void *bytes, size_t size_bytes, struct err *err);

#endif
