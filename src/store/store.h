/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - the one SQL interface, over a SQLite file or a PostgreSQL database.
 *
 * SQL is written in the text both accept, parameters as ?1 ?2 ...; DDL in SQLite's words (INTEGER, REAL, TEXT, BLOB,
 * STRICT, WITHOUT ROWID), which postgres.c translates. Statements are prepared once per connection.
 * Reads run on the calling thread with a connection of the store; changes are commands (below). */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/pool.h"
#include "base/text.h"

struct store; /* an open store */
struct tx;
struct db; /* one connection, used by one thread at a time */
struct rows; /* a running statement */

enum store_code {
	STORE_OK,
	STORE_REFUSED, /* a command decided against itself: it was rolled back, nothing is wrong with the store */
	STORE_DUPLICATE, /* a unique index said no */
	STORE_BUDGET, /* the read took longer than it may */
	STORE_RETRY, /* serialization failure or deadlock, after all retries */
	STORE_BUSY, /* too many commands are waiting, or the store is closing */
	STORE_FULL, /* no space left: rolled back; reads go on */
	STORE_BROKEN /* the disk or the database failed; logged where it was found */
};

/* ---- opening ---- */

/* The tables of one owner (a part of the engine, or a capability). Steps are only ever appended: the store remembers
 * each one it has seen by owner and number (table store_schema), carries out the new ones when it is opened to write,
 * and refuses to open when it remembers a step that this program does not know. */
struct schema {
	const char *owner;
	const char *const *steps; /* one DDL statement each, in SQLite's words */
	const char *const *postgres_steps; /* as many, where PostgreSQL needs other ones; NULL: the same */
	size_t count;
	const char *id_table; /* a table keyed (district, id) whose highest id new ids must stay above; or NULL */
	enum store_code (*opened)(struct tx *tx); /* what else must be put right whenever it is opened to write; or NULL */
};

/* ---- declared tables ---- */

struct table_column {
	const char *name, *type; /* the type in SQLite's words */
	const char *was; /* the name under which an older store has it; or NULL */
	bool must; /* NOT NULL, where the table is made with it; a column that is added later cannot be */
};

struct table_index {
	const char *name, *columns; /* "district, born_on, id" */
	const char *where; /* of a partial index; or NULL */
	bool unique;
};

/* A table that is kept as it is declared: made when it is missing, and given the columns and indexes that it lacks. Its first
 * columns are district and id, its key; new ids stay above its highest. A column that the store has and the declaration has
 * not stops the opening: it belongs to a newer program, or dropping it would lose data. */
struct table {
	const char *name;
	const struct table_column *columns;
	size_t column_count;
	const struct table_index *indexes;
	size_t index_count;
	bool foreign_ids; /* ids that do not carry their district */
	const char *key; /* of a table beside a resource's: all its columns are said, and this is its key; or NULL */
	const char *tokens; /* the token index of its records (store/token_index.h); or NULL */
};

struct store_options {
	const char *url; /* sqlite:PATH or postgresql://... */
	const char *files; /* the directory of files that belong to its records; NULL: PATH.files beside a SQLite file, or none */
	const struct clock *clock;
	unsigned workers; /* PostgreSQL connections, and threads for work that must not run on a loop; 0: a sensible number */
	bool read_only; /* verify and backup: beside a running server */
	bool create; /* make the SQLite file, or the tables, when there are none */
	const struct schema *const *schemas;
	size_t schema_count;
	const struct table *const *tables;
	size_t table_count;
	/* PostgreSQL: gives journal lines their order; sets *news when it did. Called in a READ COMMITTED transaction. */
	enum store_code (*sequence)(struct tx *tx, bool *news);
};

/* Writes the statements by which an empty database gets its tables, and remembers that it has them; each with ; and on a line
 * of its own. */
void store_write_ddl(struct buf *out, const struct store_options *options, bool postgres);

enum store_open_result {
	STORE_OPENED,
	STORE_HELD, /* a server holds this SQLite file: talk to it through store_socket_path() */
	STORE_MISSING, /* no such file or database, and `create` was not said */
	STORE_TOO_NEW, /* written by a newer program */
	STORE_UNUSABLE /* logged */
};

