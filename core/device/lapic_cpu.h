/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the local APICs: one vCPU's registers, and what the lapic*.c files do for each other. */
#ifndef CORE_DEVICE_LAPIC_CPU_H
#define CORE_DEVICE_LAPIC_CPU_H

#include "core/device/lapic.h"

#define APIC_BASE_BSP	 (1ull << 8)
#define APIC_BASE_X2APIC (1ull << 10)
#define APIC_BASE_ENABLE (1ull << 11)

/* Numbers of registers: offset in the page / 16, and MSR - 800H. */
enum lapic_register {
	REG_ID = 0x02,
	REG_VERSION = 0x03,
	REG_TPR = 0x08,
	REG_APR = 0x09,
	REG_PPR = 0x0a,
	REG_EOI = 0x0b,
	REG_RRR = 0x0c,
	REG_LDR = 0x0d,
	REG_DFR = 0x0e,
	REG_SVR = 0x0f,
	REG_ISR = 0x10,
	REG_TMR = 0x18,
	REG_IRR = 0x20,
	REG_ESR = 0x28,
	REG_ICR = 0x30,
	REG_ICR_HIGH = 0x31,
	REG_LVT = 0x32,
	REG_TIMER_INITIAL = 0x38,
	REG_TIMER_CURRENT = 0x39,
	REG_TIMER_DIVIDE = 0x3e,
	REG_SELF_IPI = 0x3f,
};

/* Entries of the local vector table, in the order of their registers. */
enum lapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVTS };

#define LVT_MASKED (1u << 16)

#define SVR_ENABLE (1u << 8)

#define ESR_SEND_ILLEGAL     (1u << 5)
#define ESR_RECEIVED_ILLEGAL (1u << 6)
#define ESR_NO_REGISTER	     (1u << 7)

#define VECTOR_FIRST_LEGAL 16

struct lapic_cpu {
	struct lapic *lapic;
	struct timer timer;
	uint32_t id;

	/* Saved. */
	uint64_t apic_base;
	uint32_t tpr, ldr, dfr, svr;
	uint32_t isr[8], tmr[8], irr[8];
	uint32_t esr;	    /* as the guest reads it */
	uint32_t esr_found; /* since the guest last wrote to it */
	uint32_t icr_low, icr_high;
	uint32_t lvt[LVTS];
	uint32_t timer_initial, timer_divide;
	uint64_t timer_deadline_ns; /* guest time; TIMER_NEVER: stopped */
	uint64_t tsc_deadline;	    /* 0: none */
	uint64_t tsc_offset;
};

struct lapic {
	struct device device;
	struct lapic_config config;
	struct timer_queue *timers;
	void (*eoi)(void *ctx, uint8_t vector);
	void *eoi_ctx;
	struct state_field field; /* the table counts this machine's vCPUs */
	struct state_table table;
	struct lapic_cpu cpu[LAPIC_CPUS_MAX];
};

static inline bool cpu_enabled(const struct lapic_cpu *c)
{
	return c->apic_base & APIC_BASE_ENABLE;
}

static inline bool cpu_x2apic(const struct lapic_cpu *c)
{
	return c->apic_base & APIC_BASE_X2APIC;
}

/* lapic.c: all but APIC_BASE as after power-up. */
void lapic_cpu_reset(struct lapic_cpu *c);

/* lapic_deliver.c */
uint32_t lapic_processor_priority(const struct lapic_cpu *c);
uint32_t lapic_logical_id(const struct lapic_cpu *c);
void lapic_notice(struct lapic_cpu *c); /* what is deliverable may have changed */
void lapic_error(struct lapic_cpu *c, uint32_t error);
void lapic_deliver_local(struct lapic_cpu *c, enum lapic_lvt entry);
void lapic_ipi(struct lapic_cpu *c, uint32_t icr_low, uint32_t destination);
void lapic_ipi_self(struct lapic_cpu *c, uint8_t vector);
void lapic_end_of_interrupt(struct lapic_cpu *c);

/* lapic_timer.c */
void lapic_timer_fire(void *cpu); /* a struct lapic_cpu */
void lapic_timer_stop(struct lapic_cpu *c);
void lapic_timer_set_initial(struct lapic_cpu *c, uint32_t count);
void lapic_timer_set_divide(struct lapic_cpu *c, uint32_t divide);
void lapic_timer_set_lvt(struct lapic_cpu *c, uint32_t lvt);
void lapic_timer_set_tsc_deadline(struct lapic_cpu *c, uint64_t tsc);
uint32_t lapic_timer_current(const struct lapic_cpu *c);

/* lapic_registers.c: what the page and the MSRs share.  False: no such register (there). */
bool lapic_register_read(const struct lapic_cpu *c, unsigned number, uint32_t *value);
bool lapic_register_write(struct lapic_cpu *c, unsigned number, uint32_t value);
/* The bits of a register that a write can change. */
uint32_t lapic_register_writable(const struct lapic_cpu *c, unsigned number);

#endif
