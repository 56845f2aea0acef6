/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - the store's keys: wrapped in a table, clear in memory. */
#include "engine/keys.h"

#include "base/crypto.h"
#include "base/log.h"
#include "engine/journal.h"

#include <assert.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	HASH_VERSION = 0, /* the number of the key that hashes */
	VERSIONS_MAX = 1024, /* one a month, for 85 years */
	VERSION_BYTES = 4,
	AD_MAX = 160,
	WRAPPED_MAX = 128
};

static const char *const steps[] = {
	"CREATE TABLE data_key (version INTEGER NOT NULL PRIMARY KEY, suite TEXT NOT NULL, purpose TEXT NOT NULL,"
	" wrapped BLOB NOT NULL, wrapped_by TEXT NOT NULL, made_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
};
const struct schema keys_schema = { .owner = "keys", .steps = steps, .count = COUNT(steps) };

/* Keys are added, never taken away: who has seen one may use it without a lock. */
struct keys {
	struct key_file file;
	_Atomic(struct seal_key *) versions[VERSIONS_MAX];
	_Atomic unsigned newest;
	pthread_mutex_t lock; /* of those who add */
};

struct keys *keys_new(void)
{
	struct keys *keys = calloc(1, sizeof *keys);
	if (!keys)
		abort();
	pthread_mutex_init(&keys->lock, NULL);
	return keys;
}

void keys_free(struct keys *keys)
{
	if (!keys)
		return;
	for (size_t i = 0; i < VERSIONS_MAX; i++) {
		struct seal_key *key = keys->versions[i];
		if (key)
			seal_key_wipe(key);
		free(key);
	}
	key_file_wipe(&keys->file);
	pthread_mutex_destroy(&keys->lock);
	free(keys);
}

static const struct seal_key *key_at(const struct keys *keys, unsigned version)
{
	return version < VERSIONS_MAX ? atomic_load_explicit(&keys->versions[version], memory_order_acquire) : NULL;
}

/* The one who calls knows that the key is on disk. */
static void put_key(struct keys *keys, unsigned version, enum suite suite, const unsigned char bytes[static SEAL_KEY_BYTES])
{
	struct seal_key *key = calloc(1, sizeof *key);
	if (!key)
		abort();
	seal_key_set(key, suite, bytes);
	pthread_mutex_lock(&keys->lock);
	if (!keys->versions[version]) {
		atomic_store_explicit(&keys->versions[version], key, memory_order_release);
		if (version > keys->newest)
			keys->newest = version;
		key = NULL;
	}
	pthread_mutex_unlock(&keys->lock);
	if (key)
		seal_key_wipe(key);
	free(key);
}

unsigned keys_newest(const struct keys *keys)
{
	return keys->newest;
}

enum suite keys_suite(const struct keys *keys)
{
	return keys->file.key.suite;
}

/* ---- associated data ---- */

/* Names end with a zero byte, numbers have their bytes: no two places read the same. */
struct ad {
	char bytes[AD_MAX];
	size_t len;
};

static void ad_name(struct ad *ad, const char *name)
{
	size_t len = strlen(name) + 1;
	assert(len <= AD_MAX - ad->len);
	memcpy(ad->bytes + ad->len, name, len);
	ad->len += len;
}

static void put_number(unsigned char *out, uint64_t number, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (unsigned char)(number >> 8 * (bytes - 1 - i));
}

static void ad_number(struct ad *ad, uint64_t number, unsigned bytes)
{
	assert(bytes <= AD_MAX - ad->len);
	put_number((unsigned char *)ad->bytes + ad->len, number, bytes);
	ad->len += bytes;
}

static struct text ad_text(const struct ad *ad)
{
	return (struct text){ ad->bytes, ad->len };
}

static void ad_place(struct ad *ad, const struct seal_place *place)
{
	ad->len = 0;
	ad_number(ad, place->district, 4);
	ad_number(ad, (uint64_t)place->id, 8);
	ad_name(ad, place->resource);
	ad_name(ad, place->field);
}

/* ---- wrapping ---- */

static const char *purpose_of(int64_t version)
{
	return version == HASH_VERSION ? "hash" : "seal";
}

static void ad_wrapped(struct ad *ad, int64_t version, enum suite suite)
{
	ad->len = 0;
	ad_name(ad, "data_key");
	ad_name(ad, purpose_of(version));
	ad_name(ad, suite_name(suite));
	ad_number(ad, (uint64_t)version, 8);
}

