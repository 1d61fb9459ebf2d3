/* SPDX-License-Identifier: Apache-2.0 */
/* Freestanding support for guests, the same in 32- and 64-bit code: console, checks, the end. */
#ifndef GUESTS_LIB_GUEST_H
#define GUESTS_LIB_GUEST_H

#include "guests/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each guest defines this; returning from it ends the run as guest_finish() does. */
void guest_main(void);

extern struct guest_results guest_results;
extern unsigned long multiboot_address;

void console_text(const char *text);
void console_hex(uint64_t value);
void console_decimal(uint64_t value);

/* Report one check.  check_equal() names both values when they differ. */
void check(const char *name, bool held);
void check_equal(const char *name, uint64_t got, uint64_t want);
void skip(const char *name);

/* Prints the counts and ends the run: passed, unless a check failed. */
_Noreturn void guest_finish(void);

/* True under QEMU's TCG, which leaves parts of the architecture out: segment limits, alignment
 * checks, ... .  Where a guest cannot see that TCG is below, as under KVM in it,
 * its command line says tcg=1. */
bool on_tcg(void);

/* True under TCG, having reported the check of that name as skipped: it fails there. */
bool tcg_lacks(const char *name);

/* True when CPUID leaf:subleaf has a bit set in EAX, EBX, ECX or EDX (reg 0..3). */
bool cpuid_has(uint32_t leaf, unsigned reg, unsigned bit);

struct cpuid_answer {
	uint32_t reg[4]; /* EAX EBX ECX EDX */
};

static inline struct cpuid_answer cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_answer a;

	__asm__ volatile("cpuid"
			 : "=a"(a.reg[0]), "=b"(a.reg[1]), "=c"(a.reg[2]), "=d"(a.reg[3])
			 : "a"(leaf), "c"(subleaf));
	return a;
}

/* The word after "key=" on the command line as a decimal number, or otherwise. */
uint64_t option(const char *key, uint64_t otherwise);

void memory_fill(void *to, uint8_t byte, size_t size_bytes);
void memory_copy(void *to, const void *from, size_t size_bytes);
bool memory_same(const void *a, const void *b, size_t size_bytes);

/* Loads and stores that the compiler can neither move nor see through, for memory that has
 * several addresses. */
#define PEEK_POKE(bits, suffix, reg)                                                           \
	static inline uint##bits##_t peek##bits(const volatile void *from)                     \
	{                                                                                      \
		uint##bits##_t value;                                                          \
                                                                                               \
		__asm__ volatile("mov" suffix " (%1), %0"                                      \
				 : "=" reg(value)                                              \
				 : "r"(from)                                                   \
				 : "memory");                                                  \
		return value;                                                                  \
	}                                                                                      \
	static inline void poke##bits(volatile void *to, uint##bits##_t value)                 \
	{                                                                                      \
		__asm__ volatile("mov" suffix " %1, (%0)" : : "r"(to), reg(value) : "memory"); \
	}
PEEK_POKE(8, "b", "q")
PEEK_POKE(16, "w", "r")
PEEK_POKE(32, "l", "r")
#ifdef __x86_64__
PEEK_POKE(64, "q", "r")
#endif

static inline void port_out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void port_out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void port_out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t port_in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint16_t port_in16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline uint32_t port_in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

#endif
