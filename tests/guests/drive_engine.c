/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/drive_engine.h"

#define NMI_VECTOR 2

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

struct engine *drive_create(const struct vmm_drive *d, const struct engine_ops *ops,
			    struct err *err)
{
	const struct engine_config config = {
		.memory = d->board->memory,
		.cpu_model = d->config->model->name,
		.n_vcpus = d->config->cpus,
		.machine = &machine,
		.machine_ctx = d->board,
	};
	struct engine *engine = ops->create(&config, err);

	if (engine && ops->set_state(engine, 0, d->entry, err)) {
		ops->destroy(engine);
		engine = NULL;
	}
	return engine;
}

void drive_destroy(const struct vmm_drive *d, const struct engine_ops *ops, struct engine *engine)
{
	for (unsigned i = 0; i < d->config->cpus; i++)
		ops->get_state(engine, i, &d->result->state[i]);
	ops->destroy(engine);
}

void drive_take_ipis(const struct drive_cpu *c)
{
	struct board_cpu *b = &c->d->board->cpu[c->cpu];

	if (b->init)
		c->ops->init_ipi(c->engine, c->cpu);
	if (b->startup)
		c->ops->startup_ipi(c->engine, c->cpu, b->startup_vector);
	b->init = b->startup = false;
}

static bool take_nmi(const struct drive_cpu *c)
{
	struct board_cpu *b = &c->d->board->cpu[c->cpu];

	if (!b->nmi || !c->ops->can_nmi(c->engine, c->cpu))
		return false;
	b->nmi = false;
	c->ops->inject(c->engine, c->cpu, X86_EVENT_NMI, NMI_VECTOR);
	return true;
}

void drive_take_interrupts(const struct drive_cpu *c)
{
	struct board *b = c->d->board;
	int vector;

	if (take_nmi(c))
		return;
	vector = board_interrupt(b, c->cpu);
	if (vector >= 0 && c->ops->can_interrupt(c->engine, c->cpu)) {
		board_interrupt_taken(b, c->cpu, vector);
		c->ops->inject(c->engine, c->cpu, X86_EVENT_EXTERNAL, (uint8_t)vector);
		vector = board_interrupt(b, c->cpu);
	}
	c->ops->want_window(c->engine, c->cpu, vector >= 0);
}

void drive_answer(const struct drive_cpu *c, const struct vcpu_exit *exit)
{
	struct board *b = c->d->board;
	uint64_t value = 0;

	if (exit->kind == VCPU_EXIT_MMIO && exit->write)
		board_mmio_write(b, c->cpu, exit->address, exit->size_bytes, exit->value);
	else if (exit->kind == VCPU_EXIT_MMIO)
		value = board_mmio_read(b, c->cpu, exit->address, exit->size_bytes);
	else if (exit->write)
		board_port_out(b, c->cpu, c->ops->count(c->engine, c->cpu), (uint16_t)exit->address,
			       exit->size_bytes, (uint32_t)exit->value);
	else
		value = board_port_in(b, c->cpu, (uint16_t)exit->address, exit->size_bytes);
	c->ops->complete(c->engine, c->cpu, value);
}

bool drive_wakes(const struct drive_cpu *c)
{
	return board_interrupt(c->d->board, c->cpu) >= 0 &&
	       c->ops->can_interrupt(c->engine, c->cpu);
}
