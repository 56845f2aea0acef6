/* SPDX-License-Identifier: Apache-2.0 */
/* account.c - who may sign in, with which role, for which areas. */
#include "engine/account.h"

#include "base/check.h"
#include "base/crypto.h"
#include "engine/feed.h"
#include "engine/input.h"
#include "engine/journal.h"
#include "engine/session.h"

#include <string.h>

enum { LIST_MAX = 1000 };

#define COLUMNS "id, version, district, name, display_name, password_hash, role, areas, disabled"

static struct text areas_text(struct arena *arena, const struct account *account)
{
	struct buf list = buf_in(arena, 64, 1024);
	for (size_t i = 0; i < account->area_count; i++) {
		buf_text(&list, i ? TEXT(",") : TEXT(""));
		buf_int(&list, account->areas[i]);
	}
	return buf_done(&list);
}

static void areas_from(struct account *account, struct text list)
{
	account->area_count = 0;
	while (list.len > 0 && account->area_count < ACTOR_AREAS_MAX) {
		const char *comma = memchr(list.ptr, ',', list.len);
		size_t len = comma ? (size_t)(comma - list.ptr) : list.len;
		if (text_to_int((struct text){ list.ptr, len }, INT64_MAX, &account->areas[account->area_count]))
			account->area_count++;
		len += comma ? 1 : 0;
		list.ptr += len;
		list.len -= len;
	}
}

static void from_row(const struct rows *rows, struct arena *arena, struct account *account)
{
	*account = (struct account){
		.id = rows_int(rows, 0),
		.version = rows_int(rows, 1),
		.district = rows_int(rows, 2),
		.name = text_copy(arena, rows_text(rows, 3)),
		.display_name = text_copy(arena, rows_text(rows, 4)),
		.password_hash = text_copy(arena, rows_text(rows, 5)),
		.role = text_copy(arena, rows_text(rows, 6)),
		.disabled = rows_int(rows, 8) != 0,
	};
	areas_from(account, rows_text(rows, 7));
}

enum store_code account_read(struct db *db, struct arena *arena, int64_t id, struct account *account, bool *found)
{
	struct rows *rows = db_query(db, "SELECT " COLUMNS " FROM account WHERE district = ?1 AND id = ?2",
	                             BIND(value_int(id_district(id)), value_int(id)));
	*found = rows_next(rows);
	if (*found)
		from_row(rows, arena, account);
	return rows_end(rows);
}

void account_actor(const struct app *app, const struct account *account, struct actor *actor)
{
	*actor = (struct actor){ .user = account->id, .channel = "web", .district = (unsigned)account->district };
	memcpy(actor->name, account->name.ptr, account->name.len < NAME_BYTES_MAX ? account->name.len : NAME_BYTES_MAX);
	actor->role = role_find(account->role);
	if (actor->role)
		actor->permissions = app->access.of_role[actor->role - roles];
	memcpy(actor->areas, account->areas, sizeof actor->areas);
	actor->area_count = (unsigned)account->area_count;
}

static void put_areas(struct json_out *json, const struct account *account)
{
	json_begin_array(json);
	for (size_t i = 0; i < account->area_count; i++)
		json_put_id(json, account->areas[i]);
	json_end_array(json);
}

void account_write(struct json_out *json, struct arena *arena, const struct account *account)
{
	(void)arena;
	JSON_ID(json, "id", account->id);
	JSON_INT(json, "version", account->version);
	JSON_TEXT(json, "user", account->name);
	JSON_TEXT(json, "name", account->display_name);
	json_key(json, TEXT("roles"));
	json_begin_array(json);
	json_put_text(json, account->role);
	json_end_array(json);
	json_key(json, TEXT("areas"));
	put_areas(json, account);
	JSON_INT(json, "district", account->district);
	JSON_BOOL(json, "disabled", account->disabled);
}

/* The smallest area that holds all of the account's, for the feed: whoever covers it covers them. 0: it has none. */
static int64_t place_of(const struct account *account)
{
	static const int64_t units[] = { 1, 1000, 1000000, 1000000000, 100000000000, 10000000000000 };
	int64_t place = account->area_count > 0 ? account->areas[0] : 0;
	for (size_t i = 1; i < account->area_count; i++) {
		size_t level = 0;
		while (level + 1 < COUNT(units) && place / units[level] != account->areas[i] / units[level])
			level++;
		place = place / units[level] * units[level];
	}
	return place;
}

