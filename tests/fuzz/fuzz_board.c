/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile guest on the board: local APICs, IOAPIC, serial port, clock, power control and debug exit,
 * wired to each other as in a machine.
 *
 * Two boards get the same accesses and inputs at the same guest times.  One of them is now and then
 * saved, thrown away, and made again from what was saved.  What must hold: both do the same, to the
 * outside and to the vCPUs, and in the end their states agree.
 */
#include "core/base/checksum.h"
#include "core/base/sink_mem.h"
#include "core/device/debug_exit.h"
#include "core/device/ioapic.h"
#include "core/device/lapic.h"
#include "core/device/power.h"
#include "core/device/rtc.h"
#include "core/device/uart.h"
#include "tests/fuzz/check.h"

#include <stdlib.h>

#define CPUS	    3
#define DEVICES	    6
#define UART_PORT   0x3f8
#define UART_LINE   4
#define POWER_GPA   0xfea00000ull
#define POWER_LINE  9
#define EXIT_PORT   0x501
#define START	    1709251198ull
#define STATE_BYTES (1u << 20)

struct board {
	struct bus ports, mmio;
	struct timer_queue timers;
	uint64_t now_ns;
	uint64_t deeds; /* a running checksum of all that the board did */
	struct lapic *lapic;
	struct device *device[DEVICES];
};

static uint64_t board_clock(void *ctx)
{
	return ((struct board *)ctx)->now_ns;
}

static void did(struct board *b, uint64_t what, uint64_t a, uint64_t c)
{
	uint64_t deed[] = {what, a, c, b->now_ns};

	b->deeds = checksum64(deed, sizeof(deed), b->deeds);
}

static void on_output(void *ctx, const struct output *output)
{
	struct board *b = ctx;

	did(b, 1, output->kind, output->value);
	did(b, output->device, output->extra,
	    checksum64(output->data, output->data ? output->size_bytes : 0, 0));
}

static void on_init(void *ctx, unsigned cpu)
{
	did(ctx, 2, cpu, 0);
}

static void on_startup(void *ctx, unsigned cpu, uint8_t vector)
{
	did(ctx, 3, cpu, vector);
}

static void on_nmi(void *ctx, unsigned cpu)
{
	did(ctx, 4, cpu, 0);
}

static void on_attention(void *ctx, unsigned cpu)
{
	struct board *b = ctx;

	did(b, 5, cpu, (uint64_t)lapic_pending(b->lapic, cpu));
	check(lapic_pending(b->lapic, cpu) >= 0, "attention to nothing");
}

static const struct lapic_ops lapic_ops = {
	.init = on_init, .startup = on_startup, .nmi = on_nmi, .attention = on_attention};

static struct board *board_make(uint64_t now_ns)
{
	struct board *b = calloc(1, sizeof(*b));
	const struct lapic_config config = {.n_cpus = CPUS,
					    .x2apic = true,
					    .tsc_deadline = true,
					    .ops = &lapic_ops,
					    .ops_ctx = b};
	struct device_env env;
	struct ioapic *io;

	check(b != NULL, "no memory");
	b->now_ns = now_ns;
	timer_queue_init(&b->timers, board_clock, b);
	env = (struct device_env){.ports = &b->ports,
				  .mmio = &b->mmio,
				  .timers = &b->timers,
				  .emit = on_output,
				  .emit_ctx = b};
	b->lapic = lapic_create(&env, &config, NULL);
	io = ioapic_create(&env, lapic_receive, b->lapic, NULL);
	lapic_wire_eoi(b->lapic, ioapic_eoi, io);
	env.irq = ioapic_line;
	env.irq_ctx = io;
	b->device[0] = lapic_device(b->lapic);
	b->device[1] = ioapic_device(io);
	b->device[2] = uart_create(&env, UART_PORT, UART_LINE, 1, NULL);
	b->device[3] = rtc_create(&env, START, NULL);
	b->device[4] = power_create(&env, POWER_GPA, POWER_LINE, 5, NULL);
	b->device[5] = debug_exit_create(&env, EXIT_PORT, NULL);
	return b;
}

static void board_free(struct board *b)
{
	for (unsigned n = DEVICES; n-- > 0;)
		b->device[n]->ops->destroy(b->device[n]);
	free(b);
}

/* Another board in its place, made from what the first saves. */
static struct board *board_reborn(struct board *from)
{
	struct board *to = board_make(from->now_ns);
	struct sink_mem saved;
	struct byte_reader r;

	sink_mem_init(&saved, STATE_BYTES);
	for (unsigned n = 0; n < DEVICES; n++)
		check(!device_save(from->device[n], sink_mem(&saved), NULL), "cannot be saved");
	r = reader_over(saved.data, saved.size);
	for (unsigned n = 0; n < DEVICES; n++)
		check(!device_load(to->device[n], &r, NULL), "what was saved cannot be loaded");
	to->deeds = from->deeds;
	for (unsigned n = 0; n < DEVICES; n++)
		to->device[n]->ops->resume(to->device[n]);
	check(to->deeds == from->deeds, "resuming does something");
	sink_mem_free(&saved);
	board_free(from);
	return to;
}

