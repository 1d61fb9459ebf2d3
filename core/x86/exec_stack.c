/* SPDX-License-Identifier: Apache-2.0 */
/* The stack (SDM vol. 1 6.2, 6.6).  An instruction that fails half-way puts SP back. */
#include "core/x86/exec.h"
#include "core/x86/fault.h"

enum x86_status exec_push(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read(c, i, 0, &v));
	return x86_push(c, i->opsize, v);
}

/* SP has moved when the destination's address is computed, and a popped SP replaces it. */
enum x86_status exec_pop(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t sp = c->r[X86_RSP], v = 0;
	enum x86_status status;

	X86_TRY(x86_pop(c, i->opsize, &v));
	status = operand_write(c, i, 0, v);
	if (status != X86_OK)
		c->r[X86_RSP] = sp;
	return status;
}

/* PUSHA with SP in 7..15 and odd raises #GP in real mode, where SP would run through zero. */
static bool pusha_wraps(const struct x86_cpu *c)
{
	uint64_t sp = x86_sp(c);

	return x86_is_real(c) && (sp & 1) && sp >= 7 && sp <= 15;
}

enum x86_status exec_pusha(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t sp = c->r[X86_RSP];

	if (pusha_wraps(c))
		return x86_raise_gp(c);
	for (unsigned reg = X86_RAX; reg <= X86_RDI; reg++) {
		enum x86_status status = x86_push(c, i->opsize, reg == X86_RSP ? sp : c->r[reg]);

		if (status != X86_OK) {
			c->r[X86_RSP] = sp;
			return status;
		}
	}
	return X86_OK;
}

enum x86_status exec_popa(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t sp = c->r[X86_RSP], v[8] = {0};

	for (unsigned n = 0; n < 8; n++) {
		enum x86_status status = x86_pop(c, i->opsize, &v[n]);

		if (status != X86_OK) {
			c->r[X86_RSP] = sp;
			return status;
		}
	}
	for (unsigned n = 0; n < 8; n++)
		if (X86_RDI - n != X86_RSP)
			gpr_write(c, X86_RDI - n, i->opsize, v[n]);
	return X86_OK;
}

/* The frame pointers of the enclosing levels, and the new one, for a nesting level above zero. */
static enum x86_status enter_display(struct x86_cpu *c, const struct x86_insn *i, unsigned level,
				     uint64_t frame)
{
	uint64_t bp = c->r[X86_RBP];

	for (unsigned n = 1; n < level; n++) {
		uint64_t v = 0;

		bp = alu_truncate(c->stack_bytes, bp - i->opsize);
		X86_TRY(x86_load(c, X86_SS, bp, &v, i->opsize));
		X86_TRY(x86_push(c, i->opsize, v));
	}
	return x86_push(c, i->opsize, frame);
}

static enum x86_status enter(struct x86_cpu *c, const struct x86_insn *i, uint64_t *frame)
{
	unsigned level = (unsigned)i->disp & 31;

	X86_TRY(x86_push(c, i->opsize, c->r[X86_RBP]));
	*frame = c->r[X86_RSP];
	if (level)
		X86_TRY(enter_display(c, i, level, *frame));
	x86_set_sp(c, x86_sp(c) - (uint16_t)i->imm);
	return x86_probe(c, X86_SS, x86_sp(c), i->opsize, X86_ACCESS_WRITE);
}

enum x86_status exec_enter(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t sp = c->r[X86_RSP], frame = 0;
	enum x86_status status = enter(c, i, &frame);

	if (status != X86_OK) {
		c->r[X86_RSP] = sp;
		return status;
	}
	gpr_write(c, X86_RBP, i->opsize, frame);
	return X86_OK;
}

enum x86_status exec_leave(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t sp = c->r[X86_RSP], bp = 0;
	enum x86_status status;

	x86_set_sp(c, c->r[X86_RBP]);
	status = x86_pop(c, i->opsize, &bp);
	if (status == X86_OK)
		gpr_write(c, X86_RBP, i->opsize, bp);
	else
		c->r[X86_RSP] = sp;
	return status;
}
