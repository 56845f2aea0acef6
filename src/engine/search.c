/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - records found by what somebody types, or by the number on a card or a telephone's display.
 *
 * What is looked for comes in the body, since addresses are written into logs. A search by a sealed field is answered behind a
 * line of the journal, which says which fields were searched and how many records were found; one by name leaves none. */
#include "engine/search.h"

#include "engine/input.h"
#include "engine/journal.h"
#include "engine/listing.h"
#include "engine/record_tokens.h"

#include <string.h>

enum { TYPED_CHARS_MAX = 64, SOUGHT_MAX = 64, EXACT_MAX = 16, LAST_CHARS = 4, LIMIT_DEFAULT = 20, LIMIT_MAX = 200 };

struct search {
	struct call *call;
	struct sought sought[SOUGHT_MAX]; /* all of them */
	size_t count;
	struct {
		const struct slot *slot;
		struct text hash; /* of the whole value; missing: the last four are looked for, which the token tells */
	} exact[EXACT_MAX];
	size_t exact_count;
	int64_t limit, after;
	int64_t found; /* as of the last run */
	bool narrow; /* within streets or communities */
	bool plan_anew; /* PostgreSQL is to plan for the values at hand */
};

/* ---- what was asked ---- */

static const struct field typed_field = { .type = FIELD_text, .name = "q", .max = TYPED_CHARS_MAX };
static const struct field limit_field = { .type = FIELD_integer, .name = "limit", .min = 1, .max = LIMIT_MAX };
static const struct field cursor_field = { .type = FIELD_text, .name = "cursor", .max = 1024 };

static void take_last_four(struct search *search, const struct slot *slot, struct text last)
{
	struct call *call = search->call;
	char *upper = arena_take(call->arena, last.len + 1);
	for (size_t i = 0; i < last.len; i++)
		upper[i] = last.ptr[i] == 'x' && slot->field->type == FIELD_id_card ? 'X' : last.ptr[i];
	search->exact[search->exact_count++].slot = slot;
	search->sought[search->count++] = (struct sought){
		last_four_token(call->app, call->arena, slot, call->actor.district, (struct text){ upper, last.len }), true };
}

static void take_whole(struct search *search, struct input *in, const struct slot *slot)
{
	struct call *call = search->call;
	struct text shown = TEXT_NONE;
	size_t wrong = call->wrong_count;
	take_field(in, NULL, slot->field, &shown);
	const struct sealed *sealed = &in->hidden.sealed[slot->sealed];
	if (call->wrong_count > wrong)
		return;
	if (!sealed->plain.ptr) {
		input_wrong(in, slot->field->name, "required", "必填", "This field is required");
		return;
	}
	search->exact[search->exact_count].slot = slot;
	search->exact[search->exact_count++].hash = sealed->hash;
	search->sought[search->count++] =
		(struct sought){ sealed_token(call->app, call->arena, slot, call->actor.district, sealed->plain), false };
}

static void take_exact_field(struct search *search, struct input *in, const struct slot *slot)
{
	struct text value = text_trim(json_text_of(json_object_get(in->object, slot->field->name)));
	if (value.ptr && text_utf8_length(value) == LAST_CHARS) {
		in->taken[in->taken_count++] = slot->field->name;
		take_last_four(search, slot, value);
	} else {
		take_whole(search, in, slot);
	}
}

/* Fields of the resource, each with the whole value or its last four characters. */
static void take_exact(struct search *search, json_t *object)
{
	struct call *call = search->call;
	const struct shape *shape = call->route->shape;
	size_t first = call->wrong_count;
	if (!json_is_object(object) || json_object_size(object) == 0) {
		call_wrong(call, TEXT("/exact"), "wrong_type", TEXT("数据类型不对"), TEXT("The value has the wrong type"));
		return;
	}
	struct input in = { .object = object };
	input_start_record(&in, call, shape, 0, NULL);
	for (size_t i = SYSTEM_SLOTS; i < shape->slot_count && search->exact_count < EXACT_MAX; i++)
		if (field_is_found_exactly(shape->slots[i].field) && json_object_get(object, shape->slots[i].field->name))
			take_exact_field(search, &in, &shape->slots[i]);
	input_finish(&in);
	for (size_t i = first; i < call->wrong_count; i++)
		call->wrongs[i].pointer = text_printf(call->arena, "/exact%.*s", TEXT_ARG(call->wrongs[i].pointer));
}

