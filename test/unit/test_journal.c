/* SPDX-License-Identifier: Apache-2.0 */
/* test_journal.c - what a line keeps, the history of a record, checkpoints.
 * Runs on the empty database of SONGHE_TEST_STORE (sqlite:PATH or postgresql://...), or on a file of its own. */
#include "care/modules.h"
#include "engine/checkpoint.h"
#include "engine/job.h"
#include "engine/keys.h"
#include "engine/session.h"
#include "scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS INT64_C(1750000000000)

enum { DISTRICT = 370, LINES_MAX = 64, WAIT_TRIES = 3000 };

static volatile int64_t now_ms = START_MS;
static const struct clock test_clock = { .shared = &now_ms };
static const struct module *const modules[] = { &account_module, &job_module, &area_module };
static char url[256], key_file[128], seal_file[128], file[128];
static struct app *app;
static struct arena arena;
static const struct actor actor = { .user = 7, .name = "li", .channel = "web", .district = DISTRICT };

static int open_app(void)
{
	enum store_open_result result;
	const struct keys_wish keys = { .file = seal_file };
	app = app_open(&(struct store_options){ .url = url, .clock = &test_clock, .create = true }, &keys, modules, COUNT(modules), &result);
	return app ? 0 : -1;
}

static enum store_code add_district(struct tx *tx, void *arg)
{
	(void)arg;
	return db_exec(tx->db, "INSERT INTO district (number, name, plan, area) VALUES (?1, '某区', 'none', 370000000000000)",
	               BIND(value_int(DISTRICT)), NULL);
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new((size_t)64 << 20);
	if (!scratch_make())
		return -1;
	snprintf(key_file, sizeof key_file, "%s/key", scratch);
	snprintf(seal_file, sizeof seal_file, "%s/seal", scratch);
	snprintf(file, sizeof file, "%s/checkpoints", scratch);
	scratch_url(url, sizeof url);
	return open_app() == 0 && store_command(app->store, LANE_BULK, add_district, NULL) == STORE_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	app_close(app);
	arena_free(&arena);
	return scratch_remove();
}

/* ---- helpers ---- */

struct kept {
	struct journal_line lines[LINES_MAX];
	int count;
	unsigned district;
	struct text resource;
	int64_t record, from, head;
	int limit;
};

static enum store_code write_line(struct tx *tx, void *arg)
{
	return journal_write(tx, &actor, arg);
}

static enum store_code read_head(struct db *db, void *arg)
{
	*(int64_t *)arg = journal_head(db, DISTRICT);
	return db_code(db);
}

static int64_t head(void)
{
	int64_t pos = 0;
	assert_int_equal(store_read(app->store, 0, read_head, &pos), STORE_OK);
	return pos;
}

