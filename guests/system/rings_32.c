/* SPDX-License-Identifier: Apache-2.0 */
/* Rings and gates of 32-bit protected mode that prot_32 leaves out: ring 1, returns outwards and
 * what they do to data segments, frames that IRET refuses, and the 16-bit gates and TSS. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define LOW_AT 0x8000ul

#define SLOT(n)	    gdt[SEL_SPARE / 8 + (n)]
#define SELECTOR(n) (SEL_SPARE + 8 * (n))

extern volatile uint32_t rings_record[8];
extern uint8_t ring1_entry[], ring1_cli[], iret_target[], outer_stack_top[];
extern uint8_t low_code[], low_code_end[], low_caller[], low_caller_end[];
void user_calls_ring1(void *argument);
void far_outwards(void *argument);
void iret_outwards(void *argument);
void try_iret(void *frame);
uint32_t load_pointers(const void *pointers);
uint32_t push_segments(void);
uint32_t nested_enter(void);

CODE(move_to_cs, ".byte 0x8e, 0xc8")
CODE(move_from_seg6, ".byte 0x8c, 0xf0")
CODE(lmsw_user, "xor %%eax, %%eax; lmsw %%ax")
CODE(wbinvd_code, "wbinvd")
CODE(invd_code, "invd")
CODE(invlpg_code, "invlpg (%%edi)")
CODE(cr0_code, "mov %%cr0, %%eax")
CODE(dr7_code, "mov %%dr7, %%eax")
CODE(lgdt_code, "lgdt (%%edi)")
CODE(user_low, "pushl $0; ljmp $0x1b, $0x8240")

static uint64_t descriptor(uint32_t base, uint32_t limit, unsigned access, unsigned flags)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
	       (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)flags << 52 |
	       (uint64_t)(base >> 24) << 56;
}

static uint64_t gate(uint32_t offset, unsigned selector, unsigned access, unsigned words)
{
	return (offset & 0xffff) | selector << 16 | (uint64_t)words << 32 | (uint64_t)access << 40 |
	       (uint64_t)(offset >> 16) << 48;
}

static void ring1(void)
{
	static uint8_t stack[512] __attribute__((aligned(16)));
	struct trap t;

	SLOT(0) = gate((uint32_t)ring1_entry, SELECTOR(1) | 1, 0xec, 0);
	SLOT(1) = descriptor(0, 0xfffff, 0xbb, 0xc); /* code, DPL 1 */
	SLOT(2) = descriptor(0, 0xfffff, 0xb3, 0xc); /* data, DPL 1 */
	tss.ss1 = SELECTOR(2) | 1;
	tss.esp1 = (uint32_t)(stack + sizeof(stack));
	trap_user_call(&t, user_calls_ring1, NULL);
	check_equal("ring 3 to ring 1 and back", t.vector, VEC_NONE);
	check_equal("its answer", rings_record[4], 0x1111);
	check_equal("CS", rings_record[0] & 0xffff, SELECTOR(1) | 1);
	check_equal("SS is SS1", rings_record[1] & 0xffff, SELECTOR(2) | 1);
	check_equal("ESP is ESP1's", rings_record[2], (uint32_t)(stack + sizeof(stack)) - 16);
	check_equal("caller's CS", rings_record[3] & 0xffff, SEL_USER_CODE32);
	SLOT(0) = gate((uint32_t)ring1_cli, SELECTOR(1) | 1, 0xec, 0);
	trap_user_call(&t, user_calls_ring1, NULL);
	check_equal("#GP CLI in ring 1", t.vector, VEC_GP);
	check_equal("from ring 1", t.frame.cs & 0xffff, SELECTOR(1) | 1);
	write_flags(read_flags() | 1 << 12); /* IOPL 1 */
	trap_user_call(&t, user_calls_ring1, NULL);
	check_equal("CLI in ring 1 with IOPL 1", t.vector, VEC_NONE);
	write_flags(read_flags() & ~FLAG_IOPL);
	tss.ss1 = SELECTOR(2) | 2;
	trap_user_call(&t, user_calls_ring1, NULL);
	check_equal("#TS SS1 with another RPL", t.vector << 16 | t.error,
		    VEC_TS << 16 | SELECTOR(2));
	tss.ss1 = 0;
	trap_user_call(&t, user_calls_ring1, NULL);
	check_equal("#TS SS1 is null", t.vector << 16 | t.error, VEC_TS << 16);
	SLOT(2) &= ~(0x80ull << 40);
	tss.ss1 = SELECTOR(2) | 1;
	trap_user_call(&t, user_calls_ring1, NULL);
	if (!tcg_lacks("#SS SS1 is not present"))
		check_equal("#SS SS1 is not present", t.vector << 16 | t.error,
			    VEC_SS << 16 | SELECTOR(2));
}

