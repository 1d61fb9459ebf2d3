/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/exec.h"
#include "tests/fuzz/image.h"
#include "tests/fuzz/image_draft.h"

#define P66 0x66

static void add_imm32(struct draft *d, uint32_t v)
{
	for (unsigned n = 0; n < 4; n++)
		draft_add(d, v >> (8 * n) & 0xff);
}

/* MOV reg, imm32 in code of any size. */
static void add_load(struct draft *d, unsigned reg, uint32_t v)
{
	if (d->code_bytes == 2)
		draft_add(d, P66);
	draft_add(d, 0xb8 + reg);
	add_imm32(d, v);
}

static void add_push(struct draft *d, uint32_t v, bool wide)
{
	if (d->code_bytes == 2 && wide)
		draft_add(d, P66);
	draft_add(d, 0x68);
	add_imm32(d, v);
	if (d->code_bytes == 2 && !wide)
		d->n -= 2;
}

static uint16_t selector(struct draft *d)
{
	uint16_t rpl = (uint16_t)(draft_draw(d, 2) ? 3 : draft_draw(d, 4));

	return (uint16_t)(8 * draft_draw(d, IMAGE_GDT_END / 8)) | rpl | (draft_draw(d, 8) ? 0 : 4);
}

static uint16_t code_selector(struct draft *d)
{
	static const uint16_t some[] = {IMAGE_CS64,	     IMAGE_CS32,
					IMAGE_CS16,	     IMAGE_USER_CS64 | 3,
					IMAGE_USER_CS32 | 3, IMAGE_USER_CS16 | 3,
					IMAGE_CONFORMING,    IMAGE_CALL_GATE | 3};
	unsigned n = draft_draw(d, 12);

	return n < 8 ? some[n] : selector(d);
}

static uint16_t stack_selector(struct draft *d)
{
	static const uint16_t some[] = {IMAGE_DS, IMAGE_USER_DS | 3, IMAGE_DS16,
					IMAGE_USER_DS16 | 3};
	unsigned n = draft_draw(d, 6);

	return n < 4 ? some[n] : selector(d);
}

static void prepare_selector(struct draft *d)
{
	add_load(d, X86_RAX, selector(d));
	d->rm = X86_RAX;
}

static void prepare_msr(struct draft *d)
{
	static const uint32_t some[] = {0x10,	    0x3a,	0x48,	    0x49,	0x8b,
					0xce,	    0x140,	0x174,	    0x175,	0x176,
					0x1a0,	    0x277,	0x800,	    0x808,	0xc0000080,
					0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100,
					0xc0000101, 0xc0000102, 0xc0000103, 0x1b};

	add_load(d, X86_RCX, some[draft_draw(d, sizeof(some) / sizeof(some[0]))]);
	if (draft_draw(d, 2))
		add_load(d, X86_RDX, 0);
	if (draft_draw(d, 3))
		add_load(d, X86_RAX, draft_draw(d, 0x1000));
}

/* MOV EAX, CRn; BTC EAX, bit. */
static void prepare_control(struct draft *d)
{
	static const uint8_t which[] = {0, 0, 3, 4, 4, 8};

	d->reg = which[draft_draw(d, sizeof(which))];
	d->rm = X86_RAX;
	if (d->reg == 8) {
		d->reg = 0;
		add_load(d, X86_RAX, draft_draw(d, 20));
		draft_add(d, d->code_bytes == 8 ? 0x44 : 0x90);
		return;
	}
	draft_add(d, 0x0f);
	draft_add(d, 0x20);
	draft_add(d, 0xc0 | (unsigned)d->reg << 3);
	if (d->code_bytes == 2)
		draft_add(d, P66);
	draft_add(d, 0x0f);
	draft_add(d, 0xba);
	draft_add(d, 0xf8);
	draft_add(d, draft_draw(d, 2) ? draft_draw(d, 32) : 31 - draft_draw(d, 2));
}

/* A frame with everything in it that a return may pop. */
static void prepare_return(struct draft *d, bool flags)
{
	bool wide = d->code_bytes != 2;

	if (draft_draw(d, 3)) {
		add_push(d, stack_selector(d), wide);
		add_push(d, IMAGE_STACK3 - 0x200, wide);
	}
	if (flags)
		add_push(d, draft_draw(d, 4) ? 0x202 : draft_draw(d, 0x8000), wide);
	add_push(d, code_selector(d), wide);
	add_push(d, (draft_draw(d, 2) ? IMAGE_CODE : 0) + draft_draw(d, 256), wide);
}

/* A far pointer on the stack, and the address of it. */
static void prepare_pointer(struct draft *d)
{
	static const uint8_t base16[] = {0x89, 0xe7}; /* MOV DI, SP; ModRM.rm 5 is [DI] */

	prepare_return(d, false);
	if (d->code_bytes == 8) {
		draft_add(d, 0x48);
		d->rm = 7;
	} else {
		d->rm = d->code_bytes == 2 ? 5 : 7;
	}
	draft_add(d, base16[0]);
	draft_add(d, base16[1]);
}

void draft_add_pointer(struct draft *d)
{
	uint32_t offset = draft_draw(d, 256) + (draft_draw(d, 2) ? IMAGE_CODE : 0);
	uint16_t cs = code_selector(d);

	add_imm32(d, offset);
	if (d->code_bytes == 2)
		d->n -= 2;
	draft_add(d, cs & 0xff);
	draft_add(d, cs >> 8);
	add_imm32(d, 0x90909090);
	add_imm32(d, 0x90909090);
}

static bool is_selector_user(const struct x86_opcode *o)
{
	return o->exec == exec_mov_to_seg || o->exec == exec_lldt || o->exec == exec_ltr ||
	       o->exec == exec_verr || o->exec == exec_verw || o->exec == exec_lar ||
	       o->exec == exec_lsl;
}

void draft_prepare(struct draft *d, const struct x86_opcode *o)
{
	if (!draft_draw(d, 4))
		return;
	if (is_selector_user(o))
		prepare_selector(d);
	else if (o->exec == exec_wrmsr || o->exec == exec_rdmsr)
		prepare_msr(d);
	else if (o->exec == exec_mov_to_cr)
		prepare_control(d);
	else if (o->exec == exec_iret || o->exec == exec_ret_far)
		prepare_return(d, o->exec == exec_iret);
	else if ((o->exec == exec_call_far || o->exec == exec_jmp_far) && o->form == X86_FORM_MEM)
		prepare_pointer(d);
}
