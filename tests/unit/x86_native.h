/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one instruction on the host CPU with a given x87, MMX and SSE state, six general registers
 * and flags, and gives back what became of them.  A SIMD floating-point exception that it raises
 * is caught and reported.
 */
#ifndef TESTS_UNIT_X86_NATIVE_H
#define TESTS_UNIT_X86_NATIVE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

/* The FXSAVE image (SDM vol. 1 table 10-2). */
struct native_fx {
	uint16_t control, status;
	uint8_t in_use, reserved;
	uint16_t opcode;
	uint64_t instruction_ptr, data_ptr;
	uint32_t mxcsr, mxcsr_mask;
	struct {
		uint64_t mantissa;
		uint16_t sign_exponent;
		uint8_t pad[6];
	} st[8]; /* in stack order */
	uint64_t xmm[16][2];
	uint8_t unused[96];
};

struct native {
	uint64_t rax, rcx, rdx, rbx, rsi, rdi, rflags, host_rsp;
	struct native_fx fx __attribute__((aligned(16)));
	struct native_fx host __attribute__((aligned(16)));
	bool trapped; /* #XM */
};

_Static_assert(sizeof(struct native_fx) == 512, "as FXSAVE writes it");
_Static_assert(offsetof(struct native, fx) == 64 && offsetof(struct native, host) == 576,
	       "the code below says so");

#define NATIVE_SLOT 16

extern const uint8_t native_code[], native_slot[], native_resume[], native_end[];

__asm__(".text\n"
	"native_code:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rdi, %r15\n"
	"	mov %rsp, 56(%r15)\n"
	"	fxsave64 576(%r15)\n"
	"	fxrstor64 64(%r15)\n"
	"	mov (%r15), %rax; mov 8(%r15), %rcx; mov 16(%r15), %rdx\n"
	"	mov 24(%r15), %rbx; mov 32(%r15), %rsi; mov 40(%r15), %rdi\n"
	"	push 48(%r15); popfq\n"
	"native_slot:\n"
	"	.fill 16, 1, 0x90\n"
	"native_resume:\n"
	"	mov 56(%r15), %rsp\n"
	"	pushfq; pop 48(%r15); cld\n"
	"	mov %rax, (%r15); mov %rcx, 8(%r15); mov %rdx, 16(%r15)\n"
	"	mov %rbx, 24(%r15); mov %rsi, 32(%r15); mov %rdi, 40(%r15)\n"
	"	fxsave64 64(%r15)\n"
	"	fxrstor64 576(%r15)\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	"native_end:\n"
	"	.previous\n");

static uint8_t *native_page;
static struct native *native_running;

static void native_on_fpe(int signal, siginfo_t *info, void *context)
{
	ucontext_t *u = (ucontext_t *)context;

	(void)signal;
	(void)info;
	native_running->trapped = true;
	u->uc_mcontext.gregs[REG_RIP] = (greg_t)(native_page + (native_resume - native_code));
}

/* False when the host allows no code to be made. */
static bool native_open(void)
{
	native_page = (uint8_t *)mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (native_page == MAP_FAILED)
		return false;
	memcpy(native_page, native_code, (size_t)(native_end - native_code));
	return true;
}

/* Catches exceptions from now on; cmocka sets handlers of its own around each test. */
static void native_catch(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_sigaction = native_on_fpe;
	action.sa_flags = SA_SIGINFO;
	sigaction(SIGFPE, &action, NULL);
}

/* The instruction that native_run() runs from now on. */
static void native_set(const uint8_t *bytes, unsigned len)
{
	uint8_t *slot = native_page + (native_slot - native_code);

	memset(slot, 0x90, NATIVE_SLOT);
	memcpy(slot, bytes, len);
}

static void native_run(struct native *n)
{
	void (*code)(struct native *);

	memcpy(&code, &native_page, sizeof(code));
	n->trapped = false;
	native_running = n;
	code(n);
}

#endif
