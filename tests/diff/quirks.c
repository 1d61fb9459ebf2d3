/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/quirks.h"

#include "core/x86/opcode.h"

#include <string.h>

static const char selector_push[] =
	"four bytes pushed for a selector: Intel writes two of them, AMD all";

static const char x87_pointers[] =
	"AMD stores x87 pointers only while an exception is pending, and has MXCSR bit 17";
static const char many_parts[] = "several memory accesses, each of which may fault, in any order";

static const char other_pi[] = "angles are reduced by pi, of which CPUs know some 66 bits, we all";

const struct quirk quirks[] = {
	{"syscall", 0, 0, QUIRK_NEVER, "would call the host's kernel"},
	{"sysenter", 0, 0, QUIRK_NEVER,
	 "would call the host's kernel; AMD has it in 32-bit code only"},
	{"sysexit", 0, 0, QUIRK_NEVER, "AMD has it outside long mode only: #UD instead of #GP"},
	{"sgdt", 0, 0, QUIRK_NEVER, "the host's kernel answers in the CPU's place (UMIP)"},
	{"sidt", 0, 0, QUIRK_NEVER, "the host's kernel answers in the CPU's place (UMIP)"},
	{"sldt", 0, 0, QUIRK_NEVER, "the host's kernel answers in the CPU's place (UMIP)"},
	{"str", 0, 0, QUIRK_NEVER, "the host's kernel answers in the CPU's place (UMIP)"},
	{"smsw", 0, 0, QUIRK_NEVER, "the host's kernel answers in the CPU's place (UMIP)"},
	{"cpuid", 0, 0, QUIRK_LAST | QUIRK_ANY_AX_DX | QUIRK_ANY_BX_CX, "another CPU model"},
	{"rdtsc", 0, 0, QUIRK_LAST | QUIRK_ANY_AX_DX, "time"},
	{"rdtscp", 0, 0, QUIRK_LAST | QUIRK_ANY_AX_DX | QUIRK_ANY_BX_CX, "time"},
	{"prefetch", 0, 0, QUIRK_NO_REG,
	 "0F 0D with a register: #UD on AMD, no operation on Intel"},
	{"cvtpi2ps", 0, 0, QUIRK_NO_MEM,
	 "from memory: Intel documents a change to MMX state, AMD makes none"},
	{"int1", 0, 0, QUIRK_NEVER, "some hypervisors report it before the instruction, not after"},
	{"fcomi", 0, 0, QUIRK_LAST | QUIRK_ANY_C1,
	 "Intel documents that C1 is cleared, AMD leaves it"},
	{"fcomip", 0, 0, QUIRK_LAST | QUIRK_ANY_C1,
	 "Intel documents that C1 is cleared, AMD leaves it"},
	{"fucomi", 0, 0, QUIRK_LAST | QUIRK_ANY_C1,
	 "Intel documents that C1 is cleared, AMD leaves it"},
	{"fucomip", 0, 0, QUIRK_LAST | QUIRK_ANY_C1,
	 "Intel documents that C1 is cleared, AMD leaves it"},
	{"cmps", 0, 0, QUIRK_FAULT_FLAGS | QUIRK_FAULT_ORDER,
	 "repeated and faulting: Intel restores the flags, AMD does not"},
	{"scas", 0, 0, QUIRK_FAULT_FLAGS | QUIRK_FAULT_ORDER,
	 "repeated and faulting: Intel restores the flags, AMD does not"},
	{"maskmovq", 0, 0, QUIRK_FAULT_ANY,
	 "faults of bytes that are masked out depend on the CPU"},
	{"maskmovdqu", 0, 0, QUIRK_FAULT_ANY,
	 "faults of bytes that are masked out depend on the CPU"},
	{"bsf", 0, 0, QUIRK_NO_REP, "F3 makes it TZCNT, which the model lacks"},
	{"bsr", 0, 0, QUIRK_NO_REP, "F3 makes it LZCNT, which the model lacks"},
	{"fnstenv", 0, 0, QUIRK_LAST | QUIRK_ANY_FIP | QUIRK_FAULT_ORDER, x87_pointers},
	{"fnsave", 0, 0, QUIRK_LAST | QUIRK_ANY_FIP | QUIRK_FAULT_ORDER, x87_pointers},
	{"fxsave", 0, 0, QUIRK_LAST | QUIRK_ANY_FIP | QUIRK_FAULT_ORDER, x87_pointers},
	{"push", 0, O_ES, QUIRK_LAST | QUIRK_ANY_PUSHED | QUIRK_FAULT_ANY, selector_push},
	{"push", 0, O_CS, QUIRK_LAST | QUIRK_ANY_PUSHED | QUIRK_FAULT_ANY, selector_push},
	{"push", 0, O_SS, QUIRK_LAST | QUIRK_ANY_PUSHED | QUIRK_FAULT_ANY, selector_push},
	{"push", 0, O_DS, QUIRK_LAST | QUIRK_ANY_PUSHED | QUIRK_FAULT_ANY, selector_push},
	{"push", 0, O_FS, QUIRK_LAST | QUIRK_ANY_PUSHED | QUIRK_FAULT_ANY, selector_push},
	{"push", 0, O_GS, QUIRK_LAST | QUIRK_ANY_PUSHED | QUIRK_FAULT_ANY, selector_push},
	{"fxrstor", 0, 0, QUIRK_FAULT_ORDER, many_parts},
	{"frstor", 0, 0, QUIRK_FAULT_ORDER, many_parts},
	{"fldenv", 0, 0, QUIRK_FAULT_ORDER, many_parts},
	{"enter", 0, 0, QUIRK_FAULT_ORDER, many_parts},
	{"call", 0, 0, QUIRK_FAULT_ORDER, many_parts},
	{"callf", 0, 0, QUIRK_FAULT_ORDER | QUIRK_WIDE_STACK,
	 "from 64-bit to 32-bit code: AMD pushes to the 32-bit stack"},
	{"popa", 0, 0, QUIRK_FAULT_ORDER, many_parts},
	{"pusha", 0, 0, QUIRK_FAULT_ORDER, many_parts},
	{"retf", 0, 0, QUIRK_FAULT_ORDER, many_parts},
	{"iret", 0, 0, QUIRK_FAULT_ORDER, many_parts},
	{"verw", 0, 0, QUIRK_NO_LOCK, "with LOCK: #UD by the manuals, but not on all CPUs"},
	{NULL, 0, O_Mt, QUIRK_FAULT_ORDER, many_parts},
	{NULL, A_F64, 0, QUIRK_NO_66, "near branches in 64-bit code: AMD obeys 66, Intel does not"},
	{NULL, 0, O_Mp, QUIRK_NO_REX_W, "far pointers: Intel takes 64-bit offsets, AMD does not"},
	{NULL, 0, O_Rm, QUIRK_NO_LOCK, "MOV CR0 with LOCK is MOV CR8 on AMD"},
	{"fsin", 0, 0, QUIRK_ANGLE, other_pi},
	{"fcos", 0, 0, QUIRK_ANGLE, other_pi},
	{"fsincos", 0, 0, QUIRK_ANGLE, other_pi},
	{"fptan", 0, 0, QUIRK_ANGLE, other_pi},
	{NULL, A_INEXACT | A_X87, 0, QUIRK_LAST | QUIRK_ANY_X87,
	 "approximations: ours by definition"},
	{NULL, A_INEXACT | A_SSE, 0, QUIRK_LAST | QUIRK_ANY_XMM,
	 "approximations: ours by definition"},
};

