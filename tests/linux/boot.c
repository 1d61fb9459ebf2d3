/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boots Debian's stock kernel (make guests-linux) on the soft machine in the ways that people will,
 * and twice side by side to see that the same inputs give the same machine.
 *
 *	boot GUESTS [quick]
 */
#include "core/machine/boot.h"
#include "core/base/host_time.h"
#include "core/machine/machine.h"
#include "tests/linux/scripted.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB		  (1ull << 20)
#define INSTRUCTIONS_MAX  6000000000ull
#define COMPARE_EVERY	  20000000ull
#define START_SECONDS	  1700000000ull
#define QUIET		  "console=ttyS0 quiet nokaslr cryptomgr.notests panic=-1 "
#define FAST_INSTRUCTIONS 450000000ull /* 385 million with the kernel of this writing */

struct file {
	const void *bytes;
	size_t size_bytes;
};

struct guests {
	struct file vmlinux, vmlinuz, initramfs;
};

enum kernel_kind { KERNEL_ELF, KERNEL_PVH, KERNEL_BZIMAGE };

struct boot_case {
	const char *name;
	enum kernel_kind kernel;
	bool no_initrd;
	unsigned n_vcpus;
	uint64_t memory_mib;
	const char *command_line;
	struct script_step step[4];
	const char *says; /* on the console before the end */
	enum machine_end end;
	uint64_t ready_before; /* instructions; 0: whenever */
	bool twice;	       /* two machines side by side, equal all the way */
	bool quick;	       /* runs in the quick set too */
};

#define SHELL_SCRIPT                                                                    \
	{                                                                               \
		{"ready shell", "nproc; echo $((6 * 7)) is it; poweroff -f\n", 0}, {0}, \
	}

static const struct boot_case cases[] = {
	{.name = "vmlinux, 1 vCPU, 256 MiB, to a shell",
	 .n_vcpus = 1,
	 .memory_mib = 256,
	 .command_line = QUIET "reboot=a",
	 .step = SHELL_SCRIPT,
	 .says = "1\r\n42 is it",
	 .end = MACHINE_OFF,
	 .ready_before = FAST_INSTRUCTIONS,
	 .twice = true},
	{.name = "vmlinux, 4 vCPUs, 256 MiB, to a shell",
	 .n_vcpus = 4,
	 .memory_mib = 256,
	 .command_line = QUIET "reboot=a",
	 .step = SHELL_SCRIPT,
	 .says = "4\r\n42 is it",
	 .end = MACHINE_OFF,
	 .ready_before = FAST_INSTRUCTIONS,
	 .twice = true},
	{.name = "vmlinux, 1 vCPU, 6 GiB",
	 .n_vcpus = 1,
	 .memory_mib = 6144,
	 .command_line = QUIET "reboot=a understudy.role=test",
	 .says = "1 processors, 59",
	 .end = MACHINE_OFF},
	{.name = "vmlinux, 4 vCPUs, 6 GiB",
	 .n_vcpus = 4,
	 .memory_mib = 6144,
	 .command_line = QUIET "reboot=a understudy.role=test",
	 .says = "4 processors, 59",
	 .end = MACHINE_OFF},
	{.name = "vmlinux by PVH",
	 .kernel = KERNEL_PVH,
	 .n_vcpus = 1,
	 .memory_mib = 256,
	 .command_line = QUIET "reboot=a understudy.role=test",
	 .says = "1 processors",
	 .end = MACHINE_OFF},
	{.name = "bzImage as it comes, stock command line",
	 .kernel = KERNEL_BZIMAGE,
	 .n_vcpus = 1,
	 .memory_mib = 256,
	 .command_line = "console=ttyS0",
	 .step = SHELL_SCRIPT,
	 .says = "42 is it",
	 .end = MACHINE_OFF},
	{.name = "80 MiB are enough",
	 .n_vcpus = 1,
	 .memory_mib = 80,
	 .command_line = QUIET "reboot=a understudy.role=test",
	 .says = "ready test",
	 .end = MACHINE_OFF},
	{.name = "16 vCPUs",
	 .n_vcpus = 16,
	 .memory_mib = 512,
	 .command_line = QUIET "reboot=a understudy.role=test",
	 .says = "16 processors",
	 .end = MACHINE_OFF,
	 .quick = true},
	{.name = "the power button powers off",
	 .n_vcpus = 1,
	 .memory_mib = 256,
	 .command_line = QUIET "reboot=a understudy.role=idle",
	 .step = {{"ready idle", NULL, ACTION_POWER_BUTTON}, {0}},
	 .says = "Power down",
	 .end = MACHINE_OFF},
	{.name = "reboot by ACPI's register",
	 .n_vcpus = 1,
	 .memory_mib = 256,
	 .command_line = QUIET "reboot=a",
	 .step = {{"ready shell", "reboot -f\n", 0}, {0}},
	 .says = "Restarting system",
	 .end = MACHINE_RESET},
	{.name = "reboot as the kernel would by itself, through the BIOS",
	 .n_vcpus = 4,
	 .memory_mib = 256,
	 .command_line = "console=ttyS0 quiet cryptomgr.notests nokaslr",
	 .step = {{"ready shell", "reboot -f\n", 0}, {0}},
	 .says = "Restarting system",
	 .end = MACHINE_RESET},
	{.name = "reboot by triple fault",
	 .n_vcpus = 1,
	 .memory_mib = 256,
	 .command_line = QUIET "reboot=t",
	 .step = {{"ready shell", "reboot -f\n", 0}, {0}},
	 .says = "Restarting system",
	 .end = MACHINE_FAULT},
	{.name = "no initrd: the kernel panics",
	 .no_initrd = true,
	 .n_vcpus = 1,
	 .memory_mib = 256,
	 .command_line = QUIET "reboot=a",
	 .says = "Kernel panic - not syncing: VFS",
	 .end = MACHINE_RESET},
};

