/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Page-table churn: pages are touched, faulted in, write-protected, made writable by the next
 * fault, and unmapped, as a process that lives and forks and dies would have it.
 */
#include "guests/bench/pages.h"

#include "guests/lib/trap.h"

#define WINDOW 0x8000000000ul /* the second slot of the top-level table */
#define PAGES  256
#define FRAMES 64

#define P_PRESENT 1ul
#define P_WRITE	  2ul

extern uint64_t boot_pml4[512];
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t directory[512] __attribute__((aligned(4096)));
static uint64_t table[512] __attribute__((aligned(4096)));
static uint64_t frames[FRAMES][512] __attribute__((aligned(4096)));
static uint64_t faults;

static void invalidate(unsigned page)
{
	__asm__ volatile("invlpg (%0)" : : "r"(WINDOW + page * 4096ul) : "memory");
}

static bool on_fault(struct trap_frame *frame)
{
	unsigned long address;
	unsigned page;

	__asm__ volatile("mov %%cr2, %0" : "=r"(address));
	page = (address - WINDOW) / 4096;
	if (page >= PAGES)
		return false;
	if (frame->error & P_PRESENT)
		table[page] |= P_WRITE;
	else
		table[page] = (unsigned long)frames[page % FRAMES] | P_PRESENT;
	faults = faults * 3 + frame->error + page;
	return true;
}

static void reload(void)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(boot_pml4) : "memory");
}

static void protect_writes(void)
{
	unsigned long cr0;

	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | 1ul << 16) : "memory");
}

uint64_t bench_pages(unsigned rounds)
{
	uint64_t sum = 0;

	pdpt[0] = (unsigned long)directory | P_PRESENT | P_WRITE;
	directory[0] = (unsigned long)table | P_PRESENT | P_WRITE;
	boot_pml4[1] = (unsigned long)pdpt | P_PRESENT | P_WRITE;
	reload();
	protect_writes();
	trap_set_hook(VEC_PF, on_fault);
	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned page = 0; page < PAGES; page++) {
			volatile uint64_t *word = (uint64_t *)(WINDOW + page * 4096ul);

			sum += word[r % 512];
			word[r % 512] = sum + page;
			if (page % 3 == 0) {
				table[page] &= ~P_WRITE;
				invalidate(page);
				word[(r + 1) % 512] = sum;
			}
		}
		for (unsigned page = 0; page < PAGES; page++) {
			table[page] = 0;
			if (r & 1)
				invalidate(page);
		}
		if (!(r & 1))
			reload();
	}
	return sum + faults;
}
