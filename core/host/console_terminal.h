/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's terminal: raw mode that is undone however the process ends, and the keys that are
 * meant for us and not for the guest.
 */
#ifndef CORE_HOST_CONSOLE_TERMINAL_H
#define CORE_HOST_CONSOLE_TERMINAL_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

/* Zeroed before use. */
struct console_terminal {
	int fd; /* the terminal, borrowed */
	bool raw;
	struct termios before;
	pid_t keeper; /* child that restores the terminal should we die */
	int keeper_fd;
};

/*
 * Sends keys as they are typed, without echo or signals; output keeps its newline translation, for
 * our own messages.  A small child waits for this process to end, by whatever signal, and puts the
 * terminal back.  Returns 0 or ERR_SYSTEM.
 */
int console_terminal_raw(struct console_terminal *t, int fd, struct err *err);

/* Puts the terminal back; harmless when it is not raw. */
void console_terminal_restore(struct console_terminal *t);

/* Ctrl-A and a key, as users of QEMU's serial console know them. */
#define CONSOLE_ESCAPE 0x01

enum console_command {
	CONSOLE_LEAVE = 1, /* X */
	CONSOLE_HELP = 2,  /* H, ?, C (there is no monitor to show) and keys that mean nothing */
};

struct console_escape {
	bool armed; /* Ctrl-A was the last key */
};

/* Takes our keys out of what was typed, in place; Ctrl-A twice stands for one.  Returns what is
 * left for the guest and adds to *commands a set of enum console_command. */
size_t console_escape_filter(struct console_escape *e, uint8_t *keys, size_t n, unsigned *commands);

extern const char console_help[];

#endif
