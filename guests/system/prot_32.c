/* SPDX-License-Identifier: Apache-2.0 */
/* 32-bit protected mode without paging: segments, gates, rings, descriptor inspection. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define CODE16_AT 0x8000ul

/* Spare descriptors from SEL_SPARE on. */
#define SLOT(n)	    gdt[SEL_SPARE / 8 + (n)]
#define SELECTOR(n) (SEL_SPARE + 8 * (n))

extern volatile uint32_t gate_record[10];
extern uint8_t gate_target[], user_gate_returns[], code16[], code16_end[];
void user_gate_call(void *argument);
unsigned kernel_gate_call(void);
unsigned in_16(void);
unsigned stack_16(void);
extern uint8_t user_fault_entry[];
void user_int(void *argument);

CODE(load_ds_from, "mov %%edi, %%ds")
CODE(load_ss_from, "mov %%edi, %%ss")
CODE(load_fs_from, "mov %%edi, %%fs")
CODE(fs_load, "mov %%fs:(%%edi), %%eax")
CODE(fs_load_byte, "movb %%fs:(%%edi), %%al")
CODE(fs_store_byte, "movb %%al, %%fs:(%%edi)")
CODE(cs_store, "movb %%al, %%cs:(%%edi)")
CODE(null_load, "xor %%eax, %%eax; mov %%eax, %%fs; mov %%fs:(%%edi), %%al")
CODE(into_overflow, "mov $0x7fffffff, %%eax; inc %%eax; into")
CODE(into_none, "xor %%eax, %%eax; into")
CODE(bound_low, "mov $4, %%eax; bound %%eax, (%%edi)")
CODE(bound_high, "mov $11, %%eax; bound %%eax, (%%edi)")
CODE(bound_inside, "mov $10, %%eax; bound %%eax, (%%edi)")
CODE(halt, "hlt")
CODE(clear_ts, "clts")
CODE(disable, "cli")
CODE(call_far_there, "lcall *(%%edi)")
CODE(jump_far_there, "ljmp *(%%edi)")
CODE(load_tr, "ltr %%di")
CODE(load_ldt, "lldt %%di")
CODE(interrupt_0x41, "int $0x41")
CODE(user_flags, "pushf; pop %%eax; or $0x3200, %%eax; push %%eax; popf; pushf; pop %%eax;"
		 "mov %%eax, (%%edi)")
CODE(reach_conforming, "lcall *(%%edi); mov %%ax, 6(%%edi)")
CODE(smsw_code, "smsw %%eax; mov %%eax, (%%edi)")
CODE(rex_is_inc, "xor %%eax, %%eax; .byte 0x40, 0x40; mov %%eax, (%%edi)")

static uint8_t area[8192] __attribute__((aligned(4096)));

/* A descriptor.  access: type, S, DPL, P; flags: G, D/B, L, AVL as in bits 55:52. */
static uint64_t descriptor(uint32_t base, uint32_t limit, unsigned access, unsigned flags)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)flags << 52 |
	       (uint64_t)(base >> 24) << 56;
}

static void set_fs(unsigned selector)
{
	__asm__ volatile("mov %0, %%fs" : : "r"(selector));
}

