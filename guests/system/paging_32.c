/* SPDX-License-Identifier: Apache-2.0 */
/* Paging of 32-bit code: two levels with 4 KiB and 4 MiB pages, then PAE with three. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define WINDOW 0x40000000ul
#define PAGE   4096ul

#define P  1ul
#define W  2ul
#define U  4ul
#define A  0x20ul
#define D  0x40ul
#define PS 0x80ul
#define NX (1ull << 63)

enum { PRESENT = 1, WRITE = 2, USER = 4, RESERVED = 8, FETCH = 16 };

static uint32_t directory[1024] __attribute__((aligned(4096)));
static uint32_t table[1024] __attribute__((aligned(4096)));
static uint64_t pointers[4] __attribute__((aligned(32)));
static uint64_t wide_directory[4][512] __attribute__((aligned(4096)));
static uint64_t wide_table[512] __attribute__((aligned(4096)));
static uint8_t frames[2][4096] __attribute__((aligned(4096)));

CODE(load, "mov (%%edi), %%al")
CODE(store, "movb $7, (%%edi)")
CODE(store_four, "movl $7, (%%edi)")
CODE(run, "call *%%edi")
CODE(load_cr3_from, "mov %%edi, %%cr3")

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

/* ---- two levels ---- */

static void map_two_levels(void)
{
	for (unsigned i = 0; i < 4; i++) /* the guest itself */
		directory[i] = i << 22 | PS | P | W | U;
	directory[WINDOW >> 22] = (uint32_t)table | P | W | U;
	table[0] = (uint32_t)frames[0] | P | W | U;
	table[1] = (uint32_t)frames[1] | P | W | U;
	write_cr3((uint32_t)directory);
}

static void two_levels_rights(void)
{
	expect_fault("2 levels: load, not present", VEC_PF, 0, WINDOW + 2 * PAGE + 5, load,
		     at(2 * PAGE + 5));
	expect_fault("store, not present", VEC_PF, WRITE, WINDOW + 2 * PAGE, store, at(2 * PAGE));
	expect_fault("fetch has no code of its own without NX", VEC_PF, 0, WINDOW + 2 * PAGE, run,
		     at(2 * PAGE));
	expect_user_trap("user load, not present", VEC_PF, USER, load, at(2 * PAGE));
	expect_fault("no table", VEC_PF, 0, WINDOW + (4ul << 20), load, at(4ul << 20));
	table[0] &= ~W;
	invalidate(0);
	write_cr0(read_cr0() & ~CR0_WP);
	expect_trap("read-only without WP", VEC_NONE, 0, store, at(0));
	write_cr0(read_cr0() | CR0_WP);
	expect_fault("read-only with WP", VEC_PF, PRESENT | WRITE, WINDOW, store, at(0));
	expect_user_trap("read-only to user", VEC_PF, PRESENT | WRITE | USER, store, at(0));
	directory[WINDOW >> 22] &= ~U;
	reload();
	expect_user_trap("level 2 is the supervisor's", VEC_PF, PRESENT | USER, load, at(0));
	map_two_levels();
}

static void two_levels(void)
{
	map_two_levels();
	write_cr4(read_cr4() | CR4_PSE);
	write_cr0(read_cr0() | CR0_PG);
	check("2 levels: paging on", read_cr0() & CR0_PG);
	frames[0][9] = 55;
	check_equal("4 KiB page", peek8(at(9)), 55);
	check_equal("A", table[0] & (A | D), A);
	check_equal("A of the directory", directory[WINDOW >> 22] & (A | D), A);
	store(at(9));
	check_equal("D", table[0] & (A | D), A | D);
	two_levels_rights();
	directory[(WINDOW >> 22) + 1] = PS | P | W | U;
	frames[1][3] = 66;
	check_equal("4 MiB page", peek8(at((4ul << 20) + (uint32_t)&frames[1][3])), 66);
	check_equal("A of a 4 MiB page", directory[(WINDOW >> 22) + 1] & (A | D), A);
	store(at((4ul << 20) + (uint32_t)&frames[1][3]));
	check_equal("D of a 4 MiB page", directory[(WINDOW >> 22) + 1] & (A | D), A | D);
	check_equal("it has been stored", peek8(&frames[1][3]), 7);
	poke32(at(PAGE - 2), 0x11223344);
	check_equal("across pages", peek16(frames[1]), 0x1122);
	table[1] = 0;
	invalidate(PAGE);
	expect_fault("across into an absent page", VEC_PF, WRITE, WINDOW + PAGE, store_four,
		     at(PAGE - 2));
	check_equal("leaves the first page alone", peek16(frames[0] + PAGE - 2), 0x3344);
	write_cr0(read_cr0() & ~CR0_PG);
	write_cr4(read_cr4() & ~CR4_PSE);
}

