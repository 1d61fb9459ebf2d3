/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Power control of a machine with hardware-reduced ACPI (ACPI 6.5 section 4.8.3.7), as bytes of
 * device memory, and its power button.
 *
 *   POWER_SLEEP_CONTROL  SLP_EN (bit 5) with SLP_TYP (bits 4:2) POWER_SLEEP_TYPE_S5: power off
 *   POWER_SLEEP_STATUS   WAK_STS (bit 7) is never set; writes have no effect
 *   POWER_RESET_CONTROL  POWER_RESET_VALUE: reset
 *
 * Power off and reset leave as OUTPUT_POWER.  The button (INPUT_ACTION, ACTION_POWER_BUTTON) is one
 * rising edge on the interrupt line, which the IOAPIC keeps until the guest unmasks the pin; there is
 * nothing to acknowledge.  The DSDT describes it with a generic event device and a control method
 * power button:
 *
 *	Device (PWRB) { Name (_HID, EisaId ("PNP0C0C")) }
 *	Device (GED0) {
 *		Name (_HID, "ACPI0013")
 *		Name (_CRS, ResourceTemplate () {
 *			Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive) { line }
 *		})
 *		Method (_EVT, 1) { Notify (PWRB, 0x80) }
 *	}
 */
#ifndef CORE_DEVICE_POWER_H
#define CORE_DEVICE_POWER_H

#include "core/device/device.h"

#define POWER_SLEEP_CONTROL 0u
#define POWER_SLEEP_STATUS  1u
#define POWER_RESET_CONTROL 2u
#define POWER_BYTES	    4u

#define POWER_SLEEP_TYPE_S5 5u
#define POWER_RESET_VALUE   0x42u

/* "power": claims POWER_BYTES of env->mmio at gpa.  line is the button's interrupt; number is that of
 * the device in INPUT_ACTION and OUTPUT_POWER.  NULL with err set on failure.  Free by destroy(). */
struct device *power_create(const struct device_env *env, uint64_t gpa, unsigned line,
			    uint16_t number, struct err *err);

#endif
