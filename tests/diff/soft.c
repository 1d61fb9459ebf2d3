/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/soft.h"

#include "core/engine/engine.h"
#include "core/x86/cpu.h"
#include "core/x86/cpuid.h"
#include "core/x86/fpu.h"
#include "core/x86/host_fp.h"
#include "core/x86/opcode.h"
#include "core/x86/operand.h"
#include "tests/diff/quirks.h"
#include "tests/diff/soft_image.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 20000
#define MODEL	  "test-all"
#define F80_HALF  0x3ffe

/* ---- the reference's world: RAM and nothing else ---- */

static struct x86_page world_page(void *ctx, uint64_t gpa, enum x86_page_use use)
{
	const struct memory *memory = ctx;

	(void)use;
	return (struct x86_page){memory_host(memory, gpa, MEM_PAGE_BYTES), true};
}

static void world_page_changing(void *ctx, uint64_t gpa, unsigned len_bytes)
{
	(void)ctx, (void)gpa, (void)len_bytes;
}

static enum x86_status world_mmio_read(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t *v)
{
	(void)ctx, (void)gpa, (void)size_bytes;
	*v = ~0ull;
	return X86_OK;
}

static enum x86_status world_mmio_write(void *ctx, uint64_t gpa, unsigned size_bytes, uint64_t v)
{
	(void)ctx, (void)gpa, (void)size_bytes, (void)v;
	return X86_OK;
}

static enum x86_status world_port_in(void *ctx, uint16_t port, unsigned size_bytes, uint32_t *v)
{
	(void)ctx, (void)port, (void)size_bytes;
	*v = ~0u;
	return X86_OK;
}

static enum x86_status world_port_out(void *ctx, uint16_t port, unsigned size_bytes, uint32_t v)
{
	(void)ctx, (void)port, (void)size_bytes, (void)v;
	return X86_OK;
}

static uint64_t world_tsc(void *ctx)
{
	(void)ctx;
	return 0;
}

static enum x86_status world_msr_read(void *ctx, uint32_t index, uint64_t *v)
{
	(void)ctx, (void)index, (void)v;
	return X86_FAULT;
}

static enum x86_status world_msr_write(void *ctx, uint32_t index, uint64_t v)
{
	(void)ctx, (void)index, (void)v;
	return X86_FAULT;
}

static uint64_t world_tpr_read(void *ctx)
{
	(void)ctx;
	return 0;
}

static void world_tpr_write(void *ctx, uint64_t v)
{
	(void)ctx, (void)v;
}

static const struct x86_world_ops world = {
	world_page,	 world_page_changing, world_mmio_read, world_mmio_write,
	world_port_in,	 world_port_out,      world_tsc,       world_msr_read,
	world_msr_write, world_tpr_read,      world_tpr_write,
};

/* ---- the same for engines ---- */

static uint64_t machine_tsc(void *ctx, unsigned vcpu, uint64_t instructions)
{
	(void)ctx, (void)vcpu, (void)instructions;
	return 0;
}

static bool machine_msr_read(void *ctx, unsigned vcpu, uint32_t index, uint64_t *v)
{
	(void)ctx, (void)vcpu, (void)index, (void)v;
	return false;
}

static bool machine_msr_write(void *ctx, unsigned vcpu, uint32_t index, uint64_t v)
{
	(void)ctx, (void)vcpu, (void)index, (void)v;
	return false;
}

static uint64_t machine_tpr_read(void *ctx, unsigned vcpu)
{
	(void)ctx, (void)vcpu;
	return 0;
}

static void machine_tpr_write(void *ctx, unsigned vcpu, uint64_t v)
{
	(void)ctx, (void)vcpu, (void)v;
}

static const struct engine_machine_ops machine = {
	machine_tsc, machine_msr_read, machine_msr_write, machine_tpr_read, machine_tpr_write,
};

bool soft_open(struct soft *s, const struct generator *g, int cpu, struct err *err)
{
	uint8_t constants[ARENA_PAGE_BYTES];

	memset(s, 0, sizeof(*s));
	s->generator = g;
	s->cpu = calloc(1, sizeof(*s->cpu));
	s->memory = memory_create(IMAGE_BYTES, err);
	if (!s->cpu || !s->memory)
		return false;
	generate_constants(g, constants);
	image_build(s->memory, cpu, constants);
	s->cpu->world = &world;
	s->cpu->world_ctx = s->memory;
	s->cpu->model = x86_cpu_model_find(MODEL);
	s->cpu->decoder = &g->decoder;
	s->cpu->n_cpus = 1;
	x86_cpu_reset(s->cpu, true);
	s->engine = interpret_engine.create(
		&(struct engine_config){
			.memory = s->memory, .cpu_model = MODEL, .n_vcpus = 1, .machine = &machine},
		err);
	return s->engine != NULL;
}

void soft_close(struct soft *s)
{
	if (s->engine)
		interpret_engine.destroy(s->engine);
	memory_destroy(s->memory);
	free(s->cpu);
}

/* ---- a case in and a result out ---- */

