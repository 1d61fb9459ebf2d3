/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An MC146818 real-time clock with its 128 bytes of CMOS memory, behind an index and a data port.
 *
 * The time of day is guest time plus what it was when the machine started (its configuration says),
 * or what the guest has set since; the century is in byte 32H.  An update takes no time, so UIP is
 * always 0.  Alarm and update-ended interrupts work; there are no periodic ones and no square wave.
 * Contents survive a reset.
 */
#ifndef CORE_DEVICE_RTC_H
#define CORE_DEVICE_RTC_H

#include "core/device/device.h"

#define RTC_PORT  0x70
#define RTC_PORTS 2
#define RTC_IRQ	  8
#define RTC_BYTES 128

/* "rtc": claims RTC_PORTS ports of env->ports at RTC_PORT; interrupts are rising edges on line
 * RTC_IRQ.  start_seconds: UTC since 1970 at guest time 0, less than 2^40.  NULL with err set on
 * failure.  Free by destroy(). */
struct device *rtc_create(const struct device_env *env, uint64_t start_seconds, struct err *err);

#endif
