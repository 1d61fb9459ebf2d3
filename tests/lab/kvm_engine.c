/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine on KVM behind the engine table; beside it the interpreter, which says what is right.
 * With --probe it only says whether KVM serves here.
 */
#include "core/dirty.h"
#include "core/engine/engine.h"
#include "core/engine/kvm/probe.h"
#include "tests/unit/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_BYTES   (4u << 20)
#define TABLES	       0x1000
#define IDT	       0x5000
#define GDT	       0x6000
#define CODE	       0x10000
#define HANDLER	       0x11000
#define DATA	       0x200000
#define STACK	       0x80000
#define VECTOR	       0x30
#define MSR_OF_MACHINE 0x12345

struct guest {
	const struct engine_ops *ops;
	struct memory *memory;
	struct engine *engine;
	uint64_t tpr, msr;
};

static uint64_t tsc(void *ctx, unsigned vcpu, uint64_t instructions)
{
	(void)ctx;
	(void)vcpu;
	return instructions;
}

static bool msr_read(void *ctx, unsigned vcpu, uint32_t index, uint64_t *value)
{
	(void)vcpu;
	*value = ((struct guest *)ctx)->msr;
	return index == MSR_OF_MACHINE;
}

static bool msr_write(void *ctx, unsigned vcpu, uint32_t index, uint64_t value)
{
	(void)vcpu;
	if (index != MSR_OF_MACHINE)
		return false;
	((struct guest *)ctx)->msr = value;
	return true;
}

static uint64_t tpr_read(void *ctx, unsigned vcpu)
{
	(void)vcpu;
	return ((struct guest *)ctx)->tpr;
}

static void tpr_write(void *ctx, unsigned vcpu, uint64_t priority)
{
	(void)vcpu;
	((struct guest *)ctx)->tpr = priority;
}

static const struct engine_machine_ops machine = {tsc, msr_read, msr_write, tpr_read, tpr_write};

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
	s->gdt = (struct x86_table){GDT, 23};
	s->idt = (struct x86_table){IDT, 0xfff};
	s->rip = CODE;
	s->rflags = 2;
	s->gpr[X86_RSP] = STACK;
}

static void put64(struct memory *m, uint64_t gpa, uint64_t value)
{
	assert_int_equal(memory_write(m, gpa, &value, 8, NULL), 0);
}

static void put_tables(struct memory *m)
{
	put64(m, TABLES, (TABLES + 0x1000) | 3);
	put64(m, TABLES + 0x1000, (TABLES + 0x2000) | 3);
	put64(m, TABLES + 0x2000, 0x83);
	put64(m, TABLES + 0x2008, 0x200083);
	put64(m, TABLES + 0x2000 + 8 * (0x20000000 >> 21), 0xe0000083);
	put64(m, GDT + 8, 0x00af9b000000ffff);
	put64(m, GDT + 16, 0x00cf93000000ffff);
	/* an interrupt gate to HANDLER */
	put64(m, IDT + 16 * VECTOR,
	      0x00008e0000080000 | (HANDLER & 0xffff) | (uint64_t)(HANDLER >> 16) << 48);
	put64(m, IDT + 16 * VECTOR + 8, 0);
}

static void guest_start(struct guest *g, const struct engine_ops *ops, const uint8_t *code,
			size_t code_bytes)
{
	struct engine_config config = {
		.cpu_model = "portable-v1", .n_vcpus = 1, .machine = &machine, .machine_ctx = g};
	struct vcpu_state s;
	struct err err = {0};

	*g = (struct guest){.ops = ops, .memory = memory_create(MEMORY_BYTES, NULL)};
	assert_non_null(g->memory);
	config.memory = g->memory;
	put_tables(g->memory);
	assert_int_equal(memory_write(g->memory, CODE, code, code_bytes, NULL), 0);
	g->engine = ops->create(&config, &err);
	if (!g->engine)
		fail_msg("%s", err.text);
	ops->get_state(g->engine, 0, &s);
	long_mode(&s);
	if (ops->set_state(g->engine, 0, &s, &err) != 0)
		fail_msg("%s", err.text);
}

