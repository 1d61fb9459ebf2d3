/* SPDX-License-Identifier: Apache-2.0 */
/* Far CALL, JMP, RET, IRET and the fast system calls. */
#include "core/x86/segment.h"

#include "tests/unit/cmocka_all.h"

#include "tests/support/x86_expect.h"

#define FREE	SETUP_FREE
#define POINTER 0x50000

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

static uint64_t slot(const struct x86_world_ram *w, unsigned n, unsigned size_bytes)
{
	return x86_ram_get(w, w->cpu.r[X86_RSP] + n * size_bytes, size_bytes);
}

static void put_slots(struct x86_world_ram *w, unsigned size_bytes, unsigned n,
		      const uint64_t *values)
{
	for (unsigned k = 0; k < n; k++)
		x86_ram_put(w, w->cpu.r[X86_RSP] + k * size_bytes, size_bytes, values[k]);
}

#define PUT_SLOTS(w, size, ...)                                         \
	put_slots(w, size, sizeof((const uint64_t[]){__VA_ARGS__}) / 8, \
		  (const uint64_t[]){__VA_ARGS__})

/* jmp or call selector:offset, in 32-bit code */
static enum x86_status far_direct(struct x86_world_ram *w, uint8_t opcode, uint16_t selector,
				  uint32_t offset)
{
	const uint8_t code[] = {opcode,
				(uint8_t)offset,
				(uint8_t)(offset >> 8),
				(uint8_t)(offset >> 16),
				(uint8_t)(offset >> 24),
				(uint8_t)selector,
				(uint8_t)(selector >> 8)};

	return x86_ram_execute(w, code, sizeof(code));
}

static enum x86_status jmp(struct x86_world_ram *w, uint16_t selector, uint32_t offset)
{
	return far_direct(w, 0xea, selector, offset);
}

static enum x86_status call(struct x86_world_ram *w, uint16_t selector, uint32_t offset)
{
	return far_direct(w, 0x9a, selector, offset);
}

/* jmp (modrm 2b) or call (1b) [rbx], m16:32 or m16:64 */
static enum x86_status far_memory(struct x86_world_ram *w, uint8_t modrm, unsigned size_bytes,
				  uint16_t selector, uint64_t offset)
{
	w->cpu.r[X86_RBX] = POINTER;
	x86_ram_put(w, POINTER, size_bytes, offset);
	x86_ram_put(w, POINTER + size_bytes, 2, selector);
	return size_bytes == 8 ? X86_EXECUTE(w, 0x48, 0xff, modrm) : X86_EXECUTE(w, 0xff, modrm);
}

/* ---- JMP and CALL ---- */

static void real_mode(void **state)
{
	struct x86_world_ram *w = *state;

	setup_real(w);
	w->cpu.rip = 0x10;
	w->cpu.seg[X86_SS].base = 0;
	assert_int_equal(X86_EXECUTE(w, 0x9a, 0x34, 0x12, 0x00, 0x50), X86_JUMPED);
	assert_segment(w, X86_CS, 0x5000, 0x50000, 0xffff, 0x9b);
	assert_int_equal(w->cpu.rip, 0x1234);
	assert_int_equal(slot(w, 0, 2), 0x15);
	assert_int_equal(slot(w, 1, 2), SETUP_CODE >> 4);
	assert_int_equal(X86_EXECUTE(w, 0xca, 4, 0), X86_JUMPED); /* retf 4 */
	assert_int_equal(w->cpu.rip, 0x15);
	assert_int_equal(w->cpu.seg[X86_CS].base, SETUP_CODE);
	assert_int_equal(w->cpu.r[X86_RSP], 0x8004);
	/* 32-bit offset beyond the limit */
	assert_raised(w, X86_EXECUTE(w, 0x66, 0xea, 0, 0, 1, 0, 0, 0), X86_GP, 0);
}

