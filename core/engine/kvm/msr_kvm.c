/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MSRs.  The kernel handles EFER and those that guests write all the time, the segment bases.  A filter
 * hands over all others; core/x86/msr.c or the machine answers them by the same rules as for a soft
 * engine, and what the CPU itself depends on is then passed on to the kernel.
 */
#include "core/engine/kvm/kvm.h"
#include "core/x86/cpuid.h"
#include "core/x86/msr.h"

#include <string.h>
#include <sys/ioctl.h>

#define MSR_EFER    0xc0000080u
#define MSR_FS_BASE 0xc0000100u
#define MSR_TSC_AUX 0xc0000103u

/* One on which the CPU itself depends. */
struct kernel_msr {
	uint32_t index;
	uint16_t offset; /* in struct x86_msrs */
};

#define AT(field) offsetof(struct x86_msrs, field)

static const struct kernel_msr kernel_msrs[] = {
	{0x174, AT(sysenter_cs)},  {0x175, AT(sysenter_esp)}, {0x176, AT(sysenter_eip)},
	{0x277, AT(pat)},	   {0xc0000081, AT(star)},    {0xc0000082, AT(lstar)},
	{0xc0000083, AT(cstar)},   {0xc0000084, AT(sfmask)},  {0xc0000102, AT(kernel_gs_base)},
	{0xc0000103, AT(tsc_aux)}, /* the last: only with RDTSCP */
};

#define KERNEL_MSRS (sizeof(kernel_msrs) / sizeof(kernel_msrs[0]))

/* How many of them a model has. */
static unsigned kernel_count(const struct x86_cpu *c)
{
	return KERNEL_MSRS - !x86_has(c, X86_FEAT_RDTSCP);
}

/* ---- the filter ---- */

/* Bit n of a range's bitmap set: the kernel handles base + n.  Bitmaps come in longs. */
static struct kvm_msr_filter_range range(uint32_t base, uint32_t n_msrs, uint64_t *bitmap)
{
	return (struct kvm_msr_filter_range){
		.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
		.nmsrs = n_msrs,
		.base = base,
		.bitmap = (uint8_t *)bitmap,
	};
}

int kvm_msr_filter(struct engine *engine, struct err *err)
{
	bool aux = engine->model->features >> X86_FEAT_RDTSCP & 1;
	uint64_t efer = 1, bases = aux ? 0x0f : 0x07;
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args = {KVM_MSR_EXIT_REASON_FILTER | KVM_MSR_EXIT_REASON_UNKNOWN |
			 KVM_MSR_EXIT_REASON_INVAL},
	};
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_DENY,
		.ranges = {range(MSR_EFER, 1, &efer), range(MSR_FS_BASE, 4, &bases)},
	};

	if (ioctl(engine->vm, KVM_ENABLE_CAP, &cap) ||
	    ioctl(engine->vm, KVM_X86_SET_MSR_FILTER, &filter))
		return err_system(err, "KVM does not hand over MSRs");
	return 0;
}

/* ---- asked by the guest ---- */

static enum x86_status machine_read(void *ctx, uint32_t index, uint64_t *value)
{
	struct kvm_vcpu *v = ctx;
	const struct engine_config *config = &v->engine->config;

	return config->machine->msr_read(config->machine_ctx, v->number, index, value) ? X86_OK
										       : X86_FAULT;
}

static enum x86_status machine_write(void *ctx, uint32_t index, uint64_t value)
{
	struct kvm_vcpu *v = ctx;
	const struct engine_config *config = &v->engine->config;

	return config->machine->msr_write(config->machine_ctx, v->number, index, value) ? X86_OK
											: X86_FAULT;
}

/* Of the whole table only MSRs are ever asked for: v->cpu does not execute. */
static const struct x86_world_ops world = {.msr_read = machine_read, .msr_write = machine_write};

void kvm_msr_world(struct kvm_vcpu *v)
{
	v->cpu.world = &world;
	v->cpu.world_ctx = v;
}

