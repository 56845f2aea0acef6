/* SPDX-License-Identifier: Apache-2.0 */
/* describe_openapi.c - OpenAPI 3.1 of every route. */
#include "engine/describe.h"

#include "engine/file_store.h"
#include "engine/filter.h"

#include <string.h>

#define REF "#/components/"
#define SYSTEM_TAG "system"

/* ---- parameters ---- */

static void refer(struct json_out *json, const char *ref)
{
	put_ref(json, text_of(ref));
}

static void begin_parameter(struct json_out *json, const char *name, const char *in, const char *zh, bool required)
{
	json_begin_object(json);
	JSON_TEXT(json, "name", text_of(name));
	JSON_TEXT(json, "in", text_of(in));
	JSON_TEXT(json, "description", text_of(zh));
	JSON_BOOL(json, "required", required);
}

/* The names that `sort` or `fields` may have, as an enumeration. */
static void put_names(struct json_out *json, const struct shape *shape, bool sort)
{
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("string"));
	json_key(json, TEXT("enum"));
	json_begin_array(json);
	for (size_t i = 0; i < shape->slot_count; i++) {
		const struct slot *slot = &shape->slots[i];
		if (!slot_is_shown(slot) || (sort && i > 0 && !(slot->field->flags & SORT)))
			continue;
		json_put_text(json, slot->name);
		if (sort)
			json_put_text(json, text_printf(json->buf->arena, "-%s", slot->name.ptr));
	}
	for (size_t i = 0; !sort && i < shape->resource->derived_count; i++)
		json_put_text(json, text_of(shape->resource->derived[i].name));
	json_end_array(json);
	json_end_object(json);
}

static void fields_parameter(struct json_out *json, const struct shape *shape)
{
	begin_parameter(json, "fields", "query", "只要这些字段", false);
	JSON_TEXT(json, "style", TEXT("form"));
	JSON_BOOL(json, "explode", false);
	json_key(json, TEXT("schema"));
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("array"));
	json_key(json, TEXT("items"));
	put_names(json, shape, false);
	json_end_object(json);
	json_end_object(json);
}

static void list_parameters(struct json_out *json, const struct shape *shape)
{
	struct buf names = buf_in(json->buf->arena, 256, 8192);
	for (size_t i = 0; i < shape->slot_count; i++)
		if (slot_is_shown(&shape->slots[i]) && filter_operator_of(shape->slots[i].field, 0))
			buf_printf(&names, " %s", shape->slots[i].field->name);
	begin_parameter(json, "filter", "query", text_printf(json->buf->arena, "筛选条件，可用字段：%.*s", TEXT_ARG(buf_done(&names))).ptr, false);
	json_member_raw(json, TEXT("content"), TEXT("{\"application/json\":{\"schema\":{\"$ref\":\"" REF "schemas/Filter\"}}}"));
	json_end_object(json);
	begin_parameter(json, "sort", "query", "排序字段，前面加 - 为倒序", false);
	json_key(json, TEXT("schema"));
	put_names(json, shape, true);
	json_end_object(json);
	fields_parameter(json, shape);
}

static void own_parameters(struct json_out *json, const struct route *route)
{
	size_t count;
	const struct field *params = route_params(json->buf->arena, route, &count);
	for (size_t i = 0; i < count; i++) {
		const struct field *field = &params[i];
		begin_parameter(json, field->name, "query", field->label, field->flags & MUST);
		json_key(json, TEXT("schema"));
		schema_of_field(json, json->buf->arena, field, TAKEN);
		json_end_object(json);
	}
}

static void parameters(struct json_out *json, const struct route *route)
{
	static const char *const page_parameters[] = { REF "parameters/Cursor", REF "parameters/Limit", REF "parameters/Total" };
	const struct about *about = route->about;
	bool pages = about->gives == BODY_PAGE && route->method == METHOD_GET;
	json_key(json, TEXT("parameters"));
	json_begin_array(json);
	if (strchr(route->path, '{'))
		refer(json, REF "parameters/Id");
	if (pages || about->lists)
		list_parameters(json, route->shape);
	for (size_t i = 0; pages && i < COUNT(page_parameters); i++)
		refer(json, page_parameters[i]);
	if (about->gives == BODY_PART && route->method == METHOD_GET)
		fields_parameter(json, route->shape);
	own_parameters(json, route);
	if (about->if_match)
		refer(json, REF "parameters/IfMatch");
	if (route->method == METHOD_POST && route->kind == ROUTE_COMMAND)
		refer(json, REF "parameters/IdempotencyKey");
	if (route->kind == ROUTE_STREAM)
		refer(json, REF "parameters/LastEventId");
	json_end_array(json);
}