static void direct_same_privilege(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	assert_int_equal(jmp(w, SETUP_CS16, 0x1234), X86_JUMPED);
	assert_segment(w, X86_CS, SETUP_CS16, 0, 0xffff, 0x9b);
	assert_int_equal(w->cpu.rip, 0x1234);
	assert_int_equal(w->cpu.code_bytes, 2);
	setup_legacy32(w, 0);
	assert_int_equal(call(w, SETUP_CS16, 0x1234), X86_JUMPED);
	assert_int_equal(slot(w, 0, 4), SETUP_CODE + 7);
	assert_int_equal(slot(w, 1, 4), SETUP_CS32);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 8);
	setup_legacy32(w, 3);
	assert_int_equal(jmp(w, SETUP_CONFORMING32, 0x1234), X86_JUMPED);
	assert_int_equal(w->cpu.seg[X86_CS].selector, SETUP_CONFORMING32 | 3);
	assert_int_equal(w->cpu.cpl, 3);
}

static void direct_refused(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	assert_raised(w, jmp(w, 3, 0), X86_GP, 0);
	assert_raised(w, jmp(w, SETUP_GDT_BYTES, 0), X86_GP, SETUP_GDT_BYTES);
	assert_raised(w, jmp(w, SETUP_DS, 0), X86_GP, SETUP_DS);
	assert_raised(w, jmp(w, SETUP_CS32 | 1, 0), X86_GP, SETUP_CS32);
	assert_raised(w, jmp(w, SETUP_USER_CS32, 0), X86_GP, SETUP_USER_CS32);
	assert_raised(w, jmp(w, SETUP_TR, 0), X86_GP, SETUP_TR);
	assert_raised(w, jmp(w, SETUP_CS16, 0x10000), X86_GP, 0);
	setup_gdt_put(w, FREE, setup_descriptor(0, 0xffff, 0x1a, 4));
	assert_raised(w, jmp(w, FREE, 0), X86_NP, FREE);
	setup_gdt_put(w, FREE, setup_gate(SETUP_TR, 0, 0x85, 0)); /* task gate */
	assert_raised(w, jmp(w, FREE, 0), X86_GP, FREE);
	assert_int_equal(w->cpu.rip, SETUP_CODE);
	setup_legacy32(w, 3);
	assert_raised(w, jmp(w, SETUP_CS32, 0), X86_GP, SETUP_CS32);
	/* the stack */
	setup_legacy32(w, 0);
	w->cpu.seg[X86_SS].limit = SETUP_KERNEL_STACK - 5;
	x86_mode_update(&w->cpu);
	assert_raised(w, call(w, SETUP_CS32, 0), X86_SS_FAULT, 0);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK);
}

static void memory_pointers_in_64_bit_mode(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 3);
	assert_int_equal(far_memory(w, 0x2b, 4, SETUP_USER_CS32 | 3, 0xfffffff0), X86_JUMPED);
	assert_int_equal(w->cpu.rip, 0xfffffff0);
	assert_int_equal(w->cpu.code_bytes, 4);
	assert_int_equal(jmp(w, SETUP_USER_CS64 | 3, 0x1000), X86_JUMPED);
	assert_true(x86_is_64(&w->cpu));
	assert_int_equal(far_memory(w, 0x2b, 8, SETUP_USER_CS64, 0x7fff12345678), X86_JUMPED);
	assert_int_equal(w->cpu.rip, 0x7fff12345678);
	assert_int_equal(w->cpu.seg[X86_CS].selector, SETUP_USER_CS64 | 3);
	assert_raised(w, far_memory(w, 0x2b, 8, SETUP_USER_CS64 | 3, 0x800000000000), X86_GP, 0);
	setup_long(w, 0);
	assert_int_equal(far_memory(w, 0x1b, 8, SETUP_CS64, 0xffff800000000000), X86_JUMPED);
	assert_int_equal(slot(w, 0, 8), SETUP_CODE + 3);
	assert_int_equal(slot(w, 1, 8), SETUP_CS64);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 16);
	setup_long(w, 0);
	setup_gdt_put(w, FREE, setup_descriptor(0, 0xffff, 0x9a, 6)); /* L and D */
	assert_raised(w, far_memory(w, 0x2b, 4, FREE, 0), X86_GP, FREE);
	assert_raised_plain(w, jmp(w, SETUP_CS64, 0), X86_UD);
}

