/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual-8086 mode: entered by IRET, left by faults and interrupts, sensitive to IOPL. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define V86_AT	  0x8000ul
#define STACK_TOP 0x7000ul

extern uint8_t v86_code[], v86_code_end[];
extern uint8_t v86_plain[], v86_pushf[], v86_popf[], v86_cli[], v86_sti[], v86_iret[], v86_int[];
extern uint8_t v86_int3[], v86_into[], v86_ud[], v86_out[], v86_cr0[], v86_sldt[], v86_flags[];
extern uint8_t v86_limit[], v86_string[];

static unsigned long io_privilege;

static void enter(void *code)
{
	unsigned long offset = (unsigned long)((uint8_t *)code - v86_code);

	__asm__ volatile("push $0x4444; push $0x3333; push $0x2222; push $0x1111;"
			 "push $0; push %0; push %1; push %2; push %3; iret"
			 :
			 : "i"(STACK_TOP), "r"(FLAG_VM | 2 | io_privilege), "i"(V86_AT >> 4),
			   "r"(offset)
			 : "memory");
}

static struct trap run(uint8_t *code)
{
	struct trap t;

	trap_call(&t, enter, code);
	return t;
}

/* The piece must be stopped where it begins, or behind its first instruction for traps. */
static void expect(const char *name, uint8_t *code, unsigned vector, unsigned long error,
		   unsigned behind)
{
	struct trap t = run(code);

	if (t.vector == vector && t.error == error &&
	    t.frame.ip == (unsigned long)(code - v86_code) + behind) {
		check(name, true);
		return;
	}
	check_equal(name, t.vector << 16 | t.error, vector << 16 | error);
	check_equal("at", t.frame.ip, (unsigned long)(code - v86_code) + behind);
}

static void enter_and_leave(void)
{
	struct trap t = run(v86_plain);

	check_equal("HLT is #GP", t.vector << 16 | t.error, VEC_GP << 16);
	check_equal("16-bit code with segments by 16", t.frame.ax & 0xffff, 0xbeef);
	check_equal("CS", t.frame.cx & 0xffff, V86_AT >> 4);
	check_equal("SS", t.frame.dx & 0xffff, 0);
	check("VM is pushed", t.frame.flags & FLAG_VM);
	check_equal("CS is pushed", t.frame.cs & 0xffff, V86_AT >> 4);
	check_equal("SP is pushed", t.frame.sp, STACK_TOP);
	check_equal("DS is pushed", t.frame.v86_ds & 0xffff, 0x1234);
	check_equal("ES is pushed", t.frame.v86_es & 0xffff, 0x1235);
	check_equal("FS is pushed", t.frame.v86_fs & 0xffff, 0x3333);
	check_equal("GS is pushed", t.frame.v86_gs & 0xffff, 0x4444);
	check_equal("DS is null in the handler", t.frame.ds & 0xffff, 0);
	check_equal("GS is null in the handler", t.frame.gs & 0xffff, 0);
	t = run(v86_string);
	check_equal("string instructions", t.frame.ax & 0xffff, 0x4321);
}

static void low_privilege(void)
{
	io_privilege = 0;
	expect("PUSHF", v86_pushf, VEC_GP, 0, 0);
	expect("POPF", v86_popf, VEC_GP, 0, 2);
	expect("CLI", v86_cli, VEC_GP, 0, 0);
	expect("STI", v86_sti, VEC_GP, 0, 0);
	expect("IRET", v86_iret, VEC_GP, 0, 0);
	expect("INT n", v86_int, VEC_GP, 0, 0);
	expect("INT3 needs no IOPL", v86_int3, VEC_BP, 0, 1);
	expect("INTO needs no IOPL", v86_into, VEC_OF, 0, 5);
	expect("#UD", v86_ud, VEC_UD, 0, 0);
	expect("MOV from CR0", v86_cr0, VEC_GP, 0, 0);
	expect("SLDT", v86_sldt, VEC_UD, 0, 0);
	expect("IN without the bitmap", v86_out, VEC_GP, 0, 3);
	if (!tcg_lacks("#GP beyond 64 KiB"))
		expect("#GP beyond 64 KiB", v86_limit, VEC_GP, 0, 0);
}

static bool resume(struct trap_frame *frame)
{
	frame->bx = 1;
	return true;
}

static void high_privilege(void)
{
	struct trap t;

	io_privilege = FLAG_IOPL;
	t = run(v86_flags);
	check_equal("POPF and PUSHF", t.frame.ax & 0x3203, 0x3203);
	check_equal("CLI", t.frame.cx & 0x3201, 0x3001);
	check_equal("IRET", t.frame.dx & 0xffff, 0x2222);
	idt_set(0x42, 0, SEL_KERNEL_CODE, GATE_INTERRUPT, 0);
	expect("INT n through a kernel gate", v86_int, VEC_GP, 0x42 * 8 + 2, 0);
	idt_set(0x42, (unsigned long)trap_entries[0x42], SEL_KERNEL_CODE, GATE_INTERRUPT_USER, 0);
	trap_set_hook(0x42, resume);
	t = run(v86_int);
	check_equal("INT n and back into virtual-8086 mode", t.frame.ax & 0xffff, 0x7777);
	check_equal("by way of the handler", t.frame.bx, 1);
	trap_set_hook(0x42, NULL);
	expect("IN asks the bitmap whatever IOPL says", v86_out, VEC_GP, 0, 3);
	gdt[SEL_TSS / 8] = (gdt[SEL_TSS / 8] & ~0xffffull & ~(2ull << 40)) |
			   (offsetof(struct tss32, io_bits) + 0x20);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS) : "memory");
	t = run(v86_out);
	check_equal("IN with a bitmap that allows it", t.frame.ax & 0xffff, 0x1111);
	tss.io_bits[0x80 / 8] = 1;
	expect("IN with a bitmap that does not", v86_out, VEC_GP, 0, 3);
}

void guest_main(void)
{
	memory_copy((void *)V86_AT, v86_code, (size_t)(v86_code_end - v86_code));
	enter_and_leave();
	low_privilege();
	high_privilege();
}
