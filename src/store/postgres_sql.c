/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_sql.c - SQL written for SQLite, in PostgreSQL's words. */
#include "store/postgres.h"

#include <assert.h>
#include <string.h>

enum { SQL_BYTES_MAX = 256 * 1024 };

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

bool pg_is_ddl(const char *sql)
{
	return strncmp(sql, "CREATE ", 7) == 0 || strncmp(sql, "ALTER ", 6) == 0 || strncmp(sql, "DROP ", 5) == 0;
}

/* Length of what is in quotes at `sql`; a doubled quote reads as two texts side by side, which comes to the same. */
static size_t quoted_length(const char *sql)
{
	const char *end = strchr(sql + 1, *sql);
	return end ? (size_t)(end - sql) + 1 : strlen(sql);
}

static size_t word_length(const char *sql)
{
	size_t len = 0;
	while (is_word(sql[len]))
		len++;
	return len;
}

static const char *finish(struct buf *out)
{
	buf_char(out, '\0');
	assert(!out->overflow);
	return buf_done(out).ptr;
}

const char *pg_placeholders(struct arena *arena, const char *sql)
{
	struct buf out = buf_in(arena, strlen(sql) + 1, SQL_BYTES_MAX);
	while (*sql) {
		size_t len = *sql == '\'' || *sql == '"' ? quoted_length(sql) : 1;
		if (*sql == '?' && sql[1] >= '0' && sql[1] <= '9')
			buf_char(&out, '$');
		else
			buf_add(&out, sql, len);
		sql += len;
	}
	return finish(&out);
}

/* ---- tables ---- */

/* A type behind AS is that of a cast, where no collation may stand. */
static struct text in_postgres(struct text word, struct text before)
{
	if (!before.ptr)
		return word;
	if (text_is(word, "INTEGER"))
		return TEXT("BIGINT");
	if (text_is(word, "REAL"))
		return TEXT("DOUBLE PRECISION");
	if (text_is(word, "BLOB"))
		return TEXT("BYTEA");
	if (text_is(word, "TEXT") && !text_is(before, "AS"))
		return TEXT("TEXT COLLATE \"C\"");
	return word;
}

static const char *skip_blanks(const char *sql)
{
	while (is_blank(*sql))
		sql++;
	return sql;
}

/* Behind the table options at `sql`, or `sql` when there are none. */
static const char *skip_options(const char *sql)
{
	size_t len = word_length(sql);
	struct text word = { sql, len };
	if (text_is(word, "STRICT")) {
		sql = skip_blanks(sql + len);
		return *sql == ',' ? skip_blanks(sql + 1) : sql;
	}
	if (text_is(word, "WITHOUT")) {
		const char *next = skip_blanks(sql + len);
		if (text_is((struct text){ next, word_length(next) }, "ROWID"))
			return next + word_length(next);
	}
	return sql;
}

const char *pg_ddl(struct arena *arena, const char *sql)
{
	struct buf out = buf_in(arena, 2 * strlen(sql) + 1, SQL_BYTES_MAX);
	struct text before = TEXT_NONE; /* the word just before, with only blanks between */
	while (*sql) {
		const char *behind = skip_options(sql);
		if (behind != sql) {
			sql = behind;
		} else if (is_word(*sql)) {
			struct text word = { sql, word_length(sql) };
			buf_text(&out, in_postgres(word, before));
			before = word;
			sql += word.len;
		} else {
			bool quoted = *sql == '\'' || *sql == '"';
			size_t len = quoted ? quoted_length(sql) : 1;
			buf_add(&out, sql, len);
			if (*sql == '"')
				before = (struct text){ sql, len };
			else if (!is_blank(*sql))
				before = TEXT_NONE;
			sql += len;
		}
	}
	return finish(&out);
}
