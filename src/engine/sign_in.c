/* SPDX-License-Identifier: Apache-2.0 */
/* sign_in.c - signing in and out, and one's own password. */
#include "engine/session.h"

#include "base/crypto.h"
#include "engine/feed.h"
#include "engine/guess.h"
#include "engine/password.h"
#include "engine/second_factor.h"

#include <string.h>

enum { MINUTE_MS = 60 * 1000, CODE_BYTES_MAX = 32 };

struct sign_in {
	struct call *call;
	struct text user, password, code;
	int64_t now_ms;
	struct account account;
	struct policy policy;
	struct second_factor factor;
	bool found;
	int64_t step; /* of the one-time code; 0: none was needed */
	char token[TOKEN_CHARS + 1];
};

/* The policy of the house counts for names that do not exist. */
static enum store_code find_account(struct db *db, void *arg)
{
	struct sign_in *in = arg;
	struct arena *arena = in->call->arena;
	int64_t id = db_int(db, 0, "SELECT id FROM account WHERE name = ?1", BIND(value_text(in->user)));
	enum store_code code = db_code(db);
	if (code == STORE_OK && id)
		code = account_read(db, arena, id, &in->account, &in->found);
	if (code == STORE_OK && in->found)
		code = second_factor_read(db, in->call->app, arena, id, &in->factor);
	unsigned district = in->found ? (unsigned)in->account.district : in->call->app->home_district;
	return code == STORE_OK ? policy_read(db, district, in->now_ms, &in->policy) : code;
}

static enum store_code insert_session(struct tx *tx, const struct sign_in *in)
{
	const struct call *call = in->call;
	return db_exec(tx->db,
		"INSERT INTO session (token_hash, district, id, account, channel, agent, address, created_at, used_at, ends_at)"
		" VALUES (?1, ?2, ?3, ?4, 'web', ?5, ?6, ?7, ?7, 0)",
		BIND(value_text(session_hash(call->arena, text_of(in->token))), value_int(in->account.district),
		     value_int(id_next(store_ids(tx->store), (unsigned)in->account.district)), value_int(in->account.id),
		     value_text(call->agent), value_text(call->address), value_int(tx->now_ms)), NULL);
}

static enum store_code open_session(struct tx *tx, void *arg)
{
	struct sign_in *in = arg;
	call_again(in->call);
	/* Meanwhile the password may have been changed, which ended all sessions but this one. */
	int64_t version = db_int(tx->db, 0, "SELECT version FROM account WHERE district = ?1 AND id = ?2",
	                         BIND(value_int(in->account.district), value_int(in->account.id)));
	if (db_code(tx->db) != STORE_OK)
		return db_code(tx->db);
	if (version != in->account.version)
		return call_problem(in->call, PROBLEM_WRONG_CREDENTIALS);
	enum store_code code = in->step ? second_factor_use(tx, in->account.id, in->step) : STORE_OK;
	if (code == STORE_REFUSED)
		return call_problem(in->call, PROBLEM_WRONG_CODE);
	if (code == STORE_OK)
		code = insert_session(tx, in);
	if (code == STORE_OK)
		code = account_find_place(tx->db, in->call->app, &in->account);
	return code == STORE_OK ? account_note(tx, &in->call->actor, &in->account, "sign_in", "session", TEXT_NONE) : code;
}

/* ---- the account itself ---- */

static void write_me(struct call *call, const struct account *account, const struct actor *actor)
{
	static const char *const duties[] = { NULL, "change_password", "set_up_second_factor" };
	const struct access *access = &call->app->access;
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	account_write(&json, account);
	JSON_TEXT(&json, "must", text_of(duties[actor->duty]));
	json_key(&json, TEXT("permissions"));
	json_begin_array(&json);
	for (unsigned i = 0; i < access->count; i++)
		if (actor_may(actor, i))
			json_put_text(&json, text_of(access->names[i]));
	json_end_array(&json);
	json_end_object(&json);
}

enum store_code sign_in_me(struct db *db, void *arg)
{
	struct call *call = arg;
	struct account account;
	bool found = false;
	enum store_code code = account_read(db, call->arena, call->actor.user, &account, &found);
	if (code == STORE_OK && !found)
		return call_problem(call, PROBLEM_NOT_FOUND);
	if (code == STORE_OK)
		write_me(call, &account, &call->actor);
	return code;
}

/* ---- signing in ---- */

