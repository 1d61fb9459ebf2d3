/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block interpreter against x86_step(): two machines made from the same input, one run by the
 * engine, one an instruction at a time by a plain loop whose CPU has no TLB at all.  At every stop
 * both must have the same state, the same memory, the same dirty pages, the same retired count, and
 * must have asked the same questions of the outside at the same instants.
 *
 * Between stops both are treated alike: interrupts, NMIs, INIT and SIPI, writes to memory from
 * outside (into code and page tables too), harvests of dirty pages.  To the engine happens more
 * that must make no difference: kicks, and its state taken out and put in again.
 */
#include "tests/fuzz/check.h"
#include "tests/fuzz/image.h"

#include "core/dirty.h"
#include "core/engine/engine.h"
#include "core/x86/decode.h"
#include "core/x86/disasm.h"
#include "core/x86/fault.h"
#include "core/x86/host_fp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUESTIONS_MAX 1024 /* of ports and MMIO in a segment */
#define ANSWERS_MAX   120  /* to one instruction */
#define WORK_MAX      4096 /* steps of the plain loop in a segment */
#define SEGMENTS      12

/* The registers of the machine around a CPU. */
struct outside {
	uint64_t seed;
	uint64_t msr[8], tpr;
};

/* What was asked when `count` instructions had retired. */
struct question {
	struct vcpu_exit exit;
	uint64_t count;
};

struct plain {
	struct x86_cpu cpu;
	struct x86_decoder decoder;
	struct outside outside;
	uint64_t count;
	uint8_t *ram;
	bool dirty[IMAGE_PAGES];
	struct question question[QUESTIONS_MAX];
	unsigned n_questions;	      /* since the last stop */
	uint64_t answer[ANSWERS_MAX]; /* to this instruction's questions so far */
	unsigned n_answers, n_used;
	struct vcpu_exit asked; /* and not answered yet */
	bool want_window, tracing;
};

struct engined {
	struct memory *memory;
	struct engine *engine;
	struct outside outside;
};

/* ---- outside ---- */

static uint64_t answer(const struct outside *o, const struct question *q)
{
	uint64_t x = o->seed ^ q->exit.address * 0x9e3779b97f4a7c15ull ^ q->count << 32;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ull;
	x ^= x >> 32;
	return q->exit.size_bytes < 8 ? x & ((1ull << 8 * q->exit.size_bytes) - 1) : x;
}

static uint64_t tsc_at(const struct outside *o, uint64_t instructions)
{
	return o->seed + 3 * instructions;
}

static bool outside_msr_read(const struct outside *o, uint32_t index, uint64_t *value)
{
	if (index >> 6 != 0x800 >> 6)
		return false;
	*value = o->msr[index & 7];
	return true;
}

static bool outside_msr_write(struct outside *o, uint32_t index, uint64_t value)
{
	if (index >> 6 != 0x800 >> 6 || value >> 63)
		return false;
	o->msr[index & 7] = value;
	return true;
}

/* ---- the plain machine ---- */

static void tell_exit(const char *who, const struct vcpu_exit *exit, uint64_t count)
{
	char text[96];

	vcpu_exit_format(exit, text, sizeof(text));
	fprintf(stderr, "  %s: %s after %" PRIu64 "\n", who, text, count);
}

static struct x86_page plain_page(void *ctx, uint64_t gpa, enum x86_page_use use)
{
	struct plain *p = ctx;

	if (gpa >= IMAGE_RAM_BYTES)
		return (struct x86_page){NULL, false};
	if (use == X86_PAGE_WRITE)
		p->dirty[gpa / X86_PAGE_BYTES] = true;
	return (struct x86_page){p->ram + gpa, false};
}

static void plain_page_changing(void *ctx, uint64_t gpa, unsigned len_bytes)
{
	(void)ctx;
	(void)gpa;
	(void)len_bytes;
}

static enum x86_status plain_ask(struct plain *p, struct vcpu_exit exit, uint64_t *value)
{
	if (p->n_used == p->n_answers) {
		p->asked = exit;
		return X86_EXIT;
	}
	*value = p->answer[p->n_used++];
	return X86_OK;
}

