/* SPDX-License-Identifier: Apache-2.0 */
/* test_date.c - civil dates, instants shown outside, and the injected clock. */
#include "base/arena.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool reads(const char *iso)
{
	struct date out;
	return date_read(text_of(iso), &out);
}

static void dates_that_exist_are_read(void **state)
{
	(void)state;
	struct date day;
	assert_true(date_read(TEXT("1945-03-15"), &day));
	assert_int_equal(day.year, 1945);
	assert_int_equal(day.month, 3);
	assert_int_equal(day.day, 15);
	assert_true(reads("1850-01-01"));
	assert_true(reads("2200-12-31"));
	assert_true(reads("2024-02-29"));
	assert_true(reads("2000-02-29"));
	assert_true(reads("1999-12-31"));
}

static void dates_that_do_not_exist_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "1849-12-31", "2201-01-01", "2023-02-29", "1900-02-29", "2100-02-29", "2024-02-30", "2024-04-31",
		"2024-13-01", "2024-00-10", "2024-01-00", "2024-01-32", "2024-1-01", "2024-01-1", "20240101",
		"2024/01/01",
		"2024-01-01 ", " 2024-01-01", "2024-01-0a", "+024-01-01", "-024-01-01", "2024--1-01", "2024-01-01T00",
	};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (reads(wrong[i]))
			fail_msg("\"%s\" was read", wrong[i]);
	}
	struct date day = { 1, 2, 3 };
	assert_false(date_read(TEXT_NONE, &day));
	assert_false(date_read(TEXT("2023-02-29"), &day));
	assert_int_equal(day.year, 1); /* untouched */
}

static void days_are_counted_without_a_gap(void **state)
{
	(void)state;
	assert_true(date_to_days((struct date){ 1970, 1, 1 }) == 0);
	assert_true(date_to_days((struct date){ 1969, 12, 31 }) == -1);
	assert_true(date_to_days((struct date){ 2000, 3, 1 }) == 11017);
	struct arena arena = arena_new(1 << 20);
	int64_t first = date_to_days((struct date){ 1850, 1, 1 }), last = date_to_days((struct date){ 2200, 12, 31 });
	struct date before = date_from_days(first - 1);
	for (int64_t days = first; days <= last; days++) {
		struct date day = date_from_days(days), again;
		assert_true(date_to_days(day) == days);
		assert_true(date_compare(before, day) < 0 && date_compare(day, before) > 0);
		assert_true(date_read(date_text(&arena, day), &again));
		assert_int_equal(date_compare(day, again), 0);
		arena_reset(&arena);
		before = day;
	}
	arena_free(&arena);
}

static void instants_are_shown_in_china_time(void **state)
{
	(void)state;
	static const struct {
		int64_t at_ms;
		const char *shown;
	} cases[] = {
		{ 0, "1970-01-01T08:00:00.000+08:00" },
		{ 1, "1970-01-01T08:00:00.001+08:00" },
		{ -1, "1970-01-01T07:59:59.999+08:00" },
		{ INT64_C(-28800000), "1970-01-01T00:00:00.000+08:00" },
		{ INT64_C(-28800001), "1969-12-31T23:59:59.999+08:00" },
		{ INT64_C(1704038399999), "2023-12-31T23:59:59.999+08:00" },
		{ INT64_C(1704038400000), "2024-01-01T00:00:00.000+08:00" },
		{ INT64_C(1709139661234), "2024-02-29T01:01:01.234+08:00" },
	};
	struct arena arena = arena_new(1 << 20);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text shown = clock_rfc3339(&arena, cases[i].at_ms);
		assert_string_equal(text_z(&arena, shown), cases[i].shown);
		struct text day = date_text(&arena, date_of_ms(cases[i].at_ms));
		assert_memory_equal(day.ptr, cases[i].shown, 10);
	}
	arena_free(&arena);
}

static void instants_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t at_ms;
	} cases[] = {
		{ "1970-01-01T08:00:00+08:00", 0 },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01t00:00:00z", 0 },
		{ "1970-01-01T00:00:00-00:00", 0 },
		{ "1970-01-01T00:00:00.1Z", 100 },
		{ "1970-01-01T00:00:00.01Z", 10 },
		{ "1970-01-01T00:00:00.001000000Z", 1 },
		{ "1969-12-31T23:59:59.999Z", -1 },
		{ "1969-12-31T18:30:00.000-05:30", 0 },
		{ "2024-02-29T01:01:01.234+08:00", INT64_C(1709139661234) },
		{ "2200-12-31T23:59:59.999-23:59", INT64_C(7289740739999) },
	};
	int64_t at_ms;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (!clock_read(text_of(cases[i].text), &at_ms) || at_ms != cases[i].at_ms)
			fail_msg("\"%s\" was read as %lld", cases[i].text, (long long)at_ms);
	struct arena arena = arena_new(1 << 20);
	for (int64_t ms = INT64_C(-3786000000000); ms < INT64_C(7289600000000); ms += INT64_C(999999937)) {
		assert_true(clock_read(clock_rfc3339(&arena, ms), &at_ms) && at_ms == ms);
		arena_reset(&arena);
	}
	arena_free(&arena);
}

