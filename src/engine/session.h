/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - staying signed in: sessions of people and tokens of programs, in memory and in the store. */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include "engine/account.h"

/* What a program's token begins with; 256 random bits follow, as in a session's. */
#define API_TOKEN_PREFIX "songhe_"
enum { API_TOKEN_CHARS = sizeof API_TOKEN_PREFIX - 1 + TOKEN_CHARS, AGENT_BYTES_MAX = 200 };

extern const struct module account_module; /* login, logout, me, sessions, tokens, users, policy */
struct sessions *sessions_new(void);
void sessions_free(struct sessions *sessions);
/* Fills call->actor from the call's session token. The first looks only in memory; the second also asks the store,
 * so it may wait. False: not signed in (any more), or not known here yet. */
bool session_known(struct app *app, struct call *call);
bool session_load(struct app *app, struct call *call);
/* Whether a stream may go on: its session is not over, and the rights are those it was opened with. The first knows what
 * is in memory, the second also asks the store, so it may wait. To be asked about is no use of a session. */
bool session_lasts(struct app *app, struct text token, const struct actor *actor);
enum store_code session_ask(struct app *app, struct text token, const struct actor *actor, bool *lasts);
/* The account, or a session of it, has changed in the store: whoever is signed in with it is looked up again. */
void sessions_forget_user(struct sessions *sessions, int64_t user);
void sessions_forget_all(struct sessions *sessions);
/* Once a minute: writes down when sessions were last used, ends old ones. May wait. */
void sessions_tend(struct app *app);

/* ---- for those who begin and end them ---- */

struct text session_hash(struct arena *arena, struct text token); /* under which the store knows it */
/* How often accounts and sessions have changed: what was read before a change is not remembered after it. */
uint64_t sessions_changes(struct sessions *sessions);
void session_remember(struct app *app, uint64_t as_of, struct text token, const struct actor *actor, const struct policy *policy);
/* Ends those of an account but the one with this hash (missing: all), and its tokens too when `tokens` is said. */
enum store_code sessions_end(struct tx *tx, int64_t account, struct text but, bool tokens);

/* The routes under /sessions and /tokens (credential.c). */
enum store_code credential_list(struct db *db, void *call);
void credential_end(struct call *call);
void token_post(struct call *call);

/* The routes /login, /logout, /me and /me/password (sign_in.c). */
void sign_in_login(struct call *call);
void sign_in_logout(struct call *call);
void sign_in_password(struct call *call);
enum store_code sign_in_me(struct db *db, void *call);

#endif
