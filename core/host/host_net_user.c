/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User networking on libslirp: a TCP/IP stack that ends the guest's connections here and goes on
 * with the host's own sockets, without privilege.
 *
 * libslirp is not made for several threads, and asks afresh before each poll() which descriptors it
 * cares for.  So it has a thread of its own, which alone calls it; the machine's thread leaves
 * frames in a bounded list and wakes it.
 */
#include "core/host/host_net_kind.h"

#include "core/base/host_time.h"
#include "core/host/host_thread.h"
#include "core/packet_offload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <slirp/libslirp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUEUE_MAX_BYTES (4u << 20) /* frames on their way out; more are dropped */
#define WAIT_MAX_MS	1000u

struct user_frame {
	struct user_frame *next;
	uint32_t size_bytes;
	uint8_t data[];
};

struct user_timer {
	struct user_timer *next;
	int64_t due_ms; /* INT64_MAX: not armed */
	SlirpTimerCb fire;
	void *ctx;
};

struct user_net {
	struct host_net *net;
	const char *name;
	struct log *log;
	int wake_fd;
	pthread_t thread;
	atomic_bool closing;
	pthread_mutex_t lock; /* guards the list */
	struct user_frame *first, **last;
	uint32_t queued_bytes;

	/* the thread */
	Slirp *slirp;
	struct user_timer *timers;
	struct pollfd *polls;
	int n_polls, max_polls;
};

/* ---- what libslirp asks of us ----------------------------------------------------------------- */

static ssize_t user_deliver(const void *frame, size_t size_bytes, void *ctx)
{
	struct user_net *u = ctx;

	/* It was made here: nothing can have happened to it. */
	host_net_receive(u->net, frame, (uint32_t)size_bytes,
			 &(struct packet_offload){.checksum_good = true});
	return (ssize_t)size_bytes;
}

static void user_guest_error(const char *text, void *ctx)
{
	struct user_net *u = ctx;

	log_debug(u->log, "network %s: %s", u->name, text);
}

static int64_t user_clock(void *ctx)
{
	(void)ctx;
	return (int64_t)host_time_monotonic_ns();
}

static void *user_timer_new(SlirpTimerCb fire, void *fire_ctx, void *ctx)
{
	struct user_net *u = ctx;
	struct user_timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	*t = (struct user_timer){u->timers, INT64_MAX, fire, fire_ctx};
	u->timers = t;
	return t;
}

static void user_timer_free(void *timer, void *ctx)
{
	struct user_net *u = ctx;

	for (struct user_timer **at = &u->timers; *at; at = &(*at)->next)
		if (*at == timer) {
			*at = (*at)->next;
			free(timer);
			return;
		}
}

static void user_timer_mod(void *timer, int64_t due_ms, void *ctx)
{
	struct user_timer *t = timer;

	(void)ctx;
	if (t)
		t->due_ms = due_ms;
}

static void user_fd_nothing(int fd, void *ctx)
{
	(void)fd;
	(void)ctx;
}

/* Called on the thread itself, which looks again before it waits. */
static void user_notify(void *ctx)
{
	(void)ctx;
}

static const SlirpCb user_callbacks = {
	.send_packet = user_deliver,
	.guest_error = user_guest_error,
	.clock_get_ns = user_clock,
	.timer_new = user_timer_new,
	.timer_free = user_timer_free,
	.timer_mod = user_timer_mod,
	.register_poll_fd = user_fd_nothing,
	.unregister_poll_fd = user_fd_nothing,
	.notify = user_notify,
};

/* ---- its thread ------------------------------------------------------------------------------- */

static int user_poll_add(int fd, int events, void *ctx)
{
	struct user_net *u = ctx;
	short wanted = 0;

	if (u->n_polls == u->max_polls) {
		int more = u->max_polls ? 2 * u->max_polls : 64;
		struct pollfd *polls = realloc(u->polls, (size_t)more * sizeof(*polls));

		if (!polls)
			return -1;
		u->polls = polls;
		u->max_polls = more;
	}
	if (events & SLIRP_POLL_IN)
		wanted |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		wanted |= POLLOUT;
	if (events & SLIRP_POLL_PRI)
		wanted |= POLLPRI;
	u->polls[u->n_polls] = (struct pollfd){.fd = fd, .events = wanted};
	return u->n_polls++;
}

