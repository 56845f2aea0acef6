/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - signing in and staying signed in. */
#include "engine/session.h"

#include "base/crypto.h"
#include "base/log.h"
#include "engine/account.h"
#include "engine/feed.h"
#include "engine/journal.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	SESSIONS_MAX = 4096, /* in memory; more are looked up in the store again */
	IDLE_MS = 30 * 60 * 1000,
	ABSOLUTE_MS = 12 * 60 * 60 * 1000,
	NOTE_USE_MS = 60 * 1000,
	GUESS_SETS = 16384, /* more names than can be tried within the window */
	GUESS_WAYS = 8,
	GUESS_KEY_BYTES = 32,
	GUESSES_MAX = 5,
	GUESS_WINDOW_MS = 5 * 60 * 1000
};

struct session {
	char token[TOKEN_CHARS + 1];
	struct actor actor;
	int64_t created_ms, noted_ms;
	_Atomic int64_t used_ms;
	struct session *next; /* same slot */
};

/* The tries to sign in under one name. */
struct guess {
	uint64_t name; /* its keyed hash */
	int64_t since_ms; /* of the first wrong one */
	unsigned wrong, under_way;
};

struct sessions {
	pthread_rwlock_t lock;
	struct session *slots[SESSIONS_MAX];
	unsigned count;
	_Atomic uint64_t changes; /* of accounts and sessions in the store: what was read before one is not remembered after it */
	pthread_mutex_t guess_lock;
	char guess_key[GUESS_KEY_BYTES];
	struct guess (*guesses)[GUESS_WAYS]; /* a name may stand in one set only */
};

struct sessions *sessions_new(void)
{
	struct sessions *sessions = calloc(1, sizeof *sessions);
	if (!sessions || !(sessions->guesses = calloc(GUESS_SETS, sizeof *sessions->guesses)))
		abort();
	pthread_rwlock_init(&sessions->lock, NULL);
	pthread_mutex_init(&sessions->guess_lock, NULL);
	random_bytes(sessions->guess_key, sizeof sessions->guess_key);
	return sessions;
}

static void forget_if(struct sessions *sessions, bool (*matches)(const struct session *, int64_t), int64_t what)
{
	pthread_rwlock_wrlock(&sessions->lock);
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		for (struct session **at = &sessions->slots[i]; *at;) {
			struct session *session = *at;
			if (!matches(session, what)) {
				at = &session->next;
				continue;
			}
			*at = session->next;
			free(session);
			sessions->count--;
		}
	pthread_rwlock_unlock(&sessions->lock);
}

static bool anyone(const struct session *session, int64_t ignored)
{
	(void)session;
	(void)ignored;
	return true;
}

static bool of_user(const struct session *session, int64_t user)
{
	return session->actor.user == user;
}

static bool is_over(int64_t created_ms, int64_t used_ms, int64_t now_ms)
{
	return now_ms - used_ms > IDLE_MS || now_ms - created_ms > ABSOLUTE_MS;
}

static bool expired(const struct session *session, int64_t now_ms)
{
	return is_over(session->created_ms, session->used_ms, now_ms);
}

void sessions_free(struct sessions *sessions)
{
	forget_if(sessions, anyone, 0);
	pthread_rwlock_destroy(&sessions->lock);
	pthread_mutex_destroy(&sessions->guess_lock);
	free(sessions->guesses);
	free(sessions);
}

void sessions_forget_user(struct sessions *sessions, int64_t user)
{
	sessions->changes++;
	forget_if(sessions, of_user, user);
}

/* Tokens are random: any eight of their bytes are a hash. */
static struct session **slot_of(struct sessions *sessions, struct text token)
{
	uint64_t mix;
	memcpy(&mix, token.ptr, sizeof mix);
	return &sessions->slots[mix * UINT64_C(0x9E3779B97F4A7C15) >> 52];
}

/* The caller holds the lock. NULL: not in memory, or over. */
static struct session *find(struct sessions *sessions, struct text token, int64_t now_ms)
{
	for (struct session *session = *slot_of(sessions, token); session; session = session->next) {
		unsigned difference = 0; /* compared whole: no timing tells how much was right */
		for (size_t i = 0; i < TOKEN_CHARS; i++)
			difference |= (unsigned char)(session->token[i] ^ token.ptr[i]);
		if (difference == 0 && !expired(session, now_ms))
			return session;
	}
	return NULL;
}

