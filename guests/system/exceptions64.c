/* SPDX-License-Identifier: Apache-2.0 */
/* Every exception a 64-bit system can raise on purpose: vector, error code, where it points. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

CODE(divide_by_zero, "xor %%ecx, %%ecx; mov $1, %%eax; cltd; div %%ecx")
CODE(divide_by_zero64, "xor %%ecx, %%ecx; mov $1, %%eax; cqto; div %%rcx")
CODE(divide_minimum, "mov $0x80000000, %%eax; cltd; mov $-1, %%ecx; idiv %%ecx")
CODE(divide_too_large, "mov $2, %%edx; xor %%eax, %%eax; mov $2, %%ecx; div %%rcx")
CODE(breakpoint, "int3")
CODE(software_overflow, "int $4")
CODE(undefined0, ".byte 0x0f, 0xff, 0xc0")
CODE(undefined1, ".byte 0x0f, 0xb9, 0xc0")
CODE(undefined2, "ud2")
CODE(old_push_es, ".byte 0x06")
CODE(old_into, ".byte 0xce")
CODE(old_daa, ".byte 0x27")
CODE(lock_register, ".byte 0xf0, 0x01, 0xc0")
CODE(lock_load, ".byte 0xf0, 0x8b, 0x07")
CODE(too_long,
     ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90")
CODE(long_enough,
     ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90")
CODE(x87_load, "fldz; fstp %%st(0)")
CODE(x87_wait, "fwait")
CODE(sse_move, "xorps %%xmm0, %%xmm0")
CODE(x87_divide, "fninit; movl $0x37b, -16(%%rsp); fldcw -16(%%rsp); fld1; fldz; fdivrp; fwait")
CODE(sse_divide, "xorps %%xmm1, %%xmm1; movl $0x3f800000, -16(%%rsp); movss -16(%%rsp), %%xmm0;"
		 "movl $0x1d80, -16(%%rsp); ldmxcsr -16(%%rsp); divss %%xmm1, %%xmm0")
CODE(load_ds, "mov %%edi, %%ds")
CODE(load_ss, "mov %%edi, %%ss")
CODE(far_return, "push %%rdi; lea 1f(%%rip), %%rax; push %%rax; lretq; 1: add $0, %%eax")
CODE(load_pointer, "mov (%%rdi), %%al")
CODE(load_by_rbp, "push %%rbp; mov %%rdi, %%rbp; mov (%%rbp), %%al; pop %%rbp")
CODE(push_there, "mov %%rdi, %%rsp; push %%rax")
CODE(fault_there, "mov %%rdi, %%rsp; ud2")
CODE(load_unaligned_xmm, "movaps 1(%%rdi), %%xmm0")
CODE(interrupt_0x40, "int $0x40")
CODE(interrupt_1, ".byte 0xf1")
CODE(halt, "hlt")
CODE(jump_there, "jmp *%%rdi")
CODE(write_bad_cr4, "mov %%cr4, %%rax; bts $40, %%rax; mov %%rax, %%cr4")
CODE(write_bad_msr, "mov $0x12345, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx; wrmsr")
CODE(write_cr1, ".byte 0x0f, 0x22, 0xc8")
CODE(iret_nt,
     "mov %%rsp, %%rcx; pushf; orl $0x4000, (%%rsp); popf; mov %%ss, %%eax; push %%rax;"
     "push %%rcx; pushf; mov %%cs, %%eax; push %%rax; lea 1f(%%rip), %%rax; push %%rax; iretq; 1:")
CODE(load_word_unaligned, "mov 1(%%rdi), %%eax")

#define NONCANONICAL 0x1234567800000000ul

static uint64_t data[8] __attribute__((aligned(64)));

static void with_cr0(unsigned long bits, const char *name, unsigned vector, trap_function *f)
{
	unsigned long cr0 = read_cr0();

	write_cr0(cr0 | bits);
	expect_trap(name, vector, 0, f, NULL);
	write_cr0(cr0);
}

static void divide_errors(void)
{
	expect_trap("#DE 32-bit divide by 0", VEC_DE, 0, divide_by_zero, NULL);
	expect_trap("#DE 64-bit divide by 0", VEC_DE, 0, divide_by_zero64, NULL);
	expect_trap("#DE minimum by -1", VEC_DE, 0, divide_minimum, NULL);
	expect_trap("#DE quotient too large", VEC_DE, 0, divide_too_large, NULL);
}

static void undefined(void)
{
	expect_trap("#UD ud0", VEC_UD, 0, undefined0, NULL);
	expect_trap("#UD ud1", VEC_UD, 0, undefined1, NULL);
	expect_trap("#UD ud2", VEC_UD, 0, undefined2, NULL);
	expect_trap("#UD push es", VEC_UD, 0, old_push_es, NULL);
	expect_trap("#UD into", VEC_UD, 0, old_into, NULL);
	expect_trap("#UD daa", VEC_UD, 0, old_daa, NULL);
	expect_trap("#UD lock add register", VEC_UD, 0, lock_register, NULL);
	expect_trap_not_tcg("#UD lock mov", VEC_UD, 0, lock_load, data);
	expect_trap("#UD mov to cr1", VEC_UD, 0, write_cr1, NULL);
	expect_trap("15 bytes are fine", VEC_NONE, 0, long_enough, NULL);
	expect_trap("#GP 16 bytes", VEC_GP, 0, too_long, NULL);
}

static void vector_units(void)
{
	unsigned long cr4 = read_cr4();

	with_cr0(CR0_TS, "#NM x87 with TS", VEC_NM, x87_load);
	with_cr0(CR0_TS, "#NM SSE with TS", VEC_NM, sse_move);
	with_cr0(CR0_TS, "#NM fwait with TS and MP", VEC_NM, x87_wait);
	with_cr0(CR0_EM, "#NM x87 with EM", VEC_NM, x87_load);
	with_cr0(CR0_EM, "#UD SSE with EM", VEC_UD, sse_move);
	write_cr4(cr4 & ~CR4_OSFXSR);
	expect_trap("#UD SSE without OSFXSR", VEC_UD, 0, sse_move, NULL);
	write_cr4(cr4);
	expect_trap("#MF at the next x87 instruction", VEC_MF, 0, x87_divide, NULL);
	__asm__ volatile("fninit");
	expect_trap_not_tcg("#XM divide by 0", VEC_XM, 0, sse_divide, NULL);
	write_cr4(cr4 & ~CR4_OSXMMEXCPT);
	expect_trap_not_tcg("#UD instead of #XM without OSXMMEXCPT", VEC_UD, 0, sse_divide, NULL);
	write_cr4(cr4);
	data[0] = 0x1f80;
	__asm__ volatile("ldmxcsr %0" : : "m"(data[0]));
}

static void segments(void)
{
	gdt[SEL_SPARE / 8] = 0x00cf13000000ffff;     /* data, not present */
	gdt[SEL_SPARE / 8 + 1] = 0x00af1b000000ffff; /* 64-bit code, not present */
	gdt[SEL_SPARE / 8 + 2] = 0x00af9b000000ffff; /* 64-bit code */
	gdt[SEL_SPARE / 8 + 3] = 0x00ef9b000000ffff; /* code with L and D */
	expect_trap("#NP data segment", VEC_NP, SEL_SPARE, load_ds, (void *)SEL_SPARE);
	expect_trap("#SS stack segment not present", VEC_SS, SEL_SPARE, load_ss, (void *)SEL_SPARE);
	expect_trap("#NP code segment", VEC_NP, SEL_SPARE + 8, far_return, (void *)(SEL_SPARE + 8));
	expect_trap("far return to 64-bit code", VEC_NONE, 0, far_return, (void *)(SEL_SPARE + 16));
	expect_trap_not_tcg("#GP code with L and D", VEC_GP, SEL_SPARE + 24, far_return,
			    (void *)(SEL_SPARE + 24));
	expect_trap("#GP far return to null", VEC_GP, 0, far_return, NULL);
	expect_trap("#GP far return to data", VEC_GP, SEL_KERNEL_DATA, far_return,
		    (void *)SEL_KERNEL_DATA);
	expect_trap("#GP beyond the GDT", VEC_GP, GDT_SLOTS * 8, load_ds, (void *)(GDT_SLOTS * 8));
	expect_trap("#GP empty LDT", VEC_GP, 0x0c, load_ds, (void *)0x0c);
	expect_trap("#GP code in SS", VEC_GP, SEL_KERNEL_CODE, load_ss, (void *)SEL_KERNEL_CODE);
	expect_trap("#GP SS with the wrong RPL", VEC_GP, SEL_KERNEL_DATA, load_ss,
		    (void *)(SEL_KERNEL_DATA | 3));
	expect_trap("null SS in ring 0", VEC_NONE, 0, load_ss, NULL);
	expect_trap("SS again", VEC_NONE, 0, load_ss, (void *)SEL_KERNEL_DATA);
	expect_trap("#GP system segment in DS", VEC_GP, SEL_TSS, load_ds, (void *)SEL_TSS);
	expect_user_trap("#GP kernel segment in user DS", VEC_GP, SEL_KERNEL_DATA, load_ds,
			 (void *)SEL_KERNEL_DATA);
}

