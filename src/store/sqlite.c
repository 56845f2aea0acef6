/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.c - connections to a SQLite file, and their statements. */
#include "store/sqlite.h"

#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The progress handler is asked once in so many virtual machine steps (some 20 microseconds of work). */
enum { STEPS_BETWEEN_LOOKS = 2000, SNAPSHOT_US = 500000, LAST_BYTES_MAX = 256 << 20 };

static enum store_code code_of(struct lite_db *db, int result)
{
	switch (result & 0xFF) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return STORE_OK;
	case SQLITE_INTERRUPT:
		return STORE_BUDGET;
	case SQLITE_FULL:
		return STORE_FULL;
	case SQLITE_CONSTRAINT: {
		int extended = sqlite3_extended_errcode(db->handle);
		if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY)
			return STORE_DUPLICATE;
	}
	}
	/* The message names tables and columns, never values. */
	log_error("store: SQLite %d: %s", sqlite3_extended_errcode(db->handle), sqlite3_errmsg(db->handle));
	return STORE_BROKEN;
}

static enum store_code note(struct lite_db *db, int result)
{
	enum store_code code = code_of(db, result);
	if (code != STORE_OK && db->base.code == STORE_OK)
		db->base.code = code;
	return code;
}

/* ---- statements ---- */

static void forget_statements(struct lite_db *db)
{
	for (size_t i = 0; i < COUNT(db->slots); i++) {
		struct lite_rows *rows = db->slots[i];
		if (!rows)
			continue;
		assert(!rows->open);
		sqlite3_finalize(rows->stmt);
		free(rows->sql);
		free(rows);
		db->slots[i] = NULL;
	}
	db->slot_count = 0;
}

static bool any_open(const struct lite_db *db)
{
	for (size_t i = 0; i < COUNT(db->slots); i++)
		if (db->slots[i] && db->slots[i]->open)
			return true;
	return false;
}

static const struct db_ops lite_ops;

static struct lite_rows *prepare(struct lite_db *db, const char *sql, bool cached)
{
	struct lite_rows *rows = calloc(1, sizeof *rows);
	if (!rows || (cached && !(rows->sql = strdup(sql))))
		abort();
	rows->base.db = &db->base;
	unsigned flags = cached ? SQLITE_PREPARE_PERSISTENT : 0;
	if (note(db, sqlite3_prepare_v3(db->handle, sql, -1, flags, &rows->stmt, NULL)) != STORE_OK)
		log_error("store: in this statement: %.200s", sql);
	return rows;
}

static struct lite_rows *statement(struct lite_db *db, const char *sql)
{
	size_t at = sql_hash(sql) % COUNT(db->slots);
	for (; db->slots[at]; at = (at + 1) % COUNT(db->slots))
		if (strcmp(db->slots[at]->sql, sql) == 0)
			return db->slots[at]->open ? prepare(db, sql, false) : db->slots[at];
	struct lite_rows *rows = prepare(db, sql, true);
	if (db->slot_count >= STATEMENTS_MAX) {
		if (any_open(db)) { /* cannot make room now: this one is not kept */
			free(rows->sql);
			rows->sql = NULL;
			return rows;
		}
		forget_statements(db);
		at = sql_hash(sql) % COUNT(db->slots);
	}
	db->slots[at] = rows;
	db->slot_count++;
	return rows;
}

static int bind_one(sqlite3_stmt *stmt, int at, const struct value *value)
{
	switch (value->type) {
	case VALUE_INT:
		return sqlite3_bind_int64(stmt, at, value->integer);
	case VALUE_REAL:
		return sqlite3_bind_double(stmt, at, value->real);
	case VALUE_TEXT:
		return sqlite3_bind_text64(stmt, at, value->text.ptr, value->text.len, SQLITE_STATIC, SQLITE_UTF8);
	case VALUE_BLOB:
		return sqlite3_bind_blob64(stmt, at, value->text.ptr, value->text.len, SQLITE_STATIC);
	case VALUE_NULL:
		break;
	}
	return sqlite3_bind_null(stmt, at);
}