bool session_known(struct app *app, struct call *call)
{
	struct text token = call->session_token;
	if (token.len != TOKEN_CHARS)
		return false;
	int64_t now_ms = clock_now_ms(store_clock(app->store));
	pthread_rwlock_rdlock(&app->sessions->lock);
	struct session *session = find(app->sessions, token, now_ms);
	if (session) {
		session->used_ms = now_ms;
		call->actor = session->actor;
	}
	pthread_rwlock_unlock(&app->sessions->lock);
	call->signed_in = call->signed_in || session;
	return session != NULL;
}

bool session_lasts(struct app *app, struct text token, const struct actor *actor)
{
	if (token.len != TOKEN_CHARS)
		return false;
	pthread_rwlock_rdlock(&app->sessions->lock);
	const struct session *session = find(app->sessions, token, clock_now_ms(store_clock(app->store)));
	bool lasts = session && actor_same_rights(&session->actor, actor);
	pthread_rwlock_unlock(&app->sessions->lock);
	return lasts;
}

/* `as_of`: the changes before the session and its account were read. */
static void remember(struct sessions *sessions, uint64_t as_of, struct text token, const struct actor *actor,
                     int64_t created_ms, int64_t used_ms)
{
	pthread_rwlock_rdlock(&sessions->lock);
	bool full = sessions->count >= SESSIONS_MAX;
	pthread_rwlock_unlock(&sessions->lock);
	if (full) /* whoever goes on working is looked up in the store again */
		forget_if(sessions, anyone, 0);
	struct session *session = calloc(1, sizeof *session);
	if (!session)
		abort();
	memcpy(session->token, token.ptr, TOKEN_CHARS);
	session->actor = *actor;
	session->created_ms = created_ms;
	session->noted_ms = session->used_ms = used_ms;
	pthread_rwlock_wrlock(&sessions->lock);
	bool still_true = sessions->changes == as_of;
	if (still_true) {
		struct session **slot = slot_of(sessions, token);
		session->next = *slot;
		*slot = session;
		sessions->count++;
	}
	pthread_rwlock_unlock(&sessions->lock);
	if (!still_true)
		free(session);
}

/* ---- in the store ---- */

static struct text token_hash(struct arena *arena, struct text token)
{
	unsigned char hash[HASH_BYTES];
	hash_sha256(token, hash);
	return hash_hex(arena, hash);
}

struct lookup {
	struct arena *arena;
	struct text token;
	struct account account;
	int64_t created_ms, used_ms;
	bool found;
};

static enum store_code look_up(struct db *db, void *arg)
{
	struct lookup *lookup = arg;
	struct rows *rows = db_query(db, "SELECT s.created_at, s.used_at, s.account FROM session s WHERE s.token_hash = ?1",
	                             BIND(value_text(token_hash(lookup->arena, lookup->token))));
	int64_t account = 0;
	if (rows_next(rows)) {
		lookup->created_ms = rows_int(rows, 0);
		lookup->used_ms = rows_int(rows, 1);
		account = rows_int(rows, 2);
	}
	enum store_code code = rows_end(rows);
	if (code == STORE_OK && account)
		code = account_read(db, lookup->arena, account, &lookup->account, &lookup->found);
	return code;
}

static bool still_signed_in(const struct lookup *lookup, int64_t now_ms)
{
	return lookup->found && !lookup->account.disabled && !is_over(lookup->created_ms, lookup->used_ms, now_ms);
}

bool session_load(struct app *app, struct call *call)
{
	if (call->session_token.len != TOKEN_CHARS)
		return false;
	if (session_known(app, call))
		return true;
	struct lookup lookup = { .arena = call->arena, .token = call->session_token };
	uint64_t as_of = app->sessions->changes;
	enum store_code code = store_read(app->store, 0, look_up, &lookup);
	if (code != STORE_OK) { /* nobody knows: that is not the same as not signed in */
		app_settle(call, code);
		return false;
	}
	int64_t now_ms = clock_now_ms(store_clock(app->store));
	if (!still_signed_in(&lookup, now_ms))
		return false;
	account_actor(app, &lookup.account, &call->actor);
	remember(app->sessions, as_of, call->session_token, &call->actor, lookup.created_ms, now_ms);
	feed_follow(app->feed, call->actor.district);
	call->signed_in = true;
	return true;
}

