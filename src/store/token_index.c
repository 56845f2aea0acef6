/* SPDX-License-Identifier: Apache-2.0 */
/* token_index.c - which records have a token, by what each database has for it. */
#include "store/token_index.h"

#include "base/log.h"

enum { EXPRESSION_MAX = 64 * 1024, NEAREST = 20000, SAMPLE_MATCHES = 20 };

/* ---- the index ---- */

static bool is_there(struct db *db, const char *index)
{
	return db_int(db, 0, db_is_postgres(db)
		? "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = ?1"
		: "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1", BIND(value_text(text_of(index)))) == 1;
}

/* FTS5 without content, positions and sizes: ids under each token and nothing else. On PostgreSQL what is new waits in a list
 * of at most 1 MB, which every search reads; whoever fills it sorts it in. The
 * statistics are finer than elsewhere, as most tokens are rare. */
struct text token_index_ddl(struct arena *arena, bool is_postgres, const char *index)
{
	if (!is_postgres)
		return text_printf(arena, "CREATE VIRTUAL TABLE %s USING fts5(words, content='', detail=none, columnsize=0,"
		                   " tokenize=\"ascii tokenchars '#@_'\")", index);
	return text_printf(arena, "CREATE TABLE %s (district INTEGER NOT NULL, id INTEGER NOT NULL, words TSVECTOR NOT NULL,"
	                   " PRIMARY KEY (district, id)); ALTER TABLE %s ALTER COLUMN words SET STATISTICS 1000;"
	                   "CREATE INDEX %s_words ON %s USING GIN (words) WITH (gin_pending_list_limit = 1024)", index, index, index,
	                   index);
}

bool token_index_make(struct db *db, const char *index)
{
	struct arena arena = arena_new(1 << 16);
	bool made = is_there(db, index) ||
	            (db_code(db) == STORE_OK &&
	             db_exec(db, token_index_ddl(&arena, db_is_postgres(db), index).ptr, BIND_NONE, NULL) == STORE_OK);
	if (!made)
		log_error("store: the token index %s cannot be made", index);
	arena_free(&arena);
	return made;
}

/* ---- writing ---- */

/* Without the blank behind the last. */
static struct value words(struct text tokens)
{
	return value_text((struct text){ tokens.ptr, tokens.len - (tokens.len > 0 && tokens.ptr[tokens.len - 1] == ' ') });
}

static enum store_code put_in(struct tx *tx, struct arena *arena, const char *index, int64_t id, struct text tokens)
{
	return db_exec_last(tx->db, text_printf(arena, "INSERT INTO %s (rowid, words) VALUES (?1, ?2)", index).ptr,
	                    BIND(value_int(id), words(tokens)));
}

/* FTS5 deletes what it is told; only so are the others still right. */
static enum store_code take_out(struct tx *tx, struct arena *arena, const char *index, int64_t id, struct text tokens)
{
	return db_exec_last(tx->db, text_printf(arena, "INSERT INTO %s (%s, rowid, words) VALUES ('delete', ?1, ?2)", index, index).ptr,
	                    BIND(value_int(id), words(tokens)));
}

enum store_code token_index_add(struct tx *tx, const char *index, unsigned district, int64_t id, struct text tokens, bool may_be_there)
{
	struct arena arena = arena_new(1 << 16);
	enum store_code code;
	if (db_is_postgres(tx->db))
		code = db_exec(tx->db, text_printf(&arena, "INSERT INTO %s (district, id, words)"
			" VALUES (?1, ?2, array_to_tsvector(string_to_array(?3, ' ')))%s", index,
			may_be_there ? " ON CONFLICT (district, id) DO UPDATE SET words = excluded.words" : "").ptr,
			BIND(value_int(district), value_int(id), words(tokens)), NULL);
	else
		code = put_in(tx, &arena, index, id, tokens);
	arena_free(&arena);
	return code;
}

enum store_code token_index_change(struct tx *tx, const char *index, unsigned district, int64_t id, struct text gone, struct text come)
{
	struct arena arena = arena_new(1 << 16);
	enum store_code code;
	if (db_is_postgres(tx->db)) {
		code = db_exec(tx->db, text_printf(&arena, "UPDATE %s SET words = ts_delete(words, string_to_array(?3, ' '))"
			" || array_to_tsvector(string_to_array(?4, ' ')) WHERE district = ?1 AND id = ?2", index).ptr,
			BIND(value_int(district), value_int(id), words(gone), words(come)), NULL);
	} else {
		code = take_out(tx, &arena, index, id, gone);
		if (code == STORE_OK)
			code = put_in(tx, &arena, index, id, come);
	}
	arena_free(&arena);
	return code;
}

