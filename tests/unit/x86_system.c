/* SPDX-License-Identifier: Apache-2.0 */
/* System instructions: control and debug registers, MSRs, CPUID, flags, descriptor tables. */
#include "tests/unit/cmocka_all.h"

#include "core/x86/access.h"
#include "core/x86/cpuid.h"
#include "core/x86/decode.h"
#include "tests/support/x86_setup.h"

#include <stdlib.h>

#define RAM_BYTES 0x400000
#define DATA	  0xa0000u
#define MSR_TSC	  0x10u

/* The fixture's world with one MSR of its own. */
static enum x86_status tsc_msr_read(void *ctx, uint32_t index, uint64_t *value)
{
	*value = ((struct x86_world_ram *)ctx)->tsc;
	return index == MSR_TSC ? X86_OK : X86_FAULT;
}

static enum x86_status tsc_msr_write(void *ctx, uint32_t index, uint64_t value)
{
	struct x86_world_ram *w = ctx;

	if (w->waits)
		return X86_EXIT;
	if (index != MSR_TSC)
		return X86_FAULT;
	w->tsc = value;
	return X86_OK;
}

static int world_setup(void **state)
{
	struct x86_world_ram *w = x86_world_ram_create(RAM_BYTES);
	struct x86_world_ops *ops = malloc(sizeof(*ops));

	assert_non_null(ops);
	*ops = *w->cpu.world;
	ops->msr_read = tsc_msr_read;
	ops->msr_write = tsc_msr_write;
	w->cpu.world = ops;
	*state = w;
	return 0;
}

static int world_teardown(void **state)
{
	struct x86_world_ram *w = *state;

	free((void *)w->cpu.world);
	x86_world_ram_destroy(w);
	return 0;
}

#define RIP 0x100

/* Runs one instruction at RIP.  0: carried out; else the vector that was raised, its error code in
 * bits 31:8. */
static uint32_t run(struct x86_world_ram *w, const char *bytes, unsigned n)
{
	struct x86_cpu *c = &w->cpu;
	enum x86_decode_result decoded;
	struct x86_insn insn;
	enum x86_status status;

	c->rip = RIP;
	c->event.kind = X86_EVENT_NONE;
	c->resync = false;
	decoded = x86_decode(w->decoder, (const uint8_t *)bytes, n, c->code_bytes, &insn);
	if (decoded == X86_DECODE_UNDEFINED)
		return X86_UD;
	assert_int_equal(decoded, X86_DECODE_OK);
	assert_int_equal(insn.len, n);
	status = x86_execute(c, &insn);
	if (status == X86_OK) {
		assert_int_equal(c->rip, RIP + n);
		return 0;
	}
	assert_int_equal(status, X86_FAULT);
	assert_int_equal(c->rip, RIP);
	assert_int_not_equal(c->event.kind, X86_EVENT_NONE);
	return c->event.vector | (c->event.has_error ? c->event.error << 8 : 0);
}

#define RUN(w, bytes) run(w, bytes, sizeof(bytes) - 1)

/* MOV CRn, RAX and MOV RAX, CRn. */
#define TO_CR0	 "\x0f\x22\xc0"
#define TO_CR2	 "\x0f\x22\xd0"
#define TO_CR3	 "\x0f\x22\xd8"
#define TO_CR4	 "\x0f\x22\xe0"
#define TO_CR8	 "\x44\x0f\x22\xc0"
#define FROM_CR0 "\x0f\x20\xc0"
#define FROM_CR2 "\x0f\x20\xd0"
#define FROM_CR3 "\x0f\x20\xd8"
#define FROM_CR8 "\x44\x0f\x20\xc0"

static uint32_t load_rax(struct x86_world_ram *w, uint64_t value, const char *bytes, unsigned n)
{
	w->cpu.r[X86_RAX] = value;
	return run(w, bytes, n);
}

#define WITH_RAX(w, value, bytes) load_rax(w, value, bytes, sizeof(bytes) - 1)

/* ---- control registers ---- */

static void cr0_rules(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;
	uint64_t cr0;

	setup_long(w, 0);
	cr0 = c->cr0;
	assert_int_equal(WITH_RAX(w, cr0 | 1ull << 32, TO_CR0), X86_GP);
	assert_int_equal(WITH_RAX(w, cr0 & ~(uint64_t)CR0_PE, TO_CR0), X86_GP);
	assert_int_equal(WITH_RAX(w, cr0 & ~(uint64_t)CR0_PG, TO_CR0), X86_GP); /* 64-bit code */
	assert_int_equal(WITH_RAX(w, cr0 | CR0_NW, TO_CR0), X86_GP);
	assert_int_equal(c->cr0, cr0);
	assert_int_equal(WITH_RAX(w, (cr0 | 0x1ffaffc0 | CR0_TS) & ~(uint64_t)CR0_ET, TO_CR0), 0);
	assert_int_equal(c->cr0, cr0 | CR0_TS | (0x1ffaffc0 & (CR0_WP | CR0_AM)));
	assert_true(c->mode & X86_MODE_NO_SSE);
	assert_true(c->resync);
	assert_int_equal(RUN(w, "\x0f\x06"), 0); /* CLTS */
	assert_false(c->cr0 & CR0_TS);
	assert_false(c->mode & X86_MODE_NO_SSE);
	assert_int_equal(RUN(w, FROM_CR0), 0);
	assert_int_equal(c->r[X86_RAX], c->cr0);
	setup_long(w, 3);
	assert_int_equal(WITH_RAX(w, cr0, TO_CR0), X86_GP);
	assert_int_equal(RUN(w, FROM_CR0), X86_GP);
	assert_int_equal(RUN(w, "\x0f\x06"), X86_GP);
}

