/* SPDX-License-Identifier: Apache-2.0 */
/* SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS and the bases of FS and GS. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define NONCANONICAL 0x0000800000000000ul

/* What the entries in syscalls.S note. */
extern volatile struct {
	unsigned long sp, cx, r11, flags, cs, ss;		/* at the entry */
	unsigned long flags_after, cs_after, ss_after, sp_kept; /* back in user code */
} syscall_record;

extern uint8_t syscall_entry[], syscall_entry_to_32[], syscall_entry_bad[], syscall_returned[];
extern uint8_t sysenter_entry[], sysenter_entry_to_32[];
void user_syscall(void *argument);
void user_sysenter(void *argument);

CODE(plain_syscall, "syscall")
CODE(plain_sysret, "sysretq")
CODE(plain_sysexit, "sysexitq")
CODE(plain_swapgs, "swapgs")
CODE(write_lstar,
     "mov %%rdi, %%rax; mov %%rdi, %%rdx; shr $32, %%rdx; mov $0xc0000082, %%ecx; wrmsr")
CODE(write_fs_base,
     "mov %%rdi, %%rax; mov %%rdi, %%rdx; shr $32, %%rdx; mov $0xc0000100, %%ecx; wrmsr")
CODE(rdfsbase, "rdfsbase %%rax")
CODE(wrgsbase_there, "wrgsbase %%rdi")

static uint64_t here[4] = {1, 2, 3, 4};
static uint64_t there[4] = {11, 12, 13, 14};

static uint64_t load_fs(void)
{
	uint64_t v;

	__asm__ volatile("mov %%fs:8, %0" : "=r"(v));
	return v;
}

static uint64_t load_gs(void)
{
	uint64_t v;

	__asm__ volatile("mov %%gs:8, %0" : "=r"(v));
	return v;
}

static void syscalls(void)
{
	struct trap t;

	write_msr(MSR_STAR, (uint64_t)(SEL_USER_CODE32) << 48 | (uint64_t)SEL_KERNEL_CODE << 32);
	write_msr(MSR_LSTAR, (unsigned long)syscall_entry);
	write_msr(MSR_SFMASK, FLAG_CF | FLAG_TF | FLAG_IF | FLAG_AC);
	check_equal("STAR keeps its value", read_msr(MSR_STAR),
		    (uint64_t)(SEL_USER_CODE32) << 48 | (uint64_t)SEL_KERNEL_CODE << 32);
	expect_user_trap("#UD SYSCALL without SCE", VEC_UD, 0, plain_syscall, NULL);
	write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_SCE);
	trap_user_call(&t, user_syscall, NULL);
	check_equal("SYSCALL and back", t.vector, VEC_NONE);
	check_equal("RCX is the return address", syscall_record.cx,
		    (unsigned long)syscall_returned);
	check_equal("R11 is RFLAGS", syscall_record.r11 & (FLAG_CF | 0x400), FLAG_CF | 0x400);
	check_equal("CF is masked", syscall_record.flags & FLAG_CF, 0);
	if (!tcg_lacks("DF is not masked"))
		check_equal("DF is not masked", syscall_record.flags & 0x400, 0x400);
	check_equal("CS at the entry", syscall_record.cs, SEL_KERNEL_CODE);
	check_equal("SS at the entry", syscall_record.ss, SEL_KERNEL_DATA);
	check_equal("CS after SYSRET", syscall_record.cs_after, SEL_USER_CODE64);
	check_equal("SS after SYSRET", syscall_record.ss_after, SEL_USER_DATA);
	check_equal("RFLAGS after SYSRET", syscall_record.flags_after & (FLAG_CF | 0x400),
		    FLAG_CF | 0x400);
	check_equal("RSP is left alone", syscall_record.sp_kept & 0xff, 1);
	expect_user_trap("#GP SYSRET in user code", VEC_GP, 0, plain_sysret, NULL);
	write_msr(MSR_LSTAR, (unsigned long)syscall_entry_to_32);
	trap_user_call(&t, user_syscall, NULL);
	check_equal("SYSRET to 32-bit code", t.vector, VEC_NONE);
	check_equal("runs there as such", t.frame.ax, 0x11223345);
	check_equal("with the code segment for it", t.frame.cs, SEL_USER_CODE32);
	check_equal("and this stack segment", t.frame.ss, SEL_USER_DATA);
	write_msr(MSR_LSTAR, (unsigned long)syscall_entry_bad);
	if (!tcg_lacks("#GP SYSRET to a non-canonical address")) {
		trap_user_call(&t, user_syscall, NULL);
		check_equal("#GP SYSRET to a non-canonical address", t.vector, VEC_GP);
		check_equal("raised in the kernel", t.frame.cs, SEL_KERNEL_CODE);
	}
	expect_trap_not_tcg("#GP non-canonical LSTAR", VEC_GP, 0, write_lstar,
			    (void *)NONCANONICAL);
}

