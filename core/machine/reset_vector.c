/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/reset_vector.h"

#include "core/device/power.h"
#include "core/machine/config.h"

#define CODE_GPA 0xfff00u

/* Little-endian bytes of constants within code. */
#define LE16(value) (uint8_t)((value)&0xff), (uint8_t)((value) >> 8 & 0xff)
#define LE32(value) LE16((value)&0xffff), LE16((uint32_t)(value) >> 16)

#define GDT_POINTER 0x28
#define GDT	    0x30
#define CODE32	    0x18
#define RESET_GPA   (MAP_POWER_GPA + POWER_RESET_CONTROL)

/* The reset register lies beyond what real mode reaches, so this goes to flat 32-bit mode first. */
/* clang-format off */
static const uint8_t code[] = {
	/* 00 */ 0xfa,							     /* cli */
	/* 01 */ 0x2e, 0x66, 0x0f, 0x01, 0x16, LE16(CODE_GPA + GDT_POINTER), /* lgdtl %cs:... */
	/* 08 */ 0x0f, 0x20, 0xc0,					     /* mov %cr0, %eax */
	/* 0b */ 0x0c, 0x01,						     /* or $1, %al */
	/* 0d */ 0x0f, 0x22, 0xc0,					     /* mov %eax, %cr0 */
	/* 10 */ 0x66, 0xea, LE32(CODE_GPA + CODE32), LE16(8),		     /* ljmpl $8, $CODE32 */
	/* 18 */ 0x66, 0xb8, LE16(0x10),				     /* mov $0x10, %ax */
	/* 1c */ 0x8e, 0xd8,						     /* mov %ax, %ds */
	/* 1e */ 0xc6, 0x05, LE32(RESET_GPA), POWER_RESET_VALUE,	     /* movb ..., RESET_GPA */
	/* 25 */ 0xf4,							     /* hlt */
	/* 26 */ 0xeb, 0xfd,						     /* jmp 25 */
	/* 28 */ LE16(23), LE32(CODE_GPA + GDT), 0, 0,
	/* 30 */ 0, 0, 0, 0, 0, 0, 0, 0,
	/* 38 */ 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0, /* flat code */
	/* 40 */ 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0, /* flat data */
};
/* clang-format on */

/* jmp CODE_GPA, at RESET_VECTOR_GPA */
static const uint8_t entry[] = {0xe9, LE16(CODE_GPA - (RESET_VECTOR_GPA + 3))};

int reset_vector_load(struct memory *memory, struct err *err)
{
	int failed = memory_write(memory, CODE_GPA, code, sizeof(code), err);

	return failed ? failed : memory_write(memory, RESET_VECTOR_GPA, entry, sizeof(entry), err);
}
