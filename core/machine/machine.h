/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One guest: memory, vCPUs on an engine, devices, and what stands in its two doors.
 *
 * The soft machine is a deterministic function of its configuration, its boot images and its
 * inputs door.  One thread runs it.  vCPUs take turns of config.quantum retired instructions, in
 * the order of their numbers; one that is halted or not started passes its turn.  Between two
 * stretches of instructions, in this order: inputs that take effect at this instant, timers whose
 * deadline has come, interrupts.  A stretch ends at the next timer's exact instruction, at the
 * next input that is known to be due, at the end of the turn, or at an access to a device.
 */
#ifndef CORE_MACHINE_MACHINE_H
#define CORE_MACHINE_MACHINE_H

#include "core/base/err.h"
#include "core/digest.h"
#include "core/engine/engine.h"
#include "core/inputs.h"
#include "core/machine/config.h"
#include "core/memory.h"
#include "core/outputs.h"

struct machine;

/* Why machine_run() returned. */
enum machine_end {
	MACHINE_REACHED, /* the instant asked for */
	MACHINE_PAUSED,	 /* ACTION_PAUSE came through the inputs door */
	MACHINE_OFF,	 /* the guest powered off */
	MACHINE_RESET,	 /* the guest asked for a reset; nothing has been reset yet */
	MACHINE_FAULT,	 /* triple fault */
	MACHINE_EXIT,	 /* debug exit: machine_exit_code() */
};

/* Makes a machine with all devices in their reset state and vCPUs not started.  inputs and
 * outputs are borrowed for its life.  NULL with err set on failure. */
struct machine *machine_create(const struct machine_config *config, const struct engine_ops *engine,
			       const struct inputs *inputs, const struct outputs *outputs,
			       struct err *err);
void machine_destroy(struct machine *m);

/* Runs until the machine has retired `until` instructions in all, or something ends it.  Blocks;
 * calls the doors. */
enum machine_end machine_run(struct machine *m, uint64_t until);

/* From any thread: makes a running machine ask its inputs door soon. */
void machine_kick(struct machine *m);

struct instant machine_now(const struct machine *m);
uint64_t machine_guest_ns(const struct machine *m);
int machine_exit_code(const struct machine *m);

/* The machine's parts, for loaders, debuggers and checkpoints between runs. */
struct memory *machine_memory(struct machine *m);
const struct machine_config *machine_config(const struct machine *m);
int machine_set_vcpu(struct machine *m, unsigned vcpu, const struct vcpu_state *state,
		     struct err *err);
void machine_get_vcpu(const struct machine *m, unsigned vcpu, struct vcpu_state *state);

/* Adds vCPUs, devices, clocks and memory to d, part by part, by name. */
int machine_digest(struct machine *m, struct digest *d, struct err *err);

#endif