static void sysenters(void)
{
	struct trap t;

	if (!cpuid_has(1, 3, 11)) {
		expect_user_trap("#UD SYSENTER is not there", VEC_UD, 0, user_sysenter, NULL);
		expect_trap("#UD SYSEXIT is not there", VEC_UD, 0, plain_sysexit, NULL);
		return;
	}
	write_msr(MSR_SYSENTER_CS, 0);
	expect_user_trap("#GP SYSENTER without a segment", VEC_GP, 0, user_sysenter, NULL);
	write_msr(MSR_SYSENTER_CS, SEL_KERNEL_CODE);
	write_msr(MSR_SYSENTER_ESP, (unsigned long)trap_stack + 4096);
	write_msr(MSR_SYSENTER_EIP, (unsigned long)sysenter_entry);
	trap_user_call(&t, user_sysenter, NULL);
	check_equal("SYSENTER and back", t.vector, VEC_NONE);
	check_equal("RSP is SYSENTER_ESP", syscall_record.sp, (unsigned long)trap_stack + 4096);
	check_equal("CS is SYSENTER_CS", syscall_record.cs, SEL_KERNEL_CODE);
	check_equal("SS is the next", syscall_record.ss, SEL_KERNEL_DATA);
	check_equal("IF is clear", syscall_record.flags & FLAG_IF, 0);
	check_equal("CS after SYSEXIT", syscall_record.cs_after, SEL_USER_CODE64);
	check_equal("SS after SYSEXIT", syscall_record.ss_after, SEL_USER_DATA64);
	check_equal("RSP after SYSEXIT", syscall_record.sp_kept & 0xff, 1);
	write_msr(MSR_SYSENTER_EIP, (unsigned long)sysenter_entry_to_32);
	trap_user_call(&t, user_sysenter, NULL);
	check_equal("SYSEXIT to 32-bit code", t.frame.ax, 0x11223345);
	check_equal("with its code segment", t.frame.cs, SEL_USER_CODE32);
	check_equal("and its stack segment", t.frame.ss, SEL_USER_DATA);
	expect_user_trap("#GP SYSEXIT in user code", VEC_GP, 0, plain_sysexit, NULL);
}

static void bases(void)
{
	write_msr(MSR_FS_BASE, (unsigned long)here);
	check_equal("FS base", load_fs(), 2);
	write_msr(MSR_GS_BASE, (unsigned long)here);
	write_msr(MSR_KERNEL_GS_BASE, (unsigned long)there);
	check_equal("GS base", load_gs(), 2);
	__asm__ volatile("swapgs");
	check_equal("GS base after SWAPGS", load_gs(), 12);
	check_equal("MSR GS_BASE after SWAPGS", read_msr(MSR_GS_BASE), (unsigned long)there);
	check_equal("MSR KERNEL_GS_BASE after SWAPGS", read_msr(MSR_KERNEL_GS_BASE),
		    (unsigned long)here);
	__asm__ volatile("swapgs");
	check_equal("GS base after another", load_gs(), 2);
	expect_user_trap("#GP SWAPGS in user code", VEC_GP, 0, plain_swapgs, NULL);
	expect_trap_not_tcg("#GP non-canonical FS base", VEC_GP, 0, write_fs_base,
			    (void *)NONCANONICAL);
	gdt[SEL_SPARE / 8] = 0x00cf93000000ffff | (uint64_t)(0x123456) << 16;
	__asm__ volatile("mov %0, %%fs" : : "r"(SEL_SPARE));
	check_equal("a selector loads the descriptor's base", read_msr(MSR_FS_BASE), 0x123456);
	write_msr(MSR_FS_BASE, 0xffff800012345678);
	check_equal("a base in the upper half", read_msr(MSR_FS_BASE), 0xffff800012345678);
	__asm__ volatile("mov %0, %%fs" : : "r"(0));
	check_equal("a null selector clears it", read_msr(MSR_FS_BASE), 0);
}

static void base_instructions(void)
{
	uint64_t v;

	if (!cpuid_has(7, 1, 0)) {
		expect_trap("#UD RDFSBASE is not there", VEC_UD, 0, rdfsbase, NULL);
		return;
	}
	expect_trap("#UD RDFSBASE without CR4.FSGSBASE", VEC_UD, 0, rdfsbase, NULL);
	write_cr4(read_cr4() | CR4_FSGSBASE);
	write_msr(MSR_FS_BASE, 0xffff800012345678);
	__asm__ volatile("rdfsbase %0" : "=r"(v));
	check_equal("RDFSBASE", v, 0xffff800012345678);
	v = ~0ul;
	__asm__ volatile("rdfsbase %k0" : "+r"(v));
	check_equal("RDFSBASE, 32 bits", v, 0x12345678);
	__asm__ volatile("wrgsbase %0" : : "r"((unsigned long)there));
	check_equal("WRGSBASE", load_gs(), 12);
	__asm__ volatile("wrgsbase %k0" : : "r"(0xdeadbeef11223344));
	__asm__ volatile("rdgsbase %0" : "=r"(v));
	check_equal("WRGSBASE, 32 bits", v, 0x11223344);
	expect_user_trap("RDFSBASE in user code", VEC_NONE, 0, rdfsbase, NULL);
	expect_trap_not_tcg("#GP WRGSBASE non-canonical", VEC_GP, 0, wrgsbase_there,
			    (void *)NONCANONICAL);
	write_cr4(read_cr4() & ~CR4_FSGSBASE);
}

void guest_main(void)
{
	syscalls();
	sysenters();
	bases();
	base_instructions();
}