/* The whole way from protected mode to 64-bit mode and back. */
static void entering_long_mode(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;
	uint64_t cr3, pg;

	setup_long(w, 0);
	cr3 = c->cr3;
	setup_legacy32(w, 0);
	pg = c->cr0 | CR0_PG;
	c->r[X86_RCX] = 0xc0000080;
	c->r[X86_RDX] = 0;
	assert_int_equal(WITH_RAX(w, EFER_LME | EFER_SCE, "\x0f\x30"), 0);
	assert_int_equal(WITH_RAX(w, cr3, TO_CR3), 0);
	assert_int_equal(WITH_RAX(w, pg, TO_CR0), X86_GP); /* no PAE */
	assert_int_equal(WITH_RAX(w, CR4_PAE, TO_CR4), 0);
	c->seg[X86_CS].attr |= X86_SEG_L;
	x86_mode_update(c);
	assert_int_equal(WITH_RAX(w, pg, TO_CR0), X86_GP); /* CS.L */
	c->seg[X86_CS].attr &= (uint16_t)~X86_SEG_L;
	c->seg[X86_TR].attr = 0x83;
	assert_int_equal(WITH_RAX(w, pg, TO_CR0), X86_GP); /* 16-bit TSS */
	c->seg[X86_TR].attr = 0x8b;
	assert_int_equal(WITH_RAX(w, pg, TO_CR0), 0);
	assert_true(c->efer & EFER_LMA);
	assert_true(c->long_mode);
	assert_int_equal(c->code_bytes, 4);
	assert_int_equal(WITH_RAX(w, 0, TO_CR4), X86_GP); /* PAE may not go now */
	c->r[X86_RCX] = 0xc0000080;
	assert_int_equal(WITH_RAX(w, EFER_SCE, "\x0f\x30"), X86_GP); /* nor may LME */
	assert_int_equal(WITH_RAX(w, c->cr0 & ~(uint64_t)CR0_PG, TO_CR0), 0);
	assert_false(c->efer & EFER_LMA);
	assert_false(c->long_mode);
	assert_true(c->efer & EFER_LME);
}

static void pae_registers(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_legacy32(w, 0);
	for (unsigned n = 0; n < 8; n++)
		x86_ram_put(w, 0xb0000 + 8 * n, 8, 0x10001 * (n + 1) & ~0x1feull);
	x86_ram_put(w, 0xb0020, 8, 0xb1087); /* reserved bits */
	assert_int_equal(WITH_RAX(w, CR4_PAE, TO_CR4), 0);
	assert_int_equal(WITH_RAX(w, 0xb0020, TO_CR3), 0); /* paging is off: not looked at */
	assert_int_equal(c->pdpte[0], 0);
	assert_int_equal(WITH_RAX(w, c->cr0 | CR0_PG, TO_CR0), X86_GP);
	assert_false(c->cr0 & CR0_PG);
	assert_int_equal(WITH_RAX(w, 0xb0000, TO_CR3), 0);
	assert_int_equal(WITH_RAX(w, c->cr0 | CR0_PG, TO_CR0), 0);
	for (unsigned n = 0; n < 4; n++)
		assert_int_equal(c->pdpte[n], x86_ram_get(w, 0xb0000 + 8 * n, 8));
	/* registers, not memory, count until the next load */
	x86_ram_put(w, 0xb0000, 8, 0x77000);
	assert_int_equal(c->pdpte[0], 0x10001);
	assert_int_equal(WITH_RAX(w, CR4_PAE | CR4_TSD, TO_CR4), 0);
	assert_int_equal(c->pdpte[0], 0x10001);
	assert_int_equal(WITH_RAX(w, CR4_PAE | CR4_PGE, TO_CR4), 0);
	assert_int_equal(c->pdpte[0], 0x77000);
	assert_int_equal(WITH_RAX(w, 0xb0020, TO_CR3), X86_GP);
	assert_int_equal(c->cr3, 0xb0000);
}

