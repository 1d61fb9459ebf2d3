/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter behind the engine table: counts, exits, kicks, dirty pages, two at once. */
#include "core/dirty.h"
#include "core/engine/engine.h"
#include "tests/unit/cmocka_all.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_BYTES (4u << 20)
#define TABLES	     0x1000
#define CODE	     0x10000
#define DATA	     0x200000
#define STACK	     0x80000

static uint64_t tsc(void *ctx, unsigned vcpu, uint64_t instructions)
{
	(void)ctx;
	(void)vcpu;
	return instructions;
}

static bool no_msr_read(void *ctx, unsigned vcpu, uint32_t index, uint64_t *value)
{
	(void)ctx;
	(void)vcpu;
	(void)index;
	*value = 0;
	return false;
}

static bool no_msr_write(void *ctx, unsigned vcpu, uint32_t index, uint64_t value)
{
	(void)ctx;
	(void)vcpu;
	(void)index;
	(void)value;
	return false;
}

static uint64_t no_tpr_read(void *ctx, unsigned vcpu)
{
	(void)ctx;
	(void)vcpu;
	return 0;
}

static void no_tpr_write(void *ctx, unsigned vcpu, uint64_t priority)
{
	(void)ctx;
	(void)vcpu;
	(void)priority;
}

static const struct engine_machine_ops machine = {tsc, no_msr_read, no_msr_write, no_tpr_read,
						  no_tpr_write};

struct guest {
	struct memory *memory;
	struct engine *engine;
};

static const struct engine_ops *const ops = &interpret_engine;

static struct x86_segment segment(uint16_t selector, uint16_t attr)
{
	return (struct x86_segment){0, 0xffffffff, selector, attr};
}

/* Long mode, ring 0, the first 4 MiB mapped to themselves by 2 MiB pages. */
static void long_mode(struct vcpu_state *s)
{
	uint16_t code = 0xb | X86_SEG_S | X86_SEG_P | X86_SEG_L | X86_SEG_G;
	uint16_t data = 0x3 | X86_SEG_S | X86_SEG_P | X86_SEG_DB | X86_SEG_G;

	s->cr0 = 0x80010031;
	s->cr3 = TABLES;
	s->cr4 = 0x620;
	s->efer = 0x500;
	s->seg[X86_CS] = segment(8, code);
	for (unsigned n = X86_ES; n <= X86_GS; n++)
		if (n != X86_CS)
			s->seg[n] = segment(16, data);
	s->rip = CODE;
	s->rflags = 2;
	s->gpr[X86_RSP] = STACK;
}

static void put64(struct memory *m, uint64_t gpa, uint64_t value)
{
	assert_int_equal(memory_write(m, gpa, &value, 8, NULL), 0);
}

static struct guest guest_start(const uint8_t *code, size_t code_bytes)
{
	struct guest g = {.memory = memory_create(MEMORY_BYTES, NULL)};
	struct engine_config config = {
		.memory = g.memory, .cpu_model = "portable-v1", .n_vcpus = 1, .machine = &machine};
	struct vcpu_state s;
	struct err err = {0};

	assert_non_null(g.memory);
	put64(g.memory, TABLES, (TABLES + 0x1000) | 3);
	put64(g.memory, TABLES + 0x1000, (TABLES + 0x2000) | 3);
	put64(g.memory, TABLES + 0x2000, 0x83);
	put64(g.memory, TABLES + 0x2008, 0x200083);
	assert_int_equal(memory_write(g.memory, CODE, code, code_bytes, NULL), 0);
	g.engine = ops->create(&config, &err);
	assert_non_null(g.engine);
	ops->get_state(g.engine, 0, &s);
	long_mode(&s);
	if (ops->set_state(g.engine, 0, &s, &err) != 0)
		fail_msg("%s", err.text);
	return g;
}

static void guest_stop(struct guest *g)
{
	ops->destroy(g->engine);
	memory_destroy(g->memory);
}

/* A nest of loops over memory and flags:
 *	mov ecx, 1000; mov edi, DATA
 *   1: lea eax, [rcx+rcx*2]; xor [rdi+rcx*4], eax; mov edx, 3
 *   2: add rbx, rax; adc rsi, rbx; rol rbx, 7; dec edx; jnz 2b
 *	push rbx; pop r8; test cl, 1; jz 3f; sub rsi, r8
 *   3: dec ecx; jnz 1b; hlt */
