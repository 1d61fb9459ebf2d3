/* SPDX-License-Identifier: Apache-2.0 */
/* The neutral state: what goes in comes out, what no CPU can be in is refused by name, and RESET,
 * INIT and SIPI leave what SDM vol. 3A table 9-1 says. */
#include "tests/unit/cmocka_all.h"

#include "core/x86/cpuid.h"
#include "tests/support/x86_setup.h"

#include <stdlib.h>

#define RAM_BYTES 0x200000

static int world_setup(void **state)
{
	*state = x86_world_ram_create(RAM_BYTES);
	return 0;
}

static int world_teardown(void **state)
{
	x86_world_ram_destroy(*state);
	return 0;
}

/* ---- round trips ---- */

/* Fills all that may hold anything with bytes that differ from one another. */
static void fill_state(struct vcpu_state *s)
{
	uint8_t n = 1;

	for (unsigned i = 0; i < 16; i++)
		s->gpr[i] = 0x0101010101010101 * n++;
	for (unsigned i = 0; i < 16; i++)
		for (unsigned b = 0; b < 16; b++)
			s->xmm[i].u8[b] = n++;
	for (unsigned i = 0; i < 8; i++) {
		s->fpu.reg[i].mantissa = 0x1111111111111111 * i + n;
		s->fpu.reg[i].sign_exponent = (uint16_t)(0x7ff0 + i);
	}
	s->fpu.control = 0x27f;
	s->fpu.status = 0x3800;
	s->fpu.in_use = 0xa5;
	s->fpu.opcode = 0x7ff;
	s->fpu.instruction_ptr = 0x123456789abc;
	s->fpu.data_ptr = 0xcba987654321;
	s->fpu.instruction_sel = 0x33;
	s->fpu.data_sel = 0x2b;
	s->mxcsr = 0xffbf;
	s->cr2 = 0xffff800000001234;
	for (unsigned i = 0; i < 4; i++)
		s->dr[i] = 0x1000 * (i + 1);
	s->dr6 |= 0xe00f;
	s->dr7 |= 0xffff23ff;
	s->debug_hit = 5;
	s->msr = (struct x86_msrs){.star = 1ull << 63 | 5,
				   .lstar = 0xffffffff81000000,
				   .cstar = 0x7fffffffffff,
				   .sfmask = 0xffffffff,
				   .kernel_gs_base = 0xffff888000000000,
				   .tsc_aux = 0xfff00001,
				   .sysenter_cs = 0x10,
				   .sysenter_esp = 0xfffffe0000003000,
				   .sysenter_eip = 0xffffffff81001000,
				   .pat = 0x0007010500070406,
				   .misc_enable = 1,
				   .feature_control = 1,
				   .microcode_revision = 0x21800000000,
				   .spec_ctrl = 7};
	s->event = (struct x86_event){.kind = X86_EVENT_EXCEPTION,
				      .vector = X86_PF,
				      .has_error = 1,
				      .error = 0x15,
				      .address = 0x1234};
	s->shadow = X86_SHADOW_MOV_SS;
	s->nmi_blocked = 1;
}