static void addresses(void)
{
	expect_trap("#GP non-canonical load", VEC_GP, 0, load_pointer, (void *)NONCANONICAL);
	expect_trap_not_tcg("#SS non-canonical load by rbp", VEC_SS, 0, load_by_rbp,
			    (void *)NONCANONICAL);
	expect_trap("#GP unaligned movaps", VEC_GP, 0, load_unaligned_xmm, data);
	expect_fault("#PF not mapped", VEC_PF, 0, 0x1234567000, load_pointer, (void *)0x1234567000);
	if (!tcg_lacks("#GP jump to a non-canonical address")) {
		struct trap t;

		trap_call(&t, jump_there, (void *)NONCANONICAL);
		check_equal("#GP jump to a non-canonical address", t.vector, VEC_GP);
		check("raised by the jump itself", t.frame.ip != NONCANONICAL);
	}
	expect_trap_not_tcg("#GP reserved bit of cr4", VEC_GP, 0, write_bad_cr4, NULL);
	expect_trap_not_tcg("#GP no such MSR", VEC_GP, 0, write_bad_msr, NULL);
	expect_trap("#GP iret with NT in long mode", VEC_GP, 0, iret_nt, NULL);
	write_flags(read_flags() & ~FLAG_NT);
}

static void software_interrupts(void)
{
	struct trap t;

	trap_call(&t, breakpoint, NULL);
	check_equal("#BP", t.vector, VEC_BP);
	check_equal("#BP points behind int3", *(uint8_t *)(t.frame.ip - 1), 0xcc);
	expect_trap("int 4", VEC_OF, 0, software_overflow, NULL);
	expect_user_trap("#BP from user code", VEC_BP, 0, breakpoint, NULL);
	if (!tcg_lacks("#GP int through a kernel gate"))
		expect_user_trap("#GP int through a kernel gate", VEC_GP, 0x40 * 8 + 2,
				 interrupt_0x40, NULL);
	expect_trap("int through a kernel gate in ring 0", 0x40, 0, interrupt_0x40, NULL);
	idt_set(0x40, 0, SEL_KERNEL_CODE, GATE_INTERRUPT & ~0x80, 0);
	expect_trap_not_tcg("#NP gate not present", VEC_NP, 0x40 * 8 + 2, interrupt_0x40, NULL);
	idt_set(0x40, 0, SEL_KERNEL_DATA, GATE_INTERRUPT, 0);
	expect_trap("#GP gate to data", VEC_GP, SEL_KERNEL_DATA, interrupt_0x40, NULL);
	idt_set(0x40, 0, 0, GATE_INTERRUPT, 0);
	expect_trap("#GP gate to null", VEC_GP, 0, interrupt_0x40, NULL);
	idt_set(0x40, 0, SEL_KERNEL_CODE, 0x85, 0);
	expect_trap_not_tcg("#GP task gate in long mode", VEC_GP, 0x40 * 8 + 2, interrupt_0x40,
			    NULL);
	idt_default(0x40);
	expect_user_trap("#GP hlt in user code", VEC_GP, 0, halt, NULL);
}

