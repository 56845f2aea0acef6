/* SPDX-License-Identifier: Apache-2.0 */
/* describe.c - what is declared as JSON, and who may do what as a table. */
#include "engine/describe.h"

#include "engine/filter.h"
#include "engine/record.h"
#include "engine/source.h"

#include <string.h>

const char *const method_names[] = { "GET", "POST", "PATCH", "DELETE" };
const char *const field_type_names[] = {
	[FIELD_text] = "text", [FIELD_word] = "word", [FIELD_words] = "words", [FIELD_tags] = "tags", [FIELD_integer] = "integer",
	[FIELD_money] = "money", [FIELD_decimal] = "decimal", [FIELD_boolean] = "boolean", [FIELD_date] = "date",
	[FIELD_instant] = "instant", [FIELD_ref] = "ref", [FIELD_refs] = "refs", [FIELD_point] = "point", [FIELD_area] = "area",
	[FIELD_id_card] = "id_card", [FIELD_uscc] = "uscc", [FIELD_phone] = "phone", [FIELD_file] = "file",
	[FIELD_answers] = "answers", [FIELD_object] = "object",
};
const char *const body_names[] = {
	[BODY_NONE] = "none", [BODY_MEMBERS] = "members", [BODY_CREATE] = "create", [BODY_CHANGE] = "change",
	[BODY_RECORD] = "record", [BODY_PART] = "part", [BODY_PAGE] = "page", [BODY_CLEAR] = "clear",
	[BODY_OBJECT] = "object", [BODY_TABLE] = "table", [BODY_LISTED] = "listed", [BODY_FILE] = "file",
	[BODY_HTML] = "html", [BODY_PLAIN] = "plain", [BODY_EVENTS] = "events",
};
_Static_assert(COUNT(field_type_names) == FIELD_TYPES + 1 && COUNT(body_names) == BODIES, "each has a name");
static const char *const bound_names[] = { [BOUND_AREA] = "area", [BOUND_ORGANIZATION] = "organization", [BOUND_OWN] = "own",
	                                   [BOUND_FAMILY] = "family" };

/* ---- of fields ---- */

struct text field_en(struct arena *arena, const struct field *field)
{
	struct text name = text_copy(arena, text_of(field->en ? field->en : field->name));
	char *at = (char *)(uintptr_t)name.ptr;
	for (size_t i = 0; i < name.len && !field->en; i++)
		at[i] = at[i] == '_' ? ' ' : at[i];
	return name;
}

const char *words_of(const struct field *field, size_t index)
{
	bool of_roles = (field->type == FIELD_word || field->type == FIELD_words) && field->to && strcmp(field->to, "role") == 0;
	if (of_roles)
		return index < role_count ? roles[index].name : NULL;
	return field->words ? field->words[index].word : NULL;
}

/* ---- of routes ---- */

struct text route_id(struct arena *arena, const struct route *route)
{
	if (!route->operation)
		return text_of(route->about->id);
	struct text id = text_printf(arena, "%s_%s", route->operation->en, route->shape->resource->name);
	char *at = (char *)(uintptr_t)id.ptr;
	for (size_t i = 0; i < id.len; i++)
		at[i] = at[i] == ' ' ? '_' : at[i];
	return id;
}

struct text route_summary(struct arena *arena, const struct route *route, bool en)
{
	const struct operation *o = route->operation;
	if (!o)
		return text_of(en ? route->about->en : route->about->zh);
	const struct resource *resource = route->shape->resource;
	return en ? text_printf(arena, "%s: %s", o->en, resource->en) : text_printf(arena, "%s：%s", o->zh, resource->label);
}

const struct field *route_params(struct arena *arena, const struct route *route, size_t *count)
{
	const struct about *about = route->about;
	struct field *params = arena_take(arena, (about->param_count + SYSTEM_SLOTS) * sizeof *params);
	*count = 0;
	for (size_t i = 0; i < about->param_count; i++)
		params[(*count)++] = about->params[i];
	for (size_t i = END_SLOTS; about->ends && i < SYSTEM_SLOTS; i++)
		params[(*count)++] = *route->shape->slots[i].field;
	return params;
}