static void what_is_no_instant_is_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "2024-02-29", "2024-02-29T01:01:01", "2023-02-29T01:01:01Z", "2024-02-29 01:01:01Z", "2024-02-29T24:00:00Z",
		"2024-02-29T01:60:00Z", "2024-02-29T01:01:60Z", "2024-02-29T01:01:01.Z", "2024-02-29T01:01:01.0001Z",
		"2024-02-29T01:01:01,5Z", "2024-02-29T01:01:01+0800", "2024-02-29T01:01:01+8:00", "2024-02-29T01:01:01+24:00",
		"2024-02-29T01:01:01+08:60", "2024-02-29T01:01:01ZZ", "2024-02-29T01:01Z", "2024-02-29T1:01:01Z", " 2024-02-29T01:01:01Z",
		"2024-02-29T01:01:01.5", "2024-02-29T-1:01:01Z", "1849-12-31T23:59:59Z", "2201-01-01T00:00:00Z",
	};
	int64_t at_ms = 7;
	for (size_t i = 0; i < COUNT(wrong); i++)
		if (clock_read(text_of(wrong[i]), &at_ms))
			fail_msg("\"%s\" was read", wrong[i]);
	assert_false(clock_read(TEXT_NONE, &at_ms));
	assert_true(at_ms == 7);
}

static void a_day_begins_at_midnight_in_china(void **state)
{
	(void)state;
	struct date day = { 2024, 2, 29 };
	assert_true(date_begins_ms(day) == INT64_C(1709136000000));
	assert_int_equal(date_compare(date_of_ms(date_begins_ms(day)), day), 0);
	assert_int_equal(date_compare(date_of_ms(date_begins_ms(day) - 1), (struct date){ 2024, 2, 28 }), 0);
}

static void ages_are_whole_years(void **state)
{
	(void)state;
	static const struct {
		struct date born_on, today;
		int age;
	} cases[] = {
		{ { 1944, 2, 29 }, { 2023, 2, 27 }, 78 }, { { 1944, 2, 29 }, { 2023, 2, 28 }, 79 }, { { 1944, 2, 29 }, { 2024, 2, 28 }, 79 },
		{ { 1944, 2, 29 }, { 2024, 2, 29 }, 80 }, { { 1944, 2, 28 }, { 2024, 2, 28 }, 80 }, { { 1945, 3, 1 }, { 2024, 2, 29 }, 78 },
		{ { 2000, 1, 1 }, { 2000, 1, 1 }, 0 },    { { 2000, 1, 2 }, { 2000, 1, 1 }, -1 },
		{ { 1900, 12, 31 }, { 2000, 12, 30 }, 99 },
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(date_age(cases[i].born_on, cases[i].today), cases[i].age);
}

/* On every day around the end of eight Februaries, leap years among them. */
static void who_is_old_enough_was_born_by_a_day(void **state)
{
	(void)state;
	for (int year = 2020; year <= 2027; year++)
		for (int64_t at = -40; at < 40; at++) {
			struct date today = date_from_days(date_to_days((struct date){ year, 3, 1 }) + at);
			for (int years = 0; years <= 150; years++) {
				struct date last = date_born_by(today, years);
				struct date next = date_from_days(date_to_days(last) + 1);
				assert_int_equal(date_age(last, today), years);
				assert_int_equal(date_age(next, today), years - 1);
			}
		}
}

static void the_clock_is_handed_in(void **state)
{
	(void)state;
	volatile int64_t shared = INT64_C(1704067200000);
	struct clock moved = { .shared = &shared }, real = { .shared = NULL };
	assert_true(clock_now_ms(&moved) == INT64_C(1704067200000));
	shared += 86400000;
	assert_true(clock_now_ms(&moved) == INT64_C(1704153600000));
	assert_true(clock_now_ms(&real) > INT64_C(1704067200000));
	int64_t before_us = clock_steady_us(), before_ms = clock_steady_ms();
	assert_true(clock_steady_us() >= before_us && clock_steady_ms() >= before_ms);
	assert_true(before_ms - before_us / 1000 >= 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_that_exist_are_read),
		cmocka_unit_test(dates_that_do_not_exist_are_refused),
		cmocka_unit_test(days_are_counted_without_a_gap),
		cmocka_unit_test(instants_are_shown_in_china_time),
		cmocka_unit_test(instants_are_read),
		cmocka_unit_test(what_is_no_instant_is_refused),
		cmocka_unit_test(a_day_begins_at_midnight_in_china),
		cmocka_unit_test(ages_are_whole_years),
		cmocka_unit_test(who_is_old_enough_was_born_by_a_day),
		cmocka_unit_test(the_clock_is_handed_in),
	};
	return cmocka_run_group_tests_name("date", tests, NULL, NULL);
}
