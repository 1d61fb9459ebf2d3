/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads outside the wall.  They take no signals, so that those of the process reach the thread
 * that has arranged to hear them.
 */
#ifndef CORE_HOST_HOST_THREAD_H
#define CORE_HOST_HOST_THREAD_H

#include "core/base/err.h"

#include <pthread.h>

/* Starts body(ctx) on a new thread, called name (15 characters) in the host's listings; the caller
 * joins it.  Returns 0 or ERR_SYSTEM. */
int host_thread_start(pthread_t *thread, const char *name, void *(*body)(void *ctx), void *ctx,
		      struct err *err);

#endif
