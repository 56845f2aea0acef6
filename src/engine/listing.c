/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c - a page of records: filter, sort, cursor, limit, selected fields. */
#include "engine/listing.h"

#include "base/check.h"
#include "base/crypto.h"
#include "engine/app.h"
#include "engine/shown.h"

#include <assert.h>
#include <string.h>

enum { LIMIT_DEFAULT = 20, LIMIT_MAX = 200, FILTER_BYTES_MAX = 8192, FIELDS_MAX = 64, RECORD_BYTES = 640, SHOWN_LIMIT = 50 };

/* ---- records ---- */

static bool wanted(const struct record_out *out, struct text name)
{
	if (!out->fields)
		return true;
	for (size_t i = 0; i < out->field_count; i++)
		if (text_eq(out->fields[i], name))
			return true;
	return false;
}

void record_text(struct record_out *out, struct text name, struct text value)
{
	if (wanted(out, name))
		json_member_text(out->json, name, value);
}

void record_number(struct record_out *out, struct text name, struct text number)
{
	char masked[MASKED_NUMBER_SIZE];
	if (number.ptr)
		mask_number(number, masked);
	record_text(out, name, number.ptr ? text_of(masked) : TEXT_NONE);
}

void record_phone(struct record_out *out, struct text name, struct text phone)
{
	char masked[PHONE_SIZE];
	if (phone.ptr)
		mask_phone(phone, masked);
	record_text(out, name, phone.ptr ? text_of(masked) : TEXT_NONE);
}

void record_int(struct record_out *out, struct text name, int64_t value)
{
	if (wanted(out, name))
		json_member_int(out->json, name, value);
}

void record_id(struct record_out *out, struct text name, int64_t value)
{
	if (wanted(out, name))
		json_member_id(out->json, name, value);
}

void record_raw(struct record_out *out, struct text name, struct text json)
{
	if (wanted(out, name))
		json_member_raw(out->json, name, json.ptr ? json : TEXT("null"));
}

void record_instant(struct record_out *out, struct text name, int64_t at_ms)
{
	if (!wanted(out, name))
		return;
	if (at_ms)
		json_member_instant(out->json, name, at_ms);
	else
		json_member_null(out->json, name);
}

void record_point(struct record_out *out, struct text name, double lat, double lon)
{
	if (!wanted(out, name))
		return;
	if (lat == 0.0 && lon == 0.0) {
		json_member_null(out->json, name);
		return;
	}
	json_key(out->json, name);
	json_begin_object(out->json);
	json_member_real(out->json, TEXT("lat"), lat);
	json_member_real(out->json, TEXT("lon"), lon);
	json_end_object(out->json);
}

struct record_out record_of(struct call *call, struct json_out *json)
{
	struct record_out out = { .json = json };
	struct text rest = call_param(call, "fields");
	if (!rest.ptr)
		return out;
	struct text *fields = arena_take(call->arena, FIELDS_MAX * sizeof *fields);
	while (rest.len > 0 && out.field_count < FIELDS_MAX) {
		const char *comma = memchr(rest.ptr, ',', rest.len);
		size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
		fields[out.field_count++] = text_trim((struct text){ rest.ptr, len });
		len += comma ? 1 : 0;
		rest.ptr += len;
		rest.len -= len;
	}
	out.fields = fields;
	return out;
}

/* ---- the filter: JsonLogic form, compiled to bound SQL ---- */

static const struct list_field *field_find(const struct list_spec *spec, struct text name)
{
	for (size_t i = 0; i < spec->field_count; i++)
		if (text_is(name, spec->fields[i].name))
			return &spec->fields[i];
	return NULL;
}

static const struct list_field *variable(const struct list_spec *spec, const json_t *node)
{
	if (!json_is_object(node) || json_object_size(node) != 1)
		return NULL;
	return field_find(spec, json_text_of(json_object_get(node, "var")));
}

/* A literal of exactly the field's type. */
static bool literal(const struct list_field *field, const json_t *node, struct value *value)
{
	struct text text = json_text_of(node);
	struct date day;
	int64_t number;
	switch (field->type) {
	case LIST_INT:
		*value = value_int(json_integer_value(node));
		return json_is_integer(node);
	case LIST_TEXT:
		*value = value_text(text);
		return text.ptr != NULL;
	case LIST_DATE:
		*value = value_text(text);
		return text.ptr && date_read(text, &day);
	case LIST_AREA:
	case LIST_ID:
		if (!text.ptr || !(field->type == LIST_AREA ? area_read(text, &number) : id_read(text, &number)))
			return false;
		*value = value_int(number);
		return true;
	}
	return false;
}

static bool compile(struct query *query, const struct list_spec *spec, json_t *node);

