/* SPDX-License-Identifier: Apache-2.0 */
/* IN, OUT, INS and OUTS: widths, strings, and who may use them. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define LATCH GUEST_LATCH_PORT

CODE(in_byte, "mov %%edi, %%edx; in %%dx, %%al")
CODE(in_word, "mov %%edi, %%edx; in %%dx, %%ax")
CODE(in_long, "mov %%edi, %%edx; in %%dx, %%eax")
CODE(out_byte, "mov %%edi, %%edx; mov $0x5a, %%al; out %%al, %%dx")
CODE(out_string, "mov $0xe0, %%edx; mov %%rdi, %%rsi; outsb")
CODE(in_string, "mov $0xe0, %%edx; insb")
CODE(disable, "cli; sti")

static uint8_t bytes[16] __attribute__((aligned(16)));

static void widths(void)
{
	uint64_t v;

	port_out32(LATCH, 0x11223344);
	check_equal("dword", port_in32(LATCH), 0x11223344);
	check_equal("bytes of it", port_in8(LATCH + 1), 0x33);
	check_equal("word of it", port_in16(LATCH + 2), 0x1122);
	port_out8(LATCH + 3, 0xaa);
	port_out16(LATCH, 0xbbcc);
	check_equal("byte and word written", port_in32(LATCH), 0xaa22bbcc);
	__asm__ volatile("mov $-1, %%rax; in $0xe0, %%al; mov %%rax, %0" : "=r"(v) : : "rax");
	check_equal("IN AL keeps the rest", v, 0xffffffffffffffcc);
	__asm__ volatile("mov $-1, %%rax; in $0xe0, %%ax; mov %%rax, %0" : "=r"(v) : : "rax");
	check_equal("IN AX keeps the rest", v, 0xffffffffffffbbcc);
	__asm__ volatile("mov $-1, %%rax; in $0xe0, %%eax; mov %%rax, %0" : "=r"(v) : : "rax");
	check_equal("IN EAX clears the rest", v, 0xaa22bbcc);
	__asm__ volatile("mov $0x77, %%eax; out %%al, $0xe1" : : : "rax");
	check_equal("OUT with a constant port", port_in32(LATCH), 0xaa2277cc);
	check_equal("nobody's port", port_in32(0x5550), 0xffffffff);
	check_equal("the console's own answer", port_in8(GUEST_CONSOLE_PORT), 0xe9);
}

static void strings(void)
{
	const uint8_t *from = (const uint8_t *)"\x01\x02\x03\x04\x05\x06\x07";
	void *to = bytes;
	unsigned long count = 7;

	__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(LATCH) : "memory");
	check_equal("REP OUTSB: the last byte stays", port_in8(LATCH), 7);
	check_equal("REP OUTSB: count", count, 0);
	memory_fill(bytes, 0, sizeof(bytes));
	port_out32(LATCH, 0x44332211);
	count = 3;
	__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(LATCH) : "memory");
	check_equal("REP INSB", peek32(bytes), 0x00111111);
	check_equal("REP INSB: address", (unsigned long)to, (unsigned long)bytes + 3);
	__asm__ volatile("insw" : "+D"(to) : "d"(LATCH + 2) : "memory");
	check_equal("INSW", peek16(bytes + 3), 0x4433);
	__asm__ volatile("insl" : "+D"(to) : "d"(LATCH) : "memory");
	check_equal("INSD", peek32(bytes + 5), 0x44332211);
	to = bytes + 8;
	__asm__ volatile("std; insl; cld" : "+D"(to) : "d"(LATCH) : "memory");
	check_equal("INSD downwards", (unsigned long)to, (unsigned long)bytes + 4);
	count = 0;
	to = bytes;
	__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(LATCH) : "memory");
	check_equal("REP INSB of nothing", (unsigned long)to, (unsigned long)bytes);
	poke32(bytes, 0xdeadbeef);
	from = bytes;
	__asm__ volatile("outsl" : "+S"(from) : "d"(LATCH) : "memory");
	check_equal("OUTSD", port_in32(LATCH), 0xdeadbeef);
	write_msr(MSR_FS_BASE, (unsigned long)bytes - 0x1000);
	from = (const uint8_t *)0x1001;
	__asm__ volatile("fs outsb" : "+S"(from) : "d"(LATCH) : "memory");
	check_equal("OUTSB by FS", port_in8(LATCH), 0xbe);
	port_out32(LATCH, 0);
	expect_fault("OUTSB from nowhere", VEC_PF, 0, 0x1234567000, out_string,
		     (void *)0x1234567000);
	expect_fault("INSB to nowhere", VEC_PF, 2, 0x1234567000, in_string, (void *)0x1234567000);
}

/* Makes the I/O bitmap as long as limit (from the start of the TSS). */
static void set_tss_limit(unsigned limit)
{
	gdt[SEL_TSS / 8] = (gdt[SEL_TSS / 8] & ~(0xfful << 40 | 0xfffful)) | 0x89ul << 40 | limit;
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS) : "memory");
}

