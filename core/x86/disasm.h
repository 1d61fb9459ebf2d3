/* SPDX-License-Identifier: Apache-2.0 */
/* Text for a decoded instruction, in Intel's syntax, from the opcode table. */
#ifndef CORE_X86_DISASM_H
#define CORE_X86_DISASM_H

#include "core/x86/insn.h"

#include <stddef.h>

/* Writes a line such as "lock add dword ptr gs:[rax+rcx*4+0x10], edx" to text, always
 * terminated, cut when room_bytes is too small (128 always suffices).  rip is the instruction's
 * address, used for the targets of relative branches and RIP-relative operands. */
void x86_disassemble(const struct x86_insn *i, uint64_t rip, char *text, size_t room_bytes);

#endif
