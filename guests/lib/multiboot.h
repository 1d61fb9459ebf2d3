/* SPDX-License-Identifier: Apache-2.0 */
/* The multiboot (version 1) header and the part of its boot information that guests use. */
#ifndef GUESTS_LIB_MULTIBOOT_H
#define GUESTS_LIB_MULTIBOOT_H

#define MULTIBOOT_HEADER_MAGIC 0x1badb002
#define MULTIBOOT_BOOT_MAGIC   0x2badb002
#define MULTIBOOT_HAS_CMDLINE  (1 << 2)

#ifndef __ASSEMBLER__
#include <stdint.h>

struct multiboot_info {
	uint32_t flags;
	uint32_t mem_lower, mem_upper;
	uint32_t boot_device;
	uint32_t cmdline; /* address of a string, when flags say so */
};
#endif

#endif
