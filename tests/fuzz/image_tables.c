/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor tables, TSS and paging structures of an image. */
#include "tests/fuzz/image.h"

#include "core/base/bytes.h"

#define FLAT 0xffffffffu

#define PTE_P  1u
#define PTE_W  2u
#define PTE_U  4u
#define PTE_A  0x20u
#define PTE_D  0x40u
#define PTE_PS 0x80u

static bool in_long_mode(const struct image *image)
{
	return image->in.paging == IMAGE_PAGING_LONG;
}

static void put(struct image *image, uint64_t at, unsigned size_bytes, uint64_t value)
{
	memcpy(image->ram + at, &value, size_bytes);
}

/* ---- descriptors ---- */

/* access: bits 40..47; flags: AVL L D G. */
static uint64_t descriptor(uint32_t base, uint32_t limit, unsigned access, unsigned flags)
{
	uint64_t d = (uint64_t)access << 40 | (uint64_t)flags << 52;

	if (flags & 8)
		limit >>= 12;
	d |= (limit & 0xffff) | (uint64_t)(limit & 0xf0000) << 32;
	return d | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(base >> 24) << 56;
}

static void put_gdt(struct image *image)
{
	static const struct {
		uint8_t selector, access, flags;
		uint32_t base, limit;
	} rows[] = {
		{IMAGE_CS64, 0x9a, 0xa, 0, FLAT},
		{IMAGE_DS, 0x92, 0xc, 0, FLAT},
		{IMAGE_CS32, 0x9a, 0xc, 0, FLAT},
		{IMAGE_USER_CS32, 0xfa, 0xc, 0, FLAT},
		{IMAGE_USER_DS, 0xf2, 0xc, 0, FLAT},
		{IMAGE_USER_CS64, 0xfa, 0xa, 0, FLAT},
		{IMAGE_TR, 0x89, 0, IMAGE_TSS, 0x7ff},
		{IMAGE_LDTR, 0x82, 0, IMAGE_LDT, 0xff},
		{IMAGE_CS16, 0x9a, 0, IMAGE_CODE, 0xffff},
		{IMAGE_DS16, 0x92, 0, 0, 0xffff},
		{IMAGE_USER_CS16, 0xfa, 0, IMAGE_CODE, 0xffff},
		{IMAGE_USER_DS16, 0xf2, 0, 0, 0xffff},
		{IMAGE_CONFORMING, 0x9e, 0xc, 0, FLAT},
		{IMAGE_DOWN, 0xf6, 0xc, 0, 0xfff},
		{IMAGE_SMALL, 0xf3, 0x4, IMAGE_DATA, 0x2345},
		{IMAGE_READ_ONLY, 0xf0, 0xc, 0, FLAT},
		{IMAGE_EXEC_ONLY, 0xf8, 0xc, 0, FLAT},
		{IMAGE_ABSENT, 0x72, 0xc, 0, FLAT},
	};

	for (unsigned n = 0; n < sizeof(rows) / sizeof(rows[0]); n++)
		put(image, IMAGE_GDT + rows[n].selector, 8,
		    descriptor(rows[n].base, rows[n].limit, rows[n].access, rows[n].flags));
	for (unsigned at = IMAGE_RANDOM; at < IMAGE_GDT_END; at += 8)
		put(image, IMAGE_GDT + at, 8, seeded_u64(&image->rng));
	if (image_odd(image))
		put(image, IMAGE_GDT + 8 * seeded_below(&image->rng, 24), 8,
		    seeded_u64(&image->rng));
}

static void put_gate(struct image *image, uint64_t at, uint16_t selector, uint64_t offset,
		     unsigned access, unsigned count)
{
	put(image, at, 8,
	    (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)count << 32 |
		    (uint64_t)access << 40 | (uint64_t)(offset >> 16 & 0xffff) << 48);
	if (in_long_mode(image))
		put(image, at + 8, 8, offset >> 32);
}

static uint16_t handler_selector(struct image *image)
{
	if (in_long_mode(image))
		return IMAGE_CS64;
	return image->in.mode == IMAGE_PROTECTED16 ? IMAGE_CS32 : IMAGE_CS32;
}

