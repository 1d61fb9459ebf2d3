/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x87 and SSE registers by KVM_GET_XSAVE and KVM_SET_XSAVE: the kernel leaves out of its own image what
 * is in its initial state, and only these two calls know about it.  The layout is that of FXSAVE in
 * 64-bit mode (SDM vol. 1 10.5.1) followed by the XSAVE header (13.4.2).
 */
#include "core/engine/kvm/kvm.h"

#include <string.h>

struct fxsave_image {
	uint16_t control, status;
	uint8_t tags, unused;
	uint16_t opcode;
	uint64_t instruction_ptr, data_ptr;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16];
	uint8_t xmm[16][16];
};

#define HEADER_AT      512
#define STATE_X87_SSE  3ull
#define STATUS_TOP_BIT 11
#define OPCODE_MASK    0x7ff

static unsigned top_of(uint16_t status)
{
	return status >> STATUS_TOP_BIT & 7;
}

bool kvm_fpu_get(struct kvm_vcpu *v, struct vcpu_state *s)
{
	struct kvm_xsave area;
	struct fxsave_image image;

	if (!kvm_vcpu_ioctl(v, KVM_GET_XSAVE, &area, "KVM_GET_XSAVE"))
		return false;
	memcpy(&image, area.region, sizeof(image));
	s->fpu.control = image.control;
	s->fpu.status = image.status;
	s->fpu.in_use = image.tags;
	s->fpu.opcode = image.opcode & OPCODE_MASK;
	s->fpu.instruction_ptr = image.instruction_ptr;
	s->fpu.data_ptr = image.data_ptr;
	for (unsigned n = 0; n < 8; n++) {
		struct x86_f80 *reg = &s->fpu.reg[(n + top_of(image.status)) & 7];

		memcpy(&reg->mantissa, image.st[n], 8);
		memcpy(&reg->sign_exponent, image.st[n] + 8, 2);
	}
	memcpy(s->xmm, image.xmm, sizeof(s->xmm));
	s->mxcsr = image.mxcsr;
	return true;
}

bool kvm_fpu_set(struct kvm_vcpu *v, const struct vcpu_state *s)
{
	struct kvm_xsave area = {0};
	struct fxsave_image image = {
		.control = s->fpu.control,
		.status = s->fpu.status,
		.tags = s->fpu.in_use,
		.opcode = s->fpu.opcode,
		.instruction_ptr = s->fpu.instruction_ptr,
		.data_ptr = s->fpu.data_ptr,
		.mxcsr = s->mxcsr,
	};
	const uint64_t present = STATE_X87_SSE;

	for (unsigned n = 0; n < 8; n++) {
		const struct x86_f80 *reg = &s->fpu.reg[(n + top_of(s->fpu.status)) & 7];

		memcpy(image.st[n], &reg->mantissa, 8);
		memcpy(image.st[n] + 8, &reg->sign_exponent, 2);
	}
	memcpy(image.xmm, s->xmm, sizeof(image.xmm));
	memcpy(area.region, &image, sizeof(image));
	memcpy((uint8_t *)area.region + HEADER_AT, &present, sizeof(present));
	return kvm_vcpu_ioctl(v, KVM_SET_XSAVE, &area, "KVM_SET_XSAVE");
}
