/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/segment.h"

#include "tests/unit/cmocka_all.h"

#include "tests/support/x86_expect.h"

#define FREE SETUP_FREE

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

/* mov ds, ax */
static enum x86_status mov_ds(struct x86_world_ram *w, uint16_t selector)
{
	w->cpu.r[X86_RAX] = selector;
	return X86_EXECUTE(w, 0x8e, 0xd8);
}

static enum x86_status mov_ss(struct x86_world_ram *w, uint16_t selector)
{
	w->cpu.r[X86_RAX] = selector;
	return X86_EXECUTE(w, 0x8e, 0xd0);
}

static enum x86_status mov_fs(struct x86_world_ram *w, uint16_t selector)
{
	w->cpu.r[X86_RAX] = selector;
	return X86_EXECUTE(w, 0x8e, 0xe0);
}

static void data_segment_is_unpacked_and_marked(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	setup_gdt_put(w, FREE, setup_descriptor(0x12345678, 0x9abcd, 0x92, 0x4));
	assert_int_equal(mov_ds(w, FREE), X86_OK);
	assert_segment(w, X86_DS, FREE, 0x12345678, 0x9abcd, 0x4093);
	assert_int_equal(setup_gdt_get(w, FREE) >> 40 & 0xff, 0x93);
	assert_int_equal(w->cpu.rip, SETUP_CODE + 2);

	setup_gdt_put(w, FREE, setup_descriptor(0, 0xffffffff, 0x92, 0x9));
	assert_int_equal(mov_ds(w, FREE), X86_OK);
	assert_segment(w, X86_DS, FREE, 0, 0xffffffff, 0x9093);
}

static void accessed_bit_is_written_only_when_clear(void **state)
{
	struct x86_world_ram *w = *state;
	uint64_t pte;

	setup_long(w, 0);
	setup_gdt_put(w, FREE, setup_descriptor(0, 0, 0x93, 0));
	pte = x86_ram_get(w, SETUP_PT + 8 * (SETUP_GDT >> 12), 8);
	x86_ram_put(w, SETUP_PT + 8 * (SETUP_GDT >> 12), 8, pte & ~2ull);
	assert_int_equal(mov_ds(w, FREE), X86_OK);
	assert_raised(w, mov_ds(w, SETUP_USER_DS), X86_PF, 3);
	assert_int_equal(w->cpu.event.address, SETUP_GDT + SETUP_USER_DS + 5);
	assert_int_equal(w->cpu.seg[X86_DS].selector, FREE);
}

static void data_segment_checks(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	assert_raised(w, mov_ds(w, SETUP_GDT_BYTES | 3), X86_GP, SETUP_GDT_BYTES);
	assert_raised(w, mov_ds(w, SETUP_DS | 3), X86_GP, SETUP_DS);
	assert_raised(w, mov_ds(w, SETUP_TR), X86_GP, SETUP_TR);
	assert_raised(w, mov_ds(w, SETUP_CS32), X86_GP, SETUP_CS32);
	assert_int_equal(mov_ds(w, SETUP_CONFORMING32 | 3), X86_OK);
	setup_gdt_put(w, FREE, setup_descriptor(0, 0, 0xf8, 0)); /* code, not readable */
	assert_raised(w, mov_ds(w, FREE), X86_GP, FREE);
	setup_gdt_put(w, FREE, setup_descriptor(0, 0, 0x72, 0)); /* absent */
	assert_raised(w, mov_ds(w, FREE | 3), X86_NP, FREE);
	assert_raised(w, mov_ds(w, FREE | 7), X86_GP, FREE | 4); /* empty LDT slot */
	x86_ram_put(w, SETUP_LDT + 8, 8, setup_descriptor(0x1000, 7, 0xf0, 0));
	assert_int_equal(mov_ds(w, 0xf), X86_OK);
	assert_segment(w, X86_DS, 0xf, 0x1000, 7, 0xf1);
	w->cpu.seg[X86_LDTR].attr = X86_SEG_UNUSABLE;
	assert_raised(w, mov_ds(w, 0xf), X86_GP, 0xc);

	setup_legacy32(w, 0); /* RPL counts too */
	assert_raised(w, mov_ds(w, SETUP_DS | 1), X86_GP, SETUP_DS);
	assert_int_equal(mov_ds(w, SETUP_USER_DS | 3), X86_OK);
}