static void user_bitmap(void)
{
	const unsigned start = offsetof(struct tss64, io_bits);

	expect_user_trap("no bitmap", VEC_GP, 0, in_byte, (void *)LATCH);
	set_tss_limit(start + LATCH / 8 + 1);
	expect_user_trap("bitmap allows a byte", VEC_NONE, 0, in_byte, (void *)LATCH);
	expect_user_trap("a word", VEC_NONE, 0, in_word, (void *)LATCH);
	expect_user_trap("a dword", VEC_NONE, 0, in_long, (void *)LATCH);
	tss.io_bits[LATCH / 8] = 1 << 2;
	expect_user_trap("bitmap denies a byte", VEC_GP, 0, in_byte, (void *)(LATCH + 2));
	expect_user_trap("not the one before", VEC_NONE, 0, in_byte, (void *)(LATCH + 1));
	expect_user_trap("but a word that reaches it", VEC_GP, 0, in_word, (void *)(LATCH + 1));
	expect_user_trap("not a word before it", VEC_NONE, 0, in_word, (void *)LATCH);
	expect_user_trap("but a dword that reaches it", VEC_GP, 0, in_long, (void *)LATCH);
	expect_user_trap("OUT", VEC_GP, 0, out_byte, (void *)(LATCH + 2));
	tss.io_bits[LATCH / 8] = 1;
	expect_user_trap("INSB", VEC_GP, 0, in_string, bytes);
	expect_user_trap("OUTSB", VEC_GP, 0, out_string, bytes);
	tss.io_bits[LATCH / 8] = 0;
	expect_user_trap("INSB allowed", VEC_NONE, 0, in_string, bytes);
	tss.io_bits[LATCH / 8 + 1] = 1;
	expect_user_trap("a word into the next byte of the map", VEC_GP, 0, in_word,
			 (void *)(LATCH + 7));
	tss.io_bits[LATCH / 8 + 1] = 0;
	expect_user_trap("beyond the map", VEC_GP, 0, in_byte, (void *)(LATCH + 64));
	set_tss_limit(start + LATCH / 8);
	if (!tcg_lacks("a map needs a byte more"))
		expect_user_trap("a map needs a byte more", VEC_GP, 0, in_byte, (void *)LATCH);
	set_tss_limit(start - 1);
}

static void user_privilege(void)
{
	expect_user_trap("CLI without IOPL", VEC_GP, 0, disable, NULL);
	write_flags(read_flags() | FLAG_IOPL);
	expect_user_trap("IOPL 3 needs no map", VEC_NONE, 0, in_byte, (void *)LATCH);
	expect_user_trap("OUTSB with IOPL 3", VEC_NONE, 0, out_string, bytes);
	expect_user_trap("CLI and STI with IOPL 3", VEC_NONE, 0, disable, NULL);
	write_flags(read_flags() & ~FLAG_IOPL);
}

void guest_main(void)
{
	widths();
	strings();
	user_bitmap();
	user_privilege();
}