/* ---- debug exceptions ---- */

static volatile unsigned steps;
static volatile unsigned long step_dr6, step_ip[32];

static bool count_step(struct trap_frame *frame)
{
	step_dr6 = read_dr6();
	if (steps < 32)
		step_ip[steps] = frame->ip;
	steps++;
	write_dr6(0xffff0ff0);
	frame->flags |= FLAG_RF;
	return true;
}

#define STEP_ON	 "pushf; orl $0x100, (%%rsp); popf;"
#define STEP_OFF "pushf; andl $~0x100, (%%rsp); popf;"
CODE(step_nops, STEP_ON "nop; nop; nop;" STEP_OFF)
CODE(step_mov_ss, "mov %%ss, %%eax;" STEP_ON "mov %%eax, %%ss; nop; nop;" STEP_OFF)
CODE(step_rep, "lea -64(%%rsp), %%rdi; mov $5, %%ecx;" STEP_ON "rep stosb;" STEP_OFF)
CODE(step_syscall_like, STEP_ON "int $0x41;" STEP_OFF)
CODE(store_data, "movl $5, (%%rdi); nop")
CODE(load_data, "mov (%%rdi), %%eax; nop")
CODE(read_dr7_code, "mov %%dr7, %%rax")
CODE(run_nops, "nop; nop")