static void put_idt(struct image *image)
{
	unsigned gate_bytes = in_long_mode(image) ? 16 : 8;
	uint64_t kind = seeded_u64(&image->rng);

	for (unsigned v = 0; v < 256; v++) {
		bool user = v == X86_BP || v == X86_OF || v >= 0x80;
		unsigned access = 0x8e | (user ? 0x60u : 0) | (kind >> v % 64 & 1);
		unsigned ist = in_long_mode(image) && v % 8 == (kind & 7) ? 1 : 0;

		put_gate(image, IMAGE_IDT + v * gate_bytes, handler_selector(image),
			 IMAGE_HANDLERS + 16 * v, access, ist);
	}
	for (unsigned v = 0; v < 32; v++)
		if (image_odd(image))
			put_gate(image, IMAGE_IDT + v * gate_bytes,
				 (uint16_t)seeded_below(&image->rng, IMAGE_GDT_END),
				 IMAGE_HANDLERS + 16 * v, (unsigned)seeded_below(&image->rng, 256),
				 (unsigned)seeded_below(&image->rng, 8));
	put_gate(image, IMAGE_GDT + IMAGE_CALL_GATE, handler_selector(image), IMAGE_HANDLERS, 0xec,
		 seeded_u64(&image->rng) % 4);
}

static void put_ivt(struct image *image)
{
	for (unsigned v = 0; v < 256; v++)
		put(image, IMAGE_IVT + 4 * v, 4, (IMAGE_HANDLERS >> 4) << 16 | 16 * v);
}

static void put_tss(struct image *image)
{
	if (in_long_mode(image)) {
		for (unsigned n = 0; n < 3; n++)
			put(image, IMAGE_TSS + 4 + 8 * n, 8, IMAGE_STACK0 - 0x400 * n);
		for (unsigned n = 0; n < 7; n++)
			put(image, IMAGE_TSS + 36 + 8 * n, 8, IMAGE_STACK_IST - 0x100 * n);
	} else {
		for (unsigned n = 0; n < 3; n++) {
			put(image, IMAGE_TSS + 4 + 8 * n, 4, IMAGE_STACK0 - 0x400 * n);
			put(image, IMAGE_TSS + 8 + 8 * n, 2, IMAGE_DS | n);
		}
	}
	put(image, IMAGE_TSS + 102, 2, 0x68);
	for (unsigned n = 0; n < 0x100; n += 8)
		put(image, IMAGE_TSS + 0x68 + n, 8,
		    seeded_below(&image->rng, 4) ? 0 : seeded_u64(&image->rng));
	for (unsigned n = 0; n < 0x100; n += 8)
		put(image, IMAGE_LDT + n, 8,
		    descriptor(0, FLAT, 0x80 | (unsigned)seeded_below(&image->rng, 128),
			       (unsigned)seeded_below(&image->rng, 16)));
}

/* ---- paging ---- */

/* The bits of an entry besides its address. */
static uint64_t entry_bits(struct image *image)
{
	uint64_t bits = PTE_P | PTE_W | PTE_U;
	uint64_t draw = seeded_u64(&image->rng);

	if (draw & 1)
		bits |= PTE_A | (draw & 2 ? PTE_D : 0);
	if (!image_odd(image))
		return bits;
	switch (draw >> 8 & 7) {
	case 0: return bits & ~(uint64_t)PTE_P;
	case 1: return bits & ~(uint64_t)PTE_W;
	case 2: return bits & ~(uint64_t)PTE_U;
	case 3: return image->in.paging == IMAGE_PAGING32 ? bits : bits | 1ull << 63;
	case 4: return image->in.paging == IMAGE_PAGING32 ? bits : bits | 1ull << 50;
	case 5: return bits | PTE_PS;
	case 6: return draw >> 12;
	default: return bits | (draw >> 12 & 0xf00);
	}
}

static void put_entry(struct image *image, uint64_t table, unsigned index, uint64_t gpa)
{
	unsigned bytes = image->in.paging == IMAGE_PAGING32 ? 4 : 8;

	put(image, table + index * bytes, bytes, gpa | entry_bits(image));
}