static const uint8_t loops[] = {
	0xb9, 0xe8, 0x03, 0x00, 0x00, 0xbf, 0x00, 0x00, 0x20, 0x00, 0x8d, 0x04, 0x49,
	0x31, 0x04, 0x8f, 0xba, 0x03, 0x00, 0x00, 0x00, 0x48, 0x01, 0xc3, 0x48, 0x11,
	0xde, 0x48, 0xc1, 0xc3, 0x07, 0xff, 0xca, 0x75, 0xf2, 0x53, 0x41, 0x58, 0xf6,
	0xc1, 0x01, 0x74, 0x03, 0x4c, 0x29, 0xc6, 0xff, 0xc9, 0x75, 0xd8, 0xf4,
};
#define LOOPS_INSNS 24503u

static void run_lands_exactly(void **unused)
{
	struct guest a = guest_start(loops, sizeof(loops)), b = guest_start(loops, sizeof(loops));
	struct vcpu_state sa, sb;
	struct vcpu_exit exit;

	(void)unused;
	for (uint64_t n = 1; n < 2000; n += 1 + n % 7) {
		ops->run(a.engine, 0, n, &exit);
		assert_int_equal(exit.kind, VCPU_EXIT_INSTANT);
		assert_int_equal(ops->count(a.engine, 0), n);
		while (ops->count(b.engine, 0) < n)
			ops->run(b.engine, 0, ops->count(b.engine, 0) + 1, &exit);
		ops->get_state(a.engine, 0, &sa);
		ops->get_state(b.engine, 0, &sb);
		assert_memory_equal(&sa, &sb, sizeof(sa));
	}
	guest_stop(&a);
	guest_stop(&b);
}

static void halt_counts(void **unused)
{
	struct guest g = guest_start(loops, sizeof(loops));
	struct vcpu_exit exit;

	(void)unused;
	ops->run(g.engine, 0, UINT64_MAX, &exit);
	assert_int_equal(exit.kind, VCPU_EXIT_HALT);
	assert_int_equal(ops->count(g.engine, 0), LOOPS_INSNS);
	guest_stop(&g);
}

/* in eax, 0x40; mov [0xe0000000], eax through a mapping of the whole of the first 4 GiB; hlt */
static void exits_are_answered(void **unused)
{
	static const uint8_t code[] = {0xe5, 0x40, 0xbf, 0x00, 0x00, 0x00, 0x20,
				       0x89, 0x07, 0x03, 0x47, 0x04, 0xf4};
	struct guest g = guest_start(code, sizeof(code));
	struct vcpu_state s;
	struct vcpu_exit exit;
	char text[96];

	(void)unused;
	put64(g.memory, TABLES + 0x2000 + 8 * (0x20000000 >> 21), 0xe0000083);
	ops->run(g.engine, 0, UINT64_MAX, &exit);
	vcpu_exit_format(&exit, text, sizeof(text));
	assert_string_equal(text, "port read 4 bytes at 0x40");
	assert_int_equal(ops->count(g.engine, 0), 0);
	ops->complete(g.engine, 0, 0x1111);
	ops->run(g.engine, 0, UINT64_MAX, &exit);
	vcpu_exit_format(&exit, text, sizeof(text));
	assert_string_equal(text, "mmio write 4 bytes 0x1111 at 0xe0000000");
	assert_int_equal(ops->count(g.engine, 0), 2);
	ops->complete(g.engine, 0, 0);
	ops->run(g.engine, 0, UINT64_MAX, &exit);
	vcpu_exit_format(&exit, text, sizeof(text));
	assert_string_equal(text, "mmio read 4 bytes at 0xe0000004");
	ops->complete(g.engine, 0, 0x2222);
	ops->run(g.engine, 0, UINT64_MAX, &exit);
	assert_int_equal(exit.kind, VCPU_EXIT_HALT);
	assert_int_equal(ops->count(g.engine, 0), 5);
	ops->get_state(g.engine, 0, &s);
	assert_int_equal(s.gpr[X86_RAX], 0x3333);
	guest_stop(&g);
}

/* inc qword [DATA]; inc qword [DATA + 0x5000]; jmp back */
static const uint8_t writer[] = {0x48, 0xff, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0x48,
				 0xff, 0x04, 0x25, 0x00, 0x50, 0x20, 0x00, 0xeb, 0xee};

static void dirty_pages_are_found_again(void **unused)
{
	struct guest g = guest_start(writer, sizeof(writer));
	struct vcpu_exit exit;
	struct page_set set;
	uint64_t n = 0;

	(void)unused;
	assert_int_equal(page_set_init(&set, g.memory->pages, NULL), 0);
	for (unsigned round = 0; round < 5; round++) {
		ops->run(g.engine, 0, n += 300, &exit);
		dirty_harvest(g.memory, &set);
		ops->rearm_dirty(g.engine);
		assert_true(page_set_has(&set, DATA >> 12));
		assert_true(page_set_has(&set, (DATA + 0x5000) >> 12));
		if (round)
			assert_int_equal(page_set_count(&set), 2);
		page_set_clear(&set);
	}
	page_set_free(&set);
	guest_stop(&g);
}

