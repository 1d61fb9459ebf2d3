/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FPREM and FPREM1 (SDM vol. 2): a = a - b * q, with q = a / b truncated or rounded to nearest
 * even, computed by long division, exactly.  When the exponents differ by D >= 64 the instruction
 * reduces partially: it removes N of the D quotient bits and sets C2.  The manual allows any N
 * from 32 to 63; here, as on the processors at hand, N = 32 + D mod 32.
 */
#ifndef CORE_X86_X87_REMAINDER_H
#define CORE_X86_X87_REMAINDER_H

#include "core/x86/host_x87.h"

/* Same contract as the operations of host_x87.h.  C0, C3 and C1 get the low three bits of a
 * complete quotient, Q2, Q1 and Q0, or zeros; when there is no result, C0 and C3 stay as they were
 * in status before. */
void x87_fprem(struct host_x87 *h);
void x87_fprem1(struct host_x87 *h);

#endif
