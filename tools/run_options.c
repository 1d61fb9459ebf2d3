/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/run_options.h"

#include "core/x86/cpuid.h"

#include <stdlib.h>
#include <string.h>

#define AT(field) .offset = offsetof(struct run_options, field)

/* ---- values with parts ---- */

static const struct args_option disk_parts[] = {
	{.name = "readonly", .kind = ARGS_FLAG, .offset = offsetof(struct run_disk, read_only)},
	{.name = "shared", .kind = ARGS_FLAG, .offset = offsetof(struct run_disk, shared)},
	{.name = "queues",
	 .kind = ARGS_NUMBER,
	 .offset = offsetof(struct run_disk, queues),
	 .low = 1,
	 .high = 64,
	 .value = "N"},
	{.name = "serial",
	 .kind = ARGS_TEXT,
	 .offset = offsetof(struct run_disk, serial),
	 .value = "TEXT"},
	{0},
};

static int take_disk(void *target, char *text, struct err *err)
{
	struct run_options *o = target;
	struct run_disk *d = &o->disk[o->n_disks];

	if (o->n_disks == MACHINE_DISKS_MAX)
		return err_set(err, ERR_LIMIT, "a machine has up to %d disks", MACHINE_DISKS_MAX);
	d->queues = 1;
	d->path = args_cut(&text);
	if (!*d->path)
		return err_set(err, ERR_INVALID, "the file's name comes first");
	if (args_parts(disk_parts, text, d, err))
		return err_wrap(err, "%s", d->path);
	if (d->serial && strlen(d->serial) > sizeof(((struct disk_config *)0)->serial))
		return err_set(err, ERR_INVALID, "%s: serial: at most %zu characters", d->path,
			       sizeof(((struct disk_config *)0)->serial));
	o->n_disks++;
	return 0;
}

/* The backend's own spec and options pass through to core/host/host_net.h; the address is the
 * machine's and is cut out. */
static int take_mac(struct run_nic *n, char *text, struct err *err)
{
	char *option = strstr(text, ",mac="), *address, *end;

	if (!option)
		return 0;
	address = option + strlen(",mac=");
	for (unsigned i = 0; i < sizeof(n->mac); i++) {
		unsigned long byte = strtoul(address, &end, 16);

		if (end == address || byte > UINT8_MAX || *end != (i == 5 ? *end : ':'))
			break;
		n->mac[i] = (uint8_t)byte;
		address = end + (i < 5);
		n->has_mac = i == 5;
	}
	if (!n->has_mac || (*address && *address != ',') || n->mac[0] & 1)
		return err_set(err, ERR_INVALID,
			       "mac= wants a station's address such as 02:00:00:00:00:01");
	memmove(option, address, strlen(address) + 1);
	return 0;
}

static int take_nic(void *target, char *text, struct err *err)
{
	struct run_options *o = target;
	struct run_nic *n = &o->nic[o->n_nics];

	if (o->n_nics == MACHINE_NICS_MAX)
		return err_set(err, ERR_LIMIT, "a machine has up to %d NICs", MACHINE_NICS_MAX);
	n->spec = text;
	o->n_nics++;
	return take_mac(n, text, err);
}

static int take_module(void *target, char *text, struct err *err)
{
	struct run_options *o = target;
	struct run_module *m = &o->module[o->n_modules];

	if (o->n_modules == BOOT_MODULES_MAX)
		return err_set(err, ERR_LIMIT, "at most %d", BOOT_MODULES_MAX);
	m->path = text;
	m->command_line = strchr(text, '=');
	if (m->command_line)
		*m->command_line++ = 0;
	o->n_modules++;
	return 0;
}

static int take_seed(void *target, char *text, struct err *err)
{
	struct run_options *o = target;

	o->seeded = true;
	return args_number(text, &o->seed, err);
}

/* ---- the table ---- */

