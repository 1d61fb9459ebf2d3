/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs every test guest on the reference driver and on the interpreter, with each CPU model, and
 * checks that the guest found nothing wrong and that both drivers ended in the same state.  With
 * "kvm" it compares the interpreter and KVM, with the first model, the one that hardware has to
 * match.
 *
 *	runner [--driver step|interpret|both|kvm] [--coverage FILE] [--verbose] [--append TEXT]
 *	       [--limit N] FOLDER GUEST...
 *
 * --append gives guests another command line, --limit another bound on their instructions;
 * it prints a line per guest and model, and the closing count that tests/run.sh reads.
 */
#include "tests/guests/vmm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_BYTES (64ull << 20)
#define MODELS	     2
#define FLAG_AF	     (1u << 4)
#define FLAG_RF	     (1u << 16)

static const char *const models[MODELS] = {"portable-v1", "test-all"};

struct guest_case {
	const char *name;
	unsigned cpus;
	enum vmm_end end;
	uint64_t limit;
	const char *command_line;
	bool no_answers; /* does not know what is right: its instructions count as no test */
};

/* Guests that are not in the table run as the first line says. */
static const struct guest_case defaults = {"", 1, VMM_EXITED, 100000000, "", false};
static const struct guest_case cases[] = {
	{"triple_fault", 1, VMM_SHUTDOWN, 1000000, "", false},
	{"smp2", 2, VMM_EXITED, 20000000, "", false},
	{"bench", 1, VMM_EXITED, 100000000, "rounds=1", false},
	{"chaos", 1, VMM_EXITED, 100000000, "", true},
};

static const char *const end_names[] = {
	[VMM_EXITED] = "exit port",
	[VMM_SHUTDOWN] = "shutdown",
	[VMM_STUCK] = "halted for good",
	[VMM_LIMIT] = "instruction limit",
};

struct options {
	const char *folder;
	bool run[VMM_DRIVERS], verbose;
	const char *append; /* or NULL */
	uint64_t limit;	    /* or 0 */
	uint64_t *coverage;
};

static const char *const driver_names[] = {
	[VMM_STEP] = "step",
	[VMM_INTERPRET] = "interpret",
	[VMM_KVM] = "kvm",
};

static const struct guest_case *case_of(const char *name)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	return &defaults;
}

/* Prints the lines of the guest that matter, or all of them. */
static void print_text(const char *text, bool all)
{
	while (*text) {
		const char *end = strchr(text, '\n');
		int len = (int)(end ? end - text : (long)strlen(text));
		bool last = !text[len] || !text[len + 1];

		if (all || last || !strncmp(text, "FAIL", 4))
			printf("    %.*s\n", len, text);
		text += len + (end != NULL);
	}
}

static bool check_result(const struct guest_case *g, const struct vmm_result *r)
{
	if (r->end != g->end) {
		printf("  ended by %s, not by %s, at %#llx after %llu instructions\n",
		       end_names[r->end], end_names[g->end], (unsigned long long)r->state[0].rip,
		       (unsigned long long)r->retired[0]);
		return false;
	}
	if (r->end == VMM_EXITED && r->exit_value != GUEST_EXIT_PASS) {
		printf("  exit value %#x\n", r->exit_value);
		return false;
	}
	return r->results.failed == 0 && r->results.passed > 0;
}

static bool run_one(const struct options *o, const char *name, const char *model,
		    enum vmm_driver driver, struct vmm_result *r)
{
	const struct guest_case *g = case_of(name);
	char path[512];
	struct err err;
	struct vmm_config config = {
		.path = path,
		.command_line = o->append ? o->append : g->command_line,
		.model = x86_cpu_model_find(model),
		.driver = driver,
		.memory_bytes = MEMORY_BYTES,
		.cpus = g->cpus,
		.limit = o->limit ? o->limit : g->limit,
		.no_ticks = o->run[VMM_KVM],
		.keep_memory = o->run[VMM_KVM],
		.coverage = driver == VMM_STEP && !g->no_answers ? o->coverage : NULL,
	};