static void limit_of_table_counts_whole_descriptors(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	w->cpu.gdt.limit = SETUP_DS + 7;
	assert_int_equal(mov_ds(w, SETUP_DS), X86_OK);
	w->cpu.gdt.limit = SETUP_DS + 6;
	assert_raised(w, mov_ds(w, SETUP_DS), X86_GP, SETUP_DS);
}

static void null_in_data_segments(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	for (unsigned selector = 0; selector < 4; selector++) {
		assert_int_equal(mov_ds(w, (uint16_t)selector), X86_OK);
		assert_segment(w, X86_DS, selector, 0, 0, X86_SEG_UNUSABLE);
	}
	/* mov eax, [0] through it */
	assert_raised(w, X86_EXECUTE(w, 0xa1, 0, 0, 0, 0), X86_GP, 0);
}

static void stack_segment_checks(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	assert_raised(w, mov_ss(w, 0), X86_GP, 0);
	assert_raised(w, mov_ss(w, SETUP_DS | 3), X86_GP, SETUP_DS);
	assert_raised(w, mov_ss(w, SETUP_USER_DS), X86_GP, SETUP_USER_DS);
	assert_raised(w, mov_ss(w, SETUP_CS32), X86_GP, SETUP_CS32);
	assert_raised(w, mov_ss(w, SETUP_GDT_BYTES), X86_GP, SETUP_GDT_BYTES);
	setup_gdt_put(w, FREE, setup_descriptor(0, 0xff, 0x90, 0)); /* read-only */
	assert_raised(w, mov_ss(w, FREE), X86_GP, FREE);
	setup_gdt_put(w, FREE, setup_descriptor(0, 0xff, 0x12, 0)); /* absent */
	assert_raised(w, mov_ss(w, FREE), X86_SS_FAULT, FREE);
	assert_int_equal(w->cpu.stack_bytes, 4);
	assert_int_equal(mov_ss(w, SETUP_DS16), X86_OK);
	assert_int_equal(w->cpu.stack_bytes, 2);
	assert_int_equal(w->cpu.shadow, X86_SHADOW_MOV_SS);
	assert_int_equal(mov_ds(w, SETUP_DS), X86_OK);
	assert_int_equal(w->cpu.shadow, 0);
}

static void null_stack_segment_in_64_bit_mode(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	assert_int_equal(mov_ss(w, 0), X86_OK);
	assert_segment(w, X86_SS, 0, 0, 0, X86_SEG_UNUSABLE);
	assert_int_equal(w->cpu.cpl, 0);
	assert_raised(w, mov_ss(w, 1), X86_GP, 0);
	setup_long(w, 3);
	assert_raised(w, mov_ss(w, 3), X86_GP, 0);
	setup_compat(w, 0);
	assert_raised(w, mov_ss(w, 0), X86_GP, 0);
}

static void fs_base_in_64_bit_mode(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	setup_gdt_put(w, FREE, setup_descriptor(0xfedcba98, 0xff, 0x92, 0));
	w->cpu.seg[X86_FS].base = 0x123456789abc;
	assert_int_equal(mov_fs(w, FREE), X86_OK);
	assert_segment(w, X86_FS, FREE, 0xfedcba98, 0xff, 0x93);
	assert_int_equal(mov_fs(w, 0), X86_OK);
	assert_segment(w, X86_FS, 0, 0, 0, X86_SEG_UNUSABLE);
}

static void tables_beyond_4_gib(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	w->cpu.gdt.base = 0x00007ffffffffff8; /* its second slot is not canonical */
	assert_raised(w, mov_ds(w, 8), X86_GP, 8);
	w->cpu.gdt.base = 0x8000000000;
	assert_raised(w, mov_ds(w, SETUP_DS), X86_PF, 0);
	assert_int_equal(w->cpu.event.address, 0x8000000000 + SETUP_DS);
	setup_long(w, 3);
	w->cpu.gdt.base = 0x8000000000;
	assert_raised(w, mov_ds(w, SETUP_DS), X86_PF, 0); /* on the system's behalf: not U */
}

