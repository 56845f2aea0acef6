/* SPDX-License-Identifier: Apache-2.0 */
/* test_files.c - encrypted files on disk: what is kept comes back, what is altered does not, what nobody wants goes after a day. */
#include "engine/file_store.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DISTRICT = 7, MOST = 200000, PIECE = 65536, PARTS = 256 };

static const struct clock test_clock;
static const int64_t now_ms = INT64_C(1795581832752);
static char dir[96];
static char bytes[MOST], back[MOST];
static struct store *store;
static struct keys *keys;
static enum suite suite; /* the whole list runs once for each */

static int setup(void **state)
{
	(void)state;
	const struct schema *const schemas[] = { &keys_schema };
	char url[128], path[128];
	if (!scratch_make())
		return -1;
	snprintf(url, sizeof url, "sqlite:%s/test.db", scratch);
	snprintf(path, sizeof path, "%s/test.db.key", scratch);
	snprintf(dir, sizeof dir, "%s/files", scratch);
	const struct store_options options = { .url = url, .clock = &test_clock, .create = true, .schemas = schemas, .schema_count = 1 };
	const struct keys_wish wish = { .suite_said = true, .suite = suite };
	if (store_open(&options, &store) != STORE_OPENED)
		return -1;
	for (size_t i = 0; i < MOST; i++)
		bytes[i] = (char)(i * 31 + i / 1000);
	keys = keys_new();
	return keys_make(keys, store, path, &wish) == KEYS_FINE ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	keys_free(keys);
	store_close(store);
	return scratch_remove();
}

static struct file_place keep(int64_t id, size_t len)
{
	struct file_place place = file_place(keys, dir, DISTRICT, id);
	assert_int_equal(file_keep(&place, keys, (struct text){ bytes, len }, now_ms), STORE_OK);
	return place;
}

/* Reads it in odd pieces, as a network does. */
static void assert_comes_back(const struct file_place *place, size_t len)
{
	struct content *content = NULL;
	assert_int_equal(file_open(place, keys, (int64_t)len, &content), FILE_FINE);
	for (size_t at = 0; at < len;) {
		ssize_t n = content->read(content, (int64_t)at, back + at, 5000);
		assert_true(n > 0 && (size_t)n <= len - at);
		at += (size_t)n;
	}
	content->close(content);
	assert_memory_equal(back, bytes, len);
}

static void what_is_kept_comes_back(void **state)
{
	(void)state;
	const size_t sizes[] = { 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, MOST };
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct file_place place = keep((int64_t)i + 1, sizes[i]);
		assert_true(file_is_whole(&place, (int64_t)sizes[i]));
		assert_false(file_is_whole(&place, (int64_t)sizes[i] + 1));
		assert_comes_back(&place, sizes[i]);
	}
}

static void it_opens_as_itself_alone(void **state)
{
	(void)state;
	struct file_place one = keep(21, 100), other = keep(22, 100);
	struct content *content = NULL;
	memcpy(other.name, one.name, sizeof other.name); /* the bytes of the one, as the other */
	assert_int_equal(file_open(&other, keys, 100, &content), FILE_DAMAGED);
	other.id = 21;
	other.district = DISTRICT + 1;
	assert_int_equal(file_open(&other, keys, 100, &content), FILE_DAMAGED);
	assert_null(content);
	assert_comes_back(&one, 100);
}

static void a_name_is_given_once(void **state)
{
	(void)state;
	struct file_place place = keep(31, 10);
	struct file_place again = file_place(keys, dir, DISTRICT, 31);
	assert_string_equal(place.name, again.name);
	assert_string_not_equal(place.name, file_place(keys, dir, DISTRICT, 32).name);
	assert_string_not_equal(place.name, file_place(keys, dir, DISTRICT + 1, 31).name);
}

static const char *wanted_name;
static unsigned asked;

static bool is_wanted(void *arg, const char *name)
{
	(void)arg;
	asked++;
	return strcmp(name, wanted_name) == 0;
}

static void sweep(int64_t at_ms)
{
	for (unsigned part = 0; part < PARTS; part++)
		file_sweep(dir, DISTRICT, part, at_ms, is_wanted, NULL);
}

static void what_nobody_wants_goes_after_a_day(void **state)
{
	(void)state;
	struct file_place wanted = keep(41, 10), unwanted = keep(42, 10);
	char part[256];
	snprintf(part, sizeof part, "%s/%d/%.2s/%s.part", dir, DISTRICT, wanted.name, wanted.name);
	FILE *half = fopen(part, "w");
	assert_non_null(half);
	fclose(half);
	wanted_name = wanted.name;
	asked = 0;
	sweep(now_ms + FILE_AGE_MS - 60000);
	assert_int_equal(asked, 0);
	assert_true(file_is_whole(&unwanted, 10));
	sweep(now_ms + INT64_C(400) * FILE_AGE_MS); /* the half one has the time of the machine */
	assert_true(asked >= 3);
	assert_false(file_is_whole(&unwanted, 10));
	assert_int_equal(access(part, F_OK), -1);
	assert_comes_back(&wanted, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_comes_back), cmocka_unit_test(it_opens_as_itself_alone),
		cmocka_unit_test(a_name_is_given_once), cmocka_unit_test(what_nobody_wants_goes_after_a_day),
	};
	int failed = 0;
	for (suite = SUITE_AES; suite <= SUITE_SM; suite++)
		failed += cmocka_run_group_tests(tests, setup, teardown);
	return failed;
}
