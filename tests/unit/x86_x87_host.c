/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x87 against the host CPU.  Every x87 row of the opcode table is encoded with each register or
 * with a memory operand, decoded, and carried out on random and special operands, on a stack with
 * random holes, under random rounding, precision and masks, by core/x86 and by the host; registers,
 * tags, control and status words, flags and memory must be equal.  The transcendental rows, whose
 * results are ours and not the host's, must agree with it about everything but the last places.
 */
#include "core/base/seeded.h"
#include "core/x86/decode.h"
#include "core/x86/exec.h"
#include "core/x86/fpu.h"
#include "tests/support/x86_setup.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/x86_native.h"

#include <stdio.h>
#include <stdlib.h>

#define RAM_BYTES   0x200000
#define DATA	    0x70000
#define DATA_BYTES  16
#define TRIES	    1000
#define HOST_PLACES 2 /* that a host may be wrong by */
#define ARITHMETIC  (X86_CF | X86_PF_FLAG | X86_AF | X86_ZF | X86_SF | X86_OF_FLAG)

struct lab {
	struct x86_world_ram *w;
	struct seeded random;
	struct x86_insn insn;
	uint8_t bytes[2];
	uint8_t native_data[DATA_BYTES];
	unsigned runs, different;
	uint16_t shown; /* the row whose first difference was printed last */
	uint64_t worst; /* units in the last place between a transcendental result and the host's */
};

static int lab_open(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	if (!lab || !native_open())
		return -1;
	lab->w = x86_world_ram_create(RAM_BYTES);
	setup_long(lab->w, 0);
	lab->w->cpu.r[X86_RSI] = DATA;
	seeded_start(&lab->random, 87);
	*state = lab;
	return 0;
}

static int lab_close(void **state)
{
	struct lab *lab = *state;

	x86_world_ram_destroy(lab->w);
	free(lab);
	return 0;
}

/* ---- operands ---- */

static const uint64_t mantissas[] = {
	0x8000000000000000, 0x8000000000000001, 0xffffffffffffffff, 0xc000000000000000,
	0xa000000000000000, 0xfffffffffffffffe, 0x8000008000000000, 0x8000000000000400,
	0x8000018000000000, 0x8000000000000c00, 0xffffff8000000000, 0xfffffffffffffc00,
	0xffffff7fffffffff, 0xffffffffffffffbf, 0xb504f333f9de6484, 0xe000000000000000,
};

static const uint64_t odd_mantissas[] = {
	0,
	1,
	0x7fffffffffffffff,
	0x4000000000000000,
	0x4000000000000001,
	0xc000000000000001,
	0x8000000000000000,
	0x8000000000000001,
	0xbfffffffffffffff,
	0xffffffffffffffff,
	0xc000000000000000,
};

static const uint16_t exponents[] = {
	0,	1,	2,	64,	65,	0x3f6a, 0x3f80, 0x3f81, 0x3bcc, 0x3bcd, 0x3c00,
	0x3c01, 0x3c02, 0x3ffb, 0x3ffc, 0x3ffd, 0x3ffe, 0x3fff, 0x4000, 0x4001, 0x4002, 0x400d,
	0x400e, 0x400f, 0x401d, 0x401e, 0x401f, 0x403a, 0x403b, 0x403c, 0x403d, 0x403e, 0x403f,
	0x407e, 0x407f, 0x43fe, 0x43ff, 0x7ffd, 0x7ffe, 0x7fff, 0x5fff, 0x1fff,
};

#define PICK(lab, table) table[seeded_below(&(lab)->random, sizeof(table) / sizeof(table[0]))]

static uint16_t random_exponent(struct lab *lab)
{
	switch (seeded_below(&lab->random, 4)) {
	case 0: return (uint16_t)(seeded_u64(&lab->random) & 0x7fff);
	case 1: return PICK(lab, exponents);
	default: return (uint16_t)(0x3fff - 70 + seeded_below(&lab->random, 140));
	}
}

static struct x86_f80 random_f80(struct lab *lab)
{
	uint64_t r = seeded_u64(&lab->random);
	struct x86_f80 v = {r, random_exponent(lab)};

