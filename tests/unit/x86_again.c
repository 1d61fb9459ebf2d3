/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that are run again from their start, or that change the code they are made of. */
#include "core/x86/fault.h"
#include "tests/support/x86_one.h"
#include "tests/support/x86_setup.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

#define RAM_BYTES SETUP_MMIO

/* A world whose bus takes reads but, while `deaf` is set, no writes. */
struct bus {
	struct x86_world_ram *w;
	struct x86_world_ops ops;
	bool deaf;
	unsigned reads;
};

static struct bus bus;

static enum x86_status bus_read(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t *value)
{
	(void)ctx;
	bus.reads++;
	*value = size_bytes < 8 ? gpa & ((1ull << 8 * size_bytes) - 1) : gpa;
	return X86_OK;
}

static enum x86_status bus_write(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t value)
{
	(void)ctx;
	(void)gpa;
	(void)size_bytes;
	(void)value;
	return bus.deaf ? X86_EXIT : X86_OK;
}

static int start(void **state)
{
	bus.w = x86_world_ram_create(RAM_BYTES);
	bus.ops = *bus.w->cpu.world;
	bus.ops.mmio_read = bus_read;
	bus.ops.mmio_write = bus_write;
	bus.w->cpu.world = &bus.ops;
	bus.deaf = true;
	bus.reads = 0;
	*state = bus.w;
	return 0;
}

static int stop(void **state)
{
	x86_world_ram_destroy(*state);
	return 0;
}

static void a_waiting_store_leaves_ram_alone(void **state)
{
	struct x86_world_ram *w = *state;

	setup_long(w, 0);
	x86_ram_put(w, SETUP_MMIO - 2, 2, 0x1111);
	w->cpu.r[X86_RDI] = SETUP_MMIO - 2;
	w->cpu.r[X86_RAX] = 0x22222222;
	assert_int_equal(X86_ONE(w, "\x01\x07"), X86_EXIT); /* add [rdi], eax */
	assert_int_equal(x86_ram_get(w, SETUP_MMIO - 2, 2), 0x1111);
	bus.deaf = false;
	assert_int_equal(X86_ONE(w, "\x01\x07"), X86_OK);
	assert_int_equal(x86_ram_get(w, SETUP_MMIO - 2, 2), 0x3333);
}

static void a_waiting_frame_leaves_ram_alone(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	w->cpu.r[X86_RSP] = 8;
	w->cpu.seg[X86_SS].base = 0xfffffffc;
	memset(w->ram, 0xaa, 16);
	x86_raise(&w->cpu, X86_UD);
	assert_int_equal(x86_event_deliver(&w->cpu), X86_EXIT);
	assert_int_equal(x86_ram_get(w, 0, 4), 0xaaaaaaaa);
	bus.deaf = false;
	assert_int_equal(x86_event_deliver(&w->cpu), X86_OK);
	assert_int_not_equal(x86_ram_get(w, 0, 4), 0xaaaaaaaa);
}

static void a_waiting_far_call_leaves_ram_alone(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	w->cpu.seg[X86_SS].base = 0xfffffffc;
	w->cpu.r[X86_RSP] = 8;
	/* the pointer lies where CS is pushed to */
	x86_ram_put(w, 0, 4, SETUP_CODE + 0x100);
	x86_ram_put(w, 4, 2, SETUP_CS32);
	w->cpu.r[X86_RSI] = 0;
	assert_int_equal(X86_ONE(w, "\xff\x1e"), X86_EXIT); /* call far [esi] */
	assert_int_equal(x86_ram_get(w, 0, 4), SETUP_CODE + 0x100);
	bus.deaf = false;
	assert_int_equal(X86_ONE(w, "\xff\x1e"), X86_JUMPED);
	assert_int_equal(w->cpu.rip, SETUP_CODE + 0x100);
	assert_int_equal(x86_ram_get(w, 0, 2), SETUP_CS32);
}

static void a_return_to_v86_reads_its_frame_once(void **state)
{
	struct x86_world_ram *w = *state;

	setup_legacy32(w, 0);
	/* the bus reads as the address, whose bit 17 is VM in the third slot */
	w->cpu.r[X86_RSP] = SETUP_MMIO + 0x20000 - 8;
	assert_int_equal(X86_ONE(w, "\xcf"), X86_FAULT); /* EIP is beyond 64 KiB */
	assert_int_equal(w->cpu.event.vector, X86_GP);
	assert_int_equal(bus.reads, 9);
}

static void a_string_instruction_overwrites_itself(void **state)
{
	struct x86_world_ram *w = *state;
	const uint8_t code[] = {0xf3, 0xaa, 0x90, 0x90}; /* rep stosb */

	setup_long(w, 0);
	x86_ram_code(w, SETUP_CODE, code, sizeof(code));
	w->cpu.r[X86_RDI] = SETUP_CODE - 5;
	w->cpu.r[X86_RCX] = 100;
	w->cpu.r[X86_RAX] = 0x90; /* nop */
	w->cpu.rep_limit = 0;
	while (x86_step(&w->cpu, NULL) == X86_AGAIN)
		;
	/* the REP prefix has become a NOP: what follows is the single STOSB */
	assert_int_equal(w->cpu.rip, SETUP_CODE + 1);
	assert_int_equal(w->cpu.r[X86_RCX], 94);
	assert_int_equal(x86_step(&w->cpu, NULL), X86_OK);
	assert_int_equal(w->cpu.rip, SETUP_CODE + 2);
	assert_int_equal(w->cpu.r[X86_RCX], 94);
	assert_int_equal(x86_ram_get(w, SETUP_CODE, 1), 0x90);
	assert_int_equal(x86_ram_get(w, SETUP_CODE + 1, 1), 0x90);
}

static void code_of_16_bits_does_not_wrap(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_real(w);
	x86_ram_put(w, SETUP_CODE + 0xffff, 1, 0x90);
	c->rip = 0xffff;
	assert_int_equal(x86_step(c, NULL), X86_OK);
	assert_int_equal(c->rip, 0x10000);
	assert_int_equal(x86_step(c, NULL), X86_FAULT); /* beyond the limit */
	assert_int_equal(c->rip, 16 * X86_GP);
	/* with a larger limit it goes on */
	setup_real(w);
	c->seg[X86_CS].limit = 0xffffffff;
	c->rip = 0x10000;
	x86_ram_put(w, SETUP_CODE + 0x10000, 1, 0x90);
	assert_int_equal(x86_step(c, NULL), X86_OK);
	assert_int_equal(c->rip, 0x10001);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_waiting_store_leaves_ram_alone),
		TEST(a_waiting_frame_leaves_ram_alone),
		TEST(a_waiting_far_call_leaves_ram_alone),
		TEST(a_return_to_v86_reads_its_frame_once),
		TEST(a_string_instruction_overwrites_itself),
		TEST(code_of_16_bits_does_not_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
