/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/coverage.h"

#include "core/x86/opcode.h"

#include <inttypes.h>
#include <stdio.h>

bool coverage_write(const char *path, const struct tally *t)
{
	static const char *const map_name[X86_MAPS] = {"", "0f ", "0f 38 ", "0f 3a "};
	static const char *const prefix_name[] = {"", "np ", "66 ", "f3 ", "f2 ", ""};
	static const char *const form_name[] = {"", "", " mem", " reg"};
	FILE *to = fopen(path, "w");

	if (!to)
		return false;
	for (unsigned row = 0; row < x86_opcode_count; row++) {
		const struct x86_opcode *o = &x86_opcodes[row];
		char text[48];
		int n = snprintf(text, sizeof(text), "%s%s%02x", prefix_name[o->prefix],
				 map_name[o->map], o->opcode);

		if (o->ext >= 0)
			n += snprintf(text + n, sizeof(text) - (size_t)n, " /%d", o->ext);
		if (o->rm >= 0)
			n += snprintf(text + n, sizeof(text) - (size_t)n, " rm%d", o->rm);
		snprintf(text + n, sizeof(text) - (size_t)n, "%s", form_name[o->form]);
		fprintf(to, "%u\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\n", row, o->name, text,
			o->attr & A_NEVER ? t->faulted[row] : t->ran[row], t->faulted[row]);
	}
	return fclose(to) == 0;
}
