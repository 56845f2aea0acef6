/* SPDX-License-Identifier: Apache-2.0 */
/* floor_sqlite.c - bare SQLite group commit: N threads hand one row each to a single writer and wait for the disk.
 *
 * Works on a copy of the product's own store file, so tables and indexes are the product's. Each unit of work is one
 * row in every table listed below. What no HTTP, no validation and no scope can beat. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* ---- the rows, as src/care/elder.c and src/engine/journal.c insert them ---- */

enum what {
	NOTHING, DISTRICT, ID, POSITION, NOW_MS, ZERO, ONE, AREA, /* integers */
	NAME, SEX, BORN_ON, ID_CARD, PHONE, ADDRESS, FIXED, WORDS, /* text; the last as src/engine/record_tokens.c cuts it */
	HASH, BODY, /* 32 bytes that differ; a change as the journal keeps it */
	KEYED, BOX /* of a sealed field: 16 and 50 bytes that differ */
};

struct cell {
	const char *column;
	enum what what;
	const char *fixed;
};

static const struct cell elder_cells[] = {
	{ "district", DISTRICT, NULL }, { "id", ID, NULL }, { "version", ONE, NULL }, { "created_at", NOW_MS, NULL },
	{ "updated_at", NOW_MS, NULL }, { "ended_at", NOTHING, NULL }, { "name", NAME, NULL }, { "id_card", ID_CARD, NULL },
	{ "document_kind", NOTHING, NULL }, { "document_number", NOTHING, NULL }, { "sex", SEX, NULL },
	{ "born_on", BORN_ON, NULL }, { "area", AREA, NULL }, { "hukou_area", NOTHING, NULL },
	{ "residence", NOTHING, NULL }, { "address", ADDRESS, NULL }, { "phone", PHONE, NULL }, { "position_lat", NOTHING, NULL },
	{ "position_lon", NOTHING, NULL }, { "tags", NOTHING, NULL },
	{ "id_card_hash", KEYED, NULL }, { "id_card_box", BOX, NULL }, { "phone_hash", KEYED, NULL }, { "phone_box", BOX, NULL },
	{ "sources", FIXED, "{\"*\":[\"civil_affairs\",\"2026-01-31\"]}" },
};

static const struct cell journal_cells[] = {
	{ "district", DISTRICT, NULL }, { "pos", POSITION, NULL }, { "hash", HASH, NULL }, { "at_ms", NOW_MS, NULL },
	{ "user_id", ID, NULL }, { "actor", FIXED, "bureau" }, { "channel", FIXED, "web" }, { "action", FIXED, "create" },
	{ "resource", FIXED, "elder" }, { "record_id", ID, NULL }, { "version", ONE, NULL }, { "area", AREA, NULL },
	{ "hukou_area", ZERO, NULL }, { "was_area", ZERO, NULL }, { "was_hukou_area", ZERO, NULL },
	{ "organization", ZERO, NULL }, { "was_organization", ZERO, NULL }, { "subject", ID, NULL }, { "behalf", NOTHING, NULL },
	{ "fields", FIXED, "name,id_card,sex,born_on,area,address,phone" }, { "detail", BODY, NULL },
};

static const struct cell token_cells[] = { { "rowid", ID, NULL }, { "words", WORDS, NULL } };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
static const struct {
	const char *name;
	const struct cell *cells;
	size_t count;
} tables[] = {
	{ "elder", elder_cells, COUNT(elder_cells) },
	{ "journal", journal_cells, COUNT(journal_cells) },
	{ "elder_tokens", token_cells, COUNT(token_cells) },
};

static const char district_of_store[] = "SELECT district FROM elder LIMIT 1";
static const char highest_position[] = "SELECT max(pos) FROM journal";