static struct rows *lite_query(struct db *base, const char *sql, const struct value *values, size_t count)
{
	struct lite_db *db = (struct lite_db *)(void *)base;
	struct lite_rows *rows = statement(db, sql);
	assert(!rows->open);
	rows->open = true;
	rows->has_row = false;
	if (rows->stmt)
		for (size_t i = 0; i < count; i++)
			note(db, bind_one(rows->stmt, (int)i + 1, &values[i]));
	return &rows->base;
}

static bool lite_next(struct rows *base)
{
	struct lite_rows *rows = (struct lite_rows *)(void *)base;
	struct lite_db *db = (struct lite_db *)(void *)base->db;
	assert(rows->open);
	rows->has_row = false;
	if (!rows->stmt || db->base.code != STORE_OK)
		return false;
	int result = sqlite3_step(rows->stmt);
	note(db, result);
	rows->has_row = result == SQLITE_ROW;
	return rows->has_row;
}

static sqlite3_stmt *current(const struct rows *base)
{
	const struct lite_rows *rows = (const struct lite_rows *)(const void *)base;
	assert(rows->open && rows->has_row);
	return rows->stmt;
}

static int64_t lite_int(const struct rows *rows, int column)
{
	return sqlite3_column_int64(current(rows), column);
}

static double lite_real(const struct rows *rows, int column)
{
	return sqlite3_column_double(current(rows), column);
}

static struct text text_of_value(sqlite3_value *value)
{
	if (sqlite3_value_type(value) == SQLITE_NULL)
		return TEXT_NONE;
	const void *bytes = sqlite3_value_blob(value);
	return bytes ? (struct text){ bytes, (size_t)sqlite3_value_bytes(value) } : TEXT("");
}

static struct text lite_text(const struct rows *rows, int column)
{
	return text_of_value(sqlite3_column_value(current(rows), column));
}

static void lite_read(const struct rows *rows, const struct column *columns, size_t count, struct arena *arena, void *row)
{
	sqlite3_stmt *stmt = current(rows);
	for (size_t i = 0; i < count; i++) {
		void *member = (char *)row + columns[i].offset;
		/* In the library's multi-thread mode (sqlite_file.c) a column's value may be used like any other. */
		sqlite3_value *value = sqlite3_column_value(stmt, (int)i);
		if (columns[i].type == VALUE_INT) {
			bool missing = columns[i].missing != 0 && sqlite3_value_type(value) == SQLITE_NULL;
			*(int64_t *)member = missing ? columns[i].missing : sqlite3_value_int64(value);
		} else if (columns[i].type == VALUE_REAL) {
			*(double *)member = sqlite3_value_double(value);
		} else {
			struct text text = text_of_value(value);
			*(struct text *)member = arena ? text_copy(arena, text) : text;
		}
	}
}

static bool lite_is_null(const struct rows *rows, int column)
{
	return sqlite3_column_type(current(rows), column) == SQLITE_NULL;
}

static enum store_code lite_end(struct rows *base, int64_t *changed)
{
	struct lite_rows *rows = (struct lite_rows *)(void *)base;
	struct lite_db *db = (struct lite_db *)(void *)base->db;
	assert(rows->open);
	if (changed)
		*changed = db->base.code == STORE_OK ? sqlite3_changes64(db->handle) : 0;
	rows->open = false;
	rows->has_row = false;
	if (rows->sql) {
		sqlite3_reset(rows->stmt);
		if (rows->stmt) /* NULL when it could not be prepared */
			sqlite3_clear_bindings(rows->stmt);
	} else {
		sqlite3_finalize(rows->stmt);
		free(rows);
	}
	return db->base.code;
}

/* ---- what waits for the end ---- */

static bool lite_keep_last(struct db *base, const char *sql, const struct value *values, size_t count)
{
	struct lite_db *db = (struct lite_db *)(void *)base;
	struct arena *arena = &db->last_arena;
	if (!db->gathers)
		return false;
	if (db->last_count == db->last_room) {
		size_t room = db->last_room ? 2 * db->last_room : 64;
		struct lite_last *grown = arena_take_raw(arena, room * sizeof *grown);
		if (db->last_count > 0)
			memcpy(grown, db->lasts, db->last_count * sizeof *grown);
		db->lasts = grown;
		db->last_room = room;
	}
	struct lite_last *last = &db->lasts[db->last_count++];
	*last = (struct lite_last){ text_copy(arena, text_of(sql)).ptr, arena_take_raw(arena, count * sizeof *values), count };
	for (size_t i = 0; i < count; i++) {
		last->values[i] = values[i];
		if (values[i].type == VALUE_TEXT || values[i].type == VALUE_BLOB)
			last->values[i].text = text_copy(arena, values[i].text);
	}
	return true;
}

