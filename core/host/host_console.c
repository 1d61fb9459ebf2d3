/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send() puts output into the ring and posts the write task; all reading and writing is done on the
 * event loop's thread.  Standard input and output may be shared with other processes, so they are
 * not made non-blocking: what poll() says is ready is written in pieces that then do not block.
 */
#include "core/host/host_console.h"

#include "core/base/host_time.h"
#include "core/host/console_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PIECE_BYTES 1024
#define KEYS_BYTES  256
#define REST_NS	    2000000ull
#define PATIENCE_MS 500
#define PATH_BYTES  128

struct host_console {
	char path[PATH_BYTES];
	char name[PATH_BYTES + 8]; /* the spec, for messages */
	uint16_t device;
	struct event_loop *loop;
	struct mailbox *mailbox;
	struct log *log;
	void (*leave)(void *ctx);
	void *leave_ctx;

	int in_fd, out_fd;     /* may be one and the same; -1: none */
	int listen_fd, far_fd; /* far_fd: our own hold on the pty's other end */
	bool owns_fds, is_socket, has_terminal;
	struct event_source *in_source, *out_source, *listen_source;
	uint32_t in_events;
	struct event_task write_task, read_task;

	struct console_terminal terminal;
	struct console_escape escape;
	uint8_t keys[KEYS_BYTES]; /* typed, and not yet posted */
	size_t n_keys;
	bool resting; /* until the read task runs */

	pthread_mutex_t lock; /* guards the ring */
	uint8_t *ring;
	size_t first, count;
	uint64_t dropped;
	bool drop_told;
};

/* ---- output ----------------------------------------------------------------------------------- */

static void ring_put(struct host_console *c, const uint8_t *data, size_t n)
{
	pthread_mutex_lock(&c->lock);
	if (n > HOST_CONSOLE_KEPT_BYTES) {
		c->dropped += n - HOST_CONSOLE_KEPT_BYTES;
		data += n - HOST_CONSOLE_KEPT_BYTES;
		n = HOST_CONSOLE_KEPT_BYTES;
	}
	if (c->count + n > HOST_CONSOLE_KEPT_BYTES) {
		size_t excess = c->count + n - HOST_CONSOLE_KEPT_BYTES;

		c->first = (c->first + excess) % HOST_CONSOLE_KEPT_BYTES;
		c->count -= excess;
		c->dropped += excess;
	}
	for (size_t i = 0; i < n; i++)
		c->ring[(c->first + c->count + i) % HOST_CONSOLE_KEPT_BYTES] = data[i];
	c->count += n;
	pthread_mutex_unlock(&c->lock);
}

static size_t ring_take(struct host_console *c, uint8_t *to, size_t max)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = c->count < max ? c->count : max;
	for (size_t i = 0; i < n; i++)
		to[i] = c->ring[(c->first + i) % HOST_CONSOLE_KEPT_BYTES];
	c->first = (c->first + n) % HOST_CONSOLE_KEPT_BYTES;
	c->count -= n;
	pthread_mutex_unlock(&c->lock);
	return n;
}

/* What could not be written goes back to the front, as far as newer output has left room. */
static void ring_put_back(struct host_console *c, const uint8_t *data, size_t n)
{
	pthread_mutex_lock(&c->lock);
	while (n && c->count < HOST_CONSOLE_KEPT_BYTES) {
		c->first = (c->first + HOST_CONSOLE_KEPT_BYTES - 1) % HOST_CONSOLE_KEPT_BYTES;
		c->ring[c->first] = data[--n];
		c->count++;
	}
	c->dropped += n;
	pthread_mutex_unlock(&c->lock);
}

static bool ring_empty(struct host_console *c)
{
	bool empty;

	pthread_mutex_lock(&c->lock);
	empty = !c->count;
	pthread_mutex_unlock(&c->lock);
	return empty;
}

static void console_send(void *ctx, const struct output *output)
{
	struct host_console *c = ctx;

	if (output->kind != OUTPUT_CONSOLE || !output->size_bytes)
		return;
	ring_put(c, output->data, output->size_bytes);
	event_task_post(&c->write_task);
}

static bool fd_ready(int fd, short events, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, wait_ms) > 0;
}

static void source_drop(struct event_source **source)
{
	event_loop_remove(*source);
	*source = NULL;
}

