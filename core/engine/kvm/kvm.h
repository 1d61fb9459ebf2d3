/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the engine on the kernel's KVM.
 *
 * KVM runs the CPUs and nothing else: interrupt controllers and timers are the machine's, as under
 * the soft engines, so interrupts go in one at a time through KVM_INTERRUPT and the kernel is asked
 * for a window where they cannot.
 *
 * Of the CPU's state KVM keeps the registers.  The engine keeps beside it a struct x86_cpu that never
 * executes: it knows the model (CPUID, which states are possible), holds the MSRs that a guest may
 * read and write but that mean nothing to KVM, and does RESET, INIT and start-up as core/x86
 * defines them.  activity is the engine's own too.
 *
 * The answer to an access.  KVM finishes an instruction that it left with an access when it is entered
 * the next time.  Whoever wants the registers, or wants to change them, must have that done first:
 * kvm_vcpu_settle() enters with immediate_exit set.
 */
#ifndef CORE_ENGINE_KVM_KVM_H
#define CORE_ENGINE_KVM_KVM_H

#include "core/engine/engine.h"
#include "core/x86/cpu.h"

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a guest reads or writes at once, in pieces that devices know: REP INS and OUTS come as many
 * items of one port, and device memory in any number of bytes up to 8. */
struct kvm_transfer {
	bool open; /* a piece has been handed out, or more are to come */
	bool port, write;
	uint8_t item_bytes; /* port only */
	uint8_t piece_bytes;
	uint32_t bytes, done;
	uint64_t address;
	uint8_t *data; /* in the shared page */
};

struct kvm_vcpu {
	struct engine *engine;
	unsigned number;
	int fd;
	struct kvm_run *run; /* shared with the kernel */
	struct x86_cpu cpu;
	uint64_t count; /* of entries */
	struct kvm_transfer transfer;
	bool unsettled;	   /* an answered instruction is still to be finished */
	bool left_already; /* run->exit_reason is news: settling met another exit */
	bool ready;	   /* an external interrupt can go in */
	bool want_window;
	uint8_t activity; /* enum x86_activity */
	bool failed;
	struct err failure;

	pthread_mutex_t lock; /* of the fields below */
	bool kicked, inside;
	pthread_t thread; /* while inside */
};

struct engine {
	struct engine_config config;
	const struct x86_cpu_model *model;
	int kvm, vm;
	size_t run_bytes;
	uint64_t *dirty; /* a bit per page of the larger slot */
	struct kvm_vcpu *vcpu[ENGINE_VCPUS_MAX];
};

/* open_kvm.c */
/* The kernel's ioctl on a vCPU that cannot fail unless the engine is wrong: marks v failed. */
bool kvm_vcpu_ioctl(struct kvm_vcpu *v, unsigned long request, void *argument, const char *name);
void kvm_vcpu_fail(struct kvm_vcpu *v, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* slots_kvm.c: guest memory as KVM slots, with dirty logging. */
int kvm_slots_create(struct engine *engine, struct err *err);

/* dirty_kvm.c: folds what the kernel logged since the last call into the watch bytes of memory. */
void kvm_collect_dirty(struct engine *engine);

/* cpuid_kvm.c */
/* Gives the vCPU the CPUID of its model.  ERR_UNSUPPORTED names what the host lacks. */
int kvm_cpuid_set(struct kvm_vcpu *v, struct err *err);

/* msr_kvm.c */
/* Takes all MSRs from the kernel but those that it handles as the model would. */
int kvm_msr_filter(struct engine *engine, struct err *err);
/* Answers KVM_EXIT_X86_RDMSR and WRMSR in run->msr. */
void kvm_msr_exit(struct kvm_vcpu *v);
/* Those that KVM keeps, both ways. */
bool kvm_msrs_get(struct kvm_vcpu *v, struct x86_msrs *msrs);
bool kvm_msrs_set(struct kvm_vcpu *v, const struct x86_msrs *msrs);
void kvm_msr_world(struct kvm_vcpu *v);

/* state_kvm.c: neutral state both ways.  push: of v->cpu and v->activity. */
void kvm_state_get(struct kvm_vcpu *v, struct vcpu_state *state);
int kvm_state_set(struct kvm_vcpu *v, const struct vcpu_state *state, struct err *err);
bool kvm_events_get(struct kvm_vcpu *v, struct kvm_vcpu_events *events);

/* fpu_kvm.c: x87 and SSE. */
bool kvm_fpu_get(struct kvm_vcpu *v, struct vcpu_state *state);
bool kvm_fpu_set(struct kvm_vcpu *v, const struct vcpu_state *state);

/* run_kvm.c */
/* Installs the handler of the signal that ends a KVM_RUN. */
int kvm_kick_prepare(struct err *err);
void kvm_vcpu_settle(struct kvm_vcpu *v);
void kvm_run_vcpu(struct engine *engine, unsigned vcpu, uint64_t until, struct vcpu_exit *exit);
void kvm_complete(struct engine *engine, unsigned vcpu, uint64_t value);
void kvm_kick(struct engine *engine, unsigned vcpu);

#endif