	snprintf(path, sizeof(path), "%s/%s.elf", o->folder, name);
	if (vmm_run(&config, r, &err)) {
		printf("FAIL %s: %s\n", name, err.text);
		return false;
	}
	if (check_result(g, r)) {
		if (o->verbose)
			print_text(r->text, true);
		return true;
	}
	printf("FAIL %s on %s, %s\n", name, driver_names[driver], model);
	print_text(r->text, o->verbose);
	return false;
}

/* The fields of a processor's state that say, by name, what differs; padding is not state. */
#define STATE(field) \
#field, offsetof(struct vcpu_state, field), sizeof(((struct vcpu_state *)0)->field)
static const struct {
	const char *name;
	size_t offset, size_bytes;
} state_fields[] = {
	{STATE(gpr)},
	{STATE(rip)},
	{STATE(rflags)},
	{STATE(seg)},
	{STATE(gdt.base)},
	{STATE(gdt.limit)},
	{STATE(idt.base)},
	{STATE(idt.limit)},
	{STATE(cr0)},
	{STATE(cr2)},
	{STATE(cr3)},
	{STATE(cr4)},
	{STATE(efer)},
	{STATE(dr)},
	{STATE(dr6)},
	{STATE(dr7)},
	{STATE(pdpte)},
	{STATE(debug_hit)},
	{STATE(fpu.control)},
	{STATE(fpu.status)},
	{STATE(fpu.in_use)},
	{STATE(fpu.instruction_ptr)},
	{STATE(fpu.data_ptr)},
	{STATE(xmm)},
	{STATE(mxcsr)},
	{STATE(msr)},
	{STATE(activity)},
	{STATE(shadow)},
	{STATE(nmi_blocked)},
	{STATE(fpu.opcode)},
	{STATE(fpu.instruction_sel)},
	{STATE(fpu.data_sel)},
	{STATE(event.kind)},
	{STATE(event.vector)},
	{STATE(event.error)},
	{STATE(event.address)},
};
#undef STATE

static const char *state_difference(const struct vcpu_state *a, const struct vcpu_state *b)
{
	for (unsigned i = 0; i < sizeof(state_fields) / sizeof(state_fields[0]); i++)
		if (memcmp((const char *)a + state_fields[i].offset,
			   (const char *)b + state_fields[i].offset, state_fields[i].size_bytes))
			return state_fields[i].name;
	for (unsigned i = 0; i < 8; i++)
		if (a->fpu.reg[i].mantissa != b->fpu.reg[i].mantissa ||
		    a->fpu.reg[i].sign_exponent != b->fpu.reg[i].sign_exponent)
			return "fpu.reg";
	return NULL;
}

/* Words may differ in AF and RF: saved flags, in which AF is undefined after most instructions, and RF
 * is left out of the frames of faults by some processors. */
static bool memory_alike(const struct memory *a, const struct memory *b)
{
	const uint32_t *x = memory_host(a, 0, MEMORY_BYTES), *y = memory_host(b, 0, MEMORY_BYTES);

	for (size_t n = 0; n < MEMORY_BYTES / sizeof(*x); n++)
		if ((x[n] ^ y[n]) & ~(FLAG_AF | FLAG_RF))
			return false;
	return true;
}

/* KVM counts no instructions, and its time goes by outside of the guest too: there the processors'
 * states are not compared. */
static bool same(const char *name, const struct vmm_result *result, enum vmm_driver one,
		 enum vmm_driver other)
{
	const struct vmm_result *a = &result[one], *b = &result[other];
	const char *what = NULL;

	if (strcmp(a->text, b->text))
		what = "console text";
	else if (other != VMM_KVM && memcmp(a->retired, b->retired, sizeof(a->retired)))
		what = "instruction counts";
	else if (other == VMM_KVM ? !memory_alike(a->memory, b->memory)
				  : a->memory_digest != b->memory_digest)
		what = "memory";
	for (unsigned i = 0; !what && other != VMM_KVM && i < BOARD_CPUS_MAX; i++)
		what = state_difference(&a->state[i], &b->state[i]);
	if (what)
		printf("FAIL %s: %s and %s end with different %s\n", name, driver_names[one],
		       driver_names[other], what);
	return !what;
}

