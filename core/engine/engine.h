/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine: something that can run the vCPUs of one guest.  All engines stand behind this table;
 * whoever drives one sees plain values (struct vcpu_exit) and the neutral state
 * (struct vcpu_state), never an engine's own types.
 *
 * Life cycle: create, then for each vCPU set_state or leave it in its reset state; run again and
 * again; destroy.  Guest memory outlives the engine.  Unless a function says otherwise it is
 * called on the one thread that runs the vCPU, and does not block.
 *
 * Counting.  The soft engines count retired instructions per vCPU exactly (core/instant.h).  Hardware
 * does not: where exact_counts is false a run goes on until an exit or a kick, whatever `until`
 * says, and count() only grows.
 */
#ifndef CORE_ENGINE_ENGINE_H
#define CORE_ENGINE_ENGINE_H

#include "core/base/err.h"
#include "core/engine/vcpu_exit.h"
#include "core/memory.h"
#include "core/x86/vcpu_state.h"

#include <stdbool.h>
#include <stdint.h>

#define ENGINE_VCPUS_MAX 64

/* Registers that belong to the machine around the CPU.  Called while a vCPU runs; must not touch
 * guest memory and must not use floating point.  instructions: retired by that vCPU before the
 * one that asks. */
struct engine_machine_ops {
	uint64_t (*tsc)(void *ctx, unsigned vcpu, uint64_t instructions);
	/* False: no such MSR, or the value is refused; the guest gets #GP(0). */
	bool (*msr_read)(void *ctx, unsigned vcpu, uint32_t index, uint64_t *value);
	bool (*msr_write)(void *ctx, unsigned vcpu, uint32_t index, uint64_t value);
	uint64_t (*tpr_read)(void *ctx, unsigned vcpu);
	void (*tpr_write)(void *ctx, unsigned vcpu, uint64_t priority);
};

struct engine_config {
	struct memory *memory; /* borrowed for the engine's life; its watcher is taken over */
	const char *cpu_model; /* a name that x86_cpu_model_find() knows */
	unsigned n_vcpus;      /* 1..ENGINE_VCPUS_MAX */
	const struct engine_machine_ops *machine;
	void *machine_ctx;
};

struct engine;

struct engine_ops {
	const char *name;
	bool exact_counts;

	/* Makes an engine with all vCPUs in their reset state; NULL with err set on failure. */
	struct engine *(*create)(const struct engine_config *config, struct err *err);
	void (*destroy)(struct engine *engine);

	/* Runs one vCPU until it has retired `until` instructions in all (exactly that many), or
	 * something else ends the run; *exit says what.  After PORT and MMIO exits the
	 * instruction has not retired: answer with complete and run again. */
	void (*run)(struct engine *engine, unsigned vcpu, uint64_t until, struct vcpu_exit *exit);

	/* Answers the last PORT or MMIO exit; value is ignored for writes. */
	void (*complete)(struct engine *engine, unsigned vcpu, uint64_t value);

	/* Retired instructions of one vCPU since creation or set_count; exact also when asked from
	 * within engine_machine_ops: the one being carried out is not in it. */
	uint64_t (*count)(const struct engine *engine, unsigned vcpu);
	void (*set_count)(struct engine *engine, unsigned vcpu, uint64_t instructions);

	void (*get_state)(const struct engine *engine, unsigned vcpu, struct vcpu_state *state);
	/* ERR_INVALID with a sentence that names the field; the vCPU is then unchanged. */
	int (*set_state)(struct engine *engine, unsigned vcpu, const struct vcpu_state *state,
			 struct err *err);

	/* True when an external interrupt could be injected before the next instruction. */
	bool (*can_interrupt)(const struct engine *engine, unsigned vcpu);
	/* The same for an NMI. */
	bool (*can_nmi)(const struct engine *engine, unsigned vcpu);
	/* Asks for VCPU_EXIT_IRQ_WINDOW as soon as can_interrupt() holds; false takes it back. */
	void (*want_window)(struct engine *engine, unsigned vcpu, bool wanted);
	/* Delivers an external interrupt (can_interrupt() holds) or an NMI (can_nmi() holds) before the next
	 * instruction; wakes a halted vCPU. */
	void (*inject)(struct engine *engine, unsigned vcpu, enum x86_event_kind kind,
		       uint8_t vector);
	/* The INIT and start-up IPIs as they arrive at a vCPU. */
	void (*init_ipi)(struct engine *engine, unsigned vcpu);
	void (*startup_ipi)(struct engine *engine, unsigned vcpu, uint8_t vector);

	/* From any thread: makes a running vCPU leave with VCPU_EXIT_KICKED soon; if it is not
	 * running, its next run leaves at once. */
	void (*kick)(struct engine *engine, unsigned vcpu);

	/* Call before dirty_harvest(), while no vCPU runs: adds to the watch bytes of memory what the
	 * engine knows of pages that were written. */
	void (*collect_dirty)(struct engine *engine);

	/* Call after dirty_harvest() and before any vCPU runs again: forgets cached permissions
	 * to write without marking pages dirty. */
	void (*rearm_dirty)(struct engine *engine);

	/* Why a run left with VCPU_EXIT_FAILED. */
	void (*failure)(const struct engine *engine, unsigned vcpu, struct err *err);
};

/* The reference: an interpreter with a decoded-block cache. */
extern const struct engine_ops interpret_engine;

/* The kernel's KVM, interrupt controllers left to the machine.  Ask kvm_probe() first: a KVM that
 * cannot run ordinary guests can still be opened.  With a PORT or MMIO exit unanswered the state may
 * not be asked for or set. */
extern const struct engine_ops kvm_engine;

#endif
