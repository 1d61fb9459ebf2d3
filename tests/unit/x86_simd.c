/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MMX and SSE against the host CPU.  Every row of the opcode table that needs the vector unit is
 * encoded in all its forms (registers, one register twice, memory, REX.W, all immediates), decoded
 * and carried out on random and special operands, under random modes, flags and masks of MXCSR,
 * by core/x86 and by the host; all that an instruction can change must be equal.
 */
#include "core/base/seeded.h"
#include "core/x86/decode.h"
#include "core/x86/exec.h"
#include "core/x86/fpu.h"
#include "core/x86/host_fp.h"
#include "tests/support/x86_setup.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/x86_native.h"

#include <math.h>
#include <stdlib.h>

#define DATA	    0xa0000
#define DATA_BYTES  64
#define ABSENT_PAGE 0xa2000
#define ARITHMETIC  (X86_CF | X86_PF_FLAG | X86_AF | X86_ZF | X86_SF | X86_OF_FLAG)

#define TRIES	  1500
#define IMM_TRIES 16

struct lab {
	uint8_t native_data[DATA_BYTES] __attribute__((aligned(64)));
	struct x86_world_ram *w;
	struct x86_cpu *cpu;
	struct seeded random;
	/* what is being run */
	uint8_t bytes[16];
	unsigned len;
	struct x86_insn insn;
	unsigned runs, traps;
};

static int lab_open(void **state)
{
	struct lab *lab = (struct lab *)aligned_alloc(64, sizeof(*lab));

	if (!lab || !native_open())
		return -1;
	memset(lab, 0, sizeof(*lab));
	lab->w = x86_world_ram_create(0x200000);
	lab->cpu = &lab->w->cpu;
	setup_long(lab->w, 3);
	lab->cpu->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
	lab->cpu->mxcsr = MXCSR_MASKS;
	x86_mode_update(lab->cpu);
	x86_ram_put(lab->w, SETUP_PT + ABSENT_PAGE / 4096 * 8, 8, 0);
	seeded_start(&lab->random, 2);
	*state = lab;
	return 0;
}

static int lab_close(void **state)
{
	struct lab *lab = (struct lab *)*state;

	x86_world_ram_destroy(lab->w);
	free(lab);
	return 0;
}

/* ---- operands ---- */

