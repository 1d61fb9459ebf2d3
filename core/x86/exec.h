/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The meaning of every instruction: one function for each name in the last column of opcode.def,
 * defined in the exec_*.c file of its family.  The contract is in cpu.h.
 */
#ifndef CORE_X86_EXEC_H
#define CORE_X86_EXEC_H

#include "core/x86/opcode.h"
#include "core/x86/operand.h"

#define OP(name, map, op, pfx, form, ext, rm, feat, fr, fw, fu, attr, exec, ...) \
	enum x86_status exec(struct x86_cpu *c, const struct x86_insn *i);
#include "core/x86/opcode.def"
#undef OP

#endif
