/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - staying signed in: sessions of people and tokens of programs, in memory and in the store. */
#include "engine/session.h"

#include "base/crypto.h"
#include "engine/feed.h"
#include "engine/guess.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	SESSIONS_MAX = 4096, /* in memory; more are looked up in the store again */
	MINUTE_MS = 60 * 1000,
	HOUR_MS = 60 * MINUTE_MS,
	NOTE_USE_MS = MINUTE_MS,
	USES_MAX = 200 /* noted in one command */
};

/* When it ends by itself. */
struct limits {
	int64_t idle_ms; /* 0: it may be idle */
	int64_t ends_ms;
};

struct session {
	char token[API_TOKEN_CHARS + 1];
	struct actor actor;
	struct limits limits;
	int64_t noted_ms;
	_Atomic int64_t used_ms;
	struct session *next; /* same slot */
};

struct sessions {
	pthread_rwlock_t lock;
	struct session *slots[SESSIONS_MAX];
	unsigned count;
	_Atomic uint64_t changes; /* of accounts and sessions in the store */
	_Atomic uint64_t right[SESSIONS_MAX]; /* the ends of tokens that were right once: they are not slowed down for others' sake */
};

struct sessions *sessions_new(void)
{
	struct sessions *sessions = calloc(1, sizeof *sessions);
	if (!sessions)
		abort();
	pthread_rwlock_init(&sessions->lock, NULL);
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

static bool is_over(const struct limits *limits, int64_t used_ms, int64_t now_ms)
{
	return now_ms > limits->ends_ms || (limits->idle_ms > 0 && now_ms - used_ms > limits->idle_ms);
}

static bool expired(const struct session *session, int64_t now_ms)
{
	return is_over(&session->limits, session->used_ms, now_ms);
}

void sessions_free(struct sessions *sessions)
{
	forget_if(sessions, anyone, 0);
	pthread_rwlock_destroy(&sessions->lock);
	free(sessions);
}

void sessions_forget_user(struct sessions *sessions, int64_t user)
{
	sessions->changes++;
	forget_if(sessions, of_user, user);
}

void sessions_forget_all(struct sessions *sessions)
{
	sessions->changes++;
	forget_if(sessions, anyone, 0);
}

uint64_t sessions_changes(struct sessions *sessions)
{
	return sessions->changes;
}

/* ---- in memory ---- */

static bool is_token(struct text token)
{
	return token.len == TOKEN_CHARS || (token.len == API_TOKEN_CHARS && text_starts(token, TEXT(API_TOKEN_PREFIX)));
}

/* A program's token does not come in a cookie, nor a session's in a header. */
static bool came_right(const struct call *call)
{
	return is_token(call->session_token) && call->bearer == (call->session_token.len == API_TOKEN_CHARS);
}

/* Tokens are random: any eight of their bytes are a hash. */
static uint64_t end_of(struct text token)
{
	uint64_t end;
	memcpy(&end, token.ptr + token.len - sizeof end, sizeof end);
	return end;
}

static size_t slot_of_end(uint64_t end)
{
	return end * UINT64_C(0x9E3779B97F4A7C15) >> 52;
}

static size_t slot_number(struct text token)
{
	return slot_of_end(end_of(token));
}

static struct session **slot_of(struct sessions *sessions, struct text token)
{
	return &sessions->slots[slot_number(token)];
}

/* The caller holds the lock. NULL: not in memory, or over. */
static struct session *find(struct sessions *sessions, struct text token, int64_t now_ms)
{
	for (struct session *session = *slot_of(sessions, token); session; session = session->next) {
		unsigned difference = session->token[token.len] != 0; /* compared whole: no timing tells how much was right */
		for (size_t i = 0; i < token.len; i++)
			difference |= (unsigned char)(session->token[i] ^ token.ptr[i]);
		if (difference == 0 && !expired(session, now_ms))
			return session;
	}
	return NULL;
}

bool session_known(struct app *app, struct call *call)
{
	if (!came_right(call))
		return false;
	int64_t now_ms = clock_now_ms(store_clock(app->store));
	pthread_rwlock_rdlock(&app->sessions->lock);
	struct session *session = find(app->sessions, call->session_token, now_ms);
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
	if (!is_token(token))
		return false;
	pthread_rwlock_rdlock(&app->sessions->lock);
	const struct session *session = find(app->sessions, token, clock_now_ms(store_clock(app->store)));
	bool lasts = session && actor_same_rights(&session->actor, actor);
	pthread_rwlock_unlock(&app->sessions->lock);
	return lasts;
}

static void remember(struct sessions *sessions, uint64_t as_of, struct text token, const struct actor *actor,
                     const struct limits *limits, int64_t used_ms)
{
	pthread_rwlock_rdlock(&sessions->lock);
	bool full = sessions->count >= SESSIONS_MAX;
	pthread_rwlock_unlock(&sessions->lock);
	if (full) /* whoever goes on working is looked up in the store again */
		forget_if(sessions, anyone, 0);
	struct session *session = calloc(1, sizeof *session);
	if (!session)
		abort();
	memcpy(session->token, token.ptr, token.len);
	session->actor = *actor;
	session->limits = *limits;
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

static struct limits limits_of(const struct policy *policy, int64_t created_ms)
{
	return (struct limits){ policy->values[POLICY_SESSION_IDLE_MINUTES] * MINUTE_MS,
		                created_ms + policy->values[POLICY_SESSION_HOURS] * HOUR_MS };
}

void session_remember(struct app *app, uint64_t as_of, struct text token, const struct actor *actor, const struct policy *policy)
{
	int64_t now_ms = clock_now_ms(store_clock(app->store));
	struct limits limits = limits_of(policy, now_ms);
	remember(app->sessions, as_of, token, actor, &limits, now_ms);
}

/* ---- in the store ---- */

struct text session_hash(struct arena *arena, struct text token)
{
	unsigned char hash[HASH_BYTES];
	hash_sha256(token, hash);
	return hash_hex(arena, hash);
}

struct lookup {
	struct arena *arena;
	struct text token;
	struct account account;
	struct policy policy;
	struct text permissions; /* of a program's token; missing: all that the account has */
	int64_t created_ms, used_ms, ends_ms, now_ms;
	bool found;
	struct limits limits;
};

static enum store_code look_up(struct db *db, void *arg)
{
	struct lookup *lookup = arg;
	struct rows *rows = db_query(db, "SELECT created_at, used_at, ends_at, account, permissions FROM session WHERE token_hash = ?1",
	                             BIND(value_text(session_hash(lookup->arena, lookup->token))));
	int64_t account = 0;
	if (rows_next(rows)) {
		lookup->created_ms = rows_int(rows, 0);
		lookup->used_ms = rows_int(rows, 1);
		lookup->ends_ms = rows_int(rows, 2);
		account = rows_int(rows, 3);
		lookup->permissions = text_copy(lookup->arena, rows_text(rows, 4));
	}
	enum store_code code = rows_end(rows);
	if (code == STORE_OK && account)
		code = account_read(db, lookup->arena, account, &lookup->account, &lookup->found);
	if (code == STORE_OK && lookup->found)
		code = policy_read(db, id_district(account), lookup->now_ms, &lookup->policy);
	return code;
}

/* Only what the token was made for, of what the account has now. */
static void narrow(const struct access *access, struct text names, struct permissions *permissions)
{
	struct permissions named = { { 0 } };
	while (names.len > 0) {
		const char *comma = memchr(names.ptr, ',', names.len);
		size_t len = comma ? (size_t)(comma - names.ptr) : names.len;
		for (unsigned i = 0; i < access->count; i++)
			if (text_is((struct text){ names.ptr, len }, access->names[i]))
				named.bits[i / 64] |= UINT64_C(1) << i % 64;
		len += comma ? 1 : 0;
		names = (struct text){ names.ptr + len, names.len - len };
	}
	for (size_t i = 0; i < COUNT(named.bits); i++)
		permissions->bits[i] &= named.bits[i];
}

/* False: it is over, or never was. */
static bool still_signed_in(const struct app *app, struct lookup *lookup, struct actor *actor)
{
	if (!lookup->found || lookup->account.disabled)
		return false;
	bool program = lookup->token.len == API_TOKEN_CHARS;
	lookup->limits = program ? (struct limits){ 0, lookup->ends_ms } : limits_of(&lookup->policy, lookup->created_ms);
	if (is_over(&lookup->limits, lookup->used_ms, lookup->now_ms))
		return false;
	account_actor(app, &lookup->account, &lookup->policy, lookup->now_ms, actor);
	if (program) {
		memcpy(actor->channel, "api", sizeof "api");
		actor->duty = DUTY_NONE; /* a program has no password */
	}
	if (lookup->permissions.ptr)
		narrow(&app->access, lookup->permissions, &actor->permissions);
	return true;
}

/* Nobody guesses a token; but each wrong one costs a look into the store. */
static bool may_look(struct app *app, struct call *call, struct text *name)
{
	bool was_right = app->sessions->right[slot_number(call->session_token)] == end_of(call->session_token);
	*name = call->bearer && call->address.ptr && !was_right ? text_printf(call->arena, "token %.*s", TEXT_ARG(call->address)) : TEXT_NONE;
	if (!name->ptr || guess_begin(app->guesses, *name, clock_now_ms(store_clock(app->store)), TOKEN_GUESSES_MAX,
	                              &call->retry_after_s))
		return true;
	call_problem(call, PROBLEM_RATE_LIMITED);
	return false;
}

bool session_load(struct app *app, struct call *call)
{
	struct text name;
	if (!came_right(call))
		return false;
	if (session_known(app, call))
		return true;
	if (!may_look(app, call, &name))
		return false;
	struct lookup lookup = { .arena = call->arena, .token = call->session_token, .now_ms = clock_now_ms(store_clock(app->store)) };
	uint64_t as_of = app->sessions->changes;
	enum store_code code = store_read(app->store, 0, look_up, &lookup);
	bool fine = code == STORE_OK && still_signed_in(app, &lookup, &call->actor);
	if (name.ptr)
		guess_end(app->guesses, name, lookup.now_ms, code != STORE_OK ? TRY_OPEN : fine ? TRY_RIGHT : TRY_WRONG, GUESS_LOCK_MS);
	if (fine)
		app->sessions->right[slot_number(call->session_token)] = end_of(call->session_token);
	if (code != STORE_OK) /* nobody knows: that is not the same as not signed in */
		app_settle(call, code);
	if (!fine)
		return false;
	remember(app->sessions, as_of, call->session_token, &call->actor, &lookup.limits, lookup.now_ms);
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
	struct lookup lookup = { .arena = &arena, .token = token, .now_ms = clock_now_ms(store_clock(app->store)) };
	enum store_code code = store_read(app->store, 0, look_up, &lookup);
	struct actor now;
	if (code == STORE_OK && still_signed_in(app, &lookup, &now))
		*lasts = actor_same_rights(&now, actor);
	arena_free(&arena);
	return code;
}

enum store_code sessions_end(struct tx *tx, int64_t account, struct text but, bool tokens)
{
	return db_exec(tx->db, "DELETE FROM session WHERE district = ?1 AND account = ?2 AND token_hash <> ?3"
		" AND (?4 = 1 OR channel <> 'api')",
		BIND(value_int(id_district(account)), value_int(account), value_text(but.ptr ? but : TEXT("")), value_int(tokens)), NULL);
}

/* ---- when they were last used ---- */

struct uses {
	struct use {
		struct text hash;
		uint64_t end;
		int64_t at_ms;
	} list[USES_MAX];
	size_t count;
};

static void find_uses(struct sessions *sessions, struct arena *arena, struct uses *uses)
{
	uses->count = 0;
	pthread_rwlock_rdlock(&sessions->lock);
	for (size_t i = 0; i < SESSIONS_MAX && uses->count < USES_MAX; i++)
		for (struct session *session = sessions->slots[i]; session && uses->count < USES_MAX; session = session->next) {
			struct text token = text_of(session->token);
			int64_t at_ms = session->used_ms;
			if (at_ms - session->noted_ms >= NOTE_USE_MS)
				uses->list[uses->count++] = (struct use){ session_hash(arena, token), end_of(token), at_ms };
		}
	pthread_rwlock_unlock(&sessions->lock);
}

/* Another server may have noted a later one. */
static enum store_code note_uses(struct tx *tx, void *arg)
{
	const struct uses *uses = arg;
	enum store_code code = STORE_OK;
	for (size_t i = 0; i < uses->count && code == STORE_OK; i++)
		code = db_exec(tx->db, "UPDATE session SET used_at = ?1 WHERE token_hash = ?2 AND used_at < ?1",
		               BIND(value_int(uses->list[i].at_ms), value_text(uses->list[i].hash)), NULL);
	return code;
}

static void are_noted(struct sessions *sessions, const struct uses *uses)
{
	pthread_rwlock_rdlock(&sessions->lock);
	for (size_t i = 0; i < uses->count; i++)
		for (struct session *session = sessions->slots[slot_of_end(uses->list[i].end)]; session; session = session->next)
			if (end_of(text_of(session->token)) == uses->list[i].end)
				session->noted_ms = uses->list[i].at_ms;
	pthread_rwlock_unlock(&sessions->lock);
}

/* No policy lets one last longer; a token has its last day. */
static enum store_code end_old(struct tx *tx, void *ignored)
{
	(void)ignored;
	return db_exec(tx->db, "DELETE FROM session WHERE (ends_at = 0 AND created_at < ?1) OR (ends_at > 0 AND ends_at < ?2)",
	               BIND(value_int(tx->now_ms - SESSION_HOURS_MAX * HOUR_MS), value_int(tx->now_ms)), NULL);
}

/* In slices. What was noted is not due any more, so each slice finds others. */
void sessions_tend(struct app *app)
{
	struct arena arena = arena_new(1 << 20);
	struct uses uses = { .count = USES_MAX };
	enum store_code code = STORE_OK;
	while (uses.count == USES_MAX && code == STORE_OK && !app->stopping) {
		arena_reset(&arena);
		find_uses(app->sessions, &arena, &uses);
		code = uses.count > 0 ? store_command(app->store, LANE_BULK, note_uses, &uses) : STORE_OK;
		if (code == STORE_OK)
			are_noted(app->sessions, &uses);
	}
	arena_free(&arena);
	store_command(app->store, LANE_BULK, end_old, NULL);
	forget_if(app->sessions, expired, clock_now_ms(store_clock(app->store)));
}
