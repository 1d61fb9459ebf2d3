/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine is: the static data that two machines must share for one to continue, replay or
 * stand by for the other.  Where its disks and networks lead to outside is not part of it.
 */
#ifndef CORE_MACHINE_CONFIG_H
#define CORE_MACHINE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define MACHINE_DISKS_MAX 8
#define MACHINE_NICS_MAX  8
#define MACHINE_VCPUS_MAX 64

/* Device numbers of the doors (struct input, struct output): a kind's first number plus its
 * index. */
#define DEVICE_UART    1
#define DEVICE_CONSOLE 2 /* virtio console */
#define DEVICE_RNG     3
#define DEVICE_BALLOON 4
#define DEVICE_POWER   5
#define DEVICE_DISK0   16
#define DEVICE_NIC0    32

/* Guest-physical map and wires. */
#define MAP_LAPIC_GPA	 0xfee00000ull
#define MAP_IOAPIC_GPA	 0xfec00000ull
#define MAP_VIRTIO_GPA	 0xfeb00000ull /* slot n at + n * MAP_VIRTIO_BYTES */
#define MAP_VIRTIO_BYTES 0x200u
#define MAP_POWER_GPA	 0xfea00000ull
#define MAP_UART_PORT	 0x3f8
#define MAP_RTC_PORT	 0x70
#define IRQ_UART	 4
#define IRQ_RTC		 8
#define IRQ_POWER	 9
#define VIRTIO_SLOTS_MAX (MACHINE_DISKS_MAX + MACHINE_NICS_MAX + 3)

struct disk_config {
	uint64_t sectors;
	uint16_t queues;
	bool read_only;
	bool shared; /* both hosts see the same storage; else it belongs to the machine */
	char serial[20];
};

struct nic_config {
	uint8_t mac[6];
	bool checksum_offload, segmentation_offload; /* what the backend can take */
};

struct machine_config {
	const char *cpu_model;
	uint64_t memory_bytes;
	unsigned n_vcpus;
	unsigned n_disks, n_nics;
	struct disk_config disk[MACHINE_DISKS_MAX];
	struct nic_config nic[MACHINE_NICS_MAX];
	bool console, rng, balloon; /* the virtio devices of these names */
	uint64_t start_seconds;	    /* time of day at guest time 0, since 1970 */
	uint16_t debug_exit_port;   /* 0: none */
	uint32_t quantum;	    /* instructions a vCPU runs before the next has its turn */
};

#define MACHINE_QUANTUM 20000u

/* Which virtio slot a device has: disks first, then NICs, console, rng, balloon, without gaps. */
unsigned machine_virtio_slots(const struct machine_config *config);

/* The IOAPIC pin of a virtio slot, its own: 16..23 for the first eight, then pins below 16 that
 * nothing else uses.  Level-triggered. */
unsigned machine_virtio_irq(unsigned slot);

#endif
