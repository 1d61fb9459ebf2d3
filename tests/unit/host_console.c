/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/host_console.h"

#include "core/base/host_time.h"
#include "core/host/console_terminal.h"
#include "core/host/host_entropy.h"
#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEVICE	1
#define SECONDS 1000000000ull

struct bench {
	struct event_loop *loop;
	struct mailbox *mailbox;
	struct log log;
	struct host_console *console;
};

static int bench_start(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->loop = event_loop_create(NULL);
	assert_int_equal(event_loop_start(b->loop, NULL), 0);
	b->mailbox = mailbox_create(NULL, NULL, NULL);
	log_open(&b->log, -1, LOG_INFO);
	*state = b;
	return 0;
}

static int bench_end(void **state)
{
	struct bench *b = *state;

	host_console_close(b->console);
	event_loop_destroy(b->loop);
	mailbox_destroy(b->mailbox);
	log_close(&b->log);
	free(b);
	return 0;
}

static struct host_console *bench_try(struct bench *b, const char *spec, struct err *err)
{
	struct host_console_options options = {.spec = spec,
					       .device = DEVICE,
					       .loop = b->loop,
					       .mailbox = b->mailbox,
					       .log = &b->log};

	return host_console_open(&options, err);
}

static void bench_open(struct bench *b, const char *spec)
{
	struct err err = {0};

	b->console = bench_try(b, spec, &err);
	if (!b->console)
		fail_msg("%s", err.text);
}

static void bench_print(struct bench *b, const char *text, size_t n)
{
	struct output_backend to = host_console_backend(b->console);
	struct output o = {
		.kind = OUTPUT_CONSOLE, .device = DEVICE, .data = text, .size_bytes = (uint32_t)n};

	to.send(to.ctx, &o);
}

/* Collects keys until there are as many as expected. */
static void expect_keys(struct bench *b, const char *expected)
{
	char got[4096];
	size_t n = 0;
	uint64_t end = host_time_monotonic_ns() + 10 * SECONDS;
	struct input in;

	while (n < strlen(expected)) {
		assert_true(host_time_monotonic_ns() < end);
		if (!mailbox_take(b->mailbox, &in)) {
			mailbox_wait(b->mailbox, end);
			continue;
		}
		assert_int_equal(in.kind, INPUT_CONSOLE);
		assert_int_equal(in.device, DEVICE);
		assert_true(n + in.size_bytes <= sizeof(got));
		memcpy(got + n, in.data, in.size_bytes);
		n += in.size_bytes;
	}
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(got, expected, n);
}

static void expect_text(int fd, const char *expected)
{
	size_t n = 0, wanted = strlen(expected);
	char got[4096];

	while (n < wanted) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t part;

		assert_int_equal(poll(&p, 1, 10000), 1);
		part = read(fd, got + n, wanted - n);
		assert_true(part > 0);
		n += (size_t)part;
	}
	assert_memory_equal(got, expected, n);
}

static void wait_for_log(struct bench *b, const char *words)
{
	char text[LOG_TAIL_BYTES];

	for (int i = 0; i < 1000; i++) {
		log_tail(&b->log, text, sizeof(text));
		if (strstr(text, words))
			return;
		host_time_sleep_until(host_time_monotonic_ns() + SECONDS / 100);
	}
	fail_msg("the log does not say \"%s\" but \"%s\"", words, text);
}

static void a_pty_both_ways(void **state)
{
	struct bench *b = *state;
	int fd;

	bench_open(b, "pty");
	fd = open(host_console_path(b->console), O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	bench_print(b, "login: ", 7);
	expect_text(fd, "login: ");
	assert_int_equal(write(fd, "root\r\x01x", 7), 7);
	expect_keys(b, "root\r\x01x");
	close(fd);
	/* A reader may come back, and finds what was printed meanwhile. */
	bench_print(b, "# ", 2);
	fd = open(host_console_path(b->console), O_RDWR | O_NOCTTY);
	expect_text(fd, "# ");
	close(fd);
}

static int dial(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (void *)&address, sizeof(address)), 0);
	return fd;
}

static void a_socket_with_one_client_after_the_other(void **state)
{
	struct bench *b = *state;
	char directory[] = "/tmp/host_console.XXXXXX", path[64], spec[80];
	struct err err = {0};
	int fd;

	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/console", directory);
	snprintf(spec, sizeof(spec), "unix:%s", path);
	bench_open(b, spec);
	assert_null(bench_try(b, spec, &err));
	assert_says(&err, "in use");
	bench_print(b, "early ", 6);
	fd = dial(path);
	bench_print(b, "bird", 4);
	expect_text(fd, "early bird");
	assert_int_equal(send(fd, "hello", 5, 0), 5);
	expect_keys(b, "hello");
	close(fd);
	wait_for_log(b, "the client has gone");
	fd = dial(path);
	bench_print(b, "again", 5);
	expect_text(fd, "again");
	close(fd);
	host_console_close(b->console);
	b->console = NULL;
	assert_int_equal(access(path, F_OK), -1);
	rmdir(directory);
}

