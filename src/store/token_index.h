/* SPDX-License-Identifier: Apache-2.0 */
/* token_index.h - which records have a token, by what each database has for it: FTS5 on SQLite, tsvector and GIN on PostgreSQL.
 *
 * A record's tokens are one text, with a blank between; FTS5 does not keep it, and must be told again what it was. */
#ifndef STORE_TOKEN_INDEX_H
#define STORE_TOKEN_INDEX_H

#include "base/tokens.h"
#include "store/store.h"

/* The statements that make it; of each database in its own words. */
struct text token_index_ddl(struct arena *arena, bool is_postgres, const char *index);
/* Makes the index when it is missing. False: logged. */
bool token_index_make(struct db *db, const char *index);
/* A record with its tokens. `may_be_there`: on PostgreSQL it takes the place of what the index has of it. */
enum store_code token_index_add(struct tx *tx, const char *index, unsigned district, int64_t id, struct text tokens, bool may_be_there);
/* Some of a record's tokens go and others come; one that is among both stays. */
enum store_code token_index_change(struct tx *tx, const char *index, unsigned district, int64_t id, struct text gone, struct text come);
/* A record with all its tokens is there no more. */
enum store_code token_index_remove(struct tx *tx, const char *index, unsigned district, int64_t id, struct text tokens);
/* Nothing is in the index any more. */
enum store_code token_index_empty(struct tx *tx, const char *index);

/* One of each group is looked for; a group is as many in the list as its first says. */
struct sought_group {
	const struct sought *any;
	size_t count;
};
/* The condition as the database takes it. */
struct text token_index_condition(const struct db *db, struct arena *arena, const struct sought_group *groups, size_t count);

/* What a query's FROM may say: rows of `found`, the ids that fit the condition ?1, in district ?2, behind the id ?3, in their order. */
struct token_index_sql {
	const char *sqlite;
	/* Of PostgreSQL, each for when the one before did not fill a page. `nearest` looks at so many records one after the other, which is
	 * quick where many fit. `first` finds, of very many that fit anywhere, the first thousands; of fewer none. `all` reads every row
	 * that fits; the best way to do so depends on how much is behind ?3. */
	const char *nearest, *first, *all;
};
struct token_index_sql token_index_sql(struct arena *arena, const char *index);

#endif
