/* SPDX-License-Identifier: Apache-2.0 */
/* x87, FXSAVE and FXRSTOR: known answers for what no host process can be asked. */
#include "core/x86/fault.h"
#include "core/x86/fpu.h"
#include "core/x86/host_fp.h"
#include "core/x86/x87_transcendental.h"
#include "tests/support/x86_setup.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#define RAM_BYTES  0x200000
#define DATA	   0x70000 /* in RSI */
#define AREA	   0x72000 /* in RDI; fills a page and begins the next */
#define ONE	   ((struct x86_f80){1ull << 63, 0x3fff})
#define INDEFINITE 0xc000000000000000, 0xffff

static int setup(void **state)
{
	*state = x86_world_ram_create(RAM_BYTES);
	return 0;
}

static int teardown(void **state)
{
	x86_world_ram_destroy(*state);
	return 0;
}

/* 64-bit mode with an initialised x87, RSI and RDI as above. */
static struct x86_cpu *start(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	fpu_init(&w->cpu.fpu);
	w->cpu.r[X86_RSI] = DATA;
	w->cpu.r[X86_RDI] = AREA;
	return &w->cpu;
}

static struct x86_f80 st(const struct x86_cpu *c, unsigned n)
{
	return c->fpu.reg[(fpu_top(c) + n) & 7];
}

static void push(struct x86_cpu *c, struct x86_f80 v)
{
	unsigned top = (fpu_top(c) + 7) & 7;

	c->fpu.status = (uint16_t)((c->fpu.status & ~FSW_TOP) | top << 11);
	c->fpu.in_use |= (uint8_t)(1u << top);
	c->fpu.reg[top] = v;
}

static void assert_f80(struct x86_f80 v, uint64_t mantissa, uint16_t sign_exponent)
{
	assert_int_equal(v.mantissa, mantissa);
	assert_int_equal(v.sign_exponent, sign_exponent);
}

static void assert_fault(const struct x86_cpu *c, enum x86_status status, unsigned vector)
{
	assert_int_equal(status, X86_FAULT);
	assert_int_equal(c->event.kind, X86_EVENT_EXCEPTION);
	assert_int_equal(c->event.vector, vector);
}

/* ---- what programs do ---- */

/* The sum of two decimal numbers, as a program prints it that adds long doubles. */
static void add_decimal(struct x86_world_ram *w, const char *a, const char *b, char text[64])
{
	long double v = strtold(a, NULL);

	memcpy(w->ram + DATA, &v, 10);
	v = strtold(b, NULL);
	memcpy(w->ram + DATA + 16, &v, 10);
	assert_int_equal(X86_EXECUTE(w, 0xdb, 0x2e), X86_OK);	    /* fld m80 */
	assert_int_equal(X86_EXECUTE(w, 0xdb, 0x6e, 0x10), X86_OK); /* fld m80 */
	assert_int_equal(X86_EXECUTE(w, 0xde, 0xc1), X86_OK);	    /* faddp */
	assert_int_equal(X86_EXECUTE(w, 0xdb, 0x3e), X86_OK);	    /* fstp m80 */
	memcpy(&v, w->ram + DATA, 10);
	snprintf(text, 64, "%.17Lf", v);
}

static void long_doubles_add_as_redis_shows_them(void **state)
{
	struct x86_cpu *c = start(state);
	char text[64];

	add_decimal(*state, "10.5", "0.1", text);
	assert_string_equal(text, "10.60000000000000000");
	add_decimal(*state, "10.6", "3.0e3", text);
	assert_string_equal(text, "3010.60000000000000009");
	add_decimal(*state, "3010.60000000000000009", "-1.23456789e-7", text);
	assert_string_equal(text, "3010.59999987654321107");
	add_decimal(*state, "1.1", "2.2e10", text);
	assert_string_equal(text, "22000000001.09999999962747097");
	assert_int_equal(c->fpu.in_use, 0);
	assert_int_equal(c->fpu.status & ~FSW_C1, FSW_PE);
}

/* ---- stack faults ---- */

