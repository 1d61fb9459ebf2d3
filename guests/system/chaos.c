/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random code in user mode: 64-bit, 32-bit with flat and with based segments, 16-bit.  Nobody
 * knows what it should compute; but it must stay in its pages, every trap must come back here,
 * and both of our drivers must agree on every register of every snippet, which the checksums
 * that are printed show.  Snippets end with a fault or with a tick.  "snippets=N" and "seed=N" on
 * the command line ask for more of it, or for other code.
 */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define WINDOW	  0x40000000ul
#define PAGE	  4096ul
#define CODE_AT	  0u /* offsets into the window */
#define CODE_END  0x2000u
#define DATA_AT	  0x2000u
#define DATA_END  0x6000u
#define STACK_TOP 0x7f00u
#define LIMIT	  0x7fffu

#define SNIPPETS     256
#define INSTRUCTIONS 400

#define P 1ul
#define W 2ul
#define U 4ul

struct chaos_state {
	uint64_t r[16];
	uint64_t ip, cs, ss, flags;
};

void chaos_enter(void *state);

extern uint64_t boot_pd[4 * 512];
static uint64_t table[512] __attribute__((aligned(4096)));
static uint8_t frames[8][4096] __attribute__((aligned(4096)));
static uint8_t fx[512] __attribute__((aligned(16)));
static uint64_t seed = 0x9e3779b97f4a7c15;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static unsigned below(unsigned n)
{
	return (unsigned)(next() >> 33) % n;
}

static bool one_in(unsigned n)
{
	return below(n) == 0;
}

/* The window's pages for the user, everything else for the kernel alone. */
static void map(void)
{
	for (unsigned i = 0; i < 4 * 512; i++)
		boot_pd[i] &= ~U;
	boot_pd[WINDOW >> 21] = (unsigned long)table | P | W | U;
	for (unsigned i = 0; i < 8; i++)
		table[i] = (unsigned long)frames[i] | P | W | U;
	table[4] &= ~W;
	write_cr3(read_cr3());
}

/* Descriptors: code and data of 32 and 16 bits with the window as base. */
static void describe(void)
{
	const uint64_t base = (uint64_t)(WINDOW & 0xffffff) << 16 | (uint64_t)(WINDOW >> 24) << 56;

	gdt[SEL_SPARE / 8] = base | 0x0040fb0000000000 | LIMIT;
	gdt[SEL_SPARE / 8 + 1] = base | 0x0040f30000000000 | LIMIT;
	gdt[SEL_SPARE / 8 + 2] = base | 0x0000fb0000000000 | LIMIT;
	gdt[SEL_SPARE / 8 + 3] = base | 0x0000f30000000000 | LIMIT;
}

static const struct mode {
	uint16_t cs, ss;
	bool based, wide;
} modes[] = {
	{SEL_USER_CODE64, SEL_USER_DATA, false, true},
	{SEL_USER_CODE32, SEL_USER_DATA, false, false},
	{SEL_SPARE + 3, SEL_SPARE + 8 + 3, true, false},
	{SEL_SPARE + 16 + 3, SEL_SPARE + 24 + 3, true, false},
};

/* ---- code ---- */

