/* SPDX-License-Identifier: Apache-2.0 */
/* The driver on the interpreter engine. */
#include "tests/guests/drive_engine.h"

#define LONG_TURN (1u << 20)

struct turn {
	struct drive_cpu c;
	uint64_t end;
	bool answered; /* an access of the current instruction: it has to retire before anything
			* else may happen */
};

/* Where the next run has to stop: one instruction on when it has been answered or an NMI waits
 * for it, at the next tick, or at the end of the turn. */
static uint64_t stop_at(const struct turn *t, uint64_t count)
{
	const struct board_cpu *b = &t->c.d->board->cpu[t->c.cpu];

	if (t->answered || b->nmi)
		return count + 1;
	return b->tick_set && b->tick_at < t->end ? b->tick_at : t->end;
}

static void after_run(struct turn *t, const struct vcpu_exit *exit)
{
	if (exit->kind != VCPU_EXIT_PORT && exit->kind != VCPU_EXIT_MMIO)
		return;
	drive_answer(&t->c, exit);
	t->answered = true;
}

/* One turn.  Returns whether the processor did anything. */
static bool take_turn(struct turn *t)
{
	const struct drive_cpu *c = &t->c;
	struct board *b = c->d->board;
	uint64_t count = c->ops->count(c->engine, c->cpu);
	struct vcpu_exit exit = {0};
	bool busy = false;

	/* with nobody to take turns with, leave the engine to itself */
	t->end = count + (c->d->config->cpus > 1 ? VMM_TURN : LONG_TURN);
	drive_take_ipis(c);
	while (count < t->end && exit.kind != VCPU_EXIT_SHUTDOWN && (!b->ended || t->answered)) {
		uint64_t before = count;

		if (!t->answered)
			drive_take_interrupts(c);
		c->ops->run(c->engine, c->cpu, stop_at(t, count), &exit);
		count = c->ops->count(c->engine, c->cpu);
		busy |= count != before || exit.kind != VCPU_EXIT_HALT;
		if (count != before)
			t->answered = false;
		board_advance(b, c->cpu, count);
		after_run(t, &exit);
		if (exit.kind == VCPU_EXIT_HALT && !drive_wakes(c))
			break;
	}
	c->d->result->retired[c->cpu] = count;
	if (exit.kind == VCPU_EXIT_SHUTDOWN)
		c->d->result->end = VMM_SHUTDOWN;
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
			struct turn t = {.c = {d, ops, engine, i}};

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
	struct engine *engine = drive_create(d, ops, err);

	if (!engine)
		return err->code;
	run_all(d, ops, engine);
	drive_destroy(d, ops, engine);
	return 0;
}
