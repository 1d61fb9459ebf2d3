/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/diff/values.h"

#include "core/x86/fpu.h"

#include <string.h>

static uint64_t edge(struct seeded *rng)
{
	unsigned width = 8u << seeded_below(rng, 4);
	uint64_t top = 1ull << (width - 1), v;

	switch (seeded_below(rng, 5)) {
	case 0: v = top; break;
	case 1: v = top - 1; break;
	case 2: v = top << 1; break;
	case 3: v = (top << 1) - 1; break;
	default: v = 0;
	}
	v += seeded_below(rng, 5) - 2;
	return seeded_chance(rng, 1, 3) ? -v : v;
}

uint64_t value_integer(struct seeded *rng)
{
	switch (seeded_below(rng, 8)) {
	case 0: return seeded_below(rng, 256);
	case 1: return (uint64_t)(int8_t)seeded_u64(rng);
	case 2: return 1ull << seeded_below(rng, 64);
	case 3:
	case 4: return edge(rng);
	case 5: return (uint64_t)(int32_t)seeded_u64(rng);
	case 6: return seeded_u64(rng) >> seeded_below(rng, 64);
	default: return seeded_u64(rng);
	}
}

uint64_t value_pointer(struct seeded *rng)
{
	uint64_t offset = seeded_below(rng, ARENA_DATA_BYTES);

	if (seeded_chance(rng, 1, 2))
		offset &= ~15ull;
	else if (seeded_chance(rng, 1, 8))
		offset = (offset & 0x1000) + 0x1000 - seeded_below(rng, 16);
	switch (seeded_below(rng, 24)) {
	case 0: return ARENA_CONST + (offset & 0xfff);
	case 1: return ARENA_CODE + offset;
	case 2: return ARENA_BASE + offset * 4;
	case 3:
	case 4:
	case 5: return ARENA_HIGH + offset;
	default: return ARENA_DATA + offset;
	}
}

/* Builds a float of the given widths from a class chosen at random. */
static uint64_t binary(struct seeded *rng, unsigned exponent_bits, unsigned fraction_bits)
{
	uint64_t max = (1ull << exponent_bits) - 1, bias = max >> 1;
	uint64_t fraction = seeded_u64(rng) & ((1ull << fraction_bits) - 1), exponent;
	uint64_t sign = seeded_below(rng, 2) << (exponent_bits + fraction_bits);

	if (seeded_chance(rng, 1, 3))
		fraction &= ~0ull << seeded_below(rng, fraction_bits + 1);
	switch (seeded_below(rng, 16)) {
	case 0: exponent = fraction = 0; break;
	case 1: exponent = 0; break;
	case 2:
		exponent = max;
		fraction = 0;
		break;
	case 3:
		exponent = max;
		fraction |= 1ull << (fraction_bits - 1);
		break;
	case 4:
		exponent = max;
		fraction = (fraction & ((1ull << (fraction_bits - 1)) - 1)) | 1;
		break;
	case 5: exponent = seeded_below(rng, max); break;
	case 6: exponent = seeded_below(rng, fraction_bits + 2); break;
	case 7: exponent = max - 1 - seeded_below(rng, 4); break;
	case 8: exponent = bias + seeded_below(rng, 70); break;
	default: exponent = bias - 4 + seeded_below(rng, 12);
	}
	return sign | exponent << fraction_bits | fraction;
}

uint32_t value_f32(struct seeded *rng)
{
	return (uint32_t)binary(rng, 8, 23);
}

uint64_t value_f64(struct seeded *rng)
{
	return binary(rng, 11, 52);
}

struct case_f80 value_f80(struct seeded *rng)
{
	struct case_f80 f = {.mantissa = seeded_u64(rng) | 1ull << 63};
	unsigned exponent;

	if (seeded_chance(rng, 1, 3))
		f.mantissa &= ~0ull << seeded_below(rng, 64);
	switch (seeded_below(rng, 20)) {
	case 0: exponent = 0, f.mantissa = 0; break;
	case 1: exponent = 0, f.mantissa &= ~0ull >> 1; break;
	case 2: exponent = 0; break; /* pseudo-denormal */
	case 3: exponent = 0x7fff, f.mantissa = 1ull << 63; break;
	case 4: exponent = 0x7fff, f.mantissa |= 3ull << 62; break;
	case 5: exponent = 0x7fff, f.mantissa = (f.mantissa & ~(1ull << 62)) | 1; break;
	case 6: exponent = 0x7fff, f.mantissa = seeded_u64(rng) >> 1; break; /* pseudo-NaN */
	case 7:
		exponent = (unsigned)seeded_below(rng, 0x7fff);
		f.mantissa &= ~0ull >> 1; /* unnormal */
		break;
	case 8: exponent = (unsigned)seeded_below(rng, 0x7fff); break;
	case 9: exponent = (unsigned)seeded_below(rng, 70); break;
	case 10: exponent = 0x7ffe - (unsigned)seeded_below(rng, 70); break;
	case 11: exponent = 0x3fff + (unsigned)seeded_below(rng, 80); break;
	case 12: exponent = 0x3fff - 16400 + (unsigned)seeded_below(rng, 64); break;
	case 13: exponent = 0x3fff - 1023 - 60 + (unsigned)seeded_below(rng, 64); break;
	case 14: exponent = 0x3fff + 1020 + (unsigned)seeded_below(rng, 8); break;
	case 15: exponent = 0x3fff - 127 - 30 + (unsigned)seeded_below(rng, 34); break;
	default: exponent = 0x3fff - 4 + (unsigned)seeded_below(rng, 12);
	}
	exponent &= 0x7fff;
	f.sign_exponent = (uint16_t)(exponent | seeded_below(rng, 2) << 15);
	return f;
}