static void cr2_cr3_cr4_cr8(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;
	uint64_t cr3, generation;

	setup_long(w, 0);
	cr3 = c->cr3;
	assert_int_equal(WITH_RAX(w, 0x8123456789abcdef, TO_CR2), 0);
	assert_int_equal(WITH_RAX(w, 0, FROM_CR2), 0);
	assert_int_equal(c->r[X86_RAX], 0x8123456789abcdef);

	assert_int_equal(WITH_RAX(w, cr3 | 1ull << 46, TO_CR3), X86_GP);
	assert_int_equal(WITH_RAX(w, cr3 | 1ull << 63, TO_CR3), X86_GP);
	generation = c->tlb.generation;
	assert_int_equal(WITH_RAX(w, cr3 | 0x18, TO_CR3), 0);
	assert_true(c->tlb.generation > generation);
	assert_int_equal(RUN(w, FROM_CR3), 0);
	assert_int_equal(c->r[X86_RAX], cr3 | 0x18);

	for (unsigned bit = 0; bit < 64; bit++) {
		bool valid = bit < 32 && c->model->cr4_valid >> bit & 1;

		assert_int_equal(WITH_RAX(w, CR4_PAE | 1ull << bit, TO_CR4), valid ? 0 : X86_GP);
	}
	assert_int_equal(WITH_RAX(w, 0x10, TO_CR8), X86_GP);
	assert_int_equal(WITH_RAX(w, 0xb, TO_CR8), 0);
	assert_true(c->resync);
	assert_int_equal(w->tpr, 0xb);
	w->tpr = 3;
	assert_int_equal(RUN(w, FROM_CR8), 0);
	assert_int_equal(c->r[X86_RAX], 3);
	for (unsigned n = 0; n < 8; n++) {
		char to[] = {0x0f, 0x22, (char)(0xc0 | n << 3)};
		char from[] = {0x0f, 0x20, (char)(0xc0 | n << 3)};

		if (n != 0 && (n < 2 || n > 4)) {
			assert_int_equal(run(w, to, 3), X86_UD);
			assert_int_equal(run(w, from, 3), X86_UD);
		}
	}
}

static void machine_status_word(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_real(w);
	c->rip = 0;
	c->r[X86_RAX] = 0xfff0;
	assert_int_equal(RUN(w, "\x0f\x01\xf0"), 0); /* LMSW AX */
	assert_int_equal(c->cr0 & 0xffff, CR0_ET);
	c->r[X86_RAX] = 0xb;
	assert_int_equal(RUN(w, "\x0f\x01\xf0"), 0);
	assert_int_equal(c->cr0 & 0xffff, CR0_ET | CR0_PE | CR0_MP | CR0_TS);
	assert_false(x86_is_real(c));
	c->r[X86_RAX] = 0;
	assert_int_equal(RUN(w, "\x0f\x01\xf0"), 0);
	assert_int_equal(c->cr0 & 0xffff, CR0_ET | CR0_PE); /* PE stays */

	setup_long(w, 3);
	c->r[X86_RAX] = ~0ull;
	assert_int_equal(RUN(w, "\x0f\x01\xe0"), 0); /* SMSW EAX */
	assert_int_equal(c->r[X86_RAX], c->cr0);
	c->r[X86_RAX] = ~0ull;
	assert_int_equal(RUN(w, "\x66\x0f\x01\xe0"), 0);
	assert_int_equal(c->r[X86_RAX], ~0xffffull | (c->cr0 & 0xffff));
	c->r[X86_RBX] = DATA;
	x86_ram_put(w, DATA, 8, ~0ull);
	assert_int_equal(RUN(w, "\x0f\x01\x23"), 0); /* SMSW [RBX]: always two bytes */
	assert_int_equal(x86_ram_get(w, DATA, 8), ~0xffffull | (c->cr0 & 0xffff));
	c->cr4 |= CR4_UMIP;
	assert_int_equal(RUN(w, "\x0f\x01\xe0"), X86_GP);
	assert_int_equal(RUN(w, "\x0f\x01\xf0"), X86_GP); /* LMSW needs CPL 0 anyway */
}

/* ---- debug registers ---- */

static void debug_registers(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_long(w, 0);
	assert_int_equal(WITH_RAX(w, 0x1122334455667788, "\x0f\x23\xd8"), 0); /* DR3 */
	assert_int_equal(c->dr[3], 0x1122334455667788);
	assert_int_equal(WITH_RAX(w, 0xffffffff, "\x0f\x23\xf0"), 0); /* DR6 */
	assert_int_equal(c->dr6, 0xffffefff);
	assert_int_equal(WITH_RAX(w, 0, "\x0f\x23\xe0"), 0); /* DR4 is DR6 */
	assert_int_equal(c->dr6, 0xffff0ff0);
	assert_int_equal(WITH_RAX(w, 1ull << 32, "\x0f\x23\xf0"), X86_GP);
	assert_int_equal(WITH_RAX(w, 1ull << 32, "\x0f\x23\xf8"), X86_GP);
	assert_int_equal(WITH_RAX(w, 0xffffdfff, "\x0f\x23\xf8"), 0); /* DR7 without GD */
	assert_int_equal(c->dr7, 0xffff07ff);
	assert_true(c->mode & X86_MODE_CAREFUL);
	assert_int_equal(RUN(w, "\x0f\x21\xe8"), 0); /* MOV RAX, DR5, which is DR7 */
	assert_int_equal(c->r[X86_RAX], 0xffff07ff);
	c->cr4 |= CR4_DE;
	assert_int_equal(RUN(w, "\x0f\x21\xe8"), X86_UD);
	assert_int_equal(RUN(w, "\x0f\x23\xe0"), X86_UD);
	assert_int_equal(RUN(w, "\x44\x0f\x21\xc0"), X86_UD); /* DR8 */
	assert_int_equal(WITH_RAX(w, 0x2000, "\x0f\x23\xf8"), 0);
	assert_int_equal(c->dr7, 0x2400);
	assert_int_equal(RUN(w, "\x0f\x21\xc0"), X86_DB); /* GD */
	assert_int_equal(c->event.address, 1 << 13);
	assert_int_equal(RUN(w, "\x0f\x23\xc0"), X86_DB);
	assert_int_equal(RUN(w, "\x0f\x21\xe8"), X86_UD); /* no register comes before GD */
	setup_long(w, 3);
	assert_int_equal(RUN(w, "\x0f\x21\xc0"), X86_GP);
}

