/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check_failed(const char *what)
{
	fprintf(stderr, "does not hold: %s\n", what);
	abort();
}

struct field {
	const char *name;
	size_t offset, size_bytes;
};

#define FIELD(name)                                                                              \
	{                                                                                        \
#name, offsetof(struct vcpu_state, name), sizeof(((struct vcpu_state *)0)->name) \
	}

static const struct field fields[] = {
	FIELD(gpr),
	FIELD(rip),
	FIELD(rflags),
	FIELD(seg),
	FIELD(gdt.base),
	FIELD(gdt.limit),
	FIELD(idt.base),
	FIELD(idt.limit),
	FIELD(cr0),
	FIELD(cr2),
	FIELD(cr3),
	FIELD(cr4),
	FIELD(efer),
	FIELD(dr),
	FIELD(dr6),
	FIELD(dr7),
	FIELD(pdpte),
	FIELD(debug_hit),
	FIELD(fpu.control),
	FIELD(fpu.status),
	FIELD(fpu.in_use),
	FIELD(fpu.opcode),
	FIELD(fpu.instruction_ptr),
	FIELD(fpu.data_ptr),
	FIELD(fpu.instruction_sel),
	FIELD(fpu.data_sel),
	FIELD(xmm),
	FIELD(mxcsr),
	FIELD(msr),
	FIELD(event.kind),
	FIELD(event.vector),
	FIELD(event.has_error),
	FIELD(event.error),
	FIELD(event.address),
	FIELD(activity),
	FIELD(shadow),
	FIELD(nmi_blocked),
};

static bool equal_f80(const struct vcpu_state *a, const struct vcpu_state *b)
{
	for (unsigned n = 0; n < 8; n++)
		if (a->fpu.reg[n].mantissa != b->fpu.reg[n].mantissa ||
		    a->fpu.reg[n].sign_exponent != b->fpu.reg[n].sign_exponent)
			return false;
	return true;
}

static void print_field(const struct field *f, const struct vcpu_state *a,
			const struct vcpu_state *b)
{
	const uint8_t *x = (const uint8_t *)a + f->offset, *y = (const uint8_t *)b + f->offset;
	size_t width = f->size_bytes < 8 ? f->size_bytes : 8;

	for (size_t at = 0; at < f->size_bytes; at += width) {
		uint64_t v = 0, w = 0;

		memcpy(&v, x + at, width);
		memcpy(&w, y + at, width);
		if (v != w)
			fprintf(stderr, "  %s+%zu: 0x%" PRIx64 " and 0x%" PRIx64 "\n", f->name, at,
				v, w);
	}
}

bool states_equal(const struct vcpu_state *a, const struct vcpu_state *b)
{
	bool equal = equal_f80(a, b);

	if (!equal)
		fprintf(stderr, "  an x87 register differs\n");
	for (size_t n = 0; n < sizeof(fields) / sizeof(fields[0]); n++) {
		const struct field *f = &fields[n];

		if (!memcmp((const uint8_t *)a + f->offset, (const uint8_t *)b + f->offset,
			    f->size_bytes))
			continue;
		print_field(f, a, b);
		equal = false;
	}
	return equal;
}

bool check_tracing(void)
{
	return getenv("FUZZ_TRACE") != NULL;
}

void state_print(const struct vcpu_state *s)
{
	static const char *const names[] = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};

	fprintf(stderr,
		"  rip %" PRIx64 " rflags %" PRIx64 " cr0 %" PRIx64 " cr3 %" PRIx64 " cr4 %" PRIx64
		" efer %" PRIx64 " activity %u shadow %u event %u/%u\n",
		s->rip, s->rflags, s->cr0, s->cr3, s->cr4, s->efer, s->activity, s->shadow,
		s->event.kind, s->event.vector);
	for (unsigned n = 0; n < X86_SEGS; n++)
		fprintf(stderr, "  %s %04x base %" PRIx64 " limit %x attr %04x\n", names[n],
			s->seg[n].selector, s->seg[n].base, s->seg[n].limit, s->seg[n].attr);
	for (unsigned n = 0; n < 16; n++)
		fprintf(stderr, "  r%u %" PRIx64 "%s", n, s->gpr[n], n % 4 == 3 ? "\n" : "");
}
