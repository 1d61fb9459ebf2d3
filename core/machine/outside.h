/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything outside the wall of one machine: the threads, files, sockets and terminals that its
 * devices lead to, and the live doors through which they speak.  The other half of a machine's
 * description; unlike struct machine_config no two hosts need share it.
 *
 *	outside = outside_open(&where, &config, err);
 *	machine = machine_create(&config, engine, outside_inputs(outside), outside_outputs(outside), err);
 *	outside_start(outside, err);
 *	outside_attach(outside, machine);
 *	machine_run(machine, UINT64_MAX);
 *	outside_attach(outside, NULL);
 *	machine_destroy(machine);
 *	outside_close(outside, err);
 */
#ifndef CORE_MACHINE_OUTSIDE_H
#define CORE_MACHINE_OUTSIDE_H

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/host/event_loop.h"
#include "core/inputs.h"
#include "core/machine/machine.h"
#include "core/outputs.h"

/* Where things lead; texts are borrowed until outside_close(). */
struct outside_config {
	const char *uart, *console; /* as in core/host/host_console.h; NULL: nowhere */
	const char *disk_path[MACHINE_DISKS_MAX]; /* as many as config->n_disks */
	const char *nic_spec[MACHINE_NICS_MAX];	  /* as in core/host/host_net.h */
	struct log *log;			  /* may be NULL */
	void (*leave)(void *ctx); /* the user leaves by the console's escape; on the loop's thread */
	void *leave_ctx;
};

struct outside;

/* Opens all of it for a machine of this configuration, in which the sizes of disks and the offloads
 * of NICs are filled in.  NULL with err naming what could not be opened. */
struct outside *outside_open(const struct outside_config *where, struct machine_config *config,
			     struct err *err);

/* The doors, good until outside_restart() or outside_close(). */
const struct inputs *outside_inputs(const struct outside *o);
const struct outputs *outside_outputs(const struct outside *o);

/* For descriptors of the caller's own. */
struct event_loop *outside_loop(struct outside *o);

/* Lets the loop turn: from now on keys and packets arrive.  Once.  Returns 0 or an error. */
int outside_start(struct outside *o, struct err *err);

/* What a user connects to when the console (or uart) is a pty or a socket; else "". */
const char *outside_uart_path(const struct outside *o);
const char *outside_console_path(const struct outside *o);

/* Which machine to kick when something arrives; NULL before it is destroyed. */
void outside_attach(struct outside *o, struct machine *m);

/* Hands an operator's action (or any other input) to the machine, from any thread.  Waits while the
 * mailbox is full; false: it stayed full for a second. */
bool outside_post(struct outside *o, const struct input *input);

/*
 * Between two lives of a guest that was reset: waits for its disk requests to be carried out, drops
 * what was on its way in save actions and links going up or down, and makes the doors anew.  Networks and consoles stay.
 * After an error only outside_close() is allowed.
 */
int outside_restart(struct outside *o, struct err *err);

/* Carries out what is under way, flushes and closes.  Returns 0, or the first error of a disk, whose
 * data may then not be on stable storage.  NULL is allowed. */
int outside_close(struct outside *o, struct err *err);

#endif
