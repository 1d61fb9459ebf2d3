/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU model: CPUID, MSRs, the time stamp counter, and what CR4 forbids to user code. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

CODE(cpuid_code, "push %%rbx; mov $1, %%eax; cpuid; pop %%rbx")
CODE(rdtsc_code, "rdtsc")
CODE(rdtscp_code, "rdtscp")
CODE(rdpmc_code, "xor %%ecx, %%ecx; rdpmc")
CODE(rdmsr_code, "mov %%edi, %%ecx; rdmsr")
CODE(wrmsr_zero, "mov %%edi, %%ecx; xor %%eax, %%eax; xor %%edx, %%edx; wrmsr")
CODE(wrmsr_ones, "mov %%edi, %%ecx; mov $-1, %%eax; mov $-1, %%edx; wrmsr")
CODE(sgdt_code, "sgdt -32(%%rsp)")
CODE(sidt_code, "sidt -32(%%rsp)")
CODE(sldt_code, "sldt %%eax")
CODE(str_code, "str %%eax")
CODE(smsw_code, "smsw %%eax")
CODE(popcnt_code, "popcnt %%eax, %%eax")
CODE(crc32_code, "crc32b %%al, %%eax")
CODE(pshufb_code, "pshufb %%xmm0, %%xmm0")
CODE(ptest_code, "ptest %%xmm0, %%xmm0")
CODE(haddps_code, "haddps %%xmm0, %%xmm0")
CODE(lahf_code, "lahf")
CODE(xgetbv_code, "xor %%ecx, %%ecx; xgetbv")
CODE(vzeroupper_code, "vzeroupper")
CODE(monitor_code, "lea -64(%%rsp), %%rax; xor %%ecx, %%ecx; xor %%edx, %%edx; monitor")
CODE(rdrand_code, "rdrand %%eax")
CODE(clac_code, "clac")
CODE(vmcall_code, "vmcall")
CODE(rsm_code, "rsm")
CODE(invpcid_code, "xor %%eax, %%eax; invpcid -32(%%rsp), %%rax")

#define EDX_ALWAYS 0x0788a379u /* FPU PSE TSC MSR PAE CX8 APIC PGE CMOV CLFSH MMX FXSR SSE SSE2 */
#define ECX_ALWAYS 0x00982201u /* SSE3 SSSE3 CX16 SSE4.1 SSE4.2 POPCNT */

static void leaves(void)
{
	struct cpuid_answer a = cpuid(0, 0);
	uint64_t v;

	check_equal("GenuineIntel", a.reg[1] ^ a.reg[3] ^ a.reg[2],
		    0x756e6547 ^ 0x49656e69 ^ 0x6c65746e);
	check("features that every model has",
	      (cpuid(1, 0).reg[3] & EDX_ALWAYS) == EDX_ALWAYS &&
		      (cpuid(1, 0).reg[2] & ECX_ALWAYS) == ECX_ALWAYS);
	check_equal("long mode, NX, SYSCALL", cpuid(0x80000001, 0).reg[3] & 0x20100800, 0x20100800);
	check("LAHF in 64-bit code", cpuid_has(0x80000001, 2, 0));
	__asm__ volatile("mov $-1, %%rax; mov $1, %%eax; cpuid; mov %%rbx, %0"
			 : "=r"(v)
			 :
			 : "rax", "rbx", "rcx", "rdx");
	check_equal("upper halves are cleared", v >> 32, 0);
	expect_user_trap("CPUID in user code", VEC_NONE, 0, cpuid_code, NULL);
}

