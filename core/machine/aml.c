/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/aml.h"

#define OP_NAME	   0x08
#define OP_BYTE	   0x0a
#define OP_WORD	   0x0b
#define OP_DWORD   0x0c
#define OP_STRING  0x0d
#define OP_QWORD   0x0e
#define OP_SCOPE   0x10
#define OP_BUFFER  0x11
#define OP_PACKAGE 0x12
#define OP_METHOD  0x14
#define OP_EXT	   0x5b
#define EXT_DEVICE 0x82
#define OP_NOTIFY  0x86

#define NAME_BYTES 4

/* Package lengths always take three bytes, so that they can be filled in afterwards. */
#define LENGTH_BYTES 3

static void put8(struct aml *a, uint8_t value)
{
	writer_u8(&a->writer, value);
}

static void put_name(struct aml *a, const char *name)
{
	if (*name == '\\')
		put8(a, (uint8_t)*name++);
	writer_copy(&a->writer, name, NAME_BYTES);
}

static size_t begin_length(struct aml *a)
{
	size_t mark = a->writer.at;

	writer_take(&a->writer, LENGTH_BYTES);
	return mark;
}

void aml_end(struct aml *a, size_t mark)
{
	size_t length = a->writer.at - mark;
	uint8_t *at = a->writer.data + mark;

	if (a->writer.failed)
		return;
	at[0] = (uint8_t)(0x80 | (length & 0xf));
	at[1] = (uint8_t)(length >> 4);
	at[2] = (uint8_t)(length >> 12);
}

size_t aml_begin_scope(struct aml *a, const char *name)
{
	size_t mark;

	put8(a, OP_SCOPE);
	mark = begin_length(a);
	put_name(a, name);
	return mark;
}

size_t aml_begin_device(struct aml *a, const char *name)
{
	size_t mark;

	put8(a, OP_EXT);
	put8(a, EXT_DEVICE);
	mark = begin_length(a);
	put_name(a, name);
	return mark;
}

size_t aml_begin_method(struct aml *a, const char *name, unsigned arguments)
{
	size_t mark;

	put8(a, OP_METHOD);
	mark = begin_length(a);
	put_name(a, name);
	put8(a, (uint8_t)arguments);
	return mark;
}

size_t aml_begin_package(struct aml *a, unsigned elements)
{
	size_t mark;

	put8(a, OP_PACKAGE);
	mark = begin_length(a);
	put8(a, (uint8_t)elements);
	return mark;
}

void aml_name(struct aml *a, const char *name)
{
	put8(a, OP_NAME);
	put_name(a, name);
}

void aml_integer(struct aml *a, uint64_t value)
{
	if (value <= 1) {
		put8(a, (uint8_t)value);
	} else if (value <= UINT8_MAX) {
		put8(a, OP_BYTE);
		put8(a, (uint8_t)value);
	} else if (value <= UINT16_MAX) {
		put8(a, OP_WORD);
		writer_u16(&a->writer, (uint16_t)value);
	} else if (value <= UINT32_MAX) {
		put8(a, OP_DWORD);
		writer_u32(&a->writer, (uint32_t)value);
	} else {
		put8(a, OP_QWORD);
		writer_u64(&a->writer, value);
	}
}

void aml_string(struct aml *a, const char *text)
{
	put8(a, OP_STRING);
	writer_copy(&a->writer, text, strlen(text) + 1);
}

static unsigned hex_digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A' + 10);
}

void aml_eisa_id(struct aml *a, const char *id)
{
	unsigned letters = ((id[0] - 0x40) & 31) << 10 | ((id[1] - 0x40) & 31) << 5 |
			   ((id[2] - 0x40) & 31);

	put8(a, OP_DWORD);
	put8(a, (uint8_t)(letters >> 8));
	put8(a, (uint8_t)letters);
	put8(a, (uint8_t)(hex_digit(id[3]) << 4 | hex_digit(id[4])));
	put8(a, (uint8_t)(hex_digit(id[5]) << 4 | hex_digit(id[6])));
}

void aml_notify(struct aml *a, const char *name, uint8_t value)
{
	put8(a, OP_NOTIFY);
	put_name(a, name);
	aml_integer(a, value);
}

/* ---- resources (ACPI 6.5 section 6.4) ---- */

#define RESOURCE_IRQ	   0x22 /* small item 4, two bytes */
#define RESOURCE_PORTS	   0x47 /* small item 8, seven bytes */
#define RESOURCE_END	   0x79 /* small item 15, one byte */
#define RESOURCE_MEMORY	   0x86 /* 32-bit fixed memory range */
#define RESOURCE_INTERRUPT 0x89 /* extended interrupt */

struct aml_resources aml_begin_resources(struct aml *a)
{
	struct aml_resources r;

	put8(a, OP_BUFFER);
	r.mark = begin_length(a);
	put8(a, OP_WORD);
	r.size_at = a->writer.at;
	writer_u16(&a->writer, 0);
	return r;
}

void aml_resource_ports(struct aml *a, uint16_t first, uint8_t count)
{
	put8(a, RESOURCE_PORTS);
	put8(a, 1); /* decodes 16 address bits */
	writer_u16(&a->writer, first);
	writer_u16(&a->writer, first);
	put8(a, 1); /* alignment */
	put8(a, count);
}

void aml_resource_irq(struct aml *a, unsigned irq)
{
	put8(a, RESOURCE_IRQ);
	writer_u16(&a->writer, (uint16_t)(1u << irq));
}

void aml_resource_memory(struct aml *a, uint32_t gpa, uint32_t size_bytes)
{
	put8(a, RESOURCE_MEMORY);
	writer_u16(&a->writer, 9); /* bytes that follow */
	put8(a, 1);		   /* writable */
	writer_u32(&a->writer, gpa);
	writer_u32(&a->writer, size_bytes);
}

void aml_resource_interrupt(struct aml *a, uint32_t irq, bool level)
{
	put8(a, RESOURCE_INTERRUPT);
	writer_u16(&a->writer, 6);	   /* bytes that follow */
	put8(a, (uint8_t)(level ? 1 : 3)); /* consumer; bit 1: edge */
	put8(a, 1);			   /* interrupts in the list */
	writer_u32(&a->writer, irq);
}

void aml_end_resources(struct aml *a, struct aml_resources r)
{
	put8(a, RESOURCE_END);
	put8(a, 0); /* no checksum */
	if (!a->writer.failed)
		put_le16(a->writer.data + r.size_at, (uint16_t)(a->writer.at - r.size_at - 2));
	aml_end(a, r.mark);
}
