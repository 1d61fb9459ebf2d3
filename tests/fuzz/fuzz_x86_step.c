/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software CPU by itself, in a world that fails when it likes: pages that are RAM now and
 * nothing a moment later, MMIO and ports that do not answer, MSRs that come and go.  After every
 * instruction the CPU must be in a state that a CPU can be in, and whatever did not complete must
 * have changed nothing.
 */
#include "tests/fuzz/image.h"

#include "core/x86/decode.h"
#include "core/x86/disasm.h"
#include "core/x86/fault.h"
#include "core/x86/fpu.h"
#include "core/x86/host_fp.h"
#include "core/x86/page_walk.h"
#include "tests/fuzz/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_TABLE	 1u
#define ROUND_TRIP_STEPS 8

struct world {
	struct x86_cpu *cpu;
	uint8_t *ram;
	struct seeded rng;
	unsigned no_page, no_answer; /* chances of failure, of 256 */
	bool steady;		     /* nothing fails at present */
	bool tracing;
	uint8_t marks[IMAGE_PAGES];
	uint64_t tsc;
};

static bool fails(struct world *w, unsigned chance)
{
	return !w->steady && seeded_below(&w->rng, 256) < chance;
}

/* ---- the world ---- */

static struct x86_page world_page(void *ctx, uint64_t gpa, enum x86_page_use use)
{
	struct world *w = ctx;
	struct x86_page page = {NULL, false};

	check(!(gpa & ~X86_PAGE_MASK), "a page is asked for by an address within it");
	if (gpa >= IMAGE_RAM_BYTES || fails(w, w->no_page))
		return page;
	page.host = w->ram + gpa;
	page.cacheable = !fails(w, w->no_page);
	if (use == X86_PAGE_TABLE && !w->marks[gpa / X86_PAGE_BYTES]) {
		w->marks[gpa / X86_PAGE_BYTES] = PAGES_TABLE;
		tlb_flush_writes(&w->cpu->tlb);
	}
	if (use == X86_PAGE_WRITE && w->marks[gpa / X86_PAGE_BYTES])
		page.cacheable = false;
	return page;
}

static void world_page_changing(void *ctx, uint64_t gpa, unsigned len_bytes)
{
	struct world *w = ctx;

	check(len_bytes && gpa % X86_PAGE_BYTES + len_bytes <= X86_PAGE_BYTES,
	      "a write is announced that crosses a page");
	check(gpa < IMAGE_RAM_BYTES, "a write is announced that is not to RAM");
	if (w->marks[gpa / X86_PAGE_BYTES])
		tlb_flush(&w->cpu->tlb);
}

static enum x86_status answer(struct world *w, uint64_t *value)
{
	if (fails(w, w->no_answer))
		return X86_EXIT;
	*value = seeded_u64(&w->rng);
	return X86_OK;
}

static void check_bus(uint64_t gpa, unsigned size_bytes)
{
	check(size_bytes == 1 || size_bytes == 2 || size_bytes == 4 || size_bytes == 8,
	      "a bus access of an odd size");
	check(gpa % X86_PAGE_BYTES + size_bytes <= X86_PAGE_BYTES, "a bus access crosses a page");
}

static enum x86_status world_mmio_read(void *ctx, uint64_t gpa, unsigned size_bytes,
				       uint64_t *value)
{
	check_bus(gpa, size_bytes);
	return answer(ctx, value);
}

static enum x86_status world_mmio_write(void *ctx, uint64_t gpa, unsigned size_bytes,
					uint64_t value)
{
	check_bus(gpa, size_bytes);
	return answer(ctx, &value);
}

static void check_port(uint16_t port, unsigned size_bytes)
{
	(void)port;
	check(size_bytes == 1 || size_bytes == 2 || size_bytes == 4, "a port of an odd size");
}

static enum x86_status world_port_in(void *ctx, uint16_t port, unsigned size_bytes, uint32_t *value)
{
	uint64_t v = 0;

	check_port(port, size_bytes);
	X86_TRY(answer(ctx, &v));
	*value = (uint32_t)v;
	return X86_OK;
}

static enum x86_status world_port_out(void *ctx, uint16_t port, unsigned size_bytes, uint32_t value)
{
	uint64_t v = value;

	check_port(port, size_bytes);
	return answer(ctx, &v);
}

static uint64_t world_tsc(void *ctx)
{
	return ((struct world *)ctx)->tsc += 77;
}

static enum x86_status world_msr_read(void *ctx, uint32_t index, uint64_t *value)
{
	return index & 1 ? X86_FAULT : answer(ctx, value);
}

static enum x86_status world_msr_write(void *ctx, uint32_t index, uint64_t value)
{
	return index & 2 ? X86_FAULT : answer(ctx, &value);
}

static uint64_t world_tpr_read(void *ctx)
{
	return seeded_below(&((struct world *)ctx)->rng, 16);
}

static void world_tpr_write(void *ctx, uint64_t priority)
{
	(void)ctx;
	check(priority < 16, "a task priority beyond 15");
}