static bool compile_list(struct query *query, const struct list_spec *spec, json_t *nodes, const char *between)
{
	if (!json_is_array(nodes) || json_array_size(nodes) == 0)
		return false;
	for (size_t i = 0; i < json_array_size(nodes); i++) {
		query_sql(query, i == 0 ? "(" : between);
		if (query->overflow || query->text.overflow || !compile(query, spec, json_array_get(nodes, i)))
			return false;
	}
	query_sql(query, ")");
	return true;
}

static bool compile_in(struct query *query, const struct list_field *field, json_t *values)
{
	if (!json_is_array(values) || json_array_size(values) == 0)
		return false;
	query_sql(query, field->column);
	for (size_t i = 0; i < json_array_size(values); i++) {
		struct value value;
		if (query->overflow || !literal(field, json_array_get(values, i), &value))
			return false;
		query_sql(query, i == 0 ? " IN (" : ", ");
		query_value(query, value);
	}
	query_sql(query, ")");
	return true;
}

static bool compile_within(struct query *query, const struct list_field *field, const json_t *node)
{
	struct value value;
	if (field->type != LIST_AREA || !literal(field, node, &value))
		return false;
	query_sql(query, field->column);
	query_sql(query, " BETWEEN ");
	query_value(query, value);
	query_sql(query, " AND ");
	query_value(query, value_int(area_last(value.integer)));
	return true;
}

static bool compile_comparison(struct query *query, const struct list_spec *spec, const char *op, json_t *args)
{
	static const char *const pairs[][2] = { { "==", " = " }, { "!=", " <> " }, { "<", " < " },
		                                { "<=", " <= " }, { ">", " > " },   { ">=", " >= " } };
	const struct list_field *field = json_array_size(args) == 2 ? variable(spec, json_array_get(args, 0)) : NULL;
	json_t *right = json_array_get(args, 1);
	struct value value;
	if (!field)
		return false;
	if (strcmp(op, "in") == 0)
		return compile_in(query, field, right);
	if (strcmp(op, "within") == 0)
		return compile_within(query, field, right);
	for (size_t i = 0; i < COUNT(pairs); i++) {
		if (strcmp(op, pairs[i][0]) != 0)
			continue;
		if (!literal(field, right, &value))
			return false;
		/* Two-valued: a comparison with a missing value is false, its negation true. */
		query_sql(query, i == 1 ? "(" : "");
		query_sql(query, field->column);
		query_sql(query, i == 1 ? " = " : pairs[i][1]);
		query_value(query, value);
		query_sql(query, i == 1 ? ") IS NOT TRUE" : "");
		return true;
	}
	return false;
}

static bool compile(struct query *query, const struct list_spec *spec, json_t *node)
{
	if (!json_is_object(node) || json_object_size(node) != 1)
		return false;
	const char *op = json_object_iter_key(json_object_iter(node));
	json_t *args = json_object_get(node, op);
	if (strcmp(op, "and") == 0)
		return compile_list(query, spec, args, " AND ");
	if (strcmp(op, "or") == 0)
		return compile_list(query, spec, args, " OR ");
	if (strcmp(op, "!") == 0) {
		query_sql(query, "(");
		bool fine = (!json_is_array(args) || json_array_size(args) == 1) &&
		            compile(query, spec, json_is_array(args) ? json_array_get(args, 0) : args);
		query_sql(query, ") IS NOT TRUE");
		return fine;
	}
	return compile_comparison(query, spec, op, args);
}

static bool add_filter(struct query *query, struct call *call, const struct list_spec *spec)
{
	struct text source = call_param(call, "filter");
	json_t *filter = NULL;
	if (!source.ptr)
		return true;
	bool fine = source.len <= FILTER_BYTES_MAX && json_read(source, BODY_DEPTH_MAX, &filter) == JSON_FINE;
	if (fine) {
		query_sql(query, " AND ");
		fine = compile(query, spec, filter) && !query->overflow && !query->text.overflow;
	}
	/* Texts of the filter are bound when the statement starts: they must live as long as the call. */
	for (size_t i = 0; i < query->count; i++)
		if (query->values[i].type == VALUE_TEXT)
			query->values[i].text = text_copy(call->arena, query->values[i].text);
	json_decref(filter);
	if (!fine)
		call_problem_detail(call, PROBLEM_BAD_FILTER,
			TEXT("筛选条件须为 JsonLogic 形式，只能用已声明的字段和相应类型的值"),
			TEXT("A filter is in JsonLogic form, over declared fields, with values of their type"));
	return fine;
}

/* ---- sort and cursor ---- */

struct page {
	const struct list_field *sort; /* NULL: by id alone */
	bool down;
	struct text sort_text; /* as the outside wrote it */
	int64_t limit;
	struct value after; /* of the sort column */
	int64_t after_id; /* 0: the first page */
};

