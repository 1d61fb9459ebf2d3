/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/fpu.h"

#include "core/x86/fault.h"

#define FCW_KEPT  0x1f7fu
#define FCW_BIT_6 0x0040u

enum tag { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

void fpu_init(struct x86_fpu *f)
{
	f->control = 0x037f;
	f->status = 0;
	f->in_use = 0;
	f->opcode = 0;
	f->instruction_ptr = f->data_ptr = 0;
	f->instruction_sel = f->data_sel = 0;
}

void fpu_set_control(struct x86_fpu *f, uint16_t control)
{
	f->control = (uint16_t)((control & FCW_KEPT) | FCW_BIT_6);
	fpu_update_summary(f);
}

void fpu_update_summary(struct x86_fpu *f)
{
	f->status &= (uint16_t) ~(FSW_ES | FSW_B);
	if (f->status & ~f->control & FSW_EXCEPTIONS)
		f->status |= FSW_ES | FSW_B;
}

static enum tag tag_of(const struct x86_f80 *r)
{
	unsigned exponent = r->sign_exponent & 0x7fff;

	if (exponent == 0 && r->mantissa == 0)
		return TAG_ZERO;
	return exponent == 0 || exponent == 0x7fff || !(r->mantissa >> 63) ? TAG_SPECIAL
									   : TAG_VALID;
}

uint16_t fpu_tag_word(const struct x86_fpu *f)
{
	uint16_t word = 0;

	for (unsigned n = 0; n < 8; n++)
		word |= (f->in_use >> n & 1 ? tag_of(&f->reg[n]) : TAG_EMPTY) << (2 * n);
	return word;
}

enum x86_status fpu_check_pending(struct x86_cpu *c)
{
	return c->fpu.status & FSW_ES ? x86_raise(c, X86_MF) : X86_OK;
}
