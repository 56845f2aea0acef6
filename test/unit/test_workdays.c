/* SPDX-License-Identifier: Apache-2.0 */
/* test_workdays.c - working days as the notices of each year have them, and nothing where there is no notice. */
#include "base/arena.h"
#include "engine/pack.h"
#include "engine/workdays.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(1 << 20);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static int back_to_own(void **state)
{
	(void)state;
	return workdays_load(standard_file("holidays.txt"));
}

static struct date day(const char *iso)
{
	struct date read;
	assert_true(date_read(text_of(iso), &read));
	return read;
}

static void expect(const char *from, int n, const char *due)
{
	struct date found;
	assert_int_equal(workdays_add(day(from), n, &found), WORKDAYS_FOUND);
	assert_string_equal(date_text(&arena, found).ptr, due);
}

static void unknown(const char *from, int n)
{
	struct date found;
	assert_int_equal(workdays_add(day(from), n, &found), WORKDAYS_UNKNOWN_YEAR);
}

static void an_ordinary_week(void **state)
{
	(void)state;
	expect("2025-03-03", 1, "2025-03-04"); /* a Monday */
	expect("2025-03-03", 5, "2025-03-10");
	expect("2025-03-07", 1, "2025-03-10");
	expect("2025-03-08", 1, "2025-03-10"); /* from a Saturday */
}

static void spring_festivals(void **state)
{
	(void)state;
	/* 2025: 28 January to 4 February off, Sunday 26 January and Saturday 8 February at work */
	expect("2025-01-24", 1, "2025-01-26");
	expect("2025-01-24", 2, "2025-01-27");
	expect("2025-01-24", 3, "2025-02-05");
	expect("2025-01-24", 6, "2025-02-08");
	expect("2025-01-24", 7, "2025-02-10");
	expect("2025-01-30", 1, "2025-02-05");
	/* 2026: 15 to 23 February off, Saturdays 14 and 28 February at work */
	expect("2026-02-13", 1, "2026-02-14");
	expect("2026-02-13", 2, "2026-02-24");
	expect("2026-02-13", 6, "2026-02-28");
	expect("2026-02-13", 7, "2026-03-02");
	/* 2024: New Year's Eve, 9 February, was a working day; Sundays 4 and 18 February at work */
	expect("2024-02-02", 1, "2024-02-04");
	expect("2024-02-08", 1, "2024-02-09");
	expect("2024-02-09", 1, "2024-02-18");
}

static void other_holidays(void **state)
{
	(void)state;
	expect("2025-09-26", 1, "2025-09-28");
	expect("2025-09-30", 1, "2025-10-09");
	expect("2025-09-30", 3, "2025-10-11");
	expect("2026-01-01", 1, "2026-01-04");
	expect("2026-09-18", 1, "2026-09-20");
	expect("2024-09-13", 1, "2024-09-14");
	expect("2024-02-28", 1, "2024-02-29");
}

static int workdays_of(int year)
{
	int count = 0;
	for (int64_t at = date_to_days((struct date){ year, 1, 1 }); date_from_days(at).year == year; at++)
		count += workdays_day_known(date_from_days(at)) && workdays_is_workday(date_from_days(at));
	return count;
}

/* Days of the year without its Saturdays, Sundays and the holidays of the law: 11, and 13 since 2025. */
static void as_many_as_the_law_leaves(void **state)
{
	(void)state;
	assert_int_equal(workdays_of(2024), 366 - 104 - 11);
	assert_int_equal(workdays_of(2025), 365 - 104 - 13);
	assert_int_equal(workdays_of(2026), 365 - 104 - 13 - 5 /* from 25 December on they are not known yet */);
}

static void a_year_without_data_is_not_guessed(void **state)
{
	(void)state;
	assert_true(workdays_known(2026));
	assert_false(workdays_known(2027));
	assert_false(workdays_known(2023));
	assert_false(workdays_known(1900));
	assert_false(workdays_known(3000));
	expect("2026-12-21", 3, "2026-12-24");
	unknown("2026-12-21", 4); /* what the next notice may still move */
	unknown("2026-12-31", 1);
	unknown("2023-12-29", 1);
	unknown("2030-05-05", 1);
	expect("2025-12-29", 3, "2026-01-04"); /* where both years are known */
}

static void counted_in_two_steps_or_one(void **state)
{
	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct date from = date_from_days(date_to_days((struct date){ 2024, 1, 1 }) + rand() % 800), mid, end, all;
		int n = 1 + rand() % 60, m = 1 + rand() % 60;
		assert_int_equal(workdays_add(from, n, &mid), WORKDAYS_FOUND);
		assert_int_equal(workdays_add(mid, m, &end), WORKDAYS_FOUND);
		assert_int_equal(workdays_add(from, n + m, &all), WORKDAYS_FOUND);
		assert_int_equal(date_compare(end, all), 0);
		assert_true(date_compare(from, mid) < 0 && workdays_is_workday(mid));
	}
}

static void what_is_missing_is_told_from_november_on(void **state)
{
	(void)state;
	assert_int_equal(workdays_missing(day("2026-10-31")), 0);
	assert_int_equal(workdays_missing(day("2026-11-01")), 2027);
	assert_int_equal(workdays_missing(day("2026-12-31")), 2027);
	assert_int_equal(workdays_missing(day("2027-01-01")), 2027);
	assert_int_equal(workdays_missing(day("2025-12-31")), 0);
	assert_int_equal(workdays_missing(day("2023-06-01")), 2023);
}

static void another_file(void **state)
{
	(void)state;
	assert_int_equal(workdays_load(TEXT("# made up\r\nyear 2026 some notice\r\n2026-05-01 off\r\n\r\nyear 2027 the next\n"
		"2027-01-01 off\n2026-12-31 off\n2026-12-27 work\n")), 0);
	assert_false(workdays_known(2025));
	expect("2026-12-25", 1, "2026-12-27");
	expect("2026-12-30", 1, "2027-01-04");
	expect("2026-04-30", 1, "2026-05-04");
	assert_int_equal(workdays_missing(day("2026-11-01")), 0);
}

static void a_file_that_is_wrong_changes_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int line;
	} wrong[] = {
		{ "", 1 }, { "# nothing\n", 2 }, { "2026-01-01 off\n", 1 }, { "year 2026\n", 1 }, { "year 26 x\n", 1 },
		{ "year 2026 x\nyear 2026 y\n", 2 }, { "year 2026 x\n2025-12-24 off\n", 2 }, { "year 2026 x\n2027-01-01 off\n", 2 },
		{ "year 2026 x\n2026-02-30 off\n", 2 }, { "year 2026 x\n2026-02-03 work\n", 2 }, { "year 2026 x\n2026-02-03 free\n", 2 },
		{ "year 2026 x\n2026-02-03\n", 2 }, { "year 2026 x\n2026-02-03 off\n2026-02-03 off\n", 3 },
		{ "\xEF\xBB\xBFyear 2026 x\n", 1 },
	};
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_int_equal(workdays_load(text_of(wrong[i].text)), wrong[i].line);
	expect("2025-01-24", 3, "2025-02-05");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_week),
		cmocka_unit_test(spring_festivals),
		cmocka_unit_test(other_holidays),
		cmocka_unit_test(as_many_as_the_law_leaves),
		cmocka_unit_test(a_year_without_data_is_not_guessed),
		cmocka_unit_test(counted_in_two_steps_or_one),
		cmocka_unit_test(what_is_missing_is_told_from_november_on),
		cmocka_unit_test_teardown(another_file, back_to_own),
		cmocka_unit_test(a_file_that_is_wrong_changes_nothing),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