static void limits(void)
{
	unsigned long last = 0x1000;

	area[0x123] = 42;
	SLOT(0) = descriptor((uint32_t)area, 0x1000, 0x93, 4);
	set_fs(SELECTOR(0));
	check_equal("base", trap_call(NULL, fs_load, (void *)0x123), VEC_NONE);
	check_equal("A of the descriptor", SLOT(0) >> 40 & 1, 1);
	if (tcg_lacks("segment limits"))
		return;
	expect_trap("last byte", VEC_NONE, 0, fs_load_byte, (void *)last);
	expect_trap("#GP behind the last byte", VEC_GP, 0, fs_load_byte, (void *)(last + 1));
	expect_trap("last four bytes", VEC_NONE, 0, fs_load, (void *)(last - 3));
	expect_trap("#GP one byte too many", VEC_GP, 0, fs_load, (void *)(last - 2));
	expect_trap("#GP around the end of the address space", VEC_GP, 0, fs_load,
		    (void *)0xfffffffe);
	SLOT(0) = descriptor((uint32_t)area, 0xfff, 0x97, 4);
	set_fs(SELECTOR(0));
	expect_trap("expand-down: #GP below", VEC_GP, 0, fs_load_byte, (void *)0xfff);
	expect_trap("expand-down: first byte", VEC_NONE, 0, fs_load_byte, (void *)0x1000);
	SLOT(0) = descriptor((uint32_t)area, 0xfff, 0x97, 0);
	set_fs(SELECTOR(0));
	expect_trap("expand-down, 16 bits: last byte", VEC_NONE, 0, fs_load_byte, (void *)0xffff);
	expect_trap("expand-down, 16 bits: #GP above", VEC_GP, 0, fs_load_byte, (void *)0x10000);
	SLOT(0) = descriptor(0, 0, 0x93, 0xc);
	set_fs(SELECTOR(0));
	expect_trap("page granularity", VEC_NONE, 0, fs_load_byte, (void *)0xfff);
	expect_trap("#GP behind the page", VEC_GP, 0, fs_load_byte, (void *)0x1000);
	SLOT(0) = descriptor((uint32_t)area, 0xfff, 0x91, 4);
	set_fs(SELECTOR(0));
	expect_trap("#GP store to read-only data", VEC_GP, 0, fs_store_byte, NULL);
	SLOT(0) = descriptor((uint32_t)area, 0xfff, 0x9b, 4);
	set_fs(SELECTOR(0));
	expect_trap("load from readable code", VEC_NONE, 0, fs_load_byte, NULL);
	expect_trap("#GP store to code", VEC_GP, 0, cs_store, area);
	expect_trap("#GP null segment", VEC_GP, 0, null_load, area);
}

static void selector_checks(void)
{
	SLOT(0) = descriptor(0, 0xfffff, 0x13, 0xc);
	SLOT(1) = descriptor(0, 0xfffff, 0x99, 0xc); /* execute-only */
	expect_trap("#NP data", VEC_NP, SELECTOR(0), load_ds_from, (void *)SELECTOR(0));
	expect_trap("#SS stack not present", VEC_SS, SELECTOR(0), load_ss_from,
		    (void *)SELECTOR(0));
	expect_trap("#GP execute-only in DS", VEC_GP, SELECTOR(1), load_ds_from,
		    (void *)SELECTOR(1));
	expect_trap("#GP null in SS", VEC_GP, 0, load_ss_from, NULL);
	expect_trap("#GP beyond the table", VEC_GP, GDT_SLOTS * 8, load_ds_from,
		    (void *)(GDT_SLOTS * 8));
	expect_trap("null in FS", VEC_NONE, 0, load_fs_from, NULL);
	expect_trap("null with RPL in FS", VEC_NONE, 0, load_fs_from, (void *)3);
	expect_user_trap("#GP kernel data in user DS", VEC_GP, SEL_KERNEL_DATA, load_ds_from,
			 (void *)SEL_KERNEL_DATA);
	expect_user_trap("#GP kernel stack in user SS", VEC_GP, SEL_KERNEL_DATA, load_ss_from,
			 (void *)SEL_KERNEL_DATA);
	set_fs(0);
}

static void local_table(void)
{
	static uint64_t ldt[4];
	uint16_t read_back;

	ldt[1] = descriptor((uint32_t)area, 0xfff, 0x93, 4);
	SLOT(0) = descriptor((uint32_t)ldt, sizeof(ldt) - 1, 0x82, 0);
	expect_trap("LLDT", VEC_NONE, 0, load_ldt, (void *)SELECTOR(0));
	__asm__ volatile("sldt %0" : "=m"(read_back));
	check_equal("SLDT", read_back, SELECTOR(0));
	area[5] = 77;
	set_fs(0x0c);
	{
		uint8_t v;

		__asm__ volatile("movb %%fs:5, %0" : "=q"(v));
		check_equal("a segment of the LDT", v, 77);
	}
	expect_trap("#GP beyond the LDT", VEC_GP, 0x24, load_ds_from, (void *)0x24);
	expect_trap("#GP LLDT of data", VEC_GP, SEL_KERNEL_DATA, load_ldt, (void *)SEL_KERNEL_DATA);
	SLOT(0) &= ~(0x80ull << 40);
	expect_trap("#NP LLDT", VEC_NP, SELECTOR(0), load_ldt, (void *)SELECTOR(0));
	expect_trap("LLDT null", VEC_NONE, 0, load_ldt, NULL);
	expect_trap("#GP an LDT that is not there", VEC_GP, 0x0c, load_ds_from, (void *)0x0c);
	expect_user_trap("#GP LLDT in user code", VEC_GP, 0, load_ldt, NULL);
	set_fs(0);
}