static void guest_stop(struct guest *g)
{
	g->ops->destroy(g->engine);
	memory_destroy(g->memory);
}

static struct vcpu_exit run(struct guest *g)
{
	struct vcpu_exit exit;
	struct err err;

	g->ops->run(g->engine, 0, UINT64_MAX, &exit);
	if (exit.kind == VCPU_EXIT_FAILED) {
		g->ops->failure(g->engine, 0, &err);
		fail_msg("%s", err.text);
	}
	return exit;
}

static void expect_exit(struct guest *g, const char *expected)
{
	struct vcpu_exit exit = run(g);
	char text[96];

	vcpu_exit_format(&exit, text, sizeof(text));
	assert_string_equal(text, expected);
}

/* ---- state ---- */

/* All registers hold something of their own. */
static void fill_state(struct vcpu_state *s)
{
	for (unsigned n = 0; n < 16; n++) {
		s->gpr[n] = 0x1111111111111111ull * n + 5;
		s->xmm[n].u64[0] = 0x0102030405060708ull * n;
		s->xmm[n].u64[1] = ~0x0807060504030201ull * n;
	}
	for (unsigned n = 0; n < 8; n++)
		s->fpu.reg[n] = (struct x86_f80){0x8000000000000000ull + n, (uint16_t)(0x3ff0 + n)};
	s->fpu.control = 0x27f;
	s->fpu.status = 5 << 11;
	s->fpu.in_use = 0xe1;
	s->mxcsr = 0x3fa1;
	s->rflags = 0x246 | 0x8d1;
	s->cr2 = 0xdeadbeef000;
	s->dr[0] = 0x1234;
	s->dr[3] = 0xffff800000000000;
	s->dr6 = 0xffff4ff1;
	s->seg[X86_FS].base = 0x7fff12345000;
	s->seg[X86_GS].base = 0xffff888000000000;
	s->seg[X86_ES].attr = X86_SEG_UNUSABLE;
	s->seg[X86_ES].limit = s->seg[X86_ES].selector = 0;
	s->gdt = (struct x86_table){0xffffffff81000000, 0x7f};
	s->msr.star = 0x0023001000000000;
	s->msr.lstar = 0xffffffff81000040;
	s->msr.cstar = 0xffffffff81000080;
	s->msr.sfmask = 0x47700;
	s->msr.kernel_gs_base = 0x7fff00000000;
	s->msr.sysenter_cs = 0x10;
	s->msr.sysenter_esp = 0xffff888000001000;
	s->msr.sysenter_eip = 0xffffffff81001000;
	s->msr.pat = 0x0407050600070106;
	s->msr.misc_enable = 0x851;
	s->msr.spec_ctrl = 1;
}

static void state_comes_back(void **unused)
{
	static const uint8_t code[] = {0xf4};
	struct vcpu_state in, out;
	struct guest g;
	struct err err;

	(void)unused;
	guest_start(&g, &kvm_engine, code, sizeof(code));
	g.ops->get_state(g.engine, 0, &in);
	fill_state(&in);
	for (uint8_t activity = X86_ACTIVE; activity <= X86_WAIT_SIPI; activity++) {
		in.activity = activity;
		if (g.ops->set_state(g.engine, 0, &in, &err) != 0)
			fail_msg("%s", err.text);
		g.ops->get_state(g.engine, 0, &out);
		assert_memory_equal(in.gpr, out.gpr, sizeof(in.gpr));
		for (unsigned n = 0; n < X86_SEGS; n++)
			assert_memory_equal(&in.seg[n], &out.seg[n], sizeof(in.seg[n]));
		assert_memory_equal(&in.fpu, &out.fpu, sizeof(in.fpu));
		assert_memory_equal(&in.msr, &out.msr, sizeof(in.msr));
		assert_memory_equal(&in, &out, sizeof(in));
	}
	guest_stop(&g);
}

