/* SPDX-License-Identifier: Apache-2.0 */
/* test_keys.c - the key file, the keys in the store, and what is sealed with them. */
#include "base/log.h"
#include "engine/keys.h"
#include "scratch.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { THREADS = 3, ROTATIONS = 20, TEXT_MAX = 512 };

static const struct clock test_clock;
static char url[128], path[128], other_path[128];
static struct store *store;
static struct keys *keys;
static struct arena arena;

static enum suite suite; /* of all that the tests make; the whole list runs once for each */

static struct keys_wish wish_of(enum suite wanted)
{
	return (struct keys_wish){ .suite_said = true, .suite = wanted };
}

static enum keys_result make(struct keys *into, const char *file)
{
	struct keys_wish wish = wish_of(suite);
	return keys_make(into, store, file, &wish);
}

static int setup(void **state)
{
	(void)state;
	const struct schema *const schemas[] = { &keys_schema };
	if (!scratch_make())
		return -1;
	snprintf(url, sizeof url, "sqlite:%s/test.db", scratch);
	snprintf(path, sizeof path, "%s/test.db.key", scratch);
	snprintf(other_path, sizeof other_path, "%s/other.key", scratch);
	const struct store_options options = { .url = url, .clock = &test_clock, .create = true, .schemas = schemas, .schema_count = 1 };
	if (store_open(&options, &store) != STORE_OPENED)
		return -1;
	arena = arena_new(64 << 20);
	keys = keys_new();
	return make(keys, path) == KEYS_FINE ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	keys_free(keys);
	arena_free(&arena);
	store_close(store);
	return scratch_remove();
}

/* ---- helpers ---- */

static struct text slurp(const char *file)
{
	char *bytes = arena_take(&arena, TEXT_MAX);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, bytes, TEXT_MAX);
	assert_true(len >= 0);
	close(fd);
	return (struct text){ bytes, (size_t)len };
}

static void spill(const char *file, struct text text)
{
	int fd = open(file, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, text.ptr, text.len), text.len);
	close(fd);
}

static enum store_code run_sql(struct tx *tx, void *sql)
{
	return db_exec(tx->db, sql, BIND_NONE, NULL);
}

static void change(const char *sql)
{
	assert_int_equal(store_command(store, LANE_INTERACTIVE, run_sql, (void *)(uintptr_t)sql), STORE_OK);
}

static enum keys_result load_anew(const char *file)
{
	struct keys *again = keys_new();
	enum keys_result result = keys_load(again, store, file);
	keys_free(again);
	return result;
}

struct rotation {
	struct keys *keys;
	const struct key_file *to;
	int64_t version;
};

static const struct actor nobody = { .district = 0 };

static enum store_code add_version(struct tx *tx, void *arg)
{
	struct rotation *rotation = arg;
	return keys_add_version(tx, rotation->keys, &nobody, &rotation->version);
}

static enum store_code wrap_anew(struct tx *tx, void *arg)
{
	struct rotation *rotation = arg;
	return keys_rewrap(tx, rotation->keys, rotation->to, &nobody);
}

static enum store_code refresh(struct db *db, void *arg)
{
	return keys_refresh(arg, db);
}

static int64_t rotate(struct keys *with)
{
	struct rotation rotation = { .keys = with };
	assert_int_equal(store_command(store, LANE_INTERACTIVE, add_version, &rotation), STORE_OK);
	return rotation.version;
}

static const struct seal_place somewhere = { .district = 258, .resource = "elder", .field = "id_card", .id = 4711 };

static bool opens(const struct keys *with, const struct seal_place *place, struct text box, const char *wanted)
{
	struct text plain = TEXT("stale");
	bool open = keys_unseal(with, &arena, place, box, &plain);
	assert_true(open ? text_is(plain, wanted) : !plain.ptr);
	return open;
}

/* ---- the key file ---- */

