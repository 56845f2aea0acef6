/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c - a page of records: filter, sort, cursor, limit, selected fields. */
#include "engine/listing.h"

#include "base/crypto.h"
#include "engine/app.h"
#include "engine/filter.h"
#include "engine/shown.h"

#include <assert.h>
#include <string.h>

enum { LIMIT_DEFAULT = 20, LIMIT_MAX = 200, FILTER_BYTES_MAX = 8192, RECORD_BYTES = 640, SHOWN_LIMIT = 50 };

/* ---- the filter ---- */

static const struct shape *shape_for_filter(const char *resource, void *arg)
{
	const struct call *call = arg;
	const struct shape *shape = app_shape(call->app, text_of(resource));
	return shape && actor_may(&call->actor, shape->may[RIGHT_READ]) ? shape : NULL;
}

static void scope_for_filter(struct query *query, const struct shape *shape, void *arg)
{
	const struct call *call = arg;
	scope_condition(query, &call->actor, &shape->ties);
}

static bool refuse_filter(struct call *call, const struct filter_fault *fault)
{
	struct text at = fault->pointer.len > 0 ? text_printf(call->arena, "%.*s: ", TEXT_ARG(fault->pointer)) : TEXT("");
	call_problem_detail(call, PROBLEM_BAD_FILTER, text_printf(call->arena, "%.*s%.*s", TEXT_ARG(at), TEXT_ARG(fault->zh)),
	                    text_printf(call->arena, "%.*s%.*s", TEXT_ARG(at), TEXT_ARG(fault->en)));
	return false;
}

/* As the caller may ask. NULL: *fault says why. */
static struct filter *filter_of(struct call *call, const struct shape *shape, struct text source, struct filter_world *world,
                                struct filter_fault *fault)
{
	static const struct filter_fault unreadable = { "malformed", TEXT_OF("筛选条件须为 JsonLogic 形式的 JSON，不超过 8192 字节"),
		                                        TEXT_OF("A filter is JSON in JsonLogic form, of at most 8,192 bytes"), { NULL, 0 } };
	json_t *json = NULL;
	*fault = unreadable;
	if (source.len > FILTER_BYTES_MAX || json_read(source, BODY_DEPTH_MAX, &json) != JSON_FINE)
		return NULL;
	*world = (struct filter_world){ date_of_ms(clock_now_ms(store_clock(call->app->store))), call->actor.district, shape_for_filter,
		                 scope_for_filter, NULL, call };
	struct filter *filter = filter_read(call->arena, shape, json, world, fault);
	json_decref(json);
	return filter;
}

bool list_filter_holds(struct call *call, const struct shape *shape, struct text source, struct filter_fault *fault)
{
	struct filter_world world;
	return filter_of(call, shape, source, &world, fault) != NULL;
}

static bool read_filter(struct call *call, struct list_wish *wish)
{
	struct text source = call_param(call, "filter");
	struct filter_fault fault;
	wish->filter = NULL;
	if (!source.ptr)
		return true;
	wish->filter = filter_of(call, wish->shape, source, &wish->world, &fault);
	return wish->filter || refuse_filter(call, &fault);
}

/* ---- sort and cursor ---- */

static bool bad_parameter(struct call *call, const char *zh, const char *en)
{
	call_problem_detail(call, PROBLEM_BAD_REQUEST, text_of(zh), text_of(en));
	return false;
}

static bool read_sort(struct call *call, const struct shape *shape, struct list_page *page)
{
	struct text sort = call_param(call, "sort");
	page->sort_text = sort.ptr ? sort : shape->slots[0].name;
	struct text name = page->sort_text;
	page->down = text_starts(name, TEXT("-"));
	if (page->down) {
		name.ptr++;
		name.len--;
	}
	if (text_eq(name, shape->slots[0].name))
		return true;
	page->sort = shape_slot(shape, name);
	return (page->sort && (page->sort->field->flags & SORT)) ||
	       bad_parameter(call, "不能按此字段排序", "The list cannot be sorted by this field");
}

