/* SPDX-License-Identifier: Apache-2.0 */
#include "core/base/bytes.h"
#include "core/machine/acpi_tables.h"
#include "core/machine/boot_parts.h"
#include "core/machine/initrd_check.h"
#include "core/machine/reset_vector.h"

#define CR0_PE		  (1ull << 0)
#define CR0_ET		  (1ull << 4)
#define CR0_PG		  (1ull << 31)
#define CR4_PAE		  (1ull << 5)
#define EFER_LME	  (1ull << 8)
#define EFER_LMA	  (1ull << 10)
#define RFLAGS_ONE	  2ull /* the bit that is always set */
#define PTE_PRESENT_WRITE 3ull
#define PTE_LARGE	  (1ull << 7)
#define LARGE_PAGE_BYTES  (2ull << 20)
#define TABLE_ENTRIES	  512
#define MAPPED_GIB	  4u
#define TYPE_CODE	  0xb /* execute, read, accessed */
#define TYPE_DATA	  0x3 /* read, write, accessed */
#define TYPE_TSS_BUSY	  0xb
#define TSS_LIMIT	  0x67

int boot_put_string(struct boot *b, const char *what, const char *text, size_t limit_bytes,
		    uint64_t *gpa, struct err *err)
{
	size_t size = strlen(text ? text : "") + 1;

	if (limit_bytes > BOOT_COMMAND_LINE_BYTES)
		limit_bytes = BOOT_COMMAND_LINE_BYTES;
	if (size > limit_bytes || size > BOOT_STRINGS_GPA + BOOT_STRINGS_BYTES - b->strings_end_gpa)
		return err_set(err, ERR_LIMIT, "%s is too long: %zu characters, %zu fit", what,
			       size - 1, limit_bytes - 1);
	*gpa = b->strings_end_gpa;
	b->strings_end_gpa += size;
	return memory_write(b->memory, *gpa, text ? text : "", size, err);
}

int boot_place_high(struct boot *b, const char *what, const void *bytes, uint64_t size_bytes,
		    uint64_t lowest_gpa, uint64_t end_gpa, uint64_t *gpa, struct err *err)
{
	uint64_t ram_end = b->memory->region[0].size_bytes;

	if (end_gpa > ram_end)
		end_gpa = ram_end;
	if (size_bytes <= end_gpa) {
		*gpa = (end_gpa - size_bytes) & ~(MEM_PAGE_BYTES - 1);
		if (*gpa >= lowest_gpa)
			return memory_write(b->memory, *gpa, bytes, size_bytes, err);
	}
	return err_set(err, ERR_LIMIT,
		       "%s of %llu MiB does not fit beside the kernel into %llu MiB of memory",
		       what, (unsigned long long)(size_bytes >> 20),
		       (unsigned long long)(b->memory->size_bytes >> 20));
}

/* ---- entry states ---- */

static struct x86_segment flat(uint16_t selector, unsigned type, unsigned size)
{
	return (struct x86_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.attr = (uint16_t)(type | X86_SEG_S | X86_SEG_P | X86_SEG_G | size),
	};
}

/* The descriptor that loading s->selector would read. */
static uint64_t descriptor(const struct x86_segment *s)
{
	uint64_t limit = s->attr & X86_SEG_G ? s->limit >> 12 : s->limit;

	return (limit & 0xffff) | (limit >> 16 & 0xf) << 48 | (uint64_t)s->attr << 40 |
	       (s->base & 0xffffff) << 16 | (s->base >> 24 & 0xff) << 56;
}

/* A GDT with both kinds of code, so that the kernel may reload what it was entered with. */
static int put_segments(struct boot *b, uint16_t code, struct err *err)
{
	struct x86_segment code32 = flat(BOOT_CODE32, TYPE_CODE, X86_SEG_DB);
	struct x86_segment code64 = flat(BOOT_CODE64, TYPE_CODE, X86_SEG_L);
	struct x86_segment data = flat(BOOT_DATA, TYPE_DATA, X86_SEG_DB);
	struct x86_segment task = {
		.limit = TSS_LIMIT, .selector = BOOT_TASK, .attr = TYPE_TSS_BUSY | X86_SEG_P};
	uint64_t gdt[] = {
		0, descriptor(&code32), descriptor(&code64), descriptor(&data), descriptor(&task),
		0};

	for (unsigned n = 0; n < X86_LDTR; n++)
		b->bsp->seg[n] = data;
	b->bsp->seg[X86_CS] = code == BOOT_CODE64 ? code64 : code32;
	b->bsp->seg[X86_TR] = task;
	b->bsp->gdt = (struct x86_table){BOOT_GDT_GPA, sizeof(gdt) - 1};
	return memory_write(b->memory, BOOT_GDT_GPA, gdt, sizeof(gdt), err);
}

