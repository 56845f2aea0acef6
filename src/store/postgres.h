/* SPDX-License-Identifier: Apache-2.0 */
/* postgres.h - the parts of the PostgreSQL backend: SQL text (postgres_sql.c), connections and transactions
 * (postgres.c), statements (postgres_statement.c), the pool of connections, commands and the sequencer
 * (postgres_run.c), many reads on one connection (postgres_pipe.c). */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include "store/backend.h"

#include <libpq-fe.h>

enum { PG_STATEMENTS_MAX = 256, PG_VALUES_MAX = 256 };

/* ---- SQL text ---- */

bool pg_is_ddl(const char *sql); /* begins with CREATE, ALTER or DROP */
/* ?1 becomes $1, outside of quotes. */
const char *pg_placeholders(struct arena *arena, const char *sql);
/* SQLite's type words in capitals, where a type stands (behind a word), become PostgreSQL's; STRICT and WITHOUT ROWID
 * go. Outside of quotes. */
const char *pg_ddl(struct arena *arena, const char *sql);

/* ---- connections ---- */

/* The result of one statement, whole in memory. */
struct pg_rows {
	struct rows base;
	PGresult *result; /* NULL: it failed */
	int at;
	struct pg_rows *next_free;
};

/* Prepared on this connection under the name s<number>, for values of these types. */
struct pg_statement {
	char *sql; /* own copy: the key in the cache */
	unsigned number;
	size_t count;
	Oid types[]; /* 0: so far only NULL was bound, the server chose */
};

struct pg_db {
	struct db base;
	PGconn *conn;
	const char *begin; /* sent together with the next statement; NULL: nothing to begin */
	bool in_transaction;
	unsigned unread; /* statements on their way of which only an error would matter */
	bool prepares; /* among what is on its way is what changes the prepared statements */
	bool lost; /* close it instead of using it again */
	unsigned open; /* results not ended yet */
	unsigned prepared; /* names given out since the last DEALLOCATE ALL */
	struct pg_rows *free_rows;
	struct pg_statement *slots[PG_STATEMENTS_MAX * 2]; /* open addressing by the text of the statement */
	/* What is handed to libpq. */
	const char *ptrs[PG_VALUES_MAX];
	int lengths[PG_VALUES_MAX], formats[PG_VALUES_MAX];
	uint64_t numbers[PG_VALUES_MAX];
	struct pg_db *next_free;
};

static inline struct pg_db *pg_db_of(struct db *db)
{
	return (struct pg_db *)(void *)db;
}

extern const struct db_ops pg_ops;
void pg_forget_statements(struct pg_db *db);
/* Puts a statement on its way, in pipeline mode, behind BEGIN where that is due. *before: how many results come before
 * its own. False: noted, and the connection is lost. */
bool pg_send(struct pg_db *db, const char *sql, const struct value *values, size_t count, unsigned *before);
bool pg_send_text(struct pg_db *db, const char *sql); /* without values or preparation */
/* Waits for so many results and ends pipeline mode. The last one, or the first error; NULL: the connection is lost. */
PGresult *pg_collect(struct pg_db *db, unsigned count);
enum store_code pg_settle(struct pg_db *db); /* waits for what is unread */
struct pg_rows *pg_rows_new(struct pg_db *db, struct db *base);
void pg_rows_free(struct pg_db *db, struct pg_rows *rows);
/* The result's code; the first that is not STORE_OK stays in the connection. */
enum store_code pg_note(struct pg_db *db, const PGresult *result);

/* NULL: logged. The session is read-only and READ COMMITTED unless a transaction says otherwise. */
struct pg_db *pg_connect(const char *url);
void pg_close(struct pg_db *db);
bool pg_is_stale(const struct pg_db *db); /* the server ended it while nobody used it */
enum store_code pg_do(struct pg_db *db, const char *sql); /* some statements without values, in one message */
/* Starts a transaction with this text, in the same message as its first statement. */
void pg_begin(struct pg_db *db, const char *begin);
/* Ends the transaction; STORE_OK only when the server said that it committed. */
enum store_code pg_commit(struct pg_db *db);
void pg_roll_back(struct pg_db *db);

#endif