static const struct args_option options[] = {
	{.name = "kernel",
	 .kind = ARGS_TEXT,
	 AT(kernel),
	 .value = "FILE",
	 .help = "what to boot: a Linux bzImage, a vmlinux or other ELF with a PVH entry, or a "
		 "multiboot v1 kernel"},
	{.name = "initrd",
	 .kind = ARGS_TEXT,
	 AT(initrd),
	 .value = "FILE",
	 .help = "its initial file system"},
	{.name = "append",
	 .kind = ARGS_TEXT,
	 AT(append),
	 .value = "TEXT",
	 .help = "the kernel's command line, instead of the one below"},
	{.name = "module",
	 .kind = ARGS_CALL,
	 .take = take_module,
	 .value = "FILE[=ARGS]",
	 .help = "a module for a multiboot or PVH kernel (repeatable)"},
	{.name = "mem",
	 .kind = ARGS_SIZE,
	 AT(memory_bytes),
	 .low = 2 << 20,
	 .high = 1ull << 40,
	 .value = "SIZE",
	 .help = "memory (512M)"},
	{.name = "cpus",
	 .kind = ARGS_NUMBER,
	 AT(cpus),
	 .low = 1,
	 .high = MACHINE_VCPUS_MAX,
	 .value = "N",
	 .help = "vCPUs (1)"},
	{.name = "cpu",
	 .kind = ARGS_TEXT,
	 AT(cpu),
	 .value = "MODEL",
	 .help = "CPU model (portable-v1)"},
	{.name = "engine",
	 .kind = ARGS_TEXT,
	 AT(engine),
	 .value = "auto|soft|kvm",
	 .help = "what runs the vCPUs (auto); soft,translate=off keeps to the interpreter"},
	{.name = "disk",
	 .kind = ARGS_CALL,
	 .take = take_disk,
	 .value = "FILE[,...]",
	 .help = "a disk from a raw file or a block device (repeatable):\n"
		 "readonly, shared (both hosts see the same storage), queues=N, serial=TEXT"},
	{.name = "net",
	 .kind = ARGS_CALL,
	 .take = take_nic,
	 .value = "WHERE[,...]",
	 .help = "a NIC (repeatable) on tap:NAME, user, pcap:IFACE or none:\n"
		 "mac=ADDRESS, dump=FILE.pcap, and for user, repeatable, "
		 "hostfwd=tcp:[ADDRESS]:PORT-[ADDRESS]:PORT"},
	{.name = "serial",
	 .kind = ARGS_TEXT,
	 AT(serial),
	 .value = "WHERE",
	 .help = "where the serial port, ttyS0, leads: stdio, pty, unix:PATH, file:PATH or none "
		 "(stdio, unless the console has it)"},
	{.name = "console",
	 .kind = ARGS_TEXT,
	 AT(console),
	 .value = "WHERE",
	 .help = "a virtio console, hvc0, and where it leads, as above (none)"},
	{.name = "rng",
	 .kind = ARGS_SWITCH,
	 AT(rng),
	 .value = "on|off",
	 .help = "a virtio random number generator (on)"},
	{.name = "balloon",
	 .kind = ARGS_SWITCH,
	 AT(balloon),
	 .value = "on|off",
	 .help = "a virtio balloon (off)"},
	{.name = "debug-exit",
	 .kind = ARGS_NUMBER,
	 AT(debug_exit_port),
	 .low = 1,
	 .high = 0xfffc,
	 .value = "PORT",
	 .help = "a write of V to this port ends the run with exit code (V << 1) | 1"},
	{.name = "rtc",
	 .kind = ARGS_TEXT,
	 AT(rtc),
	 .value = "utc|SECONDS",
	 .help = "the guest's time of day at its start: the host's, or seconds since 1970 (utc)"},
	{.name = "seed",
	 .kind = ARGS_CALL,
	 .take = take_seed,
	 .value = "NUMBER",
	 .help = "what the boot seed of the guest's random numbers is made from (the host's random "
		 "numbers)"},
	{.name = "no-reboot",
	 .kind = ARGS_FLAG,
	 AT(no_reboot),
	 .help = "end when the guest resets itself"},
	{.name = "name",
	 .kind = ARGS_TEXT,
	 AT(name),
	 .value = "TEXT",
	 .help = "what the guest is called in messages (guest)"},
	{.name = "pidfile",
	 .kind = ARGS_TEXT,
	 AT(pidfile),
	 .value = "FILE",
	 .help = "holds the process number while the guest runs"},
	{.name = "log-level",
	 .kind = ARGS_TEXT,
	 AT(log_level),
	 .value = "LEVEL",
	 .help = "error, warn, info, debug or trace (info)"},
	{.name = "json",
	 .kind = ARGS_FLAG,
	 AT(json),
	 .help = "at the end, write a summary to standard error: reason, exit code, guest seconds, "
		 "retired instructions, millions of instructions a second"},
	{0},
};

const struct args_table run_args = {
	.verb = "run",
	.about = "Runs a guest until it powers off.",
	.option = options,
	.more = "Linux kernels that are given no --append get\n"
		"  " RUN_COMMAND_LINE_UART "\n"
		"(console=hvc0 when that is what stdio shows; nokaslr and cryptomgr.notests halve the "
		"time to boot;\n"
		"a panic resets the guest). In --disk a comma of the file's name is written twice.\n\n"
		"Ctrl-A X leaves, Ctrl-A H helps. SIGTERM and SIGINT press the guest's power button; "
		"a second one\nends it at once.\n\n"
		"Exit codes: 0 the guest powered off, 1 usage or set-up error, 2 it reset itself "
		"(--no-reboot),\n3 triple fault, 4 its Linux panicked, 5 ended from outside; "
		"with --debug-exit what the guest chose.",
};

/* ---- all of it ---- */

static int check_engine(const struct run_options *o, struct err *err)
{
	if (!strncmp(o->engine, "kvm", 3))
		return err_set(err, ERR_UNSUPPORTED,
			       "--engine: this build has no kvm engine yet; use soft or auto");
	if (strcmp(o->engine, "auto") && strcmp(o->engine, "soft") &&
	    strcmp(o->engine, "soft,translate=off"))
		return err_set(err, ERR_INVALID, "--engine: '%s' is unknown; say auto or soft",
			       o->engine);
	return 0;
}

static int check(struct run_options *o, struct err *err)
{
	if (!o->kernel)
		return err_set(err, ERR_INVALID, "--kernel FILE is missing: what shall be booted?");
	if (!x86_cpu_model_find(o->cpu))
		return err_set(err, ERR_INVALID, "--cpu: there is no model '%s'; say portable-v1",
			       o->cpu);
	if (!o->serial)
		o->serial = strcmp(o->console, "stdio") ? "stdio" : "none";
	if (!strcmp(o->serial, "stdio") && !strcmp(o->console, "stdio"))
		return err_set(err, ERR_INVALID,
			       "--console: only one of --console and --serial can have stdio");
	return check_engine(o, err);
}

int run_options_parse(struct run_options *o, int argc, char **argv, bool *help, struct err *err)
{
	int failed;

	*o = (struct run_options){.memory_bytes = 512 << 20,
				  .cpus = 1,
				  .cpu = "portable-v1",
				  .engine = "auto",
				  .console = "none",
				  .rtc = "utc",
				  .name = "guest",
				  .log_level = "info",
				  .rng = true};
	failed = args_parse(&run_args, argc, argv, o, help, err);
	return failed || *help ? failed : check(o, err);
}
