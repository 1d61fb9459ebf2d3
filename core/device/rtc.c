/* SPDX-License-Identifier: Apache-2.0 */
#include "core/device/rtc.h"

#include "core/device/calendar.h"

#include <stdlib.h>

#define NS_PER_S	1000000000ull
#define SECONDS_PER_DAY 86400
#define SECONDS_LIMIT	((int64_t)1 << 40)

#define INDEX_BITS (RTC_BYTES - 1)

enum rtc_register {
	RTC_SECOND,
	RTC_SECOND_ALARM,
	RTC_MINUTE,
	RTC_MINUTE_ALARM,
	RTC_HOUR,
	RTC_HOUR_ALARM,
	RTC_WEEKDAY,
	RTC_DAY,
	RTC_MONTH,
	RTC_YEAR,
	RTC_A,
	RTC_B,
	RTC_C,
	RTC_D,
	RTC_CENTURY = 0x32,
};

#define A_UPDATING 0x80u
#define A_DEFAULT  0x26u /* 32.768 kHz, 1024 Hz */

#define B_SET		0x80u
#define B_ALARM		0x20u
#define B_UPDATE_ENDED	0x10u
#define B_BINARY	0x04u
#define B_24_HOURS	0x02u
#define C_REQUEST	0x80u
#define C_ALARM		0x20u
#define C_UPDATE_ENDED	0x10u
#define C_SOURCES	(C_ALARM | C_UPDATE_ENDED)
#define D_VALID		0x80u
#define HOUR_PM		0x80u
#define ALARM_DONT_CARE 0xc0u

struct rtc {
	struct device device;
	struct timer_queue *timers;
	struct timer tick;
	struct irq_line irq; /* its level follows from registers B and C */

	/* Saved. */
	int64_t start_seconds;	   /* time of day at guest time 0, as the guest has it */
	uint64_t tick_deadline_ns; /* when a second begins that somebody waits for */
	uint64_t flags_second;	   /* of guest time, when register C was last read */
	uint8_t index;
	uint8_t cmos[RTC_BYTES]; /* the time's bytes count while B_SET holds them still */
};

static const struct state_field fields[] = {
	STATE_FIELD(struct rtc, start_seconds, 1), STATE_FIELD(struct rtc, tick_deadline_ns, 1),
	STATE_FIELD(struct rtc, flags_second, 1),  STATE_FIELD(struct rtc, index, 1),
	STATE_FIELD(struct rtc, cmos, 1),
};

static int check(const void *object, struct err *err)
{
	const struct rtc *r = object;

	if (r->index > INDEX_BITS)
		return err_set(err, ERR_RANGE, "the index 0x%x is beyond the memory", r->index);
	if (r->start_seconds <= -SECONDS_LIMIT || r->start_seconds >= SECONDS_LIMIT)
		return err_set(err, ERR_RANGE, "the time of day %lld s is out of all calendars",
			       (long long)r->start_seconds);
	return 0;
}

static const struct state_table table = {
	.name = "rtc",
	.version = 1,
	.size_bytes = sizeof(struct rtc),
	.fields = fields,
	.field_count = sizeof(fields) / sizeof(fields[0]),
	.check = check,
};

/* Seconds of guest time. */
static uint64_t guest_second(const struct rtc *r)
{
	return timer_now(r->timers) / NS_PER_S;
}

static bool held(const struct rtc *r)
{
	return r->cmos[RTC_B] & B_SET;
}

/* ---- the time in bytes ---- */

