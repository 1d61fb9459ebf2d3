/* SPDX-License-Identifier: Apache-2.0 */
/* The reference driver: x86_step() alone, no page ever cached. */
#include "core/x86/decode.h"
#include "core/x86/fault.h"
#include "core/x86/host_fp.h"
#include "tests/guests/vmm.h"

#include <stdlib.h>
#include <string.h>

#define NMI_VECTOR 2

struct stepper {
	struct board *board;
	unsigned index;
	uint64_t retired;
	struct x86_cpu cpu;
};

/* ---- the world ---- */

static struct x86_page world_page(void *ctx, uint64_t gpa, enum x86_page_use use)
{
	struct stepper *s = ctx;

	(void)use;
	return (struct x86_page){memory_host(s->board->memory, gpa, MEM_PAGE_BYTES), false};
}

static void world_page_changing(void *ctx, uint64_t gpa, unsigned len_bytes)
{
	(void)ctx;
	(void)gpa;
	(void)len_bytes;
}

static enum x86_status world_mmio_read(void *ctx, uint64_t gpa, unsigned size_bytes,
				       uint64_t *value)
{
	struct stepper *s = ctx;

	*value = board_mmio_read(s->board, s->index, gpa, size_bytes);
	return X86_OK;
}

static enum x86_status world_mmio_write(void *ctx, uint64_t gpa, unsigned size_bytes,
					uint64_t value)
{
	struct stepper *s = ctx;

	board_mmio_write(s->board, s->index, gpa, size_bytes, value);
	return X86_OK;
}

static enum x86_status world_port_in(void *ctx, uint16_t port, unsigned size_bytes, uint32_t *value)
{
	struct stepper *s = ctx;

	*value = board_port_in(s->board, s->index, port, size_bytes);
	return X86_OK;
}

static enum x86_status world_port_out(void *ctx, uint16_t port, unsigned size_bytes, uint32_t value)
{
	struct stepper *s = ctx;

	board_port_out(s->board, s->index, s->retired, port, size_bytes, value);
	return X86_OK;
}

static uint64_t world_tsc(void *ctx)
{
	return ((struct stepper *)ctx)->retired;
}

static enum x86_status world_msr_read(void *ctx, uint32_t index, uint64_t *value)
{
	struct stepper *s = ctx;

	return board_msr_read(s->board, s->index, index, value) ? X86_OK : X86_FAULT;
}

static enum x86_status world_msr_write(void *ctx, uint32_t index, uint64_t value)
{
	struct stepper *s = ctx;

	return board_msr_write(s->board, s->index, index, value) ? X86_OK : X86_FAULT;
}

static uint64_t world_tpr_read(void *ctx)
{
	struct stepper *s = ctx;

	return s->board->cpu[s->index].tpr;
}

static void world_tpr_write(void *ctx, uint64_t priority)
{
	struct stepper *s = ctx;

	s->board->cpu[s->index].tpr = (uint8_t)priority;
}

static const struct x86_world_ops world = {
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

/* ---- running ---- */

static void take_ipis(struct stepper *s)
{
	struct board_cpu *b = &s->board->cpu[s->index];

	if (b->init)
		x86_cpu_init_ipi(&s->cpu);
	if (b->startup && s->cpu.activity == X86_WAIT_SIPI)
		x86_cpu_startup_ipi(&s->cpu, b->startup_vector);
	b->init = b->startup = false;
}

static void take_interrupts(struct stepper *s)
{
	struct board_cpu *b = &s->board->cpu[s->index];
	int vector;

	if (b->nmi && !s->cpu.nmi_blocked && !s->cpu.shadow &&
	    s->cpu.event.kind == X86_EVENT_NONE) {
		b->nmi = false;
		x86_interrupt(&s->cpu, X86_EVENT_NMI, NMI_VECTOR);
		return;
	}
	vector = board_interrupt(s->board, s->index);
	if (vector >= 0 && x86_can_interrupt(&s->cpu)) {
		board_interrupt_taken(s->board, s->index, vector);
		x86_interrupt(&s->cpu, X86_EVENT_EXTERNAL, (uint8_t)vector);
	}
}

static enum x86_status step(struct x86_cpu *c, struct x86_insn *insn)
{
	uint32_t host = x86_fp_enter(c);
	enum x86_status status = x86_step(c, insn);

	x86_fp_leave(c, host);
	return status;
}

/* One turn.  Returns whether the processor did anything. */
static bool take_turn(struct stepper *s, const struct vmm_config *config)
{
	uint64_t end = s->retired + VMM_TURN;
	bool busy = false;

	take_ipis(s);
	while (s->retired < end && !s->board->ended && s->cpu.activity != X86_SHUTDOWN) {
		struct x86_insn insn;

		take_interrupts(s);
		if (s->cpu.activity != X86_ACTIVE)
			break;
		busy = true;
		if (step(&s->cpu, &insn) != X86_OK)
			continue;
		s->retired++;
		if (config->coverage)
			config->coverage[insn.op]++;
		board_advance(s->board, s->index, s->retired);
	}
	return busy;
}

static enum vmm_end run_all(struct stepper *all, const struct vmm_config *config)
{
	bool busy = true;

	while (busy) {
		busy = false;
		for (unsigned i = 0; i < config->cpus; i++) {
			busy |= take_turn(&all[i], config);
			if (all[i].board->ended)
				return VMM_EXITED;
			if (all[i].cpu.activity == X86_SHUTDOWN)
				return VMM_SHUTDOWN;
			if (all[i].retired >= config->limit)
				return VMM_LIMIT;
		}
	}
	return VMM_STUCK;
}

int vmm_drive_step(const struct vmm_drive *d, struct err *err)
{
	struct stepper *all = calloc(d->config->cpus, sizeof(*all));
	struct x86_decoder *decoder = malloc(sizeof(*decoder));
	const char *wrong = NULL;

	if (!all || !decoder) {
		free(all);
		free(decoder);
		return err_set(err, ERR_NO_MEMORY, "the processors");
	}
	x86_decoder_init(decoder);
	for (unsigned i = 0; i < d->config->cpus; i++) {
		struct stepper *s = &all[i];

		s->board = d->board;
		s->index = i;
		s->cpu.world = &world;
		s->cpu.world_ctx = s;
		s->cpu.model = d->config->model;
		s->cpu.decoder = decoder;
		s->cpu.apic_id = i;
		s->cpu.n_cpus = d->config->cpus;
		tlb_init(&s->cpu.tlb);
		x86_cpu_reset(&s->cpu, i == 0);
	}
	wrong = x86_cpu_set_state(&all[0].cpu, d->entry);
	if (!wrong)
		d->result->end = run_all(all, d->config);
	for (unsigned i = 0; i < d->config->cpus; i++) {
		d->result->retired[i] = all[i].retired;
		x86_cpu_get_state(&all[i].cpu, &d->result->state[i]);
	}
	free(all);
	free(decoder);
	return wrong ? err_set(err, ERR_INVALID, "entry state: %s", wrong) : 0;
}
