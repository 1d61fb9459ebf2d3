/* SPDX-License-Identifier: Apache-2.0 */
/* Delivery of exceptions and interrupts: through which gate, onto which stack, with what frame,
 * and what becomes of a delivery that fails. */
#include "core/x86/segment.h"

#include "tests/unit/cmocka_all.h"

#include "tests/support/x86_expect.h"

#define HANDLER(v) (SETUP_HANDLERS + 16 * (v))
#define ARITH_SET  (X86_CF | X86_ZF)

static int setup(void **state)
{
	*state = x86_world_ram_create(2 << 20);
	return 0;
}

static int teardown(void **state)
{
	x86_world_ram_destroy(*state);
	return 0;
}

/* Some flags to find again in frames: CF, ZF, IF, TF, NT. */
static void set_flags(struct x86_world_ram *w)
{
	lazy_set(&w->cpu.lazy, ARITH_SET);
	w->cpu.rflags |= X86_IF | X86_TF | X86_NT;
}

#define PUSHED (X86_FLAG_1 | ARITH_SET | X86_IF | X86_TF | X86_NT)

static enum x86_status deliver_error(struct x86_world_ram *w, enum x86_vector v, uint32_t error)
{
	x86_raise_error(&w->cpu, v, error);
	return x86_event_deliver(&w->cpu);
}

/* Slot n of a frame whose lowest slot is at SP. */
static uint64_t slot(const struct x86_world_ram *w, unsigned n, unsigned size_bytes)
{
	return x86_ram_get(w, w->cpu.r[X86_RSP] + n * size_bytes, size_bytes);
}

#define assert_frame(w, size, ...)                                      \
	do {                                                            \
		const uint64_t want_[] = {__VA_ARGS__};                 \
		for (unsigned n_ = 0; n_ < sizeof(want_) / 8; n_++)     \
			assert_int_equal(slot(w, n_, size), want_[n_]); \
	} while (0)

/* ---- real-address mode ---- */

static void real_mode(void **state)
{
	struct x86_world_ram *w = *state;

	setup_real(w);
	set_flags(w);
	w->cpu.rip = 0x123;
	w->cpu.rflags |= X86_AC_FLAG;
	w->cpu.seg[X86_SS].base = 0;
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x20), X86_OK);
	assert_int_equal(w->cpu.seg[X86_CS].base, SETUP_HANDLERS);
	assert_int_equal(w->cpu.rip, 0x200);
	assert_int_equal(w->cpu.r[X86_RSP], 0x8000 - 6);
	assert_frame(w, 2, 0x123, SETUP_CODE >> 4, PUSHED);
	assert_int_equal(w->cpu.rflags, X86_FLAG_1 | X86_NT);
	assert_int_equal(w->cpu.event.kind, X86_EVENT_NONE);
}

static void real_mode_pushes_no_error_code(void **state)
{
	struct x86_world_ram *w = *state;

	setup_real(w);
	assert_int_equal(deliver_error(w, X86_GP, 0), X86_OK);
	assert_int_equal(w->cpu.r[X86_RSP], 0x8000 - 6);
	assert_int_equal(w->cpu.rip, 16 * X86_GP);
}

static void real_mode_table_too_short(void **state)
{
	struct x86_world_ram *w = *state;

	setup_real(w);
	w->cpu.idt.limit = 4 * X86_GP + 3;
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x20), X86_OK);
	assert_int_equal(w->cpu.rip, 16 * X86_GP);
	setup_real(w);
	w->cpu.idt.limit = 4 * X86_GP + 2; /* #GP cannot be delivered, #DF can */
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x20), X86_OK);
	assert_int_equal(w->cpu.rip, 16 * X86_DF);
	setup_real(w);
	w->cpu.idt.limit = 3;
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x20), X86_OK);
	assert_int_equal(w->cpu.activity, X86_SHUTDOWN);
	assert_int_equal(w->cpu.r[X86_RSP], 0x8000);
}

