/* SPDX-License-Identifier: Apache-2.0 */
/* test_token_index.c - which records have a token: added, changed in part, removed, in groups and alone; looked for in every way.
 * Runs on the empty database of SONGHE_TEST_STORE (sqlite:PATH or postgresql://...). */
#include "store/token_index.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FOUND_MAX = 4096 };

static volatile int64_t now_ms = INT64_C(1750000000000);
static const struct clock test_clock = { .shared = &now_ms };
static struct store *store;
static struct arena arena;

static const char *const steps[] = { "CREATE TABLE district (number INTEGER NOT NULL PRIMARY KEY) STRICT",
	                             "INSERT INTO district (number) VALUES (1)" };
static const struct schema schema = { .owner = "test", .steps = steps, .count = COUNT(steps) };
static const struct table_column columns[] = { { .name = "version", .type = "INTEGER", .must = true } };
static const struct table table = { .name = "thing", .columns = columns, .column_count = COUNT(columns), .tokens = "thing_tokens" };

static void open_store(void)
{
	const struct schema *const schemas[] = { &schema };
	const struct table *const tables[] = { &table };
	assert_int_equal(store_open(&(struct store_options){ .url = getenv("SONGHE_TEST_STORE"), .clock = &test_clock, .create = true,
		.schemas = schemas, .schema_count = 1, .tables = tables, .table_count = 1 }, &store), STORE_OPENED);
}

/* ---- writing ---- */

struct step {
	enum { ADD, ADD_AGAIN, CHANGE, REMOVE, EMPTY } what;
	int64_t id;
	const char *tokens, *come;
	bool refuse; /* done, and then undone */
};

static enum store_code take_step(struct tx *tx, void *arg)
{
	const struct step *s = arg;
	enum store_code code = STORE_OK;
	switch (s->what) {
	case ADD:
	case ADD_AGAIN:
		code = token_index_add(tx, table.tokens, 1, s->id, text_of(s->tokens), s->what == ADD_AGAIN);
		break;
	case CHANGE:
		code = token_index_change(tx, table.tokens, 1, s->id, text_of(s->tokens), text_of(s->come));
		break;
	case REMOVE:
		code = token_index_remove(tx, table.tokens, 1, s->id, text_of(s->tokens));
		break;
	case EMPTY:
		code = token_index_empty(tx, table.tokens);
		break;
	}
	return code == STORE_OK && s->refuse ? STORE_REFUSED : code;
}

static void take(struct step step)
{
	assert_int_equal(store_command(store, LANE_INTERACTIVE, take_step, &step), step.refuse ? STORE_REFUSED : STORE_OK);
}

/* ---- looking ---- */

struct look {
	const struct sought_group *groups;
	size_t count;
	int64_t after;
	char found[FOUND_MAX];
};

static enum store_code look_in(struct db *db, struct look *l, const char *source)
{
	struct text sql = text_printf(&arena, "SELECT found FROM %s ORDER BY found", source);
	struct rows *rows = db_query(db, sql.ptr, BIND(value_text(token_index_condition(db, &arena, l->groups, l->count)),
		value_int(1), value_int(l->after)));
	size_t len = 0;
	while (rows_next(rows)) {
		struct text id = text_printf(&arena, "%lld ", (long long)rows_int(rows, 0));
		assert_true(len + id.len < FOUND_MAX);
		memcpy(l->found + len, id.ptr, id.len);
		len += id.len;
	}
	l->found[len] = 0;
	return rows_end(rows);
}

/* However it is asked on PostgreSQL, the same is found; of few, the first are not told. */
static enum store_code look(struct db *db, void *arg)
{
	struct look *l = arg, other = *l;
	struct token_index_sql sql = token_index_sql(&arena, table.tokens);
	enum store_code code = look_in(db, l, db_is_postgres(db) ? sql.nearest : sql.sqlite);
	if (code != STORE_OK || !db_is_postgres(db))
		return code;
	code = look_in(db, &other, sql.all);
	assert_string_equal(l->found, other.found);
	if (code == STORE_OK)
		code = look_in(db, &other, sql.first);
	assert_string_equal("", other.found);
	return code;
}

static const char *found_by(const struct sought_group *groups, size_t count, int64_t after)
{
	static struct look l;
	l = (struct look){ .groups = groups, .count = count, .after = after };
	assert_int_equal(store_read(store, 0, look, &l), STORE_OK);
	return l.found;
}

static struct sought whole(const char *token)
{
	return (struct sought){ text_of(token), false };
}

static const char *found(const char *token)
{
	struct sought one = whole(token);
	return found_by(&(struct sought_group){ &one, 1 }, 1, 0);
}

