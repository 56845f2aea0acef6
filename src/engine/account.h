/* SPDX-License-Identifier: Apache-2.0 */
/* account.h - who may sign in, with which role, for which areas. */
#ifndef ENGINE_ACCOUNT_H
#define ENGINE_ACCOUNT_H

#include "engine/app.h"

struct account {
	int64_t id, version, district;
	struct text name, display_name, password_hash, role;
	int64_t areas[ACTOR_AREAS_MAX];
	size_t area_count;
	bool disabled;
};

enum store_code account_read(struct db *db, struct arena *arena, int64_t id, struct account *account, bool *found);
void account_actor(const struct app *app, const struct account *account, struct actor *actor);
/* Members of an open object; never the password. */
void account_write(struct json_out *json, struct arena *arena, const struct account *account);
enum store_code account_insert(struct tx *tx, const struct actor *by, struct account *account); /* gives it its id */
/* The routes under /users. Passwords are hashed before the transaction: it takes longer than a command may. */
enum store_code account_list(struct db *db, void *call);
enum store_code account_get(struct db *db, void *call);
void account_post(struct call *call);
void account_patch(struct call *call);

#endif