/* ---- legacy protected mode ---- */

static void legacy_same_privilege(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	set_flags(w);
	assert_int_equal(deliver_error(w, X86_GP, 0x1234), X86_OK);
	assert_int_equal(w->cpu.rip, HANDLER(X86_GP));
	assert_int_equal(w->cpu.seg[X86_CS].selector, SETUP_CS32);
	assert_int_equal(w->cpu.seg[X86_SS].selector, SETUP_DS);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 16);
	assert_frame(w, 4, 0x1234, SETUP_CODE, SETUP_CS32, PUSHED | X86_RF);
	assert_int_equal(w->cpu.rflags, X86_FLAG_1);
	assert_int_equal(lazy_get(&w->cpu.lazy), ARITH_SET);
}

static void legacy_inner_privilege(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	set_flags(w);
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.cpl, 0);
	assert_int_equal(w->cpu.seg[X86_CS].selector, SETUP_CS32);
	assert_segment(w, X86_SS, SETUP_DS, 0, 0xffffffff, 0xc093);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 20);
	assert_frame(w, 4, SETUP_CODE, SETUP_USER_CS32 | 3, PUSHED, SETUP_USER_STACK,
		     SETUP_USER_DS | 3);
	assert_int_equal(w->cpu.seg[X86_DS].selector, SETUP_USER_DS | 3); /* left alone */
}

static void legacy_16_bit_gate(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	set_flags(w);
	setup_idt_put(w, X86_GP, setup_gate(SETUP_CS16, 0x8765, 0x87, 0)); /* trap gate */
	assert_int_equal(deliver_error(w, X86_GP, 0xabcd), X86_OK);
	assert_int_equal(w->cpu.rip, 0x8765);
	assert_int_equal(w->cpu.code_bytes, 2);
	assert_frame(w, 2, 0xabcd, SETUP_CODE & 0xffff, SETUP_CS32, PUSHED);
	assert_int_equal(w->cpu.rflags, X86_FLAG_1 | X86_IF);
}

static void legacy_16_bit_tss(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	w->cpu.seg[X86_TR].attr = 0x83;
	x86_ram_put(w, SETUP_TSS + 2, 2, 0x9000);
	x86_ram_put(w, SETUP_TSS + 4, 2, SETUP_DS16);
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.r[X86_RSP], 0x9000 - 20);
	assert_int_equal(w->cpu.seg[X86_SS].selector, SETUP_DS16);
	assert_int_equal(w->cpu.stack_bytes, 2);
}

static void conforming_handler_keeps_the_privilege(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	setup_idt_put(w, 0x30, setup_gate(SETUP_CONFORMING32, 0x5000, 0x8e, 0));
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.cpl, 3);
	assert_int_equal(w->cpu.seg[X86_CS].selector, SETUP_CONFORMING32 | 3);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_USER_STACK - 12);
}

static void from_v86(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	w->cpu.rflags |= X86_VM | X86_IF;
	for (unsigned seg = X86_ES; seg <= X86_GS; seg++)
		w->cpu.seg[seg] = x86_segment_v86((uint16_t)(0x1000 + seg));
	w->cpu.rip = 0x100;
	w->cpu.r[X86_RSP] = 0x200;
	x86_mode_update(&w->cpu);
	assert_int_equal(deliver_error(w, X86_GP, 0), X86_OK);
	assert_int_equal(w->cpu.cpl, 0);
	assert_false(x86_is_real(&w->cpu));
	assert_frame(w, 4, 0, 0x100, 0x1000 + X86_CS, X86_FLAG_1 | X86_VM | X86_IF | X86_RF, 0x200,
		     0x1000 + X86_SS, 0x1000 + X86_ES, 0x1000 + X86_DS, 0x1000 + X86_FS,
		     0x1000 + X86_GS);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 40);
	assert_segment(w, X86_DS, 0, 0, 0, X86_SEG_UNUSABLE);
	assert_segment(w, X86_GS, 0, 0, 0, X86_SEG_UNUSABLE);
	assert_int_equal(w->cpu.rflags, X86_FLAG_1);
}

