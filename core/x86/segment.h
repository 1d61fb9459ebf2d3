/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segmentation: descriptors in guest memory, the checks that loading one makes (SDM vol. 3A
 * chapters 3 and 5), and what a segment register holds afterwards.
 *
 * Functions named *_check_* read and check, mark the descriptor accessed in guest memory, and give
 * the segment as it would be loaded; no register changes.  The caller loads it with
 * x86_segment_set() once nothing can fail any more.
 *
 * Where a parameter is called ext, it is the EXT bit of error codes: 1 while an event other than a
 * software interrupt is being delivered, else 0.
 */
#ifndef CORE_X86_SEGMENT_H
#define CORE_X86_SEGMENT_H

#include "core/x86/fault.h"

/* Types of system descriptors (S clear). */
enum x86_system_type {
	X86_SYS_TSS16 = 1,
	X86_SYS_LDT = 2,
	X86_SYS_TSS16_BUSY = 3,
	X86_SYS_CALL_GATE16 = 4,
	X86_SYS_TASK_GATE = 5,
	X86_SYS_INT_GATE16 = 6,
	X86_SYS_TRAP_GATE16 = 7,
	X86_SYS_TSS = 9,
	X86_SYS_TSS_BUSY = 11,
	X86_SYS_CALL_GATE = 12,
	X86_SYS_INT_GATE = 14,
	X86_SYS_TRAP_GATE = 15,
};

/* Bits of the type of code and data segments (S set). */
#define X86_TYPE_ACCESSED   1
#define X86_TYPE_WRITE	    2 /* data: writable; code: readable */
#define X86_TYPE_CONFORMING 4 /* code; data: expand-down */
#define X86_TYPE_CODE	    8

/* Attributes of segments that are not loaded from a descriptor; or the DPL in. */
#define X86_ATTR_DATA (X86_SEG_P | X86_SEG_S | X86_TYPE_WRITE | X86_TYPE_ACCESSED)
#define X86_ATTR_CODE (X86_ATTR_DATA | X86_TYPE_CODE)

/* A descriptor as it lies in memory.  high is the second half of those that have 16 bytes (system
 * descriptors in long mode), else 0. */
struct x86_descriptor {
	uint64_t linear;
	uint64_t low, high;
	uint16_t selector;
};

static inline bool x86_selector_is_null(uint16_t selector)
{
	return !(selector & 0xfffc);
}

static inline uint16_t x86_descriptor_attr(const struct x86_descriptor *d)
{
	return d->low >> 40 & 0xf0ff;
}

static inline unsigned x86_attr_dpl(uint16_t attr)
{
	return (attr & X86_SEG_DPL) >> X86_SEG_DPL_SHIFT;
}

/* enum x86_system_type; 0, which is no valid type, for code and data segments. */
static inline unsigned x86_attr_system_type(uint16_t attr)
{
	return attr & X86_SEG_S ? 0 : attr & X86_SEG_TYPE;
}

static inline bool x86_attr_is_code(uint16_t attr)
{
	return (attr & X86_SEG_S) && (attr & X86_TYPE_CODE);
}

static inline bool x86_attr_is_conforming(uint16_t attr)
{
	return x86_attr_is_code(attr) && (attr & X86_TYPE_CONFORMING);
}

static inline bool x86_attr_is_writable(uint16_t attr)
{
	return (attr & X86_SEG_S) && !(attr & X86_TYPE_CODE) && (attr & X86_TYPE_WRITE);
}

static inline bool x86_attr_is_readable(uint16_t attr)
{
	return (attr & X86_SEG_S) && (!(attr & X86_TYPE_CODE) || (attr & X86_TYPE_WRITE));
}

static inline uint16_t x86_gate_selector(const struct x86_descriptor *gate)
{
	return (uint16_t)(gate->low >> 16);
}

static inline uint64_t x86_gate_offset(const struct x86_descriptor *gate)
{
	return (gate->low & 0xffff) | (gate->low >> 32 & 0xffff0000u) | gate->high << 32;
}

/* An exception whose error code names a selector; always X86_FAULT. */
enum x86_status x86_raise_selector(struct x86_cpu *c, enum x86_vector vector, uint16_t selector,
				   uint32_t ext);

