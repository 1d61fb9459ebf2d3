/* SPDX-License-Identifier: Apache-2.0 */
/* 4-level paging: rights at every level, error codes, accessed and dirty bits, page sizes. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define WINDOW 0x10000000000ul /* the third slot of the top-level table */
#define PAGE   4096ul
#define LARGE  0x200000ul

#define P	1ul
#define W	2ul
#define U	4ul
#define A	0x20ul
#define D	0x40ul
#define PS	0x80ul
#define G	0x100ul
#define NX	(1ul << 63)
#define ADDRESS 0x000ffffffffff000ul

/* Bits of a page fault's error code. */
enum { NOT_PRESENT = 0, PRESENT = 1, WRITE = 2, USER = 4, RESERVED = 8, FETCH = 16 };

extern uint64_t boot_pml4[512];
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t directory[512] __attribute__((aligned(4096)));
static uint64_t table[512] __attribute__((aligned(4096)));
static uint8_t frames[4][4096] __attribute__((aligned(4096)));
static uint8_t large[2 * LARGE] __attribute__((aligned(LARGE)));

CODE(load, "mov (%%rdi), %%al")
CODE(load_quad, "mov (%%rdi), %%rax")
CODE(store, "movb $7, (%%rdi)")
CODE(store_quad, "movq $-1, (%%rdi)")
CODE(exchange, "mov $1, %%eax; mov $2, %%ecx; lock cmpxchgb %%cl, (%%rdi)")
CODE(increment, "incb (%%rdi)")
CODE(run, "call *%%rdi")
CODE(compare, "cmpb $1, (%%rdi)")
CODE(clear_pg, "mov %%cr0, %%rax; btr $31, %%rax; mov %%rax, %%cr0")
CODE(clear_pe, "mov %%cr0, %%rax; btr $0, %%rax; mov %%rax, %%cr0")
CODE(clear_pae, "mov %%cr4, %%rax; btr $5, %%rax; mov %%rax, %%cr4")
CODE(set_nw, "mov %%cr0, %%rax; bts $29, %%rax; mov %%rax, %%cr0")
CODE(clear_lme, "mov $0xc0000080, %%ecx; rdmsr; btr $8, %%eax; wrmsr")
CODE(load_with_stac, "stac; mov (%%rdi), %%al; clac")
CODE(load_with_clac, "stac; clac; mov (%%rdi), %%al")
CODE(bad_efer, "mov $0xc0000080, %%ecx; rdmsr; bts $16, %%eax; wrmsr")

static void *at(unsigned long offset)
{
	return (void *)(WINDOW + offset);
}

static void invalidate(unsigned long offset)
{
	__asm__ volatile("invlpg (%0)" : : "r"(WINDOW + offset) : "memory");
}

static void reload(void)
{
	write_cr3(read_cr3());
}

/* All levels as permissive as can be, the first four pages mapped to the frames. */
static void map_afresh(void)
{
	boot_pml4[2] = (unsigned long)pdpt | P | W | U;
	memory_fill(pdpt, 0, sizeof(pdpt));
	memory_fill(directory, 0, sizeof(directory));
	memory_fill(table, 0, sizeof(table));
	pdpt[0] = (unsigned long)directory | P | W | U;
	directory[0] = (unsigned long)table | P | W | U;
	for (unsigned i = 0; i < 4; i++)
		table[i] = (unsigned long)frames[i] | P | W | U;
	reload();
}

static void put_code(unsigned frame)
{
	static const uint8_t code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */

	memory_copy(frames[frame], code, sizeof(code));
}

/* ---- accessed and dirty ---- */