int route_status(const struct route *route)
{
	return route->about->status ? route->about->status : 200;
}

static bool has_unique_field(const struct shape *shape)
{
	for (size_t i = 0; shape && i < shape->slot_count; i++)
		if (shape->slots[i].field->flags & UNIQUE)
			return true;
	return false;
}

/* What follows from the method, and from what is taken. */
static void problems_of_body(const struct route *route, bool may[PROBLEM_COUNT])
{
	const struct about *about = route->about;
	bool records = about->takes == BODY_CREATE || about->takes == BODY_CHANGE;
	if (route->method == METHOD_GET)
		return;
	may[PROBLEM_CROSS_SITE] = may[PROBLEM_TOO_LARGE] = may[PROBLEM_UNSUPPORTED_TYPE] = may[PROBLEM_STORAGE_FULL] = true;
	may[PROBLEM_MALFORMED_JSON] = about->takes != BODY_TABLE && about->takes != BODY_FILE;
	may[PROBLEM_INVALID] = about->takes != BODY_NONE || about->ends;
	may[PROBLEM_DUPLICATE] = may[PROBLEM_REGISTERED_ELSEWHERE] = records && has_unique_field(route->shape);
	for (const enum problem *problem = route->operation ? route->shape->resource->problems : NULL; problem && *problem; problem++)
		may[*problem] = true;
	may[PROBLEM_WRONG_STATE] = about->if_match && route->operation && route->shape->resource->flow;
	may[PROBLEM_KEY_REUSED] = route->method == METHOD_POST && route->kind == ROUTE_COMMAND;
}

void route_problems(const struct route *route, bool may[PROBLEM_COUNT])
{
	const struct about *about = route->about;
	memset(may, 0, PROBLEM_COUNT * sizeof *may);
	may[PROBLEM_BAD_REQUEST] = may[PROBLEM_URI_TOO_LONG] = may[PROBLEM_INTERNAL] = true;
	problems_of_body(route, may);
	if (!route->open) {
		may[PROBLEM_NOT_SIGNED_IN] = true;
		may[PROBLEM_RATE_LIMITED] = true; /* wrong tokens are counted */
		may[PROBLEM_PASSWORD_EXPIRED] = !(route->before >> DUTY_PASSWORD & 1);
		may[PROBLEM_SECOND_FACTOR_REQUIRED] = !(route->before >> DUTY_SECOND_FACTOR & 1);
	}
	if (!route->open || route->method != METHOD_GET)
		may[PROBLEM_UNAVAILABLE] = may[PROBLEM_TOO_SLOW] = true;
	if (route->permission || route->in_person)
		may[PROBLEM_FORBIDDEN] = true;
	if (strchr(route->path, '{'))
		may[PROBLEM_NOT_FOUND] = true;
	if (about->if_match)
		may[PROBLEM_IF_MATCH_NEEDED] = may[PROBLEM_STALE] = true;
	if (about->gives == BODY_PAGE || about->lists)
		may[PROBLEM_BAD_FILTER] = may[PROBLEM_BAD_CURSOR] = true;
	for (const enum problem *problem = about->problems; problem && *problem; problem++)
		may[*problem] = true;
}

/* A record is made where the role is tied to what it keeps, and not to the record itself, which is not there before. */
static bool makes_records(const struct route *route)
{
	return route->about->takes == BODY_CREATE || (route->about->takes == BODY_TABLE && route->shape);
}

const char *route_reach(const struct app *app, const struct route *route, const struct role *role)
{
	static const unsigned slots[] = { [BOUND_AREA] = 0, [BOUND_ORGANIZATION] = 2, [BOUND_OWN] = 3, [BOUND_FAMILY] = 4 };
	const struct permissions *granted = &app->access.of_role[role - roles];
	unsigned number = route->permission_number;
	if (route->open || !route->permission)
		return "yes";
	if (!(granted->bits[number / 64] >> number % 64 & 1))
		return "no";
	if (route->about->tie || !route->shape)
		return route->about->tie ? route->about->tie : "yes";
	bool tied = false;
	for (size_t i = 0; i < COUNT(route->shape->tie_slots); i++)
		tied = tied || route->shape->tie_slots[i];
	const struct slot *slot = route->shape->tie_slots[slots[role->bound]];
	if (!tied)
		return "yes";
	bool own = slot && slot->offset == 0 && !route->shape->resource->number;
	return !slot || (makes_records(route) && own) ? "no" : bound_names[role->bound];
}

