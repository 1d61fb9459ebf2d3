/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine made from a fuzzer's input: what lies in guest memory and the state its vCPU starts in.
 *
 * An input is a header of IMAGE_HEADER_BYTES that picks the mode and how odd everything is, then
 * code.  What the header does not say is drawn from the seed it holds, so that a change to the
 * code changes the code alone.  The same input makes the same image always.
 *
 * Most of it is plausible: tables that hang together, registers that point at memory, handlers
 * that return.  Random states fault on their first instruction and show nothing.
 */
#ifndef TESTS_FUZZ_IMAGE_H
#define TESTS_FUZZ_IMAGE_H

#include "core/base/seeded.h"
#include "core/x86/cpu.h"
#include "core/x86/cpuid.h"

#include <stddef.h>

#define IMAGE_HEADER_BYTES 20
#define IMAGE_PAGES	   32
#define IMAGE_RAM_BYTES	   (IMAGE_PAGES * X86_PAGE_BYTES)
#define IMAGE_CODE_BYTES   1024 /* of input are looked at */

/* Where things are in guest memory. */
enum image_place {
	IMAGE_IVT = 0,
	IMAGE_GDT = 0x1000,
	IMAGE_IDT = 0x2000,
	IMAGE_TSS = 0x3000,
	IMAGE_LDT = 0x3800,
	IMAGE_ROOT = 0x4000, /* what CR3 points at; then the levels below */
	IMAGE_PDPT = 0x5000,
	IMAGE_PD = 0x6000,
	IMAGE_PT = 0x7000,
	IMAGE_PT_NEXT = 0x8000,
	IMAGE_HANDLERS = 0x9000, /* 16 bytes for each vector */
	IMAGE_STACK0 = 0xc000,	 /* tops of stacks */
	IMAGE_STACK_IST = 0xd000,
	IMAGE_STACK3 = 0xf000,
	IMAGE_CODE = 0x10000,
	IMAGE_CODE_END = 0x14000,
	IMAGE_DATA = 0x14000,
};

/* Selectors in the GDT. */
enum image_selector {
	IMAGE_CS64 = 0x08,
	IMAGE_DS = 0x10,
	IMAGE_CS32 = 0x18,
	IMAGE_USER_CS32 = 0x20,
	IMAGE_USER_DS = 0x28,
	IMAGE_USER_CS64 = 0x30,
	IMAGE_TR = 0x38, /* two slots in long mode, like the LDT and the gate */
	IMAGE_LDTR = 0x48,
	IMAGE_CS16 = 0x58,
	IMAGE_DS16 = 0x60,
	IMAGE_USER_CS16 = 0x68,
	IMAGE_USER_DS16 = 0x70,
	IMAGE_CONFORMING = 0x78,
	IMAGE_DOWN = 0x80,  /* expand-down */
	IMAGE_SMALL = 0x88, /* a limit and a base in the middle of things */
	IMAGE_CALL_GATE = 0x90,
	IMAGE_READ_ONLY = 0xa0,
	IMAGE_EXEC_ONLY = 0xa8,
	IMAGE_ABSENT = 0xb0,
	IMAGE_RANDOM = 0xb8, /* this and all that follow */
	IMAGE_GDT_END = 0x100,
};

enum image_mode {
	IMAGE_REAL,
	IMAGE_UNREAL, /* real mode with 4 GiB limits */
	IMAGE_PROTECTED16,
	IMAGE_PROTECTED32, /* segments flat */
	IMAGE_SEGMENTED32, /* segments not flat */
	IMAGE_V86,
	IMAGE_LONG,
	IMAGE_COMPAT32,
	IMAGE_COMPAT16,
	IMAGE_MODES
};

enum image_paging { IMAGE_NO_PAGING, IMAGE_PAGING32, IMAGE_PAGING_PAE, IMAGE_PAGING_LONG };

/* The header, taken apart. */
struct image_input {
	uint64_t seed;
	enum image_mode mode;
	enum image_paging paging;
	unsigned cpl;
	const char *model;
	bool raw_code;	/* code bytes are code; else they choose rows of the opcode table */
	bool loops;	/* the code ends in a jump to its start */
	bool odd_state; /* something in the state is any value at all */
	unsigned oddity; /* 0..3: how often tables, entries and registers are not as they should be */
	uint8_t step_hint, world_hint, script_hint[4], place_hint;
	const uint8_t *code;
	size_t code_bytes;
};

struct image {
	struct image_input in;
	struct seeded rng; /* what is left of it, for whoever runs the image */
	struct vcpu_state state;
	uint8_t ram[IMAGE_RAM_BYTES];
};

/* False: the input is too short to be one. */
bool image_input_parse(struct image_input *in, const uint8_t *data, size_t size);

/* Fills in everything; the state may still be one that x86_cpu_set_state() refuses. */
bool image_make(struct image *image, const uint8_t *data, size_t size);

/* The parts of it, in order. */
void image_make_tables(struct image *image);  /* image_tables.c */
void image_make_program(struct image *image); /* image_program.c */
void image_make_state(struct image *image);   /* image_state.c */

/* True about `oddity` times in 48; never without oddity. */
static inline bool image_odd(struct image *image)
{
	return image->in.oddity && seeded_below(&image->rng, 48) < image->in.oddity;
}

/* A linear address at which something interesting is likely. */
uint64_t image_address(struct image *image);

#endif
