/* SPDX-License-Identifier: Apache-2.0 */
/* Paging: 32-bit, PAE and 4-level structures (SDM vol. 3A chapter 4). */
#ifndef CORE_X86_PAGE_WALK_H
#define CORE_X86_PAGE_WALK_H

#include "core/x86/access.h"

/* Translates linear for access (enum x86_access_bits) at the current privilege, sets A and D bits
 * in guest memory as the access requires, and gives the guest-physical address.  X86_FAULT: #PF
 * raised in c->event, with the exact error code.  With paging off linear is physical. */
enum x86_status page_walk(struct x86_cpu *c, uint64_t linear, unsigned access, uint64_t *gpa);

/* Looks up linear without any effect and without permission checks (debugger, disassembler):
 * false when not mapped. */
bool page_walk_peek(struct x86_cpu *c, uint64_t linear, uint64_t *gpa);

/* Bits that a present PDPTE of PAE paging may not have. */
uint64_t page_walk_pdpte_reserved(const struct x86_cpu *c);

/* Loads the four PDPTEs that PAE paging keeps in the CPU; X86_FAULT: #GP(0) for reserved bits. */
enum x86_status page_walk_load_pdptes(struct x86_cpu *c, uint64_t cr3, uint64_t pdpte[4]);

#endif
