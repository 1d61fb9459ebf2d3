/* SPDX-License-Identifier: Apache-2.0 */
/* Device memory: every kind of access that an instruction can make to it. */
#include "guests/lib/asm.h"
#include "guests/lib/trap.h"

#define WINDOW ((uint8_t *)0xff000000ul)

static uint8_t ram[256] __attribute__((aligned(64)));

static void plain(void)
{
	uint64_t v;

	poke64(WINDOW, 0x1122334455667788);
	check_equal("8 bytes", peek64(WINDOW), 0x1122334455667788);
	check_equal("4 bytes", peek32(WINDOW + 2), 0x33445566);
	check_equal("2 bytes", peek16(WINDOW + 7), 0x0011);
	check_equal("1 byte", peek8(WINDOW + 3), 0x55);
	poke8(WINDOW + 1, 0xaa);
	poke16(WINDOW + 4, 0xbbcc);
	poke32(WINDOW + 9, 0xdeadbeef);
	check_equal("narrow stores", peek64(WINDOW), 0x1122bbcc5566aa88);
	check_equal("an unaligned one", peek32(WINDOW + 9), 0xdeadbeef);
	__asm__ volatile("movsbq 1(%1), %0" : "=r"(v) : "r"(WINDOW));
	check_equal("MOVSX", v, 0xffffffffffffffaa);
	__asm__ volatile("movzwl 4(%1), %k0" : "=r"(v) : "r"(WINDOW));
	check_equal("MOVZX", v, 0xbbcc);
	__asm__ volatile("movq $-2, (%0)" : : "r"(WINDOW + 16) : "memory");
	check_equal("constant", peek64(WINDOW + 16), 0xfffffffffffffffe);
}

static void read_modify_write(void)
{
	uint64_t v = 5, old;
	bool equal;

	poke64(WINDOW, 100);
	__asm__ volatile("addq %1, (%0)" : : "r"(WINDOW), "r"(v) : "memory", "cc");
	check_equal("ADD", peek64(WINDOW), 105);
	__asm__ volatile("incl (%0); negw 8(%0); notb 12(%0)" : : "r"(WINDOW) : "memory", "cc");
	check_equal("INC", peek64(WINDOW), 106);
	__asm__ volatile("xchg %1, (%0)" : : "r"(WINDOW), "r"(v) : "memory");
	check_equal("XCHG", peek64(WINDOW), 5);
	v = 7;
	__asm__ volatile("lock xaddq %0, (%1)" : "+r"(v) : "r"(WINDOW) : "memory", "cc");
	check_equal("LOCK XADD", peek64(WINDOW) * 100 + v, 1205);
	old = 12;
	__asm__ volatile("lock cmpxchgq %3, (%2)"
			 : "+a"(old), "=@ccz"(equal)
			 : "r"(WINDOW), "r"(99ul)
			 : "memory");
	check_equal("LOCK CMPXCHG", peek64(WINDOW) + equal, 100);
	old = 12;
	__asm__ volatile("lock cmpxchgq %3, (%2)"
			 : "+a"(old), "=@ccz"(equal)
			 : "r"(WINDOW), "r"(55ul)
			 : "memory");
	check_equal("LOCK CMPXCHG that fails", peek64(WINDOW) + equal + old, 99 + 99);
	__asm__ volatile("shll $4, (%0); rorl $1, (%0)" : : "r"(WINDOW) : "memory", "cc");
	check_equal("SHL and ROR", peek64(WINDOW), 99 << 3);
	__asm__ volatile("lock btsl $20, (%0); btrl $3, (%0)" : : "r"(WINDOW) : "memory", "cc");
	check_equal("BTS and BTR", peek64(WINDOW), ((99 << 3) | 1 << 20) & ~8);
	__asm__ volatile("stc; setc (%0)" : : "r"(WINDOW + 4) : "memory", "cc");
	check_equal("SETcc", peek8(WINDOW + 4), 1);
}

static void sources(void)
{
	uint64_t v = 0, rest = 0;
	bool flag;

	poke64(WINDOW, 1000);
	__asm__ volatile("imulq (%1), %0" : "=r"(v) : "r"(WINDOW), "0"(7ul) : "cc");
	check_equal("IMUL", v, 7000);
	__asm__ volatile("divq (%2)" : "=a"(v), "+d"(rest) : "r"(WINDOW), "0"(12345ul) : "cc");
	check_equal("DIV", v * 1000 + rest, 12345);
	__asm__ volatile("cmpq $1000, (%1)" : "=@ccz"(flag) : "r"(WINDOW));
	check("CMP", flag);
	__asm__ volatile("testb $8, (%1)" : "=@ccnz"(flag) : "r"(WINDOW));
	check("TEST", flag);
	__asm__ volatile("pushq (%1); popq %0" : "=r"(v) : "r"(WINDOW) : "memory");
	check_equal("PUSH from it", v, 1000);
	__asm__ volatile("pushq $77; popq (%0)" : : "r"(WINDOW) : "memory");
	check_equal("POP to it", peek64(WINDOW), 77);
	__asm__ volatile("xor %k0, %k0; cmoveq (%1), %0" : "=&r"(v) : "r"(WINDOW) : "cc");
	check_equal("CMOV", v, 77);
	__asm__ volatile("popcntq (%1), %0" : "=r"(v) : "r"(WINDOW) : "cc");
	check_equal("POPCNT", v, 4);
}