/* ---- as JSON ---- */

/* The names in a list, which stand with `between` between them, as an array. */
static void put_list(struct json_out *json, const char *list, char between)
{
	const char stop[] = { between, 0 };
	json_begin_array(json);
	while (list && *list) {
		size_t len = strcspn(list, stop);
		if (len > 0)
			json_put_text(json, (struct text){ list, len });
		list += len + (list[len] ? 1 : 0);
	}
	json_end_array(json);
}

static void put_flags(struct json_out *json, const struct field *field)
{
	static const struct {
		const char *name;
		unsigned flag;
	} flags[] = { { "must", MUST }, { "sort", SORT }, { "index", INDEX }, { "unique", UNIQUE }, { "zero", ZERO },
		      { "health", HEALTH }, { "kept", KEPT }, { "search", SEARCH }, { "detail", DETAIL },
		      { "fixed", FIXED }, { "raw", RAW } };
	for (size_t i = 0; i < COUNT(flags); i++) {
		json_key(json, text_of(flags[i].name));
		json_put_bool(json, field->flags & flags[i].flag);
	}
	JSON_BOOL(json, "sealed", field->type != FIELD_object && field_is_sealed(field));
	json_key(json, TEXT("operators"));
	json_begin_array(json);
	for (size_t i = 0; filter_operator_of(field, i); i++)
		json_put_text(json, text_of(filter_operator_of(field, i)));
	json_end_array(json);
}

static void put_words(struct json_out *json, const char *key, const struct field *field)
{
	if (!words_of(field, 0))
		return;
	json_key(json, text_of(key));
	json_begin_array(json);
	for (size_t i = 0; words_of(field, i); i++) {
		json_begin_object(json);
		JSON_TEXT(json, "word", text_of(words_of(field, i)));
		JSON_TEXT(json, "zh", text_of(field->words ? field->words[i].zh : roles[i].zh));
		json_end_object(json);
	}
	json_end_array(json);
}

/* What a number or a text may be. */
static void put_limits(struct json_out *json, const struct field *field)
{
	bool is_number = field->type == FIELD_integer || field->type == FIELD_money || field->type == FIELD_decimal;
	if (field->type == FIELD_text)
		JSON_INT(json, "max", field->max ? field->max : 200);
	if (is_number)
		JSON_INT(json, "min", field->min);
	if (is_number && (field->min || field->max))
		JSON_INT(json, "max", field->max);
	if (field->type == FIELD_decimal)
		JSON_INT(json, "scale", field->scale);
}

static void put_fields(struct json_out *json, struct arena *arena, const struct field *const *fields, size_t count)
{
	json_begin_array(json);
	for (size_t i = 0; i < count; i++) {
		const struct field *field = fields[i];
		json_begin_object(json);
		JSON_TEXT(json, "name", text_of(field->name));
		JSON_TEXT(json, "type", text_of(field_type_names[field->type]));
		JSON_TEXT(json, "label", text_of(field->label));
		JSON_TEXT(json, "en", field_en(arena, field));
		put_flags(json, field);
		put_limits(json, field);
		put_words(json, "words", field);
		if (field->to)
			JSON_TEXT(json, "to", text_of(field->to));
		if (field->questionnaire)
			JSON_TEXT(json, "questionnaire", text_of(field->questionnaire));
		if (field->was)
			JSON_TEXT(json, "was", text_of(field->was));
		if (field->owner)
			JSON_TEXT(json, "owner", text_of(field->owner));
		json_key(json, TEXT("headers"));
		put_list(json, field->headers, '|');
		json_end_object(json);
	}
	json_end_array(json);
}