static void masked_stack_faults_deliver_the_indefinite(void **state)
{
	struct x86_cpu *c = start(state);

	assert_int_equal(X86_EXECUTE(*state, 0xd8, 0xc1), X86_OK); /* fadd st, st(1) */
	assert_f80(st(c, 0), INDEFINITE);
	assert_int_equal(c->fpu.status, FSW_IE | FSW_SF);
	assert_int_equal(c->fpu.in_use, 1);

	c = start(state);
	for (unsigned n = 0; n < 8; n++)
		assert_int_equal(X86_EXECUTE(*state, 0xd9, 0xe8), X86_OK); /* fld1 */
	assert_int_equal(c->fpu.status, 0);
	assert_int_equal(X86_EXECUTE(*state, 0xd9, 0xe8), X86_OK);
	assert_f80(st(c, 0), INDEFINITE);
	assert_int_equal(c->fpu.status, FSW_IE | FSW_SF | FSW_C1 | 7 << 11);

	c = start(state);
	x86_ram_put(*state, DATA, 8, 0);
	assert_int_equal(X86_EXECUTE(*state, 0xd9, 0x1e), X86_OK); /* fstp m32 */
	assert_int_equal(x86_ram_get(*state, DATA, 8), 0xffc00000);
	assert_int_equal(c->fpu.status, FSW_IE | FSW_SF | 1 << 11);
}

static void unmasked_stack_faults_change_nothing(void **state)
{
	struct x86_cpu *c = start(state);

	fpu_set_control(&c->fpu, 0x037e);
	push(c, ONE);
	assert_int_equal(X86_EXECUTE(*state, 0xde, 0xc1), X86_OK); /* faddp */
	assert_int_equal(c->fpu.status, FSW_IE | FSW_SF | FSW_ES | FSW_B | 7 << 11);
	assert_int_equal(c->fpu.in_use, 0x80);
	assert_f80(st(c, 0), 1ull << 63, 0x3fff);

	c = start(state);
	fpu_set_control(&c->fpu, 0x037e);
	x86_ram_put(*state, DATA, 8, 0x1234);
	assert_int_equal(X86_EXECUTE(*state, 0xdf, 0x3e), X86_OK); /* fistp m64 */
	assert_int_equal(x86_ram_get(*state, DATA, 8), 0x1234);
	assert_int_equal(c->fpu.status, FSW_IE | FSW_SF | FSW_ES | FSW_B);
}

/* ---- unmasked exceptions ---- */

static void a_pending_exception_stops_the_next_waiting_instruction(void **state)
{
	struct x86_cpu *c = start(state);

	fpu_set_control(&c->fpu, 0x037b);
	push(c, (struct x86_f80){0, 0});
	push(c, ONE);
	assert_int_equal(X86_EXECUTE(*state, 0xd8, 0xf1), X86_OK); /* fdiv st, st(1) */
	assert_f80(st(c, 0), 1ull << 63, 0x3fff);
	assert_int_equal(c->fpu.status, FSW_ZE | FSW_ES | FSW_B | 6 << 11);

	c->rip = SETUP_CODE;
	assert_fault(c, X86_EXECUTE(*state, 0xd9, 0xe8), X86_MF); /* fld1 */
	assert_int_equal(c->rip, SETUP_CODE);
	assert_fault(c, X86_EXECUTE(*state, 0x9b), X86_MF); /* fwait */
	c->cr0 &= ~(uint64_t)CR0_NE;
	assert_fault(c, X86_EXECUTE(*state, 0x9b), X86_MF);
	c->event.kind = X86_EVENT_NONE;
	assert_int_equal(X86_EXECUTE(*state, 0xdf, 0xe0), X86_OK); /* fnstsw ax */
	assert_int_equal(c->r[X86_RAX] & 0xffff, FSW_ZE | FSW_ES | FSW_B | 6 << 11);
	assert_int_equal(X86_EXECUTE(*state, 0xdb, 0xe2), X86_OK); /* fnclex */
	assert_int_equal(X86_EXECUTE(*state, 0x9b), X86_OK);
	assert_int_equal(c->fpu.status, 6 << 11);
}

static void masks_decide_when_they_are_loaded(void **state)
{
	struct x86_cpu *c = start(state);

	c->fpu.status = FSW_IE;
	x86_ram_put(*state, DATA, 2, 0x0000);
	assert_int_equal(X86_EXECUTE(*state, 0xd9, 0x2e), X86_OK); /* fldcw */
	assert_int_equal(c->fpu.control, 0x0040);
	assert_int_equal(c->fpu.status, FSW_IE | FSW_ES | FSW_B);
	assert_int_equal(X86_EXECUTE(*state, 0xdb, 0xe3), X86_OK); /* fninit */
	x86_ram_put(*state, DATA, 2, 0xffff);
	assert_int_equal(X86_EXECUTE(*state, 0xd9, 0x2e), X86_OK);
	assert_int_equal(c->fpu.control, 0x1f7f);
}