static int user_poll_result(int index, void *ctx)
{
	struct user_net *u = ctx;
	short got;
	int events = 0;

	if (index < 0 || index >= u->n_polls)
		return 0;
	got = u->polls[index].revents;
	events |= got & POLLIN ? SLIRP_POLL_IN : 0;
	events |= got & POLLOUT ? SLIRP_POLL_OUT : 0;
	events |= got & POLLPRI ? SLIRP_POLL_PRI : 0;
	events |= got & POLLERR ? SLIRP_POLL_ERR : 0;
	events |= got & POLLHUP ? SLIRP_POLL_HUP : 0;
	return events;
}

static void user_take_frames(struct user_net *u)
{
	struct user_frame *list;

	pthread_mutex_lock(&u->lock);
	list = u->first;
	u->first = NULL;
	u->last = &u->first;
	u->queued_bytes = 0;
	pthread_mutex_unlock(&u->lock);
	while (list) {
		struct user_frame *frame = list;

		list = frame->next;
		slirp_input(u->slirp, frame->data, (int)frame->size_bytes);
		free(frame);
	}
}

static int64_t now_ms(void)
{
	return (int64_t)(host_time_monotonic_ns() / 1000000);
}

/* Fires what is due, one at a time, as a timer may free or arm any other. */
static void user_fire_timers(struct user_net *u)
{
	struct user_timer *t;
	int64_t now = now_ms();

	do {
		for (t = u->timers; t && t->due_ms > now; t = t->next)
			;
		if (t) {
			t->due_ms = INT64_MAX;
			t->fire(t->ctx);
		}
	} while (t);
}

static uint32_t user_wait_ms(const struct user_net *u)
{
	int64_t now = now_ms(), wait = WAIT_MAX_MS;

	for (const struct user_timer *t = u->timers; t; t = t->next)
		if (t->due_ms - now < wait)
			wait = t->due_ms > now ? t->due_ms - now : 0;
	return (uint32_t)wait;
}

static void *user_body(void *ctx)
{
	struct user_net *u = ctx;

	while (!atomic_load(&u->closing)) {
		uint32_t wait_ms = user_wait_ms(u);
		uint64_t wakes;
		int n;

		u->n_polls = 0;
		user_poll_add(u->wake_fd, SLIRP_POLL_IN, u);
		slirp_pollfds_fill(u->slirp, &wait_ms, user_poll_add, u);
		n = poll(u->polls, (nfds_t)u->n_polls, (int)wait_ms);
		if (n > 0 && u->polls[0].revents && read(u->wake_fd, &wakes, sizeof(wakes)) < 0)
			log_debug(u->log, "network %s: a wake was lost", u->name);
		slirp_pollfds_poll(u->slirp, n < 0, user_poll_result, u);
		user_fire_timers(u);
		user_take_frames(u);
	}
	return NULL;
}

/* ---- the machine's thread --------------------------------------------------------------------- */

static void user_queue(void *ctx, const uint8_t *data, uint32_t size_bytes)
{
	struct user_net *u = ctx;
	struct user_frame *frame = malloc(sizeof(*frame) + size_bytes);
	bool room;

	if (!frame)
		return;
	frame->next = NULL;
	frame->size_bytes = size_bytes;
	memcpy(frame->data, data, size_bytes);
	pthread_mutex_lock(&u->lock);
	room = u->queued_bytes + size_bytes <= QUEUE_MAX_BYTES;
	if (room) {
		u->queued_bytes += size_bytes;
		*u->last = frame;
		u->last = &frame->next;
	}
	pthread_mutex_unlock(&u->lock);
	if (!room)
		free(frame);
}

