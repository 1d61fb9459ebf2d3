/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a multiboot (version 1) guest: its segments, its boot information, its entry state. */
#ifndef TESTS_GUESTS_LOADER_H
#define TESTS_GUESTS_LOADER_H

#include "core/memory.h"
#include "core/x86/vcpu_state.h"

struct loaded_guest {
	uint64_t results_gpa; /* of the symbol guest_results, 0 when there is none */
};

/* Loads the ELF file (32- or 64-bit container, 32-bit entry) at path, leaves boot information with
 * the command line in low memory and fills in the state that the specification asks for.  state
 * must hold the state after RESET.  Returns 0 or an error code. */
int guest_load(struct memory *memory, const char *path, const char *command_line,
	       struct vcpu_state *state, struct loaded_guest *loaded, struct err *err);

#endif