static void *kick_soon(void *engine)
{
	usleep(20000);
	ops->kick(engine, 0);
	return NULL;
}

static void kick_ends_a_run(void **unused)
{
	struct guest g = guest_start(writer, sizeof(writer));
	struct vcpu_exit exit;
	pthread_t thread;

	(void)unused;
	assert_int_equal(pthread_create(&thread, NULL, kick_soon, g.engine), 0);
	ops->run(g.engine, 0, UINT64_MAX, &exit);
	pthread_join(thread, NULL);
	assert_int_equal(exit.kind, VCPU_EXIT_KICKED);
	ops->kick(g.engine, 0);
	ops->run(g.engine, 0, UINT64_MAX, &exit);
	assert_int_equal(exit.kind, VCPU_EXIT_KICKED);
	guest_stop(&g);
}

static void *run_to_halt(void *engine)
{
	struct vcpu_exit exit;

	ops->run(engine, 0, UINT64_MAX, &exit);
	return NULL;
}

static void two_run_in_two_threads(void **unused)
{
	struct guest g[2] = {guest_start(loops, sizeof(loops)), guest_start(loops, sizeof(loops))};
	struct vcpu_state s[2];
	pthread_t thread[2];

	(void)unused;
	for (unsigned n = 0; n < 2; n++)
		assert_int_equal(pthread_create(&thread[n], NULL, run_to_halt, g[n].engine), 0);
	for (unsigned n = 0; n < 2; n++) {
		pthread_join(thread[n], NULL);
		assert_int_equal(ops->count(g[n].engine, 0), LOOPS_INSNS);
		ops->get_state(g[n].engine, 0, &s[n]);
	}
	assert_memory_equal(&s[0], &s[1], sizeof(s[0]));
	assert_memory_equal(memory_host(g[0].memory, DATA, 4096),
			    memory_host(g[1].memory, DATA, 4096), 4096);
	for (unsigned n = 0; n < 2; n++)
		guest_stop(&g[n]);
}

/* ---- events and the bus ---- */

#define GDT	0x5000
#define IDT	0x6000
#define HANDLER 0x20000 /* of vector v: + 16 * v */
#define BUS	0x400000

/* Descriptors for the segments of long_mode(), a gate for every vector, and MMIO behind RAM. */
static void give_tables(struct guest *g, struct vcpu_state *s)
{
	put64(g->memory, TABLES + 0x2010, BUS | 0x83);
	put64(g->memory, GDT + 8, 0x00af9b000000ffff);
	put64(g->memory, GDT + 16, 0x00cf93000000ffff);
	for (unsigned v = 0; v < 256; v++) {
		uint64_t offset = HANDLER + 16 * v;

		put64(g->memory, IDT + 16 * v,
		      (offset & 0xffff) | 8u << 16 | 0x8eull << 40 | (offset >> 16) << 48);
		put64(g->memory, IDT + 16 * v + 8, 0);
	}
	ops->get_state(g->engine, 0, s);
	s->gdt = (struct x86_table){GDT, 0x1f};
	s->idt = (struct x86_table){IDT, 0xfff};
}

static void set(struct guest *g, const struct vcpu_state *s)
{
	struct err err = {0};

	if (ops->set_state(g->engine, 0, s, &err) != 0)
		fail_msg("%s", err.text);
}

static void expect_mmio(struct guest *g, bool write, uint64_t address, uint64_t value)
{
	struct vcpu_exit exit;

	ops->run(g->engine, 0, 100, &exit);
	assert_int_equal(exit.kind, VCPU_EXIT_MMIO);
	assert_int_equal(exit.write, write);
	assert_int_equal(exit.address, address);
	if (write)
		assert_int_equal(exit.value, value);
	ops->complete(g->engine, 0, value);
}

/* IRET pops a bad CS from MMIO: the exception's frame is asked for afresh. */
static void a_delivery_has_answers_of_its_own(void **unused)
{
	static const uint8_t code[] = {0x48, 0xcf};
	struct guest g = guest_start(code, sizeof(code));
	struct vcpu_exit exit;
	struct vcpu_state s;

	(void)unused;
	give_tables(&g, &s);
	s.gpr[X86_RSP] = BUS + 0x100;
	set(&g, &s);
	expect_mmio(&g, false, BUS + 0x100, CODE);
	expect_mmio(&g, false, BUS + 0x108, 0x30);
	expect_mmio(&g, false, BUS + 0x110, 2);
	expect_mmio(&g, true, BUS + 0xf8, 16);
	expect_mmio(&g, true, BUS + 0xf0, BUS + 0x100);
	expect_mmio(&g, true, BUS + 0xe8, 0x10002);
	expect_mmio(&g, true, BUS + 0xe0, 8);
	expect_mmio(&g, true, BUS + 0xd8, CODE);
	expect_mmio(&g, true, BUS + 0xd0, 0x30);
	ops->run(g.engine, 0, 1, &exit);
	ops->get_state(g.engine, 0, &s);
	assert_int_equal(s.event.kind, X86_EVENT_NONE);
	assert_int_equal(s.rip, HANDLER + 16 * 13 + 2); /* ADD [RAX], AL retired there */
	guest_stop(&g);
}

