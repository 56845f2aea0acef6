/* SPDX-License-Identifier: Apache-2.0 */
/* credential.c - what somebody is signed in with: their sessions and the tokens of their programs, to be seen and ended. */
#include "engine/session.h"

#include "base/crypto.h"
#include "engine/feed.h"

#include <string.h>

enum { TOKENS_MAX = 20, LISTED_MAX = 1000, NAME_CHARACTERS_MAX = 60, TOKEN_DAYS_MAX = 366, DAY_MS = 24 * 60 * 60 * 1000,
       CST_MS = 8 * 60 * 60 * 1000, HOUR_MS = 60 * 60 * 1000 };

/* The two kinds have the same routes. */
static bool about_tokens(const struct call *call)
{
	return text_starts(text_of(call->route->path), TEXT("/api/v1/tokens"));
}

/* The account of ?user=, or one's own; those of others are for who may `permission`. */
static enum store_code find_owner(struct db *db, struct call *call, int64_t id, const char *permission, struct account *account)
{
	bool found = false;
	if (id != call->actor.user && !actor_may(&call->actor, access_number(&call->app->access, permission)))
		return call_problem(call, PROBLEM_FORBIDDEN);
	enum store_code code = account_read(db, call->arena, id, account, &found);
	if (code == STORE_OK && found && id != call->actor.user)
		code = account_exists(db, call, account, &found);
	return code == STORE_OK && !found ? call_problem(call, PROBLEM_NOT_FOUND) : code;
}

/* ---- listing ---- */

#define COLUMNS "id, token_hash, name, permissions, agent, address, created_at, used_at, ends_at"

static void write_permissions(struct json_out *json, struct text names)
{
	json_key(json, TEXT("permissions"));
	if (!names.ptr) {
		json_put_null(json);
		return;
	}
	json_begin_array(json);
	while (names.len > 0) {
		const char *comma = memchr(names.ptr, ',', names.len);
		size_t len = comma ? (size_t)(comma - names.ptr) : names.len;
		json_put_text(json, (struct text){ names.ptr, len });
		len += comma ? 1 : 0;
		names = (struct text){ names.ptr + len, names.len - len };
	}
	json_end_array(json);
}

static void write_one(struct json_out *json, const struct rows *rows, int64_t account, struct text current, int64_t ends_ms)
{
	bool token = !rows_is_null(rows, 2);
	json_begin_object(json);
	JSON_ID(json, "id", rows_int(rows, 0));
	JSON_ID(json, "user", account);
	if (token) {
		JSON_TEXT(json, "name", rows_text(rows, 2));
		write_permissions(json, rows_text(rows, 3));
	} else {
		JSON_TEXT(json, "agent", rows_text(rows, 4));
		JSON_TEXT(json, "address", rows_text(rows, 5));
		JSON_BOOL(json, "current", text_eq(rows_text(rows, 1), current));
	}
	json_member_instant(json, TEXT("created_at"), rows_int(rows, 6));
	json_member_instant(json, TEXT("used_at"), rows_int(rows, 7));
	json_member_instant(json, TEXT("ends_at"), ends_ms);
	json_end_object(json);
}

static void write_all(struct call *call, struct db *db, const struct account *owner, const struct policy *policy, int64_t now_ms)
{
	struct text current = call->session_token.ptr ? session_hash(call->arena, call->session_token) : TEXT_NONE;
	int64_t hours = policy->values[POLICY_SESSION_HOURS], idle = policy->values[POLICY_SESSION_IDLE_MINUTES];
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	struct rows *rows = db_query(db, "SELECT " COLUMNS " FROM session WHERE district = ?1 AND account = ?2"
		" AND (channel = 'api') = (?3 = 1) ORDER BY id LIMIT ?4",
		BIND(value_int(owner->district), value_int(owner->id), value_int(about_tokens(call)), value_int(LISTED_MAX)));
	while (rows_next(rows)) {
		int64_t ends_ms = rows_int(rows, 8);
		bool over = ends_ms > 0 ? now_ms > ends_ms : now_ms - rows_int(rows, 7) > idle * 60 * 1000;
		ends_ms = ends_ms > 0 ? ends_ms : rows_int(rows, 6) + hours * HOUR_MS;
		/* When one was last used is written down once a minute. */
		if (now_ms <= ends_ms && (!over || text_eq(rows_text(rows, 1), current)))
			write_one(&json, rows, owner->id, current, ends_ms);
	}
	rows_end(rows);
	json_end_array(&json);
	JSON_TEXT(&json, "next", TEXT_NONE);
	json_end_object(&json);
}

