/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/lapic.h"

#include "core/base/seeded.h"
#include "tests/support/board.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>

#define CPUS 4

#define ID	0x020
#define VERSION 0x030
#define TPR	0x080
#define PPR	0x0a0
#define EOI	0x0b0
#define LDR	0x0d0
#define DFR	0x0e0
#define SVR	0x0f0
#define ISR	0x100
#define TMR	0x180
#define IRR	0x200
#define ESR	0x280
#define ICR	0x300
#define ICR2	0x310
#define LVTT	0x320
#define LVT0	0x350
#define LVTERR	0x370
#define TMICT	0x380
#define TMCCT	0x390
#define TDCR	0x3e0

#define APIC_BASE    0x1b
#define TSC_DEADLINE 0x6e0
#define X2(offset)   (0x800u + (offset) / 16)

#define BASE	  0xfee00000ull
#define BASE_BSP  0x100ull
#define BASE_X2	  0x400ull
#define BASE_ON	  0x800ull
#define MASKED	  0x10000u
#define PERIODIC  0x20000u
#define DEADLINE  0x40000u
#define LOGICAL	  0x800u
#define TO_SELF	  0x40000u
#define TO_ALL	  0x80000u
#define TO_OTHERS 0xc0000u

struct rig {
	struct board board;
	struct lapic *lapic;
	char told[4096]; /* "init1 sipi1:99 nmi2 eoi48 " */
	unsigned attention[CPUS];
};

static void tell(struct rig *r, const char *what, unsigned cpu, int vector)
{
	size_t used = strlen(r->told);

	if (vector < 0)
		snprintf(r->told + used, sizeof(r->told) - used, "%s%u ", what, cpu);
	else
		snprintf(r->told + used, sizeof(r->told) - used, "%s%u:%x ", what, cpu, vector);
}

static void on_init(void *ctx, unsigned cpu)
{
	tell(ctx, "init", cpu, -1);
}

static void on_startup(void *ctx, unsigned cpu, uint8_t vector)
{
	tell(ctx, "sipi", cpu, vector);
}

static void on_nmi(void *ctx, unsigned cpu)
{
	tell(ctx, "nmi", cpu, -1);
}

static void on_attention(void *ctx, unsigned cpu)
{
	((struct rig *)ctx)->attention[cpu]++;
}

static void on_eoi(void *ctx, uint8_t vector)
{
	tell(ctx, "eoi", vector, -1);
}

static const struct lapic_ops ops = {
	.init = on_init, .startup = on_startup, .nmi = on_nmi, .attention = on_attention};

static struct lapic *make(struct rig *r, unsigned cpus, bool all_modes)
{
	const struct lapic_config config = {.n_cpus = cpus,
					    .x2apic = all_modes,
					    .tsc_deadline = all_modes,
					    .ops = &ops,
					    .ops_ctx = r};
	struct lapic *l = lapic_create(&r->board.env, &config, NULL);

	assert_non_null(l);
	lapic_wire_eoi(l, on_eoi, r);
	return l;
}

static int setup(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));

	board_init(&r->board);
	r->lapic = make(r, CPUS, true);
	*state = r;
	return 0;
}

static void drop(struct lapic *l)
{
	lapic_device(l)->ops->destroy(lapic_device(l));
}

static int teardown(void **state)
{
	struct rig *r = *state;

	drop(r->lapic);
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
	test_free(r);
	return 0;
}

static uint32_t get(struct rig *r, unsigned cpu, uint64_t offset)
{
	return (uint32_t)lapic_mmio_read(r->lapic, cpu, offset, 4);
}

static void put(struct rig *r, unsigned cpu, uint64_t offset, uint32_t value)
{
	lapic_mmio_write(r->lapic, cpu, offset, 4, value);
}

static uint64_t rdmsr(struct rig *r, unsigned cpu, uint32_t index)
{
	uint64_t value = 0;

	assert_true(lapic_msr_read(r->lapic, cpu, index, &value));
	return value;
}

