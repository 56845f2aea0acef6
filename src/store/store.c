/* SPDX-License-Identifier: Apache-2.0 */
/* store.c - what both databases share: opening, statements in one call, waiting for a command. */
#include "store/backend.h"

#include "base/log.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- opening ---- */

static const struct backend *backend_of(const char *url, const char **path)
{
	static const char sqlite[] = "sqlite:";
	*path = url;
	if (strncmp(url, sqlite, sizeof sqlite - 1) == 0) {
		*path = url + sizeof sqlite - 1;
		return **path ? &sqlite_backend : NULL;
	}
	bool postgres = strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0;
	return postgres ? &postgres_backend : NULL;
}

enum store_open_result store_open(const struct store_options *options, struct store **out)
{
	const char *path;
	const struct backend *backend = backend_of(options->url, &path);
	*out = NULL;
	if (!backend) {
		log_error("store: the address must be sqlite:PATH or postgresql://...");
		return STORE_UNUSABLE;
	}
	struct store *store = calloc(1, sizeof *store);
	if (!store)
		abort();
	/* One file has one lock and one socket, by whatever link it is named; also by one whose file is still to be made. */
	int made = backend == &sqlite_backend && options->create ? open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0600) : -1;
	if (made >= 0)
		close(made);
	store->path = backend == &sqlite_backend ? realpath(path, NULL) : NULL;
	if (!store->path && !(store->path = strdup(path)))
		abort();
	store->backend = backend;
	store->options = *options;
	store->options.workers = options->workers ? options->workers : backend->workers;
	store->ids.clock = options->clock;
	pthread_mutex_init(&store->notify_lock, NULL);
	if (!options->read_only)
		store->pool = pool_start(store->options.workers, STORE_QUEUE_MAX);
	enum store_open_result result = backend->open(store);
	if (result != STORE_OPENED) {
		if (store->pool)
			pool_stop(store->pool);
		pthread_mutex_destroy(&store->notify_lock);
		free(store->path);
		free(store);
		return result;
	}
	*out = store;
	return STORE_OPENED;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->pool)
		pool_stop(store->pool);
	store->backend->close(store);
	pthread_mutex_destroy(&store->notify_lock);
	free(store->path);
	free(store);
}

bool store_is_postgres(const struct store *store)
{
	return store->backend == &postgres_backend;
}

bool store_reads_inline(const struct store *store)
{
	return !store_is_postgres(store);
}

bool store_leads(const struct store *store)
{
	return !store->backend->leads || store->backend->leads(store);
}

void store_settle(struct store *store, const char *table)
{
	if (store->backend->settle)
		store->backend->settle(store, table);
}

bool store_is_wanted(const struct store *store)
{
	return !store->backend->wanted || store->backend->wanted(store);
}

struct pool *store_pool(struct store *store)
{
	return store->pool;
}

const struct clock *store_clock(const struct store *store)
{
	return store->options.clock;
}

struct id_maker *store_ids(struct store *store)
{
	return &store->ids;
}

const char *store_beside(struct arena *arena, const char *url, const char *suffix)
{
	const char *path;
	if (backend_of(url, &path) != &sqlite_backend)
		return NULL;
	char *real = realpath(path, NULL);
	const char *name = text_printf(arena, "%s%s", real ? real : path, suffix).ptr;
	free(real);
	return name;
}

const char *store_socket_path(struct arena *arena, const char *url)
{
	return store_beside(arena, url, ".sock");
}

void store_on_commit(struct store *store, void (*notify)(void *arg), void *arg)
{
	pthread_mutex_lock(&store->notify_lock);
	store->notify = notify;
	store->notify_arg = arg;
	pthread_mutex_unlock(&store->notify_lock);
}

void store_notify(struct store *store)
{
	pthread_mutex_lock(&store->notify_lock);
	if (store->notify)
		store->notify(store->notify_arg);
	pthread_mutex_unlock(&store->notify_lock);
}

struct store_counters store_counters(struct store *store)
{
	return (struct store_counters){
		.commands = __atomic_load_n(&store->counters.commands, __ATOMIC_RELAXED),
		.groups = __atomic_load_n(&store->counters.groups, __ATOMIC_RELAXED),
		.rolled_back = __atomic_load_n(&store->counters.rolled_back, __ATOMIC_RELAXED),
		.retries = __atomic_load_n(&store->counters.retries, __ATOMIC_RELAXED),
		.checkpoints = __atomic_load_n(&store->counters.checkpoints, __ATOMIC_RELAXED),
		.wal_bytes = __atomic_load_n(&store->counters.wal_bytes, __ATOMIC_RELAXED),
	};
}