/* Only for a file that has no such tables: to try the tool without the product. */
static const char stand_in[] =
	"CREATE TABLE elder (district INTEGER NOT NULL, id INTEGER PRIMARY KEY, version INTEGER NOT NULL,"
	" created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, ended_at INTEGER, name TEXT NOT NULL, id_card TEXT,"
	" document_kind TEXT, document_number TEXT, sex TEXT NOT NULL, born_on TEXT NOT NULL, area INTEGER NOT NULL,"
	" hukou_area INTEGER, residence TEXT, address TEXT, phone TEXT, position_lat REAL, position_lon REAL,"
	" tags TEXT, id_card_hash BLOB, id_card_box BLOB, phone_hash BLOB, phone_box BLOB, sources TEXT) STRICT;"
	"CREATE UNIQUE INDEX elder_id_card ON elder (district, id_card_hash) WHERE id_card_hash IS NOT NULL AND ended_at IS NULL;"
	"CREATE INDEX elder_born_on ON elder (district, born_on, id, area, hukou_area, ended_at, version);"
	"CREATE INDEX elder_area ON elder (district, area, born_on, id, hukou_area, ended_at, version);"
	"CREATE TABLE journal (district INTEGER NOT NULL, pos INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
	" user_id INTEGER NOT NULL, actor TEXT NOT NULL, channel TEXT NOT NULL, action TEXT NOT NULL,"
	" resource TEXT NOT NULL, record_id INTEGER NOT NULL, version INTEGER NOT NULL, area INTEGER NOT NULL,"
	" hukou_area INTEGER NOT NULL, was_area INTEGER NOT NULL, was_hukou_area INTEGER NOT NULL,"
	" organization INTEGER NOT NULL, was_organization INTEGER NOT NULL, subject INTEGER NOT NULL, behalf TEXT, fields TEXT,"
	" detail TEXT, hash BLOB NOT NULL, PRIMARY KEY (district, pos)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX journal_record ON journal (district, record_id, pos);"
	"CREATE VIRTUAL TABLE elder_tokens USING fts5(words, content='', detail=none, columnsize=0,"
	" tokenize=\"ascii tokenchars '#@_'\");";

static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
	"PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;";
static const int checkpoint_pages = 2000; /* as src/store/sqlite_file.c */

/* ---- what varies from row to row; made by the waiting thread, so that the writer only binds ---- */

struct row {
	uint64_t number;
	int64_t id, area, now_ms;
	char name[16], born_on[11], id_card[19], phone[12], address[48], body[512], words[256];
	unsigned char hash[32], keyed[16], box[50];
	bool male;
	struct row *next;
};

enum { WAITERS_MAX = 1024 };

static struct {
	sqlite3 *db;
	sqlite3_stmt *inserts[COUNT(tables)], *begin, *commit;
	int64_t district, position, areas[64];
	int area_count, wal_pages;
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct row *queue;
	unsigned open_group; /* the group that a row handed in now will be part of; under `lock` */
	_Atomic unsigned done[2]; /* the newest group on disk, even and odd ones, so that a group wakes only its own */
	_Atomic bool stop;
	_Atomic uint64_t next_row, rows;
	uint64_t groups;
	int waiters;
	int alone;
	double seconds;
	bool json;
	const char *path;
} the = { .lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER, .open_group = 2, .waiters = 32,
	.seconds = 5 };

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "floor_sqlite: %s: %s\n", what, the.db ? sqlite3_errmsg(the.db) : strerror(errno));
	exit(1);
}

