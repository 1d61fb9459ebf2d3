/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IOAPIC: 24 interrupt lines become messages to local APICs (82093AA data sheet, with the EOI
 * register of version 20H).
 *
 * A line is asserted or not; polarity is a matter of the wire and changes nothing here.  One device
 * drives a line: several would have to be joined outside, by or.
 *
 *   edge    a rise is sent once; one that comes while the pin is masked is kept and sent when it is
 *           unmasked
 *   level   an asserted line is sent, and again after each end of interrupt for as long as it stays
 *           asserted; remote IRR says that an end of interrupt is awaited
 */
#ifndef CORE_DEVICE_IOAPIC_H
#define CORE_DEVICE_IOAPIC_H

#include "core/device/device.h"
#include "core/device/irq_message.h"

#define IOAPIC_GPA  0xfec00000ull
#define IOAPIC_PINS 24

struct ioapic;

/* Claims a page of env->mmio at IOAPIC_GPA.  Messages go to receive (lapic_receive()).  NULL with err
 * set on failure.  Free by the device's destroy(). */
struct ioapic *ioapic_create(const struct device_env *env, irq_receiver *receive, void *receive_ctx,
			     struct err *err);

/* Its face as a device; the same object. */
struct device *ioapic_device(struct ioapic *io);

/* An irq_sink, the far end of all lines.  ioapic: a struct ioapic.  Lines beyond the last pin go
 * nowhere; a level that is repeated, as devices do when they resume, changes nothing. */
void ioapic_line(void *ioapic, unsigned line, bool level);

/* A local APIC ends a level-triggered interrupt; for lapic_wire_eoi(). */
void ioapic_eoi(void *ioapic, uint8_t vector);

#endif