static void load_memory(struct soft *s, const struct diff_case *c)
{
	memory_write(s->memory, IMAGE_CODE + c->code_at, c->code, c->n_code_bytes, NULL);
	memory_write(s->memory, IMAGE_DATA, c->data, ARENA_DATA_BYTES, NULL);
	memory_write(s->memory, IMAGE_SCRATCH, c->scratch, CASE_SCRATCH_BYTES, NULL);
}

static void unload_memory(struct soft *s, const struct diff_case *c, struct diff_result *r)
{
	uint8_t fill[CASE_CODE_BYTES];

	memset(fill, ARENA_FILL, sizeof(fill));
	memory_write(s->memory, IMAGE_CODE + c->code_at, fill, c->n_code_bytes, NULL);
	memcpy(r->data, memory_host(s->memory, IMAGE_DATA, ARENA_DATA_BYTES), ARENA_DATA_BYTES);
	memcpy(r->scratch, memory_host(s->memory, IMAGE_SCRATCH, CASE_SCRATCH_BYTES),
	       CASE_SCRATCH_BYTES);
}

static void get_fx(const struct vcpu_state *v, struct case_fx *fx)
{
	unsigned top = v->fpu.status >> 11 & 7;

	memset(fx, 0, sizeof(*fx));
	fx->control = v->fpu.control;
	fx->status = v->fpu.status;
	fx->in_use = v->fpu.in_use;
	fx->opcode = v->fpu.opcode;
	fx->instruction_ptr = v->fpu.instruction_ptr;
	fx->data_ptr = v->fpu.data_ptr;
	fx->mxcsr = v->mxcsr;
	for (unsigned n = 0; n < 8; n++) {
		fx->st[n].mantissa = v->fpu.reg[(top + n) & 7].mantissa;
		fx->st[n].sign_exponent = v->fpu.reg[(top + n) & 7].sign_exponent;
	}
	memcpy(fx->xmm, v->xmm, sizeof(fx->xmm));
}

static bool has_error_code(unsigned vector)
{
	return vector == X86_DF || (vector >= X86_TS && vector <= X86_PF) || vector == X86_AC;
}

/* The user's RIP, CS, RFLAGS, RSP and SS are what delivery pushed; the rest is still there. */
static void get_result(struct soft *s, const struct vcpu_state *v, struct diff_result *r)
{
	uint64_t frame[5], gpa = v->gpr[X86_RSP] - IMAGE_KERNEL, error = 0;

	memset(&r->out, 0, sizeof(r->out));
	r->vector = (uint8_t)((v->rip - IMAGE_HANDLER(0)) / IMAGE_HANDLER_STEP);
	r->end = END_TRAP;
	if (v->rip < IMAGE_HANDLER(0) || v->rip >= IMAGE_HANDLER(256)) {
		r->end = END_ODD;
		return;
	}
	if (has_error_code(r->vector)) {
		memory_read(s->memory, gpa, &error, 8, NULL);
		gpa += 8;
	}
	if (gpa + sizeof(frame) != IMAGE_STACK + 4096 ||
	    memory_read(s->memory, gpa, frame, sizeof(frame), NULL) != 0)
		r->end = END_ODD;
	r->error = (uint32_t)error;
	r->cr2 = r->vector == X86_PF ? v->cr2 : 0;
	memcpy(r->out.gpr, v->gpr, sizeof(r->out.gpr));
	r->out.rip = frame[0];
	r->out.rflags = frame[2];
	r->out.gpr[X86_RSP] = frame[3];
	for (unsigned n = 0; n < 6; n++)
		r->out.sel[n] = v->seg[n].selector;
	r->out.sel[X86_CS] = (uint16_t)frame[1];
	r->out.sel[X86_SS] = (uint16_t)frame[4];
	r->out.fs_base = v->seg[X86_FS].base;
	r->out.gs_base = v->seg[X86_GS].base;
	get_fx(v, &r->out.fx);
}

/* ---- the reference ---- */

/* The instruction of the case at rip, or NULL. */
static const struct case_insn *insn_at(const struct diff_case *c, uint64_t rip)
{
	for (unsigned n = 0; n < c->n_insns; n++)
		if (ARENA_CODE + (uint64_t)c->insn[n].at == rip)
			return &c->insn[n];
	return NULL;
}

static bool inside_code(const struct diff_case *c, uint64_t rip)
{
	uint64_t offset = rip - ARENA_CODE;

	return offset >= c->code_at && offset < (uint64_t)c->code_at + c->n_code_bytes;
}

/* Registers before an instruction; the slot after the sixteen is always zero. */
struct before {
	uint64_t r[17], rip;
	uint16_t st0; /* sign and exponent */
};

/* Keeps the books about flags that the manuals leave undefined. */
static void note_flags(struct soft_trace *t, const struct x86_insn *i)
{
	const struct x86_opcode *o = &x86_opcodes[i->op];

	if (o->flags_read & t->undefined_flags)
		t->not_comparable = "an undefined flag was read";
	if (!(o->attr & A_STRING && i->rep))
		t->undefined_flags &= ~(uint32_t)o->flags_write;
	t->undefined_flags |= o->flags_undef;
}

