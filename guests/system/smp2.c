/* SPDX-License-Identifier: Apache-2.0 */
/* Two processors: start-up, locked instructions, code that one writes and the other runs. */
#include "guests/lib/asm.h"
#include "guests/lib/interrupt.h"
#include "guests/lib/trap.h"

#define AP_START 0x8000ul
#define ROUNDS	 3000u

extern uint8_t ap_code[], ap_code_end[];
void ap_main(void);

static volatile uint32_t stage, ap_stage, ap_id, ap_answer, starts;
static volatile uint64_t locked, added, exchanged, compared, guarded;
static volatile uint32_t lock, bits;
static volatile unsigned nmis;
static uint8_t code[64] __attribute__((aligned(64)));

static void pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

static void take_lock(void)
{
	uint32_t held = 1;

	for (;;) {
		__asm__ volatile("xchg %0, %1" : "+r"(held), "+m"(lock) : : "memory");
		if (!held)
			return;
		while (lock)
			pause();
	}
}

static void release_lock(void)
{
	__asm__ volatile("movl $0, %0" : "=m"(lock) : : "memory");
}

static void compare_and_add(void)
{
	uint64_t old = compared;
	bool done;

	do {
		__asm__ volatile("lock cmpxchgq %3, %1"
				 : "+a"(old), "+m"(compared), "=@ccz"(done)
				 : "r"(old + 1)
				 : "memory");
	} while (!done);
}

/* Both processors do this at the same time. */
static void contend(unsigned who)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t one = 1;

		__asm__ volatile("lock incq %0" : "+m"(locked) : : "memory", "cc");
		__asm__ volatile("lock addq $3, %0" : "+m"(added) : : "memory", "cc");
		__asm__ volatile("lock xaddq %0, %1"
				 : "+r"(one), "+m"(exchanged)
				 :
				 : "memory", "cc");
		compare_and_add();
		take_lock();
		guarded = guarded + 1;
		release_lock();
		__asm__ volatile("lock btcl %1, %0" : "+m"(bits) : "r"(who) : "memory", "cc");
	}
}

static void put_function(uint32_t value)
{
	poke32(code + 1, value);
	poke8(code + 5, 0xc3);
	poke8(code, 0xb8);
}

static uint32_t call_function(void)
{
	uint32_t result;

	__asm__ volatile("call *%1"
			 : "=a"(result)
			 : "r"(code)
			 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	return result;
}

static void wait_for(const volatile uint32_t *what, uint32_t value)
{
	while (*what != value)
		pause();
}

void ap_main(void)
{
	ap_id = lapic_read(GUEST_LAPIC_ID) >> 24;
	starts = starts + 1;
	if (starts > 1) {
		ap_stage = 10;
		return;
	}
	ap_stage = 1;
	wait_for(&stage, 1);
	contend(1);
	ap_stage = 2;
	for (uint32_t i = 1; i <= 20; i++) {
		wait_for(&stage, 100 + i);
		cpuid(0, 0); /* serializes */
		ap_answer = call_function();
		ap_stage = 100 + i;
	}
}

static bool on_nmi(struct trap_frame *frame)
{
	(void)frame;
	nmis = nmis + 1;
	return true;
}

static void start_ap(void)
{
	ipi_send(1, IPI_INIT);
	for (volatile unsigned i = 0; i < 10000; i++)
		;
	ipi_send(1, IPI_START | AP_START >> 12);
}

static void cross_modifying_code(void)
{
	unsigned right = 0;

	put_function(0);
	for (uint32_t i = 1; i <= 20; i++) {
		put_function(i * 1000);
		stage = 100 + i;
		wait_for(&ap_stage, 100 + i);
		right += ap_answer == i * 1000;
	}
	check_equal("code that the other one wrote", right, 20);
}

void guest_main(void)
{
	memory_copy((void *)AP_START, ap_code, (size_t)(ap_code_end - ap_code));
	lapic_write(GUEST_LAPIC_SVR, 0x1ff);
	check_equal("own APIC ID", lapic_read(GUEST_LAPIC_ID) >> 24, 0);
	check_equal("own CPUID", cpuid(1, 0).reg[1] >> 24, 0);
	start_ap();
	wait_for(&ap_stage, 1);
	check_equal("the other's APIC ID", ap_id, 1);
	stage = 1;
	contend(0);
	wait_for(&ap_stage, 2);
	check_equal("LOCK INC", locked, 2 * ROUNDS);
	check_equal("LOCK ADD", added, 6 * ROUNDS);
	check_equal("LOCK XADD", exchanged, 2 * ROUNDS);
	check_equal("LOCK CMPXCHG", compared, 2 * ROUNDS);
	check_equal("under a lock", guarded, 2 * ROUNDS);
	check_equal("LOCK BTC", bits, 0);
	cross_modifying_code();
	trap_set_hook(VEC_NMI, on_nmi);
	ipi_send(1, IPI_NMI);
	while (!nmis)
		pause();
	check_equal("NMI wakes the other from HLT", nmis, 1);
	start_ap();
	wait_for(&ap_stage, 10);
	check_equal("started again", starts, 2);
}
