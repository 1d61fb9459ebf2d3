/* SPDX-License-Identifier: Apache-2.0 */
/* The 32-bit registers of a local APIC, as both its page and its MSRs know them. */
#include "core/device/lapic_cpu.h"

/* APIC version 14H, six LVT entries, no suppression of EOI broadcasts. */
#define VERSION (0x14u | (LVTS - 1) << 16)

#define LVT_VECTOR   0xffu
#define LVT_DELIVERY 0x700u
#define LVT_POLARITY (1u << 13)
#define LVT_LEVEL    (1u << 15)
#define LVT_PERIODIC (1u << 17)
#define LVT_DEADLINE (1u << 18)

#define ICR_WRITABLE	0xccfffu
#define DIVIDE_WRITABLE 0xbu

static bool is_lvt(unsigned number)
{
	return number >= REG_LVT && number < REG_LVT + LVTS;
}

bool lapic_register_read(const struct lapic_cpu *c, unsigned number, uint32_t *value)
{
	if (is_lvt(number)) {
		*value = c->lvt[number - REG_LVT];
		return true;
	}
	switch (number) {
	case REG_ID: *value = cpu_x2apic(c) ? c->id : c->id << 24; return true;
	case REG_VERSION: *value = VERSION; return true;
	case REG_TPR: *value = c->tpr; return true;
	case REG_PPR: *value = lapic_processor_priority(c); return true;
	case REG_LDR: *value = lapic_logical_id(c); return true;
	case REG_SVR: *value = c->svr; return true;
	case REG_ISR ... REG_ISR + 7: *value = c->isr[number - REG_ISR]; return true;
	case REG_TMR ... REG_TMR + 7: *value = c->tmr[number - REG_TMR]; return true;
	case REG_IRR ... REG_IRR + 7: *value = c->irr[number - REG_IRR]; return true;
	case REG_ESR: *value = c->esr; return true;
	case REG_ICR: *value = c->icr_low; return true;
	case REG_TIMER_INITIAL: *value = c->timer_initial; return true;
	case REG_TIMER_CURRENT: *value = lapic_timer_current(c); return true;
	case REG_TIMER_DIVIDE: *value = c->timer_divide; return true;
	default: return false;
	}
}

static uint32_t lvt_writable(const struct lapic_cpu *c, enum lapic_lvt entry)
{
	uint32_t common = LVT_VECTOR | LVT_MASKED;

	switch (entry) {
	case LVT_TIMER:
		return common | LVT_PERIODIC | (c->lapic->config.tsc_deadline ? LVT_DEADLINE : 0);
	case LVT_THERMAL:
	case LVT_PERFORMANCE: return common | LVT_DELIVERY;
	case LVT_LINT0:
	case LVT_LINT1: return common | LVT_DELIVERY | LVT_POLARITY | LVT_LEVEL;
	default: return common;
	}
}

uint32_t lapic_register_writable(const struct lapic_cpu *c, unsigned number)
{
	if (is_lvt(number))
		return lvt_writable(c, (enum lapic_lvt)(number - REG_LVT));
	switch (number) {
	case REG_TPR: return 0xff;
	case REG_SVR: return 0xff | SVR_ENABLE;
	case REG_ICR: return ICR_WRITABLE;
	case REG_TIMER_INITIAL: return UINT32_MAX;
	case REG_TIMER_DIVIDE: return DIVIDE_WRITABLE;
	default: return 0;
	}
}

static void lvt_write(struct lapic_cpu *c, enum lapic_lvt entry, uint32_t value)
{
	if (!(c->svr & SVR_ENABLE))
		value |= LVT_MASKED;
	if (entry == LVT_TIMER)
		lapic_timer_set_lvt(c, value);
	else
		c->lvt[entry] = value;
}

static void svr_write(struct lapic_cpu *c, uint32_t value)
{
	c->svr = value;
	if (!(value & SVR_ENABLE))
		for (unsigned n = 0; n < LVTS; n++)
			c->lvt[n] |= LVT_MASKED;
}

bool lapic_register_write(struct lapic_cpu *c, unsigned number, uint32_t value)
{
	value &= lapic_register_writable(c, number);
	if (is_lvt(number)) {
		lvt_write(c, (enum lapic_lvt)(number - REG_LVT), value);
		return true;
	}
	switch (number) {
	case REG_TPR:
		c->tpr = value;
		lapic_notice(c);
		return true;
	case REG_EOI: lapic_end_of_interrupt(c); return true;
	case REG_SVR: svr_write(c, value); return true;
	case REG_ESR:
		c->esr = c->esr_found;
		c->esr_found = 0;
		return true;
	case REG_TIMER_INITIAL: lapic_timer_set_initial(c, value); return true;
	case REG_TIMER_DIVIDE: lapic_timer_set_divide(c, value); return true;
	default: return false;
	}
}
