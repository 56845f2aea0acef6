/* SPDX-License-Identifier: Apache-2.0 */
/* test_session.c - when sessions were last used is written down of all of them, however many there are.
 * Runs on the empty database of SONGHE_TEST_STORE (sqlite:PATH or postgresql://...), or on a file of its own. */
#include "base/crypto.h"
#include "care/modules.h"
#include "engine/job.h"
#include "engine/keys.h"
#include "engine/session.h"
#include "moved.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START_MS INT64_C(1750000000000)

enum { DISTRICT = 370, SESSIONS = 500, MINUTE_MS = 60000 };

static volatile int64_t now_ms = START_MS;
static const struct clock test_clock = { .shared = &now_ms };
static const struct module *const modules[] = { &account_module, &job_module, &area_module };
static const struct actor actor = { .user = 7, .name = "li", .channel = "web", .district = DISTRICT };
static char tokens[SESSIONS][TOKEN_CHARS + 1];
static struct app *app;
static struct arena arena;

static enum store_code insert(struct tx *tx, void *arg)
{
	(void)arg;
	enum store_code code = STORE_OK;
	for (int i = 0; i < SESSIONS && code == STORE_OK; i++)
		code = db_exec(tx->db, "INSERT INTO session (token_hash, district, id, account, channel, created_at, used_at, ends_at)"
			" VALUES (?1, ?2, ?3, ?4, 'web', ?5, ?5, 0)", BIND(value_text(session_hash(&arena, text_of(tokens[i]))),
			value_int(DISTRICT), value_int(i + 1), value_int(actor.user), value_int(START_MS)), NULL);
	return code;
}

static int setup(void **state)
{
	(void)state;
	char url[256], seal_file[128];
	enum store_open_result result;
	arena = arena_new((size_t)64 << 20);
	if (!scratch_make())
		return -1;
	scratch_url(url, sizeof url);
	snprintf(seal_file, sizeof seal_file, "%s/seal", scratch);
	const struct keys_wish keys = { .file = seal_file };
	app = app_open(&(struct store_options){ .url = url, .clock = &test_clock, .create = true }, &keys, modules, COUNT(modules), &result);
	if (!app)
		return -1;
	struct policy policy = { .values = { [POLICY_SESSION_IDLE_MINUTES] = 30, [POLICY_SESSION_HOURS] = 12 } };
	for (int i = 0; i < SESSIONS; i++) {
		token_new(tokens[i]);
		session_remember(app, sessions_changes(app->sessions), text_of(tokens[i]), &actor, &policy);
	}
	return store_command(app->store, LANE_INTERACTIVE, insert, NULL) == STORE_OK ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	app_close(app);
	arena_free(&arena);
	return scratch_remove();
}

/* ---- helpers ---- */

static void use_all(void)
{
	for (int i = 0; i < SESSIONS; i++) {
		struct call call;
		call_start(&call, app, &arena);
		call.session_token = text_of(tokens[i]);
		assert_true(session_known(app, &call));
		call_end(&call);
	}
}

static enum store_code count(struct db *db, void *arg)
{
	int64_t *used = arg;
	*used = db_int(db, -1, "SELECT count(*) FROM session WHERE used_at = ?1", BIND(value_int(*used)));
	return db_code(db);
}

static int64_t used_at(int64_t at_ms)
{
	assert_int_equal(store_read(app->store, 0, count, &at_ms), STORE_OK);
	return at_ms;
}

static enum store_code used_elsewhere(struct tx *tx, void *at_ms)
{
	return db_exec(tx->db, "UPDATE session SET used_at = ?1 WHERE id = 1", BIND(value_int(*(int64_t *)at_ms)), NULL);
}

/* ---- tests ---- */

static void all_uses_are_noted(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		move_to(&now_ms, now_ms + 2 * MINUTE_MS);
		use_all();
		sessions_tend(app);
		assert_int_equal(used_at(now_ms), SESSIONS);
	}
}

static void a_later_use_at_another_server_stays(void **state)
{
	(void)state;
	move_to(&now_ms, now_ms + 2 * MINUTE_MS);
	use_all();
	int64_t later = now_ms + MINUTE_MS;
	assert_int_equal(store_command(app->store, LANE_INTERACTIVE, used_elsewhere, &later), STORE_OK);
	sessions_tend(app);
	assert_int_equal(used_at(later), 1);
	assert_int_equal(used_at(now_ms), SESSIONS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_uses_are_noted),
		cmocka_unit_test(a_later_use_at_another_server_stays),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
