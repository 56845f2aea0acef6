/* SPDX-License-Identifier: Apache-2.0 */
/* test_tables.c - tables that are kept as they are declared: columns and indexes are added, renamed, never lost.
 * Runs on the empty database of SONGHE_TEST_STORE (sqlite:PATH or postgresql://...). */
#include "store/store.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static volatile int64_t now_ms = INT64_C(1750000000000);
static const struct clock test_clock = { .shared = &now_ms };
static char url[256];
static struct store *store;

static const char *const steps[] = { "CREATE TABLE district (number INTEGER NOT NULL PRIMARY KEY) STRICT",
	                             "INSERT INTO district (number) VALUES (1)" };
static const struct schema schema = { .owner = "test", .steps = steps, .count = COUNT(steps) };

static const struct table_column two[] = { { "version", "INTEGER", NULL, true }, { "name", "TEXT", NULL, true } };
static const struct table_column three[] = { { "version", "INTEGER", NULL, true }, { "name", "TEXT", NULL, true },
	                                     { "weight", "REAL", NULL, true } };
static const struct table_column renamed[] = { { "version", "INTEGER", NULL, true }, { "title", "TEXT", "name", true },
	                                       { "weight", "REAL", NULL, true } };
static const struct table_column other_type[] = { { "version", "INTEGER", NULL, true }, { "title", "INTEGER", NULL, true },
	                                          { "weight", "REAL", NULL, true } };
static const struct table_column relaxed[] = { { "version", "INTEGER", NULL, true }, { "title", "TEXT", NULL, false },
	                                       { "weight", "REAL", NULL, false } };
static const struct table_index by_name[] = { { "thing_name", "district, name", NULL, true } };
static const struct table_index by_title[] = { { "thing_title", "district, title, id", NULL, false },
	                                       { "thing_name", "district, title", "version > 1", true } };

static enum store_open_result open_with(const struct table *table)
{
	const struct schema *const schemas[] = { &schema };
	const struct table *const tables[] = { table };
	const struct store_options options = { .url = url, .clock = &test_clock, .create = true, .schemas = schemas, .schema_count = 1,
		                               .tables = tables, .table_count = 1 };
	return store_open(&options, &store);
}

#define TABLE(columns, indexes) (&(struct table){ "thing", columns, COUNT(columns), indexes, COUNT(indexes), false, NULL, NULL })

static void close_it(void)
{
	store_close(store);
	store = NULL;
}

static enum store_code insert(struct tx *tx, void *arg)
{
	return db_exec(tx->db, "INSERT INTO thing (district, id, version, name) VALUES (1, ?1, 1, 'pine')", BIND(value_int(*(int64_t *)arg)),
	               NULL);
}

static enum store_code read_int(struct db *db, void *arg)
{
	struct text *sql = arg;
	int64_t found = db_int(db, -1, sql->ptr, BIND_NONE);
	sql->len = (size_t)found;
	return db_code(db);
}

static int64_t number_of(const char *sql)
{
	struct text query = text_of(sql);
	assert_int_equal(store_read(store, 0, read_int, &query), STORE_OK);
	return (int64_t)query.len;
}

static void a_missing_table_is_made(void **state)
{
	(void)state;
	int64_t id = 5, same = 6;
	assert_int_equal(open_with(TABLE(two, by_name)), STORE_OPENED);
	assert_int_equal(store_command(store, LANE_INTERACTIVE, insert, &id), STORE_OK);
	assert_int_equal(store_command(store, LANE_INTERACTIVE, insert, &same), STORE_DUPLICATE);
	close_it();
	/* Nothing new: opened as it is. */
	assert_int_equal(open_with(TABLE(two, by_name)), STORE_OPENED);
	close_it();
}

static void a_missing_column_is_added_empty(void **state)
{
	(void)state;
	assert_int_equal(open_with(TABLE(three, by_name)), STORE_OPENED);
	assert_int_equal(number_of("SELECT count(*) FROM thing WHERE weight IS NULL AND name = 'pine'"), 1);
	close_it();
}

static void an_older_program_is_kept_out(void **state)
{
	(void)state;
	assert_int_equal(open_with(TABLE(two, by_name)), STORE_TOO_NEW);
}

static void a_renamed_column_keeps_what_is_in_it_and_indexes_follow(void **state)
{
	(void)state;
	assert_int_equal(open_with(TABLE(renamed, by_title)), STORE_OPENED);
	assert_int_equal(number_of("SELECT count(*) FROM thing WHERE title = 'pine'"), 1);
	assert_int_equal(number_of("SELECT count(*) FROM store_index"), 2);
	/* The unique index was made anew: it holds for other rows now. */
	assert_int_equal(number_of("SELECT count(*) FROM store_index WHERE definition LIKE '%version > 1%'"), 1);
	close_it();
	assert_int_equal(open_with(TABLE(renamed, by_title)), STORE_OPENED);
	close_it();
}

static void another_type_stops_the_start(void **state)
{
	(void)state;
	assert_int_equal(open_with(TABLE(other_type, by_title)), STORE_UNUSABLE);
	assert_int_equal(open_with(TABLE(renamed, by_title)), STORE_OPENED);
	assert_int_equal(number_of("SELECT count(*) FROM thing WHERE title = 'pine'"), 1);
	close_it();
}

static enum store_code insert_empty(struct tx *tx, void *arg)
{
	return db_exec(tx->db, "INSERT INTO thing (district, id, version) VALUES (1, ?1, 1)", BIND(value_int(*(int64_t *)arg)), NULL);
}

static void a_column_that_may_be_empty_now_keeps_what_is_in_it(void **state)
{
	(void)state;
	int64_t id = 7, other = 8;
	assert_int_equal(open_with(TABLE(relaxed, by_title)), STORE_OPENED);
	assert_int_equal(number_of("SELECT count(*) FROM thing WHERE title = 'pine'"), 1);
	assert_int_equal(store_command(store, LANE_INTERACTIVE, insert_empty, &id), STORE_OK);
	close_it();
	/* Once, and its indexes are there. */
	assert_int_equal(open_with(TABLE(relaxed, by_title)), STORE_OPENED);
	assert_int_equal(store_command(store, LANE_INTERACTIVE, insert_empty, &other), STORE_OK);
	assert_int_equal(number_of("SELECT count(*) FROM store_index"), 2);
	assert_int_equal(number_of("SELECT count(*) FROM thing"), 3);
	close_it();
}

static int find_url(void **state)
{
	(void)state;
	if (!scratch_make())
		return -1;
	scratch_url(url, sizeof url);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	return scratch_remove();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_missing_table_is_made),
		cmocka_unit_test(a_missing_column_is_added_empty),
		cmocka_unit_test(an_older_program_is_kept_out),
		cmocka_unit_test(a_renamed_column_keeps_what_is_in_it_and_indexes_follow),
		cmocka_unit_test(another_type_stops_the_start),
		cmocka_unit_test(a_column_that_may_be_empty_now_keeps_what_is_in_it),
	};
	return cmocka_run_group_tests(tests, find_url, clear);
}
