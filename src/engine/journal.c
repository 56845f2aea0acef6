/* SPDX-License-Identifier: Apache-2.0 */
/* journal.c - the append-only record of every change. */
#include "engine/journal.h"

#include "base/crypto.h"

#include <assert.h>
#include <string.h>

#define LINE_COLUMNS \
	"at_ms, user_id, actor, channel, action, resource, record_id, version," \
	" area, hukou_area, was_area, was_hukou_area, organization, was_organization, subject, behalf, fields, detail"
#define LINE_COLUMN_TYPES \
	" at_ms INTEGER NOT NULL, user_id INTEGER NOT NULL, actor TEXT NOT NULL, channel TEXT NOT NULL," \
	" action TEXT NOT NULL, resource TEXT NOT NULL, record_id INTEGER NOT NULL, version INTEGER NOT NULL," \
	" area INTEGER NOT NULL, hukou_area INTEGER NOT NULL, was_area INTEGER NOT NULL, was_hukou_area INTEGER NOT NULL," \
	" organization INTEGER NOT NULL, was_organization INTEGER NOT NULL, subject INTEGER NOT NULL," \
	" behalf TEXT, fields TEXT, detail TEXT"

/* What checkpoint.c writes. */
#define CHECKPOINT_TABLE "CREATE TABLE journal_checkpoint (district INTEGER NOT NULL, pos INTEGER NOT NULL, line TEXT NOT NULL," \
	" PRIMARY KEY (district, pos)) STRICT, WITHOUT ROWID"

/* The view: every line with its place, as `record` what an index finds it by, and as `fits` whether what stands of it in
 * two tables agrees. */
static const char *const sqlite_steps[] = {
	"CREATE TABLE journal (district INTEGER NOT NULL, pos INTEGER NOT NULL," LINE_COLUMN_TYPES
	", hash BLOB NOT NULL, PRIMARY KEY (district, pos)) STRICT, WITHOUT ROWID",
	"CREATE VIEW journal_line AS SELECT district, pos, hash, record_id AS record, 1 AS fits, " LINE_COLUMNS " FROM journal",
	"CREATE INDEX journal_record ON journal (district, record_id, pos)",
	CHECKPOINT_TABLE,
};

/* An entry is written with the change and never touched again; its place in the order is a row of its own. The record's
 * number stands there once more: the history of a record is found by an index that no command has to write. */
static const char *const postgres_steps[] = {
	"CREATE TABLE journal_entry (district INTEGER NOT NULL, id INTEGER NOT NULL,"
	" xid INTEGER NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)," LINE_COLUMN_TYPES
	", PRIMARY KEY (district, id)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX journal_entry_order ON journal_entry (district, xid, id)",
	"CREATE TABLE journal_order (district INTEGER NOT NULL, pos INTEGER NOT NULL, xid INTEGER NOT NULL,"
	" entry INTEGER NOT NULL, record INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (district, pos))"
	" STRICT, WITHOUT ROWID;"
	"CREATE VIEW journal_line AS SELECT o.district, o.pos, o.hash, o.record,"
	" CASE WHEN o.xid = e.xid AND o.record = e.record_id THEN 1 ELSE 0 END AS fits, " LINE_COLUMNS
	" FROM journal_order o JOIN journal_entry e ON e.district = o.district AND e.id = o.entry",
	"CREATE INDEX journal_order_record ON journal_order (district, record, pos)",
	CHECKPOINT_TABLE,
};

/* Transactions are counted by the cluster: after a dump was restored into another one, or the server was set up anew, they
 * begin below what the entries have seen. From then on they are counted on top of that. */
static enum store_code count_on(struct tx *tx, int64_t highest)
{
	char offset[DECIMAL_MAX];
	struct text text = { offset, (size_t)(text_decimal(offset, highest + 1) - offset) };
	enum store_code code = db_exec(tx->db, "INSERT INTO store_fact (name, value) VALUES ('xid_offset', ?1)"
		" ON CONFLICT (name) DO UPDATE SET value = excluded.value", BIND(value_text(text)), NULL);
	if (code != STORE_OK)
		return code;
	return db_exec(tx->db, "DO $$ BEGIN EXECUTE format('ALTER TABLE journal_entry ALTER COLUMN xid SET DEFAULT"
		" (pg_current_xact_id()::text::bigint + %s)', (SELECT value FROM store_fact WHERE name = 'xid_offset')); END $$",
		BIND_NONE, NULL);
}

