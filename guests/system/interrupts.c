/* SPDX-License-Identifier: Apache-2.0 */
/* Interrupts from outside: where they come in, what holds them off, what wakes from HLT. */
#include "guests/lib/asm.h"
#include "guests/lib/interrupt.h"
#include "guests/lib/trap.h"

#define LINE   5
#define VECTOR (GUEST_IRQ_VECTOR + LINE)

void at_sti(void);
void at_sti_cli(void);
void at_popf(void);
void at_iret(void);
void at_halt(void);
void shadows(void);
extern uint8_t sti_expected[], popf_expected[], iret_expected[], halt_expected[];
extern uint8_t shadow_mov_ss[], shadow_sti[], shadow_end[];

CODE(user_wait, "nop; nop; nop; nop")

static volatile unsigned taken, order[4];
static volatile struct trap_frame last;

static bool on_line(struct trap_frame *frame)
{
	last = *frame;
	if (taken < 4)
		order[taken] = (unsigned)frame->vector;
	taken++;
	irq_lower((unsigned)frame->vector - GUEST_IRQ_VECTOR);
	pic_end();
	return true;
}

/* Runs place with an interrupt waiting. */
static void wait_at(void (*place)(void))
{
	taken = 0;
	irq_raise(LINE);
	place();
}

static void windows(void)
{
	wait_at(at_sti);
	check_equal("after STI", taken, 1);
	check_equal("one instruction later", last.ip, (unsigned long)sti_expected);
	check("with IF set in the frame", last.flags & FLAG_IF);
	wait_at(at_sti_cli);
	check_equal("not between STI and CLI", taken, 0);
	at_popf();
	check_equal("after POPF", taken, 1);
	check_equal("at once", last.ip, (unsigned long)popf_expected);
	wait_at(at_iret);
	check_equal("after IRET", taken, 1);
	check_equal("before its target", last.ip, (unsigned long)iret_expected);
	wait_at(at_halt);
	check_equal("in HLT", taken, 1);
	check_equal("and on behind it", last.ip, (unsigned long)halt_expected);
	taken = 0;
	__asm__ volatile("sti; nop");
	irq_raise(LINE);
	for (unsigned i = 0; i < 100000 && !taken; i++)
		;
	__asm__ volatile("cli");
	check_equal("when it comes with IF set", taken, 1);
}

static void masks(void)
{
	taken = 0;
	pic_unmask(7);
	irq_raise(LINE);
	__asm__ volatile("sti; nop; nop; cli");
	check_equal("a masked line waits", taken, 0);
	pic_unmask(LINE);
	__asm__ volatile("sti; nop; nop; cli");
	check_equal("until it is unmasked", taken, 1);
	port_out8(GUEST_PIC_PORT + 1, (uint8_t) ~(1u << 3 | 1u << LINE | 1u << 6));
	taken = 0;
	irq_raise(6);
	irq_raise(3);
	irq_raise(LINE);
	__asm__ volatile("sti; nop; nop; nop; nop; cli");
	check_equal("three lines", taken, 3);
	check_equal("in order of priority", order[0] << 16 | order[1] << 8 | order[2],
		    (GUEST_IRQ_VECTOR + 3) << 16 | (GUEST_IRQ_VECTOR + LINE) << 8 |
			    (GUEST_IRQ_VECTOR + 6));
	pic_unmask(LINE);
}

static void user_mode(void)
{
	taken = 0;
	irq_raise(LINE);
	write_flags(read_flags() | FLAG_IOPL);
	expect_user_trap("user code with an interrupt waiting", VEC_NONE, 0, user_wait, NULL);
	check_equal("stays closed with IF clear", taken, 0);
	write_flags(read_flags() & ~FLAG_IOPL);
	__asm__ volatile("sti; nop; nop; cli");
	check_equal("and comes afterwards", taken, 1);
	idt_set(VECTOR, (unsigned long)trap_entries[VECTOR], SEL_KERNEL_CODE, GATE_INTERRUPT, 1);
	wait_at(at_sti);
	check_equal("on an IST stack", taken, 1);
	idt_set(VECTOR, (unsigned long)trap_entries[VECTOR], SEL_KERNEL_CODE, GATE_TRAP, 0);
	wait_at(at_sti);
	check_equal("through a trap gate", taken, 1);
	idt_default(VECTOR);
}

static void wait_for_it(void *argument)
{
	(void)argument;
	irq_raise(LINE);
	at_sti();
}

