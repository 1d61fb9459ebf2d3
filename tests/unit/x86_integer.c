/* SPDX-License-Identifier: Apache-2.0 */
/* What the differential test cannot see of integer instructions: faults and exits that must leave
 * no trace, modes that no host process runs in, ports, features that are off. */
#include "core/x86/cpuid.h"

#include "tests/support/x86_one.h"
#include "tests/support/x86_setup.h"
#include "tests/unit/cmocka_all.h"

#define DATA 0x100000ull /* mapped and writable */
#define HOLE 0x180000ull /* not mapped */
#define ROM  0x190000ull /* read only */

static void map(struct x86_world_ram *w, uint64_t linear, uint64_t entry)
{
	x86_ram_put(w, SETUP_PT + linear / 4096 * 8, 8, entry);
}

/* Long mode at cpl with the pages above. */
static struct x86_world_ram *long_world(unsigned cpl)
{
	struct x86_world_ram *w = x86_world_ram_create(2 << 20);

	setup_long(w, cpl);
	map(w, HOLE, 0);
	map(w, ROM, ROM | 5);
	return w;
}

static void lazy_flags_are(struct x86_world_ram *w, uint32_t flags)
{
	assert_int_equal(lazy_get(&w->cpu.lazy), flags);
}

static void widths_of_registers(void **state)
{
	struct x86_world_ram *w = long_world(3);
	uint64_t *r = w->cpu.r;

	(void)state;
	r[X86_RAX] = 0x1122334455667788;
	r[X86_RBX] = 0xaabbccddeeff0011;
	assert_int_equal(X86_ONE(w, "\x88\xdc"), X86_OK); /* mov ah, bl */
	assert_int_equal(r[X86_RAX], 0x1122334455661188);
	assert_int_equal(X86_ONE(w, "\x40\x88\xdc"), X86_OK); /* mov spl, bl */
	assert_int_equal(r[X86_RSP] & 0xff, 0x11);
	assert_int_equal(X86_ONE(w, "\x66\x89\xd8"), X86_OK); /* mov ax, bx */
	assert_int_equal(r[X86_RAX], 0x1122334455660011);
	assert_int_equal(X86_ONE(w, "\x00\xe4"), X86_OK); /* add ah, ah */
	assert_int_equal(r[X86_RAX], 0x1122334455660011);
	lazy_flags_are(w, X86_ZF | X86_PF_FLAG);
	assert_int_equal(X86_ONE(w, "\x01\xd8"), X86_OK); /* add eax, ebx */
	assert_int_equal(r[X86_RAX], 0x44650022);
	r[X86_RAX] = ~0ull;
	assert_int_equal(X86_ONE(w, "\x90"), X86_OK);
	assert_int_equal(r[X86_RAX], ~0ull);
	assert_int_equal(X86_ONE(w, "\x0f\x44\xc3"), X86_OK); /* cmove eax, ebx, not taken */
	assert_int_equal(r[X86_RAX], 0xffffffff);
	r[X86_RAX] = ~0ull;
	assert_int_equal(X86_ONE(w, "\x87\xc0"), X86_OK); /* xchg eax, eax */
	assert_int_equal(r[X86_RAX], 0xffffffff);
	assert_int_equal(X86_ONE(w, "\x66\x0f\xc8"), X86_OK); /* bswap ax */
	assert_int_equal(r[X86_RAX], 0xffff0000);
	assert_int_equal(X86_ONE(w, "\x8c\xd8"), X86_OK); /* mov eax, ds */
	assert_int_equal(r[X86_RAX], SETUP_USER_DS | 3);
	x86_world_ram_destroy(w);
}