/* ---- call gates ---- */

static void gate_to_inner_copies_parameters(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	setup_gdt_put(w, FREE, setup_gate(SETUP_CS32, 0x12345678, 0xec, 3));
	PUT_SLOTS(w, 4, 0x11, 0x22, 0x33, 0x44);
	assert_int_equal(call(w, FREE | 3, 0x999), X86_JUMPED);
	assert_int_equal(w->cpu.cpl, 0);
	assert_int_equal(w->cpu.rip, 0x12345678);
	assert_int_equal(w->cpu.seg[X86_CS].selector, SETUP_CS32);
	assert_int_equal(w->cpu.seg[X86_SS].selector, SETUP_DS);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 28);
	assert_int_equal(slot(w, 0, 4), SETUP_CODE + 7);
	assert_int_equal(slot(w, 1, 4), SETUP_USER_CS32 | 3);
	assert_int_equal(slot(w, 2, 4), 0x11);
	assert_int_equal(slot(w, 4, 4), 0x33);
	assert_int_equal(slot(w, 5, 4), SETUP_USER_STACK);
	assert_int_equal(slot(w, 6, 4), SETUP_USER_DS | 3);

	w->cpu.seg[X86_DS] = w->cpu.seg[X86_SS];		   /* may not stay */
	assert_int_equal(X86_EXECUTE(w, 0xca, 12, 0), X86_JUMPED); /* retf 12 */
	assert_int_equal(w->cpu.cpl, 3);
	assert_int_equal(w->cpu.rip, SETUP_CODE + 7);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_USER_STACK + 12);
	assert_segment(w, X86_DS, 0, 0, 0, X86_SEG_UNUSABLE);
	assert_int_equal(w->cpu.seg[X86_ES].selector, SETUP_USER_DS | 3);
}

static void gate_16_bit(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	setup_gdt_put(w, FREE, setup_gate(SETUP_CS32, 0x12345678, 0xe4, 1));
	PUT_SLOTS(w, 2, 0x1111);
	assert_int_equal(call(w, FREE | 3, 0), X86_JUMPED);
	assert_int_equal(w->cpu.rip, 0x5678);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 10);
	assert_int_equal(slot(w, 2, 2), 0x1111);
}

static void gate_same_privilege_and_jmp(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	setup_gdt_put(w, FREE, setup_gate(SETUP_CS32, 0x5000, 0x8c, 9));
	assert_int_equal(call(w, FREE, 0), X86_JUMPED);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 8);
	assert_int_equal(jmp(w, FREE, 0), X86_JUMPED);
	assert_int_equal(w->cpu.rip, 0x5000);
	setup_legacy32(w, 3);
	setup_gdt_put(w, FREE, setup_gate(SETUP_CS32, 0x5000, 0xec, 0));
	assert_raised(w, jmp(w, FREE | 3, 0), X86_GP, SETUP_CS32);
	setup_gdt_put(w, FREE, setup_gate(SETUP_CONFORMING32, 0x5000, 0xec, 0));
	assert_int_equal(jmp(w, FREE | 3, 0), X86_JUMPED);
	assert_int_equal(w->cpu.cpl, 3);
}

static void gate_refused(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	setup_gdt_put(w, FREE, setup_gate(SETUP_CS32, 0, 0x8c, 0));
	assert_raised(w, call(w, FREE | 3, 0), X86_GP, FREE); /* DPL 0 */
	setup_gdt_put(w, FREE, setup_gate(SETUP_CS32, 0, 0x6c, 0));
	assert_raised(w, call(w, FREE | 3, 0), X86_NP, FREE);
	setup_gdt_put(w, FREE, setup_gate(0, 0, 0xec, 0));
	assert_raised(w, call(w, FREE | 3, 0), X86_GP, 0);
	setup_gdt_put(w, FREE, setup_gate(SETUP_DS, 0, 0xec, 0));
	assert_raised(w, call(w, FREE | 3, 0), X86_GP, SETUP_DS);
	setup_gdt_put(w, FREE, setup_gate(SETUP_CS32, 0, 0xec, 0));
	x86_ram_put(w, SETUP_TSS + 8, 2, 0);
	assert_raised(w, call(w, FREE | 3, 0), X86_TS, 0);
	w->cpu.seg[X86_TR].limit = 8;
	assert_raised(w, call(w, FREE | 3, 0), X86_TS, SETUP_TR);
}

