/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - time is handed in, so that tests move it. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/text.h"

/* UTC milliseconds since 1970. `shared` is set only in the test binary: there a test owns the time. */
struct clock {
	const volatile int64_t *shared;
};

int64_t clock_now_ms(const struct clock *clock);
int64_t clock_steady_ms(void); /* monotonic, for intervals only */
int64_t clock_steady_us(void);
/* RFC 3339 with milliseconds and the offset of China Standard Time (2026-01-31T08:00:00.000+08:00), as every instant
 * is shown outside. Years 0 to 9999. */
struct text clock_rfc3339(struct arena *arena, int64_t at_ms);
enum { RFC3339_CHARS = 29 };
char *clock_put(char out[static RFC3339_CHARS], int64_t at_ms); /* the same, where the caller wants it; its end */
/* An instant of RFC 3339 with any offset, to the millisecond: a finer one is not read, for it would have to be rounded; nor is
 * a leap second. Years as date_read. */
bool clock_read(struct text rfc3339, int64_t *at_ms);

/* A civil date of the Gregorian calendar. */
struct date {
	int year, month, day;
};

bool date_read(struct text iso, struct date *out); /* exactly YYYY-MM-DD, a day that exists, 1850..2200 */
struct date date_of_ms(int64_t at_ms); /* the day in China Standard Time */
int64_t date_begins_ms(struct date day); /* when it begins in China Standard Time */
struct text date_text(struct arena *arena, struct date day); /* years 0 to 9999 */
enum { DATE_CHARS = 10 };
char *date_put(char out[static DATE_CHARS], struct date day); /* the same, where the caller wants it; its end */
int64_t date_to_days(struct date day); /* days since 1970-01-01 */
struct date date_from_days(int64_t days);
int date_compare(struct date a, struct date b);
/* Age in whole years; negative before birth. Who was born on 29 February has the birthday on 28 February in years without
 * one (Civil Code, art. 202: where the month has no such day, its last day). */
int date_age(struct date born_on, struct date today);
/* The last birth date of those who are at least `years` old: date_age(b, today) >= years exactly when b is not after it. */
struct date date_born_by(struct date today, int years);

#endif