enum store_code session_ask(struct app *app, struct text token, const struct actor *actor, bool *lasts)
{
	*lasts = session_lasts(app, token, actor);
	if (*lasts)
		return STORE_OK;
	struct arena arena = arena_new(1 << 16);
	struct lookup lookup = { .arena = &arena, .token = token };
	enum store_code code = store_read(app->store, 0, look_up, &lookup);
	if (code == STORE_OK && still_signed_in(&lookup, clock_now_ms(store_clock(app->store)))) {
		struct actor now;
		account_actor(app, &lookup.account, &now);
		*lasts = actor_same_rights(&now, actor);
	}
	arena_free(&arena);
	return code;
}

static enum store_code note_use(struct tx *tx, void *arg)
{
	struct sessions *sessions = arg;
	enum store_code code = STORE_OK;
	struct arena arena = arena_new(1 << 20);
	unsigned noted = 0;
	pthread_rwlock_rdlock(&sessions->lock);
	for (size_t i = 0; i < SESSIONS_MAX && code == STORE_OK && noted < 200; i++)
		for (struct session *session = sessions->slots[i]; session; session = session->next) {
			if (session->used_ms - session->noted_ms < NOTE_USE_MS)
				continue;
			session->noted_ms = session->used_ms;
			noted++;
			code = db_exec(tx->db, "UPDATE session SET used_at = ?1 WHERE token_hash = ?2",
				BIND(value_int(session->noted_ms), value_text(token_hash(&arena, text_of(session->token)))), NULL);
		}
	pthread_rwlock_unlock(&sessions->lock);
	arena_free(&arena);
	if (code == STORE_OK)
		code = db_exec(tx->db, "DELETE FROM session WHERE created_at < ?1",
		               BIND(value_int(tx->now_ms - ABSOLUTE_MS)), NULL);
	return code;
}

void sessions_tend(struct app *app)
{
	store_command(app->store, LANE_BULK, note_use, app->sessions);
	forget_if(app->sessions, expired, clock_now_ms(store_clock(app->store)));
}

/* ---- guessing ---- */

enum outcome { TRY_RIGHT, TRY_WRONG, TRY_OPEN /* it was never compared */ };

/* The name's slot, or one that it may have; NULL when each of its set still counts for another name. The key is made at
 * start: nobody can tell which other names would share a set. */
static struct guess *guess_slot(struct sessions *sessions, struct text user, int64_t now_ms)
{
	char keyed[GUESS_KEY_BYTES + NAME_BYTES_MAX];
	unsigned char hash[HASH_BYTES];
	uint64_t set, name;
	memcpy(keyed, sessions->guess_key, GUESS_KEY_BYTES);
	memcpy(keyed + GUESS_KEY_BYTES, user.ptr, user.len);
	hash_sha256((struct text){ keyed, GUESS_KEY_BYTES + user.len }, hash);
	memcpy(&set, hash, sizeof set);
	memcpy(&name, hash + sizeof set, sizeof name);
	struct guess *ways = sessions->guesses[set % GUESS_SETS], *unused = NULL;
	for (size_t i = 0; i < GUESS_WAYS; i++) {
		struct guess *guess = &ways[i];
		if (now_ms - guess->since_ms > GUESS_WINDOW_MS)
			guess->wrong = 0;
		if (guess->name == name)
			return guess;
		if (guess->wrong == 0 && guess->under_way == 0)
			unused = guess;
	}
	if (unused)
		*unused = (struct guess){ .name = name };
	return unused;
}

/* Counts the try before it is made: many at once are not more than one after the other. False: too many, wait *seconds. */
static bool try_begin(struct app *app, struct text user, unsigned *seconds)
{
	struct sessions *s = app->sessions;
	int64_t now_ms = clock_now_ms(store_clock(app->store)), wait_ms = GUESS_WINDOW_MS;
	pthread_mutex_lock(&s->guess_lock);
	struct guess *guess = guess_slot(s, user, now_ms);
	bool may = guess && guess->wrong + guess->under_way < GUESSES_MAX;
	if (may)
		guess->under_way++;
	else if (guess) /* those under way may turn out right */
		wait_ms = guess->wrong < GUESSES_MAX ? 0 : GUESS_WINDOW_MS - (now_ms - guess->since_ms);
	pthread_mutex_unlock(&s->guess_lock);
	*seconds = (unsigned)(wait_ms / 1000) + 1;
	return may;
}