/* ---- flags ---- */

/* POPF of all ones and of all zeros: which bits it could change. */
static uint64_t popf_changes(struct x86_world_ram *w, unsigned opsize)
{
	struct x86_cpu *c = &w->cpu;
	bool is_64 = x86_is_64(c), is_32 = c->code_bytes == 4;
	const char *bytes = opsize == 2 && (is_64 || is_32) ? "\x66\x9d"
			    : opsize == 4 && !is_32	    ? "\x66\x9d"
							    : "\x9d";
	uint64_t keep = c->rflags, changed = 0;

	for (unsigned ones = 0; ones < 2; ones++) {
		uint64_t sp = SETUP_USER_STACK - 16, before = keep, after;

		c->rflags = keep;
		lazy_set(&c->lazy, ones ? 0 : ~0u);
		before |= ones ? 0 : (uint64_t)X86_ARITH;
		x86_ram_put(w, c->seg[X86_SS].base + (c->stack_bytes == 2 ? sp & 0xffff : sp), 8,
			    ones ? ~0ull : 0);
		x86_set_sp(c, sp);
		assert_int_equal(run(w, bytes, (unsigned)strlen(bytes)), 0);
		assert_int_equal(x86_sp(c), x86_is_64(c) || c->stack_bytes == 4
						    ? sp + opsize
						    : (sp + opsize) & 0xffff);
		after = c->rflags | lazy_get(&c->lazy);
		changed |= after ^ before;
		c->rflags = keep;
		x86_mode_update(c);
	}
	return changed;
}

static void popf_rules(void **state)
{
	struct x86_world_ram *w = *state;
	const uint64_t always = X86_ARITH | X86_TF | X86_DF_FLAG | X86_NT,
		       high = X86_AC_FLAG | X86_ID;

	setup_long(w, 0);
	assert_int_equal(popf_changes(w, 8), always | high | X86_IF | X86_IOPL);
	assert_int_equal(popf_changes(w, 2), always | X86_IF | X86_IOPL);
	w->cpu.rflags |= X86_VIF | X86_VIP; /* not to be changed either */
	assert_int_equal(popf_changes(w, 8), always | high | X86_IF | X86_IOPL);
	setup_long(w, 3);
	assert_int_equal(popf_changes(w, 8), always | high);
	assert_int_equal(popf_changes(w, 2), always);
	w->cpu.rflags |= X86_IOPL;
	assert_int_equal(popf_changes(w, 8), always | high | X86_IF);
	setup_legacy32(w, 3);
	assert_int_equal(popf_changes(w, 4), always | high);
	assert_int_equal(popf_changes(w, 2), always);
	setup_real(w);
	w->cpu.seg[X86_SS].base = 0;
	assert_int_equal(popf_changes(w, 2), always | X86_IF | X86_IOPL);
	assert_int_equal(popf_changes(w, 4), always | high | X86_IF | X86_IOPL);
}

static void flags_in_virtual_8086_mode(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_legacy32(w, 0);
	for (unsigned n = X86_ES; n <= X86_GS; n++)
		c->seg[n] = (struct x86_segment){.limit = 0xffff, .attr = 0xf3};
	c->rflags |= X86_VM;
	x86_mode_update(c);
	for (unsigned level = 0; level < 4; level++) {
		uint32_t expect = level == 3 ? 0 : X86_GP;

		c->rflags = (c->rflags & ~(uint64_t)X86_IOPL) | level << 12;
		c->r[X86_RSP] = 0x100;
		x86_ram_put(w, 0x100, 8, 0);
		assert_int_equal(RUN(w, "\x9c"), expect);
		assert_int_equal(RUN(w, "\x9d"), expect);
		assert_int_equal(RUN(w, "\xfa"), expect);
		assert_int_equal(RUN(w, "\xfb"), expect);
		assert_int_equal(RUN(w, "\x66\x9c"), expect);
		assert_int_equal((c->rflags & X86_IOPL) >> 12, level); /* POPF left it alone */
	}
	assert_int_equal(x86_ram_get(w, c->r[X86_RSP], 4) & (X86_VM | X86_RF), 0);
	assert_true(c->rflags & X86_VM);
}

static void pushf_image(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_long(w, 3);
	c->rflags |= X86_RF | X86_IF | X86_AC_FLAG | X86_ID;
	x86_mode_update(c);
	lazy_set(&c->lazy, X86_CF | X86_SF);
	assert_int_equal(RUN(w, "\x9c"), 0);
	assert_int_equal(x86_ram_get(w, c->r[X86_RSP], 8),
			 2 | X86_IF | X86_AC_FLAG | X86_ID | X86_CF | X86_SF);
	assert_int_equal(c->r[X86_RSP], SETUP_USER_STACK - 8);
}