static void unmasked_overflow_adjusts_registers_and_spares_memory(void **state)
{
	const struct x86_f80 big = {1ull << 63, 0x7ffe};
	struct x86_cpu *c = start(state);

	fpu_set_control(&c->fpu, 0x0377);
	push(c, big);
	assert_int_equal(X86_EXECUTE(*state, 0xd8, 0xc8), X86_OK); /* fmul st, st */
	assert_f80(st(c, 0), 1ull << 63, 2 * 0x7ffe - 0x3fff - 24576);
	assert_int_equal(c->fpu.status, FSW_OE | FSW_ES | FSW_B | 7 << 11);

	c = start(state);
	fpu_set_control(&c->fpu, 0x0377);
	push(c, big);
	x86_ram_put(*state, DATA, 8, 0x1234);
	assert_int_equal(X86_EXECUTE(*state, 0xdd, 0x1e), X86_OK); /* fstp m64 */
	assert_int_equal(x86_ram_get(*state, DATA, 8), 0x1234);
	assert_int_equal(c->fpu.in_use, 0x80);
	assert_int_equal(c->fpu.status & (FSW_OE | FSW_ES | FSW_B), FSW_OE | FSW_ES | FSW_B);
}

static void a_store_that_faults_leaves_the_stack(void **state)
{
	struct x86_cpu *c = start(state);
	struct x86_fpu before;

	push(c, (struct x86_f80){0xaaaaaaaaaaaaaaaa, 0x3fff});
	x86_ram_put(*state, SETUP_PT + 8 * (DATA >> 12), 8, 0);
	before = c->fpu;
	assert_fault(c, X86_EXECUTE(*state, 0xd9, 0x1e), X86_PF); /* fstp m32 */
	assert_memory_equal(&c->fpu, &before, sizeof(before));
	assert_fault(c, X86_EXECUTE(*state, 0xd9, 0x36), X86_PF); /* fnstenv */
	assert_memory_equal(&c->fpu, &before, sizeof(before));
}

static void ts_and_em_stop_fwait_only_with_mp(void **state)
{
	struct x86_cpu *c = start(state);

	c->cr0 |= CR0_TS;
	assert_int_equal(X86_EXECUTE(*state, 0x9b), X86_OK);
	assert_fault(c, X86_EXECUTE(*state, 0xd9, 0xe8), X86_NM);
	c->cr0 |= CR0_MP;
	assert_fault(c, X86_EXECUTE(*state, 0x9b), X86_NM);
	c->cr0 &= ~(uint64_t)(CR0_TS | CR0_MP);
	c->cr0 |= CR0_EM;
	assert_int_equal(X86_EXECUTE(*state, 0x9b), X86_OK);
	assert_fault(c, X86_EXECUTE(*state, 0xd9, 0xe8), X86_NM);
}

/* ---- pointers and images ---- */

static void pointers_follow_instructions_but_not_control(void **state)
{
	struct x86_cpu *c = start(state);

	c->rip = 0x123456789a;
	assert_int_equal(X86_EXECUTE(*state, 0x64, 0xdd, 0x46, 0x10), X86_OK); /* fld m64 */
	assert_int_equal(c->fpu.instruction_ptr, 0x123456789a);
	assert_int_equal(c->fpu.data_ptr, DATA + 0x10);
	assert_int_equal(c->fpu.opcode, 0x546);
	assert_int_equal(c->fpu.instruction_sel | c->fpu.data_sel, 0);
	c->rip = 0x1000;
	assert_int_equal(X86_EXECUTE(*state, 0xd9, 0xe0), X86_OK); /* fchs */
	assert_int_equal(c->fpu.instruction_ptr, 0x1000);
	assert_int_equal(c->fpu.data_ptr, DATA + 0x10);
	assert_int_equal(c->fpu.opcode, 0x1e0);
	c->rip = 0x2000;
	assert_int_equal(X86_EXECUTE(*state, 0xd9, 0x3e), X86_OK); /* fnstcw */
	assert_int_equal(X86_EXECUTE(*state, 0xd9, 0x2e), X86_OK); /* fldcw */
	assert_int_equal(X86_EXECUTE(*state, 0xdb, 0xe2), X86_OK); /* fnclex */
	assert_int_equal(c->fpu.instruction_ptr, 0x1000);

	setup_compat(*state, 0);
	c->r[X86_RSI] = DATA;
	assert_int_equal(X86_EXECUTE(*state, 0x36, 0xd9, 0x06), X86_OK); /* fld ss:m32 */
	assert_int_equal(c->fpu.instruction_sel, SETUP_CS32);
	assert_int_equal(c->fpu.data_sel, SETUP_DS);
}