static void task_register(void)
{
	uint16_t tr;

	__asm__ volatile("str %0" : "=m"(tr));
	check_equal("STR", tr, SEL_TSS);
	check_equal("LTR makes the TSS busy", gdt[SEL_TSS / 8] >> 40 & 0xff, 0x8b);
	expect_trap("#GP LTR of a busy TSS", VEC_GP, SEL_TSS, load_tr, (void *)SEL_TSS);
	expect_trap_not_tcg("#GP LTR null", VEC_GP, 0, load_tr, NULL);
	SLOT(0) = descriptor((uint32_t)&tss, 0x67, 0x09, 0);
	expect_trap("#NP LTR", VEC_NP, SELECTOR(0), load_tr, (void *)SELECTOR(0));
}

/* ---- LAR LSL VERR VERW ARPL ---- */

static uint32_t lar(unsigned selector)
{
	uint32_t v = 0xdead;
	bool valid;

	__asm__ volatile("lar %2, %0" : "+r"(v), "=@ccz"(valid) : "r"(selector));
	return valid ? v : 0xdead;
}

static uint32_t lsl(unsigned selector)
{
	uint32_t v = 0xdead;
	bool valid;

	__asm__ volatile("lsl %2, %0" : "+r"(v), "=@ccz"(valid) : "r"(selector));
	return valid ? v : 0xdead;
}

static bool verr(unsigned selector)
{
	bool valid;

	__asm__ volatile("verr %w1" : "=@ccz"(valid) : "r"(selector));
	return valid;
}

static bool verw(unsigned selector)
{
	bool valid;

	__asm__ volatile("verw %w1" : "=@ccz"(valid) : "r"(selector));
	return valid;
}

static uint32_t arpl(uint16_t a, uint16_t b)
{
	bool changed;

	__asm__ volatile("arpl %2, %0" : "+r"(a), "=@ccz"(changed) : "r"(b));
	return a | (uint32_t)changed << 16;
}

static void inspection(void)
{
	SLOT(0) = descriptor(0x12345678, 0x54321, 0xb3, 4);
	SLOT(1) = descriptor(0, 0x54321, 0x99, 0xc); /* execute-only, page granular */
	SLOT(2) = descriptor(0, 0x8, 0x8c, 0);	     /* call gate */
	SLOT(3) = descriptor(0, 0x8, 0x8e, 0);	     /* interrupt gate: no business there */
	check_equal("LAR of data", lar(SELECTOR(0)) & 0xf0ff00, 0x0040b300);
	check_equal("LAR of code", lar(SELECTOR(1)) & 0xf0ff00, 0x00c09900);
	check_equal("LAR of the TSS", lar(SEL_TSS) & 0xff00, 0x8b00);
	check_equal("LAR of a call gate", lar(SELECTOR(2)) & 0xff00, 0x8c00);
	check_equal("LAR of an interrupt gate", lar(SELECTOR(3)), 0xdead);
	check_equal("LAR of null", lar(0), 0xdead);
	check_equal("LAR with too low a privilege", lar(SELECTOR(0) | 3), 0xdead);
	check_equal("LAR beyond the table", lar(GDT_SLOTS * 8), 0xdead);
	check_equal("LSL of data", lsl(SELECTOR(0)), 0x54321);
	check_equal("LSL in pages", lsl(SELECTOR(1)), 0x54321fff);
	check_equal("LSL of a call gate", lsl(SELECTOR(2)), 0xdead);
	check("VERR of data", verr(SELECTOR(0)));
	check("VERW of data", verw(SELECTOR(0)));
	check("not VERR of execute-only", !verr(SELECTOR(1)));
	check("not VERW of code", !verw(SEL_KERNEL_CODE));
	check("VERR of code", verr(SEL_KERNEL_CODE));
	check("not VERR with too low a privilege", !verr(SEL_KERNEL_DATA | 3));
	check("not VERR of null", !verr(0));
	check("not VERR of the TSS", !verr(SEL_TSS));
	check_equal("ARPL raises", arpl(0x50, 0x53), 0x10053);
	check_equal("ARPL leaves", arpl(0x53, 0x51), 0x53);
}