static void wrmsr(struct rig *r, unsigned cpu, uint32_t index, uint64_t value)
{
	assert_true(lapic_msr_write(r->lapic, cpu, index, value));
}

static void refused(struct rig *r, unsigned cpu, uint32_t index, uint64_t value)
{
	assert_false(lapic_msr_write(r->lapic, cpu, index, value));
}

/* As Linux does: on, flat logical ids. */
static void enable(struct rig *r)
{
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		put(r, cpu, SVR, 0x1ff);
		put(r, cpu, LDR, 0x01000000u << cpu);
	}
}

static void ipi(struct rig *r, unsigned from, uint32_t destination, uint32_t command)
{
	put(r, from, ICR2, destination << 24);
	put(r, from, ICR, command);
}

/* Takes what is pending and ends it. */
static void serve(struct rig *r, unsigned cpu, int vector)
{
	assert_int_equal(lapic_pending(r->lapic, cpu), vector);
	lapic_accept(r->lapic, cpu, (uint8_t)vector);
	put(r, cpu, EOI, 0);
}

static unsigned who_has(struct rig *r, int vector)
{
	unsigned set = 0;

	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		if (lapic_pending(r->lapic, cpu) == vector) {
			set |= 1u << cpu;
			serve(r, cpu, vector);
		}
	return set;
}

static void power_up_state(void **state)
{
	struct rig *r = *state;

	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		assert_int_equal(get(r, cpu, ID), cpu << 24);
		assert_int_equal(get(r, cpu, VERSION), 0x50014);
		assert_int_equal(get(r, cpu, SVR), 0xff);
		assert_int_equal(get(r, cpu, DFR), 0xffffffff);
		for (unsigned n = LVTT; n <= LVTERR; n += 0x10)
			assert_int_equal(get(r, cpu, n), MASKED);
		assert_int_equal(get(r, cpu, TMCCT), 0);
		assert_int_equal(lapic_pending(r->lapic, cpu), -1);
	}
	assert_true(rdmsr(r, 0, APIC_BASE) == 0xfee00900);
	assert_true(rdmsr(r, 1, APIC_BASE) == 0xfee00800);
}

static void priorities(void **state)
{
	struct rig *r = *state;

	enable(r);
	ipi(r, 0, 0, 0x31);
	ipi(r, 0, 0, 0x52);
	ipi(r, 0, 0, 0x53);
	assert_true(r->attention[0] > 0);
	assert_int_equal(get(r, 0, IRR + 0x10), 1u << 0x11);
	assert_int_equal(get(r, 0, IRR + 0x20), 3u << 0x12);
	assert_int_equal(lapic_pending(r->lapic, 0), 0x53);
	lapic_accept(r->lapic, 0, 0x53);
	assert_int_equal(get(r, 0, ISR + 0x20), 1u << 0x13);
	assert_int_equal(get(r, 0, PPR), 0x50);
	assert_int_equal(lapic_pending(r->lapic, 0), -1);
	put(r, 0, EOI, 0);
	lapic_set_cr8(r->lapic, 0, 5);
	assert_int_equal(get(r, 0, TPR), 0x50);
	assert_int_equal(get(r, 0, PPR), 0x50);
	assert_int_equal(lapic_pending(r->lapic, 0), -1);
	r->attention[0] = 0;
	put(r, 0, TPR, 0x4f);
	assert_int_equal(lapic_cr8(r->lapic, 0), 4);
	assert_int_equal(get(r, 0, PPR), 0x4f);
	assert_int_equal(r->attention[0], 1);
	serve(r, 0, 0x52);
	assert_int_equal(lapic_pending(r->lapic, 0), -1);
	lapic_set_cr8(r->lapic, 0, 0);
	serve(r, 0, 0x31);
	put(r, 0, EOI, 0); /* with nothing in service */
	assert_int_equal(lapic_pending(r->lapic, 0), -1);
}