/* ---- what the journal says of a change ---- */

struct notes {
	struct buf fields, detail;
	struct json_out json;
};

static void note(struct notes *notes, const char *name)
{
	buf_text(&notes->fields, notes->fields.len > 0 ? TEXT(",") : TEXT(""));
	buf_text(&notes->fields, text_of(name));
	json_key(&notes->json, text_of(name));
	json_begin_array(&notes->json);
}

static void note_text(struct notes *notes, const char *name, struct text was, struct text now)
{
	if (text_eq(was, now))
		return;
	note(notes, name);
	json_put_text(&notes->json, was);
	json_put_text(&notes->json, now);
	json_end_array(&notes->json);
}

static void note_areas(struct notes *notes, const struct account *was, const struct account *now)
{
	if (was->area_count == now->area_count && memcmp(was->areas, now->areas, now->area_count * sizeof now->areas[0]) == 0)
		return;
	note(notes, "areas");
	put_areas(&notes->json, was);
	put_areas(&notes->json, now);
	json_end_array(&notes->json);
}

/* The line of a change from `was`, an empty account before its creation. Of a password it says only that it is new. */
static struct journal_line line_of(struct arena *arena, const struct account *was, const struct account *now)
{
	struct notes notes = { .fields = buf_in(arena, 64, 1024), .detail = buf_in(arena, 512, 16384) };
	notes.json = json_out(&notes.detail);
	json_begin_object(&notes.json);
	note_text(&notes, "user", was->name, now->name);
	note_text(&notes, "name", was->display_name, now->display_name);
	note_text(&notes, "role", was->role, now->role);
	note_areas(&notes, was, now);
	if (!text_eq(was->password_hash, now->password_hash)) {
		note(&notes, "password");
		json_put_null(&notes.json);
		json_put_null(&notes.json);
		json_end_array(&notes.json);
	}
	if (was->disabled != now->disabled) {
		note(&notes, "disabled");
		json_put_bool(&notes.json, was->disabled);
		json_put_bool(&notes.json, now->disabled);
		json_end_array(&notes.json);
	}
	json_end_object(&notes.json);
	int64_t place = place_of(now);
	return (struct journal_line){ .district = (unsigned)now->district, .resource = TEXT("user"), .record = now->id,
		                      .places = { .area = place, .was_area = place ? place_of(was) : 0 },
		                      .fields = buf_done(&notes.fields), .detail = buf_done(&notes.detail) };
}

/* ---- what is kept ---- */

enum store_code account_insert(struct tx *tx, const struct actor *by, struct account *account)
{
	struct arena arena = arena_new(65536);
	account->id = id_next(store_ids(tx->store), (unsigned)account->district);
	account->version = 1;
	enum store_code code = db_exec(tx->db,
		"INSERT INTO account (" COLUMNS ", created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
		BIND(value_int(account->id), value_int(1), value_int(account->district), value_text(account->name),
		     value_text(account->display_name), value_text(account->password_hash), value_text(account->role),
		     value_text(areas_text(&arena, account)), value_int(account->disabled), value_int(tx->now_ms)), NULL);
	if (code == STORE_OK) {
		struct journal_line line = line_of(&arena, &(struct account){ .id = 0 }, account);
		line.action = TEXT("create");
		line.version = 1;
		code = journal_write(tx, by, &line);
	}
	arena_free(&arena);
	return code;
}

static enum store_code save(struct tx *tx, struct call *call, const struct account *was, struct account *account)
{
	struct journal_line line = line_of(call->arena, was, account);
	if (line.fields.len == 0)
		return STORE_OK;
	line.action = TEXT("update");
	line.version = ++account->version;
	int64_t changed;
	enum store_code code = db_exec(tx->db,
		"UPDATE account SET version = ?1, name = ?2, display_name = ?3, password_hash = ?4, role = ?5,"
		" areas = ?6, disabled = ?7, updated_at = ?8 WHERE district = ?9 AND id = ?10",
		BIND(value_int(account->version), value_text(account->name), value_text(account->display_name),
		     value_text(account->password_hash), value_text(account->role), value_text(areas_text(call->arena, account)),
		     value_int(account->disabled), value_int(tx->now_ms), value_int(account->district), value_int(account->id)),
		&changed);
	/* A new password or fewer rights end what was signed in with the old ones. */
	if (code == STORE_OK && (account->disabled || !text_eq(was->password_hash, account->password_hash)))
		code = db_exec(tx->db, "DELETE FROM session WHERE account = ?1", BIND(value_int(account->id)), NULL);
	return code == STORE_OK ? journal_write(tx, &call->actor, &line) : code;
}