static void gate_in_long_mode(void **state)
{
	struct x86_world_ram *w = *state;

	setup_compat(w, 3);
	setup_gdt_put(w, FREE, setup_gate(SETUP_CS64, 0x5000, 0xec, 5));
	setup_gdt_put(w, FREE + 8, 0xffff8000);
	assert_int_equal(call(w, FREE | 3, 0), X86_JUMPED);
	assert_true(x86_is_64(&w->cpu));
	assert_int_equal(w->cpu.rip, 0xffff800000005000);
	assert_segment(w, X86_SS, 0, 0, 0, X86_SEG_UNUSABLE);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK - 32);
	assert_int_equal(slot(w, 0, 8), SETUP_CODE + 7);
	assert_int_equal(slot(w, 1, 8), SETUP_USER_CS32 | 3);
	assert_int_equal(slot(w, 2, 8), SETUP_USER_STACK);
	assert_int_equal(slot(w, 3, 8), SETUP_USER_DS | 3);
	assert_int_equal(X86_EXECUTE(w, 0x48, 0xcb), X86_JUMPED); /* 64-bit retf */
	assert_int_equal(w->cpu.cpl, 3);
	assert_int_equal(w->cpu.code_bytes, 4);
	assert_int_equal(w->cpu.rip, SETUP_CODE + 7);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_USER_STACK);

	setup_gdt_put(w, FREE + 8, 1ull << 40);
	assert_raised(w, call(w, FREE | 3, 0), X86_GP, FREE);
	setup_gdt_put(w, FREE + 8, 0);
	setup_gdt_put(w, FREE, setup_gate(SETUP_CS32, 0x5000, 0xec, 0));
	assert_raised(w, call(w, FREE | 3, 0), X86_GP, SETUP_CS32);
	setup_gdt_put(w, FREE, setup_gate(SETUP_CS64, 0x5000, 0xe4, 0));
	assert_raised(w, call(w, FREE | 3, 0), X86_GP, FREE); /* 16-bit gate */
}

/* ---- RETF ---- */

static void retf_refused(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	PUT_SLOTS(w, 4, 0x1000, 0);
	assert_raised(w, X86_EXECUTE(w, 0xcb), X86_GP, 0);
	PUT_SLOTS(w, 4, 0x1000, SETUP_DS);
	assert_raised(w, X86_EXECUTE(w, 0xcb), X86_GP, SETUP_DS);
	PUT_SLOTS(w, 4, 0x1000, SETUP_USER_CS32); /* RPL 0, DPL 3 */
	assert_raised(w, X86_EXECUTE(w, 0xcb), X86_GP, SETUP_USER_CS32);
	PUT_SLOTS(w, 4, 0x10000, SETUP_CS16);
	assert_raised(w, X86_EXECUTE(w, 0xcb), X86_GP, 0);
	PUT_SLOTS(w, 4, 0x1000, SETUP_USER_CS32 | 3, 0x7000, 0);
	assert_raised(w, X86_EXECUTE(w, 0xcb), X86_GP, 0);
	PUT_SLOTS(w, 4, 0x1000, SETUP_USER_CS32 | 3, 0x7000, SETUP_DS | 3);
	assert_raised(w, X86_EXECUTE(w, 0xcb), X86_GP, SETUP_DS);
	setup_gdt_put(w, FREE, setup_descriptor(0, 0xffff, 0x72, 0));
	PUT_SLOTS(w, 4, 0x1000, SETUP_USER_CS32 | 3, 0x7000, FREE | 3);
	assert_raised(w, X86_EXECUTE(w, 0xcb), X86_SS_FAULT, FREE);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK);
	w->cpu.seg[X86_SS].limit = SETUP_KERNEL_STACK + 6;
	x86_mode_update(&w->cpu);
	assert_raised(w, X86_EXECUTE(w, 0xcb), X86_SS_FAULT, 0);
	setup_legacy32(w, 3);
	PUT_SLOTS(w, 4, 0x1000, SETUP_CS32); /* inwards */
	assert_raised(w, X86_EXECUTE(w, 0xcb), X86_GP, SETUP_CS32);
}

