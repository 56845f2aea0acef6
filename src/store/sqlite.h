/* SPDX-License-Identifier: Apache-2.0 */
/* sqlite.h - the two halves of the SQLite backend: connections (sqlite.c), the file and its writer (sqlite_file.c). */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/backend.h"

#include <sqlite3.h>

enum { STATEMENTS_MAX = 256, LITE_BUSY_MS = 5000 };

struct lite_db;

/* A prepared statement, and the one running use of it. */
struct lite_rows {
	struct rows base;
	sqlite3_stmt *stmt;
	char *sql; /* own copy: the key in the cache; NULL for a second use beside the first */
	bool open, has_row;
};

/* A statement that waits for the end of the transaction. */
struct lite_last {
	const char *sql;
	struct value *values;
	size_t count;
};

struct lite_db {
	struct db base;
	sqlite3 *handle;
	int64_t deadline_us; /* steady; 0: none */
	struct lite_rows *slots[STATEMENTS_MAX * 2]; /* open addressing by the text of the statement */
	unsigned slot_count;
	bool in_snapshot;
	uint64_t snapshot_commits; /* the store's count of commits when the snapshot was begun */
	int64_t snapshot_until_us;
	struct lite_db *next_free;
	bool gathers; /* the writer in a group: statements may wait for its end */
	struct arena last_arena;
	struct lite_last *lasts;
	size_t last_count, last_room;
};

/* Opens a connection: WAL, synchronous=FULL, never checkpointing by itself. NULL: logged. */
struct lite_db *lite_open(const char *path, int flags, unsigned cache_kb);
void lite_close(struct lite_db *db);
/* Beginning and ending a read transaction costs file locks: one is kept over many reads, for as long as nothing was
 * committed since, and for half a second at most. */
void lite_snapshot(struct lite_db *db, uint64_t commits, int64_t now_us);
void lite_snapshot_end(struct lite_db *db);
/* Carries out what waits for the end of the transaction; it is forgotten, done or not. */
enum store_code lite_run_last(struct lite_db *db);
/* BEGIN, SAVEPOINT and the like. */
enum store_code lite_do(struct lite_db *db, const char *sql);

#endif
