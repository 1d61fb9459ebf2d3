/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happened to an instruction.  The code says what became of the state, so that a caller
 * never has to guess: only X86_OK, X86_JUMPED and X86_AGAIN have changed registers or memory.
 */
#ifndef CORE_X86_X86_STATUS_H
#define CORE_X86_X86_STATUS_H

enum x86_status {
	X86_OK = 0, /* carried out; the driver moves rip past the instruction and counts it */
	X86_JUMPED, /* carried out; it has set rip itself; the driver counts it */
	X86_AGAIN,  /* a REP instruction made progress and stopped between two iterations: rip
		     * stays, nothing is counted, run it again */
	X86_FAULT,  /* no architectural change; cpu->event says which exception to deliver */
	X86_EXIT,   /* no architectural change; the world could not answer now (MMIO, a port): run
		     * the instruction again when it can */
};

/* Leave the calling function with any status other than X86_OK. */
#define X86_TRY(call)                                           \
	do {                                                    \
		enum x86_status try_status_ = (call);           \
		if (__builtin_expect(try_status_ != X86_OK, 0)) \
			return try_status_;                     \
	} while (0)

#endif
