/* SPDX-License-Identifier: Apache-2.0 */
/* test_territory.c - which number an area gets, and which becomes which when areas are merged. */
#include "engine/renumber.h"
#include "engine/territory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const int64_t district = INT64_C(370613000000000), street = INT64_C(370613001000000), community = INT64_C(370613001011000);

static struct series series_of(const char *level, const char *parent_level, int64_t parent)
{
	struct series series = { 0, 0, 0 };
	assert_true(series_under(text_of(level), text_of(parent_level), parent, &series));
	return series;
}

static int64_t next_in(struct series series, const int64_t *taken, size_t count)
{
	return series_next(&series, taken, count);
}

static void each_level_has_its_digits(void **state)
{
	(void)state;
	assert_true(next_in(series_of("street", "district", district), NULL, 0) == INT64_C(370613001000000));
	assert_true(next_in(series_of("community", "street", street), NULL, 0) == INT64_C(370613001001000));
	assert_true(next_in(series_of("estate", "community", community), NULL, 0) == INT64_C(370613001011001));
	assert_true(next_in(series_of("grid", "community", community), NULL, 0) == INT64_C(370613001011500));
	/* What gets a number lies in its parent, and is of its own level. */
	struct series series = series_of("community", "street", street);
	assert_true(is_within(series.last, street) && is_within(series.last + 999, street));
	assert_true(area_last(series.last) == street + 999999);
}

static void levels_do_not_skip(void **state)
{
	(void)state;
	struct series series;
	static const char *const wrong[][2] = { { "estate", "street" }, { "grid", "grid" }, { "community", "district" }, { "street", "city" },
		                                { "district", "city" }, { "village", "street" }, { "street", "street" } };
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(series_under(text_of(wrong[i][0]), text_of(wrong[i][1]), street, &series));
}

static void a_number_is_the_one_behind_the_last(void **state)
{
	(void)state;
	struct series estates = series_of("estate", "community", community);
	const int64_t some[] = { community + 1, community + 7 };
	assert_true(next_in(estates, some, COUNT(some)) == community + 8);
	int64_t all[499];
	for (int64_t i = 0; i < 499; i++)
		all[i] = community + 1 + i;
	assert_true(next_in(estates, all, 498) == community + 499);
	assert_true(next_in(estates, all, 499) == 0);
	/* With the last one taken, a gap is used. */
	const int64_t gap[] = { community + 1, community + 2, community + 499 };
	assert_true(next_in(estates, gap, COUNT(gap)) == community + 3);
	const int64_t end[] = { community + 499 };
	assert_true(next_in(estates, end, COUNT(end)) == community + 1);
}

static void numbers_become_their_own_or_those_of_what_is_above(void **state)
{
	(void)state;
	struct arena arena = arena_new(1 << 16);
	struct job_work work = { .arena = &arena };
	struct renumbering r = { .work = &work, .ranges = { INT64_C(370613002000000) }, .range_count = 1 };
	renumber_add(&r, INT64_C(370613002005001), INT64_C(370613001030001));
	renumber_add(&r, INT64_C(370613002000000), street);
	renumber_add(&r, INT64_C(370613002005000), INT64_C(370613001030000));
	for (int64_t i = 0; i < 200; i++)
		renumber_add(&r, INT64_C(370613002100000) + i * 1000, INT64_C(370613001100000) + i * 1000);
	renumber_sort(&r);
	assert_true(renumber_of(&r, INT64_C(370613002000000)) == street);
	assert_true(renumber_of(&r, INT64_C(370613002005000)) == INT64_C(370613001030000));
	assert_true(renumber_of(&r, INT64_C(370613002005001)) == INT64_C(370613001030001));
	assert_true(renumber_of(&r, INT64_C(370613002005002)) == INT64_C(370613001030000));
	assert_true(renumber_of(&r, INT64_C(370613002004001)) == street);
	assert_true(renumber_of(&r, INT64_C(370613002299000)) == INT64_C(370613001299000));
	assert_true(renumber_of(&r, INT64_C(370613003000000)) == 0);
	assert_true(renumber_concerns(&r, INT64_C(370613002999999)));
	assert_false(renumber_concerns(&r, INT64_C(370613003000000)));
	assert_false(renumber_concerns(&r, district));
	assert_false(renumber_concerns(&r, 0));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_level_has_its_digits),
		cmocka_unit_test(levels_do_not_skip),
		cmocka_unit_test(a_number_is_the_one_behind_the_last),
		cmocka_unit_test(numbers_become_their_own_or_those_of_what_is_above),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
