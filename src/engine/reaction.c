/* SPDX-License-Identifier: Apache-2.0 */
/* reaction.c - records follow other records. */
#include "engine/reaction.h"

#include "engine/app.h"
#include "engine/deputy.h"
#include "engine/flow.h"
#include "engine/record.h"

#include <assert.h>
#include <string.h>

enum { FOLLOWERS_MAX = 1000 /* of one record */, FOLLOWED_MAX = 5000 /* of one call */, DEPTH_MAX = 8 };

static enum store_code find_followers(struct tx *tx, struct call *call, const struct shape *shape, const struct reaction *reaction,
                                      int64_t id, int64_t **ids, size_t *count)
{
	struct query query;
	const struct slot *slot = shape_slot(shape, text_of(reaction->by));
	struct text rest = text_of(flow_find(shape->resource, text_of(reaction->does))->from);
	*ids = arena_take_raw(call->arena, (FOLLOWERS_MAX + 1) * sizeof **ids);
	*count = 0;
	query_start(&query, call->arena);
	query_sql(&query, "SELECT id FROM ");
	query_sql(&query, shape->table.name);
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(call->actor.district));
	query_sql(&query, " AND ");
	query_sql(&query, slot->column);
	query_sql(&query, " = ");
	query_value(&query, value_int(id));
	query_sql(&query, " AND ended_at IS NULL AND state IN (");
	for (bool first = true; rest.len > 0; first = false) {
		query_sql(&query, first ? "" : ", ");
		query_value(&query, value_text(text_word(&rest)));
	}
	query_sql(&query, ") ORDER BY id LIMIT ");
	query_value(&query, value_int(FOLLOWERS_MAX + 1));
	struct rows *rows = query_run(&query, tx->db);
	while (rows_next(rows))
		(*ids)[(*count)++] = rows_int(rows, 0);
	return rows_end(rows);
}

static enum store_code move_followers(struct tx *tx, struct call *call, const struct reaction *reaction, int64_t id)
{
	const struct shape *shape = app_shape(call->app, text_of(reaction->writes));
	int64_t *ids;
	size_t count;
	enum store_code code = find_followers(tx, call, shape, reaction, id, &ids, &count);
	if (code == STORE_OK && count > FOLLOWERS_MAX)
		return call_problem(call, PROBLEM_TOO_LARGE);
	for (size_t i = 0; i < count && code == STORE_OK; i++)
		code = flow_make(tx, call, shape, ids[i], reaction->does);
	return code;
}

void reaction_note(struct call *call, const struct shape *shape, int64_t id, const char *action)
{
	if (call->followed_count == FOLLOWED_MAX)
		return;
	if ((call->followed_count & (call->followed_count - 1)) == 0) { /* its room doubles */
		struct follower *more = arena_take_raw(call->arena, (2 * call->followed_count + 1) * sizeof *more);
		if (call->followed_count > 0)
			memcpy(more, call->followed, call->followed_count * sizeof *more);
		call->followed = more;
	}
	call->followed[call->followed_count++] = (struct follower){ shape->resource->name, action, id };
}

static enum store_code react(struct tx *tx, struct call *call, const struct reaction *reaction, const void *before, const void *record)
{
	struct call deputy = deputy_for(call);
	enum store_code code = reaction->react ? reaction->react(tx, &deputy, before, record)
	                                       : move_followers(tx, &deputy, reaction, ((const struct record *)record)->id);
	deputy_done(call, &deputy);
	return code;
}

static bool names(struct text fields, const char *field)
{
	while (fields.len > 0) {
		const char *comma = memchr(fields.ptr, ',', fields.len);
		size_t len = comma ? (size_t)(comma - fields.ptr) : fields.len;
		if (text_is((struct text){ fields.ptr, len }, field))
			return true;
		fields = (struct text){ fields.ptr + len + (comma != NULL), fields.len - len - (comma != NULL) };
	}
	return false;
}

enum store_code reaction_run(struct tx *tx, struct call *call, const struct shape *shape, const char *action, struct text fields,
                             const void *before, const void *record)
{
	enum store_code code = STORE_OK;
	assert(call->depth < DEPTH_MAX); /* no circle was declared */
	if (call->depth > 0)
		reaction_note(call, shape, ((const struct record *)record)->id, action);
	for (size_t i = 0; i < shape->reaction_count && code == STORE_OK; i++) {
		const struct reaction *reaction = shape->reactions[i];
		if (strcmp(reaction->action, action) == 0 && (!reaction->field || names(fields, reaction->field)))
			code = react(tx, call, reaction, before, record);
	}
	return code;
}
