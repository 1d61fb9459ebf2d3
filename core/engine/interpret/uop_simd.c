/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Specialised SSE: moves, packed integer operations, floating-point arithmetic while all its
 * exceptions are masked.
 */
#include "core/engine/interpret/uop.h"
#include "core/x86/exec.h"
#include "core/x86/simd.h"

/* ---- moves ---- */

/*
 * Registers are always written whole, 16 bytes at once, and narrow sources are widened in a host
 * register: the host forwards a store to a later load only if the load asks for no more than was
 * stored, and the next instruction usually asks for all 16 bytes.
 */
UOP_INLINE simd_vector low_part(const void *p, unsigned size)
{
	simd_vector x = {0, 0};

	if (size == 16)
		memcpy(&x, p, 16);
	else
		x[0] = (long long)host_load(p, size);
	return x;
}

/* The register with its low bytes replaced by those of `low`. */
UOP_INLINE simd_vector merged(simd_vector whole, simd_vector low, unsigned size)
{
	uint64_t mask = size == 4 ? 0xffffffffull : ~0ull;

	if (size == 16)
		return low;
	whole[0] = (long long)(((uint64_t)whole[0] & ~mask) | ((uint64_t)low[0] & mask));
	return whole;
}

UOP_INLINE const struct uop *vmove(struct soft_vcpu *v, const struct uop *u, unsigned size,
				   bool zero, const void *from)
{
	simd_vector *to = simd_reg(&v->cpu.xmm[u->in.opr[0].reg]);
	simd_vector low = low_part(from, size);

	*to = zero ? low : merged(*to, low, size);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *vmove_rr(struct soft_vcpu *v, const struct uop *u, unsigned size,
				      bool zero)
{
	return vmove(v, u, size, zero, &v->cpu.xmm[u->in.opr[1].reg]);
}

UOP_INLINE const struct uop *vmove_rm(struct soft_vcpu *v, const struct uop *u, unsigned size,
				      bool zero, bool aligned)
{
	uint64_t at = uop_address(v, u, ADDRESS_ANY);
	const void *p = uop_readable(v, at, size);

	if (__builtin_expect(p == NULL || (aligned && at & 15), 0))
		return uop_direct(v, u);
	return vmove(v, u, size, zero, p);
}

UOP_INLINE const struct uop *vmove_mr(struct soft_vcpu *v, const struct uop *u, unsigned size,
				      bool aligned)
{
	uint64_t at = uop_address(v, u, ADDRESS_ANY);
	void *p = uop_writable(v, at, size);

	if (__builtin_expect(p == NULL || (aligned && at & 15), 0))
		return uop_direct(v, u);
	memcpy(p, &v->cpu.xmm[u->in.opr[1].reg], size);
	return uop_go(v, u + 1);
}

#define VMOVE(size)                                        \
	UOP(vmove_rr_##size, vmove_rr, size, false)        \
	UOP(vmove_zr_##size, vmove_rr, size, true)         \
	UOP(vmove_rm_##size, vmove_rm, size, false, false) \
	UOP(vmove_zm_##size, vmove_rm, size, true, false)  \
	UOP(vmove_mr_##size, vmove_mr, size, false)
VMOVE(4)
VMOVE(8)
VMOVE(16)
UOP(vmove_rm_aligned, vmove_rm, 16, false, true)
UOP(vmove_mr_aligned, vmove_mr, 16, true)

enum vmove_form { V_RR, V_ZR, V_RM, V_ZM, V_MR };

#define VMOVE_ROW(size)                                                             \
	{                                                                           \
		vmove_rr_##size, vmove_zr_##size, vmove_rm_##size, vmove_zm_##size, \
			vmove_mr_##size                                             \
	}
static const uop_fn vmove_uops[3][5] = {VMOVE_ROW(4), VMOVE_ROW(8), VMOVE_ROW(16)};

static uop_fn select_vmove(const struct x86_insn *i, bool zero)
{
	const struct x86_operand *to = &i->opr[0], *from = &i->opr[1];
	unsigned size = from->size_bytes < to->size_bytes ? from->size_bytes : to->size_bytes;
	bool aligned = size == 16 && !(x86_opcodes[i->op].attr & A_UNALIGNED);
	const uop_fn *row = vmove_uops[size == 16 ? 2 : size == 8];

	if (size < 4)
		return NULL;
	if (to->kind == X86_OPR_MEM && from->kind == X86_OPR_XMM)
		return aligned ? vmove_mr_aligned : row[V_MR];
	if (to->kind != X86_OPR_XMM)
		return NULL;
	if (from->kind == X86_OPR_XMM)
		return row[zero ? V_ZR : V_RR];
	if (from->kind != X86_OPR_MEM)
		return NULL;
	return aligned ? vmove_rm_aligned : row[zero ? V_ZM : V_RM];
}

/* MOVD and MOVQ between general and XMM registers. */
UOP_INLINE const struct uop *gpr_to_xmm(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	simd_vector value = {(long long)alu_truncate(size, v->cpu.r[u->in.opr[1].reg]), 0};

	*simd_reg(&v->cpu.xmm[u->in.opr[0].reg]) = value;
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *xmm_to_gpr(struct soft_vcpu *v, const struct uop *u, unsigned size)
{
	gpr_write(&v->cpu, u->in.opr[0].reg, size, v->cpu.xmm[u->in.opr[1].reg].u64[0]);
	return uop_go(v, u + 1);
}

UOP(gpr_to_xmm_4, gpr_to_xmm, 4)
UOP(gpr_to_xmm_8, gpr_to_xmm, 8)
UOP(xmm_to_gpr_4, xmm_to_gpr, 4)
UOP(xmm_to_gpr_8, xmm_to_gpr, 8)

/* MOVDDUP. */
UOP_INLINE const struct uop *duplicate(struct soft_vcpu *v, const struct uop *u, const void *from)
{
	simd_vector x = low_part(from, 8);

	x[1] = x[0];
	*simd_reg(&v->cpu.xmm[u->in.opr[0].reg]) = x;
	return uop_go(v, u + 1);
}

static const struct uop *duplicate_r(struct soft_vcpu *v, const struct uop *u)
{
	return duplicate(v, u, &v->cpu.xmm[u->in.opr[1].reg]);
}

static const struct uop *duplicate_m(struct soft_vcpu *v, const struct uop *u)
{
	const void *p = uop_readable(v, uop_address(v, u, ADDRESS_ANY), 8);

	return p ? duplicate(v, u, p) : uop_direct(v, u);
}

/* ---- two operands ---- */

UOP_INLINE const struct uop *binary_rr(struct soft_vcpu *v, const struct uop *u, simd_op op)
{
	op(&v->cpu.xmm[u->in.opr[0].reg], &v->cpu.xmm[u->in.opr[1].reg]);
	return uop_go(v, u + 1);
}

/* A memory operand of 16 bytes must be aligned; no row of these lists is A_UNALIGNED. */
UOP_INLINE const struct uop *binary_rm(struct soft_vcpu *v, const struct uop *u, simd_op op,
				       unsigned size)
{
	uint64_t at = uop_address(v, u, ADDRESS_ANY);
	const void *p = uop_readable(v, at, size);
	union x86_xmm value;

	if (__builtin_expect(p == NULL || (size == 16 && at & 15), 0))
		return uop_direct(v, u);
	*simd_reg(&value) = low_part(p, size);
	op(&v->cpu.xmm[u->in.opr[0].reg], &value);
	return uop_go(v, u + 1);
}

UOP_INLINE const struct uop *fp_rr(struct soft_vcpu *v, const struct uop *u, simd_op op)
{
	return simd_fp_masked(&v->cpu) ? binary_rr(v, u, op) : uop_direct(v, u);
}

UOP_INLINE const struct uop *fp_rm(struct soft_vcpu *v, const struct uop *u, simd_op op,
				   unsigned size)
{
	return simd_fp_masked(&v->cpu) ? binary_rm(v, u, op, size) : uop_direct(v, u);
}

#define INTEGER_UOPS(name)                     \
	UOP(name##_rr, binary_rr, simd_##name) \
	UOP(name##_rm, binary_rm, simd_##name, 16)
SIMD_BINARY_LIST(INTEGER_UOPS)

#define SIZE_OF_SHAPE(shape) ((shape) == SIMD_SS ? 4 : (shape) == SIMD_SD ? 8 : 16)
#define FP_UOPS(name, shape, rounded)      \
	UOP(name##_rr, fp_rr, simd_##name) \
	UOP(name##_rm, fp_rm, simd_##name, SIZE_OF_SHAPE(shape))
SIMD_FP_LIST(FP_UOPS)

struct binary {
	x86_exec_fn exec;
	uop_fn rr, rm;
	uint8_t size_bytes;
};

#define INTEGER_ROW(name)	     {exec_##name, name##_rr, name##_rm, 16},
#define FP_ROW(name, shape, rounded) {exec_##name, name##_rr, name##_rm, SIZE_OF_SHAPE(shape)},
static const struct binary binaries[] = {SIMD_BINARY_LIST(INTEGER_ROW) SIMD_FP_LIST(FP_ROW)};

static uop_fn select_binary(const struct x86_insn *i, x86_exec_fn exec)
{
	for (unsigned n = 0; n < sizeof(binaries) / sizeof(binaries[0]); n++) {
		const struct binary *b = &binaries[n];

		if (b->exec != exec)
			continue;
		if (i->opr[1].kind == X86_OPR_XMM)
			return b->rr;
		return i->opr[1].size_bytes == b->size_bytes ? b->rm : NULL;
	}
	return NULL;
}

/* ---- selection ---- */

static uop_fn select_gpr_move(const struct x86_insn *i, x86_exec_fn exec)
{
	if (exec == exec_movd_to_xmm && i->opr[1].kind == X86_OPR_GPR)
		return i->opr[1].size_bytes == 8 ? gpr_to_xmm_8 : gpr_to_xmm_4;
	if (exec == exec_movd_from_xmm && i->opr[0].kind == X86_OPR_GPR)
		return i->opr[0].size_bytes == 8 ? xmm_to_gpr_8 : xmm_to_gpr_4;
	return NULL;
}

uop_fn uop_select_simd(const struct x86_insn *i, uint32_t mode)
{
	x86_exec_fn exec = uop_exec(i);
	enum uop_address how;

	if (!(x86_opcodes[i->op].attr & A_SSE) || i->n_operands != 2)
		return NULL;
	for (unsigned n = 0; n < 2; n++)
		if (i->opr[n].kind == X86_OPR_MEM && !uop_addressable(i, mode, &how))
			return NULL;
	if (exec == exec_movx || exec == exec_movx_zero)
		return select_vmove(i, exec == exec_movx_zero);
	if (exec == exec_movd_to_xmm || exec == exec_movd_from_xmm)
		return select_gpr_move(i, exec);
	if (exec == exec_movddup)
		return i->opr[1].kind == X86_OPR_XMM ? duplicate_r : duplicate_m;
	return select_binary(i, exec);
}
