/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_run.c - a PostgreSQL database as a store: its pool of connections, commands, the journal's sequencer.
 *
 * A command is one SERIALIZABLE transaction. A read begins no transaction: each of its statements sees a snapshot of
 * its own, in a session that is read-only. What must agree is asked for in one statement.
 *
 * One connection is kept aside. Its session holds advisory locks: the number of this process, which makes its ids
 * differ from those of others, and for one process of all the right to give journal lines their order. */
#include "store/postgres.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

enum {
	WORKERS = 16,
	SPARE_CONNECTIONS = 2, /* for threads that do not belong to the pool */
	PROCESSES_MAX = 16,
	LOCK_SPACE = 0x736F6E67, /* "song": the first half of our advisory locks */
	LOCK_SEQUENCER = PROCESSES_MAX, /* second halves below are process numbers */
	RUN_EVERY_MS = 20,
	RUN_APART_MS = 10, /* under load, so that one run serves many commits */
	LOCK_TRY_MS = 200,
	KEEPER_TRY_MS = 1000,
	ALONE_FROM = 3 /* after so many failures a command runs while no other one of this process does */
};

struct pg_hub {
	struct store *store;
	pthread_mutex_t lock;
	pthread_cond_t due; /* something committed, or the end */
	sem_t connections; /* that may still be taken: free ones, and those not made yet */
	struct pg_db *free;
	bool stopping, committed;
	bool sequences; /* this process gives the journal its order; atomic */
	pthread_cond_t turn; /* of those two: */
	unsigned running, alone; /* commands under way; those that want to be, or are, the only one */
	/* The sequencer's own from here. */
	pthread_t thread;
	struct pg_db *keeper; /* NULL: lost */
	int64_t keeper_try_ms, lock_try_ms, last_run_ms;
};

