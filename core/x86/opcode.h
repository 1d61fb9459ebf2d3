/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opcode table: every instruction of the modelled ISA, once.  opcode.def holds the rows; each
 * says how the instruction is encoded, what it reads and writes, which flags it needs, defines
 * and leaves undefined, under which conditions it exists, and which function is its meaning.
 * Decoder, interpreter, disassembler, translator, test generator and coverage list are all
 * derived from it.
 *
 * Encodings follow the Intel SDM volume 2, appendix A; operand codes use its letters.
 */
#ifndef CORE_X86_OPCODE_H
#define CORE_X86_OPCODE_H

#include "core/x86/x86_status.h"

#include <stdint.h>

struct x86_cpu;
struct x86_insn;

typedef enum x86_status (*x86_exec_fn)(struct x86_cpu *c, const struct x86_insn *i);

enum x86_map { X86_MAP_1, X86_MAP_0F, X86_MAP_0F38, X86_MAP_0F3A, X86_MAPS };

/* Which prefixes select the row. */
enum x86_prefix {
	X86_PFX_ANY,  /* 66, F2, F3 do not select (66 is operand size, F2/F3 REP or ignored) */
	X86_PFX_NONE, /* none of 66, F2, F3 */
	X86_PFX_66,   /* 66 and neither F2 nor F3 */
	X86_PFX_F3,
	X86_PFX_F2,
	X86_PFX_NOREP, /* neither F2 nor F3; 66 is operand size */
};

enum x86_form {
	X86_FORM_PLAIN, /* no ModRM */
	X86_FORM_MODRM, /* ModRM, register or memory */
	X86_FORM_MEM,	/* ModRM with mod != 3 */
	X86_FORM_REG,	/* ModRM with mod == 3 */
};

/* Operand codes.  b w d q dq: 1 2 4 8 16 bytes; v: operand size; z: operand size, at most 4;
 * y: 4, or 8 with REX.W; t: 10. */
enum x86_operand_code {
	O_none,
	O_Eb,
	O_Ew,
	O_Ed,
	O_Eq,
	O_Ev,
	O_Ey, /* ModRM.rm: general register or memory */
	O_Gb,
	O_Gw,
	O_Gd,
	O_Gq,
	O_Gv,
	O_Gy, /* ModRM.reg: general register */
	O_Rv,
	O_Ry,
	O_Rm, /* ModRM.rm register; Rm: as wide as the mode (MOV CR) */
	O_M,
	O_Mb,
	O_Mw,
	O_Md,
	O_Mq,
	O_Mdq,
	O_Mt,
	O_Mv,
	O_My,
	O_Mz,
	O_Mp, /* far pointer 16:v */
	O_Ms, /* pseudo-descriptor: 6 bytes, 10 in 64-bit mode */
	O_Ma, /* pair of v (BOUND) */
	O_Menv,
	O_Msave,
	O_Mfx, /* x87 environment, x87 state, FXSAVE area */
	O_Ib,
	O_Ibs,
	O_Iw,
	O_Iz,
	O_Iv,
	O_I1, /* Ib zero-, Ibs sign-extended to v; Iv up to 8 bytes */
	O_Jb,
	O_Jz,
	O_Ap,
	O_Ob,
	O_Ov, /* absolute offset (MOV moffs) */
	O_Sw,
	O_Cq,
	O_Dq,
	O_Zb,
	O_Zw,
	O_Zv,
	O_Zy, /* register in the low three opcode bits */
	O_AL,
	O_AX,
	O_eAX /* v */,
	O_eAXz,
	O_CL,
	O_DX,
	O_rDX /* v */,
	O_ES,
	O_CS,
	O_SS,
	O_DS,
	O_FS,
	O_GS,
	O_Pq,
	O_Pd,
	O_Qq,
	O_Qd,
	O_Nq, /* MMX: reg; rm register or memory; rm register */
	O_Vdq,
	O_Vq,
	O_Vd,
	O_Wdq,
	O_Wq,
	O_Wd,
	O_Ww,
	O_Udq,
	O_Uq,
	O_XMM0,
	O_ST0,
	O_STi,
	O_Xb,
	O_Xv,
	O_Yb,
	O_Yv,
	O_Xz,
	O_Yz, /* string source and destination; z: INS/OUTS */
	O_CODES
};

