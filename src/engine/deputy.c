/* SPDX-License-Identifier: Apache-2.0 */
/* deputy.c - what follows from somebody's act, done in their name. */
#include "engine/deputy.h"

#include "engine/app.h"

struct call deputy_for(const struct call *call)
{
	struct call deputy;
	call_start(&deputy, call->app, call->arena);
	deputy.route = call->route;
	deputy.actor = call->actor;
	deputy.followed = call->followed;
	deputy.followed_count = call->followed_count;
	deputy.depth = call->depth + 1;
	actor_widen(&deputy.actor, call->app->home_area);
	return deputy;
}

void deputy_done(struct call *call, const struct call *deputy)
{
	call->followed = deputy->followed;
	call->followed_count = deputy->followed_count;
	if (deputy->problem == PROBLEM_NONE)
		return;
	call->problem = deputy->problem;
	call->detail_zh = deputy->detail_zh;
	call->detail_en = deputy->detail_en;
	call->wrongs = deputy->wrongs;
	call->wrong_count = deputy->wrong_count;
}