static void v86_handlers_run_at_cpl_0(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	setup_idt_put(w, 0x30, setup_gate(SETUP_CONFORMING32, 0x5000, 0x8e, 0));
	w->cpu.rflags |= X86_VM;
	for (unsigned seg = X86_ES; seg <= X86_GS; seg++)
		w->cpu.seg[seg] = x86_segment_v86(0);
	x86_mode_update(&w->cpu);
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.rip, HANDLER(X86_GP));
	assert_int_equal(slot(w, 0, 4), SETUP_CONFORMING32 | 1);
}

/* ---- long mode ---- */

static void long_same_privilege_aligns_the_stack(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	set_flags(w);
	w->cpu.r[X86_RSP] -= 4;
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 16 - 40);
	assert_frame(w, 8, SETUP_CODE, SETUP_CS64, PUSHED, SETUP_KERNEL_STACK - 4, SETUP_DS);
	assert_int_equal(w->cpu.seg[X86_SS].selector, SETUP_DS);
	assert_int_equal(w->cpu.rflags, X86_FLAG_1);
}

static void long_inner_privilege_loads_null_ss(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 3);
	set_flags(w);
	assert_int_equal(deliver_error(w, X86_GP, 0x18), X86_OK);
	assert_int_equal(w->cpu.cpl, 0);
	assert_segment(w, X86_SS, 0, 0, 0, X86_SEG_UNUSABLE);
	assert_int_equal(w->cpu.rip, HANDLER(X86_GP));
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 48);
	assert_frame(w, 8, 0x18, SETUP_CODE, SETUP_USER_CS64 | 3, PUSHED | X86_RF, SETUP_USER_STACK,
		     SETUP_USER_DS | 3);
}

static void long_from_compatibility_mode(void **state)
{
	struct x86_world_ram *w = *state;

	setup_compat(w, 3);
	w->cpu.rip = 0x1000;
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_true(x86_is_64(&w->cpu));
	assert_frame(w, 8, 0x1000, SETUP_USER_CS32 | 3, X86_FLAG_1, SETUP_USER_STACK,
		     SETUP_USER_DS | 3);
}

static void long_ist(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	setup_idt_put(w, X86_NMI, setup_gate(SETUP_CS64, 0x5000, 0x8f, 1));
	w->cpu.rflags |= X86_IF;
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_NMI, X86_NMI), X86_OK);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_IST1 - 40);
	assert_int_equal(w->cpu.seg[X86_SS].selector, SETUP_DS);
	assert_int_equal(w->cpu.nmi_blocked, 1);
	assert_int_equal(w->cpu.rflags, X86_FLAG_1 | X86_IF); /* trap gate */
	setup_long(w, 3);
	setup_idt_put(w, X86_NMI, setup_gate(SETUP_CS64, 0x5000, 0x8f, 1));
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_NMI, X86_NMI), X86_OK);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_IST1 - 40);
	assert_segment(w, X86_SS, 0, 0, 0, X86_SEG_UNUSABLE);
	/* entry 7 lies outside this TSS */
	setup_long(w, 0);
	w->cpu.seg[X86_TR].limit = 36 + 6 * 8 + 6;
	setup_idt_put(w, 0x30, setup_gate(SETUP_CS64, 0x5000, 0x8e, 7));
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.rip, HANDLER(X86_TS));
	assert_int_equal(slot(w, 0, 8), SETUP_TR | 1);
}

static void high_handler_address(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	x86_ram_put(w, SETUP_IDT + 0x30 * 16 + 8, 8, 0xffff8000);
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.rip, 0xffff800000000000 | HANDLER(0x30));
	setup_long(w, 0);
	x86_ram_put(w, SETUP_IDT + 0x30 * 16 + 8, 8, 0x8000);
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.rip, HANDLER(X86_GP));
	assert_int_equal(slot(w, 0, 8), 1);
}