/* Everything that writes memory faults as a write and leaves no trace. */
static void failed_writes_leave_no_trace(void **state)
{
	static const char *const writes[] = {
		"\x01\x07",	/* add [rdi], eax */
		"\x11\x07",	/* adc */
		"\xff\x07",	/* inc */
		"\xf7\x1f",	/* neg */
		"\xf7\x17",	/* not */
		"\xd1\x27",	/* shl */
		"\x89\x07",	/* mov */
		"\x87\x07",	/* xchg */
		"\x0f\xb1\x07", /* cmpxchg */
		"\x0f\xc1\x07", /* xadd */
		"\x0f\xab\x07", /* bts */
		"\x0f\xc7\x0f", /* cmpxchg8b */
		"\x0f\x94\x07", /* sete */
		"\x8f\x07",	/* pop */
		"\x0f\xa5\x07", /* shld [rdi], eax, cl */
	};
	struct x86_world_ram *w = long_world(3);

	(void)state;
	w->cpu.r[X86_RDI] = ROM;
	w->cpu.r[X86_RAX] = 5;
	lazy_set(&w->cpu.lazy, X86_CF | X86_SF | X86_PF_FLAG);
	for (unsigned n = 0; n < sizeof(writes) / sizeof(writes[0]); n++) {
		assert_true(x86_one_faults(w, X86_PF, writes[n], (unsigned)strlen(writes[n])));
		assert_int_equal(w->cpu.event.error, 7);
		assert_int_equal(w->cpu.event.address, ROM);
	}
	w->cpu.r[X86_RDI] = HOLE;
	assert_true(X86_ONE_FAULTS(w, X86_PF, "\x0f\x44\x07")); /* cmove, not taken */
	assert_true(X86_ONE_FAULTS(w, X86_PF, "\xff\x37"));	/* push [rdi] */
	assert_true(X86_ONE_FAULTS(w, X86_PF, "\xff\x17"));	/* call [rdi] */
	x86_world_ram_destroy(w);
}

static void exits_leave_no_trace(void **state)
{
	struct x86_world_ram *w = long_world(0);
	uint64_t *r = w->cpu.r;

	(void)state;
	w->waits = true;
	r[X86_RDI] = SETUP_MMIO + 8;
	r[X86_RAX] = 5;
	r[X86_RSP] = DATA;
	lazy_set(&w->cpu.lazy, X86_CF);
	assert_int_equal(X86_ONE(w, "\x01\x07"), X86_EXIT); /* add [rdi], eax */
	assert_int_equal(X86_ONE(w, "\x8f\x07"), X86_EXIT); /* pop [rdi] */
	assert_int_equal(X86_ONE(w, "\x87\x07"), X86_EXIT); /* xchg [rdi], eax */
	assert_int_equal(X86_ONE(w, "\xed"), X86_EXIT);	    /* in eax, dx */
	assert_int_equal(X86_ONE(w, "\x6d"), X86_EXIT);	    /* insd */
	assert_int_equal(r[X86_RDI], SETUP_MMIO + 8);
	assert_int_equal(r[X86_RAX], 5);
	assert_int_equal(r[X86_RSP], DATA);
	assert_int_equal(w->cpu.rip, SETUP_CODE);
	lazy_flags_are(w, X86_CF);
	w->waits = false;
	assert_int_equal(X86_ONE(w, "\x01\x07"), X86_OK);
	assert_int_equal(w->mmio_written.value, (uint32_t)SETUP_MMIO + 8 + 5);
	assert_int_equal(w->mmio_written.count, 1);
	x86_world_ram_destroy(w);
}

static void bit_numbers_reach_beyond_the_operand(void **state)
{
	struct x86_world_ram *w = long_world(3);
	uint64_t *r = w->cpu.r;

	(void)state;
	r[X86_RDI] = DATA + 0x100;
	r[X86_RAX] = (uint64_t)-1;
	assert_int_equal(X86_ONE(w, "\x0f\xab\x07"), X86_OK); /* bts [rdi], eax */
	assert_int_equal(x86_ram_get(w, DATA + 0xfc, 4), 0x80000000);
	assert_false(lazy_cf(&w->cpu.lazy));
	r[X86_RAX] = 0xffff8000; /* as a word: bit -32768 */
	assert_int_equal(X86_ONE(w, "\x66\x0f\xab\x07"), X86_OK);
	assert_int_equal(x86_ram_get(w, DATA + 0x100 - 4096, 2), 1);
	r[X86_RAX] = 64 * 5 + 3;
	assert_int_equal(X86_ONE(w, "\x48\x0f\xbb\x07"), X86_OK); /* btc [rdi], rax */
	assert_int_equal(x86_ram_get(w, DATA + 0x100 + 40, 8), 8);
	assert_int_equal(X86_ONE(w, "\x0f\xba\x2f\x25"), X86_OK); /* bts [rdi], 37: bit 5 */
	assert_int_equal(x86_ram_get(w, DATA + 0x100, 8), 32);
	r[X86_RDI] = 4;
	r[X86_RAX] = (uint64_t)-64; /* the address wraps at 4 GiB */
	assert_int_equal(X86_ONE(w, "\x67\x0f\xa3\x07"), X86_FAULT);
	assert_int_equal(w->cpu.event.address, 0xfffffffc);
	x86_world_ram_destroy(w);
}