static void outwards(void)
{
	struct trap t;

	trap_call(&t, far_outwards, NULL);
	check_equal("far return outwards", t.vector, VEC_NONE);
	check_equal("kernel data in DS and ES is gone", t.frame.ax, 0);
	check_equal("and in GS, user data in FS stays", t.frame.cx, SEL_USER_DATA);
	check_equal("parameters are released there too", t.frame.dx, (uint32_t)outer_stack_top + 8);
	trap_call(&t, iret_outwards, NULL);
	if (!tcg_lacks("#GP after IRET outwards DS is null"))
		check_equal("#GP after IRET outwards DS is null", t.vector << 16 | t.error,
			    VEC_GP << 16);
	check_equal("in ring 3", t.frame.cs & 3, 3);
}

static unsigned long iret_error(uint32_t ip, uint32_t cs, uint32_t sp, uint32_t ss)
{
	uint32_t frame[5] = {ip, cs, 2, sp, ss};
	struct trap t;

	trap_call(&t, try_iret, frame);
	return t.vector << 16 | t.error;
}

static void refused_frames(void)
{
	uint32_t ip = (uint32_t)iret_target, sp = (uint32_t)outer_stack_top;

	SLOT(3) = descriptor(0, 0xfffff, 0x7b, 0xc); /* user code, not present */
	SLOT(4) = descriptor(0, 0xfffff, 0x73, 0xc); /* user data, not present */
	SLOT(5) = descriptor(0, 0xfff, 0xfb, 4);     /* user code, 4 KiB */
	check_equal("IRET to ring 3", iret_error(ip, SEL_USER_CODE32, sp, SEL_USER_DATA),
		    VEC_NONE << 16);
	check_equal("#GP CS is null", iret_error(ip, 0, sp, SEL_USER_DATA), VEC_GP << 16);
	check_equal("#GP CS is data", iret_error(ip, SEL_USER_DATA, sp, SEL_USER_DATA),
		    VEC_GP << 16 | (SEL_USER_DATA & ~3));
	check_equal("#GP CS has another RPL",
		    iret_error(ip, SEL_KERNEL_CODE | 3, sp, SEL_USER_DATA),
		    VEC_GP << 16 | SEL_KERNEL_CODE);
	check_equal("#NP CS is not present", iret_error(ip, SELECTOR(3) | 3, sp, SEL_USER_DATA),
		    VEC_NP << 16 | SELECTOR(3));
	check_equal("#GP SS is null", iret_error(ip, SEL_USER_CODE32, sp, 0), VEC_GP << 16);
	check_equal("#GP SS is the kernel's",
		    iret_error(ip, SEL_USER_CODE32, sp, SEL_KERNEL_DATA | 3),
		    VEC_GP << 16 | SEL_KERNEL_DATA);
	check_equal("#GP SS is code", iret_error(ip, SEL_USER_CODE32, sp, SEL_USER_CODE32),
		    VEC_GP << 16 | (SEL_USER_CODE32 & ~3));
	if (!tcg_lacks("#SS SS is not present"))
		check_equal("#SS SS is not present",
			    iret_error(ip, SEL_USER_CODE32, sp, SELECTOR(4) | 3),
			    VEC_SS << 16 | SELECTOR(4));
	if (!tcg_lacks("#GP EIP is beyond the limit"))
		check_equal("#GP EIP is beyond the limit",
			    iret_error(0x1000, SELECTOR(5) | 3, sp, SEL_USER_DATA), VEC_GP << 16);
}

static uint32_t call_low(uint32_t offset)
{
	struct __attribute__((packed)) {
		uint32_t offset;
		uint16_t selector;
	} to = {LOW_AT + offset, SEL_KERNEL_CODE};
	uint32_t result;

	__asm__ volatile("lcall *%1" : "=a"(result) : "m"(to) : "ecx", "edx", "memory", "cc");
	return result;
}