/* The first pages one to one, then RAM again in another order, now and then MMIO or nothing. */
static void put_page_tables(struct image *image)
{
	unsigned entries = image->in.paging == IMAGE_PAGING32 ? 1024 : 512;
	uint64_t draw = seeded_u64(&image->rng);

	for (unsigned n = 0; n < IMAGE_PAGES; n++)
		put_entry(image, IMAGE_PT, n, n * X86_PAGE_BYTES);
	for (unsigned n = IMAGE_PAGES; n < 2 * entries; n++) {
		uint64_t page = (n * 7 + draw) % (IMAGE_PAGES + 2);
		uint64_t table = n < entries ? IMAGE_PT : IMAGE_PT_NEXT;

		if (n < 4 * IMAGE_PAGES)
			put_entry(image, table, n % entries, page * X86_PAGE_BYTES);
		else if (n % 16 != draw % 16)
			put(image, table + (entries == 1024 ? 4 : 8) * (n % entries),
			    entries == 1024 ? 4 : 8, page * X86_PAGE_BYTES | 7);
	}
}

static void put_paging32(struct image *image)
{
	put_entry(image, IMAGE_ROOT, 0, IMAGE_PT);
	put_entry(image, IMAGE_ROOT, 1, IMAGE_PT_NEXT);
	put_entry(image, IMAGE_ROOT, 2, PTE_PS);
	put_entry(image, IMAGE_ROOT, 0x200, IMAGE_PT);
	put_entry(image, IMAGE_ROOT, 0x3fe, IMAGE_ROOT);
	put_entry(image, IMAGE_ROOT, 0x3ff, IMAGE_PT);
}

static void put_page_directory(struct image *image)
{
	put_entry(image, IMAGE_PD, 0, IMAGE_PT);
	put_entry(image, IMAGE_PD, 1, IMAGE_PT_NEXT);
	put_entry(image, IMAGE_PD, 2, PTE_PS);
	put_entry(image, IMAGE_PD, 3, IMAGE_PD);
	put_entry(image, IMAGE_PD, 4, (1u << 21) | PTE_PS);
	put_entry(image, IMAGE_PD, 511, IMAGE_PT);
}

static void put_pae(struct image *image)
{
	put_page_directory(image);
	for (unsigned n = 0; n < 4; n++)
		put(image, IMAGE_ROOT + 8 * n, 8, IMAGE_PD | (image_odd(image) ? 0 : PTE_P));
}

static void put_paging_long(struct image *image)
{
	put_page_directory(image);
	put_entry(image, IMAGE_ROOT, 0, IMAGE_PDPT);
	put_entry(image, IMAGE_ROOT, 255, IMAGE_PDPT);
	put_entry(image, IMAGE_ROOT, 256, IMAGE_PDPT);
	put_entry(image, IMAGE_ROOT, 510, IMAGE_ROOT);
	put_entry(image, IMAGE_ROOT, 511, IMAGE_PDPT);
	put_entry(image, IMAGE_PDPT, 0, IMAGE_PD);
	put_entry(image, IMAGE_PDPT, 1, PTE_PS);
	put_entry(image, IMAGE_PDPT, 3, IMAGE_PD);
	put_entry(image, IMAGE_PDPT, 510, IMAGE_PD);
	put_entry(image, IMAGE_PDPT, 511, IMAGE_PD);
}

/* Data in which numbers, addresses and nonsense are found. */
static void put_data(struct image *image)
{
	for (unsigned at = IMAGE_DATA; at < IMAGE_RAM_BYTES; at += 64) {
		put(image, at, 8, seeded_u64(&image->rng));
		put(image, at + 8, 8, image_address(image));
		put(image, at + 16, 4, (uint64_t)0x3f800000 + seeded_below(&image->rng, 1u << 24));
		put(image, at + 24, 8, (uint64_t)at << 44 | 0x3ff0000000000000ull);
		put(image, at + 32, 2, seeded_below(&image->rng, IMAGE_GDT_END));
		put(image, at + 34, 6, IMAGE_CODE);
		put(image, at + 40, 8, ~0ull);
	}
}

void image_make_tables(struct image *image)
{
	put_data(image);
	put_gdt(image);
	put_idt(image);
	put_ivt(image);
	put_tss(image);
	put_page_tables(image);
	switch (image->in.paging) {
	case IMAGE_PAGING32: put_paging32(image); break;
	case IMAGE_PAGING_PAE: put_pae(image); break;
	case IMAGE_PAGING_LONG: put_paging_long(image); break;
	default: break;
	}
}
