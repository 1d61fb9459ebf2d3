/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/uart.h"

#include <stdlib.h>

#define FIFO_BYTES 16u

enum port {
	PORT_DATA,	 /* RBR, THR; DLL with DLAB */
	PORT_INTERRUPTS, /* IER; DLM with DLAB */
	PORT_FIFO,	 /* IIR, FCR */
	PORT_LINE,	 /* LCR */
	PORT_MODEM,	 /* MCR */
	PORT_LINE_STATUS,
	PORT_MODEM_STATUS,
	PORT_SCRATCH,
};

#define IER_RECEIVED	 0x01u
#define IER_EMPTY	 0x02u
#define IER_LINE_STATUS	 0x04u
#define IER_MODEM_STATUS 0x08u
#define IER_WRITABLE	 0x0fu

#define IIR_NONE	 0x01u
#define IIR_MODEM_STATUS 0x00u
#define IIR_EMPTY	 0x02u
#define IIR_RECEIVED	 0x04u
#define IIR_LINE_STATUS	 0x06u
#define IIR_TIMEOUT	 0x0cu
#define IIR_FIFO	 0xc0u

#define FCR_ENABLE  0x01u
#define FCR_CLEAR   0x02u
#define FCR_TRIGGER 0xc0u

#define LCR_DLAB 0x80u

#define MCR_DTR	     0x01u
#define MCR_RTS	     0x02u
#define MCR_OUT1     0x04u
#define MCR_OUT2     0x08u
#define MCR_LOOP     0x10u
#define MCR_WRITABLE 0x1fu

#define LSR_READY   0x01u
#define LSR_OVERRUN 0x02u
#define LSR_EMPTY   0x60u /* both the holding and the shift register */

#define MSR_CTS	     0x10u
#define MSR_DSR	     0x20u
#define MSR_RI	     0x40u
#define MSR_DCD	     0x80u
#define MSR_RI_ENDED 0x04u

struct uart {
	struct device device;
	void (*emit)(void *ctx, const struct output *output);
	void *emit_ctx;
	struct irq_line irq; /* its level follows from the rest */

	/* Saved. */
	uint8_t interrupts, fifo_control, line_control, modem_control, scratch;
	uint8_t divisor[2];
	uint8_t modem_changes; /* low half of the modem status register */
	bool overrun;
	bool empty_pending; /* the transmitter ran empty and the guest has not been told */
	uint8_t fifo[FIFO_BYTES];
	uint8_t fifo_count;
	uint8_t backlog[UART_BACKLOG_BYTES];
	uint32_t backlog_first, backlog_count;
};

static const struct state_field fields[] = {
	STATE_FIELD(struct uart, irq.level, 1),	    STATE_FIELD(struct uart, interrupts, 1),
	STATE_FIELD(struct uart, fifo_control, 1),  STATE_FIELD(struct uart, line_control, 1),
	STATE_FIELD(struct uart, modem_control, 1), STATE_FIELD(struct uart, scratch, 1),
	STATE_FIELD(struct uart, divisor, 1),	    STATE_FIELD(struct uart, modem_changes, 1),
	STATE_FIELD(struct uart, overrun, 1),	    STATE_FIELD(struct uart, empty_pending, 1),
	STATE_FIELD(struct uart, fifo, 1),	    STATE_FIELD(struct uart, fifo_count, 1),
	STATE_FIELD(struct uart, backlog, 1),	    STATE_FIELD(struct uart, backlog_first, 1),
	STATE_FIELD(struct uart, backlog_count, 1),
};

static int check(const void *object, struct err *err)
{
	const struct uart *u = object;

	if (u->fifo_count > FIFO_BYTES)
		return err_set(err, ERR_RANGE, "%u bytes are in a FIFO of %u", u->fifo_count,
			       FIFO_BYTES);
	if (u->backlog_first >= UART_BACKLOG_BYTES || u->backlog_count > UART_BACKLOG_BYTES)
		return err_set(err, ERR_RANGE, "%u bytes from %u on are in a backlog of %u",
			       u->backlog_count, u->backlog_first, UART_BACKLOG_BYTES);
	return 0;
}

static const struct state_table table = {
	.name = "uart",
	.version = 1,
	.size_bytes = sizeof(struct uart),
	.fields = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.check = check,
};

static bool looped(const struct uart *u)
{
	return u->modem_control & MCR_LOOP;
}

/* ---- interrupts ---- */

static unsigned fifo_room(const struct uart *u)
{
	return u->fifo_control & FCR_ENABLE ? FIFO_BYTES : 1;
}

static unsigned fifo_trigger(const struct uart *u)
{
	static const uint8_t level[] = {1, 4, 8, 14};

	return u->fifo_control & FCR_ENABLE ? level[(u->fifo_control & FCR_TRIGGER) >> 6] : 1;
}