/* Answers what was asked; false: it asks too much. */
static bool plain_answer(struct plain *p)
{
	struct question *q = &p->question[p->n_questions];

	if (p->n_questions == QUESTIONS_MAX || p->n_answers == ANSWERS_MAX)
		return false;
	*q = (struct question){.exit = p->asked, .count = p->count};
	p->n_questions++;
	p->answer[p->n_answers++] = answer(&p->outside, q);
	if (p->tracing)
		tell_exit("plain", &q->exit, p->count);
	return true;
}

static enum x86_status plain_mmio_read(void *ctx, uint64_t gpa, unsigned size_bytes,
				       uint64_t *value)
{
	struct vcpu_exit exit = {
		.kind = VCPU_EXIT_MMIO, .size_bytes = (uint8_t)size_bytes, .address = gpa};

	return plain_ask(ctx, exit, value);
}

static enum x86_status plain_mmio_write(void *ctx, uint64_t gpa, unsigned size_bytes,
					uint64_t value)
{
	struct vcpu_exit exit = {.kind = VCPU_EXIT_MMIO,
				 .write = true,
				 .size_bytes = (uint8_t)size_bytes,
				 .address = gpa,
				 .value = value};

	return plain_ask(ctx, exit, &value);
}

static enum x86_status plain_port_in(void *ctx, uint16_t port, unsigned size_bytes, uint32_t *value)
{
	struct vcpu_exit exit = {
		.kind = VCPU_EXIT_PORT, .size_bytes = (uint8_t)size_bytes, .address = port};
	uint64_t v = 0;

	X86_TRY(plain_ask(ctx, exit, &v));
	*value = (uint32_t)v;
	return X86_OK;
}

static enum x86_status plain_port_out(void *ctx, uint16_t port, unsigned size_bytes, uint32_t value)
{
	struct vcpu_exit exit = {.kind = VCPU_EXIT_PORT,
				 .write = true,
				 .size_bytes = (uint8_t)size_bytes,
				 .address = port,
				 .value = value};
	uint64_t v;

	return plain_ask(ctx, exit, &v);
}

static uint64_t plain_tsc(void *ctx)
{
	const struct plain *p = ctx;

	return tsc_at(&p->outside, p->count);
}

static enum x86_status plain_msr_read(void *ctx, uint32_t index, uint64_t *value)
{
	return outside_msr_read(&((struct plain *)ctx)->outside, index, value) ? X86_OK : X86_FAULT;
}

static enum x86_status plain_msr_write(void *ctx, uint32_t index, uint64_t value)
{
	return outside_msr_write(&((struct plain *)ctx)->outside, index, value) ? X86_OK
										: X86_FAULT;
}

static uint64_t plain_tpr_read(void *ctx)
{
	return ((struct plain *)ctx)->outside.tpr;
}

static void plain_tpr_write(void *ctx, uint64_t priority)
{
	((struct plain *)ctx)->outside.tpr = priority;
}

static const struct x86_world_ops plain_world = {
	.page = plain_page,
	.page_changing = plain_page_changing,
	.mmio_read = plain_mmio_read,
	.mmio_write = plain_mmio_write,
	.port_in = plain_port_in,
	.port_out = plain_port_out,
	.tsc = plain_tsc,
	.msr_read = plain_msr_read,
	.msr_write = plain_msr_write,
	.tpr_read = plain_tpr_read,
	.tpr_write = plain_tpr_write,
};

static void plain_trace(const struct plain *p, uint64_t rip, const struct x86_insn *i,
			enum x86_status status)
{
	char text[128] = "(none)";

	if (!p->tracing)
		return;
	if (i->len)
		x86_disassemble(i, rip, text, sizeof(text));
	fprintf(stderr, "  %" PRIu64 " %" PRIx64 ": %s; status %u, rip %" PRIx64 "\n", p->count,
		rip, text, status, p->cpu.rip);
}

/* One step, and if it has to wait, the answer it waits for.  An event that waits to be delivered has
 * answers of its own; those given to the instruction that raised it are used up. */
static enum x86_status plain_step(struct plain *p)
{
	bool delivering = p->cpu.event.kind != X86_EVENT_NONE;
	uint64_t rip = p->cpu.rip;
	enum x86_status status;
	struct x86_insn i;

	p->n_used = 0;
	status = x86_step(&p->cpu, &i);
	plain_trace(p, rip, &i, status);
	if (status != X86_EXIT || (!delivering && p->cpu.event.kind != X86_EVENT_NONE))
		p->n_answers = 0;
	p->count += status == X86_OK;
	return status;
}