static void accessed_and_dirty(void)
{
	map_afresh();
	load(at(0));
	check_equal("A at level 4", boot_pml4[2] & (A | D), A);
	check_equal("A at level 3", pdpt[0] & (A | D), A);
	check_equal("A at level 2", directory[0] & (A | D), A);
	check_equal("A after a load, no D", table[0] & (A | D), A);
	check_equal("no A beside it", table[1] & (A | D), 0);
	store(at(PAGE));
	check_equal("A and D after a store", table[1] & (A | D), A | D);
	check_equal("D at no other level", directory[0] & D, 0);
	exchange(at(2 * PAGE));
	check_equal("D after an exchange that failed", table[2] & (A | D), A | D);
	store(at(0));
	check_equal("D comes with the first store", table[0] & (A | D), A | D);
	put_code(3);
	run(at(3 * PAGE));
	check_equal("A after a fetch", table[3] & (A | D), A);
	table[3] &= ~A;
	table[1] &= ~(A | D);
	reload();
	load(at(PAGE));
	check_equal("A again after it was cleared", table[1] & (A | D), A);
}

/* ---- rights ---- */

static void not_present(void)
{
	void *there = at(5 * PAGE + 123);

	map_afresh();
	expect_fault("load, not present", VEC_PF, NOT_PRESENT, (unsigned long)there, load, there);
	expect_fault("store, not present", VEC_PF, WRITE, (unsigned long)there, store, there);
	expect_fault("fetch, not present", VEC_PF, FETCH, (unsigned long)there, run, there);
	expect_user_trap("user load, not present", VEC_PF, USER, load, there);
	expect_user_trap("user store, not present", VEC_PF, USER | WRITE, store, there);
	expect_user_trap("user fetch, not present", VEC_PF, USER | FETCH, run, there);
	table[5] = ADDRESS & ~P;
	expect_fault("other bits mean nothing then", VEC_PF, 0, (unsigned long)there, load, there);
	expect_fault("level 2 not present", VEC_PF, 0, WINDOW + LARGE, load, at(LARGE));
	expect_fault("level 3 not present", VEC_PF, 0, WINDOW + (1ul << 30), load, at(1ul << 30));
	expect_fault("level 4 not present", VEC_PF, 0, WINDOW + (1ul << 39), load, at(1ul << 39));
	expect_fault("upper half", VEC_PF, 0, 0xffff800000000000, load, (void *)0xffff800000000000);
}

static void write_protection(uint64_t *entry, const char *allowed, const char *supervisor,
			     const char *user)
{
	map_afresh();
	*entry &= ~W;
	reload();
	write_cr0(read_cr0() & ~CR0_WP);
	expect_trap(allowed, VEC_NONE, 0, store, at(0));
	check_equal("and D is set", table[0] & D, D);
	write_cr0(read_cr0() | CR0_WP);
	expect_fault(supervisor, VEC_PF, PRESENT | WRITE, WINDOW, store, at(0));
	expect_user_trap(user, VEC_PF, PRESENT | WRITE | USER, store, at(0));
	expect_user_trap("user load of it", VEC_NONE, 0, load, at(0));
	expect_fault("read-modify-write of it", VEC_PF, PRESENT | WRITE, WINDOW, increment, at(0));
	expect_fault("failing exchange with it", VEC_PF, PRESENT | WRITE, WINDOW, exchange, at(0));
	expect_trap("compare with it", VEC_NONE, 0, compare, at(0));
}

static void supervisor_only(uint64_t *entry, const char *name)
{
	map_afresh();
	*entry &= ~U;
	reload();
	expect_user_trap(name, VEC_PF, PRESENT | USER, load, at(0));
	expect_user_trap("user store to it", VEC_PF, PRESENT | USER | WRITE, store, at(0));
	expect_user_trap("user fetch from it", VEC_PF, PRESENT | USER | FETCH, run, at(0));
	expect_trap("supervisor store to it", VEC_NONE, 0, store, at(0));
}

