/* SPDX-License-Identifier: Apache-2.0 */
/* second_factor.c - one-time codes beside the password. */
#include "engine/second_factor.h"

#include "base/crypto.h"
#include "base/log.h"
#include "base/totp.h"
#include "engine/guess.h"
#include "engine/keys.h"
#include "engine/password.h"
#include "engine/session.h"

#include <string.h>

enum { MINUTE_MS = 60 * 1000 };

/* ---- the secret in the store ---- */

static struct seal_place place_of(int64_t account)
{
	return (struct seal_place){ id_district(account), "account", "totp_secret", account };
}

static struct text keep_secret(const struct app *app, struct arena *arena, int64_t account, struct text secret)
{
	struct seal_place place = place_of(account);
	return keys_seal(app->keys, arena, &place, secret);
}

/* Another server may have sealed it with a newer key. */
static bool read_secret(const struct app *app, struct db *db, struct arena *arena, int64_t account, struct text kept,
                        struct text *secret)
{
	struct seal_place place = place_of(account);
	if (!keys_know(app->keys, kept))
		keys_refresh(app->keys, db);
	return keys_unseal(app->keys, arena, &place, kept, secret);
}

enum store_code second_factor_read(struct db *db, const struct app *app, struct arena *arena, int64_t account,
                                   struct second_factor *factor)
{
	struct text kept = TEXT_NONE;
	*factor = (struct second_factor){ .confirmed = false };
	struct rows *rows = db_query(db, "SELECT totp_secret, confirmed, last_step FROM totp WHERE district = ?1 AND account = ?2",
	                             BIND(value_int(id_district(account)), value_int(account)));
	if (rows_next(rows)) {
		kept = text_copy(arena, rows_text(rows, 0));
		factor->confirmed = rows_int(rows, 1) != 0;
		factor->used = rows_int(rows, 2);
	}
	enum store_code code = rows_end(rows);
	if (code == STORE_OK && kept.ptr && !read_secret(app, db, arena, account, kept, &factor->secret))
		log_error("account %lld: its one-time codes cannot be checked: the secret does not open", (long long)account);
	return code;
}

int64_t second_factor_step(const struct second_factor *factor, struct text code, int64_t now_ms)
{
	return factor->secret.ptr ? totp_find(factor->secret, text_trim(code), now_ms, factor->used) : 0;
}

enum store_code second_factor_use(struct tx *tx, int64_t account, int64_t step)
{
	int64_t changed = 0;
	enum store_code code = db_exec(tx->db, "UPDATE totp SET last_step = ?1 WHERE district = ?2 AND account = ?3 AND last_step < ?1",
		BIND(value_int(step), value_int(id_district(account)), value_int(account)), &changed);
	return code == STORE_OK && changed == 0 ? STORE_REFUSED : code;
}

/* A sign-in under way, which knows the account at the version of before, comes to nothing. */
static enum store_code new_version(struct tx *tx, struct account *account)
{
	account->version++;
	return db_exec(tx->db, "UPDATE account SET version = version + 1, updated_at = ?1 WHERE district = ?2 AND id = ?3",
		BIND(value_int(tx->now_ms), value_int(account->district), value_int(account->id)), NULL);
}

/* ---- the routes ---- */

struct change {
	struct call *call;
	struct text code, password;
	int64_t now_ms, step;
	struct account account;
	struct policy policy;
	struct second_factor factor;
};

static enum store_code look(struct db *db, void *arg)
{
	struct change *change = arg;
	struct call *call = change->call;
	bool found = false;
	enum store_code code = account_read(db, call->arena, call->actor.user, &change->account, &found);
	if (code == STORE_OK && !found)
		return call_problem(call, PROBLEM_NOT_FOUND);
	if (code == STORE_OK)
		code = policy_read(db, call->actor.district, change->now_ms, &change->policy);
	return code == STORE_OK ? second_factor_read(db, call->app, call->arena, call->actor.user, &change->factor) : code;
}

static struct change change_of(struct call *call)
{
	return (struct change){ .call = call, .now_ms = clock_now_ms(store_clock(call->app->store)) };
}

static enum store_code begin(struct tx *tx, void *arg)
{
	struct change *change = arg;
	struct call *call = change->call;
	char bytes[TOTP_SECRET_BYTES];
	call_again(call);
	enum store_code code = look(tx->db, change);
	if (code != STORE_OK)
		return code;
	if (change->policy.values[POLICY_SECOND_FACTOR] == SECOND_FACTOR_OFF)
		return call_problem_detail(call, PROBLEM_FORBIDDEN, TEXT("本区未启用动态验证码"), TEXT("The district does not use them"));
	if (change->factor.confirmed)
		return call_problem_detail(call, PROBLEM_DUPLICATE, TEXT("已设置，请先关闭"), TEXT("There is one; end it first"));
	random_bytes(bytes, sizeof bytes);
	struct text secret = { bytes, sizeof bytes }, shown = base32(call->arena, secret);
	code = db_exec(tx->db, "INSERT INTO totp (district, account, totp_secret, confirmed, last_step) VALUES (?1, ?2, ?3, 0, 0)"
		" ON CONFLICT (district, account) DO UPDATE SET totp_secret = excluded.totp_secret, confirmed = 0, last_step = 0",
		BIND(value_int(call->actor.district), value_int(call->actor.user),
		     value_blob(keep_secret(call->app, call->arena, call->actor.user, secret))), NULL);
	struct json_out json = call_json(call, 201);
	json_begin_object(&json);
	JSON_TEXT(&json, "secret", shown);
	JSON_TEXT(&json, "uri", text_printf(call->arena,
		"otpauth://totp/Songhe:%.*s?secret=%.*s&issuer=Songhe&algorithm=SHA1&digits=%d&period=%d",
		TEXT_ARG(text_percent(call->arena, change->account.name)), TEXT_ARG(shown), TOTP_DIGITS, TOTP_STEP_MS / 1000));
	json_end_object(&json);
	return code;
}