static const uint32_t singles[] = {
	0x00000000, 0x80000000, 0x00000001, 0x807fffff, 0x00400000, 0x00800000, 0x80800001,
	0x00ffffff, 0x01000000, 0x3f800000, 0xbf800000, 0x3f800001, 0x3f000000, 0x3f7fffff,
	0x3fc00000, 0x40200000, 0x4b000001, 0x4effffff, 0x4f000000, 0xcf000000, 0x4f800000,
	0x5f000000, 0xdf000000, 0x7e800000, 0x7f000001, 0x7f7fffff, 0xff7fffff, 0x7f800000,
	0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001, 0xffa54321,
};
static const uint64_t doubles[] = {
	0x0000000000000000, 0x8000000000000000, 0x0000000000000001, 0x800fffffffffffff,
	0x0008000000000000, 0x0010000000000000, 0x8010000000000001, 0x001fffffffffffff,
	0x3ff0000000000000, 0xbff0000000000000, 0x3ff0000000000001, 0x3fe0000000000000,
	0x3fefffffffffffff, 0x3ff8000000000000, 0x4004000000000000, 0x3690000000000000,
	0x380fffffe0000000, 0x380ffffff0000000, 0x3800000020000000, 0x3800000021000000,
	0x47efffffe0000000, 0x47effffff0000000, 0x41dfffffffc00000, 0x41e0000000000000,
	0xc1e0000000000000, 0xc1e0000000200000, 0x43e0000000000000, 0xc3e0000000000000,
	0x7fe0000000000000, 0x7fefffffffffffff, 0xffefffffffffffff, 0x7ff0000000000000,
	0xfff0000000000000, 0x7ff8000000000000, 0xfff8000012345678, 0x7ff0000000000001,
	0xfff5432100000000,
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Eight bytes of one of the kinds that instructions care about. */
static uint64_t operand(struct seeded *r, unsigned kind)
{
	uint64_t v = seeded_u64(r);

	switch (kind) {
	case 0: return v;
	case 1:
		return singles[v % COUNT(singles)] | (uint64_t)singles[(v >> 32) % COUNT(singles)]
							     << 32;
	case 2: return doubles[v % COUNT(doubles)];
	case 3:
		return (v & 0x807fffff807fffff) | 0x3f0000003f000000 |
		       (v >> 7 & 0x00f8000001f80000);
	case 4:
		return (v & 0x800fffffffffffff) | 0x3f00000000000000 |
		       (v >> 3 & 0x00fc000000000000);
	case 5: return v & 0x0303030303030303;	/* text of few letters and zeros */
	case 6: return v % 72;			/* counts */
	case 7: return v & 0x80ff80ff80ff80ff;	/* wild word and byte signs */
	default: return v & 0x00ffffff80ffffff; /* denormals and smallest normals */
	}
}

static void fill(struct seeded *r, void *to, unsigned size_bytes)
{
	unsigned kind = (unsigned)seeded_below(r, 9);
	bool mixed = seeded_chance(r, 1, 4);

	for (unsigned n = 0; n < size_bytes; n += 8) {
		uint64_t v = operand(r, mixed ? (unsigned)seeded_below(r, 9) : kind);

		memcpy((uint8_t *)to + n, &v, 8);
	}
}

static uint32_t random_mxcsr(struct seeded *r)
{
	uint32_t v = (uint32_t)seeded_u64(r) & (MXCSR_VALID & ~MXCSR_MASKS);

	if (seeded_chance(r, 1, 2))
		v &= ~(0x8000u | MXCSR_DAZ); /* no flushing */
	if (seeded_chance(r, 3, 4))
		v &= ~MXCSR_FLAGS;
	if (seeded_chance(r, 3, 5))
		return v | MXCSR_MASKS;
	return v | ((uint32_t)seeded_u64(r) & MXCSR_MASKS);
}

/* ---- one run on both ---- */

static void start(struct lab *lab, struct native *n)
{
	struct seeded *r = &lab->random;
	unsigned top = (unsigned)seeded_below(r, 8);

	memset(n, 0, sizeof(*n));
	fill(r, &n->rax, 8);
	fill(r, &n->rcx, 8);
	fill(r, &n->rdx, 8);
	if (seeded_chance(r, 1, 2)) { /* lengths of strings */
		n->rax = seeded_below(r, 40) - 20;
		n->rdx = seeded_below(r, 40) - 20;
	}
	n->rbx = n->rdi = (uint64_t)(uintptr_t)lab->native_data;
	n->rflags = (seeded_u64(r) & ARITHMETIC) | X86_FLAG_1 | X86_IF;
	n->fx.control = 0x37f;
	n->fx.status = (uint16_t)(top << 11);
	n->fx.in_use = (uint8_t)seeded_u64(r);
	n->fx.mxcsr = random_mxcsr(r);
	for (unsigned k = 0; k < 8; k++) {
		fill(r, &n->fx.st[k].mantissa, 8);
		n->fx.st[k].sign_exponent = (uint16_t)seeded_u64(r);
	}
	for (unsigned k = 0; k < 3; k++)
		fill(r, n->fx.xmm[k], 16);
	for (unsigned k = 0; k < DATA_BYTES; k += 16)
		fill(r, lab->native_data + k, 16);
}

/* Intel's CPUs enter MMX state at CVTPI2PS from memory, AMD's do not: do not look. */
static void start_in_mmx_state(struct native *n)
{
	n->fx.status = 0;
	n->fx.in_use = 0xff;
}

static void give_to_cpu(struct lab *lab, const struct native *n)
{
	struct x86_cpu *c = lab->cpu;
	unsigned top = n->fx.status >> 11 & 7;

	c->r[X86_RAX] = n->rax;
	c->r[X86_RCX] = n->rcx;
	c->r[X86_RDX] = n->rdx;
	c->r[X86_RBX] = c->r[X86_RDI] = DATA;
	lazy_set(&c->lazy, (uint32_t)n->rflags);
	c->fpu.control = n->fx.control;
	c->fpu.status = n->fx.status;
	c->fpu.in_use = n->fx.in_use;
	for (unsigned k = 0; k < 8; k++) {
		c->fpu.reg[(top + k) & 7].mantissa = n->fx.st[k].mantissa;
		c->fpu.reg[(top + k) & 7].sign_exponent = n->fx.st[k].sign_exponent;
	}
	memcpy(c->xmm, n->fx.xmm, sizeof(c->xmm));
	c->mxcsr = n->fx.mxcsr;
	memcpy(lab->w->ram + DATA, lab->native_data, DATA_BYTES);
	c->event.kind = X86_EVENT_NONE;
}

static enum x86_status execute(struct lab *lab)
{
	uint32_t host = x86_fp_enter(lab->cpu);
	enum x86_status status = x86_opcodes[lab->insn.op].exec(lab->cpu, &lab->insn);

	x86_fp_leave(lab->cpu, host);
	return status;
}

/* The first thing that differs, or NULL. */
static const char *difference(const struct lab *lab, const struct native *n, enum x86_status status)
{
	const struct x86_cpu *c = lab->cpu;
	unsigned top = n->fx.status >> 11 & 7;

	if (status != (n->trapped ? X86_FAULT : X86_OK))
		return "status";
	if (n->trapped && c->event.vector != X86_XM)
		return "vector";
	if (memcmp(c->xmm, n->fx.xmm, sizeof(c->xmm)) != 0)
		return "XMM registers";
	if (c->mxcsr != n->fx.mxcsr)
		return "MXCSR";
	if (c->r[X86_RAX] != n->rax || c->r[X86_RCX] != n->rcx || c->r[X86_RDX] != n->rdx)
		return "general registers";
	if (lazy_get(&c->lazy) != (n->rflags & ARITHMETIC))
		return "flags";
	if (memcmp(lab->w->ram + DATA, lab->native_data, DATA_BYTES) != 0)
		return "memory";
	/* Whether #XM comes before or after entering MMX state is each CPU's affair. */
	if (!n->trapped && (c->fpu.status != n->fx.status || c->fpu.in_use != n->fx.in_use))
		return "x87 status or tags";
	for (unsigned k = 0; k < 8; k++) {
		const struct x86_f80 *f = &c->fpu.reg[(top + k) & 7];

		if (f->mantissa != n->fx.st[k].mantissa ||
		    f->sign_exponent != n->fx.st[k].sign_exponent)
			return "MMX registers";
	}
	return NULL;
}

static void print_state(const char *when, const struct native *n, const struct x86_cpu *c)
{
	print_message(
		"%s: mxcsr %04x flags %03x rax %llx rcx %llx rdx %llx status %04x tags %02x\n",
		when, n->fx.mxcsr, (unsigned)(n->rflags & ARITHMETIC), (unsigned long long)n->rax,
		(unsigned long long)n->rcx, (unsigned long long)n->rdx, n->fx.status, n->fx.in_use);
	for (unsigned k = 0; k < 3; k++)
		print_message("  xmm%u %016llx %016llx\n", k, (unsigned long long)n->fx.xmm[k][1],
			      (unsigned long long)n->fx.xmm[k][0]);
	if (!c)
		return;
	print_message(
		"ours: mxcsr %04x flags %03x rax %llx rcx %llx rdx %llx status %04x tags %02x\n",
		c->mxcsr, lazy_get(&c->lazy), (unsigned long long)c->r[X86_RAX],
		(unsigned long long)c->r[X86_RCX], (unsigned long long)c->r[X86_RDX], c->fpu.status,
		c->fpu.in_use);
	for (unsigned k = 0; k < 3; k++)
		print_message("  xmm%u %016llx %016llx\n", k, (unsigned long long)c->xmm[k].u64[1],
			      (unsigned long long)c->xmm[k].u64[0]);
}

static void run_once(struct lab *lab)
{
	const struct x86_opcode *row = &x86_opcodes[lab->insn.op];
	enum x86_status status;
	struct native before, n;
	const char *what;

	start(lab, &n);
	if (row->exec == exec_cvtpi2ps && operand_is_mem(&lab->insn, 1))
		start_in_mmx_state(&n);
	before = n;
	give_to_cpu(lab, &n);
	native_run(&n);
	status = execute(lab);
	lab->runs++;
	lab->traps += n.trapped;
	what = difference(lab, &n, status);
	if (!what)
		return;
	print_state("before", &before, NULL);
	print_state("host", &n, lab->cpu);
	for (unsigned k = 0; k < 16; k += 8)
		print_message("  memory %u: %016llx\n", k,
			      (unsigned long long)*(const uint64_t *)(lab->native_data + k));
	for (unsigned k = 0; k < lab->len; k++)
		print_message("%02x ", lab->bytes[k]);
	fail_msg("%s: %s differ(s)", row->name, what);
}

/* ---- all forms of all rows ---- */

static bool has_operand(const struct x86_opcode *row, enum x86_operand_code code)
{
	for (unsigned n = 0; n < 4; n++)
		if (row->opr[n].code == code)
			return true;
	return false;
}

static bool wants_rex_w(const struct x86_opcode *row)
{
	return has_operand(row, O_Ey) || has_operand(row, O_Gy) || has_operand(row, O_Ry) ||
	       has_operand(row, O_Rv) || strncmp(row->name, "pcmpestr", 8) == 0;
}

/* modrm < 0: none. */
static void encode(struct lab *lab, const struct x86_opcode *row, int modrm, bool rex_w)
{
	static const uint8_t prefix[] = {
		[X86_PFX_66] = 0x66, [X86_PFX_F3] = 0xf3, [X86_PFX_F2] = 0xf2};
	uint8_t *to = lab->bytes;

	if (row->prefix >= X86_PFX_66 && row->prefix <= X86_PFX_F2)
		*to++ = prefix[row->prefix];
	if (rex_w)
		*to++ = 0x48;
	*to++ = 0x0f;
	if (row->map == X86_MAP_0F38)
		*to++ = 0x38;
	else if (row->map == X86_MAP_0F3A)
		*to++ = 0x3a;
	*to++ = row->opcode;
	if (modrm >= 0)
		*to++ = (uint8_t)modrm;
	if (has_operand(row, O_Ib))
		*to++ = 0;
	lab->len = (unsigned)(to - lab->bytes);
}

static void run_encoded(struct lab *lab, const struct x86_opcode *row)
{
	bool has_imm = has_operand(row, O_Ib);

	for (unsigned imm = 0; imm < (has_imm ? 256 : 1); imm++) {
		if (has_imm)
			lab->bytes[lab->len - 1] = (uint8_t)imm;
		assert_int_equal(x86_decode(lab->w->decoder, lab->bytes, lab->len, 8, &lab->insn),
				 X86_DECODE_OK);
		assert_int_equal(lab->insn.len, lab->len);
		if (&x86_opcodes[lab->insn.op] != row) { /* a more special row has this form */
			assert_ptr_equal(x86_opcodes[lab->insn.op].exec, row->exec);
			return;
		}
		native_set(lab->bytes, lab->len);
		for (unsigned n = 0; n < (has_imm ? IMM_TRIES : TRIES); n++)
			run_once(lab);
	}
}

static void run_row(struct lab *lab, const struct x86_opcode *row)
{
	int reg = row->ext >= 0 ? row->ext : 1;

	for (int rex_w = 0; rex_w <= wants_rex_w(row); rex_w++) {
		if (row->form == X86_FORM_PLAIN) {
			encode(lab, row, -1, rex_w);
			run_encoded(lab, row);
			continue;
		}
		if (row->form != X86_FORM_MEM) {
			encode(lab, row, 0xc0 | reg << 3 | 2, rex_w);
			run_encoded(lab, row);
			if (row->ext < 0) {
				encode(lab, row, 0xc0 | reg << 3 | reg, rex_w);
				run_encoded(lab, row);
			}
		}
		if (row->form != X86_FORM_REG) {
			encode(lab, row, reg << 3 | 3, rex_w);
			run_encoded(lab, row);
		}
	}
}

static void every_row_agrees_with_the_host(void **state)
{
	struct lab *lab = (struct lab *)*state;
	unsigned rows = 0;

	native_catch();
	for (unsigned n = 0; n < x86_opcode_count; n++) {
		const struct x86_opcode *row = &x86_opcodes[n];

		if (!(row->attr & (A_MMX | A_SSE)) || row->attr & A_INEXACT)
			continue;
		if (row->exec == exec_ldmxcsr) /* most values are faults */
			continue;
		run_row(lab, row);
		rows++;
	}
	print_message("%u rows, %u runs, %u with an unmasked exception\n", rows, lab->runs,
		      lab->traps);
	assert_true(rows > 350 && lab->traps > 10000);
}

/* ---- what the host cannot tell ---- */

static enum x86_status run_bytes(struct lab *lab, const char *bytes, unsigned len)
{
	lab->cpu->event.kind = X86_EVENT_NONE;
	assert_int_equal(x86_decode(lab->w->decoder, (const uint8_t *)bytes, len, 8, &lab->insn),
			 X86_DECODE_OK);
	return execute(lab);
}

/* Runs an instruction given as a string of bytes. */
#define RUN(lab, bytes) run_bytes(lab, bytes, sizeof(bytes) - 1)

static void without_osxmmexcpt_exceptions_are_undefined_opcodes(void **state)
{
	struct lab *lab = (struct lab *)*state;
	struct x86_cpu *c = lab->cpu;

	c->mxcsr = MXCSR_MASKS & ~0x200u; /* division unmasked */
	c->cr4 &= ~(uint64_t)CR4_OSXMMEXCPT;
	c->xmm[1] = (union x86_xmm){.u32 = {0x3f800000}};
	c->xmm[2] = (union x86_xmm){.u32 = {0}};
	assert_int_equal(RUN(lab, "\xf3\x0f\x5e\xca"), X86_FAULT); /* divss xmm1, xmm2 */
	assert_int_equal(c->event.vector, X86_UD);
	assert_int_equal(c->xmm[1].u32[0], 0x3f800000);
	c->cr4 |= CR4_OSXMMEXCPT;
	assert_int_equal(RUN(lab, "\xf3\x0f\x5e\xca"), X86_FAULT);
	assert_int_equal(c->event.vector, X86_XM);
	assert_int_equal(c->mxcsr, (MXCSR_MASKS & ~0x200u) | 0x4);
	c->mxcsr = MXCSR_MASKS;
}

static void mxcsr_is_loaded_whole_or_not_at_all(void **state)
{
	struct lab *lab = (struct lab *)*state;
	struct x86_cpu *c = lab->cpu;
	uint32_t v = 0x9f41;

	c->r[X86_RBX] = DATA;
	memcpy(lab->w->ram + DATA, &v, 4);
	assert_int_equal(RUN(lab, "\x0f\xae\x13"), X86_OK); /* ldmxcsr [rbx] */
	assert_int_equal(c->mxcsr, v);
	assert_int_equal(RUN(lab, "\x0f\xae\x5b\x08"), X86_OK); /* stmxcsr [rbx + 8] */
	assert_memory_equal(lab->w->ram + DATA + 8, &v, 4);
	v = 0x11f80;
	memcpy(lab->w->ram + DATA, &v, 4);
	assert_int_equal(RUN(lab, "\x0f\xae\x13"), X86_FAULT);
	assert_int_equal(c->event.vector, X86_GP);
	assert_int_equal(c->mxcsr, 0x9f41);
	c->mxcsr = MXCSR_MASKS;
}

static void masked_stores_write_all_or_nothing(void **state)
{
	struct lab *lab = (struct lab *)*state;
	struct x86_cpu *c = lab->cpu;
	const uint8_t *end = lab->w->ram + ABSENT_PAGE - 8;

	c->r[X86_RDI] = ABSENT_PAGE - 8;
	memset(lab->w->ram + ABSENT_PAGE - 8, 0, 8);
	memset(&c->xmm[1], 0x5a, 16);
	c->xmm[2] = (union x86_xmm){.u8 = {[1] = 0x80, [2] = 0x7f, [7] = 0xff, [8] = 0x80}};
	assert_int_equal(RUN(lab, "\x66\x0f\xf7\xca"), X86_FAULT); /* maskmovdqu xmm1, xmm2 */
	assert_int_equal(c->event.vector, X86_PF);
	assert_int_equal(c->event.address, ABSENT_PAGE);
	for (unsigned n = 0; n < 8; n++)
		assert_int_equal(end[n], 0);
	c->xmm[2].u8[8] = 0x7f;
	assert_int_equal(RUN(lab, "\x66\x0f\xf7\xca"), X86_OK);
	for (unsigned n = 0; n < 8; n++)
		assert_int_equal(end[n], n == 1 || n == 7 ? 0x5a : 0);
	c->xmm[2] = (union x86_xmm){.u64 = {0, 0}};
	c->r[X86_RDI] = ABSENT_PAGE;
	assert_int_equal(RUN(lab, "\x66\x0f\xf7\xca"), X86_OK);
}

static void faults_leave_everything_as_it_was(void **state)
{
	struct lab *lab = (struct lab *)*state;
	struct x86_cpu *c = lab->cpu;

	c->r[X86_RBX] = ABSENT_PAGE;
	c->fpu.status = 5 << 11;
	c->fpu.in_use = 1;
	memset(&c->xmm[1], 0x11, 16);
	assert_int_equal(RUN(lab, "\x0f\xfc\x0b"), X86_FAULT); /* paddb mm1, [rbx] */
	assert_int_equal(RUN(lab, "\x0f\x7f\x0b"), X86_FAULT); /* movq [rbx], mm1 */
	assert_int_equal(RUN(lab, "\x0f\x7e\x0b"), X86_FAULT); /* movd [rbx], mm1 */
	assert_int_equal(c->fpu.status, 5 << 11);
	assert_int_equal(c->fpu.in_use, 1);
	assert_int_equal(RUN(lab, "\xf3\x0f\x10\x0b"), X86_FAULT); /* movss xmm1, [rbx] */
	assert_int_equal(c->event.vector, X86_PF);
	assert_int_equal(c->xmm[1].u64[0], 0x1111111111111111);
	assert_int_equal(c->xmm[1].u64[1], 0x1111111111111111);
	c->r[X86_RBX] = DATA + 4;
	assert_int_equal(RUN(lab, "\x66\x0f\xfc\x0b"), X86_FAULT); /* paddb xmm1, [rbx] */
	assert_int_equal(c->event.vector, X86_GP);
	assert_int_equal(RUN(lab, "\x66\x0f\x3a\x63\x0b\x00"), X86_OK); /* pcmpistri */
	assert_int_equal(RUN(lab, "\x0f\x10\x0b"), X86_OK);		/* movups */
}

static void conversions_from_memory_and_the_mmx_state(void **state)
{
	struct lab *lab = (struct lab *)*state;
	struct x86_cpu *c = lab->cpu;

	c->r[X86_RBX] = DATA;
	c->fpu.status = 5 << 11;
	c->fpu.in_use = 1;
	assert_int_equal(RUN(lab, "\x66\x0f\x2a\x0b"), X86_OK); /* cvtpi2pd xmm1, [rbx] */
	assert_false(x86_opcodes[lab->insn.op].attr & A_MMX);
	assert_int_equal(c->fpu.status, 5 << 11);
	assert_int_equal(c->fpu.in_use, 1);
	assert_int_equal(RUN(lab, "\x0f\x2a\x0b"), X86_OK); /* cvtpi2ps xmm1, [rbx] */
	assert_true(x86_opcodes[lab->insn.op].attr & A_MMX);
	assert_int_equal(c->fpu.status, 0);
	assert_int_equal(c->fpu.in_use, 0xff);
	c->mxcsr = MXCSR_MASKS;
}

/* ---- estimates ---- */

static float as_float(uint32_t bits)
{
	float v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static long double square_root(long double v)
{
	__asm__("fsqrt" : "+t"(v));
	return v;
}

static uint32_t estimate_of(struct lab *lab, bool root, uint32_t x)
{
	lab->cpu->xmm[2].u32[0] = x;
	if (root)
		assert_int_equal(RUN(lab, "\xf3\x0f\x52\xca"), X86_OK); /* rsqrtss xmm1, xmm2 */
	else
		assert_int_equal(RUN(lab, "\xf3\x0f\x53\xca"), X86_OK); /* rcpss xmm1, xmm2 */
	return lab->cpu->xmm[1].u32[0];
}

static void estimates_are_the_nearest_singles(void **state)
{
	struct lab *lab = (struct lab *)*state;

	for (unsigned n = 0; n < 300000; n++) {
		uint32_t x = (uint32_t)seeded_range(&lab->random, 0x00800000, 0x7f7fffff);
		float nearest;

		if (n < 512) /* around powers of two */
			x = (n / 2 % 254 + 1) << 23 | (n & 1);
		nearest = (float)(1.0L / (long double)as_float(x));
		if (nearest < 0x1p-126f)
			nearest = 0;
		assert_true(as_float(estimate_of(lab, false, x)) == nearest);
		assert_true(as_float(estimate_of(lab, false, x | 0x80000000)) == -nearest);
		nearest = (float)(1.0L / square_root(as_float(x)));
		assert_true(as_float(estimate_of(lab, true, x)) == nearest);
	}
	assert_int_equal(lab->cpu->mxcsr, MXCSR_MASKS);
}

static void estimates_of_special_values(void **state)
{
	static const struct {
		uint32_t x, reciprocal, root;
	} special[] = {
		{0x00000000, 0x7f800000, 0x7f800000}, {0x80000000, 0xff800000, 0xff800000},
		{0x007fffff, 0x7f800000, 0x7f800000}, {0x80000001, 0xff800000, 0xff800000},
		{0x7f800000, 0x00000000, 0x00000000}, {0xff800000, 0x80000000, 0xffc00000},
		{0x7fc12345, 0x7fc12345, 0x7fc12345}, {0xff812345, 0xffc12345, 0xffc12345},
		{0x3f800000, 0x3f800000, 0x3f800000}, {0xbf800000, 0xbf800000, 0xffc00000},
		{0x7f000000, 0x00000000, 0x1fb504f3}, {0x7e800000, 0x00800000, 0x20000000},
		{0xff7fffff, 0x80000000, 0xffc00000}, {0x00800000, 0x7e800000, 0x5f000000},
	};
	struct lab *lab = (struct lab *)*state;

	for (unsigned n = 0; n < COUNT(special); n++) {
		assert_int_equal(estimate_of(lab, false, special[n].x), special[n].reciprocal);
		assert_int_equal(estimate_of(lab, true, special[n].x), special[n].root);
	}
	assert_int_equal(lab->cpu->mxcsr, MXCSR_MASKS);
}

/* The host's answers are within the architecture's bound of ours, and agree on special values. */
static void estimates_are_near_the_hosts(void **state)
{
	struct lab *lab = (struct lab *)*state;
	static const uint8_t code[2][4] = {{0xf3, 0x0f, 0x53, 0xca}, {0xf3, 0x0f, 0x52, 0xca}};

	for (unsigned root = 0; root < 2; root++) {
		native_set(code[root], 4);
		for (unsigned n = 0; n < 20000; n++) {
			struct native run;
			float host, ours;
			uint32_t x;

			start(lab, &run);
			run.fx.mxcsr = MXCSR_MASKS;
			x = (uint32_t)run.fx.xmm[2][0];
			native_run(&run);
			host = as_float((uint32_t)run.fx.xmm[1][0]);
			ours = as_float(estimate_of(lab, root, x));
			if (host == 0 && fabsf(ours) == 0x1p-126f)
				continue; /* the smallest normal: a CPU may flush it */
			if (isnan(host) || isinf(host) || ours == 0)
				assert_memory_equal(&host, &ours, 4);
			else
				assert_true(fabsf(host - ours) <= 0x1.81p-12f * fabsf(ours));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_agrees_with_the_host),
		cmocka_unit_test(without_osxmmexcpt_exceptions_are_undefined_opcodes),
		cmocka_unit_test(mxcsr_is_loaded_whole_or_not_at_all),
		cmocka_unit_test(masked_stores_write_all_or_nothing),
		cmocka_unit_test(faults_leave_everything_as_it_was),
		cmocka_unit_test(conversions_from_memory_and_the_mmx_state),
		cmocka_unit_test(estimates_are_the_nearest_singles),
		cmocka_unit_test(estimates_of_special_values),
		cmocka_unit_test(estimates_are_near_the_hosts),
	};

	return cmocka_run_group_tests(tests, lab_open, lab_close);
}