static void real_mode_keeps_the_limit(void **state)
{
	struct x86_world_ram *w = *state;

	setup_real(w);
	w->cpu.seg[X86_DS].limit = 0xffffffff;
	w->cpu.seg[X86_DS].attr = 0x8093;
	assert_int_equal(mov_ds(w, 0xf00d), X86_OK);
	assert_segment(w, X86_DS, 0xf00d, 0xf00d0, 0xffffffff, 0x8093);
	w->cpu.seg[X86_DS] = (struct x86_segment){.attr = X86_SEG_UNUSABLE};
	assert_int_equal(mov_ds(w, 0x1234), X86_OK);
	assert_segment(w, X86_DS, 0x1234, 0x12340, 0xffff, 0x93);
	assert_int_equal(mov_ss(w, 0x1234), X86_OK);
	assert_int_equal(w->cpu.shadow, X86_SHADOW_MOV_SS);
}

static void v86_loads_fixed_segments(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	w->cpu.rflags |= X86_VM;
	w->cpu.seg[X86_CS].attr = w->cpu.seg[X86_SS].attr = 0xf3;
	x86_mode_update(&w->cpu);
	assert_int_equal(w->cpu.cpl, 3);
	assert_int_equal(mov_ds(w, 0xffff), X86_OK);
	assert_segment(w, X86_DS, 0xffff, 0xffff0, 0xffff, 0xf3);
}

static void mov_to_cs_is_undefined(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	assert_raised_plain(w, X86_EXECUTE(w, 0x8e, 0xc8), X86_UD);
	assert_raised_plain(w, X86_EXECUTE(w, 0x8e, 0xf0), X86_UD);
}

static void push_and_pop_segments(void **state)
{
	struct x86_world_ram *w = *state;
	uint64_t top = SETUP_KERNEL_STACK;

	setup_legacy32(w, 0);
	x86_ram_put(w, top - 4, 4, 0xaaaaaaaa);
	assert_int_equal(X86_EXECUTE(w, 0x1e), X86_OK); /* push ds */
	assert_int_equal(x86_ram_get(w, top - 4, 4), 0xaaaa0000 | SETUP_DS);
	assert_int_equal(w->cpu.r[X86_RSP], top - 4);
	assert_int_equal(X86_EXECUTE(w, 0x66, 0x0e), X86_OK); /* push cs, 16 bits */
	assert_int_equal(w->cpu.r[X86_RSP], top - 6);
	assert_int_equal(x86_ram_get(w, top - 6, 2), SETUP_CS32);
	assert_int_equal(X86_EXECUTE(w, 0x66, 0x07), X86_OK); /* pop es */
	assert_int_equal(w->cpu.seg[X86_ES].selector, SETUP_CS32);
	assert_int_equal(X86_EXECUTE(w, 0x17), X86_OK); /* pop ss */
	assert_int_equal(w->cpu.shadow, X86_SHADOW_MOV_SS);
	assert_int_equal(w->cpu.r[X86_RSP], top);
	w->cpu.r[X86_RSP] = top - 4;
	x86_ram_put(w, top - 4, 4, SETUP_TR);
	assert_raised(w, X86_EXECUTE(w, 0x1f), X86_GP, SETUP_TR); /* pop ds */
	assert_int_equal(w->cpu.r[X86_RSP], top - 4);

	setup_long(w, 0);
	x86_ram_put(w, top - 8, 8, ~0ull);
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0xa8), X86_OK); /* push gs */
	assert_int_equal(x86_ram_get(w, top - 8, 8), SETUP_DS);
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0xa1), X86_OK); /* pop fs */
	assert_int_equal(w->cpu.r[X86_RSP], top);
	assert_raised_plain(w, X86_EXECUTE(w, 0x1e), X86_UD);
}