/* ---- IRET ---- */

#define ALL_FLAGS 0x3f7fd7u

static void iret_real_mode(void **state)
{
	struct x86_world_ram *w = *state;

	setup_real(w);
	w->cpu.seg[X86_SS].base = 0;
	w->cpu.nmi_blocked = 1;
	PUT_SLOTS(w, 2, 0x1234, 0x5000, 0xffff);
	assert_int_equal(X86_EXECUTE(w, 0xcf), X86_JUMPED);
	assert_int_equal(w->cpu.rip, 0x1234);
	assert_int_equal(w->cpu.seg[X86_CS].base, 0x50000);
	assert_int_equal(w->cpu.rflags | lazy_get(&w->cpu.lazy), 0x7fd7);
	assert_int_equal(w->cpu.nmi_blocked, 0);
	setup_real(w);
	w->cpu.seg[X86_SS].base = 0;
	PUT_SLOTS(w, 4, 0x1234, 0x5000, ~0ull);
	assert_int_equal(X86_EXECUTE(w, 0x66, 0xcf), X86_JUMPED);
	assert_int_equal(w->cpu.rflags | lazy_get(&w->cpu.lazy), 0x257fd7);
}

static void iret_outer(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	PUT_SLOTS(w, 4, 0x1234, SETUP_USER_CS32 | 3, ALL_FLAGS & ~(uint64_t)X86_VM, 0x7000,
		  SETUP_USER_DS | 3);
	assert_int_equal(X86_EXECUTE(w, 0xcf), X86_JUMPED);
	assert_int_equal(w->cpu.cpl, 3);
	assert_int_equal(w->cpu.rip, 0x1234);
	assert_int_equal(w->cpu.r[X86_RSP], 0x7000);
	assert_int_equal(w->cpu.rflags | lazy_get(&w->cpu.lazy), ALL_FLAGS & ~X86_VM);
	assert_segment(w, X86_DS, 0, 0, 0, X86_SEG_UNUSABLE);
	assert_segment(w, X86_SS, SETUP_USER_DS | 3, 0, 0xffffffff, 0xc0f3);
}

static void iret_same_privilege_flags(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3); /* IOPL 0: neither IF nor IOPL move */
	PUT_SLOTS(w, 4, 0x1234, SETUP_USER_CS32 | 3, ALL_FLAGS);
	assert_int_equal(X86_EXECUTE(w, 0xcf), X86_JUMPED);
	assert_int_equal(w->cpu.rflags | lazy_get(&w->cpu.lazy), 0x254dd7);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_USER_STACK + 12);
	setup_legacy32(w, 3);
	w->cpu.rflags |= X86_IOPL;
	PUT_SLOTS(w, 4, 0x1234, SETUP_USER_CS32 | 3, X86_IF);
	assert_int_equal(X86_EXECUTE(w, 0xcf), X86_JUMPED);
	assert_int_equal(w->cpu.rflags, X86_FLAG_1 | X86_IOPL | X86_IF);
	/* NT: task return, not modelled */
	setup_legacy32(w, 0);
	w->cpu.rflags |= X86_NT;
	assert_raised(w, X86_EXECUTE(w, 0xcf), X86_GP, 0);
}

static void iret_to_16_bit_stack_keeps_high_bits(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	setup_gdt_put(w, FREE, setup_descriptor(0, 0xffff, 0xf2, 0));
	x86_ram_put(w, SETUP_PML4 + 256 * 8, 8, x86_ram_get(w, SETUP_PML4, 8));
	PUT_SLOTS(w, 8, 0x1234, SETUP_USER_CS32 | 3, 0x202, 0x9abc, FREE | 3);
	w->cpu.r[X86_RSP] = 0xffff800000000000 | SETUP_KERNEL_STACK;
	assert_int_equal(X86_EXECUTE(w, 0x48, 0xcf), X86_JUMPED);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_KERNEL_STACK | 0x9abc);
}

