/* SPDX-License-Identifier: Apache-2.0 */
#include "core/machine/acpi_tables.h"

#include "core/base/bytes.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct machine_config small = {.n_vcpus = 1};
static const struct machine_config usual = {
	.n_vcpus = 4, .n_disks = 2, .n_nics = 1, .console = true, .rng = true, .balloon = true};
static const struct machine_config full = {.n_vcpus = MACHINE_VCPUS_MAX,
					   .n_disks = MACHINE_DISKS_MAX,
					   .n_nics = MACHINE_NICS_MAX,
					   .console = true,
					   .rng = true,
					   .balloon = true};
static const struct machine_config *const configs[] = {&small, &usual, &full};

struct made {
	uint8_t bytes[ACPI_TABLES_BYTES];
	size_t size;
};

static void make(struct made *m, const struct machine_config *config)
{
	m->size = acpi_tables_make(config, m->bytes);
	assert_int_not_equal(m->size, 0);
}

static uint8_t sum_of(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	while (size--)
		sum += *bytes++;
	return sum;
}

/* The table at gpa, checked to lie within what was made and to add up. */
static const uint8_t *table(const struct made *m, uint64_t gpa, const char *signature)
{
	const uint8_t *t = m->bytes + (gpa - ACPI_TABLES_GPA);

	assert_in_range(gpa, ACPI_TABLES_GPA, ACPI_TABLES_GPA + m->size - 36);
	assert_memory_equal(t, signature, 4);
	assert_true(get_le32(t + 4) <= m->size - (size_t)(t - m->bytes));
	assert_int_equal(sum_of(t, get_le32(t + 4)), 0);
	return t;
}

static const uint8_t *xsdt_of(const struct made *m)
{
	return table(m, get_le64(m->bytes + 24), "XSDT");
}

static const uint8_t *fadt_of(const struct made *m)
{
	return table(m, get_le64(xsdt_of(m) + 36), "FACP");
}

static void tables_add_up(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		struct made m;

		make(&m, configs[n]);
		assert_memory_equal(m.bytes, "RSD PTR ", 8);
		assert_int_equal(sum_of(m.bytes, 20), 0);
		assert_int_equal(sum_of(m.bytes, 36), 0);
		assert_int_equal(get_le32(xsdt_of(&m) + 4), 36 + 2 * 8);
		table(&m, get_le64(xsdt_of(&m) + 44), "APIC");
		assert_int_equal(get_le32(fadt_of(&m) + 4), 276);
		table(&m, get_le64(fadt_of(&m) + 140), "DSDT");
	}
}

static void the_fadt_names_the_power_registers(void **state)
{
	struct made m;
	const uint8_t *fadt;

	(void)state;
	make(&m, &usual);
	fadt = fadt_of(&m);
	assert_int_equal(get_le32(fadt + 112), 1u << 20 | 1u << 10 | 3u << 4 | 1);
	assert_int_equal(get_le64(fadt + 116 + 4), MAP_POWER_GPA + 2);
	assert_int_equal(fadt[128], 0x42);
	assert_int_equal(get_le64(fadt + 244 + 4), MAP_POWER_GPA);
	assert_int_equal(get_le64(fadt + 256 + 4), MAP_POWER_GPA + 1);
}

static void the_madt_has_every_processor(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 3; c++) {
		struct made m;
		const uint8_t *madt, *at;

		make(&m, configs[c]);
		madt = table(&m, get_le64(xsdt_of(&m) + 44), "APIC");
		assert_int_equal(get_le32(madt + 4), 44 + 8 * configs[c]->n_vcpus + 12);
		assert_int_equal(get_le32(madt + 36), MAP_LAPIC_GPA);
		at = madt + 44;
		for (unsigned n = 0; n < configs[c]->n_vcpus; n++, at += 8) {
			assert_int_equal(get_le16(at), 0x0800);
			assert_int_equal(at[3], n);
			assert_int_equal(get_le32(at + 4), 1);
		}
		assert_int_equal(get_le16(at), 0x0c01);
		assert_int_equal(get_le32(at + 4), MAP_IOAPIC_GPA);
	}
}

static void every_virtio_slot_is_named(void **state)
{
	struct made m;
	const uint8_t *dsdt;
	unsigned found = 0;

	(void)state;
	make(&m, &full);
	dsdt = table(&m, get_le64(fadt_of(&m) + 140), "DSDT");
	for (uint32_t at = 0; at + 8 < get_le32(dsdt + 4); at++)
		found += !memcmp(dsdt + at, "LNRO0005", 8);
	assert_int_equal(found, VIRTIO_SLOTS_MAX);
}

/* ---- an independent opinion: ACPICA's disassembler, which also compiles what it has read ---- */

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	fclose(f);
}

static void acpica_accepts(const char *folder, const char *name, const uint8_t *t)
{
	char path[256], command[1024];

	snprintf(path, sizeof(path), "%s/%s.dat", folder, name);
	write_file(path, t, get_le32(t + 4));
	snprintf(command, sizeof(command),
		 "cd %s && iasl -d %s.dat >d.txt 2>&1 && ! grep -qiE 'error|invalid|warning' d.txt "
		 "&& iasl -we -p %s.again %s.dsl >c.txt 2>&1",
		 folder, name, name, name);
	if (system(command) != 0)
		fail_msg("iasl does not like the %s (in %s)", name, folder);
}

static void acpica_reads_them(void **state)
{
	char folder[] = "/tmp/boot_acpi.XXXXXX", command[64];

	(void)state;
	if (system("command -v iasl >/dev/null 2>&1") != 0) {
		print_message("SKIP: iasl (Debian package acpica-tools) is not installed\n");
		skip();
	}
	assert_non_null(mkdtemp(folder));
	for (unsigned n = 0; n < 3; n++) {
		struct made m;

		make(&m, configs[n]);
		acpica_accepts(folder, "DSDT", table(&m, get_le64(fadt_of(&m) + 140), "DSDT"));
		acpica_accepts(folder, "FACP", fadt_of(&m));
		acpica_accepts(folder, "APIC", table(&m, get_le64(xsdt_of(&m) + 44), "APIC"));
	}
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_add_up),
		cmocka_unit_test(the_fadt_names_the_power_registers),
		cmocka_unit_test(the_madt_has_every_processor),
		cmocka_unit_test(every_virtio_slot_is_named),
		cmocka_unit_test(acpica_reads_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