static void far_pointers_load_both_or_none(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	x86_ram_put(w, 0x50000, 8, (uint64_t)SETUP_USER_DS << 32 | 0x12345678);
	/* les ecx, [0x50000] */
	assert_int_equal(X86_EXECUTE(w, 0xc4, 0x0d, 0, 0, 5, 0), X86_OK);
	assert_int_equal(w->cpu.r[X86_RCX], 0x12345678);
	assert_int_equal(w->cpu.seg[X86_ES].selector, SETUP_USER_DS);
	x86_ram_put(w, 0x50000, 8, (uint64_t)SETUP_TR << 32);
	assert_raised(w, X86_EXECUTE(w, 0xc5, 0x0d, 0, 0, 5, 0), X86_GP, SETUP_TR);
	assert_int_equal(w->cpu.r[X86_RCX], 0x12345678);
	/* lss sp, [0x50000] */
	x86_ram_put(w, 0x50000, 4, (uint64_t)SETUP_DS16 << 16 | 0x7000);
	assert_int_equal(X86_EXECUTE(w, 0x66, 0x0f, 0xb2, 0x25, 0, 0, 5, 0), X86_OK);
	assert_int_equal(w->cpu.stack_bytes, 2);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK | 0x7000);
	assert_int_equal(w->cpu.shadow, 0);

	setup_long(w, 0);
	x86_ram_put(w, 0x50000, 8, 0x1122334455667788);
	x86_ram_put(w, 0x50008, 2, SETUP_USER_DS);
	w->cpu.r[X86_RBX] = 0x50000;
	assert_int_equal(X86_EXECUTE(w, 0x48, 0x0f, 0xb4, 0x0b), X86_OK); /* lfs rcx, [rbx] */
	assert_int_equal(w->cpu.r[X86_RCX], 0x1122334455667788);
	assert_int_equal(w->cpu.seg[X86_FS].selector, SETUP_USER_DS);
}

static enum x86_status lldt(struct x86_world_ram *w, uint16_t selector)
{
	w->cpu.r[X86_RAX] = selector;
	return X86_EXECUTE(w, 0x0f, 0x00, 0xd0);
}

static enum x86_status ltr(struct x86_world_ram *w, uint16_t selector)
{
	w->cpu.r[X86_RAX] = selector;
	return X86_EXECUTE(w, 0x0f, 0x00, 0xd8);
}

static void lldt_and_ltr_legacy(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	assert_raised(w, ltr(w, 0), X86_GP, 0);
	assert_raised(w, ltr(w, SETUP_TR | 4), X86_GP, SETUP_TR | 4);
	assert_raised(w, ltr(w, SETUP_LDTR), X86_GP, SETUP_LDTR);
	assert_int_equal(ltr(w, SETUP_TR), X86_OK);
	assert_segment(w, X86_TR, SETUP_TR, SETUP_TSS, 0x67, 0x8b);
	assert_int_equal(setup_gdt_get(w, SETUP_TR) >> 40 & 0xff, 0x8b);
	assert_raised(w, ltr(w, SETUP_TR), X86_GP, SETUP_TR); /* busy */
	setup_gdt_put(w, FREE, setup_descriptor(0, 0x2b, 0x81, 0));
	assert_int_equal(ltr(w, FREE), X86_OK);
	setup_gdt_put(w, FREE, setup_descriptor(0, 0x67, 0x09, 0));
	assert_raised(w, ltr(w, FREE), X86_NP, FREE);

	assert_int_equal(lldt(w, 3), X86_OK);
	assert_segment(w, X86_LDTR, 3, 0, 0, X86_SEG_UNUSABLE);
	assert_raised(w, lldt(w, SETUP_TR), X86_GP, SETUP_TR);
	assert_int_equal(lldt(w, SETUP_LDTR), X86_OK);
	assert_segment(w, X86_LDTR, SETUP_LDTR, SETUP_LDT, 0x7f, 0x82);
	setup_legacy32(w, 3);
	assert_raised(w, ltr(w, SETUP_TR), X86_GP, 0);
	setup_real(w);
	assert_raised_plain(w, ltr(w, SETUP_TR), X86_UD);
}

