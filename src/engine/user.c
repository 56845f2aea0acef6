/* SPDX-License-Identifier: Apache-2.0 */
/* user.c - keeping accounts: the routes under /users. */
#include "engine/account.h"

#include "base/check.h"
#include "base/crypto.h"
#include "engine/feed.h"
#include "engine/guess.h"
#include "engine/input.h"
#include "engine/password.h"
#include "engine/record.h"
#include "engine/second_factor.h"
#include "engine/session.h"
#include "engine/territory.h"

#include <string.h>

enum { LIST_MAX = 1000 };

/* ---- showing ---- */

static void write_user(struct call *call, struct json_out *json, const struct account *account)
{
	int64_t until = guess_locked_until(call->app->guesses, account->name, clock_now_ms(store_clock(call->app->store)));
	json_begin_object(json);
	account_write(json, account);
	if (until)
		json_member_instant(json, TEXT("locked_until"), until);
	else
		json_member_null(json, TEXT("locked_until"));
	json_end_object(json);
}

static void answer(struct call *call, const struct account *account, int status)
{
	struct json_out json = call_json(call, status);
	write_user(call, &json, account);
	call->version = account->version;
}

struct list {
	struct call *call;
	struct json_out json;
	int count;
};

static bool list_one(void *arg, const struct account *account)
{
	struct list *list = arg;
	write_user(list->call, &list->json, account);
	return ++list->count < LIST_MAX;
}

enum store_code user_list(struct db *db, void *arg)
{
	struct call *call = arg;
	struct list list = { .call = call, .json = call_json(call, 200) };
	json_begin_object(&list.json);
	json_key(&list.json, TEXT("items"));
	json_begin_array(&list.json);
	enum store_code code = account_each(db, call, call_param(call, "user"), list_one, &list);
	json_end_array(&list.json);
	JSON_TEXT(&list.json, "next", TEXT_NONE);
	json_end_object(&list.json);
	return code;
}

/* The account of the path, as far as it exists for the actor. */
static enum store_code find(struct db *db, struct call *call, struct account *account)
{
	bool found = false;
	enum store_code code = account_read(db, call->arena, call->id, account, &found);
	if (code == STORE_OK && found)
		code = account_exists(db, call, account, &found);
	return code == STORE_OK && !found ? call_problem(call, PROBLEM_NOT_FOUND) : code;
}

enum store_code user_get(struct db *db, void *arg)
{
	struct call *call = arg;
	struct account account;
	enum store_code code = find(db, call, &account);
	if (code == STORE_OK)
		answer(call, &account, 200);
	return code;
}

/* ---- who may change what ---- */

static const char *const kept[] = { "user", "name", "password", "disabled" };
static const char *const rights[] = { "role", "areas", "organization", "person", "family" };

static bool names_any(const json_t *body, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (json_object_get(body, names[i]))
			return true;
	return false;
}

static bool may(const struct call *call, const char *permission)
{
	return actor_may(&call->actor, access_number(&call->app->access, permission));
}

/* Where the three are separate, who could give one of them a new password would be that one too. The operator of the machine
 * still can. */
static bool is_one_of_three(const struct account *account)
{
	return account->role.ptr && text_lists("administrator security auditor", account->role);
}

/* One's own password and codes are changed in a session, by whatever route. */
static enum store_code not_with_a_token(struct call *call)
{
	return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("令牌不能用于此操作"), TEXT("Not with a token"));
}

static enum store_code check_rights(struct call *call, const struct policy *policy, const struct account *was)
{
	bool keeps = names_any(call->body, kept, COUNT(kept)), grants = names_any(call->body, rights, COUNT(rights));
	bool separate = policy->values[POLICY_SEPARATION] && call->actor.user != 0;
	if (keeps && !may(call, "user.write"))
		return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("账号由系统管理员维护"), TEXT("The administrator keeps the accounts"));
	if (grants && !may(call, "user.grant"))
		return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("角色和范围由安全管理员授予"),
			TEXT("The security administrator gives role, areas and ties"));
	if (separate && grants && was && was->id == call->actor.user)
		return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("不能修改自己的权限"), TEXT("Nobody changes their own rights"));
	if (call->bearer && was && was->id == call->actor.user && json_object_get(call->body, "password"))
		return not_with_a_token(call);
	if (separate && was && is_one_of_three(was) && json_object_get(call->body, "password"))
		return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("三员的密码由本人修改，或由运维人员在本机重置"),
			TEXT("The three administrators change their own passwords; who forgot it asks the operator of the machine"));
	return STORE_OK;
}

