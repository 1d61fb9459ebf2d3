/* SPDX-License-Identifier: Apache-2.0 */
/* CLTS, INVD and WBINVD, which user code cannot carry out and no guest of ours needs. */
#include "tests/unit/cmocka_all.h"

#include "tests/support/x86_expect.h"
#include "tests/support/x86_one.h"

#include <stdlib.h>
#include <string.h>

static void clts_lets_the_fpu_be_used(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	w->cpu.cr0 |= CR0_TS;
	x86_mode_update(&w->cpu);
	assert_true(X86_ONE_FAULTS(w, X86_NM, "\x0f\x28\xc1")); /* MOVAPS */
	assert_int_equal(X86_ONE(w, "\x0f\x06"), X86_OK);
	assert_false(w->cpu.cr0 & CR0_TS);
	assert_int_equal(X86_ONE(w, "\x0f\x28\xc1"), X86_OK);
	setup_long(w, 3);
	assert_raised(w, X86_ONE(w, "\x0f\x06"), X86_GP, 0);
}

static void caches_have_no_effect(void **state)
{
	struct x86_world_ram *w = *state;
	uint64_t before[16];

	setup_long(w, 0);
	memcpy(before, w->cpu.r, sizeof(before));
	assert_int_equal(X86_ONE(w, "\x0f\x08"), X86_OK); /* INVD */
	assert_int_equal(X86_ONE(w, "\x0f\x09"), X86_OK); /* WBINVD */
	assert_memory_equal(before, w->cpu.r, sizeof(before));
	setup_long(w, 3);
	assert_raised(w, X86_ONE(w, "\x0f\x08"), X86_GP, 0);
	assert_raised(w, X86_ONE(w, "\x0f\x09"), X86_GP, 0);
}

static int setup(void **state)
{
	*state = x86_world_ram_create(0x400000);
	return 0;
}

static int teardown(void **state)
{
	x86_world_ram_destroy(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clts_lets_the_fpu_be_used),
		cmocka_unit_test(caches_have_no_effect),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