/* Where the memory operand of an instruction was, given the registers before it. */
static uint64_t operand_linear(const struct x86_cpu *c, const struct before *b,
			       const struct x86_insn *i)
{
	uint64_t a = i->base == X86_REG_RIP ? b->rip + i->len : b->r[i->base];

	a += (b->r[i->index] << i->scale) + (uint64_t)i->disp;
	return alu_truncate(i->adsize, a) + c->seg[i->seg].base;
}

static void note_step(struct soft *s, struct soft_trace *t, const struct x86_insn *i,
		      const struct case_insn *meant, const struct before *before,
		      enum x86_status status)
{
	if (status == X86_FAULT) {
		t->fault_row = meant ? meant->row : X86_NO_ROW;
		t->fault_quirks =
			t->fault_row < x86_opcode_count ? s->generator->quirks[t->fault_row] : 0;
		return;
	}
	if (!s->generator->strict_flags)
		note_flags(t, i);
	if (s->generator->quirks[i->op] & QUIRK_LAST) {
		t->quirks = s->generator->quirks[i->op];
		t->quirk_row = i->op;
		t->large_operand = (before->st0 & 0x7fff) >= F80_HALF;
		t->memory_at = operand_linear(s->cpu, before, i);
		t->quirk_opsize = i->opsize;
	}
	if (t->n_rows < SOFT_ROWS_MAX)
		t->rows[t->n_rows++] = i->op;
}

static enum case_end run_steps(struct soft *s, const struct diff_case *c, struct soft_trace *t,
			       uint64_t *retired)
{
	struct x86_cpu *cpu = s->cpu;
	struct before before;
	struct x86_insn i;

	cpu->rep_limit = c->rep_limit;
	for (unsigned n = 0; n < STEPS_MAX; n++) {
		const struct case_insn *meant = insn_at(c, cpu->rip);
		enum x86_status status;

		if (!meant && inside_code(c, cpu->rip))
			t->not_comparable = "jumped into the middle of an instruction";
		memcpy(before.r, cpu->r, sizeof(before.r));
		before.rip = cpu->rip;
		before.st0 = cpu->fpu.reg[fpu_top(cpu)].sign_exponent;
		do
			status = x86_step(cpu, &i);
		while (status == X86_AGAIN && cpu->cpl != 0);
		if (status == X86_EXIT || cpu->activity != X86_ACTIVE)
			return END_ODD;
		*retired += status == X86_OK;
		note_step(s, t, &i, meant, &before, status);
		if (cpu->cpl == 0)
			return END_TRAP;
	}
	return END_TIMEOUT;
}

void soft_step(struct soft *s, const struct diff_case *c, struct diff_result *r,
	       struct soft_trace *t)
{
	struct vcpu_state v;
	enum case_end end = END_ODD;
	const char *refusal;
	uint32_t host;

	memset(t, 0, sizeof(*t));
	t->fault_row = X86_NO_ROW;
	r->retired = 0;
	load_memory(s, c);
	image_state(c, &v);
	refusal = x86_cpu_set_state(s->cpu, &v);
	if (refusal) {
		t->not_comparable = refusal;
	} else {
		host = x86_fp_enter(s->cpu);
		end = run_steps(s, c, t, &r->retired);
		x86_fp_leave(s->cpu, host);
	}
	x86_cpu_get_state(s->cpu, &v);
	if (end == END_TRAP)
		get_result(s, &v, r);
	else
		r->end = (uint8_t)end;
	unload_memory(s, c, r);
}

/* ---- engines ---- */

/* Some cases run in one go, some stop at every instruction or every few. */
static void run_interpret(struct soft *s, const struct diff_case *c, struct diff_result *r)
{
	static const uint64_t strides[4] = {STEPS_MAX, STEPS_MAX, 1, 3};
	const struct engine_ops *ops = &interpret_engine;
	uint64_t stride = strides[c->number % 4], until = 0;
	struct vcpu_exit exit = {.kind = VCPU_EXIT_INSTANT};
	struct vcpu_state v;

	load_memory(s, c);
	image_state(c, &v);
	ops->set_count(s->engine, 0, 0);
	r->end = END_ODD;
	if (ops->set_state(s->engine, 0, &v, NULL) == 0) {
		while (exit.kind == VCPU_EXIT_INSTANT && until < STEPS_MAX) {
			until += stride;
			ops->run(s->engine, 0, until, &exit);
		}
		ops->get_state(s->engine, 0, &v);
		r->retired = ops->count(s->engine, 0) - (exit.kind == VCPU_EXIT_HALT);
		if (exit.kind == VCPU_EXIT_HALT)
			v.rip--; /* back onto the HLT */
		if (exit.kind == VCPU_EXIT_INSTANT)
			r->end = END_TIMEOUT;
		else
			get_result(s, &v, r);
	}
	unload_memory(s, c, r);
}

const struct soft_driver soft_drivers[] = {
	{"interpret", run_interpret},
};

const unsigned soft_driver_count = sizeof(soft_drivers) / sizeof(soft_drivers[0]);