static void a_socket_left_over_is_replaced(void **state)
{
	struct bench *b = *state;
	char path[] = "/tmp/host_console.XXXXXX", spec[80];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = mkstemp(path), old = socket(AF_UNIX, SOCK_STREAM, 0);
	struct err err = {0};

	snprintf(spec, sizeof(spec), "unix:%s", path);
	/* A file is nobody's socket, and stays. */
	assert_null(bench_try(b, spec, &err));
	assert_int_equal(access(path, F_OK), 0);
	close(fd);
	unlink(path);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(old, (void *)&address, sizeof(address)), 0);
	close(old);
	bench_open(b, spec);
	fd = dial(path);
	bench_print(b, "new", 3);
	expect_text(fd, "new");
	close(fd);
}

static void a_file_has_all_of_it_at_the_end(void **state)
{
	struct bench *b = *state;
	char path[] = "/tmp/host_console.XXXXXX", spec[80], got[64] = "";
	int fd = mkstemp(path);

	snprintf(spec, sizeof(spec), "file:%s", path);
	bench_open(b, spec);
	bench_print(b, "Kernel ", 7);
	bench_print(b, "panic", 5);
	host_console_close(b->console);
	b->console = NULL;
	assert_int_equal(read(fd, got, sizeof(got)), 12);
	assert_string_equal(got, "Kernel panic");
	close(fd);
	unlink(path);
}

static void nobody_reading_blocks_nobody(void **state)
{
	struct bench *b = *state;
	char line[1000];

	memset(line, 'x', sizeof(line));
	bench_open(b, "pty");
	for (int i = 0; i < 2000; i++)
		bench_print(b, line, sizeof(line));
	wait_for_log(b, "the oldest output is dropped");
	host_console_close(b->console);
	b->console = NULL;
	wait_for_log(b, "bytes of output were dropped");
}

/* Runs body with standard input and output on a pipe each; returns our ends. */
static void with_pipes(int ends[2], int kept[2])
{
	int in[2], out[2];

	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	fflush(stdout);
	kept[0] = dup(0);
	kept[1] = dup(1);
	dup2(in[0], 0);
	dup2(out[1], 1);
	close(in[0]);
	close(out[1]);
	ends[0] = in[1];
	ends[1] = out[0];
}

static void without_pipes(const int kept[2])
{
	dup2(kept[0], 0);
	dup2(kept[1], 1);
	close(kept[0]);
	close(kept[1]);
}

static void stdio_that_closes(void **state)
{
	struct bench *b = *state;
	int ends[2], kept[2];

	with_pipes(ends, kept);
	bench_open(b, "stdio");
	assert_int_equal(write(ends[0], "abc", 3), 3);
	expect_keys(b, "abc");
	bench_print(b, "out", 3);
	expect_text(ends[1], "out");
	close(ends[0]);
	wait_for_log(b, "no more keys");
	close(ends[1]);
	bench_print(b, "more", 4);
	wait_for_log(b, "cannot be written any more");
	host_console_close(b->console);
	b->console = NULL;
	without_pipes(kept);
}

static void none_and_nonsense(void **state)
{
	struct bench *b = *state;
	struct err err = {0};

	bench_open(b, "none");
	bench_print(b, "x", 1);
	assert_null(bench_try(b, "stdioo", &err));
	assert_says(&err, "stdioo");
	assert_null(bench_try(b, "unix:", &err));
	assert_null(bench_try(b, "file:/nonexistent/x", &err));
	assert_says(&err, "/nonexistent/x");
}

static void our_keys_are_taken_out(void **state)
{
	struct console_escape e = {0};
	uint8_t keys[] = "ab\x01\x01"
			 "c\x01x\x01hd\x01";
	unsigned commands = 0;
	size_t n;

	(void)state;
	n = console_escape_filter(&e, keys, sizeof(keys) - 1, &commands);
	assert_int_equal(n, 5);
	assert_memory_equal(keys,
			    "ab\x01"
			    "cd",
			    5);
	assert_int_equal(commands, CONSOLE_LEAVE | CONSOLE_HELP);
	/* The escape at the end counts for what comes next. */
	commands = 0;
	keys[0] = 'X';
	assert_int_equal(console_escape_filter(&e, keys, 1, &commands), 0);
	assert_int_equal(commands, CONSOLE_LEAVE);
}

