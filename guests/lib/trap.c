/* SPDX-License-Identifier: Apache-2.0 */
#include "guests/lib/trap.h"

struct user_call {
	trap_function *function;
	void *argument;
	unsigned long sp;
};

void guard_enter(unsigned long *saved_sp, trap_function *function, void *argument);
_Noreturn void guard_leave(unsigned long saved_sp);
void guard_user(void *user_call);
void trap_dispatch(struct trap_frame *frame);

static struct {
	bool active;
	unsigned long saved_sp;
	struct trap caught;
} guard;

static trap_hook *hooks[256];
static uint8_t user_stack[16384] __attribute__((aligned(16)));

static unsigned guarded(struct trap *t, trap_function *function, void *argument)
{
	unsigned long outer_sp = guard.saved_sp;
	bool outer = guard.active;

	guard.active = true;
	guard.caught = (struct trap){.vector = VEC_NONE};
	guard_enter(&guard.saved_sp, function, argument);
	guard.active = outer;
	guard.saved_sp = outer_sp;
	if (t)
		*t = guard.caught;
	return guard.caught.vector;
}

unsigned trap_call(struct trap *t, trap_function *function, void *argument)
{
	return guarded(t, function, argument);
}

unsigned trap_user_call(struct trap *t, trap_function *function, void *argument)
{
	struct user_call call = {function, argument,
				 (unsigned long)(user_stack + sizeof(user_stack))};

	return guarded(t, guard_user, &call);
}

_Noreturn void trap_leave(const struct trap *t)
{
	guard.caught = *t;
	guard_leave(guard.saved_sp);
}

static unsigned long read_cr2(void)
{
	unsigned long value;

	__asm__ volatile("mov %%cr2, %0" : "=r"(value));
	return value;
}

static unsigned long take_dr6(void)
{
	unsigned long value;

	__asm__ volatile("mov %%dr6, %0" : "=r"(value));
	__asm__ volatile("mov %0, %%dr6" : : "r"(0xffff0ff0ul));
	return value;
}

_Noreturn static void die(const struct trap_frame *frame)
{
	console_text("FAIL unexpected trap ");
	console_hex(frame->vector);
	console_text(" error ");
	console_hex(frame->error);
	console_text(" at ");
	console_hex(frame->cs);
	console_text(":");
	console_hex(frame->ip);
	console_text(" cr2 ");
	console_hex(read_cr2());
	console_text("\n");
	guest_results.failed++;
	guest_finish();
}

void trap_dispatch(struct trap_frame *frame)
{
	struct trap t = {.vector = (unsigned)frame->vector, .error = frame->error, .frame = *frame};

	if (hooks[frame->vector & 0xff] && hooks[frame->vector & 0xff](frame))
		return;
	if (!guard.active)
		die(frame);
	if (t.vector == VEC_PF)
		t.cr2 = read_cr2();
	if (t.vector == VEC_DB)
		t.dr6 = take_dr6();
	if (t.vector == VECTOR_USER_RETURN)
		t.vector = VEC_NONE;
	trap_leave(&t);
}

void trap_set_hook(unsigned vector, trap_hook *hook)
{
	hooks[vector] = hook;
}

static void report(const char *name, const struct trap *t, unsigned vector, unsigned long error)
{
	if (t->vector == vector && t->error == error) {
		check(name, true);
		return;
	}
	console_text("FAIL ");
	console_text(name);
	console_text(": vector ");
	console_hex(t->vector);
	console_text(" error ");
	console_hex(t->error);
	console_text(" ip ");
	console_hex(t->frame.ip);
	console_text(", want ");
	console_hex(vector);
	console_text(" error ");
	console_hex(error);
	console_text("\n");
	guest_results.failed++;
}

void expect_trap(const char *name, unsigned vector, unsigned long error, trap_function *function,
		 void *argument)
{
	struct trap t;

	trap_call(&t, function, argument);
	report(name, &t, vector, error);
}

