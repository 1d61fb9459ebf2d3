/* SPDX-License-Identifier: Apache-2.0 */
#include "core/host/console_terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

const char console_help[] = "\n"
			    "Ctrl-A X  leave: end the machine at once\n"
			    "Ctrl-A H  this help\n"
			    "Ctrl-A Ctrl-A  send Ctrl-A to the guest\n";

/* The keeper's life: wait for a byte (the terminal has been put back) or for the end of the pipe
 * (our parent is gone).  Runs after fork(), so only what is async-signal-safe. */
static void keeper_run(int terminal_fd, int pipe_fd, const struct termios *before)
{
	char told;
	ssize_t got;

	terminal_fd = fcntl(terminal_fd, F_DUPFD, 3);
	pipe_fd = fcntl(pipe_fd, F_DUPFD, 3);
	dup2(terminal_fd, 0);
	dup2(pipe_fd, 1);
	close_range(2, ~0u, 0);
	setpgid(0, 0);
	do
		got = read(1, &told, 1);
	while (got < 0 && errno == EINTR);
	if (!got)
		tcsetattr(0, TCSANOW, before);
	_exit(0);
}

static int keeper_start(struct console_terminal *t, struct err *err)
{
	sigset_t all, before;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return err_system(err, "no pipe to guard the terminal");
	/* With all signals blocked the child outlives what is sent to the whole group, and may
	 * change a terminal that is not its own. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	t->keeper = fork();
	if (!t->keeper)
		keeper_run(t->fd, ends[0], &t->before);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(ends[0]);
	t->keeper_fd = ends[1];
	if (t->keeper < 0) {
		close(ends[1]);
		return err_system(err, "no process to guard the terminal");
	}
	return 0;
}

int console_terminal_raw(struct console_terminal *t, int fd, struct err *err)
{
	struct termios raw;

	t->fd = fd;
	if (tcgetattr(fd, &t->before))
		return err_system(err, "the terminal's mode cannot be read");
	if (keeper_start(t, err))
		return ERR_SYSTEM;
	raw = t->before;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST;
	t->raw = true;
	if (tcsetattr(fd, TCSANOW, &raw)) {
		err_system(err, "the terminal's mode cannot be set");
		console_terminal_restore(t);
		return ERR_SYSTEM;
	}
	return 0;
}

void console_terminal_restore(struct console_terminal *t)
{
	const char done = 0;

	if (!t->raw)
		return;
	t->raw = false;
	tcsetattr(t->fd, TCSANOW, &t->before);
	/* Should this fail, the keeper puts the terminal back once more. */
	if (write(t->keeper_fd, &done, 1) != 1)
		tcdrain(t->fd);
	close(t->keeper_fd);
	while (waitpid(t->keeper, NULL, 0) < 0 && errno == EINTR)
		;
}

static unsigned escape_command(uint8_t key)
{
	return key == 'x' || key == 'X' ? CONSOLE_LEAVE : CONSOLE_HELP;
}

size_t console_escape_filter(struct console_escape *e, uint8_t *keys, size_t n, unsigned *commands)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (!e->armed && keys[i] == CONSOLE_ESCAPE) {
			e->armed = true;
			continue;
		}
		if (e->armed && keys[i] != CONSOLE_ESCAPE)
			*commands |= escape_command(keys[i]);
		else
			keys[kept++] = keys[i];
		e->armed = false;
	}
	return kept;
}
