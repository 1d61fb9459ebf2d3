/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/host_net.h"

#include "core/base/host_time.h"
#include "core/host/host_net_dump.h"
#include "core/host/host_net_kind.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS 2000000ull

struct host_net {
	char *spec; /* cut into name and options */
	uint16_t device;
	struct mailbox *mailbox;
	struct log *log;
	const struct host_net_kind *kind;
	void *ctx;
	struct host_net_dump *dump;
	_Atomic uint64_t dropped;
	atomic_bool link_up;
	struct event_task link_task;
};

static const struct host_net_kind *const kinds[] = {
	&host_net_tap,
	&host_net_user,
	&host_net_pcap,
	&host_net_none,
};

void host_net_receive(struct host_net *n, const uint8_t *frame, uint32_t size_bytes,
		      const struct packet_offload *offload)
{
	struct input in = {
		.kind = INPUT_PACKET, .device = n->device, .data = frame, .size_bytes = size_bytes};

	if (offload)
		packet_offload_put(&in, offload);
	if (n->dump)
		host_net_dump_add(n->dump, frame, size_bytes);
	if (!mailbox_post(n->mailbox, &in))
		atomic_fetch_add(&n->dropped, 1);
}

static void link_post(void *ctx)
{
	struct host_net *n = ctx;
	struct input in = {
		.kind = INPUT_LINK, .device = n->device, .value = atomic_load(&n->link_up)};

	if (!mailbox_post(n->mailbox, &in))
		event_task_post_at(&n->link_task, host_time_monotonic_ns() + RETRY_NS);
}

void host_net_link(struct host_net *n, bool up)
{
	atomic_store(&n->link_up, up);
	event_task_post(&n->link_task);
}

int host_net_refuse_options(const struct host_net_env *env, struct err *err)
{
	if (!env->n_options)
		return 0;
	return err_set(err, ERR_INVALID, "network %s: option %s is unknown", env->name,
		       env->option[0]);
}

/* Cuts the spec at its commas, keeps dump= and leaves the others for the kind. */
static int spec_cut(struct host_net *n, struct host_net_env *env, struct err *err)
{
	char *at = n->spec, *option;
	const char *dump = NULL;

	env->name = strsep(&at, ",");
	while ((option = strsep(&at, ","))) {
		if (!strncmp(option, "dump=", 5)) {
			dump = option + 5;
			continue;
		}
		if (env->n_options == HOST_NET_OPTIONS_MAX)
			return err_set(err, ERR_LIMIT, "network %s: more than %d options",
				       env->name, HOST_NET_OPTIONS_MAX);
		env->option[env->n_options++] = option;
	}
	if (!dump)
		return 0;
	n->dump = host_net_dump_open(dump, n->log, err);
	return n->dump ? 0 : ERR_SYSTEM;
}

static int kind_find(struct host_net *n, struct host_net_env *env, struct err *err)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i]->name);

		if (strncmp(env->name, kinds[i]->name, length) ||
		    (env->name[length] && env->name[length] != ':'))
			continue;
		n->kind = kinds[i];
		env->argument = env->name + length + (env->name[length] == ':');
		return 0;
	}
	return err_set(err, ERR_INVALID,
		       "network %s is unknown; say tap:NAME, user, pcap:IFACE or none", env->name);
}

static void net_free(struct host_net *n)
{
	event_task_cancel(&n->link_task);
	host_net_dump_close(n->dump);
	free(n->spec);
	free(n);
}

struct host_net *host_net_open(const struct host_net_options *options, struct err *err)
{
	struct host_net *n = calloc(1, sizeof(*n));
	struct host_net_env env = {.net = n, .loop = options->loop, .log = options->log};

	if (n)
		n->spec = strdup(options->spec);
	if (!n || !n->spec) {
		free(n);
		err_set(err, ERR_NO_MEMORY, "no memory for a network");
		return NULL;
	}
	n->device = options->device;
	n->mailbox = options->mailbox;
	n->log = options->log;
	event_task_init(&n->link_task, options->loop, link_post, n);
	if (!spec_cut(n, &env, err) && !kind_find(n, &env, err))
		n->ctx = n->kind->open(&env, err);
	if (!n->ctx) {
		net_free(n);
		return NULL;
	}
	return n;
}

static void net_send(void *ctx, const struct output *output)
{
	struct host_net *n = ctx;

	if (output->kind != OUTPUT_PACKET)
		return;
	if (n->dump)
		host_net_dump_add(n->dump, output->data, output->size_bytes);
	n->kind->send(n->ctx, output);
}

struct output_backend host_net_backend(struct host_net *n)
{
	return (struct output_backend){.send = net_send, .ctx = n};
}

void host_net_close(struct host_net *n)
{
	uint64_t dropped;

	if (!n)
		return;
	n->kind->close(n->ctx);
	dropped = atomic_load(&n->dropped);
	if (dropped)
		log_info(n->log, "network %s: %llu packets were dropped, the guest being busy",
			 n->spec, (unsigned long long)dropped);
	net_free(n);
}
