/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guests/vmm.h"

#include "core/digest.h"
#include "tests/guests/loader.h"

#include <stdlib.h>
#include <string.h>

/* The state after RESET, which the loader turns into that of a multiboot entry. */
static int reset_state(const struct x86_cpu_model *model, struct vcpu_state *s, struct err *err)
{
	struct x86_cpu *c = calloc(1, sizeof(*c));

	if (!c)
		return err_set(err, ERR_NO_MEMORY, "a processor");
	c->model = model;
	c->n_cpus = 1;
	tlb_init(&c->tlb);
	x86_cpu_reset(c, true);
	memset(s, 0, sizeof(*s));
	x86_cpu_get_state(c, s);
	free(c);
	return 0;
}

static int collect(struct board *b, uint64_t results_gpa, struct vmm_result *r, struct err *err)
{
	struct memory_digest digest;
	int failed = memory_digest_init(&digest, b->memory, err);

	if (failed)
		return failed;
	r->memory_digest = digest.sum;
	memory_digest_free(&digest);
	r->exit_value = b->exit_value;
	r->text = b->text ? b->text : calloc(1, 1);
	b->text = NULL;
	if (results_gpa)
		return memory_read(b->memory, results_gpa, &r->results, sizeof(r->results), err);
	return 0;
}

static int (*const drives[])(const struct vmm_drive *d, struct err *err) = {
	[VMM_STEP] = vmm_drive_step,
	[VMM_INTERPRET] = vmm_drive_interpret,
	[VMM_KVM] = vmm_drive_kvm,
};

static int load_and_drive(const struct vmm_config *config, struct board *b, struct vmm_result *r,
			  struct err *err)
{
	struct vcpu_state entry;
	struct loaded_guest loaded;
	struct vmm_drive d = {config, b, &entry, r};
	int failed = reset_state(config->model, &entry, err);

	b->no_ticks = config->no_ticks;
	b->listener = config->listener;
	b->listener_context = config->listener_context;
	if (!failed)
		failed = guest_load(b->memory, config->path, config->command_line, &entry, &loaded,
				    err);
	if (!failed)
		failed = drives[config->driver](&d, err);
	return failed ? failed : collect(b, loaded.results_gpa, r, err);
}

int vmm_run(const struct vmm_config *config, struct vmm_result *result, struct err *err)
{
	struct board *b = malloc(sizeof(*b));
	int failed;

	memset(result, 0, sizeof(*result));
	if (!b)
		return err_set(err, ERR_NO_MEMORY, "a board");
	failed = board_init(b, config->memory_bytes, config->cpus, err);
	if (!failed) {
		failed = load_and_drive(config, b, result, err);
		if (!failed && config->keep_memory) {
			result->memory = b->memory;
			b->memory = NULL;
		}
		board_free(b);
	}
	free(b);
	return failed;
}

void vmm_result_free(struct vmm_result *result)
{
	free(result->text);
	memory_destroy(result->memory);
	result->text = NULL;
	result->memory = NULL;
}