/* Runs as the engine's run() does; VCPU_EXIT_NONE: it takes too long or asks too much. */
static enum vcpu_exit_kind plain_run(struct plain *p, uint64_t until)
{
	const struct x86_cpu *c = &p->cpu;

	for (unsigned work = 0; work < WORK_MAX; work++) {
		if (c->activity == X86_SHUTDOWN)
			return VCPU_EXIT_SHUTDOWN;
		if (p->want_window && !p->n_answers && x86_can_interrupt(c))
			return VCPU_EXIT_IRQ_WINDOW;
		if (p->count >= until)
			return VCPU_EXIT_INSTANT;
		if (c->activity != X86_ACTIVE && c->event.kind == X86_EVENT_NONE)
			return VCPU_EXIT_HALT;
		if (plain_step(p) == X86_EXIT && !plain_answer(p))
			return VCPU_EXIT_NONE;
	}
	return VCPU_EXIT_NONE;
}

/* ---- the engine's machine ---- */

static uint64_t engined_tsc(void *ctx, unsigned vcpu, uint64_t instructions)
{
	(void)vcpu;
	return tsc_at(&((struct engined *)ctx)->outside, instructions);
}

static bool engined_msr_read(void *ctx, unsigned vcpu, uint32_t index, uint64_t *value)
{
	(void)vcpu;
	return outside_msr_read(&((struct engined *)ctx)->outside, index, value);
}

static bool engined_msr_write(void *ctx, unsigned vcpu, uint32_t index, uint64_t value)
{
	(void)vcpu;
	return outside_msr_write(&((struct engined *)ctx)->outside, index, value);
}

static uint64_t engined_tpr_read(void *ctx, unsigned vcpu)
{
	(void)vcpu;
	return ((struct engined *)ctx)->outside.tpr;
}

static void engined_tpr_write(void *ctx, unsigned vcpu, uint64_t priority)
{
	(void)vcpu;
	((struct engined *)ctx)->outside.tpr = priority;
}

static const struct engine_machine_ops engined_ops = {
	.tsc = engined_tsc,
	.msr_read = engined_msr_read,
	.msr_write = engined_msr_write,
	.tpr_read = engined_tpr_read,
	.tpr_write = engined_tpr_write,
};

/* Runs to a stop, answering what the plain machine was asked, in the same order. */
static enum vcpu_exit_kind engined_run(struct engined *e, const struct plain *p, uint64_t until)
{
	struct vcpu_exit exit;
	uint64_t count;

	for (unsigned n = 0;;) {
		interpret_engine.run(e->engine, 0, until, &exit);
		count = interpret_engine.count(e->engine, 0);
		if (p->tracing)
			tell_exit("engine", &exit, count);
		if (exit.kind == VCPU_EXIT_KICKED)
			continue;
		if (exit.kind != VCPU_EXIT_PORT && exit.kind != VCPU_EXIT_MMIO) {
			check(n == p->n_questions, "the engine has asked fewer questions");
			return exit.kind;
		}
		if (n == p->n_questions || !vcpu_exit_equal(&exit, &p->question[n].exit) ||
		    count != p->question[n].count) {
			tell_exit("engine", &exit, count);
			if (n < p->n_questions)
				tell_exit("plain", &p->question[n].exit, p->question[n].count);
			check_failed("the engine asks another question");
		}
		interpret_engine.complete(e->engine, 0, answer(&e->outside, &p->question[n++]));
	}
}

/* ---- both ---- */

struct pair {
	struct plain *plain;
	struct engined *engined;
	struct seeded rng;
};

static void compare_memory(const struct pair *pair)
{
	for (unsigned page = 0; page < IMAGE_PAGES; page++) {
		const uint8_t *a = memory_page_host(pair->engined->memory, page);
		const uint8_t *b = pair->plain->ram + page * X86_PAGE_BYTES;
		bool dirty = *memory_page_watch(pair->engined->memory, page) & MEM_PAGE_DIRTY;

		for (unsigned n = 0; memcmp(a, b, X86_PAGE_BYTES) && n < X86_PAGE_BYTES; n++)
			if (a[n] != b[n]) {
				fprintf(stderr, "  at 0x%x: engine %02x, plain %02x\n",
					page * X86_PAGE_BYTES + n, a[n], b[n]);
				check_failed("memory differs");
			}
		if (dirty != pair->plain->dirty[page]) {
			fprintf(stderr, "  page %u: engine %d, plain %d\n", page, dirty,
				pair->plain->dirty[page]);
			check_failed("dirty pages differ");
		}
	}
}

