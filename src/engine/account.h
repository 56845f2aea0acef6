/* SPDX-License-Identifier: Apache-2.0 */
/* account.h - one account: who may sign in, with which role, for which areas, tied to which records. */
#ifndef ENGINE_ACCOUNT_H
#define ENGINE_ACCOUNT_H

#include "engine/app.h"
#include "engine/journal.h"
#include "engine/policy.h"

struct account {
	int64_t id, version, district;
	struct text name, display_name, password_hash, role; /* no role: it may do nothing yet */
	int64_t areas[ACTOR_AREAS_MAX];
	size_t area_count;
	int64_t organization, person; /* 0: none */
	int64_t family[ACTOR_FAMILY_MAX];
	size_t family_count;
	int64_t password_set_at; /* 0: to be changed at once */
	bool disabled, second_factor;
	int64_t place; /* the smallest area that holds all of its own and its records'; 0: it has none */
};

enum store_code account_read(struct db *db, struct arena *arena, int64_t id, struct account *account, bool *found);
/* Every account of the district, or the one of a name, whose records lie in the actor's areas, in the order of names; `take`
 * returns false to stop. */
enum store_code account_each(struct db *db, struct call *call, struct text name, bool (*take)(void *arg, const struct account *account),
                             void *arg);
/* Whether the account exists for the call's actor: one that reaches out of their areas does not, for to hold its password is to
 * hold them. */
enum store_code account_exists(struct db *db, struct call *call, const struct account *account, bool *exists);
bool account_within(const struct account *account, const struct actor *actor); /* the same, of its areas alone */
void account_actor(const struct app *app, const struct account *account, const struct policy *policy, int64_t now_ms,
                   struct actor *actor);
enum store_code account_find_place(struct db *db, const struct app *app, struct account *account);
/* Members of an open object; never the password. */
void account_write(struct json_out *json, const struct account *account);

/* Its areas as they stand in the store, and from there. */
struct text account_areas(struct arena *arena, const struct account *account);
void account_set_areas(struct account *account, struct text list);

enum store_code account_insert(struct tx *tx, const struct actor *by, struct account *account); /* gives it its id */
/* Writes what differs, with its line in the journal; nothing when nothing does. */
enum store_code account_save(struct tx *tx, const struct actor *by, const struct account *was, struct account *account);
/* A line of the journal that is about the account; its resource is "user" unless another is said. */
enum store_code account_note(struct tx *tx, const struct actor *by, const struct account *account, const char *action,
                             const char *resource, struct text detail);

/* The routes under /users. Passwords are hashed before the transaction: it takes longer than a command may. */
enum store_code user_list(struct db *db, void *call);
enum store_code user_get(struct db *db, void *call);
void user_post(struct call *call);
void user_patch(struct call *call);
void user_unlock(struct call *call);
void user_forget_second_factor(struct call *call);
/* What the routes of accounts and of signing in say of themselves (account_about.c, policy.c). */
extern const struct about login_about, logout_about, me_about, my_password_about, totp_begin_about, totp_confirm_about, totp_end_about,
	session_list_about, session_end_about, token_list_about, token_create_about, token_end_about, user_list_about, user_create_about,
	user_get_about, user_change_about, user_unlock_about, user_totp_end_about, policy_get_about, policy_change_about;
/* Takes in from the journal that a lock was lifted. */
void user_unlocked(struct app *app, const struct journal_line *line);

#endif
