/* SPDX-License-Identifier: Apache-2.0 */
/* date.c - civil dates, and instants as they are shown outside. */
#include "base/clock.h"

#include <assert.h>
#include <string.h>

enum { YEAR_FIRST = 1850, YEAR_LAST = 2200 };

static const int64_t day_ms = INT64_C(86400000);
static const int64_t china_offset_ms = INT64_C(8) * 3600 * 1000;

static int days_in_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	assert(month >= 1 && month <= 12);
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool digits_at(struct text t, size_t at, size_t count, int *out)
{
	int64_t value;
	if (!text_to_int((struct text){ t.ptr + at, count }, 9999, &value))
		return false;
	*out = (int)value;
	return true;
}

bool date_read(struct text iso, struct date *out)
{
	struct date day;
	if (iso.len != 10 || iso.ptr[4] != '-' || iso.ptr[7] != '-')
		return false;
	if (!digits_at(iso, 0, 4, &day.year) || !digits_at(iso, 5, 2, &day.month) || !digits_at(iso, 8, 2, &day.day))
		return false;
	if (day.year < YEAR_FIRST || day.year > YEAR_LAST || day.month < 1 || day.month > 12)
		return false;
	if (day.day < 1 || day.day > days_in_month(day.year, day.month))
		return false;
	*out = day;
	return true;
}