/* ---- gates with something wrong; the error codes that come of it ---- */

struct bad_gate {
	uint64_t gate;
	uint8_t vector;
	uint32_t error;
};

static void try_bad_gates(struct x86_world_ram *w, const struct bad_gate *bad, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		w->cpu.rip = SETUP_CODE;
		w->cpu.r[X86_RSP] = SETUP_KERNEL_STACK;
		setup_idt_put(w, 0x30, bad[k].gate);
		assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
		assert_int_equal(w->cpu.rip, HANDLER(bad[k].vector));
		assert_int_equal(slot(w, 0, w->cpu.long_mode ? 8 : 4), bad[k].error);
	}
}

#define IDT_ERROR (0x30 * 8 + 2 + 1)

static void bad_gates_legacy(void **state)
{
	const struct bad_gate bad[] = {
		{setup_gate(SETUP_CS32, 0, 0x0e, 0), X86_NP, IDT_ERROR},
		{setup_gate(SETUP_CS32, 0, 0x8c, 0), X86_GP, IDT_ERROR},  /* call gate */
		{setup_gate(SETUP_CS32, 0, 0x9e, 0), X86_GP, IDT_ERROR},  /* not a gate */
		{setup_gate(SETUP_TR, 0, 0x85, 0), X86_GP, SETUP_TR | 1}, /* task gate */
		{setup_gate(3, 0, 0x8e, 0), X86_GP, 1},
		{setup_gate(SETUP_GDT_BYTES, 0, 0x8e, 0), X86_GP, SETUP_GDT_BYTES | 1},
		{setup_gate(SETUP_DS, 0, 0x8e, 0), X86_GP, SETUP_DS | 1},
		{setup_gate(SETUP_USER_CS32, 0, 0x8e, 0), X86_GP, SETUP_USER_CS32 | 1},
		{setup_gate(SETUP_FREE, 0, 0x8e, 0), X86_NP, SETUP_FREE | 1},
		{setup_gate(SETUP_CS16, 0x10000, 0x8e, 0), X86_GP, 1}, /* beyond the limit */
	};
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	setup_gdt_put(w, SETUP_FREE, setup_descriptor(0, 0xffff, 0x1a, 4));
	try_bad_gates(w, bad, sizeof(bad) / sizeof(bad[0]));
}

static void bad_gates_long(void **state)
{
	const struct bad_gate bad[] = {
		{setup_gate(SETUP_CS64, 0, 0x0e, 0), X86_NP, IDT_ERROR},
		{setup_gate(SETUP_CS64, 0, 0x86, 0), X86_GP, IDT_ERROR},
		{setup_gate(SETUP_CS64, 0, 0x85, 0), X86_GP, IDT_ERROR},
		{setup_gate(SETUP_CS32, 0, 0x8e, 0), X86_GP, SETUP_CS32 | 1},
		{setup_gate(SETUP_FREE, 0, 0x8e, 0), X86_GP, SETUP_FREE | 1}, /* L and D */
	};
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	setup_gdt_put(w, SETUP_FREE, setup_descriptor(0, 0xffff, 0x9a, 6));
	try_bad_gates(w, bad, sizeof(bad) / sizeof(bad[0]));
	w->cpu.idt.limit = 0x30 * 16 + 14;
	w->cpu.r[X86_RSP] = SETUP_KERNEL_STACK;
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(slot(w, 0, 8), IDT_ERROR);
}

