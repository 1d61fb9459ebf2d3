/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decoder: bytes to struct x86_insn by the opcode table.
 *
 * It knows the mode the bytes run in (16-, 32- or 64-bit code) and nothing else about the CPU:
 * conditions that depend on control registers or privilege are checked when the instruction is
 * executed, so that a decoded instruction stays good as long as its bytes do.
 */
#ifndef CORE_X86_DECODE_H
#define CORE_X86_DECODE_H

#include "core/x86/insn.h"
#include "core/x86/opcode.h"

enum x86_decode_result {
	X86_DECODE_OK,
	X86_DECODE_SHORT,     /* more bytes are needed than were given */
	X86_DECODE_UNDEFINED, /* #UD: no row fits, or LOCK where it is not allowed */
	X86_DECODE_TOO_LONG,  /* #GP: longer than 15 bytes */
};

/* The first row of each opcode, derived from the table once and read-only from then on; 4 KiB,
 * owned by whoever decodes (one engine, one tool). */
struct x86_decoder {
	uint16_t first[X86_MAPS][256]; /* index into row, or X86_NO_ROW */
	uint16_t next[1024];	       /* next row with the same map and opcode */
};

#define X86_NO_ROW 0xffff

void x86_decoder_init(struct x86_decoder *d);

/* Decodes one instruction from n_bytes bytes (up to 15 are looked at).  code_bytes: 2, 4 or 8,
 * the default address size of the code segment.  On X86_DECODE_OK *i is complete; otherwise its
 * contents are unspecified, except that i->len is the number of bytes looked at. */
enum x86_decode_result x86_decode(const struct x86_decoder *d, const uint8_t *bytes,
				  unsigned n_bytes, unsigned code_bytes, struct x86_insn *i);

#endif
