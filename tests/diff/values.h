/* SPDX-License-Identifier: Apache-2.0 */
/* Random values that find mistakes: edges, specials of every number format, pointers. */
#ifndef TESTS_DIFF_VALUES_H
#define TESTS_DIFF_VALUES_H

#include "core/base/seeded.h"
#include "tests/diff/case.h"

/* An integer: edges of all widths, small numbers, sparse and dense bit patterns, noise. */
uint64_t value_integer(struct seeded *rng);

/* An address in the arena: mostly data, sometimes code, constants, page edges, the high copy. */
uint64_t value_pointer(struct seeded *rng);

/* Floating point of each class: zeros, denormals, ordinary numbers, infinities, NaNs of both
 * kinds; for the 80-bit format also the encodings that only an 80287 would make. */
uint32_t value_f32(struct seeded *rng);
uint64_t value_f64(struct seeded *rng);
struct case_f80 value_f80(struct seeded *rng);

/* Sixteen bytes of packed integers or floats. */
void value_xmm(struct seeded *rng, uint64_t xmm[2]);

/* Bytes for memory: a stream of all of the above at changing alignment. */
void value_fill(struct seeded *rng, uint8_t *to, unsigned n_bytes);

/* x87 and SSE state: all registers, control, status and tags consistent with each other. */
void value_fx(struct seeded *rng, struct case_fx *fx);

#endif