/* The cursor is the sort, the last row's value and its id, so it fits only the list it came from. */
static struct text write_cursor(struct arena *arena, const struct list_page *page, struct value last, int64_t id)
{
	struct text value = last.type == VALUE_TEXT ? last.text : text_printf(arena, "%lld", (long long)last.integer);
	struct text plain = text_printf(arena, "%.*s\n%.*s\n%lld", TEXT_ARG(page->sort_text), TEXT_ARG(value), (long long)id);
	return base64url(arena, plain);
}

static bool read_cursor(struct call *call, struct text cursor, struct list_page *page)
{
	struct text plain;
	if (!cursor.ptr)
		return true;
	if (cursor.len > 1024 || !base64url_read(call->arena, cursor, &plain) || text_utf8_length(plain) == SIZE_MAX)
		goto bad;
	const char *first = memchr(plain.ptr, '\n', plain.len);
	if (!first)
		goto bad;
	struct text sort = { plain.ptr, (size_t)(first - plain.ptr) };
	struct text rest = { first + 1, plain.len - sort.len - 1 };
	const char *second = rest.len ? memrchr(rest.ptr, '\n', rest.len) : NULL;
	if (!second || !text_eq(sort, page->sort_text))
		goto bad;
	struct text value = { rest.ptr, (size_t)(second - rest.ptr) };
	struct text id = { second + 1, rest.len - value.len - 1 };
	bool text_sort = page->sort && field_is_text(page->sort->field);
	int64_t number = 0;
	if (!id_read(id, &page->after_id) || (page->sort && !text_sort && !text_to_int(value, INT64_MAX, &number)))
		goto bad;
	page->after = text_sort ? value_text(value) : value_int(number);
	return true;
bad:
	call_problem(call, PROBLEM_BAD_CURSOR);
	return false;
}

static bool read_page(struct call *call, const struct shape *shape, struct list_page *page)
{
	struct text limit = call_param(call, "limit");
	*page = (struct list_page){ .limit = LIMIT_DEFAULT };
	if (limit.ptr && (!text_to_int(limit, LIMIT_MAX, &page->limit) || page->limit < 1))
		return bad_parameter(call, "limit 应在 1 到 200 之间", "limit is between 1 and 200");
	return read_sort(call, shape, page) && read_cursor(call, call_param(call, "cursor"), page);
}

/* ---- the statement ---- */

static bool add_conditions(struct query *query, struct call *call, const struct list_wish *wish, bool along_ids)
{
	static const struct filter_fault too_long = { "too_long", TEXT_OF("筛选条件太长"), TEXT_OF("The filter is too long"), { NULL, 0 } };
	const struct shape *shape = wish->shape;
	query_sql(query, " FROM ");
	query_sql(query, shape->table.name);
	query_sql(query, along_ids ? " WHERE +district = " : " WHERE district = ");
	query_value(query, value_int(call->actor.district));
	scope_condition(query, &call->actor, &shape->ties);
	query_sql(query, wish->with_ended ? "" : " AND ended_at IS NULL");
	if (!wish->filter)
		return true;
	query_sql(query, " AND ");
	return filter_sql(query, wish->filter, &wish->world) || refuse_filter(call, &too_long);
}

static void add_order(struct query *query, const struct list_page *page)
{
	const char *than = page->down ? " < " : " > ", *direction = page->down ? " DESC" : "";
	if (page->after_id && page->sort) {
		query_sql(query, " AND (");
		query_sql(query, page->sort->column);
		query_sql(query, ", ");
		query_sql(query, "id");
		query_sql(query, ")");
		query_sql(query, than);
		query_sql(query, "(");
		query_value(query, page->after);
		query_sql(query, ", ");
		query_value(query, value_int(page->after_id));
		query_sql(query, ")");
	} else if (page->after_id) {
		query_sql(query, " AND ");
		query_sql(query, "id");
		query_sql(query, than);
		query_value(query, value_int(page->after_id));
	}
	query_sql(query, " ORDER BY ");
	if (page->sort) {
		query_sql(query, page->sort->column);
		query_sql(query, direction);
		query_sql(query, ", ");
	}
	query_sql(query, "id");
	query_sql(query, direction);
	query_sql(query, " LIMIT ");
	query_value(query, value_int(page->limit + 1));
}

