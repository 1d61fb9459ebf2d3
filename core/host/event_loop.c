/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two locks.  `turn` is held while callbacks run and while sources change, so that whoever changes
 * them from outside waits for a callback under way; it is recursive for callbacks that do so.
 * `posting` guards the list of tasks for moments only, so that the machine's thread may post
 * without ever waiting for a callback.  Whoever holds posting takes no other lock.
 *
 * A source that is removed may still be named by events which epoll has handed out already, so it
 * is only marked dead, and freed when the loop has gone through them.
 */
#include "core/host/event_loop.h"

#include "core/base/host_time.h"
#include "core/host/host_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 64

struct event_source {
	struct event_loop *loop;
	int fd;
	bool watched; /* by epoll */
	bool dead;
	void (*on_event)(void *ctx, uint32_t events);
	void *ctx;
	struct event_source *next_dead;
};

struct event_loop {
	int epoll_fd, wake_fd;
	pthread_t thread;
	bool running;
	pthread_mutex_t turn;
	struct event_source *dead;
	pthread_mutex_t posting;
	bool stopping;
	struct event_task *tasks; /* in the order of posting */
};

struct event_loop *event_loop_create(struct err *err)
{
	struct event_loop *loop = calloc(1, sizeof(*loop));
	struct epoll_event wake = {.events = EPOLLIN};
	pthread_mutexattr_t recursive;

	if (!loop) {
		err_set(err, ERR_NO_MEMORY, "no memory for an event loop");
		return NULL;
	}
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&loop->turn, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_mutex_init(&loop->posting, NULL);
	if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &wake)) {
		err_system(err, "event loop could not be made");
		event_loop_destroy(loop);
		return NULL;
	}
	return loop;
}

static void loop_wake(struct event_loop *loop)
{
	const uint64_t one = 1;

	/* Fails only when the counter is full, and then a wake is already due. */
	if (write(loop->wake_fd, &one, sizeof(one)) < 0)
		return;
}

static void loop_woken(struct event_loop *loop)
{
	uint64_t count;

	if (read(loop->wake_fd, &count, sizeof(count)) < 0)
		return;
}

/* The next task that is due, taken from the list; else NULL, with how long to wait for one. */
static struct event_task *loop_next_task(struct event_loop *loop, int *wait_ms, bool *stop)
{
	struct event_task *found = NULL;
	uint64_t now_ns = host_time_monotonic_ns(), first_ns = UINT64_MAX;

	pthread_mutex_lock(&loop->posting);
	*stop = loop->stopping;
	for (struct event_task **at = &loop->tasks; *at; at = &(*at)->next) {
		struct event_task *task = *at;

		if (task->due_ns <= now_ns) {
			found = task;
			*at = task->next;
			task->posted = false;
			break;
		}
		if (task->due_ns < first_ns)
			first_ns = task->due_ns;
	}
	pthread_mutex_unlock(&loop->posting);
	*wait_ms = -1;
	if (first_ns != UINT64_MAX)
		*wait_ms = (int)((first_ns - now_ns + 999999) / 1000000 % 86400000);
	return found;
}

/* Runs the tasks that are due; returns how long epoll may wait, or -2 when the loop is to stop. */
static int loop_tasks(struct event_loop *loop)
{
	for (;;) {
		struct event_task *task;
		int wait_ms;
		bool stop;

		/* Taken under turn, so that event_task_cancel() waits until it has run. */
		pthread_mutex_lock(&loop->turn);
		task = loop_next_task(loop, &wait_ms, &stop);
		if (task && !stop)
			task->run(task->ctx);
		pthread_mutex_unlock(&loop->turn);
		if (stop)
			return -2;
		if (!task)
			return wait_ms;
	}
}

static void loop_bury(struct event_loop *loop)
{
	while (loop->dead) {
		struct event_source *source = loop->dead;

		loop->dead = source->next_dead;
		free(source);
	}
}

static void *loop_body(void *ctx)
{
	struct event_loop *loop = ctx;
	struct epoll_event events[EVENTS_AT_ONCE];

	for (;;) {
		int wait_ms = loop_tasks(loop), n;

		if (wait_ms == -2)
			return NULL;
		n = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, wait_ms);
		pthread_mutex_lock(&loop->turn);
		for (int i = 0; i < n; i++) {
			struct event_source *source = events[i].data.ptr;

			if (!source)
				loop_woken(loop);
			else if (!source->dead)
				source->on_event(source->ctx, events[i].events);
		}
		loop_bury(loop);
		pthread_mutex_unlock(&loop->turn);
	}
}