static void bad_inner_stacks(void **state)
{
	static const struct {
		uint16_t ss;
		uint8_t vector;
		uint32_t error;
	} bad[] = {
		{0, X86_TS, 1},
		{SETUP_GDT_BYTES, X86_TS, SETUP_GDT_BYTES | 1},
		{SETUP_DS | 1, X86_TS, SETUP_DS | 1},
		{SETUP_USER_DS, X86_TS, SETUP_USER_DS | 1},
		{SETUP_CS32, X86_TS, SETUP_CS32 | 1},
		{SETUP_FREE, X86_SS_FAULT, SETUP_FREE | 1},
		{SETUP_FREE + 8, X86_SS_FAULT, (SETUP_FREE + 8) | 1}, /* too small */
	};
	struct x86_world_ram *w = *state;

	for (unsigned k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
		setup_legacy32(w, 3);
		setup_gdt_put(w, SETUP_FREE, setup_descriptor(0, 0xffff, 0x12, 4));
		setup_gdt_put(w, SETUP_FREE + 8, setup_descriptor(0, 0xffff, 0x92, 4));
		/* the handler of the exception stays at CPL 3, on a stack that works */
		setup_idt_put(w, bad[k].vector, setup_gate(SETUP_CONFORMING32, 0x5000, 0x8e, 0));
		x86_ram_put(w, SETUP_TSS + 8, 2, bad[k].ss);
		assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
		assert_int_equal(w->cpu.rip, 0x5000);
		assert_int_equal(slot(w, 0, 4), bad[k].error);
		assert_int_equal(slot(w, 1, 4), SETUP_CODE);
	}
}

static void expand_down_stack(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	setup_gdt_put(w, SETUP_FREE, setup_descriptor(0x10000, 0x7fff, 0x96, 0));
	x86_ram_put(w, SETUP_TSS + 8, 2, SETUP_FREE);
	x86_ram_put(w, SETUP_TSS + 4, 4, 0x8014);
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.r[X86_RSP], 0x8000);
	assert_int_equal(x86_ram_get(w, 0x18000, 4), SETUP_CODE);
	/* one byte less, and the last push would leave the segment */
	setup_legacy32(w, 3);
	setup_gdt_put(w, SETUP_FREE, setup_descriptor(0x10000, 0x7fff, 0x96, 0));
	setup_idt_put(w, X86_SS_FAULT, setup_gate(SETUP_CONFORMING32, 0x5000, 0x8e, 0));
	x86_ram_put(w, SETUP_TSS + 8, 2, SETUP_FREE);
	x86_ram_put(w, SETUP_TSS + 4, 4, 0x8013);
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.rip, 0x5000);
	assert_int_equal(slot(w, 0, 4), SETUP_FREE | 1);
}

static void stack_beyond_its_limit(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	w->cpu.seg[X86_SS].limit = SETUP_KERNEL_STACK - 5;
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.activity, X86_SHUTDOWN); /* #SS and #DF want the same stack */

	setup_long(w, 0);
	w->cpu.r[X86_RSP] = 0x800000000000;
	setup_idt_put(w, X86_SS_FAULT, setup_gate(SETUP_CS64, 0x5000, 0x8e, 1));
	x86_ram_put(w, SETUP_PML4 + 255 * 8, 8, 0);
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.activity, X86_SHUTDOWN); /* #PF, #DF on the same stack */
	setup_long(w, 0);
	w->cpu.r[X86_RSP] = 0xffff800000000010; /* first pushes above, then below */
	setup_idt_put(w, X86_SS_FAULT, setup_gate(SETUP_CS64, 0x5000, 0x8e, 1));
	x86_ram_put(w, SETUP_PML4 + 256 * 8, 8, x86_ram_get(w, SETUP_PML4, 8));
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.rip, 0x5000);
	assert_frame(w, 8, 1, SETUP_CODE, SETUP_CS64);
}

/* ---- combinations ---- */

static void unmap(struct x86_world_ram *w, uint64_t linear)
{
	x86_ram_put(w, SETUP_PT + 8 * (linear >> 12), 8, 0);
}

