/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FXSAVE and FXRSTOR (SDM vol. 1 10.5, vol. 2).
 *
 *     0 FCW   2 FSW   4 abridged tags   6 FOP   8 FIP  16 FDP  24 MXCSR  28 MXCSR_MASK
 *    32 ST0..ST7, sixteen bytes each          160 XMM0..XMM15
 *   416 not written, not read
 *
 * With REX.W FIP and FDP are 64 bits; without it 32, each followed by its selector.  Outside 64-bit
 * mode XMM8..15 are neither saved nor restored.  The manual leaves open what happens while
 * CR4.OSFXSR is clear; here the XMM registers then stay out and MXCSR takes part.
 */
#include "core/x86/fault.h"
#include "core/x86/host_fp.h"
#include "core/x86/x87.h"

#include <string.h>

#define ST_OFFSET    32
#define XMM_OFFSET   160
#define ALIGNMENT    16
#define MAX_BYTES    416
#define AREA_BYTES   512
#define MXCSR_OFFSET 24

static unsigned xmm_count(const struct x86_cpu *c)
{
	if (!(c->cr4 & CR4_OSFXSR))
		return 0;
	return x86_is_64(c) ? 16 : 8;
}

static enum x86_status check_alignment(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t base = x86_is_64(c) && i->seg < X86_FS ? 0 : c->seg[i->seg].base;

	if ((base + operand_offset(c, i)) % ALIGNMENT == 0)
		return X86_OK;
	/* With alignment checking on it is for the CPU to choose: #AC, as the host has it. */
	X86_TRY(x86_linear(c, i->seg, operand_offset(c, i), ALIGNMENT, X86_ACCESS_READ, &base));
	return x86_raise_gp(c);
}

static void put16(uint8_t *to, uint16_t v)
{
	memcpy(to, &v, sizeof(v));
}

static uint16_t get16(const uint8_t *from)
{
	uint16_t v;

	memcpy(&v, from, sizeof(v));
	return v;
}

static void put_pointers(const struct x86_fpu *f, bool wide, uint8_t *image)
{
	memcpy(image + 8, &f->instruction_ptr, wide ? 8 : 4);
	memcpy(image + 16, &f->data_ptr, wide ? 8 : 4);
	if (!wide) {
		put16(image + 12, f->instruction_sel);
		put16(image + 20, f->data_sel);
	}
}

static void get_pointers(struct x86_fpu *f, bool wide, const uint8_t *image)
{
	f->instruction_ptr = f->data_ptr = 0;
	memcpy(&f->instruction_ptr, image + 8, wide ? 8 : 4);
	memcpy(&f->data_ptr, image + 16, wide ? 8 : 4);
	f->instruction_sel = wide ? 0 : get16(image + 12);
	f->data_sel = wide ? 0 : get16(image + 20);
}

enum x86_status exec_fxsave(struct x86_cpu *c, const struct x86_insn *i)
{
	uint32_t mxcsr_mask = MXCSR_VALID;
	uint8_t image[MAX_BYTES] = {0};

	X86_TRY(check_alignment(c, i));
	X86_TRY(x86_probe(c, i->seg, operand_offset(c, i), AREA_BYTES, X86_ACCESS_WRITE));
	x86_mxcsr_sync(c);
	put16(image, c->fpu.control);
	put16(image + 2, c->fpu.status);
	image[4] = c->fpu.in_use;
	put16(image + 6, c->fpu.opcode);
	put_pointers(&c->fpu, i->bits & X86_INSN_REX_W, image);
	memcpy(image + MXCSR_OFFSET, &c->mxcsr, 4);
	memcpy(image + MXCSR_OFFSET + 4, &mxcsr_mask, 4);
	for (unsigned n = 0; n < 8; n++)
		memcpy(image + ST_OFFSET + 16 * n, &c->fpu.reg[x87_register(c, n)], 10);
	memcpy(image + XMM_OFFSET, c->xmm, 16 * xmm_count(c));
	return x86_store(c, i->seg, operand_offset(c, i), image, XMM_OFFSET + 16 * xmm_count(c));
}

enum x86_status exec_fxrstor(struct x86_cpu *c, const struct x86_insn *i)
{
	uint8_t image[AREA_BYTES];
	uint32_t mxcsr;

	X86_TRY(check_alignment(c, i));
	X86_TRY(x86_load(c, i->seg, operand_offset(c, i), image, sizeof(image)));
	memcpy(&mxcsr, image + MXCSR_OFFSET, 4);
	if (mxcsr & ~MXCSR_VALID)
		return x86_raise_gp(c);
	x86_mxcsr_load(c, mxcsr);
	c->fpu.status = get16(image + 2);
	fpu_set_control(&c->fpu, get16(image));
	c->fpu.in_use = image[4];
	c->fpu.opcode = get16(image + 6) & 0x7ff;
	get_pointers(&c->fpu, i->bits & X86_INSN_REX_W, image);
	for (unsigned n = 0; n < 8; n++)
		memcpy(&c->fpu.reg[x87_register(c, n)], image + ST_OFFSET + 16 * n, 10);
	memcpy(c->xmm, image + XMM_OFFSET, 16 * xmm_count(c));
	return X86_OK;
}
