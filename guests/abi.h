/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest may expect of the machine that runs it, and how it reports.
 *
 * The machine is small enough that our test VMM and QEMU can both be it:
 *
 *	qemu-system-x86_64 -M pc -accel tcg -nodefaults -display none -debugcon stdio
 *		-device isa-debug-exit,iobase=0xf4,iosize=4 -device pc-testdev -kernel GUEST
 *
 * A guest is an ELF file for i386 with a multiboot (version 1) header, whatever mode it goes on to
 * run in.  It is entered in 32-bit protected mode without paging.  Everything it has to say goes
 * byte by byte to the console port; each line is one of
 *
 *	ok NAME			a check held
 *	FAIL NAME: WHY		a check did not
 *	skip NAME		the machine does not model this
 *	N passed, N failed, N skipped	the last line
 *
 * A write to the exit port ends the run.  The same counts are left in memory at the symbol
 * guest_results, so that runs can be compared by their memory alone.
 */
#ifndef GUESTS_ABI_H
#define GUESTS_ABI_H

/* Console: each byte written is text. */
#define GUEST_CONSOLE_PORT 0xe9

/* Exit: a 32-bit write ends the run.  QEMU's exit status is (value << 1) | 1. */
#define GUEST_EXIT_PORT 0xf4
#define GUEST_EXIT_PASS 0x10
#define GUEST_EXIT_FAIL 0x11

/* QEMU's pc-testdev.  Four byte-wide latches that read back what was written, at any width. */
#define GUEST_LATCH_PORT 0xe0
/* A write of 1 or 0 to GUEST_IRQ_PORT + n raises or lowers interrupt line n, 0 to 7. */
#define GUEST_IRQ_PORT 0x2000
/* A window of memory that is reached by device accesses. */
#define GUEST_MMIO_GPA	 0xff000000
#define GUEST_MMIO_BYTES 0x10000

/* The pair of 8259s, as far as a guest needs them to get line n as vector GUEST_IRQ_VECTOR + n. */
#define GUEST_PIC_PORT	    0x20
#define GUEST_PIC_PORT_HIGH 0xa0
#define GUEST_IRQ_VECTOR    0x20

/* The local APIC's registers that start and interrupt other processors. */
#define GUEST_LAPIC_GPA	 0xfee00000
#define GUEST_LAPIC_ID	 0x20
#define GUEST_LAPIC_SVR	 0xf0
#define GUEST_LAPIC_ICR	 0x300
#define GUEST_LAPIC_ICR2 0x310

/* Only in our VMM, which says so when read: a 32-bit write of N interrupts the processor with
 * GUEST_TICK_VECTOR once, when it has retired N more instructions (the OUT is the first of them)
 * and then accepts it; 0 takes that back. */
#define GUEST_TICK_PORT	  0x510
#define GUEST_TICK_MAGIC  0x5eed71c4
#define GUEST_TICK_VECTOR 0x30

/* Guests are linked at 1 MiB.  Below it they may use 0x1000 to 0x9efff, and the interrupt vectors. */

#ifndef __ASSEMBLER__
#include <stdint.h>

#define GUEST_RESULTS_MAGIC 0x746c7573

struct guest_results {
	uint32_t magic;
	uint32_t passed, failed, skipped;
	uint64_t value; /* guests that compute something leave its checksum here */
};
#endif

#endif