/* The client of a socket has gone: wait for the next. */
static void client_gone(struct host_console *c)
{
	log_info(c->log, "console %s: the client has gone", c->name);
	source_drop(&c->in_source);
	close(c->in_fd);
	c->in_fd = c->out_fd = -1;
	c->n_keys = 0;
	if (c->listen_source)
		event_source_change(c->listen_source, EPOLLIN);
}

static void output_gone(struct host_console *c, int why)
{
	if (c->is_socket) {
		client_gone(c);
		return;
	}
	log_warn(c->log, "console %s cannot be written any more: %s; its output is dropped",
		 c->name, strerror(why));
	source_drop(&c->out_source);
	if (c->owns_fds && c->out_fd != c->in_fd)
		close(c->out_fd);
	c->out_fd = -1;
}

/* Writes one piece.  1: written, in part at least; 0: not now; -1: the far end has gone. */
static int piece_write(struct host_console *c)
{
	uint8_t piece[PIECE_BYTES];
	size_t n;
	ssize_t done;

	if (!fd_ready(c->out_fd, POLLOUT, 0))
		return 0;
	n = ring_take(c, piece, sizeof(piece));
	if (!n)
		return 0;
	done = c->is_socket ? send(c->out_fd, piece, n, MSG_NOSIGNAL) : write(c->out_fd, piece, n);
	if (done < 0)
		done = errno == EAGAIN || errno == EINTR ? 0 : -errno;
	ring_put_back(c, piece + (done > 0 ? done : 0), n - (size_t)(done > 0 ? done : 0));
	if (done < 0) {
		output_gone(c, (int)-done);
		return -1;
	}
	return done > 0;
}

static void tell_dropped(struct host_console *c)
{
	uint64_t dropped;

	pthread_mutex_lock(&c->lock);
	dropped = c->dropped;
	pthread_mutex_unlock(&c->lock);
	if (!dropped || c->drop_told || c->out_fd < 0)
		return;
	c->drop_told = true;
	log_warn(c->log, "console %s: nobody reads fast enough; the oldest output is dropped",
		 c->name);
}

static void console_events(struct host_console *c, bool want_write)
{
	uint32_t in = c->resting ? 0 : EPOLLIN;

	if (c->in_source && c->out_fd == c->in_fd && want_write)
		in |= EPOLLOUT;
	if (c->in_source && in != c->in_events)
		event_source_change(c->in_source, in);
	c->in_events = in;
	if (c->out_source)
		event_source_change(c->out_source, want_write ? EPOLLOUT : 0);
}

static void console_write(void *ctx)
{
	struct host_console *c = ctx;
	int done = 1;

	while (c->out_fd >= 0 && done > 0)
		done = piece_write(c);
	tell_dropped(c);
	console_events(c, c->out_fd >= 0 && !ring_empty(c));
}

static void console_writable(void *ctx, uint32_t events)
{
	(void)events;
	console_write(ctx);
}

/* ---- input ------------------------------------------------------------------------------------ */

static void input_gone(struct host_console *c)
{
	if (c->is_socket) {
		client_gone(c);
		return;
	}
	log_info(c->log, "console %s: no more keys will come", c->name);
	source_drop(&c->in_source);
	c->in_fd = -1;
}

static void keys_command(struct host_console *c, unsigned commands)
{
	if (commands & CONSOLE_HELP) {
		ring_put(c, (const uint8_t *)console_help, strlen(console_help));
		event_task_post(&c->write_task);
	}
	if ((commands & CONSOLE_LEAVE) && c->leave)
		c->leave(c->leave_ctx);
}

/* True: the guest has them. */
static bool keys_post(struct host_console *c)
{
	struct input in = {.kind = INPUT_CONSOLE,
			   .device = c->device,
			   .data = c->keys,
			   .size_bytes = (uint32_t)c->n_keys};

	if (c->n_keys && !mailbox_post(c->mailbox, &in))
		return false;
	c->n_keys = 0;
	return true;
}

/* Reads once.  False: nothing to read now, or ever again. */
static bool keys_read(struct host_console *c)
{
	unsigned commands = 0;
	ssize_t got;

	if (c->in_fd < 0 || !fd_ready(c->in_fd, POLLIN, 0))
		return false;
	got = read(c->in_fd, c->keys, sizeof(c->keys));
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (got <= 0) {
		input_gone(c);
		return false;
	}
	c->n_keys = (size_t)got;
	if (c->has_terminal)
		c->n_keys = console_escape_filter(&c->escape, c->keys, c->n_keys, &commands);
	keys_command(c, commands);
	return true;
}