static bool read_credentials(struct sign_in *in)
{
	struct call *call = in->call;
	json_t *code = json_object_get(call->body, "code");
	in->user = json_text_of(json_object_get(call->body, "user"));
	in->password = json_text_of(json_object_get(call->body, "password"));
	in->code = json_text_of(code);
	if (!in->user.ptr || in->user.len == 0 || in->user.len > NAME_BYTES_MAX)
		call_wrong(call, TEXT("/user"), "required", TEXT("请填写用户名"), TEXT("The user name is required"));
	if (!in->password.ptr || in->password.len == 0 || in->password.len > PASSWORD_BYTES_MAX)
		call_wrong(call, TEXT("/password"), "required", TEXT("请填写密码"), TEXT("The password is required"));
	if (code && !json_is_null(code) && (!in->code.ptr || in->code.len > CODE_BYTES_MAX))
		call_wrong(call, TEXT("/code"), "wrong_type", TEXT("验证码应为文字"), TEXT("The code is a text of six digits"));
	return call->problem == PROBLEM_NONE;
}

/* As costly as a real comparison, so that time does not tell which names exist. */
static const char nobody[] =
	"$argon2id$v=19$m=19456,t=2,p=1$c29uZ2hlc29uZ2hlc29uZw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* Who has the password and no code neither begins the count anew nor adds to it. */
static enum outcome compare(struct sign_in *in, enum problem *problem)
{
	const char *hash = in->found ? in->account.password_hash.ptr : nobody;
	*problem = PROBLEM_WRONG_CREDENTIALS;
	if (!password_matches(in->password, hash) || !in->found || in->account.disabled)
		return TRY_WRONG;
	*problem = PROBLEM_NONE;
	if (!in->factor.confirmed || in->policy.values[POLICY_SECOND_FACTOR] == SECOND_FACTOR_OFF)
		return TRY_RIGHT;
	*problem = PROBLEM_SECOND_FACTOR_NEEDED;
	if (!in->code.ptr)
		return TRY_OPEN;
	in->step = second_factor_step(&in->factor, in->code, in->now_ms);
	*problem = in->step ? PROBLEM_NONE : PROBLEM_WRONG_CODE;
	return in->step ? TRY_RIGHT : TRY_WRONG;
}

/* The outcome of comparing; false when that is the answer. */
static bool try_credentials(struct sign_in *in)
{
	struct call *call = in->call;
	struct app *app = call->app;
	enum problem problem = PROBLEM_NONE;
	if (!guess_begin(app->guesses, in->user, in->now_ms, GUESSES_MAX, &call->retry_after_s)) {
		call_problem(call, PROBLEM_RATE_LIMITED);
		return false;
	}
	enum store_code code = store_read(app->store, 0, find_account, in);
	enum outcome outcome = code == STORE_OK ? compare(in, &problem) : TRY_OPEN;
	guess_end(app->guesses, in->user, in->now_ms, outcome, in->policy.values[POLICY_LOCK_MINUTES] * MINUTE_MS);
	if (code != STORE_OK)
		app_settle(call, code);
	else if (problem != PROBLEM_NONE)
		call_problem(call, problem);
	return code == STORE_OK && problem == PROBLEM_NONE;
}

static void set_cookie(struct call *call, const char *token, const char *age)
{
	bool secure = call->app->secure_cookie;
	call->set_cookie = text_printf(call->arena, "%s=%s; Path=/;%s HttpOnly; SameSite=Strict%s",
		secure ? "__Host-songhe" : "songhe", token, age, secure ? "; Secure" : "");
}

void sign_in_login(struct call *call)
{
	struct app *app = call->app;
	struct sign_in in = { .call = call, .now_ms = clock_now_ms(store_clock(app->store)) };
	uint64_t as_of = sessions_changes(app->sessions);
	if (!read_credentials(&in) || !try_credentials(&in))
		return;
	token_new(in.token);
	account_actor(app, &in.account, &in.policy, in.now_ms, &call->actor);
	enum store_code code = store_command(app->store, LANE_INTERACTIVE, open_session, &in);
	if (code != STORE_OK) {
		app_settle(call, code);
		return;
	}
	session_remember(app, as_of, text_of(in.token), &call->actor, &in.policy);
	feed_follow(app->feed, call->actor.district);
	write_me(call, &in.account, &call->actor);
	set_cookie(call, in.token, "");
}

/* ---- signing out ---- */

static enum store_code close_session(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct text hash = session_hash(call->arena, call->session_token);
	struct account account;
	bool found;
	enum store_code code = db_exec(tx->db, "DELETE FROM session WHERE token_hash = ?1", BIND(value_text(hash)), NULL);
	if (code == STORE_OK)
		code = account_read(tx->db, call->arena, call->actor.user, &account, &found);
	if (code == STORE_OK && !found)
		return call_problem(call, PROBLEM_NOT_FOUND);
	if (code == STORE_OK)
		code = account_find_place(tx->db, call->app, &account);
	return code == STORE_OK ? account_note(tx, &call->actor, &account, "sign_out", "session", TEXT_NONE) : code;
}

