/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The architectural state of one virtual CPU in the one neutral form that every engine can give
 * and take.  Nothing here depends on an engine: lazily kept flags are resolved, caches absent.
 */
#ifndef CORE_X86_VCPU_STATE_H
#define CORE_X86_VCPU_STATE_H

#include <stdint.h>

enum x86_gpr {
	X86_RAX,
	X86_RCX,
	X86_RDX,
	X86_RBX,
	X86_RSP,
	X86_RBP,
	X86_RSI,
	X86_RDI,
	X86_R8,
	X86_R9,
	X86_R10,
	X86_R11,
	X86_R12,
	X86_R13,
	X86_R14,
	X86_R15,
};

enum x86_seg { X86_ES, X86_CS, X86_SS, X86_DS, X86_FS, X86_GS, X86_LDTR, X86_TR, X86_SEGS };

/* Segment attributes: the descriptor's bits 40..55 without limit bits 19:16 (as VMX access
 * rights, SDM vol. 3C 24.4.1), and "unusable" for a null selector. */
#define X86_SEG_TYPE	  0x000f
#define X86_SEG_S	  0x0010
#define X86_SEG_DPL_SHIFT 5
#define X86_SEG_DPL	  (3 << X86_SEG_DPL_SHIFT)
#define X86_SEG_P	  0x0080
#define X86_SEG_AVL	  0x1000
#define X86_SEG_L	  0x2000
#define X86_SEG_DB	  0x4000
#define X86_SEG_G	  0x8000
#define X86_SEG_UNUSABLE  0x0100

struct x86_segment {
	uint64_t base;
	uint32_t limit; /* in bytes, granularity already applied */
	uint16_t selector;
	uint16_t attr;
};

struct x86_table {
	uint64_t base;
	uint16_t limit;
};

struct x86_f80 {
	uint64_t mantissa;
	uint16_t sign_exponent;
};

union x86_xmm {
	uint8_t u8[16];
	uint16_t u16[8];
	uint32_t u32[4];
	uint64_t u64[2];
} __attribute__((aligned(16)));

/* x87 in register order (R0..R7, not ST order). */
struct x86_fpu {
	struct x86_f80 reg[8];
	uint16_t control, status; /* status includes TOP */
	uint8_t in_use;		  /* bit n: R[n] is not empty (the FXSAVE abridged tag word) */
	uint16_t opcode;	  /* 11 bits */
	uint64_t instruction_ptr, data_ptr;
	uint16_t instruction_sel, data_sel;
};

enum x86_activity { X86_ACTIVE, X86_HALTED, X86_WAIT_SIPI, X86_SHUTDOWN };

/* An exception or interrupt raised but not yet delivered. */
enum x86_event_kind {
	X86_EVENT_NONE,
	X86_EVENT_EXCEPTION, /* fault or trap from the CPU itself */
	X86_EVENT_SOFTWARE,  /* INT n, INT3, INTO: gate DPL is checked */
	X86_EVENT_EXTERNAL,  /* INTR */
	X86_EVENT_NMI,
};

struct x86_event {
	uint8_t kind; /* enum x86_event_kind */
	uint8_t vector;
	uint8_t has_error;
	uint32_t error;
	uint64_t address; /* #PF: CR2 to be; #DB: DR6 bits to be set */
};

struct x86_msrs {
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base, tsc_aux;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t pat, misc_enable, feature_control, misc_features, microcode_revision;
	uint64_t spec_ctrl; /* accepted and stored only (DESIGN section 3) */
};

struct vcpu_state {
	uint64_t gpr[16], rip, rflags;
	struct x86_segment seg[X86_SEGS];
	struct x86_table gdt, idt;
	uint64_t cr0, cr2, cr3, cr4, efer;
	uint64_t dr[4], dr6, dr7;
	uint64_t pdpte[4];  /* loaded with CR3 under PAE paging (SDM vol. 3A 4.4.1), else 0 */
	uint64_t debug_hit; /* data breakpoints whose trap MOV SS holds off: DR6 bits 3:0 */
	struct x86_fpu fpu;
	union x86_xmm xmm[16];
	uint32_t mxcsr;
	struct x86_msrs msr;
	struct x86_event event; /* raised, not delivered */
	uint8_t activity;	/* enum x86_activity */
	uint8_t shadow;		/* interrupts held off for one instruction (STI, MOV SS) */
	uint8_t nmi_blocked;
};

#endif
