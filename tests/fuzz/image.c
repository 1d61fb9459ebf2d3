/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/image.h"

#include "core/base/bytes.h"

static enum image_paging choose_paging(enum image_mode mode, unsigned hint)
{
	switch (mode) {
	case IMAGE_REAL:
	case IMAGE_UNREAL: return IMAGE_NO_PAGING;
	case IMAGE_LONG:
	case IMAGE_COMPAT32:
	case IMAGE_COMPAT16: return IMAGE_PAGING_LONG;
	default: return (enum image_paging)(hint % 3);
	}
}

static unsigned choose_cpl(enum image_mode mode, unsigned hint)
{
	static const uint8_t cpl[8] = {0, 3, 0, 3, 0, 3, 0, 3};

	if (mode <= IMAGE_UNREAL)
		return 0;
	return mode == IMAGE_V86 ? 3 : cpl[hint % 8];
}

bool image_input_parse(struct image_input *in, const uint8_t *data, size_t size)
{
	struct byte_reader r = reader_over(data, size);
	uint8_t knobs;

	if (size < IMAGE_HEADER_BYTES)
		return false;
	in->seed = reader_u64(&r);
	in->mode = (enum image_mode)(reader_u8(&r) % IMAGE_MODES);
	in->paging = choose_paging(in->mode, reader_u8(&r));
	in->cpl = choose_cpl(in->mode, reader_u8(&r));
	knobs = reader_u8(&r);
	in->model = knobs & 1 ? "test-all" : "portable-v1";
	in->raw_code = (knobs >> 1 & 3) == 0;
	in->loops = knobs & 8;
	in->oddity = knobs >> 4 & 3;
	in->odd_state = (knobs & 0xc0) == 0xc0;
	in->step_hint = reader_u8(&r);
	in->world_hint = reader_u8(&r);
	reader_copy(&r, in->script_hint, sizeof(in->script_hint));
	in->place_hint = reader_u8(&r);
	reader_u8(&r);
	in->code_bytes = reader_left(&r) < IMAGE_CODE_BYTES ? reader_left(&r) : IMAGE_CODE_BYTES;
	in->code = reader_take(&r, in->code_bytes);
	return true;
}

bool image_make(struct image *image, const uint8_t *data, size_t size)
{
	if (!image_input_parse(&image->in, data, size))
		return false;
	seeded_start(&image->rng, image->in.seed);
	memset(&image->state, 0, sizeof(image->state));
	memset(image->ram, 0, sizeof(image->ram));
	image_make_tables(image);
	image_make_program(image);
	image_make_state(image);
	return true;
}

uint64_t image_address(struct image *image)
{
	struct seeded *rng = &image->rng;
	uint64_t low = seeded_u64(rng) % X86_PAGE_BYTES;

	switch (seeded_below(rng, 16)) {
	case 0: return IMAGE_CODE + seeded_below(rng, 256);
	case 1: return IMAGE_ROOT + seeded_below(rng, 0x5000) / 8 * 8;
	case 2: return IMAGE_PT + 8 * seeded_below(rng, IMAGE_PAGES);
	case 3: return IMAGE_GDT + seeded_below(rng, IMAGE_GDT_END);
	case 4: return IMAGE_RAM_BYTES + low;
	case 5: return 0xffffffff80000000ull + seeded_below(rng, IMAGE_RAM_BYTES);
	case 6: return seeded_below(rng, 1u << 21);
	case 7: return (1u << 21) + seeded_below(rng, 1u << 23);
	case 8:
		return IMAGE_DATA + X86_PAGE_BYTES * (1 + seeded_below(rng, 8)) -
		       seeded_below(rng, 20);
	default: return IMAGE_DATA + seeded_below(rng, IMAGE_RAM_BYTES - IMAGE_DATA) / 16 * 16;
	}
}
