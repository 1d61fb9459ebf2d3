/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way out of a test kernel, by the convention of QEMU's isa-debug-exit: a write of v to the port
 * ends the machine with exit code (v << 1) | 1, which leaves as OUTPUT_POWER, POWER_DEBUG_EXIT, with
 * the code in `extra`.  Reads give 0.
 */
#ifndef CORE_DEVICE_DEBUG_EXIT_H
#define CORE_DEVICE_DEBUG_EXIT_H

#include "core/device/device.h"

#define DEBUG_EXIT_PORTS 4

/* "debug_exit": claims DEBUG_EXIT_PORTS ports of env->ports, so that v may have up to 32 bits; only
 * writes to the first count.  NULL with err set on failure.  Free by destroy(). */
struct device *debug_exit_create(const struct device_env *env, uint16_t port, struct err *err);

#endif