static void a_higher_vector_nests(void **state)
{
	struct rig *r = *state;

	enable(r);
	ipi(r, 0, 0, 0x41);
	lapic_accept(r->lapic, 0, 0x41);
	ipi(r, 0, 0, 0x91);
	assert_int_equal(lapic_pending(r->lapic, 0), 0x91);
	lapic_accept(r->lapic, 0, 0x91);
	ipi(r, 0, 0, 0x91); /* once more while in service */
	assert_int_equal(lapic_pending(r->lapic, 0), -1);
	put(r, 0, EOI, 0);
	serve(r, 0, 0x91);
	assert_int_equal(get(r, 0, ISR + 0x20), 2);
	put(r, 0, EOI, 0);
	assert_int_equal(get(r, 0, ISR + 0x20), 0);
}

static void destinations(void **state)
{
	struct rig *r = *state;

	enable(r);
	ipi(r, 1, 3, 0x61);
	assert_int_equal(who_has(r, 0x61), 8);
	ipi(r, 1, 0xff, 0x61);
	assert_int_equal(who_has(r, 0x61), 15);
	ipi(r, 1, 0x0a, 0x61 | LOGICAL);
	assert_int_equal(who_has(r, 0x61), 10);
	ipi(r, 1, 0xff, 0x61 | LOGICAL);
	assert_int_equal(who_has(r, 0x61), 15);
	ipi(r, 1, 0x77, 0x61);
	assert_int_equal(who_has(r, 0x61), 0);
	ipi(r, 1, 0, 0x61 | TO_SELF);
	assert_int_equal(who_has(r, 0x61), 2);
	ipi(r, 1, 0, 0x61 | TO_ALL);
	assert_int_equal(who_has(r, 0x61), 15);
	ipi(r, 1, 0, 0x61 | TO_OTHERS);
	assert_int_equal(who_has(r, 0x61), 13);
}

static void logical_clusters(void **state)
{
	struct rig *r = *state;

	enable(r);
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		put(r, cpu, DFR, 0);
		put(r, cpu, LDR, (cpu / 2 << 28) | (0x01000000u << cpu % 2));
	}
	assert_int_equal(get(r, 3, DFR), 0x0fffffff);
	assert_int_equal(get(r, 3, LDR), 0x12000000);
	ipi(r, 0, 0x13, 0x61 | LOGICAL);
	assert_int_equal(who_has(r, 0x61), 12);
	ipi(r, 0, 0x02, 0x61 | LOGICAL);
	assert_int_equal(who_has(r, 0x61), 2);
	ipi(r, 0, 0x23, 0x61 | LOGICAL);
	assert_int_equal(who_has(r, 0x61), 0);
	ipi(r, 0, 0xff, 0x61 | LOGICAL);
	assert_int_equal(who_has(r, 0x61), 15);
}

static void lowest_priority_picks_one(void **state)
{
	struct rig *r = *state;

	enable(r);
	ipi(r, 0, 0x0f, 0x161 | LOGICAL);
	assert_int_equal(who_has(r, 0x61), 1);
	put(r, 0, TPR, 0x30);
	put(r, 1, TPR, 0x20);
	put(r, 2, TPR, 0x20);
	put(r, 3, SVR, 0xff);
	ipi(r, 0, 0x0f, 0x161 | LOGICAL);
	assert_int_equal(who_has(r, 0x61), 2);
}

static void processors_are_started(void **state)
{
	struct rig *r = *state;

	enable(r);
	put(r, 1, TPR, 0x30);
	ipi(r, 0, 1, 0xc500);
	ipi(r, 0, 1, 0x8500); /* de-assert: nothing */
	ipi(r, 0, 1, 0x699);
	ipi(r, 0, 2, 0x400);
	assert_string_equal(r->told, "init1 sipi1:99 nmi2 ");
	assert_int_equal(get(r, 1, TPR), 0);
	assert_int_equal(get(r, 1, SVR), 0xff);
	assert_true(rdmsr(r, 1, APIC_BASE) == 0xfee00800);
	r->told[0] = 0;
	ipi(r, 0, 0, 0x500 | 0x4000 | TO_OTHERS);
	ipi(r, 0, 0, 0x400 | TO_SELF); /* only vectors go to oneself */
	assert_string_equal(r->told, "init1 init2 init3 ");
}

