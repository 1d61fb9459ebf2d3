/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local APICs of all vCPUs of a machine, as one device (SDM volume 3A, chapter 11): xAPIC page,
 * x2APIC registers, timer, interrupts between processors.
 *
 * The page at LAPIC_GPA is not on the bus, since an access means something else on each vCPU: the
 * machine tells who asks.  APIC ids are the vCPUs' numbers; there are no external pins (LINT0 and
 * LINT1 exist as registers alone), no SMIs and no 8259 behind them.
 *
 * The timer counts nanoseconds of guest time (a 1 GHz crystal), through its divider.
 */
#ifndef CORE_DEVICE_LAPIC_H
#define CORE_DEVICE_LAPIC_H

#include "core/device/device.h"
#include "core/device/irq_message.h"

#define LAPIC_CPUS_MAX 64
#define LAPIC_GPA      0xfee00000ull

/*
 * What local APICs do to their vCPUs.  Called from within the functions below, some of which the
 * engine itself calls while a vCPU runs (MSRs, CR8): implementations take a note and act on it when
 * no vCPU runs, before the next instruction of any.
 */
struct lapic_ops {
	void (*init)(void *ctx, unsigned cpu); /* the local APIC has been reset already */
	void (*startup)(void *ctx, unsigned cpu, uint8_t vector);
	void (*nmi)(void *ctx, unsigned cpu);
	/* lapic_pending() has something for cpu.  May be said again; is not said by resume(), which
	 * leaves the machine as it was when it was saved. */
	void (*attention)(void *ctx, unsigned cpu);
};

struct lapic_config {
	unsigned n_cpus;   /* 1..LAPIC_CPUS_MAX; cpu 0 is the bootstrap processor */
	bool x2apic;	   /* as CPUID says; without it, the mode cannot be entered */
	bool tsc_deadline; /* likewise: the timer mode and IA32_TSC_DEADLINE */
	const struct lapic_ops *ops;
	void *ops_ctx;
};

struct lapic;

/* Powered up.  Uses env->timers alone.  NULL with err set on failure.  Free by the device's
 * destroy(). */
struct lapic *lapic_create(const struct device_env *env, const struct lapic_config *config,
			   struct err *err);

/* Its face as a device; the same object. */
struct device *lapic_device(struct lapic *l);

/* Where the ends of level-triggered interrupts are told: ioapic_eoi() and its IOAPIC. */
void lapic_wire_eoi(struct lapic *l, void (*eoi)(void *ctx, uint8_t vector), void *ctx);

/* A message from the IOAPIC; an irq_receiver.  lapic: a struct lapic. */
bool lapic_receive(void *lapic, const struct irq_message *message);

/* The vector that cpu would take now if its flags allowed it, or -1. */
int lapic_pending(const struct lapic *l, unsigned cpu);

/* cpu takes that vector: it is in service until EOI. */
void lapic_accept(struct lapic *l, unsigned cpu, uint8_t vector);

/* An access of vCPU cpu to the page at LAPIC_GPA; offset < 4096, any size and alignment.  Where the
 * hardware is undefined (other than aligned 32-bit accesses), reads give what part of a register
 * they touch, or 0, and writes are dropped.  While the page is off, reads give all ones.  Like
 * lapic_msr_write() it may move the earliest deadline of the timer queue. */
uint64_t lapic_mmio_read(struct lapic *l, unsigned cpu, uint64_t offset, unsigned size_bytes);
void lapic_mmio_write(struct lapic *l, unsigned cpu, uint64_t offset, unsigned size_bytes,
		      uint64_t value);

/* IA32_APIC_BASE, IA32_TSC_DEADLINE and 800H-8FFH.  False: #GP; nothing changed.  Moving the page is
 * refused. */
bool lapic_msr_read(struct lapic *l, unsigned cpu, uint32_t index, uint64_t *value);
bool lapic_msr_write(struct lapic *l, unsigned cpu, uint32_t index, uint64_t value);

/* CR8, 0 to 15. */
uint64_t lapic_cr8(const struct lapic *l, unsigned cpu);
void lapic_set_cr8(struct lapic *l, unsigned cpu, uint64_t priority);

/* cpu's TSC is guest time plus offset from now on (0 at first): TSC deadlines follow it. */
void lapic_set_tsc_offset(struct lapic *l, unsigned cpu, uint64_t offset);

#endif
