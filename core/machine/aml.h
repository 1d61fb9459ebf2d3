/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes ACPI Machine Language (ACPI 6.5 chapter 20) term by term.  What encloses other terms is
 * begun, which gives a mark, and ended with that mark.  All text is ASCII and comes from the
 * caller's own tables, names have their full four characters.  What does not fit latches
 * writer.failed, as in core/base/bytes.h.
 */
#ifndef CORE_MACHINE_AML_H
#define CORE_MACHINE_AML_H

#include "core/base/bytes.h"

struct aml {
	struct byte_writer writer;
};

size_t aml_begin_scope(struct aml *a, const char *name); /* "\\" before a name: from the root */
size_t aml_begin_device(struct aml *a, const char *name);
size_t aml_begin_method(struct aml *a, const char *name, unsigned arguments);
size_t aml_begin_package(struct aml *a, unsigned elements); /* the elements follow */
void aml_end(struct aml *a, size_t mark);

/* Name (name, ...): the value is the next term. */
void aml_name(struct aml *a, const char *name);
void aml_integer(struct aml *a, uint64_t value);
void aml_string(struct aml *a, const char *text);
void aml_eisa_id(struct aml *a, const char *id); /* "PNP0501" */

/* Notify (name, value), within a method. */
void aml_notify(struct aml *a, const char *name, uint8_t value);

/* ResourceTemplate () { ... }: the value of a _CRS. */
struct aml_resources {
	size_t mark, size_at;
};

struct aml_resources aml_begin_resources(struct aml *a);
void aml_resource_ports(struct aml *a, uint16_t first, uint8_t count);
void aml_resource_irq(struct aml *a, unsigned irq); /* 0..15, edge, active high */
void aml_resource_memory(struct aml *a, uint32_t gpa, uint32_t size_bytes);
/* Any interrupt, active high. */
void aml_resource_interrupt(struct aml *a, uint32_t irq, bool level);
void aml_end_resources(struct aml *a, struct aml_resources r);

#endif
