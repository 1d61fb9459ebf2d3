/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver on KVM.  Nothing is counted: a processor runs until it halts or, when several take turns,
 * until a thread beside them kicks it.  The same thread ends a guest that goes on for ever.
 */
#include "tests/guests/drive_engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define KICK_MICROSECONDS 2000
#define KICKS_MAX	  20000 /* some time beyond 40 seconds */

struct kicker {
	const struct engine_ops *ops;
	struct engine *engine;
	atomic_uint cpu; /* whose turn it is */
	atomic_bool done, late;
	bool turns;
};

static void *kick(void *ctx)
{
	struct kicker *k = ctx;

	for (unsigned n = 0; !atomic_load(&k->done); n++) {
		usleep(KICK_MICROSECONDS);
		if (n >= KICKS_MAX)
			atomic_store(&k->late, true);
		if (k->turns || n >= KICKS_MAX)
			k->ops->kick(k->engine, atomic_load(&k->cpu));
	}
	return NULL;
}

/* One turn.  Returns whether the processor did anything. */
static bool take_turn(const struct drive_cpu *c, struct err *err)
{
	struct vmm_result *r = c->d->result;
	struct vcpu_exit exit = {0};
	bool busy = false;

	drive_take_ipis(c);
	while (!c->d->board->ended) {
		drive_take_interrupts(c);
		c->ops->run(c->engine, c->cpu, UINT64_MAX, &exit);
		busy |= exit.kind != VCPU_EXIT_HALT;
		if (exit.kind == VCPU_EXIT_PORT || exit.kind == VCPU_EXIT_MMIO)
			drive_answer(c, &exit);
		else if (exit.kind == VCPU_EXIT_SHUTDOWN)
			r->end = VMM_SHUTDOWN;
		else if (exit.kind == VCPU_EXIT_FAILED)
			c->ops->failure(c->engine, c->cpu, err);
		if (exit.kind == VCPU_EXIT_SHUTDOWN || exit.kind == VCPU_EXIT_FAILED ||
		    exit.kind == VCPU_EXIT_KICKED ||
		    (exit.kind == VCPU_EXIT_HALT && !drive_wakes(c)))
			break;
	}
	r->retired[c->cpu] = c->ops->count(c->engine, c->cpu);
	if (c->d->board->ended)
		r->end = VMM_EXITED;
	return busy;
}

static void run_all(const struct vmm_drive *d, struct kicker *k, struct err *err)
{
	bool busy = true;

	d->result->end = VMM_STUCK;
	while (busy && !err->code) {
		busy = false;
		for (unsigned i = 0; i < d->config->cpus && !err->code; i++) {
			const struct drive_cpu c = {d, k->ops, k->engine, i};

			atomic_store(&k->cpu, i);
			busy |= take_turn(&c, err);
			if (atomic_load(&k->late))
				d->result->end = VMM_LIMIT;
			if (d->result->end != VMM_STUCK)
				return;
		}
	}
}

int vmm_drive_kvm(const struct vmm_drive *d, struct err *err)
{
	struct kicker k = {.ops = &kvm_engine, .turns = d->config->cpus > 1};
	pthread_t thread;

	err_clear(err);
	k.engine = drive_create(d, k.ops, err);
	if (!k.engine)
		return err->code;
	if (pthread_create(&thread, NULL, kick, &k)) {
		err_set(err, ERR_NO_MEMORY, "no thread for kicks");
	} else {
		run_all(d, &k, err);
		atomic_store(&k.done, true);
		pthread_join(thread, NULL);
	}
	drive_destroy(d, k.ops, k.engine);
	return err->code;
}
