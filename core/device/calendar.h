/* SPDX-License-Identifier: Apache-2.0 */
/* Seconds since 1970 as dates of the Gregorian calendar, and back; UTC, without leap seconds. */
#ifndef CORE_DEVICE_CALENDAR_H
#define CORE_DEVICE_CALENDAR_H

#include <stdint.h>

struct calendar {
	unsigned year;
	unsigned month, day;	       /* from 1 */
	unsigned hour, minute, second; /* from 0 */
	unsigned weekday;	       /* 0: Sunday */
};

/* Dates before 1 March of the year 0 are given years from 0 to 400. */
struct calendar calendar_from_seconds(int64_t seconds);

/* Parts that are out of bounds carry over into the greater ones, months into years; weekday counts
 * for nothing. */
int64_t calendar_to_seconds(const struct calendar *c);

#endif
