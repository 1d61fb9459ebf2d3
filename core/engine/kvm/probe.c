/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/kvm/probe.h"

#include "core/base/host_time.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The guest's memory: page tables for the first 2 MiB, then code and a stack. */
#define GUEST_BYTES 0x10000u
#define PML4_GPA    0x1000u
#define PDPT_GPA    0x2000u
#define PD_GPA	    0x3000u
#define CODE_GPA    0x4000u
#define STACK_GPA   0x8000u
#define TSS_GPA	    0xfffbd000u /* a hole that Intel's KVM wants for itself */

#define PTE_PRESENT_WRITABLE 3u
#define PTE_LARGE	     0x80u

#define CR0_64BIT	  0x80000033u /* PG, NE, ET, MP, PE */
#define CR4_64BIT	  0x620u      /* PAE, OSFXSR, OSXMMEXCPT */
#define EFER_64BIT	  0x500u      /* LMA, LME */
#define RFLAGS_FIXED	  2u
#define SEGMENT_CODE_READ 11
#define SEGMENT_DATA	  3

#define EXIT_PORT	   0x10
#define ROUNDS_FIRST	   100u
#define ROUNDS_MEASURED	   100000u
#define INSNS_PER_ROUND	   3u
#define SLOW_MIPS	   4.0
#define CPUID_ENTRIES_MAX  256u
#define INTERRUPTIONS_MAX  100
#define NS_PER_MICROSECOND 1000.0

/* Loops RDI times over PXOR, then writes to EXIT_PORT and begins anew. */
static const uint8_t probe_code[] = {
	0x89, 0xf9,		     /* 1: mov %edi, %ecx */
	0x66, 0x0f,	 0xef, 0xc0, /* 2: pxor %xmm0, %xmm0 */
	0xff, 0xc9,		     /*    dec %ecx */
	0x75, 0xf8,		     /*    jnz 2b */
	0xe6, EXIT_PORT,	     /*    out %al, $EXIT_PORT */
	0xeb, 0xf2,		     /*    jmp 1b */
};

struct probe {
	int kvm, vm, vcpu;
	uint8_t *memory;
	struct kvm_run *run;
	size_t run_bytes;
	char *why;
	size_t room_bytes;
};

static bool refused(struct probe *p, const char *what)
{
	snprintf(p->why, p->room_bytes, "%s: %s", what, strerror(errno));
	return false;
}

static void probe_close(struct probe *p)
{
	if (p->run)
		munmap(p->run, p->run_bytes);
	if (p->vcpu >= 0)
		close(p->vcpu);
	if (p->vm >= 0)
		close(p->vm);
	if (p->kvm >= 0)
		close(p->kvm);
	if (p->memory)
		munmap(p->memory, GUEST_BYTES);
}

static bool make_memory(struct probe *p)
{
	struct kvm_userspace_memory_region region = {.memory_size = GUEST_BYTES};
	void *memory =
		mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return refused(p, "mmap");
	p->memory = memory;
	*(uint64_t *)(p->memory + PML4_GPA) = PDPT_GPA | PTE_PRESENT_WRITABLE;
	*(uint64_t *)(p->memory + PDPT_GPA) = PD_GPA | PTE_PRESENT_WRITABLE;
	*(uint64_t *)(p->memory + PD_GPA) = PTE_LARGE | PTE_PRESENT_WRITABLE;
	memcpy(p->memory + CODE_GPA, probe_code, sizeof(probe_code));
	region.userspace_addr = (uintptr_t)memory;
	if (ioctl(p->vm, KVM_SET_USER_MEMORY_REGION, &region))
		return refused(p, "KVM_SET_USER_MEMORY_REGION");
	return true;
}

static bool make_vm(struct probe *p)
{
	if (ioctl(p->kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		snprintf(p->why, p->room_bytes, "its API is not version %d", KVM_API_VERSION);
		return false;
	}
	p->vm = ioctl(p->kvm, KVM_CREATE_VM, 0);
	if (p->vm < 0)
		return refused(p, "KVM_CREATE_VM");
	ioctl(p->vm, KVM_SET_TSS_ADDR, TSS_GPA); /* AMD hosts need none and may refuse */
	return make_memory(p);
}

/* Offers the guest all that the host supports; without CPUID some hosts refuse long mode. */
static void copy_cpuid(struct probe *p)
{
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + CPUID_ENTRIES_MAX * sizeof(cpuid->entries[0]));

	if (!cpuid)
		return;
	cpuid->nent = CPUID_ENTRIES_MAX;
	if (!ioctl(p->kvm, KVM_GET_SUPPORTED_CPUID, cpuid))
		ioctl(p->vcpu, KVM_SET_CPUID2, cpuid);
	free(cpuid);
}