static void a_key_file_is_for_its_owner_alone(void **state)
{
	(void)state;
	struct stat now;
	assert_int_equal(stat(path, &now), 0);
	assert_int_equal(now.st_mode & 0777, 0600);
	assert_int_equal(now.st_uid, geteuid());
	struct key_file file;
	static const mode_t open_ones[] = { 0640, 0604, 0620, 0601, 0666 }, closed_ones[] = { 0600, 0400, 0700 };
	for (size_t i = 0; i < COUNT(open_ones); i++) {
		chmod(path, open_ones[i]);
		assert_int_equal(key_file_read(path, &file), KEY_FILE_EXPOSED);
		assert_int_equal(load_anew(path), KEYS_EXPOSED);
	}
	for (size_t i = 0; i < COUNT(closed_ones); i++) {
		chmod(path, closed_ones[i]);
		assert_int_equal(key_file_read(path, &file), KEY_FILE_FINE);
	}
	key_file_wipe(&file);
}

static void a_key_file_is_made_once(void **state)
{
	(void)state;
	struct key_file first, second;
	struct text before = slurp(path);
	assert_true(key_file_make(path, SUITE_AES));
	assert_true(text_eq(slurp(path), before));
	assert_int_equal(key_file_read(path, &first), KEY_FILE_FINE);
	assert_int_equal(first.key.suite, suite);
	assert_int_equal(strlen(first.id), KEY_ID_CHARS);
	assert_true(key_file_make(other_path, suite));
	assert_int_equal(key_file_read(other_path, &second), KEY_FILE_FINE);
	assert_string_not_equal(first.id, second.id);
	assert_memory_not_equal(first.key.key, second.key.key, SEAL_KEY_BYTES);
	assert_false(key_file_make("/nonexistent/songhe.key", suite));
	assert_int_equal(key_file_read("/nonexistent/songhe.key", &second), KEY_FILE_NONE);
	assert_int_equal(key_file_read(scratch, &second), KEY_FILE_BAD);
}

static void a_slip_of_the_pen_is_found(void **state)
{
	(void)state;
	struct key_file file;
	struct text good = slurp(path);
	for (size_t i = 0; i + 2 < good.len; i++) { /* not the last digit, two bits of which say nothing, nor the line's end */
		char *bad = (char *)text_copy(&arena, good).ptr;
		bad[i] = bad[i] == 'Q' ? 'R' : 'Q';
		spill(other_path, (struct text){ bad, good.len });
		assert_int_equal(key_file_read(other_path, &file), KEY_FILE_BAD);
	}
	for (size_t len = 0; len + 1 < good.len; len++) {
		spill(other_path, (struct text){ good.ptr, len });
		assert_int_equal(key_file_read(other_path, &file), KEY_FILE_BAD);
	}
	spill(other_path, text_printf(&arena, "%.*smore\n", TEXT_ARG(good)));
	assert_int_equal(key_file_read(other_path, &file), KEY_FILE_BAD);
	spill(other_path, text_printf(&arena, "%.*s%500s", TEXT_ARG(good), ""));
	assert_int_equal(key_file_read(other_path, &file), KEY_FILE_BAD);
	spill(other_path, (struct text){ good.ptr, good.len - 1 });
	assert_int_equal(key_file_read(other_path, &file), KEY_FILE_FINE);
	key_file_wipe(&file);
}

/* What was kept on paper years ago must be readable. */
static void key_files_of_old_are_read(void **state)
{
	(void)state;
	static const char *const files[] = {
		"songhe-key 1 aes\nid 86f249054d90a3f2\nkey AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n",
		"songhe-key 1 sm\r\nid df4f7b2d1b416e63\r\nkey AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\r\n",
	};
	for (size_t i = 0; i < COUNT(files); i++) {
		struct key_file file;
		spill(other_path, text_of(files[i]));
		assert_int_equal(key_file_read(other_path, &file), KEY_FILE_FINE);
		assert_int_equal(file.key.suite, i == 0 ? SUITE_AES : SUITE_SM);
		for (unsigned k = 0; k < SEAL_KEY_BYTES; k++)
			assert_int_equal(file.key.key[k], k);
	}
}

/* ---- opening ---- */

static void a_store_opens_with_its_own_key_file_only(void **state)
{
	(void)state;
	assert_int_equal(load_anew(path), KEYS_FINE);
	assert_int_equal(load_anew(other_path), KEYS_NO_FILE);
	assert_int_equal(load_anew(NULL), KEYS_NO_FILE);
	assert_true(key_file_make(other_path, suite));
	assert_int_equal(load_anew(other_path), KEYS_WRONG_FILE);
	spill(other_path, TEXT("rubbish"));
	assert_int_equal(load_anew(other_path), KEYS_NO_FILE);
}