/* The most urgent reason for an interrupt.  Bytes that stay below the trigger level time out at once,
 * as there is no baud rate to wait for. */
static uint8_t cause(const struct uart *u)
{
	if ((u->interrupts & IER_LINE_STATUS) && u->overrun)
		return IIR_LINE_STATUS;
	if ((u->interrupts & IER_RECEIVED) && u->fifo_count)
		return u->fifo_count >= fifo_trigger(u) ? IIR_RECEIVED : IIR_TIMEOUT;
	if ((u->interrupts & IER_EMPTY) && u->empty_pending)
		return IIR_EMPTY;
	if ((u->interrupts & IER_MODEM_STATUS) && u->modem_changes)
		return IIR_MODEM_STATUS;
	return IIR_NONE;
}

static void irq_update(struct uart *u)
{
	irq_set(&u->irq, cause(u) != IIR_NONE);
}

/* ---- receiving ---- */

/* Moves bytes from the backlog into the FIFO, as many as may be seen. */
static void fifo_fill(struct uart *u)
{
	unsigned room = u->interrupts & IER_RECEIVED ? fifo_room(u) : 1;

	if (looped(u))
		return;
	while (u->fifo_count < room && u->backlog_count) {
		u->fifo[u->fifo_count++] = u->backlog[u->backlog_first];
		u->backlog_first = (u->backlog_first + 1) % UART_BACKLOG_BYTES;
		u->backlog_count--;
	}
}

static uint8_t receive_read(struct uart *u)
{
	uint8_t value = u->fifo[0];

	if (!u->fifo_count)
		return 0;
	u->fifo_count--;
	memmove(&u->fifo[0], &u->fifo[1], u->fifo_count);
	fifo_fill(u);
	return value;
}

static void receive_looped(struct uart *u, uint8_t value)
{
	if (u->fifo_count < fifo_room(u))
		u->fifo[u->fifo_count++] = value;
	else
		u->overrun = true;
}

static void uart_input(struct device *d, const struct input *in)
{
	struct uart *u = (struct uart *)d;
	const uint8_t *data = in->data;

	if (in->kind != INPUT_CONSOLE)
		return;
	for (uint32_t n = 0; n < in->size_bytes; n++) {
		if (u->backlog_count == UART_BACKLOG_BYTES) {
			u->overrun = true;
			break;
		}
		u->backlog[(u->backlog_first + u->backlog_count++) % UART_BACKLOG_BYTES] = data[n];
	}
	fifo_fill(u);
	irq_update(u);
}

/* ---- sending ---- */

/* Full and empty again: whoever waits for an edge gets one. */
static void transmit(struct uart *u, uint8_t value)
{
	const struct output output = {
		.kind = OUTPUT_CONSOLE,
		.device = u->device.number,
		.data = &value,
		.size_bytes = 1,
	};

	u->empty_pending = false;
	irq_update(u);
	if (looped(u))
		receive_looped(u, value);
	else
		u->emit(u->emit_ctx, &output);
	u->empty_pending = true;
}

/* ---- the modem's wires ---- */

/* Somebody is always there, except in loopback, where the port hears itself. */
static uint8_t modem_wires(const struct uart *u)
{
	uint8_t out = u->modem_control;

	if (!looped(u))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	return (out & MCR_RTS ? MSR_CTS : 0) | (out & MCR_DTR ? MSR_DSR : 0) |
	       (out & MCR_OUT1 ? MSR_RI : 0) | (out & MCR_OUT2 ? MSR_DCD : 0);
}

