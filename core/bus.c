/* SPDX-License-Identifier: Apache-2.0 */
#include "core/bus.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

static uint64_t width_mask(unsigned size_bytes)
{
	return size_bytes >= 8 ? UINT64_MAX : (1ull << (8 * size_bytes)) - 1;
}

/* The number of the first region that starts after address. */
static unsigned first_after(const struct bus *bus, uint64_t address)
{
	unsigned low = 0, high = bus->n_regions;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (bus->region[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Whoever answers all of an access, or NULL. */
static const struct bus_region *region_find(const struct bus *bus, uint64_t address,
					    unsigned size_bytes)
{
	unsigned after = first_after(bus, address);
	const struct bus_region *region;

	if (!after)
		return NULL;
	region = &bus->region[after - 1];
	if (address - region->start >= region->size_bytes ||
	    size_bytes > region->size_bytes - (address - region->start))
		return NULL;
	return region;
}

static int overlap_refuse(const struct bus_region *with, const struct bus_region *claimed,
			  struct err *err)
{
	return err_set(err, ERR_INVALID,
		       "%s at 0x%" PRIx64 " (0x%" PRIx64 " bytes) overlaps %s at 0x%" PRIx64
		       " (0x%" PRIx64 " bytes)",
		       claimed->name, claimed->start, claimed->size_bytes, with->name, with->start,
		       with->size_bytes);
}

int bus_claim(struct bus *bus, uint64_t start, uint64_t size_bytes, const struct bus_ops *ops,
	      void *device, const char *name, struct err *err)
{
	const struct bus_region claimed = {start, size_bytes, ops, device, name};
	unsigned at = first_after(bus, start);

	if (!size_bytes || start + (size_bytes - 1) < start)
		return err_set(err, ERR_INVALID,
			       "%s wants 0x%" PRIx64 " bytes at 0x%" PRIx64
			       ", which is no range of addresses",
			       name, size_bytes, start);
	if (at && start - bus->region[at - 1].start < bus->region[at - 1].size_bytes)
		return overlap_refuse(&bus->region[at - 1], &claimed, err);
	if (at < bus->n_regions && bus->region[at].start - start < size_bytes)
		return overlap_refuse(&bus->region[at], &claimed, err);
	if (bus->n_regions == BUS_REGIONS_MAX)
		return err_set(err, ERR_INVALID,
			       "no room on the bus for %s: it has %d regions already", name,
			       BUS_REGIONS_MAX);
	memmove(&bus->region[at + 1], &bus->region[at],
		(bus->n_regions - at) * sizeof(bus->region[0]));
	bus->region[at] = claimed;
	bus->n_regions++;
	return 0;
}

uint64_t bus_read(const struct bus *bus, uint64_t address, unsigned size_bytes)
{
	const struct bus_region *region = region_find(bus, address, size_bytes);
	uint64_t value = UINT64_MAX;

	if (region)
		value = region->ops->read(region->device, address - region->start, size_bytes);
	return value & width_mask(size_bytes);
}

void bus_write(const struct bus *bus, uint64_t address, unsigned size_bytes, uint64_t value)
{
	const struct bus_region *region = region_find(bus, address, size_bytes);

	if (region)
		region->ops->write(region->device, address - region->start, size_bytes,
				   value & width_mask(size_bytes));
}
