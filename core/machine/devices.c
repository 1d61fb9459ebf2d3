/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices a machine has, where they sit and how they are wired. */
#include "core/device/debug_exit.h"
#include "core/device/power.h"
#include "core/device/rtc.h"
#include "core/device/uart.h"
#include "core/device/virtio/virtio_balloon.h"
#include "core/device/virtio/virtio_blk.h"
#include "core/device/virtio/virtio_console.h"
#include "core/device/virtio/virtio_net.h"
#include "core/device/virtio/virtio_rng.h"
#include "core/machine/parts.h"

#include <string.h>

/* Keeps a new device; NULL: its creation failed. */
static int keep(struct machine *m, struct device *d, struct err *err)
{
	if (!d)
		return err ? err->code : ERR_INVALID;
	m->device[m->n_devices++] = d;
	return 0;
}

static int make_interrupt_controllers(struct machine *m, const struct device_env *env,
				      struct err *err)
{
	const struct lapic_config config = {
		.n_cpus = m->config.n_vcpus, .ops = &machine_lapic_ops, .ops_ctx = m};
	int failed;

	m->lapic = lapic_create(env, &config, err);
	failed = keep(m, m->lapic ? lapic_device(m->lapic) : NULL, err);
	if (failed)
		return failed;
	m->ioapic = ioapic_create(env, lapic_receive, m->lapic, err);
	failed = keep(m, m->ioapic ? ioapic_device(m->ioapic) : NULL, err);
	if (failed)
		return failed;
	lapic_wire_eoi(m->lapic, ioapic_eoi, m->ioapic);
	return 0;
}

static int make_board(struct machine *m, const struct device_env *env, struct err *err)
{
	const struct machine_config *c = &m->config;
	int failed = keep(m, uart_create(env, MAP_UART_PORT, IRQ_UART, DEVICE_UART, err), err);

	if (!failed)
		failed = keep(m, rtc_create(env, c->start_seconds, err), err);
	if (!failed)
		failed = keep(m, power_create(env, MAP_POWER_GPA, IRQ_POWER, DEVICE_POWER, err),
			      err);
	if (!failed && c->debug_exit_port)
		failed = keep(m, debug_exit_create(env, c->debug_exit_port, err), err);
	return failed;
}

/* The place of the next virtio device; name is borrowed until the device is made. */
static struct virtio_slot next_slot(unsigned *slot, const char *name, uint16_t number)
{
	struct virtio_slot s = {.name = name,
				.number = number,
				.gpa = MAP_VIRTIO_GPA + (uint64_t)*slot * MAP_VIRTIO_BYTES,
				.line = machine_virtio_irq(*slot)};

	++*slot;
	return s;
}

static int make_disks(struct machine *m, const struct device_env *env, unsigned *slot,
		      struct err *err)
{
	int failed = 0;

	for (unsigned n = 0; n < m->config.n_disks && !failed; n++) {
		const struct disk_config *c = &m->config.disk[n];
		const char name[] = {'d', 'i', 's', 'k', (char)('0' + n), 0};
		struct virtio_blk_options o = {
			.slot = next_slot(slot, name, (uint16_t)(DEVICE_DISK0 + n)),
			.capacity_sectors = c->sectors,
			.queues = c->queues,
			.read_only = c->read_only,
			.discard = !c->read_only,
			.write_zeroes = !c->read_only,
		};

		memcpy(o.serial, c->serial, sizeof(o.serial));
		failed = keep(m, virtio_blk_create(env, &o, err), err);
	}
	return failed;
}

static int make_nics(struct machine *m, const struct device_env *env, unsigned *slot,
		     struct err *err)
{
	int failed = 0;

	for (unsigned n = 0; n < m->config.n_nics && !failed; n++) {
		const struct nic_config *c = &m->config.nic[n];
		const char name[] = {'n', 'e', 't', (char)('0' + n), 0};
		struct virtio_net_options o = {
			.slot = next_slot(slot, name, (uint16_t)(DEVICE_NIC0 + n)),
			.checksum_offload = c->checksum_offload,
			.segmentation_offload = c->segmentation_offload,
		};

		memcpy(o.mac, c->mac, sizeof(o.mac));
		failed = keep(m, virtio_net_create(env, &o, err), err);
	}
	return failed;
}

static int make_others(struct machine *m, const struct device_env *env, unsigned *slot,
		       struct err *err)
{
	struct virtio_slot s;
	int failed = 0;

	if (m->config.console) {
		struct virtio_console_options o = {
			.slot = next_slot(slot, "console0", DEVICE_CONSOLE)};

		failed = keep(m, virtio_console_create(env, &o, err), err);
	}
	if (!failed && m->config.rng) {
		s = next_slot(slot, "rng0", DEVICE_RNG);
		failed = keep(m, virtio_rng_create(env, &s, err), err);
	}
	if (!failed && m->config.balloon) {
		s = next_slot(slot, "balloon0", DEVICE_BALLOON);
		failed = keep(m, virtio_balloon_create(env, &s, err), err);
	}
	return failed;
}

int machine_make_devices(struct machine *m, struct device_env *env, struct err *err)
{
	unsigned slot = 0;
	int failed = make_interrupt_controllers(m, env, err);

	if (failed)
		return failed;
	env->irq = ioapic_line;
	env->irq_ctx = m->ioapic;
	failed = make_board(m, env, err);
	if (!failed)
		failed = make_disks(m, env, &slot, err);
	if (!failed)
		failed = make_nics(m, env, &slot, err);
	return failed ? failed : make_others(m, env, &slot, err);
}