static void a_store_gets_its_keys_once(void **state)
{
	(void)state;
	struct keys *second = keys_new();
	struct text box = keys_seal(keys, &arena, &somewhere, TEXT("13800138000"));
	assert_int_equal(make(second, path), KEYS_FINE);
	assert_int_equal(keys_newest(second), 1);
	assert_true(opens(second, &somewhere, box, "13800138000"));
	keys_free(second);
	/* One that has none tells so, and takes the key file that is there, in the suite of that. */
	change("DELETE FROM data_key");
	assert_int_equal(load_anew(path), KEYS_NONE);
	struct text before = slurp(path);
	second = keys_new();
	struct keys_wish wrong = wish_of(suite == SUITE_AES ? SUITE_SM : SUITE_AES), open = { .file = path };
	assert_int_equal(keys_make(second, store, NULL, &open), KEYS_NO_FILE);
	assert_int_equal(keys_make(second, store, path, &wrong), KEYS_WRONG_FILE);
	assert_int_equal(load_anew(path), KEYS_NONE);
	assert_int_equal(keys_make(second, store, path, &open), KEYS_FINE);
	assert_int_equal(keys_suite(second), suite);
	assert_true(text_eq(slurp(path), before));
	assert_false(opens(second, &somewhere, box, "13800138000"));
	keys_free(second);
}

static void altered_keys_are_not_used(void **state)
{
	(void)state;
	static const char *const alterations[] = {
		"UPDATE data_key SET wrapped = zeroblob(length(wrapped)) WHERE version = 1",
		"UPDATE data_key SET wrapped = x'' WHERE version = 0",
		"UPDATE data_key SET wrapped = zeroblob(10000) WHERE version = 1",
		"UPDATE data_key SET suite = CASE suite WHEN 'aes' THEN 'sm' ELSE 'aes' END WHERE version = 1",
		"UPDATE data_key SET suite = 'des' WHERE version = 1",
		"UPDATE data_key SET purpose = 'hash' WHERE version = 1",
		"UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key WHERE version = 0) WHERE version = 1",
		"UPDATE data_key SET version = 2 WHERE version = 1",
		"UPDATE data_key SET version = 5000000000 WHERE version = 1",
		"UPDATE data_key SET version = -1 WHERE version = 0",
		"UPDATE data_key SET wrapped_by = '0000000000000000' WHERE version = 1",
		"DELETE FROM data_key WHERE version = 0",
		"DELETE FROM data_key WHERE version = 1",
	};
	change("CREATE TABLE saved AS SELECT * FROM data_key");
	for (size_t i = 0; i < COUNT(alterations); i++) {
		change(alterations[i]);
		assert_int_equal(load_anew(path), KEYS_WRONG_FILE);
		change("DELETE FROM data_key");
		change("INSERT INTO data_key SELECT * FROM saved");
		assert_int_equal(load_anew(path), KEYS_FINE);
	}
	change("DROP TABLE saved");
}

static void the_key_file_lies_beside_the_store(void **state)
{
	(void)state;
	struct keys_wish none = { .file = NULL }, named = { .file = "/elsewhere" };
	assert_string_equal(keys_path(&arena, url, &none), path);
	assert_string_equal(keys_path(&arena, url, &named), "/elsewhere");
	assert_null(keys_path(&arena, "postgresql:///songhe", &none));
	assert_string_equal(keys_path(&arena, "postgresql:///songhe", &named), "/elsewhere");
}

/* ---- using ---- */

static void what_was_sealed_opens_in_its_place_only(void **state)
{
	(void)state;
	struct text box = keys_seal(keys, &arena, &somewhere, TEXT("37061319410308002X"));
	assert_int_equal(box.len, 4 + seal_size(suite, 18));
	assert_memory_equal(box.ptr, "\0\0\0\1", 4);
	assert_true(opens(keys, &somewhere, box, "37061319410308002X"));
	const struct seal_place others[] = {
		{ 259, "elder", "id_card", 4711 }, { 258, "elder", "id_card", 4712 }, { 258, "elder", "phone", 4711 },
		{ 258, "facility", "id_card", 4711 }, { 258, "elderi", "d_card", 4711 }, { 258, "elder", "id_card", -4711 },
		{ 258, "elder", "id_card2", 4711 }, { 258, "", "elderid_card", 4711 },
	};
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(opens(keys, &others[i], box, ""));
	assert_false(text_eq(box, keys_seal(keys, &arena, &somewhere, TEXT("37061319410308002X"))));
}

