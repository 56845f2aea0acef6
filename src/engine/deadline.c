/* SPDX-License-Identifier: Apache-2.0 */
/* deadline.c - when something is due. */
#include "engine/deadline.h"

#include "engine/workdays.h"

#include <assert.h>

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

static int64_t end_of(struct date day)
{
	return date_begins_ms(date_from_days(date_to_days(day) + 1));
}

bool deadline_ms(struct deadline deadline, int64_t from_ms, int64_t *due_ms)
{
	struct date from = date_of_ms(from_ms), day = from;
	assert(deadline.amount >= 1);
	switch (deadline.unit) {
	case IN_MINUTES:
		*due_ms = from_ms + (int64_t)deadline.amount * MINUTE_MS;
		return true;
	case IN_HOURS:
		*due_ms = from_ms + (int64_t)deadline.amount * HOUR_MS;
		return true;
	case IN_DAYS:
		*due_ms = end_of(date_from_days(date_to_days(from) + deadline.amount));
		return true;
	case IN_WORKDAYS:
		break;
	}
	if (workdays_add(from, deadline.amount, &day) != WORKDAYS_FOUND)
		return false;
	*due_ms = end_of(day);
	return true;
}

bool moment_is_one(const struct moment *m)
{
	int most = m->every == EVERY_WEEK ? 7 : m->every == EVERY_MONTH ? 31 : 0;
	return m->every <= EVERY_MONTH && m->on >= (most > 0) && m->on <= most && m->hour >= 0 && m->hour < 24 && m->minute >= 0 &&
	       m->minute < 60;
}

static bool falls_on(const struct moment *m, int64_t days)
{
	struct date day = date_from_days(days), next = date_from_days(days + 1);
	if (m->every == EVERY_WEEK)
		return (days + 3) % 7 + 1 == m->on; /* 1970-01-01 was a Thursday */
	return m->every == EVERY_DAY || day.day == m->on || (day.day < m->on && next.day == 1);
}

static int64_t moment_on(const struct moment *m, int64_t days)
{
	return date_begins_ms(date_from_days(days)) + m->hour * HOUR_MS + m->minute * MINUTE_MS;
}

int64_t moment_after(const struct moment *m, int64_t at_ms)
{
	int64_t days = date_to_days(date_of_ms(at_ms));
	while (!falls_on(m, days) || moment_on(m, days) <= at_ms)
		days++;
	return moment_on(m, days);
}

int64_t moment_before(const struct moment *m, int64_t at_ms)
{
	int64_t days = date_to_days(date_of_ms(at_ms));
	while (!falls_on(m, days) || moment_on(m, days) > at_ms)
		days--;
	return moment_on(m, days);
}
