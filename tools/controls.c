/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/controls.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static sigset_t signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPIPE);
	return set;
}

static void act(struct controls *c, enum input_action action)
{
	const struct input in = {.kind = INPUT_ACTION, .value = action};

	if (!outside_post(c->outside, &in))
		log_error(c->log, "the guest does not listen; kill -9 %d ends it", (int)getpid());
}

void controls_force(struct controls *c)
{
	atomic_store(&c->forced, true);
	act(c, ACTION_POWER_OFF);
}

static void press(struct controls *c)
{
	if (c->presses++) {
		log_info(c->log, "ending the guest at once");
		controls_force(c);
		return;
	}
	log_info(c->log, "pressing the guest's power button; once more ends it at once");
	act(c, ACTION_POWER_BUTTON);
}

static void on_signal(void *ctx, uint32_t events)
{
	struct controls *c = ctx;
	struct signalfd_siginfo info;

	(void)events;
	if (read(c->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		log_warn(c->log, "the terminal is gone; the guest runs on");
	else if (info.ssi_signo != SIGPIPE)
		press(c);
}

void controls_block(struct controls *c)
{
	sigset_t set = signals();

	c->fd = -1;
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int controls_listen(struct controls *c, struct outside *outside, struct log *log, struct err *err)
{
	sigset_t set = signals();

	c->outside = outside;
	c->log = log;
	c->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (c->fd < 0)
		return err_system(err, "signalfd");
	c->source = event_loop_add(outside_loop(outside), c->fd, EPOLLIN, on_signal, c, err);
	return c->source ? 0 : err->code;
}

void controls_close(struct controls *c)
{
	event_loop_remove(c->source);
	c->source = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}