struct wrapped {
	unsigned char bytes[WRAPPED_MAX];
	struct text text;
};

static void wrap(const struct key_file *file, int64_t version, enum suite suite, const unsigned char key[static SEAL_KEY_BYTES],
                 struct wrapped *out)
{
	struct ad ad;
	ad_wrapped(&ad, version, suite);
	out->text = (struct text){ (const char *)out->bytes, seal_size(file->key.suite, SEAL_KEY_BYTES) };
	assert(out->text.len <= WRAPPED_MAX);
	seal(&file->key, ad_text(&ad), (struct text){ (const char *)key, SEAL_KEY_BYTES }, out->bytes);
}

static bool unwrap(const struct key_file *file, int64_t version, enum suite suite, struct text wrapped,
                   unsigned char key[static WRAPPED_MAX])
{
	struct ad ad;
	size_t len = 0;
	ad_wrapped(&ad, version, suite);
	return wrapped.len <= WRAPPED_MAX && unseal(&file->key, ad_text(&ad), wrapped, key, &len) && len == SEAL_KEY_BYTES;
}

static enum store_code insert_key(struct tx *tx, const struct key_file *file, int64_t version, enum suite suite)
{
	unsigned char key[SEAL_KEY_BYTES];
	struct wrapped wrapped;
	random_bytes(key, sizeof key);
	wrap(file, version, suite, key, &wrapped);
	OPENSSL_cleanse(key, sizeof key);
	return db_exec(tx->db, "INSERT INTO data_key (version, suite, purpose, wrapped, wrapped_by, made_at)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
		BIND(value_int(version), value_text(text_of(suite_name(suite))), value_text(text_of(purpose_of(version))),
		     value_blob(wrapped.text), value_text(text_of(file->id)), value_int(tx->now_ms)), NULL);
}

/* ---- opening ---- */

const char *keys_path(struct arena *arena, const char *url, const struct keys_wish *wish)
{
	return wish->file ? wish->file : store_beside(arena, url, ".key");
}

/* The row's key, unwrapped into memory; false with a line in the log when that cannot be. */
static bool take_row(struct keys *keys, const struct rows *rows)
{
	int64_t version = rows_int(rows, 0);
	struct text by = rows_text(rows, 4);
	unsigned char key[WRAPPED_MAX];
	enum suite suite;
	if (version >= 0 && version < VERSIONS_MAX && key_at(keys, (unsigned)version))
		return true;
	if (!text_is(by, keys->file.id)) {
		log_error("key: the store's keys are wrapped under key %.*s, but the key file holds key %s", TEXT_ARG(by), keys->file.id);
		return false;
	}
	if (version < 0 || version >= VERSIONS_MAX || !suite_find(rows_text(rows, 1), &suite) ||
	    !text_is(rows_text(rows, 2), purpose_of(version)) || !unwrap(&keys->file, version, suite, rows_text(rows, 3), key)) {
		log_error("key: version %lld of the store's keys was altered", (long long)version);
		return false;
	}
	put_key(keys, (unsigned)version, suite, key);
	OPENSSL_cleanse(key, sizeof key);
	return true;
}

struct loading {
	struct keys *keys;
	unsigned rows, wrong;
};

static enum store_code read_keys(struct db *db, void *arg)
{
	struct loading *loading = arg;
	struct rows *rows = db_query(db, "SELECT version, suite, purpose, wrapped, wrapped_by FROM data_key ORDER BY version", BIND_NONE);
	loading->rows = 0;
	while (loading->wrong == 0 && rows_next(rows)) {
		loading->rows++;
		loading->wrong += !take_row(loading->keys, rows);
	}
	return rows_end(rows);
}

enum store_code keys_refresh(struct keys *keys, struct db *db)
{
	struct loading loading = { .keys = keys };
	return read_keys(db, &loading); /* what cannot be unwrapped stays unknown, and was logged */
}

static enum store_code count_keys(struct db *db, void *arg)
{
	*(int64_t *)arg = db_int(db, 0, "SELECT count(*) FROM data_key", BIND_NONE);
	return db_code(db);
}