/* ---- what happens to a board ---- */

struct step {
	uint8_t kind, cpu, size_bytes;
	uint16_t where;
	uint64_t value;
};

static void pass_time(struct board *b, const struct step *s)
{
	uint64_t until = b->now_ns + (s->value & (s->size_bytes == 8 ? 0x3ffffffff : 0x3ff));
	unsigned fired = 0;

	while (timer_queue_deadline(&b->timers) <= until && fired++ < 64) {
		b->now_ns = timer_queue_deadline(&b->timers);
		timer_queue_run(&b->timers, b->now_ns);
	}
	b->now_ns = until;
	timer_queue_run(&b->timers, until);
	check(timer_queue_deadline(&b->timers) > until, "a timer stays behind");
}

static void local_apic(struct board *b, const struct step *s)
{
	uint64_t value = s->value;
	uint32_t index = s->where & 0x1000   ? 0x1b
			 : s->where & 0x2000 ? 0x6e0
					     : 0x800 + s->where % 256;

	switch (s->kind >> 4 & 3) {
	case 0: lapic_mmio_write(b->lapic, s->cpu, s->where % 0x400 & ~15u, 4, value); break;
	case 1:
		did(b, 6, s->where,
		    lapic_mmio_read(b->lapic, s->cpu, s->where % 4096, s->size_bytes));
		break;
	case 2: did(b, 7, index, lapic_msr_write(b->lapic, s->cpu, index, value)); break;
	case 3:
		value = 0;
		did(b, 8, lapic_msr_read(b->lapic, s->cpu, index, &value), value);
		break;
	}
}

static void take_interrupt(struct board *b, const struct step *s)
{
	int vector = lapic_pending(b->lapic, s->cpu);

	did(b, 9, s->cpu, (uint64_t)vector);
	if (vector >= 0)
		lapic_accept(b->lapic, s->cpu, (uint8_t)vector);
	if (s->value & 1)
		lapic_mmio_write(b->lapic, s->cpu, 0xb0, 4, 0);
	else
		lapic_set_cr8(b->lapic, s->cpu, s->value >> 4 & 15);
}

static void on_bus(struct board *b, struct bus *bus, uint64_t address, const struct step *s)
{
	if (s->kind & 0x80)
		bus_write(bus, address, s->size_bytes, s->value);
	else
		did(b, 10, address, bus_read(bus, address, s->size_bytes));
}

static void from_outside(struct board *b, const struct step *s)
{
	struct input in = {.kind = INPUT_CONSOLE, .data = &s->value, .size_bytes = s->size_bytes};

	if (s->kind & 0x40)
		in = (struct input){.kind = INPUT_ACTION, .value = s->value % 8};
	for (unsigned n = 0; n < DEVICES; n++)
		b->device[n]->ops->input(b->device[n], &in);
}

static void happen(struct board *b, const struct step *s)
{
	switch (s->kind % 10) {
	case 0: pass_time(b, s); break;
	case 1:
	case 2: local_apic(b, s); break;
	case 3: take_interrupt(b, s); break;
	case 4: on_bus(b, &b->mmio, IOAPIC_GPA + s->where % 0x48, s); break;
	case 5: /* a whole redirection entry's half */
		bus_write(&b->mmio, IOAPIC_GPA, 4, 0x10 + s->where % 48);
		bus_write(&b->mmio, IOAPIC_GPA + 0x10, 4, s->value);
		break;
	case 6: on_bus(b, &b->ports, UART_PORT + s->where % 8, s); break;
	case 7: on_bus(b, &b->ports, RTC_PORT + s->where % 2, s); break;
	case 8: from_outside(b, s); break;
	default:
		if (s->where & 1)
			on_bus(b, &b->mmio, POWER_GPA + (s->where >> 1) % 4, s);
		else
			on_bus(b, &b->ports, EXIT_PORT + (s->where >> 1) % 4, s);
	}
}

static struct step step_read(struct byte_reader *r)
{
	struct step s = {.kind = reader_u8(r)};
	uint8_t sizes = reader_u8(r);

	s.cpu = sizes % CPUS;
	s.size_bytes = (uint8_t)(1u << (sizes >> 2 & 3));
	s.where = reader_u16(r);
	s.value = sizes & 0x80 ? reader_u64(r) : reader_u16(r);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct byte_reader r = reader_over(data, size);
	struct board *a = board_make(0), *b = board_make(0);

	while (reader_left(&r)) {
		struct step s = step_read(&r);

		happen(a, &s);
		happen(b, &s);
		check(a->deeds == b->deeds, "two boards do different things");
		if (s.kind >= 250)
			b = board_reborn(b);
	}
	for (unsigned n = 0; n < DEVICES; n++)
		check(!state_compare(a->device[n]->state, a->device[n], b->device[n], NULL),
		      "two boards end in different states");
	board_free(a);
	board_free(b);
	return 0;
}
