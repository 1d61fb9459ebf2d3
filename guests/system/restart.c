/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions that fault and are run again.  Each piece of restart.S runs around a page boundary
 * three times: with its pages there, with pages that come in one by one as they are missed, and
 * with pages that become writable one by one as they are written to.  Its result, the memory and
 * the number of times it can have faulted must not tell the difference.
 */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define WINDOW	0x10000000000ul
#define PAGE	4096ul
#define PAGES	6
#define OFFSETS 33

#define P 1ul
#define W 2ul
#define U 4ul

typedef unsigned long piece_function(void *at);

piece_function piece_movs, piece_movs_down, piece_movs_overlap, piece_stos, piece_lods, piece_cmps,
	piece_scas, piece_push_pop_memory, piece_stack, piece_call_ret, piece_enter_nested,
	piece_atomics, piece_read_modify_write, piece_sse, piece_x87, piece_fxsave, piece_tables,
	piece_indirect, piece_far, piece_iret, piece_interrupt, piece_fetch;

#define PIECE(name) #name, piece_##name
static const struct {
	const char *name;
	piece_function *run;
} pieces[] = {
	{PIECE(movs)},
	{PIECE(movs_down)},
	{PIECE(movs_overlap)},
	{PIECE(stos)},
	{PIECE(lods)},
	{PIECE(cmps)},
	{PIECE(scas)},
	{PIECE(push_pop_memory)},
	{PIECE(stack)},
	{PIECE(call_ret)},
	{PIECE(enter_nested)},
	{PIECE(atomics)},
	{PIECE(read_modify_write)},
	{PIECE(sse)},
	{PIECE(x87)},
	{PIECE(fxsave)},
	{PIECE(tables)},
	{PIECE(indirect)},
	{PIECE(far)},
	{PIECE(iret)},
	{PIECE(interrupt)},
	{PIECE(fetch)},
};

extern uint64_t boot_pml4[512];
extern uint8_t bare_handler[];
static uint64_t pdpt[512] __attribute__((aligned(4096)));
static uint64_t directory[512] __attribute__((aligned(4096)));
static uint64_t table[512] __attribute__((aligned(4096)));
static uint8_t frames[PAGES][4096] __attribute__((aligned(4096)));
static uint8_t fresh[PAGES][4096], expected[PAGES][4096];

static volatile unsigned faults;

static bool on_fault(struct trap_frame *frame)
{
	unsigned long address = read_cr2();
	unsigned page = (unsigned)((address - WINDOW) / PAGE);

	if (address - WINDOW >= PAGES * PAGE)
		return false;
	if (frame->error & 1) /* present: it was a write */
		table[page] |= W;
	else
		table[page] = (unsigned long)frames[page] | P | W;
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
	faults++;
	return true;
}

enum pages { THERE, MISSING, READ_ONLY };

static void prepare(enum pages how)
{
	memory_copy(frames, fresh, sizeof(frames));
	for (unsigned i = 0; i < PAGES; i++) {
		table[i] = how == MISSING ? 0 : (unsigned long)frames[i] | P;
		if (how == THERE)
			table[i] |= W;
	}
	write_cr3(read_cr3());
	__asm__ volatile("fninit; pxor %xmm0, %xmm0; pxor %xmm1, %xmm1");
	faults = 0;
}

static unsigned long run(unsigned n, unsigned offset, enum pages how)
{
	prepare(how);
	return pieces[n].run((void *)(WINDOW + 3 * PAGE - offset));
}

static bool as_expected(void)
{
	const void *a = frames, *b = expected;
	unsigned long count = sizeof(frames);
	bool same;

	__asm__ volatile("repe cmpsb" : "+S"(a), "+D"(b), "+c"(count), "=@ccz"(same) : : "memory");
	return same;
}

static void check_piece(unsigned n)
{
	unsigned wrong = 0, faulted = 0;

	for (unsigned offset = 0; offset < OFFSETS; offset += 3) {
		unsigned long want = run(n, offset, THERE);

		memory_copy(expected, frames, sizeof(frames));
		wrong += faults;
		wrong += run(n, offset, MISSING) != want || !as_expected();
		faulted += faults != 0;
		wrong += faults > PAGES;
		wrong += run(n, offset, READ_ONLY) != want || !as_expected();
		wrong += faults > PAGES;
	}
	check_equal(pieces[n].name, wrong, 0);
	if (faulted != OFFSETS / 3)
		check_equal("it has faulted", faulted, OFFSETS / 3);
}

void guest_main(void)
{
	for (unsigned n = 0; n < sizeof(fresh); n++)
		fresh[n / PAGE][n % PAGE] = (uint8_t)(n % PAGE * 7 + 3);
	pdpt[0] = (unsigned long)directory | P | W;
	directory[0] = (unsigned long)table | P | W;
	boot_pml4[2] = (unsigned long)pdpt | P | W;
	write_cr0(read_cr0() | CR0_WP);
	/* Page faults need a stack of their own: some of the pieces move RSP to missing pages. */
	idt_set(VEC_PF, (unsigned long)trap_entries[VEC_PF], SEL_KERNEL_CODE, GATE_INTERRUPT, 1);
	idt_set(0x45, (unsigned long)bare_handler, SEL_KERNEL_CODE, GATE_INTERRUPT, 0);
	trap_set_hook(VEC_PF, on_fault);
	for (unsigned n = 0; n < sizeof(pieces) / sizeof(pieces[0]); n++)
		check_piece(n);
}