static void iret_64_bit_always_pops_the_stack(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	PUT_SLOTS(w, 8, 0xffff800000001234, SETUP_CS64, 0x246 | X86_VM, 0xffff800000005678, 0);
	assert_int_equal(X86_EXECUTE(w, 0x48, 0xcf), X86_JUMPED);
	assert_int_equal(w->cpu.rip, 0xffff800000001234);
	assert_int_equal(w->cpu.r[X86_RSP], 0xffff800000005678);
	assert_segment(w, X86_SS, 0, 0, 0, X86_SEG_UNUSABLE);
	assert_int_equal(w->cpu.rflags | lazy_get(&w->cpu.lazy), 0x246);

	setup_long(w, 0); /* to 64-bit user code, FS with a base of its own stays */
	w->cpu.seg[X86_FS] = (struct x86_segment){0x123456789000, 0, 0, X86_SEG_UNUSABLE};
	PUT_SLOTS(w, 8, 0x1234, SETUP_USER_CS64 | 3, 0x202, 0x7000, SETUP_USER_DS | 3);
	assert_int_equal(X86_EXECUTE(w, 0x48, 0xcf), X86_JUMPED);
	assert_int_equal(w->cpu.cpl, 3);
	assert_int_equal(w->cpu.seg[X86_FS].base, 0x123456789000);
	assert_segment(w, X86_DS, 0, 0, 0, X86_SEG_UNUSABLE);
}

static void iret_64_bit_refused(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	w->cpu.nmi_blocked = 1;
	PUT_SLOTS(w, 8, 0x800000000000, SETUP_CS64, 0x202, 0x7000, 0);
	assert_raised(w, X86_EXECUTE(w, 0x48, 0xcf), X86_GP, 0);
	assert_int_equal(w->cpu.nmi_blocked, 0);
	PUT_SLOTS(w, 8, 0x1000, SETUP_USER_CS64 | 3, 0x202, 0x7000, 3);
	assert_raised(w, X86_EXECUTE(w, 0x48, 0xcf), X86_GP, 0); /* null SS at CPL 3 */
	PUT_SLOTS(w, 8, 0x1000, SETUP_CS32, 0x202, 0x7000, 0);
	assert_raised(w, X86_EXECUTE(w, 0x48, 0xcf), X86_GP, 0); /* or under 32-bit code */
	w->cpu.rflags |= X86_NT;
	PUT_SLOTS(w, 8, 0x1000, SETUP_CS64, 0x202, 0x7000, 0);
	assert_raised(w, X86_EXECUTE(w, 0x48, 0xcf), X86_GP, 0);
	assert_int_equal(w->cpu.rip, SETUP_CODE);
}

static void iret_to_v86_and_inside(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	PUT_SLOTS(w, 4, 0x1234, 0x5000, X86_VM | X86_IF | 2, 0x8000, 0x6000, 1, 2, 3, 4);
	assert_int_equal(X86_EXECUTE(w, 0xcf), X86_JUMPED);
	assert_int_equal(w->cpu.cpl, 3);
	assert_true(x86_is_real(&w->cpu));
	assert_segment(w, X86_CS, 0x5000, 0x50000, 0xffff, 0xf3);
	assert_segment(w, X86_SS, 0x6000, 0x60000, 0xffff, 0xf3);
	assert_segment(w, X86_ES, 1, 0x10, 0xffff, 0xf3);
	assert_segment(w, X86_GS, 4, 0x40, 0xffff, 0xf3);
	assert_int_equal(w->cpu.r[X86_RSP], 0x8000);
	assert_raised(w, X86_EXECUTE(w, 0xcf), X86_GP, 0); /* IOPL 0 */

	w->cpu.rflags |= X86_IOPL | X86_NT;
	x86_ram_put(w, 0x68000, 2, 0x4321);
	x86_ram_put(w, 0x68002, 2, 0x7000);
	x86_ram_put(w, 0x68004, 2, 0);
	assert_int_equal(X86_EXECUTE(w, 0xcf), X86_JUMPED);
	assert_segment(w, X86_CS, 0x7000, 0x70000, 0xffff, 0xf3);
	assert_int_equal(w->cpu.rip, 0x4321);
	assert_int_equal(w->cpu.rflags, X86_FLAG_1 | X86_VM | X86_IOPL);
	/* CPL 3 cannot enter it */
	setup_legacy32(w, 3);
	PUT_SLOTS(w, 4, 0x1234, SETUP_USER_CS32 | 3, X86_VM | 2, 0x8000, 0x6000, 1, 2, 3, 4);
	assert_int_equal(X86_EXECUTE(w, 0xcf), X86_JUMPED);
	assert_false(x86_is_real(&w->cpu));
}