static void compare_and_exchange(void **state)
{
	struct x86_cpu_model no_cx16;
	struct x86_world_ram *w = long_world(3);
	uint64_t *r = w->cpu.r;

	(void)state;
	r[X86_RAX] = r[X86_RDX] = ~0ull;
	r[X86_RBX] = ~0ull;
	r[X86_RCX] = 0x1122334455667788;
	assert_int_equal(X86_ONE(w, "\x0f\xb1\xcb"), X86_OK); /* cmpxchg ebx, ecx: equal */
	assert_int_equal(r[X86_RAX], ~0ull);
	assert_int_equal(r[X86_RBX], 0x55667788);
	r[X86_RBX] = 0xffffffff00000001;
	assert_int_equal(X86_ONE(w, "\x0f\xb1\xcb"), X86_OK); /* not equal */
	assert_int_equal(r[X86_RAX], 1);
	assert_int_equal(r[X86_RBX], 0xffffffff00000001);

	r[X86_RDI] = DATA + 8;
	x86_ram_put(w, DATA + 8, 8, 0x0000000200000001);
	lazy_set(&w->cpu.lazy, X86_CF | X86_OF_FLAG);
	assert_int_equal(X86_ONE(w, "\x0f\xc7\x0f"), X86_OK); /* cmpxchg8b: not equal */
	assert_int_equal(r[X86_RAX], 1);
	assert_int_equal(r[X86_RDX], 2);
	lazy_flags_are(w, X86_CF | X86_OF_FLAG);
	assert_int_equal(X86_ONE(w, "\xf0\x0f\xc7\x0f"), X86_OK);
	assert_int_equal(x86_ram_get(w, DATA + 8, 8), 0x5566778800000001);
	lazy_flags_are(w, X86_CF | X86_OF_FLAG | X86_ZF);

	assert_true(X86_ONE_FAULTS(w, X86_GP, "\x48\x0f\xc7\x0f"));
	r[X86_RDI] = DATA + 16;
	r[X86_RAX] = r[X86_RDX] = 0;
	assert_int_equal(X86_ONE(w, "\x48\x0f\xc7\x0f"), X86_OK); /* cmpxchg16b */
	assert_int_equal(x86_ram_get(w, DATA + 16, 8), r[X86_RBX]);
	assert_int_equal(x86_ram_get(w, DATA + 24, 8), r[X86_RCX]);
	no_cx16 = *w->cpu.model;
	no_cx16.features &= ~(1u << X86_FEAT_CX16 | 1u << X86_FEAT_LAHF64);
	w->cpu.model = &no_cx16;
	assert_true(X86_ONE_FAULTS(w, X86_UD, "\x48\x0f\xc7\x0f"));
	assert_true(X86_ONE_FAULTS(w, X86_UD, "\x9e")); /* sahf */
	assert_true(X86_ONE_FAULTS(w, X86_UD, "\x9f"));
	assert_int_equal(X86_ONE(w, "\x0f\xc7\x0f"), X86_OK);
	x86_world_ram_destroy(w);
}

static void division_errors(void **state)
{
	struct x86_world_ram *w = long_world(3);
	uint64_t *r = w->cpu.r;

	(void)state;
	r[X86_RAX] = 1ull << 63;
	r[X86_RDX] = ~0ull;
	r[X86_RBX] = ~0ull;
	assert_true(X86_ONE_FAULTS(w, X86_DE, "\x48\xf7\xfb")); /* idiv rbx */
	assert_true(X86_ONE_FAULTS(w, X86_DE, "\x48\xf7\xf3")); /* div rbx */
	r[X86_RBX] = 0;
	assert_true(X86_ONE_FAULTS(w, X86_DE, "\x66\xf7\xf3"));
	r[X86_RAX] = 0x8000;
	r[X86_RDX] = 0xffff;
	r[X86_RBX] = 1;
	assert_int_equal(X86_ONE(w, "\x66\xf7\xfb"), X86_OK); /* the least quotient */
	assert_int_equal(r[X86_RAX], 0x8000);
	assert_int_equal(r[X86_RDX], 0);
	x86_world_ram_destroy(w);
}

