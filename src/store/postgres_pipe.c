/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_pipe.c - many reads at once on one connection, for a network loop that must not wait.
 *
 * A read function is written as if its rows were there. Here it is run until it asks for rows that are not: the
 * statement is sent, the function is left with STORE_BUDGET, and when the rows have come it is run again from its
 * beginning, over the results it has so far. What goes wrong here in any way (a slow statement, a lost connection, an
 * error in a neighbour's statement) is answered STORE_BUDGET: the caller tries again on the pool, which waits longer and
 * tells errors apart. */
#include "store/postgres.h"

#include "base/log.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
	READS_MAX = 64, /* under way; where statements take long, the pool's many connections serve the rest */
	EXPECTED_MAX = READS_MAX * 8,
	MEND_EVERY_MS = 1000
};

/* A slow statement holds up those behind it: it gets only a little time here, then all it needs on the pool. */
static const char configure_pipe[] = "SET statement_timeout = '25ms'";

enum what { PREPARATION, STATEMENT, SYNCHRONISATION };

struct expected {
	enum what what;
	struct piped *piped; /* of a STATEMENT */
};

struct pipe {
	struct db base; /* as the read functions see it */
	struct db_ops ops;
	struct store *store;
	struct pg_db *pg; /* NULL: lost, until a new one was made */
	_Atomic(struct pg_db *) made;
	struct job mend;
	_Atomic bool mending;
	int64_t mend_ms;
	struct piped *now; /* whose function is running */
	bool waits; /* it asked for rows that are not there */
	bool unsynced; /* statements were sent behind the last synchronisation */
	bool unflushed; /* the socket took no more */
	struct expected expected[EXPECTED_MAX]; /* what will come, in this order; a ring */
	unsigned first, count, reads;
	PGresult *held; /* of the first expected, while its end has not come */
};

/* ---- what read functions see ---- */

static void expect(struct pipe *pipe, enum what what, struct piped *piped)
{
	assert(pipe->count < EXPECTED_MAX);
	pipe->expected[(pipe->first + pipe->count++) % EXPECTED_MAX] = (struct expected){ what, piped };
}

static void ask(struct pipe *pipe, const char *sql, const struct value *values, size_t count)
{
	unsigned before;
	if (pipe->now->have == COUNT(pipe->now->results) || pipe->count + 4 > EXPECTED_MAX)
		return;
	if (!pg_send(pipe->pg, sql, values, count, &before))
		return;
	for (; before > 0; before--)
		expect(pipe, PREPARATION, NULL);
	expect(pipe, STATEMENT, pipe->now);
	pipe->waits = pipe->unsynced = true;
}

static struct rows *pipe_query(struct db *base, const char *sql, const struct value *values, size_t count)
{
	struct pipe *pipe = (struct pipe *)(void *)base;
	struct pg_rows *rows = pg_rows_new(pipe->pg, base);
	if (base->code != STORE_OK)
		return &rows->base;
	if (pipe->now->used < pipe->now->have) {
		rows->result = pipe->now->results[pipe->now->used++];
		return &rows->base;
	}
	ask(pipe, sql, values, count);
	base->code = STORE_BUDGET;
	return &rows->base;
}

/* The result is kept: the function may be run once more. */
static enum store_code pipe_end(struct rows *base, int64_t *changed)
{
	struct pipe *pipe = (struct pipe *)(void *)base->db;
	assert(!changed);
	pg_rows_free(pipe->pg, (struct pg_rows *)(void *)base);
	return pipe->base.code;
}

/* ---- running ---- */

static void clear_results(struct piped *piped)
{
	for (unsigned i = 0; i < piped->have; i++)
		PQclear(piped->results[i]);
	piped->have = 0;
}

/* True when the read waits for rows; else *code says how it ended. */
static bool run_on(struct pipe *pipe, struct piped *piped, enum store_code *code)
{
	pipe->now = piped;
	pipe->waits = false;
	pipe->base.code = STORE_OK;
	piped->used = 0;
	*code = piped->run(&pipe->base, piped->arg);
	pipe->now = NULL;
	if (pipe->base.code != STORE_OK)
		*code = pipe->base.code;
	if (!pipe->waits)
		clear_results(piped);
	return pipe->waits;
}

static void end_read(struct pipe *pipe, struct piped *piped, enum store_code code)
{
	clear_results(piped);
	pipe->reads--;
	piped->done(piped, code);
}

/* ---- the connection ---- */

static void make_connection(struct job *job)
{
	struct pipe *pipe = (struct pipe *)(void *)((char *)job - offsetof(struct pipe, mend));
	struct pg_db *pg = pg_connect(pipe->store->path);
	if (pg && (pg_do(pg, configure_pipe) != STORE_OK || PQsetnonblocking(pg->conn, 1) != 0)) {
		pg_close(pg);
		pg = NULL;
	}
	pipe->made = pg;
	pipe->mending = false;
}

