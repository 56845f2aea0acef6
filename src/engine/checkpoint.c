/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c - signed statements of where the journal stood. */
#include "engine/checkpoint.h"

#include "base/log.h"
#include "engine/keys.h"
#include "base/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024, KEY_FILE_MAX = 4096 };

static const char beginning[] = "songhe-checkpoint 1 ";

/* ---- one line ---- */

struct text checkpoint_line(struct arena *arena, const struct checkpoint *c, const struct sign_key *pair)
{
	struct buf b = buf_in(arena, LINE_MAX_BYTES, LINE_MAX_BYTES);
	buf_printf(&b, "%sdistrict=%u pos=%lld hash=%.*s at=%.*s key=%.*s", beginning, c->district, (long long)c->pos,
	           TEXT_ARG(hash_hex(arena, c->hash)), TEXT_ARG(c->at), TEXT_ARG(sign_public(arena, pair)));
	struct text signature = sign_text(arena, pair, buf_done(&b));
	buf_printf(&b, " sig=%.*s", TEXT_ARG(signature));
	return buf_done(&b);
}

/* Takes `name` and what stands up to the next blank off the rest. False: `name` is not next. */
static bool take_word(struct text *rest, struct text name, struct text *word)
{
	if (!text_starts(*rest, name))
		return false;
	const char *from = rest->ptr + name.len, *end = rest->ptr + rest->len;
	const char *blank = memchr(from, ' ', (size_t)(end - from));
	*word = (struct text){ from, (size_t)((blank ? blank : end) - from) };
	rest->ptr = blank ? blank + 1 : end;
	rest->len = (size_t)(end - rest->ptr);
	return true;
}