/* Faults while an interrupt from outside is delivered say so: EXT, bit 0 of the error code. */
static void bad_gates(void)
{
	unsigned long entry = (unsigned long)trap_entries[VECTOR];

	if (tcg_lacks("#NP the gate of an interrupt"))
		return;
	idt_set(VECTOR, entry, SEL_KERNEL_CODE, GATE_INTERRUPT & ~0x80, 0);
	expect_trap("#NP the gate of an interrupt", VEC_NP, VECTOR * 8 + 3, wait_for_it, NULL);
	pic_end();
	idt_set(VECTOR, entry, SEL_KERNEL_DATA, GATE_INTERRUPT, 0);
	expect_trap("#GP the gate leads to data", VEC_GP, SEL_KERNEL_DATA + 1, wait_for_it, NULL);
	pic_end();
	idt_set(VECTOR, entry, 0, GATE_INTERRUPT, 0);
	expect_trap("#GP the gate leads to null", VEC_GP, 1, wait_for_it, NULL);
	pic_end();
	idt_set(VECTOR, entry, SEL_KERNEL_CODE, GATE_INTERRUPT_USER & 0xf0, 0);
	expect_trap("#GP the gate is none", VEC_GP, VECTOR * 8 + 3, wait_for_it, NULL);
	pic_end();
	idt_default(VECTOR);
	wait_at(at_sti);
	check_equal("a good gate again", taken, 1);
}

/* ---- NMI ---- */

static volatile unsigned nmis, nested;

static bool on_nmi(struct trap_frame *frame)
{
	static volatile bool inside;

	(void)frame;
	nmis++;
	if (inside) {
		nested++;
		return true;
	}
	inside = true;
	if (nmis == 1) {
		ipi_send(lapic_read(GUEST_LAPIC_ID) >> 24, IPI_NMI);
		for (unsigned i = 0; i < 20; i++)
			__asm__ volatile("nop");
	}
	inside = false;
	return true;
}

static void nmi(void)
{
	trap_set_hook(VEC_NMI, on_nmi);
	ipi_send(lapic_read(GUEST_LAPIC_ID) >> 24, IPI_NMI);
	for (unsigned i = 0; i < 20; i++)
		__asm__ volatile("nop");
	check_equal("NMI comes with IF clear, another after its IRET", nmis, 2);
	check_equal("not within it", nested, 0);
	trap_set_hook(VEC_NMI, NULL);
}

/* ---- an interrupt after any number of instructions, in our VMM ---- */

static volatile unsigned ticks, again;
static volatile unsigned long tick_ip;

static bool on_tick(struct trap_frame *frame)
{
	ticks++;
	tick_ip = frame->ip;
	port_out32(GUEST_TICK_PORT, again);
	return true;
}

static uint64_t work(void)
{
	uint64_t sum = 1;

	for (unsigned i = 0; i < 20000; i++)
		sum = sum * 6364136223846793005 + (sum >> 33) + i;
	return sum;
}

static void steady_ticks(void)
{
	uint64_t undisturbed = work();

	ticks = 0;
	again = 997;
	port_out32(GUEST_TICK_PORT, again);
	__asm__ volatile("sti");
	check("work goes on under ticks", work() == undisturbed);
	__asm__ volatile("cli");
	port_out32(GUEST_TICK_PORT, 0);
	check("ticks have come", ticks >= 100);
}

/* A tick before every instruction of shadows(), one run each: eleven that end up within it, and
 * the two that fall due before STI has opened the way. */
static void every_place(void)
{
	unsigned within = 0, in_shadow = 0;

	again = 0;
	for (unsigned n = 1; n < 40; n++) {
		ticks = 0;
		port_out32(GUEST_TICK_PORT, n);
		__asm__ volatile("sti");
		shadows();
		__asm__ volatile("nop; nop; nop; nop; cli");
		port_out32(GUEST_TICK_PORT, 0);
		if (tick_ip >= (unsigned long)shadows && tick_ip < (unsigned long)shadow_end)
			within++;
		if (tick_ip == (unsigned long)shadow_mov_ss || tick_ip == (unsigned long)shadow_sti)
			in_shadow++;
	}
	check_equal("ticks that come within", within, 13);
	check_equal("none in the shadow of STI and MOV SS", in_shadow, 0);
}

static void exact_ticks(void)
{
	if (port_in32(GUEST_TICK_PORT) != GUEST_TICK_MAGIC) {
		skip("ticks after so many instructions");
		return;
	}
	trap_set_hook(GUEST_TICK_VECTOR, on_tick);
	steady_ticks();
	every_place();
	trap_set_hook(GUEST_TICK_VECTOR, NULL);
}

void guest_main(void)
{
	pic_init();
	pic_unmask(LINE);
	trap_set_hook(GUEST_IRQ_VECTOR + 3, on_line);
	trap_set_hook(VECTOR, on_line);
	trap_set_hook(GUEST_IRQ_VECTOR + 6, on_line);
	windows();
	masks();
	user_mode();
	bad_gates();
	nmi();
	exact_ticks();
}
