/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/exec.h"

#define OP(name, map, op, pfx, form, ext, rm, feat, fr, fw, fu, attr, exec, ...) \
	{name, map, op, pfx, form, ext, rm, feat, {__VA_ARGS__}, fr, fw, fu, attr, exec},
const struct x86_opcode x86_opcodes[] = {
#include "core/x86/opcode.def"
};
#undef OP

const unsigned x86_opcode_count = sizeof(x86_opcodes) / sizeof(x86_opcodes[0]);
