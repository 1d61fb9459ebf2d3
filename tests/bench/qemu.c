/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/abi.h"
#include "tests/bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_INSTALLED 127

static void become_qemu(const struct bench_settings *settings, int console)
{
	char command_line[32];
	int null = open("/dev/null", O_RDWR);

	snprintf(command_line, sizeof(command_line), "bench percent=%u", settings->percent);
	dup2(null, STDIN_FILENO);
	dup2(console, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execlp("qemu-system-x86_64", "qemu-system-x86_64", "-M", "pc", "-accel", "tcg", "-cpu",
	       "max", "-nodefaults", "-display", "none", "-device",
	       "isa-debug-exit,iobase=0xf4,iosize=4", "-debugcon", "stdio", "-no-reboot", "-kernel",
	       settings->guest, "-append", command_line, (char *)NULL);
	_exit(NOT_INSTALLED);
}

static void listen_to(int console, struct bench_runs *runs)
{
	struct bench_listener listener = {.runs = runs};
	char bytes[256];
	ssize_t got;

	while ((got = read(console, bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR))
		for (ssize_t i = 0; i < got; i++)
			bench_listen(&listener, 0, bytes[i]);
}

int bench_qemu(const struct bench_settings *settings, struct bench_runs *runs, struct err *err)
{
	int console[2], status = 0;
	pid_t child;

	runs->count = 0;
	if (pipe2(console, O_CLOEXEC))
		return err_system(err, "a pipe");
	child = fork();
	if (child == 0)
		become_qemu(settings, console[1]);
	close(console[1]);
	if (child > 0)
		listen_to(console[0], runs);
	close(console[0]);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return err_system(err, "starting QEMU");
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_INSTALLED)
		return err_set(err, ERR_UNSUPPORTED, "qemu-system-x86_64 is not installed");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != (GUEST_EXIT_PASS << 1 | 1))
		return err_set(err, ERR_INVALID, "the guest under QEMU ended with status %#x",
			       status);
	return 0;
}
