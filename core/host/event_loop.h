/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread that waits for descriptors, timers and posted tasks, and calls back.
 *
 * All callbacks run on the loop's thread, one at a time, and must not block.  Adding, changing and
 * removing is allowed from any thread, callbacks included; it waits for a callback under way on
 * another thread to end.  So after a removal the callback does not run and will not run again,
 * and its context may be freed.
 *
 *	loop = event_loop_create(err);
 *	source = event_loop_add(loop, fd, EPOLLIN, on_readable, ctx, err);
 *	event_loop_start(loop, err);
 *	...
 *	event_loop_remove(source);
 *	event_loop_destroy(loop);
 */
#ifndef CORE_HOST_EVENT_LOOP_H
#define CORE_HOST_EVENT_LOOP_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct event_loop;
struct event_source;

/* A loop that does not turn yet.  NULL with err set on failure. */
struct event_loop *event_loop_create(struct err *err);

/* Starts its thread.  Returns 0 or ERR_SYSTEM. */
int event_loop_start(struct event_loop *loop, struct err *err);

/* Stops and joins the thread, if there is one; waits for a callback under way.  Sources, timers
 * and tasks may still be removed afterwards.  Not from a callback. */
void event_loop_stop(struct event_loop *loop);

/* Stops and frees; sources, timers and tasks must be removed before.  NULL is allowed. */
void event_loop_destroy(struct event_loop *loop);

/* Calls on_event with what epoll reports of fd, which stays the caller's and open until removal.
 * events: EPOLLIN, EPOLLOUT, level-triggered; errors and hang-ups are always reported.  NULL with
 * err set on failure; a regular file fails with EPERM in errno. */
struct event_source *event_loop_add(struct event_loop *loop, int fd, uint32_t events,
				    void (*on_event)(void *ctx, uint32_t events), void *ctx,
				    struct err *err);

/* Other events from now on.  0 means that not even errors are reported. */
void event_source_change(struct event_source *source, uint32_t events);

/* NULL is allowed. */
void event_loop_remove(struct event_source *source);

/* A piece of work for the loop's thread, embedded in its owner; zeroed, then event_task_init(). */
struct event_task {
	struct event_loop *loop;
	void (*run)(void *ctx);
	void *ctx;
	struct event_task *next;
	bool posted;
	uint64_t due_ns; /* host time; 0: at once */
};

void event_task_init(struct event_task *task, struct event_loop *loop, void (*run)(void *ctx),
		     void *ctx);

/* Runs the task once, soon.  Posting it again before it runs changes nothing (or makes it sooner).
 * From any thread; never waits for a callback. */
void event_task_post(struct event_task *task);

/* As event_task_post(), at host time due_ns (monotonic) or up to a millisecond later. */
void event_task_post_at(struct event_task *task, uint64_t due_ns);

/* The task does not run again; waits for it to end if it runs. */
void event_task_cancel(struct event_task *task);

#endif