/* Writes a line and waits for its place, which it gets a moment later on PostgreSQL. */
static int64_t put(struct journal_line line)
{
	int64_t before = head();
	assert_int_equal(store_command(app->store, LANE_INTERACTIVE, write_line, &line), STORE_OK);
	for (int tries = 0; tries < WAIT_TRIES && head() == before; tries++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	assert_int_equal(head(), before + 1);
	return before + 1;
}

static bool keep(void *arg, const struct journal_line *line)
{
	struct kept *kept = arg;
	struct journal_line *mine = &kept->lines[kept->count++];
	*mine = *line;
	struct text *const texts[] = { &mine->actor, &mine->channel, &mine->behalf, &mine->action, &mine->resource, &mine->fields,
		                       &mine->detail };
	for (size_t i = 0; i < COUNT(texts); i++)
		*texts[i] = text_copy(&arena, *texts[i]);
	return kept->count < LINES_MAX;
}

static enum store_code read_lines(struct db *db, void *arg)
{
	struct kept *kept = arg;
	return kept->record ? journal_history(db, DISTRICT, kept->resource, kept->record, kept->from, kept->limit, keep, kept)
	                    : journal_read(db, DISTRICT, kept->from, kept->limit, keep, kept);
}

static void read_into(struct kept *kept)
{
	kept->count = 0;
	assert_int_equal(store_read(app->store, 0, read_lines, kept), STORE_OK);
}

static void assert_same(const struct journal_line *got, const struct journal_line *want)
{
	assert_int_equal(got->record, want->record);
	assert_int_equal(got->version, want->version);
	assert_memory_equal(&got->places, &want->places, sizeof got->places);
	assert_true(text_eq(got->behalf, want->behalf));
	assert_true(text_eq(got->action, want->action));
	assert_true(text_eq(got->resource, want->resource));
	assert_true(text_eq(got->fields, want->fields));
	assert_true(text_eq(got->detail, want->detail));
	assert_int_equal(got->user, actor.user);
	assert_int_equal(got->at_ms, now_ms);
	assert_true(text_is(got->actor, "li"));
	assert_true(text_is(got->channel, "web"));
}

/* ---- lines ---- */

static void a_line_keeps_what_was_written(void **state)
{
	(void)state;
	const struct journal_line lines[] = {
		{ .resource = TEXT("elder"), .record = 11, .version = 1, .action = TEXT("create"),
		  .places = { 1, 2, 3, 4, 5, 6, 7 }, .behalf = TEXT("女儿 王某，电话"), .detail = TEXT("{\"name\":[null,\"王\"]}") },
		{ .resource = TEXT("elder"), .record = 11, .version = 1, .action = ACTION_LOOK, .places = { .area = 1, .subject = 11 },
		  .fields = TEXT("id_card"), .detail = TEXT("{\"fields\":[\"id_card\"],\"reason\":\"核对补贴\"}") },
		{ .resource = TEXT("elder"), .action = ACTION_LIST, .fields = TEXT("name,phone"), .behalf = TEXT(""),
		  .detail = TEXT("{\"filter\":{},\"fields\":[\"name\",\"phone\"],\"count\":20}") },
		{ .resource = TEXT("elder"), .action = ACTION_EXPORT, .fields = TEXT("name"),
		  .detail = TEXT("{\"filter\":{\"==\":[{\"var\":\"sex\"},\"female\"]},\"fields\":[\"name\"],\"count\":9}") },
	};
	struct kept kept = { .from = head(), .limit = LINES_MAX };
	for (size_t i = 0; i < COUNT(lines); i++)
		put(lines[i]);
	read_into(&kept);
	assert_int_equal(kept.count, COUNT(lines));
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_same(&kept.lines[i], &lines[i]);
	assert_true(journal_is_change(TEXT("create")) && journal_is_change(TEXT("lis")) && journal_is_change(TEXT_NONE));
	assert_false(journal_is_change(ACTION_LOOK) || journal_is_change(ACTION_LIST) || journal_is_change(ACTION_EXPORT));
}

static void a_record_has_its_history(void **state)
{
	(void)state;
	int64_t places[9];
	for (int64_t i = 0; i < 9; i++) {
		put((struct journal_line){ .resource = TEXT("elder"), .record = 900 + i, .version = 1, .action = TEXT("create") });
		places[i] = put((struct journal_line){ .resource = TEXT("facility"), .record = 500, .version = i + 1,
			.action = TEXT("update") });
	}
	struct kept kept = { .resource = TEXT("facility"), .record = 500, .limit = 4 };
	const int counts[] = { 4, 4, 1, 0 };
	for (int64_t page = 0, next = 8; page < 4; page++) {
		read_into(&kept);
		assert_int_equal(kept.count, counts[page]);
		for (int i = 0; i < kept.count; i++, next--) {
			assert_int_equal(kept.lines[i].pos, places[next]);
			assert_int_equal(kept.lines[i].version, next + 1);
			kept.from = kept.lines[i].pos;
		}
	}
	struct kept none = { .resource = TEXT("elder"), .record = 500, .limit = 4 };
	read_into(&none);
	assert_int_equal(none.count, 0);
}

/* ---- checkpoints ---- */

static void a_checkpoint_holds_every_byte(void **state)
{
	(void)state;
	struct sign_key *pair = sign_key_new(SIGN_ED25519);
	struct checkpoint is = { .district = DISTRICT, .pos = 4096, .at = clock_rfc3339(&arena, START_MS) }, got;
	for (int i = 0; i < HASH_BYTES; i++)
		is.hash[i] = (unsigned char)(i * 37);
	struct text line = checkpoint_line(&arena, &is, pair), signature;
	assert_true(checkpoint_read(line, &got, &signature) && checkpoint_fits(pair, line, signature));
	assert_int_equal(got.district, is.district);
	assert_int_equal(got.pos, is.pos);
	assert_memory_equal(got.hash, is.hash, HASH_BYTES);
	assert_true(text_eq(got.at, is.at) && text_eq(got.key, sign_public(&arena, pair)));
	char *bytes = arena_take(&arena, line.len);
	for (size_t i = 0; i < line.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(bytes, line.ptr, line.len);
			bytes[i] = (char)(bytes[i] ^ 1 << bit);
			struct text altered = { bytes, line.len };
			assert_false(checkpoint_read(altered, &got, &signature) && checkpoint_fits(pair, altered, signature));
		}
	for (size_t len = 0; len < line.len; len++) {
		struct text cut = { line.ptr, len };
		assert_false(checkpoint_read(cut, &got, &signature) && checkpoint_fits(pair, cut, signature));
	}
	sign_key_free(pair);
	pair = sign_key_new(SIGN_SM2);
	line = checkpoint_line(&arena, &is, pair);
	assert_true(checkpoint_read(line, &got, &signature) && checkpoint_fits(pair, line, signature));
	sign_key_free(pair);
}

static struct text contents(const char *path)
{
	char *bytes = arena_take(&arena, 1 << 16);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, bytes, 1 << 16);
	if (fd >= 0)
		close(fd);
	return (struct text){ bytes, len > 0 ? (size_t)len : 0 };
}