bool list_read(struct call *call, const struct shape *shape, struct list_wish *wish)
{
	wish->shape = shape;
	return read_page(call, shape, &wish->page) && read_filter(call, wish);
}

/* Where most rows fit, SQLite walks along the ids instead of sorting what an index finds: the sign keeps it from the indexes. */
bool list_query(struct query *query, struct db *db, struct call *call, const struct list_wish *wish, const char *columns)
{
	bool most_fit = !wish->filter && (wish->to_the_end || app_covers_all(call->app, &call->actor));
	bool along_ids = most_fit && !wish->page.sort && !wish->shape->table.foreign_ids && !db_is_postgres(db);
	query_start(query, wish->arena ? wish->arena : call->arena);
	query_sql(query, "SELECT ");
	query_sql(query, columns);
	if (!add_conditions(query, call, wish, along_ids))
		return false;
	add_order(query, &wish->page);
	if (!query->overflow && !query->text.overflow)
		return true;
	call_problem(call, PROBLEM_BAD_FILTER);
	return false;
}

bool list_fitting(struct query *query, struct db *db, struct call *call, const struct shape *shape, struct text filter, int64_t after,
                  int64_t until, const char *columns)
{
	struct filter_fault fault;
	struct list_wish wish = { .shape = shape };
	wish.filter = filter_of(call, shape, filter, &wish.world, &fault);
	if (!wish.filter)
		return refuse_filter(call, &fault);
	query_start(query, call->arena);
	query_sql(query, "SELECT ");
	query_sql(query, columns);
	if (!add_conditions(query, call, &wish, !db_is_postgres(db) && !shape->table.foreign_ids))
		return false;
	query_sql(query, " AND id > ");
	query_value(query, value_int(after));
	query_sql(query, " AND id <= ");
	query_value(query, value_int(until));
	query_sql(query, " ORDER BY id");
	return true;
}

int64_t list_stretch(struct db *db, unsigned district, struct arena *arena, const struct shape *shape, int64_t after, int64_t count)
{
	struct query query;
	query_start(&query, arena);
	query_sql(&query, "SELECT id FROM ");
	query_sql(&query, shape->table.name);
	query_sql(&query, db_is_postgres(db) ? " WHERE district = " : " WHERE +district = ");
	query_value(&query, value_int(district));
	query_sql(&query, " AND id > ");
	query_value(&query, value_int(after));
	query_sql(&query, " ORDER BY id LIMIT 1 OFFSET ");
	query_value(&query, value_int(count - 1));
	struct rows *rows = query_run(&query, db);
	int64_t until = rows_next(rows) ? rows_int(rows, 0) : INT64_MAX;
	rows_end(rows);
	return until;
}

static enum store_code count_all(struct call *call, struct db *db, const struct list_wish *wish, int64_t *total)
{
	struct query query;
	query_start(&query, call->arena);
	query_sql(&query, "SELECT count(*)");
	if (!add_conditions(&query, call, wish, false))
		return STORE_REFUSED;
	struct rows *rows = query_run(&query, db);
	*total = rows_next(rows) ? rows_int(rows, 0) : 0;
	return rows_end(rows);
}

/* A list being answered: what it is of, how a row is written, and from which columns. */
struct list {
	struct call *call;
	struct db *db;
	const struct shape *shape;
	struct list_wish wish;
	const char *columns;
	bool through_shown; /* rows are only id, version and what they are sorted by: the rest is often known from before */
	struct record_out out;
	int64_t day; /* since 1970 */
	int sort_column; /* of the rows; the first is the id */
	int64_t written;
	bool more; /* behind the page */
	void *record; /* the row that is being written */
};