static void try_end(struct app *app, struct text user, enum outcome outcome)
{
	struct sessions *s = app->sessions;
	int64_t now_ms = clock_now_ms(store_clock(app->store));
	pthread_mutex_lock(&s->guess_lock);
	struct guess *guess = guess_slot(s, user, now_ms); /* it is there: nobody may have it while a try is under way */
	guess->under_way--;
	if (outcome == TRY_WRONG && guess->wrong++ == 0)
		guess->since_ms = now_ms;
	if (outcome == TRY_RIGHT)
		guess->wrong = 0;
	pthread_mutex_unlock(&s->guess_lock);
}

/* ---- login, logout, me ---- */

struct sign_in {
	struct call *call;
	struct text user;
	struct account account;
	bool found;
	char token[TOKEN_CHARS + 1];
};

static enum store_code find_account(struct db *db, void *arg)
{
	struct sign_in *in = arg;
	int64_t id = db_int(db, 0, "SELECT id FROM account WHERE name = ?1", BIND(value_text(in->user)));
	if (db_code(db) != STORE_OK || id == 0)
		return db_code(db);
	return account_read(db, in->call->arena, id, &in->account, &in->found);
}

static enum store_code open_session(struct tx *tx, void *arg)
{
	struct sign_in *in = arg;
	struct text hash = token_hash(in->call->arena, text_of(in->token));
	call_again(in->call);
	/* Meanwhile the password may have been changed, which ended all sessions but this one. */
	int64_t version = db_int(tx->db, 0, "SELECT version FROM account WHERE district = ?1 AND id = ?2",
	                         BIND(value_int(in->account.district), value_int(in->account.id)));
	if (db_code(tx->db) != STORE_OK)
		return db_code(tx->db);
	if (version != in->account.version)
		return call_problem(in->call, PROBLEM_WRONG_CREDENTIALS);
	enum store_code code = db_exec(tx->db,
		"INSERT INTO session (token_hash, district, account, created_at, used_at) VALUES (?1, ?2, ?3, ?4, ?4)",
		BIND(value_text(hash), value_int(in->account.district), value_int(in->account.id), value_int(tx->now_ms)), NULL);
	if (code != STORE_OK)
		return code;
	return journal_write(tx, &in->call->actor, &(struct journal_line){
		.action = TEXT("sign_in"), .resource = TEXT("session"), .record = in->account.id });
}

static void write_me(struct call *call, const struct account *account)
{
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	account_write(&json, call->arena, account);
	json_end_object(&json);
}

static bool read_credentials(struct call *call, struct text *user, struct text *password)
{
	*user = json_text_of(json_object_get(call->body, "user"));
	*password = json_text_of(json_object_get(call->body, "password"));
	if (!user->ptr || user->len == 0 || user->len > NAME_BYTES_MAX)
		call_wrong(call, TEXT("/user"), "required", TEXT("请填写用户名"), TEXT("The user name is required"));
	if (!password->ptr || password->len == 0 || password->len > 256)
		call_wrong(call, TEXT("/password"), "required", TEXT("请填写密码"), TEXT("The password is required"));
	return call->problem == PROBLEM_NONE;
}

/* As costly as a real comparison, so that time does not tell which names exist. */
static const char nobody[] =
	"$argon2id$v=19$m=19456,t=2,p=1$c29uZ2hlc29uZ2hlc29uZw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static void login(struct call *call)
{
	struct app *app = call->app;
	struct sign_in in = { .call = call };
	struct text password;
	if (!read_credentials(call, &in.user, &password))
		return;
	if (!try_begin(app, in.user, &call->retry_after_s)) {
		call_problem(call, PROBLEM_RATE_LIMITED);
		return;
	}
	uint64_t as_of = app->sessions->changes;
	enum store_code code = store_read(app->store, 0, find_account, &in);
	const char *hash = in.found ? in.account.password_hash.ptr : nobody;
	bool right = code == STORE_OK && password_matches(password, hash) && in.found && !in.account.disabled;
	try_end(app, in.user, code != STORE_OK ? TRY_OPEN : right ? TRY_RIGHT : TRY_WRONG);
	if (code == STORE_OK && !right) {
		call_problem(call, PROBLEM_WRONG_CREDENTIALS);
		return;
	}
	token_new(in.token);
	if (code == STORE_OK) {
		account_actor(app, &in.account, &call->actor);
		code = store_command(app->store, LANE_INTERACTIVE, open_session, &in);
	}
	if (code != STORE_OK) {
		app_settle(call, code);
		return;
	}
	int64_t now_ms = clock_now_ms(store_clock(app->store));
	remember(app->sessions, as_of, text_of(in.token), &call->actor, now_ms, now_ms);
	feed_follow(app->feed, call->actor.district);
	write_me(call, &in.account);
	call->set_cookie = text_printf(call->arena, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s",
		app->secure_cookie ? "__Host-songhe" : "songhe", in.token, app->secure_cookie ? "; Secure" : "");
}

