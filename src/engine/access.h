/* SPDX-License-Identifier: Apache-2.0 */
/* access.h - who somebody is and what they may see: roles, permissions, areas. */
#ifndef ENGINE_ACCESS_H
#define ENGINE_ACCESS_H

#include "base/json.h"
#include "engine/query.h"

enum permission {
	MAY_NOTHING_SPECIAL = 0, /* being signed in is enough */
	MAY_READ_ELDERS = 1 << 0,
	MAY_WRITE_ELDERS = 1 << 1,
	MAY_READ_FACILITIES = 1 << 2,
	MAY_WRITE_FACILITIES = 1 << 3,
	MAY_READ_AREAS = 1 << 4,
	MAY_READ_USERS = 1 << 5,
	MAY_WRITE_USERS = 1 << 6,
	MAY_READ_JOURNAL = 1 << 7,
	MAY_ALL = (1 << 8) - 1
};

struct role {
	const char *name, *zh;
	unsigned permissions;
};
const struct role *role_find(struct text name);

enum { ACTOR_AREAS_MAX = 8, NAME_BYTES_MAX = 240 /* 60 characters */ };

/* The person or program behind a request. Copied freely; holds no pointers. */
struct actor {
	int64_t user; /* 0: the operator of this machine, through the command line */
	char name[NAME_BYTES_MAX + 1];
	char channel[12]; /* web, local */
	const struct role *role;
	unsigned permissions;
	unsigned district;
	int64_t areas[ACTOR_AREAS_MAX]; /* each stands for its whole subtree */
	unsigned area_count;
};

struct actor actor_local(unsigned district, int64_t area);
bool actor_covers(const struct actor *actor, int64_t area);
bool actor_same_rights(const struct actor *a, const struct actor *b);
/* Adds " AND (column within the actor's areas [OR second within ...])". `second` may be NULL. A read without this
 * does not exist: every statement on a scoped table goes through here. */
void scope_condition(struct query *query, const struct actor *actor, const char *column, const char *second);

#endif