void second_factor_begin(struct call *call)
{
	struct change change = change_of(call);
	app_settle(call, store_command(call->app->store, LANE_INTERACTIVE, begin, &change));
}

static enum store_code confirm(struct tx *tx, void *arg)
{
	struct change *change = arg;
	struct call *call = change->call;
	call_again(call);
	enum store_code code = look(tx->db, change);
	struct account account = change->account;
	if (code == STORE_OK)
		code = account_find_place(tx->db, call->app, &account);
	if (code != STORE_OK)
		return code;
	/* Meanwhile there may be another secret: it is the one of this transaction that the code must be of. */
	change->step = second_factor_step(&change->factor, change->code, change->now_ms);
	code = change->step ? second_factor_use(tx, account.id, change->step) : STORE_REFUSED;
	if (code == STORE_REFUSED)
		return call_problem(call, PROBLEM_WRONG_CODE);
	if (code == STORE_OK)
		code = db_exec(tx->db, "UPDATE totp SET confirmed = 1 WHERE district = ?1 AND account = ?2",
		               BIND(value_int(account.district), value_int(account.id)), NULL);
	if (code == STORE_OK)
		code = new_version(tx, &account);
	return code == STORE_OK ? account_note(tx, &call->actor, &account, "second_factor_on", "user", TEXT_NONE) : code;
}

enum store_code second_factor_forget(struct tx *tx, const struct actor *by, struct account *account, bool *had)
{
	int64_t changed = 0;
	enum store_code code = db_exec(tx->db, "DELETE FROM totp WHERE district = ?1 AND account = ?2",
		BIND(value_int(account->district), value_int(account->id)), &changed);
	*had = changed > 0;
	if (code != STORE_OK || !*had)
		return code;
	code = new_version(tx, account);
	return code == STORE_OK ? account_note(tx, by, account, "second_factor_off", "user", TEXT_NONE) : code;
}

static enum store_code end(struct tx *tx, void *arg)
{
	struct change *change = arg;
	bool had;
	call_again(change->call);
	enum store_code code = look(tx->db, change);
	struct account account = change->account;
	if (code == STORE_OK)
		code = account_find_place(tx->db, change->call->app, &account);
	return code == STORE_OK ? second_factor_forget(tx, &change->call->actor, &account, &had) : code;
}

/* What is given is compared, and counted like a password at sign-in; then `run` is carried out. A code that is right forgives no
 * wrong passwords: who has the session has been told the secret. */
static void try_change(struct change *change, command_fn *run)
{
	struct call *call = change->call;
	struct app *app = call->app;
	enum store_code code = store_read(app->store, 0, look, change);
	if (code != STORE_OK) {
		app_settle(call, code);
		return;
	}
	if (!guess_begin(app->guesses, change->account.name, change->now_ms, GUESSES_MAX, &call->retry_after_s)) {
		call_problem(call, PROBLEM_RATE_LIMITED);
		return;
	}
	if (change->code.ptr)
		change->step = second_factor_step(&change->factor, change->code, change->now_ms);
	bool right = change->code.ptr ? change->step > 0 : password_matches(change->password, change->account.password_hash.ptr);
	guess_end(app->guesses, change->account.name, change->now_ms, !right ? TRY_WRONG : change->code.ptr ? TRY_OPEN : TRY_RIGHT,
	          change->policy.values[POLICY_LOCK_MINUTES] * MINUTE_MS);
	if (!right && change->code.ptr)
		call_problem(call, PROBLEM_WRONG_CODE);
	else if (!right)
		call_wrong(call, TEXT("/password"), "wrong_password", TEXT("密码不正确"), TEXT("The password is wrong"));
	if (!right)
		return;
	code = store_command(app->store, LANE_INTERACTIVE, run, change);
	sessions_forget_user(app->sessions, call->actor.user);
	app_settle(call, code);
	if (code == STORE_OK)
		call->status = 204;
}

void second_factor_confirm(struct call *call)
{
	struct change change = change_of(call);
	change.code = json_text_of(json_object_get(call->body, "code"));
	if (change.code.ptr)
		try_change(&change, confirm);
	else
		call_wrong(call, TEXT("/code"), "required", TEXT("请填写验证码"), TEXT("The one-time code is required"));
}

void second_factor_end(struct call *call)
{
	struct change change = change_of(call);
	change.password = json_text_of(json_object_get(call->body, "password"));
	if (change.password.ptr && change.password.len <= PASSWORD_BYTES_MAX)
		try_change(&change, end);
	else
		call_wrong(call, TEXT("/password"), "required", TEXT("请填写密码"), TEXT("The password is required"));
}
