/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the interpreter's vCPUs see of the world (core/x86/x86_world.h).
 *
 * Ports and MMIO are answered from outside, by the machine, between two runs: the first time an
 * instruction asks, the question becomes the vCPU's exit and the instruction is given up with
 * nothing changed.  When the answer has come the instruction is executed again from its start
 * and finds it, and those to its earlier questions, in vcpu->answer, in order.
 */
#include "core/engine/interpret/block.h"
#include "core/engine/interpret/soft.h"
#include "core/engine/interpret/watch.h"

static struct x86_page soft_page(void *ctx, uint64_t gpa, enum x86_page_use use)
{
	struct soft_vcpu *v = ctx;
	struct memory *memory = v->soft->config.memory;
	uint64_t number = memory_page_number(memory, gpa);
	struct x86_page page = {NULL, false};
	uint8_t *watch;

	if (number == memory->pages)
		return page;
	page.host = memory_page_host(memory, number);
	page.cacheable = true;
	watch = memory_page_watch(memory, number);
	if (use == X86_PAGE_WRITE) {
		watch_entry_bits(v->soft, number);
		*watch |= MEM_PAGE_DIRTY;
		page.cacheable = !(*watch & (MEM_PAGE_CODE | MEM_PAGE_TABLE));
	} else if (use == X86_PAGE_TABLE) {
		watch_table(v->soft, number);
	}
	return page;
}

static void soft_page_changing(void *ctx, uint64_t gpa, unsigned len_bytes)
{
	struct soft_vcpu *v = ctx;

	watch_changing(v->soft, gpa, len_bytes);
}

static enum x86_status ask(struct soft_vcpu *v, struct vcpu_exit question, uint64_t *answer)
{
	if (v->n_used < v->n_answers) {
		*answer = v->answer[v->n_used++];
		return X86_OK;
	}
	if (v->n_answers == ANSWERS_MAX) {
		/* no instruction of the ISA makes this many accesses */
		*answer = ~0ull;
		return X86_OK;
	}
	v->exit = question;
	return X86_EXIT;
}

static enum x86_status soft_mmio_read(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t *value)
{
	struct vcpu_exit question = {
		.kind = VCPU_EXIT_MMIO, .size_bytes = (uint8_t)size_bytes, .address = gpa};

	return ask(ctx, question, value);
}

static enum x86_status soft_mmio_write(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t value)
{
	struct vcpu_exit question = {.kind = VCPU_EXIT_MMIO,
				     .write = true,
				     .size_bytes = (uint8_t)size_bytes,
				     .address = gpa,
				     .value = value};
	uint64_t none;

	return ask(ctx, question, &none);
}

static enum x86_status soft_port_in(void *ctx, uint16_t port, unsigned size_bytes, uint32_t *value)
{
	struct vcpu_exit question = {
		.kind = VCPU_EXIT_PORT, .size_bytes = (uint8_t)size_bytes, .address = port};
	uint64_t answer;

	X86_TRY(ask(ctx, question, &answer));
	*value = (uint32_t)answer;
	return X86_OK;
}

static enum x86_status soft_port_out(void *ctx, uint16_t port, unsigned size_bytes, uint32_t value)
{
	struct vcpu_exit question = {.kind = VCPU_EXIT_PORT,
				     .write = true,
				     .size_bytes = (uint8_t)size_bytes,
				     .address = port,
				     .value = value};
	uint64_t none;

	return ask(ctx, question, &none);
}

static uint64_t soft_tsc(void *ctx)
{
	struct soft_vcpu *v = ctx;
	const struct engine_config *config = &v->soft->config;

	return config->machine->tsc(config->machine_ctx, v->number, soft_now(v));
}

static enum x86_status soft_msr_read(void *ctx, uint32_t index, uint64_t *value)
{
	struct soft_vcpu *v = ctx;
	const struct engine_config *config = &v->soft->config;
	bool known = config->machine->msr_read(config->machine_ctx, v->number, index, value);

	return known ? X86_OK : X86_FAULT;
}

static enum x86_status soft_msr_write(void *ctx, uint32_t index, uint64_t value)
{
	struct soft_vcpu *v = ctx;
	const struct engine_config *config = &v->soft->config;
	bool known = config->machine->msr_write(config->machine_ctx, v->number, index, value);

	return known ? X86_OK : X86_FAULT;
}

static uint64_t soft_tpr_read(void *ctx)
{
	struct soft_vcpu *v = ctx;

	return v->soft->config.machine->tpr_read(v->soft->config.machine_ctx, v->number);
}

static void soft_tpr_write(void *ctx, uint64_t priority)
{
	struct soft_vcpu *v = ctx;

	v->soft->config.machine->tpr_write(v->soft->config.machine_ctx, v->number, priority);
}

const struct x86_world_ops soft_world = {
	.page = soft_page,
	.page_changing = soft_page_changing,
	.mmio_read = soft_mmio_read,
	.mmio_write = soft_mmio_write,
	.port_in = soft_port_in,
	.port_out = soft_port_out,
	.tsc = soft_tsc,
	.msr_read = soft_msr_read,
	.msr_write = soft_msr_write,
	.tpr_read = soft_tpr_read,
	.tpr_write = soft_tpr_write,
};
