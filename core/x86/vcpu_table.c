/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/vcpu_table.h"

static const struct state_field segment_fields[] = {
	STATE_FIELD(struct x86_segment, base, 1),
	STATE_FIELD(struct x86_segment, limit, 1),
	STATE_FIELD(struct x86_segment, selector, 1),
	STATE_FIELD(struct x86_segment, attr, 1),
};
static const struct state_table segment_table =
	STATE_TABLE("segment", 1, struct x86_segment, segment_fields);

static const struct state_field descriptor_table_fields[] = {
	STATE_FIELD(struct x86_table, base, 1),
	STATE_FIELD(struct x86_table, limit, 1),
};
static const struct state_table descriptor_table_table =
	STATE_TABLE("descriptor table", 1, struct x86_table, descriptor_table_fields);

static const struct state_field f80_fields[] = {
	STATE_FIELD(struct x86_f80, mantissa, 1),
	STATE_FIELD(struct x86_f80, sign_exponent, 1),
};
static const struct state_table f80_table = STATE_TABLE("f80", 1, struct x86_f80, f80_fields);

static const struct state_field fpu_fields[] = {
	STATE_FIELD_TABLE(struct x86_fpu, reg, 1, struct x86_f80, &f80_table),
	STATE_FIELD(struct x86_fpu, control, 1),
	STATE_FIELD(struct x86_fpu, status, 1),
	STATE_FIELD(struct x86_fpu, in_use, 1),
	STATE_FIELD(struct x86_fpu, opcode, 1),
	STATE_FIELD(struct x86_fpu, instruction_ptr, 1),
	STATE_FIELD(struct x86_fpu, data_ptr, 1),
	STATE_FIELD(struct x86_fpu, instruction_sel, 1),
	STATE_FIELD(struct x86_fpu, data_sel, 1),
};
static const struct state_table fpu_table = STATE_TABLE("fpu", 1, struct x86_fpu, fpu_fields);

static const struct state_field xmm_fields[] = {
	STATE_FIELD(union x86_xmm, u64, 1),
};
static const struct state_table xmm_table = STATE_TABLE("xmm", 1, union x86_xmm, xmm_fields);

static const struct state_field msr_fields[] = {
	STATE_FIELD(struct x86_msrs, star, 1),
	STATE_FIELD(struct x86_msrs, lstar, 1),
	STATE_FIELD(struct x86_msrs, cstar, 1),
	STATE_FIELD(struct x86_msrs, sfmask, 1),
	STATE_FIELD(struct x86_msrs, kernel_gs_base, 1),
	STATE_FIELD(struct x86_msrs, tsc_aux, 1),
	STATE_FIELD(struct x86_msrs, sysenter_cs, 1),
	STATE_FIELD(struct x86_msrs, sysenter_esp, 1),
	STATE_FIELD(struct x86_msrs, sysenter_eip, 1),
	STATE_FIELD(struct x86_msrs, pat, 1),
	STATE_FIELD(struct x86_msrs, misc_enable, 1),
	STATE_FIELD(struct x86_msrs, feature_control, 1),
	STATE_FIELD(struct x86_msrs, misc_features, 1),
	STATE_FIELD(struct x86_msrs, microcode_revision, 1),
	STATE_FIELD(struct x86_msrs, spec_ctrl, 1),
};
static const struct state_table msr_table = STATE_TABLE("msr", 1, struct x86_msrs, msr_fields);

static const struct state_field event_fields[] = {
	STATE_FIELD(struct x86_event, kind, 1),	     STATE_FIELD(struct x86_event, vector, 1),
	STATE_FIELD(struct x86_event, has_error, 1), STATE_FIELD(struct x86_event, error, 1),
	STATE_FIELD(struct x86_event, address, 1),
};
static const struct state_table event_table =
	STATE_TABLE("event", 1, struct x86_event, event_fields);

static const struct state_field vcpu_fields[] = {
	STATE_FIELD(struct vcpu_state, gpr, 1),
	STATE_FIELD(struct vcpu_state, rip, 1),
	STATE_FIELD(struct vcpu_state, rflags, 1),
	STATE_FIELD_TABLE(struct vcpu_state, seg, 1, struct x86_segment, &segment_table),
	STATE_FIELD_TABLE(struct vcpu_state, gdt, 1, struct x86_table, &descriptor_table_table),
	STATE_FIELD_TABLE(struct vcpu_state, idt, 1, struct x86_table, &descriptor_table_table),
	STATE_FIELD(struct vcpu_state, cr0, 1),
	STATE_FIELD(struct vcpu_state, cr2, 1),
	STATE_FIELD(struct vcpu_state, cr3, 1),
	STATE_FIELD(struct vcpu_state, cr4, 1),
	STATE_FIELD(struct vcpu_state, efer, 1),
	STATE_FIELD(struct vcpu_state, dr, 1),
	STATE_FIELD(struct vcpu_state, dr6, 1),
	STATE_FIELD(struct vcpu_state, dr7, 1),
	STATE_FIELD_TABLE(struct vcpu_state, fpu, 1, struct x86_fpu, &fpu_table),
	STATE_FIELD_TABLE(struct vcpu_state, xmm, 1, union x86_xmm, &xmm_table),
	STATE_FIELD(struct vcpu_state, mxcsr, 1),
	STATE_FIELD_TABLE(struct vcpu_state, msr, 1, struct x86_msrs, &msr_table),
	STATE_FIELD_TABLE(struct vcpu_state, event, 1, struct x86_event, &event_table),
	STATE_FIELD(struct vcpu_state, activity, 1),
	STATE_FIELD(struct vcpu_state, shadow, 1),
	STATE_FIELD(struct vcpu_state, nmi_blocked, 1),
};
const struct state_table vcpu_table = STATE_TABLE("vcpu", 1, struct vcpu_state, vcpu_fields);
