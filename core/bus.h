/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Port and MMIO dispatch.  Regions are claimed when the machine is built and never overlap.
 * Reads from nowhere give all ones, writes to nowhere are dropped, as on a bus.
 */
#ifndef CORE_BUS_H
#define CORE_BUS_H

#include "core/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define BUS_REGIONS_MAX 64

/* How a device answers; offset is from the start of the region, size 1, 2, 4 or 8, and the access
 * lies wholly inside the region. */
struct bus_ops {
	uint64_t (*read)(void *device, uint64_t offset, unsigned size_bytes);
	void (*write)(void *device, uint64_t offset, unsigned size_bytes, uint64_t value);
};

struct bus_region {
	uint64_t start, size_bytes;
	const struct bus_ops *ops;
	void *device;
	const char *name;
};

struct bus {
	struct bus_region region[BUS_REGIONS_MAX]; /* sorted by start */
	unsigned n_regions;
};

/* One bus each for ports and for MMIO, zeroed at first.  ERR_INVALID when it overlaps another
 * region, naming both, when it is empty or wraps, or when there are too many; the bus is then as it
 * was.  name stays the caller's and outlives the bus. */
int bus_claim(struct bus *bus, uint64_t start, uint64_t size_bytes, const struct bus_ops *ops,
	      void *device, const char *name, struct err *err);

/* An access that crosses the end of a region goes nowhere.  Values are cut to the access's size in
 * both directions. */
uint64_t bus_read(const struct bus *bus, uint64_t address, unsigned size_bytes);
void bus_write(const struct bus *bus, uint64_t address, unsigned size_bytes, uint64_t value);

#endif