static void assert_round_trip(struct x86_world_ram *w, const struct vcpu_state *in)
{
	struct vcpu_state *out = calloc(1, sizeof(*out));

	x86_cpu_reset(&w->cpu, true);
	assert_ptr_equal(x86_cpu_set_state(&w->cpu, in), NULL);
	memset(out, 0xee, sizeof(*out));
	x86_cpu_get_state(&w->cpu, out);
	assert_memory_equal(out->gpr, in->gpr, sizeof(in->gpr));
	assert_int_equal(out->rip, in->rip);
	assert_int_equal(out->rflags, in->rflags);
	assert_memory_equal(out->seg, in->seg, sizeof(in->seg));
	assert_int_equal(out->gdt.base, in->gdt.base);
	assert_int_equal(out->gdt.limit, in->gdt.limit);
	assert_int_equal(out->idt.base, in->idt.base);
	assert_int_equal(out->idt.limit, in->idt.limit);
	assert_int_equal(out->cr0, in->cr0);
	assert_int_equal(out->cr2, in->cr2);
	assert_int_equal(out->cr3, in->cr3);
	assert_int_equal(out->cr4, in->cr4);
	assert_int_equal(out->efer, in->efer);
	assert_memory_equal(out->dr, in->dr, sizeof(in->dr));
	assert_int_equal(out->dr6, in->dr6);
	assert_int_equal(out->dr7, in->dr7);
	assert_memory_equal(out->pdpte, in->pdpte, sizeof(in->pdpte));
	assert_int_equal(out->debug_hit, in->debug_hit);
	for (unsigned n = 0; n < 8; n++) {
		assert_int_equal(out->fpu.reg[n].mantissa, in->fpu.reg[n].mantissa);
		assert_int_equal(out->fpu.reg[n].sign_exponent, in->fpu.reg[n].sign_exponent);
	}
	assert_int_equal(out->fpu.control, in->fpu.control);
	assert_int_equal(out->fpu.status, in->fpu.status);
	assert_int_equal(out->fpu.in_use, in->fpu.in_use);
	assert_int_equal(out->fpu.opcode, in->fpu.opcode);
	assert_int_equal(out->fpu.instruction_ptr, in->fpu.instruction_ptr);
	assert_int_equal(out->fpu.data_ptr, in->fpu.data_ptr);
	assert_int_equal(out->fpu.instruction_sel, in->fpu.instruction_sel);
	assert_int_equal(out->fpu.data_sel, in->fpu.data_sel);
	assert_memory_equal(out->xmm, in->xmm, sizeof(in->xmm));
	assert_int_equal(out->mxcsr, in->mxcsr);
	assert_memory_equal(&out->msr, &in->msr, sizeof(in->msr));
	assert_int_equal(out->event.kind, in->event.kind);
	assert_int_equal(out->event.vector, in->event.vector);
	assert_int_equal(out->event.has_error, in->event.has_error);
	assert_int_equal(out->event.error, in->event.error);
	assert_int_equal(out->event.address, in->event.address);
	assert_int_equal(out->activity, in->activity);
	assert_int_equal(out->shadow, in->shadow);
	assert_int_equal(out->nmi_blocked, in->nmi_blocked);
	free(out);
}

static void setup_vm86(struct x86_world_ram *w)
{
	setup_legacy32(w, 0);
	for (unsigned n = X86_ES; n <= X86_GS; n++)
		w->cpu.seg[n] = (struct x86_segment){
			.base = 0x2000, .limit = 0xffff, .selector = 0x200, .attr = 0xf3};
	w->cpu.rflags |= X86_VM;
	w->cpu.rip = 0x100;
	x86_mode_update(&w->cpu);
}

static void setup_pae(struct x86_world_ram *w)
{
	setup_legacy32(w, 0);
	w->cpu.cr0 |= CR0_PG;
	w->cpu.cr4 |= CR4_PAE;
	w->cpu.cr3 = 0x8020;
	for (unsigned n = 0; n < 4; n++)
		w->cpu.pdpte[n] = (0x9000 + n * 0x1000) | 1;
	x86_mode_update(&w->cpu);
}

static void round_trips(void **state)
{
	struct x86_world_ram *w = *state;
	struct vcpu_state s;

	for (unsigned mode = 0; mode < 8; mode++) {
		switch (mode) {
		case 0: x86_cpu_reset(&w->cpu, false); break;
		case 1: setup_real(w); break;
		case 2: setup_legacy32(w, 3); break;
		case 3: setup_long(w, 0); break;
		case 4: setup_long(w, 3); break;
		case 5: setup_compat(w, 3); break;
		case 6: setup_vm86(w); break;
		default: setup_pae(w);
		}
		x86_cpu_get_state(&w->cpu, &s);
		assert_round_trip(w, &s);
		fill_state(&s);
		assert_round_trip(w, &s);
		/* every combination of the flags that execution keeps lazily */
		for (unsigned n = 0; n < 64; n++) {
			s.rflags &= ~(uint64_t)X86_ARITH;
			s.rflags |= (n & 1 ? X86_CF : 0) | (n & 2 ? X86_PF_FLAG : 0) |
				    (n & 4 ? X86_AF : 0) | (n & 8 ? X86_ZF : 0) |
				    (n & 16 ? X86_SF : 0) | (n & 32 ? X86_OF_FLAG : 0);
			assert_round_trip(w, &s);
		}
	}
}