static void put_rows(struct json_out *json, struct arena *arena, const char *key, const struct field *rows, size_t count)
{
	const struct field **fields = arena_take(arena, (count + 1) * sizeof *fields);
	for (size_t i = 0; i < count; i++)
		fields[i] = &rows[i];
	json_key(json, text_of(key));
	put_fields(json, arena, fields, count);
}

static void put_ties(struct json_out *json, const struct ties *ties)
{
	json_key(json, TEXT("ties"));
	json_begin_object(json);
	JSON_TEXT(json, "area", text_of(ties->area));
	JSON_TEXT(json, "second_area", text_of(ties->second_area));
	JSON_TEXT(json, "organization", text_of(ties->organization));
	JSON_TEXT(json, "own", text_of(ties->own));
	JSON_TEXT(json, "family", text_of(ties->family));
	json_end_object(json);
}

static void put_resource(struct json_out *json, struct app *app, const struct shape *shape)
{
	const struct resource *r = shape->resource;
	const struct field **fields = arena_take(&app->arena, shape->slot_count * sizeof *fields);
	size_t count = 0;
	for (size_t i = 0; i < shape->slot_count; i++)
		if (slot_is_shown(&shape->slots[i]))
			fields[count++] = shape->slots[i].field;
	json_begin_object(json);
	JSON_TEXT(json, "name", text_of(r->name));
	JSON_TEXT(json, "plural", text_of(r->plural));
	JSON_TEXT(json, "label", text_of(r->label));
	JSON_TEXT(json, "en", text_of(r->en));
	JSON_TEXT(json, "path", text_of(shape->path));
	JSON_TEXT(json, "key", shape->slots[0].name);
	json_key(json, TEXT("fields"));
	put_fields(json, &app->arena, fields, count);
	put_rows(json, &app->arena, "derived", r->derived, r->derived_count);
	put_ties(json, &r->ties);
	json_key(json, TEXT("orders"));
	json_begin_array(json);
	for (const char *const *order = r->orders; order && *order; order++)
		put_list(json, *order, ' ');
	json_end_array(json);
	for (enum right right = 0; right < RIGHTS; right++)
		json_member_text(json, text_of(right_names[right]),
		                 shape->may[right] < PERMISSIONS_MAX ? text_of(app->access.names[shape->may[right]]) : TEXT_NONE);
	describe_flow_json(json, shape);
	json_end_object(json);
}

static void put_body(struct json_out *json, struct arena *arena, const char *key, enum body body, const struct members *members)
{
	json_key(json, text_of(key));
	json_begin_object(json);
	JSON_TEXT(json, "body", text_of(body_names[body]));
	if (body == BODY_MEMBERS) {
		JSON_BOOL(json, "by_field", members->by_field);
		put_rows(json, arena, "fields", members->fields, members->count);
		if (members->list) {
			JSON_TEXT(json, "list", text_of(members->list));
			if (members->second_list)
				JSON_TEXT(json, "second_list", text_of(members->second_list));
			put_rows(json, arena, "list_fields", members->list_fields, members->list_count);
		}
	}
	json_end_object(json);
}

static void put_operation(struct json_out *json, struct app *app, const struct route *route)
{
	const struct about *about = route->about;
	bool may[PROBLEM_COUNT];
	size_t param_count;
	route_problems(route, may);
	json_begin_object(json);
	JSON_TEXT(json, "id", route_id(&app->arena, route));
	JSON_TEXT(json, "method", text_of(method_names[route->method]));
	JSON_TEXT(json, "path", text_of(route->path));
	JSON_TEXT(json, "zh", route_summary(&app->arena, route, false));
	JSON_TEXT(json, "en", route_summary(&app->arena, route, true));
	JSON_TEXT(json, "resource", route->shape ? text_of(route->shape->resource->name) : TEXT_NONE);
	JSON_TEXT(json, "permission", text_of(route->permission));
	JSON_BOOL(json, "open", route->open);
	JSON_BOOL(json, "in_person", route->in_person);
	JSON_BOOL(json, "if_match", about->if_match);
	JSON_INT(json, "status", route_status(route));
	put_body(json, &app->arena, "takes", about->takes, &about->in);
	put_body(json, &app->arena, "gives", about->gives, &about->out);
	const struct field *params = route_params(&app->arena, route, &param_count);
	put_rows(json, &app->arena, "params", params, param_count);
	json_key(json, TEXT("problems"));
	json_begin_array(json);
	for (size_t i = 1; i < PROBLEM_COUNT; i++)
		if (may[i])
			json_put_text(json, text_of(problem_rows[i].code));
	json_end_array(json);
	json_key(json, TEXT("roles"));
	json_begin_object(json);
	for (size_t i = 0; i < role_count; i++)
		json_member_text(json, text_of(roles[i].name), text_of(route_reach(app, route, &roles[i])));
	json_end_object(json);
	json_end_object(json);
}