	switch (seeded_below(&lab->random, 8)) {
	case 0: v.mantissa = PICK(lab, odd_mantissas); break;
	case 1: v.mantissa = PICK(lab, mantissas); break;
	case 2: v.mantissa = (r | 1ull << 63) & ~0ull << seeded_below(&lab->random, 64); break;
	case 3:
		v.sign_exponent = seeded_chance(&lab->random, 1, 2) ? 0 : 0x7fff;
		v.mantissa = seeded_chance(&lab->random, 1, 2) ? r : PICK(lab, odd_mantissas);
		break;
	default: v.mantissa |= 1ull << 63;
	}
	if (seeded_chance(&lab->random, 1, 2))
		v.sign_exponent |= 0x8000;
	return v;
}

/* Ordinary numbers only; what most of them should be. */
static struct x86_f80 tame_f80(struct lab *lab)
{
	struct x86_f80 v = {seeded_u64(&lab->random) | 1ull << 63, 0};

	v.sign_exponent = (uint16_t)(0x3fff - 10 + seeded_below(&lab->random, 20) +
				     (seeded_u64(&lab->random) & 0x8000));
	return v;
}

static void random_memory(struct lab *lab, uint8_t data[DATA_BYTES])
{
	struct x86_f80 v = random_f80(lab);
	double d;
	float f;

	seeded_bytes(&lab->random, data, DATA_BYTES);
	switch (seeded_below(&lab->random, 5)) {
	case 0: memcpy(data, &v, 10); break;
	case 1: memset(data, 0, 8); break;
	case 2:
		d = (double)(int64_t)seeded_u64(&lab->random) / (1 << 20);
		memcpy(data, &d, sizeof(d));
		break;
	case 3:
		f = (float)(int32_t)seeded_u64(&lab->random) / 1024;
		memcpy(data, &f, sizeof(f));
		break;
	default: break;
	}
	if (seeded_chance(&lab->random, 1, 4)) /* NaNs, infinities, denormals */
		data[7] |= 0x7f, data[6] |= 0xf0, data[3] |= 0x7f, data[2] |= 0x80;
	else if (seeded_chance(&lab->random, 1, 4))
		data[7] &= 0x80, data[6] &= 0x0f, data[3] &= 0x80, data[2] &= 0x7f;
}

static uint16_t random_control(struct lab *lab)
{
	uint64_t r = seeded_u64(&lab->random);
	uint16_t control = (uint16_t)(r & 0x1f00) | 0x40;

	control |= seeded_chance(&lab->random, 2, 3) ? 0x3f : r & 0x3f;
	return control;
}

/* ---- both CPUs ---- */

static void randomize(struct lab *lab, struct native *n)
{
	struct x86_cpu *c = &lab->w->cpu;
	uint64_t r = seeded_u64(&lab->random);
	bool tame = seeded_chance(&lab->random, 1, 3);

	c->fpu.control = random_control(lab);
	c->fpu.status = (uint16_t)(r & 0x7f40) | (r & c->fpu.control & 0x3f);
	c->fpu.in_use = seeded_chance(&lab->random, 1, 4) ? (uint8_t)(r >> 16) : 0xff;
	if (seeded_chance(&lab->random, 1, 2))
		c->fpu.in_use &= (uint8_t) ~(1u << ((fpu_top(c) + 7) & 7));
	for (unsigned k = 0; k < 8; k++)
		c->fpu.reg[k] = tame ? tame_f80(lab) : random_f80(lab);
	lazy_set(&c->lazy, (uint32_t)(r >> 32) & ARITHMETIC);
	random_memory(lab, lab->native_data);
	memcpy(lab->w->ram + DATA, lab->native_data, DATA_BYTES);

	memset(n, 0, sizeof(*n));
	n->rsi = (uint64_t)lab->native_data;
	n->rax = c->r[X86_RAX];
	n->rflags = 0x202 | lazy_get(&c->lazy);
	n->fx.mxcsr = 0x1f80;
	n->fx.control = c->fpu.control;
	n->fx.status = c->fpu.status;
	n->fx.in_use = c->fpu.in_use;
	for (unsigned k = 0; k < 8; k++)
		memcpy(&n->fx.st[k], &c->fpu.reg[(fpu_top(c) + k) & 7], 10);
}

static bool same_registers(const struct lab *lab, const struct native *n)
{
	const struct x86_cpu *c = &lab->w->cpu;

	for (unsigned k = 0; k < 8; k++)
		if (memcmp(&n->fx.st[k], &c->fpu.reg[(fpu_top(c) + k) & 7], 10))
			return false;
	return true;
}