static const char *begun(const char *token)
{
	struct sought one = { text_of(token), true };
	return found_by(&(struct sought_group){ &one, 1 }, 1, 0);
}

/* ---- the tests ---- */

static void records_are_found_by_their_tokens(void **state)
{
	(void)state;
	take((struct step){ ADD, 11, "王 王秀 wxy @370613001 #0a1b2c ", NULL, false });
	take((struct step){ ADD, 12, "王 王英 wy @370613002 12_401", NULL, false });
	take((struct step){ ADD, 13, "李 wlist ", NULL, false });
	assert_string_equal(found("王"), "11 12 ");
	assert_string_equal(found("王秀"), "11 ");
	assert_string_equal(found("秀"), "");
	assert_string_equal(found("w"), "");
	assert_string_equal(begun("w"), "11 12 13 ");
	assert_string_equal(begun("王"), "11 12 ");
	assert_string_equal(begun("#0a"), "11 ");
	assert_string_equal(found("12_401"), "12 ");
	assert_string_equal(found("370613001"), "");
}

static void all_groups_must_have_one(void **state)
{
	struct sought name = whole("王"), areas[] = { whole("@370613001"), whole("@370613002") }, begins = { TEXT("w"), true };
	(void)state;
	assert_string_equal(found_by((struct sought_group[]){ { &name, 1 }, { areas, 2 } }, 2, 0), "11 12 ");
	assert_string_equal(found_by((struct sought_group[]){ { &name, 1 }, { areas, 1 } }, 2, 0), "11 ");
	assert_string_equal(found_by((struct sought_group[]){ { &begins, 1 }, { areas, 2 } }, 2, 11), "12 ");
	assert_string_equal(found_by((struct sought_group[]){ { &begins, 1 } }, 1, 12), "13 ");
	assert_string_equal(found_by((struct sought_group[]){ { &begins, 1 } }, 1, 13), "");
}

static void tokens_change_in_part(void **state)
{
	(void)state;
	take((struct step){ CHANGE, 12, "@370613002 ", "@370613003 @370613 ", false });
	assert_string_equal(found("@370613002"), "");
	assert_string_equal(found("@370613003"), "12 ");
	assert_string_equal(found("王英"), "12 ");
	take((struct step){ CHANGE, 12, "王 王英 ", "王 王芳 ", false });
	assert_string_equal(found("王"), "11 12 ");
	assert_string_equal(found("王英"), "");
	assert_string_equal(found("王芳"), "12 ");
	take((struct step){ CHANGE, 12, "12_401", "", false });
	assert_string_equal(found("12_401"), "");
	take((struct step){ CHANGE, 12, "", "8 ", false });
	assert_string_equal(found("8"), "12 ");
	take((struct step){ REMOVE, 12, "王 王芳 wy @370613003 @370613 8", NULL, false });
	assert_string_equal(found("王"), "11 ");
	assert_string_equal(found("wy"), "");
	assert_string_equal(found("@370613"), "");
}

static void what_is_refused_leaves_nothing(void **state)
{
	(void)state;
	take((struct step){ ADD, 21, "无 ", NULL, true });
	take((struct step){ CHANGE, 11, "王秀 ", "王无 ", true });
	take((struct step){ ADD, 22, "有 ", NULL, false });
	assert_string_equal(found("无"), "");
	assert_string_equal(found("王无"), "");
	assert_string_equal(found("王秀"), "11 ");
	assert_string_equal(found("有"), "22 ");
}

struct counted {
	struct command command;
	struct step step;
};

static _Atomic int left;

static void count_down(struct command *command, enum store_code code)
{
	struct counted *counted = (struct counted *)(void *)command;
	assert_int_equal(code, counted->step.refuse ? STORE_REFUSED : STORE_OK);
	left--;
}

/* Many at once come into the same transactions on SQLite: each is there, and none of the refused. */
static void many_come_together(void **state)
{
	enum { MANY = 400 };
	static struct counted all[MANY];
	(void)state;
	left = MANY;
	for (int i = 0; i < MANY; i++) {
		all[i].step = (struct step){ ADD, 1000 + i, i % 5 ? "many " : "few ", NULL, i % 7 == 0 };
		all[i].command = (struct command){ .run = take_step, .arg = &all[i].step, .done = count_down, .job.lane = LANE_INTERACTIVE };
		store_submit(store, &all[i].command);
	}
	while (left > 0)
		sched_yield();
	struct buf many = buf_in(&arena, 512, FOUND_MAX), few = buf_in(&arena, 512, FOUND_MAX);
	for (int i = 0; i < MANY; i++)
		if (i % 7)
			buf_printf(i % 5 ? &many : &few, "%d ", 1000 + i);
	assert_string_equal(found("many"), text_z(&arena, buf_done(&many)));
	assert_string_equal(found("few"), text_z(&arena, buf_done(&few)));
}

