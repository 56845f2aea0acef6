/* SPDX-License-Identifier: Apache-2.0 */
/* test_id.c - ids are unique, grow with time, and name their district. */
#include "base/id.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define START_MS INT64_C(1750000000000)

/* What fits into one millisecond of one process. */
enum { PER_MS = 64, THREADS = 4, EACH = 20000 };

static volatile int64_t now_ms;
static const struct clock test_clock = { .shared = &now_ms };

static int start(void **state)
{
	(void)state;
	now_ms = START_MS;
	return 0;
}

static void an_id_tells_time_and_district(void **state)
{
	(void)state;
	static const unsigned districts[] = { 1, 2, 613, DISTRICT_MAX };
	struct id_maker maker = { .clock = &test_clock, .process = 15 };
	for (size_t i = 0; i < COUNT(districts); i++) {
		now_ms += 1000;
		int64_t id = id_next(&maker, districts[i]);
		assert_true(id > 0);
		assert_int_equal(id_district(id), districts[i]);
		assert_true(id_created_ms(id) == now_ms);
	}
}

static void ids_grow_and_borrow_the_next_millisecond(void **state)
{
	(void)state;
	struct id_maker maker = { .clock = &test_clock };
	int64_t last = 0;
	for (int i = 0; i < 100 * PER_MS; i++) {
		int64_t id = id_next(&maker, 7);
		assert_true(id > last);
		assert_true(id_created_ms(id) == START_MS + i / PER_MS);
		last = id;
	}
	now_ms += 50; /* still behind what was borrowed */
	int64_t id = id_next(&maker, 7);
	assert_true(id > last);
	assert_true(id_created_ms(id) == START_MS + 100);
	now_ms += 1000;
	assert_true(id_created_ms(id_next(&maker, 7)) == now_ms);
}

static void a_clock_set_back_repeats_nothing(void **state)
{
	(void)state;
	struct id_maker maker = { .clock = &test_clock };
	int64_t last = id_next(&maker, 1);
	for (int i = 0; i < 1000; i++) {
		now_ms -= 3600000;
		int64_t id = id_next(&maker, 1);
		assert_true(id > last);
		last = id;
	}
}

static void ids_begin_above_the_highest_known(void **state)
{
	(void)state;
	struct id_maker other = { .clock = &test_clock, .process = 15 }, maker = { .clock = &test_clock };
	now_ms = START_MS + 86400000;
	int64_t highest = 0;
	for (int i = 0; i < 100; i++)
		highest = id_next(&other, DISTRICT_MAX);
	now_ms = START_MS;
	id_not_below(&maker, highest);
	int64_t id = id_next(&maker, 1);
	assert_true(id > highest);
	id_not_below(&maker, 1); /* never goes back */
	assert_true(id_next(&maker, 1) > id);
	id_not_below(&maker, 0);
	now_ms += INT64_C(2) * 86400000;
	assert_true(id_created_ms(id_next(&maker, 1)) == now_ms);
}

static void processes_do_not_meet(void **state)
{
	(void)state;
	struct id_maker a = { .clock = &test_clock, .process = 3 }, b = { .clock = &test_clock, .process = 4 };
	for (int i = 0; i < 1000; i++)
		assert_true(id_next(&a, 9) != id_next(&b, 9));
}

static struct id_maker shared_maker = { .clock = &test_clock };
static int64_t made[THREADS][EACH];

static void *make_many(void *mine)
{
	int64_t *out = mine;
	for (size_t i = 0; i < EACH; i++)
		out[i] = id_next(&shared_maker, 1 + (unsigned)(i % DISTRICT_MAX));
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void threads_make_different_ids(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_many, made[i]), 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	int64_t *all = &made[0][0];
	qsort(all, (size_t)THREADS * EACH, sizeof *all, compare);
	for (size_t i = 1; i < (size_t)THREADS * EACH; i++)
		assert_true(all[i] != all[i - 1]);
}

static void ids_are_read_strictly(void **state)
{
	(void)state;
	int64_t id;
	assert_true(id_read(TEXT("1"), &id));
	assert_true(id == 1);
	assert_true(id_read(TEXT("9223372036854775807"), &id));
	assert_true(id == INT64_MAX);
	static const char *const wrong[] = { "", "0", "-1", "+1", "01", " 1", "1 ", "9223372036854775808", "1.0", "abc",
					     "99999999999999999999999" };
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(id_read(text_of(wrong[i]), &id));
	assert_false(id_read(TEXT_NONE, &id));
	assert_false(id_read((struct text){ "1\0", 2 }, &id));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_id_tells_time_and_district, start),
		cmocka_unit_test_setup(ids_grow_and_borrow_the_next_millisecond, start),
		cmocka_unit_test_setup(a_clock_set_back_repeats_nothing, start),
		cmocka_unit_test_setup(ids_begin_above_the_highest_known, start),
		cmocka_unit_test_setup(processes_do_not_meet, start),
		cmocka_unit_test_setup(threads_make_different_ids, start),
		cmocka_unit_test(ids_are_read_strictly),
	};
	return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