static bool same_rest(const struct lab *lab, const struct native *n, unsigned ignored_status)
{
	const struct x86_cpu *c = &lab->w->cpu;

	return c->fpu.control == n->fx.control &&
	       !((c->fpu.status ^ n->fx.status) & ~ignored_status) &&
	       c->fpu.in_use == n->fx.in_use && lazy_get(&c->lazy) == (n->rflags & ARITHMETIC) &&
	       c->r[X86_RAX] == n->rax && !memcmp(lab->w->ram + DATA, lab->native_data, DATA_BYTES);
}

static void print_fpu(const char *who, const struct native_fx *f)
{
	fprintf(stderr, "  %s control %04x status %04x in use %02x", who, f->control, f->status,
		f->in_use);
	for (unsigned k = 0; k < 8; k++)
		if (k < 2 || k == 7)
			fprintf(stderr, " %04x:%016llx", f->st[k].sign_exponent,
				(unsigned long long)f->st[k].mantissa);
	fprintf(stderr, "\n");
}

static void print_bytes(const char *who, const uint8_t *data)
{
	fprintf(stderr, "  %s", who);
	for (unsigned k = 0; k < DATA_BYTES; k++)
		fprintf(stderr, " %02x", data[k]);
	fprintf(stderr, "\n");
}

static void print_difference(struct lab *lab, const struct native *before, const uint8_t *data,
			     const struct native *host)
{
	const struct x86_cpu *c = &lab->w->cpu;
	struct native_fx ours;

	memset(&ours, 0, sizeof(ours));
	ours.control = c->fpu.control;
	ours.status = c->fpu.status;
	ours.in_use = c->fpu.in_use;
	for (unsigned k = 0; k < 8; k++)
		memcpy(&ours.st[k], &c->fpu.reg[(fpu_top(c) + k) & 7], 10);
	fprintf(stderr, "%s (%02x %02x)\n", x86_opcodes[lab->insn.op].name, lab->bytes[0],
		lab->bytes[1]);
	print_fpu("before", &before->fx);
	print_fpu("host  ", &host->fx);
	print_fpu("ours  ", &ours);
	print_bytes("memory before", data);
	print_bytes("memory host  ", lab->native_data);
	print_bytes("memory ours  ", lab->w->ram + DATA);
	fprintf(stderr, "  flags host %llx ours %x\n",
		(unsigned long long)host->rflags & ARITHMETIC, lazy_get(&c->lazy));
}

/* ---- rows ---- */

static void decode(struct lab *lab, uint8_t first, uint8_t second)
{
	lab->bytes[0] = first;
	lab->bytes[1] = second;
	assert_int_equal(x86_decode(lab->w->decoder, lab->bytes, 2, 8, &lab->insn), X86_DECODE_OK);
	native_set(lab->bytes, 2);
}

static bool is_x87(const struct x86_opcode *o)
{
	return o->map == X86_MAP_1 && (o->opcode & 0xf8) == 0xd8;
}

/* Instructions that keep or load pointers; the host's would be those of this test. */
static bool has_environment(const struct x86_opcode *o)
{
	return o->opr[0].code == O_Menv || o->opr[0].code == O_Msave;
}

/* FCOMI and its kin: Intel's manual clears C1, AMD's processors leave it. */
static unsigned not_compared(const struct x86_opcode *o)
{
	return o->flags_write ? FSW_C1 : 0;
}

static void try_exact(struct lab *lab, const struct x86_opcode *o)
{
	uint8_t data[DATA_BYTES];
	struct native n, before;

	randomize(lab, &n);
	before = n;
	memcpy(data, lab->native_data, DATA_BYTES);
	assert_int_equal(o->exec(&lab->w->cpu, &lab->insn), X86_OK);
	native_run(&n);
	assert_false(n.trapped);
	lab->runs++;
	if (same_registers(lab, &n) && same_rest(lab, &n, not_compared(o)))
		return;
	lab->different++;
	if (lab->shown != lab->insn.op)
		print_difference(lab, &before, data, &n);
	lab->shown = lab->insn.op;
	lab->w->cpu.r[X86_RAX] = n.rax;
}

typedef void (*try_fn)(struct lab *lab, const struct x86_opcode *o);

static void try_row(struct lab *lab, const struct x86_opcode *o, try_fn attempt)
{
	unsigned forms = o->form == X86_FORM_REG && o->rm < 0 ? 8 : 1;

	for (unsigned form = 0; form < forms; form++) {
		unsigned rm = o->form == X86_FORM_MEM ? 6 : o->rm < 0 ? form : (unsigned)o->rm;
		unsigned modrm = (o->form == X86_FORM_MEM ? 0 : 0xc0) | (unsigned)o->ext << 3 | rm;

		decode(lab, o->opcode, (uint8_t)modrm);
		for (unsigned n = 0; n < TRIES; n++)
			attempt(lab, o);
	}
}

