/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/vcpu_exit.h"

#include <inttypes.h>
#include <stdio.h>

void vcpu_exit_format(const struct vcpu_exit *exit, char *text, size_t room_bytes)
{
	static const char *const names[] = {
		[VCPU_EXIT_NONE] = "none",
		[VCPU_EXIT_INSTANT] = "instant",
		[VCPU_EXIT_KICKED] = "kicked",
		[VCPU_EXIT_HALT] = "halt",
		[VCPU_EXIT_IRQ_WINDOW] = "interrupt window",
		[VCPU_EXIT_PORT] = "port",
		[VCPU_EXIT_MMIO] = "mmio",
		[VCPU_EXIT_SHUTDOWN] = "shutdown",
		[VCPU_EXIT_FAILED] = "failed",
	};
	const char *name = names[exit->kind];

	if (exit->kind != VCPU_EXIT_PORT && exit->kind != VCPU_EXIT_MMIO)
		snprintf(text, room_bytes, "%s", name);
	else if (exit->write)
		snprintf(text, room_bytes, "%s write %u bytes 0x%" PRIx64 " at 0x%" PRIx64, name,
			 exit->size_bytes, exit->value, exit->address);
	else
		snprintf(text, room_bytes, "%s read %u bytes at 0x%" PRIx64, name, exit->size_bytes,
			 exit->address);
}