static void pdptes_belong_to_pae_paging(void **state)
{
	struct x86_world_ram *w = *state;
	struct vcpu_state s;

	setup_long(w, 0);
	w->cpu.pdpte[0] = 0x5001;
	x86_cpu_get_state(&w->cpu, &s);
	assert_int_equal(s.pdpte[0], 0);
}

static void a_forgotten_event_leaves_no_trace(void **state)
{
	struct x86_world_ram *w = *state;
	struct vcpu_state s;

	x86_cpu_reset(&w->cpu, true);
	w->cpu.event = (struct x86_event){.kind = X86_EVENT_NONE, .vector = 14, .error = 7};
	x86_cpu_get_state(&w->cpu, &s);
	assert_int_equal(s.event.vector, 0);
	assert_int_equal(s.event.error, 0);
}

/* ---- refusals ---- */

enum base_mode { LONG, LEGACY, VM86, PAE };

/* Sets the n bytes of a field, in a state that is otherwise good, and expects the words. */
struct refusal {
	enum base_mode mode;
	const char *words;
	size_t offset, n;
	uint64_t value;
};

#define AT(field)     offsetof(struct vcpu_state, field), sizeof(((struct vcpu_state *)0)->field)
#define SEG(s, field) AT(seg[X86_##s].field)

