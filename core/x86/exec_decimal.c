/* SPDX-License-Identifier: Apache-2.0 */
/* Decimal arithmetic (SDM vol. 1 7.3.4.5); flags that the manual leaves undefined: alu.h. */
#include "core/x86/exec.h"
#include "core/x86/fault.h"

/* Which nibbles of AL want a correction: 6, 60H, both or none. */
static unsigned packed_correction(const struct x86_cpu *c, uint8_t al)
{
	return ((al & 0xf) > 9 || lazy_af(&c->lazy) ? 0x06 : 0) |
	       (al > 0x99 || lazy_cf(&c->lazy) ? 0x60 : 0);
}

enum x86_status exec_daa(struct x86_cpu *c, const struct x86_insn *i)
{
	uint8_t al = (uint8_t)c->r[X86_RAX];
	unsigned correction = packed_correction(c, al);
	struct x86_lazy_flags *f = &c->lazy;

	(void)i;
	gpr_write(c, X86_RAX, 1, alu_add(f, 1, al, correction));
	lazy_set_carry(f, correction & 0x60, correction & 6, lazy_of(f));
	return X86_OK;
}

enum x86_status exec_das(struct x86_cpu *c, const struct x86_insn *i)
{
	uint8_t al = (uint8_t)c->r[X86_RAX];
	unsigned correction = packed_correction(c, al);
	struct x86_lazy_flags *f = &c->lazy;
	bool borrow = correction & 0x60 || (correction && al < 6);

	(void)i;
	gpr_write(c, X86_RAX, 1, alu_sub(f, 1, al, correction));
	lazy_set_carry(f, borrow, correction & 6, lazy_of(f));
	return X86_OK;
}

static unsigned unpacked_correction(const struct x86_cpu *c)
{
	return (c->r[X86_RAX] & 0xf) > 9 || lazy_af(&c->lazy) ? 0x106 : 0;
}

static void set_unpacked(struct x86_cpu *c, uint64_t ax, bool corrected)
{
	gpr_write(c, X86_RAX, 2, ax & 0xff0f);
	lazy_set_carry(&c->lazy, corrected, corrected, lazy_of(&c->lazy));
}

enum x86_status exec_aaa(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned correction = unpacked_correction(c);

	(void)i;
	set_unpacked(c, alu_add(&c->lazy, 2, c->r[X86_RAX], correction), correction);
	return X86_OK;
}

enum x86_status exec_aas(struct x86_cpu *c, const struct x86_insn *i)
{
	unsigned correction = unpacked_correction(c);

	(void)i;
	set_unpacked(c, alu_sub(&c->lazy, 2, c->r[X86_RAX], correction), correction);
	return X86_OK;
}

enum x86_status exec_aam(struct x86_cpu *c, const struct x86_insn *i)
{
	uint8_t base = (uint8_t)i->imm, al = (uint8_t)c->r[X86_RAX];

	if (base == 0)
		return x86_raise(c, X86_DE);
	gpr_write(c, X86_RAX, 2, (unsigned)(al / base) << 8 | al % base);
	alu_logic(&c->lazy, 1, al % base);
	return X86_OK;
}

enum x86_status exec_aad(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t ax = c->r[X86_RAX];

	gpr_write(c, X86_RAX, 2, alu_add(&c->lazy, 1, ax, (ax >> 8 & 0xff) * (uint8_t)i->imm));
	return X86_OK;
}
