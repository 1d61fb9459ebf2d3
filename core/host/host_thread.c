/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/host_thread.h"

#include <errno.h>
#include <signal.h>

int host_thread_start(pthread_t *thread, const char *name, void *(*body)(void *ctx), void *ctx,
		      struct err *err)
{
	sigset_t all, before;
	int failed;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	failed = pthread_create(thread, NULL, body, ctx);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		errno = failed;
		return err_system(err, "thread %s could not be started", name);
	}
	pthread_setname_np(*thread, name);
	return 0;
}