static const struct refusal refusals[] = {
	{LONG, "CR0", AT(cr0), 0x80000031 | 1ull << 32},
	{LONG, "CR0", AT(cr0), 0x80000031 | 1 << 6},
	{LONG, "CR0", AT(cr0), 0x80000021},
	{LONG, "CR0.PG", AT(cr0), 0x80000030},
	{LONG, "CR0.NW", AT(cr0), 0xa0000031},
	{LONG, "CR4", AT(cr4), 0x620 | 1 << 13},
	{LONG, "CR4", AT(cr4), 0x620 | 1ull << 32},
	{LONG, "CR4.PAE", AT(cr4), 0x600},
	{LONG, "EFER", AT(efer), 0xd00 | 1 << 12},
	{LONG, "EFER.LMA", AT(efer), 0x900},
	{LONG, "EFER.LMA", AT(efer), 0xc00},
	{LEGACY, "EFER.LMA", AT(efer), 0x400},
	{LONG, "CR3", AT(cr3), 1ull << 46},
	{LONG, "CR3", AT(cr3), 1ull << 63},
	{PAE, "PDPTE", AT(pdpte[3]), 0x1003},
	{PAE, "PDPTE", AT(pdpte[0]), 0x1001 | 1ull << 46},
	{LONG, "DR6", AT(dr6), 0xffff0ff0 | 1ull << 32},
	{LONG, "DR6", AT(dr6), 0xffff1ff0},
	{LONG, "DR6", AT(dr6), 0},
	{LONG, "DR7", AT(dr7), 0x400 | 1 << 14},
	{LONG, "DR7", AT(dr7), 0},
	{LONG, "debug trap", AT(debug_hit), 0x10},
	{LONG, "RIP", AT(rip), 0x800000000000},
	{LEGACY, "RIP", AT(rip), 0x100000000},
	{LONG, "RFLAGS", AT(rflags), 0},
	{LONG, "RFLAGS", AT(rflags), 2 | 1 << 3},
	{LONG, "RFLAGS", AT(rflags), 2 | 1 << 15},
	{LONG, "RFLAGS", AT(rflags), 2 | 1ull << 22},
	{LONG, "RFLAGS.VM", AT(rflags), 2 | X86_VM},
	{LONG, "ES, CS, SS or DS", SEG(CS, base), 1ull << 32},
	{LONG, "ES, CS, SS or DS", SEG(DS, base), 0xffffffff00000000},
	{LONG, "FS, GS, LDTR or TR", SEG(FS, base), 0x800000000000},
	{LONG, "FS, GS, LDTR or TR", SEG(TR, base), 0x8000000000000000},
	{LONG, "GDTR", AT(gdt.base), 0x800000000000},
	{LONG, "IDTR", AT(idt.base), 0xfff0000000000000},
	{LONG, "attributes", SEG(DS, attr), 0xc293},
	{LONG, "granularity", SEG(DS, limit), 0xfffffffe},
	{LONG, "granularity", SEG(TR, limit), 0x100000},
	{VM86, "virtual-8086", SEG(SS, base), 0x2010},
	{VM86, "virtual-8086", SEG(GS, limit), 0xfffff},
	{VM86, "virtual-8086", SEG(CS, attr), 0x93},
	{LONG, "CS is not", SEG(CS, attr), 0xa01b},
	{LONG, "CS is not", SEG(CS, attr), 0xa08b},
	{LONG, "CS is not", SEG(CS, attr), 0xa09a},
	{LONG, "CS is not", SEG(CS, attr), 0xa097},
	{LONG, "CS is not", SEG(CS, attr), 0xa19b},
	{LONG, "both L and D", SEG(CS, attr), 0xe09b},
	{LONG, "DPL of CS", SEG(CS, attr), 0xa0fb},
	{LONG, "DPL of CS", SEG(CS, attr), 0xa0bf},
	{LONG, "DPL of CS", SEG(SS, attr), 0xc0f3},
	{LEGACY, "SS is unusable", SEG(SS, attr), 0xc193},
	{LONG, "SS is not", SEG(SS, attr), 0xc091},
	{LONG, "SS is not", SEG(SS, attr), 0xc09b},
	{LONG, "SS is not", SEG(SS, attr), 0xc013},
	{LONG, "ES, DS, FS or GS", SEG(ES, attr), 0xc099},
	{LONG, "ES, DS, FS or GS", SEG(GS, attr), 0xc092},
	{LEGACY, "ES, DS, FS or GS", SEG(FS, attr), 0xc083},
	{LONG, "TR", SEG(TR, attr), 0x0089},
	{LONG, "TR", SEG(TR, attr), 0x018b},
	{LONG, "TR", SEG(TR, attr), 0x009b},
	{LEGACY, "TR", SEG(TR, selector), 0x3c},
	{LONG, "LDTR", SEG(LDTR, attr), 0x0083},
	{LONG, "LDTR", SEG(LDTR, attr), 0x0002},
	{LONG, "SYSENTER_ESP", AT(msr.sysenter_esp), 0x800000000000},
	{LONG, "SYSENTER_EIP", AT(msr.sysenter_eip), 0x800000000000},
	{LONG, "LSTAR", AT(msr.lstar), 0x800000000000},
	{LONG, "CSTAR", AT(msr.cstar), 0x800000000000},
	{LONG, "KERNEL_GS_BASE", AT(msr.kernel_gs_base), 0x800000000000},
	{LONG, "FMASK", AT(msr.sfmask), 1ull << 32},
	{LONG, "TSC_AUX", AT(msr.tsc_aux), 1ull << 32},
	{LONG, "PAT", AT(msr.pat), 0x0007040600070402},
	{LONG, "PAT", AT(msr.pat), 0x0807040600070406},
	{LONG, "MISC_ENABLE", AT(msr.misc_enable), 1ull << 34},
	{LONG, "FEATURE_CONTROL", AT(msr.feature_control), 5},
	{LONG, "MISC_FEATURES", AT(msr.misc_features), 1},
	{LONG, "MXCSR", AT(mxcsr), 0x11f80},
	{LONG, "x87 opcode", AT(fpu.opcode), 0x800},
	{LONG, "activity", AT(activity), X86_SHUTDOWN + 1},
	{LONG, "shadow", AT(shadow), 3},
	{LONG, "NMI blocking", AT(nmi_blocked), 2},
	{LONG, "unknown kind", AT(event.kind), X86_EVENT_NMI + 1},
	{LONG, "vector", AT(event), X86_EVENT_EXCEPTION | 32 << 8},
	{LONG, "vector", AT(event), X86_EVENT_EXCEPTION | X86_NMI << 8},
	{LONG, "NMI", AT(event), X86_EVENT_NMI | 3 << 8},
	{LONG, "error code", AT(event), X86_EVENT_EXTERNAL | X86_GP << 8 | 1 << 16},
	{LONG, "error code", AT(event), X86_EVENT_EXCEPTION | X86_UD << 8 | 1 << 16},
	{LONG, "error code", AT(event.error), 0x10000},
};

