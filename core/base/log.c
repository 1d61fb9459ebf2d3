#include "core/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/host_time.h"

static const char *const level_names[] = {"error", "warn", "info", "debug", "trace"};

#define LEVELS (sizeof(level_names) / sizeof(level_names[0]))

void log_open(struct log *log, int fd, enum log_level level)
{
	memset(log, 0, sizeof(*log));
	log->fd = fd;
	log->level = level;
	pthread_mutex_init(&log->lock, NULL);
}

void log_close(struct log *log)
{
	pthread_mutex_destroy(&log->lock);
}

static size_t line_start(char *line, size_t size, enum log_level level)
{
	uint64_t now_ns = host_time_realtime_ns();
	time_t seconds = (time_t)(now_ns / NS_PER_SECOND);
	unsigned microseconds = (unsigned)(now_ns % NS_PER_SECOND / 1000);
	struct tm utc;
	size_t used;

	gmtime_r(&seconds, &utc);
	used = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
	return used + (size_t)snprintf(line + used, size - used, ".%06uZ %-5s ", microseconds,
				       level_names[level]);
}

static void tail_append(struct log *log, const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		log->tail[(log->tail_end + i) % LOG_TAIL_BYTES] = line[i];
	log->tail_end += length;
}

static void fd_append(int fd, const char *line, size_t length)
{
	while (length) {
		ssize_t done = write(fd, line, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		line += done;
		length -= (size_t)done;
	}
}

void log_write(struct log *log, enum log_level level, const char *format, ...)
{
	char line[LOG_LINE_BYTES];
	size_t used;
	int wanted;
	va_list args;

	if (!log || level > log->level + 1)
		return;
	used = line_start(line, sizeof(line), level);
	va_start(args, format);
	wanted = vsnprintf(line + used, sizeof(line) - used, format, args);
	va_end(args);
	if (wanted > 0)
		used += (size_t)wanted;
	if (used > sizeof(line) - 1)
		used = sizeof(line) - 1;
	line[used++] = '\n';

	pthread_mutex_lock(&log->lock);
	tail_append(log, line, used);
	if (level <= log->level && log->fd >= 0)
		fd_append(log->fd, line, used);
	pthread_mutex_unlock(&log->lock);
}

size_t log_tail(struct log *log, char *text, size_t size_bytes)
{
	uint64_t from, end;
	size_t length = 0;

	if (!size_bytes)
		return 0;
	pthread_mutex_lock(&log->lock);
	end = log->tail_end;
	from = end > LOG_TAIL_BYTES ? end - LOG_TAIL_BYTES : 0;
	if (end - from > size_bytes - 1)
		from = end - (size_bytes - 1);
	/* The byte before the oldest is gone, so whether a line begins there is unknown. */
	if (from &&
	    (end - from == LOG_TAIL_BYTES || log->tail[(from - 1) % LOG_TAIL_BYTES] != '\n')) {
		while (from < end && log->tail[from % LOG_TAIL_BYTES] != '\n')
			from++;
		from += from < end;
	}
	while (from < end)
		text[length++] = log->tail[from++ % LOG_TAIL_BYTES];
	pthread_mutex_unlock(&log->lock);
	text[length] = '\0';
	return length;
}

int log_level_parse(const char *name)
{
	for (size_t i = 0; i < LEVELS; i++)
		if (!strcmp(name, level_names[i]))
			return (int)i;
	return -1;
}
