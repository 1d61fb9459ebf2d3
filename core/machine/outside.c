/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/outside.h"

#include "core/base/host_time.h"
#include "core/host/host_console.h"
#include "core/host/host_disk.h"
#include "core/host/host_entropy.h"
#include "core/host/host_net.h"
#include "core/host/live_inputs.h"
#include "core/host/live_outputs.h"
#include "core/mailbox.h"

#include <pthread.h>
#include <stdlib.h>

struct outside {
	struct outside_config where;
	unsigned n_disks, n_nics;
	bool read_only[MACHINE_DISKS_MAX];
	pthread_mutex_t lock; /* guards machine */
	struct machine *machine;
	struct mailbox *mailbox;
	struct event_loop *loop;
	struct live_inputs *door;
	struct inputs inputs;
	struct live_outputs gate;
	struct outputs outputs;
	struct host_disk *disk[MACHINE_DISKS_MAX];
	struct host_net *nic[MACHINE_NICS_MAX];
	struct host_console *uart, *console;
	struct host_entropy *entropy;
};

/* On whichever thread posts. */
static void wake(void *ctx)
{
	struct outside *o = ctx;

	pthread_mutex_lock(&o->lock);
	if (o->machine)
		machine_kick(o->machine);
	pthread_mutex_unlock(&o->lock);
}

static int code_of(const struct err *err)
{
	return err && err->code ? err->code : ERR_SYSTEM;
}

static int open_disk(struct outside *o, unsigned n, struct err *err)
{
	const struct host_disk_options options = {.path = o->where.disk_path[n],
						  .read_only = o->read_only[n],
						  .device = (uint16_t)(DEVICE_DISK0 + n),
						  .mailbox = o->mailbox,
						  .log = o->where.log};

	o->disk[n] = host_disk_open(&options, err);
	if (!o->disk[n])
		return code_of(err);
	return live_outputs_route(&o->gate, options.device, host_disk_backend(o->disk[n]), err);
}

static int open_nic(struct outside *o, unsigned n, struct err *err)
{
	const struct host_net_options options = {.spec = o->where.nic_spec[n],
						 .device = (uint16_t)(DEVICE_NIC0 + n),
						 .loop = o->loop,
						 .mailbox = o->mailbox,
						 .log = o->where.log};

	o->nic[n] = host_net_open(&options, err);
	if (!o->nic[n])
		return code_of(err);
	return live_outputs_route(&o->gate, options.device, host_net_backend(o->nic[n]), err);
}

static int open_console(struct outside *o, const char *spec, uint16_t device,
			struct host_console **console, struct err *err)
{
	const struct host_console_options options = {.spec = spec,
						     .device = device,
						     .loop = o->loop,
						     .mailbox = o->mailbox,
						     .log = o->where.log,
						     .leave = o->where.leave,
						     .leave_ctx = o->where.leave_ctx};

	if (!spec)
		return 0;
	*console = host_console_open(&options, err);
	if (!*console)
		return code_of(err);
	return live_outputs_route(&o->gate, device, host_console_backend(*console), err);
}

static int open_entropy(struct outside *o, struct err *err)
{
	o->entropy = host_entropy_open(DEVICE_RNG, o->loop, o->mailbox, err);
	if (!o->entropy)
		return code_of(err);
	return live_outputs_route(&o->gate, DEVICE_RNG, host_entropy_backend(o->entropy), err);
}

static int open_door(struct outside *o, struct err *err)
{
	o->door = live_inputs_create(o->mailbox, NULL, err);
	if (!o->door)
		return code_of(err);
	o->inputs = live_inputs_door(o->door);
	return 0;
}

/* What belongs to one life of the guest. */
static int open_life(struct outside *o, struct err *err)
{
	int failed = open_door(o, err);

	for (unsigned n = 0; n < o->n_disks && !failed; n++)
		failed = open_disk(o, n, err);
	return failed ? failed : open_entropy(o, err);
}

static int close_life(struct outside *o, struct err *err)
{
	int failed = 0;

	for (unsigned n = 0; n < o->n_disks; n++) {
		int refused = host_disk_close(o->disk[n], failed ? NULL : err);

		failed = failed ? failed : refused;
		o->disk[n] = NULL;
	}
	if (o->entropy)
		host_entropy_close(o->entropy);
	o->entropy = NULL;
	if (o->door)
		live_inputs_destroy(o->door);
	o->door = NULL;
	return failed;
}

