/* SPDX-License-Identifier: Apache-2.0 */
/* Real mode, entered from and left to protected mode; see real_32.S for the tests by number. */
#include "guests/lib/trap.h"

#define REAL_AT 0x8000ul
#define RESULTS 0x9800ul

extern uint8_t real_code[], real_code_end[];
void visit_real_mode(void);

static const struct {
	const char *name;
	uint32_t want;
	bool tcg_lacks;
} results[] = {
	{"PE is clear", 0, false},
	{"segment base", 0xbeef, false},
	{"FFFF:0010", 0x1badb002, false},
	{"32-bit offset beyond 64 KiB", 0x1badb002, false},
	{"the limit stays", 0x1badb002, false},
	{"IRET restores IF and CF", 0x201, false},
	{"INT clears IF and TF", 0x001, false},
	{"INT pushes the next address", 0, false},
	{"INT and IRET leave the stack level", 0, false},
	{"PUSHA and POPA", 0x7777 + 0x5555, false},
	{"REP MOVSB downwards", 0x44332211, false},
	{"REPE SCASW", 2, false},
	{"SI wraps", 0x5aa50000, false},
	{"far call", 0x1234, false},
	{"far return releases parameters", 0, false},
	{"divide error", 0x10000, false},
	{"BOUND", 0x10000, false},
	{"SLDT does not exist", 0x10000, false},
	{"#GP beyond the limit", 0x10000, true},
	{"AAD", 0x0019, false},
	{"AAM", 0x0909, false},
	{"DAA", 0x83, false},
	{"DAS", 0x93, false},
	{"AAA", 0x0204, false},
	{"AAS", 0x0108, false},
	{"POPF sets IOPL and NT", 0x7200, false},
	{"LDS", 0x10000042, false},
	{"ENTER and LEAVE", 0x00081234, false},
	{"LOOP", 0x302, false},
	{"XLAT and SALC", 0x99ff, false},
	{"single steps", 4, false},
	{"PUSH SP, PUSH imm8", 0x0000fffe, false},
	{"SMSW", 0, false},
	{"16-bit LEA wraps", 0x20, false},
};

void guest_main(void)
{
	memory_copy((void *)REAL_AT, real_code, (size_t)(real_code_end - real_code));
	check("room for the code", (unsigned long)(real_code_end - real_code) < RESULTS - REAL_AT);
	visit_real_mode();
	for (unsigned i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (!results[i].tcg_lacks || !tcg_lacks(results[i].name))
			check_equal(results[i].name, peek32((void *)(RESULTS + 4 * i)),
				    results[i].want);
	check("back in protected mode", true);
}