enum store_code credential_list(struct db *db, void *arg)
{
	struct call *call = arg;
	struct text user = call_param(call, "user");
	struct account owner;
	struct policy policy;
	int64_t id = call->actor.user, now_ms = clock_now_ms(store_clock(call->app->store));
	if (user.ptr && !id_read(user, &id))
		return call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("user 应为账号编号"), TEXT("user is the id of an account"));
	enum store_code code = find_owner(db, call, id, "user.read", &owner);
	if (code == STORE_OK)
		code = policy_read(db, call->actor.district, now_ms, &policy);
	if (code != STORE_OK)
		return code;
	write_all(call, db, &owner, &policy, now_ms);
	return db_code(db);
}

/* ---- ending ---- */

struct ending {
	struct call *call;
	int64_t user;
};

static enum store_code end(struct tx *tx, void *arg)
{
	struct ending *ending = arg;
	struct call *call = ending->call;
	struct account owner;
	call_again(call);
	ending->user = db_int(tx->db, 0, "SELECT account FROM session WHERE district = ?1 AND id = ?2 AND (channel = 'api') = (?3 = 1)",
		BIND(value_int(call->actor.district), value_int(call->id), value_int(about_tokens(call))));
	if (db_code(tx->db) != STORE_OK)
		return db_code(tx->db);
	bool others = actor_may(&call->actor, access_number(&call->app->access, "session.end"));
	if (ending->user == 0 || (ending->user != call->actor.user && !others))
		return call_problem(call, PROBLEM_NOT_FOUND);
	enum store_code code = find_owner(tx->db, call, ending->user, "session.end", &owner);
	if (code == STORE_OK)
		code = db_exec(tx->db, "DELETE FROM session WHERE district = ?1 AND id = ?2",
		               BIND(value_int(call->actor.district), value_int(call->id)), NULL);
	if (code == STORE_OK)
		code = account_find_place(tx->db, call->app, &owner);
	if (code != STORE_OK)
		return code;
	const char *resource = about_tokens(call) ? "token" : "session";
	return account_note(tx, &call->actor, &owner, "end", resource,
	                    text_printf(call->arena, "{\"%s\":[\"%lld\",null]}", resource, (long long)call->id));
}

void credential_end(struct call *call)
{
	struct ending ending = { .call = call };
	enum store_code code = store_command(call->app->store, LANE_INTERACTIVE, end, &ending);
	if (ending.user)
		sessions_forget_user(call->app->sessions, ending.user);
	app_settle(call, code);
	if (code == STORE_OK)
		call->status = 204;
}

/* ---- a new token ---- */

struct new_token {
	struct call *call;
	struct text name, permissions;
	int64_t ends_ms;
	char token[API_TOKEN_CHARS + 1];
};

/* The last day counts whole, as it is in China. */
static void take_until(struct new_token *fresh, int64_t now_ms)
{
	struct call *call = fresh->call;
	struct text until = json_text_of(json_object_get(call->body, "until"));
	struct date day;
	if (!until.ptr || !date_read(until, &day)) {
		call_wrong(call, TEXT("/until"), until.ptr ? "bad_date" : "required", TEXT("请填写有效期最后一天"),
		           TEXT("The last day, as YYYY-MM-DD"));
		return;
	}
	int64_t days = date_to_days(day), today = date_to_days(date_of_ms(now_ms));
	if (days < today || days > today + TOKEN_DAYS_MAX)
		call_wrong(call, TEXT("/until"), "out_of_range", TEXT("有效期最长一年"), TEXT("From today on, and at most a year"));
	fresh->ends_ms = (days + 1) * DAY_MS - CST_MS - 1;
}

static void take_name(struct new_token *fresh)
{
	struct call *call = fresh->call;
	fresh->name = text_trim(json_text_of(json_object_get(call->body, "name")));
	size_t characters = text_utf8_length(fresh->name);
	if (!fresh->name.ptr || characters == 0 || characters > NAME_CHARACTERS_MAX)
		call_wrong(call, TEXT("/name"), fresh->name.ptr && characters ? "too_long" : "required", TEXT("请填写名称，最多 60 个字"),
		           TEXT("A name of at most 60 characters"));
}