/* Reads on later: keys that come by the file would otherwise fill the mailbox. */
static void keys_rest(struct host_console *c)
{
	c->resting = true;
	event_task_post_at(&c->read_task, host_time_monotonic_ns() + REST_NS);
}

static void console_read(void *ctx)
{
	struct host_console *c = ctx;
	bool more = false, posted = keys_post(c);

	if (posted && !c->resting && keys_read(c)) {
		more = c->n_keys == sizeof(c->keys) || !c->in_source;
		posted = keys_post(c);
	}
	if (!posted || more)
		keys_rest(c);
	console_events(c, c->out_fd >= 0 && !ring_empty(c));
}

static void console_rested(void *ctx)
{
	struct host_console *c = ctx;

	c->resting = false;
	console_read(c);
}

static void console_ready(void *ctx, uint32_t events)
{
	if (events & EPOLLOUT)
		console_write(ctx);
	console_read(ctx);
}

/* ---- opening ---------------------------------------------------------------------------------- */

/* Waits for keys, and for room where input and output are one. */
static int watch_input(struct host_console *c, struct err *err)
{
	c->in_events = EPOLLIN;
	c->in_source = event_loop_add(c->loop, c->in_fd, EPOLLIN, console_ready, c, err);
	if (c->in_source)
		return 0;
	if (errno != EPERM)
		return ERR_SYSTEM;
	err_clear(err); /* a file: it can always be read */
	event_task_post(&c->read_task);
	return 0;
}

static int open_stdio(struct host_console *c, const char *argument, struct err *err)
{
	(void)argument;
	c->in_fd = STDIN_FILENO;
	c->out_fd = STDOUT_FILENO;
	if (fcntl(c->in_fd, F_GETFD) < 0)
		c->in_fd = -1;
	if (fcntl(c->out_fd, F_GETFD) < 0)
		c->out_fd = -1;
	if (c->in_fd >= 0 && isatty(c->in_fd)) {
		if (console_terminal_raw(&c->terminal, c->in_fd, err))
			return ERR_SYSTEM;
		c->has_terminal = true;
	}
	if (c->out_fd >= 0) {
		c->out_source = event_loop_add(c->loop, c->out_fd, 0, console_writable, c, err);
		if (!c->out_source)
			return ERR_NO_MEMORY;
	}
	return c->in_fd >= 0 ? watch_input(c, err) : 0;
}

static int open_pty(struct host_console *c, const char *argument, struct err *err)
{
	struct termios raw;

	(void)argument;
	c->owns_fds = true;
	c->in_fd = c->out_fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (c->in_fd < 0 || grantpt(c->in_fd) || unlockpt(c->in_fd) ||
	    ptsname_r(c->in_fd, c->path, sizeof(c->path)))
		return err_system(err, "console pty could not be opened");
	/* Held open, so that readers may come and go; raw, so that nothing is echoed to the guest. */
	c->far_fd = open(c->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (c->far_fd < 0 || tcgetattr(c->far_fd, &raw))
		return err_system(err, "console %s", c->path);
	cfmakeraw(&raw);
	tcsetattr(c->far_fd, TCSANOW, &raw);
	return watch_input(c, err);
}

static void client_came(void *ctx, uint32_t events)
{
	struct host_console *c = ctx;
	struct err err;

	(void)events;
	c->in_fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c->in_fd < 0)
		return;
	c->out_fd = c->in_fd;
	if (watch_input(c, &err)) {
		log_warn(c->log, "console %s: %s", c->name, err.text);
		close(c->in_fd);
		c->in_fd = c->out_fd = -1;
		return;
	}
	event_source_change(c->listen_source, 0);
	log_info(c->log, "console %s: a client has come", c->name);
	console_write(c);
}

