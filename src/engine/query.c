/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - SQL put together from fixed pieces, with every value bound. */
#include "engine/query.h"

#include <assert.h>
#include <string.h>

enum { VALUES_AT_FIRST = 32 };

static void keep_value(struct query *query, struct value value)
{
	if (query->count == query->room) {
		struct value *more = arena_take_raw(query->text.arena, QUERY_VALUES_MAX * sizeof *more);
		memcpy(more, query->values, query->count * sizeof *more);
		query->values = more;
		query->room = QUERY_VALUES_MAX;
	}
	query->values[query->count++] = value;
}

void query_start(struct query *query, struct arena *arena)
{
	query->text = buf_in(arena, 1024, QUERY_BYTES_MAX);
	query->values = arena_take_raw(arena, VALUES_AT_FIRST * sizeof *query->values);
	query->room = VALUES_AT_FIRST;
	query->count = 0;
	query->overflow = false;
}

void query_sql(struct query *query, const char *sql)
{
	buf_text(&query->text, text_of(sql));
}

void query_bind(struct query *query, struct value value)
{
	assert(query->count < QUERY_VALUES_MAX);
	keep_value(query, value);
}

void query_value(struct query *query, struct value value)
{
	if (query->count == QUERY_VALUES_MAX) {
		query->overflow = true;
		return;
	}
	keep_value(query, value);
	buf_char(&query->text, '?');
	buf_int(&query->text, (int64_t)query->count);
}

const char *query_done(struct query *query)
{
	assert(!query->overflow && !query->text.overflow);
	char *end = buf_room(&query->text, 1);
	assert(end);
	*end = 0; /* behind the text, which may go on */
	return query->text.ptr;
}

struct rows *query_run(struct query *query, struct db *db)
{
	return db_query(db, query_done(query), query->values, query->count);
}

enum store_code query_exec(struct query *query, struct db *db)
{
	return db_exec(db, query_done(query), query->values, query->count, NULL);
}