static const struct x86_world_ops world_ops = {
	.page = world_page,
	.page_changing = world_page_changing,
	.mmio_read = world_mmio_read,
	.mmio_write = world_mmio_write,
	.port_in = world_port_in,
	.port_out = world_port_out,
	.tsc = world_tsc,
	.msr_read = world_msr_read,
	.msr_write = world_msr_write,
	.tpr_read = world_tpr_read,
	.tpr_write = world_tpr_write,
};

/* ---- what must hold ---- */

/* The state, with what an instruction that faults may change left out. */
static void snapshot(const struct x86_cpu *c, struct vcpu_state *s)
{
	x86_cpu_get_state(c, s);
	memset(&s->event, 0, sizeof(s->event));
	s->debug_hit = 0;
	s->mxcsr &= ~MXCSR_FLAGS; /* of an unmasked exception */
}

static bool is_unchanged(const struct x86_cpu *c, const struct vcpu_state *before)
{
	struct vcpu_state now;

	snapshot(c, &now);
	return states_equal(before, &now) && c->r[X86_REG_ZERO] == 0;
}

/* A translation that is kept must be the one that the tables give now. */
static void check_translation(struct world *w, const struct x86_tlb_entry *e,
			      enum x86_tlb_kind kind)
{
	uint64_t linear = e->page, gpa;

	if (linear == X86_TLB_NO_PAGE)
		return;
	check(page_walk_peek(w->cpu, linear, &gpa), "the TLB holds a page that is not mapped");
	check(gpa < IMAGE_RAM_BYTES, "the TLB holds a page that is not RAM");
	check(linear + e->addend == (uintptr_t)w->ram + gpa, "the TLB holds a wrong page");
	check(kind != X86_TLB_WRITE || !w->marks[gpa / X86_PAGE_BYTES],
	      "the TLB lets writes to a paging structure pass");
}

/* Every step looks at the entries of one kind. */
static void check_tlb(struct world *w, unsigned step)
{
	struct x86_tlb *tlb = &w->cpu->tlb;
	unsigned kind = step % X86_TLB_KINDS, set = step / X86_TLB_KINDS % X86_TLB_SETS;

	w->steady = true;
	for (unsigned n = 0; n < tlb->filled[set][kind]; n++)
		check_translation(w, &tlb->set[set][kind][tlb->slot[set][kind][n]],
				  (enum x86_tlb_kind)kind);
	w->steady = false;
}

static void check_sane(const struct x86_cpu *c)
{
	check(!(c->rip & ~x86_rip_mask(c)), "rip is wider than the code segment");
	check(c->cpl <= 3, "the CPL is beyond 3");
	check(c->r[X86_REG_ZERO] == 0, "the zero register is not zero");
	check(!(c->rflags & X86_ARITH) && c->rflags & X86_FLAG_1, "rflags holds what is lazy");
	check(c->activity <= X86_SHUTDOWN, "no such activity");
	check(!(c->mxcsr & ~MXCSR_VALID), "MXCSR has reserved bits");
}

/* The state that comes out can be put in again, and is the same then. */
static void check_round_trip(const struct x86_cpu *c, struct x86_cpu *other)
{
	struct vcpu_state out, again;
	const char *refusal;

	x86_cpu_get_state(c, &out);
	refusal = x86_cpu_set_state(other, &out);
	if (refusal) {
		state_print(&out);
		check_failed(refusal);
	}
	x86_cpu_get_state(other, &again);
	check(states_equal(&out, &again), "a state changes on its way out and in");
	check(other->mode == c->mode && other->cpl == c->cpl &&
		      other->code_bytes == c->code_bytes && other->stack_bytes == c->stack_bytes,
	      "what is derived from a state is not up to date");
}

/* ---- running ---- */

/* An event that is pending while the world answers must be delivered at once. */
static void deliver_pending(struct world *w)
{
	struct vcpu_state before;

	for (unsigned tries = 0; w->cpu->event.kind != X86_EVENT_NONE; tries++) {
		w->steady = tries == 4;
		check(tries < 5, "an event stays pending");
		snapshot(w->cpu, &before);
		if (x86_event_deliver(w->cpu) == X86_EXIT) {
			check(w->cpu->event.kind != X86_EVENT_NONE, "an event was lost");
			check(is_unchanged(w->cpu, &before), "a delivery that waits changes state");
		}
	}
	w->steady = false;
}

/* What an instruction does though it faults: IRET unblocks NMIs; a conversion to or from MMX
 * registers that raises #XM leaves the x87 in MMX state. */
static void allow_effects(const struct x86_cpu *c, struct vcpu_state *before)
{
	before->nmi_blocked &= c->nmi_blocked;
	if (c->event.vector == X86_XM && c->fpu.in_use == 0xff && fpu_top(c) == 0) {
		before->fpu.in_use = 0xff;
		before->fpu.status &= (uint16_t)~FSW_TOP;
	}
}

static void tell_insn(const struct x86_cpu *c, uint64_t rip, const struct x86_insn *i)
{
	char text[128] = "(none)";

	if (i->len)
		x86_disassemble(i, rip, text, sizeof(text));
	fprintf(stderr, "  %llx: %s; rip %llx, exception %u\n", (unsigned long long)rip, text,
		(unsigned long long)c->rip, c->event.vector);
}

