/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software CPU: registers in the form execution wants them, the software TLB, and what is
 * derived from control registers and segments.  Owned by an engine; one thread at a time.
 *
 * Life of an instruction.  A driver (x86_step(), or an engine's block loop) sets cpu->rip to the
 * instruction's address and calls x86_execute() with the decoded form.  The exec function named
 * in the opcode table carries it out.  It makes every check and every memory access that can
 * fail before it changes any register, so that X86_FAULT and X86_EXIT leave the state as it was
 * (memory already written by a multi-part store is allowed to stay written, as on hardware; it
 * is written again with the same bytes when the instruction is run again).  It leaves rip alone
 * and returns X86_OK, or sets rip and returns X86_JUMPED.  A fault is left in cpu->event, and
 * the driver delivers it with x86_event_deliver().
 *
 * Derived state.  After any change to CR0, CR4, EFER, CS, SS, RFLAGS.VM or AC, call
 * x86_mode_update(); it recomputes the fields under "derived" and sets cpu->resync.
 */
#ifndef CORE_X86_CPU_H
#define CORE_X86_CPU_H

#include "core/x86/flags.h"
#include "core/x86/insn.h"
#include "core/x86/tlb.h"
#include "core/x86/vcpu_state.h"
#include "core/x86/x86_status.h"
#include "core/x86/x86_world.h"

#include <stdbool.h>
#include <stdint.h>

struct x86_cpu_model;
struct x86_decoder;

#define CR0_PE	       (1u << 0)
#define CR0_MP	       (1u << 1)
#define CR0_EM	       (1u << 2)
#define CR0_TS	       (1u << 3)
#define CR0_ET	       (1u << 4)
#define CR0_NE	       (1u << 5)
#define CR0_WP	       (1u << 16)
#define CR0_AM	       (1u << 18)
#define CR0_NW	       (1u << 29)
#define CR0_CD	       (1u << 30)
#define CR0_PG	       (1u << 31)
#define CR4_VME	       (1u << 0)
#define CR4_PVI	       (1u << 1)
#define CR4_TSD	       (1u << 2)
#define CR4_DE	       (1u << 3)
#define CR4_PSE	       (1u << 4)
#define CR4_PAE	       (1u << 5)
#define CR4_MCE	       (1u << 6)
#define CR4_PGE	       (1u << 7)
#define CR4_PCE	       (1u << 8)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP       (1u << 11)
#define CR4_FSGSBASE   (1u << 16)
#define CR4_SMEP       (1u << 20)
#define CR4_SMAP       (1u << 21)
#define DR6_FIXED      0xffff0ff0u /* bits that always read as 1 */
#define DR6_VALID      0x0000e00fu /* bits that may be written */
#define DR6_BD	       (1u << 13)
#define DR7_FIXED      0x00000400u
#define DR7_VALID      0xffff23ffu
#define DR7_GD	       (1u << 13)
#define EFER_SCE       (1u << 0)
#define EFER_LME       (1u << 8)
#define EFER_LMA       (1u << 10)
#define EFER_NXE       (1u << 11)

enum x86_vector {
	X86_DE = 0,
	X86_DB = 1,
	X86_NMI = 2,
	X86_BP = 3,
	X86_OF = 4,
	X86_BR = 5,
	X86_UD = 6,
	X86_NM = 7,
	X86_DF = 8,
	X86_TS = 10,
	X86_NP = 11,
	X86_SS_FAULT = 12,
	X86_GP = 13,
	X86_PF = 14,
	X86_MF = 16,
	X86_AC = 17,
	X86_MC = 18,
	X86_XM = 19,
};

/* Bits of x86_cpu.mode: everything that a decoded block depends on besides its bytes. */
enum x86_mode_bits {
	X86_MODE_CODE16 = 0,
	X86_MODE_CODE32 = 1,
	X86_MODE_CODE64 = 2,
	X86_MODE_CODE = 3,	   /* mask of the three above */
	X86_MODE_STACK32 = 1 << 2, /* SS.B (meaningless in 64-bit code) */
	X86_MODE_USER = 1 << 3,	   /* CPL 3 */
	X86_MODE_NO_X87 = 1 << 4,  /* CR0.EM or TS: x87 faults */
	X86_MODE_NO_SSE = 1 << 5,  /* CR0.EM or TS set, or CR4.OSFXSR clear: SSE faults */
	X86_MODE_CAREFUL = 1 << 6, /* alignment checks or data breakpoints on: no fast memory
				     * paths, every access goes through access.c */
	X86_MODE_REAL = 1 << 7,	   /* real-address or virtual-8086 mode */
	X86_MODE_FLAT = 1 << 8,	   /* 32-bit code; CS DS ES SS have base 0 and limit 4 GiB - 1, all
				     * may be read and all but CS written */
};

struct x86_cpu {
	/* General registers, then a slot that is always zero (X86_REG_ZERO) and one for the
	 * engine (X86_REG_RIP), so that an address is a plain sum of slots. */
	uint64_t r[18];
	uint64_t rip;
	struct x86_lazy_flags lazy; /* CF PF AF ZF SF OF */
	uint64_t rflags;	    /* all other bits; the six above are 0 here, bit 1 is 1 */
	struct x86_segment seg[X86_SEGS];

	/* derived: see x86_mode_update() */
	uint32_t mode;
	uint8_t cpl;
	uint8_t code_bytes;  /* 2, 4, 8: default address size of the code segment */
	uint8_t stack_bytes; /* 2, 4, 8: width of SP used by pushes and pops */
	bool long_mode;	     /* EFER.LMA */
	bool resync; /* set by whatever may have made the current block or mode stale, or opened
		      * interrupts: an engine leaves its block after this instruction */

	uint8_t activity; /* enum x86_activity */
	uint8_t shadow;	  /* interrupts (and, after MOV SS, debug traps) held off until the
			   * next instruction has completed: X86_SHADOW_* */
	uint8_t nmi_blocked;
	struct x86_event event; /* set with X86_FAULT */

	uint64_t cr0, cr2, cr3, cr4, efer;
	uint64_t dr[4], dr6, dr7;
	uint64_t debug_hit; /* DR6 bits of data breakpoints that this instruction touched: the
			     * driver raises #DB once it has completed */
	uint64_t pdpte[4];  /* PAE paging: loaded with CR3 (SDM vol. 3A 4.4.1) */
	struct x86_table gdt, idt;
	struct x86_fpu fpu;
	uint32_t mxcsr; /* exact only outside x86_fp_enter()/x86_fp_leave(), see host_fp.h */
	union x86_xmm xmm[16];
	struct x86_msrs msr;

	const struct x86_world_ops *world;
	void *world_ctx;
	const struct x86_cpu_model *model;
	const struct x86_decoder *decoder;
	uint32_t apic_id, n_cpus;
	uint32_t rep_limit; /* iterations a REP instruction may make before X86_AGAIN; 0: no limit */

	struct x86_tlb tlb;
};

#define X86_SHADOW_STI	  1
#define X86_SHADOW_MOV_SS 2

/* Puts c into the state after power-up RESET (SDM vol. 3A table 9-1): real mode at F000:FFF0 for
 * the bootstrap processor, X86_WAIT_SIPI for others.  World, model, decoder, apic_id and n_cpus are
 * kept and must have been set before. */
void x86_cpu_reset(struct x86_cpu *c, bool bootstrap);

/* The INIT and start-up IPIs: INIT is a reset that keeps the x87 and SSE state and some MSRs and
 * ends in X86_WAIT_SIPI; SIPI starts real-mode execution at vector << 12. */
void x86_cpu_init_ipi(struct x86_cpu *c);
void x86_cpu_startup_ipi(struct x86_cpu *c, uint8_t vector);

/* Recomputes all derived fields from registers and sets c->resync.  Does not flush the TLB. */
void x86_mode_update(struct x86_cpu *c);

/* Neutral form, both ways.  Set checks that the state is one a CPU of this model can be in and
 * returns NULL, or a static sentence that names the first field that is not, with c unchanged.
 * Set flushes the TLB. */
void x86_cpu_get_state(const struct x86_cpu *c, struct vcpu_state *s);
const char *x86_cpu_set_state(struct x86_cpu *c, const struct vcpu_state *s);

/* Carries out the decoded instruction that memory holds at c->rip: first the checks that its row in the opcode
 * table names (LOCK, mode, privilege, x87/SSE availability, feature), then its meaning; moves rip
 * past it on success; handles the interrupt shadow and RF.  Faults are left in c->event, not
 * delivered. */
enum x86_status x86_execute(struct x86_cpu *c, const struct x86_insn *i);

/* Fetches and decodes the instruction at c->rip.  X86_FAULT: c->event says why it cannot be had
 * or what is wrong with it. */
enum x86_status x86_fetch_insn(struct x86_cpu *c, struct x86_insn *i);

/* Fetches, decodes, executes one instruction and delivers what it raised, single-step and
 * breakpoint traps included.  X86_OK: one instruction retired.  X86_FAULT: an exception was
 * delivered in its place (nothing retired) and rip is at the handler, or c->activity is
 * X86_SHUTDOWN.  X86_AGAIN, X86_EXIT: as in x86_status.h.  If i is not NULL it receives the
 * decoded instruction; its len is 0 when the fetch or decode itself faulted. */
enum x86_status x86_step(struct x86_cpu *c, struct x86_insn *i);

/* EIP has 32 bits in 16-bit code too: what runs past 64 KiB meets the limit of CS there. */
static inline uint64_t x86_rip_mask(const struct x86_cpu *c)
{
	return c->code_bytes == 8 ? ~0ull : 0xffffffffull;
}

/* Canonical: bits 63:47 are equal. */
static inline bool x86_is_canonical(uint64_t linear)
{
	return (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
}

/* Whose rights ordinary accesses have now. */
static inline enum x86_tlb_set x86_tlb_set(const struct x86_cpu *c)
{
	if (c->cpl == 3)
		return X86_TLB_USER;
	return c->cr4 & CR4_SMAP && c->rflags & X86_AC_FLAG ? X86_TLB_SYSTEM_AC : X86_TLB_SYSTEM;
}

static inline bool x86_is_real(const struct x86_cpu *c)
{
	return c->mode & X86_MODE_REAL;
}

static inline bool x86_is_64(const struct x86_cpu *c)
{
	return (c->mode & X86_MODE_CODE) == X86_MODE_CODE64;
}

#endif
