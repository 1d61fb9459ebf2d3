/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What CPUID tells a guest: the model's answers, leaf by leaf.  For a leaf that it has not been told
 * of, KVM may answer with another leaf as Intel's processors do; so leaves that software is known to
 * ask for are all told, the model's zeros included.
 */
#include "core/engine/kvm/kvm.h"
#include "core/x86/cpuid.h"

#include <stdlib.h>
#include <sys/ioctl.h>

#define ENTRIES_MAX 256u
#define SUBLEAVES   4u /* of leaves 4 and 7 */

struct leaves {
	struct {
		uint32_t nent, padding;
	} head; /* as struct kvm_cpuid2, which itself may not stand in front of something */
	struct kvm_cpuid_entry2 entry[ENTRIES_MAX];
};

_Static_assert(sizeof(((struct leaves *)0)->head) == sizeof(struct kvm_cpuid2), "KVM's layout");

static const struct leaf_range {
	uint32_t first, last;
} told[] = {
	{0, 0x20},
	{0x40000000, 0x40000001}, /* hypervisors say their name here */
	{0x80000000, 0x80000021},
};

/* Registers that hold features which a guest may use and the host must therefore have. */
static const struct feature_register {
	uint32_t leaf;
	uint8_t reg; /* 0..3: EAX EBX ECX EDX */
	uint32_t not_the_hosts;
} feature_registers[] = {
	{1, 2, 0}, {1, 3, 1u << 28}, /* HTT: the guest's own topology */
	{7, 1, 0}, {7, 2, 0},	     {0x80000001, 2, 0}, {0x80000001, 3, 0},
};

static bool has_subleaves(uint32_t leaf)
{
	return leaf == 4 || leaf == 7;
}

static void add(struct leaves *l, const struct x86_cpu *c, uint32_t leaf, uint32_t subleaf)
{
	struct kvm_cpuid_entry2 *e = &l->entry[l->head.nent++];
	uint32_t out[4];

	x86_cpuid(c, leaf, subleaf, out);
	*e = (struct kvm_cpuid_entry2){
		.function = leaf,
		.index = subleaf,
		.flags = has_subleaves(leaf) ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
		.eax = out[0],
		.ebx = out[1],
		.ecx = out[2],
		.edx = out[3],
	};
}

static void fill(struct leaves *l, const struct x86_cpu *c)
{
	l->head.nent = 0;
	for (unsigned n = 0; n < sizeof(told) / sizeof(told[0]); n++)
		for (uint32_t leaf = told[n].first; leaf <= told[n].last; leaf++)
			for (uint32_t s = 0; s < (has_subleaves(leaf) ? SUBLEAVES : 1); s++)
				add(l, c, leaf, s);
}

static uint32_t entry_register(const struct leaves *l, const struct feature_register *f)
{
	for (unsigned n = 0; n < l->head.nent; n++) {
		const struct kvm_cpuid_entry2 *e = &l->entry[n];
		const uint32_t value[4] = {e->eax, e->ebx, e->ecx, e->edx};

		if (e->function == f->leaf && e->index == 0)
			return value[f->reg];
	}
	return 0;
}

static int compare(const struct leaves *model, const struct leaves *host, const char *name,
		   struct err *err)
{
	for (unsigned n = 0; n < sizeof(feature_registers) / sizeof(feature_registers[0]); n++) {
		const struct feature_register *f = &feature_registers[n];
		uint32_t lacks = entry_register(model, f) & ~entry_register(host, f) &
				 ~f->not_the_hosts;

		if (lacks)
			return err_set(err, ERR_UNSUPPORTED,
				       "this host lacks features of CPU model %s: CPUID leaf %#x, "
				       "E%cX, bits %#x",
				       name, f->leaf, "ABCD"[f->reg], lacks);
	}
	return 0;
}

static int give(struct kvm_vcpu *v, struct leaves *model, struct leaves *host, struct err *err)
{
	int failed;

	fill(model, &v->cpu);
	host->head.nent = ENTRIES_MAX;
	if (ioctl(v->engine->kvm, KVM_GET_SUPPORTED_CPUID, host))
		return err_system(err, "KVM does not say what CPUID may tell");
	failed = compare(model, host, v->engine->model->name, err);
	if (!failed && ioctl(v->fd, KVM_SET_CPUID2, model))
		failed = err_system(err, "KVM does not take the CPUID of model %s",
				    v->engine->model->name);
	return failed;
}

int kvm_cpuid_set(struct kvm_vcpu *v, struct err *err)
{
	struct leaves *l = calloc(2, sizeof(*l));
	int failed;

	if (!l)
		return err_set(err, ERR_NO_MEMORY, "no memory for CPUID");
	failed = give(v, &l[0], &l[1], err);
	free(l);
	return failed;
}
