#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void regions_lay_out(struct memory *memory, uint8_t *host)
{
	uint64_t low_bytes = memory->size_bytes;

	if (low_bytes > MEMORY_LOW_END_GPA)
		low_bytes = MEMORY_LOW_END_GPA;
	memory->region[0] = (struct memory_region){.size_bytes = low_bytes, .host = host};
	memory->regions = 1;
	if (low_bytes == memory->size_bytes)
		return;
	memory->region[1] = (struct memory_region){
		.gpa = MEMORY_HIGH_START_GPA,
		.size_bytes = memory->size_bytes - low_bytes,
		.first_page = low_bytes >> MEM_PAGE_SHIFT,
		.host = host + low_bytes,
	};
	memory->regions = 2;
}

/* Sealed against resizing: a shorter file would turn the guest's accesses into signals. */
static int file_create(uint64_t size_bytes, struct err *err)
{
	int fd = memfd_create("guest-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0) {
		err_system(err, "creating guest memory");
		return -1;
	}
	if (ftruncate(fd, (off_t)size_bytes) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		err_system(err, "sizing guest memory to %" PRIu64 " bytes", size_bytes);
		close(fd);
		return -1;
	}
	return fd;
}

static int memory_map(struct memory *memory, struct err *err)
{
	uint8_t *host = mmap(NULL, memory->size_bytes, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_NORESERVE, memory->fd, 0);

	if (host == MAP_FAILED)
		return err_system(err, "mapping %" PRIu64 " bytes of guest memory",
				  memory->size_bytes);
	regions_lay_out(memory, host);
	memory->watch = calloc(memory->pages, 1);
	if (!memory->watch)
		return err_set(err, ERR_NO_MEMORY, "no memory for %" PRIu64 " watch bytes",
			       memory->pages);
	return 0;
}

struct memory *memory_create(uint64_t size_bytes, struct err *err)
{
	struct memory *memory;

	if (!size_bytes || size_bytes % MEM_PAGE_BYTES || size_bytes > MEMORY_SIZE_MAX_BYTES) {
		err_set(err, ERR_INVALID,
			"guest memory of %" PRIu64 " bytes; say whole pages of %llu, up to %llu",
			size_bytes, MEM_PAGE_BYTES, MEMORY_SIZE_MAX_BYTES);
		return NULL;
	}
	memory = calloc(1, sizeof(*memory));
	if (!memory) {
		err_set(err, ERR_NO_MEMORY, "no memory to describe guest memory");
		return NULL;
	}
	memory->size_bytes = size_bytes;
	memory->pages = size_bytes >> MEM_PAGE_SHIFT;
	memory->fd = file_create(size_bytes, err);
	if (memory->fd < 0 || memory_map(memory, err)) {
		memory_destroy(memory);
		return NULL;
	}
	return memory;
}

void memory_destroy(struct memory *memory)
{
	if (!memory)
		return;
	if (memory->regions)
		munmap(memory->region[0].host, memory->size_bytes);
	if (memory->fd >= 0)
		close(memory->fd);
	free(memory->watch);
	free(memory);
}

static void *checked_host(const struct memory *memory, uint64_t gpa, uint64_t len_bytes,
			  const char *what, struct err *err)
{
	void *host = memory_host(memory, gpa, len_bytes);

	if (!host)
		err_set(err, ERR_RANGE,
			"%s of %" PRIu64 " bytes at guest address 0x%" PRIx64 " leaves RAM", what,
			len_bytes, gpa);
	return host;
}

int memory_read(const struct memory *memory, uint64_t gpa, void *data, uint64_t len_bytes,
		struct err *err)
{
	const void *host = checked_host(memory, gpa, len_bytes, "a read", err);

	if (!host)
		return ERR_RANGE;
	if (len_bytes)
		memcpy(data, host, len_bytes);
	return 0;
}

/* Tells the watcher of one page's part of a write, when it wants to know, and marks the page dirty.
 */
static void page_announce(struct memory *memory, uint64_t gpa, uint64_t len_bytes)
{
	uint8_t *watch = memory_page_watch(memory, memory_page_number(memory, gpa));

	if (*watch & (MEM_PAGE_CODE | MEM_PAGE_TABLE) && memory->watcher)
		memory->watcher(memory->watcher_context, gpa, len_bytes);
	*watch |= MEM_PAGE_DIRTY;
}

static void write_announce(struct memory *memory, uint64_t gpa, uint64_t len_bytes)
{
	while (len_bytes) {
		uint64_t part = MEM_PAGE_BYTES - gpa % MEM_PAGE_BYTES;

		if (part > len_bytes)
			part = len_bytes;
		page_announce(memory, gpa, part);
		gpa += part;
		len_bytes -= part;
	}
}

void *memory_write_begin(struct memory *memory, uint64_t gpa, uint64_t len_bytes, struct err *err)
{
	void *host = checked_host(memory, gpa, len_bytes, "a write", err);

	if (host)
		write_announce(memory, gpa, len_bytes);
	return host;
}

int memory_write(struct memory *memory, uint64_t gpa, const void *data, uint64_t len_bytes,
		 struct err *err)
{
	void *host = memory_write_begin(memory, gpa, len_bytes, err);

	if (!host)
		return ERR_RANGE;
	if (len_bytes)
		memcpy(host, data, len_bytes);
	return 0;
}

int memory_release(struct memory *memory, uint64_t gpa, uint64_t len_bytes, struct err *err)
{
	void *host;

	if ((gpa | len_bytes) % MEM_PAGE_BYTES)
		return err_set(err, ERR_RANGE,
			       "%" PRIu64 " bytes at guest address 0x%" PRIx64
			       " are no whole pages",
			       len_bytes, gpa);
	host = memory_write_begin(memory, gpa, len_bytes, err);
	if (!host)
		return ERR_RANGE;
	if (len_bytes && madvise(host, len_bytes, MADV_REMOVE))
		memset(host, 0, len_bytes);
	return 0;
}

void memory_watch(struct memory *memory, memory_watcher *watcher, void *context)
{
	memory->watcher = watcher;
	memory->watcher_context = context;
}

uint64_t memory_next_backed_page(const struct memory *memory, uint64_t page)
{
	off_t found;

	if (page >= memory->pages)
		return memory->pages;
	found = lseek(memory->fd, (off_t)(page << MEM_PAGE_SHIFT), SEEK_DATA);
	if (found < 0)
		return errno == ENXIO ? memory->pages : page;
	return (uint64_t)found >> MEM_PAGE_SHIFT;
}
