/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/images.h"

#include "core/base/bytes.h"
#include "core/base/seeded.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

static int map_fd(struct images *images, const char *path, int fd, const void **bytes,
		  size_t *size_bytes, struct err *err)
{
	struct stat status;
	void *map;

	if (fstat(fd, &status))
		return err_system(err, "%s", path);
	if (!S_ISREG(status.st_mode))
		return err_set(err, ERR_INVALID, "%s is no regular file", path);
	if (!status.st_size)
		return err_set(err, ERR_TORN, "%s is empty", path);
	map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return err_system(err, "%s: cannot be mapped", path);
	images->map[images->n_maps++] = (struct image_map){map, (size_t)status.st_size};
	*bytes = map;
	*size_bytes = (size_t)status.st_size;
	return 0;
}

static int map_file(struct images *images, const char *path, const void **bytes, size_t *size_bytes,
		    struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), failed;

	if (fd < 0)
		return err_system(err, "%s cannot be opened", path);
	failed = map_fd(images, path, fd, bytes, size_bytes, err);
	close(fd);
	return failed;
}

/* ---- command line and seed ---- */

#define SETUP_MAGIC_OFFSET    0x202 /* Linux boot protocol: "HdrS" */
#define MULTIBOOT_MAGIC	      0x1badb002u
#define MULTIBOOT_SEARCH_SIZE 8192u

/* A bzImage, or an ELF file that is not for a multiboot loader. */
static bool looks_like_linux(const uint8_t *kernel, size_t size_bytes)
{
	size_t search = size_bytes < MULTIBOOT_SEARCH_SIZE ? size_bytes : MULTIBOOT_SEARCH_SIZE;

	if (size_bytes > SETUP_MAGIC_OFFSET + 4 && !memcmp(kernel + SETUP_MAGIC_OFFSET, "HdrS", 4))
		return true;
	for (size_t at = 0; at + 4 <= search; at += 4)
		if (get_le32(kernel + at) == MULTIBOOT_MAGIC)
			return false;
	return search > 4 && !memcmp(kernel, "\177ELF", 4);
}

static const char *choose_command_line(const struct run_options *o, const struct boot_images *b)
{
	if (o->append)
		return o->append;
	if (!looks_like_linux(b->kernel, b->kernel_bytes))
		return "";
	return strcmp(o->console, "stdio") ? RUN_COMMAND_LINE_UART : RUN_COMMAND_LINE_CONSOLE;
}

static int draw_seed(const struct run_options *o, struct boot_images *b, struct err *err)
{
	struct seeded seeded;

	b->has_seed = true;
	if (o->seeded) {
		seeded_start(&seeded, o->seed);
		seeded_bytes(&seeded, b->rng_seed, sizeof(b->rng_seed));
		return 0;
	}
	if (getrandom(b->rng_seed, sizeof(b->rng_seed), 0) != (ssize_t)sizeof(b->rng_seed))
		return err_system(err, "no random numbers from the host");
	return 0;
}

/* ---- all of it ---- */

static int open_modules(struct images *images, const struct run_options *o, struct err *err)
{
	for (unsigned n = 0; n < o->n_modules; n++) {
		struct boot_module *m = &images->module[n];

		m->command_line = o->module[n].command_line;
		if (map_file(images, o->module[n].path, &m->bytes, &m->size_bytes, err))
			return err_wrap(err, "--module");
	}
	images->boot.module = images->module;
	images->boot.n_modules = o->n_modules;
	return 0;
}

int images_open(struct images *images, const struct run_options *o, struct err *err)
{
	struct boot_images *b = &images->boot;

	if (map_file(images, o->kernel, &b->kernel, &b->kernel_bytes, err))
		return err_wrap(err, "--kernel");
	if (o->initrd && map_file(images, o->initrd, &b->initrd, &b->initrd_bytes, err))
		return err_wrap(err, "--initrd");
	if (open_modules(images, o, err))
		return err->code;
	b->command_line = choose_command_line(o, b);
	return draw_seed(o, b, err);
}

void images_close(struct images *images)
{
	while (images->n_maps) {
		struct image_map *map = &images->map[--images->n_maps];

		munmap(map->bytes, map->size_bytes);
	}
}