/* The terminal is taken last, so that everything else can still complain in peace. */
static int open_all(struct outside *o, struct err *err)
{
	int failed;

	o->mailbox = mailbox_create(wake, o, err);
	o->loop = o->mailbox ? event_loop_create(err) : NULL;
	if (!o->loop)
		return code_of(err);
	failed = open_life(o, err);
	for (unsigned n = 0; n < o->n_nics && !failed; n++)
		failed = open_nic(o, n, err);
	if (!failed)
		failed = open_console(o, o->where.uart, DEVICE_UART, &o->uart, err);
	if (!failed)
		failed = open_console(o, o->where.console, DEVICE_CONSOLE, &o->console, err);
	return failed;
}

struct outside *outside_open(const struct outside_config *where, struct machine_config *config,
			     struct err *err)
{
	struct outside *o = calloc(1, sizeof(*o));

	if (!o) {
		err_set(err, ERR_NO_MEMORY, "no memory for the world outside the machine");
		return NULL;
	}
	o->where = *where;
	o->n_disks = config->n_disks;
	o->n_nics = config->n_nics;
	for (unsigned n = 0; n < o->n_disks; n++)
		o->read_only[n] = config->disk[n].read_only;
	pthread_mutex_init(&o->lock, NULL);
	o->outputs = live_outputs_gate(&o->gate);
	if (open_all(o, err)) {
		outside_close(o, NULL);
		return NULL;
	}
	for (unsigned n = 0; n < o->n_disks; n++)
		config->disk[n].sectors = host_disk_sectors(o->disk[n]);
	for (unsigned n = 0; n < o->n_nics; n++)
		config->nic[n].checksum_offload = config->nic[n].segmentation_offload = true;
	return o;
}

int outside_close(struct outside *o, struct err *err)
{
	int failed;

	if (!o)
		return 0;
	outside_attach(o, NULL);
	for (unsigned n = 0; n < o->n_nics; n++)
		host_net_close(o->nic[n]);
	failed = close_life(o, err);
	host_console_close(o->console);
	host_console_close(o->uart);
	event_loop_destroy(o->loop);
	if (o->mailbox)
		mailbox_destroy(o->mailbox);
	pthread_mutex_destroy(&o->lock);
	free(o);
	return failed;
}

/* ---- doors ---- */

const struct inputs *outside_inputs(const struct outside *o)
{
	return &o->inputs;
}

const struct outputs *outside_outputs(const struct outside *o)
{
	return &o->outputs;
}

struct event_loop *outside_loop(struct outside *o)
{
	return o->loop;
}

int outside_start(struct outside *o, struct err *err)
{
	return event_loop_start(o->loop, err);
}

const char *outside_uart_path(const struct outside *o)
{
	return o->uart ? host_console_path(o->uart) : "";
}

const char *outside_console_path(const struct outside *o)
{
	return o->console ? host_console_path(o->console) : "";
}

void outside_attach(struct outside *o, struct machine *m)
{
	pthread_mutex_lock(&o->lock);
	o->machine = m;
	pthread_mutex_unlock(&o->lock);
}

bool outside_post(struct outside *o, const struct input *input)
{
	uint64_t deadline_ns = host_time_monotonic_ns() + NS_PER_SECOND;

	while (!mailbox_post(o->mailbox, input))
		if (!mailbox_wait_room(o->mailbox, input->size_bytes, deadline_ns))
			return false;
	return true;
}

/* Drops what was meant for the guest's last life: all but actions and the state of wires. */
static void drain(struct outside *o)
{
	struct input in, kept[16];
	unsigned n = 0;

	while (mailbox_take(o->mailbox, &in))
		if ((in.kind == INPUT_ACTION || in.kind == INPUT_LINK) &&
		    n < sizeof(kept) / sizeof(kept[0]))
			kept[n++] = in;
	for (unsigned i = 0; i < n; i++)
		mailbox_post(o->mailbox, &kept[i]);
}

int outside_restart(struct outside *o, struct err *err)
{
	int failed = close_life(o, err);

	drain(o);
	return failed ? failed : open_life(o, err);
}
