/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why an engine stopped running a vCPU: a plain value, so that a recorder, a replayer or a test
 * can stand between the engine and the device that answers it.
 */
#ifndef CORE_ENGINE_VCPU_EXIT_H
#define CORE_ENGINE_VCPU_EXIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum vcpu_exit_kind {
	VCPU_EXIT_NONE,
	VCPU_EXIT_INSTANT,    /* the instant asked for was reached, exactly */
	VCPU_EXIT_KICKED,     /* engine_kick() was called */
	VCPU_EXIT_HALT,	      /* HLT retired; waits for an event */
	VCPU_EXIT_IRQ_WINDOW, /* an external interrupt may be injected now, as was asked for */
	VCPU_EXIT_PORT,	      /* answer with complete(), then run again */
	VCPU_EXIT_MMIO,	      /* the same */
	VCPU_EXIT_SHUTDOWN,   /* triple fault */
	VCPU_EXIT_FAILED,     /* the engine cannot go on; its failure() says why */
};

struct vcpu_exit {
	enum vcpu_exit_kind kind;
	/* PORT and MMIO */
	bool write;
	uint8_t size_bytes; /* 1, 2, 4; MMIO also 8 */
	uint64_t address;   /* port number or guest-physical address */
	uint64_t value;	    /* what is written */
};

/* "mmio read 4 bytes at 0xfee00020"; always terminated; 96 bytes suffice. */
void vcpu_exit_format(const struct vcpu_exit *exit, char *text, size_t room_bytes);

static inline bool vcpu_exit_equal(const struct vcpu_exit *a, const struct vcpu_exit *b)
{
	return a->kind == b->kind && a->write == b->write && a->size_bytes == b->size_bytes &&
	       a->address == b->address && a->value == b->value;
}

#endif
