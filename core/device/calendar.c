/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calendar repeats every 400 years, which have 146097 days.  Days are counted from 1 March of a
 * year that is a multiple of 400, so that a leap day is the last of its year, and of its four, hundred
 * or four hundred years.
 */
#include "core/device/calendar.h"

#define SECONDS_PER_DAY	   86400
#define DAYS_PER_400_YEARS 146097
#define DAYS_PER_100_YEARS 36524
#define DAYS_PER_4_YEARS   1461
#define DAYS_PER_YEAR	   365
#define DAYS_0_TO_1970	   719468 /* from 1 March 0 to 1 January 1970 */
#define WEEKDAY_OF_DAY_0   3	  /* 1 March 0 was a Wednesday */

/* Days from 1 March to the first of a month; February is the twelfth. */
static unsigned days_before_month(unsigned month_from_march)
{
	return (153 * month_from_march + 2) / 5;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static unsigned at_most(unsigned value, unsigned limit)
{
	return value < limit ? value : limit;
}

/* Splits days from 1 March of a multiple of 400, less than DAYS_PER_400_YEARS. */
static void date_from_days(unsigned days, struct calendar *c)
{
	unsigned hundreds = at_most(days / DAYS_PER_100_YEARS, 3), fours, ones, month;

	days -= hundreds * DAYS_PER_100_YEARS;
	fours = days / DAYS_PER_4_YEARS;
	days -= fours * DAYS_PER_4_YEARS;
	ones = at_most(days / DAYS_PER_YEAR, 3);
	days -= ones * DAYS_PER_YEAR;
	month = (5 * days + 2) / 153;
	c->year = hundreds * 100 + fours * 4 + ones + (month >= 10);
	c->month = month < 10 ? month + 3 : month - 9;
	c->day = days - days_before_month(month) + 1;
}

struct calendar calendar_from_seconds(int64_t seconds)
{
	int64_t days = floor_divide(seconds, SECONDS_PER_DAY) + DAYS_0_TO_1970;
	unsigned rest =
		(unsigned)(seconds - floor_divide(seconds, SECONDS_PER_DAY) * SECONDS_PER_DAY);
	int64_t cycle = floor_divide(days, DAYS_PER_400_YEARS);
	unsigned in_cycle = (unsigned)(days - cycle * DAYS_PER_400_YEARS);
	struct calendar c = {
		.hour = rest / 3600,
		.minute = rest / 60 % 60,
		.second = rest % 60,
		.weekday = (in_cycle + WEEKDAY_OF_DAY_0) % 7,
	};

	date_from_days(in_cycle, &c);
	if (cycle > 0)
		c.year += (unsigned)cycle * 400;
	return c;
}

int64_t calendar_to_seconds(const struct calendar *c)
{
	int64_t months = (int64_t)c->year * 12 + c->month - 3, year = floor_divide(months, 12);
	int64_t days = year * DAYS_PER_YEAR + floor_divide(year, 4) - floor_divide(year, 100) +
		       floor_divide(year, 400) + days_before_month((unsigned)(months - year * 12)) +
		       c->day - 1 - DAYS_0_TO_1970;

	return days * SECONDS_PER_DAY + c->hour * 3600 + c->minute * 60 + c->second;
}