static void the_stack(void **state)
{
	struct x86_world_ram *w = long_world(3);
	uint64_t *r = w->cpu.r;

	(void)state;
	r[X86_RSP] = DATA + 0x100;
	assert_int_equal(X86_ONE(w, "\x54"), X86_OK); /* push rsp */
	assert_int_equal(x86_ram_get(w, DATA + 0xf8, 8), DATA + 0x100);
	assert_int_equal(X86_ONE(w, "\x8f\x04\x24"), X86_OK); /* pop [rsp]: rsp has moved */
	assert_int_equal(x86_ram_get(w, DATA + 0x100, 8), DATA + 0x100);
	assert_int_equal(X86_ONE(w, "\x66\x6a\xfe"), X86_OK); /* push a word */
	assert_int_equal(r[X86_RSP], DATA + 0xfe);
	assert_int_equal(X86_ONE(w, "\x66\x5c"), X86_OK); /* pop sp */
	assert_int_equal(r[X86_RSP], (DATA & ~0xffffull) | 0xfffe);

	r[X86_RSP] = DATA + 0x100;
	r[X86_RBP] = DATA + 0x800;
	x86_ram_put(w, DATA + 0x7f8, 8, 0x1234);
	assert_int_equal(X86_ONE(w, "\xc8\x10\x00\x02"), X86_OK); /* enter 16, 2 */
	assert_int_equal(r[X86_RBP], DATA + 0xf8);
	assert_int_equal(r[X86_RSP], DATA + 0xd8);
	assert_int_equal(x86_ram_get(w, DATA + 0xf8, 8), DATA + 0x800);
	assert_int_equal(x86_ram_get(w, DATA + 0xf0, 8), 0x1234);
	assert_int_equal(x86_ram_get(w, DATA + 0xe8, 8), DATA + 0xf8);
	assert_int_equal(X86_ONE(w, "\xc9"), X86_OK);
	assert_int_equal(r[X86_RBP], DATA + 0x800);
	assert_int_equal(r[X86_RSP], DATA + 0x100);
	r[X86_RSP] = HOLE + 0x1100;
	assert_true(X86_ONE_FAULTS(w, X86_PF, "\xc8\x00\x10\x00")); /* the new top is not there */
	r[X86_RBP] = HOLE;
	assert_true(X86_ONE_FAULTS(w, X86_PF, "\xc9"));
	r[X86_RSP] = HOLE + 0x1000;
	assert_true(X86_ONE_FAULTS(w, X86_PF, "\x50"));
	r[X86_RBP] = r[X86_RSP] = 1ull << 63;
	assert_true(X86_ONE_FAULTS(w, X86_SS_FAULT, "\x50"));
	x86_world_ram_destroy(w);
}

static void all_registers_at_once(void **state)
{
	struct x86_world_ram *w = x86_world_ram_create(2 << 20);
	uint64_t *r = w->cpu.r;

	(void)state;
	setup_legacy32(w, 3);
	for (unsigned n = 0; n < 8; n++)
		r[n] = n * 0x01010101;
	r[X86_RSP] = DATA;
	assert_int_equal(X86_ONE(w, "\x60"), X86_OK);
	assert_int_equal(r[X86_RSP], DATA - 32);
	assert_int_equal(x86_ram_get(w, DATA - 20, 4), DATA); /* ESP as it was */
	assert_int_equal(x86_ram_get(w, DATA - 32, 4), 0x07070707);
	for (unsigned n = 0; n < 8; n++)
		if (n != X86_RSP)
			r[n] = 0;
	assert_int_equal(X86_ONE(w, "\x61"), X86_OK);
	assert_int_equal(r[X86_RSP], DATA);
	for (unsigned n = 0; n < 8; n++)
		if (n != X86_RSP)
			assert_int_equal(r[n], n * 0x01010101);
	w->cpu.seg[X86_SS].limit = 0x1fff;
	x86_mode_update(&w->cpu);
	r[X86_RSP] = 0x2010;
	assert_true(X86_ONE_FAULTS(w, X86_SS_FAULT, "\x60"));
	r[X86_RSP] = 0x1ff0;
	assert_true(X86_ONE_FAULTS(w, X86_SS_FAULT, "\x61"));
	setup_real(w);
	r[X86_RSP] = 9;
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\x60"));
	x86_world_ram_destroy(w);
}

