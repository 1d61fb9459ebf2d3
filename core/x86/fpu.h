/* SPDX-License-Identifier: Apache-2.0 */
/* What x87 and MMX instructions share (SDM vol. 1 chapters 8 and 9). */
#ifndef CORE_X86_FPU_H
#define CORE_X86_FPU_H

#include "core/x86/cpu.h"

#define FSW_IE	       (1u << 0)
#define FSW_DE	       (1u << 1)
#define FSW_ZE	       (1u << 2)
#define FSW_OE	       (1u << 3)
#define FSW_UE	       (1u << 4)
#define FSW_PE	       (1u << 5)
#define FSW_SF	       (1u << 6)
#define FSW_ES	       (1u << 7)
#define FSW_C0	       (1u << 8)
#define FSW_C1	       (1u << 9)
#define FSW_C2	       (1u << 10)
#define FSW_TOP	       (7u << 11)
#define FSW_C3	       (1u << 14)
#define FSW_B	       (1u << 15)
#define FSW_EXCEPTIONS 0x3fu /* IE DE ZE OE UE PE: the control word's masks are in these bits too */

#define FCW_EXCEPTIONS	FSW_EXCEPTIONS
#define FCW_PC		(3u << 8) /* precision: 24, reserved, 53, 64 bits */
#define FCW_PC_RESERVED (1u << 8)
#define FCW_RC_SHIFT	10 /* rounding: nearest, down, up, towards zero */

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

/* Loads the control word: of the reserved bits, 6 is always set and 7 and 13..15 are clear.  The
 * summary bits follow the new masks. */
void fpu_set_control(struct x86_fpu *f, uint16_t control);

/* Recomputes ES and B, which are set exactly while an exception flag is set that the control word
 * does not mask.  To be called after any other change to either word. */
void fpu_update_summary(struct x86_fpu *f);

/* What every waiting x87 and MMX instruction does first, after its #UD and #NM checks: X86_OK, or
 * #MF when an unmasked exception of an earlier instruction is pending.  With CR0.NE clear a PC
 * would assert FERR# and let the chipset interrupt the CPU (SDM vol. 3A 2.5, vol. 1 appendix D);
 * that pin is not modelled, and #MF is raised then as well. */
enum x86_status fpu_check_pending(struct x86_cpu *c);

/* The full 16-bit tag word (valid, zero, special, empty) from the register contents. */
uint16_t fpu_tag_word(const struct x86_fpu *f);

#endif
