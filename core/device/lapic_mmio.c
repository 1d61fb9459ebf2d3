/* SPDX-License-Identifier: Apache-2.0 */
/* The local APIC as a page of memory: xAPIC mode (SDM 11.4.1). */
#include "core/device/lapic_cpu.h"

#define REGISTER_STRIDE_BYTES 16u

#define DFR_ONES 0x0fffffffu

static bool page_is_on(const struct lapic_cpu *c)
{
	return cpu_enabled(c) && !cpu_x2apic(c);
}

/* Registers that only the page has; arbitration and remote read are remnants that read as zero. */
static bool page_register_read(const struct lapic_cpu *c, unsigned number, uint32_t *value)
{
	switch (number) {
	case REG_APR:
	case REG_RRR: *value = 0; return true;
	case REG_EOI: *value = 0; return true;
	case REG_DFR: *value = c->dfr; return true;
	case REG_ICR_HIGH: *value = c->icr_high; return true;
	default: return number != REG_SELF_IPI && lapic_register_read(c, number, value);
	}
}

uint64_t lapic_mmio_read(struct lapic *l, unsigned cpu, uint64_t offset, unsigned size_bytes)
{
	struct lapic_cpu *c = &l->cpu[cpu];
	unsigned inside = offset % REGISTER_STRIDE_BYTES;
	uint32_t value = 0;

	if (!page_is_on(c))
		return UINT64_MAX >> (64 - 8 * size_bytes);
	if (inside + size_bytes > sizeof(value))
		return 0;
	if (!page_register_read(c, (unsigned)(offset / REGISTER_STRIDE_BYTES), &value))
		lapic_error(c, ESR_NO_REGISTER);
	return (value >> 8 * inside) & (UINT64_MAX >> (64 - 8 * size_bytes));
}

static void icr_write(struct lapic_cpu *c, uint32_t value)
{
	c->icr_low = value & lapic_register_writable(c, REG_ICR);
	lapic_ipi(c, c->icr_low, irq_destination_widen(c->icr_high >> 24));
}

void lapic_mmio_write(struct lapic *l, unsigned cpu, uint64_t offset, unsigned size_bytes,
		      uint64_t value)
{
	struct lapic_cpu *c = &l->cpu[cpu];
	unsigned number = (unsigned)(offset / REGISTER_STRIDE_BYTES);
	uint32_t word = (uint32_t)value, ignored;

	if (!page_is_on(c) || size_bytes != sizeof(word) || offset % REGISTER_STRIDE_BYTES)
		return;
	switch (number) {
	case REG_LDR: c->ldr = word & 0xff000000; break;
	case REG_DFR: c->dfr = word | DFR_ONES; break;
	case REG_ICR: icr_write(c, word); break;
	case REG_ICR_HIGH: c->icr_high = word & 0xff000000; break;
	default:
		if (!lapic_register_write(c, number, word) &&
		    !page_register_read(c, number, &ignored))
			lapic_error(c, ESR_NO_REGISTER);
	}
}