#define XID_OFFSET "coalesce((SELECT value::bigint FROM store_fact WHERE name = 'xid_offset'), 0)"

static enum store_code opened(struct tx *tx)
{
	if (!db_is_postgres(tx->db))
		return STORE_OK;
	int64_t next = db_int(tx->db, 0, "SELECT pg_current_xact_id()::text::bigint + " XID_OFFSET, BIND_NONE);
	int64_t highest = db_int(tx->db, 0, "SELECT max((SELECT max(e.xid) FROM journal_entry e WHERE e.district = d.number))"
		" FROM district d", BIND_NONE);
	id_not_below(store_ids(tx->store), db_int(tx->db, 0,
		"SELECT max((SELECT max(e.id) FROM journal_entry e WHERE e.district = d.number)) FROM district d", BIND_NONE));
	if (db_code(tx->db) != STORE_OK || highest < next)
		return db_code(tx->db);
	return count_on(tx, highest);
}

const struct schema journal_schema = {
	.owner = "journal",
	.steps = sqlite_steps,
	.postgres_steps = postgres_steps,
	.count = COUNT(sqlite_steps),
	.opened = opened,
};

/* ---- the chain ---- */

static void put_number(struct buf *b, uint64_t number, int bytes)
{
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		buf_char(b, (char)(number >> shift & 0xFF));
}

static void put_text(struct buf *b, struct text text)
{
	put_number(b, text.ptr ? text.len : UINT32_MAX, 4);
	buf_text(b, text);
}

/* hash = SHA-256(hash before ‖ every column in table order; numbers as 8 bytes, texts behind 4 bytes of length,
 * missing text as length 2^32-1). False: longer than any line that we write. */
static bool line_hash(struct arena *arena, const struct journal_line *line, struct text before,
                      unsigned char hash[static HASH_BYTES])
{
	struct buf b = buf_in(arena, 1024, 512 * 1024);
	buf_text(&b, before);
	const int64_t numbers[] = { line->district, line->pos, line->at_ms, line->user };
	for (size_t i = 0; i < COUNT(numbers); i++)
		put_number(&b, (uint64_t)numbers[i], 8);
	put_text(&b, line->actor);
	put_text(&b, line->channel);
	put_text(&b, line->action);
	put_text(&b, line->resource);
	const struct places *p = &line->places;
	const int64_t more[] = { line->record, line->version, p->area, p->hukou_area, p->was_area, p->was_hukou_area,
		                 p->organization, p->was_organization, p->subject };
	for (size_t i = 0; i < COUNT(more); i++)
		put_number(&b, (uint64_t)more[i], 8);
	put_text(&b, line->behalf);
	put_text(&b, line->fields);
	put_text(&b, line->detail);
	hash_sha256(buf_done(&b), hash);
	return !b.overflow;
}

struct head {
	int64_t pos, xid, entry;
	unsigned char hash[HASH_BYTES];
};

static enum store_code read_head(struct db *db, unsigned district, struct head *head)
{
	*head = (struct head){ .pos = 0 }; /* the hash before the first line is zeros */
	struct rows *rows = db_query(db, db_is_postgres(db)
		? "SELECT pos, hash, xid, entry FROM journal_order WHERE district = ?1 ORDER BY pos DESC LIMIT 1"
		: "SELECT pos, hash FROM journal WHERE district = ?1 ORDER BY pos DESC LIMIT 1",
		BIND(value_int(district)));
	if (rows_next(rows)) {
		head->pos = rows_int(rows, 0);
		struct text hash = rows_text(rows, 1);
		assert(hash.len == HASH_BYTES);
		memcpy(head->hash, hash.ptr, HASH_BYTES);
		if (db_is_postgres(db)) {
			head->xid = rows_int(rows, 2);
			head->entry = rows_int(rows, 3);
		}
	}
	return rows_end(rows);
}

enum store_code journal_tip(struct db *db, unsigned district, int64_t *pos, unsigned char hash[static HASH_BYTES])
{
	struct head head;
	enum store_code code = read_head(db, district, &head);
	*pos = head.pos;
	memcpy(hash, head.hash, HASH_BYTES);
	return code;
}

