/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers OUTPUT_ENTROPY with the host's random numbers, by INPUT_ENTROPY, in the order asked.
 */
#ifndef CORE_HOST_HOST_ENTROPY_H
#define CORE_HOST_HOST_ENTROPY_H

#include "core/base/err.h"
#include "core/host/event_loop.h"
#include "core/host/live_outputs.h"
#include "core/mailbox.h"

#define HOST_ENTROPY_REQUESTS_MAX 1024	/* unanswered; more are never answered */
#define HOST_ENTROPY_BYTES_MAX	  65536 /* in one answer, whatever was asked for */

struct host_entropy;

/* Answers for rng `device` from the loop's thread.  loop and mailbox are borrowed.  NULL with err
 * set when memory is short. */
struct host_entropy *host_entropy_open(uint16_t device, struct event_loop *loop,
				       struct mailbox *mailbox, struct err *err);
struct output_backend host_entropy_backend(struct host_entropy *e);
void host_entropy_close(struct host_entropy *e);

#endif