static uint8_t encode(const struct rtc *r, unsigned value)
{
	return (uint8_t)(r->cmos[RTC_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static unsigned decode(const struct rtc *r, uint8_t value)
{
	return r->cmos[RTC_B] & B_BINARY ? value : (value >> 4) * 10u + (value & 15);
}

static uint8_t hour_encode(const struct rtc *r, unsigned hour)
{
	if (r->cmos[RTC_B] & B_24_HOURS)
		return encode(r, hour);
	return encode(r, (hour + 11) % 12 + 1) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned hour_decode(const struct rtc *r, uint8_t value)
{
	if (r->cmos[RTC_B] & B_24_HOURS)
		return decode(r, value);
	return decode(r, value & (uint8_t)~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

/* Puts the time of day at a second of guest time into its bytes. */
static void time_store(struct rtc *r, uint64_t second)
{
	struct calendar c = calendar_from_seconds(r->start_seconds + (int64_t)second);

	r->cmos[RTC_SECOND] = encode(r, c.second);
	r->cmos[RTC_MINUTE] = encode(r, c.minute);
	r->cmos[RTC_HOUR] = hour_encode(r, c.hour);
	r->cmos[RTC_WEEKDAY] = encode(r, c.weekday + 1);
	r->cmos[RTC_DAY] = encode(r, c.day);
	r->cmos[RTC_MONTH] = encode(r, c.month);
	r->cmos[RTC_YEAR] = encode(r, c.year % 100);
	r->cmos[RTC_CENTURY] = encode(r, c.year / 100 % 100);
}

/* The bytes are the time of day from now on. */
static void time_adopt(struct rtc *r)
{
	struct calendar c = {
		.year = decode(r, r->cmos[RTC_CENTURY]) * 100 + decode(r, r->cmos[RTC_YEAR]),
		.month = decode(r, r->cmos[RTC_MONTH]),
		.day = decode(r, r->cmos[RTC_DAY]),
		.hour = hour_decode(r, r->cmos[RTC_HOUR]),
		.minute = decode(r, r->cmos[RTC_MINUTE]),
		.second = decode(r, r->cmos[RTC_SECOND]),
	};

	r->start_seconds = calendar_to_seconds(&c) - (int64_t)guest_second(r);
}

static bool is_time(unsigned index)
{
	switch (index) {
	case RTC_SECOND:
	case RTC_MINUTE:
	case RTC_HOUR:
	case RTC_WEEKDAY:
	case RTC_DAY:
	case RTC_MONTH:
	case RTC_YEAR:
	case RTC_CENTURY: return true;
	default: return false;
	}
}

/* ---- interrupts ---- */

static bool irq_wanted(const struct rtc *r)
{
	return r->cmos[RTC_C] & r->cmos[RTC_B] & C_SOURCES;
}

static void irq_update(struct rtc *r)
{
	r->cmos[RTC_C] = (r->cmos[RTC_C] & C_SOURCES) | (irq_wanted(r) ? C_REQUEST : 0);
	irq_set(&r->irq, irq_wanted(r));
}

static bool alarm_part(const struct rtc *r, enum rtc_register alarm, enum rtc_register now)
{
	return r->cmos[alarm] >= ALARM_DONT_CARE || r->cmos[alarm] == r->cmos[now];
}

static bool alarm_matches(struct rtc *r, uint64_t second)
{
	time_store(r, second);
	return alarm_part(r, RTC_SECOND_ALARM, RTC_SECOND) &&
	       alarm_part(r, RTC_MINUTE_ALARM, RTC_MINUTE) &&
	       alarm_part(r, RTC_HOUR_ALARM, RTC_HOUR);
}

/* Ticks while an interrupt waits for the beginning of seconds, and else not at all. */
static void tick_arm(struct rtc *r)
{
	bool waited_for = (r->cmos[RTC_B] & (B_ALARM | B_UPDATE_ENDED)) && !held(r);

	r->tick_deadline_ns = waited_for ? (guest_second(r) + 1) * NS_PER_S : TIMER_NEVER;
	timer_set(&r->tick, r->tick_deadline_ns);
}

/* Guest time may have jumped over several seconds; an alarm in any of them counts, and they repeat
 * after a day. */
static void tick(void *rtc)
{
	struct rtc *r = rtc;
	uint64_t first = r->tick_deadline_ns / NS_PER_S, last = guest_second(r);

	if (last - first >= SECONDS_PER_DAY)
		first = last - SECONDS_PER_DAY + 1;
	for (uint64_t second = first; second <= last; second++)
		if (alarm_matches(r, second))
			r->cmos[RTC_C] |= C_ALARM;
	r->cmos[RTC_C] |= C_UPDATE_ENDED;
	irq_update(r);
	tick_arm(r);
}

/* ---- registers ---- */

/* Reading tells and forgets what has happened. */
static uint8_t flags_read(struct rtc *r)
{
	uint64_t second = guest_second(r);
	uint8_t value;

	if (second != r->flags_second && !held(r))
		r->cmos[RTC_C] |= C_UPDATE_ENDED;
	r->flags_second = second;
	irq_update(r);
	value = r->cmos[RTC_C];
	r->cmos[RTC_C] = 0;
	irq_update(r);
	return value;
}

static uint8_t register_read(struct rtc *r)
{
	if (is_time(r->index) && !held(r))
		time_store(r, guest_second(r));
	switch (r->index) {
	case RTC_C: return flags_read(r);
	case RTC_D: return D_VALID;
	default: return r->cmos[r->index];
	}
}

static void control_write(struct rtc *r, uint8_t value)
{
	bool was_held = held(r);

	if (!was_held)
		time_store(r, guest_second(r));
	r->cmos[RTC_B] = value & B_SET ? value & (uint8_t)~B_UPDATE_ENDED : value;
	if (was_held && !held(r))
		time_adopt(r);
	irq_update(r);
	tick_arm(r);
}

static void time_write(struct rtc *r, uint8_t value)
{
	if (held(r)) {
		r->cmos[r->index] = value;
		return;
	}
	time_store(r, guest_second(r));
	r->cmos[r->index] = value;
	time_adopt(r);
}

static void register_write(struct rtc *r, uint8_t value)
{
	if (is_time(r->index)) {
		time_write(r, value);
		return;
	}
	switch (r->index) {
	case RTC_A: r->cmos[RTC_A] = value & (uint8_t)~A_UPDATING; break;
	case RTC_B: control_write(r, value); break;
	case RTC_C:
	case RTC_D: break;
	default: r->cmos[r->index] = value;
	}
}

/* The ports are eight bits wide: a wider access is several, from the lowest address up.  The index
 * cannot be read. */
static uint64_t port_read(void *device, uint64_t offset, unsigned size_bytes)
{
	uint64_t value = 0;

	for (unsigned n = 0; n < size_bytes; n++)
		value |= (uint64_t)(offset + n ? register_read(device) : 0xff) << 8 * n;
	return value;
}

static void port_write(void *device, uint64_t offset, unsigned size_bytes, uint64_t value)
{
	struct rtc *r = device;

	for (unsigned n = 0; n < size_bytes; n++, value >>= 8) {
		if (offset + n)
			register_write(r, (uint8_t)value);
		else
			r->index = value & INDEX_BITS;
	}
}

static const struct bus_ops port_ops = {.read = port_read, .write = port_write};

/* ---- the device ---- */

/* A battery keeps the rest. */
static void rtc_reset(struct device *d)
{
	struct rtc *r = (struct rtc *)d;

	r->index = 0;
	r->cmos[RTC_B] &= (uint8_t) ~(B_ALARM | B_UPDATE_ENDED);
	r->cmos[RTC_C] = 0;
	irq_update(r);
	tick_arm(r);
}

static void rtc_resume(struct device *d)
{
	struct rtc *r = (struct rtc *)d;

	timer_set(&r->tick, r->tick_deadline_ns);
	r->irq.level = !irq_wanted(r);
	irq_set(&r->irq, irq_wanted(r));
}

static void rtc_destroy(struct device *d)
{
	struct rtc *r = (struct rtc *)d;

	timer_set(&r->tick, TIMER_NEVER);
	free(r);
}

static const struct device_ops ops = {
	.input = device_no_input,
	.reset = rtc_reset,
	.resume = rtc_resume,
	.destroy = rtc_destroy,
};

struct device *rtc_create(const struct device_env *env, uint64_t start_seconds, struct err *err)
{
	struct rtc *r;

	if (start_seconds >= (uint64_t)SECONDS_LIMIT) {
		err_set(err, ERR_RANGE, "a clock cannot start %llu s after 1970",
			(unsigned long long)start_seconds);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		err_set(err, ERR_NO_MEMORY, "no memory for a clock");
		return NULL;
	}
	r->device = (struct device){.name = "rtc", .ops = &ops, .state = &table};
	r->timers = env->timers;
	r->start_seconds = (int64_t)start_seconds;
	r->cmos[RTC_A] = A_DEFAULT;
	r->cmos[RTC_B] = B_24_HOURS;
	irq_line_init(&r->irq, env->irq, env->irq_ctx, RTC_IRQ);
	timer_init(&r->tick, env->timers, tick, r);
	rtc_reset(&r->device);
	if (bus_claim(env->ports, RTC_PORT, RTC_PORTS, &port_ops, r, "rtc", err)) {
		free(r);
		return NULL;
	}
	return &r->device;
}