/* ---- rings ---- */

struct __attribute__((packed)) far_pointer {
	uint32_t offset;
	uint16_t selector, answer;
};

static void call_gates(void)
{
	uint32_t target = (uint32_t)gate_target;
	struct far_pointer data = {0, SEL_KERNEL_DATA, 0};
	struct trap t;

	SLOT(0) = (target & 0xffff) | SEL_KERNEL_CODE << 16 | 2ull << 32 | 0xecull << 40 |
		  (uint64_t)(target >> 16) << 48;
	trap_user_call(&t, user_gate_call, NULL);
	check_equal("call gate and back", t.vector, VEC_NONE);
	check_equal("parameters are released on both stacks", t.frame.ax, 0x15555);
	check_equal("return address", gate_record[0], (uint32_t)user_gate_returns);
	check_equal("return segment", gate_record[1] & 0xffff, SEL_USER_CODE32);
	check_equal("parameters are copied", gate_record[2], 0x2222);
	check_equal("both", gate_record[3], 0x1111);
	check_equal("old stack pointer", gate_record[4], gate_record[9] - 8);
	check_equal("old stack segment", gate_record[5] & 0xffff, SEL_USER_DATA);
	check_equal("CS in the gate", gate_record[6] & 0xffff, SEL_KERNEL_CODE);
	check_equal("SS is SS0", gate_record[7] & 0xffff, SEL_KERNEL_DATA);
	check_equal("ESP is from ESP0", gate_record[8],
		    (uint32_t)(trap_stack + sizeof(trap_stack)) - 24);
	check_equal("through the gate in ring 0", kernel_gate_call(), 0x15555);
	SLOT(0) &= ~(0x60ull << 40);
	expect_user_trap("#GP gate is the kernel's", VEC_GP, SELECTOR(0), user_gate_call, NULL);
	SLOT(0) = (SLOT(0) | 0x60ull << 40) & ~(0x80ull << 40);
	expect_user_trap("#NP gate", VEC_NP, SELECTOR(0), user_gate_call, NULL);
	expect_trap("#GP call to data", VEC_GP, SEL_KERNEL_DATA, call_far_there, &data);
	data.selector = SEL_USER_CODE32;
	expect_trap("#GP call outwards", VEC_GP, SEL_USER_CODE32 & ~3, call_far_there, &data);
	data.selector = 0;
	expect_trap("#GP jump to null", VEC_GP, 0, jump_far_there, &data);
}

extern uint8_t conforming_target[];
__asm__(".text; conforming_target: mov %cs, %eax; lret");

static void conforming(void)
{
	struct far_pointer code = {(uint32_t)conforming_target, SELECTOR(0), 0};

	SLOT(0) = descriptor(0, 0xfffff, 0x9f, 0xc);
	expect_user_trap("conforming code from user code", VEC_NONE, 0, reach_conforming, &code);
	check_equal("keeps the caller's privilege", code.answer, SELECTOR(0) | 3);
	SLOT(0) = descriptor(0, 0xfffff, 0x9b, 0xc);
	expect_user_trap("#GP other code from user code", VEC_GP, SELECTOR(0), reach_conforming,
			 &code);
}

/* The error code that the switch to ring 0 raises with this SS0, or 0xbad. */
static unsigned switch_to(unsigned ss0)
{
	struct trap t;

	tss.ss0 = ss0;
	trap_user_call(&t, user_int, NULL);
	tss.ss0 = SEL_KERNEL_DATA;
	return t.frame.ax;
}