/* A state with a value of its own in every field. */
static void fill(struct x86_cpu *c)
{
	fpu_init(&c->fpu);
	for (unsigned n = 0; n < 8; n++)
		c->fpu.reg[n] = (struct x86_f80){0x8000000000000000 | n, (uint16_t)(0x3ff0 + n)};
	c->fpu.reg[4] = (struct x86_f80){0, 0x8000};
	c->fpu.reg[5] = (struct x86_f80){1, 0};
	c->fpu.control = 0x0f7e;
	c->fpu.status = FSW_IE | FSW_ES | FSW_B | FSW_C3 | 3 << 11;
	c->fpu.in_use = 0xf9;
	c->fpu.opcode = 0x5a5;
	c->fpu.instruction_ptr = 0x12345678;
	c->fpu.data_ptr = 0x9abcdef0;
	c->fpu.instruction_sel = 0x1111;
	c->fpu.data_sel = 0x2222;
}

/* R7..R0: valid, valid, special, zero, valid, empty, empty, valid */
#define TAGS 0x093c

static void assert_words(const uint8_t *at, unsigned size, const uint32_t *expected)
{
	uint32_t v;

	for (unsigned n = 0; n < 7; n++) {
		v = 0;
		memcpy(&v, at + n * size, size);
		assert_int_equal(v, expected[n]);
	}
}

static void check_environment(struct x86_world_ram *w, bool wide, const uint32_t *expected)
{
	struct x86_cpu *c = &w->cpu;
	uint64_t base = x86_is_real(c) ? c->seg[X86_DS].base : 0;
	bool native = wide == (c->code_bytes != 2);
	uint8_t store[] = {0x66, 0xd9, 0x37}, load[] = {0x66, 0xd9, 0x27};
	struct x86_fpu before;

	if (x86_is_real(c))
		store[2] = 0x35, load[2] = 0x25; /* [di] */
	fill(c);
	before = c->fpu;
	c->r[X86_RDI] = AREA - base;
	memset(w->ram + AREA, 0xa5, 64);
	assert_int_equal(x86_ram_execute(w, store + native, 3u - native), X86_OK);
	assert_words(w->ram + AREA, wide ? 4 : 2, expected);
	assert_int_equal(w->ram[AREA + (wide ? 28 : 14)], 0xa5);
	assert_int_equal(c->fpu.control, 0x0f7f);
	assert_int_equal(c->fpu.status, FSW_IE | FSW_C3 | 3 << 11);
	fpu_init(&c->fpu);
	assert_int_equal(x86_ram_execute(w, load + native, 3u - native), X86_OK);
	assert_int_equal(c->fpu.control, before.control);
	assert_int_equal(c->fpu.status, before.status);
	assert_int_equal(c->fpu.in_use, before.in_use);
	fpu_set_control(&c->fpu, 0x37f);
	memset(w->ram + AREA, 0xa5, 64);
	c->fpu.control = 0x0f7e;
	c->fpu.status = before.status;
	assert_int_equal(x86_ram_execute(w, store + native, 3u - native), X86_OK);
	assert_words(w->ram + AREA, wide ? 4 : 2, expected);
}