static int terminal_open(int *master)
{
	char name[64];

	*master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(*master >= 0 && !grantpt(*master) && !unlockpt(*master));
	assert_int_equal(ptsname_r(*master, name, sizeof(name)), 0);
	return open(name, O_RDWR | O_NOCTTY);
}

static bool is_raw(int fd)
{
	struct termios mode;

	tcgetattr(fd, &mode);
	return !(mode.c_lflag & (ICANON | ECHO | ISIG));
}

static void a_terminal_is_put_back(void **state)
{
	struct console_terminal t = {0};
	int master, fd = terminal_open(&master);

	(void)state;
	assert_false(is_raw(fd));
	assert_int_equal(console_terminal_raw(&t, fd, NULL), 0);
	assert_true(is_raw(fd));
	console_terminal_restore(&t);
	assert_false(is_raw(fd));
	console_terminal_restore(&t);
	close(fd);
	close(master);
}

static void a_terminal_is_put_back_after_a_kill(void **state)
{
	int master, fd = terminal_open(&master), status;
	pid_t child = fork();

	(void)state;
	if (!child) {
		struct console_terminal t = {0};

		console_terminal_raw(&t, fd, NULL);
		raise(is_raw(fd) ? SIGKILL : SIGTERM);
	}
	waitpid(child, &status, 0);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	for (int i = 0; i < 1000 && is_raw(fd); i++)
		host_time_sleep_until(host_time_monotonic_ns() + SECONDS / 100);
	assert_false(is_raw(fd));
	close(fd);
	close(master);
}

static void entropy_answers_in_order(void **state)
{
	struct bench *b = *state;
	struct host_entropy *e = host_entropy_open(3, b->loop, b->mailbox, NULL);
	struct output_backend to = host_entropy_backend(e);
	uint64_t end = host_time_monotonic_ns() + 10 * SECONDS;
	uint8_t first[64], zeros[64] = {0};
	struct input in;

	for (uint64_t n = 64; n < 74; n++)
		to.send(to.ctx, &(struct output){.kind = OUTPUT_ENTROPY, .value = n});
	for (uint64_t n = 64; n < 74; n++) {
		while (!mailbox_take(b->mailbox, &in)) {
			assert_true(host_time_monotonic_ns() < end);
			mailbox_wait(b->mailbox, end);
		}
		assert_int_equal(in.kind, INPUT_ENTROPY);
		assert_int_equal(in.device, 3);
		assert_int_equal(in.size_bytes, n);
		assert_memory_not_equal(in.data, n == 64 ? zeros : first, 64);
		memcpy(first, in.data, 64);
	}
	host_entropy_close(e);
}

static void count_task(void *ctx)
{
	(*(_Atomic int *)ctx)++;
}

static void tasks_run_once_and_in_time(void **state)
{
	struct bench *b = *state;
	_Atomic int runs = 0, late = 0;
	struct event_task task, timer, never;
	uint64_t start = host_time_monotonic_ns();

	event_task_init(&task, b->loop, count_task, (void *)&runs);
	event_task_init(&timer, b->loop, count_task, (void *)&late);
	event_task_init(&never, b->loop, count_task, (void *)&late);
	event_task_post_at(&never, start + 3600 * SECONDS);
	event_task_post_at(&timer, start + SECONDS / 20);
	event_task_post(&task);
	while (!runs)
		host_time_sleep_until(host_time_monotonic_ns() + SECONDS / 1000);
	while (!late)
		host_time_sleep_until(host_time_monotonic_ns() + SECONDS / 1000);
	assert_true(host_time_monotonic_ns() - start >= SECONDS / 20);
	event_task_cancel(&task);
	event_task_cancel(&timer);
	event_task_cancel(&never);
	assert_int_equal(runs, 1);
	assert_int_equal(late, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_start, bench_end)
	const struct CMUnitTest tests[] = {
		TEST(a_pty_both_ways),
		TEST(a_socket_with_one_client_after_the_other),
		TEST(a_socket_left_over_is_replaced),
		TEST(a_file_has_all_of_it_at_the_end),
		TEST(nobody_reading_blocks_nobody),
		TEST(stdio_that_closes),
		TEST(none_and_nonsense),
		TEST(entropy_answers_in_order),
		TEST(tasks_run_once_and_in_time),
		cmocka_unit_test(our_keys_are_taken_out),
		cmocka_unit_test(a_terminal_is_put_back),
		cmocka_unit_test(a_terminal_is_put_back_after_a_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