/* Some of one's own. Missing: all that the account has, then. */
static void take_permissions(struct new_token *fresh)
{
	struct call *call = fresh->call;
	const struct access *access = &call->app->access;
	json_t *list = json_object_get(call->body, "permissions"), *one;
	struct buf names = buf_in(call->arena, 256, 16384);
	size_t i;
	if (!list || json_is_null(list))
		return;
	bool fine = json_is_array(list);
	json_array_foreach(list, i, one) {
		struct text name = json_text_of(one);
		unsigned number = name.ptr && strlen(name.ptr) == name.len ? access_number(access, name.ptr) : PERMISSIONS_MAX;
		fine = fine && actor_may(&call->actor, number);
		buf_text(&names, i ? TEXT(",") : TEXT(""));
		buf_text(&names, fine ? text_of(access->names[number]) : TEXT(""));
	}
	if (!fine)
		call_wrong(call, TEXT("/permissions"), "unknown_word", TEXT("只能是您自己的权限"), TEXT("Only permissions of your own"));
	fresh->permissions = names.len ? buf_done(&names) : TEXT("");
}

static bool takes_more(struct call *call)
{
	const char *key;
	json_t *ignored;
	json_object_foreach(call->body, key, ignored)
		if (strcmp(key, "name") != 0 && strcmp(key, "until") != 0 && strcmp(key, "permissions") != 0)
			call_wrong(call, text_printf(call->arena, "/%.*s", TEXT_ARG(text_cut(text_of(key), 60))), "unknown_field",
			           TEXT("没有这个字段"), TEXT("There is no such field"));
	return call->problem == PROBLEM_NONE;
}

static void answer(struct call *call, const struct new_token *fresh, int64_t id, int64_t now_ms)
{
	struct json_out json = call_json(call, 201);
	json_begin_object(&json);
	JSON_ID(&json, "id", id);
	JSON_TEXT(&json, "token", text_of(fresh->token));
	JSON_TEXT(&json, "name", fresh->name);
	write_permissions(&json, fresh->permissions);
	json_member_instant(&json, TEXT("created_at"), now_ms);
	json_member_instant(&json, TEXT("ends_at"), fresh->ends_ms);
	json_end_object(&json);
}

static enum store_code insert(struct tx *tx, void *arg)
{
	struct new_token *fresh = arg;
	struct call *call = fresh->call;
	struct account owner;
	call_again(call);
	int64_t id = id_next(store_ids(tx->store), call->actor.district);
	enum store_code code = find_owner(tx->db, call, call->actor.user, "user.read", &owner);
	if (code != STORE_OK)
		return code;
	if (db_int(tx->db, 0, "SELECT count(*) FROM session WHERE district = ?1 AND account = ?2 AND channel = 'api'",
	           BIND(value_int(owner.district), value_int(owner.id))) >= TOKENS_MAX)
		return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("最多 20 个令牌"), TEXT("At most 20 tokens"));
	code = db_exec(tx->db, "INSERT INTO session (token_hash, district, id, account, channel, name, permissions, created_at,"
		" used_at, ends_at) VALUES (?1, ?2, ?3, ?4, 'api', ?5, ?6, ?7, ?7, ?8)",
		BIND(value_text(session_hash(call->arena, text_of(fresh->token))), value_int(owner.district), value_int(id),
		     value_int(owner.id), value_text(fresh->name), value_text(fresh->permissions), value_int(tx->now_ms),
		     value_int(fresh->ends_ms)), NULL);
	if (code == STORE_OK)
		code = account_find_place(tx->db, call->app, &owner);
	if (code != STORE_OK)
		return code;
	struct buf detail = buf_in(call->arena, 256, 2048);
	struct json_out json = json_out(&detail);
	json_begin_object(&json);
	json_key(&json, TEXT("token"));
	json_begin_array(&json);
	json_put_null(&json);
	json_put_id(&json, id);
	json_end_array(&json);
	json_key(&json, TEXT("name"));
	json_begin_array(&json);
	json_put_null(&json);
	json_put_text(&json, fresh->name);
	json_end_array(&json);
	json_end_object(&json);
	answer(call, fresh, id, tx->now_ms);
	return account_note(tx, &call->actor, &owner, "create", "token", buf_done(&detail));
}

void token_post(struct call *call)
{
	struct new_token fresh = { .call = call, .token = API_TOKEN_PREFIX };
	int64_t now_ms = clock_now_ms(store_clock(call->app->store));
	take_name(&fresh);
	take_until(&fresh, now_ms);
	take_permissions(&fresh);
	if (!takes_more(call))
		return;
	token_new(fresh.token + sizeof API_TOKEN_PREFIX - 1);
	app_settle(call, store_command(call->app->store, LANE_INTERACTIVE, insert, &fresh));
}