static void sixteen_bit_gates(void)
{
	static uint16_t old_tss[22];
	struct trap t;
	uint32_t base = (uint32_t)old_tss;

	memory_copy((void *)LOW_AT, low_code, (size_t)(low_code_end - low_code));
	memory_copy((void *)(LOW_AT + 0x200), low_caller, (size_t)(low_caller_end - low_caller));
	idt_set(0x43, LOW_AT, SEL_KERNEL_CODE, 0x86, 0);
	check_equal("16-bit interrupt gate", call_low(0x200) & 0xffff, 0x8202);
	SLOT(1) = gate(LOW_AT + 0x40, SEL_KERNEL_CODE, 0x84, 0);
	check_equal("16-bit call gate", call_low(0x220), SEL_KERNEL_CODE << 16 | 0x8227);
	old_tss[1] = 0x7000;
	old_tss[2] = SEL_KERNEL_DATA;
	SLOT(6) = descriptor(base, sizeof(old_tss) - 1, 0x81, 0);
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR(6)) : "memory");
	check_equal("LTR makes a 16-bit TSS busy", SLOT(6) >> 40 & 0xff, 0x83);
	idt_set(0x44, LOW_AT + 0x60, SEL_KERNEL_CODE, 0xe6, 0);
	trap_user_call(&t, user_low, NULL);
	check_equal("ring switch by a 16-bit gate and TSS", t.vector, VEC_NONE);
	check_equal("IP and CS", rings_record[0], SEL_USER_CODE32 << 16 | 0x8242);
	check_equal("SS", rings_record[2] & 0xffff, SEL_USER_DATA);
	check_equal("SP is SP0's", rings_record[3], 0x7000 - 10);
	check_equal("SS is SS0", rings_record[4] & 0xffff, SEL_KERNEL_DATA);
	gdt[SEL_TSS / 8] &= ~(2ull << 40);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS) : "memory");
	idt_default(0x43);
	idt_default(0x44);
}

static void segment_moves(void)
{
	static const struct __attribute__((packed)) {
		uint32_t offset;
		uint16_t selector, pad;
		uint32_t stack;
		uint16_t stack_selector;
	} pointers = {0x12345678, SEL_KERNEL_DATA, 0, 0x1000, SEL_KERNEL_DATA};

	check_equal("LES LFS LGS LSS", load_pointers(&pointers), 0x1000 + SEL_KERNEL_DATA);
	check_equal("PUSH and POP of segments", push_segments(), 24 << 16 | SEL_KERNEL_CODE);
	expect_trap("#UD MOV to CS", VEC_UD, 0, move_to_cs, NULL);
	expect_trap("#UD MOV from a segment that is none", VEC_UD, 0, move_from_seg6, NULL);
	check_equal("ENTER with three levels", nested_enter(), 1 << 24 | 28 << 16 | 0x3322);
}

static void privileged(void)
{
	static const struct {
		const char *name;
		trap_function *function;
	} all[] = {
		{"#GP LMSW", lmsw_user},	{"#GP WBINVD", wbinvd_code},
		{"#GP INVD", invd_code},	{"#GP INVLPG", invlpg_code},
		{"#GP MOV from CR0", cr0_code}, {"#GP MOV from DR7", dr7_code},
		{"#GP LGDT", lgdt_code},
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		expect_user_trap(all[i].name, VEC_GP, 0, all[i].function, &gdt_pointer);
	expect_trap("WBINVD in ring 0", VEC_NONE, 0, wbinvd_code, NULL);
	expect_trap("INVD in ring 0", VEC_NONE, 0, invd_code, NULL);
	write_cr0(read_cr0() | CR0_TS);
	__asm__ volatile("clts");
	check_equal("CLTS", read_cr0() & CR0_TS, 0);
	__asm__ volatile("lmsw %w0" : : "r"((uint16_t)(CR0_TS | CR0_MP)));
	check_equal("LMSW sets TS, keeps PE", read_cr0() & (CR0_TS | CR0_PE), CR0_TS | CR0_PE);
	__asm__ volatile("clts");
}

void guest_main(void)
{
	ring1();
	outwards();
	refused_frames();
	sixteen_bit_gates();
	segment_moves();
	privileged();
}
