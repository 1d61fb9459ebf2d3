/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/acpi_tables.h"

#include "core/device/power.h"
#include "core/machine/aml.h"

#include <stdio.h>

/* ---- one after the other into a page, each with its header (ACPI 6.5 section 5.2.6) ---- */

#define HEADER_BYTES	36
#define CHECKSUM_OFFSET 9
#define RSDP_BYTES	36
#define TABLE_ALIGN	16

struct tables {
	struct aml a; /* all tables are written through the same cursor */
	size_t start; /* of the table being written */
};

static void zeroes(struct tables *t, size_t bytes)
{
	void *at = writer_take(&t->a.writer, bytes);

	if (at)
		memset(at, 0, bytes);
}

static uint8_t checksum(const uint8_t *bytes, size_t count)
{
	uint8_t sum = 0;

	while (count--)
		sum += *bytes++;
	return (uint8_t)-sum;
}

static uint64_t begin_table(struct tables *t, const char *signature, uint8_t revision)
{
	struct byte_writer *w = &t->a.writer;

	zeroes(t, -w->at & (TABLE_ALIGN - 1));
	t->start = w->at;
	writer_copy(w, signature, 4);
	writer_u32(w, 0); /* length */
	writer_u8(w, revision);
	writer_u8(w, 0); /* checksum */
	writer_copy(w, "UNDERS", 6);
	writer_copy(w, "MACHINE1", 8);
	writer_u32(w, 1);
	writer_copy(w, "UNDY", 4);
	writer_u32(w, 1);
	return ACPI_TABLES_GPA + t->start;
}

static void end_table(struct tables *t)
{
	uint8_t *table = t->a.writer.data + t->start;
	size_t size = t->a.writer.at - t->start;

	if (t->a.writer.failed)
		return;
	put_le32(table + 4, (uint32_t)size);
	table[CHECKSUM_OFFSET] = checksum(table, size);
}

/* ---- DSDT ---- */

static void names_of_device(struct aml *a, const char *eisa_id, unsigned uid)
{
	aml_name(a, "_HID");
	aml_eisa_id(a, eisa_id);
	aml_name(a, "_UID");
	aml_integer(a, uid);
}

static struct aml_resources begin_crs(struct aml *a)
{
	aml_name(a, "_CRS");
	return aml_begin_resources(a);
}

static void isa_device(struct aml *a, const char *name, const char *eisa_id, uint16_t port,
		       uint8_t ports, unsigned irq)
{
	size_t device = aml_begin_device(a, name);
	struct aml_resources r;

	names_of_device(a, eisa_id, 0);
	r = begin_crs(a);
	aml_resource_ports(a, port, ports);
	aml_resource_irq(a, irq);
	aml_end_resources(a, r);
	aml_end(a, device);
}

static void virtio_device(struct aml *a, unsigned slot)
{
	char name[8];
	struct aml_resources r;
	size_t device;

	snprintf(name, sizeof(name), "VR%02u", slot % 100);
	device = aml_begin_device(a, name);
	aml_name(a, "_HID");
	aml_string(a, "LNRO0005");
	aml_name(a, "_UID");
	aml_integer(a, slot);
	aml_name(a, "_CCA");
	aml_integer(a, 1);
	r = begin_crs(a);
	aml_resource_memory(a, (uint32_t)(MAP_VIRTIO_GPA + slot * MAP_VIRTIO_BYTES),
			    MAP_VIRTIO_BYTES);
	aml_resource_interrupt(a, machine_virtio_irq(slot), true);
	aml_end_resources(a, r);
	aml_end(a, device);
}

/* A control method power button, and the generic event device that tells of it (ACPI 6.5 sections
 * 4.8.2.2.1.2 and 5.6.9). */
static void power_button(struct aml *a)
{
	size_t device = aml_begin_device(a, "PWRB"), method;
	struct aml_resources r;

	names_of_device(a, "PNP0C0C", 0);
	aml_end(a, device);

	device = aml_begin_device(a, "GED0");
	aml_name(a, "_HID");
	aml_string(a, "ACPI0013");
	aml_name(a, "_UID");
	aml_integer(a, 0);
	r = begin_crs(a);
	aml_resource_interrupt(a, IRQ_POWER, false);
	aml_end_resources(a, r);
	method = aml_begin_method(a, "_EVT", 1);
	aml_notify(a, "PWRB", 0x80);
	aml_end(a, method);
	aml_end(a, device);
}

/* What to write as SLP_TYP to power off. */
static void soft_off(struct aml *a)
{
	size_t package;

	aml_name(a, "\\_S5_");
	package = aml_begin_package(a, 4);
	aml_integer(a, POWER_SLEEP_TYPE_S5);
	for (unsigned n = 1; n < 4; n++)
		aml_integer(a, 0);
	aml_end(a, package);
}

static uint64_t dsdt(struct tables *t, const struct machine_config *config)
{
	uint64_t gpa = begin_table(t, "DSDT", 2);
	size_t scope;

	soft_off(&t->a);
	scope = aml_begin_scope(&t->a, "\\_SB_");
	isa_device(&t->a, "COM1", "PNP0501", MAP_UART_PORT, 8, IRQ_UART);
	isa_device(&t->a, "RTC0", "PNP0B00", MAP_RTC_PORT, 2, IRQ_RTC);
	power_button(&t->a);
	for (unsigned slot = 0; slot < machine_virtio_slots(config); slot++)
		virtio_device(&t->a, slot);
	aml_end(&t->a, scope);
	end_table(t);
	return gpa;
}

/* ---- FADT (ACPI 6.5 section 5.2.9) ---- */

