/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/lib/guest.h"
#include "guests/lib/multiboot.h"

struct guest_results guest_results = {.magic = GUEST_RESULTS_MAGIC};

void console_text(const char *text)
{
	while (*text)
		port_out8(GUEST_CONSOLE_PORT, *text++);
}

void console_hex(uint64_t value)
{
	char text[19];
	char *p = text + sizeof(text) - 1;

	*p = 0;
	do {
		*--p = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	*--p = 'x';
	*--p = '0';
	console_text(p);
}

/* Without a division by a variable or of 64 bits, which 32-bit code would need a library for. */
void console_decimal(uint64_t value)
{
	char text[21];
	char *p = text + sizeof(text) - 1;

	*p = 0;
	do {
		uint64_t rest = 0, quotient = 0;

		for (int bit = 63; bit >= 0; bit--) {
			rest = rest << 1 | ((value >> bit) & 1);
			if (rest >= 10) {
				rest -= 10;
				quotient |= 1ull << bit;
			}
		}
		*--p = '0' + (char)rest;
		value = quotient;
	} while (value);
	console_text(p);
}

void check(const char *name, bool held)
{
	console_text(held ? "ok " : "FAIL ");
	console_text(name);
	console_text("\n");
	if (held)
		guest_results.passed++;
	else
		guest_results.failed++;
}

void check_equal(const char *name, uint64_t got, uint64_t want)
{
	if (got == want) {
		check(name, true);
		return;
	}
	console_text("FAIL ");
	console_text(name);
	console_text(": got ");
	console_hex(got);
	console_text(", want ");
	console_hex(want);
	console_text("\n");
	guest_results.failed++;
}

void skip(const char *name)
{
	console_text("skip ");
	console_text(name);
	console_text("\n");
	guest_results.skipped++;
}

_Noreturn void guest_finish(void)
{
	console_decimal(guest_results.passed);
	console_text(" passed, ");
	console_decimal(guest_results.failed);
	console_text(" failed, ");
	console_decimal(guest_results.skipped);
	console_text(" skipped\n");
	for (;;)
		port_out32(GUEST_EXIT_PORT,
			   guest_results.failed ? GUEST_EXIT_FAIL : GUEST_EXIT_PASS);
}

bool on_tcg(void)
{
	if (option("tcg", 0))
		return true;
	return cpuid(0x40000000, 0).reg[1] == 0x54474354; /* "TCGT" */
}

bool tcg_lacks(const char *name)
{
	if (!on_tcg())
		return false;
	skip(name);
	return true;
}

bool cpuid_has(uint32_t leaf, unsigned reg, unsigned bit)
{
	if (cpuid(leaf & 0x80000000, 0).reg[0] < leaf)
		return false;
	return cpuid(leaf, 0).reg[reg] >> bit & 1;
}

static const char *command_line(void)
{
	const struct multiboot_info *info = (const struct multiboot_info *)multiboot_address;

	if (!info || !(info->flags & MULTIBOOT_HAS_CMDLINE))
		return "";
	return (const char *)(unsigned long)info->cmdline;
}

uint64_t option(const char *key, uint64_t otherwise)
{
	for (const char *p = command_line(); *p; p++) {
		const char *word = p, *k = key;
		uint64_t value = 0;

		while (*k && *word == *k) {
			word++;
			k++;
		}
		if (*k || *word++ != '=')
			continue;
		while (*word >= '0' && *word <= '9')
			value = value * 10 + (uint64_t)(*word++ - '0');
		return value;
	}
	return otherwise;
}

void memory_fill(void *to, uint8_t byte, size_t size_bytes)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size_bytes) : "a"(byte) : "memory");
}

void memory_copy(void *to, const void *from, size_t size_bytes)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size_bytes) : : "memory");
}

bool memory_same(const void *a, const void *b, size_t size_bytes)
{
	const uint8_t *x = a, *y = b;

	while (size_bytes--)
		if (*x++ != *y++)
			return false;
	return true;
}

/* The compiler may call these whatever the source says. */
void *memset(void *to, int byte, size_t size_bytes);
void *memcpy(void *to, const void *from, size_t size_bytes);

void *memset(void *to, int byte, size_t size_bytes)
{
	memory_fill(to, (uint8_t)byte, size_bytes);
	return to;
}

void *memcpy(void *to, const void *from, size_t size_bytes)
{
	memory_copy(to, from, size_bytes);
	return to;
}
