/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Can this host's /dev/kvm run ordinary guests?
 *
 * Some hosts have one that opens, claims every capability, and then interprets ring-0 code without
 * SSE; a kernel would stop in its first microsecond.  So nothing is believed: a throwaway guest runs
 * a few 64-bit ring-0 instructions, SSE2 among them, first to see whether they work, then some more
 * to see how fast.
 */
#ifndef CORE_ENGINE_KVM_PROBE_H
#define CORE_ENGINE_KVM_PROBE_H

#include <stddef.h>

enum kvm_verdict {
	KVM_PROBE_OK,
	KVM_PROBE_ABSENT,   /* there is no /dev/kvm */
	KVM_PROBE_CLOSED,   /* it may not be opened, or refuses to make a guest */
	KVM_PROBE_EMULATED, /* ordinary ring-0 instructions do not run */
	KVM_PROBE_SLOW,	    /* they do, slower than a software CPU would */
};

/*
 * Writes the reason into why (room_bytes, always terminated) as part of a sentence.  Blocks for a few
 * milliseconds, or a quarter of a second under another hypervisor.  Leaves nothing behind.
 */
enum kvm_verdict kvm_probe(char *why, size_t room_bytes);

#endif