/* ---- state ---- */

struct msr_list {
	struct {
		uint32_t nmsrs, pad;
	} head; /* as struct kvm_msrs, which itself may not stand in front of something */
	struct kvm_msr_entry entry[KERNEL_MSRS];
};

static uint64_t *field(struct x86_msrs *msrs, unsigned n)
{
	return (uint64_t *)((char *)msrs + kernel_msrs[n].offset);
}

static void list_fill(const struct kvm_vcpu *v, struct msr_list *list)
{
	memset(list, 0, sizeof(*list));
	list->head.nmsrs = kernel_count(&v->cpu);
	for (unsigned n = 0; n < list->head.nmsrs; n++)
		list->entry[n].index = kernel_msrs[n].index;
}

/* The guest reads and writes these without an exit, or the kernel alone knows their rules. */
static bool is_native(uint32_t index)
{
	return index == MSR_EFER || (index >= MSR_FS_BASE && index <= MSR_TSC_AUX);
}

/* What the guest wrote to a register on which the CPU depends. */
static void pass_on(struct kvm_vcpu *v, uint32_t index)
{
	for (unsigned n = 0; n < kernel_count(&v->cpu); n++) {
		struct msr_list list = {.head.nmsrs = 1, .entry[0].index = index};

		if (kernel_msrs[n].index != index)
			continue;
		list.entry[0].data = *field(&v->cpu.msr, n);
		if (ioctl(v->fd, KVM_SET_MSRS, &list) != 1)
			kvm_vcpu_fail(v, "KVM does not take MSR %#x", index);
	}
}

static enum x86_status guest_writes(struct kvm_vcpu *v, uint32_t index, uint64_t value)
{
	enum x86_status status = msr_write(&v->cpu, index, value);

	if (status == X86_OK)
		pass_on(v, index);
	return status;
}

void kvm_msr_exit(struct kvm_vcpu *v)
{
	struct kvm_run *run = v->run;
	enum x86_status status = X86_FAULT;
	uint64_t value = 0;

	/* a native one comes here when the kernel found the value wrong */
	if (!is_native(run->msr.index))
		status = run->exit_reason == KVM_EXIT_X86_WRMSR
				 ? guest_writes(v, run->msr.index, run->msr.data)
				 : msr_read(&v->cpu, run->msr.index, &value);
	if (run->exit_reason == KVM_EXIT_X86_RDMSR)
		run->msr.data = value;
	run->msr.error = status != X86_OK;
	v->cpu.event = (struct x86_event){.kind = X86_EVENT_NONE}; /* the kernel raises it */
}

bool kvm_msrs_get(struct kvm_vcpu *v, struct x86_msrs *msrs)
{
	struct msr_list list;
	int got;

	list_fill(v, &list);
	got = ioctl(v->fd, KVM_GET_MSRS, &list);
	if (got != (int)list.head.nmsrs) {
		kvm_vcpu_fail(v, "KVM does not give MSR %#x", list.entry[got < 0 ? 0 : got].index);
		return false;
	}
	*msrs = v->cpu.msr;
	for (unsigned n = 0; n < list.head.nmsrs; n++)
		*field(msrs, n) = list.entry[n].data;
	return true;
}

bool kvm_msrs_set(struct kvm_vcpu *v, const struct x86_msrs *msrs)
{
	struct x86_msrs copy = *msrs;
	struct msr_list list;
	int taken;

	list_fill(v, &list);
	for (unsigned n = 0; n < list.head.nmsrs; n++)
		list.entry[n].data = *field(&copy, n);
	taken = ioctl(v->fd, KVM_SET_MSRS, &list);
	if (taken != (int)list.head.nmsrs)
		kvm_vcpu_fail(v, "KVM does not take MSR %#x",
			      list.entry[taken < 0 ? 0 : taken].index);
	return !v->failed;
}
