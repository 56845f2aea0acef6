/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.c - what waits for somebody, what somebody can do with a record, and one move of many records. */
#include "engine/tasks.h"

#include "engine/flow.h"
#include "engine/listing.h"
#include "engine/operations.h"
#include "engine/record.h"

#include <stdlib.h>
#include <string.h>

enum { TASKS_DEFAULT = 20, TASKS_MAX = 200, MOVED_MAX = 200, STATES_MAX = 32, BY_KINDS = BY_SIGHT + 1 };

/* ---- what waits ---- */

/* Some states of one resource, out of which the actor has a move to make, by one tie. */
struct waits {
	const struct shape *shape;
	enum move_by by;
	struct text states[STATES_MAX];
	size_t count;
};

struct task {
	const struct shape *shape;
	int64_t id, due_ms;
	struct text state;
};

struct task_list {
	struct call *call;
	struct task *tasks;
	size_t count;
	int64_t limit, after_ms, after_id;
};

static bool is_permitted(const struct call *call, const struct shape *shape, const struct move *move)
{
	struct text name = text_printf(call->arena, "%s.%s", shape->resource->name, move->name);
	return move->roles && actor_may(&call->actor, access_number(&call->app->access, name.ptr));
}

static void add_states(struct waits *waits, const char *from)
{
	struct text rest = text_of(from);
	while (rest.len > 0) {
		struct text state = text_word(&rest);
		bool known = false;
		for (size_t i = 0; i < waits->count; i++)
			known = known || text_eq(waits->states[i], state);
		if (!known && waits->count < STATES_MAX)
			waits->states[waits->count++] = state;
	}
}

static bool find_waits(struct call *call, const struct shape *shape, enum move_by by, struct waits *waits)
{
	const struct flow *flow = shape->resource->flow;
	*waits = (struct waits){ shape, by, .count = 0 };
	for (size_t i = 0; i < flow->move_count; i++)
		if (flow->moves[i].waits && flow->moves[i].by == by && is_permitted(call, shape, &flow->moves[i]))
			add_states(waits, flow->moves[i].from);
	return waits->count > 0;
}

static void narrow(struct query *query, const struct actor *actor, const struct waits *waits)
{
	struct tie_columns ties = waits->shape->ties;
	if (waits->by == BY_KEEPER)
		ties.second_area = NULL;
	if (waits->by == BY_SECOND)
		ties = (struct tie_columns){ .area = ties.second_area };
	scope_condition(query, actor, &ties);
}

/* Of one resource, in the order in which they are due: those behind the last page's. */
static enum store_code read_waits(struct db *db, struct task_list *list, const struct waits *waits)
{
	struct call *call = list->call;
	struct query query;
	const struct shape *shape = waits->shape;
	query_start(&query, call->arena);
	query_sql(&query, "SELECT id, due_at, state FROM ");
	query_sql(&query, shape->table.name);
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(call->actor.district));
	query_sql(&query, " AND due_at IS NOT NULL AND (due_at, id) > (");
	query_value(&query, value_int(list->after_ms));
	query_sql(&query, ", ");
	query_value(&query, value_int(list->after_id));
	query_sql(&query, ") AND state IN (");
	for (size_t i = 0; i < waits->count; i++) {
		query_sql(&query, i ? ", " : "");
		query_value(&query, value_text(waits->states[i]));
	}
	query_sql(&query, ")");
	narrow(&query, &call->actor, waits);
	query_sql(&query, " ORDER BY due_at, id LIMIT ");
	query_value(&query, value_int(list->limit + 1));
	struct rows *rows = query_run(&query, db);
	while (rows_next(rows))
		list->tasks[list->count++] = (struct task){ shape, rows_int(rows, 0), rows_int(rows, 1),
			text_copy(call->arena, rows_text(rows, 2)) };
	return rows_end(rows);
}

static int by_due(const void *a, const void *b)
{
	const struct task *left = a, *right = b;
	if (left->due_ms != right->due_ms)
		return left->due_ms < right->due_ms ? -1 : 1;
	return (left->id > right->id) - (left->id < right->id);
}

static void put_moves(struct json_out *json, struct call *call, const struct shape *shape, struct text state)
{
	const struct flow *flow = shape->resource->flow;
	json_key(json, TEXT("moves"));
	json_begin_array(json);
	for (size_t i = 0; i < flow->move_count; i++)
		if (flow->moves[i].waits && flow_is_in(&flow->moves[i], state) && is_permitted(call, shape, &flow->moves[i]))
			json_put_text(json, text_of(flow->moves[i].name));
	json_end_array(json);
}

