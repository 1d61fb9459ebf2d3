/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The output gate: the only way anything that the machine does becomes visible outside.
 *
 * Each effect is a plain value handed to emit() at its instant.  What stands behind the table
 * differs: pass-through (core/host), held until a standby can reproduce it, hashed and compared
 * on a replayer.  emit() takes copies of what it keeps, never fails and does not block; a gate
 * that fills up says so through the other door (INPUT_FLOW), and the device then leaves requests
 * in its ring.
 *
 * Requests to disks are outputs too: those to shared disks are visible outside, those to private
 * ones are part of the machine and pass at once; the gate knows which is which.
 *
 * emit() runs on the machine's thread (under kvm: on any vCPU's thread, one at a time).
 */
#ifndef CORE_OUTPUTS_H
#define CORE_OUTPUTS_H

#include "core/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_kind {
	OUTPUT_PACKET,	/* data, an Ethernet frame, leaves NIC `device` */
	OUTPUT_CONSOLE, /* data is printed on console `device` */
	OUTPUT_DISK,	/* a request to disk `device`: see struct disk_request */
	OUTPUT_ENTROPY, /* rng `device` wants value bytes */
	OUTPUT_POWER,	/* the machine is gone: value = enum power_state, extra = exit code */
	OUTPUT_KINDS
};

enum power_state { POWER_OFF, POWER_RESET, POWER_PANIC, POWER_TRIPLE_FAULT, POWER_DEBUG_EXIT };

enum disk_command { DISK_READ, DISK_WRITE, DISK_FLUSH, DISK_DISCARD, DISK_WRITE_ZEROES };

#define DISK_SECTOR_BYTES 512u

struct output {
	enum output_kind kind;
	uint16_t device;
	uint64_t value, extra; /* OUTPUT_DISK: value = request number, counted by the device; extra
				* = 1 when DISK_WRITE_ZEROES may deallocate */
	const void *data;      /* the caller's, good during the call */
	uint32_t size_bytes;   /* of data; DISK_READ: bytes wanted */
	/* OUTPUT_DISK */
	enum disk_command command;
	uint64_t sector;
	uint64_t sectors; /* DISK_DISCARD, DISK_WRITE_ZEROES */
	/* OUTPUT_PACKET: what the guest left to the device to do (virtio 1.2 section 5.1.6.2) */
	uint8_t gso_type;
	uint16_t gso_size, header_bytes, checksum_start, checksum_offset;
	bool needs_checksum;
};

struct outputs {
	void (*emit)(void *ctx, struct instant now, const struct output *output);
	void *ctx;
};

#endif