static bool hex_read(struct text hex, unsigned char hash[static HASH_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	if (hex.len != 2 * HASH_BYTES)
		return false;
	for (size_t i = 0; i < hex.len; i++) {
		const char *digit = hex.ptr[i] ? strchr(digits, hex.ptr[i]) : NULL;
		if (!digit)
			return false;
		unsigned value = (unsigned)(digit - digits);
		hash[i / 2] = (unsigned char)(i % 2 ? hash[i / 2] | value : value << 4);
	}
	return true;
}

bool checkpoint_read(struct text line, struct checkpoint *c, struct text *signature)
{
	struct text rest = line, word, district, pos, hash;
	int64_t number = 0;
	if (line.len > LINE_MAX_BYTES || !take_word(&rest, TEXT("songhe-checkpoint"), &word) || word.len > 0 ||
	    !take_word(&rest, TEXT("1"), &word) || word.len > 0 || !take_word(&rest, TEXT("district="), &district) ||
	    !take_word(&rest, TEXT("pos="), &pos) || !take_word(&rest, TEXT("hash="), &hash) ||
	    !take_word(&rest, TEXT("at="), &c->at) || !take_word(&rest, TEXT("key="), &c->key) ||
	    !take_word(&rest, TEXT("sig="), signature) || rest.len > 0)
		return false;
	if (!text_to_int(district, DISTRICT_MAX, &number) || number < 1 || !text_to_int(pos, INT64_MAX, &c->pos) || c->pos < 1 ||
	    !hex_read(hash, c->hash) || c->at.len != RFC3339_CHARS)
		return false;
	c->district = (unsigned)number;
	return true;
}

bool checkpoint_fits(const struct sign_key *key, struct text line, struct text signature)
{
	struct text signed_part = { line.ptr, line.len - signature.len - strlen(" sig=") };
	return sign_fits(key, signed_part, signature);
}

/* ---- the key ---- */

struct checkpoints {
	struct app *app;
	struct sign_key *pair;
	char *file; /* NULL: the table alone */
	pthread_mutex_t lock; /* one writes at a time: the stop may meet the last minute's */
};

/* A new pair in a new file. */
static struct sign_key *make_key(const char *path, enum sign_kind kind)
{
	struct arena arena = arena_new(16384);
	struct sign_key *pair = sign_key_new(kind);
	struct text pem = sign_key_pem(&arena, pair);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool kept = fd >= 0 && disk_write(fd, pem) && fsync(fd) == 0 && disk_sync_directory_of(path);
	if (!kept)
		log_error("checkpoints: cannot make the key file %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && !kept)
		unlink(path);
	explicit_bzero((char *)(uintptr_t)pem.ptr, pem.len);
	arena_free(&arena);
	if (kept)
		return pair;
	sign_key_free(pair);
	return NULL;
}

/* NULL with errno: ENOENT where there is no such file. */
static struct sign_key *load_key(const char *path)
{
	char pem[KEY_FILE_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	ssize_t len = read(fd, pem, sizeof pem);
	close(fd);
	struct sign_key *pair = len > 0 ? sign_key_read((struct text){ pem, (size_t)len }) : NULL;
	explicit_bzero(pem, sizeof pem);
	errno = pair ? 0 : EINVAL;
	return pair;
}

enum store_code checkpoint_key(struct db *db, struct arena *arena, struct text *key)
{
	struct rows *rows = db_query(db, "SELECT value FROM store_fact WHERE name = 'checkpoint_key'", BIND_NONE);
	*key = rows_next(rows) ? text_copy(arena, rows_text(rows, 0)) : TEXT_NONE;
	return rows_end(rows);
}

struct known_key {
	struct arena *arena;
	struct text key; /* missing: none yet */
	bool was_there; /* checkpoints, though no key: somebody took it away */
};

static enum store_code read_known(struct db *db, void *arg)
{
	struct known_key *known = arg;
	known->was_there = db_int(db, 0, "SELECT 1 FROM journal_checkpoint LIMIT 1", BIND_NONE) == 1;
	return checkpoint_key(db, known->arena, &known->key);
}

/* Of two servers that begin at once, one names its key. */
static enum store_code name_key(struct tx *tx, void *key)
{
	return db_exec(tx->db, "INSERT INTO store_fact (name, value) VALUES ('checkpoint_key', ?1) ON CONFLICT DO NOTHING",
	               BIND(value_text(*(const struct text *)key)), NULL);
}

/* The pair in the file, which is the store's or becomes it; NULL (logged) where it cannot be. */
static struct sign_key *key_for(struct app *app, struct arena *arena, const char *path, enum sign_kind kind)
{
	struct known_key known = { .arena = arena };
	if (store_read(app->store, 0, read_known, &known) != STORE_OK)
		return NULL;
	bool may_begin = !known.key.ptr && !known.was_there;
	struct sign_key *pair = load_key(path);
	if (!pair && errno == ENOENT && may_begin) {
		pair = make_key(path, kind);
		if (!pair)
			return NULL;
	}
	if (!pair) {
		log_error("checkpoints: cannot read the key file %s: %s", path, errno == EINVAL ? "there is no key in it" : strerror(errno));
		return NULL;
	}
	struct text open = sign_public(arena, pair);
	bool named = !may_begin || store_command(app->store, LANE_INTERACTIVE, name_key, &open) == STORE_OK;
	if (named && store_read(app->store, 0, read_known, &known) == STORE_OK && text_eq(known.key, open))
		return pair;
	log_error("checkpoints: the key in %s is not the one that the store names", path);
	sign_key_free(pair);
	return NULL;
}

/* ---- the file ---- */

/* After a power cut half a line may stand at the end: it is taken off. Nothing is taken off what is not ours. */
static bool end_is_whole(int fd, off_t size)
{
	char last[LINE_MAX_BYTES];
	off_t from = size > (off_t)sizeof last ? size - (off_t)sizeof last : 0;
	ssize_t len = pread(fd, last, (size_t)(size - from), from);
	if (len != size - from)
		return false;
	const char *newline = memrchr(last, '\n', (size_t)len);
	size_t whole = newline ? (size_t)(newline - last) + 1 : 0, rest = (size_t)len - whole;
	if (rest == 0)
		return true;
	if (rest >= strlen(beginning) ? memcmp(last + whole, beginning, strlen(beginning)) != 0
	                              : memcmp(last + whole, beginning, rest) != 0) {
		errno = EINVAL;
		return false;
	}
	log_warn("checkpoints: the last line of the file is not whole; it is taken off");
	return ftruncate(fd, from + (off_t)whole) == 0;
}

static bool append(const char *path, struct text line)
{
	struct stat file;
	bool is_new = access(path, F_OK) != 0;
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	bool kept = fd >= 0 && flock(fd, LOCK_EX) == 0 && fstat(fd, &file) == 0;
	if (kept && !S_ISREG(file.st_mode)) {
		errno = EINVAL;
		kept = false;
	}
	kept = kept && end_is_whole(fd, file.st_size) && disk_write(fd, line) && fsync(fd) == 0;
	if (!kept)
		log_error("checkpoints: cannot write %s: %s", path, errno == EINVAL ? "it is no file of checkpoints" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return kept && (!is_new || disk_sync_directory_of(path));
}

/* ---- from opening to closing ---- */

bool checkpoints_open(struct app *app, const struct checkpoint_wish *wish)
{
	struct arena arena = arena_new(64 * 1024);
	const char *wanted = wish->key_file ? wish->key_file : getenv("SONGHE_SIGN_KEY_FILE");
	const char *path = wanted ? wanted : store_beside(&arena, wish->store, ".sign");
	const char *file = wish->file ? wish->file : store_beside(&arena, wish->store, ".checkpoints");
	enum sign_kind kind = keys_suite(app->keys) == SUITE_SM ? SIGN_SM2 : SIGN_ED25519;
	struct sign_key *pair = path ? key_for(app, &arena, path, kind) : NULL;
	if (pair && wish->file && !append(wish->file, TEXT(""))) {
		sign_key_free(pair);
		pair = NULL;
	}
	if (pair) {
		struct checkpoints *c = calloc(1, sizeof *c);
		if (!c || (file && !(c->file = strdup(file))))
			abort();
		c->app = app;
		c->pair = pair;
		pthread_mutex_init(&c->lock, NULL);
		app->checkpoints = c; /* the minute may begin to look there */
	} else {
		log_warn("checkpoints: none are written%s", path ? "" : ": no --sign-key-file was given");
	}
	arena_free(&arena);
	return pair || (!wanted && !wish->file);
}

void checkpoints_close(struct checkpoints *checkpoints)
{
	if (!checkpoints)
		return;
	sign_key_free(checkpoints->pair);
	pthread_mutex_destroy(&checkpoints->lock);
	free(checkpoints->file);
	free(checkpoints);
}

struct stand {
	int64_t district; /* the one before; then the one found */
	struct checkpoint now;
	int64_t covered;
};

static enum store_code read_stand(struct db *db, void *arg)
{
	struct stand *stand = arg;
	stand->district = journal_next_district(db, stand->district);
	if (db_code(db) != STORE_OK || stand->district == INT64_MAX)
		return db_code(db);
	stand->now.district = (unsigned)stand->district;
	stand->covered = db_int(db, 0, "SELECT max(pos) FROM journal_checkpoint WHERE district = ?1", BIND(value_int(stand->district)));
	return journal_tip(db, stand->now.district, &stand->now.pos, stand->now.hash);
}

struct kept_line {
	const struct checkpoint *checkpoint;
	struct text line;
};

static enum store_code keep_line(struct tx *tx, void *arg)
{
	const struct kept_line *kept = arg;
	return db_exec(tx->db, "INSERT INTO journal_checkpoint (district, pos, line) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
	               BIND(value_int(kept->checkpoint->district), value_int(kept->checkpoint->pos), value_text(kept->line)), NULL);
}

/* The file first: what the table has, the file has too. After a crash between the two it may have a line twice. */
static void write_one(struct checkpoints *c, struct arena *arena, struct checkpoint *now)
{
	now->at = clock_rfc3339(arena, clock_now_ms(store_clock(c->app->store)));
	struct kept_line kept = { now, checkpoint_line(arena, now, c->pair) };
	if (!c->file || append(c->file, text_printf(arena, "%.*s\n", TEXT_ARG(kept.line))))
		store_command(c->app->store, LANE_BULK, keep_line, &kept);
}

void checkpoints_write(struct checkpoints *c)
{
	if (!c)
		return;
	struct arena arena = arena_new(64 * 1024);
	pthread_mutex_lock(&c->lock);
	struct stand stand = { .district = 0 };
	while (store_read(c->app->store, 0, read_stand, &stand) == STORE_OK && stand.district <= DISTRICT_MAX) {
		if (stand.now.pos < stand.covered)
			log_error("checkpoints: the journal of district %u ends at %lld, but there was one at %lld", stand.now.district,
			          (long long)stand.now.pos, (long long)stand.covered);
		else if (stand.now.pos > stand.covered)
			write_one(c, &arena, &stand.now);
		arena_reset(&arena);
	}
	pthread_mutex_unlock(&c->lock);
	arena_free(&arena);
}

enum store_code checkpoint_list(struct db *db, int64_t district, int64_t pos, int limit,
                                bool (*take)(void *arg, int64_t district, int64_t pos, struct text line), void *arg)
{
	struct rows *rows = db_query(db, "SELECT district, pos, line FROM journal_checkpoint WHERE (district, pos) > (?1, ?2)"
		" ORDER BY district, pos LIMIT ?3", BIND(value_int(district), value_int(pos), value_int(limit)));
	while (rows_next(rows) && take(arg, rows_int(rows, 0), rows_int(rows, 1), rows_text(rows, 2)))
		;
	return rows_end(rows);
}
