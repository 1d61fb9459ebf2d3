/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/host_x87.h"

#define LOAD_NONE ""
#define LOAD_A	  "fldt %[a]\n\t"
#define LOAD_A_B  "fldt %[b]\n\tfldt %[a]\n\t"

#define STORE_A_B "fstpt %[a]\n\tfstpt %[b]\n\t"
#define STORE_A	  "fstpt %[a]\n\t"

/* One function: load, run with the guest's control word, collect, store with the host's control
 * word, which masks what an absent result would raise.  FNINIT at both ends keeps a stray register
 * of the host, or one that an exception left behind, from mattering. */
#define HOST_X87(name, load, instruction, store)                                               \
	void host_##name(struct host_x87 *h)                                                   \
	{                                                                                      \
		uint16_t host_control;                                                         \
                                                                                               \
		__asm__ volatile("fnstcw %[host]\n\t"                                          \
				 "fninit\n\t" load "fldcw %[control]\n\t" instruction "\n\t"   \
				 "fnstsw %[status]\n\t"                                        \
				 "fnclex\n\t"                                                  \
				 "fldcw %[host]\n\t" store "fninit\n\t"                        \
				 "fldcw %[host]"                                               \
				 : [host] "=&m"(host_control), [a] "+m"(h->a), [b] "+m"(h->b), \
				   [memory] "+m"(h->memory), [status] "=m"(h->status)          \
				 : [control] "m"(h->control)                                   \
				 : "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", \
				   "st(7)");                                                   \
	}

#define ARITHMETIC(name, iname)                                     \
	HOST_X87(name, LOAD_A_B, #name " %%st(1), %%st", STORE_A)   \
	HOST_X87(name##_m32, LOAD_A, #name "s %[memory]", STORE_A)  \
	HOST_X87(name##_m64, LOAD_A, #name "l %[memory]", STORE_A)  \
	HOST_X87(name##_i32, LOAD_A, #iname "l %[memory]", STORE_A) \
	HOST_X87(name##_i16, LOAD_A, #iname "s %[memory]", STORE_A)
ARITHMETIC(fadd, fiadd)
ARITHMETIC(fmul, fimul)
ARITHMETIC(fsub, fisub)
ARITHMETIC(fsubr, fisubr)
ARITHMETIC(fdiv, fidiv)
ARITHMETIC(fdivr, fidivr)

HOST_X87(fcom, LOAD_A_B, "fcom %%st(1)", "")
HOST_X87(fcom_m32, LOAD_A, "fcoms %[memory]", "")
HOST_X87(fcom_m64, LOAD_A, "fcoml %[memory]", "")
HOST_X87(fcom_i32, LOAD_A, "ficoml %[memory]", "")
HOST_X87(fcom_i16, LOAD_A, "ficoms %[memory]", "")
HOST_X87(fucom, LOAD_A_B, "fucom %%st(1)", "")
HOST_X87(ftst, LOAD_A, "ftst", "")

HOST_X87(fsqrt, LOAD_A, "fsqrt", STORE_A)
HOST_X87(frndint, LOAD_A, "frndint", STORE_A)
HOST_X87(fscale, LOAD_A_B, "fscale", STORE_A)
HOST_X87(fxtract, LOAD_A, "fxtract", STORE_A_B)

HOST_X87(fld_m32, LOAD_NONE, "flds %[memory]", STORE_A)
HOST_X87(fld_m64, LOAD_NONE, "fldl %[memory]", STORE_A)
HOST_X87(fild_m16, LOAD_NONE, "filds %[memory]", STORE_A)
HOST_X87(fild_m32, LOAD_NONE, "fildl %[memory]", STORE_A)
HOST_X87(fild_m64, LOAD_NONE, "fildll %[memory]", STORE_A)

HOST_X87(fst_m32, LOAD_A, "fsts %[memory]", "")
HOST_X87(fst_m64, LOAD_A, "fstl %[memory]", "")
HOST_X87(fist_m16, LOAD_A, "fists %[memory]", "")
HOST_X87(fist_m32, LOAD_A, "fistl %[memory]", "")
HOST_X87(fist_m64, LOAD_A, "fistpll %[memory]", "")
HOST_X87(fisttp_m16, LOAD_A, "fisttps %[memory]", "")
HOST_X87(fisttp_m32, LOAD_A, "fisttpl %[memory]", "")
HOST_X87(fisttp_m64, LOAD_A, "fisttpll %[memory]", "")
HOST_X87(fbstp, LOAD_A, "fbstp %[memory]", "")