static void events_come_back(void **unused)
{
	static const uint8_t code[] = {0xf4};
	static const struct x86_event events[] = {
		{.kind = X86_EVENT_EXCEPTION,
		 .vector = 14,
		 .has_error = 1,
		 .error = 2,
		 .address = 0x123000},
		{.kind = X86_EVENT_EXCEPTION, .vector = 6},
		{.kind = X86_EVENT_EXTERNAL, .vector = VECTOR},
		{.kind = X86_EVENT_NMI, .vector = 2},
	};
	struct vcpu_state in, out;
	struct guest g;

	(void)unused;
	guest_start(&g, &kvm_engine, code, sizeof(code));
	g.ops->get_state(g.engine, 0, &in);
	for (unsigned n = 0; n < sizeof(events) / sizeof(events[0]); n++) {
		in.event = events[n];
		assert_int_equal(g.ops->set_state(g.engine, 0, &in, NULL), 0);
		g.ops->get_state(g.engine, 0, &out);
		assert_memory_equal(&in.event, &out.event, sizeof(in.event));
	}
	in.event = (struct x86_event){.kind = X86_EVENT_NONE};
	in.nmi_blocked = 1;
	in.shadow = 1;
	assert_int_equal(g.ops->set_state(g.engine, 0, &in, NULL), 0);
	g.ops->get_state(g.engine, 0, &out);
	assert_int_equal(out.nmi_blocked, 1);
	assert_int_equal(out.shadow, 1);
	guest_stop(&g);
}

static void refuses_by_name(void **unused)
{
	static const uint8_t code[] = {0xf4};
	struct engine_config config = {.cpu_model = "imaginary", .n_vcpus = 1, .machine = &machine};
	struct vcpu_state before, s;
	struct err err = {0};
	struct guest g;

	(void)unused;
	guest_start(&g, &kvm_engine, code, sizeof(code));
	g.ops->get_state(g.engine, 0, &before);
	s = before;
	s.cr4 |= 1u << 18; /* OSXSAVE, which the model lacks */
	assert_int_equal(g.ops->set_state(g.engine, 0, &s, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "CR4"));
	g.ops->get_state(g.engine, 0, &s);
	assert_memory_equal(&before, &s, sizeof(s));
	config.memory = g.memory;
	assert_null(g.ops->create(&config, &err));
	assert_non_null(strstr(err.text, "imaginary"));
	guest_stop(&g);
}

/* ---- running ---- */

/* A nest of loops over memory and flags, as in tests/unit/engine_interpret.c. */
static const uint8_t loops[] = {
	0xb9, 0xe8, 0x03, 0x00, 0x00, 0xbf, 0x00, 0x00, 0x20, 0x00, 0x8d, 0x04, 0x49,
	0x31, 0x04, 0x8f, 0xba, 0x03, 0x00, 0x00, 0x00, 0x48, 0x01, 0xc3, 0x48, 0x11,
	0xde, 0x48, 0xc1, 0xc3, 0x07, 0xff, 0xca, 0x75, 0xf2, 0x53, 0x41, 0x58, 0xf6,
	0xc1, 0x01, 0x74, 0x03, 0x4c, 0x29, 0xc6, 0xff, 0xc9, 0x75, 0xd8, 0xf4,
};

static void same_result_as_interpreted(void **unused)
{
	struct guest a, b;
	struct vcpu_state sa, sb;

	(void)unused;
	guest_start(&a, &kvm_engine, loops, sizeof(loops));
	guest_start(&b, &interpret_engine, loops, sizeof(loops));
	assert_int_equal(run(&a).kind, VCPU_EXIT_HALT);
	assert_int_equal(run(&b).kind, VCPU_EXIT_HALT);
	a.ops->get_state(a.engine, 0, &sa);
	b.ops->get_state(b.engine, 0, &sb);
	assert_memory_equal(&sa, &sb, sizeof(sa));
	assert_memory_equal(memory_host(a.memory, 0, MEMORY_BYTES),
			    memory_host(b.memory, 0, MEMORY_BYTES), MEMORY_BYTES);
	guest_stop(&a);
	guest_stop(&b);
}