static void write_record(struct list *list, const struct rows *rows)
{
	json_begin_object(list->out.json);
	if (list->out.brief)
		record_read_brief(list->shape, rows, list->record);
	else
		record_read(list->shape, rows, NULL, list->record);
	record_put(&list->out, list->shape, list->record);
	json_end_object(list->out.json);
}

/* The record of a row that has only its id and version. */
static void write_shown(struct list *list, const struct rows *row)
{
	int64_t id = rows_int(row, 0), version = rows_int(row, 1);
	struct json_out *json = list->out.json;
	struct query query;
	/* What is shown of tags depends on the day. */
	int64_t stamp = version << 20 | list->day;
	if (shown_put(list->call->app->shown, id, stamp, json))
		return;
	query_start(&query, list->call->arena);
	query_sql(&query, "SELECT ");
	query_sql(&query, list->shape->brief_list);
	query_sql(&query, " FROM ");
	query_sql(&query, list->shape->table.name);
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(list->call->actor.district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(id));
	struct rows *rows = query_run(&query, list->db);
	if (rows_next(rows)) {
		size_t begin = json->buf->len + (json->comma ? 1 : 0);
		write_record(list, rows);
		if (!json->buf->overflow)
			shown_keep(list->call->app->shown, id, stamp,
			           (struct text){ json->buf->ptr + begin, json->buf->len - begin });
	}
	rows_end(rows); /* what went wrong stays in db_code */
}

static enum store_code write_items(struct list *list, struct query *query)
{
	const struct list_page *page = &list->wish.page;
	struct json_out *json = list->out.json;
	struct text next = TEXT_NONE;
	int sort_column = page->sort ? list->sort_column : 0;
	bool text_sort = page->sort && field_is_text(page->sort->field);
	int64_t count = 0;
	struct rows *rows = query_run(query, list->db);
	json_key(json, TEXT("items"));
	json_begin_array(json);
	while (rows_next(rows)) {
		if (count++ == page->limit) /* there is one more: what was written as the next page's beginning stands */
			break;
		if (list->through_shown)
			write_shown(list, rows);
		else
			write_record(list, rows);
		list->written++;
		if (count == page->limit)
			next = write_cursor(list->call->arena, page,
				text_sort ? value_text(rows_text(rows, sort_column)) : value_int(rows_int(rows, sort_column)),
				rows_int(rows, 0));
	}
	json_end_array(json);
	list->more = count > page->limit;
	JSON_TEXT(json, "next", count > page->limit ? next : TEXT_NONE);
	return rows_end(rows);
}

/* The slot's place among the columns. */
static int first_column(const struct shape *shape, const struct slot *slot)
{
	for (size_t i = 0; i < shape->column_count; i++)
		if (shape->columns[i].offset == slot->offset)
			return (int)i;
	assert(!"a slot has a column");
	return 0;
}

/* Only short pages, which are those that people look at: who walks through all rows would push them out. On PostgreSQL a
 * second statement would cost more than it saves. */
static void choose_columns(struct list *list)
{
	const struct list_page *page = &list->wish.page;
	list->through_shown = page->limit <= SHOWN_LIMIT && !list->out.fields && !db_is_postgres(list->db);
	list->columns = list->out.brief ? list->shape->brief_list : list->shape->column_list;
	list->sort_column = page->sort ? first_column(list->shape, page->sort) : 0;
	if (!list->through_shown)
		return;
	list->sort_column = 2;
	list->columns = page->sort ? text_printf(list->call->arena, "id, version, %s", page->sort->column).ptr : "id, version";
}