static int64_t clock_us(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void make_row(struct row *r)
{
	uint64_t n = atomic_fetch_add(&the.next_row, 1);
	/* ID cards come in scattered order, as real ones do; 908 keeps clear of the load generator's 909. */
	uint64_t card = (n * 7368787 + 54321) % 10000000000, day = card / 1000 % 10000;
	r->number = n;
	r->now_ms = clock_us(CLOCK_REALTIME) / 1000;
	r->id = ((r->now_ms - 1704067200000) << 22) + (the.district << 10) + (int64_t)(n & 1023);
	r->area = the.areas[n % (uint64_t)the.area_count];
	r->male = card % 2 == 1;
	unsigned year = (unsigned)(1930 + day / 336), month = (unsigned)(day % 336 / 28 + 1);
	unsigned date = (unsigned)(day % 28 + 1);
	char area[24];
	snprintf(area, sizeof(area), "%" PRId64, r->area);
	snprintf(r->name, sizeof(r->name), "张%06u", (unsigned)(n % 1000000));
	snprintf(r->born_on, sizeof(r->born_on), "%04u-%02u-%02u", year % 10000, month % 100, date % 100);
	snprintf(r->id_card, sizeof(r->id_card), "908%03u%04u%02u%02u%03uX", (unsigned)(card / 10000000) % 1000,
		year % 10000, month % 100, date % 100, (unsigned)(card % 1000));
	snprintf(r->phone, sizeof(r->phone), "13%09u", (unsigned)(card % 1000000000));
	snprintf(r->address, sizeof(r->address), "滨海路%010" PRIu64 "号", n);
	snprintf(r->body, sizeof(r->body), "{\"name\":[null,\"%s\"],\"id_card\":[null,\"%s%048" PRIu64 "\"],"
		"\"sex\":[null,\"%s\"],\"born_on\":[null,\"%s\"],\"area\":[null,\"%" PRId64 "\"],\"address\":[null,\"%s\"],"
		"\"phone\":[null,\"%s%048" PRIu64 "\"]}", r->name, r->id_card, card, r->male ? "male" : "female", r->born_on, r->area,
		r->address, r->phone, card);
	for (size_t at = 0; at < sizeof(r->hash); at++)
		r->hash[at] = (unsigned char)((n + 1) * (at * 2 + 1) * 2654435761U >> 16);
	for (size_t at = 0; at < sizeof(r->box); at++)
		r->box[at] = (unsigned char)((card + 1) * (at * 2 + 1) * 2654435761U >> 16);
	uint64_t keyed = (card + 1) * UINT64_C(0x9E3779B97F4A7C15); /* no two cards have the same */
	memcpy(r->keyed, &keyed, sizeof(keyed));
	memcpy(r->keyed + 8, r->box, 8);
	const char *number = r->name + strlen("张");
	snprintf(r->words, sizeof(r->words), "张 张%s %s zhang z 滨海 海路 路%010" PRIu64 " %010" PRIu64 " %010" PRIu64 "号"
		" #%028" PRIx64 " #%028" PRIx64 " @%.6s @%.9s @%.12s", number, number, n, n, n, keyed, ~keyed,
		area, area, area);
}

static int bind_cell(sqlite3_stmt *s, int at, const struct cell *cell, const struct row *r)
{
	switch (cell->what) {
	case NOTHING: return sqlite3_bind_null(s, at);
	case DISTRICT: return sqlite3_bind_int64(s, at, the.district);
	case ZERO: return sqlite3_bind_int64(s, at, 0);
	case ONE: return sqlite3_bind_int64(s, at, 1);
	case ID: return sqlite3_bind_int64(s, at, r->id);
	case POSITION: return sqlite3_bind_int64(s, at, the.position);
	case NOW_MS: return sqlite3_bind_int64(s, at, r->now_ms);
	case AREA: return sqlite3_bind_int64(s, at, r->area);
	case NAME: return sqlite3_bind_text(s, at, r->name, -1, SQLITE_STATIC);
	case SEX: return sqlite3_bind_text(s, at, r->male ? "male" : "female", -1, SQLITE_STATIC);
	case BORN_ON: return sqlite3_bind_text(s, at, r->born_on, -1, SQLITE_STATIC);
	case ID_CARD: return sqlite3_bind_text(s, at, r->id_card, -1, SQLITE_STATIC);
	case PHONE: return sqlite3_bind_text(s, at, r->phone, -1, SQLITE_STATIC);
	case ADDRESS: return sqlite3_bind_text(s, at, r->address, -1, SQLITE_STATIC);
	case FIXED: return sqlite3_bind_text(s, at, cell->fixed, -1, SQLITE_STATIC);
	case HASH: return sqlite3_bind_blob(s, at, r->hash, sizeof(r->hash), SQLITE_STATIC);
	case KEYED: return sqlite3_bind_blob(s, at, r->keyed, sizeof(r->keyed), SQLITE_STATIC);
	case BOX: return sqlite3_bind_blob(s, at, r->box, sizeof(r->box), SQLITE_STATIC);
	case WORDS: return sqlite3_bind_text(s, at, r->words, -1, SQLITE_STATIC);
	case BODY: return sqlite3_bind_text(s, at, r->body, -1, SQLITE_STATIC);
	}
	return SQLITE_MISUSE;
}

static void insert(const struct row *r)
{
	the.position++;
	for (size_t table = 0; table < COUNT(tables); table++) {
		sqlite3_stmt *s = the.inserts[table];
		for (size_t at = 0; at < tables[table].count; at++)
			if (bind_cell(s, (int)at + 1, &tables[table].cells[at], r) != SQLITE_OK)
				fail("binding");
		if (sqlite3_step(s) != SQLITE_DONE)
			fail(tables[table].name);
		sqlite3_reset(s);
	}
}

static void run_statement(sqlite3_stmt *s, const char *name)
{
	if (sqlite3_step(s) != SQLITE_DONE)
		fail(name);
	sqlite3_reset(s);
}

static void commit(void)
{
	run_statement(the.commit, "commit");
	the.groups++;
	if (the.wal_pages < checkpoint_pages)
		return;
	if (sqlite3_wal_checkpoint_v2(the.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
		fail("checkpoint");
	the.wal_pages = 0;
}

static int wal_grew(void *arg, sqlite3 *db, const char *schema, int pages)
{
	(void)arg, (void)db, (void)schema;
	the.wal_pages = pages;
	return SQLITE_OK;
}

/* ---- the hand-over ---- */

static void futex(_Atomic unsigned *word, int operation, unsigned value)
{
	syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void *wait_for_rows(void *arg)
{
	struct row *r = arg;
	while (!atomic_load(&the.stop)) {
		make_row(r);
		pthread_mutex_lock(&the.lock);
		bool first = !the.queue;
		r->next = the.queue;
		the.queue = r;
		unsigned group = the.open_group;
		if (first)
			pthread_cond_signal(&the.news);
		pthread_mutex_unlock(&the.lock);
		_Atomic unsigned *done = &the.done[group & 1];
		for (unsigned seen; (seen = atomic_load(done)) < group;)
			futex(done, FUTEX_WAIT, seen);
	}
	return NULL;
}

/* False when the end was said and nobody waits any more. */
static bool write_group(void)
{
	pthread_mutex_lock(&the.lock);
	while (!the.queue && !atomic_load(&the.stop))
		pthread_cond_wait(&the.news, &the.lock);
	struct row *rows = the.queue;
	unsigned group = the.open_group++;
	the.queue = NULL;
	pthread_mutex_unlock(&the.lock);
	if (!rows)
		return false;
	run_statement(the.begin, "begin");
	uint64_t count = 0;
	for (; rows; rows = rows->next, count++)
		insert(rows);
	commit();
	atomic_fetch_add(&the.rows, count);
	atomic_store(&the.done[group & 1], group);
	futex(&the.done[group & 1], FUTEX_WAKE, INT_MAX);
	return true;
}

static void *write_groups(void *arg)
{
	(void)arg;
	while (write_group())
		;
	return NULL;
}

/* ---- the two measurements ---- */

static double with_waiters(void)
{
	static struct row rows[WAITERS_MAX];
	static pthread_t waiters[WAITERS_MAX];
	pthread_t writer;
	pthread_attr_t small;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 1 << 17);
	if (pthread_create(&writer, NULL, write_groups, NULL) != 0)
		fail("thread");
	for (int at = 0; at < the.waiters; at++)
		if (pthread_create(&waiters[at], &small, wait_for_rows, &rows[at]) != 0)
			fail("thread");
	usleep(500000); /* to warm up */
	int64_t from = clock_us(CLOCK_MONOTONIC);
	uint64_t before = atomic_load(&the.rows);
	usleep((useconds_t)(the.seconds * 1e6));
	uint64_t made = atomic_load(&the.rows) - before;
	double took = (double)(clock_us(CLOCK_MONOTONIC) - from) / 1e6;
	atomic_store(&the.stop, true);
	for (int at = 0; at < the.waiters; at++)
		pthread_join(waiters[at], NULL);
	pthread_mutex_lock(&the.lock);
	pthread_cond_signal(&the.news);
	pthread_mutex_unlock(&the.lock);
	pthread_join(writer, NULL);
	return (double)made / took;
}

static double without_waiters(void)
{
	struct row row = { 0 };
	int64_t from = clock_us(CLOCK_MONOTONIC), now = from;
	while ((double)(now - from) < the.seconds * 1e6) {
		run_statement(the.begin, "begin");
		for (int at = 0; at < the.alone; at++) {
			make_row(&row);
			insert(&row);
		}
		commit();
		atomic_fetch_add(&the.rows, (uint64_t)the.alone);
		now = clock_us(CLOCK_MONOTONIC);
	}
	return (double)atomic_load(&the.rows) * 1e6 / (double)(now - from);
}

/* ---- setting up ---- */

static sqlite3_stmt *prepare(const char *sql)
{
	sqlite3_stmt *s;
	if (sqlite3_prepare_v3(the.db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
		fail(sql);
	return s;
}

static void prepare_inserts(void)
{
	for (size_t table = 0; table < COUNT(tables); table++) {
		char *sql = sqlite3_mprintf("INSERT INTO \"%w\" (", tables[table].name), *marks = sqlite3_mprintf("");
		for (size_t at = 0; at < tables[table].count; at++) {
			sql = sqlite3_mprintf("%z%s\"%w\"", sql, at ? ", " : "", tables[table].cells[at].column);
			marks = sqlite3_mprintf("%z%s?%d", marks, at ? ", " : "", (int)at + 1);
		}
		sql = sqlite3_mprintf("%z) VALUES (%z)", sql, marks);
		the.inserts[table] = prepare(sql);
		sqlite3_free(sql);
	}
	the.begin = prepare("BEGIN IMMEDIATE");
	the.commit = prepare("COMMIT");
}

static int64_t first_integer(const char *sql)
{
	sqlite3_stmt *s = prepare(sql);
	int64_t value = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	return value;
}

static void open_store(void)
{
	if (sqlite3_open(the.path, &the.db) != SQLITE_OK || sqlite3_exec(the.db, pragmas, NULL, NULL, NULL) != SQLITE_OK)
		fail(the.path);
	bool ours = first_integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'elder'") == 1;
	if (!ours && sqlite3_exec(the.db, stand_in, NULL, NULL, NULL) != SQLITE_OK)
		fail("stand-in tables");
	the.position = first_integer(highest_position);
	the.district = first_integer(district_of_store);
	if (the.district == 0)
		the.district = 1;
	sqlite3_stmt *s = prepare("SELECT area FROM elder GROUP BY area ORDER BY count(*) DESC LIMIT 64");
	while (sqlite3_step(s) == SQLITE_ROW)
		the.areas[the.area_count++] = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	if (the.area_count == 0)
		the.areas[the.area_count++] = 370613001001000;
	/* Each run on the same file brings new people. */
	atomic_store(&the.next_row, (uint64_t)(clock_us(CLOCK_REALTIME) / 1000000 % 9000) * 1000000);
	sqlite3_wal_hook(the.db, wal_grew, NULL);
	prepare_inserts();
}

static const char usage[] = "floor_sqlite FILE [--waiters N (32)] [--seconds S (5)] [--alone ROWS] [--json]\n"
	"  --alone: no waiters, transactions of ROWS rows one after the other\n";

static void read_options(int argc, char **argv)
{
	static const struct option options[] = { { "waiters", 1, NULL, 'w' }, { "seconds", 1, NULL, 's' },
		{ "alone", 1, NULL, 'a' }, { "json", 0, NULL, 'j' }, { NULL, 0, NULL, 0 } };
	int letter;
	bool right = true;
	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (letter) {
		case 'w': the.waiters = (int)strtol(optarg, NULL, 10); break;
		case 's': the.seconds = strtod(optarg, NULL); break;
		case 'a': the.alone = (int)strtol(optarg, NULL, 10); right = right && the.alone > 0; break;
		case 'j': the.json = true; break;
		default: right = false;
		}
	}
	if (!right || optind + 1 != argc || the.waiters < 1 || the.waiters > WAITERS_MAX || !(the.seconds > 0)) {
		fputs(usage, stderr);
		exit(2);
	}
	the.path = argv[optind];
}

int main(int argc, char **argv)
{
	read_options(argc, argv);
	open_store();
	double per_second = the.alone ? without_waiters() : with_waiters();
	double group = (double)atomic_load(&the.rows) / (double)(the.groups ? the.groups : 1);
	if (the.json)
		printf("{\"waiters\":%d,\"alone\":%d,\"rows_per_second\":%.1f,\"rows_per_group\":%.2f}\n",
			the.alone ? 0 : the.waiters, the.alone, per_second, group);
	else
		printf("%.0f rows/s, %.1f rows a group\n", per_second, group);
	for (size_t table = 0; table < COUNT(tables); table++)
		sqlite3_finalize(the.inserts[table]);
	sqlite3_finalize(the.begin);
	sqlite3_finalize(the.commit);
	return sqlite3_close(the.db) == SQLITE_OK ? 0 : 1;
}