static bool read_cursor(struct task_list *list)
{
	struct text said = call_param(list->call, "limit"), cursor = call_param(list->call, "cursor"), plain;
	list->limit = TASKS_DEFAULT;
	if (said.ptr && (!text_to_int(said, TASKS_MAX, &list->limit) || list->limit < 1)) {
		call_problem_detail(list->call, PROBLEM_BAD_REQUEST, TEXT("limit 应在 1 到 200 之间"), TEXT("limit is between 1 and 200"));
		return false;
	}
	if (!cursor.ptr)
		return true;
	bool fine = cursor.len < 100 && base64url_read(list->call->arena, cursor, &plain);
	struct text due = fine ? text_word(&plain) : TEXT_NONE, id = fine ? text_word(&plain) : TEXT_NONE;
	if (fine && text_to_int(due, INT64_MAX, &list->after_ms) && id_read(id, &list->after_id))
		return true;
	call_problem(list->call, PROBLEM_BAD_CURSOR);
	return false;
}

static void put_page(struct task_list *list, int64_t now_ms)
{
	struct call *call = list->call;
	size_t shown = list->count > (size_t)list->limit ? (size_t)list->limit : list->count;
	const struct task *last = shown ? &list->tasks[shown - 1] : NULL;
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	for (size_t i = 0; i < shown; i++) {
		const struct task *task = &list->tasks[i];
		json_begin_object(&json);
		JSON_TEXT(&json, "resource", text_of(task->shape->resource->name));
		JSON_TEXT(&json, "path", text_printf(call->arena, "%s/%lld", task->shape->path, (long long)task->id));
		json_member_id(&json, TEXT("id"), task->id);
		JSON_TEXT(&json, "state", task->state);
		json_member_instant(&json, TEXT("due_at"), task->due_ms);
		JSON_BOOL(&json, "overdue", task->due_ms < now_ms);
		put_moves(&json, call, task->shape, task->state);
		json_end_object(&json);
	}
	json_end_array(&json);
	json_member_text(&json, TEXT("next"), list->count > shown ? base64url(call->arena, text_printf(call->arena, "%lld %lld",
		(long long)last->due_ms, (long long)last->id)) : TEXT_NONE);
	json_end_object(&json);
}

/* The first of each resource, merged: none of the page can stand behind them. */
static enum store_code list_tasks(struct db *db, void *arg)
{
	struct call *call = arg;
	struct app *app = call->app;
	struct task_list list = { .call = call };
	struct waits waits;
	enum store_code code = STORE_OK;
	if (!read_cursor(&list))
		return STORE_REFUSED;
	list.tasks = arena_take_raw(call->arena, app->shape_count * BY_KINDS * (size_t)(list.limit + 1) * sizeof *list.tasks);
	for (size_t i = 0; i < app->shape_count && code == STORE_OK; i++)
		for (int by = 0; by < BY_KINDS && app->shapes[i]->resource->flow && code == STORE_OK; by++)
			if (find_waits(call, app->shapes[i], (enum move_by)by, &waits))
				code = read_waits(db, &list, &waits);
	if (code != STORE_OK)
		return code;
	qsort(list.tasks, list.count, sizeof *list.tasks, by_due);
	size_t kept = 0; /* one may wait for somebody by two ties */
	for (size_t i = 0; i < list.count; i++)
		if (kept == 0 || list.tasks[i].id != list.tasks[kept - 1].id)
			list.tasks[kept++] = list.tasks[i];
	list.count = kept;
	put_page(&list, clock_now_ms(store_clock(app->store)));
	return STORE_OK;
}

/* ---- what can be done with a record ---- */

static void put_names(struct json_out *json, const char *key, const char *names)
{
	struct text rest = text_of(names);
	json_key(json, text_of(key));
	json_begin_array(json);
	while (rest.len > 0)
		json_put_text(json, text_word(&rest));
	json_end_array(json);
}

