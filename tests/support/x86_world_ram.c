/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/x86_world_ram.h"

#include "core/x86/cpuid.h"
#include "core/x86/decode.h"
#include "core/x86/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct x86_page ram_page(void *ctx, uint64_t gpa, enum x86_page_use use)
{
	struct x86_world_ram *w = ctx;

	if (gpa >= w->ram_bytes)
		return (struct x86_page){NULL, false};
	return (struct x86_page){w->ram + gpa, use != X86_PAGE_WRITE};
}

/* Any page may hold paging structures. */
static void ram_page_changing(void *ctx, uint64_t gpa, unsigned len_bytes)
{
	struct x86_world_ram *w = ctx;

	(void)gpa;
	(void)len_bytes;
	tlb_flush(&w->cpu.tlb);
}

static enum x86_status ram_mmio_read(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t *value)
{
	struct x86_world_ram *w = ctx;

	if (w->waits)
		return X86_EXIT;
	*value = size_bytes == 8 ? gpa : gpa & ((1ull << 8 * size_bytes) - 1);
	return X86_OK;
}

static enum x86_status ram_mmio_write(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t value)
{
	struct x86_world_ram *w = ctx;

	if (w->waits)
		return X86_EXIT;
	w->mmio_written.gpa = gpa;
	w->mmio_written.value = value;
	w->mmio_written.size_bytes = size_bytes;
	w->mmio_written.count++;
	return X86_OK;
}

static enum x86_status ram_port_in(void *ctx, uint16_t port, unsigned size_bytes, uint32_t *value)
{
	struct x86_world_ram *w = ctx;

	(void)port;
	(void)size_bytes;
	if (w->waits)
		return X86_EXIT;
	*value = w->port_reads;
	return X86_OK;
}

static enum x86_status ram_port_out(void *ctx, uint16_t port, unsigned size_bytes, uint32_t value)
{
	struct x86_world_ram *w = ctx;

	if (w->waits)
		return X86_EXIT;
	w->port_written.value = value;
	w->port_written.port = port;
	w->port_written.size_bytes = (uint8_t)size_bytes;
	return X86_OK;
}

static uint64_t ram_tsc(void *ctx)
{
	return ((struct x86_world_ram *)ctx)->tsc;
}

static enum x86_status ram_msr_read(void *ctx, uint32_t index, uint64_t *value)
{
	(void)ctx;
	(void)index;
	(void)value;
	return X86_FAULT;
}

static enum x86_status ram_msr_write(void *ctx, uint32_t index, uint64_t value)
{
	(void)ctx;
	(void)index;
	(void)value;
	return X86_FAULT;
}

static uint64_t ram_tpr_read(void *ctx)
{
	return ((struct x86_world_ram *)ctx)->tpr;
}

static void ram_tpr_write(void *ctx, uint64_t priority)
{
	((struct x86_world_ram *)ctx)->tpr = priority;
}

static const struct x86_world_ops ram_ops = {
	.page = ram_page,
	.page_changing = ram_page_changing,
	.mmio_read = ram_mmio_read,
	.mmio_write = ram_mmio_write,
	.port_in = ram_port_in,
	.port_out = ram_port_out,
	.tsc = ram_tsc,
	.msr_read = ram_msr_read,
	.msr_write = ram_msr_write,
	.tpr_read = ram_tpr_read,
	.tpr_write = ram_tpr_write,
};

static void *zeroed(size_t align, size_t bytes)
{
	size_t whole = (bytes + align - 1) / align * align;
	void *p = aligned_alloc(align, whole);

	if (!p) {
		fprintf(stderr, "no memory for a test\n");
		abort();
	}
	return memset(p, 0, whole);
}

struct x86_world_ram *x86_world_ram_create(uint64_t ram_bytes)
{
	struct x86_world_ram *w = zeroed(64, sizeof(*w));

	w->ram = zeroed(X86_PAGE_BYTES, ram_bytes);
	w->ram_bytes = ram_bytes;
	w->decoder = zeroed(64, sizeof(*w->decoder));
	x86_decoder_init(w->decoder);
	w->cpu.world = &ram_ops;
	w->cpu.world_ctx = w;
	w->cpu.model = x86_cpu_model_find("test-all");
	w->cpu.decoder = w->decoder;
	w->cpu.n_cpus = 1;
	x86_cpu_reset(&w->cpu, true);
	return w;
}

void x86_world_ram_destroy(struct x86_world_ram *w)
{
	free(w->decoder);
	free(w->ram);
	free(w);
}

uint64_t x86_ram_get(const struct x86_world_ram *w, uint64_t gpa, unsigned size_bytes)
{
	uint64_t value = 0;

	memcpy(&value, w->ram + gpa, size_bytes);
	return value;
}

void x86_ram_put(struct x86_world_ram *w, uint64_t gpa, unsigned size_bytes, uint64_t value)
{
	memcpy(w->ram + gpa, &value, size_bytes);
	tlb_flush(&w->cpu.tlb);
}

enum x86_status x86_ram_execute(struct x86_world_ram *w, const uint8_t *bytes, unsigned n_bytes)
{
	struct x86_insn i;

	if (x86_decode(w->decoder, bytes, n_bytes, w->cpu.code_bytes, &i) != X86_DECODE_OK)
		return x86_raise(&w->cpu, X86_UD);
	return x86_execute(&w->cpu, &i);
}

void x86_ram_code(struct x86_world_ram *w, uint64_t rip, const void *bytes, unsigned n_bytes)
{
	memcpy(w->ram + rip, bytes, n_bytes);
	w->cpu.rip = rip;
}