static enum keys_result read_file(struct keys *keys, const char *path)
{
	static const enum keys_result results[] = { [KEY_FILE_FINE] = KEYS_FINE, [KEY_FILE_NONE] = KEYS_NO_FILE,
		                                    [KEY_FILE_EXPOSED] = KEYS_EXPOSED, [KEY_FILE_BAD] = KEYS_NO_FILE };
	if (!path) {
		log_error("key: say where the key file is: --key-file FILE, or SONGHE_KEY_FILE in the environment");
		return KEYS_NO_FILE;
	}
	enum key_file_result result = key_file_read(path, &keys->file);
	if (result == KEY_FILE_NONE)
		log_error("key: there is no key file %s, and nothing opens the store without it: put it back from its copy", path);
	return results[result];
}

enum keys_result keys_load(struct keys *keys, struct store *store, const char *path)
{
	struct loading loading = { .keys = keys };
	int64_t count = 0;
	if (store_read(store, 0, count_keys, &count) != STORE_OK)
		return KEYS_BROKEN;
	if (count == 0)
		return KEYS_NONE;
	enum keys_result result = read_file(keys, path);
	if (result != KEYS_FINE)
		return result;
	if (store_read(store, 0, read_keys, &loading) != STORE_OK)
		return KEYS_BROKEN;
	if (loading.wrong > 0)
		log_error("key: %s does not open this store; it needs the key file that it was made or last wrapped with", path);
	else if (!key_at(keys, HASH_VERSION) || keys->newest == 0)
		log_error("key: the store lacks some of its keys");
	else
		return KEYS_FINE;
	return KEYS_WRONG_FILE;
}

/* Beside another server that makes them too, whoever is second finds them there. */
static enum store_code add_first(struct tx *tx, void *arg)
{
	const struct key_file *file = &((const struct keys *)arg)->file;
	int64_t count = 0;
	enum store_code code = count_keys(tx->db, &count);
	if (code != STORE_OK || count > 0)
		return code;
	code = insert_key(tx, file, HASH_VERSION, file->key.suite);
	return code == STORE_OK ? insert_key(tx, file, HASH_VERSION + 1, file->key.suite) : code;
}

enum keys_result keys_make(struct keys *keys, struct store *store, const char *path, const struct keys_wish *wish)
{
	enum suite suite = wish->suite_said ? wish->suite : SUITE_AES;
	if (path && access(path, F_OK) != 0 && errno == ENOENT) {
		if (!key_file_make(path, suite))
			return KEYS_NO_FILE;
		log_info("key: made the key file %s: keep a copy of it apart from the store, nothing opens the store without it", path);
	}
	enum keys_result result = read_file(keys, path);
	if (result != KEYS_FINE)
		return result;
	if (wish->suite_said && keys->file.key.suite != suite) {
		log_error("key: the key file %s is for --suite %s; name another one", path, suite_name(keys->file.key.suite));
		return KEYS_WRONG_FILE;
	}
	if (store_command(store, LANE_INTERACTIVE, add_first, keys) != STORE_OK) {
		log_error("key: the store's first keys cannot be written");
		return KEYS_BROKEN;
	}
	return keys_load(keys, store, path);
}

/* ---- using ---- */

static unsigned version_of(struct text box)
{
	const unsigned char *b = (const unsigned char *)box.ptr;
	if (box.len < VERSION_BYTES || b[0] || b[1])
		return VERSIONS_MAX; /* so high none is */
	return (unsigned)b[2] << 8 | b[3];
}

/* Whom a box may name: not the key that hashes. */
static const struct seal_key *key_of(const struct keys *keys, struct text box)
{
	unsigned version = version_of(box);
	return version == HASH_VERSION ? NULL : key_at(keys, version);
}

bool keys_know(const struct keys *keys, struct text box)
{
	return key_of(keys, box) != NULL;
}

size_t keys_box_size(enum suite suite, size_t plain_len)
{
	return VERSION_BYTES + seal_size(suite, plain_len);
}

struct text keys_seal(const struct keys *keys, struct arena *arena, const struct seal_place *place, struct text plain)
{
	struct ad ad;
	unsigned version = keys->newest;
	const struct seal_key *key = key_at(keys, version);
	if (!plain.ptr)
		return TEXT_NONE;
	assert(version != HASH_VERSION && key);
	ad_place(&ad, place);
	size_t size = keys_box_size(key->suite, plain.len);
	unsigned char *box = arena_take_raw(arena, size);
	put_number(box, version, VERSION_BYTES);
	seal(key, ad_text(&ad), plain, box + VERSION_BYTES);
	return (struct text){ (const char *)box, size };
}