/* base + offset within a descriptor table or TSS. */
static inline uint64_t x86_table_linear(const struct x86_cpu *c, uint64_t base, uint64_t offset)
{
	return c->long_mode ? base + offset : (uint32_t)(base + offset);
}

/* The linear address of the size_bytes bytes of the descriptor that selector names; false when
 * they lie outside the GDT or LDT or there is no LDT.  Null is not special here. */
bool x86_descriptor_locate(const struct x86_cpu *c, uint16_t selector, unsigned size_bytes,
			   uint64_t *linear);

/* Reads the descriptor that selector names (its first 8 bytes).  Outside the table: exception
 * `bad` with the selector. */
enum x86_status x86_descriptor_read(struct x86_cpu *c, uint16_t selector, enum x86_vector bad,
				    uint32_t ext, struct x86_descriptor *d);

/* The other half of a system descriptor read before; nothing outside long mode.  #GP(selector)
 * when it lies outside the table or its type bits, which must be zero, are not. */
enum x86_status x86_descriptor_read_high(struct x86_cpu *c, struct x86_descriptor *d);

/* Sets bits (X86_TYPE_ACCESSED; busy: 2) of the type, in memory and in *d, if they are clear. */
enum x86_status x86_descriptor_mark(struct x86_cpu *c, struct x86_descriptor *d, unsigned bits);

/* The segment register that loading *d gives. */
struct x86_segment x86_descriptor_segment(const struct x86_descriptor *d);

/* What a register holds after a null selector was loaded.  cpl is kept as DPL (SS needs it). */
struct x86_segment x86_segment_null(uint16_t selector, unsigned cpl);

/* What real-address or virtual-8086 mode, whichever c is in, loads. */
struct x86_segment x86_segment_real(const struct x86_cpu *c, unsigned seg, uint16_t selector);
struct x86_segment x86_segment_v86(uint16_t selector);

/* ES, SS, DS, FS or GS as MOV loads it, in any mode.  Null in SS is allowed in 64-bit mode below
 * CPL 3 with RPL = CPL. */
enum x86_status x86_segment_check(struct x86_cpu *c, unsigned seg, uint16_t selector,
				  struct x86_segment *new);

/* A stack segment for privilege level cpl.  Anything wrong with it, null included, is exception
 * `bad` (#GP or #TS) with the selector, absence #SS. */
enum x86_status x86_segment_check_stack(struct x86_cpu *c, uint16_t selector, unsigned cpl,
					enum x86_vector bad, uint32_t ext, struct x86_segment *new);

/* The code segment in *d as far JMP and CALL may go to it directly; the new CPL is the old. */
enum x86_status x86_segment_check_jump(struct x86_cpu *c, struct x86_descriptor *d,
				       struct x86_segment *cs);

/* The code segment that a call, interrupt or trap gate names: it may be more privileged.  The new
 * CPL is the RPL of cs->selector. */
enum x86_status x86_segment_check_gate(struct x86_cpu *c, uint16_t selector, uint32_t ext,
				       struct x86_segment *cs);

/* CS and SS as RETF and IRET pop them; cs->selector's RPL is the new CPL. */
enum x86_status x86_segment_check_return(struct x86_cpu *c, uint16_t selector,
					 struct x86_segment *cs);
enum x86_status x86_segment_check_return_stack(struct x86_cpu *c, uint16_t selector,
					       const struct x86_segment *cs,
					       struct x86_segment *ss);

/* Checks that rip is canonical or, outside 64-bit code, within the limit of cs with all its 64
 * bits, else #GP(ext). */
enum x86_status x86_segment_check_rip(struct x86_cpu *c, const struct x86_segment *cs, uint32_t ext,
				      uint64_t rip);

/* Loads a segment register and recomputes what is derived from it. */
void x86_segment_set(struct x86_cpu *c, unsigned seg, const struct x86_segment *new);

/* After a return to the less privileged level cpl: empties the data segment registers that this
 * level may not hold. */
void x86_segment_drop_inner(struct x86_cpu *c, unsigned cpl);

/* The far pointer that is operand n, immediate or in memory: opsize bytes, then the selector. */
enum x86_status x86_far_pointer(struct x86_cpu *c, const struct x86_insn *i, unsigned n,
				uint64_t *offset, uint16_t *selector);

#endif