static bool ignore(struct trap_frame *frame)
{
	(void)frame;
	return true;
}

static void single_steps(void)
{
	trap_set_hook(VEC_DB, count_step);
	steps = 0;
	step_nops(NULL);
	check_equal("TF traps after each instruction", steps, 6);
	check_equal("DR6 says single step", step_dr6, 0xffff4ff0);
	steps = 0;
	step_rep(NULL);
	check_equal("TF traps after each iteration of REP", steps, 5 + 3);
	trap_set_hook(0x41, ignore);
	steps = 0;
	step_syscall_like(NULL);
	check_equal("TF is off in a handler and back after it", steps, 3);
	steps = 0;
	step_mov_ss(NULL);
	if (!tcg_lacks("no trap between MOV SS and the next instruction"))
		check_equal("no trap between MOV SS and the next instruction", steps, 5);
	trap_set_hook(VEC_DB, NULL);
}

static void breakpoints(void)
{
	struct trap t;

	trap_set_hook(VEC_DB, count_step);
	write_dr0((unsigned long)run_nops);
	write_dr7(0x401);
	steps = 0;
	run_nops(NULL);
	check_equal("code breakpoint", steps, 1);
	check_equal("it comes before the instruction", step_ip[0], (unsigned long)run_nops);
	check_equal("DR6 says which", step_dr6 & 0xf, 1);
	write_dr0((unsigned long)&data[2]);
	write_dr7(0xd0401); /* 4 bytes, writes */
	steps = 0;
	store_data(&data[2]);
	check_equal("data breakpoint on a write", steps, 1);
	check_equal("it comes after the instruction", *(uint8_t *)step_ip[0], 0x90);
	load_data(&data[2]);
	check_equal("none on a read", steps, 1);
	store_data((uint8_t *)&data[2] + 4);
	check_equal("none beside it", steps, 1);
	store_data((uint8_t *)&data[2] + 3);
	check_equal("but where it overlaps", steps, 2);
	write_dr7(0xf0401); /* 4 bytes, reads and writes */
	load_data(&data[2]);
	check_equal("data breakpoint on a read", steps, 3);
	write_dr7(0xd0400);
	store_data(&data[2]);
	check_equal("none when disabled", steps, 3);
	if (!tcg_lacks("data breakpoint held off by MOV SS")) {
		steps = 0;
		data[2] = SEL_KERNEL_DATA;
		write_dr7(0xf0401);
		__asm__ volatile("mov %0, %%ss; nop; nop" : : "m"(data[2]) : "memory");
		check_equal("data breakpoint held off by MOV SS", steps, 1);
		check_equal("until after the next instruction", *(uint8_t *)(step_ip[0] - 1), 0x90);
	}
	write_dr7(0x400);
	trap_set_hook(VEC_DB, NULL);
	if (tcg_lacks("INT1"))
		return;
	trap_call(&t, interrupt_1, NULL);
	check_equal("INT1 is #DB", t.vector, VEC_DB);
	check_equal("INT1 points behind itself", *(uint8_t *)(t.frame.ip - 1), 0xf1);
}

