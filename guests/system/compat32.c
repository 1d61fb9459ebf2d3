/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit and 16-bit code under a 64-bit kernel. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define CODE16_AT 0x8000ul

extern uint8_t compat_plain[], compat_old[], compat_into[], compat_bound[], compat_far[];
extern uint8_t compat_limit[], compat_gate[], compat_syscall[], compat_gate_returns[];
extern uint8_t gate_entry[], code16[], code16_end[];
extern volatile uint32_t gate_record[7];
unsigned kernel_32(void);
unsigned kernel_16(void);

static uint8_t stack[4096] __attribute__((aligned(16)));

/* Goes to CPL 3 in 32-bit code at the address of the argument. */
static void enter_compat(void *code)
{
	__asm__ volatile("push %0; push %1; pushf; push %2; push %3; iretq"
			 :
			 : "r"((unsigned long)SEL_USER_DATA),
			   "r"((unsigned long)(stack + sizeof(stack))),
			   "r"((unsigned long)SEL_USER_CODE32), "r"(code)
			 : "memory");
}

static struct trap run(uint8_t *code)
{
	struct trap t;

	__asm__ volatile("mov %0, %%ds; mov %0, %%es" : : "r"(SEL_USER_DATA));
	trap_call(&t, enter_compat, code);
	return t;
}

static void user_code(void)
{
	struct trap t = run(compat_plain);

	check_equal("32-bit user code", t.vector, VEC_NONE);
	check_equal("push and pop in fours", t.frame.ax, 0x12345679);
	check_equal("its code segment", t.frame.cs, SEL_USER_CODE32);
	t = run(compat_old);
	check_equal("old instructions", t.frame.ax, 0x4200 | SEL_USER_DATA);
	t = run(compat_into);
	check_equal("#OF INTO", t.vector, VEC_OF);
	check_equal("points behind it", *(uint8_t *)(t.frame.ip - 1), 0xce);
	t = run(compat_bound);
	check_equal("#BR BOUND", t.vector, VEC_BR);
	check_equal("on the second one", t.frame.ax, 7);
	t = run(compat_far);
	check_equal("far call to 64-bit code and back", t.frame.ax, 0x111);
	gdt[SEL_SPARE / 8] = 0x0040f30000000fff; /* 4 KiB of data */
	if (!tcg_lacks("#GP beyond a segment's limit")) {
		t = run(compat_limit);
		check_equal("#GP beyond a segment's limit", t.vector, VEC_GP);
	}
	if (!tcg_lacks("#UD SYSCALL in 32-bit code")) {
		t = run(compat_syscall);
		check_equal("#UD SYSCALL in 32-bit code", t.vector, VEC_UD);
	}
}

static void call_gate(void)
{
	unsigned long entry = (unsigned long)gate_entry;
	struct trap t;

	gdt[SEL_SPARE / 8 + 1] = (entry & 0xffff) | SEL_KERNEL_CODE << 16 | 0xecul << 40 |
				 (entry >> 16 & 0xffff) << 48;
	gdt[SEL_SPARE / 8 + 2] = entry >> 32;
	t = run(compat_gate);
	check_equal("call gate and back", t.frame.ax, 0x77);
	check_equal("return address in eights", gate_record[0], (unsigned long)compat_gate_returns);
	check_equal("code segment", gate_record[1], SEL_USER_CODE32);
	check_equal("stack pointer", gate_record[2], (unsigned long)(stack + sizeof(stack)));
	check_equal("stack segment", gate_record[3], SEL_USER_DATA);
	check_equal("CS in the gate", gate_record[4] & 0xffff, SEL_KERNEL_CODE);
	check_equal("SS in the gate is null", gate_record[5] & 0xffff, 0);
	check_equal("on RSP0's stack", gate_record[6],
		    (unsigned long)(trap_stack + sizeof(trap_stack)) - 32);
	gdt[SEL_SPARE / 8 + 1] &= ~(0x60ul << 40);
	t = run(compat_gate);
	check_equal("#GP gate is the kernel's", t.vector, VEC_GP);
	check_equal("and named", t.error, SEL_SPARE + 8);
	gdt[SEL_SPARE / 8 + 1] |= 0x60ul << 40;
	gdt[SEL_SPARE / 8 + 2] |= 1ul << 40;
	t = run(compat_gate);
	check_equal("#GP gate's second half has a type", t.vector, VEC_GP);
}

void guest_main(void)
{
	user_code();
	call_gate();
	check_equal("32-bit kernel code", kernel_32(), 0xf);
	memory_copy((void *)CODE16_AT, code16, (size_t)(code16_end - code16));
	check_equal("16-bit kernel code", kernel_16(), 0x1234 + 11);
}
