/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One differential case as plain data: an initial state and a few instructions, and what became
 * of them.  Cases and results live in memory shared with the native child, so nothing here
 * points anywhere.
 *
 * The arena is what the code of a case can see: nine pages at the same linear addresses on both
 * sides, low enough that 16-bit addressing reaches them, with the data pages a second time at a
 * high address so that 64-bit pointers are used too.
 */
#ifndef TESTS_DIFF_CASE_H
#define TESTS_DIFF_CASE_H

#include <stdbool.h>
#include <stdint.h>

#define ARENA_BASE	 0x4000u
#define ARENA_PAGE_BYTES 4096u
#define ARENA_CODE	 (ARENA_BASE + 0x1000) /* two pages, read and execute */
#define ARENA_DATA	 (ARENA_BASE + 0x4000) /* two pages, read and write */
#define ARENA_CONST	 (ARENA_BASE + 0x6000) /* one page, read only */
#define ARENA_SCRATCH	 (ARENA_BASE + 0x8000) /* one page, loop counters */
#define ARENA_HIGH	 0x2a5a5a408000ull     /* the data and constant pages again */
#define ARENA_CODE_BYTES 8192u
#define ARENA_DATA_BYTES 8192u
#define ARENA_FILL	 0xcc /* INT3 wherever the code pages hold no instruction of the case */

#define CASE_INSNS	   12
#define CASE_CODE_BYTES	   256
#define CASE_SCRATCH_BYTES 4096

/* Selectors of user segments, as Linux numbers them, and of the two 16-bit segments that the
 * native child asks for by modify_ldt(). */
#define SEL_CODE64 0x33
#define SEL_CODE32 0x23
#define SEL_DATA   0x2b
#define SEL_CODE16 0x07
#define SEL_DATA16 0x0f

struct case_f80 {
	uint64_t mantissa;
	uint16_t sign_exponent;
	uint16_t unused[3];
};

/* The first 416 bytes of the 64-bit FXSAVE format (SDM vol. 1 table 10-3). */
struct case_fx {
	uint16_t control, status;
	uint8_t in_use, reserved;
	uint16_t opcode;
	uint64_t instruction_ptr, data_ptr;
	uint32_t mxcsr, mxcsr_mask;
	struct case_f80 st[8]; /* ST(0) first */
	uint64_t xmm[16][2];
};

_Static_assert(sizeof(struct case_fx) == 416, "FXSAVE layout");

struct case_state {
	uint64_t gpr[16], rip, rflags;
	uint16_t sel[6]; /* in the order of enum x86_seg: ES CS SS DS FS GS */
	uint64_t fs_base, gs_base;
	struct case_fx fx;
};

struct case_insn {
	uint16_t row; /* index into x86_opcodes[] */
	uint16_t at;  /* first byte, from the start of the code pages */
	uint8_t len;
};

struct diff_case {
	uint64_t number;
	uint8_t code_bytes; /* 2, 4, 8: the kind of code segment */
	uint8_t n_insns;
	uint16_t n_code_bytes;
	uint16_t code_at; /* from the start of the code pages */
	uint32_t rep_limit;
	struct case_insn insn[CASE_INSNS];
	uint8_t code[CASE_CODE_BYTES];
	struct case_state in;
	uint8_t data[ARENA_DATA_BYTES];
	uint8_t scratch[CASE_SCRATCH_BYTES];
};

enum case_end {
	END_NONE,    /* not run */
	END_TRAP,    /* by the exception that vector and error say */
	END_TIMEOUT, /* endless loop */
	END_CRASH,   /* the native child died: signal number in error */
	END_ODD,     /* left the machine in a way that no case should */
};

struct diff_result {
	uint8_t end; /* enum case_end */
	uint8_t vector;
	uint32_t error;	  /* 0 where the exception has none */
	uint64_t cr2;	  /* page faults only */
	uint64_t retired; /* instructions; not known natively */
	struct case_state out;
	uint8_t data[ARENA_DATA_BYTES];
	uint8_t scratch[CASE_SCRATCH_BYTES];
};

#endif
