/* SPDX-License-Identifier: Apache-2.0 */
/* The control and status of the SSE unit. */
#include "core/x86/exec.h"
#include "core/x86/fault.h"
#include "core/x86/host_fp.h"

enum x86_status exec_ldmxcsr(struct x86_cpu *c, const struct x86_insn *i)
{
	uint64_t v;

	X86_TRY(operand_read(c, i, 0, &v));
	if (v & ~(uint64_t)MXCSR_VALID)
		return x86_raise_gp(c);
	x86_mxcsr_load(c, (uint32_t)v);
	return X86_OK;
}

enum x86_status exec_stmxcsr(struct x86_cpu *c, const struct x86_insn *i)
{
	x86_mxcsr_sync(c);
	return operand_write(c, i, 0, c->mxcsr);
}
