/* SPDX-License-Identifier: Apache-2.0 */
/* access.c - roles, what was granted to them, and the condition that keeps a read inside what one may see. */
#include "engine/access.h"

#include "base/check.h"

#include <assert.h>
#include <string.h>

/* What each may do is said where it is declared: struct grant, and the readers and writers of a resource. The administrator
 * keeps accounts and sees no elder; the security administrator says what each may do, and sees none either; the auditor sees
 * everything and changes nothing. */
const struct role roles[] = {
	{ "bureau", "区民政局", "district bureau", BOUND_AREA },
	{ "street", "街道", "street", BOUND_AREA },
	{ "community", "社区", "community", BOUND_AREA },
	{ "auditor", "审计管理员", "auditor", BOUND_AREA },
	{ "administrator", "系统管理员", "administrator", BOUND_AREA },
	{ "security", "安全管理员", "security administrator", BOUND_AREA },
	{ "operator", "平台运营", "platform operator", BOUND_AREA },
	{ "provider", "服务机构", "provider", BOUND_ORGANIZATION },
	{ "worker", "服务人员", "worker", BOUND_OWN },
	{ "elder", "老人", "elder", BOUND_OWN },
	{ "family", "家属", "family", BOUND_FAMILY },
};
const size_t role_count = COUNT(roles);
_Static_assert(COUNT(roles) <= ROLES_MAX, "each role has its set of permissions");

static const struct role local_role = { "local", "本机操作员", "operator of this machine", BOUND_AREA };

const struct role *role_find(struct text name)
{
	for (size_t i = 0; i < COUNT(roles); i++)
		if (text_is(name, roles[i].name))
			return &roles[i];
	return NULL;
}

unsigned access_number(const struct access *access, const char *permission)
{
	for (unsigned i = 0; i < access->count; i++)
		if (strcmp(access->names[i], permission) == 0)
			return i;
	return PERMISSIONS_MAX;
}

unsigned access_grant(struct access *access, const char *permission, const char *list)
{
	unsigned number = access_number(access, permission);
	if (number == PERMISSIONS_MAX) {
		assert(access->count < PERMISSIONS_MAX);
		number = (unsigned)access->count++;
		access->names[number] = permission;
	}
	for (size_t i = 0; i < COUNT(roles); i++)
		if (text_lists(list, text_of(roles[i].name)))
			access->of_role[i].bits[number / 64] |= UINT64_C(1) << number % 64;
	return number;
}

void access_remove(const struct access *access, struct permissions *permissions, const char *permission)
{
	unsigned number = access_number(access, permission);
	if (number < PERMISSIONS_MAX)
		permissions->bits[number / 64] &= ~(UINT64_C(1) << number % 64);
}

/* ---- actors ---- */

struct actor actor_local(unsigned district, int64_t area)
{
	struct actor actor = { .name = "local", .channel = "local", .district = district };
	actor_widen(&actor, area);
	return actor;
}

void actor_widen(struct actor *actor, int64_t area)
{
	actor->role = &local_role;
	memset(&actor->permissions, 0xFF, sizeof actor->permissions);
	actor->areas[0] = area;
	actor->area_count = 1;
}

bool actor_may(const struct actor *actor, unsigned permission)
{
	return permission < PERMISSIONS_MAX && (actor->permissions.bits[permission / 64] >> permission % 64 & 1);
}

bool actor_covers(const struct actor *actor, int64_t area)
{
	for (unsigned i = 0; i < actor->area_count; i++)
		if (area >= actor->areas[i] && area <= area_last(actor->areas[i]))
			return true;
	return false;
}

static bool same_list(const int64_t *a, unsigned a_count, const int64_t *b, unsigned b_count)
{
	return a_count == b_count && memcmp(a, b, a_count * sizeof *a) == 0;
}

bool actor_same_rights(const struct actor *a, const struct actor *b)
{
	return a->user == b->user && a->role == b->role && a->district == b->district && a->duty == b->duty &&
	       memcmp(&a->permissions, &b->permissions, sizeof a->permissions) == 0 && a->organization == b->organization &&
	       a->person == b->person && same_list(a->areas, a->area_count, b->areas, b->area_count) &&
	       same_list(a->family, a->family_count, b->family, b->family_count);
}

/* ---- sight ---- */

static bool is_tied(const struct tie_columns *ties)
{
	return ties->area || ties->second_area || ties->organization || ties->own || ties->family;
}

static void within(struct query *query, const char *column, int64_t area)
{
	query_sql(query, column);
	query_sql(query, " BETWEEN ");
	query_value(query, value_int(area));
	query_sql(query, " AND ");
	query_value(query, value_int(area_last(area)));
}

static void within_areas(struct query *query, const struct actor *actor, const struct tie_columns *ties)
{
	for (unsigned i = 0; i < actor->area_count; i++) {
		query_sql(query, i == 0 ? " AND (" : " OR ");
		within(query, ties->area, actor->areas[i]);
		if (ties->second_area) {
			query_sql(query, " OR ");
			within(query, ties->second_area, actor->areas[i]);
		}
	}
	query_sql(query, actor->area_count ? ")" : " AND 1 = 0");
}

static void tied_to(struct query *query, const char *column, const int64_t *ids, unsigned count)
{
	if (!column || count == 0 || ids[0] == 0) {
		query_sql(query, " AND 1 = 0");
		return;
	}
	query_sql(query, " AND ");
	query_sql(query, column);
	for (unsigned i = 0; i < count; i++) {
		query_sql(query, i == 0 ? " IN (" : ", ");
		query_value(query, value_int(ids[i]));
	}
	query_sql(query, ")");
}

void scope_condition(struct query *query, const struct actor *actor, const struct tie_columns *ties)
{
	if (!is_tied(ties))
		return;
	switch (actor->role ? actor->role->bound : BOUND_AREA) {
	case BOUND_AREA:
		if (ties->area)
			within_areas(query, actor, ties);
		else
			query_sql(query, " AND 1 = 0");
		break;
	case BOUND_ORGANIZATION:
		tied_to(query, ties->organization, &actor->organization, 1);
		break;
	case BOUND_OWN:
		tied_to(query, ties->own, &actor->person, 1);
		break;
	case BOUND_FAMILY:
		tied_to(query, ties->family, actor->family, actor->family_count);
		break;
	}
}

bool scope_sees(const struct actor *actor, const struct tie_columns *columns, const struct tie_values *values)
{
	if (!is_tied(columns))
		return true;
	switch (actor->role ? actor->role->bound : BOUND_AREA) {
	case BOUND_AREA:
		return (columns->area && values->area && actor_covers(actor, values->area)) ||
		       (columns->second_area && values->second_area && actor_covers(actor, values->second_area));
	case BOUND_ORGANIZATION:
		return columns->organization && values->organization && values->organization == actor->organization;
	case BOUND_OWN:
		return columns->own && values->own && values->own == actor->person;
	case BOUND_FAMILY:
		for (unsigned i = 0; columns->family && i < actor->family_count; i++)
			if (values->family && values->family == actor->family[i])
				return true;
		return false;
	}
	return false;
}
