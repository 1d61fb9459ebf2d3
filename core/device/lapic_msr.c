/* SPDX-License-Identifier: Apache-2.0 */
/* The local APIC as model-specific registers: IA32_APIC_BASE, IA32_TSC_DEADLINE and x2APIC mode
 * (SDM 11.4.4, 11.5.4.1 and 11.12). */
#include "core/device/lapic_cpu.h"

#define MSR_APIC_BASE	 0x1bu
#define MSR_TSC_DEADLINE 0x6e0u
#define MSR_X2APIC	 0x800u
#define MSR_X2APIC_LAST	 0x8ffu

/* ---- IA32_APIC_BASE ---- */

static bool base_allowed(const struct lapic_cpu *c, uint64_t value)
{
	uint64_t modes = APIC_BASE_ENABLE | APIC_BASE_X2APIC;
	uint64_t from = c->apic_base & modes, to = value & modes;

	if ((value & ~(modes | APIC_BASE_BSP)) != LAPIC_GPA)
		return false;
	if (!(to & APIC_BASE_X2APIC))
		return to == 0 || from != modes;
	return c->lapic->config.x2apic && to == modes && from != 0;
}

/* A local APIC that is switched off is as after power-up when it is switched on again. */
static bool base_write(struct lapic_cpu *c, uint64_t value)
{
	if (!base_allowed(c, value))
		return false;
	if (!(value & APIC_BASE_ENABLE))
		lapic_cpu_reset(c);
	if (cpu_x2apic(c) != !!(value & APIC_BASE_X2APIC))
		c->icr_low = c->icr_high = 0;
	c->apic_base = (value & ~APIC_BASE_BSP) | (c->apic_base & APIC_BASE_BSP);
	lapic_notice(c);
	return true;
}

/* ---- 800H to 8FFH ---- */

static bool x2apic_read(const struct lapic_cpu *c, unsigned number, uint64_t *value)
{
	uint32_t low;

	if (!lapic_register_read(c, number, &low))
		return false;
	*value = number == REG_ICR ? (uint64_t)c->icr_high << 32 | low : low;
	return true;
}

static bool icr_write(struct lapic_cpu *c, uint64_t value)
{
	if ((uint32_t)value & ~lapic_register_writable(c, REG_ICR))
		return false;
	c->icr_low = (uint32_t)value;
	c->icr_high = (uint32_t)(value >> 32);
	lapic_ipi(c, c->icr_low, c->icr_high);
	return true;
}

static bool self_ipi_write(struct lapic_cpu *c, uint64_t value)
{
	if (value > 0xff)
		return false;
	lapic_ipi_self(c, (uint8_t)value);
	return true;
}

/* What may only be written with its reserved bits zero: for EOI and ESR, all of them. */
static bool x2apic_write(struct lapic_cpu *c, unsigned number, uint64_t value)
{
	if (number == REG_ICR)
		return icr_write(c, value);
	if (number == REG_SELF_IPI)
		return self_ipi_write(c, value);
	return !(value & ~(uint64_t)lapic_register_writable(c, number)) &&
	       lapic_register_write(c, number, (uint32_t)value);
}

/* ---- the entry points ---- */

static bool is_x2apic_register(const struct lapic_cpu *c, uint32_t index)
{
	return index >= MSR_X2APIC && index <= MSR_X2APIC_LAST && cpu_x2apic(c);
}

bool lapic_msr_read(struct lapic *l, unsigned cpu, uint32_t index, uint64_t *value)
{
	const struct lapic_cpu *c = &l->cpu[cpu];

	if (index == MSR_APIC_BASE) {
		*value = c->apic_base;
		return true;
	}
	if (index == MSR_TSC_DEADLINE && l->config.tsc_deadline) {
		*value = c->tsc_deadline;
		return true;
	}
	return is_x2apic_register(c, index) && x2apic_read(c, index - MSR_X2APIC, value);
}

bool lapic_msr_write(struct lapic *l, unsigned cpu, uint32_t index, uint64_t value)
{
	struct lapic_cpu *c = &l->cpu[cpu];

	if (index == MSR_APIC_BASE)
		return base_write(c, value);
	if (index == MSR_TSC_DEADLINE && l->config.tsc_deadline) {
		lapic_timer_set_tsc_deadline(c, value);
		return true;
	}
	return is_x2apic_register(c, index) && x2apic_write(c, index - MSR_X2APIC, value);
}