static void put_roles(struct json_out *json, const struct app *app)
{
	json_key(json, TEXT("roles"));
	json_begin_array(json);
	for (size_t i = 0; i < role_count; i++) {
		json_begin_object(json);
		JSON_TEXT(json, "name", text_of(roles[i].name));
		JSON_TEXT(json, "zh", text_of(roles[i].zh));
		JSON_TEXT(json, "en", text_of(roles[i].en));
		JSON_TEXT(json, "bound", text_of(bound_names[roles[i].bound]));
		json_key(json, TEXT("permissions"));
		json_begin_array(json);
		for (size_t n = 0; n < app->access.count; n++)
			if (app->access.of_role[i].bits[n / 64] >> n % 64 & 1)
				json_put_text(json, text_of(app->access.names[n]));
		json_end_array(json);
		json_end_object(json);
	}
	json_end_array(json);
}

static void put_problems(struct json_out *json)
{
	json_key(json, TEXT("problems"));
	json_begin_array(json);
	for (size_t i = 1; i < PROBLEM_COUNT; i++) {
		json_begin_object(json);
		JSON_TEXT(json, "code", text_of(problem_rows[i].code));
		JSON_INT(json, "status", problem_rows[i].status);
		JSON_TEXT(json, "zh", text_of(problem_rows[i].zh));
		JSON_TEXT(json, "en", text_of(problem_rows[i].en));
		json_end_object(json);
	}
	json_end_array(json);
}

void describe_json(struct app *app, struct buf *out)
{
	struct json_out json = json_out(out);
	json_begin_object(&json);
	JSON_INT(&json, "format", 1);
	json_key(&json, TEXT("resources"));
	json_begin_array(&json);
	for (size_t i = 0; i < app->shape_count; i++)
		put_resource(&json, app, app->shapes[i]);
	json_end_array(&json);
	json_key(&json, TEXT("operations"));
	json_begin_array(&json);
	for (size_t i = 0; i < app->route_count; i++)
		put_operation(&json, app, &app->routes[i]);
	json_end_array(&json);
	put_roles(&json, app);
	put_words(&json, "sources", &source_params[0]);
	json_key(&json, TEXT("permissions"));
	json_begin_array(&json);
	for (size_t n = 0; n < app->access.count; n++)
		json_put_text(&json, text_of(app->access.names[n]));
	json_end_array(&json);
	put_problems(&json);
	json_end_object(&json);
	buf_char(out, '\n');
}

/* ---- as a table of rights ---- */

void describe_matrix(struct app *app, struct buf *out)
{
	buf_text(out, TEXT("operation,summary,method,path,permission,nobody"));
	for (size_t i = 0; i < role_count; i++)
		buf_printf(out, ",%s", roles[i].name);
	buf_char(out, '\n');
	for (size_t i = 0; i < app->route_count; i++) {
		const struct route *route = &app->routes[i];
		struct text id = route_id(&app->arena, route), summary = route_summary(&app->arena, route, false);
		buf_printf(out, "%.*s,%.*s,%s,%s,%s,%s", TEXT_ARG(id), TEXT_ARG(summary), method_names[route->method], route->path,
		           route->permission ? route->permission : "", route->open ? "yes" : "no");
		for (size_t r = 0; r < role_count; r++)
			buf_printf(out, ",%s", route_reach(app, route, &roles[r]));
		buf_char(out, '\n');
	}
}