static int put_page_tables(struct boot *b, struct err *err)
{
	uint64_t table[TABLE_ENTRIES] = {BOOT_PAGES_GPA + MEM_PAGE_BYTES + PTE_PRESENT_WRITE};
	uint64_t gpa = BOOT_PAGES_GPA, next = BOOT_PAGES_GPA + 2 * MEM_PAGE_BYTES, page = 0;
	int failed = memory_write(b->memory, gpa, table, sizeof(table), err);

	for (unsigned n = 0; n < MAPPED_GIB; n++)
		table[n] = (next + n * MEM_PAGE_BYTES) | PTE_PRESENT_WRITE;
	gpa += MEM_PAGE_BYTES;
	if (!failed)
		failed = memory_write(b->memory, gpa, table, sizeof(table), err);
	for (unsigned directory = 0; directory < MAPPED_GIB && !failed; directory++) {
		for (unsigned n = 0; n < TABLE_ENTRIES; n++, page += LARGE_PAGE_BYTES)
			table[n] = page | PTE_LARGE | PTE_PRESENT_WRITE;
		gpa += MEM_PAGE_BYTES;
		failed = memory_write(b->memory, gpa, table, sizeof(table), err);
	}
	return failed;
}

int boot_enter32(struct boot *b, uint64_t entry, struct err *err)
{
	b->bsp->rip = entry;
	b->bsp->rflags = RFLAGS_ONE;
	b->bsp->cr0 = CR0_PE | CR0_ET;
	b->bsp->cr4 = 0;
	return put_segments(b, BOOT_CODE32, err);
}

int boot_enter64(struct boot *b, uint64_t entry, struct err *err)
{
	int failed = put_page_tables(b, err);

	b->bsp->rip = entry;
	b->bsp->rflags = RFLAGS_ONE;
	b->bsp->cr0 = CR0_PE | CR0_ET | CR0_PG;
	b->bsp->cr3 = BOOT_PAGES_GPA;
	b->bsp->cr4 = CR4_PAE;
	b->bsp->efer = EFER_LME | EFER_LMA;
	return failed ? failed : put_segments(b, BOOT_CODE64, err);
}

/* ---- the one call ---- */

static int check_request(const struct boot *b, struct err *err)
{
	const struct boot_images *i = b->images;

	if (!i->kernel_bytes)
		return err_set(err, ERR_INVALID, "kernel: the file is empty");
	if (i->n_modules > BOOT_MODULES_MAX)
		return err_set(err, ERR_LIMIT, "%u modules, %u are possible", i->n_modules,
			       BOOT_MODULES_MAX);
	if (b->memory->size_bytes <= HIGH_RAM_GPA)
		return err_set(err, ERR_LIMIT, "a guest needs more than 1 MiB of memory");
	return initrd_check(i->initrd, i->initrd_bytes, err);
}

static int load_kernel(struct boot *b, struct err *err)
{
	const struct boot_images *i = b->images;

	if (boot_is_bzimage(i->kernel, i->kernel_bytes))
		return boot_bzimage(b, err);
	if (boot_is_multiboot(i->kernel, i->kernel_bytes))
		return boot_multiboot(b, err);
	if (elf_recognise(i->kernel, i->kernel_bytes))
		return boot_elf(b, err);
	return err_set(err, ERR_UNSUPPORTED,
		       "neither a Linux bzImage nor an ELF file nor a multiboot kernel");
}

int boot_load(struct memory *memory, const struct machine_config *config,
	      const struct boot_images *images, struct vcpu_state *bsp, struct err *err)
{
	struct boot b = {
		.memory = memory,
		.config = config,
		.images = images,
		.bsp = bsp,
		.strings_end_gpa = BOOT_STRINGS_GPA,
	};
	int failed = check_request(&b, err);

	if (failed)
		return failed;
	memory_map_make(&b.map, memory);
	failed = acpi_tables_load(memory, config, err);
	if (!failed)
		failed = reset_vector_load(memory, err);
	if (!failed && load_kernel(&b, err))
		failed = err_wrap(err, "kernel");
	return failed;
}