static void put_bytes(const char *path, const char *bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, bytes, strlen(bytes)), strlen(bytes));
	close(fd);
}

static int lines_in(struct text text)
{
	int count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += text.ptr[i] == '\n';
	return count;
}

/* The position in the last line; it must be signed with the key that the line names. */
static int64_t last_position(struct text text)
{
	const char *before = text.len > 1 ? memrchr(text.ptr, '\n', text.len - 1) : NULL;
	const char *from = before ? before + 1 : text.ptr;
	struct text line = { from, (size_t)(text.ptr + text.len - 1 - from) }, signature;
	struct checkpoint c;
	assert_true(checkpoint_read(line, &c, &signature));
	struct sign_key *key = sign_public_read(c.key);
	assert_true(key && checkpoint_fits(key, line, signature));
	sign_key_free(key);
	return c.pos;
}

static bool take_kept(void *arg, int64_t district, int64_t pos, struct text line)
{
	struct buf *all = arg;
	assert_int_equal(district, DISTRICT);
	assert_true(pos > 0);
	buf_text(all, line);
	buf_char(all, '\n');
	return true;
}

static enum store_code read_table(struct db *db, void *arg)
{
	return checkpoint_list(db, 0, 0, 100, take_kept, arg);
}

static void checkpoints_go_on(void **state)
{
	(void)state;
	const struct checkpoint_wish wish = { .store = url, .key_file = key_file, .file = file };
	put((struct journal_line){ .resource = TEXT("elder"), .record = 1, .action = TEXT("create") });
	assert_true(checkpoints_open(app, &wish));
	checkpoints_write(app->checkpoints);
	checkpoints_write(app->checkpoints); /* nothing new */
	assert_int_equal(lines_in(contents(file)), 1);
	assert_int_equal(last_position(contents(file)), head());
	put((struct journal_line){ .resource = TEXT("elder"), .record = 1, .action = TEXT("end") });
	put_bytes(file, "songhe-checkpoint 1 dist"); /* a power cut */
	app_tend(app);
	for (int tries = 0; tries < WAIT_TRIES && app->tends; tries++)
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	assert_int_equal(lines_in(contents(file)), 2);
	assert_int_equal(last_position(contents(file)), head());
	/* The same lines in the table; the last ones are written when the store is closed, with the same key ever after. */
	struct buf table = buf_in(&arena, 4096, 1 << 16);
	assert_int_equal(store_read(app->store, 0, read_table, &table), STORE_OK);
	assert_true(text_eq(buf_done(&table), contents(file)));
	int64_t last = put((struct journal_line){ .resource = TEXT("elder"), .record = 2, .action = TEXT("create") });
	app_close(app);
	assert_int_equal(lines_in(contents(file)), 3);
	assert_int_equal(last_position(contents(file)), last);
	assert_int_equal(open_app(), 0);
	assert_true(checkpoints_open(app, &wish));
	put((struct journal_line){ .resource = TEXT("elder"), .record = 2, .action = TEXT("end") });
	checkpoints_write(app->checkpoints);
	assert_int_equal(lines_in(contents(file)), 4);
}

static bool opens(const char *with_key, const char *to)
{
	return checkpoints_open(app, &(struct checkpoint_wish){ .store = url, .key_file = with_key, .file = to });
}

static void what_was_asked_for_and_cannot_be_is_refused(void **state)
{
	(void)state;
	char other[128];
	snprintf(other, sizeof other, "%s/other", scratch);
	app_close(app);
	assert_int_equal(open_app(), 0);
	put_bytes(other, "root:x:0:0");
	assert_false(opens(key_file, other)); /* no file of checkpoints */
	assert_true(text_is(contents(other), "root:x:0:0"));
	assert_false(opens(other, file)); /* no key in it */
	assert_false(opens("/nonexistent/key", file));
	unlink(other);
	assert_false(opens(other, file)); /* none is made: the store has its own */
	assert_int_not_equal(access(other, F_OK), 0);
	struct sign_key *stranger = sign_key_new(SIGN_ED25519);
	put_bytes(other, text_z(&arena, sign_key_pem(&arena, stranger)));
	sign_key_free(stranger);
	assert_false(opens(other, file));
	assert_null(app->checkpoints);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_keeps_what_was_written),
		cmocka_unit_test(a_record_has_its_history),
		cmocka_unit_test(a_checkpoint_holds_every_byte),
		cmocka_unit_test(checkpoints_go_on),
		cmocka_unit_test(what_was_asked_for_and_cannot_be_is_refused),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
