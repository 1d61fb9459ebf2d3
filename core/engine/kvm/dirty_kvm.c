/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's dirty log.  A page that is cleared in it is write-protected again, by the same call,
 * so that the next write to it is seen; only pages that were logged are cleared.
 */
#include "core/engine/kvm/kvm.h"

#include <string.h>
#include <sys/ioctl.h>

static void mark(const struct engine *engine, const struct memory_region *region, uint64_t pages)
{
	for (uint64_t word = 0; word <= pages / 64; word++) {
		uint64_t bits = engine->dirty[word];

		for (; bits; bits &= bits - 1) {
			uint64_t page = word * 64 + (unsigned)__builtin_ctzll(bits);

			*memory_page_watch(engine->config.memory, region->first_page + page) |=
				MEM_PAGE_DIRTY;
		}
	}
}

/* Where the kernel does not tell, every page counts as written. */
static void mark_all(const struct engine *engine, const struct memory_region *region,
		     uint64_t pages)
{
	for (uint64_t page = 0; page < pages; page++)
		*memory_page_watch(engine->config.memory, region->first_page + page) |=
			MEM_PAGE_DIRTY;
}

static void collect_slot(struct engine *engine, unsigned number)
{
	const struct memory_region *region = &engine->config.memory->region[number];
	uint64_t pages = region->size_bytes >> MEM_PAGE_SHIFT;
	struct kvm_dirty_log log = {.slot = number, .dirty_bitmap = engine->dirty};
	struct kvm_clear_dirty_log clear = {
		.slot = number, .num_pages = (uint32_t)pages, .dirty_bitmap = engine->dirty};

	memset(engine->dirty, 0, (pages / 64 + 1) * sizeof(*engine->dirty));
	if (ioctl(engine->vm, KVM_GET_DIRTY_LOG, &log) ||
	    ioctl(engine->vm, KVM_CLEAR_DIRTY_LOG, &clear))
		mark_all(engine, region, pages);
	else
		mark(engine, region, pages);
}

void kvm_collect_dirty(struct engine *engine)
{
	for (unsigned n = 0; n < engine->config.memory->regions; n++)
		collect_slot(engine, n);
}