/* Opcodes worth trying: everything but what only faults at once. */
static const uint8_t one_byte[] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x08, 0x09, 0x0b, 0x0d, 0x11, 0x13, 0x19, 0x1b, 0x1d,
	0x20, 0x21, 0x23, 0x28, 0x29, 0x2b, 0x2d, 0x31, 0x33, 0x35, 0x38, 0x39, 0x3b, 0x3d, 0x40,
	0x43, 0x47, 0x48, 0x4a, 0x4f, 0x50, 0x53, 0x57, 0x58, 0x5b, 0x5f, 0x60, 0x61, 0x63, 0x68,
	0x69, 0x6a, 0x6b, 0x70, 0x72, 0x73, 0x74, 0x75, 0x76, 0x78, 0x7a, 0x7c, 0x7e, 0x80, 0x81,
	0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8f, 0x90, 0x91, 0x95,
	0x98, 0x99, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab,
	0xac, 0xad, 0xae, 0xaf, 0xb0, 0xb5, 0xb8, 0xbd, 0xc0, 0xc1, 0xc6, 0xc7, 0xc8, 0xc9, 0xd0,
	0xd1, 0xd2, 0xd3, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe2,
	0xe3, 0xe8, 0xeb, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfc, 0xfd, 0xfe, 0xff, 0x27, 0x2f, 0x37,
	0x3f, 0xd4, 0xd5, 0x06, 0x1e, 0x62, 0xc4,
};
static const uint8_t two_bytes[] = {
	0x10, 0x11, 0x12, 0x13, 0x14, 0x16, 0x17, 0x1f, 0x28, 0x29, 0x2a, 0x2c, 0x2d, 0x2e,
	0x2f, 0x31, 0x40, 0x42, 0x44, 0x45, 0x47, 0x4c, 0x4f, 0x51, 0x54, 0x57, 0x58, 0x59,
	0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60, 0x61, 0x64, 0x67, 0x6b, 0x6c, 0x6e, 0x6f,
	0x70, 0x71, 0x72, 0x73, 0x74, 0x76, 0x7e, 0x7f, 0x82, 0x84, 0x85, 0x8f, 0x90, 0x92,
	0x94, 0x9f, 0xa2, 0xa3, 0xa4, 0xa5, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0, 0xb1, 0xb3,
	0xb6, 0xb7, 0xb8, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4,
	0xc5, 0xc6, 0xc7, 0xc8, 0xcb, 0xcf, 0xd2, 0xd4, 0xd5, 0xd6, 0xd7, 0xdb, 0xdf, 0xe0,
	0xe6, 0xe7, 0xeb, 0xef, 0xf4, 0xf6, 0xfa, 0xfc, 0xfe, 0x02, 0x03, 0x00,
};

static unsigned put_prefixes(uint8_t *at, bool wide)
{
	static const uint8_t prefixes[] = {0x66, 0x66, 0xf2, 0xf3, 0xf3, 0x67, 0x64, 0x2e, 0xf0};
	unsigned n = 0;

	if (one_in(4))
		at[n++] = prefixes[below(sizeof(prefixes))];
	if (wide && one_in(2))
		at[n++] = (uint8_t)(0x40 | below(16));
	return n;
}

/* ModRM with a memory operand that is likely to hit, or registers; then what may follow. */
static unsigned put_operands(uint8_t *at)
{
	unsigned n = 0;

	switch (below(4)) {
	case 0: at[n++] = (uint8_t)(0xc0 | below(64)); break;
	case 1: at[n++] = (uint8_t)below(64); break;
	default:
		at[n++] = (uint8_t)(0x40 | below(64));
		if ((at[0] & 7) == 4)
			at[n++] = (uint8_t)(below(8) << 3 | below(8) | (one_in(2) ? 0x20 : 0));
		at[n++] = (uint8_t)below(64);
	}
	for (unsigned i = below(5); i; i--)
		at[n++] = (uint8_t)(one_in(2) ? below(32) : next());
	return n;
}

static unsigned put_instruction(uint8_t *at, bool wide)
{
	unsigned n = put_prefixes(at, wide);

	switch (below(8)) {
	case 0:
	case 1:
		at[n++] = 0x0f;
		at[n++] = two_bytes[below(sizeof(two_bytes))];
		break;
	case 2:
		if (one_in(4)) {
			at[n++] = 0x0f;
			at[n++] = one_in(2) ? 0x38 : 0x3a;
			at[n++] = (uint8_t)below(0x45);
			break;
		}
		/* fall through */
	default: at[n++] = one_byte[below(sizeof(one_byte))];
	}
	return n + put_operands(at + n);
}

/* ---- running ---- */