static bool enter_64bit(struct probe *p)
{
	const struct kvm_segment code = {.limit = UINT32_MAX,
					 .selector = 8,
					 .type = SEGMENT_CODE_READ,
					 .present = 1,
					 .s = 1,
					 .l = 1,
					 .g = 1};
	const struct kvm_regs regs = {.rip = CODE_GPA, .rsp = STACK_GPA, .rflags = RFLAGS_FIXED};
	struct kvm_segment data = code;
	struct kvm_sregs s;

	if (ioctl(p->vcpu, KVM_GET_SREGS, &s))
		return refused(p, "KVM_GET_SREGS");
	data.selector = 16;
	data.type = SEGMENT_DATA;
	data.l = 0;
	data.db = 1;
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.cr0 = CR0_64BIT;
	s.cr3 = PML4_GPA;
	s.cr4 = CR4_64BIT;
	s.efer = EFER_64BIT;
	if (ioctl(p->vcpu, KVM_SET_SREGS, &s))
		return refused(p, "KVM_SET_SREGS");
	return ioctl(p->vcpu, KVM_SET_REGS, &regs) ? refused(p, "KVM_SET_REGS") : true;
}

static bool make_vcpu(struct probe *p)
{
	int bytes = ioctl(p->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	void *run;

	p->vcpu = ioctl(p->vm, KVM_CREATE_VCPU, 0);
	if (p->vcpu < 0 || bytes < (int)sizeof(*p->run))
		return refused(p, "KVM_CREATE_VCPU");
	p->run_bytes = (size_t)bytes;
	run = mmap(NULL, p->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, p->vcpu, 0);
	if (run == MAP_FAILED)
		return refused(p, "mmap of kvm_run");
	p->run = run;
	copy_cpuid(p);
	return enter_64bit(p);
}

/* Runs the loop; true when the guest came to its OUT.  Where the guest stands is left to KVM, which
 * may still have the last OUT to complete. */
static bool run_rounds(struct probe *p, uint64_t rounds)
{
	struct kvm_regs regs;
	int failed, tries = 0;

	if (ioctl(p->vcpu, KVM_GET_REGS, &regs))
		return refused(p, "KVM_GET_REGS");
	regs.rdi = rounds;
	if (ioctl(p->vcpu, KVM_SET_REGS, &regs))
		return refused(p, "KVM_SET_REGS");
	do
		failed = ioctl(p->vcpu, KVM_RUN, 0);
	while (failed && errno == EINTR && ++tries < INTERRUPTIONS_MAX);
	if (failed)
		return refused(p, "KVM_RUN");
	if (p->run->exit_reason == KVM_EXIT_IO && p->run->io.port == EXIT_PORT)
		return true;
	if (p->run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		snprintf(p->why, p->room_bytes,
			 "it interprets ring-0 code and cannot carry out SSE instructions");
	else
		snprintf(p->why, p->room_bytes, "ring-0 code ended with exit reason %u",
			 p->run->exit_reason);
	return false;
}

static enum kvm_verdict judge(struct probe *p)
{
	uint64_t start_ns, took_ns;
	double mips;

	if (!run_rounds(p, ROUNDS_FIRST))
		return KVM_PROBE_EMULATED;
	start_ns = host_time_monotonic_ns();
	if (!run_rounds(p, ROUNDS_MEASURED))
		return KVM_PROBE_EMULATED;
	took_ns = host_time_monotonic_ns() - start_ns;
	mips = ROUNDS_MEASURED * INSNS_PER_ROUND * NS_PER_MICROSECOND / (double)(took_ns + 1);
	snprintf(p->why, p->room_bytes, "ring-0 code runs at %.0f million instructions a second",
		 mips);
	return mips < SLOW_MIPS ? KVM_PROBE_SLOW : KVM_PROBE_OK;
}

enum kvm_verdict kvm_probe(char *why, size_t room_bytes)
{
	struct probe p = {.kvm = -1, .vm = -1, .vcpu = -1, .why = why, .room_bytes = room_bytes};
	enum kvm_verdict verdict = KVM_PROBE_CLOSED;

	p.kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (p.kvm < 0) {
		verdict = errno == ENOENT || errno == ENXIO || errno == ENODEV ? KVM_PROBE_ABSENT
									       : KVM_PROBE_CLOSED;
		refused(&p, "/dev/kvm");
	} else if (make_vm(&p) && make_vcpu(&p)) {
		verdict = judge(&p);
	}
	probe_close(&p);
	return verdict;
}
