/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a guest is started from, mapped for as long as they may be needed again. */
#ifndef TOOLS_IMAGES_H
#define TOOLS_IMAGES_H

#include "core/base/err.h"
#include "core/machine/boot.h"
#include "tools/run_options.h"

struct images {
	struct boot_images boot; /* points into what follows */
	struct boot_module module[BOOT_MODULES_MAX];
	struct image_map {
		void *bytes;
		size_t size_bytes;
	} map[BOOT_MODULES_MAX + 2];
	unsigned n_maps;
};

/* Maps what the options name, chooses the command line and draws the seed; images is zeroed, and
 * the options outlive it.  An initrd that is an archive is walked through, so that a truncated one
 * is named here and not by a kernel that finds no init.  Free with images_close() also after a
 * failure. */
int images_open(struct images *images, const struct run_options *o, struct err *err);
void images_close(struct images *images);

/* Whether an uncompressed archive (cpio, "newc") is whole.  Bytes of another kind are taken as they
 * are.  ERR_TORN names the file in the archive at which it ends. */
int images_check_archive(const void *bytes, size_t size_bytes, struct err *err);

#endif