/* ---- statements ---- */

struct rows *db_query(struct db *db, const char *sql, const struct value *values, size_t count)
{
	return db->ops->query(db, sql, values, count);
}

bool rows_next(struct rows *rows)
{
	return rows->db->ops->next(rows);
}

int64_t rows_int(const struct rows *rows, int column)
{
	return rows->db->ops->get_int(rows, column);
}

double rows_real(const struct rows *rows, int column)
{
	return rows->db->ops->get_real(rows, column);
}

struct text rows_text(const struct rows *rows, int column)
{
	return rows->db->ops->get_text(rows, column);
}

bool rows_is_null(const struct rows *rows, int column)
{
	return rows->db->ops->is_null(rows, column);
}

enum store_code rows_end(struct rows *rows)
{
	return rows->db->ops->end(rows, NULL);
}

enum store_code db_exec(struct db *db, const char *sql, const struct value *values, size_t count, int64_t *changed)
{
	if (!changed && db->ops->defer && db->ops->defer(db, sql, values, count))
		return db->code;
	struct rows *rows = db_query(db, sql, values, count);
	while (rows_next(rows))
		;
	return db->ops->end(rows, changed);
}

enum store_code db_exec_last(struct db *db, const char *sql, const struct value *values, size_t count)
{
	if (db->ops->last && db->ops->last(db, sql, values, count))
		return db->code;
	return db_exec(db, sql, values, count, NULL);
}

int64_t db_int(struct db *db, int64_t otherwise, const char *sql, const struct value *values, size_t count)
{
	struct rows *rows = db_query(db, sql, values, count);
	int64_t found = rows_next(rows) && !rows_is_null(rows, 0) ? rows_int(rows, 0) : otherwise;
	return rows_end(rows) == STORE_OK ? found : otherwise;
}

enum store_code db_code(const struct db *db)
{
	return db->code;
}

bool db_is_postgres(const struct db *db)
{
	return db->is_postgres;
}

void rows_read(const struct rows *rows, const struct column *columns, size_t count, struct arena *arena, void *row)
{
	rows->db->ops->read(rows, columns, count, arena, row);
}

size_t sql_hash(const char *sql)
{
	const uint64_t prime = UINT64_C(0x9E3779B97F4A7C15);
	uint64_t hash = 0, eight;
	size_t len = strlen(sql);
	for (; len >= 8; len -= 8, sql += 8) {
		memcpy(&eight, sql, 8);
		hash = (hash ^ eight) * prime;
		hash ^= hash >> 32;
	}
	for (; len > 0; len--, sql++)
		hash = (hash ^ (unsigned char)*sql) * prime;
	return (size_t)(hash ^ hash >> 32);
}

/* ---- reads and commands ---- */

enum store_code store_read(struct store *store, unsigned budget_ms, read_fn *read, void *arg)
{
	struct db *db = store->backend->reader_take(store, budget_ms ? budget_ms : READ_MS_MAX);
	if (!db)
		return STORE_BROKEN;
	enum store_code code = read(db, arg);
	enum store_code given = store->backend->reader_give(store, db);
	return code != STORE_OK ? code : given;
}

void store_submit(struct store *store, struct command *command)
{
	assert(command->run && command->done);
	command->store = store;
	command->code = STORE_OK;
	store->backend->submit(store, command);
}

struct waiter {
	struct command command;
	pthread_mutex_t lock;
	pthread_cond_t ready;
	bool finished;
};

static void wake(struct command *command, enum store_code code)
{
	struct waiter *waiter = (struct waiter *)(void *)command;
	pthread_mutex_lock(&waiter->lock);
	waiter->command.code = code;
	waiter->finished = true;
	pthread_cond_signal(&waiter->ready);
	pthread_mutex_unlock(&waiter->lock);
}

enum store_code store_command(struct store *store, enum lane lane, command_fn *run, void *arg)
{
	if (store->backend->run_here)
		return store->backend->run_here(store, run, arg);
	struct waiter waiter = { .command = { .run = run, .arg = arg, .done = wake, .job.lane = lane } };
	pthread_mutex_init(&waiter.lock, NULL);
	pthread_cond_init(&waiter.ready, NULL);
	store_submit(store, &waiter.command);
	pthread_mutex_lock(&waiter.lock);
	while (!waiter.finished)
		pthread_cond_wait(&waiter.ready, &waiter.lock);
	pthread_mutex_unlock(&waiter.lock);
	pthread_cond_destroy(&waiter.ready);
	pthread_mutex_destroy(&waiter.lock);
	return waiter.command.code;
}