static void page_fault_while_pushing(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	unmap(w, SETUP_KERNEL_STACK - 8);
	setup_idt_put(w, X86_PF, setup_gate(SETUP_CS64, 0x5000, 0x8e, 1));
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.rip, 0x5000);
	assert_int_equal(w->cpu.cr2, SETUP_KERNEL_STACK - 8);
	assert_frame(w, 8, 2, SETUP_CODE, SETUP_CS64, X86_FLAG_1 | X86_RF, SETUP_KERNEL_STACK);
}

static void page_fault_on_inner_stack_is_a_supervisor_write(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 3);
	unmap(w, SETUP_KERNEL_STACK - 8);
	setup_idt_put(w, X86_PF, setup_gate(SETUP_CS64, 0x5000, 0x8e, 1));
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_SOFTWARE, 0x80), X86_OK);
	assert_int_equal(slot(w, 0, 8), 2);
	assert_int_equal(slot(w, 2, 8), SETUP_USER_CS64 | 3);
}

/* First exception, and the one that its delivery raises (a gate that is absent, an IDT page that
 * is not there), give: */
static void double_fault_table(void **state)
{
	struct x86_world_ram *w = *state;
	static const struct {
		uint8_t first, second, result;
	} rows[] = {
		{X86_UD, X86_NP, X86_NP}, {X86_NMI, X86_NP, X86_NP}, {X86_GP, X86_NP, X86_DF},
		{X86_DE, X86_NP, X86_DF}, {X86_TS, X86_NP, X86_DF},  {X86_SS_FAULT, X86_NP, X86_DF},
		{X86_PF, X86_NP, X86_DF}, {X86_AC, X86_NP, X86_NP},  {X86_GP, X86_PF, X86_PF},
		{X86_PF, X86_PF, X86_DF}, {X86_UD, X86_PF, X86_PF},
	};

	for (unsigned k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		setup_long(w, 0);
		if (rows[k].second == X86_NP)
			setup_idt_put(w, rows[k].first, setup_gate(SETUP_CS64, 0, 0x0e, 0));
		else /* its own stack, which is not mapped */
			setup_idt_put(w, rows[k].first, setup_gate(SETUP_CS64, 0, 0x8e, 2));
		x86_ram_put(w, SETUP_TSS + 44, 8, 0x100000);
		unmap(w, 0x100000 - 8);
		if (rows[k].first == rows[k].second)
			setup_idt_put(w, X86_DF, setup_gate(SETUP_CS64, HANDLER(8), 0x8e, 0));
		w->cpu.event = (struct x86_event){X86_EVENT_EXCEPTION, rows[k].first, 0, 0, 0x77};
		assert_int_equal(x86_event_deliver(&w->cpu), X86_OK);
		assert_int_equal(w->cpu.rip, HANDLER(rows[k].result));
		if (rows[k].result == X86_DF)
			assert_int_equal(slot(w, 0, 8), 0);
		assert_int_equal(slot(w, 1, 8), SETUP_CODE);
		if (rows[k].second == X86_PF)
			assert_int_equal(w->cpu.cr2, 0x100000 - 8);
	}
}

static void triple_fault_shuts_down(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 3);
	w->cpu.idt.limit = 0;
	assert_int_equal(deliver_error(w, X86_GP, 0), X86_OK);
	assert_int_equal(w->cpu.activity, X86_SHUTDOWN);
	assert_int_equal(w->cpu.event.kind, X86_EVENT_NONE);
	assert_int_equal(w->cpu.rip, SETUP_CODE);
	assert_int_equal(w->cpu.cpl, 3);
}

static void page_fault_cr2_and_error(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 3);
	x86_raise_page_fault(&w->cpu, 0x7ffff000, 6);
	assert_int_equal(w->cpu.cr2, 0);
	assert_int_equal(x86_event_deliver(&w->cpu), X86_OK);
	assert_int_equal(w->cpu.cr2, 0x7ffff000);
	assert_int_equal(slot(w, 0, 8), 6);
}