/* ---- SYSCALL and the like ---- */

#define STAR ((uint64_t)(SETUP_USER_CS32 | 3) << 48 | (uint64_t)SETUP_CS64 << 32)

static void syscall_and_sysret(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 3);
	w->cpu.msr.star = STAR;
	w->cpu.msr.lstar = 0xffff800000001000;
	w->cpu.msr.sfmask = X86_IF | X86_CF;
	w->cpu.rflags |= X86_IF;
	lazy_set(&w->cpu.lazy, X86_CF | X86_ZF);
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0x05), X86_JUMPED);
	assert_int_equal(w->cpu.rip, 0xffff800000001000);
	assert_int_equal(w->cpu.r[X86_RCX], SETUP_CODE + 2);
	assert_int_equal(w->cpu.r[X86_R11], X86_FLAG_1 | X86_IF | X86_CF | X86_ZF);
	assert_int_equal(w->cpu.rflags | lazy_get(&w->cpu.lazy), X86_FLAG_1 | X86_ZF);
	assert_segment(w, X86_CS, SETUP_CS64, 0, 0xffffffff, 0xa09b);
	assert_segment(w, X86_SS, SETUP_DS, 0, 0xffffffff, 0xc093);
	assert_int_equal(w->cpu.cpl, 0);

	w->cpu.r[X86_R11] = ~0ull;
	assert_int_equal(X86_EXECUTE(w, 0x48, 0x0f, 0x07), X86_JUMPED);
	assert_int_equal(w->cpu.rip, SETUP_CODE + 2);
	assert_segment(w, X86_CS, SETUP_USER_CS64 | 3, 0, 0xffffffff, 0xa0fb);
	assert_segment(w, X86_SS, SETUP_USER_DS | 3, 0, 0xffffffff, 0xc0f3);
	assert_int_equal(w->cpu.rflags | lazy_get(&w->cpu.lazy), 0x3c7fd7);
	assert_int_equal(w->cpu.cpl, 3);

	setup_long(w, 0);
	w->cpu.msr.star = STAR;
	w->cpu.r[X86_RCX] = 0x1234567890;
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0x07), X86_JUMPED); /* to 32-bit code */
	assert_int_equal(w->cpu.rip, 0x34567890);
	assert_segment(w, X86_CS, SETUP_USER_CS32 | 3, 0, 0xffffffff, 0xc0fb);
	assert_int_equal(w->cpu.code_bytes, 4);
}

static void syscall_refused(void **state)
{
	struct x86_world_ram *w = *state;

	setup_compat(w, 3);
	assert_raised_plain(w, X86_EXECUTE(w, 0x0f, 0x05), X86_UD);
	setup_long(w, 0);
	w->cpu.r[X86_RCX] = 0x800000000000;
	assert_raised(w, X86_EXECUTE(w, 0x48, 0x0f, 0x07), X86_GP, 0);
	assert_int_equal(w->cpu.cpl, 0);
	w->cpu.efer &= ~(uint64_t)EFER_SCE;
	assert_raised_plain(w, X86_EXECUTE(w, 0x0f, 0x05), X86_UD);
	assert_raised_plain(w, X86_EXECUTE(w, 0x0f, 0x07), X86_UD);
	setup_long(w, 3);
	assert_raised(w, X86_EXECUTE(w, 0x0f, 0x07), X86_GP, 0);
}