static void answer(struct call *call, const struct account *account, int status)
{
	struct json_out json = call_json(call, status);
	json_begin_object(&json);
	account_write(&json, call->arena, account);
	json_end_object(&json);
	call->version = account->version;
}

/* An account that reaches out of the actor's areas does not exist for the actor: to hold its password is to hold them. */
static bool exists_for(const struct account *account, const struct actor *actor)
{
	bool within = account->district == actor->district;
	for (size_t i = 0; within && i < account->area_count; i++)
		within = actor_covers(actor, account->areas[i]);
	return within;
}

enum store_code account_list(struct db *db, void *arg)
{
	struct call *call = arg;
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	struct rows *rows = db_query(db, "SELECT " COLUMNS " FROM account WHERE district = ?1 ORDER BY name",
	                             BIND(value_int(call->actor.district)));
	for (int listed = 0; listed < LIST_MAX && rows_next(rows);) {
		struct account account;
		from_row(rows, call->arena, &account);
		if (!exists_for(&account, &call->actor))
			continue;
		listed++;
		json_begin_object(&json);
		account_write(&json, call->arena, &account);
		json_end_object(&json);
	}
	json_end_array(&json);
	JSON_TEXT(&json, "next", TEXT_NONE);
	json_end_object(&json);
	return rows_end(rows);
}

static enum store_code find_own(struct db *db, struct call *call, struct account *account)
{
	bool found = false;
	enum store_code code = account_read(db, call->arena, call->id, account, &found);
	if (code != STORE_OK)
		return code;
	if (!found || !exists_for(account, &call->actor))
		return call_problem(call, PROBLEM_NOT_FOUND);
	return STORE_OK;
}

enum store_code account_get(struct db *db, void *arg)
{
	struct call *call = arg;
	struct account account;
	enum store_code code = find_own(db, call, &account);
	if (code == STORE_OK)
		answer(call, &account, 200);
	return code;
}

/* ---- creating and changing ---- */

struct change {
	struct call *call;
	char password_hash[PASSWORD_HASH_MAX];
	bool has_password;
};

static void take_areas(struct input *in, struct tx *tx, struct account *account)
{
	json_t *list = json_object_get(in->object, "areas");
	in->taken[in->taken_count++] = "areas";
	if (!list)
		return;
	account->area_count = 0;
	bool fine = json_is_array(list) && json_array_size(list) <= ACTOR_AREAS_MAX;
	for (size_t i = 0; fine && i < json_array_size(list); i++) {
		int64_t area = 0;
		struct text code = json_text_of(json_array_get(list, i));
		fine = code.ptr && area_read(code, &area) && actor_covers(&in->call->actor, area) &&
		       db_int(tx->db, 0, "SELECT 1 FROM area WHERE district = ?1 AND id = ?2",
		              BIND(value_int(in->call->actor.district), value_int(area))) == 1;
		account->areas[account->area_count++] = area;
	}
	if (!fine)
		input_wrong(in, "areas", "unknown_area", "区划不存在或不在您的管辖范围内", "Unknown areas, or outside your own");
}

/* A name is one line wherever it is shown: no control characters (C0, DEL, C1), and none of Unicode's line breaks. */
static bool is_one_line(struct text name)
{
	for (size_t i = 0; i < name.len; i++) {
		struct text rest = { name.ptr + i, name.len - i };
		unsigned char c = (unsigned char)*rest.ptr, next = rest.len > 1 ? (unsigned char)rest.ptr[1] : 0;
		if (c < 0x20 || c == 0x7F || (c == 0xC2 && next >= 0x80 && next <= 0x9F) ||
		    text_starts(rest, TEXT("\xE2\x80\xA8")) || text_starts(rest, TEXT("\xE2\x80\xA9")))
			return false;
	}
	return true;
}

static const struct field user_field = { .type = FIELD_text, .name = "user", .label = "用户名", .flags = MUST, .max = 60 };
static const struct field name_field = { .type = FIELD_text, .name = "name", .label = "姓名", .max = 60 };
static const struct field role_field = { .type = FIELD_text, .name = "role", .label = "角色", .flags = MUST, .max = 30 };