static void debug_exception_sets_dr6(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	w->cpu.dr7 |= 1 << 13;
	x86_raise(&w->cpu, X86_DB);
	w->cpu.event.address = 1 << 14;
	assert_int_equal(x86_event_deliver(&w->cpu), X86_OK);
	assert_int_equal(w->cpu.dr6, 0xffff4ff0);
	assert_int_equal(w->cpu.dr7, 0x400);
	assert_int_equal(slot(w, 2, 8), X86_FLAG_1); /* a trap: RF not set */
}

static void delivery_wakes_a_halted_cpu(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	w->cpu.activity = X86_HALTED;
	w->cpu.rflags |= X86_IF;
	w->cpu.resync = false;
	assert_true(x86_can_interrupt(&w->cpu));
	assert_int_equal(x86_interrupt(&w->cpu, X86_EVENT_EXTERNAL, 0x30), X86_OK);
	assert_int_equal(w->cpu.activity, X86_ACTIVE);
	assert_false(x86_can_interrupt(&w->cpu));
	assert_true(w->cpu.resync);
}

static void unanswered_stack_leaves_the_event(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	w->cpu.r[X86_RSP] = SETUP_MMIO + 0x100;
	w->cpu.cr2 = 0x55;
	w->waits = true;
	x86_raise_page_fault(&w->cpu, 0x1234, 2);
	assert_int_equal(x86_event_deliver(&w->cpu), X86_EXIT);
	assert_int_equal(w->cpu.event.vector, X86_PF);
	assert_int_equal(w->cpu.event.address, 0x1234);
	assert_int_equal(w->cpu.cr2, 0x55);
	assert_int_equal(w->cpu.rip, SETUP_CODE);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_MMIO + 0x100);
	/* the same when a first delivery has failed before */
	setup_idt_put(w, X86_PF, setup_gate(SETUP_CS64, 0, 0x0e, 0));
	assert_int_equal(x86_event_deliver(&w->cpu), X86_EXIT);
	assert_int_equal(w->cpu.event.vector, X86_PF);
	w->waits = false;
	assert_int_equal(x86_event_deliver(&w->cpu), X86_OK);
	assert_int_equal(w->cpu.rip, HANDLER(X86_DF));
	assert_int_equal(w->cpu.cr2, 0x1234);
	assert_int_equal(w->mmio_written.count, 6);
	assert_int_equal(w->mmio_written.gpa, SETUP_MMIO + 0x100 - 48);
}

/* ---- instructions that are interrupts ---- */

static void int_n_returns_behind_itself(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 3);
	assert_int_equal(X86_EXECUTE(w, 0xcd, 0x80), X86_JUMPED);
	assert_int_equal(w->cpu.rip, HANDLER(0x80));
	assert_frame(w, 8, SETUP_CODE + 2, SETUP_USER_CS64 | 3, X86_FLAG_1);
	setup_long(w, 3);
	assert_int_equal(X86_EXECUTE(w, 0xcc), X86_JUMPED);
	assert_int_equal(w->cpu.rip, HANDLER(X86_BP));
	assert_int_equal(slot(w, 0, 8), SETUP_CODE + 1);
}

static void int_n_checks_the_gates_dpl(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 3);
	assert_raised(w, X86_EXECUTE(w, 0xcd, 0x30), X86_GP, 0x30 * 8 + 2);
	assert_int_equal(w->cpu.rip, SETUP_CODE);
	assert_int_equal(X86_EXECUTE(w, 0xf1), X86_JUMPED); /* INT1: no such check */
	assert_int_equal(w->cpu.rip, HANDLER(X86_DB));
	assert_int_equal(w->cpu.dr6, 0xffff0ff0);
	setup_long(w, 3);
	setup_idt_put(w, 0x80, setup_gate(SETUP_CS64, 0, 0x6e, 0));
	assert_raised(w, X86_EXECUTE(w, 0xcd, 0x80), X86_NP, 0x80 * 8 + 2); /* EXT clear */
}