enum store_code list_answer(struct call *call, struct db *db, const struct shape *shape)
{
	struct list list = { .call = call, .db = db, .shape = shape };
	struct query query;
	struct json_out json;
	int64_t total = -1;
	if (!list_read(call, shape, &list.wish))
		return STORE_REFUSED;
	list.out = record_out_for(call, &json);
	list.day = date_to_days(date_of_ms(clock_now_ms(store_clock(call->app->store))));
	list.out.brief = !list.out.fields;
	list.record = arena_take_raw(call->arena, shape->resource->size);
	record_blank(shape, list.record);
	choose_columns(&list);
	if (!list_query(&query, db, call, &list.wish, list.columns))
		return STORE_REFUSED;
	if (call_param(call, "total").ptr) {
		enum store_code code = count_all(call, db, &list.wish, &total);
		if (code != STORE_OK)
			return code;
	}
	if (!call->out.ptr) /* at once about as large as it becomes, instead of by doubling */
		call->out = buf_in(call->arena, 1024 + (size_t)list.wish.page.limit * RECORD_BYTES, ANSWER_BYTES_MAX);
	json = call_json(call, 200);
	json_begin_object(&json);
	if (total >= 0)
		JSON_INT(&json, "total", total);
	enum store_code code = write_items(&list, &query);
	json_end_object(&json);
	return code;
}

/* ---- what was found otherwise ---- */

bool list_cursor(struct call *call, const struct shape *shape, struct text cursor, int64_t *after)
{
	struct list_page page = { .sort_text = shape->slots[0].name };
	bool fine = read_cursor(call, cursor, &page);
	*after = page.after_id;
	return fine;
}

enum store_code list_found(struct call *call, struct db *db, const struct shape *shape, struct query *query, int64_t limit,
                           int64_t *count, bool *more)
{
	struct json_out json = call_json(call, 200);
	struct list list = { .call = call, .db = db, .shape = shape,
	                     .wish.page = { .sort_text = shape->slots[0].name, .limit = limit } };
	list.out = record_out_for(call, &json);
	list.out.fields = NULL;
	list.out.brief = true;
	list.record = arena_take_raw(call->arena, shape->resource->size);
	record_blank(shape, list.record);
	json_begin_object(&json);
	enum store_code code = write_items(&list, query);
	json_end_object(&json);
	*count = list.written;
	*more = list.more;
	return code;
}

/* ---- in the journal ---- */

static void put_clear(struct json_out *json, const struct list_taken *taken)
{
	json_key(json, TEXT("clear"));
	json_begin_array(json);
	for (size_t i = 0; i < taken->slot_count; i++)
		if (taken->slots[i]->box_column)
			json_put_text(json, taken->slots[i]->name);
	json_end_array(json);
}

enum store_code list_note(struct tx *tx, struct call *call, const struct list_taken *taken)
{
	const struct actor *actor = &call->actor;
	struct buf detail = buf_in(call->arena, 1024, 2 * FILTER_BYTES_MAX), names = buf_in(call->arena, 256, 8192);
	struct json_out json = json_out(&detail);
	json_begin_object(&json);
	json_key(&json, TEXT("fields"));
	json_begin_array(&json);
	for (size_t i = 0; i < taken->slot_count; i++) {
		json_put_text(&json, taken->slots[i]->name);
		buf_text(&names, i ? TEXT(",") : TEXT(""));
		buf_text(&names, taken->slots[i]->name);
	}
	json_end_array(&json);
	if (taken->clear)
		put_clear(&json, taken);
	if (taken->reason.ptr)
		JSON_TEXT(&json, "reason", taken->reason);
	if (taken->filter.ptr)
		json_member_raw(&json, TEXT("filter"), taken->filter);
	JSON_INT(&json, "count", taken->count);
	json_end_object(&json);
	/* Who has several areas took it out of all of them: its line lies in none. */
	int64_t area = actor->area_count == 1 ? actor->areas[0] : 0;
	return journal_write(tx, actor, &(struct journal_line){ .action = taken->action,
		.resource = text_of(call->route->shape->resource->name), .places = { .area = area, .organization = actor->organization },
		.fields = buf_done(&names), .detail = buf_done(&detail) });
}
