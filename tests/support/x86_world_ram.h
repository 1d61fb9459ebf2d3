/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A software CPU with nothing around it but some RAM from address 0, for unit tests.  Beyond RAM
 * is MMIO that reads as the address and takes any write, or, while `waits` is set, does not answer.
 */
#ifndef TESTS_SUPPORT_X86_WORLD_RAM_H
#define TESTS_SUPPORT_X86_WORLD_RAM_H

#include "core/x86/cpu.h"

struct x86_world_ram {
	struct x86_cpu cpu; /* reset as bootstrap processor, model test-all */
	struct x86_decoder *decoder;
	uint8_t *ram;
	uint64_t ram_bytes;
	bool waits; /* MMIO and ports answer X86_EXIT */
	struct {
		uint64_t gpa, value;
		unsigned size_bytes, count;
	} mmio_written; /* the last MMIO write, and how many there were */
	struct {
		uint32_t value;
		uint16_t port;
		uint8_t size_bytes;
	} port_written;
	uint32_t port_reads; /* the value that ports read as */
	uint64_t tsc, tpr;
};

/* ram_bytes: whole pages.  Aborts the test when the host has no memory. */
struct x86_world_ram *x86_world_ram_create(uint64_t ram_bytes);
void x86_world_ram_destroy(struct x86_world_ram *w);

/* Values in RAM, at physical addresses. */
uint64_t x86_ram_get(const struct x86_world_ram *w, uint64_t gpa, unsigned size_bytes);
void x86_ram_put(struct x86_world_ram *w, uint64_t gpa, unsigned size_bytes, uint64_t value);

/* Decodes one instruction as code of the current mode and carries it out at rip, without fetching
 * it and without delivering what it raises.  Undefined bytes raise #UD. */
enum x86_status x86_ram_execute(struct x86_world_ram *w, const uint8_t *bytes, unsigned n_bytes);

#define X86_EXECUTE(w, ...) \
	x86_ram_execute(w, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* Copies code to linear = physical address rip, and sends the CPU there. */
void x86_ram_code(struct x86_world_ram *w, uint64_t rip, const void *bytes, unsigned n_bytes);

#endif