static void take_typed(struct search *search, struct input *in)
{
	struct text typed = TEXT_NONE;
	size_t wrong = search->call->wrong_count;
	take_field(in, NULL, &typed_field, &typed);
	if (search->call->wrong_count > wrong)
		return;
	search->count = tokens_seek(search->call->arena, typed, search->sought, SOUGHT_MAX);
	if (search->count == 0)
		input_wrong(in, typed_field.name, "required", "请输入要查找的内容", "Say what to look for");
}

static bool read_search(struct search *search)
{
	struct call *call = search->call;
	struct text cursor = TEXT_NONE;
	struct input in = { .object = call->body };
	input_start(&in, call, false);
	json_t *exact = json_object_get(call->body, "exact");
	in.taken[in.taken_count++] = "exact";
	if (exact && json_object_get(call->body, typed_field.name)) {
		call_problem_detail(call, PROBLEM_BAD_REQUEST, TEXT("q 与 exact 只能用其一"), TEXT("Either q or exact, not both"));
		return false;
	}
	if (exact)
		take_exact(search, exact);
	else
		take_typed(search, &in);
	search->limit = LIMIT_DEFAULT;
	take_field(&in, NULL, &limit_field, &search->limit);
	if (search->limit == MISSING)
		search->limit = LIMIT_DEFAULT;
	take_field(&in, NULL, &cursor_field, &cursor);
	return input_finish(&in) && list_cursor(call, call->route->shape, cursor, &search->after);
}

/* ---- the statement ---- */

/* The areas of the actor as tokens, one of which a record in sight has. 0: that would narrow nothing. */
static size_t area_tokens(const struct call *call, struct sought *areas)
{
	const struct actor *actor = &call->actor;
	const struct shape *shape = call->route->shape;
	bool everywhere = actor->district == call->app->home_district && actor_covers(actor, call->app->home_area);
	if (!shape->ties.area || (actor->role && actor->role->bound != BOUND_AREA) || everywhere)
		return 0;
	for (unsigned i = 0; i < actor->area_count; i++) {
		areas[i] = (struct sought){ area_token(call->arena, actor->areas[i]), false };
		if (!areas[i].token.ptr)
			return 0;
	}
	return actor->area_count;
}

static struct text condition(struct search *search, const struct db *db)
{
	struct sought areas[ACTOR_AREAS_MAX];
	struct sought_group groups[SOUGHT_MAX + 1];
	size_t count = 0, area_count = area_tokens(search->call, areas);
	for (; count < search->count; count++)
		groups[count] = (struct sought_group){ &search->sought[count], 1 };
	search->narrow = area_count > 0;
	for (size_t i = 0; i < area_count; i++)
		search->narrow = search->narrow && area_is_small(areas[i].token);
	if (area_count > 0)
		groups[count++] = (struct sought_group){ areas, area_count };
	return token_index_condition(db, search->call->arena, groups, count);
}

/* The index is asked first, and only of what it finds the records are looked at. */
static void write_query(struct query *query, struct search *search, struct text condition, const char *source)
{
	struct call *call = search->call;
	const struct shape *shape = call->route->shape;
	query_start(query, call->arena);
	query_bind(query, value_text(condition));
	query_bind(query, value_int(call->actor.district));
	query_bind(query, value_int(search->after));
	query_sql(query, search->plan_anew ? "/* plan each time */ SELECT " : "SELECT ");
	query_sql(query, shape->brief_list);
	query_sql(query, " FROM ");
	query_sql(query, source);
	query_sql(query, " CROSS JOIN ");
	query_sql(query, shape->table.name);
	query_sql(query, " WHERE id = found AND district = ?2");
	scope_condition(query, &call->actor, &shape->ties);
	query_sql(query, " AND ended_at IS NULL");
	for (size_t i = 0; i < search->exact_count; i++) {
		const struct slot *slot = search->exact[i].slot;
		if (!search->exact[i].hash.ptr)
			continue;
		query_sql(query, " AND ");
		query_sql(query, slot->hash_column);
		query_sql(query, " = ");
		query_value(query, value_blob(search->exact[i].hash));
	}
	query_sql(query, " ORDER BY found LIMIT ");
	query_value(query, value_int(search->limit + 1));
}

