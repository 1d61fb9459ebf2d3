/* SPDX-License-Identifier: Apache-2.0 */
/* Inside a machine: what machine.c builds and run.c runs. */
#ifndef CORE_MACHINE_PARTS_H
#define CORE_MACHINE_PARTS_H

#include "core/bus.h"
#include "core/device/device.h"
#include "core/device/ioapic.h"
#include "core/device/lapic.h"
#include "core/guest_time.h"
#include "core/machine/machine.h"
#include "core/timer.h"

#define MACHINE_DEVICES_MAX 32

/* Whose turn it is and how far it has got; part of the machine's state. */
struct schedule {
	uint32_t vcpu;
	uint32_t left;	  /* instructions of this turn */
	uint64_t waiting; /* bit n: vCPU n is halted or not started */
};

/* What local APICs have asked for and vCPUs have not seen yet; bit n: vCPU n.  Part of the
 * machine's state. */
struct machine_notes {
	uint64_t init, startup, nmi;
	uint8_t vector[MACHINE_VCPUS_MAX]; /* of startup */
};

struct machine {
	struct machine_config config;
	struct memory *memory;
	const struct engine_ops *ops;
	struct engine *engine;
	struct inputs inputs;
	struct outputs outputs;
	struct bus ports, mmio;
	struct timer_queue timers;
	struct guest_time time;
	struct instant now; /* between stretches; during one, see machine_instructions() */
	struct schedule schedule;
	bool running;		/* within ops->run() */
	uint64_t stretch_count; /* the running vCPU's own count when the stretch began */
	uint64_t tsc_offset[MACHINE_VCPUS_MAX];
	struct machine_notes notes;
	struct lapic *lapic;
	struct ioapic *ioapic;
	struct device *device[MACHINE_DEVICES_MAX];
	unsigned n_devices;
	bool ended, paused;
	enum machine_end end;
	int exit_code;
};

/* Retired instructions of the whole machine at this moment, also within a stretch. */
uint64_t machine_instructions(const struct machine *m);

/* The engine's questions about the machine around the CPU (vcpu_ops.c). */
extern const struct engine_machine_ops machine_cpu_ops;

/* What local APICs do to vCPUs (vcpu_ops.c). */
extern const struct lapic_ops machine_lapic_ops;

/* Makes all devices of m->config; wires env to the IOAPIC on the way. */
int machine_make_devices(struct machine *m, struct device_env *env, struct err *err);

/* Carries out INIT and start-up IPIs; between stretches. */
void machine_act_on_notes(struct machine *m);

/* Delivers the NMI that waits for the vCPU, if it can be taken now. */
bool machine_deliver_nmi(struct machine *m, unsigned vcpu);

#endif
