/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stack that is being written before the CPU stands on it: the frame of an event, or of a call
 * through a gate.  Pushing makes every check and keeps the value; memory changes in
 * x86_stack_write(), RAM after the bus and all at once, since what the frame covers may be what it
 * was made from (page tables, descriptors, the pointer to call) and is read again if the bus does
 * not answer now.  SS and RSP change in x86_stack_commit().
 */
#ifndef CORE_X86_STACK_H
#define CORE_X86_STACK_H

#include "core/x86/segment.h"

/* A call gate's 31 parameters, two stack and two return registers. */
#define X86_STACK_SLOTS_MAX 35

struct x86_stack {
	struct x86_segment ss;
	uint64_t sp;
	uint8_t width;	/* bytes of SP that pushes use: 2, 4, 8 */
	uint8_t access; /* of its owner: X86_ACCESS_SYSTEM for a more privileged stack */
	uint32_t error; /* error code of the #SS that a push outside of it raises */
	bool ordinary;	/* pushes are an instruction's own: alignment is checked */

	/* Pushed and not written: n slots of size_bytes, the last at linear[n - 1]. */
	unsigned n, size_bytes;
	uint64_t linear[X86_STACK_SLOTS_MAX], value[X86_STACK_SLOTS_MAX];
	bool is_ram[X86_STACK_SLOTS_MAX];
};

/* The stack in use. */
struct x86_stack x86_stack_current(const struct x86_cpu *c, uint32_t ext);

/* The stack that the TSS names for privilege level cpl < 3 (SDM vol. 3A 5.8.5, 6.14.4); in long
 * mode its SS is null.  Errors: #TS, #SS, #PF. */
enum x86_status x86_stack_from_tss(struct x86_cpu *c, unsigned cpl, uint32_t ext,
				   struct x86_stack *s);

/* Entry ist (1..7) of a 64-bit TSS's interrupt stack table. */
enum x86_status x86_stack_ist(struct x86_cpu *c, unsigned ist, uint32_t ext, uint64_t *rsp);

/* Up to X86_STACK_SLOTS_MAX values of one size. */
enum x86_status x86_stack_push(struct x86_cpu *c, struct x86_stack *s, unsigned size_bytes,
			       uint64_t value);

/* Writes what was pushed. */
enum x86_status x86_stack_write(struct x86_cpu *c, const struct x86_stack *s);

/* SS and RSP as *s has them.  The caller calls x86_mode_update() afterwards. */
void x86_stack_commit(struct x86_cpu *c, const struct x86_stack *s);

#endif
