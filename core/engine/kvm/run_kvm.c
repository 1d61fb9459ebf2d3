/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a vCPU, and making one stop.
 *
 * A kick must neither be lost nor come twice.  It is a flag under the vCPU's lock.  run() copies it to
 * immediate_exit when it begins, so that a kick from before ends the first KVM_RUN at its start; a
 * later one sets immediate_exit itself and sends a signal, which ends a KVM_RUN that is under way or,
 * if it comes just before, finds immediate_exit set.  run() alone takes the flag back.
 */
#include "core/engine/kvm/kvm.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>

#define KICK_SIGNAL SIGRTMIN

/* ---- kicks ---- */

static void ignore(int signal)
{
	(void)signal;
}

int kvm_kick_prepare(struct err *err)
{
	const struct sigaction action = {.sa_handler = ignore}; /* no SA_RESTART */

	return sigaction(KICK_SIGNAL, &action, NULL) ? err_system(err, "no signal for kicks") : 0;
}

/* A thread that runs a vCPU for the first time may have the signal blocked. */
static void unblock_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, KICK_SIGNAL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void begin(struct kvm_vcpu *v)
{
	pthread_t self = pthread_self();

	if (!pthread_equal(v->thread, self))
		unblock_signal();
	pthread_mutex_lock(&v->lock);
	v->thread = self;
	v->inside = true;
	v->run->immediate_exit = v->kicked;
	pthread_mutex_unlock(&v->lock);
}

static void end(struct kvm_vcpu *v)
{
	pthread_mutex_lock(&v->lock);
	v->inside = false;
	pthread_mutex_unlock(&v->lock);
}

static bool take_kick(struct kvm_vcpu *v)
{
	bool kicked;

	pthread_mutex_lock(&v->lock);
	kicked = v->kicked;
	v->kicked = false;
	v->run->immediate_exit = 0;
	pthread_mutex_unlock(&v->lock);
	return kicked;
}

void kvm_kick(struct engine *engine, unsigned vcpu)
{
	struct kvm_vcpu *v = engine->vcpu[vcpu];

	pthread_mutex_lock(&v->lock);
	v->kicked = true;
	if (v->inside) {
		v->run->immediate_exit = 1;
		if (!pthread_equal(v->thread, pthread_self()))
			pthread_kill(v->thread, KICK_SIGNAL);
	}
	pthread_mutex_unlock(&v->lock);
}

/* ---- entering ---- */

/* One KVM_RUN; 0 or errno.  Finishes an answered instruction first. */
static int enter(struct kvm_vcpu *v)
{
	const struct engine_config *config = &v->engine->config;
	uint64_t tpr = config->machine->tpr_read(config->machine_ctx, v->number);
	int failed;

	v->unsettled = false;
	v->run->cr8 = tpr;
	v->run->request_interrupt_window = v->want_window;
	failed = ioctl(v->fd, KVM_RUN, 0) ? errno : 0;
	v->ready = v->run->ready_for_interrupt_injection && v->run->if_flag;
	if (v->run->cr8 != tpr)
		config->machine->tpr_write(config->machine_ctx, v->number, v->run->cr8);
	return failed;
}

void kvm_vcpu_settle(struct kvm_vcpu *v)
{
	int failed;

	if (!v->unsettled)
		return;
	v->run->immediate_exit = 1;
	failed = enter(v);
	if (!failed)
		v->left_already = true;
	else if (failed != EINTR)
		kvm_vcpu_fail(v, "KVM_RUN: %s", strerror(failed));
}

/* ---- accesses ---- */

static void hand_out(struct kvm_vcpu *v, struct vcpu_exit *exit)
{
	struct kvm_transfer *t = &v->transfer;

	t->piece_bytes = t->item_bytes;
	if (!t->port) {
		t->piece_bytes = 8;
		while (t->piece_bytes > t->bytes - t->done)
			t->piece_bytes /= 2;
	}
	*exit = (struct vcpu_exit){
		.kind = t->port ? VCPU_EXIT_PORT : VCPU_EXIT_MMIO,
		.write = t->write,
		.size_bytes = t->piece_bytes,
		.address = t->port ? t->address : t->address + t->done,
	};
	if (t->write)
		memcpy(&exit->value, t->data + t->done, t->piece_bytes);
}

void kvm_complete(struct engine *engine, unsigned vcpu, uint64_t value)
{
	struct kvm_vcpu *v = engine->vcpu[vcpu];
	struct kvm_transfer *t = &v->transfer;

	if (!t->open)
		return;
	if (!t->write)
		memcpy(t->data + t->done, &value, t->piece_bytes);
	t->done += t->piece_bytes;
	if (t->done >= t->bytes) {
		t->open = false;
		v->unsettled = true;
	}
}