/* ---- writing ---- */

bool journal_is_change(struct text action)
{
	return !text_eq(action, ACTION_LOOK) && !text_eq(action, ACTION_LIST) && !text_eq(action, ACTION_EXPORT);
}

static enum store_code write_entry(struct tx *tx, const struct journal_line *l)
{
	const struct places *p = &l->places;
	return db_exec(tx->db,
		"INSERT INTO journal_entry (district, id, " LINE_COLUMNS ")"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
		BIND(value_int(l->district), value_int(id_next(store_ids(tx->store), l->district)), value_int(l->at_ms),
		     value_int(l->user), value_text(l->actor), value_text(l->channel), value_text(l->action),
		     value_text(l->resource), value_int(l->record), value_int(l->version), value_int(p->area),
		     value_int(p->hukou_area), value_int(p->was_area), value_int(p->was_hukou_area),
		     value_int(p->organization), value_int(p->was_organization), value_int(p->subject),
		     value_text(l->behalf), value_text(l->fields), value_text(l->detail)), NULL);
}

static enum store_code write_line(struct tx *tx, const struct journal_line *l, const unsigned char hash[HASH_BYTES])
{
	const struct places *p = &l->places;
	return db_exec(tx->db,
		"INSERT INTO journal (district, pos, hash, " LINE_COLUMNS ")"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)",
		BIND(value_int(l->district), value_int(l->pos), value_blob((struct text){ (const char *)hash, HASH_BYTES }),
		     value_int(l->at_ms), value_int(l->user), value_text(l->actor), value_text(l->channel),
		     value_text(l->action), value_text(l->resource), value_int(l->record), value_int(l->version),
		     value_int(p->area), value_int(p->hukou_area), value_int(p->was_area), value_int(p->was_hukou_area),
		     value_int(p->organization), value_int(p->was_organization), value_int(p->subject),
		     value_text(l->behalf), value_text(l->fields), value_text(l->detail)), NULL);
}

enum store_code journal_write(struct tx *tx, const struct actor *actor, const struct journal_line *what)
{
	struct journal_line line = *what;
	line.district = line.district ? line.district : actor->district;
	line.at_ms = tx->now_ms;
	line.user = actor->user;
	line.actor = text_of(actor->name);
	line.channel = text_of(actor->channel);
	if (db_is_postgres(tx->db))
		return write_entry(tx, &line);
	struct head head;
	unsigned char hash[HASH_BYTES];
	enum store_code code = read_head(tx->db, line.district, &head);
	if (code != STORE_OK)
		return code;
	line.pos = head.pos + 1;
	struct arena arena = arena_new(1 << 20);
	bool fits = line_hash(&arena, &line, (struct text){ (const char *)head.hash, HASH_BYTES }, hash);
	assert(fits);
	arena_free(&arena);
	return write_line(tx, &line, hash);
}

/* ---- reading ---- */

static void line_from(const struct rows *rows, int at, struct journal_line *line)
{
	line->at_ms = rows_int(rows, at);
	line->user = rows_int(rows, at + 1);
	line->actor = rows_text(rows, at + 2);
	line->channel = rows_text(rows, at + 3);
	line->action = rows_text(rows, at + 4);
	line->resource = rows_text(rows, at + 5);
	line->record = rows_int(rows, at + 6);
	line->version = rows_int(rows, at + 7);
	line->places = (struct places){ rows_int(rows, at + 8), rows_int(rows, at + 9), rows_int(rows, at + 10),
		                        rows_int(rows, at + 11), rows_int(rows, at + 12), rows_int(rows, at + 13),
		                        rows_int(rows, at + 14) };
	line->behalf = rows_text(rows, at + 15);
	line->fields = rows_text(rows, at + 16);
	line->detail = rows_text(rows, at + 17);
}

static enum store_code hand_out(struct rows *rows, unsigned district, journal_take *take, void *arg)
{
	while (rows_next(rows)) {
		struct journal_line line = { .district = district, .pos = rows_int(rows, 0) };
		line_from(rows, 1, &line);
		if (!take(arg, &line))
			break;
	}
	return rows_end(rows);
}