static void stack_switch(void)
{
	expect_user_trap("#GP int through a kernel gate", VEC_GP, 0x41 * 8 + 2, interrupt_0x41,
			 NULL);
	idt_set(0x41, 0, SEL_KERNEL_CODE, GATE_INTERRUPT_USER & ~0x80, 0);
	expect_user_trap("#NP interrupt gate", VEC_NP, 0x41 * 8 + 2, interrupt_0x41, NULL);
	idt_set(0x41, 0x100000, SEL_KERNEL_CODE, GATE_INTERRUPT_USER, 0);
	SLOT(0) = descriptor(0, 0xfffff, 0x13, 0xc);
	idt_set(VEC_TS, (unsigned long)user_fault_entry, SEL_USER_CODE32, GATE_INTERRUPT, 0);
	check_equal("#TS SS0 is null", switch_to(0), 0);
	check_equal("#TS SS0 is not ring 0's", switch_to(SEL_USER_DATA), SEL_USER_DATA & ~3);
	check_equal("#TS SS0 has another RPL", switch_to(SEL_KERNEL_DATA | 1), SEL_KERNEL_DATA);
	check_equal("#TS SS0 is code", switch_to(SEL_KERNEL_CODE), SEL_KERNEL_CODE);
	check_equal("#TS SS0 is beyond the table", switch_to(GDT_SLOTS * 8), GDT_SLOTS * 8);
	idt_default(VEC_TS);
	idt_set(VEC_SS, (unsigned long)user_fault_entry, SEL_USER_CODE32, GATE_INTERRUPT, 0);
	if (!tcg_lacks("#SS SS0 is not present"))
		check_equal("#SS SS0 is not present", switch_to(SELECTOR(0)), SELECTOR(0));
	idt_default(VEC_SS);
	idt_default(0x41);
}

static void privileges(void)
{
	uint32_t flags = 0;

	expect_user_trap("#GP hlt", VEC_GP, 0, halt, NULL);
	expect_user_trap("#GP clts", VEC_GP, 0, clear_ts, NULL);
	expect_user_trap("#GP cli", VEC_GP, 0, disable, NULL);
	expect_user_trap("popf runs", VEC_NONE, 0, user_flags, &flags);
	check_equal("but leaves IF and IOPL alone", flags & (FLAG_IF | FLAG_IOPL), 0);
	expect_user_trap("smsw is free", VEC_NONE, 0, smsw_code, &flags);
	check_equal("and tells PE", flags & 1, 1);
}

static void old_instructions(void)
{
	static const int32_t bounds[2] = {5, 10};
	uint32_t v = 0;
	struct trap t;

	trap_call(&t, into_overflow, NULL);
	check_equal("INTO on overflow", t.vector, VEC_OF);
	check_equal("points behind it", *(uint8_t *)(t.frame.ip - 1), 0xce);
	expect_trap("INTO without", VEC_NONE, 0, into_none, NULL);
	expect_trap("BOUND below", VEC_BR, 0, bound_low, (void *)bounds);
	expect_trap("BOUND above", VEC_BR, 0, bound_high, (void *)bounds);
	expect_trap("BOUND at the upper end", VEC_NONE, 0, bound_inside, (void *)bounds);
	rex_is_inc(&v);
	check_equal("40 is INC", v, 2);
}

static void sixteen_bits(void)
{
	memory_copy((void *)CODE16_AT, code16, (size_t)(code16_end - code16));
	check_equal("16-bit code", in_16() & 0x0800ffff, 0x08000002);
	gdt[SEL_DATA16 / 8] = descriptor(0x10000, 0xffff, 0x93, 0);
	check_equal("16-bit stack wraps", stack_16(), 0xabcdfffc);
}

void guest_main(void)
{
	limits();
	selector_checks();
	local_table();
	task_register();
	inspection();
	call_gates();
	conforming();
	stack_switch();
	privileges();
	old_instructions();
	sixteen_bits();
}
