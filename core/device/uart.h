/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A 16550A serial port (National Semiconductor PC16550D data sheet), one console of the machine.
 *
 * It sends at once: what is written to the transmit register is emitted as OUTPUT_CONSOLE there and
 * then, and the transmitter is empty again before the next instruction; baud rate and parity are
 * registers alone.  What is typed (INPUT_CONSOLE) waits in a backlog inside the device and enters
 * the receive FIFO as the guest makes room: all of what fits while receive interrupts are enabled,
 * one byte at a time for a guest that polls, from which clearing the FIFO takes nothing.  A driver
 * that starts so loses no more of what was typed ahead than it reads and throws away.  What exceeds
 * the backlog is dropped and shown as an overrun.
 */
#ifndef CORE_DEVICE_UART_H
#define CORE_DEVICE_UART_H

#include "core/device/device.h"

#define UART_PORTS	   8
#define UART_BACKLOG_BYTES 16384u

/* "uart0": claims UART_PORTS ports of env->ports from `port` on.  line is its interrupt, rising
 * edges; number is that of the console in INPUT_CONSOLE and OUTPUT_CONSOLE.  NULL with err set on
 * failure.  Free by destroy(). */
struct device *uart_create(const struct device_env *env, uint16_t port, unsigned line,
			   uint16_t number, struct err *err);

#endif
