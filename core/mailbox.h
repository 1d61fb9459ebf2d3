/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox: where host threads leave what has happened outside - a packet, a key, a completed
 * disk request - for the machine's thread to take at an instant of its choosing.
 *
 * Any thread may post; one thread takes.  Entries keep the order in which they were posted by one
 * thread.  It is bounded: mailbox_post() fails when it is full, and the poster must keep what it
 * has and try again after mailbox_wait_room() or drop it where the medium allows that (Ethernet).
 */
#ifndef CORE_MAILBOX_H
#define CORE_MAILBOX_H

#include "core/base/err.h"
#include "core/inputs.h"

#define MAILBOX_ENTRIES_MAX 4096
#define MAILBOX_BYTES_MAX   (64u << 20)

struct mailbox;

/* NULL with err set on failure.  Destroy when no thread uses it any more; what is left in it is
 * dropped.  wake, called on the posting thread after each post to a mailbox that was empty, makes the
 * machine's thread look (engine kick); may be NULL. */
struct mailbox *mailbox_create(void (*wake)(void *ctx), void *ctx, struct err *err);
void mailbox_destroy(struct mailbox *m);

/* Copies the input and its data.  False: full (or no memory, or more than INPUT_DATA_MAX_BYTES, which
 * no mailbox has room for), nothing was taken.  Does not block for long. */
bool mailbox_post(struct mailbox *m, const struct input *input);

/* The oldest input; its data stays good until the next call.  False: empty. */
bool mailbox_take(struct mailbox *m, struct input *input);

/* Blocks until something is posted, or host time deadline_ns (monotonic; UINT64_MAX: for ever), or
 * mailbox_interrupt(). */
void mailbox_wait(struct mailbox *m, uint64_t deadline_ns);

/* Blocks until there is room for size_bytes or deadline_ns passes; true: there was room. */
bool mailbox_wait_room(struct mailbox *m, uint32_t size_bytes, uint64_t deadline_ns);

/* From any thread: ends a mailbox_wait() under way, or the next one. */
void mailbox_interrupt(struct mailbox *m);

#endif