static void port_access(struct kvm_vcpu *v)
{
	const struct kvm_run *run = v->run;

	v->transfer = (struct kvm_transfer){
		.open = true,
		.port = true,
		.write = run->io.direction == KVM_EXIT_IO_OUT,
		.item_bytes = run->io.size,
		.bytes = run->io.size * run->io.count,
		.address = run->io.port,
		.data = (uint8_t *)v->run + run->io.data_offset,
	};
}

static void memory_access(struct kvm_vcpu *v)
{
	const struct memory *memory = v->engine->config.memory;
	struct kvm_run *run = v->run;

	if (memory_page_number(memory, run->mmio.phys_addr) < memory->pages) {
		kvm_vcpu_fail(v, "KVM cannot reach guest memory at %#llx",
			      (unsigned long long)run->mmio.phys_addr);
		return;
	}
	v->transfer = (struct kvm_transfer){
		.open = true,
		.write = run->mmio.is_write,
		.bytes = run->mmio.len,
		.address = run->mmio.phys_addr,
		.data = run->mmio.data,
	};
}

/* ---- exits ---- */

static void internal_error(struct kvm_vcpu *v)
{
	struct kvm_regs regs = {0};

	ioctl(v->fd, KVM_GET_REGS, &regs);
	kvm_vcpu_fail(v, "KVM cannot carry out the instruction at %#llx (internal error %u)",
		      (unsigned long long)regs.rip, v->run->internal.suberror);
}

/* What became of a KVM_RUN; leaves exit alone when the vCPU is simply to go on. */
static void take_exit(struct kvm_vcpu *v, struct vcpu_exit *exit)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO: port_access(v); break;
	case KVM_EXIT_MMIO: memory_access(v); break;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		kvm_msr_exit(v);
		v->unsettled = true;
		break;
	case KVM_EXIT_HLT:
		v->activity = X86_HALTED;
		exit->kind = VCPU_EXIT_HALT;
		break;
	case KVM_EXIT_SHUTDOWN: v->activity = X86_SHUTDOWN; break;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_SET_TPR:
	case KVM_EXIT_INTR: break;
	case KVM_EXIT_INTERNAL_ERROR: internal_error(v); break;
	case KVM_EXIT_FAIL_ENTRY:
		kvm_vcpu_fail(v, "the processor refuses to enter the guest (%#llx)",
			      (unsigned long long)v->run->fail_entry.hardware_entry_failure_reason);
		break;
	default: kvm_vcpu_fail(v, "KVM left for a reason unknown here (%u)", v->run->exit_reason);
	}
}

static bool window_open(const struct kvm_vcpu *v)
{
	return v->want_window && v->ready && !v->unsettled;
}

/* Reasons to leave, or to hand something out, before KVM is entered. */
static void before_entry(struct kvm_vcpu *v, struct vcpu_exit *exit)
{
	if (v->left_already) {
		v->left_already = false;
		take_exit(v, exit);
	}
	if (exit->kind != VCPU_EXIT_NONE)
		return;
	if (v->failed)
		exit->kind = VCPU_EXIT_FAILED;
	else if (v->transfer.open)
		hand_out(v, exit);
	else if (v->activity == X86_SHUTDOWN)
		exit->kind = VCPU_EXIT_SHUTDOWN;
	else if (v->activity != X86_WAIT_SIPI && window_open(v))
		exit->kind = VCPU_EXIT_IRQ_WINDOW;
	else if (v->activity != X86_ACTIVE)
		exit->kind = VCPU_EXIT_HALT;
	else if (take_kick(v))
		exit->kind = VCPU_EXIT_KICKED;
}

static void enter_once(struct kvm_vcpu *v, struct vcpu_exit *exit)
{
	int failed = enter(v);

	v->count++;
	if (!failed)
		take_exit(v, exit);
	else if (failed != EINTR && failed != EAGAIN)
		kvm_vcpu_fail(v, "KVM_RUN: %s", strerror(failed));
}

void kvm_run_vcpu(struct engine *engine, unsigned vcpu, uint64_t until, struct vcpu_exit *exit)
{
	struct kvm_vcpu *v = engine->vcpu[vcpu];

	(void)until; /* the kernel does not count */
	*exit = (struct vcpu_exit){.kind = VCPU_EXIT_NONE};
	begin(v);
	for (;;) {
		before_entry(v, exit);
		if (exit->kind != VCPU_EXIT_NONE)
			break;
		enter_once(v, exit);
	}
	end(v);
}