/* ---- bodies ---- */

static void clear_schema(struct json_out *json, const struct shape *shape)
{
	json_begin_object(json);
	JSON_TEXT(json, "type", TEXT("object"));
	json_key(json, TEXT("properties"));
	json_begin_object(json);
	for (size_t i = 0; i < shape->slot_count; i++) {
		if (!shape->slots[i].box_column)
			continue;
		json_key(json, shape->slots[i].name);
		json_begin_object(json);
		JSON_TEXT(json, "title", text_of(shape->slots[i].field->label));
		json_member_raw(json, TEXT("type"), shape->slots[i].field->type == FIELD_answers ? TEXT("[\"object\",\"null\"]")
		                                                                            : TEXT("[\"string\",\"null\"]"));
		json_end_object(json);
	}
	json_end_object(json);
	JSON_BOOL(json, "additionalProperties", false);
	json_end_object(json);
}

static void body_schema(struct json_out *json, const struct route *route, enum body body, const struct members *members, enum use use)
{
	static const char *const behind[BODIES] = { [BODY_CREATE] = "Create", [BODY_CHANGE] = "Change", [BODY_RECORD] = "",
		                                    [BODY_PART] = "Part", [BODY_PAGE] = "Page" };
	if (behind[body]) {
		put_ref(json, schema_ref(json->buf->arena, route->shape, behind[body]));
	} else if (body == BODY_MEMBERS) {
		schema_of_members(json, json->buf->arena, members, use);
	} else if (body == BODY_CLEAR) {
		clear_schema(json, route->shape);
	} else {
		json_begin_object(json);
		JSON_TEXT(json, "type", body == BODY_OBJECT ? TEXT("object") : TEXT("string"));
		json_end_object(json);
	}
}

static void content(struct json_out *json, const struct route *route, enum body body, const struct members *members, enum use use)
{
	static const char *const types[BODIES][4] = {
		[BODY_CHANGE] = { "application/merge-patch+json", "application/json" }, [BODY_TABLE] = { "text/csv", XLSX_TYPE },
		[BODY_LISTED] = { "text/csv", XLSX_TYPE, "application/x-ndjson" },
		[BODY_HTML] = { "text/html" }, [BODY_PLAIN] = { "text/plain" }, [BODY_EVENTS] = { "text/event-stream" },
	};
	static const char *const json_type[] = { "application/json", NULL };
	const char *const *type = body == BODY_FILE ? file_types : types[body][0] ? types[body] : json_type;
	json_key(json, TEXT("content"));
	json_begin_object(json);
	for (; *type; type++) {
		json_key(json, text_of(*type));
		json_begin_object(json);
		json_key(json, TEXT("schema"));
		body_schema(json, route, body, members, use);
		json_end_object(json);
	}
	json_end_object(json);
}

static void request_body(struct json_out *json, const struct route *route)
{
	if (route->about->takes == BODY_NONE)
		return;
	json_key(json, TEXT("requestBody"));
	json_begin_object(json);
	JSON_BOOL(json, "required", true);
	content(json, route, route->about->takes, &route->about->in, TAKEN);
	json_end_object(json);
}

/* ---- answers ---- */

static void put_header(struct json_out *json, const char *header, const char *component)
{
	json_key(json, text_of(header));
	put_ref(json, text_printf(json->buf->arena, REF "headers/%s", component));
}

static void answer_headers(struct json_out *json, const struct route *route, int status)
{
	const struct about *about = route->about;
	bool made = (about->status == 201 || about->status == 202) && (about->tagged || about->gives == BODY_RECORD);
	json_key(json, TEXT("headers"));
	json_begin_object(json);
	if (about->tagged || about->gives == BODY_RECORD || about->gives == BODY_PART)
		put_header(json, "ETag", "ETag");
	if (made || (about->later && status == 202))
		put_header(json, "Location", "Location");
	if (about->sets_cookie)
		put_header(json, "Set-Cookie", "SetCookie");
	if (route->method == METHOD_POST && route->kind == ROUTE_COMMAND)
		put_header(json, "Idempotency-Replayed", "IdempotencyReplayed");
	json_end_object(json);
}

