/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table through which execution sees anything that is not a register: guest memory,
 * ports, the time stamp counter, registers that belong to other parts of the machine.  The same
 * core/x86 objects are linked into the product, the unit tests and the fuzzer, whose world fails
 * at random; nothing in core/x86 reaches around this table.
 *
 * All functions run on the thread that executes the vCPU, never concurrently for one machine,
 * and do not block.  Functions that return X86_EXIT have changed nothing and will be asked the
 * same question again when the instruction is run again: the world then gives the answer.  An
 * instruction may make several accesses, so a world that answers late keeps those it has already
 * answered for this instruction and hands them out again in order.  The delivery of an event is
 * asked for separately: answers that the instruction which raised it was given are used up.
 */
#ifndef CORE_X86_X86_WORLD_H
#define CORE_X86_X86_WORLD_H

#include "core/x86/x86_status.h"

#include <stdbool.h>
#include <stdint.h>

/* Why a page of guest memory is wanted. */
enum x86_page_use {
	X86_PAGE_READ,
	X86_PAGE_WRITE, /* the world marks the page dirty */
	X86_PAGE_CODE,	/* instructions are decoded from it */
	X86_PAGE_TABLE, /* paging structures are read from it, A and D bits set in it */
};

struct x86_page {
	uint8_t *host;	/* the page's 4096 bytes; NULL: no RAM there, use mmio_* */
	bool cacheable; /* host may be kept in the TLB for this use.  False for writes to a page
			 * that holds code or paging structures: page_changing must be called
			 * before each such write */
};

struct x86_world_ops {
	/* The page at guest-physical address gpa (4 KiB aligned). */
	struct x86_page (*page)(void *ctx, uint64_t gpa, enum x86_page_use use);
	/* len_bytes bytes at gpa, all in one page, are about to be overwritten.  Called for pages
	 * that page() said were not cacheable for writing.  Old contents are still in place. */
	void (*page_changing)(void *ctx, uint64_t gpa, unsigned len_bytes);
	/* size_bytes: 1, 2, 4 or 8; naturally aligned or not, never across a page. */
	enum x86_status (*mmio_read)(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t *value);
	enum x86_status (*mmio_write)(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t value);
	enum x86_status (*port_in)(void *ctx, uint16_t port, unsigned size_bytes, uint32_t *value);
	enum x86_status (*port_out)(void *ctx, uint16_t port, unsigned size_bytes, uint32_t value);
	/* The time stamp counter at this instruction: a function of the instant. */
	uint64_t (*tsc)(void *ctx);
	/* MSRs that core/x86/msr.c does not keep itself (TSC, x2APIC, APIC base).  X86_FAULT: no
	 * such MSR or a bad value; the caller raises #GP(0). */
	enum x86_status (*msr_read)(void *ctx, uint32_t index, uint64_t *value);
	enum x86_status (*msr_write)(void *ctx, uint32_t index, uint64_t value);
	/* CR8: the local APIC's task priority, bits 7:4. */
	uint64_t (*tpr_read)(void *ctx);
	void (*tpr_write)(void *ctx, uint64_t priority);
};

#endif
