/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one guest from its file to its end and tells what became of it.
 *
 * There are three drivers.  The reference takes one x86_step() after the other and caches nothing:
 * every access of every instruction walks the page tables anew.  The second is the interpreter
 * engine.  A guest must come out of both the same: same text, same instruction counts, same
 * memory, same registers.  The third is KVM, which counts no instructions; text and memory must be
 * the same when the board has no ticks (GUEST_TICK_PORT).
 *
 * Several processors take turns of VMM_TURN retired instructions; a halted one passes.
 */
#ifndef TESTS_GUESTS_VMM_H
#define TESTS_GUESTS_VMM_H

#include "core/x86/cpuid.h"
#include "tests/guests/board.h"

#define VMM_TURN 50

enum vmm_driver { VMM_STEP, VMM_INTERPRET, VMM_KVM, VMM_DRIVERS };

enum vmm_end {
	VMM_EXITED,   /* by the exit port */
	VMM_SHUTDOWN, /* triple fault */
	VMM_STUCK,    /* every processor halted and nothing will wake one */
	VMM_LIMIT,    /* the instruction limit was reached */
};

struct vmm_config {
	const char *path;
	const char *command_line;
	const struct x86_cpu_model *model;
	enum vmm_driver driver;
	uint64_t memory_bytes;
	unsigned cpus;
	uint64_t limit; /* retired instructions of one processor; KVM knows none */
	bool no_ticks;	/* the board says it has no GUEST_TICK_PORT */
	bool keep_memory;
	void (*listener)(void *context, uint64_t retired, char byte); /* as in board.h, or NULL */
	void *listener_context;
	uint64_t *coverage; /* a count per opcode row, or NULL; VMM_STEP only */
};

struct vmm_result {
	enum vmm_end end;
	uint32_t exit_value;
	uint64_t retired[BOARD_CPUS_MAX]; /* under KVM: entries */
	uint64_t memory_digest;
	struct memory *memory; /* when it was to be kept; freed with the result */
	struct vcpu_state state[BOARD_CPUS_MAX];
	char *text; /* owned; free with vmm_result_free() */
	struct guest_results results;
};

/* Returns 0 when the guest was run to one of the ends, else an error code. */
int vmm_run(const struct vmm_config *config, struct vmm_result *result, struct err *err);
void vmm_result_free(struct vmm_result *result);

/* The drivers: run the guest that lies loaded on the board, processor 0 in entry state. */
struct vmm_drive {
	const struct vmm_config *config;
	struct board *board;
	const struct vcpu_state *entry;
	struct vmm_result *result; /* end, retired and state are filled in */
};

int vmm_drive_step(const struct vmm_drive *d, struct err *err);
int vmm_drive_interpret(const struct vmm_drive *d, struct err *err);
int vmm_drive_kvm(const struct vmm_drive *d, struct err *err);

#endif