static void software_disabled(void **state)
{
	struct rig *r = *state;

	enable(r);
	ipi(r, 0, 1, 0x61);
	put(r, 1, LVTERR, 0xfe);
	put(r, 1, SVR, 0xff);
	assert_int_equal(get(r, 1, LVTERR), MASKED | 0xfe);
	put(r, 1, LVTERR, 0xfe);
	assert_int_equal(get(r, 1, LVTERR), MASKED | 0xfe);
	ipi(r, 0, 1, 0x71);
	serve(r, 1, 0x61); /* was there before */
	assert_int_equal(lapic_pending(r->lapic, 1), -1);
	ipi(r, 0, 1, 0x400);
	assert_string_equal(r->told, "nmi1 ");
}

static void level_interrupts_tell_their_end(void **state)
{
	struct rig *r = *state;
	struct irq_message m = {.destination = 2, .level = true, .vector = 0x30};

	enable(r);
	assert_true(lapic_receive(r->lapic, &m));
	assert_int_equal(get(r, 2, TMR + 0x10), 1u << 0x10);
	serve(r, 2, 0x30);
	assert_string_equal(r->told, "eoi48 ");
	m.level = false;
	assert_true(lapic_receive(r->lapic, &m));
	assert_int_equal(get(r, 2, TMR + 0x10), 0);
	serve(r, 2, 0x30);
	assert_string_equal(r->told, "eoi48 ");
	m.destination = 9;
	assert_false(lapic_receive(r->lapic, &m));
	m = (struct irq_message){.destination = 2, .delivery = IRQ_EXTINT, .vector = 0x30};
	assert_false(lapic_receive(r->lapic, &m));
	m.delivery = 3;
	assert_false(lapic_receive(r->lapic, &m));
}

static void errors(void **state)
{
	struct rig *r = *state;
	const struct irq_message bad = {.destination = 0, .vector = 0x0f};

	enable(r);
	put(r, 0, LVTERR, 0xfe);
	ipi(r, 0, 1, 0x05);
	assert_int_equal(get(r, 0, ESR), 0);
	serve(r, 0, 0xfe);
	put(r, 0, ESR, 0);
	assert_int_equal(get(r, 0, ESR), 0x20);
	lapic_receive(r->lapic, &bad);
	get(r, 0, 0x040);
	serve(r, 0, 0xfe);
	put(r, 0, ESR, 0);
	assert_int_equal(get(r, 0, ESR), 0xc0);
	put(r, 0, ESR, 0);
	assert_int_equal(get(r, 0, ESR), 0);
	put(r, 0, LVTERR, 0x02); /* an error interrupt that is an error */
	ipi(r, 0, 1, 0x05);
	put(r, 0, ESR, 0);
	assert_int_equal(get(r, 0, ESR), 0x60);
	assert_int_equal(lapic_pending(r->lapic, 0), -1);
}

static void one_shot(void **state)
{
	struct rig *r = *state;

	enable(r);
	board_run_to(&r->board, 1000);
	put(r, 0, LVTT, 0xec);
	put(r, 0, TDCR, 3); /* by 16 */
	put(r, 0, TMICT, 100);
	assert_int_equal(timer_queue_deadline(&r->board.timers), 2600);
	assert_int_equal(get(r, 0, TMCCT), 100);
	board_run_to(&r->board, 1015);
	assert_int_equal(get(r, 0, TMCCT), 100);
	board_run_to(&r->board, 1016);
	assert_int_equal(get(r, 0, TMCCT), 99);
	board_run_to(&r->board, 2599);
	assert_int_equal(get(r, 0, TMCCT), 1);
	assert_int_equal(lapic_pending(r->lapic, 0), -1);
	board_run_to(&r->board, 2600);
	assert_int_equal(get(r, 0, TMCCT), 0);
	serve(r, 0, 0xec);
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
	put(r, 0, TMICT, 100);
	put(r, 0, TMICT, 0);
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
	put(r, 0, LVTT, MASKED | 0xec);
	put(r, 0, TMICT, 100);
	board_run_to(&r->board, 10000);
	assert_int_equal(lapic_pending(r->lapic, 0), -1);
}