static enum store_code list_moves(struct db *db, void *arg)
{
	struct call *call = arg;
	const struct shape *shape = call->route->shape;
	const struct flow *flow = shape->resource->flow;
	void *record = arena_take_raw(call->arena, shape->resource->size);
	enum store_code code = operation_find(db, call, shape, call->id, record, NULL);
	if (code != STORE_OK)
		return code;
	struct text state = slot_text(shape->state, record);
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	JSON_TEXT(&json, "state", state);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	for (size_t i = 0; i < flow->move_count; i++) {
		const struct move *move = &flow->moves[i];
		if (record_has_ended(record) || !flow_is_in(move, state) || !flow_may(call->app, shape, &call->actor, move, record))
			continue;
		json_begin_object(&json);
		JSON_TEXT(&json, "move", text_of(move->name));
		JSON_TEXT(&json, "label", text_of(move->label));
		JSON_TEXT(&json, "label_en", text_of(move->en));
		JSON_TEXT(&json, "to", text_of(move->to));
		JSON_BOOL(&json, "waits", move->waits);
		put_names(&json, "needs", move->needs);
		put_names(&json, "takes", move->takes);
		json_end_object(&json);
	}
	json_end_array(&json);
	json_end_object(&json);
	return STORE_OK;
}

/* ---- many at once ---- */

struct moving {
	struct call *call; /* of the one record */
	const struct move *move;
	json_t *with;
	int64_t id;
};

static enum store_code move_one(struct tx *tx, void *arg)
{
	struct moving *moving = arg;
	call_again(moving->call);
	return flow_ask(tx, moving->call, moving->call->route->shape, moving->id, moving->move, moving->with);
}

static const struct move *wished_move(struct call *call, json_t **records, json_t **with)
{
	const struct shape *shape = call->route->shape;
	const struct move *move = flow_find(shape->resource, json_text_of(json_object_get(call->body, "move")));
	*records = json_object_get(call->body, "records");
	*with = json_object_get(call->body, "with");
	if (!move || !move->roles)
		call_wrong(call, TEXT("/move"), "unknown_word", TEXT("没有这个操作"), TEXT("There is no such move"));
	if (!json_is_array(*records) || json_array_size(*records) == 0 || json_array_size(*records) > MOVED_MAX)
		call_wrong(call, TEXT("/records"), "out_of_range", TEXT("请给出 1 到 200 条记录的编号"), TEXT("The numbers of 1 to 200 records"));
	if (*with && !json_is_object(*with))
		call_wrong(call, TEXT("/with"), "wrong_type", TEXT("数据类型不对"), TEXT("The value has the wrong type"));
	const char *key;
	json_t *value;
	json_object_foreach(call->body, key, value)
		if (value != *records && value != *with && strcmp(key, "move") != 0)
			call_wrong(call, text_printf(call->arena, "/%.60s", key), "unknown_field", TEXT("没有这个字段"),
			           TEXT("There is no such field"));
	if (call->problem == PROBLEM_NONE && !is_permitted(call, shape, move))
		call_problem(call, PROBLEM_FORBIDDEN);
	return call->problem == PROBLEM_NONE ? move : NULL;
}

static void put_moved(struct json_out *json, const struct call *one, struct text id)
{
	const struct problem_row *problem = one->problem == PROBLEM_NONE ? NULL : &problem_rows[one->problem];
	struct text zh = one->wrong_count ? one->wrongs[0].zh : one->detail_zh, en = one->wrong_count ? one->wrongs[0].en : one->detail_en;
	json_begin_object(json);
	JSON_TEXT(json, "id", id);
	JSON_INT(json, "status", problem ? problem->status : 200);
	JSON_TEXT(json, "code", problem ? text_of(problem->code) : TEXT_NONE);
	JSON_TEXT(json, "message", problem ? zh.ptr ? zh : text_of(problem->zh) : TEXT_NONE);
	JSON_TEXT(json, "message_en", problem ? en.ptr ? en : text_of(problem->en) : TEXT_NONE);
	json_end_object(json);
}

/* Each is moved by itself: what cannot be does not keep the others. */
static void move_many(struct call *call)
{
	json_t *records, *with, *number;
	size_t i;
	const struct move *move = wished_move(call, &records, &with);
	if (!move)
		return;
	struct json_out json = call_json(call, 200);
	json_begin_object(&json);
	json_key(&json, TEXT("items"));
	json_begin_array(&json);
	json_array_foreach(records, i, number) {
		struct call one;
		struct moving moving = { &one, move, with, 0 };
		call_start(&one, call->app, call->arena);
		one.actor = call->actor;
		one.route = call->route;
		if (id_read(json_text_of(number), &moving.id))
			app_settle(&one, store_command(call->app->store, LANE_INTERACTIVE, move_one, &moving));
		else
			call_problem(&one, PROBLEM_NOT_FOUND);
		put_moved(&json, &one, json_text_of(number));
	}
	json_end_array(&json);
	json_end_object(&json);
}