enum store_code journal_read(struct db *db, unsigned district, int64_t after, int limit, journal_take *take, void *arg)
{
	struct rows *rows = db_query(db, "/* plan each time */ SELECT pos, " LINE_COLUMNS
		" FROM journal_line WHERE district = ?1 AND pos > ?2 ORDER BY pos LIMIT ?3",
		BIND(value_int(district), value_int(after), value_int(limit)));
	return hand_out(rows, district, take, arg);
}

enum store_code journal_history(struct db *db, unsigned district, struct text resource, int64_t record, int64_t before, int limit,
                                journal_take *take, void *arg)
{
	struct rows *rows = db_query(db, "/* plan each time */ SELECT pos, " LINE_COLUMNS
		" FROM journal_line WHERE district = ?1 AND record = ?2 AND pos < ?3 AND resource = ?4 ORDER BY pos DESC LIMIT ?5",
		BIND(value_int(district), value_int(record), value_int(before > 0 ? before : INT64_MAX), value_text(resource),
		     value_int(limit)));
	return hand_out(rows, district, take, arg);
}

int64_t journal_head(struct db *db, unsigned district)
{
	return db_int(db, 0, "SELECT max(pos) FROM journal_line WHERE district = ?1", BIND(value_int(district)));
}

/* ---- the order on PostgreSQL ---- */

enum { SEQUENCE_BATCH = 500, ORDER_ROWS = 20 };

struct place_in_order {
	int64_t pos, xid, entry, record;
	unsigned char hash[HASH_BYTES];
};

static enum store_code write_order(struct tx *tx, unsigned district, struct arena *arena,
                                   const struct place_in_order *places, size_t count)
{
	for (size_t done = 0; done < count; done += ORDER_ROWS) {
		struct query query;
		query_start(&query, arena);
		query_sql(&query, "INSERT INTO journal_order (district, pos, xid, entry, record, hash) VALUES ");
		for (size_t i = done; i < count && i < done + ORDER_ROWS; i++) {
			const int64_t numbers[] = { district, places[i].pos, places[i].xid, places[i].entry, places[i].record };
			query_sql(&query, i == done ? "(" : ", (");
			for (size_t n = 0; n < COUNT(numbers); n++) {
				query_value(&query, value_int(numbers[n]));
				query_sql(&query, ", ");
			}
			query_value(&query, value_blob((struct text){ (const char *)places[i].hash, HASH_BYTES }));
			query_sql(&query, ")");
		}
		struct rows *rows = query_run(&query, tx->db);
		rows_next(rows);
		enum store_code code = rows_end(rows);
		if (code != STORE_OK)
			return code;
	}
	return STORE_OK;
}

/* Lines of transactions below the snapshot's xmin are complete: no later commit can add one before them. */
static enum store_code sequence_district(struct tx *tx, struct arena *arena, unsigned district, bool *news)
{
	struct head head;
	enum store_code code = read_head(tx->db, district, &head);
	if (code != STORE_OK)
		return code;
	struct place_in_order *places = arena_take(arena, SEQUENCE_BATCH * sizeof *places);
	size_t count = 0;
	struct text before = { (const char *)head.hash, HASH_BYTES };
	struct rows *rows = db_query(tx->db, "SELECT xid, id, " LINE_COLUMNS
		" FROM journal_entry WHERE district = ?1 AND (xid, id) > (?2, ?3)"
		" AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint + " XID_OFFSET " ORDER BY xid, id LIMIT ?4",
		BIND(value_int(district), value_int(head.xid), value_int(head.entry), value_int(SEQUENCE_BATCH)));
	while (rows_next(rows)) {
		struct place_in_order *place = &places[count++];
		*place = (struct place_in_order){ .pos = head.pos + (int64_t)count, .xid = rows_int(rows, 0), .entry = rows_int(rows, 1) };
		struct journal_line line = { .district = district, .pos = place->pos };
		line_from(rows, 2, &line);
		place->record = line.record;
		line_hash(arena, &line, before, place->hash);
		before.ptr = (const char *)place->hash;
	}
	code = rows_end(rows);
	*news = *news || count > 0;
	return code != STORE_OK ? code : write_order(tx, district, arena, places, count);
}

