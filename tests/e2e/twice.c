/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Twice the same: a machine with a scripted world runs twice, the second time in slices of odd lengths
 * and kicked from another thread all along, which may change nothing.  At every event both must be at
 * the same instant with the same vCPUs, and have put out the same; at many the whole machine is
 * compared.
 *
 *	twice BARE LINUX	the folders with the freestanding and the Debian guests
 */
#include "core/machine/boot.h"
#include "tests/support/scripted.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEED	      20260101u
#define DISK_BYTES    (8u << 20)
#define SLICE_MAX     3000000u
#define KICK_EVERY_US 700
#define BARE_EVENTS   400
#define LINUX_EVENTS  20000
#define BARE_INSNS    60000000ull
#define LINUX_INSNS   700000000ull

struct file {
	void *bytes;
	size_t size_bytes;
};

struct subject {
	const char *name;
	struct file kernel, initrd;
	const char *command_line;
	unsigned n_vcpus;
	uint64_t memory_bytes, instructions;
	struct scripted_options script;
};

struct kicker {
	struct machine *machine;
	atomic_bool stop;
};

static int file_open(struct file *f, const char *folder, const char *name)
{
	char path[1024];
	struct stat status;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || fstat(fd, &status)) {
		perror(path);
		return -1;
	}
	f->size_bytes = (size_t)status.st_size;
	f->bytes = mmap(NULL, f->size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return f->bytes == MAP_FAILED ? -1 : 0;
}

static struct machine *make(const struct subject *subject, struct scripted *world, struct err *err)
{
	struct machine_config config = {.cpu_model = "portable-v1",
					.memory_bytes = subject->memory_bytes,
					.n_vcpus = subject->n_vcpus,
					.rng = true,
					.console = true,
					.start_seconds = 1767225600,
					.debug_exit_port = 0xf4};
	const struct boot_images images = {.kernel = subject->kernel.bytes,
					   .kernel_bytes = subject->kernel.size_bytes,
					   .initrd = subject->initrd.bytes,
					   .initrd_bytes = subject->initrd.size_bytes,
					   .command_line = subject->command_line};
	struct machine *m;
	struct vcpu_state bsp;

	if (subject->script.disk_bytes) {
		config.n_disks = 1;
		config.disk[0].sectors = subject->script.disk_bytes / DISK_SECTOR_BYTES;
		config.disk[0].queues = 1;
	}
	if (subject->script.packets) {
		config.n_nics = 1;
		config.nic[0].mac[0] = 0x02;
	}
	m = machine_create(&config, &interpret_engine, &world->inputs, &world->outputs, err);
	if (!m)
		return NULL;
	machine_get_vcpu(m, 0, &bsp);
	if (boot_load(machine_memory(m), &config, &images, &bsp, err) ||
	    machine_set_vcpu(m, 0, &bsp, err)) {
		machine_destroy(m);
		return NULL;
	}
	world->machine = m;
	return m;
}

static void *kick(void *ctx)
{
	struct kicker *k = ctx;

	while (!atomic_load(&k->stop)) {
		machine_kick(k->machine);
		usleep(KICK_EVERY_US);
	}
	return NULL;
}

static enum machine_end run_disturbed(struct machine *m, uint64_t until)
{
	struct kicker kicker = {.machine = m};
	struct seeded random;
	enum machine_end end;
	pthread_t thread;

	seeded_start(&random, SEED + 1);
	if (pthread_create(&thread, NULL, kick, &kicker))
		abort();
	do {
		uint64_t slice = machine_now(m).instructions + seeded_range(&random, 1, SLICE_MAX);

		end = machine_run(m, slice < until ? slice : until);
	} while (end == MACHINE_REACHED && machine_now(m).instructions < until);
	atomic_store(&kicker.stop, true);
	pthread_join(thread, NULL);
	return end;
}

/* One run; at its end one more event, so that the last state is compared too. */
static int run(const struct subject *subject, struct scripted *world, bool disturbed,
	       struct digest *last, struct err *err)
{
	struct machine *m = make(subject, world, err);
	enum machine_end end;
	int failed;

