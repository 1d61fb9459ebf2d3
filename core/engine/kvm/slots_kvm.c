/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/kvm/kvm.h"

#include <stdlib.h>
#include <sys/ioctl.h>

static int add_slot(struct engine *engine, unsigned number, struct err *err)
{
	const struct memory_region *region = &engine->config.memory->region[number];
	struct kvm_userspace_memory_region slot = {
		.slot = number,
		.flags = KVM_MEM_LOG_DIRTY_PAGES,
		.guest_phys_addr = region->gpa,
		.memory_size = region->size_bytes,
		.userspace_addr = (uintptr_t)region->host,
	};

	if (ioctl(engine->vm, KVM_SET_USER_MEMORY_REGION, &slot))
		return err_system(err, "KVM does not take guest memory at %#llx",
				  (unsigned long long)region->gpa);
	return 0;
}

int kvm_slots_create(struct engine *engine, struct err *err)
{
	struct kvm_enable_cap protect = {.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2,
					 .args = {KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE}};
	int failed = 0;

	if (ioctl(engine->vm, KVM_ENABLE_CAP, &protect))
		return err_system(err, "KVM has no dirty log that is cleared by hand");
	/* the log comes in whole words */
	engine->dirty = calloc(engine->config.memory->pages / 64 + 1, sizeof(*engine->dirty));
	if (!engine->dirty)
		return err_set(err, ERR_NO_MEMORY, "no memory for the dirty log");
	for (unsigned n = 0; !failed && n < engine->config.memory->regions; n++)
		failed = add_slot(engine, n, err);
	return failed;
}
