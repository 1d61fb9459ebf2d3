/*
 * Guest time as a position in the guest's own run.
 *
 * An instant counts what the machine has retired, over all of its vCPUs in their deterministic
 * order. It is what logs are indexed by: "this input came in after exactly so many instructions".
 * What counts as one retired instruction is therefore part of every log, and is the same for every
 * engine that claims to count exactly:
 *
 *   - an instruction that completes counts one, whatever it does: a taken branch, HLT, MOV SS, STI,
 *     a write to a control register, INT n, INT3, SYSCALL, IRET. For those that deliver an event as
 *     their purpose, the count is for the instruction, and the delivery adds nothing;
 *   - a REP instruction counts one, when its last iteration completes (or when it finds RCX zero).
 *     A stop in its middle, by a fault, a watchpoint or an interrupt, leaves RIP on it, with RCX,
 *     RSI and RDI telling how far it came, and counts nothing;
 *   - an instruction that faults counts nothing, and its restart counts as if it came for the first
 *     time. A trap (single step, data breakpoint) comes after the instruction, which has counted;
 *   - the delivery of an exception, an interrupt, an NMI, INIT or SIPI counts nothing;
 *   - an interrupt shadow (after STI, MOV SS) does not join two instructions: each counts;
 *   - time that passes in a halted vCPU counts nothing; waking up does not either.
 *
 * Several inputs may belong between the same two instructions. They are told apart by the event
 * ordinal: events between two instructions are numbered from 0 in the order in which the machine
 * took them. The instant {n, e} lies after n retired instructions and after e events that came in
 * at that count.
 */
#ifndef CORE_INSTANT_H
#define CORE_INSTANT_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct instant {
	uint64_t instructions; /* retired by the machine since it was created */
	uint32_t event;	       /* events already taken at that count */
};

/* Room for any instant in words, with its terminator: "18446744073709551615.4294967295". */
#define INSTANT_TEXT_BYTES 32

/* Stands for "as far as you can get": no run comes here. */
#define INSTANT_NEVER ((struct instant){.instructions = UINT64_MAX, .event = UINT32_MAX})

/* Less than, equal to or greater than 0 as a lies before, at or after b. */
static inline int instant_compare(struct instant a, struct instant b)
{
	if (a.instructions != b.instructions)
		return a.instructions < b.instructions ? -1 : 1;
	return a.event < b.event ? -1 : a.event > b.event;
}

static inline bool instant_before(struct instant a, struct instant b)
{
	return instant_compare(a, b) < 0;
}

/* Writes "instructions.event" into text (the caller's) and returns text. */
static inline char *instant_format(struct instant at, char text[INSTANT_TEXT_BYTES])
{
	snprintf(text, INSTANT_TEXT_BYTES, "%" PRIu64 ".%" PRIu32, at.instructions, at.event);
	return text;
}

#endif