static void set_sysenter(struct x86_world_ram *w)
{
	w->cpu.msr.sysenter_cs = 0x100;
	w->cpu.msr.sysenter_esp = 0xffff800000009000;
	w->cpu.msr.sysenter_eip = 0xffff800000001000;
}

static void sysenter_and_sysexit(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 3);
	assert_raised(w, X86_EXECUTE(w, 0x0f, 0x34), X86_GP, 0);
	set_sysenter(w);
	w->cpu.rflags |= X86_IF;
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0x34), X86_JUMPED);
	assert_int_equal(w->cpu.rip, 0x1000);
	assert_int_equal(w->cpu.r[X86_RSP], 0x9000);
	assert_segment(w, X86_CS, 0x100, 0, 0xffffffff, 0xc09b);
	assert_segment(w, X86_SS, 0x108, 0, 0xffffffff, 0xc093);
	assert_int_equal(w->cpu.rflags, X86_FLAG_1);
	w->cpu.r[X86_RCX] = 0x7000;
	w->cpu.r[X86_RDX] = 0x1234;
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0x35), X86_JUMPED);
	assert_segment(w, X86_CS, 0x113, 0, 0xffffffff, 0xc0fb);
	assert_segment(w, X86_SS, 0x11b, 0, 0xffffffff, 0xc0f3);
	assert_int_equal(w->cpu.r[X86_RSP], 0x7000);
	assert_int_equal(w->cpu.rip, 0x1234);
	assert_raised(w, X86_EXECUTE(w, 0x0f, 0x35), X86_GP, 0);

	setup_long(w, 3);
	set_sysenter(w);
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0x34), X86_JUMPED);
	assert_int_equal(w->cpu.rip, 0xffff800000001000);
	assert_int_equal(w->cpu.r[X86_RSP], 0xffff800000009000);
	assert_segment(w, X86_CS, 0x100, 0, 0xffffffff, 0xa09b);
	w->cpu.r[X86_RCX] = 0x800000000000;
	assert_raised(w, X86_EXECUTE(w, 0x48, 0x0f, 0x35), X86_GP, 0);
	w->cpu.r[X86_RCX] = 0x7fff00000000;
	w->cpu.r[X86_RDX] = 0x7ffe00000000;
	assert_int_equal(X86_EXECUTE(w, 0x48, 0x0f, 0x35), X86_JUMPED);
	assert_segment(w, X86_CS, 0x123, 0, 0xffffffff, 0xa0fb);
	assert_int_equal(w->cpu.rip, 0x7ffe00000000);
	setup_real(w);
	assert_raised(w, X86_EXECUTE(w, 0x0f, 0x34), X86_GP, 0);
}

static void returns_wait_for_the_world(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	w->cpu.nmi_blocked = 1;
	w->cpu.r[X86_RSP] = SETUP_MMIO;
	w->waits = true;
	assert_int_equal(X86_EXECUTE(w, 0x48, 0xcf), X86_EXIT);
	assert_int_equal(w->cpu.nmi_blocked, 1);
	assert_int_equal(X86_EXECUTE(w, 0x48, 0xcb), X86_EXIT);
	assert_int_equal(w->cpu.r[X86_RSP], SETUP_MMIO);
	assert_int_equal(w->cpu.rip, SETUP_CODE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(real_mode),
		TEST(direct_same_privilege),
		TEST(direct_refused),
		TEST(memory_pointers_in_64_bit_mode),
		TEST(gate_to_inner_copies_parameters),
		TEST(gate_16_bit),
		TEST(gate_same_privilege_and_jmp),
		TEST(gate_refused),
		TEST(gate_in_long_mode),
		TEST(retf_refused),
		TEST(iret_real_mode),
		TEST(iret_outer),
		TEST(iret_same_privilege_flags),
		TEST(iret_to_16_bit_stack_keeps_high_bits),
		TEST(iret_64_bit_always_pops_the_stack),
		TEST(iret_64_bit_refused),
		TEST(iret_to_v86_and_inside),
		TEST(syscall_and_sysret),
		TEST(syscall_refused),
		TEST(sysenter_and_sysexit),
		TEST(returns_wait_for_the_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
