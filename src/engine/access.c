/* SPDX-License-Identifier: Apache-2.0 */
/* access.c - roles, and the condition that keeps a read inside its areas. */
#include "engine/access.h"

#include "base/check.h"

#include <string.h>

enum {
	MAY_READ_LEDGERS = MAY_READ_ELDERS | MAY_READ_FACILITIES | MAY_READ_AREAS,
	MAY_KEEP_LEDGERS = MAY_READ_LEDGERS | MAY_WRITE_ELDERS | MAY_WRITE_FACILITIES
};

/* The administrator keeps accounts and sees no elder; the auditor sees everything and changes nothing. */
static const struct role roles[] = {
	{ "bureau", "区民政局", MAY_KEEP_LEDGERS },
	{ "street", "街道", MAY_KEEP_LEDGERS },
	{ "community", "社区", MAY_KEEP_LEDGERS },
	{ "auditor", "审计", MAY_READ_LEDGERS | MAY_READ_USERS | MAY_READ_JOURNAL },
	{ "administrator", "系统管理员", MAY_READ_AREAS | MAY_READ_USERS | MAY_WRITE_USERS },
};

static const struct role operator_role = { "operator", "本机操作员", MAY_ALL };

const struct role *role_find(struct text name)
{
	for (size_t i = 0; i < COUNT(roles); i++)
		if (text_is(name, roles[i].name))
			return &roles[i];
	return NULL;
}

struct actor actor_local(unsigned district, int64_t area)
{
	return (struct actor){
		.name = "local",
		.channel = "local",
		.role = &operator_role,
		.permissions = operator_role.permissions,
		.district = district,
		.areas = { area },
		.area_count = 1,
	};
}

bool actor_covers(const struct actor *actor, int64_t area)
{
	for (unsigned i = 0; i < actor->area_count; i++)
		if (area >= actor->areas[i] && area <= area_last(actor->areas[i]))
			return true;
	return false;
}

bool actor_same_rights(const struct actor *a, const struct actor *b)
{
	return a->user == b->user && a->district == b->district && a->permissions == b->permissions &&
	       a->area_count == b->area_count && memcmp(a->areas, b->areas, a->area_count * sizeof a->areas[0]) == 0;
}

static void within(struct query *query, const char *column, int64_t area)
{
	query_sql(query, column);
	query_sql(query, " BETWEEN ");
	query_value(query, value_int(area));
	query_sql(query, " AND ");
	query_value(query, value_int(area_last(area)));
}

void scope_condition(struct query *query, const struct actor *actor, const char *column, const char *second)
{
	if (actor->area_count == 0) {
		query_sql(query, " AND 1 = 0");
		return;
	}
	for (unsigned i = 0; i < actor->area_count; i++) {
		query_sql(query, i == 0 ? " AND (" : " OR ");
		within(query, column, actor->areas[i]);
		if (second) {
			query_sql(query, " OR ");
			within(query, second, actor->areas[i]);
		}
	}
	query_sql(query, ")");
}