static void base_state(struct x86_world_ram *w, enum base_mode mode, struct vcpu_state *s)
{
	switch (mode) {
	case LONG: setup_long(w, 0); break;
	case LEGACY: setup_legacy32(w, 0); break;
	case VM86: setup_vm86(w); break;
	case PAE: setup_pae(w); break;
	}
	x86_cpu_get_state(&w->cpu, s);
}

static void refuses_by_name(void **state)
{
	struct x86_world_ram *w = *state;

	for (unsigned n = 0; n < sizeof(refusals) / sizeof(refusals[0]); n++) {
		const struct refusal *r = &refusals[n];
		size_t bytes = r->n < 8 ? r->n : 8;
		struct vcpu_state s, before, after;
		const char *said;

		base_state(w, r->mode, &s);
		x86_cpu_get_state(&w->cpu, &before);
		assert_ptr_equal(x86_cpu_set_state(&w->cpu, &s), NULL);
		memcpy((char *)&s + r->offset, &r->value, bytes);
		s.gpr[3] = 0x77;
		said = x86_cpu_set_state(&w->cpu, &s);
		if (!said || !strstr(said, r->words))
			fail_msg("row %u, %s: \"%s\"", n, r->words, said ? said : "accepted");
		x86_cpu_get_state(&w->cpu, &after);
		assert_memory_equal(&before, &after, sizeof(before));
	}
}

static void the_model_decides(void **state)
{
	struct x86_world_ram *w = *state;
	const struct x86_cpu_model *all = w->cpu.model;
	struct vcpu_state s;

	setup_long(w, 0);
	x86_cpu_get_state(&w->cpu, &s);
	s.cr4 |= CR4_SMEP | CR4_SMAP | CR4_UMIP | CR4_FSGSBASE | CR4_DE;
	assert_ptr_equal(x86_cpu_set_state(&w->cpu, &s), NULL);
	w->cpu.model = x86_cpu_model_find("portable-v1");
	assert_non_null(strstr(x86_cpu_set_state(&w->cpu, &s), "CR4"));
	w->cpu.model = all;
}

/* What a CPU passes through on its own is not refused. */
static void accepts_the_odd_but_possible(void **state)
{
	struct x86_world_ram *w = *state;
	struct vcpu_state s;

	/* protected mode before the first far jump, with a selector and segment of real mode */
	setup_real(w);
	x86_cpu_get_state(&w->cpu, &s);
	s.cr0 |= CR0_PE;
	s.seg[X86_CS].attr = 0x93;
	assert_ptr_equal(x86_cpu_set_state(&w->cpu, &s), NULL);
	assert_int_equal(w->cpu.cpl, 0);
	/* null SS in 64-bit mode, whose DPL still tells the CPL */
	setup_long(w, 0);
	x86_cpu_get_state(&w->cpu, &s);
	s.seg[X86_SS] = (struct x86_segment){.attr = X86_SEG_UNUSABLE};
	s.seg[X86_LDTR] = (struct x86_segment){.attr = X86_SEG_UNUSABLE};
	assert_ptr_equal(x86_cpu_set_state(&w->cpu, &s), NULL);
	/* conforming code at a lower privilege than its DPL */
	setup_long(w, 3);
	x86_cpu_get_state(&w->cpu, &s);
	s.seg[X86_CS].attr = 0xa09f;
	assert_ptr_equal(x86_cpu_set_state(&w->cpu, &s), NULL);
	assert_int_equal(w->cpu.cpl, 3);
}

/* ---- derived fields ---- */

