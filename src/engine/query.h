/* SPDX-License-Identifier: Apache-2.0 */
/* query.h - SQL put together from fixed pieces, with every value bound. */
#ifndef ENGINE_QUERY_H
#define ENGINE_QUERY_H

#include "store/store.h"

enum { QUERY_VALUES_MAX = 160, QUERY_BYTES_MAX = 16384 };

struct query {
	struct buf text;
	struct value *values; /* in the arena: most statements have few */
	size_t count, room;
	bool overflow; /* more values than a statement may have: a user's filter was too long */
};

void query_start(struct query *query, struct arena *arena);
void query_sql(struct query *query, const char *sql); /* a fixed piece: never anything from outside */
void query_bind(struct query *query, struct value value); /* keeps it as the next, which the text names itself */
void query_value(struct query *query, struct value value); /* writes ?N and keeps the value */
const char *query_done(struct query *query); /* the whole statement */
struct rows *query_run(struct query *query, struct db *db);
enum store_code query_exec(struct query *query, struct db *db); /* a statement without rows, as db_exec */

#endif