/* ---- what is tied ---- */

/* Which records an account of the role needs. */
static const struct tied {
	const char *role;
	const char *person; /* the resource that the person is a record of; NULL: none */
	bool organization, family;
} tied_roles[] = {
	{ "provider", NULL, true, false },
	{ "worker", "staff", true, false },
	{ "elder", "elder", false, false },
	{ "family", NULL, false, true },
};

static const struct tied *tied_of(struct text role)
{
	static const struct tied untied = { NULL, NULL, false, false };
	for (size_t i = 0; i < COUNT(tied_roles); i++)
		if (text_is(role, tied_roles[i].role))
			return &tied_roles[i];
	return &untied;
}

/* A record that the actor keeps, and that has not ended. */
static bool is_kept(struct input *in, struct tx *tx, const char *resource, const json_t *json, int64_t *id)
{
	const struct shape *shape = app_shape(in->call->app, text_of(resource));
	struct text text = json_text_of(json);
	return shape && text.ptr && id_read(text, id) &&
	       record_is_there(tx->db, in->call->arena, &in->call->actor, shape, &(struct tie_columns){ .area = "area" }, *id);
}

static void unknown(struct input *in, const char *name)
{
	input_wrong(in, name, "unknown_record", "没有这条记录，或不在您的管辖范围内", "No such record, or outside your area");
}

static void not_for_role(struct input *in, const char *name)
{
	input_wrong(in, name, "not_for_role", "该角色不需要此项", "The role has no such tie");
}

/* `resource` NULL: the role has none; then what was there is gone. */
static void take_tie(struct input *in, struct tx *tx, const char *name, const char *resource, int64_t *value)
{
	json_t *given = json_object_get(in->object, name);
	int64_t id = 0;
	in->taken[in->taken_count++] = name;
	bool any = given && !json_is_null(given);
	if (any && !resource)
		not_for_role(in, name);
	else if (any && !is_kept(in, tx, resource, given, &id))
		unknown(in, name);
	else {
		if (given || !resource)
			*value = id;
		if (resource && *value == 0)
			input_wrong(in, name, "required", "该角色必填", "The role needs it");
	}
}

static void take_family(struct input *in, struct tx *tx, bool wanted, struct account *account)
{
	json_t *given = json_object_get(in->object, "family"), *one;
	size_t i;
	in->taken[in->taken_count++] = "family";
	bool any = given && !json_is_null(given) && !(json_is_array(given) && json_array_size(given) == 0);
	if (any && !wanted) {
		not_for_role(in, "family");
		return;
	}
	if (given || !wanted)
		account->family_count = 0;
	bool fine = !any || (json_is_array(given) && json_array_size(given) <= ACTOR_FAMILY_MAX);
	if (any && fine)
		json_array_foreach(given, i, one)
			fine = fine && is_kept(in, tx, "elder", one, &account->family[account->family_count++]);
	if (!fine)
		unknown(in, "family");
	else if (wanted && account->family_count == 0)
		input_wrong(in, "family", "required", "该角色必填", "The role needs it");
}

/* A person of another ledger is not carried over to the new role. */
static void take_ties(struct input *in, struct tx *tx, struct text old_role, struct account *account)
{
	const struct tied *was = tied_of(old_role), *now = tied_of(account->role);
	if (was != now)
		account->person = 0;
	take_tie(in, tx, "organization", now->organization ? "organization" : NULL, &account->organization);
	take_tie(in, tx, "person", now->person, &account->person);
	take_family(in, tx, now->family, account);
}