static void branches_check_their_target(void **state)
{
	struct x86_world_ram *w = long_world(3);
	uint64_t *r = w->cpu.r;

	(void)state;
	r[X86_RAX] = 1ull << 47;
	r[X86_RSP] = DATA;
	x86_ram_put(w, DATA, 8, r[X86_RAX]);
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xff\xe0"));	/* jmp rax */
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xff\xd0"));	/* call rax */
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xc3"));		/* ret */
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xc2\x08\x00")); /* ret 8 */
	w->cpu.rip = (1ull << 47) - 2;
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xeb\x00"));
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xe2\x00")); /* loop: RCX stays */
	w->cpu.rip = SETUP_CODE;
	assert_int_equal(X86_ONE(w, "\xe8\xfb\xff\xff\xff"), X86_JUMPED); /* call to itself */
	assert_int_equal(w->cpu.rip, SETUP_CODE);
	assert_int_equal(x86_ram_get(w, r[X86_RSP], 8), SETUP_CODE + 5);
	assert_int_equal(X86_ONE(w, "\xc2\x08\x00"), X86_JUMPED);
	assert_int_equal(r[X86_RSP], DATA + 8);
	assert_int_equal(w->cpu.rip, SETUP_CODE + 5);
	r[X86_RCX] = 0xffffffff00000001;
	assert_int_equal(X86_ONE(w, "\x67\xe2\x10"), X86_OK); /* loop with ECX */
	assert_int_equal(r[X86_RCX], 0);
	assert_int_equal(X86_ONE(w, "\xe3\x10"), X86_JUMPED); /* jrcxz */
	assert_int_equal(w->cpu.rip, SETUP_CODE + 5 + 3 + 2 + 16);

	setup_legacy32(w, 0);
	w->cpu.seg[X86_CS].limit = SETUP_CODE + 0xf;
	x86_mode_update(&w->cpu);
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xeb\x0e"));
	assert_int_equal(X86_ONE(w, "\xeb\x0d"), X86_JUMPED);
	assert_int_equal(w->cpu.rip, SETUP_CODE + 15);
	w->cpu.rip = SETUP_CODE;
	assert_int_equal(X86_ONE(w, "\x66\xeb\x10"), X86_JUMPED); /* cut to 16 bits */
	assert_int_equal(w->cpu.rip, (SETUP_CODE + 0x13) & 0xffff);

	setup_real(w);
	w->cpu.rip = 0xfff0;
	assert_int_equal(X86_ONE(w, "\xeb\x20"), X86_JUMPED);
	assert_int_equal(w->cpu.rip, 0x12);
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\x66\xe9\x00\x00\x01\x00"));
	x86_world_ram_destroy(w);
}

