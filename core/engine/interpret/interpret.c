/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpreter as an engine: its run loop.
 *
 * A run goes in slices.  In a slice control stays within blocks (soft.h) until the budget is used
 * up or something needs looking at: a fault to deliver, an exit, a change of mode.  Whatever
 * blocks cannot do - single-stepping, breakpoints, the instruction after STI, segments that are
 * not flat, the answer to an exit - goes through x86_step(), one instruction at a time.
 */
#include "core/engine/interpret/block.h"
#include "core/engine/interpret/uop.h"
#include "core/engine/interpret/watch.h"
#include "core/x86/fault.h"
#include "core/x86/host_fp.h"

#include <stdlib.h>
#include <sys/mman.h>

/* How many instructions may pass before a kick is noticed. */
#define SLICE_INSNS 65536

/* Memory for decoded code: some 800,000 instructions. */
#define BLOCK_ROOM_BYTES (64u << 20)

/* Iterations after which a REP instruction lets the loop look around. */
#define REP_LIMIT 65536

struct engine {
	struct soft soft;
};

/* ---- creation ---- */

static bool vcpu_create(struct soft *soft, unsigned number)
{
	struct soft_vcpu *v = calloc(1, sizeof(*v));

	if (!v)
		return false;
	v->soft = soft;
	v->number = number;
	v->cpu.world = &soft_world;
	v->cpu.world_ctx = v;
	v->cpu.model = soft->model;
	v->cpu.decoder = &soft->decoder;
	v->cpu.apic_id = number;
	v->cpu.n_cpus = soft->config.n_vcpus;
	v->cpu.rep_limit = REP_LIMIT;
	tlb_init(&v->cpu.tlb);
	x86_cpu_reset(&v->cpu, number == 0);
	soft->vcpu[number] = v;
	return true;
}

static size_t table_bytes(const struct soft *soft)
{
	return soft->config.memory->pages * sizeof(*soft->table);
}

static void interpret_destroy(struct engine *engine)
{
	struct soft *soft = &engine->soft;

	memory_watch(soft->config.memory, NULL, NULL);
	for (unsigned n = 0; n < soft->config.n_vcpus; n++)
		free(soft->vcpu[n]);
	block_cache_destroy(soft->blocks);
	if (soft->table)
		munmap(soft->table, table_bytes(soft));
	free(engine);
}

static void memory_changing(void *context, uint64_t gpa, uint64_t len_bytes)
{
	watch_changing(context, gpa, len_bytes);
}

static int soft_start(struct soft *soft, const struct engine_config *config, struct err *err)
{
	void *table;

	soft->config = *config;
	x86_decoder_init(&soft->decoder);
	soft->model = x86_cpu_model_find(config->cpu_model);
	if (!soft->model)
		return err_set(err, ERR_INVALID, "there is no CPU model \"%s\"", config->cpu_model);
	if (config->n_vcpus < 1 || config->n_vcpus > ENGINE_VCPUS_MAX)
		return err_set(err, ERR_INVALID, "a machine has 1 to %u vCPUs, not %u",
			       ENGINE_VCPUS_MAX, config->n_vcpus);
	soft->blocks = block_cache_create(config->memory, BLOCK_ROOM_BYTES, err);
	if (!soft->blocks)
		return ERR_NO_MEMORY;
	table = mmap(NULL, table_bytes(soft), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (table == MAP_FAILED)
		return err_system(err, "no memory for the list of paging structures");
	soft->table = table;
	for (unsigned n = 0; n < config->n_vcpus; n++)
		if (!vcpu_create(soft, n))
			return err_set(err, ERR_NO_MEMORY, "no memory for vCPU %u", n);
	memory_watch(config->memory, memory_changing, soft);
	return 0;
}

static struct engine *interpret_create(const struct engine_config *config, struct err *err)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	if (!engine) {
		err_set(err, ERR_NO_MEMORY, "no memory for the interpreter");
		return NULL;
	}
	if (soft_start(&engine->soft, config, err) != 0) {
		if (engine->soft.config.n_vcpus > ENGINE_VCPUS_MAX)
			engine->soft.config.n_vcpus = 0;
		interpret_destroy(engine);
		return NULL;
	}
	return engine;
}

/* ---- running ---- */

/* What blocks cannot do. */
static bool needs_step(const struct soft_vcpu *v)
{
	const struct x86_cpu *c = &v->cpu;

	if (c->event.kind != X86_EVENT_NONE || c->shadow || c->debug_hit || v->n_answers)
		return true;
	if (c->rflags & (X86_TF | X86_RF) || c->dr7 & 0xff || c->mode & X86_MODE_CAREFUL)
		return true;
	return (c->mode & X86_MODE_CODE) != X86_MODE_CODE64 && !(c->mode & X86_MODE_FLAT);
}

