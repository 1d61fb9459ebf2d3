/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/disasm.h"

#include "core/x86/decode.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static struct x86_insn decoded(const char *bytes, unsigned n_bytes)
{
	static struct x86_decoder decoder;
	struct x86_insn i;

	x86_decoder_init(&decoder);
	assert_int_equal(x86_decode(&decoder, (const uint8_t *)bytes, n_bytes, 8, &i),
			 X86_DECODE_OK);
	return i;
}

static void reads_well(void **state)
{
	struct x86_insn i = decoded("\xf0\x65\x01\x54\x88\x10", 6);
	char text[128];

	(void)state;
	x86_disassemble(&i, 0x1000, text, sizeof(text));
	assert_string_equal(text, "lock add dword ptr gs:[rax+rcx*4+0x10], edx");
	i = decoded("\x74\xfe", 2);
	x86_disassemble(&i, 0x1000, text, sizeof(text));
	assert_string_equal(text, "je 0x1000");
}

static void is_cut_to_the_room(void **state)
{
	struct x86_insn i = decoded("\xf0\x65\x01\x54\x88\x10", 6);
	char text[128], cut[128];

	(void)state;
	x86_disassemble(&i, 0x1000, text, sizeof(text));
	for (size_t room = 1; room < sizeof(cut); room++) {
		size_t expected = strlen(text) < room ? strlen(text) : room - 1;

		memset(cut, 'x', sizeof(cut));
		x86_disassemble(&i, 0x1000, cut, room);
		assert_int_equal(strlen(cut), expected);
		assert_memory_equal(cut, text, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_well),
		cmocka_unit_test(is_cut_to_the_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
