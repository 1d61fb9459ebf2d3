/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One instruction from its bytes, straight to x86_execute(): nothing is fetched from guest memory
 * and no fault is delivered, so that a test sees the state exactly as the instruction left it.
 */
#ifndef TESTS_SUPPORT_X86_ONE_H
#define TESTS_SUPPORT_X86_ONE_H

#include "tests/support/x86_world_ram.h"

/* Executes the instruction as if it stood at cpu.rip (a string instruction, which may look at itself
 * again, does stand there).  Aborts the test when the bytes are not
 * exactly one instruction in the current mode.  On X86_FAULT the exception is in cpu.event. */
enum x86_status x86_one(struct x86_world_ram *w, const void *bytes, unsigned n_bytes);

/* The same from a string literal. */
#define X86_ONE(w, code) x86_one((w), (code), sizeof(code) - 1)

/* True when the instruction raises that exception and changes no register, flag or rip. */
bool x86_one_faults(struct x86_world_ram *w, enum x86_vector vector, const void *bytes,
		    unsigned n_bytes);

#define X86_ONE_FAULTS(w, vector, code) x86_one_faults((w), (vector), (code), sizeof(code) - 1)

#endif
