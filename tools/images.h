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
 * the options outlive it.  Free with images_close() also after a failure. */
int images_open(struct images *images, const struct run_options *o, struct err *err);
void images_close(struct images *images);

#endif
