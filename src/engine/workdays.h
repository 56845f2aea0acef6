/* SPDX-License-Identifier: Apache-2.0 */
/* workdays.h - which days are worked on: Monday to Friday, but for the holidays and 调休 of each year.
 *
 * They are data (standards/holidays.txt), announced a year at a time. In a year without data nothing is counted: the next
 * notice could have moved any of its days. It can also move the last days of the year before it, so those are known only
 * when both years are. */
#ifndef ENGINE_WORKDAYS_H
#define ENGINE_WORKDAYS_H

#include "base/clock.h"

enum workdays_code {
	WORKDAYS_FOUND,
	WORKDAYS_UNKNOWN_YEAR /* some day that would have to be counted is not known */
};

/* Instead of the years in the program, those of a file like standards/holidays.txt; the bytes are only looked at. Before any
 * thread counts. 0: fine; else the number of the first line that is wrong, and the years stay as they were. */
int workdays_load(struct text file);
bool workdays_known(int year);
bool workdays_day_known(struct date day);
bool workdays_is_workday(struct date day); /* of a day that is known */
/* The n-th working day behind `from`, which itself is not counted; n is at least 1. `due` is set only when it is found. */
enum workdays_code workdays_add(struct date from, int n, struct date *due);
/* The year whose data should be here by now and is not: this one, or from 1 November on the next. 0: none is missing. */
int workdays_missing(struct date today);

#endif
