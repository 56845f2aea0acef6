/* SPDX-License-Identifier: Apache-2.0 */
/* backend.h - what a database must be able to do; seen only inside store/. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "store/store.h"

#include <pthread.h>

struct backend {
	unsigned workers; /* threads of the store's pool when nobody says a number */
	enum store_open_result (*open)(struct store *store);
	void (*close)(struct store *store);
	void (*submit)(struct store *store, struct command *command);
	/* Carries the command out on this thread, without `done` (PostgreSQL); NULL where only the writer may (SQLite). */
	enum store_code (*run_here)(struct store *store, command_fn *run, void *arg);
	/* A reader from the store's own, waiting for a free one; begins the read transaction. */
	struct db *(*reader_take)(struct store *store, unsigned budget_ms);
	enum store_code (*reader_give)(struct store *store, struct db *db);
	bool (*leads)(const struct store *store); /* NULL: there is no other process */
	bool (*wanted)(const struct store *store); /* NULL: a transaction is kept short whether or not somebody waits */
	void (*settle)(struct store *store, const char *table); /* NULL: nothing is planned by what a table holds */
};

struct db_ops {
	struct rows *(*query)(struct db *db, const char *sql, const struct value *values, size_t count);
	bool (*next)(struct rows *rows);
	int64_t (*get_int)(const struct rows *rows, int column);
	double (*get_real)(const struct rows *rows, int column);
	struct text (*get_text)(const struct rows *rows, int column);
	bool (*is_null)(const struct rows *rows, int column);
	void (*read)(const struct rows *rows, const struct column *columns, size_t count, struct arena *arena, void *row);
	enum store_code (*end)(struct rows *rows, int64_t *changed);
	/* Carries a statement without rows out before the transaction commits; false: it must be done now. NULL: always. */
	bool (*defer)(struct db *db, const char *sql, const struct value *values, size_t count);
	/* Keeps it for the end of the transaction; false: it must be done now. NULL: always. */
	bool (*last)(struct db *db, const char *sql, const struct value *values, size_t count);
};

/* First member of each backend's connection. */
struct db {
	const struct db_ops *ops;
	enum store_code code; /* first error since it was taken */
	bool is_postgres;
};

/* First member of each backend's running statement. */
struct rows {
	struct db *db;
};

struct store {
	const struct backend *backend;
	struct store_options options;
	char *path; /* SQLite file, or the connection string */
	void *inner; /* the backend's own */
	struct pool *pool;
	struct id_maker ids;
	void (*notify)(void *arg);
	void *notify_arg;
	pthread_mutex_t notify_lock;
	struct store_counters counters; /* updated with atomic built-ins */
};

extern const struct backend sqlite_backend, postgres_backend;

/* Brings the tables up to date through `db`, inside a transaction that the backend holds open; then raises the id
 * floor. With `options.read_only` it only checks. STORE_TOO_NEW, STORE_MISSING (no tables, not allowed to make them). */
enum store_open_result store_prepare_schema(struct store *store, struct db *db);
/* PostgreSQL, outside of a transaction: makes the declared indexes that are missing, while others write. False: logged. */
bool store_make_indexes(struct store *store, struct db *db);
void store_notify(struct store *store);
size_t sql_hash(const char *sql); /* of a statement's text, for the caches of prepared ones */
enum { STORE_RETRIES_MAX = 8, STORE_QUEUE_MAX = 4096, GROUP_MS_MAX = 10, WAL_BYTES_MAX = 64 << 20, READ_MS_MAX = 1000 };

#endif