static void compare(const struct pair *pair, enum vcpu_exit_kind engined, enum vcpu_exit_kind plain)
{
	struct vcpu_state a, b;
	uint64_t count = interpret_engine.count(pair->engined->engine, 0);

	if (engined != plain || count != pair->plain->count) {
		tell_exit("engine", &(struct vcpu_exit){.kind = engined}, count);
		tell_exit("plain", &(struct vcpu_exit){.kind = plain}, pair->plain->count);
		check_failed("the machines stop differently");
	}
	interpret_engine.get_state(pair->engined->engine, 0, &a);
	x86_cpu_get_state(&pair->plain->cpu, &b);
	check(states_equal(&a, &b), "states differ (the engine's is the first)");
	check(!memcmp(&pair->engined->outside, &pair->plain->outside, sizeof(struct outside)),
	      "registers of the machine differ");
	compare_memory(pair);
}

/* ---- what happens to both between stops ---- */

static void write_from_outside(struct pair *pair)
{
	uint64_t bytes = seeded_u64(&pair->rng);
	unsigned len = 1u << seeded_below(&pair->rng, 4);
	uint64_t gpa = seeded_below(&pair->rng, 2)
			       ? IMAGE_CODE + seeded_below(&pair->rng, X86_PAGE_BYTES)
			       : seeded_below(&pair->rng, IMAGE_RAM_BYTES - len);

	check(memory_write(pair->engined->memory, gpa, &bytes, len, NULL) == 0, "no such memory");
	memcpy(pair->plain->ram + gpa, &bytes, len);
	pair->plain->dirty[gpa / X86_PAGE_BYTES] = true;
	pair->plain->dirty[(gpa + len - 1) / X86_PAGE_BYTES] = true;
}

static void harvest(struct pair *pair)
{
	struct page_set set;

	check(page_set_init(&set, IMAGE_PAGES, NULL) == 0, "no memory");
	dirty_harvest(pair->engined->memory, &set);
	interpret_engine.rearm_dirty(pair->engined->engine);
	page_set_free(&set);
	memset(pair->plain->dirty, 0, sizeof(pair->plain->dirty));
}

/* What delivery asks, the engine asks in its next run. */
static void inject(struct pair *pair, enum x86_event_kind kind, uint8_t vector)
{
	struct x86_cpu *c = &pair->plain->cpu;
	uint32_t host = x86_fp_enter(c);

	pair->plain->n_used = 0;
	x86_interrupt(c, kind, vector);
	x86_fp_leave(c, host);
	interpret_engine.inject(pair->engined->engine, 0, kind, vector);
}

static void put_state_again(struct pair *pair)
{
	struct vcpu_state state;
	struct err err = {0};

	interpret_engine.get_state(pair->engined->engine, 0, &state);
	if (interpret_engine.set_state(pair->engined->engine, 0, &state, &err) != 0)
		check_failed("the engine refuses its own state");
}

static void interrupt(struct pair *pair)
{
	uint8_t vector = (uint8_t)seeded_below(&pair->rng, 256);
	bool can = x86_can_interrupt(&pair->plain->cpu);

	check(can == interpret_engine.can_interrupt(pair->engined->engine, 0),
	      "only one machine can be interrupted");
	if (can)
		inject(pair, X86_EVENT_EXTERNAL, vector);
}

static void between_stops(struct pair *pair, unsigned what)
{
	struct engine *engine = pair->engined->engine;
	struct x86_cpu *c = &pair->plain->cpu;

	switch (what % 16) {
	case 0:
	case 1: harvest(pair); break;
	case 2:
	case 3:
	case 4: write_from_outside(pair); break;
	case 5: put_state_again(pair); break;
	case 6: interpret_engine.kick(engine, 0); break;
	case 7:
		pair->plain->want_window = !pair->plain->want_window;
		interpret_engine.want_window(engine, 0, pair->plain->want_window);
		break;
	case 8:
		if (interpret_engine.can_nmi(engine, 0))
			inject(pair, X86_EVENT_NMI, X86_NMI);
		break;
	case 9:
		interpret_engine.init_ipi(engine, 0);
		x86_cpu_init_ipi(c);
		interpret_engine.startup_ipi(engine, 0, IMAGE_CODE >> 12);
		x86_cpu_startup_ipi(c, IMAGE_CODE >> 12);
		break;
	default: interrupt(pair); break;
	}
}