static void modes(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_real(w);
	assert_int_equal(c->mode, X86_MODE_CODE16 | X86_MODE_REAL | X86_MODE_NO_SSE);
	assert_int_equal(c->stack_bytes, 2);
	setup_vm86(w);
	assert_int_equal(c->mode,
			 X86_MODE_CODE16 | X86_MODE_REAL | X86_MODE_USER | X86_MODE_NO_SSE);
	setup_legacy32(w, 0);
	c->cr4 |= CR4_OSFXSR;
	x86_mode_update(c);
	assert_int_equal(c->mode, X86_MODE_CODE32 | X86_MODE_STACK32 | X86_MODE_FLAT);
	for (unsigned seg = X86_ES; seg <= X86_DS; seg++) {
		setup_legacy32(w, 0);
		c->seg[seg].base = 0x1000;
		x86_mode_update(c);
		assert_false(c->mode & X86_MODE_FLAT);
		c->seg[seg].base = 0;
		c->seg[seg].limit = 0xfffff;
		x86_mode_update(c);
		assert_false(c->mode & X86_MODE_FLAT);
		c->seg[seg].limit = 0xffffffff;
		c->seg[seg].attr &= (uint16_t)~2; /* read-only, execute-only */
		x86_mode_update(c);
		assert_false(c->mode & X86_MODE_FLAT);
		c->seg[seg].attr |= 2 | X86_SEG_UNUSABLE;
		x86_mode_update(c);
		assert_false(c->mode & X86_MODE_FLAT);
	}
	setup_long(w, 3);
	assert_int_equal(c->mode, X86_MODE_CODE64 | X86_MODE_USER);
	assert_int_equal(c->code_bytes, 8);
	assert_int_equal(c->stack_bytes, 8);
	assert_ptr_equal(c->tlb.read, c->tlb.set[X86_TLB_USER][X86_TLB_READ]);
	setup_compat(w, 3);
	assert_int_equal(c->mode & X86_MODE_CODE, X86_MODE_CODE32);
	assert_true(c->long_mode);
}

static void careful(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_long(w, 3);
	c->cr0 |= CR0_AM | CR0_TS;
	c->rflags |= X86_AC_FLAG;
	x86_mode_update(c);
	assert_true(c->mode & X86_MODE_CAREFUL);
	assert_true(c->mode & X86_MODE_NO_X87);
	c->rflags &= ~(uint64_t)X86_AC_FLAG;
	for (unsigned rw = 0; rw < 4; rw++)
		for (unsigned enable = 0; enable < 4; enable++) {
			c->dr7 = DR7_FIXED | enable << 4 | rw << 24;
			x86_mode_update(c);
			assert_int_equal(!!(c->mode & X86_MODE_CAREFUL), enable && rw & 1);
		}
}

static void smap_chooses_the_set(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_long(w, 0);
	c->rflags |= X86_AC_FLAG;
	x86_mode_update(c);
	assert_ptr_equal(c->tlb.write, c->tlb.set[X86_TLB_SYSTEM][X86_TLB_WRITE]);
	c->cr4 |= CR4_SMAP;
	x86_mode_update(c);
	assert_ptr_equal(c->tlb.write, c->tlb.set[X86_TLB_SYSTEM_AC][X86_TLB_WRITE]);
	c->rflags &= ~(uint64_t)X86_AC_FLAG;
	x86_mode_update(c);
	assert_ptr_equal(c->tlb.write, c->tlb.set[X86_TLB_SYSTEM][X86_TLB_WRITE]);
}

/* ---- RESET, INIT, SIPI ---- */