static void prepare(struct chaos_state *s, const struct mode *mode)
{
	unsigned long base = mode->based ? 0 : WINDOW;
	unsigned start = CODE_AT + below(CODE_END - 0x200);
	uint64_t fill = next();

	for (unsigned n = start; n < start + 0x100;)
		n += put_instruction(&frames[0][0] + n, mode->wide);
	for (unsigned i = DATA_AT / 8; i < (LIMIT + 1) / 8; i += 1 + below(256))
		poke64(&frames[0][0] + i * 8, fill ^ next());
	for (unsigned i = 0; i < 16; i++) {
		switch (below(5)) {
		case 0: s->r[i] = next(); break;
		case 1: s->r[i] = below(100); break;
		default: s->r[i] = base + DATA_AT + below(DATA_END - DATA_AT);
		}
	}
	s->r[1] = one_in(4) ? next() : below(40); /* RCX counts */
	s->r[4] = base + STACK_TOP - 16 * below(32);
	s->ip = base + start;
	s->cs = mode->cs;
	s->ss = mode->ss;
	s->flags = 2 | FLAG_IF | (next() & 0xcd5) | (one_in(16) ? FLAG_TF : 0);
	__asm__ volatile("fninit; fxrstor64 (%0)" : : "r"(fx) : "memory");
}

static uint64_t mix(uint64_t sum, const struct trap *t)
{
	const unsigned long *word = (const unsigned long *)&t->frame;

	for (unsigned i = 0; i < sizeof(t->frame) / sizeof(*word); i++)
		sum = (sum ^ word[i]) * 0x100000001b3;
	return (sum ^ t->cr2 ^ t->dr6) * 0x100000001b3;
}

static uint64_t mix_memory(uint64_t sum)
{
	static uint8_t now[512] __attribute__((aligned(16)));

	__asm__ volatile("fxsave64 (%0)" : : "r"(now) : "memory");
	for (unsigned i = 0; i < 416 / 8; i++)
		sum = (sum ^ peek64(now + i * 8)) * 0x100000001b3;
	for (unsigned i = 0; i < sizeof(frames) / 8; i += 3)
		sum = (sum ^ peek64(&frames[0][0] + i * 8)) * 0x100000001b3;
	return sum;
}

/* Most faults are stepped over, single steps go on, as long as the code is where it should be. */
static unsigned passes;

static bool pass_over(struct trap_frame *frame)
{
	unsigned long ip = frame->ip >= WINDOW ? frame->ip - WINDOW : frame->ip;

	if (!passes || ip >= CODE_END)
		return false;
	passes--;
	if (frame->vector == VEC_DB || frame->vector == VEC_BP || frame->vector == VEC_OF)
		return true;
	frame->ip += 1 + passes % 5;
	if (frame->vector == VEC_MF)
		__asm__ volatile("fnclex");
	return true;
}

static unsigned wild(unsigned vector)
{
	return vector != VEC_NONE && vector != GUEST_TICK_VECTOR && vector > VEC_XM;
}

void guest_main(void)
{
	struct chaos_state state;
	unsigned ends[VEC_NONE + 1] = {0}, strange = 0;
	uint64_t snippets = option("snippets", SNIPPETS);
	uint64_t sum = 0;
	struct trap t;

	if (port_in32(GUEST_TICK_PORT) != GUEST_TICK_MAGIC) {
		skip("random code: nothing would stop it");
		check("done", true);
		return;
	}
	__asm__ volatile("fxsave64 (%0)" : : "r"(fx) : "memory");
	seed ^= option("seed", 0) << 20;
	map();
	describe();
	for (unsigned i = 0; i <= VEC_XM; i++)
		trap_set_hook(i, pass_over);
	for (unsigned i = 0; i < snippets; i++) {
		const struct mode *mode = &modes[i % (sizeof(modes) / sizeof(modes[0]))];

		prepare(&state, mode);
		passes = 100;
		port_out32(GUEST_TICK_PORT, INSTRUCTIONS);
		trap_call(&t, chaos_enter, &state);
		port_out32(GUEST_TICK_PORT, 0);
		ends[t.vector]++;
		strange += wild(t.vector);
		sum = mix(sum, &t);
		if (i % 32 == 31)
			sum = mix_memory(sum);
		if (i % 64 == 63) {
			console_hex(sum);
			console_text("\n");
		}
	}
	check_equal("every snippet ended as it may", strange, 0);
	check("by ticks", ends[GUEST_TICK_VECTOR] > 0);
	check("by page faults", ends[VEC_PF] > 0);
	check("by protection faults", ends[VEC_GP] > 0);
	guest_results.value = sum;
}