enum store_open_result store_open(const struct store_options *options, struct store **out);
/* Carries out what is queued, checkpoints, gives the file free. */
void store_close(struct store *store);
bool store_is_postgres(const struct store *store);
/* True when a read may run on a network loop's own thread (SQLite), false when it would block it (PostgreSQL). */
bool store_reads_inline(const struct store *store);
/* Whether this process is the one of all on the store for what only one should do. It may have been another a moment ago. */
bool store_leads(const struct store *store);
/* Inside a command: whether another one waits for it to end, or is likely to. One that could go on for longer than it may then does not.
 * Outside of one: whether somebody writes, or just did. */
bool store_is_wanted(const struct store *store);
/* So much has come into a table at once that the database should look how much it holds, without waiting until it does so by itself:
 * until then it reads lists of it as if it were small. Takes a second at most, and holds nobody up; inside no command, on no loop. */
void store_settle(struct store *store, const char *table);
struct pool *store_pool(struct store *store);
const struct clock *store_clock(const struct store *store);
struct id_maker *store_ids(struct store *store);
/* The name of a file that lies beside a SQLite file: PATHsuffix. NULL for PostgreSQL. */
const char *store_beside(struct arena *arena, const char *url, const char *suffix);
/* Where the server that holds a SQLite file listens for commands: PATH.sock. NULL for PostgreSQL. */
const char *store_socket_path(struct arena *arena, const char *url);
/* Called on the writer after each group that committed, and by the PostgreSQL sequencer: there is news in the journal. */
void store_on_commit(struct store *store, void (*notify)(void *arg), void *arg);

/* Numbers for /metrics; monotonic. */
struct store_counters {
	uint64_t commands, groups, rolled_back, retries, checkpoints;
	uint64_t wal_bytes; /* size of the WAL now; 0 on PostgreSQL */
};
struct store_counters store_counters(struct store *store);

/* ---- statements ---- */

