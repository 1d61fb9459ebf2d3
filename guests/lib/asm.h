/* SPDX-License-Identifier: Apache-2.0 */
/* One-line definitions of functions that run a few instructions, and control registers. */
#ifndef GUESTS_LIB_ASM_H
#define GUESTS_LIB_ASM_H

#include <stdint.h>

/* A trap_function of the given instructions.  Its argument is in rdi; rax, rcx, rdx and rsi are
 * free for use. */
#ifdef __x86_64__
#define CODE(name, text)                                                                           \
	static __attribute__((noinline)) void name(void *argument)                                 \
	{                                                                                          \
		__asm__ volatile(text                                                              \
				 : "+D"(argument)                                                  \
				 :                                                                 \
				 : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", \
				   "cc");                                                          \
	}
#else
#define CODE(name, text)                                                        \
	static __attribute__((noinline)) void name(void *argument)              \
	{                                                                       \
		__asm__ volatile(text                                           \
				 : "+D"(argument)                               \
				 :                                              \
				 : "eax", "ecx", "edx", "esi", "memory", "cc"); \
	}
#endif

#define CONTROL_REGISTER(cr)                                                  \
	static inline unsigned long read_##cr(void)                           \
	{                                                                     \
		unsigned long value;                                          \
                                                                              \
		__asm__ volatile("mov %%" #cr ", %0" : "=r"(value));          \
		return value;                                                 \
	}                                                                     \
	static inline void write_##cr(unsigned long value)                    \
	{                                                                     \
		__asm__ volatile("mov %0, %%" #cr : : "r"(value) : "memory"); \
	}
CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)
CONTROL_REGISTER(dr0)
CONTROL_REGISTER(dr1)
CONTROL_REGISTER(dr6)
CONTROL_REGISTER(dr7)

#define CR0_PE (1ul << 0)
#define CR0_MP (1ul << 1)
#define CR0_EM (1ul << 2)
#define CR0_TS (1ul << 3)
#define CR0_NE (1ul << 5)
#define CR0_WP (1ul << 16)
#define CR0_AM (1ul << 18)
#define CR0_PG (1ul << 31)

#define CR4_VME	       (1ul << 0)
#define CR4_TSD	       (1ul << 2)
#define CR4_DE	       (1ul << 3)
#define CR4_PSE	       (1ul << 4)
#define CR4_PAE	       (1ul << 5)
#define CR4_PGE	       (1ul << 7)
#define CR4_OSFXSR     (1ul << 9)
#define CR4_OSXMMEXCPT (1ul << 10)
#define CR4_UMIP       (1ul << 11)
#define CR4_FSGSBASE   (1ul << 16)
#define CR4_SMEP       (1ul << 20)
#define CR4_SMAP       (1ul << 21)

#define FLAG_CF	  (1ul << 0)
#define FLAG_ZF	  (1ul << 6)
#define FLAG_TF	  (1ul << 8)
#define FLAG_IF	  (1ul << 9)
#define FLAG_OF	  (1ul << 11)
#define FLAG_IOPL (3ul << 12)
#define FLAG_NT	  (1ul << 14)
#define FLAG_RF	  (1ul << 16)
#define FLAG_VM	  (1ul << 17)
#define FLAG_AC	  (1ul << 18)

#define MSR_SYSENTER_CS	   0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_EFER	   0xc0000080
#define MSR_STAR	   0xc0000081
#define MSR_LSTAR	   0xc0000082
#define MSR_CSTAR	   0xc0000083
#define MSR_SFMASK	   0xc0000084
#define MSR_FS_BASE	   0xc0000100
#define MSR_GS_BASE	   0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_LMA (1u << 10)
#define EFER_NXE (1u << 11)

static inline uint64_t read_msr(uint32_t index)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
	return low | (uint64_t)high << 32;
}

static inline void write_msr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline unsigned long read_flags(void)
{
	unsigned long value;

	__asm__ volatile("pushf; pop %0" : "=r"(value));
	return value;
}

static inline void write_flags(unsigned long value)
{
	__asm__ volatile("push %0; popf" : : "r"(value) : "memory", "cc");
}

#endif