static bool bad_parameter(struct call *call, const char *zh, const char *en)
{
	call_problem_detail(call, PROBLEM_BAD_REQUEST, text_of(zh), text_of(en));
	return false;
}

static bool read_sort(struct call *call, const struct list_spec *spec, struct page *page)
{
	struct text sort = call_param(call, "sort");
	page->sort_text = sort.ptr ? sort : text_of(spec->order);
	struct text name = page->sort_text;
	page->down = text_starts(name, TEXT("-"));
	if (page->down) {
		name.ptr++;
		name.len--;
	}
	if (text_is(name, "id"))
		return true;
	page->sort = field_find(spec, name);
	return (page->sort && page->sort->sorts) || bad_parameter(call, "不能按此字段排序", "The list cannot be sorted by this field");
}

/* The cursor is the sort, the last row's value and its id, so it fits only the list it came from. */
static struct text write_cursor(struct arena *arena, const struct page *page, struct value last, int64_t id)
{
	struct text value = last.type == VALUE_TEXT ? last.text : text_printf(arena, "%lld", (long long)last.integer);
	struct text plain = text_printf(arena, "%.*s\n%.*s\n%lld", TEXT_ARG(page->sort_text), TEXT_ARG(value), (long long)id);
	return base64url(arena, plain);
}

static bool read_cursor(struct call *call, struct page *page)
{
	struct text cursor = call_param(call, "cursor"), plain;
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
	bool text_sort = page->sort && (page->sort->type == LIST_TEXT || page->sort->type == LIST_DATE);
	int64_t number = 0;
	if (!id_read(id, &page->after_id) || (page->sort && !text_sort && !text_to_int(value, INT64_MAX, &number)))
		goto bad;
	page->after = text_sort ? value_text(value) : value_int(number);
	return true;
bad:
	call_problem(call, PROBLEM_BAD_CURSOR);
	return false;
}

static bool read_page(struct call *call, const struct list_spec *spec, struct page *page)
{
	struct text limit = call_param(call, "limit");
	*page = (struct page){ .limit = LIMIT_DEFAULT };
	if (limit.ptr && (!text_to_int(limit, LIMIT_MAX, &page->limit) || page->limit < 1))
		return bad_parameter(call, "limit 应在 1 到 200 之间", "limit is between 1 and 200");
	return read_sort(call, spec, page) && read_cursor(call, page);
}

/* ---- the statement ---- */

static void add_conditions(struct query *query, struct call *call, const struct list_spec *spec)
{
	query_sql(query, " FROM ");
	query_sql(query, spec->from);
	query_sql(query, " WHERE district = ");
	query_value(query, value_int(call->actor.district));
	if (spec->area_column)
		scope_condition(query, &call->actor, spec->area_column, spec->second_area_column);
	if (spec->where) {
		query_sql(query, " AND ");
		query_sql(query, spec->where);
	}
}

static void add_order(struct query *query, const struct list_spec *spec, const struct page *page)
{
	const char *than = page->down ? " < " : " > ", *direction = page->down ? " DESC" : "";
	if (page->after_id && page->sort) {
		query_sql(query, " AND (");
		query_sql(query, page->sort->column);
		query_sql(query, ", ");
		query_sql(query, spec->id_column);
		query_sql(query, ")");
		query_sql(query, than);
		query_sql(query, "(");
		query_value(query, page->after);
		query_sql(query, ", ");
		query_value(query, value_int(page->after_id));
		query_sql(query, ")");
	} else if (page->after_id) {
		query_sql(query, " AND ");
		query_sql(query, spec->id_column);
		query_sql(query, than);
		query_value(query, value_int(page->after_id));
	}
	query_sql(query, " ORDER BY ");
	if (page->sort) {
		query_sql(query, page->sort->column);
		query_sql(query, direction);
		query_sql(query, ", ");
	}
	query_sql(query, spec->id_column);
	query_sql(query, direction);
	query_sql(query, " LIMIT ");
	query_value(query, value_int(page->limit + 1));
}

static enum store_code count_all(struct call *call, struct db *db, const struct list_spec *spec, int64_t *total)
{
	struct query query;
	query_start(&query, call->arena);
	query_sql(&query, "SELECT count(*)");
	add_conditions(&query, call, spec);
	if (!add_filter(&query, call, spec))
		return STORE_REFUSED;
	struct rows *rows = query_run(&query, db);
	*total = rows_next(rows) ? rows_int(rows, 0) : 0;
	return rows_end(rows);
}

