/* SPDX-License-Identifier: Apache-2.0 */
/* What `understudy run` is asked for on its command line. */
#ifndef TOOLS_RUN_OPTIONS_H
#define TOOLS_RUN_OPTIONS_H

#include "core/base/err.h"
#include "core/machine/boot.h"
#include "core/machine/config.h"
#include "tools/args.h"

#include <stdbool.h>
#include <stdint.h>

/* What Linux kernels are told when the user does not say. */
#define RUN_COMMAND_LINE_REST	 " quiet nokaslr cryptomgr.notests panic=-1 reboot=a"
#define RUN_COMMAND_LINE_UART	 "console=ttyS0" RUN_COMMAND_LINE_REST
#define RUN_COMMAND_LINE_CONSOLE "console=hvc0" RUN_COMMAND_LINE_REST

/* All texts point into argv or are constants. */
struct run_disk {
	char *path;
	bool read_only, shared;
	uint64_t queues;
	char *serial;
};

struct run_nic {
	char *spec; /* core/host/host_net.h */
	bool has_mac;
	uint8_t mac[6];
};

struct run_module {
	char *path, *command_line;
};

struct run_options {
	char *kernel, *initrd, *append, *name, *pidfile;
	struct run_module module[BOOT_MODULES_MAX];
	unsigned n_modules;
	uint64_t memory_bytes, cpus, debug_exit_port;
	char *cpu, *engine, *log_level, *rtc;
	char *serial, *console;
	struct run_disk disk[MACHINE_DISKS_MAX];
	unsigned n_disks;
	struct run_nic nic[MACHINE_NICS_MAX];
	unsigned n_nics;
	bool rng, balloon, no_reboot, json;
	bool seeded;
	uint64_t seed;
};

extern const struct args_table run_args;

/* Fills in defaults, takes the command line and checks what belongs together.  Returns 0 or an
 * error whose sentence begins with the option; *help: only help is wanted. */
int run_options_parse(struct run_options *o, int argc, char **argv, bool *help, struct err *err);

#endif