static void no_execute(uint64_t *entry, const char *name)
{
	map_afresh();
	put_code(0);
	*entry |= NX;
	reload();
	expect_fault(name, VEC_PF, PRESENT | FETCH, WINDOW, run, at(0));
	expect_user_trap("user fetch from it", VEC_PF, PRESENT | FETCH | USER, run, at(0));
	expect_trap("load from it", VEC_NONE, 0, load, at(0));
	*entry &= ~NX;
	invalidate(0);
	expect_user_trap("user fetch without NX", VEC_NONE, 0, run, at(0));
}

static void rights(void)
{
	not_present();
	write_protection(&table[0], "no WP: supervisor stores anywhere", "page is read-only",
			 "page is read-only to user");
	write_protection(&directory[0], "no WP, level 2", "level 2 is read-only",
			 "level 2 is read-only to user");
	write_protection(&pdpt[0], "no WP, level 3", "level 3 is read-only",
			 "level 3 is read-only to user");
	write_protection(&boot_pml4[2], "no WP, level 4", "level 4 is read-only",
			 "level 4 is read-only to user");
	supervisor_only(&table[0], "page is the supervisor's");
	supervisor_only(&directory[0], "level 2 is the supervisor's");
	supervisor_only(&pdpt[0], "level 3 is the supervisor's");
	supervisor_only(&boot_pml4[2], "level 4 is the supervisor's");
	no_execute(&table[0], "page is NX");
	no_execute(&directory[0], "level 2 is NX");
	no_execute(&pdpt[0], "level 3 is NX");
	no_execute(&boot_pml4[2], "level 4 is NX");
}

/* ---- reserved bits ---- */

static void expect_reserved(const char *name, uint64_t *entry, uint64_t bits)
{
	if (tcg_lacks(name))
		return;
	map_afresh();
	*entry |= bits;
	reload();
	expect_fault(name, VEC_PF, PRESENT | RESERVED, WINDOW, load, at(0));
	map_afresh();
}

static void reserved_bits(void)
{
	uint64_t above = 1ull << (cpuid(0x80000008, 0).reg[0] & 0xff);

	expect_reserved("address bit too high, page", &table[0], above);
	expect_reserved("address bit too high, level 2", &directory[0], above);
	expect_reserved("address bit too high, level 3", &pdpt[0], above);
	expect_reserved("address bit too high, level 4", &boot_pml4[2], above);
	expect_reserved("address bit 51", &table[0], 1ul << 51);
	expect_reserved("PS at level 4", &boot_pml4[2], PS);
	map_afresh();
	directory[0] = (unsigned long)large | P | W | U | PS | 1ul << 13;
	reload();
	if (!tcg_lacks("2 MiB page with bit 13"))
		expect_fault("2 MiB page with bit 13", VEC_PF, PRESENT | RESERVED, WINDOW, load,
			     at(0));
	map_afresh();
	write_msr(MSR_EFER, read_msr(MSR_EFER) & ~(uint64_t)EFER_NXE);
	table[0] |= NX;
	reload();
	if (!tcg_lacks("NX without EFER.NXE"))
		expect_fault("NX without EFER.NXE", VEC_PF, PRESENT | RESERVED, WINDOW, load,
			     at(0));
	table[0] &= ~NX;
	invalidate(0);
	expect_fault("fetch error code without NXE", VEC_PF, NOT_PRESENT, WINDOW + 5 * PAGE, run,
		     at(5 * PAGE));
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
}

/* ---- page sizes ---- */