/* ---- very many ---- */

/* Wide rows, as PostgreSQL looks at some of the pages. */
enum { CROWD = 24007, CROWD_FIRST = 100000, PAGE = 200, WIDE = 1700 };

static bool is_in_crowd(int64_t at)
{
	return at % 10 != 0;
}

static bool is_late(int64_t at)
{
	return at > CROWD / 4;
}

/* They lie in another order than that of their ids. */
static enum store_code add_crowd(struct tx *tx, void *arg)
{
	char tokens[WIDE + 32];
	enum store_code code = STORE_OK;
	(void)arg;
	memset(tokens, 'x', WIDE);
	for (int i = 1; i < CROWD && code == STORE_OK; i++) {
		int at = i * 4001 % CROWD;
		snprintf(tokens + WIDE, sizeof tokens - WIDE, "%s%s", is_in_crowd(at) ? " crowd" : "", is_late(at) ? " late" : "");
		code = token_index_add(tx, table.tokens, 1, CROWD_FIRST + at, text_of(tokens), false);
	}
	return code;
}

struct page {
	const char *token;
	int64_t after, ids[PAGE + 1];
	size_t count, by_first;
};

static enum store_code read_page_from(struct db *db, struct page *page, const char *source)
{
	struct sought one = whole(page->token);
	struct text sql = text_printf(&arena, "SELECT found FROM %s ORDER BY found LIMIT %d", source, PAGE + 1);
	struct rows *rows = db_query(db, sql.ptr, BIND(value_text(token_index_condition(db, &arena, &(struct sought_group){ &one, 1 }, 1)),
		value_int(1), value_int(page->after)));
	page->count = 0;
	while (rows_next(rows))
		page->ids[page->count++] = rows_int(rows, 0);
	return rows_end(rows);
}

static enum store_code read_page(struct db *db, void *arg)
{
	struct page *page = arg;
	struct token_index_sql sql = token_index_sql(&arena, table.tokens);
	if (!db_is_postgres(db))
		return read_page_from(db, page, sql.sqlite);
	enum store_code code = read_page_from(db, page, sql.first);
	page->by_first += page->count > PAGE;
	return code == STORE_OK && page->count <= PAGE ? read_page_from(db, page, sql.all) : code;
}

/* How many there are; each page has what is next. On PostgreSQL the sample leads to some of the pages. */
static void walk_through(const char *token, bool (*fits)(int64_t at))
{
	struct page page = { .token = token, .after = CROWD_FIRST };
	int64_t at = 0;
	do {
		assert_int_equal(store_read(store, 0, read_page, &page), STORE_OK);
		for (size_t i = 0; i < page.count && i < PAGE; i++) {
			do
				at++;
			while (!fits(at));
			assert_int_equal(page.ids[i], CROWD_FIRST + at);
		}
		page.after = CROWD_FIRST + at;
	} while (page.count > PAGE);
	do
		at++;
	while (at < CROWD && !fits(at));
	assert_int_equal(at, CROWD);
	assert_true(page.by_first > 0 || strncmp(getenv("SONGHE_TEST_STORE"), "sqlite:", 7) == 0);
}

static void what_very_many_have_is_found_page_by_page(void **state)
{
	(void)state;
	assert_int_equal(store_command(store, LANE_BULK, add_crowd, NULL), STORE_OK);
	walk_through("crowd", is_in_crowd);
	walk_through("late", is_late);
}

static void what_is_there_is_replaced_or_emptied(void **state)
{
	(void)state;
	take((struct step){ EMPTY, 0, NULL, NULL, false });
	assert_string_equal(begun("王"), "");
	assert_string_equal(found("many"), "");
	take((struct step){ ADD_AGAIN, 11, "新 ", NULL, false });
	assert_string_equal(found("新"), "11 ");
	store_close(store);
	open_store();
	assert_string_equal(found("新"), "11 ");
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new((size_t)64 << 20);
	open_store();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_close(store);
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_found_by_their_tokens),
		cmocka_unit_test(all_groups_must_have_one),
		cmocka_unit_test(tokens_change_in_part),
		cmocka_unit_test(what_is_refused_leaves_nothing),
		cmocka_unit_test(many_come_together),
		cmocka_unit_test(what_very_many_have_is_found_page_by_page),
		cmocka_unit_test(what_is_there_is_replaced_or_emptied),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