static void ltr_in_long_mode_reads_16_bytes(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	setup_gdt_put(w, FREE, setup_descriptor(0x1000, 0x67, 0x89, 0));
	setup_gdt_put(w, FREE + 8, 0xffff8000);
	assert_int_equal(ltr(w, FREE), X86_OK);
	assert_segment(w, X86_TR, FREE, 0xffff800000001000, 0x67, 0x8b);
	setup_gdt_put(w, FREE, setup_descriptor(0x1000, 0x67, 0x89, 0));
	setup_gdt_put(w, FREE + 8, 0x8000); /* not canonical */
	assert_raised(w, ltr(w, FREE), X86_GP, FREE);
	setup_gdt_put(w, FREE + 8, 1ull << 40); /* type bits of the upper half */
	assert_raised(w, ltr(w, FREE), X86_GP, FREE);
	setup_gdt_put(w, FREE, setup_descriptor(0x1000, 0x2b, 0x81, 0)); /* 16-bit TSS */
	assert_raised(w, ltr(w, FREE), X86_GP, FREE);
	w->cpu.gdt.limit = SETUP_TR + 14;
	assert_raised(w, ltr(w, SETUP_TR), X86_GP, SETUP_TR);
}

static void sldt_and_str(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 3);
	w->cpu.r[X86_RAX] = ~0ull;
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0x00, 0xc8), X86_OK); /* str eax */
	assert_int_equal(w->cpu.r[X86_RAX], SETUP_TR);
	w->cpu.r[X86_RAX] = ~0ull;
	assert_int_equal(X86_EXECUTE(w, 0x66, 0x0f, 0x00, 0xc0), X86_OK); /* sldt ax */
	assert_int_equal(w->cpu.r[X86_RAX], 0xffffffffffff0000 | SETUP_LDTR);
	w->cpu.r[X86_RBX] = 0x50000;
	x86_ram_put(w, 0x50000, 4, 0);
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0x00, 0x03), X86_OK); /* sldt [rbx] */
	assert_int_equal(x86_ram_get(w, 0x50000, 4), SETUP_LDTR);
	w->cpu.cr4 |= CR4_UMIP;
	assert_raised(w, X86_EXECUTE(w, 0x0f, 0x00, 0xc8), X86_GP, 0);
}

struct question {
	uint8_t access;
	bool legacy_lar, long_lar, legacy_lsl, long_lsl;
};

/* lar or lsl ecx, eax; false when ZF is clear afterwards. */
static bool ask(struct x86_world_ram *w, uint8_t opcode, uint16_t selector)
{
	w->cpu.r[X86_RAX] = selector;
	w->cpu.r[X86_RCX] = 0xdeadbeef;
	assert_int_equal(X86_EXECUTE(w, 0x0f, opcode, 0xc8), X86_OK);
	if (!lazy_zf(&w->cpu.lazy))
		assert_int_equal(w->cpu.r[X86_RCX], 0xdeadbeef);
	return lazy_zf(&w->cpu.lazy);
}

static void lar_and_lsl_by_type(void **state)
{
	static const struct question questions[] = {
		{0x80, false, false, false, false}, {0x81, true, false, true, false},
		{0x82, true, true, true, true},	    {0x83, true, false, true, false},
		{0x84, true, false, false, false},  {0x85, true, false, false, false},
		{0x86, false, false, false, false}, {0x87, false, false, false, false},
		{0x88, false, false, false, false}, {0x89, true, true, true, true},
		{0x8a, false, false, false, false}, {0x8b, true, true, true, true},
		{0x8c, true, true, false, false},   {0x8d, false, false, false, false},
		{0x8e, false, false, false, false}, {0x8f, false, false, false, false},
		{0x90, true, true, true, true},	    {0x1f, true, true, true, true},
	};
	struct x86_world_ram *w = *state;

	for (unsigned n = 0; n < sizeof(questions) / sizeof(questions[0]); n++) {
		const struct question *q = &questions[n];

		setup_legacy32(w, 0);
		setup_gdt_put(w, FREE, setup_descriptor(0, 0xabcde, q->access, 4));
		assert_int_equal(ask(w, 2, FREE), q->legacy_lar);
		assert_int_equal(ask(w, 3, FREE), q->legacy_lsl);
		setup_long(w, 0);
		setup_gdt_put(w, FREE, setup_descriptor(0, 0xabcde, q->access, 4));
		assert_int_equal(ask(w, 2, FREE), q->long_lar);
		if (q->long_lar)
			assert_int_equal(w->cpu.r[X86_RCX], 0x004a0000u | (uint32_t)q->access << 8);
		assert_int_equal(ask(w, 3, FREE), q->long_lsl);
		if (q->long_lsl)
			assert_int_equal(w->cpu.r[X86_RCX], 0xabcde);
	}
}

