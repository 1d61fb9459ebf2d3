/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/host_x87.h"

#define LOAD_NONE ""
#define LOAD_A	  "fldt %[a]\n\t"
#define LOAD_A_B  "fldt %[b]\n\tfldt %[a]\n\t"

/* What is on the stack after the instruction, when no exception was unmasked. */
#define LEFT_NONE  ""
#define LEFT_A	   "fstpt %[a]\n\t"
#define LEFT_A_B   "fstpt %[a]\n\tfstpt %[b]\n\t"
#define LEFT_A_OLD "fstpt %[a]\n\tfstp %%st(0)\n\t"
#define LEFT_OLD   "fstp %%st(0)\n\t"

/*
 * One function: load, run with the guest's control word, collect, store with the host's control
 * word.  FNINIT would be the simple way to a clean unit, but it is slow; so the flags that the
 * host's own code may have left are cleared before, and the stack is emptied by name.  Only an
 * unmasked exception, which may have kept the instruction from pushing or popping, ends with
 * FNINIT; the host's control word masks what an absent result would raise.
 */
#define HOST_X87(name, load, instruction, left)                                                   \
	void host_##name(struct host_x87 *h)                                                      \
	{                                                                                         \
		uint16_t host_control;                                                            \
                                                                                                  \
		__asm__ volatile("fnstcw %[host]\n\t"                                             \
				 "fnclex\n\t" load "fldcw %[control]\n\t" instruction "\n\t"      \
				 "fnstsw %%ax\n\t"                                                \
				 "movw %%ax, %[status]\n\t"                                       \
				 "testb $0x80, %%al\n\t"                                          \
				 "jnz 1f\n\t"                                                     \
				 "fldcw %[host]\n\t" left "jmp 2f\n"                              \
				 "1:\tfnclex\n\t"                                                 \
				 "fldcw %[host]\n\t" left "fninit\n\t"                            \
				 "fldcw %[host]\n"                                                \
				 "2:"                                                             \
				 : [host] "=&m"(host_control), [a] "+m"(h->a), [b] "+m"(h->b),    \
				   [memory] "+m"(h->memory), [status] "=m"(h->status)             \
				 : [control] "m"(h->control)                                      \
				 : "ax", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", \
				   "st(6)", "st(7)");                                             \
	}

#define ARITHMETIC(name, iname)                                      \
	HOST_X87(name, LOAD_A_B, #name " %%st(1), %%st", LEFT_A_OLD) \
	HOST_X87(name##_m32, LOAD_A, #name "s %[memory]", LEFT_A)    \
	HOST_X87(name##_m64, LOAD_A, #name "l %[memory]", LEFT_A)    \
	HOST_X87(name##_i32, LOAD_A, #iname "l %[memory]", LEFT_A)   \
	HOST_X87(name##_i16, LOAD_A, #iname "s %[memory]", LEFT_A)
ARITHMETIC(fadd, fiadd)
ARITHMETIC(fmul, fimul)
ARITHMETIC(fsub, fisub)
ARITHMETIC(fsubr, fisubr)
ARITHMETIC(fdiv, fidiv)
ARITHMETIC(fdivr, fidivr)

HOST_X87(fcom, LOAD_A_B, "fcompp", LEFT_NONE)
HOST_X87(fcom_m32, LOAD_A, "fcomps %[memory]", LEFT_NONE)
HOST_X87(fcom_m64, LOAD_A, "fcompl %[memory]", LEFT_NONE)
HOST_X87(fcom_i32, LOAD_A, "ficompl %[memory]", LEFT_NONE)
HOST_X87(fcom_i16, LOAD_A, "ficomps %[memory]", LEFT_NONE)
HOST_X87(fucom, LOAD_A_B, "fucompp", LEFT_NONE)
HOST_X87(ftst, LOAD_A, "ftst", LEFT_OLD)

HOST_X87(fsqrt, LOAD_A, "fsqrt", LEFT_A)
HOST_X87(frndint, LOAD_A, "frndint", LEFT_A)
HOST_X87(fscale, LOAD_A_B, "fscale", LEFT_A_OLD)
HOST_X87(fxtract, LOAD_A, "fxtract", LEFT_A_B)

HOST_X87(fld_m32, LOAD_NONE, "flds %[memory]", LEFT_A)
HOST_X87(fld_m64, LOAD_NONE, "fldl %[memory]", LEFT_A)
HOST_X87(fild_m16, LOAD_NONE, "filds %[memory]", LEFT_A)
HOST_X87(fild_m32, LOAD_NONE, "fildl %[memory]", LEFT_A)
HOST_X87(fild_m64, LOAD_NONE, "fildll %[memory]", LEFT_A)

HOST_X87(fst_m32, LOAD_A, "fstps %[memory]", LEFT_NONE)
HOST_X87(fst_m64, LOAD_A, "fstpl %[memory]", LEFT_NONE)
HOST_X87(fist_m16, LOAD_A, "fistps %[memory]", LEFT_NONE)
HOST_X87(fist_m32, LOAD_A, "fistpl %[memory]", LEFT_NONE)
HOST_X87(fist_m64, LOAD_A, "fistpll %[memory]", LEFT_NONE)
HOST_X87(fisttp_m16, LOAD_A, "fisttps %[memory]", LEFT_NONE)
HOST_X87(fisttp_m32, LOAD_A, "fisttpl %[memory]", LEFT_NONE)
HOST_X87(fisttp_m64, LOAD_A, "fisttpll %[memory]", LEFT_NONE)
HOST_X87(fbstp, LOAD_A, "fbstp %[memory]", LEFT_NONE)