/* The instruction, or what was delivered in its place, is behind us. */
static void forget_answers(struct soft_vcpu *v)
{
	v->n_answers = v->n_used = 0;
	v->exit.kind = VCPU_EXIT_NONE;
}

static void step(struct soft_vcpu *v)
{
	bool delivering = v->cpu.event.kind != X86_EVENT_NONE;
	enum x86_status status;

	v->n_used = 0;
	v->exit.kind = VCPU_EXIT_NONE;
	status = x86_step(&v->cpu, NULL);
	if (status == X86_OK)
		v->count++;
	if (status != X86_EXIT)
		forget_answers(v);
	else if (!delivering && v->cpu.event.kind != X86_EVENT_NONE)
		v->n_answers = 0; /* given to the instruction that faulted, not to the delivery */
}

static void after_block(struct soft_vcpu *v, enum soft_leave leave)
{
	if (leave == LEAVE_EXIT)
		return;
	v->exit.kind = VCPU_EXIT_NONE; /* a REP instruction may have asked and will ask again */
	if (leave == LEAVE_FAULT)
		x86_event_deliver(&v->cpu); /* not now: it stays pending, v->exit says why */
}

/* Carries out only the first n instructions of a block, one by one. */
static void run_part(struct soft_vcpu *v, const struct block *b, uint64_t n)
{
	struct x86_cpu *c = &v->cpu;
	enum x86_status status = X86_OK;

	c->resync = false;
	for (const struct uop *u = b->uop; n-- && status == X86_OK && !c->resync && !c->shadow;
	     u++) {
		status = x86_execute(c, &u->in);
		if (status == X86_OK || status == X86_JUMPED)
			v->count++;
	}
	after_block(v, status == X86_FAULT  ? LEAVE_FAULT
		       : status == X86_EXIT ? LEAVE_EXIT
					    : LEAVE_NEXT);
}

static void run_slice(struct soft_vcpu *v, uint64_t n_insns)
{
	const struct block *b = block_at_rip(v);
	const struct uop *u;

	if (!b) {
		step(v);
		return;
	}
	if (b->n_insns > n_insns) {
		run_part(v, b, n_insns);
		return;
	}
	v->cpu.resync = false;
	v->rip_mask = x86_rip_mask(&v->cpu);
	v->target = v->count + n_insns;
	v->budget = (int64_t)n_insns;
	v->leave = LEAVE_NEXT;
	for (u = uop_enter(v, b, v->cpu.rip); u;)
		u = u->run(v, u);
	v->at = NULL;
	v->count = v->target - (uint64_t)v->budget;
	after_block(v, v->leave);
}

/* Halted, with an event that is still to be delivered. */
static bool is_waking(const struct x86_cpu *c)
{
	return c->activity == X86_HALTED && c->event.kind != X86_EVENT_NONE;
}

/* Reasons to leave between two instructions. */
static enum vcpu_exit_kind reason_to_leave(struct soft_vcpu *v, uint64_t until)
{
	const struct x86_cpu *c = &v->cpu;

	if (c->activity == X86_SHUTDOWN)
		return VCPU_EXIT_SHUTDOWN;
	if (v->want_window && !v->n_answers && x86_can_interrupt(c))
		return VCPU_EXIT_IRQ_WINDOW;
	if (v->count >= until)
		return VCPU_EXIT_INSTANT;
	if (c->activity != X86_ACTIVE && !is_waking(c))
		return VCPU_EXIT_HALT;
	if (atomic_exchange_explicit(&v->kicked, false, memory_order_acquire))
		return VCPU_EXIT_KICKED;
	return VCPU_EXIT_NONE;
}

static void interpret_run(struct engine *engine, unsigned vcpu, uint64_t until,
			  struct vcpu_exit *exit)
{
	struct soft_vcpu *v = engine->soft.vcpu[vcpu];
	uint32_t host = x86_fp_enter(&v->cpu);
	enum vcpu_exit_kind why;

	v->exit.kind = VCPU_EXIT_NONE;
	while ((why = reason_to_leave(v, until)) == VCPU_EXIT_NONE) {
		uint64_t left = until - v->count;

		if (needs_step(v))
			step(v);
		else
			run_slice(v, left < SLICE_INSNS ? left : SLICE_INSNS);
		if (v->exit.kind != VCPU_EXIT_NONE)
			break;
	}
	x86_fp_leave(&v->cpu, host);
	*exit = why == VCPU_EXIT_NONE ? v->exit : (struct vcpu_exit){.kind = why};
}