static void debug_registers(void)
{
	write_dr7(0x400 | 1 << 13);
	expect_trap_not_tcg("#DB on access with general detect", VEC_DB, 0, read_dr7_code, NULL);
	if (!tcg_lacks("general detect is cleared by #DB"))
		check_equal("general detect is cleared by #DB", read_dr7(), 0x400);
	write_dr7(0x400);
}

/* ---- stacks ---- */

static volatile unsigned long handler_stack;

static bool note_stack(struct trap_frame *frame)
{
	handler_stack = (unsigned long)frame;
	return false;
}

static bool within(const uint8_t *stack, unsigned long address)
{
	return address >= (unsigned long)stack && address < (unsigned long)stack + TRAP_IST_BYTES;
}

static void double_faults(void)
{
	idt_set(VEC_DF, (unsigned long)trap_entries[VEC_DF], SEL_KERNEL_CODE, GATE_INTERRUPT, 1);
	trap_set_hook(VEC_DF, note_stack);
	expect_trap("#DF push to a non-canonical stack", VEC_DF, 0, push_there,
		    (void *)(NONCANONICAL + 64));
	check("on its IST stack", within(trap_ist_stack[0], handler_stack));
	expect_trap("#DF fault on a stack not mapped", VEC_DF, 0, fault_there,
		    (void *)0x1234567000);
	idt_set(VEC_UD, (unsigned long)trap_entries[VEC_UD], SEL_KERNEL_CODE,
		GATE_INTERRUPT & ~0x80, 0);
	expect_trap_not_tcg("#NP within #UD is no double fault", VEC_NP, VEC_UD * 8 + 2 + 1,
			    undefined2, NULL);
	idt_default(VEC_UD);
	idt_set(VEC_GP, (unsigned long)trap_entries[VEC_GP], SEL_KERNEL_CODE,
		GATE_INTERRUPT & ~0x80, 0);
	expect_trap("#DF from #NP within #GP", VEC_DF, 0, load_pointer, (void *)NONCANONICAL);
	idt_set(VEC_GP, (unsigned long)trap_entries[VEC_GP], SEL_KERNEL_CODE, GATE_INTERRUPT, 2);
	trap_set_hook(VEC_GP, note_stack);
	expect_trap("#GP on IST 2", VEC_GP, 0, load_pointer, (void *)NONCANONICAL);
	check("it ran there", within(trap_ist_stack[1], handler_stack));
	trap_set_hook(VEC_GP, NULL);
	idt_default(VEC_GP);
	expect_user_trap("user #PF", VEC_PF, 4, load_pointer, (void *)0x1234567000);
	trap_set_hook(VEC_UD, note_stack);
	expect_user_trap("user #UD", VEC_UD, 0, undefined2, NULL);
	check_equal("entered at the top of RSP0's stack", handler_stack + sizeof(struct trap_frame),
		    (unsigned long)(trap_stack + sizeof(trap_stack)));
	trap_set_hook(VEC_UD, NULL);
}

/* A handler that faults itself, twice deep. */
static bool fault_again(struct trap_frame *frame)
{
	struct trap t;

	trap_call(&t, divide_by_zero, NULL);
	frame->ax = t.vector == VEC_DE;
	frame->ip += 2;
	return true;
}

static void nested_faults(void)
{
	unsigned long nested = 5;

	trap_set_hook(VEC_UD, fault_again);
	__asm__ volatile("ud2" : "+a"(nested) : : "memory");
	trap_set_hook(VEC_UD, NULL);
	check_equal("a fault within a handler", nested, 1);
}

static void alignment(void)
{
	if (tcg_lacks("#AC"))
		return;
	write_cr0(read_cr0() | CR0_AM);
	write_flags(read_flags() | FLAG_AC);
	expect_trap("no #AC in ring 0", VEC_NONE, 0, load_word_unaligned, data);
	expect_user_trap("#AC in user code", VEC_AC, 0, load_word_unaligned, data);
	write_flags(read_flags() & ~FLAG_AC);
	expect_user_trap("no #AC without the flag", VEC_NONE, 0, load_word_unaligned, data);
	write_cr0(read_cr0() & ~CR0_AM);
}

void guest_main(void)
{
	divide_errors();
	undefined();
	vector_units();
	segments();
	addresses();
	software_interrupts();
	single_steps();
	breakpoints();
	debug_registers();
	double_faults();
	nested_faults();
	alignment();
}