/* ---- what they say of themselves ---- */

static const struct field params[] = {
	{ .type = FIELD_text, .name = "cursor", .label = "上一页的 next", .en = "next of the page before" },
	{ .type = FIELD_integer, .name = "limit", .label = "条数", .min = 1, .max = TASKS_MAX },
};
static const struct field task_fields[] = {
	{ .type = FIELD_text, .name = "resource", .label = "哪种记录", .flags = MUST },
	{ .type = FIELD_text, .name = "path", .label = "地址", .flags = MUST },
	{ .type = FIELD_ref, .name = "id", .label = "编号", .flags = MUST },
	{ .type = FIELD_text, .name = "state", .label = "状态", .flags = MUST },
	{ .type = FIELD_instant, .name = "due_at", .label = "期限", .flags = MUST, .en = "due" },
	{ .type = FIELD_boolean, .name = "overdue", .label = "已超期", .flags = MUST },
	{ .type = FIELD_words, .name = "moves", .label = "等待的操作", .flags = MUST },
};
static const struct field next_field[] = { { .type = FIELD_text, .name = "next", .label = "下一页的 cursor", .en = "cursor of the next page" } };
static const struct about tasks_about = {
	.id = "list_task", .zh = "待办事项", .en = "what waits for me", .gives = BODY_MEMBERS,
	.out = { ROWS(next_field), .list = "items", ROWS(task_fields) }, .params = ROWS(params), .tie = "area",
	.problems = PROBLEM_LIST(PROBLEM_BAD_CURSOR),
};

static const struct field state_field[] = { { .type = FIELD_text, .name = "state", .label = "状态", .flags = MUST } };
static const struct field move_fields[] = {
	{ .type = FIELD_text, .name = "move", .label = "操作", .flags = MUST },
	{ .type = FIELD_text, .name = "label", .label = "名称", .flags = MUST },
	{ .type = FIELD_text, .name = "label_en", .label = "英文名称", .flags = MUST },
	{ .type = FIELD_text, .name = "to", .label = "之后的状态", .flags = MUST },
	{ .type = FIELD_boolean, .name = "waits", .label = "等待此操作", .flags = MUST },
	{ .type = FIELD_words, .name = "needs", .label = "必填字段", .flags = MUST },
	{ .type = FIELD_words, .name = "takes", .label = "可填字段", .flags = MUST },
};
static const struct about moves_about = { .gives = BODY_MEMBERS, .out = { ROWS(state_field), .list = "items", ROWS(move_fields) } };

static const struct field many_fields[] = {
	{ .type = FIELD_text, .name = "move", .label = "操作", .flags = MUST },
	{ .type = FIELD_words, .name = "records", .label = "记录编号", .flags = MUST },
	{ .type = FIELD_object, .name = "with", .label = "随操作填写的字段", .flags = OPTIONAL },
};
static const struct field moved_fields[] = {
	{ .type = FIELD_text, .name = "id", .label = "编号" }, { .type = FIELD_integer, .name = "status", .label = "结果", .flags = MUST },
	{ .type = FIELD_text, .name = "code", .label = "代码" }, { .type = FIELD_text, .name = "message", .label = "说明" },
	{ .type = FIELD_text, .name = "message_en", .label = "英文说明" },
};
static const struct about many_about = { .takes = BODY_MEMBERS, .in = { ROWS(many_fields) }, .gives = BODY_MEMBERS,
	                                 .out = { .list = "items", ROWS(moved_fields) } };

static bool has_flow(const struct shape *shape)
{
	return shape->resource->flow != NULL;
}

static const struct operation operations_of_all[] = {
	{ METHOD_GET, "/{id}/moves", RIGHT_READ, ROUTE_READ, .read = list_moves, .has = has_flow, .zh = "可做的操作", .en = "list moves of",
	  .about = &moves_about },
	{ METHOD_POST, "/moves", RIGHT_READ, ROUTE_TASK, .task = move_many, .has = has_flow, .zh = "批量操作", .en = "move many",
	  .about = &many_about },
};
static const struct route routes[] = {
	{ METHOD_GET, "/api/v1/tasks", NULL, ROUTE_READ, .read = list_tasks, .about = &tasks_about },
};

const struct module tasks_module = {
	.name = "tasks", .file = __FILE__, .routes = routes, .route_count = COUNT(routes), .operations = operations_of_all,
	.operation_count = COUNT(operations_of_all),
};
