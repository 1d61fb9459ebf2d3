/* SPDX-License-Identifier: Apache-2.0 */
/* What x87 and MMX instructions share (SDM vol. 1 chapters 8 and 9). */
#ifndef CORE_X86_FPU_H
#define CORE_X86_FPU_H

#include "core/x86/cpu.h"

#define FSW_IE	(1u << 0)
#define FSW_DE	(1u << 1)
#define FSW_ZE	(1u << 2)
#define FSW_OE	(1u << 3)
#define FSW_UE	(1u << 4)
#define FSW_PE	(1u << 5)
#define FSW_SF	(1u << 6)
#define FSW_ES	(1u << 7)
#define FSW_C0	(1u << 8)
#define FSW_C1	(1u << 9)
#define FSW_C2	(1u << 10)
#define FSW_TOP (7u << 11)
#define FSW_C3	(1u << 14)
#define FSW_B	(1u << 15)

static inline unsigned fpu_top(const struct x86_cpu *c)
{
	return c->fpu.status >> 11 & 7;
}

/* Every MMX instruction but EMMS: TOP becomes 0 and all registers valid. */
static inline void fpu_mmx_enter(struct x86_cpu *c)
{
	c->fpu.status &= (uint16_t)~FSW_TOP;
	c->fpu.in_use = 0xff;
}

/* What waiting instructions do first: #MF when an unmasked x87 exception is pending.  The
 * external FERR# route (CR0.NE clear) is not modelled; both settings raise #MF. */
enum x86_status fpu_check_pending(struct x86_cpu *c);

/* FNINIT. */
void fpu_init(struct x86_fpu *f);

/* The full 16-bit tag word (valid, zero, special, empty) from the register contents. */
uint16_t fpu_tag_word(const struct x86_fpu *f);

#endif