void expect_user_trap(const char *name, unsigned vector, unsigned long error,
		      trap_function *function, void *argument)
{
	struct trap t;

	trap_user_call(&t, function, argument);
	report(name, &t, vector, error);
}

void expect_trap_not_tcg(const char *name, unsigned vector, unsigned long error,
			 trap_function *function, void *argument)
{
	if (!tcg_lacks(name))
		expect_trap(name, vector, error, function, argument);
}

void expect_fault(const char *name, unsigned vector, unsigned long error, unsigned long cr2,
		  trap_function *function, void *argument)
{
	struct trap t;

	trap_call(&t, function, argument);
	if (t.vector == vector && t.error == error && t.cr2 != cr2)
		check_equal(name, t.cr2, cr2);
	else
		report(name, &t, vector, error);
}

/* ---- tables ---- */

uint8_t trap_stack[16384] __attribute__((aligned(16)));

#ifdef __x86_64__
static uint64_t idt[256][2] __attribute__((aligned(16)));
uint8_t trap_ist_stack[2][TRAP_IST_BYTES] __attribute__((aligned(16)));
struct tss64 tss;

void idt_set(unsigned vector, unsigned long handler, unsigned selector, unsigned type_and_dpl,
	     unsigned ist)
{
	idt[vector][0] = (handler & 0xffff) | (uint64_t)selector << 16 | (uint64_t)ist << 32 |
			 (uint64_t)type_and_dpl << 40 | (handler >> 16 & 0xffff) << 48;
	idt[vector][1] = handler >> 32;
}

static void tss_init(void)
{
	unsigned long base = (unsigned long)&tss;

	tss.rsp[0] = (unsigned long)(trap_stack + sizeof(trap_stack));
	for (unsigned i = 0; i < 2; i++)
		tss.ist[i] = (unsigned long)(trap_ist_stack[i] + TRAP_IST_BYTES);
	gdt[SEL_TSS / 8 + 1] = base >> 32;
	gdt[SEL_TSS / 8] = 0x0000890000000000 | (base & 0xffffff) << 16 |
			   (base >> 24 & 0xff) << 56 | (offsetof(struct tss64, io_bits) - 1);
}
#else
static uint64_t idt[256] __attribute__((aligned(16)));
struct tss32 tss;

void idt_set(unsigned vector, unsigned long handler, unsigned selector, unsigned type_and_dpl,
	     unsigned ist)
{
	(void)ist;
	idt[vector] = (handler & 0xffff) | selector << 16 | (uint64_t)type_and_dpl << 40 |
		      (uint64_t)(handler >> 16) << 48;
}

static void tss_init(void)
{
	unsigned long base = (unsigned long)&tss;

	tss.esp0 = (unsigned long)(trap_stack + sizeof(trap_stack));
	tss.ss0 = SEL_KERNEL_DATA;
	gdt[SEL_TSS / 8] = 0x0000890000000000 | (uint64_t)(base & 0xffffff) << 16 |
			   (uint64_t)(base >> 24) << 56 | (offsetof(struct tss32, io_bits) - 1);
}
#endif

struct table_pointer idt_pointer = {sizeof(idt) - 1, (unsigned long)idt};

void idt_default(unsigned vector)
{
	bool user = vector == VEC_BP || vector == VEC_OF || vector == VECTOR_USER_RETURN;

	idt_set(vector, (unsigned long)trap_entries[vector], SEL_KERNEL_CODE,
		user ? GATE_INTERRUPT_USER : GATE_INTERRUPT, 0);
}

void trap_init(void)
{
	for (unsigned i = 0; i < 256; i++)
		idt_default(i);
	tss.io_map = offsetof(__typeof__(tss), io_bits);
	tss_init();
	idt_load(&idt_pointer);
	__asm__ volatile("ltr %w0; lldt %w1" : : "r"(SEL_TSS), "r"(0) : "memory");
}
