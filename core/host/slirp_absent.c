/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for host_net_user.c in builds without libslirp. */
#include "core/host/host_net_kind.h"

#include <stddef.h>

static void *absent_open(const struct host_net_env *env, struct err *err)
{
	err_set(err, ERR_UNSUPPORTED,
		"network %s: built without libslirp; install libslirp-dev and build again",
		env->name);
	return NULL;
}

const struct host_net_kind host_net_user = {.name = "user", .open = absent_open};