/* Everything under way goes to the pool. */
static void lose_connection(struct pipe *pipe)
{
	struct pg_db *pg = pipe->pg;
	for (; pipe->count > 0; pipe->count--, pipe->first = (pipe->first + 1) % EXPECTED_MAX)
		if (pipe->expected[pipe->first].what == STATEMENT)
			end_read(pipe, pipe->expected[pipe->first].piped, STORE_BUDGET);
	PQclear(pipe->held);
	pipe->held = NULL;
	pipe->unsynced = pipe->unflushed = false;
	pipe->pg = NULL;
	pg_close(pg);
}

static bool has_connection(struct pipe *pipe)
{
	if (pipe->pg)
		return true;
	if (pipe->mending)
		return false;
	pipe->pg = atomic_exchange(&pipe->made, NULL);
	int64_t now_ms = clock_steady_ms();
	if (pipe->pg || now_ms < pipe->mend_ms)
		return pipe->pg != NULL;
	pipe->mend_ms = now_ms + MEND_EVERY_MS;
	pipe->mend = (struct job){ .run = make_connection, .lane = LANE_INTERACTIVE };
	pipe->mending = true;
	if (!pool_submit(pipe->store->pool, &pipe->mend))
		pipe->mending = false;
	return false;
}

/* ---- what comes back ---- */

static struct expected next_expected(struct pipe *pipe)
{
	struct expected expected = pipe->expected[pipe->first];
	pipe->first = (pipe->first + 1) % EXPECTED_MAX;
	pipe->count--;
	return expected;
}

static bool went_well(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);
	return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

static void take_rows(struct pipe *pipe, struct piped *piped, PGresult *result)
{
	enum store_code code = STORE_BUDGET;
	if (!went_well(result)) {
		PQclear(result);
	} else {
		piped->results[piped->have++] = result;
		if (run_on(pipe, piped, &code))
			return;
	}
	end_read(pipe, piped, code);
}

/* Takes one result, or the end of one; false when the connection is of no more use. */
static bool take_one(struct pipe *pipe)
{
	PGresult *result = PQgetResult(pipe->pg->conn);
	if (pipe->expected[pipe->first].what == SYNCHRONISATION) {
		bool synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
		PQclear(result);
		next_expected(pipe);
		return synced;
	}
	if (result) {
		bool first = pipe->held == NULL;
		assert(first || PQstatus(pipe->pg->conn) == CONNECTION_BAD);
		PQclear(first ? NULL : pipe->held);
		pipe->held = result;
		return true;
	}
	struct expected expected = next_expected(pipe);
	result = pipe->held;
	pipe->held = NULL;
	if (expected.what == STATEMENT) {
		take_rows(pipe, expected.piped, result);
		return true;
	}
	bool prepared = went_well(result);
	PQclear(result);
	return prepared;
}

static bool take_all(struct pipe *pipe)
{
	if (PQconsumeInput(pipe->pg->conn) != 1)
		return false;
	while (pipe->count > 0 && !PQisBusy(pipe->pg->conn))
		if (!take_one(pipe))
			return false;
	return PQstatus(pipe->pg->conn) == CONNECTION_OK;
}

static bool send_all(struct pipe *pipe)
{
	if (pipe->unsynced && pipe->count < EXPECTED_MAX) {
		if (PQpipelineSync(pipe->pg->conn) != 1)
			return false;
		expect(pipe, SYNCHRONISATION, NULL);
		pipe->unsynced = false;
		pipe->unflushed = true;
	}
	int left = pipe->unflushed ? PQflush(pipe->pg->conn) : 0;
	pipe->unflushed = left == 1;
	return left >= 0;
}

/* ---- for the network loops ---- */

struct pipe *store_pipe_open(struct store *store)
{
	if (!store_is_postgres(store))
		return NULL;
	struct pipe *pipe = calloc(1, sizeof *pipe);
	if (!pipe)
		abort();
	pipe->ops = pg_ops;
	pipe->ops.query = pipe_query;
	pipe->ops.end = pipe_end;
	pipe->base = (struct db){ .ops = &pipe->ops, .is_postgres = true };
	pipe->store = store;
	make_connection(&pipe->mend);
	return pipe;
}

void store_pipe_close(struct pipe *pipe)
{
	if (!pipe)
		return;
	while (pipe->mending)
		nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
	if (pipe->pg)
		lose_connection(pipe);
	pg_close(pipe->made);
	free(pipe);
}

enum store_code store_pipe_read(struct pipe *pipe, struct piped *piped, bool *waits)
{
	enum store_code code = STORE_BUDGET;
	*waits = false;
	piped->have = 0;
	if (pipe->reads >= READS_MAX || !has_connection(pipe))
		return STORE_BUDGET;
	*waits = run_on(pipe, piped, &code);
	pipe->reads += *waits;
	return code;
}

int store_pipe_fd(const struct pipe *pipe, bool *writes)
{
	*writes = pipe->unflushed;
	return pipe->pg ? PQsocket(pipe->pg->conn) : -1;
}

void store_pipe_turn(struct pipe *pipe, bool readable)
{
	if (pipe->pg && ((readable && !take_all(pipe)) || pipe->pg->lost || !send_all(pipe)))
		lose_connection(pipe);
}
