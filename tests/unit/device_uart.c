/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/uart.h"

#include "core/base/seeded.h"
#include "tests/support/board.h"
#include "tests/unit/cmocka_all.h"

#define PORT   0x3f8
#define LINE   4
#define NUMBER 1

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

struct rig {
	struct board board;
	struct device *uart;
};

static void rig_init(struct rig *r)
{
	board_init(&r->board);
	r->uart = uart_create(&r->board.env, PORT, LINE, NUMBER, NULL);
	assert_non_null(r->uart);
}

static int setup(void **state)
{
	struct rig *r = test_calloc(1, sizeof(*r));

	rig_init(r);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	r->uart->ops->destroy(r->uart);
	test_free(r);
	return 0;
}

static uint8_t in(struct rig *r, unsigned port)
{
	return (uint8_t)bus_read(&r->board.ports, PORT + port, 1);
}

static void out(struct rig *r, unsigned port, uint8_t value)
{
	bus_write(&r->board.ports, PORT + port, 1, value);
}

static void type(struct rig *r, const void *data, uint32_t size_bytes)
{
	const struct input input = {
		.kind = INPUT_CONSOLE, .device = NUMBER, .data = data, .size_bytes = size_bytes};

	r->uart->ops->input(r->uart, &input);
}

static void prints(void **state)
{
	struct rig *r = *state;

	for (const char *c = "login: "; *c; c++) {
		assert_int_equal(in(r, LSR), 0x60);
		out(r, DATA, (uint8_t)*c);
	}
	assert_int_equal(r->board.printed_bytes, 7);
	assert_memory_equal(r->board.printed, "login: ", 7);
	assert_int_equal(r->board.last.device, NUMBER);
	assert_int_equal(r->board.rises[LINE], 0);
}

/* What Linux looks for: a 16550A, and none of its successors. */
static void probing(void **state)
{
	struct rig *r = *state;

	out(r, IER, 0);
	assert_int_equal(in(r, IER), 0);
	out(r, IER, 0xff);
	assert_int_equal(in(r, IER), 0x0f);
	out(r, IER, 0);
	out(r, MCR, 0x1a);
	assert_int_equal(in(r, MSR) & 0xf0, 0x90);
	out(r, MCR, 0);
	out(r, LCR, 0xbf);
	out(r, FCR, 0);
	out(r, LCR, 0);
	out(r, FCR, 1);
	assert_int_equal(in(r, IIR), 0xc1);
	out(r, LCR, 0xbf);
	assert_int_equal(in(r, IIR), 0xc1); /* no EFR */
	out(r, LCR, 0x80);
	out(r, FCR, 0x21);
	assert_int_equal(in(r, IIR), 0xc1); /* no 64-byte FIFO */
	out(r, DATA, 0x34);
	out(r, IER, 0x12);
	assert_int_equal(in(r, DATA), 0x34);
	assert_int_equal(in(r, IER), 0x12);
	out(r, LCR, 0x13);
	assert_int_equal(in(r, LCR), 0x13);
	assert_int_equal(in(r, IER), 0);
	out(r, SCR, 0xa5);
	assert_int_equal(in(r, SCR), 0xa5);
	out(r, FCR, 0);
	assert_int_equal(in(r, IIR), 0x01);
	assert_int_equal(r->board.printed_bytes, 0);
}

static void the_empty_transmitter_interrupts(void **state)
{
	struct rig *r = *state;

	out(r, IER, 2);
	assert_true(r->board.level[LINE]);
	assert_int_equal(in(r, IIR), 0x02); /* told, and so taken back */
	assert_false(r->board.level[LINE]);
	assert_int_equal(in(r, IIR), 0x01);
	out(r, DATA, 'x');
	assert_true(r->board.level[LINE]);
	assert_int_equal(r->board.rises[LINE], 2);
	out(r, DATA, 'y'); /* each byte gives an edge */
	assert_int_equal(r->board.rises[LINE], 3);
	out(r, IER, 0);
	assert_false(r->board.level[LINE]);
	out(r, IER, 2);
	assert_int_equal(r->board.rises[LINE], 4);
	assert_int_equal(in(r, IIR), 0x02);
}

static void typed_bytes_interrupt(void **state)
{
	struct rig *r = *state;

	out(r, FCR, 0x81); /* trigger at 8 */
	out(r, IER, 1);
	type(r, "abc", 3);
	assert_true(r->board.level[LINE]);
	assert_int_equal(in(r, IIR), 0xcc); /* fewer: a timeout */
	assert_int_equal(in(r, LSR), 0x61);
	type(r, "defgh", 5);
	assert_int_equal(in(r, IIR), 0xc4);
	for (const char *c = "abcdefgh"; *c; c++) {
		assert_true(r->board.level[LINE]);
		assert_int_equal(in(r, DATA), *c);
	}
	assert_false(r->board.level[LINE]);
	assert_int_equal(in(r, LSR), 0x60);
	assert_int_equal(in(r, DATA), 0);
	assert_int_equal(r->board.rises[LINE], 1);
}

static void a_long_text_is_not_lost(void **state)
{
	struct rig *r = *state;
	uint8_t text[UART_BACKLOG_BYTES];

	for (unsigned n = 0; n < sizeof(text); n++)
		text[n] = (uint8_t)(n * 7 + n / 251);
	out(r, FCR, 1);
	out(r, IER, 1);
	for (unsigned round = 0; round < 3; round++) {
		type(r, text, 5000);
		type(r, text + 5000, sizeof(text) - 5000);
		for (unsigned n = 0; n < sizeof(text); n++) {
			assert_int_equal(in(r, LSR), 0x61);
			assert_int_equal(in(r, DATA), text[n]);
		}
	}
	assert_int_equal(in(r, LSR), 0x60);
}