static void take_areas(struct input *in, struct tx *tx, struct account *account)
{
	json_t *list = json_object_get(in->object, "areas");
	int64_t successor = 0;
	in->taken[in->taken_count++] = "areas";
	if (!list)
		return;
	account->area_count = 0;
	bool fine = json_is_array(list) && json_array_size(list) <= ACTOR_AREAS_MAX;
	for (size_t i = 0; fine && i < json_array_size(list); i++) {
		int64_t area = 0;
		struct text code = json_text_of(json_array_get(list, i));
		fine = code.ptr && area_read(code, &area) && actor_covers(&in->call->actor, area) &&
		       territory_open(tx->db, in->call->actor.district, area, &successor);
		account->areas[account->area_count++] = area;
	}
	if (!fine && successor)
		territory_refuse(in, "areas", successor);
	else if (!fine)
		input_wrong(in, "areas", "unknown_area", "区划不存在或不在您的管辖范围内", "Unknown areas, or outside your own");
}

/* ---- what is kept ---- */

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
static const struct field role_field = { .type = FIELD_text, .name = "role", .label = "角色", .max = 30 };

struct change {
	struct call *call;
	struct policy policy;
	char password_hash[PASSWORD_HASH_MAX];
	bool has_password;
	struct old_passwords old;
};

static void take_kept(struct input *in, struct tx *tx, const struct change *change, struct account *account)
{
	struct text was = account->name;
	json_t *disabled = json_object_get(in->object, "disabled");
	take_field(in, tx, &user_field, &account->name);
	if (!text_eq(was, account->name) && !is_one_line(account->name))
		input_wrong(in, "user", "bad_characters", "含有无效字符", "Contains characters that are not allowed");
	take_field(in, tx, &name_field, &account->display_name);
	in->taken[in->taken_count++] = "password";
	in->taken[in->taken_count++] = "disabled";
	if (disabled && !json_is_boolean(disabled))
		input_wrong(in, "disabled", "wrong_type", "应为 true 或 false", "true or false");
	account->disabled = disabled ? json_is_true(disabled) : account->disabled;
	if (change->has_password) {
		bool handed_over = change->policy.values[POLICY_PROFILE] == PROFILE_DENGBAO && in->call->actor.user != account->id;
		account->password_hash = text_of(change->password_hash);
		account->password_set_at = handed_over ? 0 : tx->now_ms; /* 0: whose it is makes it their own first of all */
	} else if (in->create) {
		input_wrong(in, "password", "required", "请设置密码", "A password is required");
	}
}

static void take_rights(struct input *in, struct tx *tx, struct account *account)
{
	struct text was = account->role;
	take_field(in, tx, &role_field, &account->role);
	if (account->role.ptr && !role_find(account->role))
		input_wrong(in, "role", "unknown_word", "没有这个角色", "There is no such role");
	else if (!account->role.ptr && in->create)
		input_wrong(in, "role", "required", "必填", "This field is required");
	take_areas(in, tx, account);
	take_ties(in, tx, was, account);
}

static enum store_code take_account(struct tx *tx, struct change *change, const struct account *was, struct account *account)
{
	struct call *call = change->call;
	struct input in = { .object = call->body };
	enum store_code code = check_rights(call, &change->policy, was);
	if (code != STORE_OK)
		return code;
	input_start(&in, call, !was);
	if (may(call, "user.write"))
		take_kept(&in, tx, change, account);
	if (may(call, "user.grant"))
		take_rights(&in, tx, account);
	if (!account->display_name.ptr)
		account->display_name = account->name;
	if (!input_finish(&in))
		return db_code(tx->db) != STORE_OK ? db_code(tx->db) : STORE_REFUSED;
	return account_find_place(tx->db, call->app, account);
}

