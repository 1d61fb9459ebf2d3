/*
 * Guest memory: the only way from a guest-physical address to host memory, and it checks bounds.
 *
 * RAM is one memfd, mapped once. In the guest it lies in one or two regions, since the addresses
 * from 3 GiB to 4 GiB belong to devices:
 *
 *	guest-physical   0 ........ MEMORY_LOW_END      4 GiB ........
 *	file and host    0 ........ MEMORY_LOW_END ................... size
 *
 * Pages are numbered densely, by their place in the file: page sets, images and digests count pages
 * so and never see the hole.
 *
 * The watch bytes. Each page has a byte of flags that make three bargains:
 *
 *   MEM_PAGE_DIRTY  written since the last harvest. Set by memory_write() and its like, and by an
 *                   engine for the guest's own writes; taken by dirty_harvest(). An engine that
 *                   caches the permission to write, and so no longer passes here, must drop that
 *                   cache when a harvest happens.
 *   MEM_PAGE_CODE   the soft engine holds decoded instructions of this page.
 *   MEM_PAGE_TABLE  the soft engine holds address translations that it made from this page.
 *
 * For the last two the engine registers a watcher. Whoever is about to write to such a page from
 * outside of the engine - a device's DMA, the debugger - passes through memory_write() or
 * memory_write_begin(), and the watcher is called first, so that the engine forgets what it knew.
 * The engine sets and clears these two bits itself; nothing here clears them. The watcher runs on
 * the writer's thread, which under the soft engine is the engine's own.
 *
 * Not safe for concurrent use by threads, except that KVM's vCPU threads may write guest memory
 * underneath.
 */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

#define MEM_PAGE_SHIFT 12
#define MEM_PAGE_BYTES 4096ull

#define MEMORY_LOW_END_GPA    0xc0000000ull  /* RAM below the hole ends here at the latest */
#define MEMORY_HIGH_START_GPA 0x100000000ull /* the rest of it starts here */
#define MEMORY_SIZE_MAX_BYTES (1ull << 40)
#define MEMORY_REGIONS_MAX    2

#define MEM_PAGE_DIRTY 0x01
#define MEM_PAGE_CODE  0x02
#define MEM_PAGE_TABLE 0x04

struct memory_region {
	uint64_t gpa; /* where the guest sees its first byte */
	uint64_t size_bytes;
	uint64_t first_page; /* the dense number of its first page */
	uint8_t *host;
};

/*
 * About to write len_bytes at gpa, which lie in one page that has MEM_PAGE_CODE or MEM_PAGE_TABLE
 * set. Must not write to guest memory and cannot fail.
 */
typedef void memory_watcher(void *context, uint64_t gpa, uint64_t len_bytes);

/* Fields are for reading; the functions below keep them. */
struct memory {
	int fd; /* the memfd, owned here; never shrinks or grows */
	uint64_t size_bytes;
	uint64_t pages;
	unsigned regions;
	struct memory_region region[MEMORY_REGIONS_MAX];
	uint8_t *watch; /* a byte per page */
	memory_watcher *watcher;
	void *watcher_context;
};

/*
 * Makes size_bytes of zeroed RAM; a multiple of the page size, up to MEMORY_SIZE_MAX_BYTES. The
 * host's memory is only used as pages are touched. Returns NULL with err set on failure. Free with
 * memory_destroy().
 */
struct memory *memory_create(uint64_t size_bytes, struct err *err);

/* Unmaps and frees; all host pointers end here. NULL is allowed. */
void memory_destroy(struct memory *memory);

/*
 * The host address of len_bytes at gpa, or NULL unless they all lie in one region (so too when gpa
 * + len_bytes wraps; len_bytes may be 0 at an address that exists). For reading, and for engines
 * that keep the watch bytes themselves; everybody else writes through memory_write() or
 * memory_write_begin(). Lives as long as memory.
 */
static inline void *memory_host(const struct memory *memory, uint64_t gpa, uint64_t len_bytes)
{
	for (unsigned i = 0; i < memory->regions; i++) {
		const struct memory_region *region = &memory->region[i];
		uint64_t offset = gpa - region->gpa;

		if (offset < region->size_bytes && len_bytes <= region->size_bytes - offset)
			return region->host + offset;
	}
	return NULL;
}

/*
 * Copies out of guest memory. All or nothing: on an error (ERR_RANGE) data is untouched. The bytes
 * may span pages, not regions.
 */
int memory_read(const struct memory *memory, uint64_t gpa, void *data, uint64_t len_bytes,
		struct err *err);

/*
 * Copies into guest memory: calls the watcher, writes, marks dirty. All or nothing: on an error
 * (ERR_RANGE) nothing is called, written or marked.
 */
int memory_write(struct memory *memory, uint64_t gpa, const void *data, uint64_t len_bytes,
		 struct err *err);

/*
 * As memory_write() for a writer that fills guest memory in place: calls the watcher, marks dirty
 * and returns the host address to write to, or NULL with err set (ERR_RANGE). The writing must be
 * done before the guest runs or is harvested again.
 */
void *memory_write_begin(struct memory *memory, uint64_t gpa, uint64_t len_bytes, struct err *err);

/*
 * Makes whole pages zero and gives the host's memory behind them back, as far as the host can: calls
 * the watcher, marks dirty. Returns 0, or ERR_RANGE when the bytes are not whole pages of one region,
 * and then nothing happened.
 */
int memory_release(struct memory *memory, uint64_t gpa, uint64_t len_bytes, struct err *err);

/* Sets who is told of writes to watched pages; one at a time, NULL for nobody. */
void memory_watch(struct memory *memory, memory_watcher *watcher, void *context);

/* The watch byte of a page. page < memory->pages. */
static inline uint8_t *memory_page_watch(const struct memory *memory, uint64_t page)
{
	return &memory->watch[page];
}

/* The dense number of the page that holds gpa; memory->pages when gpa is no RAM. */
static inline uint64_t memory_page_number(const struct memory *memory, uint64_t gpa)
{
	for (unsigned i = 0; i < memory->regions; i++) {
		const struct memory_region *region = &memory->region[i];
		uint64_t offset = gpa - region->gpa;

		if (offset < region->size_bytes)
			return region->first_page + (offset >> MEM_PAGE_SHIFT);
	}
	return memory->pages;
}

/* The guest-physical address of a page. page < memory->pages. */
static inline uint64_t memory_page_gpa(const struct memory *memory, uint64_t page)
{
	const struct memory_region *region = &memory->region[0];

	if (memory->regions > 1 && page >= memory->region[1].first_page)
		region = &memory->region[1];
	return region->gpa + ((page - region->first_page) << MEM_PAGE_SHIFT);
}

/* The host address of a page. page < memory->pages. For reading, as memory_host(). */
static inline void *memory_page_host(const struct memory *memory, uint64_t page)
{
	return memory->region[0].host + (page << MEM_PAGE_SHIFT);
}

/* The guest-physical address of a host address that memory_host() or its like gave. */
static inline uint64_t memory_host_gpa(const struct memory *memory, const void *host)
{
	uint64_t offset = (uint64_t)((const uint8_t *)host - memory->region[0].host);

	return memory_page_gpa(memory, offset >> MEM_PAGE_SHIFT) | (offset & (MEM_PAGE_BYTES - 1));
}

/*
 * The first page from `page` on that the host has backed with memory, or memory->pages when there
 * is none: all pages skipped are zero. A page that is returned may be zero too. Asks the host's
 * kernel; does not block.
 */
uint64_t memory_next_backed_page(const struct memory *memory, uint64_t page);

#endif