static void into_and_bound(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	assert_int_equal(X86_EXECUTE(w, 0xce), X86_OK);
	assert_int_equal(w->cpu.rip, SETUP_CODE + 1);
	lazy_set(&w->cpu.lazy, X86_OF_FLAG);
	assert_int_equal(X86_EXECUTE(w, 0xce), X86_JUMPED);
	assert_int_equal(w->cpu.rip, HANDLER(X86_OF));
	assert_int_equal(slot(w, 0, 4), SETUP_CODE + 2);

	x86_ram_put(w, 0x50000, 8, 0x00000005fffffffe); /* -2 .. 5 */
	for (int n = -4; n < 8; n++) {
		w->cpu.r[X86_RAX] = (uint32_t)n; /* bound eax, [0x50000] */
		if (n >= -2 && n <= 5)
			assert_int_equal(X86_EXECUTE(w, 0x62, 0x05, 0, 0, 5, 0), X86_OK);
		else
			assert_raised_plain(w, X86_EXECUTE(w, 0x62, 0x05, 0, 0, 5, 0), X86_BR);
	}
}

static void int_n_in_v86_needs_iopl_3(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	setup_idt_put(w, 0x30, setup_gate(SETUP_CS32, HANDLER(0x30), 0xee, 0));
	w->cpu.rflags |= X86_VM;
	for (unsigned seg = X86_ES; seg <= X86_GS; seg++)
		w->cpu.seg[seg] = x86_segment_v86(0);
	x86_mode_update(&w->cpu);
	assert_raised(w, X86_EXECUTE(w, 0xcd, 0x30), X86_GP, 0);
	w->cpu.rflags |= X86_IOPL;
	assert_int_equal(X86_EXECUTE(w, 0xcd, 0x30), X86_JUMPED);
	assert_int_equal(w->cpu.cpl, 0);
}

static void int_n_can_wait_for_the_world(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	w->cpu.r[X86_RSP] = SETUP_MMIO + 0x100;
	w->waits = true;
	assert_int_equal(X86_EXECUTE(w, 0xcd, 0x80), X86_EXIT);
	assert_int_equal(w->cpu.rip, SETUP_CODE);
	w->waits = false;
	assert_int_equal(X86_EXECUTE(w, 0xcd, 0x80), X86_JUMPED);
	assert_int_equal(w->cpu.rip, HANDLER(0x80));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(real_mode),
		TEST(real_mode_pushes_no_error_code),
		TEST(real_mode_table_too_short),
		TEST(legacy_same_privilege),
		TEST(legacy_inner_privilege),
		TEST(legacy_16_bit_gate),
		TEST(legacy_16_bit_tss),
		TEST(conforming_handler_keeps_the_privilege),
		TEST(from_v86),
		TEST(v86_handlers_run_at_cpl_0),
		TEST(long_same_privilege_aligns_the_stack),
		TEST(long_inner_privilege_loads_null_ss),
		TEST(long_from_compatibility_mode),
		TEST(long_ist),
		TEST(high_handler_address),
		TEST(bad_gates_legacy),
		TEST(bad_gates_long),
		TEST(bad_inner_stacks),
		TEST(expand_down_stack),
		TEST(stack_beyond_its_limit),
		TEST(page_fault_while_pushing),
		TEST(page_fault_on_inner_stack_is_a_supervisor_write),
		TEST(double_fault_table),
		TEST(triple_fault_shuts_down),
		TEST(page_fault_cr2_and_error),
		TEST(debug_exception_sets_dr6),
		TEST(delivery_wakes_a_halted_cpu),
		TEST(unanswered_stack_leaves_the_event),
		TEST(int_n_returns_behind_itself),
		TEST(int_n_checks_the_gates_dpl),
		TEST(into_and_bound),
		TEST(int_n_in_v86_needs_iopl_3),
		TEST(int_n_can_wait_for_the_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
