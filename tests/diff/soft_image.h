/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machine that cases run on in software, made to look to user code like a process on Linux:
 * the arena mapped with the same rights at the same addresses, the host's user segments, the same
 * LDT, and an IDT whose handlers are one HLT each.
 */
#ifndef TESTS_DIFF_SOFT_IMAGE_H
#define TESTS_DIFF_SOFT_IMAGE_H

#include "core/memory.h"
#include "core/x86/vcpu_state.h"
#include "tests/diff/case.h"

#define IMAGE_BYTES (256u << 10)

/* Guest-physical places. */
#define IMAGE_CODE     0x10000u
#define IMAGE_DATA     0x12000u
#define IMAGE_CONST    0x14000u
#define IMAGE_SCRATCH  0x15000u
#define IMAGE_TABLES   0x16000u /* GDT, TSS, LDT */
#define IMAGE_IDT      0x17000u
#define IMAGE_STACK    0x18000u /* the supervisor stack, one page */
#define IMAGE_HANDLERS 0x19000u

/* Linear addresses of the supervisor's pages. */
#define IMAGE_KERNEL	   0xffff800000000000ull
#define IMAGE_STACK_TOP	   (IMAGE_KERNEL + IMAGE_STACK + 4096)
#define IMAGE_HANDLER_STEP 16
#define IMAGE_HANDLER(n)   (IMAGE_KERNEL + IMAGE_HANDLERS + (n)*IMAGE_HANDLER_STEP)

/* Fills memory; constants is the arena's read-only page, cpu the host CPU whose segments
 * are copied. */
void image_build(struct memory *memory, int cpu, const uint8_t constants[ARENA_PAGE_BYTES]);

/* The CPU state in which a case starts: everything but what the case itself says is the same. */
void image_state(const struct diff_case *c, struct vcpu_state *s);

#endif