static void lar_and_lsl_by_privilege(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 3);
	assert_false(ask(w, 2, 0));
	assert_false(ask(w, 2, SETUP_GDT_BYTES));
	assert_false(ask(w, 2, SETUP_DS | 3));
	assert_true(ask(w, 2, SETUP_USER_DS | 3));
	assert_true(ask(w, 2, SETUP_CONFORMING64 | 3));
	assert_true(ask(w, 3, SETUP_USER_DS | 3));
	assert_int_equal(w->cpu.r[X86_RCX], 0xffffffff);
	setup_long(w, 0);
	assert_false(ask(w, 2, SETUP_DS | 1));
	w->cpu.r[X86_RCX] = ~0ull;
	w->cpu.r[X86_RAX] = SETUP_DS;
	assert_int_equal(X86_EXECUTE(w, 0x66, 0x0f, 0x02, 0xc8), X86_OK); /* lar cx, ax */
	assert_int_equal(w->cpu.r[X86_RCX], 0xffffffffffff9200);
}

static bool verify(struct x86_world_ram *w, uint8_t modrm, uint16_t selector)
{
	w->cpu.r[X86_RAX] = selector;
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0x00, modrm), X86_OK);
	return lazy_zf(&w->cpu.lazy);
}

static void verr_and_verw(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	assert_true(verify(w, 0xe0, SETUP_USER_DS | 3));
	assert_true(verify(w, 0xe8, SETUP_USER_DS | 3));
	assert_true(verify(w, 0xe0, SETUP_USER_CS32 | 3));
	assert_false(verify(w, 0xe8, SETUP_USER_CS32 | 3));
	assert_false(verify(w, 0xe0, SETUP_DS));
	assert_true(verify(w, 0xe0, SETUP_CONFORMING32 | 3));
	assert_false(verify(w, 0xe0, 0));
	assert_false(verify(w, 0xe0, SETUP_TR));
	setup_gdt_put(w, FREE, setup_descriptor(0, 0, 0xf8, 0));
	assert_false(verify(w, 0xe0, FREE));
	setup_gdt_put(w, FREE, setup_descriptor(0, 0, 0xf0, 0));
	assert_true(verify(w, 0xe0, FREE));
	assert_false(verify(w, 0xe8, FREE));
}

static void arpl_raises_the_rpl(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	w->cpu.r[X86_RAX] = 0x10;
	w->cpu.r[X86_RCX] = 3;
	assert_int_equal(X86_EXECUTE(w, 0x63, 0xc8), X86_OK); /* arpl ax, cx */
	assert_int_equal(w->cpu.r[X86_RAX], 0x13);
	assert_true(lazy_zf(&w->cpu.lazy));
	assert_int_equal(X86_EXECUTE(w, 0x63, 0xc8), X86_OK);
	assert_int_equal(w->cpu.r[X86_RAX], 0x13);
	assert_false(lazy_zf(&w->cpu.lazy));
	setup_real(w);
	assert_raised_plain(w, X86_EXECUTE(w, 0x63, 0xc8), X86_UD);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(data_segment_is_unpacked_and_marked),
		TEST(accessed_bit_is_written_only_when_clear),
		TEST(data_segment_checks),
		TEST(limit_of_table_counts_whole_descriptors),
		TEST(null_in_data_segments),
		TEST(stack_segment_checks),
		TEST(null_stack_segment_in_64_bit_mode),
		TEST(fs_base_in_64_bit_mode),
		TEST(tables_beyond_4_gib),
		TEST(real_mode_keeps_the_limit),
		TEST(v86_loads_fixed_segments),
		TEST(mov_to_cs_is_undefined),
		TEST(push_and_pop_segments),
		TEST(far_pointers_load_both_or_none),
		TEST(lldt_and_ltr_legacy),
		TEST(ltr_in_long_mode_reads_16_bytes),
		TEST(sldt_and_str),
		TEST(lar_and_lsl_by_type),
		TEST(lar_and_lsl_by_privilege),
		TEST(verr_and_verw),
		TEST(arpl_raises_the_rpl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