/* False: nothing more will come of it. */
static bool after_stop(struct pair *pair, enum vcpu_exit_kind why)
{
	if (why == VCPU_EXIT_SHUTDOWN)
		return false;
	if (why == VCPU_EXIT_IRQ_WINDOW) {
		pair->plain->want_window = false;
		interpret_engine.want_window(pair->engined->engine, 0, false);
	}
	if (why == VCPU_EXIT_HALT || why == VCPU_EXIT_IRQ_WINDOW)
		interrupt(pair);
	return why != VCPU_EXIT_HALT || pair->plain->cpu.activity == X86_ACTIVE ||
	       pair->plain->cpu.event.kind != X86_EVENT_NONE;
}

static void run_pair(struct pair *pair, const uint8_t script[4])
{
	enum vcpu_exit_kind engined, plain;
	uint64_t until = pair->plain->count;
	uint32_t host;

	for (unsigned n = 0; n < SEGMENTS; n++) {
		unsigned hint = script[n % 4] + n * 37;

		until = pair->plain->count + 1 + seeded_below(&pair->rng, 1u << (hint & 7));
		host = x86_fp_enter(&pair->plain->cpu);
		plain = plain_run(pair->plain, until);
		x86_fp_leave(&pair->plain->cpu, host);
		if (plain == VCPU_EXIT_NONE)
			return;
		engined = engined_run(pair->engined, pair->plain, until);
		compare(pair, engined, plain);
		pair->plain->n_questions = 0;
		if (!after_stop(pair, plain))
			return;
		if (hint & 8)
			between_stops(pair, hint >> 4);
	}
}

/* ---- making them ---- */

static bool plain_start(struct plain *p, const struct image *image)
{
	static const uint16_t rep_limits[4] = {0, 1, 7, 1000};

	x86_decoder_init(&p->decoder);
	p->ram = malloc(IMAGE_RAM_BYTES);
	check(p->ram != NULL, "no memory");
	memcpy(p->ram, image->ram, IMAGE_RAM_BYTES);
	p->cpu.world = &plain_world;
	p->cpu.world_ctx = p;
	p->cpu.model = x86_cpu_model_find(image->in.model);
	p->cpu.decoder = &p->decoder;
	p->cpu.n_cpus = 1;
	p->cpu.rep_limit = rep_limits[image->in.world_hint & 3];
	p->outside.seed = image->in.seed;
	p->tracing = check_tracing();
	x86_cpu_reset(&p->cpu, true);
	return !x86_cpu_set_state(&p->cpu, &image->state);
}

static void engined_start(struct engined *e, const struct image *image)
{
	struct err err = {0};
	struct engine_config config = {
		.memory = memory_create(IMAGE_RAM_BYTES, &err),
		.cpu_model = image->in.model,
		.n_vcpus = 1,
		.machine = &engined_ops,
		.machine_ctx = e,
	};

	check(config.memory != NULL, "no memory");
	e->memory = config.memory;
	memcpy(memory_page_host(e->memory, 0), image->ram, IMAGE_RAM_BYTES);
	e->outside.seed = image->in.seed;
	e->engine = interpret_engine.create(&config, &err);
	check(e->engine != NULL, "no engine");
	check(interpret_engine.set_state(e->engine, 0, &image->state, &err) == 0,
	      "the engine refuses a state that the CPU takes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image *image = malloc(sizeof(*image));
	struct plain *plain = calloc(1, sizeof(*plain));
	struct engined engined = {0};
	struct pair pair = {.plain = plain, .engined = &engined};

	check(image && plain, "no memory");
	if (image_make(image, data, size) && plain_start(plain, image)) {
		pair.rng = image->rng;
		engined_start(&engined, image);
		run_pair(&pair, image->in.script_hint);
		interpret_engine.destroy(engined.engine);
		memory_destroy(engined.memory);
	}
	free(plain->ram);
	free(plain);
	free(image);
	return 0;
}