static void interrupt_flag(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_long(w, 0);
	assert_int_equal(RUN(w, "\xfb"), 0);
	assert_true(c->rflags & X86_IF);
	assert_int_equal(c->shadow, X86_SHADOW_STI);
	assert_true(c->resync);
	assert_int_equal(RUN(w, "\xfb"), 0); /* IF was set: no shadow */
	assert_int_equal(c->shadow, 0);
	assert_int_equal(RUN(w, "\xfa"), 0);
	assert_false(c->rflags & X86_IF);
	assert_int_equal(RUN(w, "\xf4"), 0); /* HLT */
	assert_int_equal(c->activity, X86_HALTED);
	c->activity = X86_ACTIVE;
	setup_long(w, 3);
	assert_int_equal(RUN(w, "\xfb"), X86_GP);
	assert_int_equal(RUN(w, "\xfa"), X86_GP);
	assert_int_equal(RUN(w, "\xf4"), X86_GP);
	c->rflags |= X86_IOPL;
	assert_int_equal(RUN(w, "\xfb"), 0);
	assert_int_equal(RUN(w, "\xfa"), 0);
}

static void alignment_flag(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_long(w, 0);
	c->cr4 |= CR4_SMAP;
	assert_int_equal(RUN(w, "\x0f\x01\xcb"), 0); /* STAC */
	assert_true(c->rflags & X86_AC_FLAG);
	assert_ptr_equal(c->tlb.read, c->tlb.set[X86_TLB_SYSTEM_AC][X86_TLB_READ]);
	assert_int_equal(RUN(w, "\x0f\x01\xca"), 0); /* CLAC */
	assert_false(c->rflags & X86_AC_FLAG);
	assert_ptr_equal(c->tlb.read, c->tlb.set[X86_TLB_SYSTEM][X86_TLB_READ]);
	setup_long(w, 3);
	assert_int_equal(RUN(w, "\x0f\x01\xcb"), X86_UD);
}

/* ---- descriptor tables, bases ---- */

static void table_registers(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_long(w, 0);
	c->r[X86_RBX] = DATA;
	x86_ram_put(w, DATA, 2, 0x1234);
	x86_ram_put(w, DATA + 2, 8, 0xffff800000abcdef);
	assert_int_equal(RUN(w, "\x0f\x01\x1b"), 0); /* LIDT [RBX] */
	assert_int_equal(c->idt.limit, 0x1234);
	assert_int_equal(c->idt.base, 0xffff800000abcdef);
	x86_ram_put(w, DATA + 2, 8, 0x800000000000);
	assert_int_equal(RUN(w, "\x0f\x01\x1b"), X86_GP);
	assert_int_equal(RUN(w, "\x0f\x01\x13"), X86_GP); /* LGDT */
	assert_int_equal(c->idt.base, 0xffff800000abcdef);
	x86_ram_put(w, DATA + 8, 8, ~0ull);
	assert_int_equal(RUN(w, "\x0f\x01\x0b"), 0); /* SIDT */
	assert_int_equal(x86_ram_get(w, DATA, 2), 0x1234);
	assert_int_equal(x86_ram_get(w, DATA + 2, 8), 0xffff800000abcdef);
	assert_int_equal(x86_ram_get(w, DATA + 10, 6), 0xffffffffffff);

	setup_long(w, 3);
	c->r[X86_RBX] = DATA;
	assert_int_equal(RUN(w, "\x0f\x01\x1b"), X86_GP);
	assert_int_equal(RUN(w, "\x0f\x01\x03"), 0); /* SGDT */
	assert_int_equal(x86_ram_get(w, DATA + 2, 8), SETUP_GDT);
	c->cr4 |= CR4_UMIP;
	assert_int_equal(RUN(w, "\x0f\x01\x03"), X86_GP);

	setup_legacy32(w, 0);
	c->r[X86_RBX] = DATA;
	x86_ram_put(w, DATA, 8, 0xffff123456780100);
	x86_ram_put(w, DATA + 4, 4, 0xffff1234);
	assert_int_equal(RUN(w, "\x0f\x01\x13"), 0); /* LGDT [EBX] */
	assert_int_equal(c->gdt.base, 0x12345678);
	assert_int_equal(RUN(w, "\x66\x0f\x01\x13"), 0); /* 24-bit base */
	assert_int_equal(c->gdt.base, 0x345678);
}