enum value_type { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

struct value {
	enum value_type type;
	union {
		int64_t integer;
		double real;
		struct text text; /* also blobs; borrowed until rows_end */
	};
};

static inline struct value value_int(int64_t i)
{
	return (struct value){ .type = VALUE_INT, .integer = i };
}
static inline struct value value_real(double r)
{
	return (struct value){ .type = VALUE_REAL, .real = r };
}
/* Missing text is NULL. */
static inline struct value value_text(struct text t)
{
	return (struct value){ .type = t.ptr ? VALUE_TEXT : VALUE_NULL, .text = t };
}
static inline struct value value_blob(struct text t)
{
	return (struct value){ .type = t.ptr ? VALUE_BLOB : VALUE_NULL, .text = t };
}
/* 0 is NULL: for optional references and areas. */
static inline struct value value_ref(int64_t i)
{
	return (struct value){ .type = i ? VALUE_INT : VALUE_NULL, .integer = i };
}

/* The parameters of one statement: db_query(db, SQL, BIND(value_int(1), value_text(name))). */
#define BIND(...) (const struct value[]){ __VA_ARGS__ }, sizeof((const struct value[]){ __VA_ARGS__ }) / sizeof(struct value)
#define BIND_NONE NULL, 0

/* Starts a statement. `sql` and the texts of its values must stay valid until rows_end. Never NULL; an error shows as
 * no rows and in rows_end.
 * A connection may have several open at once, closed in any order. */
struct rows *db_query(struct db *db, const char *sql, const struct value *values, size_t count);
bool rows_next(struct rows *rows); /* false at the end or on an error */
int64_t rows_int(const struct rows *rows, int column); /* NULL is 0 */
double rows_real(const struct rows *rows, int column);
struct text rows_text(const struct rows *rows, int column); /* also blobs; borrowed until rows_next; NULL is TEXT_NONE */
bool rows_is_null(const struct rows *rows, int column);
enum store_code rows_end(struct rows *rows);
/* A statement without rows. With `changed` NULL it may be carried out as late as at the commit: what is wrong with it then
 * shows in a later statement, or in the code of the whole command. */
enum store_code db_exec(struct db *db, const char *sql, const struct value *values, size_t count, int64_t *changed);
/* The same, when all commands of the transaction have run: for what is cheaper when it is done together. What is wrong with it
 * undoes all of them, and each is run again by itself. Text and values are copied. */
enum store_code db_exec_last(struct db *db, const char *sql, const struct value *values, size_t count);
/* The first column of the first row, or `otherwise`. An error stays in db_code. */
int64_t db_int(struct db *db, int64_t otherwise, const char *sql, const struct value *values, size_t count);
/* The first error since the connection was taken for this read or command. */
enum store_code db_code(const struct db *db);
bool db_is_postgres(const struct db *db);

/* One column of a typed row: where its value goes. Text is copied into the arena; without one it is borrowed until
 * rows_next. */
struct column {
	enum value_type type;
	size_t offset; /* of an int64_t, double or struct text */
	int64_t missing; /* what NULL becomes in an int64_t */
};
void rows_read(const struct rows *rows, const struct column *columns, size_t count, struct arena *arena, void *row);

/* ---- reads ---- */

typedef enum store_code read_fn(struct db *db, void *arg);
/* Runs `read` on this thread with a connection of the store. Each statement sees its own snapshot: what must belong
 * together is asked for in one statement. After `budget_ms` it is stopped with STORE_BUDGET (SQLite: progress handler;
 * PostgreSQL: statement_timeout, always 1 s). 0: 1 s. */
enum store_code store_read(struct store *store, unsigned budget_ms, read_fn *read, void *arg);

/* ---- reads of a thread that must not wait ----
 *
 * Where reads would block (PostgreSQL), a network loop has a pipe: one connection with many reads under way. A read is
 * left when its rows are not there yet, and run again from its beginning when they are. */

struct pipe;

/* One read under way. It lives in the caller's memory until it is done. */
struct piped {
	read_fn *run;
	void *arg;
	/* On the pipe's own thread. STORE_BUDGET: not here; ask on a thread that may wait. */
	void (*done)(struct piped *piped, enum store_code code);
	/* The store's own. */
	void *results[4];
	unsigned have, used;
};

struct pipe *store_pipe_open(struct store *store); /* NULL where reads run inline */
void store_pipe_close(struct pipe *pipe); /* what is under way is done with STORE_BUDGET; NULL is fine */
/* Starts a read. *waits: `done` will be called, from store_pipe_turn or store_pipe_close; else it is over already, with
 * the code returned. */
enum store_code store_pipe_read(struct pipe *pipe, struct piped *piped, bool *waits);
int store_pipe_fd(const struct pipe *pipe, bool *writes); /* to wait for, also for room to write; -1: none now */
/* Sends what was asked for, takes what came when the descriptor is readable. */
void store_pipe_turn(struct pipe *pipe, bool readable);

/* ---- commands ---- */

struct tx {
	struct db *db;
	struct store *store;
	int64_t now_ms; /* the same for all a command does */
	bool again; /* an earlier run ended with STORE_DUPLICATE: now is the time to look what is there already */
};

/* One change, whole or not at all. It returns STORE_OK to commit, STORE_REFUSED to undo itself, or the code of the
 * statement that failed. It touches nothing but the transaction and `arg`, and takes well under 10 ms. It may be run again,
 * so it must not keep anything from an earlier run. What must be unique is left to the indexes at first, since most of what
 * comes is new: a command that ends with STORE_DUPLICATE is undone and run once more, with tx->again. */
typedef enum store_code command_fn(struct tx *tx, void *arg);

struct command {
	command_fn *run;
	void *arg;
	/* After the commit is on disk, or after it was given up. On a thread of the store: short, never blocking. */
	void (*done)(struct command *command, enum store_code code);
	struct job job; /* `job.lane` is the caller's; the rest belongs to the store */
	enum store_code code;
	struct store *store;
};

/* Queues the command; `done` is always called exactly once (with STORE_BUSY at once when the queue is full). */
void store_submit(struct store *store, struct command *command);
/* The same, waiting for it. Never on a network loop or inside a command. */
enum store_code store_command(struct store *store, enum lane lane, command_fn *run, void *arg);

#endif