enum store_code token_index_remove(struct tx *tx, const char *index, unsigned district, int64_t id, struct text tokens)
{
	struct arena arena = arena_new(1 << 16);
	enum store_code code;
	if (db_is_postgres(tx->db))
		code = db_exec(tx->db, text_printf(&arena, "DELETE FROM %s WHERE district = ?1 AND id = ?2", index).ptr,
			BIND(value_int(district), value_int(id)), NULL);
	else
		code = take_out(tx, &arena, index, id, tokens);
	arena_free(&arena);
	return code;
}

enum store_code token_index_empty(struct tx *tx, const char *index)
{
	struct arena arena = arena_new(1 << 16);
	struct text sql = db_is_postgres(tx->db) ? text_printf(&arena, "DELETE FROM %s", index)
		: text_printf(&arena, "INSERT INTO %s (%s) VALUES ('delete-all')", index, index);
	enum store_code code = db_exec_last(tx->db, sql.ptr, BIND_NONE);
	arena_free(&arena);
	return code;
}

/* ---- looking ---- */

/* 'token':* & ('a' | 'b') on PostgreSQL, "token"* AND ("a" OR "b") on SQLite. No token has a quote in it. */
struct text token_index_condition(const struct db *db, struct arena *arena, const struct sought_group *groups, size_t count)
{
	bool is_postgres = db_is_postgres(db);
	const char *quote = is_postgres ? "'" : "\"";
	struct buf out = buf_in(arena, 512, EXPRESSION_MAX);
	for (size_t g = 0; g < count; g++) {
		if (g > 0)
			buf_text(&out, is_postgres ? TEXT(" & ") : TEXT(" AND "));
		buf_char(&out, '(');
		for (size_t i = 0; i < groups[g].count; i++) {
			const struct sought *sought = &groups[g].any[i];
			if (i > 0)
				buf_text(&out, is_postgres ? TEXT(" | ") : TEXT(" OR "));
			buf_printf(&out, "%s%.*s%s", quote, TEXT_ARG(sought->token), quote);
			if (sought->begins)
				buf_text(&out, is_postgres ? TEXT(":*") : TEXT("*"));
		}
		buf_char(&out, ')');
	}
	return buf_done(&out);
}

/* The index tells where rows lie; a row itself is read for its id, and that takes long when very many fit. So all rows of every
 * four-hundredth page are looked at: of those that fit, the one at SAMPLE_MATCHES in the order of ids has about 400 times as many
 * that fit up to its id, and those alone are read: the part of the key up to there is intersected with what the index says. The planner
 * does so as it knows nothing of (SELECT ?1); where it knows that many fit, it would walk along the key. */
static const char *first_of_many(struct arena *arena, const char *index)
{
	return text_printf(arena, "(SELECT found FROM (SELECT id AS last FROM %s TABLESAMPLE SYSTEM (0.25) REPEATABLE (0)"
	                   " WHERE words @@ CAST(?1 AS tsquery) AND district = ?2 AND id > ?3 ORDER BY id OFFSET %d LIMIT 1) AS sample"
	                   " CROSS JOIN LATERAL (SELECT id AS found FROM %s WHERE words @@ (SELECT CAST(?1 AS tsquery)) AND district = ?2"
	                   " AND id > ?3 AND id <= last OFFSET 0) AS first ORDER BY found OFFSET 0) AS finds", index, SAMPLE_MATCHES - 1,
	                   index).ptr;
}

/* OFFSET 0 keeps the planner from walking through all records in the hope of what is rare. */
struct token_index_sql token_index_sql(struct arena *arena, const char *index)
{
	return (struct token_index_sql){
		.sqlite = text_printf(arena, "(SELECT rowid AS found FROM %s WHERE %s MATCH ?1 AND rowid > ?3) AS finds", index, index).ptr,
		.nearest = text_printf(arena, "(SELECT id AS found FROM (SELECT id, words FROM %s WHERE district = ?2 AND id > ?3 ORDER BY id"
		                       " LIMIT %d) AS nearest WHERE words @@ CAST(?1 AS tsquery)) AS finds", index, NEAREST).ptr,
		.first = first_of_many(arena, index),
		.all = text_printf(arena, "(SELECT id AS found FROM %s WHERE words @@ CAST(?1 AS tsquery) AND district = ?2 AND id > ?3"
		                   " ORDER BY id OFFSET 0) AS finds", index).ptr };
}