static void fs_and_gs_bases(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_long(w, 3);
	assert_int_equal(RUN(w, "\xf3\x48\x0f\xae\xc0"), X86_UD); /* CR4.FSGSBASE clear */
	c->cr4 |= CR4_FSGSBASE;
	assert_int_equal(WITH_RAX(w, 0x7fffffffffff, "\xf3\x48\x0f\xae\xd0"), 0); /* WRFSBASE */
	assert_int_equal(c->seg[X86_FS].base, 0x7fffffffffff);
	assert_int_equal(WITH_RAX(w, 0x800000000000, "\xf3\x48\x0f\xae\xd8"),
			 X86_GP);					      /* WRGSBASE */
	assert_int_equal(WITH_RAX(w, 0x800000000123, "\xf3\x0f\xae\xd8"), 0); /* EAX */
	assert_int_equal(c->seg[X86_GS].base, 0x123);
	assert_int_equal(WITH_RAX(w, 0, "\xf3\x48\x0f\xae\xc0"), 0); /* RDFSBASE */
	assert_int_equal(c->r[X86_RAX], 0x7fffffffffff);
	assert_int_equal(WITH_RAX(w, ~0ull, "\xf3\x0f\xae\xc8"), 0); /* RDGSBASE EAX */
	assert_int_equal(c->r[X86_RAX], 0x123);
	assert_int_equal(RUN(w, "\x0f\x01\xf8"), X86_GP); /* SWAPGS at CPL 3 */
	setup_long(w, 0);
	c->seg[X86_GS].base = 1;
	c->msr.kernel_gs_base = 2;
	assert_int_equal(RUN(w, "\x0f\x01\xf8"), 0);
	assert_int_equal(c->seg[X86_GS].base, 2);
	assert_int_equal(c->msr.kernel_gs_base, 1);
}

/* ---- MSRs ---- */

static uint32_t wrmsr(struct x86_world_ram *w, uint32_t index, uint64_t value)
{
	w->cpu.r[X86_RCX] = 0xdeadbeef00000000 | index;
	w->cpu.r[X86_RDX] = 0xdeadbeef00000000 | value >> 32;
	return WITH_RAX(w, 0xdeadbeef00000000 | (uint32_t)value, "\x0f\x30");
}

static uint32_t rdmsr(struct x86_world_ram *w, uint32_t index, uint64_t *value)
{
	uint32_t fault;

	w->cpu.r[X86_RCX] = index;
	w->cpu.r[X86_RAX] = w->cpu.r[X86_RDX] = ~0ull;
	fault = RUN(w, "\x0f\x32");
	if (!fault)
		assert_int_equal((w->cpu.r[X86_RAX] | w->cpu.r[X86_RDX]) >> 32, 0);
	*value = w->cpu.r[X86_RDX] << 32 | (uint32_t)w->cpu.r[X86_RAX];
	return fault;
}

static void msr_values(void **state)
{
	static const uint64_t lower = 0x7fffffffffff, upper = 0xffff800000000000,
			      hole = 0x800000000000;
	static const struct {
		uint32_t index;
		uint64_t good[2], bad;
	} rows[] = {
		{0xc0000081, {~0ull, 5}, 0},
		{0xc0000082, {lower, upper}, hole},
		{0xc0000083, {lower, upper}, hole},
		{0xc0000084, {0xffffffff, 0x257fd5}, 1ull << 32},
		{0xc0000100, {lower, upper}, hole},
		{0xc0000101, {lower, upper}, hole},
		{0xc0000102, {lower, upper}, hole},
		{0xc0000103, {0xffffffff, 7}, 1ull << 32},
		{0x174, {0x10, 0}, 0},
		{0x175, {lower, upper}, hole},
		{0x176, {lower, upper}, hole},
		{0x277, {0x0707070707070707, 0x0007040600070406}, 0x0300000000000000},
		{0x8b, {0, 1ull << 32}, 0},
		{0x48, {7, 0}, 0},
		{0x1a0, {0, 1}, 1ull << 34},
		{0x140, {0, 0}, 1},
		{MSR_TSC, {1ull << 40, 3}, 0},
	};
	struct x86_world_ram *w = *state;
	uint64_t v;

	setup_long(w, 0);
	for (unsigned n = 0; n < sizeof(rows) / sizeof(rows[0]); n++) {
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(wrmsr(w, rows[n].index, rows[n].good[i]), 0);
			assert_true(w->cpu.resync);
			assert_int_equal(rdmsr(w, rows[n].index, &v), 0);
			assert_int_equal(v, rows[n].good[i]);
		}
		if (!rows[n].bad)
			continue;
		assert_int_equal(wrmsr(w, rows[n].index, rows[n].bad), X86_GP);
		assert_int_equal(rdmsr(w, rows[n].index, &v), 0);
		assert_int_equal(v, rows[n].good[1]);
	}
	assert_int_equal(w->cpu.seg[X86_FS].base, upper);
}