static void assert_table_9_1(const struct vcpu_state *s)
{
	for (unsigned n = 0; n < 16; n++)
		assert_int_equal(s->gpr[n], n == X86_RDX ? X86_SIGNATURE : 0);
	assert_int_equal(s->rip, 0xfff0);
	assert_int_equal(s->rflags, 2);
	assert_int_equal(s->cr0 & ~(uint64_t)(CR0_CD | CR0_NW), CR0_ET);
	assert_int_equal(s->cr2 | s->cr3 | s->cr4 | s->efer, 0);
	assert_int_equal(s->seg[X86_CS].selector, 0xf000);
	assert_int_equal(s->seg[X86_CS].base, 0xffff0000);
	for (unsigned n = 0; n < X86_SEGS; n++) {
		assert_int_equal(s->seg[n].limit, 0xffff);
		assert_true(s->seg[n].attr & X86_SEG_P);
		if (n != X86_CS)
			assert_int_equal(s->seg[n].base | s->seg[n].selector, 0);
	}
	assert_int_equal(s->gdt.base | s->idt.base, 0);
	assert_int_equal(s->gdt.limit & s->idt.limit, 0xffff);
	assert_int_equal(s->dr[0] | s->dr[1] | s->dr[2] | s->dr[3], 0);
	assert_int_equal(s->dr6, 0xffff0ff0);
	assert_int_equal(s->dr7, 0x400);
	assert_int_equal(s->shadow | s->nmi_blocked | s->event.kind, 0);
}

static void reset(void **state)
{
	struct x86_world_ram *w = *state;
	uint64_t generation;
	struct vcpu_state s;

	setup_long(w, 3);
	x86_cpu_get_state(&w->cpu, &s);
	fill_state(&s);
	assert_ptr_equal(x86_cpu_set_state(&w->cpu, &s), NULL);
	generation = w->cpu.tlb.generation;
	x86_cpu_reset(&w->cpu, true);
	assert_true(w->cpu.tlb.generation > generation);
	assert_true(w->cpu.resync);
	x86_cpu_get_state(&w->cpu, &s);
	assert_table_9_1(&s);
	assert_int_equal(s.cr0, 0x60000010);
	assert_int_equal(s.activity, X86_ACTIVE);
	assert_int_equal(s.mxcsr, 0x1f80);
	assert_int_equal(s.fpu.control, 0x40);
	assert_int_equal(s.fpu.status, 0);
	assert_int_equal(s.fpu.in_use, 0xff);
	assert_int_equal(s.msr.pat, 0x0007040600070406);
	assert_int_equal(s.msr.lstar, 0);
	x86_cpu_reset(&w->cpu, false);
	x86_cpu_get_state(&w->cpu, &s);
	assert_int_equal(s.activity, X86_WAIT_SIPI);
}

static void init_and_sipi(void **state)
{
	struct x86_world_ram *w = *state;
	struct vcpu_state s, before;

	setup_long(w, 3);
	x86_cpu_get_state(&w->cpu, &before);
	fill_state(&before);
	assert_ptr_equal(x86_cpu_set_state(&w->cpu, &before), NULL);
	x86_cpu_startup_ipi(&w->cpu, 0x9a); /* not waiting for one: ignored */
	assert_int_equal(w->cpu.rip, before.rip);
	x86_cpu_init_ipi(&w->cpu);
	x86_cpu_get_state(&w->cpu, &s);
	assert_table_9_1(&s);
	assert_int_equal(s.cr0, CR0_ET); /* CD and NW as they were */
	assert_int_equal(s.activity, X86_WAIT_SIPI);
	assert_memory_equal(s.xmm, before.xmm, sizeof(s.xmm));
	assert_int_equal(s.mxcsr, before.mxcsr);
	assert_int_equal(s.fpu.control, before.fpu.control);
	assert_int_equal(s.msr.lstar, before.msr.lstar);
	x86_cpu_startup_ipi(&w->cpu, 0x9a);
	x86_cpu_get_state(&w->cpu, &s);
	assert_int_equal(s.activity, X86_ACTIVE);
	assert_int_equal(s.rip, 0);
	assert_int_equal(s.seg[X86_CS].selector, 0x9a00);
	assert_int_equal(s.seg[X86_CS].base, 0x9a000);
	assert_int_equal(s.seg[X86_CS].limit, 0xffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(pdptes_belong_to_pae_paging),
		cmocka_unit_test(a_forgotten_event_leaves_no_trace),
		cmocka_unit_test(refuses_by_name),
		cmocka_unit_test(the_model_decides),
		cmocka_unit_test(accepts_the_odd_but_possible),
		cmocka_unit_test(modes),
		cmocka_unit_test(careful),
		cmocka_unit_test(smap_chooses_the_set),
		cmocka_unit_test(reset),
		cmocka_unit_test(init_and_sipi),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
