/* SPDX-License-Identifier: Apache-2.0 */
/* struct vcpu_state as named fields (core/state.h): its form in images, logs and digests. */
#ifndef CORE_X86_VCPU_TABLE_H
#define CORE_X86_VCPU_TABLE_H

#include "core/state.h"
#include "core/x86/vcpu_state.h"

extern const struct state_table vcpu_table;

#endif