static void large_pages(void)
{
	map_afresh();
	directory[1] = (unsigned long)large | P | W | U | PS;
	large[0x12345] = 99;
	check_equal("2 MiB page", peek8(at(LARGE + 0x12345)), 99);
	check_equal("A of a 2 MiB page", directory[1] & (A | D), A);
	store(at(LARGE + 0x12345));
	check_equal("D of a 2 MiB page", directory[1] & (A | D), A | D);
	check_equal("it has been stored", peek8(&large[0x12345]), 7);
	directory[1] |= NX;
	invalidate(LARGE);
	expect_fault("NX 2 MiB page", VEC_PF, PRESENT | FETCH, WINDOW + LARGE + 5, run,
		     at(LARGE + 5));
	directory[2] = (unsigned long)(large + LARGE) | P | PS;
	expect_user_trap("2 MiB page of the supervisor", VEC_PF, PRESENT | USER, load,
			 at(2 * LARGE));
	pdpt[1] = P | W | U | PS;
	if (cpuid_has(0x80000001, 3, 26)) {
		check_equal("1 GiB page", peek8(at((1ul << 30) + (unsigned long)large + 0x12345)),
			    7);
		check_equal("A of a 1 GiB page", pdpt[1] & (A | D), A);
		pdpt[1] |= 1ul << 13;
		reload();
		if (!tcg_lacks("1 GiB page with bit 13"))
			expect_fault("1 GiB page with bit 13", VEC_PF, PRESENT | RESERVED,
				     WINDOW + (1ul << 30), load, at(1ul << 30));
	} else {
		expect_fault("1 GiB pages are not there", VEC_PF, PRESENT | RESERVED,
			     WINDOW + (1ul << 30), load, at(1ul << 30));
	}
}

/* ---- when changes are seen ---- */

static void changes(void)
{
	map_afresh();
	frames[0][0] = 10;
	frames[1][0] = 11;
	load(at(0));
	table[0] = (unsigned long)frames[1] | P | W | U;
	invalidate(0);
	check_equal("new page after INVLPG", peek8(at(0)), 11);
	table[0] = (unsigned long)frames[0] | P | W | U;
	reload();
	check_equal("new page after a CR3 load", peek8(at(0)), 10);
	write_cr4(read_cr4() | CR4_PGE);
	table[0] |= G;
	reload();
	load(at(0));
	table[0] = (unsigned long)frames[1] | P | W | U | G;
	invalidate(0);
	check_equal("new global page after INVLPG", peek8(at(0)), 11);
	table[0] = (unsigned long)frames[0] | P | W | U | G;
	write_cr4(read_cr4() & ~CR4_PGE);
	check_equal("new global page after CR4.PGE was cleared", peek8(at(0)), 10);
	table[1] = 0;
	invalidate(PAGE);
	expect_fault("gone after INVLPG", VEC_PF, 0, WINDOW + PAGE, load, at(PAGE));
	table[1] = (unsigned long)frames[1] | P | W | U;
	check_equal("back without any flush", peek8(at(PAGE)), 11);
}

/* ---- across pages ---- */

static void across_pages(void)
{
	uint64_t *middle = at(PAGE - 4);
	uint8_t *code = at(PAGE - 3);
	struct trap t;

	map_afresh();
	table[0] = (unsigned long)frames[2] | P | W | U;
	table[1] = (unsigned long)frames[0] | P | W | U;
	reload();
	poke64(middle, 0x1122334455667788);
	check_equal("first half", peek32(frames[2] + PAGE - 4), 0x55667788);
	check_equal("second half", peek32(frames[0]), 0x11223344);
	check_equal("both halves", peek64(middle), 0x1122334455667788);
	table[1] &= ~W;
	invalidate(PAGE);
	expect_fault("store into a read-only second page", VEC_PF, PRESENT | WRITE, WINDOW + PAGE,
		     store_quad, middle);
	table[1] = 0;
	invalidate(PAGE);
	expect_fault("store into an absent second page", VEC_PF, WRITE, WINDOW + PAGE, store_quad,
		     middle);
	check_equal("has left the first alone", peek32(frames[2] + PAGE - 4), 0x55667788);
	expect_fault("load from an absent second page", VEC_PF, 0, WINDOW + PAGE, load_quad,
		     middle);
	table[1] = (unsigned long)frames[0] | P | W | U;
	table[0] = 0;
	reload();
	expect_fault("load from an absent first page", VEC_PF, 0, (unsigned long)middle, load_quad,
		     middle);
	table[0] = (unsigned long)frames[2] | P | W | U;
	memory_copy(code, "\xb8\x2a\x00\x00\x00\xc3", 6);
	table[1] = 0;
	invalidate(PAGE);
	trap_call(&t, run, code);
	check_equal("instruction into an absent page", t.vector, VEC_PF);
	check_equal("faults for the second page", t.cr2, WINDOW + PAGE);
	check_equal("at the instruction", t.frame.ip, (unsigned long)code);
	check_equal("as a fetch", t.error, FETCH);
}