/* A list being answered: what it is of, how a row is written, and from which columns. */
struct list {
	struct call *call;
	struct db *db;
	const struct list_spec *spec;
	struct page page;
	const char *columns;
	bool through_shown; /* rows are only id, version and what they are sorted by: the rest is often known from before */
	struct record_out out;
	void (*write)(const struct rows *rows, struct record_out *out);
};

static int column_of(const char *columns, const char *name)
{
	int at = 0;
	size_t len = strlen(name);
	for (const char *c = columns; c; c = strchr(c, ','), at++) {
		c += strspn(c, ", ");
		if (strncmp(c, name, len) == 0 && (c[len] == ',' || c[len] == 0))
			return at;
	}
	assert(!"the list answers the column");
	return -1;
}

static void write_record(struct list *list, const struct rows *rows)
{
	json_begin_object(list->out.json);
	list->write(rows, &list->out);
	json_end_object(list->out.json);
}

/* The record of a row that has only its id and version. */
static void write_shown(struct list *list, const struct rows *row)
{
	int64_t id = rows_int(row, 0), version = rows_int(row, 1);
	struct json_out *json = list->out.json;
	struct query query;
	if (shown_put(list->call->app->shown, id, version, json))
		return;
	query_start(&query, list->call->arena);
	query_sql(&query, "SELECT ");
	query_sql(&query, list->spec->columns);
	query_sql(&query, " FROM ");
	query_sql(&query, list->spec->from);
	query_sql(&query, " WHERE district = ");
	query_value(&query, value_int(list->call->actor.district));
	query_sql(&query, " AND id = ");
	query_value(&query, value_int(id));
	struct rows *rows = query_run(&query, list->db);
	if (rows_next(rows)) {
		size_t begin = json->buf->len + (json->comma ? 1 : 0);
		write_record(list, rows);
		if (!json->buf->overflow)
			shown_keep(list->call->app->shown, id, version,
			           (struct text){ json->buf->ptr + begin, json->buf->len - begin });
	}
	rows_end(rows); /* what went wrong stays in db_code */
}

static enum store_code write_items(struct list *list, struct query *query)
{
	const struct page *page = &list->page;
	struct json_out *json = list->out.json;
	struct text next = TEXT_NONE;
	int id_column = column_of(list->columns, list->spec->id_column);
	int sort_column = page->sort ? column_of(list->columns, page->sort->column) : id_column;
	bool text_sort = page->sort && (page->sort->type == LIST_TEXT || page->sort->type == LIST_DATE);
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
		if (count == page->limit)
			next = write_cursor(list->call->arena, page,
				text_sort ? value_text(rows_text(rows, sort_column)) : value_int(rows_int(rows, sort_column)),
				rows_int(rows, id_column));
	}
	json_end_array(json);
	JSON_TEXT(json, "next", count > page->limit ? next : TEXT_NONE);
	return rows_end(rows);
}

/* Only short pages, which are those that people look at: who walks through all rows would push them out. On PostgreSQL a
 * second statement would cost more than it saves. */
static void choose_columns(struct list *list)
{
	const struct page *page = &list->page;
	list->through_shown = list->spec->versioned && page->limit <= SHOWN_LIMIT && !list->out.fields && !db_is_postgres(list->db);
	list->columns = list->spec->columns;
	if (list->through_shown)
		list->columns = page->sort ? text_printf(list->call->arena, "id, version, %s", page->sort->column).ptr : "id, version";
}

enum store_code list_answer(struct call *call, struct db *db, const struct list_spec *spec,
                            void (*write)(const struct rows *rows, struct record_out *out))
{
	struct list list = { .call = call, .db = db, .spec = spec, .write = write };
	struct query query;
	struct json_out json;
	int64_t total = -1;
	if (!read_page(call, spec, &list.page))
		return STORE_REFUSED;
	list.out = record_of(call, &json);
	choose_columns(&list);
	query_start(&query, call->arena);
	query_sql(&query, "SELECT ");
	query_sql(&query, list.columns);
	add_conditions(&query, call, spec);
	if (!add_filter(&query, call, spec))
		return STORE_REFUSED;
	add_order(&query, spec, &list.page);
	if (query.overflow || query.text.overflow)
		return call_problem(call, PROBLEM_BAD_FILTER);
	if (call_param(call, "total").ptr) {
		enum store_code code = count_all(call, db, spec, &total);
		if (code != STORE_OK)
			return code;
	}
	if (!call->out.ptr) /* at once about as large as it becomes, instead of by doubling */
		call->out = buf_in(call->arena, 1024 + (size_t)list.page.limit * RECORD_BYTES, ANSWER_BYTES_MAX);
	json = call_json(call, 200);
	json_begin_object(&json);
	if (total >= 0)
		JSON_INT(&json, "total", total);
	enum store_code code = write_items(&list, &query);
	json_end_object(&json);
	return code;
}
