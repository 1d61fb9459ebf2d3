/* SPDX-License-Identifier: Apache-2.0 */
/* Self-modifying code: what is executed is what was written last, whoever wrote it and where. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define WINDOW 0x10000000000ul
#define PAGE   4096ul

#define P 1ul
#define W 2ul
#define U 4ul

typedef unsigned code_function(void);

code_function next_byte, next_in_loop, ahead_by_movs, own_block, patched_jump, by_push, by_sse;
code_function by_xchg, by_cmpxchg, counting;

extern uint64_t boot_pml4[512];
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t directory[512] __attribute__((aligned(4096)));
static uint64_t table[512] __attribute__((aligned(4096)));
static uint8_t pages[3][4096] __attribute__((aligned(4096)));

/* mov $value, %eax; ret */
static void put_function(uint8_t *at, uint32_t value)
{
	poke8(at, 0xb8);
	poke32(at + 1, value);
	poke8(at + 5, 0xc3);
}

static unsigned call(const void *at)
{
	unsigned long result;

	__asm__ volatile("call *%1"
			 : "=a"(result)
			 : "r"(at)
			 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	return (unsigned)result;
}

static void serialize(void)
{
	cpuid(0, 0);
}

static void written_from_outside(void)
{
	unsigned sum = 0;

	put_function(pages[0], 1);
	check_equal("fresh code", call(pages[0]), 1);
	put_function(pages[0], 2);
	check_equal("changed code", call(pages[0]), 2);
	for (unsigned i = 0; i < 100; i++) {
		poke8(pages[0] + 1, (uint8_t)i);
		sum += call(pages[0]);
	}
	check_equal("changed a hundred times", sum, 4950);
	put_function(pages[0] + PAGE - 3, 0x01020304);
	check_equal("across two pages", call(pages[0] + PAGE - 3), 0x01020304);
	poke8(pages[1], 0x55);
	check_equal("its second page changed", call(pages[0] + PAGE - 3), 0x01550304);
	poke8(pages[0] + PAGE - 2, 0x66);
	check_equal("its first page changed", call(pages[0] + PAGE - 3), 0x01550366);
	put_function(pages[2], 11);
	call(pages[2]);
	memory_copy(pages[2], pages[0], 64);
	check_equal("copied over", call(pages[2]), 99);
	memory_fill(pages[2], 0x90, 32);
	put_function(pages[2] + 32, 13);
	check_equal("filled", call(pages[2]), 13);
}

static void written_from_inside(void)
{
	check_equal("the very next instruction", next_byte(), 42);
	check_equal("the next instruction in a loop", next_in_loop(), 5050);
	check_equal("the next instruction in a loop, again", next_in_loop(), 5050);
	check_equal("ahead by REP MOVSB", ahead_by_movs(), 2);
	check_equal("earlier in the same block", own_block(), 21);
	check_equal("earlier in the same block, again", own_block(), 21);
	check_equal("the displacement of a jump", patched_jump(), 5);
	check_equal("by PUSH", by_push(), 5);
	check_equal("by an SSE store", by_sse(), 6);
	check_equal("by XCHG", by_xchg(), 7);
	check_equal("by LOCK CMPXCHG", by_cmpxchg(), 8);
	check_equal("data beside code", counting(), 1000);
}

static void user_store(void *to)
{
	poke8((uint8_t *)to + 1, 77);
}

static void other_addresses(void)
{
	uint8_t *alias = (uint8_t *)WINDOW;

	pdpt[0] = (unsigned long)directory | P | W | U;
	directory[0] = (unsigned long)table | P | W | U;
	table[0] = (unsigned long)pages[0] | P | W | U;
	boot_pml4[2] = (unsigned long)pdpt | P | W | U;
	write_cr3(read_cr3());
	put_function(pages[0], 21);
	check_equal("by another address", call(alias), 21);
	put_function(alias, 22);
	serialize();
	check_equal("written by another address", call(pages[0]), 22);
	put_function(pages[0], 23);
	serialize();
	check_equal("and the other way round", call(alias), 23);
	put_function(pages[1], 24);
	table[0] = (unsigned long)pages[1] | P | W | U;
	__asm__ volatile("invlpg (%0)" : : "r"(alias) : "memory");
	check_equal("another page mapped there", call(alias), 24);
	put_function(pages[0], 25);
	put_function(pages[1], 26);
	check_equal("still the page it is", call(alias), 26);
	expect_user_trap("a user's store", VEC_NONE, 0, user_store, alias);
	check_equal("into kernel code", call(pages[1]), 77);
	table[0] = 0;
	__asm__ volatile("invlpg (%0)" : : "r"(alias) : "memory");
	expect_fault("no page mapped there", VEC_PF, 16, WINDOW, (trap_function *)alias, NULL);
}

/* 48 01 c0 is ADD RAX, RAX or DEC EAX and ADD EAX, EAX: the same bytes in two modes. */
static void two_modes(void)
{
	static const uint8_t code[] = {0x48, 0x01, 0xc0, 0xcb};
	struct __attribute__((packed)) {
		uint32_t offset;
		uint16_t selector;
	} wide = {(uint32_t)(unsigned long)pages[2], SEL_KERNEL_CODE}, narrow = wide;
	unsigned result = 10;

	narrow.selector = SEL_CODE32;
	memory_copy(pages[2], code, sizeof(code));
	for (unsigned i = 0; i < 3; i++) {
		__asm__ volatile("lcall *%1" : "+a"(result) : "m"(wide) : "memory", "cc");
		__asm__ volatile("lcall *%1" : "+a"(result) : "m"(narrow) : "memory", "cc");
	}
	check_equal("the same bytes in two modes", result, 10 * 64 - 42);
}

void guest_main(void)
{
	written_from_outside();
	written_from_inside();
	other_addresses();
	two_modes();
}
