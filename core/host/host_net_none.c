/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/host_net_kind.h"

#include <stddef.h>

static void *none_open(const struct host_net_env *env, struct err *err)
{
	return host_net_refuse_options(env, err) ? NULL : env->net;
}

static void none_send(void *ctx, const struct output *packet)
{
	(void)ctx;
	(void)packet;
}

static void none_close(void *ctx)
{
	(void)ctx;
}

const struct host_net_kind host_net_none = {
	.name = "none",
	.open = none_open,
	.send = none_send,
	.close = none_close,
};
