/* SPDX-License-Identifier: Apache-2.0 */
/* workdays.c - which days are worked on. */
#include "engine/workdays.h"

#include "base/log.h"
#include "engine/pack.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	YEAR_FIRST = 2000, YEARS = 200, DAYS_MAX = 8000, MONDAY_TO_FRIDAY = 5,
	TOUCHED_FROM = 25 /* December from this day on: the next year's notice may move it (in 2018 it was the 29th) */
};

struct special {
	int64_t day;
	bool works;
};

struct calendar {
	bool known[YEARS]; /* from YEAR_FIRST on */
	struct special days[DAYS_MAX]; /* ascending */
	size_t count;
};

static struct calendar calendar, fresh;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* ---- reading ---- */

static int weekday(int64_t day) /* 0: Monday */
{
	return (int)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

/* A year's days are its own, and the last of the year before. */
static bool belongs(struct date day, int year)
{
	return day.year == year || (day.year == year - 1 && day.month == 12 && day.day >= TOUCHED_FROM);
}

static bool take_year(struct calendar *to, struct text line, int *year)
{
	int64_t number;
	if (!text_to_int(text_word(&line), YEAR_FIRST + YEARS - 1, &number) || number < YEAR_FIRST || to->known[number - YEAR_FIRST])
		return false;
	*year = (int)number;
	to->known[number - YEAR_FIRST] = true;
	return text_trim(line).len > 0; /* where it is from */
}

/* That somebody works on a Saturday says something; that on a Wednesday is a slip of the pen. */
static bool take_day(struct calendar *to, struct text first, struct text line, int year)
{
	struct date day;
	struct text what = text_word(&line);
	bool works = text_is(what, "work");
	if (!date_read(first, &day) || year == 0 || !belongs(day, year) || to->count == DAYS_MAX || !(works || text_is(what, "off")))
		return false;
	int64_t number = date_to_days(day);
	if (works && weekday(number) < MONDAY_TO_FRIDAY)
		return false;
	to->days[to->count++] = (struct special){ number, works };
	return true;
}

static int by_day(const void *a, const void *b)
{
	const struct special *left = a, *right = b;
	return (left->day > right->day) - (left->day < right->day);
}

static int read_calendar(struct text rest, struct calendar *to)
{
	int year = 0, number = 0;
	memset(to, 0, sizeof *to);
	while (rest.len > 0) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		struct text line = { rest.ptr, end ? (size_t)(end - rest.ptr) : rest.len };
		rest = end ? (struct text){ end + 1, rest.len - line.len - 1 } : TEXT_NONE;
		number++;
		line = text_trim(line);
		if (line.len == 0 || *line.ptr == '#')
			continue;
		struct text first = text_word(&line);
		if (text_is(first, "year") ? !take_year(to, line, &year) : !take_day(to, first, line, year))
			return number;
	}
	qsort(to->days, to->count, sizeof to->days[0], by_day);
	for (size_t i = 1; i < to->count; i++)
		if (to->days[i].day == to->days[i - 1].day)
			return number; /* the same day twice: only the whole file shows it */
	return year == 0 ? number + 1 : 0;
}

/* The file was tested with the program that it is part of. */
static void read_own(void)
{
	int wrong = read_calendar(standard_file("holidays.txt"), &calendar);
	if (wrong != 0) {
		log_error("standards/holidays.txt: line %d", wrong);
		abort();
	}
}

int workdays_load(struct text file)
{
	pthread_once(&once, read_own);
	int wrong = read_calendar(file, &fresh);
	if (wrong == 0)
		calendar = fresh;
	return wrong;
}

/* ---- counting ---- */

bool workdays_known(int year)
{
	pthread_once(&once, read_own);
	return year >= YEAR_FIRST && year < YEAR_FIRST + YEARS && calendar.known[year - YEAR_FIRST];
}

bool workdays_day_known(struct date day)
{
	return workdays_known(day.year) && (day.month < 12 || day.day < TOUCHED_FROM || workdays_known(day.year + 1));
}

bool workdays_is_workday(struct date day)
{
	struct special wanted = { .day = date_to_days(day) };
	assert(workdays_day_known(day));
	const struct special *found = bsearch(&wanted, calendar.days, calendar.count, sizeof calendar.days[0], by_day);
	return found ? found->works : weekday(wanted.day) < MONDAY_TO_FRIDAY;
}

enum workdays_code workdays_add(struct date from, int n, struct date *due)
{
	struct date day = from;
	assert(n >= 1);
	for (int left = n; left > 0; left -= workdays_is_workday(day)) {
		day = date_from_days(date_to_days(day) + 1);
		if (!workdays_day_known(day))
			return WORKDAYS_UNKNOWN_YEAR;
	}
	*due = day;
	return WORKDAYS_FOUND;
}

int workdays_missing(struct date today)
{
	if (!workdays_known(today.year))
		return today.year;
	return today.month >= 11 && !workdays_known(today.year + 1) ? today.year + 1 : 0;
}