static void modem_control_write(struct uart *u, uint8_t value)
{
	uint8_t before = modem_wires(u), changed;

	u->modem_control = value & MCR_WRITABLE;
	changed = before ^ modem_wires(u);
	u->modem_changes |= (changed & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
	if (changed & before & MSR_RI)
		u->modem_changes |= MSR_RI_ENDED;
	fifo_fill(u);
}

/* ---- registers ---- */

static uint8_t cause_read(struct uart *u)
{
	uint8_t value = cause(u);

	if (value == IIR_EMPTY)
		u->empty_pending = false;
	return value | (u->fifo_control & FCR_ENABLE ? IIR_FIFO : 0);
}

static uint8_t line_status_read(struct uart *u)
{
	uint8_t value = LSR_EMPTY | (u->fifo_count ? LSR_READY : 0);

	if (u->overrun)
		value |= LSR_OVERRUN;
	u->overrun = false;
	return value;
}

static uint8_t modem_status_read(struct uart *u)
{
	uint8_t value = modem_wires(u) | u->modem_changes;

	u->modem_changes = 0;
	return value;
}

static uint8_t register_read(struct uart *u, enum port port)
{
	bool divisor = u->line_control & LCR_DLAB;

	switch (port) {
	case PORT_DATA: return divisor ? u->divisor[0] : receive_read(u);
	case PORT_INTERRUPTS: return divisor ? u->divisor[1] : u->interrupts;
	case PORT_FIFO: return cause_read(u);
	case PORT_LINE: return u->line_control;
	case PORT_MODEM: return u->modem_control;
	case PORT_LINE_STATUS: return line_status_read(u);
	case PORT_MODEM_STATUS: return modem_status_read(u);
	case PORT_SCRATCH: break;
	}
	return u->scratch;
}

static void interrupts_write(struct uart *u, uint8_t value)
{
	value &= IER_WRITABLE;
	if (value & ~u->interrupts & IER_EMPTY)
		u->empty_pending = true;
	u->interrupts = value;
	fifo_fill(u);
}

/* Switching the FIFOs on or off clears them.  Before a driver receives it clears them many times: what
 * was typed meanwhile then counts as typed a moment later. */
static void fifo_write(struct uart *u, uint8_t value)
{
	bool cleared = (value ^ u->fifo_control) & FCR_ENABLE || value & FCR_CLEAR;

	if (cleared && (looped(u) || u->interrupts & IER_RECEIVED))
		u->fifo_count = 0;
	u->fifo_control = value & FCR_ENABLE ? value & (FCR_ENABLE | FCR_TRIGGER) : 0;
	fifo_fill(u);
}

static void register_write(struct uart *u, enum port port, uint8_t value)
{
	bool divisor = u->line_control & LCR_DLAB;

	switch (port) {
	case PORT_DATA:
		if (divisor)
			u->divisor[0] = value;
		else
			transmit(u, value);
		break;
	case PORT_INTERRUPTS:
		if (divisor)
			u->divisor[1] = value;
		else
			interrupts_write(u, value);
		break;
	case PORT_FIFO: fifo_write(u, value); break;
	case PORT_LINE: u->line_control = value; break;
	case PORT_MODEM: modem_control_write(u, value); break;
	case PORT_SCRATCH: u->scratch = value; break;
	case PORT_LINE_STATUS:
	case PORT_MODEM_STATUS: break;
	}
}

/* The port is eight bits wide: a wider access is several, from the lowest address up. */
static uint64_t port_read(void *device, uint64_t offset, unsigned size_bytes)
{
	struct uart *u = device;
	uint64_t value = 0;

	for (unsigned n = 0; n < size_bytes; n++) {
		value |= (uint64_t)register_read(u, (enum port)(offset + n)) << 8 * n;
		irq_update(u);
	}
	return value;
}

static void port_write(void *device, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct uart *u = device;

	for (unsigned n = 0; n < size_bytes; n++) {
		register_write(u, (enum port)(offset + n), (uint8_t)(value >> 8 * n));
		irq_update(u);
	}
}

static const struct bus_ops port_ops = {.read = port_read, .write = port_write};

/* ---- the device ---- */

/* What was typed and not yet read is not the port's to forget. */
static void uart_reset(struct device *d)
{
	struct uart *u = (struct uart *)d;

	u->interrupts = u->fifo_control = u->line_control = u->modem_control = u->scratch = 0;
	u->divisor[0] = 12;
	u->divisor[1] = 0;
	u->modem_changes = 0;
	u->overrun = u->empty_pending = false;
	u->fifo_count = 0;
	irq_update(u);
	fifo_fill(u);
}

static void uart_resume(struct device *d)
{
	struct uart *u = (struct uart *)d;

	u->irq.level = cause(u) == IIR_NONE;
	irq_update(u);
}

static void uart_destroy(struct device *d)
{
	free(d);
}

static const struct device_ops ops = {
	.input = uart_input,
	.reset = uart_reset,
	.resume = uart_resume,
	.destroy = uart_destroy,
};

struct device *uart_create(const struct device_env *env, uint16_t port, unsigned line,
			   uint16_t number, struct err *err)
{
	struct uart *u = calloc(1, sizeof(*u));

	if (!u) {
		err_set(err, ERR_NO_MEMORY, "no memory for uart0");
		return NULL;
	}
	u->device =
		(struct device){.name = "uart0", .ops = &ops, .state = &table, .number = number};
	u->emit = env->emit;
	u->emit_ctx = env->emit_ctx;
	irq_line_init(&u->irq, env->irq, env->irq_ctx, line);
	uart_reset(&u->device);
	if (bus_claim(env->ports, port, UART_PORTS, &port_ops, u, "uart0", err)) {
		free(u);
		return NULL;
	}
	return &u->device;
}