/* Forgotten only when the store has none any more: a request beside this one would find it there again. */
void sign_in_logout(struct call *call)
{
	struct app *app = call->app;
	enum store_code code = store_command(app->store, LANE_INTERACTIVE, close_session, call);
	sessions_forget_user(app->sessions, call->actor.user);
	if (code != STORE_OK) {
		app_settle(call, code);
		return;
	}
	feed_drop_session(app->feed, call->session_token);
	set_cookie(call, "", " Max-Age=0;");
	call->status = 204;
}

/* ---- one's own password ---- */

struct renewal {
	struct sign_in in; /* with the old password */
	struct text fresh;
	struct old_passwords old;
	char hash[PASSWORD_HASH_MAX];
};

static enum store_code find_own(struct db *db, void *arg)
{
	struct renewal *renewal = arg;
	struct sign_in *in = &renewal->in;
	struct call *call = in->call;
	enum store_code code = account_read(db, call->arena, call->actor.user, &in->account, &in->found);
	if (code == STORE_OK)
		code = policy_read(db, call->actor.district, in->now_ms, &in->policy);
	if (code == STORE_OK && in->found)
		code = password_history(db, call->arena, &in->policy, in->account.id, in->account.password_hash, &renewal->old);
	return code;
}

static enum store_code renew(struct tx *tx, void *arg)
{
	struct renewal *renewal = arg;
	struct sign_in *in = &renewal->in;
	struct call *call = in->call;
	struct account was = in->account, now = in->account;
	call_again(call);
	int64_t version = db_int(tx->db, 0, "SELECT version FROM account WHERE district = ?1 AND id = ?2",
	                         BIND(value_int(was.district), value_int(was.id)));
	if (db_code(tx->db) != STORE_OK)
		return db_code(tx->db);
	if (version != was.version)
		return call_problem(call, PROBLEM_STALE);
	now.password_hash = text_of(renewal->hash);
	now.password_set_at = tx->now_ms;
	enum store_code code = account_find_place(tx->db, call->app, &now);
	was.place = now.place;
	if (code == STORE_OK)
		code = account_save(tx, &call->actor, &was, &now);
	if (code == STORE_OK)
		code = password_retire(tx, &in->policy, was.id, was.password_hash);
	return code == STORE_OK ? sessions_end(tx, was.id, session_hash(call->arena, call->session_token), false) : code;
}

/* What is wrong with the new one is told only to who knows the old one. */
static bool check_renewal(struct renewal *renewal)
{
	struct sign_in *in = &renewal->in;
	struct call *call = in->call;
	struct app *app = call->app;
	if (!guess_begin(app->guesses, in->account.name, in->now_ms, GUESSES_MAX, &call->retry_after_s)) {
		call_problem(call, PROBLEM_RATE_LIMITED);
		return false;
	}
	bool right = password_matches(in->password, in->account.password_hash.ptr);
	guess_end(app->guesses, in->account.name, in->now_ms, right ? TRY_RIGHT : TRY_WRONG,
	          in->policy.values[POLICY_LOCK_MINUTES] * MINUTE_MS);
	if (!right) {
		call_wrong(call, TEXT("/old"), "wrong_password", TEXT("原密码不正确"), TEXT("The password is wrong"));
		return false;
	}
	const struct password_fault *fault = password_fault(&in->policy, renewal->fresh, in->account.name);
	if (!fault && (text_eq(in->password, renewal->fresh) || password_was_used(&renewal->old, renewal->fresh)))
		fault = &password_used_before;
	if (fault)
		call_wrong(call, TEXT("/new"), fault->code, fault->zh, fault->en);
	return !fault;
}

void sign_in_password(struct call *call)
{
	struct app *app = call->app;
	struct renewal renewal = { .in = { .call = call, .now_ms = clock_now_ms(store_clock(app->store)) } };
	renewal.in.password = json_text_of(json_object_get(call->body, "old"));
	renewal.fresh = json_text_of(json_object_get(call->body, "new"));
	if (!renewal.in.password.ptr || renewal.in.password.len > PASSWORD_BYTES_MAX)
		call_wrong(call, TEXT("/old"), "required", TEXT("请填写原密码"), TEXT("The password of now is required"));
	if (!renewal.fresh.ptr)
		call_wrong(call, TEXT("/new"), "required", TEXT("请填写新密码"), TEXT("The new password is required"));
	if (call->problem != PROBLEM_NONE)
		return;
	enum store_code code = store_read(app->store, 0, find_own, &renewal);
	if (code == STORE_OK && !renewal.in.found)
		code = call_problem(call, PROBLEM_NOT_FOUND);
	if (code == STORE_OK) {
		if (!check_renewal(&renewal))
			return;
		password_hash(renewal.fresh, renewal.hash);
		code = store_command(app->store, LANE_INTERACTIVE, renew, &renewal);
	}
	sessions_forget_user(app->sessions, call->actor.user);
	app_settle(call, code);
	if (code == STORE_OK)
		call->status = 204;
}