/* ---- one machine ---- */

struct run {
	struct script script;
	struct machine *machine;
	enum machine_end end;
};

static int boot(struct run *r, const struct machine_config *config,
		const struct boot_images *images, struct err *err)
{
	struct vcpu_state bsp;
	int failed;

	machine_get_vcpu(r->machine, 0, &bsp);
	failed = boot_load(machine_memory(r->machine), config, images, &bsp, err);
	return failed ? failed : machine_set_vcpu(r->machine, 0, &bsp, err);
}

static struct run *run_start(const struct boot_case *c, const struct guests *g, struct err *err)
{
	const struct machine_config config = {.cpu_model = "portable-v1",
					      .memory_bytes = c->memory_mib * MIB,
					      .n_vcpus = c->n_vcpus,
					      .rng = true,
					      .start_seconds = START_SECONDS};
	const struct file *kernel = c->kernel == KERNEL_BZIMAGE ? &g->vmlinuz : &g->vmlinux;
	const struct boot_images images = {
		.kernel = kernel->bytes,
		.kernel_bytes = kernel->size_bytes,
		.initrd = g->initramfs.bytes,
		.initrd_bytes = c->no_initrd ? 0 : g->initramfs.size_bytes,
		.command_line = c->command_line,
		.rng_seed = {1, 2, 3},
		.has_seed = c->kernel != KERNEL_PVH,
	};
	struct run *r = calloc(1, sizeof(*r));
	struct inputs inputs;
	struct outputs outputs;

	if (!r)
		abort();
	script_start(&r->script, c->step);
	inputs = script_inputs(&r->script);
	outputs = script_outputs(&r->script);
	r->machine = machine_create(&config, &interpret_engine, &inputs, &outputs, err);
	if (r->machine && !boot(r, &config, &images, err))
		return r;
	machine_destroy(r->machine);
	free(r);
	return NULL;
}

static void run_end(struct run *r)
{
	if (r)
		machine_destroy(r->machine);
	free(r);
}

/* ---- a case ---- */

static const char *check(const struct boot_case *c, const struct run *r)
{
	if (r->script.stuck)
		return "the guest waits for ever";
	if (r->end != c->end)
		return "it did not end as it should";
	if (!strstr(r->script.console, c->says))
		return "it did not say what it should";
	if (c->ready_before && r->script.ready_instructions > c->ready_before)
		return "it took too many instructions";
	return NULL;
}

static const char *equal(struct run *a, struct run *b, struct err *err)
{
	struct digest da, db;

	if (machine_digest(a->machine, &da, err) || machine_digest(b->machine, &db, err) ||
	    digest_compare(&da, &db, err))
		return err->text;
	if (strcmp(a->script.console, b->script.console))
		return "the consoles differ";
	return a->end == b->end ? NULL : "the ends differ";
}

static const char *drive(const struct boot_case *c, struct run *a, struct run *b, struct err *err)
{
	uint64_t step = b ? COMPARE_EVERY : INSTRUCTIONS_MAX;
	const char *complaint = NULL;

	a->end = MACHINE_REACHED;
	for (uint64_t at = step; a->end == MACHINE_REACHED && at <= INSTRUCTIONS_MAX && !complaint;
	     at += step) {
		a->end = machine_run(a->machine, at);
		if (b) {
			b->end = machine_run(b->machine, at);
			complaint = equal(a, b, err);
		}
	}
	return complaint ? complaint : check(c, a);
}

static bool run_case(const struct boot_case *c, const struct guests *g)
{
	struct err err = {0};
	uint64_t start = host_time_monotonic_ns();
	struct run *a = run_start(c, g, &err), *b = c->twice && a ? run_start(c, g, &err) : NULL;
	const char *complaint = err.code ? err.text : drive(c, a, b, &err);

	printf("%s %s", complaint ? "FAIL" : "ok  ", c->name);
	if (a)
		printf(": %llu M instructions, ready after %llu M, %.1f s",
		       (unsigned long long)machine_now(a->machine).instructions / 1000000,
		       (unsigned long long)a->script.ready_instructions / 1000000,
		       (double)(host_time_monotonic_ns() - start) / 1e9);
	printf("%s\n", c->twice ? ", twice the same" : "");
	if (complaint)
		printf("     %s\n", complaint);
	if (complaint && a)
		printf("%.2000s\n", a->script.console_bytes > 2000
					    ? a->script.console + a->script.console_bytes - 2000
					    : a->script.console);
	fflush(stdout);
	run_end(b);
	run_end(a);
	return !complaint;
}

static bool map_file(struct file *f, const char *folder, const char *name)
{
	char path[1024];
	struct stat s;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &s))
		return false;
	f->size_bytes = (size_t)s.st_size;
	f->bytes = mmap(NULL, f->size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return f->bytes != MAP_FAILED;
}

int main(int argc, char **argv)
{
	bool quick = argc > 2 && !strcmp(argv[2], "quick");
	unsigned passed = 0, failed = 0, skipped = 0;
	struct guests g;

	if (argc < 2 || !map_file(&g.vmlinux, argv[1], "vmlinux") ||
	    !map_file(&g.vmlinuz, argv[1], "vmlinuz") ||
	    !map_file(&g.initramfs, argv[1], "initramfs.cpio")) {
		fprintf(stderr, "boot: no guests (make guests-linux)\n");
		return 2;
	}
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		if (quick && !cases[n].quick)
			skipped++;
		else if (run_case(&cases[n], &g))
			passed++;
		else
			failed++;
	}
	if (skipped)
		printf("SKIP %u cases: this build is slow, the release build runs them\n", skipped);
	printf("%u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed != 0;
}