/* What is exactly so in our models. */
static void own_leaves(void)
{
	struct cpuid_answer a;

	if (tcg_lacks("our own leaves"))
		return;
	check_equal("highest leaf", cpuid(0, 0).reg[0], 0x15);
	check_equal("highest extended leaf", cpuid(0x80000000, 0).reg[0], 0x80000008);
	check_equal("signature", cpuid(1, 0).reg[0], 0x000106ca);
	check_equal("nothing beyond", cpuid(1, 0).reg[2], ECX_ALWAYS);
	a = cpuid(0x15, 0);
	check_equal("TSC frequency", (uint64_t)a.reg[2] * a.reg[1] / a.reg[0], 1000000000);
	check_equal("ARAT", cpuid(6, 0).reg[0], 4);
	a = cpuid(0x40000000, 0);
	check_equal("no hypervisor leaves", a.reg[0] | a.reg[1] | a.reg[2] | a.reg[3], 0);
	a = cpuid(0x16, 0);
	check_equal("nothing behind the highest", a.reg[0] | a.reg[1] | a.reg[2] | a.reg[3], 0);
	check_equal("48 bits of linear address", cpuid(0x80000008, 0).reg[0] >> 8 & 0xff, 48);
	check_equal("physical bits", cpuid(0x80000008, 0).reg[0] & 0xff, 46);
	expect_trap("no XGETBV", VEC_UD, 0, xgetbv_code, NULL);
	expect_trap("no AVX", VEC_UD, 0, vzeroupper_code, NULL);
	expect_trap("no MONITOR", VEC_UD, 0, monitor_code, NULL);
	expect_trap("no RDRAND", VEC_UD, 0, rdrand_code, NULL);
	expect_trap("no VMCALL", VEC_UD, 0, vmcall_code, NULL);
	expect_trap("no RSM", VEC_UD, 0, rsm_code, NULL);
	expect_trap("no INVPCID", VEC_UD, 0, invpcid_code, NULL);
	if (!cpuid_has(7, 1, 20))
		expect_trap("no CLAC", VEC_UD, 0, clac_code, NULL);
}

static void offered(void)
{
	expect_trap("POPCNT", VEC_NONE, 0, popcnt_code, NULL);
	expect_trap("CRC32", VEC_NONE, 0, crc32_code, NULL);
	expect_trap("PSHUFB", VEC_NONE, 0, pshufb_code, NULL);
	expect_trap("PTEST", VEC_NONE, 0, ptest_code, NULL);
	expect_trap("HADDPS", VEC_NONE, 0, haddps_code, NULL);
	expect_trap("LAHF", VEC_NONE, 0, lahf_code, NULL);
}

/* ---- MSRs ---- */

static void expect_kept(const char *name, uint32_t index, uint64_t value)
{
	uint64_t old = read_msr(index);

	write_msr(index, value);
	check_equal(name, read_msr(index), value);
	write_msr(index, old);
}

static void registers(void)
{
	check_equal("APIC base", read_msr(0x1b), 0xfee00900);
	expect_kept("STAR", MSR_STAR, 0x0023001000000000);
	expect_kept("LSTAR", MSR_LSTAR, 0xffffffff81000000);
	expect_kept("CSTAR", MSR_CSTAR, 0xffffffff81000100);
	expect_kept("SFMASK", MSR_SFMASK, 0x257fd5);
	expect_kept("KERNEL_GS_BASE", MSR_KERNEL_GS_BASE, 0xffff888012345678);
	expect_kept("SYSENTER_CS", MSR_SYSENTER_CS, 0x10);
	expect_kept("SYSENTER_ESP", MSR_SYSENTER_ESP, 0xfffffe0000003000);
	expect_kept("SYSENTER_EIP", MSR_SYSENTER_EIP, 0xffffffff81000200);
	check_equal("PAT", read_msr(0x277), 0x0007040600070406);
	expect_kept("PAT, changed", 0x277, 0x0007010600070106);
	expect_user_trap("RDMSR in user code", VEC_GP, 0, rdmsr_code, (void *)0x1b);
	expect_user_trap("WRMSR in user code", VEC_GP, 0, wrmsr_zero, (void *)MSR_STAR);
	if (tcg_lacks("MSRs of our models"))
		return;
	check_equal("MISC_ENABLE", read_msr(0x1a0), 1);
	check_equal("PLATFORM_INFO", read_msr(0xce), 0);
	check_equal("FEATURE_CONTROL", read_msr(0x3a), 0);
	write_msr(0x8b, 0);
	check_equal("microcode revision", read_msr(0x8b), 0);
	expect_trap("#GP PAT with a bad type", VEC_GP, 0, wrmsr_ones, (void *)0x277);
	expect_trap("#GP SFMASK wider than 32 bits", VEC_GP, 0, wrmsr_ones, (void *)MSR_SFMASK);
	expect_trap("#GP no such MSR to read", VEC_GP, 0, rdmsr_code, (void *)0xfe);
	expect_trap("#GP no such MSR to write", VEC_GP, 0, wrmsr_zero, (void *)0xc0010015);
	expect_trap("#GP EFER with all bits", VEC_GP, 0, wrmsr_ones, (void *)MSR_EFER);
}

