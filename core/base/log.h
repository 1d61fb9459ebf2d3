/*
 * Log lines for people, written to a file descriptor, with the newest kept in memory for crash
 * reports.
 *
 * A log is passed by its owner to whoever has something to say; there is no log of the process.
 * Lines read "2026-01-31T12:00:00.123456Z info  text". Every line below the chosen level is dropped
 * before it is formatted, save that the tail keeps lines one level finer than those written: a
 * crash report then shows a little more than the operator had asked for.
 */
#ifndef CORE_BASE_LOG_H
#define CORE_BASE_LOG_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_BYTES 1024
#define LOG_TAIL_BYTES 16384

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

struct log {
	int fd;		      /* where lines go, not owned; -1: to the tail alone */
	enum log_level level; /* the finest level that is written */
	pthread_mutex_t lock; /* guards the tail, and keeps lines whole */
	uint64_t tail_end;    /* bytes ever put into the ring */
	char tail[LOG_TAIL_BYTES];
};

/* Prepares a log that the caller owns. fd stays the caller's. Free with log_close(). */
void log_open(struct log *log, int fd, enum log_level level);

/* Ends the use of a log; fd stays open. */
void log_close(struct log *log);

/*
 * Writes one line; a newline is added, and a line too long is cut. log may be NULL: nothing
 * happens. Safe from any thread; blocks as long as write() to the descriptor blocks. Failures to
 * write are ignored: there is nobody left to tell.
 */
void log_write(struct log *log, enum log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(log, ...) log_write(log, LOG_ERROR, __VA_ARGS__)
#define log_warn(log, ...)  log_write(log, LOG_WARN, __VA_ARGS__)
#define log_info(log, ...)  log_write(log, LOG_INFO, __VA_ARGS__)
#define log_debug(log, ...) log_write(log, LOG_DEBUG, __VA_ARGS__)

/*
 * Copies the newest whole lines that fit into text (size_bytes, always terminated) and returns the
 * length copied. Safe from any thread.
 */
size_t log_tail(struct log *log, char *text, size_t size_bytes);

/* The level called name ("error" .. "trace"), or -1. */
int log_level_parse(const char *name);

#endif
