/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each check tries the thing itself wherever that leaves no trace: permissions, security modules and
 * containers refuse in ways that no file's mode tells.
 */
#include "tools/host_checks.h"

#include "core/engine/kvm/probe.h"
#include "core/host/event_loop.h"
#include "core/host/host_net.h"
#include "core/mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SAY(field, ...) snprintf(f->field, sizeof(f->field), __VA_ARGS__)

/* ---- CPU ---- */

static void look_cpu(struct host_finding *f)
{
	f->ok = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
	SAY(seen, f->ok ? "SSE4.2 and POPCNT" : "no SSE4.2 or no POPCNT");
	if (!f->ok)
		SAY(advice, "use a host CPU of 2009 or later, or a hypervisor that shows it");
}

static void look_kvm(struct host_finding *f)
{
	enum kvm_verdict verdict = kvm_probe(f->seen, sizeof(f->seen));

	f->ok = verdict == KVM_PROBE_OK;
	switch (verdict) {
	case KVM_PROBE_OK: break;
	case KVM_PROBE_ABSENT:
		SAY(advice, "switch on VT-x or AMD-V and load kvm_intel or kvm_amd; the soft "
			    "engine needs neither");
		break;
	case KVM_PROBE_CLOSED:
		SAY(advice, "join the group of /dev/kvm, or run as root; the soft engine needs "
			    "neither");
		break;
	case KVM_PROBE_EMULATED:
	case KVM_PROBE_SLOW:
		SAY(advice, "this kind of nested KVM cannot run ordinary guests: use the soft "
			    "engine, as auto does");
	}
}

/* ---- memory ---- */

static unsigned long read_number(const char *path)
{
	unsigned long number = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return 0;
	if (fscanf(file, "%lu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

static void look_hugepages(struct host_finding *f)
{
	unsigned long pages =
		read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	char policy[64] = "";
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");

	if (file) {
		if (!fgets(policy, sizeof(policy), file))
			policy[0] = 0;
		fclose(file);
	}
	policy[strcspn(policy, "\n")] = 0;
	f->ok = pages || strstr(policy, "[always]") || strstr(policy, "[madvise]");
	SAY(seen, "%lu free of 2 MiB; transparent: %s", pages, policy[0] ? policy : "absent");
	if (!f->ok)
		SAY(advice, "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled");
}

static void look_memlock(struct host_finding *f)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit)) {
		SAY(seen, "%s", strerror(errno));
		return;
	}
	f->ok = limit.rlim_cur == RLIM_INFINITY;
	if (f->ok) {
		SAY(seen, "unlimited");
		return;
	}
	SAY(seen, "%llu KiB", (unsigned long long)limit.rlim_cur >> 10);
	SAY(advice, "ulimit -l unlimited (or LimitMEMLOCK=infinity) before transports over RDMA "
		    "register memory");
}

static void look_userfaultfd(struct host_finding *f)
{
	int fd = (int)syscall(__NR_userfaultfd, O_CLOEXEC);

	f->ok = fd >= 0;
	SAY(seen, "%s", f->ok ? "faults of the kernel's too" : strerror(errno));
	if (f->ok)
		close(fd);
	else
		SAY(advice, "sysctl vm.unprivileged_userfaultfd=1, or grant CAP_SYS_PTRACE");
}

/* ---- disks and networks ---- */

static void look_io_uring(struct host_finding *f)
{
	struct io_uring_params params;
	int fd;

	memset(&params, 0, sizeof(params));
	fd = (int)syscall(__NR_io_uring_setup, 4, &params);
	f->ok = fd >= 0;
	SAY(seen, "%s", f->ok ? "rings can be made" : strerror(errno));
	if (f->ok)
		close(fd);
	else
		SAY(advice, "sysctl kernel.io_uring_disabled=0; disks use threads until then");
}

static void look_tap(struct host_finding *f)
{
	struct ifreq request;
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	memset(&request, 0, sizeof(request));
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "usdoctor%%d");
	f->ok = fd >= 0 && !ioctl(fd, TUNSETIFF, &request);
	if (f->ok)
		SAY(seen, "taps can be made");
	else if (fd < 0)
		SAY(seen, "/dev/net/tun: %s", strerror(errno));
	else
		SAY(seen, "making a tap: %s", strerror(errno));
	if (!f->ok)
		SAY(advice, "load tun and grant CAP_NET_ADMIN, or have a tap made for you (ip "
			    "tuntap add NAME mode tap user YOU); --net user needs none of it");
	if (fd >= 0)
		close(fd);
}

/* Opens a network for a moment. */
static void look_network(struct host_finding *f, const char *spec)
{
	struct err err = {0};
	struct mailbox *mailbox = mailbox_create(NULL, NULL, &err);
	struct event_loop *loop = mailbox ? event_loop_create(&err) : NULL;
	const struct host_net_options options = {.spec = spec, .loop = loop, .mailbox = mailbox};
	struct host_net *net = loop ? host_net_open(&options, &err) : NULL;

	f->ok = net != NULL;
	SAY(seen, "%s", f->ok ? "can be opened" : err.text);
	host_net_close(net);
	event_loop_destroy(loop);
	if (mailbox)
		mailbox_destroy(mailbox);
}

static void look_user(struct host_finding *f)
{
	look_network(f, "user");
}

static void look_pcap(struct host_finding *f)
{
	look_network(f, "pcap:lo");
	if (!f->ok)
		SAY(advice, "grant CAP_NET_RAW, or run as root");
}

static void look_rdma(struct host_finding *f)
{
	DIR *dir = opendir("/sys/class/infiniband");
	struct dirent *entry;
	size_t used = 0;

	while (dir && (entry = readdir(dir)) && used < sizeof(f->seen))
		if (entry->d_name[0] != '.')
			used += (size_t)snprintf(f->seen + used, sizeof(f->seen) - used, "%s%.64s",
						 used ? " " : "", entry->d_name);
	if (dir)
		closedir(dir);
	f->ok = used > 0;
	if (f->ok)
		return;
	SAY(seen, "no device");
	SAY(advice, "without a NIC for it: modprobe rdma_rxe; rdma link add rxe0 type rxe netdev "
		    "eth0");
}

const struct host_check host_checks[] = {
	{"cpu", "the soft engine", true, look_cpu},
	{"kvm", "the kvm engine", false, look_kvm},
	{"io_uring", "disks", false, look_io_uring},
	{"tap", "--net tap:NAME", false, look_tap},
	{"user net", "--net user", false, look_user},
	{"pcap", "--net pcap:IFACE", false, look_pcap},
	{"hugepages", "guest memory", false, look_hugepages},
	{"memlock", "memory registered for RDMA", false, look_memlock},
	{"rdma", "transports over RDMA", false, look_rdma},
	{"userfaultfd", "memory that arrives late", false, look_userfaultfd},
	{0},
};