static void answer(struct json_out *json, const struct route *route, int status)
{
	json_key(json, text_printf(json->buf->arena, "%d", status));
	json_begin_object(json);
	JSON_TEXT(json, "description", status == 201   ? TEXT("已建立")
	                               : status == 202 ? TEXT("已受理")
	                               : status == 204 ? TEXT("完成，没有内容")
	                                               : TEXT("成功"));
	answer_headers(json, route, status);
	if (status != 204)
		content(json, route, route->about->gives, &route->about->out, TOLD);
	json_end_object(json);
}

/* All that `may` be answered with this status. */
static void problem_answer(struct json_out *json, int status, const bool may[PROBLEM_COUNT])
{
	struct buf words = buf_in(json->buf->arena, 256, 4096);
	for (size_t i = 1; i < PROBLEM_COUNT; i++)
		if (may[i] && problem_rows[i].status == status)
			buf_printf(&words, "%s%s", words.len ? "；" : "", problem_rows[i].zh);
	json_key(json, text_printf(json->buf->arena, "%d", status));
	json_begin_object(json);
	JSON_TEXT(json, "description", buf_done(&words));
	if (status == 429 || status == 503) {
		json_key(json, TEXT("headers"));
		json_begin_object(json);
		put_header(json, "Retry-After", "RetryAfter");
		json_end_object(json);
	}
	json_key(json, TEXT("content"));
	json_begin_object(json);
	json_key(json, TEXT("application/problem+json"));
	json_begin_object(json);
	json_key(json, TEXT("schema"));
	json_begin_object(json);
	JSON_TEXT(json, "$ref", TEXT(REF "schemas/Problem"));
	json_key(json, TEXT("properties"));
	json_begin_object(json);
	json_key(json, TEXT("code"));
	json_begin_object(json);
	json_key(json, TEXT("enum"));
	json_begin_array(json);
	for (size_t i = 1; i < PROBLEM_COUNT; i++)
		if (may[i] && problem_rows[i].status == status)
			json_put_text(json, text_of(problem_rows[i].code));
	json_end_array(json);
	for (int i = 0; i < 6; i++)
		json_end_object(json);
}

static void responses(struct json_out *json, const struct route *route)
{
	bool may[PROBLEM_COUNT];
	route_problems(route, may);
	json_key(json, TEXT("responses"));
	json_begin_object(json);
	answer(json, route, route_status(route));
	if (route->about->later)
		answer(json, route, 202);
	for (size_t i = 1; i < PROBLEM_COUNT; i++) { /* the rows are in the order of their status */
		bool first = may[i];
		for (size_t before = 1; before < i && first; before++)
			first = !may[before] || problem_rows[before].status != problem_rows[i].status;
		if (first)
			problem_answer(json, problem_rows[i].status, may);
	}
	json_end_object(json);
}

/* ---- paths ---- */

static void put_operation(struct json_out *json, const struct route *route)
{
	static const char *const methods[] = { "get", "post", "patch", "delete" };
	struct arena *arena = json->buf->arena;
	json_key(json, text_of(methods[route->method]));
	json_begin_object(json);
	JSON_TEXT(json, "operationId", route_id(arena, route));
	JSON_TEXT(json, "summary", route_summary(arena, route, false));
	JSON_TEXT(json, "x-summary-en", route_summary(arena, route, true));
	if (route->permission)
		JSON_TEXT(json, "x-permission", text_of(route->permission));
	json_key(json, TEXT("tags"));
	json_begin_array(json);
	json_put_text(json, text_of(route->shape ? route->shape->resource->name : SYSTEM_TAG));
	json_end_array(json);
	if (route->open || route->in_person)
		json_member_raw(json, TEXT("security"), route->open ? TEXT("[]") : TEXT("[{\"cookie\":[]},{\"secure_cookie\":[]}]"));
	parameters(json, route);
	request_body(json, route);
	responses(json, route);
	json_end_object(json);
}

static void paths(struct json_out *json, const struct app *app)
{
	json_key(json, TEXT("paths"));
	json_begin_object(json);
	for (size_t i = 0; i < app->route_count; i++) {
		const char *path = app->routes[i].path;
		bool first = true;
		for (size_t before = 0; before < i && first; before++)
			first = strcmp(app->routes[before].path, path) != 0;
		if (!first)
			continue;
		json_key(json, text_of(path));
		json_begin_object(json);
		for (size_t same = i; same < app->route_count; same++)
			if (strcmp(app->routes[same].path, path) == 0)
				put_operation(json, &app->routes[same]);
		json_end_object(json);
	}
	json_end_object(json);
}

