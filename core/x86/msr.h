/* SPDX-License-Identifier: Apache-2.0 */
/* Model-specific registers (SDM vol. 4): those that belong to the CPU itself; the rest, such as
 * the time stamp counter and the local APIC's, are the world's. */
#ifndef CORE_X86_MSR_H
#define CORE_X86_MSR_H

#include "core/x86/cpu.h"

/* RDMSR and WRMSR.  X86_FAULT: #GP(0) raised for an index that the model lacks or a value that
 * the register refuses, nothing changed. */
enum x86_status msr_read(struct x86_cpu *c, uint32_t index, uint64_t *value);
enum x86_status msr_write(struct x86_cpu *c, uint32_t index, uint64_t value);

/* Values after RESET; INIT changes none of these. */
void msr_reset(struct x86_msrs *m);

/* NULL, or a static sentence naming the first register that holds what no WRMSR could have put
 * there. */
const char *msr_check(const struct x86_msrs *m);

#endif