static void environments_have_four_layouts(void **state)
{
	const uint32_t status = FSW_IE | FSW_ES | FSW_B | FSW_C3 | 3 << 11;
	const uint32_t protected_4[] = {0xffff0f7e, 0xffff0000 | status, 0xffff0000 | TAGS,
					0x12345678, 0x05a51111,		 0x9abcdef0,
					0xffff2222};
	const uint32_t protected_2[] = {0x0f7e, status, TAGS, 0x5678, 0x1111, 0xdef0, 0x2222};
	/* linear: 12345678 + 11110 = 12356788, 9abcdef0 + 22220 = 9abf0110 */
	const uint32_t real_4[] = {0xffff0f7e, 0xffff0000 | status, 0xffff0000 | TAGS, 0xffff6788,
				   0x012355a5, 0xffff0110,	    0x09abf000};
	const uint32_t real_2[] = {0x0f7e, status, TAGS, 0x6788, 0x55a5, 0x0110, 0xf000};

	setup_compat(*state, 0);
	check_environment(*state, true, protected_4);
	check_environment(*state, false, protected_2);
	setup_long(*state, 0);
	check_environment(*state, true, protected_4);
	check_environment(*state, false, protected_2);
	setup_real(*state);
	((struct x86_world_ram *)*state)->cpu.seg[X86_DS].base = AREA - 0x100;
	check_environment(*state, true, real_4);
	check_environment(*state, false, real_2);
}

static void fnsave_adds_registers_in_stack_order(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = start(state);
	struct x86_fpu before;

	fill(c);
	before = c->fpu;
	assert_int_equal(X86_EXECUTE(w, 0xdd, 0x37), X86_OK); /* fnsave */
	for (unsigned n = 0; n < 8; n++)
		assert_memory_equal(w->ram + AREA + 28 + 10 * n, &before.reg[(3 + n) & 7], 10);
	assert_int_equal(c->fpu.control, 0x37f);
	assert_int_equal(c->fpu.status, 0);
	assert_int_equal(c->fpu.in_use, 0);
	assert_int_equal(c->fpu.instruction_ptr | c->fpu.data_ptr | c->fpu.opcode, 0);
	for (unsigned n = 0; n < 8; n++)
		c->fpu.reg[n] = ONE;
	assert_int_equal(X86_EXECUTE(w, 0xdd, 0x27), X86_OK); /* frstor */
	assert_memory_equal(&c->fpu, &before, sizeof(before));
}

/* ---- FXSAVE ---- */

static void fill_xmm(struct x86_cpu *c, uint8_t with)
{
	for (unsigned n = 0; n < 16; n++)
		memset(&c->xmm[n], with + (int)n, 16);
}

static void fxsave_and_fxrstor_in_64_bit_mode(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = start(state);
	uint32_t host = x86_fp_enter(c);
	struct x86_fpu before;

	fill(c);
	fill_xmm(c, 0x30);
	c->fpu.instruction_ptr = 0x123456789abcdef0;
	c->fpu.data_ptr = 0xfedcba9876543210;
	x86_mxcsr_load(c, 0x9fbf);
	before = c->fpu;
	memset(w->ram + AREA, 0xa5, 512);
	assert_int_equal(X86_EXECUTE(w, 0x48, 0x0f, 0xae, 0x07), X86_OK); /* fxsave64 */
	assert_int_equal(x86_ram_get(w, AREA, 8), 0x05a500f9d8810f7e);
	assert_int_equal(x86_ram_get(w, AREA + 8, 8), 0x123456789abcdef0);
	assert_int_equal(x86_ram_get(w, AREA + 16, 8), 0xfedcba9876543210);
	assert_int_equal(x86_ram_get(w, AREA + 24, 8), 0x0000ffff00009fbf);
	assert_memory_equal(w->ram + AREA + 32, &before.reg[3], 10);
	assert_int_equal(x86_ram_get(w, AREA + 42, 4), 0);
	assert_memory_equal(w->ram + AREA + 160, c->xmm, 256);
	assert_int_equal(w->ram[AREA + 416], 0xa5);

	fpu_init(&c->fpu);
	memset(c->fpu.reg, 0, sizeof(c->fpu.reg));
	fill_xmm(c, 0);
	x86_mxcsr_load(c, 0x1f80);
	assert_int_equal(X86_EXECUTE(w, 0x48, 0x0f, 0xae, 0x0f), X86_OK); /* fxrstor64 */
	x86_fp_leave(c, host);
	before.instruction_sel = before.data_sel = 0;
	assert_memory_equal(&c->fpu, &before, sizeof(before));
	assert_memory_equal(w->ram + AREA + 160, c->xmm, 256);
	assert_int_equal(c->mxcsr, 0x9fbf);

	assert_int_equal(X86_EXECUTE(w, 0x0f, 0xae, 0x07), X86_OK); /* fxsave */
	assert_int_equal(x86_ram_get(w, AREA + 8, 8), 0x9abcdef0);
	assert_int_equal(x86_ram_get(w, AREA + 16, 8), 0x76543210);
}

