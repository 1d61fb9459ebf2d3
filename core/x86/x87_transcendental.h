/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The x87 transcendental instructions.
 *
 * Processors differ in the last bit or more of these, so here they are defined once, in integer
 * arithmetic, and give the same bits on every host.  The definition is: the true mathematical
 * function of the operands, computed to more than 110 bits and rounded once to 64 bits in the
 * direction that the control word asks for.  (So, but for the one operand in 2^45 whose true value
 * is that close to a rounding boundary, the result is the correctly rounded one.)  As on the
 * processors, precision control has no effect, and PE is set for every result except the exact
 * ones: those of zeros and infinities, F2XM1 of 1 and -1, and FYL2X of powers of two.
 *
 * Where the manuals leave the result undefined:
 *   F2XM1     beyond -1..1: the operand unchanged, PE set; of infinity: infinity or -1
 *   FYL2XP1   of ST0 > -1: the true function everywhere, not only on the documented domain
 *             of ST0 <= -1, ST1 finite: ST0 unchanged, PE set
 *   FSINCOS   C1 tells how the cosine, the new ST0, was rounded
 *
 * Trigonometric operands of 2^63 and more set C2 and stay.  Below that, reduction is by the true
 * pi, not by a 66-bit approximation of it.
 *
 * Functions follow the contract of host_x87.h: a and b are ST0 and ST1, results replace them as
 * noted, an unmasked invalid, denormal or zero-divide exception leaves both alone.
 */
#ifndef CORE_X86_X87_TRANSCENDENTAL_H
#define CORE_X86_X87_TRANSCENDENTAL_H

#include "core/x86/host_x87.h"

void x87_f2xm1(struct host_x87 *h);   /* a = 2^a - 1 */
void x87_fyl2x(struct host_x87 *h);   /* a = b * log2(a) */
void x87_fyl2xp1(struct host_x87 *h); /* a = b * log2(a + 1) */
void x87_fpatan(struct host_x87 *h);  /* a = angle of the point (a, b), as atan2(b, a) */
void x87_fsin(struct host_x87 *h);
void x87_fcos(struct host_x87 *h);
void x87_fsincos(struct host_x87 *h); /* b = sin a, a = cos a; nothing when C2 is set */
void x87_fptan(struct host_x87 *h);   /* b = tan a, a = 1; nothing when C2 is set */

#endif
