/* SPDX-License-Identifier: Apache-2.0 */
#include "core/x86/tlb.h"

static void tlb_empty(struct x86_tlb *tlb, unsigned set, unsigned kind)
{
	for (unsigned n = 0; n < tlb->filled[set][kind]; n++)
		tlb->set[set][kind][tlb->slot[set][kind][n]].page = X86_TLB_NO_PAGE;
	tlb->filled[set][kind] = 0;
}

void tlb_init(struct x86_tlb *tlb)
{
	for (unsigned set = 0; set < X86_TLB_SETS; set++)
		for (unsigned kind = 0; kind < X86_TLB_KINDS; kind++) {
			for (unsigned n = 0; n < X86_TLB_ENTRIES; n++)
				tlb->set[set][kind][n].page = X86_TLB_NO_PAGE;
			tlb->filled[set][kind] = 0;
		}
	tlb->generation = 1;
	tlb->read = tlb->set[X86_TLB_SYSTEM][X86_TLB_READ];
	tlb->write = tlb->set[X86_TLB_SYSTEM][X86_TLB_WRITE];
	tlb->code = tlb->set[X86_TLB_SYSTEM][X86_TLB_CODE];
}

void tlb_flush(struct x86_tlb *tlb)
{
	for (unsigned set = 0; set < X86_TLB_SETS; set++)
		for (unsigned kind = 0; kind < X86_TLB_KINDS; kind++)
			tlb_empty(tlb, set, kind);
	tlb->generation++;
}

void tlb_flush_writes(struct x86_tlb *tlb)
{
	for (unsigned set = 0; set < X86_TLB_SETS; set++)
		tlb_empty(tlb, set, X86_TLB_WRITE);
}

void tlb_flush_page(struct x86_tlb *tlb, uint64_t linear)
{
	unsigned slot = linear / X86_PAGE_BYTES % X86_TLB_ENTRIES;

	for (unsigned set = 0; set < X86_TLB_SETS; set++)
		for (unsigned kind = 0; kind < X86_TLB_KINDS; kind++) {
			struct x86_tlb_entry *e = &tlb->set[set][kind][slot];

			if (e->page == (linear & X86_PAGE_MASK))
				e->page = X86_TLB_NO_PAGE;
		}
	tlb->generation++;
}

void tlb_fill(struct x86_tlb *tlb, enum x86_tlb_set set, enum x86_tlb_kind kind, uint64_t linear,
	      void *host_page)
{
	unsigned slot = linear / X86_PAGE_BYTES % X86_TLB_ENTRIES;
	struct x86_tlb_entry *e = &tlb->set[set][kind][slot];
	uint16_t *filled = &tlb->filled[set][kind];

	linear &= X86_PAGE_MASK;
	if (e->page == X86_TLB_NO_PAGE) {
		/* after single-page flushes a slot may be listed twice: when the list is full,
		 * every slot is on it */
		if (*filled < X86_TLB_ENTRIES)
			tlb->slot[set][kind][(*filled)++] = slot;
		else
			tlb_empty(tlb, set, kind), tlb->slot[set][kind][(*filled)++] = slot;
	}
	e->page = linear;
	e->addend = (uintptr_t)host_page - linear;
}