static void a_halted_cpu_wakes_for_an_unfinished_frame(void **unused)
{
	static const uint8_t code[] = {0xf4};
	struct guest g = guest_start(code, sizeof(code));
	struct vcpu_exit exit;
	struct vcpu_state s;

	(void)unused;
	give_tables(&g, &s);
	s.gpr[X86_RSP] = BUS + 0x100;
	s.rflags |= 0x200;
	set(&g, &s);
	ops->run(g.engine, 0, 100, &exit);
	assert_int_equal(exit.kind, VCPU_EXIT_HALT);
	ops->inject(g.engine, 0, X86_EVENT_EXTERNAL, 0x40);
	expect_mmio(&g, true, BUS + 0xf8, 16);
	expect_mmio(&g, true, BUS + 0xf0, BUS + 0x100);
	expect_mmio(&g, true, BUS + 0xe8, 0x202);
	expect_mmio(&g, true, BUS + 0xe0, 8);
	expect_mmio(&g, true, BUS + 0xd8, CODE + 1);
	ops->run(g.engine, 0, 2, &exit);
	ops->get_state(g.engine, 0, &s);
	assert_int_equal(s.activity, X86_ACTIVE);
	assert_int_equal(s.rip, HANDLER + 16 * 0x40 + 2);
	guest_stop(&g);
}

static void a_pending_debug_trap_comes_after_one_instruction(void **unused)
{
	static const uint8_t code[] = {0x90, 0x90, 0x90};
	struct guest g = guest_start(code, sizeof(code));
	struct vcpu_exit exit;
	struct vcpu_state s;

	(void)unused;
	give_tables(&g, &s);
	s.debug_hit = 2;
	set(&g, &s);
	ops->run(g.engine, 0, 1, &exit);
	ops->get_state(g.engine, 0, &s);
	assert_int_equal(s.rip, HANDLER + 16);
	assert_int_equal(s.dr6 & 0xf, 2);
	guest_stop(&g);
}

/* An instruction that crosses pages is found by both of them, and by no other page. */
static void a_crossing_block_asks_for_its_own_pages(void **unused)
{
	static const uint8_t code[] = {0xb8, 0x44, 0x33, 0x22, 0x11};
	struct guest g = guest_start(code, sizeof(code));
	struct vcpu_exit exit;
	struct vcpu_state s;
	uint64_t entry;

	(void)unused;
	ops->get_state(g.engine, 0, &s);
	s.rip = DATA + 0xffe;
	assert_int_equal(memory_write(g.memory, s.rip, code, sizeof(code), NULL), 0);
	set(&g, &s);
	ops->run(g.engine, 0, 1, &exit);
	ops->get_state(g.engine, 0, &s);
	assert_int_equal(s.gpr[X86_RAX], 0x11223344);
	assert_int_equal(memory_read(g.memory, TABLES + 0x2000, &entry, 8, NULL), 0);
	assert_int_equal(entry, 0x83); /* not accessed */
	guest_stop(&g);
}

static void refuses_by_name(void **unused)
{
	struct memory *m = memory_create(MEMORY_BYTES, NULL);
	struct engine_config config = {
		.memory = m, .cpu_model = "imaginary", .n_vcpus = 1, .machine = &machine};
	struct err err = {0};

	(void)unused;
	assert_null(ops->create(&config, &err));
	assert_non_null(strstr(err.text, "imaginary"));
	config.cpu_model = "portable-v1";
	config.n_vcpus = ENGINE_VCPUS_MAX + 1;
	assert_null(ops->create(&config, &err));
	assert_non_null(strstr(err.text, "vCPUs"));
	memory_destroy(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_lands_exactly),
		cmocka_unit_test(halt_counts),
		cmocka_unit_test(exits_are_answered),
		cmocka_unit_test(dirty_pages_are_found_again),
		cmocka_unit_test(kick_ends_a_run),
		cmocka_unit_test(two_run_in_two_threads),
		cmocka_unit_test(refuses_by_name),
		cmocka_unit_test(a_delivery_has_answers_of_its_own),
		cmocka_unit_test(a_halted_cpu_wakes_for_an_unfinished_frame),
		cmocka_unit_test(a_pending_debug_trap_comes_after_one_instruction),
		cmocka_unit_test(a_crossing_block_asks_for_its_own_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
