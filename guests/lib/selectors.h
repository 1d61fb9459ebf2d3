/* SPDX-License-Identifier: Apache-2.0 */
/* The segments that the start-up code sets up, in the order that SYSCALL and SYSENTER want. */
#ifndef GUESTS_LIB_SELECTORS_H
#define GUESTS_LIB_SELECTORS_H

#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_CODE32 0x1b /* with RPL 3 */
#define SEL_USER_DATA	0x23
#define SEL_USER_CODE64 0x2b
#define SEL_USER_DATA64 0x33 /* the stack segment that SYSEXIT to 64-bit code loads */
#define SEL_CODE32	0x38
#define SEL_CODE16	0x40
#define SEL_DATA16	0x48
#define SEL_TSS		0x50 /* two slots in 64-bit guests */
#define SEL_SPARE	0x60 /* from here on tests put what they like */
#define GDT_SLOTS	32

#define VECTOR_USER_RETURN 0x80

#endif