void value_xmm(struct seeded *rng, uint64_t xmm[2])
{
	unsigned kind = (unsigned)seeded_below(rng, 5);

	for (unsigned n = 0; n < 2; n++)
		switch (kind) {
		case 0: xmm[n] = seeded_u64(rng); break;
		case 1: xmm[n] = value_integer(rng); break;
		case 2:
		case 3: xmm[n] = (uint64_t)value_f32(rng) << 32 | value_f32(rng); break;
		default: xmm[n] = value_f64(rng);
		}
}

static void packed_decimal(struct seeded *rng, uint8_t bcd[10])
{
	for (unsigned n = 0; n < 9; n++)
		bcd[n] = (uint8_t)(seeded_below(rng, 10) << 4 | seeded_below(rng, 10));
	bcd[9] = (uint8_t)(seeded_below(rng, 2) << 7);
}

void value_fill(struct seeded *rng, uint8_t *to, unsigned n_bytes)
{
	uint8_t unit[16];
	struct case_f80 f;
	uint64_t v[2];
	unsigned n;

	for (; n_bytes; to += n, n_bytes -= n) {
		n = 8;
		memset(v, 0, sizeof(v));
		switch (seeded_below(rng, 12)) {
		case 0:
		case 1: v[0] = value_integer(rng); break;
		case 2: v[0] = value_pointer(rng); break;
		case 3: v[0] = value_f64(rng); break;
		case 4: v[0] = (uint64_t)value_f32(rng) << 32 | value_f32(rng); break;
		case 5:
			value_xmm(rng, v);
			n = 16;
			break;
		case 6: v[0] = seeded_below(rng, 2) ? SEL_DATA : SEL_CODE64; break;
		default: v[0] = seeded_u64(rng);
		}
		memcpy(unit, v, sizeof(v));
		if (seeded_chance(rng, 1, 6)) {
			f = value_f80(rng);
			memcpy(unit, &f, 10);
			n = 10;
		} else if (seeded_chance(rng, 1, 24)) {
			packed_decimal(rng, unit);
			n = 10;
		} else if (seeded_chance(rng, 1, 24)) {
			n = 1 + (unsigned)seeded_below(rng, 7);
		}
		n = n < n_bytes ? n : n_bytes;
		memcpy(to, unit, n);
	}
}

static void fx_control(struct seeded *rng, struct case_fx *fx)
{
	bool pending;

	fx->control = 0x37f;
	if (seeded_chance(rng, 1, 2))
		fx->control = (uint16_t)(0x7f | (seeded_u64(rng) & 0xf00));
	if (seeded_chance(rng, 1, 4))
		fx->control = (uint16_t)((fx->control & ~0x3fu) | (seeded_u64(rng) & 0x3f));
	fx->status = (uint16_t)(seeded_u64(rng) & (FSW_TOP | FSW_C0 | FSW_C1 | FSW_C2 | FSW_C3));
	if (seeded_chance(rng, 1, 3))
		fx->status |= (uint16_t)(seeded_u64(rng) & 0x7f);
	if (seeded_chance(rng, 7, 8))
		fx->status &= (uint16_t)(fx->control | ~0x3fu); /* nothing pending */
	pending = fx->status & ~fx->control & 0x3f;
	if (pending)
		fx->status |= FSW_ES | FSW_B;
	fx->mxcsr = 0x1f80;
	if (seeded_chance(rng, 1, 2))
		fx->mxcsr |= (uint32_t)(seeded_u64(rng) & 0xe07f);
	if (seeded_chance(rng, 1, 5))
		fx->mxcsr &= (uint32_t)(seeded_u64(rng) | ~0x1f80u);
}

void value_fx(struct seeded *rng, struct case_fx *fx)
{
	unsigned full = (unsigned)seeded_below(rng, 4);

	memset(fx, 0, sizeof(*fx));
	fx_control(rng, fx);
	fx->in_use = full == 0 ? 0 : full == 1 ? 0xff : (uint8_t)seeded_u64(rng);
	fx->opcode = seeded_u64(rng) & 0x7ff;
	fx->instruction_ptr = value_pointer(rng);
	fx->data_ptr = value_pointer(rng);
	for (unsigned n = 0; n < 8; n++)
		fx->st[n] = value_f80(rng);
	for (unsigned n = 0; n < 16; n++)
		value_xmm(rng, fx->xmm[n]);
}