const unsigned quirk_count = sizeof(quirks) / sizeof(quirks[0]);

static const struct {
	uint8_t map, first, last;
	const char *name;
} extensions[] = {
	{X86_MAP_1, 0x62, 0x62, "EVEX"},
	{X86_MAP_1, 0x8f, 0x8f, "XOP"},
	{X86_MAP_1, 0xc4, 0xc5, "VEX"},
	{X86_MAP_1, 0xd5, 0xd5, "REX2"},
	{X86_MAP_0F, 0x01, 0x01, "XGETBV, MONITOR, RDPRU, virtualisation"},
	{X86_MAP_0F, 0x0d, 0x0f, "3DNow!"},
	{X86_MAP_0F, 0x2b, 0x2b, "SSE4a"},
	{X86_MAP_0F, 0x37, 0x37, "SMX"},
	{X86_MAP_0F, 0x78, 0x79, "SSE4a, VMX"},
	{X86_MAP_0F, 0xa6, 0xa7, "PadLock"},
	{X86_MAP_0F, 0xae, 0xae, "XSAVE, CLWB, PTWRITE, shadow stacks"},
	{X86_MAP_0F, 0xc7, 0xc7, "RDRAND, RDPID, XSAVES, VMX"},
	{X86_MAP_0F38, 0x80, 0x8b, "INVPCID, MOVRS, VMX"},
	{X86_MAP_0F38, 0xc8, 0xcf, "SHA, GFNI"},
	{X86_MAP_0F38, 0xd8, 0xdf, "AES, Key Locker"},
	{X86_MAP_0F38, 0xf0, 0xff, "MOVBE, ADX, MOVDIRI, shadow stacks, RAO"},
	{X86_MAP_0F3A, 0x44, 0x44, "PCLMULQDQ"},
	{X86_MAP_0F3A, 0xcc, 0xcf, "SHA, GFNI"},
	{X86_MAP_0F3A, 0xdf, 0xdf, "AES"},
	{X86_MAP_0F3A, 0xf0, 0xf0, "HRESET"},
};

bool quirk_is_extension(unsigned map, uint8_t opcode)
{
	for (unsigned n = 0; n < sizeof(extensions) / sizeof(extensions[0]); n++)
		if (extensions[n].map == map && opcode >= extensions[n].first &&
		    opcode <= extensions[n].last)
			return true;
	return false;
}

static bool has_operand(const struct x86_opcode *o, uint32_t code)
{
	for (unsigned n = 0; n < 4; n++)
		if (o->opr[n].code == code)
			return true;
	return false;
}

static bool applies(const struct quirk *q, const struct x86_opcode *o)
{
	return (!q->name || strcmp(q->name, o->name) == 0) && (o->attr & q->attr) == q->attr &&
	       (!q->operand || has_operand(o, q->operand));
}

uint32_t quirk_bits(unsigned row)
{
	uint32_t bits = 0;

	if (row >= x86_opcode_count)
		return 0;
	for (unsigned n = 0; n < quirk_count; n++)
		if (applies(&quirks[n], &x86_opcodes[row]))
			bits |= quirks[n].bits;
	return bits;
}
