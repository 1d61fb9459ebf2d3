/* SPDX-License-Identifier: Apache-2.0 */
/* A fault with no way to deliver it, nor the double fault: the processor shuts down. */
#include "guests/lib/trap.h"

void guest_main(void)
{
	const struct table_pointer nothing = {0, 0};

	check("about to shut down", true);
	idt_load(&nothing);
	__asm__ volatile("ud2");
	check("the processor has shut down", false);
}