static void msr_oddities(void **state)
{
	struct x86_world_ram *w = *state;
	const struct x86_cpu_model *all = w->cpu.model;
	uint64_t v;

	setup_long(w, 0);
	assert_int_equal(rdmsr(w, 0x1a0, &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(rdmsr(w, 0xce, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(wrmsr(w, 0xce, 0), X86_GP);
	assert_int_equal(wrmsr(w, 0x49, 1), 0);
	assert_int_equal(rdmsr(w, 0x49, &v), X86_GP);
	assert_int_equal(wrmsr(w, 0x3a, 4), X86_GP);
	assert_int_equal(wrmsr(w, 0x3a, 1), 0); /* locks itself */
	assert_int_equal(wrmsr(w, 0x3a, 1), X86_GP);
	assert_int_equal(wrmsr(w, 0x12345678, 0), X86_GP);
	assert_int_equal(rdmsr(w, 0xfe, &v), X86_GP); /* MTRRcap: not offered */
	assert_int_equal(rdmsr(w, 0xc0011029, &v), X86_GP);
	w->cpu.model = x86_cpu_model_find("portable-v1");
	assert_int_equal(rdmsr(w, 0xc0000103, &v), X86_GP);
	w->cpu.model = all;
	setup_long(w, 3);
	assert_int_equal(rdmsr(w, 0xc0000080, &v), X86_GP);
	assert_int_equal(wrmsr(w, 0xc0000080, 0), X86_GP);
}

static void efer(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;
	uint64_t v, generation;

	setup_long(w, 0);
	assert_int_equal(rdmsr(w, 0xc0000080, &v), 0);
	assert_int_equal(v, 0xd01);
	assert_int_equal(wrmsr(w, 0xc0000080, 0xd01 | 1 << 12), X86_GP);
	assert_int_equal(wrmsr(w, 0xc0000080, 0xd01 | 1ull << 32), X86_GP);
	assert_int_equal(wrmsr(w, 0xc0000080, 0xc01), X86_GP);
	generation = c->tlb.generation;
	assert_int_equal(wrmsr(w, 0xc0000080, 0x901), 0); /* LMA is not written */
	assert_int_equal(c->efer, 0xd01);
	assert_int_equal(c->tlb.generation, generation);
	assert_int_equal(wrmsr(w, 0xc0000080, 0x501), 0);
	assert_int_equal(c->efer, 0x501);
	assert_true(c->tlb.generation > generation); /* NX bits are reserved now */
}

/* ---- CPUID, TSC ---- */

static void cpuid(struct x86_world_ram *w, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	w->cpu.r[X86_RAX] = ~0ull << 32 | leaf;
	w->cpu.r[X86_RCX] = ~0ull << 32 | subleaf;
	assert_int_equal(RUN(w, "\x0f\xa2"), 0);
	out[0] = (uint32_t)w->cpu.r[X86_RAX];
	out[1] = (uint32_t)w->cpu.r[X86_RBX];
	out[2] = (uint32_t)w->cpu.r[X86_RCX];
	out[3] = (uint32_t)w->cpu.r[X86_RDX];
	for (unsigned n = X86_RAX; n <= X86_RBX; n++)
		assert_int_equal(w->cpu.r[n] >> 32, 0);
}

static void assert_leaf(struct x86_world_ram *w, uint32_t leaf, uint32_t subleaf, uint32_t a,
			uint32_t b, uint32_t c, uint32_t d)
{
	uint32_t out[4];

	cpuid(w, leaf, subleaf, out);
	assert_int_equal(out[0], a);
	assert_int_equal(out[1], b);
	assert_int_equal(out[2], c);
	assert_int_equal(out[3], d);
}

static void portable_v1(void **state)
{
	struct x86_world_ram *w = *state;
	const struct x86_cpu_model *all = w->cpu.model;
	char brand[49] = {0};
	uint32_t out[4];

	setup_long(w, 3);
	w->cpu.model = x86_cpu_model_find("portable-v1");
	cpuid(w, 0, 0, out);
	assert_int_equal(out[0], 0x15);
	assert_memory_equal(&out[1], "Genu", 4);
	assert_memory_equal(&out[3], "ineI", 4);
	assert_memory_equal(&out[2], "ntel", 4);
	/* FPU PSE TSC MSR PAE CX8 APIC PGE CMOV CLFSH MMX FXSR SSE SSE2; SSE3 SSSE3 CX16 SSE4.1
	 * SSE4.2 POPCNT */
	assert_leaf(w, 1, 0, 0x000106ca, 0x00010800,
		    1 << 0 | 1 << 9 | 1 << 13 | 1 << 19 | 1 << 20 | 1 << 23,
		    1 << 0 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 9 | 1 << 13 |
			    1 << 15 | 1 << 19 | 1 << 23 | 1 << 24 | 1 << 25 | 1 << 26);
	assert_leaf(w, 6, 0, 4, 0, 0, 0);
	for (uint32_t sub = 0; sub < 3; sub++)
		assert_leaf(w, 7, sub, 0, 0, 0, 0);
	assert_leaf(w, 0xa, 0, 0, 0, 0, 0);
	assert_leaf(w, 0xb, 0, 0, 0, 0, 0);
	assert_leaf(w, 0xd, 0, 0, 0, 0, 0);
	assert_leaf(w, 0x15, 0, 1, 1, 1000000000, 0);
	assert_leaf(w, 0x16, 0, 0, 0, 0, 0);
	for (uint32_t n = 0; n < 256; n++)
		assert_leaf(w, 0x40000000 + (n << 8), 0, 0, 0, 0, 0);
	assert_leaf(w, 0x80000000, 0, 0x80000008, 0, 0, 0);
	assert_leaf(w, 0x80000001, 0, 0, 0, 1, 1 << 11 | 1 << 20 | 1 << 29);
	for (uint32_t n = 0; n < 3; n++) {
		cpuid(w, 0x80000002 + n, 0, out);
		memcpy(brand + 16 * n, out, 16);
	}
	assert_string_equal(brand, "Understudy portable-v1");
	assert_leaf(w, 0x80000007, 0, 0, 0, 0, 0);
	assert_leaf(w, 0x80000008, 0, 48 << 8 | 46, 0, 0, 0);
	assert_leaf(w, 0x80000009, 0, 0, 0, 0, 0);
	assert_leaf(w, 0xffffffff, 0, 0, 0, 0, 0);
	w->cpu.model = all;
	assert_ptr_equal(x86_cpu_model_find("portable-v0"), NULL);
}

static void several_cpus(void **state)
{
	struct x86_world_ram *w = *state;
	uint32_t out[4];

	setup_long(w, 0);
	w->cpu.n_cpus = 3;
	w->cpu.apic_id = 2;
	cpuid(w, 1, 0, out);
	assert_int_equal(out[1], 2u << 24 | 3 << 16 | 8 << 8);
	assert_true(out[3] & 1 << 28);
	cpuid(w, 4, 0, out);
	assert_int_equal(out[0] >> 26, 3); /* room for four */
	cpuid(w, 4, 3, out);
	assert_int_equal(out[0], 0);
	w->cpu.n_cpus = 1;
	w->cpu.apic_id = 0;
	cpuid(w, 1, 0, out);
	assert_false(out[3] & 1 << 28);
}

static void counters(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_long(w, 3);
	w->tsc = 0x1122334455667788;
	c->msr.tsc_aux = 0x99;
	c->r[X86_RAX] = c->r[X86_RDX] = c->r[X86_RCX] = ~0ull;
	assert_int_equal(RUN(w, "\x0f\x31"), 0); /* RDTSC */
	assert_int_equal(c->r[X86_RAX], 0x55667788);
	assert_int_equal(c->r[X86_RDX], 0x11223344);
	assert_int_equal(c->r[X86_RCX], ~0ull);
	assert_int_equal(RUN(w, "\x0f\x01\xf9"), 0); /* RDTSCP */
	assert_int_equal(c->r[X86_RCX], 0x99);
	c->cr4 |= CR4_TSD;
	assert_int_equal(RUN(w, "\x0f\x31"), X86_GP);
	assert_int_equal(RUN(w, "\x0f\x01\xf9"), X86_GP);
	assert_int_equal(RUN(w, "\x0f\x33"), X86_GP); /* RDPMC */
	setup_long(w, 0);
	c->cr4 |= CR4_TSD;
	assert_int_equal(RUN(w, "\x0f\x31"), 0);
	assert_int_equal(RUN(w, "\x0f\x33"), X86_GP);
}

/* ---- TLB, caches ---- */

static void addresses_without_access(void **state)
{
	struct x86_world_ram *w = *state;
	struct x86_cpu *c = &w->cpu;

	setup_long(w, 0);
	c->r[X86_RBX] = 0x8000000000000000;
	assert_int_equal(RUN(w, "\x0f\x01\x3b"), 0);	  /* INVLPG of what is no address */
	assert_int_equal(RUN(w, "\x0f\x18\x03"), 0);	  /* PREFETCH never faults */
	assert_int_equal(RUN(w, "\x0f\x1f\x03"), 0);	  /* long NOP */
	assert_int_equal(RUN(w, "\x0f\xae\x3b"), X86_GP); /* CLFLUSH is a load of one byte */
	c->r[X86_RBX] = 0x40000000;
	assert_int_equal(RUN(w, "\x0f\xae\x3b"), X86_PF);
	assert_int_equal(c->event.address, 0x40000000);
	c->r[X86_RBX] = DATA;
	assert_int_equal(RUN(w, "\x0f\xae\x3b"), 0);
	assert_true(x86_ram_get(w, SETUP_PT + 8 * (DATA / 4096), 8) & 0x20);
	setup_long(w, 3);
	assert_int_equal(RUN(w, "\x0f\x01\x3b"), X86_GP);
	assert_int_equal(RUN(w, "\x0f\x09"), X86_GP); /* WBINVD */
	assert_int_equal(RUN(w, "\x0f\x0b"), X86_UD); /* UD2 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cr0_rules),
		cmocka_unit_test(entering_long_mode),
		cmocka_unit_test(pae_registers),
		cmocka_unit_test(cr2_cr3_cr4_cr8),
		cmocka_unit_test(machine_status_word),
		cmocka_unit_test(debug_registers),
		cmocka_unit_test(popf_rules),
		cmocka_unit_test(flags_in_virtual_8086_mode),
		cmocka_unit_test(pushf_image),
		cmocka_unit_test(interrupt_flag),
		cmocka_unit_test(alignment_flag),
		cmocka_unit_test(table_registers),
		cmocka_unit_test(fs_and_gs_bases),
		cmocka_unit_test(msr_values),
		cmocka_unit_test(msr_oddities),
		cmocka_unit_test(efer),
		cmocka_unit_test(portable_v1),
		cmocka_unit_test(several_cpus),
		cmocka_unit_test(counters),
		cmocka_unit_test(addresses_without_access),
	};

	return cmocka_run_group_tests(tests, world_setup, world_teardown);
}