static void tags(struct json_out *json, const struct app *app)
{
	json_key(json, TEXT("tags"));
	json_begin_array(json);
	for (size_t i = 0; i < app->shape_count; i++) {
		json_begin_object(json);
		JSON_TEXT(json, "name", text_of(app->shapes[i]->resource->name));
		JSON_TEXT(json, "description", text_of(app->shapes[i]->resource->label));
		json_end_object(json);
	}
	json_begin_object(json);
	JSON_TEXT(json, "name", TEXT(SYSTEM_TAG));
	JSON_TEXT(json, "description", TEXT("登录、账号、日志、运行"));
	json_end_object(json);
	json_end_array(json);
}

/* ---- what is said once ---- */

static const char head[] =
	"\"openapi\":\"3.1.0\",\"info\":{\"title\":\"松鹤 Songhe\",\"version\":\"1\",\"description\":\"区级智慧养老服务信息平台的接口。"
	"The API of a district's elderly-care platform; its rules are in docs/api.md.\",\"license\":{\"name\":\"Apache-2.0\","
	"\"identifier\":\"Apache-2.0\"}},\"servers\":[{\"url\":\"/\"}],\"security\":[{\"cookie\":[]},{\"secure_cookie\":[]},{\"token\":[]}]";

static const char shared[] =
	"\"securitySchemes\":{"
	"\"cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"songhe\",\"description\":\"on plain loopback\"},"
	"\"secure_cookie\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"__Host-songhe\",\"description\":\"under TLS\"},"
	"\"token\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"a program's token (POST /api/v1/tokens)\"}},"
	"\"parameters\":{"
	"\"Id\":{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\",\"pattern\":\"^[1-9][0-9]{0,18}$\"}},"
	"\"Cursor\":{\"name\":\"cursor\",\"in\":\"query\",\"description\":\"上一页的 next\","
	"\"schema\":{\"type\":\"string\",\"maxLength\":1024}},"
	"\"Limit\":{\"name\":\"limit\",\"in\":\"query\",\"schema\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":200,\"default\":20}},"
	"\"Total\":{\"name\":\"total\",\"in\":\"query\",\"description\":\"任意值：同时计数\",\"schema\":{\"type\":\"string\"}},"
	"\"IfMatch\":{\"name\":\"If-Match\",\"in\":\"header\",\"required\":true,\"description\":\"看到的版本（ETag）\","
	"\"schema\":{\"type\":\"string\"}},"
	"\"IdempotencyKey\":{\"name\":\"Idempotency-Key\",\"in\":\"header\","
	"\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200}},"
	"\"LastEventId\":{\"name\":\"Last-Event-ID\",\"in\":\"header\",\"schema\":{\"type\":\"string\",\"pattern\":\"^[0-9]+$\"}}},"
	"\"headers\":{"
	"\"ETag\":{\"required\":true,\"schema\":{\"type\":\"string\",\"pattern\":\"^\\\"[0-9]+\\\"$\"}},"
	"\"Location\":{\"required\":true,\"schema\":{\"type\":\"string\"}},"
	"\"SetCookie\":{\"required\":true,\"schema\":{\"type\":\"string\"}},"
	"\"IdempotencyReplayed\":{\"schema\":{\"type\":\"string\",\"enum\":[\"true\"]}},"
	"\"RetryAfter\":{\"schema\":{\"type\":\"integer\"}}}";

static void put_raw(struct json_out *json, const char *members)
{
	json_put_raw(json, text_of(members));
}

void describe_openapi(struct app *app, struct buf *out)
{
	struct json_out json = json_out(out);
	json_begin_object(&json);
	put_raw(&json, head);
	tags(&json, app);
	paths(&json, app);
	json_key(&json, TEXT("components"));
	json_begin_object(&json);
	put_raw(&json, shared);
	json_key(&json, TEXT("schemas"));
	json_begin_object(&json);
	for (size_t i = 0; i < app->shape_count; i++)
		schemas_of_resource(&json, app, app->shapes[i]);
	schemas_of_all(&json);
	json_end_object(&json);
	json_end_object(&json);
	json_end_object(&json);
	buf_char(out, '\n');
}