/* ---- PAE ---- */

static void map_three_levels(void)
{
	for (unsigned i = 0; i < 4; i++)
		pointers[i] = (uint32_t)wide_directory[i] | P;
	for (unsigned i = 0; i < 8; i++)
		wide_directory[0][i] = i << 21 | PS | P | W | U;
	wide_directory[1][0] = (uint32_t)wide_table | P | W | U;
	wide_table[0] = (uint32_t)frames[0] | P | W | U;
	wide_table[1] = (uint32_t)frames[1] | P | W | U;
	write_cr3((uint32_t)pointers);
}

static void wide_reserved(void)
{
	if (!tcg_lacks("PAE: address bit too high")) {
		wide_table[0] |= 1ull << 51;
		invalidate(0);
		expect_fault("PAE: address bit too high", VEC_PF, PRESENT | RESERVED, WINDOW, load,
			     at(0));
		map_three_levels();
	}
	if (!tcg_lacks("#GP PAE: reserved bit in a pointer")) {
		static uint64_t bad[4] __attribute__((aligned(32)));

		memory_copy(bad, pointers, sizeof(bad));
		bad[2] |= 2;
		expect_trap("#GP PAE: reserved bit in a pointer", VEC_GP, 0, load_cr3_from, bad);
		check_equal("CR3 has kept its value", read_cr3(), (uint32_t)pointers);
		bad[2] = ~1ull;
		expect_trap("a pointer that is not present may be anything", VEC_NONE, 0,
			    load_cr3_from, bad);
		map_three_levels();
	}
	if (!tcg_lacks("pointers are read when CR3 is loaded")) {
		pointers[1] = 0;
		check_equal("pointers are read when CR3 is loaded", trap_call(NULL, load, at(0)),
			    VEC_NONE);
		reload();
		expect_fault("and then again", VEC_PF, 0, WINDOW, load, at(0));
		map_three_levels();
	}
}

static void three_levels(void)
{
	map_three_levels();
	write_cr4(read_cr4() | CR4_PAE);
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
	write_cr0(read_cr0() | CR0_PG);
	frames[0][9] = 77;
	check_equal("PAE: 4 KiB page", peek8(at(9)), 77);
	check_equal("A", wide_table[0] & (A | D), A);
	check_equal("A of the directory", wide_directory[1][0] & (A | D), A);
	if (!tcg_lacks("no A in the pointers"))
		check_equal("no A in the pointers", pointers[1] & (A | D), 0);
	store(at(9));
	check_equal("D", wide_table[0] & (A | D), A | D);
	wide_directory[1][1] = PS | P | W | U;
	frames[1][3] = 88;
	check_equal("2 MiB page", peek8(at((2ul << 20) + (uint32_t)&frames[1][3])), 88);
	check_equal("A of a 2 MiB page", wide_directory[1][1] & (A | D), A);
	frames[0][0] = 0xc3;
	wide_table[0] |= NX;
	invalidate(0);
	expect_fault("NX", VEC_PF, PRESENT | FETCH, WINDOW, run, at(0));
	expect_user_trap("NX for user code", VEC_PF, PRESENT | FETCH | USER, run, at(0));
	wide_table[0] &= ~NX;
	invalidate(0);
	expect_trap("no NX", VEC_NONE, 0, run, at(0));
	expect_fault("fetch, not present", VEC_PF, FETCH, WINDOW + 2 * PAGE, run, at(2 * PAGE));
	wide_table[0] &= ~U;
	invalidate(0);
	expect_user_trap("supervisor's page", VEC_PF, PRESENT | USER, load, at(0));
	wide_table[0] |= U;
	wide_reserved();
	write_cr0(read_cr0() & ~CR0_PG);
	write_cr4(read_cr4() & ~CR4_PAE);
}

void guest_main(void)
{
	write_cr0(read_cr0() | CR0_WP);
	two_levels();
	three_levels();
	check("paging off again", !(read_cr0() & CR0_PG));
}