int event_loop_start(struct event_loop *loop, struct err *err)
{
	int failed;

	pthread_mutex_lock(&loop->posting);
	loop->stopping = false;
	pthread_mutex_unlock(&loop->posting);
	failed = host_thread_start(&loop->thread, "events", loop_body, loop, err);
	loop->running = !failed;
	return failed;
}

void event_loop_stop(struct event_loop *loop)
{
	if (!loop->running)
		return;
	pthread_mutex_lock(&loop->posting);
	loop->stopping = true;
	pthread_mutex_unlock(&loop->posting);
	loop_wake(loop);
	pthread_join(loop->thread, NULL);
	loop->running = false;
}

void event_loop_destroy(struct event_loop *loop)
{
	if (!loop)
		return;
	event_loop_stop(loop);
	loop_bury(loop);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	pthread_mutex_destroy(&loop->turn);
	pthread_mutex_destroy(&loop->posting);
	free(loop);
}

static int source_watch(struct event_source *source, uint32_t events)
{
	struct epoll_event wanted = {.events = events, .data.ptr = source};
	int how = source->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (!events)
		how = EPOLL_CTL_DEL;
	if (!events && !source->watched)
		return 0;
	if (epoll_ctl(source->loop->epoll_fd, how, source->fd, &wanted))
		return -1;
	source->watched = events != 0;
	return 0;
}

struct event_source *event_loop_add(struct event_loop *loop, int fd, uint32_t events,
				    void (*on_event)(void *ctx, uint32_t events), void *ctx,
				    struct err *err)
{
	struct event_source *source = calloc(1, sizeof(*source));
	int failed, why;

	if (!source) {
		err_set(err, ERR_NO_MEMORY, "no memory for an event source");
		return NULL;
	}
	*source = (struct event_source){.loop = loop, .fd = fd, .on_event = on_event, .ctx = ctx};
	pthread_mutex_lock(&loop->turn);
	failed = source_watch(source, events);
	why = errno;
	pthread_mutex_unlock(&loop->turn);
	if (failed) {
		free(source);
		errno = why;
		err_system(err, "descriptor %d cannot be waited for", fd);
		errno = why;
		return NULL;
	}
	return source;
}

void event_source_change(struct event_source *source, uint32_t events)
{
	pthread_mutex_lock(&source->loop->turn);
	source_watch(source, events);
	pthread_mutex_unlock(&source->loop->turn);
}

void event_loop_remove(struct event_source *source)
{
	struct event_loop *loop;

	if (!source)
		return;
	loop = source->loop;
	pthread_mutex_lock(&loop->turn);
	source_watch(source, 0);
	source->dead = true;
	source->next_dead = loop->dead;
	loop->dead = source;
	pthread_mutex_unlock(&loop->turn);
}

void event_task_init(struct event_task *task, struct event_loop *loop, void (*run)(void *ctx),
		     void *ctx)
{
	*task = (struct event_task){.loop = loop, .run = run, .ctx = ctx};
}

void event_task_post(struct event_task *task)
{
	event_task_post_at(task, 0);
}

void event_task_post_at(struct event_task *task, uint64_t due_ns)
{
	struct event_loop *loop = task->loop;
	struct event_task **at;
	bool sooner = true;

	pthread_mutex_lock(&loop->posting);
	if (task->posted) {
		sooner = due_ns < task->due_ns;
		if (sooner)
			task->due_ns = due_ns;
	} else {
		task->posted = true;
		task->due_ns = due_ns;
		task->next = NULL;
		for (at = &loop->tasks; *at; at = &(*at)->next)
			;
		*at = task;
	}
	pthread_mutex_unlock(&loop->posting);
	if (sooner)
		loop_wake(loop);
}

void event_task_cancel(struct event_task *task)
{
	struct event_loop *loop = task->loop;

	if (!loop)
		return;
	pthread_mutex_lock(&loop->turn);
	pthread_mutex_lock(&loop->posting);
	for (struct event_task **at = &loop->tasks; *at; at = &(*at)->next)
		if (*at == task) {
			*at = task->next;
			break;
		}
	task->posted = false;
	pthread_mutex_unlock(&loop->posting);
	pthread_mutex_unlock(&loop->turn);
}