static enum store_code check_name(struct tx *tx, struct call *call, const struct account *account)
{
	int64_t taken = db_int(tx->db, 0, "SELECT 1 FROM account WHERE name = ?1 AND id <> ?2",
	                       BIND(value_text(account->name), value_int(account->id)));
	if (db_code(tx->db) != STORE_OK)
		return db_code(tx->db);
	return taken ? call_problem_detail(call, PROBLEM_DUPLICATE, TEXT("用户名已被使用"), TEXT("The user name is taken")) : STORE_OK;
}

/* ---- creating and changing ---- */

static enum store_code create(struct tx *tx, void *arg)
{
	struct change *change = arg;
	struct call *call = change->call;
	struct account account = { .district = call->actor.district };
	call_again(call);
	enum store_code code = take_account(tx, change, NULL, &account);
	if (code == STORE_OK)
		code = check_name(tx, call, &account);
	if (code == STORE_OK)
		code = account_insert(tx, &call->actor, &account);
	if (code == STORE_OK) {
		answer(call, &account, 201);
		call->location = text_printf(call->arena, "/api/v1/users/%lld", (long long)account.id);
	}
	return code;
}

/* A new password ends what was signed in with the old one, and so do fewer rights where there are none left. */
static enum store_code end_sessions(struct tx *tx, const struct change *change, const struct account *was, const struct account *account)
{
	enum store_code code = STORE_OK;
	bool renewed = !text_eq(was->password_hash, account->password_hash);
	if (renewed)
		code = password_retire(tx, &change->policy, account->id, was->password_hash);
	if (code == STORE_OK && (renewed || account->disabled))
		code = sessions_end(tx, account->id, TEXT_NONE, renewed);
	return code;
}

static enum store_code update(struct tx *tx, void *arg)
{
	struct change *change = arg;
	struct call *call = change->call;
	struct account was = { 0 };
	call_again(call);
	if (!call->if_match.ptr)
		return call_problem(call, PROBLEM_IF_MATCH_NEEDED);
	enum store_code code = find(tx->db, call, &was);
	if (code == STORE_OK)
		code = call_match(call, was.version);
	if (code == STORE_OK)
		code = account_find_place(tx->db, call->app, &was);
	if (code != STORE_OK)
		return code;
	struct account account = was;
	code = take_account(tx, change, &was, &account);
	if (code == STORE_OK)
		code = check_name(tx, call, &account);
	if (code == STORE_OK)
		code = account_save(tx, &call->actor, &was, &account);
	if (code == STORE_OK)
		code = end_sessions(tx, change, &was, &account);
	if (code == STORE_OK)
		answer(call, &account, 200);
	return code;
}

/* Whether the change may be made at all. Before anything is compared: the answer tells whether a password is one of the account's. */
static enum store_code may_compare(struct db *db, struct call *call, const struct policy *policy, struct account *account)
{
	if (!call->id)
		return STORE_OK;
	if (!call->if_match.ptr)
		return call_problem(call, PROBLEM_IF_MATCH_NEEDED);
	enum store_code code = find(db, call, account);
	if (code == STORE_OK)
		code = call_match(call, account->version);
	return code == STORE_OK ? check_rights(call, policy, account) : code;
}

/* What the new password is compared with. */
static enum store_code look(struct db *db, void *arg)
{
	struct change *change = arg;
	struct call *call = change->call;
	struct account account = { .id = 0 };
	struct text user = json_text_of(json_object_get(call->body, "user"));
	json_t *given = json_object_get(call->body, "password");
	struct text password = json_text_of(given);
	enum store_code code = policy_read(db, call->actor.district, clock_now_ms(store_clock(call->app->store)), &change->policy);
	if (code == STORE_OK)
		code = may_compare(db, call, &change->policy, &account);
	if (code == STORE_OK && call->id && password.ptr)
		code = password_history(db, call->arena, &change->policy, account.id, account.password_hash, &change->old);
	if (code != STORE_OK || !given)
		return code;
	const struct password_fault *fault = password_fault(&change->policy, password, text_trim(user.ptr ? user : account.name));
	if (fault)
		call_wrong(call, TEXT("/password"), fault->code, fault->zh, fault->en);
	return fault ? STORE_REFUSED : STORE_OK;
}