static void dividers(void **state)
{
	static const struct {
		uint32_t code, by;
	} divide[] = {{0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {10, 128}, {11, 1}};
	struct rig *r = *state;

	for (unsigned n = 0; n < 8; n++) {
		put(r, 0, TMICT, 0);
		put(r, 0, TDCR, divide[n].code | 0xfffffff4);
		assert_int_equal(get(r, 0, TDCR), divide[n].code);
		put(r, 0, TMICT, 1000);
		assert_int_equal(timer_queue_deadline(&r->board.timers), 1000 * divide[n].by);
	}
	put(r, 0, TDCR, 0); /* while it counts, what is left is kept */
	assert_int_equal(get(r, 0, TMCCT), 1000);
	assert_int_equal(timer_queue_deadline(&r->board.timers), 2000);
}

static void periodic(void **state)
{
	struct rig *r = *state;

	enable(r);
	put(r, 0, LVTT, PERIODIC | 0xec);
	put(r, 0, TDCR, 0xb);
	put(r, 0, TMICT, 1000);
	for (unsigned n = 1; n <= 5; n++) {
		board_run_to(&r->board, n * 1000 - 1);
		assert_int_equal(lapic_pending(r->lapic, 0), -1);
		assert_int_equal(get(r, 0, TMCCT), 1);
		board_run_to(&r->board, n * 1000);
		assert_int_equal(get(r, 0, TMCCT), 1000);
		serve(r, 0, 0xec);
	}
	board_jump_to(&r->board, 12345);
	serve(r, 0, 0xec);
	assert_int_equal(timer_queue_deadline(&r->board.timers), 13000);
	assert_int_equal(get(r, 0, TMCCT), 655);
	put(r, 0, LVTT, 0xec); /* goes on as one-shot */
	board_run_to(&r->board, 13000);
	serve(r, 0, 0xec);
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
}

static void the_shortest_period_still_lets_time_pass(void **state)
{
	struct rig *r = *state;

	enable(r);
	put(r, 0, LVTT, PERIODIC | 0xec);
	put(r, 0, TDCR, 0xb);
	put(r, 0, TMICT, 1);
	board_jump_to(&r->board, UINT64_MAX / 2);
	assert_true(timer_queue_deadline(&r->board.timers) == UINT64_MAX / 2 + 1);
	board_jump_to(&r->board, UINT64_MAX - 1);
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
}

static void tsc_deadline(void **state)
{
	struct rig *r = *state;

	enable(r);
	board_run_to(&r->board, 1000);
	wrmsr(r, 0, TSC_DEADLINE, 5000); /* not in this mode */
	assert_true(rdmsr(r, 0, TSC_DEADLINE) == 0);
	put(r, 0, LVTT, DEADLINE | 0xec);
	put(r, 0, TMICT, 100);
	assert_int_equal(get(r, 0, TMICT), 0);
	wrmsr(r, 0, TSC_DEADLINE, 5000);
	assert_true(rdmsr(r, 0, TSC_DEADLINE) == 5000);
	assert_int_equal(get(r, 0, TMCCT), 0);
	board_run_to(&r->board, 4999);
	assert_int_equal(lapic_pending(r->lapic, 0), -1);
	lapic_set_tsc_offset(r->lapic, 0, (uint64_t)-1000);
	board_run_to(&r->board, 5999);
	assert_int_equal(lapic_pending(r->lapic, 0), -1);
	board_run_to(&r->board, 6000);
	serve(r, 0, 0xec);
	assert_true(rdmsr(r, 0, TSC_DEADLINE) == 0);
	wrmsr(r, 0, TSC_DEADLINE, 4000); /* past: at once */
	serve(r, 0, 0xec);
	wrmsr(r, 0, TSC_DEADLINE, 9000);
	wrmsr(r, 0, TSC_DEADLINE, 0);
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
	wrmsr(r, 0, TSC_DEADLINE, UINT64_MAX);
	put(r, 0, LVTT, 0xec);
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
}

static void x2apic(void **state)
{
	struct rig *r = *state;
	uint64_t value;

	enable(r);
	assert_false(lapic_msr_read(r->lapic, 1, X2(ID), &value));
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		wrmsr(r, cpu, APIC_BASE, BASE | BASE_ON | BASE_X2);
	assert_true(rdmsr(r, 0, APIC_BASE) == (BASE | BASE_ON | BASE_X2 | BASE_BSP));
	assert_int_equal(get(r, 1, ID), 0xffffffff);
	put(r, 1, TPR, 0x70);
	assert_int_equal(rdmsr(r, 1, X2(TPR)), 0);
	assert_int_equal(rdmsr(r, 1, X2(ID)), 1);
	assert_int_equal(rdmsr(r, 3, X2(LDR)), 8);
	assert_int_equal(rdmsr(r, 1, X2(VERSION)), 0x50014);
	wrmsr(r, 0, X2(ICR), 2ull << 32 | 0x61);
	assert_true(rdmsr(r, 0, X2(ICR)) == (2ull << 32 | 0x61));
	assert_int_equal(lapic_pending(r->lapic, 2), 0x61);
	lapic_accept(r->lapic, 2, 0x61);
	wrmsr(r, 2, X2(EOI), 0);
	assert_int_equal(rdmsr(r, 2, X2(ISR + 0x30)), 0);
	wrmsr(r, 0, X2(ICR), 0x0000000aull << 32 | LOGICAL | 0x62);
	assert_int_equal(lapic_pending(r->lapic, 1), 0x62);
	assert_int_equal(lapic_pending(r->lapic, 3), 0x62);
	assert_int_equal(lapic_pending(r->lapic, 2), -1);
	wrmsr(r, 0, X2(ICR), 0xffffffffull << 32 | 0x63);
	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		assert_int_equal(lapic_pending(r->lapic, cpu), 0x63);
	wrmsr(r, 0, X2(0x3f0), 0x77);
	assert_int_equal(lapic_pending(r->lapic, 0), 0x77);
}

static void x2apic_refusals(void **state)
{
	static const uint64_t nowhere[] = {0x000, 0x010, 0x040, 0x090, 0x0b0, 0x0c0, 0x0e0,
					   0x290, 0x2f0, 0x310, 0x3a0, 0x3f0, 0x400, 0xff0};
	static const uint64_t constant[] = {ID, VERSION, PPR, LDR, ISR, TMR, IRR + 0x70, TMCCT};
	struct rig *r = *state;
	uint64_t value;

	enable(r);
	wrmsr(r, 0, APIC_BASE, BASE | BASE_BSP | BASE_ON | BASE_X2);
	for (size_t n = 0; n < sizeof(nowhere) / sizeof(nowhere[0]); n++)
		assert_false(lapic_msr_read(r->lapic, 0, X2(nowhere[n]), &value));
	for (size_t n = 0; n < sizeof(constant) / sizeof(constant[0]); n++) {
		assert_true(lapic_msr_read(r->lapic, 0, X2(constant[n]), &value));
		refused(r, 0, X2(constant[n]), 0);
	}
	refused(r, 0, X2(EOI), 1);
	refused(r, 0, X2(ESR), 1);
	refused(r, 0, X2(DFR), 0);
	refused(r, 0, X2(TPR), 0x100);
	refused(r, 0, X2(SVR), 0x1000);
	refused(r, 0, X2(LVT0), 1ull << 32);
	refused(r, 0, X2(ICR), 0x1000);
	refused(r, 0, X2(0x3f0), 0x100);
	refused(r, 0, X2(TMICT), 1ull << 32);
	refused(r, 0, X2(TDCR), 4);
	wrmsr(r, 0, X2(ESR), 0);
	assert_false(lapic_msr_read(r->lapic, 0, 0x7ff, &value));
	assert_false(lapic_msr_read(r->lapic, 0, 0x900, &value));
}

static void apic_base_transitions(void **state)
{
	struct rig *r = *state;
	struct lapic *plain;

	enable(r);
	refused(r, 1, APIC_BASE, 0xfee01000 | BASE_ON); /* relocation */
	refused(r, 1, APIC_BASE, BASE | BASE_ON | 1);
	refused(r, 1, APIC_BASE, BASE | BASE_ON | 1ull << 52);
	refused(r, 1, APIC_BASE, BASE | BASE_X2);
	wrmsr(r, 1, APIC_BASE, BASE | BASE_ON | BASE_X2);
	refused(r, 1, APIC_BASE, BASE | BASE_ON);
	refused(r, 1, APIC_BASE, BASE | BASE_X2);
	wrmsr(r, 1, APIC_BASE, BASE);
	refused(r, 1, APIC_BASE, BASE | BASE_ON | BASE_X2);
	assert_int_equal(get(r, 1, ID), 0xffffffff);
	ipi(r, 0, 1, 0x500);
	ipi(r, 0, 1, 0x61);
	assert_string_equal(r->told, ""); /* nobody there */
	wrmsr(r, 1, APIC_BASE, BASE | BASE_ON);
	assert_int_equal(get(r, 1, SVR), 0xff);
	assert_int_equal(lapic_pending(r->lapic, 1), -1);
	plain = make(r, 1, false);
	assert_false(lapic_msr_write(plain, 0, APIC_BASE, BASE | BASE_ON | BASE_X2));
	assert_false(lapic_msr_write(plain, 0, TSC_DEADLINE, 0));
	lapic_mmio_write(plain, 0, SVR, 4, 0x1ff);
	lapic_mmio_write(plain, 0, LVTT, 4, 0xffffffff);
	assert_int_equal(lapic_mmio_read(plain, 0, LVTT, 4), 0x300ff);
	drop(plain);
}

static void odd_accesses(void **state)
{
	struct rig *r = *state;

	enable(r);
	assert_int_equal(lapic_mmio_read(r->lapic, 0, VERSION, 1), 0x14);
	assert_int_equal(lapic_mmio_read(r->lapic, 0, VERSION + 2, 2), 0x5);
	assert_int_equal(lapic_mmio_read(r->lapic, 0, VERSION + 2, 4), 0);
	assert_int_equal(lapic_mmio_read(r->lapic, 0, VERSION + 4, 4), 0);
	assert_int_equal(lapic_mmio_read(r->lapic, 0, VERSION, 8), 0);
	assert_int_equal(lapic_mmio_read(r->lapic, 0, 0xfff, 8), 0);
	lapic_mmio_write(r->lapic, 0, TPR, 1, 0x40);
	lapic_mmio_write(r->lapic, 0, TPR, 8, 0x40);
	lapic_mmio_write(r->lapic, 0, TPR + 1, 4, 0x40);
	lapic_mmio_write(r->lapic, 0, TPR + 4, 4, 0x40);
	assert_int_equal(get(r, 0, TPR), 0);
	put(r, 0, ID, 0x55000000);
	assert_int_equal(get(r, 0, ID), 0);
	put(r, 0, LVTT, 0xffffffff);
	assert_int_equal(get(r, 0, LVTT), 0x700ff);
}

static void saved_in_mid_flight(void **state)
{
	struct rig *r = *state;
	struct lapic *copy = make(r, CPUS, true), *original = r->lapic;

	enable(r);
	put(r, 0, LVTT, PERIODIC | 0xec);
	put(r, 0, TDCR, 0xb);
	put(r, 0, TMICT, 1000);
	put(r, 1, LVTT, 0xed);
	put(r, 1, TMICT, 400);
	ipi(r, 0, 2, 0x61);
	ipi(r, 0, 2, 0x72);
	lapic_accept(r->lapic, 2, 0x72);
	put(r, 3, TPR, 0x20);
	board_run_to(&r->board, 300);
	board_transplant(lapic_device(original), lapic_device(copy));
	drop(original);
	r->lapic = copy;
	assert_int_equal(get(r, 0, TMCCT), 700);
	assert_int_equal(get(r, 2, PPR), 0x70);
	assert_int_equal(lapic_cr8(copy, 3), 2);
	board_run_to(&r->board, 800);
	serve(r, 1, 0xed);
	board_run_to(&r->board, 1000);
	serve(r, 0, 0xec);
	put(r, 2, EOI, 0);
	serve(r, 2, 0x61);
	lapic_device(copy)->ops->reset(lapic_device(copy));
	assert_true(timer_queue_deadline(&r->board.timers) == TIMER_NEVER);
	assert_int_equal(get(r, 0, SVR), 0xff);
}

static void another_number_of_cpus_is_refused(void **state)
{
	struct rig *r = *state;
	struct lapic *two = make(r, 2, true);
	struct err err = {0};

	assert_int_not_equal(state_size_bytes(lapic_device(two)->state),
			     state_size_bytes(lapic_device(r->lapic)->state));
	drop(two);
	assert_null(lapic_create(&r->board.env, &(struct lapic_config){.n_cpus = 65, .ops = &ops},
				 &err));
	assert_says(&err, "65");
}

/* Whatever the guest does, the local APICs live. */
static void random_guests(void **state)
{
	struct rig *r = *state;
	struct seeded random;

	seeded_start(&random, 7);
	for (unsigned n = 0; n < 200000; n++) {
		unsigned cpu = (unsigned)seeded_below(&random, CPUS);
		uint64_t value = seeded_u64(&random) >> seeded_below(&random, 64);
		int vector = lapic_pending(r->lapic, cpu);

		r->told[0] = 0;
		switch (seeded_below(&random, 8)) {
		case 0:
			lapic_mmio_read(r->lapic, cpu, seeded_below(&random, 4096),
					1u << seeded_below(&random, 4));
			break;
		case 1:
			lapic_msr_write(r->lapic, cpu,
					(uint32_t)(0x800 + seeded_below(&random, 0x100)), value);
			break;
		case 2: lapic_msr_read(r->lapic, cpu, 0x800 + (value & 0xff), &value); break;
		case 3:
			if (seeded_chance(&random, 1, 10))
				lapic_msr_write(r->lapic, cpu, APIC_BASE,
						BASE | (value & (BASE_X2 | BASE_ON)));
			break;
		case 4:
			if (vector >= 0)
				lapic_accept(r->lapic, cpu, (uint8_t)vector);
			break;
		case 5: board_jump_to(&r->board, r->board.now_ns + (value & 0xffffff)); break;
		default:
			lapic_mmio_write(r->lapic, cpu, seeded_below(&random, 0x40) * 16, 4, value);
		}
	}
	board_hostile_load(lapic_device(r->lapic), 11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(power_up_state),
		TEST(priorities),
		TEST(a_higher_vector_nests),
		TEST(destinations),
		TEST(logical_clusters),
		TEST(lowest_priority_picks_one),
		TEST(processors_are_started),
		TEST(software_disabled),
		TEST(level_interrupts_tell_their_end),
		TEST(errors),
		TEST(one_shot),
		TEST(dividers),
		TEST(periodic),
		TEST(the_shortest_period_still_lets_time_pass),
		TEST(tsc_deadline),
		TEST(x2apic),
		TEST(x2apic_refusals),
		TEST(apic_base_transitions),
		TEST(odd_accesses),
		TEST(saved_in_mid_flight),
		TEST(another_number_of_cpus_is_refused),
		TEST(random_guests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
