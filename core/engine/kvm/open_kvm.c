/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/kvm/kvm.h"

#include "core/x86/cpuid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Pages that Intel's KVM wants for itself, in the hole below 4 GiB where no device is. */
#define IDENTITY_MAP_GPA 0xfffbc000ull
#define TSS_GPA		 0xfffbd000ull

void kvm_vcpu_fail(struct kvm_vcpu *v, const char *format, ...)
{
	char text[ERR_TEXT_BYTES / 2];
	va_list list;

	if (v->failed)
		return;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	v->failed = true;
	err_set(&v->failure, ERR_SYSTEM, "vCPU %u: %s", v->number, text);
}

bool kvm_vcpu_ioctl(struct kvm_vcpu *v, unsigned long request, void *argument, const char *name)
{
	if (ioctl(v->fd, request, argument) < 0)
		kvm_vcpu_fail(v, "%s: %s", name, strerror(errno));
	return !v->failed;
}

/* ---- creation ---- */

static int vcpu_open(struct kvm_vcpu *v, struct err *err)
{
	struct engine *engine = v->engine;
	void *run;

	v->fd = ioctl(engine->vm, KVM_CREATE_VCPU, (unsigned long)v->number);
	if (v->fd < 0)
		return err_system(err, "KVM makes no vCPU %u", v->number);
	run = mmap(NULL, engine->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (run == MAP_FAILED)
		return err_system(err, "KVM shares no page with vCPU %u", v->number);
	v->run = run;
	return kvm_cpuid_set(v, err);
}

static int vcpu_reset(struct kvm_vcpu *v, struct err *err)
{
	struct vcpu_state state;

	x86_cpu_get_state(&v->cpu, &state);
	return kvm_state_set(v, &state, err);
}

static int vcpu_create(struct engine *engine, unsigned number, struct err *err)
{
	struct kvm_vcpu *v = calloc(1, sizeof(*v));
	int failed;

	if (!v)
		return err_set(err, ERR_NO_MEMORY, "no memory for vCPU %u", number);
	v->engine = engine;
	v->number = number;
	v->fd = -1;
	pthread_mutex_init(&v->lock, NULL);
	engine->vcpu[number] = v;
	v->cpu.model = engine->model;
	v->cpu.apic_id = number;
	v->cpu.n_cpus = engine->config.n_vcpus;
	kvm_msr_world(v);
	tlb_init(&v->cpu.tlb);
	x86_cpu_reset(&v->cpu, number == 0);
	failed = vcpu_open(v, err);
	return failed ? failed : vcpu_reset(v, err);
}

static int vm_open(struct engine *engine, struct err *err)
{
	uint64_t identity_map = IDENTITY_MAP_GPA;
	int bytes;

	engine->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (engine->kvm < 0)
		return err_system(err, "/dev/kvm cannot be opened");
	engine->vm = ioctl(engine->kvm, KVM_CREATE_VM, 0);
	if (engine->vm < 0)
		return err_system(err, "KVM makes no VM");
	bytes = ioctl(engine->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (bytes < (int)sizeof(struct kvm_run))
		return err_set(err, ERR_UNSUPPORTED, "KVM shares too small a page");
	engine->run_bytes = (size_t)bytes;
	if (ioctl(engine->kvm, KVM_CHECK_EXTENSION, KVM_CAP_SREGS2) <= 0)
		return err_set(err, ERR_UNSUPPORTED, "this kernel's KVM is older than Linux 5.14");
	ioctl(engine->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map); /* AMD hosts need neither */
	ioctl(engine->vm, KVM_SET_TSS_ADDR, TSS_GPA);
	return 0;
}

static int start(struct engine *engine, struct err *err)
{
	const struct engine_config *config = &engine->config;
	int failed;

	engine->model = x86_cpu_model_find(config->cpu_model);
	if (!engine->model)
		return err_set(err, ERR_INVALID, "there is no CPU model \"%s\"", config->cpu_model);
	if (config->n_vcpus < 1 || config->n_vcpus > ENGINE_VCPUS_MAX)
		return err_set(err, ERR_INVALID, "a machine has 1 to %u vCPUs, not %u",
			       ENGINE_VCPUS_MAX, config->n_vcpus);
	failed = vm_open(engine, err);
	if (!failed)
		failed = kvm_kick_prepare(err);
	if (!failed)
		failed = kvm_slots_create(engine, err);
	if (!failed)
		failed = kvm_msr_filter(engine, err);
	for (unsigned n = 0; !failed && n < config->n_vcpus; n++)
		failed = vcpu_create(engine, n, err);
	return failed;
}

static void vcpu_destroy(struct kvm_vcpu *v, size_t run_bytes)
{
	if (v->run)
		munmap(v->run, run_bytes);
	if (v->fd >= 0)
		close(v->fd);
	pthread_mutex_destroy(&v->lock);
	free(v);
}

static void kvm_destroy(struct engine *engine)
{
	for (unsigned n = 0; n < ENGINE_VCPUS_MAX; n++)
		if (engine->vcpu[n])
			vcpu_destroy(engine->vcpu[n], engine->run_bytes);
	if (engine->vm >= 0)
		close(engine->vm);
	if (engine->kvm >= 0)
		close(engine->kvm);
	free(engine->dirty);
	free(engine);
}

static struct engine *kvm_create(const struct engine_config *config, struct err *err)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (!engine) {
		err_set(err, ERR_NO_MEMORY, "no memory for the KVM engine");
		return NULL;
	}
	engine->config = *config;
	engine->kvm = engine->vm = -1;
	if (start(engine, err) != 0) {
		kvm_destroy(engine);
		return NULL;
	}
	return engine;
}

/* ---- the rest of the table ---- */

static uint64_t kvm_count(const struct engine *engine, unsigned vcpu)
{
	return engine->vcpu[vcpu]->count;
}

static void kvm_set_count(struct engine *engine, unsigned vcpu, uint64_t entries)
{
	engine->vcpu[vcpu]->count = entries;
}

static void kvm_get_state(const struct engine *engine, unsigned vcpu, struct vcpu_state *state)
{
	kvm_state_get(engine->vcpu[vcpu], state);
}

static int kvm_set_state(struct engine *engine, unsigned vcpu, const struct vcpu_state *state,
			 struct err *err)
{
	return kvm_state_set(engine->vcpu[vcpu], state, err);
}

static bool takes_events(struct kvm_vcpu *v)
{
	kvm_vcpu_settle(v);
	return !v->transfer.open && !v->left_already && !v->failed &&
	       (v->activity == X86_ACTIVE || v->activity == X86_HALTED);
}

static bool kvm_can_interrupt(const struct engine *engine, unsigned vcpu)
{
	return takes_events(engine->vcpu[vcpu]) && engine->vcpu[vcpu]->ready;
}

static bool kvm_can_nmi(const struct engine *engine, unsigned vcpu)
{
	struct kvm_vcpu_events events;

	return takes_events(engine->vcpu[vcpu]) && kvm_events_get(engine->vcpu[vcpu], &events) &&
	       !events.nmi.masked && !events.nmi.pending && !events.nmi.injected &&
	       !events.interrupt.shadow && !events.exception.injected && !events.interrupt.injected;
}

static void kvm_want_window(struct engine *engine, unsigned vcpu, bool wanted)
{
	engine->vcpu[vcpu]->want_window = wanted;
}

static void kvm_inject(struct engine *engine, unsigned vcpu, enum x86_event_kind kind,
		       uint8_t vector)
{
	struct kvm_vcpu *v = engine->vcpu[vcpu];
	struct kvm_interrupt interrupt = {.irq = vector};

	if (kind == X86_EVENT_NMI)
		kvm_vcpu_ioctl(v, KVM_NMI, NULL, "KVM_NMI");
	else
		kvm_vcpu_ioctl(v, KVM_INTERRUPT, &interrupt, "KVM_INTERRUPT");
	v->ready = false;
	v->activity = X86_ACTIVE;
}

/* Lets core/x86 do to the vCPU's state what an IPI does. */
static void by_model(struct kvm_vcpu *v, void (*change)(struct x86_cpu *, uint8_t), uint8_t vector)
{
	struct vcpu_state state;
	const char *wrong;

	kvm_state_get(v, &state);
	wrong = x86_cpu_set_state(&v->cpu, &state);
	if (wrong) {
		kvm_vcpu_fail(v, "KVM gives a state that cannot be: %s", wrong);
		return;
	}
	change(&v->cpu, vector);
	x86_cpu_get_state(&v->cpu, &state);
	kvm_state_set(v, &state, NULL); /* a failure stays with the vCPU */
}

static void init(struct x86_cpu *c, uint8_t vector)
{
	(void)vector;
	x86_cpu_init_ipi(c);
}

static void kvm_init_ipi(struct engine *engine, unsigned vcpu)
{
	by_model(engine->vcpu[vcpu], init, 0);
}

static void kvm_startup_ipi(struct engine *engine, unsigned vcpu, uint8_t vector)
{
	if (engine->vcpu[vcpu]->activity == X86_WAIT_SIPI)
		by_model(engine->vcpu[vcpu], x86_cpu_startup_ipi, vector);
}

static void kvm_rearm_dirty(struct engine *engine)
{
	(void)engine; /* collecting has protected the pages again */
}

static void kvm_failure(const struct engine *engine, unsigned vcpu, struct err *err)
{
	*err = engine->vcpu[vcpu]->failure;
}

const struct engine_ops kvm_engine = {
	.name = "kvm",
	.exact_counts = false,
	.create = kvm_create,
	.destroy = kvm_destroy,
	.run = kvm_run_vcpu,
	.complete = kvm_complete,
	.count = kvm_count,
	.set_count = kvm_set_count,
	.get_state = kvm_get_state,
	.set_state = kvm_set_state,
	.can_interrupt = kvm_can_interrupt,
	.can_nmi = kvm_can_nmi,
	.want_window = kvm_want_window,
	.inject = kvm_inject,
	.init_ipi = kvm_init_ipi,
	.startup_ipi = kvm_startup_ipi,
	.kick = kvm_kick,
	.collect_dirty = kvm_collect_dirty,
	.rearm_dirty = kvm_rearm_dirty,
	.failure = kvm_failure,
};
