/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The x87 environment as FNSTENV, FNSAVE, FLDENV and FRSTOR lay it out (SDM vol. 1 8.1.10).
 *
 *   words of 4 bytes (28 in all), or of 2 (14):
 *   0 control, 1 status, 2 tags, 3..6 pointers to instruction and data:
 *                   3               4                             5               6
 *   protected, 4    FIP             FOP 26:16, FCS 15:0           FDP             FDS
 *   protected, 2    FIP 15:0        FCS                           FDP 15:0        FDS
 *   real, 4         FIP 15:0        FIP 31:16 in 27:12, FOP 10:0  FDP 15:0        FDP 31:16 in 27:12
 *   real, 2         FIP 15:0        FIP 19:16 in 15:12, FOP 10:0  FDP 15:0        FDP 19:16 in 15:12
 *
 * In the real-mode forms, used in virtual-8086 mode too, FIP and FDP are linear addresses.  The
 * upper halves of words that hold 16 bits are stored as ones.  64-bit mode uses the protected
 * forms.
 */
#ifndef CORE_X86_X87_IMAGE_H
#define CORE_X86_X87_IMAGE_H

#include "core/x86/fpu.h"

#define X87_ENVIRONMENT_MAX 28

struct x87_image_form {
	bool real;
	bool wide; /* words of 4 bytes */
};

static inline unsigned x87_environment_bytes(struct x87_image_form form)
{
	return form.wide ? 28 : 14;
}

void x87_environment_put(const struct x86_fpu *f, struct x87_image_form form, uint8_t *image);

/* Replaces everything but register contents. */
void x87_environment_get(struct x86_fpu *f, struct x87_image_form form, const uint8_t *image);

#endif