/* Begun on the interpreter, carried to KVM after each of many parts, ended there. */
static void carried_from_the_interpreter(void **unused)
{
	struct guest a, b;
	struct vcpu_state sa, sb;
	struct vcpu_exit exit;

	(void)unused;
	guest_start(&b, &interpret_engine, loops, sizeof(loops));
	run(&b);
	b.ops->get_state(b.engine, 0, &sb);
	for (uint64_t at = 1; at < 24000; at += 2477) {
		struct guest from;

		guest_start(&from, &interpret_engine, loops, sizeof(loops));
		guest_start(&a, &kvm_engine, loops, sizeof(loops));
		from.ops->run(from.engine, 0, at, &exit);
		from.ops->get_state(from.engine, 0, &sa);
		memcpy(memory_host(a.memory, 0, MEMORY_BYTES),
		       memory_host(from.memory, 0, MEMORY_BYTES), MEMORY_BYTES);
		assert_int_equal(a.ops->set_state(a.engine, 0, &sa, NULL), 0);
		assert_int_equal(run(&a).kind, VCPU_EXIT_HALT);
		a.ops->get_state(a.engine, 0, &sa);
		assert_memory_equal(&sa, &sb, sizeof(sa));
		assert_memory_equal(memory_host(a.memory, DATA, 0x2000),
				    memory_host(b.memory, DATA, 0x2000), 0x2000);
		guest_stop(&from);
		guest_stop(&a);
	}
	guest_stop(&b);
}

/* in eax, 0x40; mov [0xe0000000], eax; add eax, [0xe0000004]; mov rbx, [0xe0000010]; hlt */
static void exits_are_answered(void **unused)
{
	static const uint8_t code[] = {0xe5, 0x40, 0xbf, 0x00, 0x00, 0x00, 0x20, 0x89, 0x07,
				       0x03, 0x47, 0x04, 0x48, 0x8b, 0x5f, 0x10, 0xf4};
	struct vcpu_state s;
	struct guest g;

	(void)unused;
	guest_start(&g, &kvm_engine, code, sizeof(code));
	expect_exit(&g, "port read 4 bytes at 0x40");
	expect_exit(&g, "port read 4 bytes at 0x40"); /* not answered: asked again */
	g.ops->complete(g.engine, 0, 0x1111);
	g.ops->get_state(g.engine, 0, &s); /* the instruction is finished first */
	assert_int_equal(s.gpr[X86_RAX], 0x1111);
	assert_int_equal(s.rip, CODE + 2);
	expect_exit(&g, "mmio write 4 bytes 0x1111 at 0xe0000000");
	g.ops->complete(g.engine, 0, 0);
	expect_exit(&g, "mmio read 4 bytes at 0xe0000004");
	g.ops->complete(g.engine, 0, 0x2222);
	expect_exit(&g, "mmio read 8 bytes at 0xe0000010");
	g.ops->complete(g.engine, 0, 0x123456789abcdef0);
	assert_int_equal(run(&g).kind, VCPU_EXIT_HALT);
	g.ops->get_state(g.engine, 0, &s);
	assert_int_equal(s.gpr[X86_RAX], 0x3333);
	assert_true(s.gpr[X86_RBX] == 0x123456789abcdef0);
	assert_int_equal(s.activity, X86_HALTED);
	guest_stop(&g);
}