static void take_user(struct input *in, struct account *account)
{
	struct text was = account->name;
	take_field(in, NULL, &user_field, &account->name);
	if (!text_eq(was, account->name) && !is_one_line(account->name))
		input_wrong(in, "user", "bad_characters", "含有无效字符", "Contains characters that are not allowed");
}

static enum store_code take_account(struct tx *tx, struct change *change, struct account *account, bool create)
{
	struct call *call = change->call;
	struct input in = { .object = call->body };
	input_start(&in, call, create);
	take_user(&in, account);
	take_field(&in, tx, &name_field, &account->display_name);
	take_field(&in, tx, &role_field, &account->role);
	take_areas(&in, tx, account);
	in.taken[in.taken_count++] = "password";
	in.taken[in.taken_count++] = "disabled";
	json_t *disabled = json_object_get(call->body, "disabled");
	if (disabled && !json_is_boolean(disabled))
		input_wrong(&in, "disabled", "wrong_type", "应为 true 或 false", "true or false");
	account->disabled = disabled ? json_is_true(disabled) : account->disabled;
	if (account->role.ptr && !role_find(account->role))
		input_wrong(&in, "role", "unknown_word", "没有这个角色", "There is no such role");
	if (change->has_password)
		account->password_hash = text_of(change->password_hash);
	else if (create)
		input_wrong(&in, "password", "required", "请设置密码", "A password is required");
	if (!account->display_name.ptr)
		account->display_name = account->name;
	return input_finish(&in) ? STORE_OK : STORE_REFUSED;
}

static enum store_code check_name(struct tx *tx, struct call *call, const struct account *account)
{
	int64_t taken = db_int(tx->db, 0, "SELECT 1 FROM account WHERE name = ?1 AND id <> ?2",
	                       BIND(value_text(account->name), value_int(account->id)));
	if (db_code(tx->db) != STORE_OK)
		return db_code(tx->db);
	return taken ? call_problem_detail(call, PROBLEM_DUPLICATE, TEXT("用户名已被使用"), TEXT("The user name is taken")) : STORE_OK;
}

static enum store_code create(struct tx *tx, void *arg)
{
	struct change *change = arg;
	struct call *call = change->call;
	struct account account = { .district = call->actor.district };
	call_again(call);
	enum store_code code = take_account(tx, change, &account, true);
	if (code != STORE_OK)
		return code;
	code = check_name(tx, call, &account);
	if (code != STORE_OK)
		return code;
	code = account_insert(tx, &call->actor, &account);
	if (code == STORE_OK) {
		answer(call, &account, 201);
		call->location = text_printf(call->arena, "/api/v1/users/%lld", (long long)account.id);
	}
	return code;
}

static enum store_code update(struct tx *tx, void *arg)
{
	struct change *change = arg;
	struct call *call = change->call;
	struct account account = { 0 };
	call_again(call);
	if (!call->if_match.ptr)
		return call_problem(call, PROBLEM_IF_MATCH_NEEDED);
	enum store_code code = find_own(tx->db, call, &account);
	if (code == STORE_OK)
		code = call_match(call, account.version);
	struct account was = account;
	if (code == STORE_OK)
		code = take_account(tx, change, &account, false);
	if (code == STORE_OK)
		code = check_name(tx, call, &account);
	if (code == STORE_OK)
		code = save(tx, call, &was, &account);
	if (code == STORE_OK)
		answer(call, &account, 200);
	return code;
}

static void change_account(struct call *call, command_fn *run)
{
	struct change change = { .call = call };
	json_t *given = json_object_get(call->body, "password");
	struct text password = json_text_of(given);
	if (given && (!password.ptr || password.len < 8 || password.len > 256)) {
		call_wrong(call, TEXT("/password"), "bad_password", TEXT("密码至少 8 位"), TEXT("A password has at least 8 characters"));
		return;
	}
	if (password.ptr) {
		password_hash(password, change.password_hash);
		change.has_password = true;
	}
	enum store_code code = store_command(call->app->store, LANE_INTERACTIVE, run, &change);
	if (code != STORE_OK) {
		app_settle(call, code);
		return;
	}
	sessions_forget_user(call->app->sessions, call->id);
	feed_drop_user(call->app->feed, call->id);
}

void account_post(struct call *call)
{
	change_account(call, create);
}

void account_patch(struct call *call)
{
	change_account(call, update);
}