enum store_code lite_run_last(struct lite_db *db)
{
	db->base.code = STORE_OK;
	db->gathers = false;
	for (size_t i = 0; i < db->last_count && db->base.code == STORE_OK; i++)
		db_exec(&db->base, db->lasts[i].sql, db->lasts[i].values, db->lasts[i].count, NULL);
	arena_reset(&db->last_arena);
	db->last_count = db->last_room = 0;
	return db->base.code;
}

static const struct db_ops lite_ops = {
	.query = lite_query,
	.next = lite_next,
	.get_int = lite_int,
	.get_real = lite_real,
	.get_text = lite_text,
	.is_null = lite_is_null,
	.read = lite_read,
	.end = lite_end,
	.last = lite_keep_last,
};

enum store_code lite_do(struct lite_db *db, const char *sql)
{
	enum store_code before = db->base.code;
	db->base.code = STORE_OK;
	enum store_code code = db_exec(&db->base, sql, BIND_NONE, NULL);
	db->base.code = before;
	return code;
}

/* No budget may stop this. The progress handler counts a statement's steps over all its uses: in one of some hundreds
 * it looks at a deadline, which may be that of a read long over. */
void lite_snapshot_end(struct lite_db *db)
{
	db->deadline_us = 0;
	if (db->in_snapshot)
		lite_do(db, "ROLLBACK");
	db->in_snapshot = false;
	assert(sqlite3_get_autocommit(db->handle));
}

void lite_snapshot(struct lite_db *db, uint64_t commits, int64_t now_us)
{
	if (db->in_snapshot && db->snapshot_commits == commits && now_us < db->snapshot_until_us)
		return;
	lite_snapshot_end(db);
	db->in_snapshot = lite_do(db, "BEGIN") == STORE_OK;
	db->snapshot_commits = commits;
	db->snapshot_until_us = now_us + SNAPSHOT_US;
}

/* ---- connections ---- */

static int over_budget(void *arg)
{
	const struct lite_db *db = arg;
	return db->deadline_us != 0 && clock_steady_us() > db->deadline_us;
}

static bool configure(struct lite_db *db, int flags, unsigned cache_kb)
{
	char cache[64];
	sqlite3_snprintf(sizeof cache, cache, "PRAGMA cache_size = -%u", cache_kb);
	bool writes = (flags & SQLITE_OPEN_READWRITE) != 0;
	sqlite3_busy_timeout(db->handle, LITE_BUSY_MS);
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_progress_handler(db->handle, STEPS_BETWEEN_LOOKS, over_budget, db);
	return (!writes || lite_do(db, "PRAGMA journal_mode = WAL") == STORE_OK) &&
	       lite_do(db, "PRAGMA synchronous = FULL") == STORE_OK &&
	       lite_do(db, "PRAGMA wal_autocheckpoint = 0") == STORE_OK &&
	       (writes || lite_do(db, "PRAGMA mmap_size = 1073741824") == STORE_OK) &&
	       lite_do(db, "PRAGMA temp_store = MEMORY") == STORE_OK && lite_do(db, cache) == STORE_OK;
}

struct lite_db *lite_open(const char *path, int flags, unsigned cache_kb)
{
	struct lite_db *db = calloc(1, sizeof *db);
	if (!db)
		abort();
	db->base.ops = &lite_ops;
	db->last_arena = arena_new(LAST_BYTES_MAX);
	int result = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
	if (result == SQLITE_OK && configure(db, flags, cache_kb))
		return db;
	if (result != SQLITE_OK)
		log_error("store: cannot open the SQLite file: %s", sqlite3_errstr(result));
	lite_close(db);
	return NULL;
}

void lite_close(struct lite_db *db)
{
	if (!db)
		return;
	forget_statements(db);
	sqlite3_close(db->handle);
	arena_free(&db->last_arena);
	free(db);
}