/* How many places the magnitudes of two numbers are apart. */
static uint64_t distance(const void *a, const void *b)
{
	struct x86_f80 x, y;
	int64_t apart;

	memcpy(&x, a, 10);
	memcpy(&y, b, 10);
	apart = (int64_t)(x.mantissa - y.mantissa);
	if (x.sign_exponent == y.sign_exponent + 1)
		apart = (int64_t)(2 * (x.mantissa - (1ull << 63)) - y.mantissa);
	else if (x.sign_exponent + 1 == y.sign_exponent)
		apart = (int64_t)(2 * (y.mantissa - (1ull << 63)) - x.mantissa);
	else if (x.sign_exponent != y.sign_exponent)
		return UINT64_MAX;
	return (uint64_t)(apart < 0 ? -apart : apart);
}

static bool close_registers(struct lab *lab, const struct native *n)
{
	const struct x86_cpu *c = &lab->w->cpu;

	for (unsigned k = 0; k < 8; k++) {
		uint64_t d = distance(&n->fx.st[k], &c->fpu.reg[(fpu_top(c) + k) & 7]);

		if (d > HOST_PLACES)
			return false;
		if (d > lab->worst)
			lab->worst = d;
	}
	return true;
}

/* The processors reduce angles by a pi of 66 bits, which tells from pi/4 on. */
static bool differs_by_pi(const struct x86_opcode *o, const struct native *before)
{
	bool trigonometric = o->exec == exec_fsin || o->exec == exec_fcos ||
			     o->exec == exec_fsincos || o->exec == exec_fptan;
	unsigned exponent = before->fx.st[0].sign_exponent & 0x7fff;

	return trigonometric && exponent >= 0x3ffe && exponent < 0x3fff + 63;
}

/* Not compared are C1, which tells how the last place was rounded, and PE, which the host sets for
 * exact results too, with what follows from it. */
static void try_inexact(struct lab *lab, const struct x86_opcode *o)
{
	uint8_t data[DATA_BYTES];
	struct native n, before;

	randomize(lab, &n);
	lab->w->cpu.fpu.control = n.fx.control |= FSW_PE;
	before = n;
	memcpy(data, lab->native_data, DATA_BYTES);
	assert_int_equal(o->exec(&lab->w->cpu, &lab->insn), X86_OK);
	native_run(&n);
	assert_false(n.trapped);
	lab->runs++;
	if ((differs_by_pi(o, &before) || close_registers(lab, &n)) &&
	    same_rest(lab, &n, FSW_C1 | FSW_PE))
		return;
	lab->different++;
	if (lab->shown != lab->insn.op)
		print_difference(lab, &before, data, &n);
	lab->shown = lab->insn.op;
}

static void transcendental_rows_are_close_to_the_host(void **state)
{
	struct lab *lab = *state;

	native_catch();
	for (unsigned n = 0; n < x86_opcode_count; n++) {
		const struct x86_opcode *o = &x86_opcodes[n];

		if (!is_x87(o) || !(o->attr & A_INEXACT))
			continue;
		lab->worst = 0;
		for (unsigned k = 0; k < 8; k++)
			try_row(lab, o, try_inexact);
		print_message("%s: at most %llu units in the last place from the host\n", o->name,
			      (unsigned long long)lab->worst);
	}
	assert_int_equal(lab->different, 0);
}

static void exact_rows_agree_with_the_host(void **state)
{
	struct lab *lab = *state;

	native_catch();
	for (unsigned n = 0; n < x86_opcode_count; n++) {
		const struct x86_opcode *o = &x86_opcodes[n];

		if (is_x87(o) && !has_environment(o) && !(o->attr & A_INEXACT))
			try_row(lab, o, try_exact);
	}
	print_message("%u runs\n", lab->runs);
	assert_int_equal(lab->different, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(exact_rows_agree_with_the_host, lab_open,
						lab_close),
		cmocka_unit_test_setup_teardown(transcendental_rows_are_close_to_the_host, lab_open,
						lab_close),
	};

	return cmocka_run_group_tests_name("x86_x87_host", tests, NULL, NULL);
}
