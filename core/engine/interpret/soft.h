/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the interpreter.
 *
 * Guest code is decoded once into blocks (block.h), arrays of uops: a decoded instruction with
 * the function that carries it out.  Three kinds of function stand behind a uop:
 *
 *   specialised  (uop_*.c) one common instruction in one operand form; registers and cached
 *                memory only.  Whatever it cannot do in a few host instructions - a TLB miss, a
 *                fault - it hands to the general one, untouched.
 *   direct       calls the instruction's exec function, no checks needed before.
 *   general      x86_execute(), for whatever may change the mode, fault, or need checks.
 *
 * so that the meaning of an instruction stands once, in core/x86.
 *
 * Counting.  A block knows how many instructions it has.  On entry that many are taken from the
 * vCPU's budget; whoever leaves early puts back those not done (uop.rest).  When the budget is
 * smaller than the block, the block's instructions are executed one by one through x86_execute():
 * a run lands on any instant exactly.
 *
 * Flags.  A specialised uop whose flags are overwritten before anything can see them does not
 * compute them (build.c).  "Anything" includes every instruction that may leave the block: a
 * fault, an exit or a branch always finds the flags complete.
 */
#ifndef CORE_ENGINE_INTERPRET_SOFT_H
#define CORE_ENGINE_INTERPRET_SOFT_H

#include "core/engine/engine.h"
#include "core/x86/cpu.h"
#include "core/x86/cpuid.h"
#include "core/x86/decode.h"

#include <stdatomic.h>

struct soft_vcpu;
struct uop;

/* Carries out u (and usually goes on with the next one by itself); returns the next uop, or NULL
 * when the run loop must look at vcpu->leave. */
typedef const struct uop *(*uop_fn)(struct soft_vcpu *v, const struct uop *u);

struct uop {
	uop_fn run;
	struct x86_insn in;
	uint16_t offset; /* of the instruction from the block's start, in bytes */
	uint16_t rest;	 /* instructions of the block after this one */
	int32_t to;	 /* direct branches: the target from the block's start, in bytes */
	union {
		const struct block *link; /* direct branches: the target, once known; same page */
		int64_t disp; /* memory operands: displacement, from the block's start if
			       * RIP-relative */
	};
};

_Static_assert(sizeof(struct uop) == 64, "one cache line each");

struct block {
	struct block *hash_next;
	struct block *page_next[2]; /* other blocks of the page of its first and its last byte */
	uint64_t gpa;		    /* of the first byte */
	uint64_t gpa_last_page;	    /* page of the last byte: differs if one instruction crosses */
	uint32_t mode;
	uint16_t n_insns;
	uint16_t n_bytes;
	bool dead; /* its code has changed; only a vCPU still inside it holds it */
	struct uop uop[] __attribute__((aligned(64)));
};

enum soft_leave {
	LEAVE_NEXT,  /* nothing special: find the block at rip and go on */
	LEAVE_FAULT, /* cpu.event is to be delivered */
	LEAVE_EXIT,  /* vcpu.exit is to be answered */
};

#define LATELY_ENTRIES 4096

/* Accesses of the current instruction that were answered from outside, see world.c. */
#define ANSWERS_MAX 128

struct soft_vcpu {
	struct x86_cpu cpu;
	struct soft *soft;
	unsigned number;
	uint64_t rip_mask;    /* of the code being run */
	int64_t budget;	      /* instructions that may still be retired in this slice */
	uint64_t target;      /* retired count at which the budget is used up */
	uint64_t count;	      /* retired, exact between slices */
	const struct uop *at; /* the instruction being carried out, NULL outside blocks */
	enum soft_leave leave;
	bool want_window;
	atomic_bool kicked;
	struct vcpu_exit exit; /* asked of the outside during this instruction */
	unsigned n_answers, n_used;
	uint64_t answer[ANSWERS_MAX];
	/* Where blocks were found lately, by rip; good while key matches. */
	struct {
		uint64_t rip, key;
		const struct block *block;
	} lately[LATELY_ENTRIES];
};

struct block_cache;

struct soft {
	struct engine_config config;
	struct x86_decoder decoder;
	const struct x86_cpu_model *model;
	struct block_cache *blocks;
	uint64_t *table; /* numbers of the pages with MEM_PAGE_TABLE set; room for every page */
	size_t n_tables;
	struct soft_vcpu *vcpu[ENGINE_VCPUS_MAX];
};

/* World functions of the interpreter's vCPUs; the context is a struct soft_vcpu (world.c). */
extern const struct x86_world_ops soft_world;

/* Retired instructions before the one being carried out. */
static inline uint64_t soft_now(const struct soft_vcpu *v)
{
	if (!v->at)
		return v->count;
	return v->target - (uint64_t)v->budget - v->at->rest - 1;
}

#endif