	if (!m)
		return err->code;
	end = disturbed ? run_disturbed(m, subject->instructions)
			: machine_run(m, subject->instructions);
	failed = machine_digest(m, last, err);
	if (!failed)
		digest_add(last, "end", end);
	machine_destroy(m);
	return failed;
}

static int twice(const struct subject *subject, struct err *err)
{
	struct scripted *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));
	struct digest last_a, last_b;
	int failed;

	if (!a || !b)
		abort();
	scripted_init(a, &subject->script);
	scripted_init(b, &subject->script);
	failed = run(subject, a, false, &last_a, err);
	if (!failed)
		failed = run(subject, b, true, &last_b, err);
	if (!failed)
		failed = scripted_compare(a, b, err);
	if (!failed && digest_compare(&last_a, &last_b, err))
		failed = err_wrap(err, "at the end");
	if (!failed && !a->n_events)
		failed = err_set(err, ERR_MISMATCH, "nothing happened");
	if (!failed)
		printf("ok      %s, %u vCPUs: %zu events, %llu instructions\n", subject->name,
		       subject->n_vcpus, a->n_events, (unsigned long long)last_a.part[0].value);
	else
		printf("FAILED  %s, %u vCPUs: %s\n", subject->name, subject->n_vcpus, err->text);
	fflush(stdout);
	scripted_free(a);
	scripted_free(b);
	free(a);
	free(b);
	return failed;
}

static int all_bare(const char *folder, unsigned *passed)
{
	static const char *const names[] = {"interrupts.elf", "smp2.elf",   "selfmod.elf",
					    "long64.elf",     "v86_32.elf", "chaos.elf"};
	unsigned failed = 0;

	for (unsigned n = 0; n < 2 * sizeof(names) / sizeof(names[0]); n++) {
		struct subject s = {
			.name = names[n / 2],
			.command_line = "",
			.n_vcpus = n % 2 ? 4 : 1,
			.memory_bytes = 16 << 20,
			.instructions = BARE_INSNS,
			.script = {.seed = SEED, .digest_every = 1, .events_max = BARE_EVENTS}};
		struct err err = {0};

		if (file_open(&s.kernel, folder, s.name) || twice(&s, &err))
			failed++;
		else
			++*passed;
	}
	return (int)failed;
}

static int all_linux(const char *folder, unsigned *passed)
{
	static const struct scripted_key keys[] = {
		{"ready shell", "dd if=/dev/urandom of=/dev/vda bs=64k count=20 conv=fsync\n"},
		{"records out", "ip link set eth0 up; ping -c 2 -w 2 10.0.0.1; md5sum /dev/vda\n"},
		{"/dev/vda\r\n", "date; cat /proc/interrupts; exit\n"},
		{NULL, NULL},
	};
	unsigned failed = 0;

	for (unsigned n = 0; n < 2; n++) {
		struct subject s = {
			.name = "Debian, a shell with a disk and a NIC",
			.command_line = "console=ttyS0 quiet nokaslr cryptomgr.notests panic=-1 "
					"reboot=a ip=10.0.0.2/24",
			.n_vcpus = n ? 4 : 1,
			.memory_bytes = 256 << 20,
			.instructions = LINUX_INSNS,
			.script = {.seed = SEED + n,
				   .disk_bytes = DISK_BYTES,
				   .packets = true,
				   .key = keys,
				   .digest_every = 50,
				   .events_max = LINUX_EVENTS},
		};
		struct err err = {0};

		if (file_open(&s.kernel, folder, "vmlinux") ||
		    file_open(&s.initrd, folder, "initramfs.cpio") || twice(&s, &err))
			failed++;
		else
			++*passed;
	}
	return (int)failed;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed;

	if (argc != 3) {
		fprintf(stderr, "twice BARE LINUX\n");
		return 1;
	}
	failed = (unsigned)all_bare(argv[1], &passed);
	failed += (unsigned)all_linux(argv[2], &passed);
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
