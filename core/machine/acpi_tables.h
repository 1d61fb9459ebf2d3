/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI tables: how a guest finds processors, interrupt controllers and devices that have no bus to
 * be found on.  RSDP -> XSDT -> FADT (hardware-reduced), MADT; FADT -> DSDT.
 */
#ifndef CORE_MACHINE_ACPI_TABLES_H
#define CORE_MACHINE_ACPI_TABLES_H

#include "core/base/err.h"
#include "core/machine/config.h"
#include "core/memory.h"

#define ACPI_TABLES_GPA	  0xe0000ull /* the RSDP is first, where a PC's BIOS would have it */
#define ACPI_TABLES_BYTES 0x4000u

/* Makes the tables that describe config as they will lie at ACPI_TABLES_GPA.  Returns the bytes
 * used, 0 when they do not fit. */
size_t acpi_tables_make(const struct machine_config *config, uint8_t tables[ACPI_TABLES_BYTES]);

/* The same, put into guest memory. */
int acpi_tables_load(struct memory *memory, const struct machine_config *config, struct err *err);

#endif