#define FADT_WBINVD	   (1u << 0)
#define FADT_NO_PWR_BUTTON (1u << 4) /* no fixed one: it is a device */
#define FADT_NO_SLP_BUTTON (1u << 5)
#define FADT_RESET_REG	   (1u << 10)
#define FADT_HW_REDUCED	   (1u << 20)

#define BOOT_ARCH_NO_VGA  (1u << 2)
#define BOOT_ARCH_NO_MSI  (1u << 3)
#define BOOT_ARCH_NO_ASPM (1u << 4)

/* A generic address: one byte of device memory. */
static void byte_register(struct byte_writer *w, uint64_t gpa)
{
	writer_u8(w, 0); /* system memory */
	writer_u8(w, 8); /* bits */
	writer_u8(w, 0);
	writer_u8(w, 1); /* accessed as a byte */
	writer_u64(w, gpa);
}

/* Leaves out everything that hardware-reduced ACPI has no use for.  Offsets beside the fields. */
static uint64_t fadt(struct tables *t, uint64_t dsdt_gpa)
{
	struct byte_writer *w = &t->a.writer;
	uint64_t gpa = begin_table(t, "FACP", 6);

	writer_u32(w, 0);		   /* 36: no FACS */
	writer_u32(w, (uint32_t)dsdt_gpa); /* 40 */
	zeroes(t, 65);
	writer_u16(w, BOOT_ARCH_NO_VGA | BOOT_ARCH_NO_MSI | BOOT_ARCH_NO_ASPM); /* 109 */
	writer_u8(w, 0);
	writer_u32(w, FADT_WBINVD | FADT_NO_PWR_BUTTON | FADT_NO_SLP_BUTTON | FADT_RESET_REG |
			      FADT_HW_REDUCED); /* 112 */
	byte_register(w, MAP_POWER_GPA + POWER_RESET_CONTROL);
	writer_u8(w, POWER_RESET_VALUE); /* 128 */
	writer_u16(w, 0);
	writer_u8(w, 0);				       /* 131: minor revision */
	writer_u64(w, 0);				       /* 132: no FACS */
	writer_u64(w, dsdt_gpa);			       /* 140 */
	zeroes(t, 96);					       /* 148: no PM and GPE blocks */
	byte_register(w, MAP_POWER_GPA + POWER_SLEEP_CONTROL); /* 244 */
	byte_register(w, MAP_POWER_GPA + POWER_SLEEP_STATUS);
	zeroes(t, 8); /* 268: hypervisor vendor */
	end_table(t);
	return gpa;
}

/* ---- MADT (ACPI 6.5 section 5.2.12) ---- */

static uint64_t madt(struct tables *t, const struct machine_config *config)
{
	struct byte_writer *w = &t->a.writer;
	uint64_t gpa = begin_table(t, "APIC", 5);

	writer_u32(w, (uint32_t)MAP_LAPIC_GPA);
	writer_u32(w, 0); /* no 8259 beside it */
	for (unsigned n = 0; n < config->n_vcpus; n++) {
		writer_u8(w, 0); /* local APIC */
		writer_u8(w, 8);
		writer_u8(w, (uint8_t)n);
		writer_u8(w, (uint8_t)n); /* its APIC id */
		writer_u32(w, 1);	  /* enabled */
	}
	writer_u8(w, 1); /* I/O APIC */
	writer_u8(w, 12);
	writer_u16(w, 0);
	writer_u32(w, (uint32_t)MAP_IOAPIC_GPA);
	writer_u32(w, 0); /* its first interrupt */
	end_table(t);
	return gpa;
}

/* ---- what leads to them (ACPI 6.5 sections 5.2.5 and 5.2.8) ---- */

static uint64_t xsdt(struct tables *t, uint64_t fadt_gpa, uint64_t madt_gpa)
{
	uint64_t gpa = begin_table(t, "XSDT", 1);

	writer_u64(&t->a.writer, fadt_gpa);
	writer_u64(&t->a.writer, madt_gpa);
	end_table(t);
	return gpa;
}

static void rsdp(uint8_t *at, uint64_t xsdt_gpa)
{
	memset(at, 0, RSDP_BYTES);
	memcpy(at, "RSD PTR ", 8);
	memcpy(at + 9, "UNDERS", 6);
	at[15] = 2; /* revision */
	put_le32(at + 20, RSDP_BYTES);
	put_le64(at + 24, xsdt_gpa);
	at[8] = checksum(at, 20);
	at[32] = checksum(at, RSDP_BYTES);
}

size_t acpi_tables_make(const struct machine_config *config, uint8_t tables[ACPI_TABLES_BYTES])
{
	struct tables t = {.a.writer = writer_over(tables, ACPI_TABLES_BYTES)};
	uint64_t dsdt_gpa, fadt_gpa, madt_gpa;

	zeroes(&t, RSDP_BYTES);
	dsdt_gpa = dsdt(&t, config);
	fadt_gpa = fadt(&t, dsdt_gpa);
	madt_gpa = madt(&t, config);
	rsdp(tables, xsdt(&t, fadt_gpa, madt_gpa));
	return t.a.writer.failed ? 0 : t.a.writer.at;
}

int acpi_tables_load(struct memory *memory, const struct machine_config *config, struct err *err)
{
	uint8_t tables[ACPI_TABLES_BYTES];
	size_t size = acpi_tables_make(config, tables);

	if (!size)
		return err_set(err, ERR_LIMIT, "the ACPI tables need more than %u bytes",
			       ACPI_TABLES_BYTES);
	return memory_write(memory, ACPI_TABLES_GPA, tables, size, err);
}