static bool run_guest(const struct options *o, const char *name, const char *model)
{
	struct vmm_result result[VMM_DRIVERS] = {0};
	const struct vmm_result *shown = NULL;
	bool passed = true;

	for (unsigned d = 0; d < VMM_DRIVERS; d++) {
		if (!o->run[d])
			continue;
		passed = run_one(o, name, model, (enum vmm_driver)d, &result[d]) && passed;
		if (passed && shown)
			passed = same(name, result, (enum vmm_driver)(shown - result),
				      (enum vmm_driver)d);
		if (!shown)
			shown = &result[d];
	}
	if (passed)
		printf("ok %-16s %-12s%4u ok, %u skipped, %llu instructions\n", name, model,
		       shown->results.passed, shown->results.skipped,
		       (unsigned long long)(shown->retired[0] + shown->retired[1]));
	for (unsigned d = 0; d < VMM_DRIVERS; d++)
		vmm_result_free(&result[d]);
	return passed;
}

/* False: there is no such driver. */
static bool choose(struct options *o, const char *driver)
{
	o->run[VMM_STEP] = !strcmp(driver, "step") || !strcmp(driver, "both");
	o->run[VMM_KVM] = !strcmp(driver, "kvm");
	o->run[VMM_INTERPRET] = !o->run[VMM_STEP] || !strcmp(driver, "both");
	return o->run[VMM_STEP] || o->run[VMM_KVM] || !strcmp(driver, "interpret");
}

static int write_coverage(const char *path, const uint64_t *coverage)
{
	FILE *out = fopen(path, "w");

	if (!out)
		return -1;
	for (unsigned i = 0; i < x86_opcode_count; i++)
		if (coverage[i])
			fprintf(out, "%u %s %llu\n", i, x86_opcodes[i].name,
				(unsigned long long)coverage[i]);
	return fclose(out);
}

int main(int argc, char **argv)
{
	struct options o = {.run = {[VMM_STEP] = true, [VMM_INTERPRET] = true}};
	const char *coverage_path = NULL;
	unsigned passed = 0, failed = 0;
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (!strcmp(argv[at], "--verbose")) {
			o.verbose = true;
		} else if (!strcmp(argv[at], "--driver") && at + 1 < argc) {
			if (!choose(&o, argv[++at]))
				break;
		} else if (!strcmp(argv[at], "--coverage") && at + 1 < argc) {
			coverage_path = argv[++at];
		} else if (!strcmp(argv[at], "--append") && at + 1 < argc) {
			o.append = argv[++at];
		} else if (!strcmp(argv[at], "--limit") && at + 1 < argc) {
			o.limit = strtoull(argv[++at], NULL, 0);
		} else {
			break;
		}
	}
	if (at >= argc || argv[at][0] == '-') {
		fprintf(stderr,
			"usage: %s [--driver step|interpret|both|kvm] [--coverage FILE] "
			"[--verbose] [--append TEXT] [--limit N] FOLDER GUEST...\n",
			argv[0]);
		return 2;
	}
	o.folder = argv[at++];
	if (coverage_path)
		o.coverage = calloc(x86_opcode_count, sizeof(*o.coverage));
	for (; at < argc; at++) {
		for (unsigned m = 0; m < (o.run[VMM_KVM] ? 1 : MODELS); m++) {
			if (run_guest(&o, argv[at], models[m]))
				passed++;
			else
				failed++;
		}
	}
	if (o.coverage && write_coverage(coverage_path, o.coverage)) {
		perror(coverage_path);
		failed++;
	}
	free(o.coverage);
	printf("%u passed, %u failed\n", passed, failed);
	return failed != 0;
}
