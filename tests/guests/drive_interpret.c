/* SPDX-License-Identifier: Apache-2.0 */
/* The driver on the interpreter engine: the board answers its exits and interrupts it. */
#include "core/engine/engine.h"
#include "tests/guests/vmm.h"

#define NMI_VECTOR 2
#define LONG_TURN  (1u << 20)

struct turn {
	const struct vmm_drive *d;
	const struct engine_ops *ops;
	struct engine *engine;
	unsigned cpu;
	uint64_t end;
	bool answered; /* an access of the current instruction: it has to retire before anything
			* else may happen */
};

static uint64_t machine_tsc(void *ctx, unsigned vcpu, uint64_t instructions)
{
	(void)ctx;
	(void)vcpu;
	return instructions;
}

static bool machine_msr_read(void *ctx, unsigned vcpu, uint32_t index, uint64_t *value)
{
	return board_msr_read(ctx, vcpu, index, value);
}

static bool machine_msr_write(void *ctx, unsigned vcpu, uint32_t index, uint64_t value)
{
	return board_msr_write(ctx, vcpu, index, value);
}

static uint64_t machine_tpr_read(void *ctx, unsigned vcpu)
{
	return ((struct board *)ctx)->cpu[vcpu].tpr;
}

static void machine_tpr_write(void *ctx, unsigned vcpu, uint64_t priority)
{
	((struct board *)ctx)->cpu[vcpu].tpr = (uint8_t)priority;
}

static const struct engine_machine_ops machine = {
	.tsc = machine_tsc,
	.msr_read = machine_msr_read,
	.msr_write = machine_msr_write,
	.tpr_read = machine_tpr_read,
	.tpr_write = machine_tpr_write,
};

static void take_ipis(struct turn *t)
{
	struct board_cpu *b = &t->d->board->cpu[t->cpu];

	if (b->init)
		t->ops->init_ipi(t->engine, t->cpu);
	if (b->startup)
		t->ops->startup_ipi(t->engine, t->cpu, b->startup_vector);
	b->init = b->startup = false;
}

static bool take_nmi(struct turn *t)
{
	struct board_cpu *b = &t->d->board->cpu[t->cpu];
	struct vcpu_state s;

	if (!b->nmi)
		return false;
	t->ops->get_state(t->engine, t->cpu, &s);
	if (s.nmi_blocked || s.shadow || s.event.kind != X86_EVENT_NONE)
		return false;
	b->nmi = false;
	t->ops->inject(t->engine, t->cpu, X86_EVENT_NMI, NMI_VECTOR);
	return true;
}

static void take_interrupts(struct turn *t)
{
	int vector;

	if (take_nmi(t))
		return;
	vector = board_interrupt(t->d->board, t->cpu);
	if (vector >= 0 && t->ops->can_interrupt(t->engine, t->cpu)) {
		board_interrupt_taken(t->d->board, t->cpu, vector);
		t->ops->inject(t->engine, t->cpu, X86_EVENT_EXTERNAL, (uint8_t)vector);
		vector = board_interrupt(t->d->board, t->cpu);
	}
	t->ops->want_window(t->engine, t->cpu, vector >= 0);
}

static void answer(struct turn *t, const struct vcpu_exit *exit)
{
	struct board *b = t->d->board;
	uint64_t value = 0;

	if (exit->kind == VCPU_EXIT_MMIO && exit->write)
		board_mmio_write(b, t->cpu, exit->address, exit->size_bytes, exit->value);
	else if (exit->kind == VCPU_EXIT_MMIO)
		value = board_mmio_read(b, t->cpu, exit->address, exit->size_bytes);
	else if (exit->write)
		board_port_out(b, t->cpu, t->ops->count(t->engine, t->cpu), (uint16_t)exit->address,
			       exit->size_bytes, (uint32_t)exit->value);
	else
		value = board_port_in(b, t->cpu, (uint16_t)exit->address, exit->size_bytes);
	t->ops->complete(t->engine, t->cpu, value);
	t->answered = true;
}

/* Where the next run has to stop: one instruction on when it has been answered or an NMI waits
 * for it, at the next tick, or at the end of the turn. */
static uint64_t stop_at(const struct turn *t, uint64_t count)
{
	const struct board_cpu *b = &t->d->board->cpu[t->cpu];

	if (t->answered || b->nmi)
		return count + 1;
	return b->tick_set && b->tick_at < t->end ? b->tick_at : t->end;
}

static bool wakes(const struct turn *t)
{
	return board_interrupt(t->d->board, t->cpu) >= 0 &&
	       t->ops->can_interrupt(t->engine, t->cpu);
}

/* One turn.  Returns whether the processor did anything. */
static bool take_turn(struct turn *t)
{
	struct board *b = t->d->board;
	uint64_t start = t->ops->count(t->engine, t->cpu), count = start;
	struct vcpu_exit exit = {0};
	bool busy = false;

	/* with nobody to take turns with, leave the engine to itself */
	t->end = start + (t->d->config->cpus > 1 ? VMM_TURN : LONG_TURN);
	t->answered = false;
	take_ipis(t);
	while (count < t->end && exit.kind != VCPU_EXIT_SHUTDOWN && (!b->ended || t->answered)) {
		uint64_t before = count;

		if (!t->answered)
			take_interrupts(t);
		t->ops->run(t->engine, t->cpu, stop_at(t, count), &exit);
		count = t->ops->count(t->engine, t->cpu);
		busy |= count != before || exit.kind != VCPU_EXIT_HALT;
		if (count != before)
			t->answered = false;
		board_advance(b, t->cpu, count);
		if (exit.kind == VCPU_EXIT_PORT || exit.kind == VCPU_EXIT_MMIO)
			answer(t, &exit);
		if (exit.kind == VCPU_EXIT_HALT && !wakes(t))
			break;
	}
	t->d->result->retired[t->cpu] = count;
	if (exit.kind == VCPU_EXIT_SHUTDOWN)
		t->d->result->end = VMM_SHUTDOWN;
	return busy;
}

static void run_all(const struct vmm_drive *d, const struct engine_ops *ops, struct engine *engine)
{
	struct vmm_result *r = d->result;
	bool busy = true;

	r->end = VMM_STUCK;
	while (busy) {
		busy = false;
		for (unsigned i = 0; i < d->config->cpus; i++) {
			struct turn t = {.d = d, .ops = ops, .engine = engine, .cpu = i};

			busy |= take_turn(&t);
			if (d->board->ended)
				r->end = VMM_EXITED;
			else if (r->retired[i] >= d->config->limit)
				r->end = VMM_LIMIT;
			if (r->end != VMM_STUCK)
				return;
		}
	}
}

int vmm_drive_interpret(const struct vmm_drive *d, struct err *err)
{
	const struct engine_ops *ops = &interpret_engine;
	const struct engine_config config = {
		.memory = d->board->memory,
		.cpu_model = d->config->model->name,
		.n_vcpus = d->config->cpus,
		.machine = &machine,
		.machine_ctx = d->board,
	};
	struct engine *engine = ops->create(&config, err);
	int failed;

	if (!engine)
		return err->code;
	failed = ops->set_state(engine, 0, d->entry, err);
	if (!failed)
		run_all(d, ops, engine);
	for (unsigned i = 0; i < d->config->cpus; i++)
		ops->get_state(engine, i, &d->result->state[i]);
	ops->destroy(engine);
	return failed;
}