static void too_much_is_an_overrun(void **state)
{
	struct rig *r = *state;
	static const uint8_t text[UART_BACKLOG_BYTES + 100];

	out(r, FCR, 1);
	out(r, IER, 4);
	type(r, text, sizeof(text));
	assert_int_equal(in(r, IIR), 0xc6);
	assert_int_equal(in(r, LSR), 0x63);
	assert_int_equal(in(r, LSR), 0x61);
	assert_int_equal(in(r, IIR), 0xc1);
}

/* A driver that starts clears the FIFO, and reads one byte to be sure. */
static void typing_ahead_survives_a_driver(void **state)
{
	struct rig *r = *state;
	char got[32] = "";
	unsigned n = 0;

	type(r, ".root\n", 6);
	out(r, FCR, 7);
	out(r, FCR, 0);
	assert_int_equal(in(r, LSR), 0x61);
	in(r, DATA);
	out(r, FCR, 1);
	out(r, IER, 1);
	while (in(r, LSR) & 1)
		got[n++] = (char)in(r, DATA);
	assert_string_equal(got, "root\n");
}

static void loopback(void **state)
{
	struct rig *r = *state;

	out(r, FCR, 1);
	out(r, MCR, 0x10);
	assert_int_equal(in(r, MSR), 0x0b); /* all wires fell */
	assert_int_equal(in(r, MSR), 0x00);
	type(r, "t", 1);
	out(r, DATA, 'l');
	assert_int_equal(in(r, DATA), 'l');
	assert_int_equal(in(r, LSR), 0x60);
	for (unsigned n = 0; n < 17; n++)
		out(r, DATA, (uint8_t)n);
	assert_int_equal(in(r, LSR), 0x63);
	out(r, FCR, 3);
	out(r, MCR, 0x14);
	assert_int_equal(in(r, MSR), 0x40);
	out(r, MCR, 0x10);
	assert_int_equal(in(r, MSR), 0x04); /* the ring ended */
	out(r, IER, 8);
	out(r, MCR, 0x00);
	assert_int_equal(in(r, IIR), 0xc0);
	assert_int_equal(in(r, MSR), 0xbb);
	assert_int_equal(in(r, IIR), 0xc1);
	assert_int_equal(in(r, DATA), 't');
	assert_int_equal(r->board.printed_bytes, 0);
}

static void wide_accesses_are_several(void **state)
{
	struct rig *r = *state;

	bus_write(&r->board.ports, PORT + SCR - 1, 2, 0x7700);
	assert_int_equal(in(r, SCR), 0x77);
	assert_int_equal(bus_read(&r->board.ports, PORT + LSR, 2), 0xb060);
	bus_write(&r->board.ports, PORT + IIR, 4, 0x00000301);
	assert_int_equal(in(r, IIR), 0xc1);
	assert_int_equal(in(r, LCR), 3);
	assert_int_equal(bus_read(&r->board.ports, PORT + SCR, 2), 0xffff);
}

static void saved_in_mid_flight(void **state)
{
	struct rig *r = *state;
	struct rig *other = test_calloc(1, sizeof(*other));

	rig_init(other);
	out(r, FCR, 0xc1);
	out(r, IER, 3);
	out(r, LCR, 3);
	type(r, "a text of more than sixteen", 27);
	in(r, DATA);
	board_transplant(r->uart, other->uart);
	assert_true(other->board.level[LINE]);
	assert_int_equal(in(other, LCR), 3);
	for (const char *c = " text of more than sixteen"; *c; c++)
		assert_int_equal(in(other, DATA), *c);
	assert_true(other->board.level[LINE]);
	assert_int_equal(in(other, IIR), 0xc2);
	assert_false(other->board.level[LINE]);
	board_transplant(r->uart, other->uart);
	other->uart->ops->reset(other->uart);
	assert_false(other->board.level[LINE]);
	assert_int_equal(in(other, LCR), 0);
	other->uart->ops->destroy(other->uart);
	test_free(other);
}

static void random_guests(void **state)
{
	struct rig *r = *state;
	struct seeded random;

	seeded_start(&random, 9);
	for (unsigned n = 0; n < 200000; n++) {
		uint64_t value = seeded_u64(&random);
		uint64_t port = PORT + (value & 7);
		unsigned size = 1u << (value >> 3 & 3);

		r->board.printed_bytes = 0;
		switch (value >> 5 & 3) {
		case 0: type(r, &value, 8); break;
		case 1: bus_read(&r->board.ports, port, size); break;
		default: bus_write(&r->board.ports, port, size, value >> 8);
		}
	}
	for (unsigned n = 0; n < 20; n++) {
		board_hostile_load(r->uart, n);
		while (in(r, LSR) & 1)
			in(r, DATA);
		r->uart->ops->reset(r->uart);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(prints),
		TEST(probing),
		TEST(the_empty_transmitter_interrupts),
		TEST(typed_bytes_interrupt),
		TEST(a_long_text_is_not_lost),
		TEST(too_much_is_an_overrun),
		TEST(typing_ahead_survives_a_driver),
		TEST(loopback),
		TEST(wide_accesses_are_several),
		TEST(saved_in_mid_flight),
		TEST(random_guests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