static void strings(void)
{
	void *to = WINDOW + 32;
	const void *from = ram;
	unsigned long count = 100;
	bool same;

	for (unsigned i = 0; i < sizeof(ram); i++)
		ram[i] = (uint8_t)(i * 3);
	memory_copy(to, from, count);
	check("REP MOVSB to it", memory_same(WINDOW + 32, ram, 100));
	memory_fill(ram, 0, sizeof(ram));
	memory_copy(ram + 1, WINDOW + 32, 99);
	check_equal("REP MOVSB from it", ram[1] + ram[99], 98 * 3 & 0xff);
	to = WINDOW + 200;
	from = WINDOW + 32;
	count = 5;
	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
	check("REP MOVSQ within it", memory_same(WINDOW + 200, WINDOW + 32, 40));
	to = WINDOW + 300;
	count = 3;
	__asm__ volatile("rep stosl" : "+D"(to), "+c"(count) : "a"(0x01020304) : "memory");
	check_equal("REP STOSD", peek64(WINDOW + 304), 0x0102030401020304);
	to = WINDOW + 32;
	from = WINDOW + 200;
	count = 50;
	__asm__ volatile("repe cmpsb"
			 : "+D"(to), "+S"(from), "+c"(count), "=@ccz"(same)
			 :
			 : "memory");
	check_equal("REPE CMPSB", count, 9);
	from = WINDOW + 300;
	__asm__ volatile("lodsw" : "+S"(from) : : "rax", "memory");
	check_equal("LODSW", (unsigned long)from, (unsigned long)WINDOW + 302);
}

static void across_pages(void)
{
	uint8_t *edge = WINDOW + 4096;

	poke64(edge - 3, 0x1122334455667788);
	check_equal("across two pages", peek64(edge - 3), 0x1122334455667788);
	check_equal("the first part", peek32(edge - 4) >> 8, 0x667788);
	check_equal("the second part", peek32(edge), 0x22334455);
	__asm__ volatile("lock addl $1, (%0)" : : "r"(edge - 2) : "memory", "cc");
	check_equal("LOCK ADD across", peek32(edge - 2), 0x44556678);
}

static void vectors(void)
{
	for (unsigned i = 0; i < 64; i++)
		ram[i] = (uint8_t)(i + 1);
	__asm__ volatile("movups (%0), %%xmm0; movaps %%xmm0, (%1); movups %%xmm0, 21(%1);"
			 "movaps (%1), %%xmm1; paddb (%1), %%xmm1; movaps %%xmm1, 16(%0)"
			 :
			 : "r"(ram), "r"(WINDOW)
			 : "memory");
	check("MOVAPS", memory_same(WINDOW, ram, 16));
	check("MOVUPS", memory_same(WINDOW + 21, ram, 16));
	check_equal("PADDB from it", peek32(ram + 16), 0x08060402);
	__asm__ volatile("movq (%1), %%mm0; paddb %%mm0, %%mm0; movq %%mm0, 64(%1); emms"
			 :
			 : "r"(ram), "r"(WINDOW)
			 : "memory");
	check_equal("MOVQ", peek32(WINDOW + 64), 0x08060402);
	__asm__ volatile(
		"fld1; fldpi; fstpt (%0); fstpl 16(%0); fldt (%0); fstpl 24(%0); fildl (%0);"
		"fistpll 32(%0)"
		:
		: "r"(WINDOW + 128)
		: "memory");
	check_equal("FSTP m80", peek64(WINDOW + 128), 0xc90fdaa22168c235);
	check_equal("FSTP m64", peek64(WINDOW + 144), 0x3ff0000000000000);
	check_equal("FLD m80", peek64(WINDOW + 152), 0x400921fb54442d18);
	check_equal("FILD m32", peek64(WINDOW + 160), 0x2168c235);
	__asm__ volatile("fxsave64 (%0); fxrstor64 (%0)" : : "r"(WINDOW + 1024) : "memory");
	check_equal("FXSAVE", peek32(WINDOW + 1024 + 24), 0x1f80);
	check_equal("XMM0 of it", peek64(WINDOW + 1024 + 160), peek64(ram));
	__asm__ volatile("cmpxchg16b (%0)"
			 :
			 : "r"(WINDOW + 2048), "a"(0ul), "d"(0ul), "b"(3ul), "c"(4ul)
			 : "memory", "cc");
	check_equal("CMPXCHG16B", peek64(WINDOW + 2048) * 10 + peek64(WINDOW + 2056), 34);
}

static unsigned __attribute__((noinline)) seven(void)
{
	return 7;
}

static void control_flow(void)
{
	unsigned result;

	poke64(WINDOW, (unsigned long)seven);
	__asm__ volatile("call *(%1)"
			 : "=a"(result)
			 : "r"(WINDOW)
			 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	check_equal("CALL through it", result, 7);
	__asm__ volatile("mov %%rsp, %%rbx; mov %1, %%rsp; call *%2; push %%rax; popf; pushf;"
			 "mov %%rbx, %%rsp"
			 : "=a"(result)
			 : "r"(WINDOW + 3000), "r"(seven)
			 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory",
			   "cc");
	check_equal("a stack in it", result, 7);
	check_equal("what it holds", peek64(WINDOW + 3000 - 8) & 0xff, 7);
}

void guest_main(void)
{
	plain();
	read_modify_write();
	sources();
	strings();
	across_pages();
	vectors();
	control_flow();
}