static enum store_code look_in(struct db *db, struct search *search, struct text condition, const char *source, bool *more)
{
	struct query query;
	write_query(&query, search, condition, source);
	return list_found(search->call, db, search->call->route->shape, &query, search->limit, &search->found, more);
}

/* On PostgreSQL what many records have is found among the nearest, or else among the first, and only what is rarer among all. */
static enum store_code look_on_postgres(struct db *db, struct search *search, struct text condition)
{
	const struct token_index_sql *found = &search->call->route->shape->found;
	const char *const sources[] = { found->nearest, found->first, found->all };
	bool wide = search->exact_count == 0 && !search->narrow, more = false;
	enum store_code code = STORE_OK;
	for (size_t i = wide ? 0 : COUNT(sources) - 1; i < COUNT(sources) && code == STORE_OK && !more; i++) {
		search->plan_anew = wide && sources[i] == found->all;
		code = look_in(db, search, condition, sources[i], &more);
	}
	return code;
}

static enum store_code look(struct db *db, void *arg)
{
	struct search *search = arg;
	bool more;
	call_again(search->call);
	struct text sought = condition(search, db);
	return db_is_postgres(db) ? look_on_postgres(db, search, sought)
	                          : look_in(db, search, sought, search->call->route->shape->found.sqlite, &more);
}

/* ---- the journal ---- */

/* Which fields and how many, never what was looked for. */
static enum store_code note(struct tx *tx, void *arg)
{
	struct search *search = arg;
	const struct slot *slots[EXACT_MAX];
	for (size_t i = 0; i < search->exact_count; i++)
		slots[i] = search->exact[i].slot;
	return list_note(tx, search->call, &(struct list_taken){ ACTION_LIST, slots, search->exact_count, .count = search->found });
}

/* ---- the operation ---- */

static void search(struct call *call)
{
	struct search search = { .call = call };
	struct store *store = call->app->store;
	if (json_object_get(call->body, "exact") && !actor_may(&call->actor, call->route->shape->may[RIGHT_FIND])) {
		call_problem(call, PROBLEM_FORBIDDEN);
		return;
	}
	if (!read_search(&search))
		return;
	enum store_code code = store_read(store, 0, look, &search);
	if (code == STORE_OK && search.exact_count > 0)
		code = store_command(store, LANE_INTERACTIVE, note, &search);
	app_settle(call, code);
}

static bool has_tokens(const struct shape *shape)
{
	return shape->table.tokens != NULL;
}

static const struct field taken[] = {
	{ .type = FIELD_text, .name = "q", .label = "查找内容", .max = TYPED_CHARS_MAX, .en = "what is typed" },
	{ .type = FIELD_object, .name = "exact", .label = "精确查找", .en = "whole values of protected fields, or their last four characters" },
	{ .type = FIELD_integer, .name = "limit", .label = "条数", .min = 1, .max = LIMIT_MAX },
	{ .type = FIELD_text, .name = "cursor", .label = "翻页标记", .max = 1024 },
};
static const struct about search_about = { .takes = BODY_MEMBERS, .in = { ROWS(taken) }, .gives = BODY_PAGE };

static const struct operation operations_of_all[] = {
	{ METHOD_POST, "/search", RIGHT_READ, ROUTE_TASK, .task = search, .has = has_tokens, .zh = "查找", .en = "search",
	  .about = &search_about },
};

const struct module search_module = {
	.name = "search", .file = __FILE__, .operations = operations_of_all, .operation_count = COUNT(operations_of_all),
};