#define X86_OPERAND_READ  1
#define X86_OPERAND_WRITE 2

struct x86_operand_spec {
	uint8_t code;	/* enum x86_operand_code */
	uint8_t access; /* X86_OPERAND_READ | X86_OPERAND_WRITE; 0: address or constant only */
};

/* When an instruction exists, what it needs, what it does to the flow. */
enum x86_attr {
	A_LOCK = 1 << 0,    /* LOCK allowed when the first operand is memory */
	A_ONLY64 = 1 << 1,  /* 64-bit mode only */
	A_NO64 = 1 << 2,    /* not in 64-bit mode */
	A_CPL0 = 1 << 3,    /* #GP(0) unless CPL = 0 */
	A_PROT = 1 << 4,    /* #UD in real-address and virtual-8086 mode */
	A_D64 = 1 << 5,	    /* operand size defaults to 8 in 64-bit mode, 66 makes it 2 */
	A_F64 = 1 << 6,	    /* operand size is 8 in 64-bit mode, whatever the prefixes */
	A_X87 = 1 << 7,	    /* #NM on CR0.EM or TS */
	A_MMX = 1 << 8,	    /* #UD on CR0.EM, #NM on TS, #MF when an x87 exception is pending */
	A_SSE = 1 << 9,	    /* #UD on CR0.EM or without CR4.OSFXSR, #NM on TS */
	A_WAIT = 1 << 10,   /* x87: checks for a pending unmasked exception first (#MF) */
	A_JUMP = 1 << 11,   /* always leaves the straight line */
	A_JCC = 1 << 12,    /* may leave the straight line */
	A_SYNC = 1 << 13,   /* may change mode, privilege, paging, IF: engines end a block here */
	A_STRING = 1 << 14, /* REP repeats it */
	A_REPCC = 1 << 15,  /* REPE/REPNE also test ZF */
	A_UNALIGNED = 1 << 16, /* 16-byte memory operand need not be aligned */
	A_SIMD_FP = 1 << 17, /* may raise SIMD floating-point exceptions, reads and writes MXCSR */
	A_INEXACT =
		1 << 18,   /* result is ours by definition, not the host CPU's (DESIGN 3 rule 6) */
	A_NEVER = 1 << 19, /* always #UD (UD0, UD1, UD2) */
	A_IOPL = 1 << 20,  /* sensitive to IOPL */
};

enum x86_feature {
	X86_FEAT_BASE, /* always there */
	X86_FEAT_SEP,
	X86_FEAT_CX16,
	X86_FEAT_POPCNT,
	X86_FEAT_LAHF64,
	X86_FEAT_SSE3,
	X86_FEAT_SSSE3,
	X86_FEAT_SSE41,
	X86_FEAT_SSE42,
	X86_FEAT_RDTSCP,
	X86_FEAT_SMEP,
	X86_FEAT_SMAP,
	X86_FEAT_FSGSBASE,
	X86_FEAT_GBPAGES,
	X86_FEAT_UMIP,
	X86_FEATURES
};

struct x86_opcode {
	const char *name; /* base mnemonic as Intel writes it, lower case */
	uint8_t map;	  /* enum x86_map */
	uint8_t opcode;
	uint8_t prefix;	 /* enum x86_prefix */
	uint8_t form;	 /* enum x86_form */
	int8_t ext;	 /* ModRM.reg, or -1 */
	int8_t rm;	 /* ModRM.rm, or -1 */
	uint8_t feature; /* enum x86_feature */
	struct x86_operand_spec opr[4];
	uint16_t flags_read;  /* EFLAGS bits: needs */
	uint16_t flags_write; /* defines (sets, clears or computes) */
	uint16_t flags_undef; /* architecturally undefined afterwards; ours are fixed, see alu.h */
	uint32_t attr;	      /* enum x86_attr */
	x86_exec_fn exec;
};

extern const struct x86_opcode x86_opcodes[];
extern const unsigned x86_opcode_count;

#endif