static const char begin_command[] = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";
static const char begin_own_work[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/* ---- the pool of connections ---- */

static void give(struct pg_hub *hub, struct pg_db *db)
{
	if (db && (db->lost || PQtransactionStatus(db->conn) != PQTRANS_IDLE)) {
		pg_close(db);
		db = NULL;
	}
	pthread_mutex_lock(&hub->lock);
	if (db) {
		db->next_free = hub->free;
		hub->free = db;
	}
	pthread_mutex_unlock(&hub->lock);
	sem_post(&hub->connections);
}

/* NULL: the database cannot be reached (logged). */
static struct pg_db *take(struct pg_hub *hub)
{
	while (sem_wait(&hub->connections) != 0 && errno == EINTR)
		;
	pthread_mutex_lock(&hub->lock);
	struct pg_db *db = hub->free;
	if (db)
		hub->free = db->next_free;
	pthread_mutex_unlock(&hub->lock);
	if (db && pg_is_stale(db)) {
		pg_close(db);
		db = NULL;
	}
	if (!db)
		db = pg_connect(hub->store->path);
	if (!db) {
		give(hub, NULL);
		return NULL;
	}
	db->base.code = STORE_OK;
	db->begin = NULL;
	return db;
}

static struct db *reader_take(struct store *store, unsigned budget_ms)
{
	(void)budget_ms; /* statement_timeout */
	struct pg_db *db = take(store->inner);
	return db ? &db->base : NULL;
}

/* What it does to other writers is nothing, and to the order of the journal not much: it gets the number of its transaction when the
 * sample has been taken. Who analyzes the table already does it for us. */
static void settle(struct store *store, const char *table)
{
	char sql[256];
	struct pg_db *db = take(store->inner);
	if (!db)
		return;
	snprintf(sql, sizeof sql, "%s; SET LOCAL statement_timeout = '60s'; ANALYZE (SKIP_LOCKED) %s; COMMIT", begin_own_work, table);
	pg_do(db, sql);
	give(store->inner, db);
}

static enum store_code reader_give(struct store *store, struct db *base)
{
	enum store_code code = base->code;
	assert(pg_db_of(base)->open == 0);
	give(store->inner, pg_db_of(base));
	return code;
}

/* ---- commands ---- */

static enum store_code run_once(struct store *store, struct pg_db *db, bool again, command_fn *run, void *arg)
{
	struct tx tx = { .db = &db->base, .store = store, .now_ms = clock_now_ms(store->options.clock), .again = again };
	pg_begin(db, begin_command);
	enum store_code code = run(&tx, arg);
	assert(db->open == 0);
	if (db->base.code != STORE_OK)
		code = db->base.code;
	if (code == STORE_OK)
		return pg_commit(db); /* a connection lost here leaves it unknown: never reported as committed */
	pg_roll_back(db);
	return code;
}

static void back_off(int attempt)
{
	uint32_t us = arc4random_uniform(500u << attempt);
	struct timespec pause = { .tv_nsec = (long)us * 1000 };
	nanosleep(&pause, NULL);
}

static void wake_sequencer(struct pg_hub *hub)
{
	if (!__atomic_load_n(&hub->sequences, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&hub->lock);
	if (!hub->committed)
		pthread_cond_signal(&hub->due);
	hub->committed = true;
	pthread_mutex_unlock(&hub->lock);
}

/* Where many commands want one row, whoever waits a while and comes back may find it taken each time: that ends when
 * the others must wait. */
static void begin_turn(struct pg_hub *hub, bool alone)
{
	pthread_mutex_lock(&hub->lock);
	hub->alone += alone;
	while (alone ? hub->running > 0 : hub->alone > 0)
		pthread_cond_wait(&hub->turn, &hub->lock);
	hub->running++;
	pthread_mutex_unlock(&hub->lock);
}

static void end_turn(struct pg_hub *hub, bool alone)
{
	pthread_mutex_lock(&hub->lock);
	hub->running--;
	hub->alone -= alone;
	if (alone || (hub->alone > 0 && hub->running == 0))
		pthread_cond_broadcast(&hub->turn);
	pthread_mutex_unlock(&hub->lock);
}

static enum store_code attempt_once(struct store *store, int attempt, bool again, command_fn *run, void *arg)
{
	struct pg_hub *hub = store->inner;
	bool alone = attempt >= ALONE_FROM;
	begin_turn(hub, alone);
	struct pg_db *db = take(hub);
	enum store_code code = db ? run_once(store, db, again, run, arg) : STORE_BROKEN;
	if (db)
		give(hub, db);
	end_turn(hub, alone);
	return code;
}

static enum store_code run_here(struct store *store, command_fn *run, void *arg)
{
	struct store_counters *counters = &store->counters;
	enum store_code code = STORE_RETRY;
	bool again = false;
	for (int attempt = 0; attempt <= STORE_RETRIES_MAX; attempt++) {
		code = attempt_once(store, attempt, again, run, arg);
		if (code == STORE_DUPLICATE && !again) {
			again = true;
			continue;
		}
		if (code != STORE_RETRY || attempt == STORE_RETRIES_MAX)
			break;
		__atomic_add_fetch(&counters->retries, 1, __ATOMIC_RELAXED);
		if (attempt + 1 < ALONE_FROM)
			back_off(attempt);
	}
	__atomic_add_fetch(&counters->commands, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(code == STORE_OK ? &counters->groups : &counters->rolled_back, 1, __ATOMIC_RELAXED);
	if (code == STORE_OK)
		wake_sequencer(store->inner);
	return code;
}

static void run_job(struct job *job)
{
	struct command *command = (struct command *)(void *)((char *)job - offsetof(struct command, job));
	command->code = run_here(command->store, command->run, command->arg);
	command->done(command, command->code); /* may free it */
}

static void submit(struct store *store, struct command *command)
{
	command->job.run = run_job;
	if (!pool_submit(store->pool, &command->job))
		command->done(command, STORE_BUSY);
}

/* ---- the connection that is kept aside ---- */

static bool try_lock(struct pg_db *db, int number)
{
	return db_int(&db->base, 0, "SELECT pg_try_advisory_lock(?1::int, ?2::int)",
	              BIND(value_int(LOCK_SPACE), value_int(number))) == 1;
}

static bool take_process_number(struct pg_hub *hub)
{
	for (unsigned i = 0; i < PROCESSES_MAX && hub->keeper->base.code == STORE_OK; i++) {
		if (try_lock(hub->keeper, (int)i)) {
			hub->store->ids.process = i;
			return true;
		}
	}
	log_error("store: 16 processes use this database already");
	return false;
}

static void drop_keeper(struct pg_hub *hub)
{
	__atomic_store_n(&hub->sequences, false, __ATOMIC_RELAXED);
	pg_close(hub->keeper);
	hub->keeper = NULL;
}

/* Makes the connection anew, with the number that this process already uses for its ids: should another process have
 * taken it meanwhile, keys still keep out a second use of an id, and this one goes on asking for it. */
static void mend_keeper(struct pg_hub *hub, int64_t now_ms)
{
	if (hub->keeper || now_ms < hub->keeper_try_ms)
		return;
	hub->keeper_try_ms = now_ms + KEEPER_TRY_MS;
	hub->keeper = pg_connect(hub->store->path);
	if (hub->keeper && !try_lock(hub->keeper, (int)hub->store->ids.process)) {
		log_warn("store: the number of this process is still held by another session");
		drop_keeper(hub);
	}
}

static void try_to_sequence(struct pg_hub *hub, int64_t now_ms)
{
	if (!hub->store->options.sequence || hub->sequences || !hub->keeper || now_ms < hub->lock_try_ms)
		return;
	hub->lock_try_ms = now_ms + LOCK_TRY_MS;
	hub->keeper->base.code = STORE_OK;
	__atomic_store_n(&hub->sequences, try_lock(hub->keeper, LOCK_SEQUENCER), __ATOMIC_RELAXED);
	if (hub->keeper->base.code != STORE_OK)
		drop_keeper(hub);
}

/* ---- the sequencer ---- */

/* True when it gave lines their place. */
static bool sequence(struct pg_hub *hub)
{
	struct pg_db *db = hub->keeper;
	bool news = false;
	struct tx tx = { .db = &db->base, .store = hub->store, .now_ms = clock_now_ms(hub->store->options.clock) };
	pg_begin(db, begin_own_work);
	enum store_code code = hub->store->options.sequence(&tx, &news);
	if (code == STORE_OK && db->base.code == STORE_OK && news)
		code = pg_commit(db);
	else
		pg_roll_back(db);
	if (db->base.code != STORE_OK) /* also to wait a little before the next try */
		drop_keeper(hub);
	return code == STORE_OK && news;
}

static void wait_until(struct pg_hub *hub, int64_t until_ms, const bool *early)
{
	struct timespec until = { .tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000 };
	while (!hub->stopping && !(early && *early) &&
	       pthread_cond_clockwait(&hub->due, &hub->lock, CLOCK_MONOTONIC, &until) == 0)
		;
}

/* False when the store is closing. */
static bool wait_for_work(struct pg_hub *hub)
{
	pthread_mutex_lock(&hub->lock);
	wait_until(hub, hub->last_run_ms + RUN_EVERY_MS, &hub->committed);
	wait_until(hub, hub->last_run_ms + RUN_APART_MS, NULL);
	hub->committed = false;
	bool goes_on = !hub->stopping;
	pthread_mutex_unlock(&hub->lock);
	hub->last_run_ms = clock_steady_ms();
	return goes_on;
}

static void *sequence_all(void *arg)
{
	struct pg_hub *hub = arg;
	while (wait_for_work(hub)) {
		mend_keeper(hub, hub->last_run_ms);
		try_to_sequence(hub, hub->last_run_ms);
		/* Where another process gives the order, followers here look for themselves. */
		if (!hub->sequences || sequence(hub))
			store_notify(hub->store);
	}
	/* A command's process may have been too short for that: where nobody else does it, its lines get their places now. */
	hub->lock_try_ms = 0;
	try_to_sequence(hub, clock_steady_ms());
	while (hub->sequences && sequence(hub))
		store_notify(hub->store);
	return NULL;
}

/* Who gives the journal its order. */
static bool leads(const struct store *store)
{
	const struct pg_hub *hub = store->inner;
	return __atomic_load_n(&hub->sequences, __ATOMIC_RELAXED);
}

/* ---- opening and closing ---- */

static bool has_tables(struct pg_db *db)
{
	return db_int(&db->base, 0, "SELECT to_regclass('store_schema') IS NOT NULL", BIND_NONE) == 1;
}

/* Two processes that start together do this one after the other; a new index may take its time. */
static enum store_open_result prepare_schema(struct store *store, struct pg_db *db)
{
	enum store_open_result result = STORE_UNUSABLE;
	pg_begin(db, begin_own_work);
	if (db_exec(&db->base, "SET LOCAL statement_timeout = 0", BIND_NONE, NULL) == STORE_OK &&
	    db_exec(&db->base, "SET LOCAL lock_timeout = '60s'", BIND_NONE, NULL) == STORE_OK &&
	    db_exec(&db->base, "SELECT pg_advisory_xact_lock(?1::int, ?2::int)",
	            BIND(value_int(LOCK_SPACE), value_int(LOCK_SEQUENCER + 1)), NULL) == STORE_OK)
		result = store_prepare_schema(store, &db->base);
	if (result == STORE_OPENED)
		return pg_commit(db) == STORE_OK ? STORE_OPENED : STORE_UNUSABLE;
	pg_roll_back(db);
	return result;
}

/* One process after the other, waiting outside of any statement: an index waits for all that have a snapshot. Connections
 * are read-only and bounded in time, this one is not while it does this. */
static bool make_indexes(struct store *store, struct pg_db *db)
{
	bool made = pg_do(db, "SET statement_timeout = 0; SET default_transaction_read_only = off") == STORE_OK;
	while (made && !try_lock(db, LOCK_SEQUENCER + 2)) {
		nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000 * 1000 }, NULL);
		made = db->base.code == STORE_OK;
	}
	made = made && store_make_indexes(store, &db->base);
	db_int(&db->base, 0, "SELECT pg_advisory_unlock(?1::int, ?2::int)",
	       BIND(value_int(LOCK_SPACE), value_int(LOCK_SEQUENCER + 2)));
	return pg_do(db, "SET statement_timeout = '1s'; SET default_transaction_read_only = on") == STORE_OK && made;
}

static enum store_open_result open_hub(struct pg_hub *hub)
{
	struct store *store = hub->store;
	hub->keeper = pg_connect(store->path);
	if (!hub->keeper)
		return STORE_UNUSABLE;
	struct pg_db *db = hub->keeper;
	if (!has_tables(db) && db->base.code == STORE_OK && (store->options.read_only || !store->options.create))
		return STORE_MISSING;
	if (store->options.read_only)
		return store_prepare_schema(store, &db->base);
	if (db_int(&db->base, 0, "SELECT current_setting('fsync') = 'off'", BIND_NONE) == 1)
		log_warn("store: this PostgreSQL runs with fsync off: a power cut destroys what was acknowledged");
	if (!take_process_number(hub))
		return STORE_UNUSABLE;
	enum store_open_result result = prepare_schema(store, db);
	if (result != STORE_OPENED)
		return result;
	if (!make_indexes(store, db))
		return STORE_UNUSABLE;
	return pthread_create(&hub->thread, NULL, sequence_all, hub) == 0 ? STORE_OPENED : STORE_UNUSABLE;
}

static void hub_free(struct pg_hub *hub)
{
	for (struct pg_db *db = hub->free, *next; db; db = next) {
		next = db->next_free;
		pg_close(db);
	}
	pg_close(hub->keeper);
	sem_destroy(&hub->connections);
	pthread_cond_destroy(&hub->turn);
	pthread_cond_destroy(&hub->due);
	pthread_mutex_destroy(&hub->lock);
	free(hub);
}

static enum store_open_result hub_open(struct store *store)
{
	struct pg_hub *hub = calloc(1, sizeof *hub);
	if (!hub)
		abort();
	hub->store = store;
	pthread_mutex_init(&hub->lock, NULL);
	sem_init(&hub->connections, 0, store->options.workers + SPARE_CONNECTIONS);
	pthread_cond_init(&hub->turn, NULL);
	pthread_cond_init(&hub->due, NULL);
	store->inner = hub;
	enum store_open_result result = open_hub(hub);
	if (result != STORE_OPENED)
		hub_free(hub);
	return result;
}

static void hub_close(struct store *store)
{
	struct pg_hub *hub = store->inner;
	if (!store->options.read_only) {
		pthread_mutex_lock(&hub->lock);
		hub->stopping = true;
		pthread_cond_signal(&hub->due);
		pthread_mutex_unlock(&hub->lock);
		pthread_join(hub->thread, NULL);
	}
	hub_free(hub);
}

const struct backend postgres_backend = {
	.workers = WORKERS,
	.open = hub_open,
	.close = hub_close,
	.submit = submit,
	.run_here = run_here,
	.reader_take = reader_take,
	.reader_give = reader_give,
	.leads = leads,
	.settle = settle,
};