/* Counted in eras of 400 years that begin on 1 March, so that the leap day is the last of its year. */
int64_t date_to_days(struct date day)
{
	assert(day.month >= 1 && day.month <= 12 && day.day >= 1 && day.day <= days_in_month(day.year, day.month));
	int64_t year = day.month <= 2 ? (int64_t)day.year - 1 : day.year;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	int64_t year_of_era = year - era * 400;
	int64_t month = day.month > 2 ? day.month - 3 : day.month + 9;
	int64_t day_of_year = (153 * month + 2) / 5 + day.day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

struct date date_from_days(int64_t days)
{
	/* ten thousand years either way: far outside every date we hold, far inside what int can count */
	assert(days > -4371587 && days < 2932897);
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	struct date day = {
		.month = (int)(month < 10 ? month + 3 : month - 9),
		.day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
	};
	day.year = (int)(year_of_era + era * 400 + (day.month <= 2 ? 1 : 0));
	assert(day.day >= 1 && day.day <= days_in_month(day.year, day.month));
	return day;
}

static int64_t floor_days(int64_t ms)
{
	return ms / day_ms - (ms % day_ms < 0 ? 1 : 0);
}

struct date date_of_ms(int64_t at_ms)
{
	return date_from_days(floor_days(at_ms + china_offset_ms));
}

int64_t date_begins_ms(struct date day)
{
	return date_to_days(day) * day_ms - china_offset_ms;
}

int date_compare(struct date a, struct date b)
{
	if (a.year != b.year)
		return a.year < b.year ? -1 : 1;
	if (a.month != b.month)
		return a.month < b.month ? -1 : 1;
	return (a.day > b.day) - (a.day < b.day);
}

int date_age(struct date born_on, struct date today)
{
	int last = days_in_month(today.year, born_on.month);
	struct date birthday = { today.year, born_on.month, born_on.day < last ? born_on.day : last };
	return today.year - born_on.year - (date_compare(today, birthday) < 0 ? 1 : 0);
}

/* The last day of a month is the birthday of all who were born on it or later in that month. */
struct date date_born_by(struct date today, int years)
{
	struct date day = { today.year - years, today.month, today.day };
	int last = days_in_month(day.year, day.month);
	if (today.day == days_in_month(today.year, today.month) || day.day > last)
		day.day = last;
	return day;
}

/* `value` with exactly `width` digits, which is much quicker than printf for what stands in every answer. */
static char *put_digits(char *at, unsigned value, unsigned width)
{
	for (unsigned i = width; i > 0; i--, value /= 10)
		at[i - 1] = (char)('0' + value % 10);
	assert(value == 0);
	return at + width;
}

char *date_put(char out[static DATE_CHARS], struct date day)
{
	char *at = out;
	at = put_digits(at, (unsigned)day.year, 4);
	*at++ = '-';
	at = put_digits(at, (unsigned)day.month, 2);
	*at++ = '-';
	return put_digits(at, (unsigned)day.day, 2);
}

struct text date_text(struct arena *arena, struct date day)
{
	char text[DATE_CHARS];
	char *end = date_put(text, day);
	assert(end == text + sizeof text);
	return text_copy(arena, (struct text){ text, sizeof text });
}

char *clock_put(char out[static RFC3339_CHARS], int64_t at_ms)
{
	int64_t local = at_ms + china_offset_ms, days = floor_days(local);
	unsigned of_day = (unsigned)(local - days * day_ms);
	char *at = date_put(out, date_from_days(days));
	*at++ = 'T';
	at = put_digits(at, of_day / 3600000, 2);
	*at++ = ':';
	at = put_digits(at, of_day / 60000 % 60, 2);
	*at++ = ':';
	at = put_digits(at, of_day / 1000 % 60, 2);
	*at++ = '.';
	at = put_digits(at, of_day % 1000, 3);
	memcpy(at, "+08:00", 6);
	return at + 6;
}

struct text clock_rfc3339(struct arena *arena, int64_t at_ms)
{
	char text[RFC3339_CHARS];
	char *end = clock_put(text, at_ms);
	assert(end == text + sizeof text);
	return text_copy(arena, (struct text){ text, sizeof text });
}

/* "+08:00", or "Z", at the end of an instant: minutes before UTC. */
static bool read_offset(struct text t, int *minutes)
{
	int hour, minute;
	*minutes = 0;
	if (text_is(t, "Z") || text_is(t, "z"))
		return true;
	if (t.len != 6 || (t.ptr[0] != '+' && t.ptr[0] != '-') || t.ptr[3] != ':')
		return false;
	if (!digits_at(t, 1, 2, &hour) || !digits_at(t, 4, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*minutes = (t.ptr[0] == '-' ? -1 : 1) * (hour * 60 + minute);
	return true;
}

/* What stands between the seconds and the offset: nothing, or a point and digits, of which only zeros behind the third. */
static bool read_fraction(struct text *rest, int *ms)
{
	int unit = 100;
	size_t at = 1;
	*ms = 0;
	if (rest->len == 0 || rest->ptr[0] != '.')
		return true;
	for (; at < rest->len && rest->ptr[at] >= '0' && rest->ptr[at] <= '9'; at++, unit /= 10) {
		if (unit == 0 && rest->ptr[at] != '0')
			return false;
		*ms += unit * (rest->ptr[at] - '0');
	}
	*rest = (struct text){ rest->ptr + at, rest->len - at };
	return at > 1;
}

bool clock_read(struct text t, int64_t *at_ms)
{
	enum { SECONDS_END = 19 }; /* 2026-01-31T08:00:00 */
	struct date day;
	int hour, minute, second, ms, offset;
	if (t.len < SECONDS_END || !date_read((struct text){ t.ptr, DATE_CHARS }, &day))
		return false;
	if ((t.ptr[10] != 'T' && t.ptr[10] != 't') || t.ptr[13] != ':' || t.ptr[16] != ':')
		return false;
	if (!digits_at(t, 11, 2, &hour) || !digits_at(t, 14, 2, &minute) || !digits_at(t, 17, 2, &second))
		return false;
	struct text rest = { t.ptr + SECONDS_END, t.len - SECONDS_END };
	if (hour > 23 || minute > 59 || second > 59 || !read_fraction(&rest, &ms) || !read_offset(rest, &offset))
		return false;
	*at_ms = date_to_days(day) * day_ms + (((int64_t)hour * 60 + minute - offset) * 60 + second) * 1000 + ms;
	return true;
}
