/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - what both databases promise: values, rows, errors, commands, budgets.
 * Runs on the empty database of SONGHE_TEST_STORE (sqlite:PATH or postgresql://...), or on a file of its own. */
#include "store/sqlite.h"
#include "scratch.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS INT64_C(1750000000000)

enum { THREADS = 4, EACH = 200, LINES = 50, BIG = 4 << 20 };

static volatile int64_t now_ms = START_MS;
static const struct clock test_clock = { .shared = &now_ms };
static struct store *store;
static char url[256];

static const char *const steps[] = {
	"CREATE TABLE thing (district INTEGER NOT NULL, id INTEGER NOT NULL, whole INTEGER, part REAL, text TEXT,"
	" bytes BLOB, plain TEXT NOT NULL DEFAULT 'TEXT, STRICT', \"real\" INTEGER,"
	" CHECK (CAST(whole AS TEXT) <> 'x TEXT'), PRIMARY KEY (district, id)) STRICT, WITHOUT ROWID",
	"CREATE UNIQUE INDEX thing_text ON thing (district, text)",
	"CREATE TABLE tally (id INTEGER NOT NULL PRIMARY KEY, count INTEGER NOT NULL) STRICT",
	"ALTER TABLE tally ADD COLUMN note TEXT",
	"CREATE TABLE line (id INTEGER NOT NULL PRIMARY KEY, xid INTEGER NOT NULL, pos INTEGER) STRICT, WITHOUT ROWID",
};
static const struct schema test_schema = { .owner = "test", .steps = steps, .count = COUNT(steps) };
static const struct schema older_schema = { .owner = "test", .steps = steps, .count = COUNT(steps) - 1 };

/* What the journal does: lines that no transaction still running can come before get their place. */
static enum store_code number_lines(struct tx *tx, bool *news)
{
	int64_t changed = 0;
	enum store_code code = db_exec(tx->db,
		"UPDATE line SET pos = n.pos FROM (SELECT id, (SELECT coalesce(max(pos), 0) FROM line)"
		" + row_number() OVER (ORDER BY xid, id) AS pos FROM line WHERE pos IS NULL"
		" AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint) n WHERE n.id = line.id",
		BIND_NONE, &changed);
	*news = changed > 0;
	return code;
}

static enum store_open_result open_with(const struct schema *schema, bool read_only, struct store **out)
{
	const struct schema *const schemas[] = { schema };
	const struct store_options options = {
		.url = url, .clock = &test_clock, .create = !read_only, .read_only = read_only, .schemas = schemas,
		.schema_count = 1, .sequence = number_lines,
	};
	return store_open(&options, out);
}

static int open_store(void **state)
{
	(void)state;
	if (!scratch_make())
		return -1;
	scratch_url(url, sizeof url);
	return open_with(&test_schema, false, &store) == STORE_OPENED ? 0 : -1;
}

static int close_store(void **state)
{
	(void)state;
	store_close(store);
	return scratch_remove();
}

static enum store_code change(command_fn *run, void *arg)
{
	return store_command(store, LANE_INTERACTIVE, run, arg);
}

static enum store_code empty_tables(struct tx *tx, void *arg)
{
	(void)arg;
	db_exec(tx->db, "DELETE FROM thing", BIND_NONE, NULL);
	db_exec(tx->db, "DELETE FROM tally", BIND_NONE, NULL);
	db_exec(tx->db, "DELETE FROM line", BIND_NONE, NULL);
	return db_code(tx->db);
}

static int start(void **state)
{
	(void)state;
	return change(empty_tables, NULL) == STORE_OK ? 0 : -1;
}

/* ---- helpers: one number, one text ---- */

struct question {
	const char *sql;
	int64_t answer;
};

static enum store_code ask(struct db *db, void *arg)
{
	struct question *question = arg;
	question->answer = db_int(db, -1, question->sql, BIND_NONE);
	return db_code(db);
}

static int64_t number_of(const char *sql)
{
	struct question question = { .sql = sql };
	assert_int_equal(store_read(store, 0, ask, &question), STORE_OK);
	return question.answer;
}

static enum store_code insert_text(struct db *db, int64_t id, struct text text)
{
	return db_exec(db, "INSERT INTO thing (district, id, text) VALUES (1, ?1, ?2)",
	               BIND(value_int(id), value_text(text)), NULL);
}

/* ---- the tables ---- */

static void the_words_of_tables_are_translated(void **state)
{
	(void)state;
	if (!store_is_postgres(store))
		return;
	static const char columns[] = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'thing' AND ";
	static const struct {
		const char *condition;
		int64_t count;
	} expected[] = {
		{ "data_type = 'bigint'", 4 },
		{ "data_type = 'double precision' AND column_name = 'part'", 1 },
		{ "data_type = 'text' AND collation_name = 'C' AND column_name IN ('text', 'plain')", 2 },
		{ "data_type = 'bytea'", 1 },
		{ "column_default LIKE '''TEXT, STRICT''%'", 1 },
	};
	for (size_t i = 0; i < COUNT(expected); i++) {
		char sql[256];
		snprintf(sql, sizeof sql, "%s%s", columns, expected[i].condition);
		assert_int_equal(number_of(sql), expected[i].count);
	}
	assert_int_equal(number_of("SELECT count(*) FROM information_schema.columns WHERE table_name = 'tally'"
	                           " AND column_name = 'note' AND collation_name = 'C'"), 1);
}

static void an_older_program_is_kept_out(void **state)
{
	(void)state;
	struct store *second;
	if (store_is_postgres(store)) {
		assert_int_equal(open_with(&older_schema, false, &second), STORE_TOO_NEW);
		assert_int_equal(open_with(&older_schema, true, &second), STORE_TOO_NEW);
	} else {
		assert_int_equal(open_with(&test_schema, false, &second), STORE_HELD);
	}
	assert_null(second);
	assert_int_equal(open_with(&test_schema, true, &second), STORE_OPENED);
	store_close(second);
}

static void processes_have_different_numbers(void **state)
{
	(void)state;
	if (!store_is_postgres(store))
		return;
	struct store *second, *third;
	assert_int_equal(open_with(&test_schema, false, &second), STORE_OPENED);
	assert_int_equal(open_with(&test_schema, false, &third), STORE_OPENED);
	assert_true(store_ids(store)->process != store_ids(second)->process);
	assert_true(store_ids(store)->process != store_ids(third)->process);
	assert_true(store_ids(second)->process != store_ids(third)->process);
	store_close(third);
	store_close(second);
}

/* ---- values ---- */

struct thing {
	int64_t whole;
	double part;
	struct text text, bytes;
};

static enum store_code insert_things(struct tx *tx, void *arg)
{
	const struct thing *things = arg;
	for (int64_t i = 0; i < 4; i++)
		db_exec(tx->db,
		        "INSERT INTO thing (district, id, whole, part, text, bytes) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
		        BIND(value_int(i + 1), value_int(things[i].whole), value_real(things[i].part),
		             value_text(things[i].text), value_blob(things[i].bytes)), NULL);
	return db_code(tx->db);
}

static bool text_same(struct text a, struct text b)
{
	return !a.ptr == !b.ptr && a.len == b.len && (!a.ptr || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static enum store_code compare_things(struct db *db, void *arg)
{
	static const struct column columns[] = {
		{ VALUE_INT, offsetof(struct thing, whole), 0 },
		{ VALUE_REAL, offsetof(struct thing, part), 0 },
		{ VALUE_TEXT, offsetof(struct thing, text), 0 },
		{ VALUE_BLOB, offsetof(struct thing, bytes), 0 },
	};
	const struct thing *things = arg;
	struct arena arena = arena_new(1 << 20);
	struct rows *rows = db_query(db, "SELECT whole, part, text, bytes FROM thing ORDER BY id", BIND_NONE);
	for (int i = 0; i < 4; i++) {
		struct thing found;
		assert_true(rows_next(rows));
		assert_int_equal(rows_is_null(rows, 2), !things[i].text.ptr);
		assert_int_equal(rows_is_null(rows, 3), !things[i].bytes.ptr);
		rows_read(rows, columns, COUNT(columns), &arena, &found);
		assert_true(found.whole == things[i].whole);
		assert_memory_equal(&found.part, &things[i].part, sizeof found.part);
		assert_true(text_same(found.text, things[i].text));
		assert_true(text_same(found.bytes, things[i].bytes));
	}
	assert_false(rows_next(rows));
	arena_free(&arena);
	return rows_end(rows);
}

static void every_type_comes_back_as_it_went(void **state)
{
	(void)state;
	struct thing things[] = {
		{ INT64_MAX, 1.0 / 3, TEXT("王秀英"), TEXT("\0\1\xFF\0") },
		{ INT64_MIN, -1e300, TEXT(""), TEXT("") },
		{ -1, 5e-324, TEXT_NONE, TEXT_NONE },
		{ 0, 0, TEXT("'; DROP TABLE thing; -- \\ \" ?1 $1"), TEXT("'") },
	};
	assert_int_equal(change(insert_things, things), STORE_OK);
	assert_int_equal(store_read(store, 0, compare_things, things), STORE_OK);
}

static enum store_code set_nullable(struct tx *tx, void *arg)
{
	static const char sql[] =
		"UPDATE thing SET whole = ?2, part = ?3, text = ?4, bytes = ?5 WHERE district = 1 AND id = ?1";
	const struct value null = { .type = VALUE_NULL };
	(void)arg;
	insert_text(tx->db, 1, TEXT_NONE);
	db_exec(tx->db, sql, BIND(value_int(1), null, null, null, null), NULL);
	db_exec(tx->db, sql, BIND(value_int(1), value_int(7), null, null, value_blob(TEXT("b"))), NULL);
	db_exec(tx->db, sql, BIND(value_int(1), null, value_real(0.5), value_text(TEXT("t")), null), NULL);
	assert_int_equal(db_int(tx->db, -1, "SELECT whole FROM thing", BIND_NONE), -1);
	assert_int_equal(db_int(tx->db, -1, "SELECT count(*) FROM thing WHERE part = 0.5 AND text = 't'"
	                        " AND bytes IS NULL", BIND_NONE), 1);
	db_exec(tx->db, sql, BIND(value_int(1), value_ref(0), null, null, value_blob(TEXT("b"))), NULL);
	assert_int_equal(db_int(tx->db, -1, "SELECT length(bytes) FROM thing WHERE whole IS NULL AND text IS NULL",
	                        BIND_NONE), 1);
	return db_code(tx->db);
}

static void a_value_may_be_null_first_and_typed_later(void **state)
{
	(void)state;
	assert_int_equal(change(set_nullable, NULL), STORE_OK);
}

static enum store_code read_quoted(struct db *db, void *arg)
{
	(void)arg;
	struct rows *rows = db_query(db, "SELECT '?1''?2', ?2, ?1 AS \"?1\", ?2", BIND(value_text(TEXT("one")),
	                             value_text(TEXT("二"))));
	assert_true(rows_next(rows));
	assert_true(text_is(rows_text(rows, 0), "?1'?2"));
	assert_true(text_is(rows_text(rows, 1), "二"));
	assert_true(text_is(rows_text(rows, 2), "one"));
	assert_true(text_is(rows_text(rows, 3), "二"));
	return rows_end(rows);
}

static void placeholders_in_quotes_are_text(void **state)
{
	(void)state;
	assert_int_equal(store_read(store, 0, read_quoted, NULL), STORE_OK);
}

static void sums_are_numbers(void **state)
{
	(void)state;
	assert_int_equal(number_of("SELECT sum(n) FROM (SELECT 123456789012345 AS n UNION ALL SELECT -20000) x"),
	                 INT64_C(123456788992345));
	assert_int_equal(number_of("SELECT sum(n) FROM (SELECT -123456789012345 AS n UNION ALL SELECT 45) x"),
	                 -INT64_C(123456789012300));
	assert_int_equal(number_of("SELECT 1 < 2"), 1);
}

static enum store_code insert_big(struct tx *tx, void *arg)
{
	return insert_text(tx->db, 1, *(struct text *)arg);
}

static enum store_code compare_big(struct db *db, void *arg)
{
	struct rows *rows = db_query(db, "SELECT plain, id, text FROM thing WHERE id = 1", BIND_NONE);
	assert_true(rows_next(rows));
	assert_true(text_eq(rows_text(rows, 2), *(struct text *)arg));
	return rows_end(rows);
}

static enum store_code drop_index(struct tx *tx, void *arg)
{
	(void)arg;
	return db_exec(tx->db, "DROP INDEX thing_text", BIND_NONE, NULL);
}

/* Beyond what PostgreSQL puts into an index, and beyond every buffer on the way. */
static void a_big_text_is_whole(void **state)
{
	(void)state;
	char *bytes = malloc(BIG);
	assert_non_null(bytes);
	for (size_t i = 0; i < BIG; i++)
		bytes[i] = (char)('a' + i * i % 23);
	struct text big = { bytes, BIG };
	assert_int_equal(change(drop_index, NULL), STORE_OK);
	assert_int_equal(change(insert_big, &big), STORE_OK);
	assert_int_equal(store_read(store, 0, compare_big, &big), STORE_OK);
	free(bytes);
}

/* ---- statements ---- */

static enum store_code insert_five(struct tx *tx, void *arg)
{
	(void)arg;
	for (int64_t i = 1; i <= 5; i++)
		insert_text(tx->db, i, TEXT_NONE);
	return db_code(tx->db);
}

static enum store_code open_several(struct db *db, void *arg)
{
	static const char sql[] = "SELECT id FROM thing WHERE id >= ?1 ORDER BY id";
	(void)arg;
	struct rows *a = db_query(db, sql, BIND(value_int(1)));
	struct rows *b = db_query(db, sql, BIND(value_int(4)));
	struct rows *c = db_query(db, "SELECT count(*) FROM thing", BIND_NONE);
	assert_true(rows_next(a));
	assert_true(rows_next(b));
	assert_true(rows_next(c));
	assert_int_equal(rows_int(c, 0), 5);
	assert_int_equal(rows_end(a), STORE_OK);
	assert_true(rows_next(b));
	assert_int_equal(rows_int(b, 0), 5);
	struct rows *d = db_query(db, sql, BIND(value_int(3)));
	assert_true(rows_next(d));
	assert_int_equal(rows_int(d, 0), 3);
	assert_false(rows_next(b));
	rows_end(c);
	rows_end(b);
	return rows_end(d);
}

static void several_statements_are_open_at_once(void **state)
{
	(void)state;
	assert_int_equal(change(insert_five, NULL), STORE_OK);
	assert_int_equal(store_read(store, 0, open_several, NULL), STORE_OK);
}

static enum store_code ask_much(struct db *db, void *arg)
{
	(void)arg;
	struct rows *open = db_query(db, "SELECT id FROM thing ORDER BY id", BIND_NONE);
	assert_true(rows_next(open));
	for (int i = 0; i < 700; i++) {
		char sql[64];
		snprintf(sql, sizeof sql, "SELECT count(*) + ?1 + %d FROM thing", i % 350);
		assert_int_equal(db_int(db, -1, sql, BIND(value_int(1))), 6 + i % 350);
	}
	assert_true(rows_next(open));
	assert_int_equal(rows_int(open, 0), 2);
	return rows_end(open);
}

static void more_statements_than_are_kept(void **state)
{
	(void)state;
	assert_int_equal(change(insert_five, NULL), STORE_OK);
	assert_int_equal(store_read(store, 0, ask_much, NULL), STORE_OK);
	assert_int_equal(store_read(store, 0, ask_much, NULL), STORE_OK);
}

static enum store_code count_changes(struct tx *tx, void *arg)
{
	(void)arg;
	int64_t changed = -1;
	db_exec(tx->db, "UPDATE thing SET whole = 1 WHERE id > ?1", BIND(value_int(2)), &changed);
	assert_int_equal(changed, 3);
	db_exec(tx->db, "DELETE FROM thing WHERE id = 99", BIND_NONE, &changed);
	assert_int_equal(changed, 0);
	return db_code(tx->db);
}

static void changes_are_counted(void **state)
{
	(void)state;
	assert_int_equal(change(insert_five, NULL), STORE_OK);
	assert_int_equal(change(count_changes, NULL), STORE_OK);
}

/* ---- what goes wrong ---- */

static enum store_code insert_twice(struct tx *tx, void *arg)
{
	(void)arg;
	assert_int_equal(insert_text(tx->db, 1, TEXT("same")), STORE_OK);
	/* What is wrong with a statement without rows may show only in the next with rows; then nothing happens any more. */
	insert_text(tx->db, 2, TEXT("same"));
	insert_text(tx->db, 3, TEXT("other"));
	struct rows *rows = db_query(tx->db, "SELECT id FROM thing", BIND_NONE);
	assert_false(rows_next(rows));
	assert_int_equal(rows_end(rows), STORE_DUPLICATE);
	assert_int_equal(db_int(tx->db, -7, "SELECT 1", BIND_NONE), -7);
	return STORE_OK;
}

static void a_duplicate_undoes_all(void **state)
{
	(void)state;
	assert_int_equal(change(insert_twice, NULL), STORE_DUPLICATE);
	assert_int_equal(number_of("SELECT count(*) FROM thing"), 0);
	assert_int_equal(change(insert_five, NULL), STORE_OK);
	assert_int_equal(change(insert_five, NULL), STORE_DUPLICATE);
	assert_int_equal(number_of("SELECT count(*) FROM thing"), 5);
}

static enum store_code insert_and_refuse(struct tx *tx, void *arg)
{
	assert_int_equal(insert_text(tx->db, 1, TEXT("no")), STORE_OK);
	*(int *)arg += 1;
	return STORE_REFUSED;
}

static enum store_code refuse(struct tx *tx, void *arg)
{
	(void)tx;
	(void)arg;
	return STORE_REFUSED;
}

static void a_refusal_undoes_all(void **state)
{
	(void)state;
	int runs = 0;
	assert_int_equal(change(insert_and_refuse, &runs), STORE_REFUSED);
	assert_int_equal(runs, 1);
	assert_int_equal(change(refuse, NULL), STORE_REFUSED);
	assert_int_equal(number_of("SELECT count(*) FROM thing"), 0);
}

static enum store_code write_in_a_read(struct db *db, void *arg)
{
	(void)arg;
	return insert_text(db, 1, TEXT("no"));
}

static void a_read_cannot_write(void **state)
{
	(void)state;
	assert_int_equal(store_read(store, 0, write_in_a_read, NULL), STORE_BROKEN);
	assert_int_equal(number_of("SELECT count(*) FROM thing"), 0);
}

static enum store_code ask_wrongly(struct db *db, void *arg)
{
	(void)arg;
	struct rows *rows = db_query(db, "SELECT nothing FROM nowhere WHERE x = ?1", BIND(value_int(1)));
	assert_false(rows_next(rows));
	return rows_end(rows);
}

static void a_wrong_statement_is_said_once(void **state)
{
	(void)state;
	assert_int_equal(store_read(store, 0, ask_wrongly, NULL), STORE_BROKEN);
	assert_int_equal(number_of("SELECT 1"), 1);
}

static enum store_code ask_forever(struct db *db, void *arg)
{
	(void)arg;
	db_int(db, 0, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000)"
	       " SELECT count(*) FROM n", BIND_NONE);
	assert_int_equal(db_int(db, -7, "SELECT 1", BIND_NONE), -7);
	return db_code(db);
}

static void a_long_read_is_stopped(void **state)
{
	(void)state;
	assert_int_equal(store_read(store, 5, ask_forever, NULL), STORE_BUDGET);
	assert_int_equal(number_of("SELECT 1"), 1);
}

/* A snapshot that were not ended would show the reader's next rows as they were then, and keep the WAL from being reset. */
static void a_snapshot_ends_whatever_the_budget_says(void **state)
{
	(void)state;
	if (store_is_postgres(store))
		return;
	struct lite_db *db = lite_open(url + sizeof "sqlite:" - 1, SQLITE_OPEN_READONLY, 100);
	assert_non_null(db);
	for (uint64_t round = 1; round <= 3000; round++) {
		lite_snapshot(db, round, (int64_t)round);
		assert_int_equal(db_int(&db->base, 0, "SELECT 1", BIND_NONE), 1);
		assert_false(sqlite3_get_autocommit(db->handle));
		db->deadline_us = 1; /* long over */
		lite_snapshot_end(db);
		assert_true(sqlite3_get_autocommit(db->handle));
		assert_int_equal(db->base.code, STORE_OK);
	}
	lite_close(db);
}

/* ---- commands at once ---- */

static enum store_code make_tally(struct tx *tx, void *arg)
{
	(void)arg;
	return db_exec(tx->db, "INSERT INTO tally (id, count) VALUES (1, 0)", BIND_NONE, NULL);
}

static enum store_code count_up(struct tx *tx, void *arg)
{
	(void)arg;
	int64_t count = db_int(tx->db, -1, "SELECT count FROM tally WHERE id = 1", BIND_NONE);
	return db_exec(tx->db, "UPDATE tally SET count = ?1 WHERE id = 1", BIND(value_int(count + 1)), NULL);
}

static void *count_on(void *arg)
{
	_Atomic int *wrong = arg;
	for (int i = 0; i < EACH; i++)
		if (change(count_up, NULL) != STORE_OK)
			*wrong += 1;
	return NULL;
}

static void together(void *(*run)(void *arg), void *arg)
{
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run, arg), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void what_is_read_and_written_is_counted_once(void **state)
{
	(void)state;
	_Atomic int wrong = 0;
	assert_int_equal(change(make_tally, NULL), STORE_OK);
	together(count_on, &wrong);
	assert_int_equal(wrong, 0);
	assert_int_equal(number_of("SELECT count FROM tally"), THREADS * EACH);
}

struct queued {
	struct command command;
	int64_t id;
	_Atomic int done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_done = PTHREAD_COND_INITIALIZER;
static int waiting_for;

static enum store_code insert_queued(struct tx *tx, void *arg)
{
	const struct queued *queued = arg;
	enum store_code code = insert_text(tx->db, queued->id, TEXT_NONE);
	return queued->id % 3 == 0 ? STORE_REFUSED : code;
}

static void count_done(struct command *command, enum store_code code)
{
	struct queued *queued = (struct queued *)(void *)command;
	queued->done++;
	command->code = code;
	pthread_mutex_lock(&lock);
	if (--waiting_for == 0)
		pthread_cond_signal(&all_done);
	pthread_mutex_unlock(&lock);
}

static void each_queued_command_is_done_once(void **state)
{
	(void)state;
	static struct queued queued[300];
	waiting_for = COUNT(queued);
	for (size_t i = 0; i < COUNT(queued); i++) {
		queued[i].id = (int64_t)i;
		queued[i].command = (struct command){ .run = insert_queued, .arg = &queued[i], .done = count_done,
			                              .job.lane = (enum lane)(i % LANE_COUNT) };
		store_submit(store, &queued[i].command);
	}
	pthread_mutex_lock(&lock);
	while (waiting_for > 0)
		pthread_cond_wait(&all_done, &lock);
	pthread_mutex_unlock(&lock);
	for (size_t i = 0; i < COUNT(queued); i++) {
		assert_int_equal(queued[i].done, 1);
		assert_int_equal(queued[i].command.code, i % 3 == 0 ? STORE_REFUSED : STORE_OK);
	}
	assert_int_equal(number_of("SELECT count(*) FROM thing"), 200);
}

/* ---- PostgreSQL's own ---- */

static enum store_code insert_line(struct tx *tx, void *arg)
{
	(void)arg;
	return db_exec(tx->db, "INSERT INTO line (id, xid) VALUES (?1, pg_current_xact_id()::text::bigint)",
	               BIND(value_int(id_next(store_ids(tx->store), 1))), NULL);
}

static void *insert_lines(void *arg)
{
	_Atomic int *wrong = arg;
	for (int i = 0; i < LINES; i++)
		if (change(insert_line, NULL) != STORE_OK)
			*wrong += 1;
	return NULL;
}

static void note_news(void *arg)
{
	_Atomic int *news = arg;
	*news += 1;
}

/* Only the process that opened first gives the order; the last run is at its closing. */
static void lines_get_an_order_without_gaps(void **state)
{
	(void)state;
	if (!store_is_postgres(store))
		return;
	_Atomic int wrong = 0, news = 0;
	store_on_commit(store, note_news, &news);
	together(insert_lines, &wrong);
	/* A line has its place when every older transaction of the cluster has ended, also those of tests beside this one. */
	for (int tries = 0; tries < 3000 && number_of("SELECT count(*) FROM line WHERE pos IS NULL") > 0; tries++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	store_close(store);
	assert_true(news > 0);
	assert_int_equal(open_with(&test_schema, false, &store), STORE_OPENED);
	assert_int_equal(wrong, 0);
	assert_int_equal(number_of("SELECT count(DISTINCT pos) FROM line WHERE pos BETWEEN 1 AND 200"),
	                 THREADS * LINES);
	assert_int_equal(number_of("SELECT count(*) FROM line a JOIN line b ON a.pos + 1 = b.pos AND a.xid > b.xid"),
	                 0);
}

static enum store_code end_sessions(struct db *db, void *arg)
{
	(void)arg;
	struct rows *rows = db_query(db, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
	                             " WHERE datname = current_database() AND pid <> pg_backend_pid()", BIND_NONE);
	while (rows_next(rows))
		assert_int_equal(rows_int(rows, 0), 1);
	return rows_end(rows);
}

static enum store_code end_own_session(struct tx *tx, void *arg)
{
	(void)arg;
	insert_text(tx->db, 1, TEXT("lost"));
	db_exec(tx->db, "SELECT pg_terminate_backend(pg_backend_pid())", BIND_NONE, NULL);
	return db_code(tx->db);
}

static void lost_connections_are_made_anew(void **state)
{
	(void)state;
	if (!store_is_postgres(store))
		return;
	_Atomic int wrong = 0;
	together(insert_lines, &wrong); /* so that several connections are open */
	assert_int_equal(store_read(store, 0, end_sessions, NULL), STORE_OK);
	together(insert_lines, &wrong);
	assert_int_equal(wrong, 0);
	assert_int_equal(number_of("SELECT count(*) FROM line"), 2 * THREADS * LINES);
	assert_int_equal(change(end_own_session, NULL), STORE_BROKEN);
	assert_int_equal(number_of("SELECT count(*) FROM thing"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_words_of_tables_are_translated, start),
		cmocka_unit_test_setup(an_older_program_is_kept_out, start),
		cmocka_unit_test_setup(processes_have_different_numbers, start),
		cmocka_unit_test_setup(every_type_comes_back_as_it_went, start),
		cmocka_unit_test_setup(a_value_may_be_null_first_and_typed_later, start),
		cmocka_unit_test_setup(placeholders_in_quotes_are_text, start),
		cmocka_unit_test_setup(sums_are_numbers, start),
		cmocka_unit_test_setup(several_statements_are_open_at_once, start),
		cmocka_unit_test_setup(more_statements_than_are_kept, start),
		cmocka_unit_test_setup(changes_are_counted, start),
		cmocka_unit_test_setup(a_duplicate_undoes_all, start),
		cmocka_unit_test_setup(a_refusal_undoes_all, start),
		cmocka_unit_test_setup(a_read_cannot_write, start),
		cmocka_unit_test_setup(a_wrong_statement_is_said_once, start),
		cmocka_unit_test_setup(a_long_read_is_stopped, start),
		cmocka_unit_test_setup(a_snapshot_ends_whatever_the_budget_says, start),
		cmocka_unit_test_setup(what_is_read_and_written_is_counted_once, start),
		cmocka_unit_test_setup(each_queued_command_is_done_once, start),
		cmocka_unit_test_setup(lines_get_an_order_without_gaps, start),
		cmocka_unit_test_setup(lost_connections_are_made_anew, start),
		cmocka_unit_test_setup(a_big_text_is_whole, start), /* last, as it leaves the table without its index */
	};
	return cmocka_run_group_tests(tests, open_store, close_store);
}
