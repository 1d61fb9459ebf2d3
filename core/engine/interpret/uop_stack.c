/* SPDX-License-Identifier: Apache-2.0 */
/* Specialised push, pop, leave in 64-bit code, and in 32-bit code with a flat 32-bit stack. */
#include "core/engine/interpret/uop.h"
#include "core/x86/exec.h"

UOP_INLINE const struct uop *push(struct soft_vcpu *v, const struct uop *u, unsigned size,
				  uint64_t value)
{
	uint64_t sp = alu_truncate(size, v->cpu.r[X86_RSP] - size);
	void *p = uop_writable(v, sp, size);

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	host_store(p, size, value);
	v->cpu.r[X86_RSP] = sp;
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *push_r(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	return push(v, u, size, v->cpu.r[u->in.opr[0].reg]);
}

UOP_INLINE const struct uop *push_i(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	return push(v, u, size, (uint64_t)u->in.imm);
}

UOP_INLINE const struct uop *pop_r(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	uint64_t sp = alu_truncate(size, v->cpu.r[X86_RSP]);
	const void *p = uop_readable(v, sp, size);

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	v->cpu.r[X86_RSP] = alu_truncate(size, sp + size);
	v->cpu.r[u->in.opr[0].reg] = host_load(p, size); /* POP rSP: the value wins */
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *leave(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	uint64_t sp = alu_truncate(size, v->cpu.r[X86_RBP]);
	const void *p = uop_readable(v, sp, size);

	if (__builtin_expect(p == NULL, 0))
		return uop_direct(v, u);
	v->cpu.r[X86_RSP] = alu_truncate(size, sp + size);
	v->cpu.r[X86_RBP] = host_load(p, size);
	return uop_go(v, u + 1);
}

UOP(push_r_4, push_r, 4)
UOP(push_r_8, push_r, 8)
UOP(push_i_4, push_i, 4)
UOP(push_i_8, push_i, 8)
UOP(pop_r_4, pop_r, 4)
UOP(pop_r_8, pop_r, 8)
UOP(leave_4, leave, 4)
UOP(leave_8, leave, 8)

uop_fn uop_select_stack(const struct x86_insn *i, uint32_t mode)
{
	bool long_mode = (mode & X86_MODE_CODE) == X86_MODE_CODE64;
	x86_exec_fn exec = uop_exec(i);

	if (i->opsize != (long_mode ? 8 : 4) || (!long_mode && !(mode & X86_MODE_STACK32)))
		return NULL;
	if (exec == exec_push && i->opr[0].kind == X86_OPR_GPR)
		return long_mode ? push_r_8 : push_r_4;
	if (exec == exec_push && i->opr[0].kind == X86_OPR_IMM)
		return long_mode ? push_i_8 : push_i_4;
	if (exec == exec_pop && i->opr[0].kind == X86_OPR_GPR)
		return long_mode ? pop_r_8 : pop_r_4;
	if (exec == exec_leave)
		return long_mode ? leave_8 : leave_4;
	return NULL;
}
