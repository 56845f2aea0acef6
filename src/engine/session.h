/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - signing in, staying signed in, and the accounts behind it. */
#ifndef ENGINE_SESSION_H
#define ENGINE_SESSION_H

#include "engine/app.h"

extern const struct module account_module; /* login, logout, me, users */

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
/* Once a minute: writes down when sessions were last used, ends old ones. May wait. */
void sessions_tend(struct app *app);
#endif
