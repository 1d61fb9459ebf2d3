/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz programs say when something that must hold does not: they abort. */
#ifndef TESTS_FUZZ_CHECK_H
#define TESTS_FUZZ_CHECK_H

#include "core/x86/vcpu_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Tells what is wrong and aborts. */
_Noreturn void check_failed(const char *what);

static inline void check(bool holds, const char *what)
{
	if (__builtin_expect(!holds, 0))
		check_failed(what);
}

/* Whether the states are the same; prints the fields that differ. */
bool states_equal(const struct vcpu_state *a, const struct vcpu_state *b);

/* True when FUZZ_TRACE is in the environment: print what is done, to understand one input. */
bool check_tracing(void);

/* Prints where a state is, and its segments. */
void state_print(const struct vcpu_state *s);

/* libFuzzer's entry. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