static void every_altered_byte_is_refused(void **state)
{
	(void)state;
	rotate(keys);
	assert_int_equal(store_read(store, 0, refresh, keys), STORE_OK);
	struct text box = keys_seal(keys, &arena, &somewhere, TEXT("高血压"));
	char *bytes = (char *)text_copy(&arena, box).ptr;
	for (size_t i = 0; i < box.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			bytes[i] = (char)(bytes[i] ^ 1 << bit);
			assert_false(opens(keys, &somewhere, (struct text){ bytes, box.len }, ""));
			bytes[i] = (char)(bytes[i] ^ 1 << bit);
		}
	for (size_t len = 0; len < box.len; len++)
		assert_false(opens(keys, &somewhere, (struct text){ bytes, len }, ""));
	assert_true(opens(keys, &somewhere, (struct text){ bytes, box.len }, "高血压"));
}

static void missing_stays_missing_and_empty_stays_empty(void **state)
{
	(void)state;
	struct text plain = TEXT("stale");
	assert_null(keys_seal(keys, &arena, &somewhere, TEXT_NONE).ptr);
	assert_true(keys_unseal(keys, &arena, &somewhere, TEXT_NONE, &plain));
	assert_null(plain.ptr);
	assert_true(keys_unseal(keys, &arena, &somewhere, keys_seal(keys, &arena, &somewhere, TEXT("")), &plain));
	assert_non_null(plain.ptr);
	assert_int_equal(plain.len, 0);
}

static void equal_values_have_equal_hashes_within_their_kind(void **state)
{
	(void)state;
	unsigned char hash[SEAL_HASH_BYTES], other[SEAL_HASH_BYTES];
	struct keys *again = keys_new();
	const struct {
		const char *kind, *value;
		unsigned district;
	} different[] = { { "phone", "8002", 258 }, { "id_card", "8003", 258 }, { "id_card", "8002", 259 }, { "id_card", "", 258 },
		          { "id_card.last4", "8002", 258 }, { "id_card", "80020", 258 } };
	rotate(keys); /* the hash's key stays the same */
	assert_int_equal(keys_load(again, store, path), KEYS_FINE);
	keys_hash(keys, "id_card", 258, TEXT("8002"), hash);
	keys_hash(again, "id_card", 258, TEXT("8002"), other);
	assert_memory_equal(hash, other, sizeof hash);
	for (size_t i = 0; i < COUNT(different); i++) {
		keys_hash(keys, different[i].kind, different[i].district, text_of(different[i].value), other);
		assert_memory_not_equal(hash, other, sizeof hash);
	}
	keys_free(again);
}

/* ---- changing ---- */

static void old_boxes_open_after_a_new_version(void **state)
{
	(void)state;
	struct keys *other = keys_new();
	assert_int_equal(keys_load(other, store, path), KEYS_FINE);
	struct text old = keys_seal(keys, &arena, &somewhere, TEXT("old"));
	assert_int_equal(rotate(keys), 2);
	assert_int_equal(keys_newest(keys), 1); /* not before it is read again */
	assert_int_equal(store_read(store, 0, refresh, keys), STORE_OK);
	assert_int_equal(keys_newest(keys), 2);
	struct text new = keys_seal(keys, &arena, &somewhere, TEXT("new"));
	assert_true(opens(keys, &somewhere, old, "old"));
	assert_true(opens(keys, &somewhere, new, "new"));
	/* Another server sees that it lacks the key. */
	assert_true(keys_know(other, old));
	assert_false(keys_know(other, new));
	assert_false(opens(other, &somewhere, new, "new"));
	assert_int_equal(store_read(store, 0, refresh, other), STORE_OK);
	assert_true(keys_know(other, new));
	assert_true(opens(other, &somewhere, new, "new"));
	keys_free(other);
}

