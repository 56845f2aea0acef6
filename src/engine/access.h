/* SPDX-License-Identifier: Apache-2.0 */
/* access.h - who somebody is and what they may see: roles as sets of permissions, and the ties that bound their sight. */
#ifndef ENGINE_ACCESS_H
#define ENGINE_ACCESS_H

#include "base/json.h"
#include "engine/query.h"

enum { PERMISSIONS_MAX = 192, ROLES_MAX = 16 };

/* Permissions are named ("elder.write") where capabilities declare them, and numbered when the app starts. */
struct permissions {
	uint64_t bits[PERMISSIONS_MAX / 64];
};

/* What bounds the sight of those who have the role. */
enum bound {
	BOUND_AREA, /* the areas of the account, each with all below it */
	BOUND_ORGANIZATION, /* what is tied to the account's organization */
	BOUND_OWN, /* what is tied to the account's person */
	BOUND_FAMILY /* what is tied to one of the elders that the account is family of */
};

struct role {
	const char *name, *zh, *en;
	enum bound bound;
};
extern const struct role roles[];
extern const size_t role_count;
const struct role *role_find(struct text name);

/* A permission and the roles that have it, with blanks between. */
struct grant {
	const char *permission, *roles;
};

/* All that was granted. */
struct access {
	const char *names[PERMISSIONS_MAX];
	size_t count;
	struct permissions of_role[ROLES_MAX];
};

/* The permission's number; granted to the roles named, on top of what was granted before. */
unsigned access_grant(struct access *access, const char *permission, const char *roles);
/* PERMISSIONS_MAX: there is no such permission. */
unsigned access_number(const struct access *access, const char *permission);
void access_remove(const struct access *access, struct permissions *permissions, const char *permission);

enum { ACTOR_AREAS_MAX = 8, ACTOR_FAMILY_MAX = 8, NAME_BYTES_MAX = 240 /* 60 characters */ };

/* What an account must do before it may do anything else. */
enum duty { DUTY_NONE, DUTY_PASSWORD, DUTY_SECOND_FACTOR };

/* The person or program behind a request. Copied freely; holds no pointers of its own. */
struct actor {
	int64_t user; /* 0: the operator of this machine, through the command line */
	char name[NAME_BYTES_MAX + 1];
	char channel[12]; /* web, api, local, import */
	const struct role *role;
	struct permissions permissions;
	unsigned district;
	int64_t areas[ACTOR_AREAS_MAX]; /* each stands for its whole subtree */
	unsigned area_count;
	int64_t organization, person; /* 0: none */
	int64_t family[ACTOR_FAMILY_MAX];
	unsigned family_count;
	enum duty duty;
};

struct actor actor_local(unsigned district, int64_t area); /* may do everything */
void actor_widen(struct actor *actor, int64_t area); /* the same person may do everything in the area, for what follows by itself */
bool actor_may(const struct actor *actor, unsigned permission);
bool actor_covers(const struct actor *actor, int64_t area);
bool actor_same_rights(const struct actor *a, const struct actor *b);

/* The columns that tie a row to somebody. NULL: none does; all NULL: everybody in the district sees every row. */
struct tie_columns {
	const char *area, *second_area, *organization, *own, *family;
};
/* The same for one record, 0 where it is tied to none. */
struct tie_values {
	int64_t area, second_area, organization, own, family;
};

/* Adds " AND (the row is tied to the actor)". A read without this does not exist: every statement on a tied table goes
 * through here. */
void scope_condition(struct query *query, const struct actor *actor, const struct tie_columns *ties);
/* Whether a record with these ties is in the actor's sight; `columns` says which ties there are. */
bool scope_sees(const struct actor *actor, const struct tie_columns *columns, const struct tie_values *values);

#endif
