/* SPDX-License-Identifier: Apache-2.0 */
/* x87 control instructions (SDM vol. 1 8.3.10). */
#include "core/x86/fault.h"
#include "core/x86/x87.h"
#include "core/x86/x87_image.h"

#include <string.h>

#define STATE_MAX (X87_ENVIRONMENT_MAX + 80)

static struct x87_image_form image_form(const struct x86_cpu *c, const struct x86_insn *i)
{
	return (struct x87_image_form){.real = x86_is_real(c), .wide = i->opsize != 2};
}

enum x86_status exec_fldcw(struct x86_cpu *c, const struct x86_insn *i)
{
	uint16_t control;

	X86_TRY(x86_load(c, i->seg, operand_offset(c, i), &control, sizeof(control)));
	fpu_set_control(&c->fpu, control);
	return X86_OK;
}

enum x86_status exec_fnstcw(struct x86_cpu *c, const struct x86_insn *i)
{
	return operand_write(c, i, 0, c->fpu.control);
}

enum x86_status exec_fnstsw(struct x86_cpu *c, const struct x86_insn *i)
{
	return operand_write(c, i, 0, c->fpu.status);
}

enum x86_status exec_fnclex(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	c->fpu.status &= (uint16_t) ~(FSW_EXCEPTIONS | FSW_SF | FSW_ES | FSW_B);
	return X86_OK;
}

enum x86_status exec_fninit(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	fpu_init(&c->fpu);
	return X86_OK;
}

/* 9B: TS matters only together with MP. */
enum x86_status exec_fwait(struct x86_cpu *c, const struct x86_insn *i)
{
	(void)i;
	if (c->cr0 & CR0_MP && c->cr0 & CR0_TS)
		return x86_raise(c, X86_NM);
	return fpu_check_pending(c);
}

/* FNENI, FNDISI and FNSETPM share this row; they mean nothing since the 80387. */
enum x86_status exec_fnop(struct x86_cpu *c, const struct x86_insn *i)
{
	if (x86_opcodes[i->op].attr & A_WAIT)
		x87_note(c, i, false);
	return X86_OK;
}

static enum x86_status rotate(struct x86_cpu *c, const struct x86_insn *i, unsigned by)
{
	x87_note(c, i, false);
	x87_report(c, 0, 0);
	x87_set_top(c, fpu_top(c) + by);
	return X86_OK;
}

enum x86_status exec_fincstp(struct x86_cpu *c, const struct x86_insn *i)
{
	return rotate(c, i, 1);
}

enum x86_status exec_fdecstp(struct x86_cpu *c, const struct x86_insn *i)
{
	return rotate(c, i, 7);
}

enum x86_status exec_fldenv(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x87_image_form form = image_form(c, i);
	uint8_t image[X87_ENVIRONMENT_MAX];

	X86_TRY(x86_load(c, i->seg, operand_offset(c, i), image, x87_environment_bytes(form)));
	x87_environment_get(&c->fpu, form, image);
	return X86_OK;
}

/* Masks all exceptions once they are stored. */
enum x86_status exec_fnstenv(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x87_image_form form = image_form(c, i);
	uint8_t image[X87_ENVIRONMENT_MAX];

	x87_environment_put(&c->fpu, form, image);
	X86_TRY(x86_store(c, i->seg, operand_offset(c, i), image, x87_environment_bytes(form)));
	fpu_set_control(&c->fpu, c->fpu.control | FCW_EXCEPTIONS);
	return X86_OK;
}

/* The registers follow the environment in the order of the stack, ten bytes each. */
enum x86_status exec_fnsave(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x87_image_form form = image_form(c, i);
	unsigned start = x87_environment_bytes(form);
	uint8_t image[STATE_MAX];

	x87_environment_put(&c->fpu, form, image);
	for (unsigned n = 0; n < 8; n++)
		memcpy(image + start + 10 * n, &c->fpu.reg[x87_register(c, n)], 10);
	X86_TRY(x86_store(c, i->seg, operand_offset(c, i), image, start + 80));
	fpu_init(&c->fpu);
	return X86_OK;
}

enum x86_status exec_frstor(struct x86_cpu *c, const struct x86_insn *i)
{
	struct x87_image_form form = image_form(c, i);
	unsigned start = x87_environment_bytes(form);
	uint8_t image[STATE_MAX];

	X86_TRY(x86_load(c, i->seg, operand_offset(c, i), image, start + 80));
	x87_environment_get(&c->fpu, form, image);
	for (unsigned n = 0; n < 8; n++)
		memcpy(&c->fpu.reg[x87_register(c, n)], image + start + 10 * n, 10);
	return X86_OK;
}