static void another_key_file_opens_what_was_sealed_before(void **state)
{
	(void)state;
	struct key_file to;
	rotate(keys);
	assert_int_equal(store_read(store, 0, refresh, keys), STORE_OK);
	struct text box = keys_seal(keys, &arena, &somewhere, TEXT("kept"));
	assert_true(key_file_make(other_path, suite));
	assert_int_equal(key_file_read(other_path, &to), KEY_FILE_FINE);
	struct rotation rotation = { .keys = keys, .to = &to };
	assert_int_equal(store_command(store, LANE_INTERACTIVE, wrap_anew, &rotation), STORE_OK);
	assert_int_equal(load_anew(path), KEYS_WRONG_FILE);
	struct keys *again = keys_new();
	assert_int_equal(keys_load(again, store, other_path), KEYS_FINE);
	assert_int_equal(keys_newest(again), 2);
	assert_true(opens(again, &somewhere, box, "kept"));
	/* Whoever still has the old file adds nothing that only he could open. */
	assert_int_equal(store_command(store, LANE_INTERACTIVE, add_version, &rotation), STORE_REFUSED);
	assert_int_equal(store_command(store, LANE_INTERACTIVE, wrap_anew, &rotation), STORE_REFUSED);
	/* And goes on with what he has, beside what he cannot open. */
	rotate(again);
	assert_int_equal(store_read(store, 0, refresh, keys), STORE_OK);
	assert_int_equal(keys_newest(keys), 2);
	assert_true(opens(keys, &somewhere, box, "kept"));
	keys_free(again);
	key_file_wipe(&to);
}

/* One that was added beside us must not stay wrapped under the old file. */
static void no_key_is_left_behind(void **state)
{
	(void)state;
	struct key_file to;
	rotate(keys);
	assert_true(key_file_make(other_path, suite));
	assert_int_equal(key_file_read(other_path, &to), KEY_FILE_FINE);
	struct rotation rotation = { .keys = keys, .to = &to };
	assert_int_equal(store_command(store, LANE_INTERACTIVE, wrap_anew, &rotation), STORE_REFUSED);
	assert_int_equal(load_anew(path), KEYS_FINE);
	key_file_wipe(&to);
}

static atomic_bool stop;

static void *use(void *arg)
{
	struct arena own = arena_new(1 << 20);
	uintptr_t wrong = 0;
	(void)arg;
	while (!stop) {
		struct text plain;
		unsigned char hash[SEAL_HASH_BYTES];
		struct text box = keys_seal(keys, &own, &somewhere, TEXT("37061319410308002X"));
		wrong += !keys_unseal(keys, &own, &somewhere, box, &plain) || !text_is(plain, "37061319410308002X");
		keys_hash(keys, "id_card", 258, plain, hash);
		arena_reset(&own);
	}
	arena_free(&own);
	return (void *)wrong;
}

static void versions_are_added_while_others_seal(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	stop = false;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, NULL), 0);
	for (int i = 0; i < ROTATIONS; i++) {
		rotate(keys);
		assert_int_equal(store_read(store, 0, refresh, keys), STORE_OK);
	}
	stop = true;
	for (int i = 0; i < THREADS; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_int_equal(keys_newest(keys), 1 + ROTATIONS);
}

#define IN_A_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_STORE(a_key_file_is_for_its_owner_alone),
		IN_A_STORE(a_key_file_is_made_once),
		IN_A_STORE(a_slip_of_the_pen_is_found),
		IN_A_STORE(key_files_of_old_are_read),
		IN_A_STORE(a_store_opens_with_its_own_key_file_only),
		IN_A_STORE(a_store_gets_its_keys_once),
		IN_A_STORE(altered_keys_are_not_used),
		IN_A_STORE(the_key_file_lies_beside_the_store),
		IN_A_STORE(what_was_sealed_opens_in_its_place_only),
		IN_A_STORE(every_altered_byte_is_refused),
		IN_A_STORE(missing_stays_missing_and_empty_stays_empty),
		IN_A_STORE(equal_values_have_equal_hashes_within_their_kind),
		IN_A_STORE(old_boxes_open_after_a_new_version),
		IN_A_STORE(another_key_file_opens_what_was_sealed_before),
		IN_A_STORE(no_key_is_left_behind),
		IN_A_STORE(versions_are_added_while_others_seal),
	};
	int failed = 0;
	for (suite = SUITE_AES; suite <= SUITE_SM; suite++)
		failed += cmocka_run_group_tests_name(suite_name(suite), tests, NULL, NULL);
	return failed;
}
