/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a guest's console leads:
 *
 *	stdio		this process's standard input and output; a terminal goes raw, Ctrl-A X leaves
 *	pty		a new pseudo-terminal, for screen and the like
 *	unix:PATH	a socket at PATH; one client at a time
 *	file:PATH	output alone, into a new file
 *	none		nowhere
 *
 * Output waits in a bounded buffer, so the machine never does.  When nobody reads, the oldest of it
 * is dropped and counted; a reader who comes late sees the newest HOST_CONSOLE_KEPT_BYTES.
 */
#ifndef CORE_HOST_HOST_CONSOLE_H
#define CORE_HOST_HOST_CONSOLE_H

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/host/event_loop.h"
#include "core/host/live_outputs.h"
#include "core/mailbox.h"

#define HOST_CONSOLE_KEPT_BYTES (256u << 10)

struct host_console_options {
	const char *spec; /* as above */
	uint16_t device;  /* number of the console in the doors */
	struct event_loop *loop;
	struct mailbox *mailbox;
	struct log *log;	  /* may be NULL */
	void (*leave)(void *ctx); /* Ctrl-A X was typed; on the loop's thread; may be NULL */
	void *leave_ctx;
};

struct host_console;

/* Opens a console; loop, mailbox and log are borrowed.  Keys arrive once the loop turns.  NULL with
 * err set on failure. */
struct host_console *host_console_open(const struct host_console_options *options, struct err *err);

/* What a user connects to: the pty's or socket's or file's path; else "". */
const char *host_console_path(const struct host_console *c);

struct output_backend host_console_backend(struct host_console *c);

/* Writes what is left as long as the reader takes it (half a second without progress ends that),
 * restores the terminal and frees.  NULL is allowed. */
void host_console_close(struct host_console *c);

#endif