/* Nobody answers at a socket that is left over from a process that was killed. */
static bool socket_is_left_over(const struct sockaddr_un *address)
{
	struct stat st;
	int fd;
	bool refused;

	if (lstat(address->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	refused = fd >= 0 && connect(fd, (const void *)address, sizeof(*address)) &&
		  errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return refused;
}

static int open_unix(struct host_console *c, const char *argument, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int failed;

	c->is_socket = c->owns_fds = true;
	if (!*argument || strlen(argument) >= sizeof(address.sun_path))
		return err_set(err, ERR_INVALID, "console unix:%s: the path is too %s", argument,
			       *argument ? "long" : "short");
	strcpy(address.sun_path, argument);
	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->listen_fd < 0)
		return err_system(err, "console %s", c->name);
	failed = bind(c->listen_fd, (const void *)&address, sizeof(address));
	if (failed && errno == EADDRINUSE && socket_is_left_over(&address) && !unlink(argument))
		failed = bind(c->listen_fd, (const void *)&address, sizeof(address));
	if (failed)
		return err_system(err, "console %s", c->name);
	strcpy(c->path, argument);
	if (listen(c->listen_fd, 1))
		return err_system(err, "console %s", c->name);
	c->listen_source = event_loop_add(c->loop, c->listen_fd, EPOLLIN, client_came, c, err);
	return c->listen_source ? 0 : ERR_SYSTEM;
}

static int open_file(struct host_console *c, const char *argument, struct err *err)
{
	if (strlen(argument) >= sizeof(c->path))
		return err_set(err, ERR_LIMIT, "console file:%s: the path is too long", argument);
	c->owns_fds = true;
	c->out_fd = open(argument, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
	if (c->out_fd < 0)
		return err_system(err, "console %s", c->name);
	strcpy(c->path, argument);
	c->out_source = event_loop_add(c->loop, c->out_fd, 0, console_writable, c, err);
	return c->out_source ? 0 : ERR_NO_MEMORY;
}

static int open_none(struct host_console *c, const char *argument, struct err *err)
{
	(void)c;
	(void)argument;
	(void)err;
	return 0;
}

static const struct {
	const char *word;
	int (*open)(struct host_console *c, const char *argument, struct err *err);
} kinds[] = {
	{"stdio", open_stdio}, {"pty", open_pty},   {"unix:", open_unix},
	{"file:", open_file},  {"none", open_none},
};

static int open_spec(struct host_console *c, const char *spec, struct err *err)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].word);
		bool whole = kinds[i].word[n - 1] != ':';

		if (!strncmp(spec, kinds[i].word, n) && (!whole || !spec[n]))
			return kinds[i].open(c, spec + n, err);
	}
	return err_set(err, ERR_INVALID,
		       "console %s is unknown; say stdio, pty, unix:PATH, file:PATH or none", spec);
}

struct host_console *host_console_open(const struct host_console_options *options, struct err *err)
{
	struct host_console *c = calloc(1, sizeof(*c));

	if (c)
		c->ring = malloc(HOST_CONSOLE_KEPT_BYTES);
	if (!c || !c->ring) {
		free(c);
		err_set(err, ERR_NO_MEMORY, "no memory for a console");
		return NULL;
	}
	snprintf(c->name, sizeof(c->name), "%s", options->spec);
	c->device = options->device;
	c->loop = options->loop;
	c->mailbox = options->mailbox;
	c->log = options->log;
	c->leave = options->leave;
	c->leave_ctx = options->leave_ctx;
	c->in_fd = c->out_fd = c->listen_fd = c->far_fd = -1;
	pthread_mutex_init(&c->lock, NULL);
	event_task_init(&c->write_task, c->loop, console_write, c);
	event_task_init(&c->read_task, c->loop, console_rested, c);
	if (open_spec(c, options->spec, err)) {
		host_console_close(c);
		return NULL;
	}
	return c;
}

const char *host_console_path(const struct host_console *c)
{
	return c->path;
}

struct output_backend host_console_backend(struct host_console *c)
{
	return (struct output_backend){.send = console_send, .ctx = c};
}

static void console_drain(struct host_console *c)
{
	while (c->out_fd >= 0 && !ring_empty(c) && fd_ready(c->out_fd, POLLOUT, PATIENCE_MS))
		if (piece_write(c) <= 0)
			return;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void host_console_close(struct host_console *c)
{
	if (!c)
		return;
	event_task_cancel(&c->write_task);
	event_task_cancel(&c->read_task);
	event_loop_remove(c->in_source);
	event_loop_remove(c->out_source);
	event_loop_remove(c->listen_source);
	c->in_source = c->out_source = c->listen_source = NULL;
	console_drain(c);
	if (c->dropped)
		log_info(c->log, "console %s: %llu bytes of output were dropped", c->name,
			 (unsigned long long)c->dropped);
	console_terminal_restore(&c->terminal);
	if (c->owns_fds) {
		close_fd(c->in_fd);
		if (c->out_fd != c->in_fd)
			close_fd(c->out_fd);
	}
	close_fd(c->far_fd);
	close_fd(c->listen_fd);
	if (c->is_socket && c->path[0])
		unlink(c->path);
	pthread_mutex_destroy(&c->lock);
	free(c->ring);
	free(c);
}