static void change_account(struct call *call, command_fn *run)
{
	struct change change = { .call = call };
	struct app *app = call->app;
	struct text password = json_text_of(json_object_get(call->body, "password"));
	enum store_code code = may(call, "user.write") || !json_object_get(call->body, "password") ? STORE_OK : STORE_REFUSED;
	if (code == STORE_REFUSED) {
		call_problem(call, PROBLEM_FORBIDDEN);
		return;
	}
	code = store_read(app->store, 0, look, &change);
	if (code == STORE_OK && password.ptr && password_was_used(&change.old, password)) {
		const struct password_fault *fault = &password_used_before;
		call_wrong(call, TEXT("/password"), fault->code, fault->zh, fault->en);
		return;
	}
	if (code == STORE_OK && password.ptr) {
		password_hash(password, change.password_hash);
		change.has_password = true;
	}
	if (code == STORE_OK)
		code = store_command(app->store, LANE_INTERACTIVE, run, &change);
	if (code != STORE_OK) {
		app_settle(call, code);
		return;
	}
	sessions_forget_user(app->sessions, call->id);
	feed_drop_user(app->feed, call->id);
}

void user_post(struct call *call)
{
	change_account(call, create);
}

void user_patch(struct call *call)
{
	change_account(call, update);
}

/* ---- help for who is locked out ---- */

static enum store_code unlock(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct account account;
	call_again(call);
	enum store_code code = find(tx->db, call, &account);
	if (code == STORE_OK)
		code = account_find_place(tx->db, call->app, &account);
	if (code != STORE_OK)
		return code;
	struct buf detail = buf_in(call->arena, 256, 4096);
	struct json_out json = json_out(&detail);
	json_begin_object(&json);
	JSON_TEXT(&json, "unlocked", account.name);
	json_end_object(&json);
	code = account_note(tx, &call->actor, &account, "unlock", "user", buf_done(&detail));
	if (code == STORE_OK) {
		guess_lift(call->app->guesses, account.name);
		answer(call, &account, 200);
	}
	return code;
}

/* Here at once; at other servers of the database through the journal. */
void user_unlock(struct call *call)
{
	app_settle(call, store_command(call->app->store, LANE_INTERACTIVE, unlock, call));
}

void user_unlocked(struct app *app, const struct journal_line *line)
{
	json_t *json = NULL;
	if (line->detail.ptr && json_read(line->detail, BODY_DEPTH_MAX, &json) == JSON_FINE) {
		struct text name = json_text_of(json_object_get(json, "unlocked"));
		if (name.ptr)
			guess_lift(app->guesses, name);
	}
	json_decref(json);
}

static enum store_code forget_second_factor(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct account account;
	struct policy policy;
	bool had = false;
	call_again(call);
	enum store_code code = find(tx->db, call, &account);
	if (code == STORE_OK)
		code = policy_read(tx->db, call->actor.district, tx->now_ms, &policy);
	if (code == STORE_OK && policy.values[POLICY_SEPARATION] && call->actor.user != 0 && is_one_of_three(&account))
		code = call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("三员的动态验证码由运维人员在本机关闭"),
			TEXT("For the three administrators the operator of the machine does it"));
	if (code == STORE_OK && call->bearer && account.id == call->actor.user)
		code = not_with_a_token(call);
	if (code == STORE_OK)
		code = account_find_place(tx->db, call->app, &account);
	if (code == STORE_OK)
		code = second_factor_forget(tx, &call->actor, &account, &had);
	return code == STORE_OK && !had ? call_problem(call, PROBLEM_NOT_FOUND) : code;
}

void user_forget_second_factor(struct call *call)
{
	enum store_code code = store_command(call->app->store, LANE_INTERACTIVE, forget_second_factor, call);
	sessions_forget_user(call->app->sessions, call->id);
	app_settle(call, code);
	if (code == STORE_OK)
		call->status = 204;
}
