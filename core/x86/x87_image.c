/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/x87_image.h"

#include <string.h>

#define WORDS 7
#define ONES  0xffff0000u

static void fill_protected(const struct x86_fpu *f, bool wide, uint32_t w[WORDS])
{
	w[3] = (uint32_t)f->instruction_ptr;
	w[4] = f->instruction_sel | (wide ? (uint32_t)f->opcode << 16 : 0);
	w[5] = (uint32_t)f->data_ptr;
	w[6] = ONES | f->data_sel;
}

static void fill_real(const struct x86_fpu *f, uint32_t w[WORDS])
{
	uint32_t ip = (uint32_t)(f->instruction_ptr + ((uint32_t)f->instruction_sel << 4));
	uint32_t dp = (uint32_t)(f->data_ptr + ((uint32_t)f->data_sel << 4));

	w[3] = ONES | ip;
	w[4] = ip >> 16 << 12 | f->opcode;
	w[5] = ONES | dp;
	w[6] = dp >> 16 << 12;
}

void x87_environment_put(const struct x86_fpu *f, struct x87_image_form form, uint8_t *image)
{
	uint32_t w[WORDS] = {ONES | f->control, ONES | f->status, ONES | fpu_tag_word(f)};

	if (form.real)
		fill_real(f, w);
	else
		fill_protected(f, form.wide, w);
	for (unsigned n = 0; n < WORDS; n++)
		memcpy(image + n * (form.wide ? 4 : 2), &w[n], form.wide ? 4 : 2);
}

static void take_protected(struct x86_fpu *f, const uint32_t w[WORDS])
{
	f->instruction_ptr = w[3];
	f->instruction_sel = (uint16_t)w[4];
	f->opcode = w[4] >> 16 & 0x7ff;
	f->data_ptr = w[5];
	f->data_sel = (uint16_t)w[6];
}

static void take_real(struct x86_fpu *f, const uint32_t w[WORDS])
{
	f->instruction_ptr = (w[3] & 0xffff) | (w[4] >> 12 & 0xffff) << 16;
	f->opcode = w[4] & 0x7ff;
	f->data_ptr = (w[5] & 0xffff) | (w[6] >> 12 & 0xffff) << 16;
	f->instruction_sel = f->data_sel = 0;
}

void x87_environment_get(struct x86_fpu *f, struct x87_image_form form, const uint8_t *image)
{
	uint32_t w[WORDS] = {0};

	for (unsigned n = 0; n < WORDS; n++)
		memcpy(&w[n], image + n * (form.wide ? 4 : 2), form.wide ? 4 : 2);
	if (form.real)
		take_real(f, w);
	else
		take_protected(f, w);
	f->in_use = 0;
	for (unsigned n = 0; n < 8; n++)
		if ((w[2] >> (2 * n) & 3) != 3)
			f->in_use |= (uint8_t)(1u << n);
	f->status = (uint16_t)w[1];
	fpu_set_control(f, (uint16_t)w[0]);
}