static void interpret_complete(struct engine *engine, unsigned vcpu, uint64_t value)
{
	struct soft_vcpu *v = engine->soft.vcpu[vcpu];

	v->answer[v->n_answers++] =
		v->exit.size_bytes < 8 ? value & ((1ull << 8 * v->exit.size_bytes) - 1) : value;
	v->exit.kind = VCPU_EXIT_NONE;
}

/* ---- state ---- */

static uint64_t interpret_count(const struct engine *engine, unsigned vcpu)
{
	return soft_now(engine->soft.vcpu[vcpu]);
}

static void interpret_set_count(struct engine *engine, unsigned vcpu, uint64_t instructions)
{
	engine->soft.vcpu[vcpu]->count = instructions;
}

static void interpret_get_state(const struct engine *engine, unsigned vcpu,
				struct vcpu_state *state)
{
	x86_cpu_get_state(&engine->soft.vcpu[vcpu]->cpu, state);
}

static int interpret_set_state(struct engine *engine, unsigned vcpu, const struct vcpu_state *state,
			       struct err *err)
{
	struct soft_vcpu *v = engine->soft.vcpu[vcpu];
	const char *wrong = x86_cpu_set_state(&v->cpu, state);

	if (wrong)
		return err_set(err, ERR_INVALID, "vCPU %u: %s", vcpu, wrong);
	forget_answers(v);
	return 0;
}

static bool interpret_can_interrupt(const struct engine *engine, unsigned vcpu)
{
	const struct soft_vcpu *v = engine->soft.vcpu[vcpu];

	return !v->n_answers && x86_can_interrupt(&v->cpu);
}

static bool interpret_can_nmi(const struct engine *engine, unsigned vcpu)
{
	const struct soft_vcpu *v = engine->soft.vcpu[vcpu];
	const struct x86_cpu *c = &v->cpu;

	return !v->n_answers && !c->nmi_blocked && !c->shadow && c->event.kind == X86_EVENT_NONE &&
	       (c->activity == X86_ACTIVE || c->activity == X86_HALTED);
}

static void interpret_want_window(struct engine *engine, unsigned vcpu, bool wanted)
{
	engine->soft.vcpu[vcpu]->want_window = wanted;
}

static void interpret_inject(struct engine *engine, unsigned vcpu, enum x86_event_kind kind,
			     uint8_t vector)
{
	struct soft_vcpu *v = engine->soft.vcpu[vcpu];
	uint32_t host = x86_fp_enter(&v->cpu);

	x86_interrupt(&v->cpu, kind, vector); /* if not now it stays pending */
	v->exit.kind = VCPU_EXIT_NONE;
	x86_fp_leave(&v->cpu, host);
}

static void interpret_init_ipi(struct engine *engine, unsigned vcpu)
{
	x86_cpu_init_ipi(&engine->soft.vcpu[vcpu]->cpu);
	forget_answers(engine->soft.vcpu[vcpu]);
}

static void interpret_startup_ipi(struct engine *engine, unsigned vcpu, uint8_t vector)
{
	x86_cpu_startup_ipi(&engine->soft.vcpu[vcpu]->cpu, vector);
}

static void interpret_kick(struct engine *engine, unsigned vcpu)
{
	atomic_store_explicit(&engine->soft.vcpu[vcpu]->kicked, true, memory_order_release);
}

static void interpret_collect_dirty(struct engine *engine)
{
	(void)engine; /* it marks pages as they are written */
}

static void interpret_rearm_dirty(struct engine *engine)
{
	for (unsigned n = 0; n < engine->soft.config.n_vcpus; n++)
		tlb_flush_writes(&engine->soft.vcpu[n]->cpu.tlb);
}

static void interpret_failure(const struct engine *engine, unsigned vcpu, struct err *err)
{
	(void)engine;
	(void)vcpu;
	err_clear(err); /* no run of it fails */
}

const struct engine_ops interpret_engine = {
	.name = "interpret",
	.exact_counts = true,
	.create = interpret_create,
	.destroy = interpret_destroy,
	.run = interpret_run,
	.complete = interpret_complete,
	.count = interpret_count,
	.set_count = interpret_set_count,
	.get_state = interpret_get_state,
	.set_state = interpret_set_state,
	.can_interrupt = interpret_can_interrupt,
	.can_nmi = interpret_can_nmi,
	.want_window = interpret_want_window,
	.inject = interpret_inject,
	.init_ipi = interpret_init_ipi,
	.startup_ipi = interpret_startup_ipi,
	.kick = interpret_kick,
	.collect_dirty = interpret_collect_dirty,
	.rearm_dirty = interpret_rearm_dirty,
	.failure = interpret_failure,
};