static void user_wake(struct user_net *u)
{
	const uint64_t one = 1;

	/* Fails only when the counter is full, and then a wake is already due. */
	if (write(u->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void user_send(void *ctx, const struct output *packet)
{
	const struct packet_offload left = packet_offload_of(packet);
	struct user_net *u = ctx;

	packet_finish(packet->data, packet->size_bytes, &left, user_queue, u);
	user_wake(u);
}

/* ---- opening and closing ---------------------------------------------------------------------- */

/* One side of a forward, "[ADDR]:PORT", cut out of text; false when it is none. */
static bool forward_side(char *text, struct in_addr *address, int *port)
{
	char *colon = strrchr(text, ':'), *end;
	long number;

	if (!colon)
		return false;
	*colon = 0;
	if (*text && inet_pton(AF_INET, text, address) != 1)
		return false;
	number = strtol(colon + 1, &end, 10);
	*port = (int)number;
	return end != colon + 1 && !*end && number > 0 && number < 65536;
}

static int user_forward(struct user_net *u, const char *rule, struct err *err)
{
	struct in_addr host = {.s_addr = htonl(INADDR_ANY)}, guest = {.s_addr = 0};
	bool is_udp = !strncmp(rule, "udp:", 4);
	char text[128], *dash;
	int host_port, guest_port;

	if ((!is_udp && strncmp(rule, "tcp:", 4)) || strlen(rule) >= sizeof(text))
		goto unclear;
	strcpy(text, rule + 4);
	dash = strchr(text, '-');
	if (!dash)
		goto unclear;
	*dash = 0;
	if (!forward_side(text, &host, &host_port) || !forward_side(dash + 1, &guest, &guest_port))
		goto unclear;
	if (slirp_add_hostfwd(u->slirp, is_udp, host, host_port, guest, guest_port))
		return err_system(err, "network user: hostfwd=%s", rule);
	return 0;
unclear:
	return err_set(err, ERR_INVALID,
		       "network user: hostfwd=%s is not tcp:[ADDR]:PORT-[GUEST]:PORT", rule);
}

/* libslirp lets one caller wait at a forwarded port; the host would turn away a crowd that comes at
 * once, to try again seconds later. */
static int user_widen_listener(int fd, int events, void *ctx)
{
	int listens = 0;
	socklen_t size = sizeof(listens);

	(void)events;
	(void)ctx;
	if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) && listens)
		listen(fd, SOMAXCONN);
	return -1;
}

static int user_start_slirp(struct user_net *u, const struct host_net_env *env, struct err *err)
{
	SlirpConfig config = {.version = 1, .in_enabled = true, .vhostname = "guest"};

	uint32_t wait_ms = 0;

	inet_pton(AF_INET, "10.0.2.0", &config.vnetwork);
	inet_pton(AF_INET, "255.255.255.0", &config.vnetmask);
	inet_pton(AF_INET, "10.0.2.2", &config.vhost);
	inet_pton(AF_INET, "10.0.2.3", &config.vnameserver);
	inet_pton(AF_INET, "10.0.2.15", &config.vdhcp_start);
	u->slirp = slirp_new(&config, &user_callbacks, u);
	if (!u->slirp)
		return err_set(err, ERR_SYSTEM, "network user: libslirp could not be started");
	for (unsigned i = 0; i < env->n_options; i++) {
		if (strncmp(env->option[i], "hostfwd=", 8))
			return err_set(err, ERR_INVALID, "network user: option %s is unknown",
				       env->option[i]);
		if (user_forward(u, env->option[i] + 8, err))
			return ERR_SYSTEM;
	}
	slirp_pollfds_fill(u->slirp, &wait_ms, user_widen_listener, u);
	return 0;
}

static void user_free(struct user_net *u)
{
	while (u->first) {
		struct user_frame *frame = u->first;

		u->first = frame->next;
		free(frame);
	}
	if (u->slirp)
		slirp_cleanup(u->slirp);
	if (u->wake_fd >= 0)
		close(u->wake_fd);
	pthread_mutex_destroy(&u->lock);
	free(u->polls);
	free(u);
}

static void *user_open(const struct host_net_env *env, struct err *err)
{
	struct user_net *u = calloc(1, sizeof(*u));

	if (!u) {
		err_set(err, ERR_NO_MEMORY, "no memory for a network");
		return NULL;
	}
	u->net = env->net;
	u->name = env->name;
	u->log = env->log;
	u->last = &u->first;
	pthread_mutex_init(&u->lock, NULL);
	u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (u->wake_fd < 0)
		err_system(err, "network user: no eventfd");
	if (u->wake_fd < 0 || user_start_slirp(u, env, err) ||
	    host_thread_start(&u->thread, "net-user", user_body, u, err)) {
		user_free(u);
		return NULL;
	}
	return u;
}

static void user_close(void *ctx)
{
	struct user_net *u = ctx;

	atomic_store(&u->closing, true);
	user_wake(u);
	pthread_join(u->thread, NULL);
	user_free(u);
}

const struct host_net_kind host_net_user = {
	.name = "user",
	.open = user_open,
	.send = user_send,
	.close = user_close,
};
