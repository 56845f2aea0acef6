/* SPDX-License-Identifier: Apache-2.0 */
/* postgres.c - connections to a PostgreSQL database, their errors and transactions. */
#include "store/postgres.h"

#include "base/log.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* ---- errors ---- */

/* What may be said of an error: never DETAIL, which holds rows. Class 22 quotes the value in its first line too. */
static void tell(const PGresult *result, enum log_level level)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	bool quotes = state && strncmp(state, "22", 2) == 0;
	log_line(level, "store: PostgreSQL %s: %s", state ? state : "-----",
	         quotes ? "a value does not fit" : message ? message : "the connection was lost");
}

static void on_notice(void *arg, const PGresult *result)
{
	(void)arg;
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	if (severity && strcmp(severity, "WARNING") == 0)
		tell(result, LOG_WARN);
}

static enum store_code code_of(struct pg_db *db, const PGresult *result)
{
	static const struct {
		const char *state;
		enum store_code code;
	} states[] = {
		{ "23505", STORE_DUPLICATE },
		{ "57014", STORE_BUDGET },
		{ "53100", STORE_FULL },
		{ "40001", STORE_RETRY }, /* serialization failure */
		{ "40P01", STORE_RETRY }, /* deadlock */
		{ "55P03", STORE_RETRY }, /* lock_timeout */
		/* The plan is older than the table (another process altered it): a fresh connection will do. */
		{ "0A000", STORE_RETRY }, { "26000", STORE_RETRY },
	};
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return STORE_OK;
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	enum store_code code = STORE_BROKEN;
	for (size_t i = 0; state && i < COUNT(states); i++)
		if (strcmp(state, states[i].state) == 0)
			code = states[i].code;
	if (PQstatus(db->conn) == CONNECTION_BAD)
		code = STORE_BROKEN;
	bool outdated = state && (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0);
	if (code == STORE_BROKEN || code == STORE_FULL || outdated)
		tell(result, outdated ? LOG_WARN : LOG_ERROR);
	db->lost = db->lost || outdated || PQstatus(db->conn) == CONNECTION_BAD;
	return code;
}

enum store_code pg_note(struct pg_db *db, const PGresult *result)
{
	enum store_code code = code_of(db, result);
	if (code != STORE_OK && db->base.code == STORE_OK)
		db->base.code = code;
	return code;
}

enum store_code pg_do(struct pg_db *db, const char *sql)
{
	PGresult *result = PQexec(db->conn, sql);
	enum store_code code = pg_note(db, result);
	PQclear(result);
	return code;
}

/* ---- transactions ---- */

void pg_begin(struct pg_db *db, const char *begin)
{
	db->base.code = STORE_OK;
	db->begin = begin;
	db->in_transaction = true;
}

enum store_code pg_commit(struct pg_db *db)
{
	db->in_transaction = false;
	if (db->begin) { /* no statement came: there is nothing to commit */
		db->begin = NULL;
		return db->base.code;
	}
	PGresult *result = NULL;
	if (PQenterPipelineMode(db->conn) && pg_send_text(db, "COMMIT"))
		result = pg_collect(db, db->unread + 1);
	enum store_code code = pg_note(db, result);
	/* COMMIT of a failed transaction "succeeds" as ROLLBACK. */
	if (code == STORE_OK && strcmp(PQcmdStatus(result), "COMMIT") != 0) {
		log_error("store: PostgreSQL rolled a transaction back");
		code = STORE_BROKEN;
	}
	PQclear(result);
	if (code != STORE_OK)
		pg_roll_back(db); /* where a statement before it failed, COMMIT was passed over */
	return code;
}

void pg_roll_back(struct pg_db *db)
{
	if (db->unread > 0)
		PQclear(pg_collect(db, db->unread));
	if (!db->lost && PQtransactionStatus(db->conn) != PQTRANS_IDLE)
		pg_do(db, "ROLLBACK");
	db->begin = NULL;
	db->in_transaction = false;
}

/* ---- connections ---- */

static bool configure(struct pg_db *db)
{
	if (PQserverVersion(db->conn) < 150000) {
		log_error("store: PostgreSQL 15 or newer is needed, the server is %d",
		          PQserverVersion(db->conn) / 10000);
		return false;
	}
	const char *encoding = PQparameterStatus(db->conn, "server_encoding");
	if (!encoding || strcmp(encoding, "UTF8") != 0) {
		log_error("store: the database must be encoded in UTF8");
		return false;
	}
	/* One budget for every statement: setting it anew for each read would double the messages. */
	return pg_do(db, "SET statement_timeout = '1s'; SET lock_timeout = '500ms';"
	                 "SET idle_in_transaction_session_timeout = '10s'; SET jit = off;"
	                 /* A server that does not notice that we are gone keeps our locks, also the sequencer's. */
	                 "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 2;"
	                 "SET tcp_user_timeout = '10s';"
	                 "SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = on;"
	                 "SELECT set_config('synchronous_commit', 'on', false)"
	                 " WHERE current_setting('synchronous_commit') = 'off'") == STORE_OK;
}

/* Once a second, so that a server that is down does not fill the log. */
static void tell_no_connection(PGconn *conn)
{
	static int64_t told_ms;
	int64_t now_ms = clock_steady_ms(), before_ms = __atomic_load_n(&told_ms, __ATOMIC_RELAXED);
	if (before_ms != 0 && now_ms - before_ms < 1000)
		return;
	__atomic_store_n(&told_ms, now_ms, __ATOMIC_RELAXED);
	log_error("store: no connection to PostgreSQL: %s", PQerrorMessage(conn));
}

struct pg_db *pg_connect(const char *url)
{
	/* The address may override what stands before it. A dead network shows after 20 seconds. */
	static const char *const names[] = { "connect_timeout", "keepalives_idle", "keepalives_interval",
		                             "keepalives_count", "tcp_user_timeout", "fallback_application_name",
		                             "dbname", "client_encoding", NULL };
	const char *const values[] = { "5", "10", "5", "2", "20000", "songhe", url, "UTF8", NULL };
	_Static_assert(COUNT(names) == COUNT(values), "a name, a value");
	struct pg_db *db = calloc(1, sizeof *db);
	if (!db)
		abort();
	db->base.ops = &pg_ops;
	db->base.is_postgres = true;
	db->conn = PQconnectdbParams(names, values, 1);
	PQsetNoticeReceiver(db->conn, on_notice, NULL);
	if (PQstatus(db->conn) == CONNECTION_OK && configure(db))
		return db;
	if (PQstatus(db->conn) != CONNECTION_OK)
		tell_no_connection(db->conn);
	pg_close(db);
	return NULL;
}

void pg_close(struct pg_db *db)
{
	if (!db)
		return;
	assert(db->open == 0);
	pg_forget_statements(db);
	for (struct pg_rows *rows = db->free_rows, *next; rows; rows = next) {
		next = rows->next_free;
		free(rows);
	}
	PQfinish(db->conn);
	free(db);
}

/* A server says nothing unasked, except that it ends. */
bool pg_is_stale(const struct pg_db *db)
{
	struct pollfd socket = { .fd = PQsocket(db->conn), .events = POLLIN };
	return socket.fd < 0 || poll(&socket, 1, 0) != 0;
}