/* mov esi, DATA; mov ecx, 3; mov dx, 0x70; cld; rep outsw; mov edi, DATA; mov ecx, 3; rep insb; hlt */
static void string_ports_come_one_by_one(void **unused)
{
	static const uint8_t code[] = {0xbe, 0x00, 0x00, 0x20, 0x00, 0xb9, 0x03, 0x00,
				       0x00, 0x00, 0x66, 0xba, 0x70, 0x00, 0xfc, 0xf3,
				       0x66, 0x6f, 0xbf, 0x00, 0x00, 0x20, 0x00, 0xb9,
				       0x03, 0x00, 0x00, 0x00, 0xf3, 0x6c, 0xf4};
	struct guest g;

	(void)unused;
	guest_start(&g, &kvm_engine, code, sizeof(code));
	put64(g.memory, DATA, 0x333322221111);
	expect_exit(&g, "port write 2 bytes 0x1111 at 0x70");
	g.ops->complete(g.engine, 0, 0);
	expect_exit(&g, "port write 2 bytes 0x2222 at 0x70");
	g.ops->complete(g.engine, 0, 0);
	expect_exit(&g, "port write 2 bytes 0x3333 at 0x70");
	g.ops->complete(g.engine, 0, 0);
	for (unsigned n = 0; n < 3; n++) {
		expect_exit(&g, "port read 1 bytes at 0x70");
		g.ops->complete(g.engine, 0, 0xa0 + n);
	}
	assert_int_equal(run(&g).kind, VCPU_EXIT_HALT);
	assert_memory_equal(memory_host(g.memory, DATA, 6), "\xa0\xa1\xa2\x22\x33\x33", 6);
	guest_stop(&g);
}

/* mov ecx, MSR; rdmsr; inc eax; wrmsr; mov ecx, 0x1a0; rdmsr; mov ebx, eax; mov eax, 5; mov cr8, rax; hlt */
static void machine_keeps_its_registers(void **unused)
{
	static const uint8_t code[] = {0xb9, 0x45, 0x23, 0x01, 0x00, 0x0f, 0x32, 0xff, 0xc0, 0x0f,
				       0x30, 0xb9, 0xa0, 0x01, 0x00, 0x00, 0x0f, 0x32, 0x89, 0xc3,
				       0xb8, 0x05, 0x00, 0x00, 0x00, 0x44, 0x0f, 0x22, 0xc0, 0xf4};
	struct vcpu_state s;
	struct guest g;

	(void)unused;
	guest_start(&g, &kvm_engine, code, sizeof(code));
	g.msr = 41;
	assert_int_equal(run(&g).kind, VCPU_EXIT_HALT);
	assert_int_equal(g.msr, 42);
	assert_int_equal(g.tpr, 5);
	g.ops->get_state(g.engine, 0, &s);
	assert_int_equal(s.gpr[X86_RBX], 1);
	guest_stop(&g);
}

/* nop; sti; 1: hlt; jmp 1b.  HANDLER: inc qword [DATA]; iretq */
static void interrupts_wake(void **unused)
{
	static const uint8_t code[] = {0x90, 0xfb, 0xf4, 0xeb, 0xfd};
	static const uint8_t handler[] = {0x48, 0xff, 0x04, 0x25, 0x00,
					  0x00, 0x20, 0x00, 0x48, 0xcf};
	struct guest g;

	(void)unused;
	guest_start(&g, &kvm_engine, code, sizeof(code));
	memory_write(g.memory, HANDLER, handler, sizeof(handler), NULL);
	assert_false(g.ops->can_interrupt(g.engine, 0));
	g.ops->want_window(g.engine, 0, true);
	for (unsigned n = 0; n < 5; n++) {
		while (run(&g).kind != VCPU_EXIT_IRQ_WINDOW)
			;
		assert_true(g.ops->can_interrupt(g.engine, 0));
		g.ops->inject(g.engine, 0, X86_EVENT_EXTERNAL, VECTOR);
		assert_false(g.ops->can_interrupt(g.engine, 0));
	}
	g.ops->want_window(g.engine, 0, false);
	assert_int_equal(run(&g).kind, VCPU_EXIT_HALT);
	assert_int_equal(run(&g).kind, VCPU_EXIT_HALT); /* nothing wakes it */
	assert_int_equal(*(uint64_t *)memory_host(g.memory, DATA, 8), 5);
	guest_stop(&g);
}

/* ---- dirty pages and kicks ---- */

/* inc qword [DATA]; inc qword [DATA + 0x5000]; jmp back */
static const uint8_t writer[] = {0x48, 0xff, 0x04, 0x25, 0x00, 0x00, 0x20, 0x00, 0x48,
				 0xff, 0x04, 0x25, 0x00, 0x50, 0x20, 0x00, 0xeb, 0xee};