/* ---- the time stamp counter ---- */

static uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (uint64_t)high << 32;
}

static void time_stamps(void)
{
	uint64_t first = rdtsc(), second = rdtsc();

	check("RDTSC goes forward", second > first);
	expect_user_trap("RDTSC in user code", VEC_NONE, 0, rdtsc_code, NULL);
	write_cr4(read_cr4() | CR4_TSD);
	expect_user_trap("#GP RDTSC with TSD", VEC_GP, 0, rdtsc_code, NULL);
	expect_trap("RDTSC with TSD in ring 0", VEC_NONE, 0, rdtsc_code, NULL);
	if (cpuid_has(0x80000001, 3, 27)) {
		uint32_t low, high, aux;

		expect_user_trap("#GP RDTSCP with TSD", VEC_GP, 0, rdtscp_code, NULL);
		write_msr(0xc0000103, 0x1234);
		__asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
		check("RDTSCP goes forward", (low | (uint64_t)high << 32) > second);
		check_equal("TSC_AUX", aux, 0x1234);
	} else {
		expect_trap("#UD RDTSCP is not there", VEC_UD, 0, rdtscp_code, NULL);
	}
	write_cr4(read_cr4() & ~CR4_TSD);
	if (!tcg_lacks("#GP RDPMC in user code"))
		expect_user_trap("#GP RDPMC in user code", VEC_GP, 0, rdpmc_code, NULL);
}

static void user_mode_prevention(void)
{
	expect_user_trap("SGDT in user code", VEC_NONE, 0, sgdt_code, NULL);
	expect_user_trap("SIDT in user code", VEC_NONE, 0, sidt_code, NULL);
	if (!cpuid_has(7, 2, 2)) {
		skip("UMIP");
		return;
	}
	write_cr4(read_cr4() | CR4_UMIP);
	expect_user_trap("#GP SGDT with UMIP", VEC_GP, 0, sgdt_code, NULL);
	expect_user_trap("#GP SIDT with UMIP", VEC_GP, 0, sidt_code, NULL);
	expect_user_trap("#GP SLDT with UMIP", VEC_GP, 0, sldt_code, NULL);
	expect_user_trap("#GP STR with UMIP", VEC_GP, 0, str_code, NULL);
	expect_user_trap("#GP SMSW with UMIP", VEC_GP, 0, smsw_code, NULL);
	expect_trap("SGDT with UMIP in ring 0", VEC_NONE, 0, sgdt_code, NULL);
	write_cr4(read_cr4() & ~CR4_UMIP);
}

static void tables(void)
{
	struct table_pointer p = {0, 0};
	uint16_t selector = 0;

	__asm__ volatile("sgdt %0" : "=m"(p));
	check_equal("SGDT", p.base + p.limit, (unsigned long)gdt + GDT_SLOTS * 8 - 1);
	__asm__ volatile("sidt %0" : "=m"(p));
	check_equal("SIDT", p.base + p.limit, idt_pointer.base + idt_pointer.limit);
	__asm__ volatile("str %0" : "=m"(selector));
	check_equal("STR", selector, SEL_TSS);
}

void guest_main(void)
{
	leaves();
	own_leaves();
	offered();
	registers();
	time_stamps();
	user_mode_prevention();
	tables();
}