enum store_code journal_sequence(struct tx *tx, bool *news)
{
	int64_t districts[DISTRICT_MAX];
	size_t count = 0;
	struct rows *rows = db_query(tx->db, "SELECT number FROM district ORDER BY number", BIND_NONE);
	while (rows_next(rows) && count < COUNT(districts))
		districts[count++] = rows_int(rows, 0);
	enum store_code code = rows_end(rows);
	struct arena arena = arena_new(64 << 20);
	for (size_t i = 0; i < count && code == STORE_OK; i++) {
		code = sequence_district(tx, &arena, (unsigned)districts[i], news);
		arena_reset(&arena);
	}
	arena_free(&arena);
	return code;
}

/* ---- verifying ---- */

int64_t journal_next_district(struct db *db, int64_t after)
{
	return db_int(db, INT64_MAX, db_is_postgres(db)
		? "SELECT min(district) FROM (SELECT min(district) AS district FROM journal_order WHERE district > ?1"
		  " UNION ALL SELECT min(district) FROM journal_entry WHERE district > ?1) AS both_tables"
		: "SELECT min(district) FROM journal WHERE district > ?1", BIND(value_int(after)));
}

static void find_fault(struct journal_verdict *v, int64_t pos, const char *what)
{
	v->wrong_pos = pos;
	v->what = what;
}

static void verify_line(struct journal_verdict *v, struct arena *arena, const struct journal_line *line, struct text written,
                        bool fits)
{
	unsigned char hash[HASH_BYTES];
	fits = line_hash(arena, line, (struct text){ (const char *)v->hash, HASH_BYTES }, hash) && fits;
	if (line->pos != v->lines + 1) {
		find_fault(v, v->lines + 1, "missing");
		return;
	}
	if (!fits || written.len != HASH_BYTES || memcmp(written.ptr, hash, HASH_BYTES) != 0) {
		find_fault(v, line->pos, "altered or out of place");
		return;
	}
	v->lines = line->pos;
	memcpy(v->hash, hash, HASH_BYTES);
	v->more = true;
	const char *what = v->check ? v->check(v->arg, v) : NULL;
	if (what)
		find_fault(v, line->pos, what);
}

/* Every entry up to the last line that was walked has its place: as many entries as lines. */
static void verify_entries(struct db *db, unsigned district, int64_t from, struct journal_verdict *v)
{
	if (v->what || !db_is_postgres(db) || v->lines == from)
		return;
	int64_t entries = db_int(db, 0, "SELECT count(*) FROM journal_entry WHERE district = ?1"
		" AND (xid, id) > (coalesce((SELECT xid FROM journal_order WHERE district = ?1 AND pos = ?2), -1),"
		" coalesce((SELECT entry FROM journal_order WHERE district = ?1 AND pos = ?2), -1))"
		" AND (xid, id) <= (SELECT xid, entry FROM journal_order WHERE district = ?1 AND pos = ?3)",
		BIND(value_int(district), value_int(from), value_int(v->lines)));
	if (db_code(db) == STORE_OK && entries != v->lines - from)
		find_fault(v, v->lines, "not the only one: an entry near it has no place");
}

enum store_code journal_verify(struct db *db, unsigned district, int limit, struct journal_verdict *v)
{
	int64_t from = v->lines;
	if (from == 0 && db_int(db, 0, "SELECT 1 FROM journal_line WHERE district = ?1 AND pos < 1 LIMIT 1",
	                        BIND(value_int(district))) == 1)
		find_fault(v, 0, "one too many: positions begin with 1");
	struct arena arena = arena_new(8 << 20);
	struct rows *rows = db_query(db, "SELECT pos, hash, fits, " LINE_COLUMNS
		" FROM journal_line WHERE district = ?1 AND pos > ?2 ORDER BY pos LIMIT ?3",
		BIND(value_int(district), value_int(v->lines), value_int(limit)));
	v->more = false;
	while (!v->what && rows_next(rows)) {
		struct journal_line line = { .district = district, .pos = rows_int(rows, 0) };
		struct text written = rows_text(rows, 1);
		line_from(rows, 3, &line);
		verify_line(v, &arena, &line, written, rows_int(rows, 2) == 1);
		arena_reset(&arena);
	}
	arena_free(&arena);
	enum store_code code = rows_end(rows);
	verify_entries(db, district, from, v);
	return code != STORE_OK ? code : db_code(db);
}