bool keys_unseal(const struct keys *keys, struct arena *arena, const struct seal_place *place, struct text box, struct text *plain)
{
	struct ad ad;
	*plain = TEXT_NONE;
	if (!box.ptr)
		return true;
	const struct seal_key *key = key_of(keys, box);
	if (!key)
		return false;
	ad_place(&ad, place);
	char *out = arena_take_raw(arena, box.len);
	size_t len;
	if (!unseal(key, ad_text(&ad), (struct text){ box.ptr + VERSION_BYTES, box.len - VERSION_BYTES }, (unsigned char *)out, &len))
		return false;
	out[len] = 0; /* the box is longer than what was in it */
	*plain = (struct text){ out, len };
	return true;
}

void keys_hash(const struct keys *keys, const char *kind, unsigned district, struct text value,
               unsigned char hash[static SEAL_HASH_BYTES])
{
	struct ad ad = { .len = 0 };
	const struct seal_key *key = key_at(keys, HASH_VERSION);
	assert(key && value.ptr);
	ad_name(&ad, kind);
	ad_number(&ad, district, 4);
	seal_hash(key, (const struct text[]){ ad_text(&ad), value }, 2, hash);
}

/* ---- changing ---- */

/* A key wrapped under a file that is no longer in use would be lost with it. */
static bool still_ours(struct tx *tx, const struct keys *keys)
{
	bool ours = db_int(tx->db, -1, "SELECT count(*) FROM data_key WHERE wrapped_by <> ?1",
	                   BIND(value_text(text_of(keys->file.id)))) == 0;
	if (!ours && db_code(tx->db) == STORE_OK)
		log_error("key: the store's keys have been wrapped under another key file; begin again with that one");
	return ours;
}

/* A store without a district has no journal yet. */
static enum store_code journal_key(struct tx *tx, const struct actor *actor, struct text action, int64_t version)
{
	if (actor->district == 0)
		return STORE_OK;
	return journal_write(tx, actor, &(struct journal_line){ .action = action, .resource = TEXT("data_key"), .record = version });
}

enum store_code keys_add_version(struct tx *tx, const struct keys *keys, const struct actor *actor, int64_t *version)
{
	if (!still_ours(tx, keys))
		return db_code(tx->db) == STORE_OK ? STORE_REFUSED : db_code(tx->db);
	*version = db_int(tx->db, 0, "SELECT max(version) FROM data_key", BIND_NONE) + 1;
	if (db_code(tx->db) == STORE_OK && *version >= VERSIONS_MAX) {
		log_error("key: there are too many versions");
		return STORE_REFUSED;
	}
	enum store_code code = db_code(tx->db);
	if (code == STORE_OK)
		code = insert_key(tx, &keys->file, *version, keys->file.key.suite);
	return code == STORE_OK ? journal_key(tx, actor, TEXT("rotate"), *version) : code;
}

static enum store_code wrap_anew(struct tx *tx, const struct keys *keys, const struct key_file *to, unsigned version)
{
	struct wrapped wrapped;
	int64_t changed = 0;
	const struct seal_key *key = key_at(keys, version);
	wrap(to, version, key->suite, key->key, &wrapped);
	enum store_code code = db_exec(tx->db, "UPDATE data_key SET wrapped = ?2, wrapped_by = ?3 WHERE version = ?1",
		BIND(value_int(version), value_blob(wrapped.text), value_text(text_of(to->id))), &changed);
	return code == STORE_OK && changed != 1 ? STORE_REFUSED : code;
}

enum store_code keys_rewrap(struct tx *tx, const struct keys *keys, const struct key_file *to, const struct actor *actor)
{
	if (!still_ours(tx, keys))
		return db_code(tx->db) == STORE_OK ? STORE_REFUSED : db_code(tx->db);
	/* One that came beside us is not in memory, and must not be left behind. */
	int64_t newest = db_int(tx->db, 0, "SELECT max(version) FROM data_key", BIND_NONE);
	enum store_code code = db_code(tx->db);
	if (code == STORE_OK && newest != keys->newest) {
		log_error("key: another server has just added a key; begin again");
		code = STORE_REFUSED;
	}
	for (unsigned version = 0; version <= keys->newest && code == STORE_OK; version++)
		if (key_at(keys, version))
			code = wrap_anew(tx, keys, to, version);
	return code == STORE_OK ? journal_key(tx, actor, TEXT("rewrap"), newest) : code;
}
