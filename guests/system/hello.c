/* SPDX-License-Identifier: Apache-2.0 */
/* The smallest guest: proves loader, console, trap catching, user mode and exit. */
#include "guests/lib/trap.h"

static void divide(void *argument)
{
	__asm__ volatile("xor %%ecx, %%ecx; mov $1, %%eax; cltd; idiv %%ecx"
			 :
			 :
			 : "eax", "ecx", "edx", "cc");
	(void)argument;
}

static void user_quiet(void *argument)
{
	*(unsigned *)argument += 1;
}

static void user_privileged(void *argument)
{
	(void)argument;
	__asm__ volatile("hlt");
}

void guest_main(void)
{
	unsigned called = 0;

	check("console", true);
	expect_trap("#DE is caught", VEC_DE, 0, divide, NULL);
	expect_user_trap("user code runs", VEC_NONE, 0, user_quiet, &called);
	check_equal("user code ran once", called, 1);
	expect_user_trap("user code may not halt", VEC_GP, 0, user_privileged, NULL);
}
