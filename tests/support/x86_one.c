/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/x86_one.h"

#include "core/x86/decode.h"
#include "core/x86/page_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A repeated string instruction looks at itself again now and then. */
static void put_at_rip(struct x86_world_ram *w, const uint8_t *bytes, unsigned n_bytes)
{
	struct x86_cpu *c = &w->cpu;
	uint64_t linear = x86_is_64(c) ? c->rip : (uint32_t)(c->seg[X86_CS].base + c->rip);

	for (unsigned n = 0; n < n_bytes; n++) {
		uint64_t gpa;

		if (page_walk_peek(c, linear + n, &gpa) && gpa < w->ram_bytes)
			w->ram[gpa] = bytes[n];
	}
}

enum x86_status x86_one(struct x86_world_ram *w, const void *bytes, unsigned n_bytes)
{
	struct x86_cpu *c = &w->cpu;
	struct x86_insn i;

	if (x86_decode(w->decoder, bytes, n_bytes, c->code_bytes, &i) != X86_DECODE_OK ||
	    i.len != n_bytes) {
		fprintf(stderr, "a test's bytes are not one instruction\n");
		abort();
	}
	if (x86_opcodes[i.op].attr & A_STRING)
		put_at_rip(w, bytes, n_bytes);
	memset(&c->event, 0, sizeof(c->event));
	return x86_execute(c, &i);
}

bool x86_one_faults(struct x86_world_ram *w, enum x86_vector vector, const void *bytes,
		    unsigned n_bytes)
{
	struct x86_cpu *c = &w->cpu;
	uint32_t flags = lazy_get(&c->lazy);
	uint64_t rflags = c->rflags, rip = c->rip, r[16];

	memcpy(r, c->r, sizeof(r));
	if (x86_one(w, bytes, n_bytes) != X86_FAULT || c->event.vector != vector)
		return false;
	return memcmp(r, c->r, sizeof(r)) == 0 && lazy_get(&c->lazy) == flags &&
	       c->rflags == rflags && c->rip == rip;
}