static enum store_code close_session(struct tx *tx, void *arg)
{
	struct call *call = arg;
	struct text hash = token_hash(call->arena, call->session_token);
	enum store_code code = db_exec(tx->db, "DELETE FROM session WHERE token_hash = ?1", BIND(value_text(hash)), NULL);
	if (code != STORE_OK)
		return code;
	return journal_write(tx, &call->actor, &(struct journal_line){
		.action = TEXT("sign_out"), .resource = TEXT("session"), .record = call->actor.user });
}

/* Forgotten only when the store has none any more: a request beside this one would find it there again. */
static void logout(struct call *call)
{
	struct app *app = call->app;
	enum store_code code = store_command(app->store, LANE_INTERACTIVE, close_session, call);
	sessions_forget_user(app->sessions, call->actor.user);
	if (code != STORE_OK) {
		app_settle(call, code);
		return;
	}
	feed_drop_session(app->feed, call->session_token);
	call->set_cookie = text_printf(call->arena, "%s=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict%s",
		app->secure_cookie ? "__Host-songhe" : "songhe", app->secure_cookie ? "; Secure" : "");
	call->status = 204;
}

static enum store_code me(struct db *db, void *arg)
{
	struct call *call = arg;
	struct account account;
	bool found = false;
	enum store_code code = account_read(db, call->arena, call->actor.user, &account, &found);
	if (code == STORE_OK && !found)
		return call_problem(call, PROBLEM_NOT_FOUND);
	if (code == STORE_OK)
		write_me(call, &account);
	return code;
}

static const char *const steps[] = {
	"CREATE TABLE account (district INTEGER NOT NULL, id INTEGER NOT NULL, version INTEGER NOT NULL, name TEXT NOT NULL,"
	" display_name TEXT NOT NULL, password_hash TEXT NOT NULL, role TEXT NOT NULL, areas TEXT NOT NULL,"
	" disabled INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,"
	" PRIMARY KEY (district, id)) STRICT, WITHOUT ROWID",
	"CREATE UNIQUE INDEX account_name ON account (name)",
	"CREATE TABLE session (token_hash TEXT NOT NULL PRIMARY KEY, district INTEGER NOT NULL, account INTEGER NOT NULL,"
	" created_at INTEGER NOT NULL, used_at INTEGER NOT NULL) STRICT, WITHOUT ROWID",
};
static const struct schema schema = { .owner = "account", .steps = steps, .count = COUNT(steps), .id_table = "account" };

static const struct route routes[] = {
	{ METHOD_POST, "/api/v1/login", NULL, ROUTE_TASK, .task = login, .open = true, .body_max = 4096 },
	{ METHOD_POST, "/api/v1/logout", NULL, ROUTE_TASK, .task = logout },
	{ METHOD_GET, "/api/v1/me", NULL, ROUTE_READ, .read = me },
	{ METHOD_GET, "/api/v1/users", "user.read", ROUTE_READ, .read = account_list },
	{ METHOD_POST, "/api/v1/users", "user.write", ROUTE_TASK, .task = account_post },
	{ METHOD_GET, "/api/v1/users/{id}", "user.read", ROUTE_READ, .read = account_get },
	{ METHOD_PATCH, "/api/v1/users/{id}", "user.write", ROUTE_TASK, .task = account_patch },
};

static const struct grant grants[] = {
	{ "user.read", "auditor administrator" },
	{ "user.write", "administrator" },
};

const struct module account_module = {
	.name = "account",
	.schema = &schema,
	.routes = routes,
	.route_count = COUNT(routes),
	.grants = grants,
	.grant_count = COUNT(grants),
	.journalled = "user",
	.journalled_permission = "user.read",
};
