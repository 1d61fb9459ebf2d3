/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a guest starts: puts a kernel and what belongs to it into guest memory and tells the state in
 * which the boot processor enters it.  There is no firmware in the machine; the other processors
 * wait for start-up IPIs as after RESET.
 *
 * The kind of kernel is known by its bytes:
 *
 *   bzImage	 Linux boot protocol 2.12 or later, entered in 64-bit mode
 *		 (Documentation/arch/x86/boot.rst of Linux, "64-bit Boot Protocol")
 *   multiboot	 a multiboot v1 header, in an ELF file or with load addresses of its own; entered in
 *		 32-bit protected mode with modules, command line and memory map
 *   ELF	 x86-64, with the PVH entry note (Xen, docs/misc/pvh.pandoc), entered in 32-bit
 *		 protected mode.  PVH has no place for an RNG seed: a Linux vmlinux for which there
 *		 is one is entered at its 64-bit entry with the same boot_params as a bzImage.
 *
 * Low memory, the same for all kinds; kernels may not load anything below 1 MiB:
 *
 *   0x01000  GDT		      0x09000  page tables: the first 4 GiB one to one
 *   0x02000  PVH or multiboot info   0x10000  command lines
 *   0x07000  boot_params	      0xe0000  ACPI tables
 *   0x0f000  RNG seed                    0xfff00  reset vector
 */
#ifndef CORE_MACHINE_BOOT_H
#define CORE_MACHINE_BOOT_H

#include "core/base/err.h"
#include "core/machine/config.h"
#include "core/memory.h"
#include "core/x86/vcpu_state.h"

#include <stddef.h>

#define BOOT_MODULES_MAX	64
#define BOOT_COMMAND_LINE_BYTES 4096u /* the longest, with its terminator; kernels may take less */
#define BOOT_SEED_BYTES		32

struct boot_module {
	const void *bytes;
	size_t size_bytes;
	const char *command_line; /* NULL: empty */
};

/* All pointers are the caller's and only read. */
struct boot_images {
	const void *kernel;
	size_t kernel_bytes;
	const void *initrd;		  /* Linux and PVH kernels; NULL: none */
	size_t initrd_bytes;		  /* a cpio archive is checked to be whole */
	const char *command_line;	  /* NULL: empty */
	const struct boot_module *module; /* multiboot kernels; PVH ones after the initrd */
	unsigned n_modules;		  /* up to BOOT_MODULES_MAX */
	uint8_t rng_seed[BOOT_SEED_BYTES];
	bool has_seed;
};

/*
 * Loads into fresh memory and turns *bsp, which must hold the boot processor's state after RESET,
 * into that of the kernel's entry.  ERR_CORRUPT or ERR_TORN when an image contradicts itself or
 * ends early, ERR_UNSUPPORTED for a kind that cannot be entered, ERR_LIMIT when something does not
 * fit; the sentence says which.  After a failure memory may hold parts of the images: throw the
 * machine away.
 */
int boot_load(struct memory *memory, const struct machine_config *config,
	      const struct boot_images *images, struct vcpu_state *bsp, struct err *err);

#endif