static void decimal_arithmetic(void **state)
{
	static const struct {
		const char *code;
		uint16_t in, out;
		uint32_t flags_in, flags_out;
	} vectors[] = {
		{"\x27", 0x79, 0x79, 0, 0},
		{"\x27", 0x7a, 0x80, 0, X86_AF | X86_SF | X86_OF_FLAG},
		{"\x27", 0xae, 0x14, 0, X86_AF | X86_CF | X86_PF_FLAG},
		{"\x2f", 0x03, 0xfd, X86_AF, X86_AF | X86_CF | X86_SF},
		{"\x2f", 0xee, 0x88, 0, X86_AF | X86_CF | X86_SF | X86_PF_FLAG},
		{"\x37", 0x00fa, 0x0200, 0, X86_AF | X86_CF | X86_PF_FLAG},
		{"\x37", 0x0005, 0x0005, X86_CF, X86_PF_FLAG},
		{"\x3f", 0x0200, 0x000a, X86_AF, X86_AF | X86_CF | X86_PF_FLAG},
		{"\xd4\x0a", 0x003f, 0x0603, 0, X86_PF_FLAG},
		{"\xd5\x0a", 0x0603, 0x003f, X86_CF, X86_PF_FLAG},
		{"\xd5\x10", 0x0f01, 0x00f1, 0, X86_SF},
		{"\xd6", 0x1234, 0x12ff, X86_CF, X86_CF},
	};
	struct x86_world_ram *w = x86_world_ram_create(2 << 20);

	(void)state;
	setup_legacy32(w, 0);
	for (unsigned n = 0; n < sizeof(vectors) / sizeof(vectors[0]); n++) {
		w->cpu.r[X86_RAX] = 0xabcd0000u | vectors[n].in;
		lazy_set(&w->cpu.lazy, vectors[n].flags_in);
		assert_int_equal(x86_one(w, vectors[n].code, (unsigned)strlen(vectors[n].code)),
				 X86_OK);
		assert_int_equal(w->cpu.r[X86_RAX], 0xabcd0000u | vectors[n].out);
		lazy_flags_are(w, vectors[n].flags_out);
	}
	assert_true(x86_one_faults(w, X86_DE, "\xd4\x00", 2)); /* aam 0 */
	x86_world_ram_destroy(w);
}

static void ports_ask_for_permission(void **state)
{
	struct x86_world_ram *w = long_world(3);
	struct x86_cpu *c = &w->cpu;

	(void)state;
	c->r[X86_RDX] = 0x3f8;
	c->r[X86_RAX] = ~0ull;
	w->port_reads = 0x12345678;
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xec")); /* no bitmap within the TSS */
	c->seg[X86_TR].limit = 0x68 + 0x80;
	x86_ram_put(w, SETUP_TSS + 102, 2, 0x68);
	assert_int_equal(X86_ONE(w, "\xec"), X86_OK); /* in al, dx: bit clear */
	assert_int_equal(c->r[X86_RAX], 0xffffffffffffff78);
	assert_int_equal(X86_ONE(w, "\xed"), X86_OK); /* in eax, dx */
	assert_int_equal(c->r[X86_RAX], 0x12345678);
	x86_ram_put(w, SETUP_TSS + 0x68 + 0x3f8 / 8, 1, 1 << 3);
	assert_int_equal(X86_ONE(w, "\x66\xef"), X86_OK); /* out dx, ax: bits 0 and 1 */
	assert_int_equal(w->port_written.port, 0x3f8);
	assert_int_equal(w->port_written.value, 0x5678);
	assert_int_equal(w->port_written.size_bytes, 2);
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xef")); /* bit 3 is set */
	c->r[X86_RDX] = 0x400; /* the second byte that is read lies past the limit */
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xee"));
	c->rflags |= X86_IOPL;
	assert_int_equal(X86_ONE(w, "\xe7\x80"), X86_OK); /* out 80H, eax */
	assert_int_equal(w->port_written.port, 0x80);
	assert_int_equal(w->port_written.size_bytes, 4);
	c->rflags &= ~(uint64_t)X86_IOPL;
	c->seg[X86_TR].attr = (c->seg[X86_TR].attr & ~X86_SEG_TYPE) | 3; /* a 16-bit TSS */
	c->r[X86_RDX] = 0;
	assert_true(X86_ONE_FAULTS(w, X86_GP, "\xec"));
	x86_world_ram_destroy(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(widths_of_registers),
		cmocka_unit_test(failed_writes_leave_no_trace),
		cmocka_unit_test(exits_leave_no_trace),
		cmocka_unit_test(bit_numbers_reach_beyond_the_operand),
		cmocka_unit_test(compare_and_exchange),
		cmocka_unit_test(division_errors),
		cmocka_unit_test(the_stack),
		cmocka_unit_test(all_registers_at_once),
		cmocka_unit_test(branches_check_their_target),
		cmocka_unit_test(decimal_arithmetic),
		cmocka_unit_test(ports_ask_for_permission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