static void fxsave_outside_64_bit_mode_has_eight_registers(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = start(state);

	setup_compat(w, 0);
	c->r[X86_RDI] = AREA;
	fill(c);
	fill_xmm(c, 0x30);
	memset(w->ram + AREA, 0xa5, 512);
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0xae, 0x07), X86_OK);
	assert_int_equal(x86_ram_get(w, AREA + 8, 8), 0x0000111112345678);
	assert_int_equal(x86_ram_get(w, AREA + 16, 8), 0x000022229abcdef0);
	assert_memory_equal(w->ram + AREA + 160, c->xmm, 128);
	assert_int_equal(w->ram[AREA + 288], 0xa5);
	fill_xmm(c, 0);
	x86_ram_put(w, AREA + 24, 4, 0x1f80);
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0xae, 0x0f), X86_OK);
	assert_int_equal(c->xmm[7].u8[0], 0x37);
	assert_int_equal(c->xmm[8].u8[0], 0x08);

	c->cr4 &= ~(uint64_t)CR4_OSFXSR;
	x86_mode_update(c);
	fill_xmm(c, 0x50);
	memset(w->ram + AREA, 0xa5, 512);
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0xae, 0x07), X86_OK);
	assert_int_equal(w->ram[AREA + 160], 0xa5);
	assert_int_equal(x86_ram_get(w, AREA + 28, 4), 0xffff);
	x86_ram_put(w, AREA + 24, 4, 0x1f80);
	assert_int_equal(X86_EXECUTE(w, 0x0f, 0xae, 0x0f), X86_OK);
	assert_int_equal(c->xmm[0].u8[0], 0x50);
}

static void fxsave_and_fxrstor_faults(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = start(state);
	struct x86_fpu before = c->fpu;

	x86_ram_put(w, AREA + 24, 4, 0x11f80);
	assert_fault(c, X86_EXECUTE(w, 0x0f, 0xae, 0x0f), X86_GP);
	assert_memory_equal(&c->fpu, &before, sizeof(before));
	c->r[X86_RDI] = AREA + 8;
	assert_fault(c, X86_EXECUTE(w, 0x0f, 0xae, 0x0f), X86_GP);
	assert_fault(c, X86_EXECUTE(w, 0x0f, 0xae, 0x07), X86_GP);
	c->r[X86_RDI] = AREA + 0x1000 - 0x1f0; /* its last sixteen bytes are in the next page */
	x86_ram_put(w, SETUP_PT + 8 * ((AREA >> 12) + 1), 8, 0);
	x86_ram_put(w, AREA + 0x1000 - 0x1f0, 8, 0x1234);
	assert_fault(c, X86_EXECUTE(w, 0x0f, 0xae, 0x07), X86_PF);
	assert_int_equal(x86_ram_get(w, AREA + 0x1000 - 0x1f0, 8), 0x1234);
	c->cr0 |= CR0_TS;
	assert_fault(c, X86_EXECUTE(w, 0x0f, 0xae, 0x07), X86_NM);
}

/* ---- transcendental functions ---- */

struct vector {
	void (*function)(struct host_x87 *h);
	unsigned rounding;
	struct x86_f80 a, b, result;
	uint16_t status;
};

