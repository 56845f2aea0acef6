/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - SQL put together from fixed pieces, with every value bound. */
#include "engine/query.h"

#include <assert.h>

void query_start(struct query *query, struct arena *arena)
{
	query->text = buf_in(arena, 512, QUERY_BYTES_MAX);
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
	query->values[query->count++] = value;
}

void query_value(struct query *query, struct value value)
{
	if (query->count == QUERY_VALUES_MAX) {
		query->overflow = true;
		return;
	}
	query->values[query->count++] = value;
	buf_char(&query->text, '?');
	buf_int(&query->text, (int64_t)query->count);
}

const char *query_done(struct query *query)
{
	assert(!query->overflow && !query->text.overflow);
	return text_z(query->text.arena, buf_done(&query->text));
}

struct rows *query_run(struct query *query, struct db *db)
{
	return db_query(db, query_done(query), query->values, query->count);
}

enum store_code query_exec(struct query *query, struct db *db)
{
	return db_exec(db, query_done(query), query->values, query->count, NULL);
}