static void *kick_soon(void *ctx)
{
	struct guest *g = ctx;

	usleep(20000);
	g->ops->kick(g->engine, 0);
	return NULL;
}

static void run_a_while(struct guest *g)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, kick_soon, g), 0);
	assert_int_equal(run(g).kind, VCPU_EXIT_KICKED);
	pthread_join(thread, NULL);
}

/* SVM walks the guest's page tables as if it wrote to them: they may be reported too. */
static void forget_tables(struct page_set *set)
{
	for (unsigned n = 0; n < 3; n++)
		page_set_remove(set, (TABLES >> 12) + n);
}

static void dirty_pages_are_found_again(void **unused)
{
	struct page_set set;
	struct guest g;

	(void)unused;
	guest_start(&g, &kvm_engine, writer, sizeof(writer));
	assert_int_equal(page_set_init(&set, g.memory->pages, NULL), 0);
	for (unsigned round = 0; round < 5; round++) {
		run_a_while(&g);
		g.ops->collect_dirty(g.engine);
		dirty_harvest(g.memory, &set);
		g.ops->rearm_dirty(g.engine);
		assert_true(page_set_has(&set, DATA >> 12));
		assert_true(page_set_has(&set, (DATA + 0x5000) >> 12));
		forget_tables(&set);
		if (round)
			assert_int_equal(page_set_count(&set), 2);
		page_set_clear(&set);
	}
	g.ops->collect_dirty(g.engine);
	assert_int_equal(dirty_harvest(g.memory, &set), 0);
	page_set_free(&set);
	guest_stop(&g);
}

static void kick_ends_a_run(void **unused)
{
	struct guest g;

	(void)unused;
	guest_start(&g, &kvm_engine, writer, sizeof(writer));
	run_a_while(&g);
	g.ops->kick(g.engine, 0);
	assert_int_equal(run(&g).kind, VCPU_EXIT_KICKED);
	run_a_while(&g);
	guest_stop(&g);
}

static void *kick_at_once(void *ctx)
{
	struct guest *g = ctx;

	g->ops->kick(g->engine, 0);
	return NULL;
}

/* Whenever a kick comes, the run that is on or the next one ends: the last run would hang. */
static void no_kick_is_lost(void **unused)
{
	struct guest g;

	(void)unused;
	guest_start(&g, &kvm_engine, writer, sizeof(writer));
	for (unsigned n = 0; n < 200; n++) {
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, kick_at_once, &g), 0);
		assert_int_equal(run(&g).kind, VCPU_EXIT_KICKED);
		pthread_join(thread, NULL);
	}
	guest_stop(&g);
}

/* int3 with no gate: a fault within a fault within a fault. */
static void triple_fault_is_a_shutdown(void **unused)
{
	static const uint8_t code[] = {0xcc};
	struct guest g;

	(void)unused;
	guest_start(&g, &kvm_engine, code, sizeof(code));
	assert_int_equal(run(&g).kind, VCPU_EXIT_SHUTDOWN);
	assert_int_equal(run(&g).kind, VCPU_EXIT_SHUTDOWN);
	guest_stop(&g);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_comes_back),
		cmocka_unit_test(events_come_back),
		cmocka_unit_test(refuses_by_name),
		cmocka_unit_test(same_result_as_interpreted),
		cmocka_unit_test(carried_from_the_interpreter),
		cmocka_unit_test(exits_are_answered),
		cmocka_unit_test(string_ports_come_one_by_one),
		cmocka_unit_test(machine_keeps_its_registers),
		cmocka_unit_test(interrupts_wake),
		cmocka_unit_test(dirty_pages_are_found_again),
		cmocka_unit_test(kick_ends_a_run),
		cmocka_unit_test(no_kick_is_lost),
		cmocka_unit_test(triple_fault_is_a_shutdown),
	};
	char why[200];

	if (kvm_probe(why, sizeof(why)) != KVM_PROBE_OK) {
		printf("KVM does not serve here: %s\n", why);
		return 1;
	}
	if (argc > 1 && !strcmp(argv[1], "--probe"))
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