/* ---- SMEP, SMAP ---- */

static void supervisor_mode_prevention(void)
{
	map_afresh();
	put_code(0);
	boot_pml4[0] &= ~U; /* the guest's own code and data */
	reload();
	if (cpuid_has(7, 1, 7)) {
		write_cr4(read_cr4() | CR4_SMEP);
		expect_fault("SMEP: fetch from a user page", VEC_PF, PRESENT | FETCH, WINDOW, run,
			     at(0));
		expect_trap("SMEP: load is fine", VEC_NONE, 0, load, at(0));
		table[0] &= ~U;
		invalidate(0);
		expect_trap("SMEP: fetch from own page", VEC_NONE, 0, run, at(0));
		write_cr4(read_cr4() & ~CR4_SMEP);
	} else {
		skip("SMEP");
	}
	map_afresh();
	put_code(0);
	if (cpuid_has(7, 1, 20)) {
		write_cr4(read_cr4() | CR4_SMAP);
		expect_fault("SMAP: load", VEC_PF, PRESENT, WINDOW, load, at(0));
		expect_fault("SMAP: store", VEC_PF, PRESENT | WRITE, WINDOW, store, at(0));
		expect_trap("SMAP: fetch is fine", VEC_NONE, 0, run, at(0));
		expect_trap("SMAP: load with AC", VEC_NONE, 0, load_with_stac, at(0));
		expect_fault("SMAP: load after CLAC", VEC_PF, PRESENT, WINDOW, load_with_clac,
			     at(0));
		directory[0] &= ~U;
		reload();
		expect_trap("SMAP: own page", VEC_NONE, 0, store, at(0));
		write_cr4(read_cr4() & ~CR4_SMAP);
	} else {
		skip("SMAP");
	}
	boot_pml4[0] |= U;
	reload();
}

/* ---- control registers ---- */

static void control_registers(void)
{
	unsigned long priority;

	expect_trap_not_tcg("PG may not be cleared in 64-bit code", VEC_GP, 0, clear_pg, NULL);
	expect_trap_not_tcg("PE may not be cleared under PG", VEC_GP, 0, clear_pe, NULL);
	expect_trap_not_tcg("PAE may not be cleared in long mode", VEC_GP, 0, clear_pae, NULL);
	expect_trap_not_tcg("NW needs CD", VEC_GP, 0, set_nw, NULL);
	expect_trap_not_tcg("LME may not change under PG", VEC_GP, 0, clear_lme, NULL);
	expect_trap_not_tcg("reserved bit of EFER", VEC_GP, 0, bad_efer, NULL);
	__asm__ volatile("mov %0, %%cr8" : : "r"(5ul));
	__asm__ volatile("mov %%cr8, %0" : "=r"(priority));
	check_equal("CR8", priority, 5);
	__asm__ volatile("mov %0, %%cr8" : : "r"(0ul));
	check_equal("EFER", read_msr(MSR_EFER) & ~(uint64_t)EFER_SCE,
		    EFER_LME | EFER_LMA | EFER_NXE);
	write_cr2(0x123456789abcdef0);
	check_equal("CR2 keeps what is written", read_cr2(), 0x123456789abcdef0);
}

void guest_main(void)
{
	write_cr0(read_cr0() | CR0_WP);
	accessed_and_dirty();
	rights();
	reserved_bits();
	large_pages();
	changes();
	across_pages();
	supervisor_mode_prevention();
	control_registers();
}