/* One instruction in its parts, so that one can look in between. */
static void run_parts(struct world *w)
{
	struct x86_cpu *c = w->cpu;
	struct vcpu_state before;
	enum x86_status status;
	struct x86_insn i;

	snapshot(c, &before);
	status = x86_fetch_insn(c, &i);
	check(status == X86_OK || (status == X86_FAULT && c->event.kind != X86_EVENT_NONE),
	      "a fetch ends neither in an instruction nor in an exception");
	check(is_unchanged(c, &before), "a fetch changes state");
	if (status == X86_OK)
		status = x86_execute(c, &i);
	if (status == X86_FAULT)
		allow_effects(c, &before);
	if (w->tracing)
		tell_insn(c, before.rip, &i);
	if ((status == X86_FAULT || status == X86_EXIT) && !is_unchanged(c, &before)) {
		tell_insn(c, before.rip, &i);
		check_failed("an instruction that did not complete changed state");
	}
	if (status == X86_AGAIN)
		check(c->rip == before.rip, "a REP instruction that stopped has moved on");
	if (status != X86_FAULT)
		check(c->event.kind == X86_EVENT_NONE, "an exception without a fault");
	else
		check(c->event.kind != X86_EVENT_NONE, "a fault without an exception");
}

static void run_whole(struct world *w)
{
	struct x86_cpu *c = w->cpu;
	uint64_t rip = c->rip;
	struct x86_insn i;
	enum x86_status status = x86_step(c, &i);

	if (w->tracing)
		tell_insn(c, rip, &i);
	if (status == X86_FAULT)
		check(c->event.kind == X86_EVENT_NONE, "a fault was not delivered");
}

static void meddle(struct world *w, unsigned what)
{
	struct x86_cpu *c = w->cpu;

	if (what < 8 && x86_can_interrupt(c))
		x86_interrupt(c, X86_EVENT_EXTERNAL, (uint8_t)seeded_below(&w->rng, 256));
	else if (what == 8 && !c->nmi_blocked)
		x86_interrupt(c, X86_EVENT_NMI, X86_NMI);
	else if (what == 9)
		x86_cpu_init_ipi(c);
	else if (what < 16 && c->activity == X86_WAIT_SIPI)
		x86_cpu_startup_ipi(c, IMAGE_CODE >> 12);
}

static void run(struct world *w, struct x86_cpu *other, unsigned steps)
{
	struct x86_cpu *c = w->cpu;
	uint32_t host;

	for (unsigned n = 0; n < steps && c->activity != X86_SHUTDOWN; n++) {
		host = x86_fp_enter(c);
		deliver_pending(w);
		meddle(w, (unsigned)seeded_below(&w->rng, 256));
		deliver_pending(w);
		if (c->activity == X86_ACTIVE) {
			if (seeded_below(&w->rng, 2))
				run_parts(w);
			else
				run_whole(w);
		}
		x86_fp_leave(c, host);
		check_sane(c);
		check_tlb(w, n);
		if (n % ROUND_TRIP_STEPS == 0)
			check_round_trip(c, other);
	}
}

static struct x86_cpu *cpu_create(const struct x86_cpu_model *model,
				  const struct x86_decoder *decoder, struct world *w)
{
	struct x86_cpu *c = calloc(1, sizeof(*c));

	check(c != NULL, "no memory");
	c->model = model;
	c->decoder = decoder;
	c->world = &world_ops;
	c->world_ctx = w;
	c->n_cpus = 1;
	x86_cpu_reset(c, true);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t rep_limits[4] = {1, 5, 64, 1000};
	static const uint8_t chances[8] = {0, 0, 1, 3, 8, 16, 32, 64};
	struct x86_decoder decoder;
	struct world w = {0};
	struct image *image = malloc(sizeof(*image));
	const struct x86_cpu_model *model;
	struct x86_cpu *other;

	check(image != NULL, "no memory");
	if (!image_make(image, data, size)) {
		free(image);
		return 0;
	}
	x86_decoder_init(&decoder);
	model = x86_cpu_model_find(image->in.model);
	w.cpu = cpu_create(model, &decoder, &w);
	other = cpu_create(model, &decoder, &w);
	w.rng = image->rng;
	w.tracing = check_tracing();
	w.ram = aligned_alloc(X86_PAGE_BYTES, IMAGE_RAM_BYTES);
	check(w.ram != NULL, "no memory");
	memcpy(w.ram, image->ram, IMAGE_RAM_BYTES);
	w.no_page = chances[image->in.world_hint & 7];
	w.no_answer = chances[image->in.world_hint >> 3 & 7];
	w.cpu->rep_limit = rep_limits[image->in.world_hint >> 6];
	if (!x86_cpu_set_state(w.cpu, &image->state))
		run(&w, other, 16 + image->in.step_hint);
	free(w.ram);
	free(w.cpu);
	free(other);
	free(image);
	return 0;
}