static const struct vector vectors[] = {
#define V(function, rounding, a, a_mantissa, b, b_mantissa, result, mantissa, status) \
	{x87_##function,                                                              \
	 rounding,                                                                    \
	 {0x##a_mantissa, 0x##a},                                                     \
	 {0x##b_mantissa, 0x##b},                                                     \
	 {0x##mantissa, 0x##result},                                                  \
	 0x##status},
#include "tests/unit/x86_x87_vectors.def"
#undef V
};

static void transcendentals_are_correctly_rounded(void **state)
{
	(void)state;
	for (unsigned n = 0; n < sizeof(vectors) / sizeof(vectors[0]); n++) {
		const struct vector *v = &vectors[n];
		struct host_x87 h = {.a = v->a, .b = v->b};
		const struct x86_f80 *result = v->function == x87_fptan ? &h.b : &h.a;

		h.control = (uint16_t)(0x37f | v->rounding << FCW_RC_SHIFT);
		v->function(&h);
		if (result->mantissa != v->result.mantissa ||
		    result->sign_exponent != v->result.sign_exponent || h.status != v->status)
			fail_msg("vector %u: %04x:%016llx status %03x", n, result->sign_exponent,
				 (unsigned long long)result->mantissa, h.status);
	}
}

static struct host_x87 run(void (*function)(struct host_x87 *h), struct x86_f80 a, struct x86_f80 b)
{
	struct host_x87 h = {.a = a, .b = b, .control = 0x37f};

	function(&h);
	return h;
}

static void transcendentals_of_exact_and_special_operands(void **state)
{
	const struct x86_f80 zero = {0, 0}, infinity = {1ull << 63, 0x7fff};
	const struct x86_f80 huge = {1ull << 63, 0x3fff + 63}, minus_two = {1ull << 63, 0xc000};
	const struct x86_f80 eighth = {1ull << 63, 0x3ffc}, three = {3ull << 62, 0x4000};
	struct host_x87 h;

	(void)state;
	h = run(x87_f2xm1, ONE, zero);
	assert_f80(h.a, 1ull << 63, 0x3fff);
	assert_int_equal(h.status, 0);
	h = run(x87_f2xm1, (struct x86_f80){1ull << 63, 0xbfff}, zero);
	assert_f80(h.a, 1ull << 63, 0xbffe);
	h = run(x87_fyl2x, eighth, three);
	assert_f80(h.a, 9ull << 60, 0xc002);
	assert_int_equal(h.status, 0);
	h = run(x87_fyl2xp1, three, three);
	assert_f80(h.a, 3ull << 62, 0x4001);
	assert_int_equal(h.status, 0);
	h = run(x87_fyl2x, zero, ONE);
	assert_f80(h.a, 1ull << 63, 0xffff);
	assert_int_equal(h.status, FSW_ZE);
	h = run(x87_fyl2x, minus_two, ONE);
	assert_f80(h.a, INDEFINITE);
	assert_int_equal(h.status, FSW_IE);
	h = run(x87_fsin, infinity, zero);
	assert_f80(h.a, INDEFINITE);
	assert_int_equal(h.status, FSW_IE);
	h = run(x87_fcos, huge, zero);
	assert_f80(h.a, 1ull << 63, 0x3fff + 63);
	assert_int_equal(h.status, FSW_C2);
	h = run(x87_fcos, zero, zero);
	assert_f80(h.a, 1ull << 63, 0x3fff);
	assert_int_equal(h.status, 0);
	h = run(x87_fpatan, minus_two, zero);
	assert_f80(h.a, 0xc90fdaa22168c235, 0x4000);
	assert_int_equal(h.status, FSW_PE | FSW_C1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_doubles_add_as_redis_shows_them),
		cmocka_unit_test(masked_stack_faults_deliver_the_indefinite),
		cmocka_unit_test(unmasked_stack_faults_change_nothing),
		cmocka_unit_test(a_pending_exception_stops_the_next_waiting_instruction),
		cmocka_unit_test(masks_decide_when_they_are_loaded),
		cmocka_unit_test(unmasked_overflow_adjusts_registers_and_spares_memory),
		cmocka_unit_test(a_store_that_faults_leaves_the_stack),
		cmocka_unit_test(ts_and_em_stop_fwait_only_with_mp),
		cmocka_unit_test(pointers_follow_instructions_but_not_control),
		cmocka_unit_test(environments_have_four_layouts),
		cmocka_unit_test(fnsave_adds_registers_in_stack_order),
		cmocka_unit_test(fxsave_and_fxrstor_in_64_bit_mode),
		cmocka_unit_test(fxsave_outside_64_bit_mode_has_eight_registers),
		cmocka_unit_test(fxsave_and_fxrstor_faults),
		cmocka_unit_test(transcendentals_are_correctly_rounded),
		cmocka_unit_test(transcendentals_of_exact_and_special_operands),
	};

	return cmocka_run_group_tests_name("x86_x87", tests, setup, teardown);
}
