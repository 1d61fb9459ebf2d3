/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exceptions and interrupts in guests, 32- and 64-bit alike.
 *
 * trap_call() calls a function and catches whatever it raises: the handler records the trap and
 * leaves the function for good, straight back to trap_call()'s caller.  trap_user_call() does so
 * with the function running at CPL 3.  A hook set for a vector sees the trap first and may have
 * it return to where it came from.  A trap that nobody expects ends the guest as failed.
 */
#ifndef GUESTS_LIB_TRAP_H
#define GUESTS_LIB_TRAP_H

#include "guests/lib/guest.h"
#include "guests/lib/selectors.h"

enum {
	VEC_DE = 0,
	VEC_DB = 1,
	VEC_NMI = 2,
	VEC_BP = 3,
	VEC_OF = 4,
	VEC_BR = 5,
	VEC_UD = 6,
	VEC_NM = 7,
	VEC_DF = 8,
	VEC_TS = 10,
	VEC_NP = 11,
	VEC_SS = 12,
	VEC_GP = 13,
	VEC_PF = 14,
	VEC_MF = 16,
	VEC_AC = 17,
	VEC_XM = 19,
	VEC_NONE = 0x100, /* the function returned */
};

/* What the entry code leaves on the stack. */
struct trap_frame {
#ifdef __x86_64__
	unsigned long r15, r14, r13, r12, r11, r10, r9, r8;
	unsigned long di, si, bp, bx, dx, cx, ax;
#else
	unsigned long gs, fs, es, ds;
	unsigned long di, si, bp, unused_sp, bx, dx, cx, ax;
#endif
	unsigned long vector, error;
	unsigned long ip, cs, flags, sp, ss; /* 32-bit: sp and ss only if the privilege changed */
#ifndef __x86_64__
	unsigned long v86_es, v86_ds, v86_fs, v86_gs; /* only if virtual-8086 mode was left */
#endif
};

/* A caught trap. */
struct trap {
	unsigned vector;     /* VEC_NONE: none happened */
	unsigned long error; /* 0 where the vector has none */
	unsigned long cr2;   /* of page faults, otherwise 0 */
	unsigned long dr6;   /* of debug exceptions, otherwise 0 */
	struct trap_frame frame;
};

typedef void trap_function(void *argument);

/* Both return the caught trap's vector; t may be NULL.  A user function that returns leaves its
 * result register in t->frame.ax and reads as VEC_NONE. */
unsigned trap_call(struct trap *t, trap_function *function, void *argument);
unsigned trap_user_call(struct trap *t, trap_function *function, void *argument);

/* Checks that function raises vector with error (and cr2, for page faults). */
void expect_trap(const char *name, unsigned vector, unsigned long error, trap_function *function,
		 void *argument);
void expect_trap_not_tcg(const char *name, unsigned vector, unsigned long error,
			 trap_function *function, void *argument); /* skipped there */
void expect_user_trap(const char *name, unsigned vector, unsigned long error,
		      trap_function *function, void *argument);
void expect_fault(const char *name, unsigned vector, unsigned long error, unsigned long cr2,
		  trap_function *function, void *argument);

/* Sees a trap first; true: return to where it came from (the frame may have been changed). */
typedef bool trap_hook(struct trap_frame *frame);
void trap_set_hook(unsigned vector, trap_hook *hook);

/* Gives up what runs now and makes trap_call() return t as caught; for hooks and odd entries. */
_Noreturn void trap_leave(const struct trap *t);

/* Descriptors.  ist is used in 64-bit guests only. */
extern uint64_t gdt[GDT_SLOTS];
void idt_set(unsigned vector, unsigned long handler, unsigned selector, unsigned type_and_dpl,
	     unsigned ist);
extern uint8_t trap_entries[256][16]; /* the library's handlers */
void idt_default(unsigned vector);    /* its own handler again */

/* Type and DPL bytes of gates and system segments. */
#define GATE_INTERRUPT	    0x8e
#define GATE_INTERRUPT_USER 0xee
#define GATE_TRAP	    0x8f
#define GATE_TRAP_USER	    0xef

struct __attribute__((packed)) table_pointer {
	uint16_t limit;
	unsigned long base;
};
extern struct table_pointer gdt_pointer;
extern struct table_pointer idt_pointer;

static inline void idt_load(const struct table_pointer *p)
{
	__asm__ volatile("lidt %0" : : "m"(*p) : "memory");
}

/* The kernel stack that traps from CPL 3 use, and those of IST 1..7. */
extern uint8_t trap_stack[16384];
#ifdef __x86_64__
#define TRAP_IST_BYTES 4096
extern uint8_t trap_ist_stack[2][TRAP_IST_BYTES]; /* IST 1 and 2 */

struct __attribute__((packed)) tss64 {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map;
	uint8_t io_bits[8193];
};
extern struct tss64 tss;
#else
struct __attribute__((packed)) tss32 {
	uint32_t link;
	uint32_t esp0, ss0, esp1, ss1, esp2, ss2;
	uint32_t cr3, eip, eflags;
	uint32_t reg[8];
	uint32_t es, cs, ss, ds, fs, gs, ldt;
	uint16_t trap, io_map;
	uint8_t io_bits[8193];
};
extern struct tss32 tss;
#endif

void trap_init(void);

#endif
